# SPDX-License-Identifier: Apache-2.0
"""Rigid distances, angles that look like positions, doubts that stop, and fits that are refused: by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.euler import zxy_angles
from dancepose_addon.core.errors import DoubtError, InputError
from dancepose_addon.core.fit.residual_check import require_close
from dancepose_addon.core.skeleton.doubt import looks_like_angles, require_sure
from dancepose_addon.core.skeleton.recording import Finding, Hints
from dancepose_addon.core.skeleton.rigid_distances import rigid_share, rigid_tree

RANDOM = np.random.default_rng(11)


def chain(frames: int = 30, count: int = 5) -> np.ndarray:
    """Points 20 cm apart along a chain whose links swing."""
    ways = RANDOM.normal(size=(frames, count - 1, 3))
    ways *= 0.2 / np.linalg.norm(ways, axis=-1, keepdims=True)
    return np.concatenate([np.zeros((frames, 1, 3)), np.cumsum(ways, axis=1)], axis=1)


def test_the_tree_of_a_chain_is_the_chain() -> None:
    order = [3, 0, 4, 1, 2]
    shuffled = chain()[:, order]
    links = {tuple(sorted((order.index(k), order.index(k + 1)))) for k in range(4)}
    assert {tuple(sorted(edge)) for edge in rigid_tree(shuffled)} == links


def test_of_equally_rigid_distances_the_shorter_is_taken() -> None:
    points = np.tile([[0.0, 0, 0], [1.0, 0, 0], [2.5, 0, 0], [4.5, 0, 0]], (10, 1, 1))
    assert rigid_tree(points) == [(0, 1), (1, 2), (2, 3)]


def test_points_that_are_unseen_at_times_are_joined() -> None:
    points = chain()
    points[:10, 2] = np.nan
    points[20:, 3] = np.nan
    assert {tuple(sorted(edge)) for edge in rigid_tree(points)} == {(0, 1), (1, 2), (2, 3), (3, 4)}


def test_rigid_share_counts_distances_that_hold() -> None:
    assert rigid_share(chain()) == 1.0
    assert rigid_share(RANDOM.normal(size=(40, 6, 3))) < 0.2
    assert rigid_share(RANDOM.normal(size=(2, 6, 3))) == 1.0
    # All in one place: no distance is more than a hundredth of the whole.
    assert rigid_share(np.zeros((10, 4, 3)) + RANDOM.normal(size=(10, 1, 3))) == 0.0


@pytest.mark.parametrize(("spread", "share"), [(0.10, 1.0), (0.14, 0.5)])
def test_a_distance_holds_within_twelve_percent(spread: float, share: float) -> None:
    """Three points on a line; one of the two distances varies by +-spread, its standard deviation."""
    points = np.zeros((20, 3, 3))
    points[:, 1, 0] = 1.0
    points[:, 2, 0] = 2.0 + spread * np.where(np.arange(20) % 2, 1.0, -1.0)
    assert rigid_share(points) == share


def test_angles_look_like_angles_and_points_do_not() -> None:
    angles = RANDOM.uniform(-180.0, 180.0, (30, 6, 3))
    assert looks_like_angles(angles)
    assert not looks_like_angles(chain())
    assert not looks_like_angles(2.1 * angles)
    assert not looks_like_angles(angles[:2])
    assert not looks_like_angles(angles[:, :3])
    assert looks_like_angles(angles[:3, :4])
    still = angles.copy()
    still[:, 3:] = still[:1, 3:]
    assert not looks_like_angles(still)
    # Rounding, of a millionth of the largest number, is no motion.
    still[::2, 3:] += 5e-5
    assert not looks_like_angles(still)
    still[::2, 3:] += 5e-3
    assert looks_like_angles(still)
    unseen = angles.copy()
    unseen[4, 2] = np.nan
    assert looks_like_angles(unseen)
    unseen[4, :3] = np.nan
    assert not looks_like_angles(unseen)


def finding(topic: str, confidence: float, why: str = "of a reason") -> Finding:
    return Finding(topic, "this", confidence, why)


@pytest.mark.parametrize("confidence", [0.0, 0.5, 0.8, 1.0])
def test_conclusions_that_are_half_sure_do_not_stop(confidence: float) -> None:
    require_sure((finding("unit", confidence),), None, "it", Hints())


@pytest.mark.parametrize(
    ("topic", "advice"), [("unit", "--read unit=m"), ("rate", "with --fps"), ("other", "--read KEY=VALUE")]
)
def test_guesses_stop_and_say_how_to_continue(topic: str, advice: str) -> None:
    findings = (finding("sides", 0.9), finding(topic, 0.49), finding("layout", 0.3))
    with pytest.raises(DoubtError) as caught:
        require_sure(findings, None, "it", Hints())
    said = str(caught.value)
    assert said.startswith(f"it: {topic} this is only a guess (49%), since of a reason. Say it with ")
    assert advice in said
    require_sure(findings, None, "it", Hints(accept_doubt=True))


def test_points_of_no_person_are_said_first() -> None:
    findings = (finding("unit", 0.3), finding("layout", 0.2, "they have the proportions of no person"))
    angles = RANDOM.uniform(-180.0, 180.0, (30, 6, 3))
    for points, kind in ((None, False), (chain(), False), (angles, True)):
        with pytest.raises(DoubtError) as caught:
            require_sure(findings, points, "it", Hints())
        assert "proportions of no person." in str(caught.value)
        assert ("look like angles" in str(caught.value)) is kind
        assert "Say what they are with --layout NAME" in str(caught.value)
    with pytest.raises(DoubtError, match="Check that --layout smpl24 is theirs"):
        require_sure(findings, None, "it", Hints(layout="smpl24"))


@pytest.mark.parametrize("order", [[0.3, -0.7, 2.0], [3.0, 1.5, -3.0], [0.0, 0.0, 0.0], [-2.0, -1.2, 0.4]])
def test_euler_angles_agree_with_scipy(order: list[float]) -> None:
    rotation = Rotation.from_euler("ZXY", order)
    np.testing.assert_allclose(zxy_angles(rotation.as_matrix()), order, atol=1e-12)


@pytest.mark.parametrize("x", [np.pi / 2.0, -np.pi / 2.0])
def test_at_a_right_angle_z_takes_all(x: float) -> None:
    rotation = Rotation.from_euler("ZXY", [0.4, x, 0.3]).as_matrix()
    found = zxy_angles(rotation[None])[0]
    assert found[2] == 0.0
    np.testing.assert_allclose(Rotation.from_euler("ZXY", found).as_matrix(), rotation, atol=1e-7)


def fitted(pose: float = 0.0, place: float = 0.0) -> SimpleNamespace:
    state = SimpleNamespace(pose=np.zeros((3, 24, 3, 3)), translation=np.zeros((3, 3)))
    state.pose[1, 2, 0, 0], state.translation[2, 1] = pose, place
    return state


@pytest.mark.parametrize(("mean_m", "refused"), [(0.149, False), (0.151, True), (np.nan, False)])
def test_a_body_15_cm_away_is_refused(mean_m: float, *, refused: bool) -> None:
    errors = np.full((3, 4), mean_m)
    errors[0, 0] = np.nan
    if refused:
        with pytest.raises(InputError, match="151 mm away"):
            require_close(fitted(), errors, "it")
    else:
        require_close(fitted(), errors, "it")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_body_that_is_not_finite_is_refused(value: float) -> None:
    for state in (fitted(pose=value), fitted(place=value)):
        with pytest.raises(InputError, match="not finite"):
            require_close(state, np.zeros((3, 4)), "it")
