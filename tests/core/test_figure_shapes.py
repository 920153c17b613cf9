# SPDX-License-Identifier: Apache-2.0
"""Characters known by their shape: SMPL's own skeleton, turned, scaled and facing any way; and fingers by count."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, PARENTS, BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.retarget import finger_bones
from dancepose_addon.core.retarget.figure_frame import figure_frame, leg_length
from dancepose_addon.core.retarget.finger_bones import find_fingers
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.retarget.source_motion import _hands, source_motion
from dancepose_addon.core.retarget.unnamed_figure import joints_by_shape


def skeleton(heads: np.ndarray, parents: Sequence[int], names: Sequence[str] = ()) -> RestSkeleton:
    count = len(heads)
    return RestSkeleton(
        "figure", tuple(names) or tuple(f"b{bone}" for bone in range(count)), np.array(parents, np.int64),
        heads.astype(np.float64), heads + 0.01, np.tile(np.eye(3), (count, 1, 1)), np.eye(3), 1.0, np.zeros(3),
        np.ones(count, bool), np.zeros(count, bool),
    )  # fmt: skip


@pytest.fixture(scope="module")
def heads(body: BodyModel) -> np.ndarray:
    return body.rest_joints().astype(np.float64)


FOUND = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize(
    "turn",
    [[0, 0, 0], [90, 0, 0], [90, 90, 0], [0, 180, 0], [90, 0, 180], [0, 90, 0], [0, 0, -90]],
    ids=["y up", "z up", "turned aside", "backwards", "z up backwards", "sideways", "x up"],
)
def test_the_joints_of_smpl_are_found_by_their_shape(heads: np.ndarray, turn: list[float], scale: float) -> None:
    turned = scale * heads @ Rotation.from_euler("xyz", turn, degrees=True).as_matrix().T + [0.3 * scale, 0.0, 1.0]
    found = joints_by_shape(skeleton(turned, PARENTS))
    assert found is not None
    for side in ("left", "right"):
        for part in FOUND:
            assert JOINT_NAMES[found[f"{side}_{part}"]] == f"{side}_{part}"
    assert JOINT_NAMES[found["head"]] in ("head", "neck")


def test_a_figure_without_arms_or_of_few_bones_is_none(heads: np.ndarray) -> None:
    legs = [
        joint
        for joint in range(24)
        if JOINT_NAMES[joint].split("_")[-1] not in ("collar", "shoulder", "elbow", "wrist", "hand")
    ]
    parents = [legs.index(PARENTS[joint]) if PARENTS[joint] in legs else -1 for joint in legs]
    assert joints_by_shape(skeleton(heads[legs], parents)) is None
    assert joints_by_shape(skeleton(heads[:3], PARENTS[:3])) is None
    assert joints_by_shape(skeleton(np.zeros((24, 3)), PARENTS)) is None


AT = dict(JOINT_INDEX)


@pytest.mark.parametrize("degrees", [0.0, 20.0, 30.0])
def test_axes_within_25_degrees_are_the_armatures(heads: np.ndarray, degrees: float) -> None:
    """SMPL's figure is along x, y and z; turned about z, all of its axes turn."""
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    frame = figure_frame(skeleton(heads @ turn.T, PARENTS), AT)
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-9)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    if degrees < 25.0:
        np.testing.assert_allclose(frame, np.eye(3), atol=1e-9)
    else:
        away = np.degrees(Rotation.from_matrix(frame @ turn.T).magnitude())
        assert away < 8.0
        assert np.abs(frame - np.eye(3)).max() > 0.3


@pytest.mark.parametrize("axes", ["xyz", "yzx", "zxy"])
def test_a_figure_along_other_axes(heads: np.ndarray, axes: str) -> None:
    order = ["xyz".index(axis) for axis in axes]
    frame = figure_frame(skeleton(heads[:, order], PARENTS), AT)
    np.testing.assert_allclose(frame, np.eye(3)[order], atol=1e-9)
    # Mirrored in two axes, it faces the other way.
    back = figure_frame(skeleton(heads[:, order] * np.array([-1.0, 1.0, -1.0])[order], PARENTS), AT)
    np.testing.assert_allclose(back, (np.eye(3)[order].T * np.array([-1.0, 1.0, -1.0])[order]).T, atol=1e-9)


