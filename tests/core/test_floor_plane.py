# SPDX-License-Identifier: Apache-2.0
"""The floor under the feet tells a body that leans from a file that is tilted."""

import numpy as np
import pytest

from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.skeleton.anatomy import template_of
from dancepose_addon.core.skeleton.conventions import interpret
from dancepose_addon.core.skeleton.floor_plane import FURTHEST, find_footing
from dancepose_addon.core.skeleton.layouts import SMPL22
from dancepose_addon.core.skeleton.recording import PointRecording

FRAMES, STEP_FRAMES, LIFT_M = 120, 10, 0.15


def walk(*, lean_deg: float, travel_m: float) -> np.ndarray:
    """A stiff body that leans forward from its ankles and steps along +z on y = 0, one foot in the air at a time."""
    rest = template_of(SMPL22).rest_points
    ankles = [SMPL22.keypoints.index(f"{side}_ankle") for side in ("left", "right")]
    toes = [SMPL22.keypoints.index(f"{side}_foot") for side in ("left", "right")]
    pivot = rest[ankles].mean(axis=0)
    body = (rest - pivot) @ turn(x=lean_deg).T + pivot
    body[[*ankles, *toes]] = rest[[*ankles, *toes]]
    points = np.tile(body - [0.0, rest[toes, 1].min(), 0.0], (FRAMES, 1, 1))
    points[..., 2] += np.linspace(0.0, travel_m, FRAMES)[:, None]
    for side in (0, 1):
        in_air = np.arange(FRAMES) // STEP_FRAMES % 2 == side
        points[np.ix_(in_air, [ankles[side], toes[side]], [1])] += LIFT_M
    return points


def turn(*, x: float = 0.0, z: float = 0.0) -> np.ndarray:
    """A rotation about an axis, degrees."""
    return rotvec_to_rotmat(np.radians([x, 0.0, z]))


def up_of(points: np.ndarray):
    findings = interpret(PointRecording(points, "array", "clip.npy", layout="smpl22", fps=30.0)).findings
    return next(finding for finding in findings if finding.topic == "up axis")


@pytest.mark.parametrize(
    ("lean_deg", "tilt_deg", "travel_m", "doubtful"),
    [
        (0.0, 0.0, 4.0, False),
        (20.0, 0.0, 4.0, False),  # a runner
        (20.0, 0.0, 0.5, True),  # who leans and stays in place could as well be tilted
        (0.0, 20.0, 4.0, True),  # a tilted file: walking climbs
        (-20.0, 20.0, 4.0, True),  # upright in a tilted file: the floor gives it away
    ],
)
def test_a_leaning_body_is_told_from_a_tilted_file(lean_deg, tilt_deg, travel_m, doubtful) -> None:
    found = up_of(walk(lean_deg=lean_deg, travel_m=travel_m) @ turn(x=tilt_deg).T)
    assert found.doubtful == doubtful, found.why
    if not doubtful:
        assert found.value == "y"


def test_feet_on_one_line_do_not_vouch_for_a_floor_across_it() -> None:
    """A file tilted by 25 degrees about the way that is walked, whose body leans 12 degrees against it: the line that
    the feet keep is level, and hides the slope."""
    leaning = walk(lean_deg=0.0, travel_m=4.0)
    ankles = leaning[:, [SMPL22.keypoints.index("left_ankle"), SMPL22.keypoints.index("right_ankle")]].mean(axis=1)
    feet = [SMPL22.keypoints.index(f"{side}_{part}") for side in ("left", "right") for part in ("ankle", "foot")]
    body = (leaning - ankles[:, None]) @ turn(z=-12.0).T + ankles[:, None]
    body[:, feet] = leaning[:, feet]
    body[:, feet, 0] *= 0.2
    assert up_of(body @ turn(z=25.0).T).doubtful


def footing(points: np.ndarray):
    return find_footing(points, SMPL22, axis=np.array([0.0, 1.0, 0.0]), towards=np.array([0.0, 1.0, 0.0]), height=2.0)


def sloping(frames: int, *, reach_m: float = 4.0) -> np.ndarray:
    """All points of a frame are in one place, which climbs 10 cm a metre along z and falls 20 cm a metre along x."""
    random = np.random.default_rng(0)
    place = random.uniform(-0.5, 0.5, (frames, 3)) * reach_m
    place[:, 1] = 0.1 * place[:, 2] - 0.2 * place[:, 0]
    return np.repeat(place[:, None], SMPL22.count, axis=1)


def test_the_plane_of_the_feet() -> None:
    """With the axis and the way to the heads alike, ahead is x and across is z."""
    found = footing(sloping(200))
    ahead, across = found.slopes
    assert {round(abs(float(ahead)), 2), round(abs(float(across)), 2)} == {0.1, 0.2}
    assert found.share == pytest.approx(1.0)
    # Uniform over 4 m of a body of 2 m: the variance is 2 ** 2 / 12.
    assert np.diag(found.spread) == pytest.approx([1 / 3, 1 / 3], rel=0.2)


def test_too_few_feet_and_feet_that_are_scattered_have_no_plane() -> None:
    """Both are refused, each for itself."""
    for points in (sloping(1), sloping(200, reach_m=2.0 * 1.01 * FURTHEST * 2.0)):
        found = footing(points)
        assert not found.slopes.any()
        assert not found.spread.any()
        assert found.share == 0.0
    unseen = sloping(200)
    unseen[1:] = np.nan
    assert footing(unseen).share == 0.0
    assert footing(sloping(200, reach_m=1.8 * FURTHEST)).share == pytest.approx(1.0)
