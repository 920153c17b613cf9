# SPDX-License-Identifier: Apache-2.0
"""Parts of the judgement on the order of points, the floor under them, and places that are lost: by hand."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.skeleton import floor_plane, keypoint_order as order
from dancepose_addon.core.skeleton.anatomy import template_of
from dancepose_addon.core.skeleton.floor_plane import Footing, find_footing
from dancepose_addon.core.skeleton.keypoint_order import Expectation, expectation_of
from dancepose_addon.core.skeleton.layouts import MD23, SMPL22, SMPL24
from dancepose_addon.core.skeleton.unseen_points import find_lost_place, roots_of

RANDOM = np.random.default_rng(5)
REST = template_of(SMPL22).rest_points


def test_medians_of_what_is_known() -> None:
    values = RANDOM.normal(size=(9, 6))
    values[:4, 0] = values[:3, 1] = values[:8, 2] = values[:, 3] = np.nan
    values[2, 4] = np.inf
    found = order._median(values)
    known = np.where(np.isfinite(values), values, np.nan)
    expected = [np.nan if np.isnan(column).all() else np.nanmedian(column) for column in known.T]
    np.testing.assert_allclose(found, expected)


def test_distances_and_how_they_vary() -> None:
    points = RANDOM.normal(size=(7, 5, 3))
    points[3, 2] = np.nan
    typical, varying = order._distances(points)
    away = np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)
    np.testing.assert_allclose(typical, np.nanmedian(away, axis=0))
    np.testing.assert_allclose(varying, np.nanmedian(np.abs(away - np.nanmedian(away, axis=0)), axis=0))


def test_sums_and_shares_of_ways() -> None:
    points = RANDOM.normal(size=(4, 5, 3))
    points[1, 4] = np.nan
    weights = np.array([order._difference(5, 1, 3), order._difference(5, 4, 0)])
    assert weights.tolist() == [[0, 1, 0, -1, 0], [-1, 0, 0, 0, 1]]
    found = order._weigh(weights, points)
    np.testing.assert_allclose(found[:, 0], points[:, 1] - points[:, 3])
    assert np.isnan(found[:, 1]).all(axis=1).tolist() == [False, True, False, False]
    along = np.array([[1.0, -1.0, np.nan, 0.0], [3.0, 3.0, np.nan, 0.0]])
    np.testing.assert_array_equal(order._share(along), [1.0, 0.75, np.nan, np.nan])


def test_orders_are_exchanges_of_two_points_or_of_limbs() -> None:
    seen = np.ones(24, bool)
    tables = list(order._orders(SMPL24, seen))
    moved = [tuple(np.flatnonzero(table != np.arange(24))) for table in tables]
    assert sum(len(pair) == 2 for pair in moved) == 24 * 23 // 2
    assert all(sorted(table.tolist()) == list(range(24)) for table in tables)
    wrist, hand = JOINT_INDEX["left_wrist"], JOINT_INDEX["left_hand"]
    limb = next(
        table for table, pair in zip(tables, moved, strict=True) if len(pair) == 4 and {wrist, hand} < set(pair)
    )
    assert limb[wrist] == JOINT_INDEX["right_wrist"]
    seen[[hand, JOINT_INDEX["left_foot"]]] = False
    tables = list(order._orders(SMPL24, seen))
    assert all(table[hand] == hand for table in tables)
    assert len([table for table in tables if (table != np.arange(24)).sum() == 2]) == 22 * 21 // 2
    many = replace(SMPL24, name="many", keypoints=SMPL24.keypoints)
    assert [len(chunk) for chunk in order._chunks(iter([np.arange(3)] * 7), 3)] == [3, 3, 1]
    assert many.count == 24


def test_random_poses_are_those_of_people() -> None:
    poses = [order._random_poses(np.random.default_rng(seed)) for seed in range(20)]
    vectors = np.concatenate([rotmat_to_rotvec(pose.astype(np.float64)) for pose in poses])
    assert vectors.shape == (480, 24, 3)
    knees = vectors[:, [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]]
    assert knees[..., 0].min() >= 0.0
    assert np.abs(knees[..., 1:]).max() < 1e-6

    def spread(name: str) -> float:
        return float(np.sqrt((vectors[:, JOINT_INDEX[name]] ** 2).mean()))

    for name, expected in (
        ("spine2", 0.25),
        ("pelvis", 0.25),
        ("left_foot", 0.25),
        ("neck", 0.25),
        ("left_wrist", 0.4),
    ):
        assert spread(name) == pytest.approx(expected, rel=0.08)
    assert spread("left_elbow") > 0.7
    hips = vectors[:, JOINT_INDEX["left_hip"]]
    assert np.median(hips[:, 0]) == pytest.approx(-0.3, abs=0.12)
    assert hips[:, 1].std() == pytest.approx(0.32, rel=0.15)


def test_what_is_expected_of_people() -> None:
    """Bones of the default body, alike on both sides, and directions that hold."""
    found = expectation_of(SMPL24)
    pairs = [tuple(pair) for pair in found.pairs.tolist()]
    for number, pair in enumerate(pairs):
        mirrored = tuple(sorted(SMPL24.mirrored[end] for end in pair))
        assert pairs[found.partner[number]] == mirrored
    rest = template_of(SMPL24).rest_points
    for edge in SMPL24.edges:
        at = pairs.index((min(edge), max(edge)))
        assert np.exp(found.log_m[at]) == pytest.approx(np.linalg.norm(rest[edge[0]] - rest[edge[1]]), rel=0.12)
        assert found.flex_m[at] < 1e-3
    assert ((found.share >= 0.75) & (found.share <= 0.98)).all()
    assert set(found.kind) == {order.LEFT, order.FORWARD, order.BENT}
    assert (found.weight <= 1.0).all()
    for sight, kind in zip(found.sights, found.kind, strict=True):
        assert sight.sum() == pytest.approx(0.0)
        if kind == order.LEFT:
            assert rest[sight > 0, 0].max() > rest[sight < 0, 0].max() + 0.02
    markers = expectation_of(MD23)
    assert len(markers.triples)
    assert (np.abs(markers.further_m) > 0.01).all()


def expectation(share: float, kind: int, weight: float = 1.0) -> Expectation:
    """One direction: from the right to the left hip, or from the ankles to the toes."""
    ends = ("left_hip", "right_hip") if kind == order.LEFT else ("left_foot", "left_ankle")
    sight = order._difference(22, *(SMPL22.keypoints.index(name) for name in ends))
    nothing = np.zeros(0)
    return Expectation(
        np.zeros((0, 2), int), nothing, nothing, nothing, np.zeros(0, int), np.zeros((0, 3), int), nothing, nothing,
        sight[None], np.zeros((1, 22)), np.array([kind]), np.array([share]), np.array([weight]),
    )  # fmt: skip


def test_costs_of_directions() -> None:
    """Two sights of Bernoulli: -2 log p where all goes as it should; faces may be mirrored, sides may not."""
    points = np.repeat(REST[None], 3, axis=0)
    swapped = points.copy()
    hips = [SMPL22.keypoints.index(f"{side}_hip") for side in ("left", "right")]
    swapped[:, hips] = swapped[:, hips[::-1]]
    for weight in (1.0, 0.5):
        left = expectation(0.9, order.LEFT, weight)
        assert order._direction_cost(left, points, SMPL22) == pytest.approx(-2.0 * weight * np.log(0.9))
        forward = expectation(0.9, order.FORWARD, weight)
        assert order._direction_cost(forward, points, SMPL22) == pytest.approx(-2.0 * weight * np.log(0.9))
        mirrored = points * [1.0, 1.0, -1.0]
        assert order._direction_cost(forward, mirrored, SMPL22) == pytest.approx(-2.0 * weight * np.log(0.9))
    assert order._direction_cost(expectation(0.9, order.LEFT), np.full((3, 22, 3), np.nan), SMPL22) == 0.0
    assert order._direction_cost(expectation(0.9, order.LEFT), swapped, SMPL22) > 4.0


@pytest.mark.parametrize(("lean", "slope", "spread", "share"), [
    (0.2, 0.0, 0.5, 1.0), (0.2, 0.1, 0.5, 1.0), (0.2, -0.1, 0.01, 1.0), (0.0, 0.1, 0.3, 1.0), (0.2, 0.0, 0.5, 0.1),
    (0.2, 0.1, 0.0, 0.2),
])  # fmt: skip
def test_the_likely_tilt(lean: float, slope: float, spread: float, share: float) -> None:
    """Two measurements of one angle, each weighted by its variance: the body's lean and the slope of the floor."""
    off = 0.015 * max(1.0, 0.2 / share)
    of_slope = off**2 / (spread**2 + 1e-6) + np.radians(1.5) ** 2
    of_lean = np.radians(9.0) ** 2
    expected = (lean / of_lean - np.arctan(slope) / of_slope) / (1.0 / of_lean + 1.0 / of_slope)
    found = Footing(np.array([slope, 0.0]), spread**2 * np.eye(2), share).tilt_rad(lean)
    assert found == pytest.approx(abs(expected), rel=1e-9)


