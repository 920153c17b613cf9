# SPDX-License-Identifier: Apache-2.0
"""Decisions about unit, axes, sides, rate and layout of points, one by one, against tables by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.errors import LayoutError, OptionError
from dancepose_addon.core.skeleton import conventions
from dancepose_addon.core.skeleton.anatomy import (
    SAMPLES,
    Fit,
    find_up,
    measure_fit,
    sample,
    template_of,
    unit_vectors,
    upward,
    weighted_median,
)
from dancepose_addon.core.skeleton.conventions import find_layout, interpret, parse_unit
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.recording import NO_HINTS, Hints, PointRecording

SMPL22 = get_layout("smpl22")
PERFECT = Fit(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)


def standing(frames: int = 3) -> F64:
    """(frames, 22, 3): the default body's joints in the T-pose, feet on y = 0, pelvis over the origin."""
    points = template_of(SMPL22).rest_points
    points = points - [points[0, 0], points[:, 1].min(), points[0, 2]]
    return np.repeat(points[None], frames, axis=0)


def recording(points: F64 | None = None, **said: Any) -> PointRecording:
    return PointRecording(standing() if points is None else points, "array", "a.npy", **said)


def turned(**degrees: float) -> F64:
    return rotvec_to_rotmat(np.radians([degrees.get(axis, 0.0) for axis in "xyz"]))


@pytest.mark.parametrize(
    ("height", "declared", "unit", "metres", "confidence"),
    [
        (1.7, None, "m", 1.0, 0.98), (170.0, None, "cm", 0.01, 0.98), (1700.0, None, "mm", 0.001, 0.98),
        (67.0, None, "inch", 0.0254, 0.98), (5.6, None, "ft", 0.3048, 0.98),
        # Grown people from 1.45 to 2.05 m, people from 0.85 to 2.35 m.
        (1.46, None, "m", 1.0, 0.98), (1.44, None, "m", 1.0, 0.7), (2.04, None, "m", 1.0, 0.98),
        (2.06, None, "m", 1.0, 0.7), (0.86, None, "m", 1.0, 0.7), (2.34, None, "m", 1.0, 0.7),
        (0.84, None, "2.024 m", 1.7 / 0.84, 0.5), (2.4, None, "0.7083 m", 1.7 / 2.4, 0.5),
        # 90 cm is a child, 90 inches are nearer to a grown person.
        (90.0, None, "inch", 0.0254, 0.7),
        # What the file says is taken if a person is as tall in it.
        (90.0, "cm", "cm", 0.01, 0.99), (0.86, "m", "m", 1.0, 0.99), (2.34, "m", "m", 1.0, 0.99),
        (170.0, "m", "cm", 0.01, 0.7), (0.84, "m", "2.024 m", 1.7 / 0.84, 0.5),
    ],
)  # fmt: skip
def test_units_in_which_people_are_tall(
    height: float, declared: str | None, unit: str, metres: float, confidence: float
) -> None:
    fit = replace(PERFECT, scale=height / load_body().height_m)
    found, said = conventions._find_unit(recording(unit=declared), fit, NO_HINTS, human=True)
    assert found == pytest.approx(metres, rel=1e-12)
    assert (said.value, said.confidence) == (unit, confidence)


def test_units_of_what_is_no_person_and_of_the_user() -> None:
    def find(declared: str | None, **hints: str) -> tuple[float, float]:
        found, said = conventions._find_unit(recording(unit=declared), PERFECT, Hints(**hints), human=False)
        return found, said.confidence

    assert find("cm") == (0.01, 0.95)
    assert find(None) == (1.0, 0.3)
    assert find("cm", unit="inch") == (0.0254, 1.0)
    assert find(None, unit="0.5") == (0.5, 1.0)


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "yard", ""])
def test_what_is_no_unit(text: str) -> None:
    with pytest.raises(OptionError, match="no unit"):
        parse_unit(text)
    assert parse_unit("2.5") == 2.5


