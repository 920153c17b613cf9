# SPDX-License-Identifier: Apache-2.0
"""Points chosen by their names: whole and partial layouts, prefixes, middles and doubled joints, by hand."""

from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import LayoutError
from dancepose_addon.core.skeleton.layouts import BODY25, COCO17, MD23, PLUGINGAIT39, SMPL22, SMPL24
from dancepose_addon.core.skeleton.readers import named_points
from dancepose_addon.core.skeleton.readers.named_points import arranged, choose, doubled_points, with_names
from dancepose_addon.core.skeleton.recording import Hints, PointRecording

RANDOM = np.random.default_rng(2)


def recording(names: Any, **more: Any) -> PointRecording:
    points = RANDOM.normal(size=(6, len(names), 3)) + np.arange(len(names))[:, None]
    return PointRecording(points, "made", "it", names=tuple(names), **more)


def test_points_in_the_order_of_a_layout() -> None:
    order = RANDOM.permutation(25)
    given = recording(
        [BODY25.keypoints[point] for point in order], confidence=RANDOM.uniform(size=(6, 25)).astype(np.float32)
    )
    found = arranged(given, Hints(), bones=False)
    assert found.layout == "body25"
    np.testing.assert_array_equal(found.points[:, order], given.points)
    assert found.confidence is not None
    assert given.confidence is not None
    np.testing.assert_array_equal(found.confidence[:, order], given.confidence)
    assert [(item.topic, item.confidence) for item in found.findings] == [("names", 0.99)]
    assert arranged(given, Hints(as_named=True), bones=False) is given
    nameless = PointRecording(given.points, "made", "it")
    assert arranged(nameless, Hints(), bones=False) is nameless


def test_middles_of_body25_follow_from_both_sides() -> None:
    names = [name for name in BODY25.keypoints if name not in ("neck", "mid_hip", "left_heel")]
    given = recording(names, confidence=np.linspace(0.1, 0.9, 6 * 22).reshape(6, 22).astype(np.float32))
    found = arranged(given, Hints(), bones=False)
    assert found.layout == "body25"
    assert found.confidence is not None
    assert given.confidence is not None
    for middle, ends in (("neck", ("left_shoulder", "right_shoulder")), ("mid_hip", ("left_hip", "right_hip"))):
        at, own = BODY25.keypoints.index(middle), [names.index(end) for end in ends]
        np.testing.assert_allclose(found.points[:, at], given.points[:, own].mean(axis=1))
        np.testing.assert_allclose(found.confidence[:, at], given.confidence[:, own].min(axis=1))
    heel = BODY25.keypoints.index("left_heel")
    assert np.isnan(found.points[:, heel]).all()
    assert (found.confidence[:, heel] == 0.0).all()
    assert [(item.value, item.confidence) for item in found.findings if item.topic == "points"] == [
        ("without left_heel", 0.8)
    ]
    assert "22 of" not in found.findings[-1].why


@pytest.mark.parametrize(("count", "found"), [(20, True), (19, False)])
def test_four_fifths_of_a_layout_are_enough(count: int, *, found: bool) -> None:
    """Of MD23's 23 points 19 are 83 percent, 18 are 78."""
    names = MD23.keypoints[: count - 1]
    if found:
        choice = choose(names, None, "it", bones=False)
        assert choice.layout == MD23
        assert sum(at >= 0 for at in choice.index) == 19
        assert choice.why == "83% of its points are named in the file"
    else:
        with pytest.raises(LayoutError, match="names 18 points of no known layout"):
            choose(names, None, "it", bones=False)


def test_layouts_that_are_asked_for() -> None:
    assert choose(COCO17.keypoints, "coco17", "it", bones=False).index == tuple(range(17))
    assert choose(BODY25.keypoints, "coco17", "it", bones=False).layout == COCO17
    partly = choose(COCO17.keypoints[:14], "coco17", "it", bones=False)
    assert partly.index == (*range(14), -1, -1, -1)
    assert partly.why == "most of its points are named in the file"
    with pytest.raises(LayoutError, match=f"names no {', '.join(COCO17.keypoints[13:17])} of layout coco17"):
        choose(COCO17.keypoints[:13], "coco17", "it", bones=False)
    markers = PLUGINGAIT39.keypoints[:14]
    assert choose(markers, "plugingait39", "it", bones=False).layout == PLUGINGAIT39
    with pytest.raises(LayoutError):
        choose(markers[:13], "plugingait39", "it", bones=False)