def feet_on(slope: float, frames: int = 40, lifted: int = 0) -> np.ndarray:
    """Feet on y = slope z, walking along z; every ``lifted``-th frame one foot is 20 cm higher."""
    points = np.full((frames, 22, 3), np.nan)
    for number, point in enumerate(SMPL22.bottom):
        points[:, point, 2] = np.linspace(0.0, 3.0, frames) + 0.1 * number
        points[:, point, 0] = 0.1 * (number % 2)
        points[:, point, 1] = slope * points[:, point, 2]
        if lifted and number % 2:
            points[::lifted, point, 1] += 0.2
    return points


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.2])
def test_the_plane_of_the_feet(slope: float) -> None:
    lean = np.array([0.0, 1.0, 0.3]) / np.sqrt(1.09)
    for lifted in (0, 4):
        found = find_footing(
            feet_on(slope, lifted=lifted), SMPL22, axis=np.array([0.0, 1.0, 0.0]), towards=lean, height=1.7
        )
        assert found.slopes[0] == pytest.approx(slope, abs=0.01)
        assert abs(found.slopes[1]) < 0.02
    flat = find_footing(feet_on(slope), SMPL22, axis=np.array([0.0, 1.0, 0.0]), towards=lean, height=1.7)
    assert flat.share == 1.0
    way = feet_on(slope)[:, list(SMPL22.bottom)].reshape(-1, 3) / 1.7
    assert flat.spread[0, 0] == pytest.approx(way[:, 2].var(), rel=1e-9)
    assert flat.spread[1, 1] == pytest.approx(way[:, 0].var(), rel=1e-9)
    # Upright, along another axis.
    other = find_footing(
        feet_on(slope), SMPL22, axis=np.array([0.0, 1.0, 0.0]), towards=np.array([0.0, 1.0, 0.0]), height=1.7
    )
    assert np.linalg.norm(other.slopes) == pytest.approx(abs(slope), abs=0.01)