@pytest.mark.parametrize(
    ("votes", "human", "declared", "way", "confidence"),
    [
        ({}, True, False, "none", 0.9), ({}, False, True, "none", 0.55), ({}, False, False, "none", 0.3),
        ({"toes": 0.6, "nose": 0.51}, True, False, "none", 0.98),
        ({"toes": 0.6, "nose": 0.49}, True, False, "none", 0.5),
        ({"toes": -0.6, "nose": -0.51}, True, False, "axes", 0.6),
        ({"toes": -0.6, "nose": -0.49}, True, False, "none", 0.5),
        ({"toes": -0.9, "nose": 0.9}, True, False, "none", 0.5),
    ],
)  # fmt: skip
def test_sides_by_what_shows_them(
    monkeypatch: pytest.MonkeyPatch,
    votes: dict[str, float],
    way: str,
    confidence: float,
    *,
    human: bool,
    declared: bool,
) -> None:
    monkeypatch.setattr(conventions, "find_handedness", lambda *_: votes)
    found, said = conventions._find_sides(standing(), SMPL22, NO_HINTS, human=human, declared=declared)
    assert (found, said.confidence) == (way, confidence)


def test_sides_that_the_user_says() -> None:
    for way in ("none", "axes", "names"):
        found, said = conventions._find_sides(standing(), SMPL22, Hints(mirror=way), human=True, declared=True)
        assert (found, said.confidence) == (way, 1.0)
    with pytest.raises(OptionError, match="sideways"):
        conventions._find_sides(standing(), SMPL22, Hints(mirror="sideways"), human=True, declared=True)


def up(points: F64, hints: Hints = NO_HINTS, *, human: bool = True, **said: Any) -> tuple[str, float, str]:
    fit = measure_fit(points, SMPL22)
    name, found = conventions._find_up(recording(points, **said), points, SMPL22, fit, hints, human=human)
    assert name == found.value
    return name, found.confidence, found.why


def test_axes_of_people_who_stand() -> None:
    z_up, x_up = standing() @ turned(x=90.0).T, standing() @ turned(z=-90.0).T
    assert up(standing()) == ("y", 0.98, "heads are y of feet")
    assert up(z_up)[:2] == ("z", 0.98)
    name, confidence, why = up(x_up)
    assert (name, confidence) == ("x", 0.8)
    assert "y or z is usual" in why
    assert "y or z is usual" not in up(z_up)[2]
    # What the file says, and what is seen.
    assert up(standing(), up="y")[:2] == ("y", 0.99)
    assert up(standing(), up="z")[:2] == ("y", 0.7)
    assert up(standing(), human=False, up="z")[:2] == ("z", 0.95)
    assert up(standing(), human=False)[:2] == ("y", 0.3)
    assert up(standing(), Hints(up="-z"), up="z")[:2] == ("-z", 1.0)
    with pytest.raises(OptionError):
        up(standing(), Hints(up="w"))


def test_axes_of_people_who_lean_in_one_place() -> None:
    """8 degrees may be a lean; from 10 the angle is in the reason; by 35 nothing is clear."""
    assert up(standing() @ turned(x=8.0).T) == ("y", 0.98, "heads are y of feet")
    name, confidence, why = up(standing() @ turned(x=35.0).T)
    assert (name, confidence) == ("y", 0.6)
    assert ", 3" in why
    assert "degrees off it" in why
    assert up(standing() @ turned(x=35.0).T, up="y")[:2] == ("y", 0.9)
    assert up(standing() @ turned(x=35.0).T, up="z")[:2] == ("z", 0.7)


def test_axes_where_frames_disagree() -> None:
    """Upright in 7 of 12 frames and head down in 5: the median is up, the mean has a length of 2 / 12."""
    points = standing(12)
    points[:5] *= [1.0, -1.0, 1.0]
    found = find_up(points, SMPL22)
    assert found.certainty == pytest.approx(2.0 / 12.0, abs=0.02)
    assert up(points)[:2] == ("y", 0.6)
    points[:3] = standing(3)
    assert find_up(points, SMPL22).certainty == pytest.approx(8.0 / 12.0, abs=0.02)
    assert up(points)[:2] == ("y", 0.98)
    points[:] = np.nan
    assert find_up(points, SMPL22).certainty == 0.0