def test_leg_length_is_the_mean_of_both_legs(heads: np.ndarray) -> None:
    longer = heads.copy()
    longer[AT["left_ankle"]] = longer[AT["left_knee"]] + 2.0 * (longer[AT["left_ankle"]] - longer[AT["left_knee"]])
    lengths = [np.linalg.norm(longer[AT[f"{side}_{b}"]] - longer[AT[f"{side}_{a}"]])
               for side in ("left", "right") for a, b in (("hip", "knee"), ("knee", "ankle"))]  # fmt: skip
    assert leg_length(skeleton(longer, PARENTS), AT) == pytest.approx(sum(lengths) / 2.0)


def hand(names: Sequence[Sequence[str]], ways: Sequence[Sequence[float]], first_m: float = 0.09) -> RestSkeleton:
    """A left and a right hand with chains of bones: each 3 cm farther along its way, the first ``first_m`` away."""
    bones: list[str] = ["Hips", "LeftHand", "RightHand"]
    parents, heads = [-1, 0, 0], [[0.0, 0, 0], [1.0, 0, 0], [-1.0, 0, 0]]
    for wrist, side in ((1, "Left"), (2, "Right")):
        for chain, way in zip(names, ways, strict=True):
            at, parent = np.array(heads[wrist]), wrist
            unit = np.array(way) / np.linalg.norm(way) * (1.0 if side == "Left" else -1.0)
            for number, name in enumerate(chain):
                at = at + unit * (first_m if number == 0 else 0.03)
                bones.append(side + name)
                parents.append(parent)
                heads.append(at.tolist())
                parent = len(bones) - 1
    return skeleton(np.array(heads), parents, bones)


def fingers_of(figure: RestSkeleton, readable: Sequence[str] = ()) -> dict[str, list[str]]:
    found = find_fingers(figure, readable or figure.names, {"left": 1, "right": 2}, control_rig=False)
    return {part: [figure.names[bone] for bone in chain] for part, chain in found.items()}


ALONG = [1.0, 0.0, 0.0]


def test_named_fingers_keep_three_bones_without_tips() -> None:
    chains = [
        [f"{finger}{n}" for n in (1, 2, 3)] + [f"{finger}_Tip"]
        for finger in ("Thumb", "Pointer", "Mid", "Ring", "Little")
    ]
    found = fingers_of(hand(chains, [ALONG] * 5))
    assert len(found) == 10
    assert found["left_index"] == ["LeftPointer1", "LeftPointer2", "LeftPointer3"]
    assert found["right_pinky"] == ["RightLittle1", "RightLittle2", "RightLittle3"]
    assert found["left_thumb"] == ["LeftThumb1", "LeftThumb2", "LeftThumb3"]


@pytest.mark.parametrize(("first_m", "is_palm"), [(0.01, True), (0.05, False)])
def test_the_first_of_four_bones_may_be_in_the_palm(first_m: float, *, is_palm: bool) -> None:
    """Its start is at 1 cm of 4, less than 0.4 of the way; or at 5 cm of 8."""
    found = fingers_of(hand([[f"Index{n}" for n in (1, 2, 3, 4)]], [ALONG], first_m))
    assert found["left_index"] == [f"LeftIndex{n}" for n in ((2, 3, 4) if is_palm else (1, 2, 3))]


def test_metacarpals_are_in_the_palm_except_the_thumbs() -> None:
    found = fingers_of(hand([["IndexMetacarpal", "Index1"], ["ThumbMetacarpal", "Thumb1"]], [ALONG] * 2))
    assert found["left_index"] == ["LeftIndex1"]
    assert found["left_thumb"] == ["LeftThumbMetacarpal", "LeftThumb1"]