def test_joints_by_the_names_of_bones() -> None:
    mixamo = ["Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"]
    for side in ("Left", "Right"):
        mixamo += [
            f"{side}{part}" for part in ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand")
        ]
    choice = choose(mixamo, None, "it", bones=True)
    assert choice.layout == SMPL22
    assert choice.index[SMPL22.keypoints.index("left_knee")] == mixamo.index("LeftLeg")
    with_hands = [*mixamo, "LeftHandMiddle1", "RightHandMiddle1"]
    assert choose(with_hands, None, "it", bones=True).layout == SMPL24
    assert choose(mixamo, "smpl24", "it", bones=True).index[-2:] == (-1, -1)
    with pytest.raises(LayoutError):
        choose(mixamo, None, "it", bones=False)
    armless = [name for name in mixamo if "ForeArm" not in name and "Hand" not in name]
    with pytest.raises(LayoutError, match="no joint known as left_elbow, right_elbow, left_wrist, right_wrist; its"):
        choose(armless, None, "it", bones=True)


def test_prefixes_that_all_names_share() -> None:
    assert named_points._without_prefix(["body_a", "body_b"]) == ["a", "b"]
    assert named_points._without_prefix(["x:y-z.a", "x:y-z.b"]) == ["a", "b"]
    assert named_points._without_prefix(["w w:x:y-z.a", "w w:x:y-z.b"]) == ["y-z.a", "y-z.b"]
    for names in (["a_x", "b_x"], ["body_a", "a"], ["body_a", "body_a"], ["body_", "body_b"]):
        assert list(named_points._without_prefix(names)) == names


def test_joints_at_one_place() -> None:
    """A ten-thousandth of the size of the clip's space; the pelvis and the neck stay, and of the others the first."""
    points = RANDOM.normal(size=(8, 22, 3))
    size = np.ptp(points)
    assert doubled_points(points, SMPL22) == []
    for off, doubled in ((0.9e-4, True), (1.1e-4, False)):
        moved = points.copy()
        moved[:, 3] = moved[:, 0] + off * size * np.array([1.0, 0.0, 0.0])
        assert doubled_points(moved, SMPL22) == ([3] if doubled else [])
    moved[:, 3] = moved[:, 0]
    moved[5, 3] += 0.5  # apart in one frame
    assert doubled_points(moved, SMPL22) == []
    neck = SMPL22.keypoints.index("neck")
    moved[:, 9] = moved[:, neck]
    assert doubled_points(moved, SMPL22) == [9]
    moved[:, 20] = moved[:, 18]
    assert doubled_points(moved, SMPL22) == [9, 20]
    # Left and right at one place: neither shows anything.
    moved[:, 2] = moved[:, 1]
    assert doubled_points(moved, SMPL22) == [1, 2, 9, 20]


def test_names_beside_arrays() -> None:
    given = PointRecording(RANDOM.normal(size=(6, 17, 3)), "made", "it")
    assert with_names(given, COCO17.keypoints, Hints()).layout == "coco17"
    for names in (COCO17.keypoints[:16], ("a",) * 17, [f"p{n}" for n in range(17)]):
        assert with_names(given, names, Hints()) is given
    strange = with_names(given, [f"one {chr(97 + n)}" for n in range(17)], Hints())
    assert [(item.topic, item.confidence) for item in strange.findings] == [("points", 0.85)]
    assert strange.names is None
    with pytest.raises(LayoutError):
        with_names(PointRecording(given.points[:, :7], "made", "it"), list("abcdefg"), Hints())
    assert named_points._listed([f"n{number}" for number in range(7)]) == "n0, n1, n2, n3, n4, n5, ..."
    assert named_points._listed(["a\x00b", "x" * 30]) == f"a?b, {'x' * 24}"