@pytest.mark.parametrize(
    ("move", "y_deg", "known"),
    [
        ((0.0, 0.0, 0.0), 0.0, True), ((0.015, 0.0, 0.0), 0.0, True), ((0.025, 0.0, 0.0), 0.0, False),
        ((0.0, 0.0, -0.015), 0.0, True), ((0.0, 0.0, -0.025), 0.0, False), ((0.0, 0.07, 0.0), 0.0, True),
        ((0.0, 0.09, 0.0), 0.0, False), ((0.0, -0.07, 0.0), 0.0, True), ((0.0, -0.09, 0.0), 0.0, False),
        ((0.0, 0.0, 0.0), 20.0, True), ((0.0, 0.0, 0.0), 30.0, False), ((0.0, 0.0, 0.0), 180.0, False),
    ],
)  # fmt: skip
def test_clips_that_start_as_humanml3d(move: tuple[float, ...], y_deg: float, *, known: bool) -> None:
    points = standing() @ turned(y=y_deg).T + np.array(move)
    fps, found = conventions._find_rate(recording(points), points, SMPL22, NO_HINTS)
    assert (fps, found.confidence) == ((20.0, 0.7) if known else (None, 0.0))
    assert conventions._find_rate(recording(points), points, SMPL22, Hints(fps=12.0))[0] == 12.0
    assert conventions._find_rate(recording(points, fps=50.0), points, SMPL22, NO_HINTS)[0] == 50.0


def test_only_the_first_frame_is_over_the_origin_and_any_is_on_the_floor() -> None:
    points = standing(4)
    points[1:] += [3.0, 0.0, 3.0]
    points[0, :, 1] += 0.5
    assert conventions._find_rate(recording(points), points, SMPL22, NO_HINTS)[0] == 20.0
    points[2, 3, 0] = np.nan
    assert conventions._find_rate(recording(points), points, SMPL22, NO_HINTS)[0] is None
    other = get_layout("smpl24")
    assert conventions._find_rate(recording(points), standing(), other, NO_HINTS)[0] is None


def test_a_whole_reading() -> None:
    """Inches, z up and a mirrored x axis, then said otherwise."""
    points = standing(6) @ turned(x=90.0).T / 0.0254
    found = interpret(recording(points))
    assert (found.layout.name, found.metres, found.swaps_sides, found.fps) == ("smpl22", 0.0254, False, 20.0)
    np.testing.assert_allclose(points @ found.turn.T * found.metres, standing(6), atol=1e-6)
    mirrored = interpret(recording(points * [-1.0, 1.0, 1.0]))
    assert np.linalg.det(mirrored.turn) == pytest.approx(-1.0)
    np.testing.assert_allclose((points * [-1.0, 1.0, 1.0]) @ mirrored.turn.T * 0.0254, standing(6), atol=1e-6)
    names = interpret(recording(points * [-1.0, 1.0, 1.0]), Hints(mirror="names"))
    assert names.swaps_sides
    assert np.linalg.det(names.turn) == pytest.approx(1.0)


def test_layouts_by_what_is_said_and_by_their_count() -> None:
    found, said = find_layout(recording(layout="smpl22"), standing(), NO_HINTS)
    assert (found.name, said.confidence, said.why) == ("smpl22", 1.0, "the file or its format says it")
    assert find_layout(recording(layout="coco17"), standing(), Hints(layout="smpl22"))[1].why == "it was asked for"
    with pytest.raises(LayoutError, match="22"):
        find_layout(recording(layout="coco17"), standing(), NO_HINTS)
    with pytest.raises(LayoutError, match="no known layout"):
        find_layout(recording(), np.zeros((3, 7, 3)), NO_HINTS)