@pytest.mark.parametrize(("degrees", "first"), [(15.0, "index"), (40.0, "thumb")])
def test_four_counted_fingers_begin_with_a_thumb_that_points_elsewhere(degrees: float, first: str) -> None:
    way = [np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0.0]
    figure = hand([[f"Finger{number}_{n}" for n in (1, 2)] for number in (1, 2, 3, 4)], [way, ALONG, ALONG, ALONG])
    found = fingers_of(figure)
    names = ("thumb", "index", "middle", "ring") if first == "thumb" else ("index", "middle", "ring", "pinky")
    for number, name in enumerate(names, 1):
        assert found[f"right_{name}"] == [f"RightFinger{number}_{n}" for n in (1, 2)]
    assert len(found) == 8


def test_counting_from_zero_and_beside_a_named_thumb() -> None:
    figure = hand([[f"Finger{number}"] for number in range(5)], [ALONG] * 5)
    assert fingers_of(figure)["left_thumb"] == ["LeftFinger0"]
    assert fingers_of(figure)["left_pinky"] == ["LeftFinger4"]
    figure = hand([["Thumb"], *([f"Finger{number}"] for number in (1, 2, 3, 4))], [ALONG] * 5)
    assert fingers_of(figure)["left_index"] == ["LeftFinger1"]
    assert fingers_of(figure)["left_thumb"] == ["LeftThumb"]


def test_bones_without_a_readable_name_and_of_the_other_side_are_left_alone() -> None:
    figure = hand([["Index1", "Index2"]], [ALONG])
    readable = ["" if name == "LeftIndex2" else name for name in figure.names]
    assert fingers_of(figure, readable)["left_index"] == ["LeftIndex1"]
    # In a control rig fingers need not be below the hand: those of the side count.
    found = find_fingers(figure, readable, {"left": 1, "right": 2}, control_rig=True)
    assert found == {"left_index": (3,), "right_index": (5, 6)}


def test_words_of_names_are_apart() -> None:
    assert finger_bones._lower("LeftIndexTip") == "left_index_tip"
    assert finger_bones._lower("f_index.01.L") == "f_index.01.l"


def motion(frames: int, hands: np.ndarray | None) -> BodyMotion:
    pose = np.tile(np.eye(3, dtype=np.float32), (frames, 24, 1, 1))
    return BodyMotion(pose, np.zeros((frames, 3), np.float32), np.zeros(10, np.float32), 1.0, 25.0, hands_rotmat=hands)


@pytest.mark.parametrize(("change", "frames"), [(0.0, 1), (1.0, 6)])
def test_fingers_that_do_not_move_are_one_frame(body: BodyModel, change: float, frames: int) -> None:
    """One of the thirty fingers' joints turns in one frame."""
    hands = np.tile(np.eye(3, dtype=np.float32), (6, 30, 1, 1))
    hands[3, 7] = Rotation.from_rotvec([change, 0.0, 0.0]).as_matrix()
    found = _hands(motion(6, hands), body)
    if found is None:
        pytest.skip("the body has no fingers")
    shown = [value for value in vars(found).values() if value.ndim == 4]
    assert [len(value) for value in shown] == [frames]


@pytest.mark.parametrize("scale", [1.0, 1.2])
def test_ankles_are_as_high_above_the_sole_as_on_the_body(body: BodyModel, scale: float) -> None:
    """SMPL's ankle is 5 to 12 cm above the sole; both scale with the body."""
    pose = np.tile(np.eye(3, dtype=np.float32), (6, 24, 1, 1))
    standing = BodyMotion(pose, np.zeros((6, 3), np.float32), np.zeros(10, np.float32), scale, 25.0)
    source = source_motion(standing, body)
    joints = body.rest_joints()
    ankles = joints[[JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]], 1].mean()
    assert source.ankle_m == pytest.approx(scale * (ankles - body.v_template_m[:, 1].min()), abs=1e-5)
    assert 0.05 * scale < source.ankle_m < 0.12 * scale
    np.testing.assert_allclose(source.rest_joints_m, scale * joints, atol=1e-5)
    assert source.ground.floor_m == pytest.approx(scale * body.v_template_m[:, 1].min(), abs=0.02)
    assert source.ground.contact.all()
    raised = source_motion(standing, body, floor_m=-5.0)
    assert raised.ground.floor_m == -5.0
    assert not raised.ground.contact.any()
