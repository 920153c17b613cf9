# SPDX-License-Identifier: Apache-2.0
"""Axes and units, by what they mean: where up, forward and left of a file go."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.axes import (
    METRES_PER,
    TO_SMPL,
    UPRIGHT,
    axis_name,
    axis_vector,
    from_smpl,
    require_axis,
    to_smpl,
    turn_points,
    turn_root,
)
from dancepose_addon.core.errors import OptionError

UP, FORWARD, LEFT = np.array([0, 1, 0]), np.array([0, 0, 1]), np.array([1, 0, 0])


@pytest.mark.parametrize(
    ("axes", "up", "forward", "left"),
    [("y_up", (0, 1, 0), (0, 0, 1), (1, 0, 0)), ("z_up", (0, 0, 1), (0, -1, 0), (1, 0, 0))],
)
def test_directions(axes: str, up: tuple[int, ...], forward: tuple[int, ...], left: tuple[int, ...]) -> None:
    found = to_smpl(np.array([up, forward, left], np.float32), axes=axes, unit="m")
    assert np.array_equal(found, [UP, FORWARD, LEFT])


def test_units() -> None:
    lengths = {"m": 1.8288, "cm": 182.88, "mm": 1828.8, "inch": 72.0, "ft": 6.0}
    assert lengths.keys() == METRES_PER.keys()
    for unit, length in lengths.items():
        assert to_smpl(np.array([[0.0, length, 0.0]]), axes="y_up", unit=unit)[0] == pytest.approx([0, 1.8288, 0])


@pytest.mark.parametrize("axes", TO_SMPL)
@pytest.mark.parametrize("unit", METRES_PER)
def test_there_and_back(axes: str, unit: str) -> None:
    points = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    there = from_smpl(points, axes=axes, unit=unit)
    assert there.dtype == np.float32
    assert np.allclose(to_smpl(there, axes=axes, unit=unit), points, atol=1e-6)


@pytest.mark.parametrize("axes", TO_SMPL)
def test_a_turned_root_turns_points_as_the_points_are_turned(axes: str) -> None:
    root = Rotation.from_rotvec(np.random.default_rng(1).normal(size=(6, 3))).as_matrix()
    bone = np.array([0.1, 0.5, -0.2])
    inward = turn_root(root, axes=axes, inward=True)
    assert np.allclose(inward @ bone, to_smpl(root @ bone, axes=axes, unit="m"), atol=1e-6)
    assert np.allclose(turn_root(inward, axes=axes, inward=False), root)


@pytest.mark.parametrize("name", ["x", "-x", "y", "-y", "z", "-z"])
def test_rotations_that_turn_an_axis_up(name: str) -> None:
    """Each is a rotation by quarter turns; the axis goes up, and of the others +x stays where it can."""
    turn = UPRIGHT[name].astype(np.float64)
    np.testing.assert_array_equal(turn.T @ turn, np.eye(3))
    assert np.linalg.det(turn) == 1.0
    np.testing.assert_array_equal(turn @ axis_vector(name), UP)
    assert set(np.abs(turn).ravel()) == {0.0, 1.0}
    if name.endswith("x"):
        np.testing.assert_array_equal(turn @ FORWARD, FORWARD)
    else:
        np.testing.assert_array_equal(turn @ LEFT, LEFT)
    assert require_axis(name) == name
    assert axis_name(0.6 * axis_vector(name) + [0.1, 0.2, -0.3]) == name


def test_points_are_turned_and_sized() -> None:
    points = np.array([[100.0, 0.0, 50.0], [0.0, 20.0, np.nan]], np.float32)
    found = turn_points(points, UPRIGHT["z"], 0.01)
    np.testing.assert_allclose(found[0], [1.0, 0.5, 0.0], atol=1e-6)
    assert found.dtype == np.float32
    for wrong in ("w", "", "yy", "--x"):
        with pytest.raises(OptionError, match="There is no axis"):
            require_axis(wrong)
    assert len(UPRIGHT) == 6