def test_the_order_of_what_is_no_person() -> None:
    cloud = np.random.default_rng(0).normal(size=(3, 22, 3))
    fit = measure_fit(cloud, SMPL22)

    def judge(**said: Any) -> float | None:
        found = conventions._judge_order(recording(cloud, **said), cloud, SMPL22, fit, NO_HINTS)
        return None if found is None else found.confidence

    assert judge() == 0.2
    assert judge(layout="smpl22", unit="m") == 0.2
    assert judge(layout="smpl22", unit="m", up="y") == 0.55


def test_lists_of_names() -> None:
    assert conventions._listed(["a", "b"]) == "a and b"
    assert conventions._listed(list("abcd")) == "a, b, c and d"
    assert conventions._listed(list("abcdef")) == "a, b, c and 3 more"


def test_fit_of_the_body_to_itself_and_its_cost() -> None:
    found = measure_fit(3.0 * standing(), SMPL22)
    assert found.scale == pytest.approx(3.0)
    assert (found.shape, found.worst, found.jitter) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert (found.sides, found.seen) == (1.0, 1.0)
    assert found.cost == pytest.approx(found.lopsided)
    assert Fit(9.0, 0.1, 0.2, 0.3, 0.4, 0.75, 0.5).cost == pytest.approx(0.1 + 0.1 + 0.6 + 0.4 + 0.5)
    # Left and right exchanged: every pair of points is on the wrong side of a trunk that is turned with them.
    crossed = standing()
    arm = [SMPL22.keypoints.index(f"{side}_wrist") for side in ("left", "right")]
    crossed[:, arm] = crossed[:, arm[::-1]]
    pairs = sum(mirror != point for point, mirror in enumerate(SMPL22.mirrored)) / 2
    assert measure_fit(crossed, SMPL22).sides == pytest.approx(1.0 - 1.0 / pairs)
    nothing = measure_fit(np.full((3, 22, 3), np.nan), SMPL22)
    assert (nothing.scale, nothing.sides, nothing.seen, nothing.cost) == (1.0, 0.0, 0.0, np.inf)


def test_jitter_is_the_median_change_of_lengths() -> None:
    """The whole body is 10 percent larger in two of five frames and smaller in one: the median change is 10 percent."""
    points = standing(5) * np.array([1.0, 1.1, 1.1, 0.9, 1.0])[:, None, None]
    assert measure_fit(points, SMPL22).jitter == pytest.approx(0.1, abs=1e-9)
    assert measure_fit(points, SMPL22).scale == pytest.approx(1.0)


def test_medians_vectors_and_samples() -> None:
    values = np.array([3.0, 1.0, 2.0])
    assert weighted_median(values, np.array([1.0, 1.0, 1.0])) == 2.0
    assert weighted_median(values, np.array([5.0, 1.0, 1.0])) == 3.0
    assert weighted_median(values, np.array([1.0, 5.0, 1.0])) == 1.0
    found = unit_vectors(np.array([[0.0, 3.0, 4.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found[0], [0.0, 0.6, 0.8])
    assert np.isnan(found[1]).all()
    many = np.arange(1001.0)[:, None, None]
    chosen = sample(many)[:, 0, 0]
    assert (len(chosen), chosen[0], chosen[-1]) == (SAMPLES, 0.0, 1000.0)
    assert np.ptp(np.diff(chosen)) <= 1.0
    assert sample(many[:SAMPLES]) is not None
    assert len(sample(many[:SAMPLES])) == SAMPLES


def test_without_a_head_the_trunk_is_above_the_feet() -> None:
    points = standing()
    points[:, list(SMPL22.top)] = np.nan
    trunk = standing()[0, [*SMPL22.left, *SMPL22.right]].mean(axis=0)
    np.testing.assert_allclose(upward(points, SMPL22)[0], trunk - standing()[0, list(SMPL22.bottom)].mean(axis=0))