def test_feet_that_show_no_plane() -> None:
    axis = np.array([0.0, 1.0, 0.0])
    count = len(SMPL22.bottom)
    for points in (feet_on(0.1, (floor_plane.LEAST_POINTS - 1) // count), feet_on(0.1) * 1e4, feet_on(0.1) * np.nan):
        found = find_footing(points, SMPL22, axis=axis, towards=axis, height=1.7)
        assert (found.share, found.slopes.tolist(), found.spread.tolist()) == (
            0.0,
            [0.0, 0.0],
            [[0.0, 0.0], [0.0, 0.0]],
        )
    enough = -(-floor_plane.LEAST_POINTS // count)
    assert find_footing(feet_on(0.1, enough), SMPL22, axis=axis, towards=axis, height=1.7).share == 1.0


@pytest.mark.parametrize(
    ("pelvis", "feet", "frames", "lost"),
    [
        (0.0, 0.1, 20, True),
        (0.0009, 0.1, 20, True),
        (0.003, 0.1, 20, False),
        (0.0, 0.02, 20, False),
        (0.0, 0.1, 4, False),
    ],
)
def test_places_that_are_lost(pelvis: float, feet: float, frames: int, *, lost: bool) -> None:
    """The body is some 1.7 m large: a thousandth is 1.7 mm, three hundredths are 5 cm."""
    points = np.repeat(REST[None], frames, axis=0)
    hips = [SMPL22.keypoints.index(name) for name in ("pelvis", "left_hip", "right_hip")]
    points[-1, hips, 0] += pelvis
    points[-1, list(SMPL22.bottom), 2] += feet
    found = find_lost_place(points, SMPL22)
    assert (found is not None) is lost
    points[:] = np.nan
    assert find_lost_place(points, SMPL22) is None
    assert roots_of(SMPL22) == (0,)
