# SPDX-License-Identifier: Apache-2.0
"""What rotations of files mean: axis, unit, rate and doubts; legs and frames; points of hands by their names."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.errors import InputError, OptionError
from dancepose_addon.core.io import theta
from dancepose_addon.core.io.theta import between, interpret_theta, joints_of, motion_of, pelvis_places
from dancepose_addon.core.skeleton import hand_points
from dancepose_addon.core.skeleton.hand_points import HAND_NAMES, hand_columns, hand_names, on_their_sides, take_hands
from dancepose_addon.core.skeleton.readers import bvh_points
from dancepose_addon.core.skeleton.recording import Hints, PoseRecording

FRAMES = 21


def recording(root: Any = (0.0, 0.0, 0.0), *, speed_m_s: float = 0.0, **more: Any) -> PoseRecording:
    """A body whose knees are bent a little, moving along x."""
    rotvec = np.zeros((FRAMES, 24, 3))
    rotvec[:, 4:6, 0] = 0.3
    rotvec[:, 0] = root
    place = np.zeros((FRAMES, 3))
    place[:, 0] = np.arange(FRAMES) * speed_m_s / 25.0
    return PoseRecording(rotvec, place, "made", "it", **{"fps": 25.0, **more})


def finding(found: Any, topic: str) -> tuple[str, float]:
    return next((item.value, item.confidence) for item in found[2] if item.topic == topic)


@pytest.mark.parametrize(
    ("tilt", "declared", "up", "confidence"),
    [
        (0.0, None, "y", 0.95), (90.0, None, "z", 0.95), (-90.0, None, "-z", 0.95), (180.0, None, "-y", 0.95),
        (34.0, None, "y", 0.95), (36.0, None, "y", 0.6), (0.0, "y", "y", 0.99), (36.0, "y", "y", 0.99),
        (0.0, "z", "y", 0.7), (36.0, "z", "z", 0.7),
    ],
)  # fmt: skip
def test_the_axis_that_is_up(tilt: float, declared: str | None, up: str, confidence: float) -> None:
    found = interpret_theta(recording((np.radians(tilt), 0.0, 0.0), up=declared))
    assert found[0] == up
    assert finding(found, "up axis") == (up, confidence)
    assert interpret_theta(recording((np.radians(tilt), 0.0, 0.0), up=declared), Hints(up="-x"))[0] == "-x"


def test_frames_that_disagree_about_the_axis() -> None:
    roots = np.zeros((FRAMES, 3))
    roots[:9, 0] = np.pi  # head down in 9 of 21: the mean has a length of 3 / 21
    assert finding(interpret_theta(recording(roots)), "up axis") == ("y", 0.6)
    roots[4:9] = 0.0  # in 4 of 21: 13 / 21
    assert finding(interpret_theta(recording(roots)), "up axis") == ("y", 0.95)
    with pytest.raises(OptionError):
        interpret_theta(recording(), Hints(up="w"))


@pytest.mark.parametrize(
    ("speed", "unit", "metres", "confidence"),
    [(11.9, "m", 1.0, 0.95), (12.1, "cm", 0.01, 0.6), (1190.0, "cm", 0.01, 0.6), (1210.0, "mm", 0.001, 0.6)],
)
def test_units_of_translations(speed: float, unit: str, metres: float, confidence: float) -> None:
    found = interpret_theta(recording(speed_m_s=speed))
    assert found[1] == metres
    assert finding(found, "unit of the translation") == (unit, confidence)
    assert interpret_theta(recording(speed_m_s=speed), Hints(unit="inch"))[1] == 0.0254
    # The rate that the user says counts; without one, 30 a second are assumed.
    slow = interpret_theta(recording(speed_m_s=speed), Hints(fps=25.0 * 10.0 / speed))
    assert slow[1] == 1.0
    assert (interpret_theta(recording(speed_m_s=11.0, fps=None))[1] == 1.0) is False
    assert interpret_theta(recording(speed_m_s=9.9, fps=None))[1] == 1.0


def test_rates_and_doubts_about_rotations() -> None:
    found = interpret_theta(recording(fps_confidence=0.8, speed_m_s=1.0))
    assert finding(found, "rate") == ("25 fps", 0.8)
    assert finding(interpret_theta(recording(), Hints(fps=12.5)), "rate") == ("12.5 fps", 1.0)
    assert finding(interpret_theta(recording(fps=None)), "rate") == ("unknown", 0.0)
    assert len(found[2]) == 3
    assert finding(interpret_theta(recording()), "translation") == ("none", 0.7)
    # The second spine joint bends by 2.6 radians at most in MOST_BENT's order; from 1.5 times on it is doubted.
    most = theta.MOST_BENT[3]
    for factor, doubted in ((1.49, False), (1.51, True)):
        bent = recording(speed_m_s=1.0)
        bent.rotvec[:, 3, 2] = factor * most
        topics = [item.topic for item in interpret_theta(bent)[2]]
        assert ("rotations" in topics) is doubted
        if doubted:
            assert "spine1 is typically turned by" in interpret_theta(bent)[2][-1].why
    for bend, doubted in ((-0.29, False), (-0.31, True)):
        knees = recording()
        knees.rotvec[:, 4:6, 0] = bend
        assert ("knees bend forwards" in [item.why for item in interpret_theta(knees)[2]]) is doubted


def test_legs_and_sizes(body: BodyModel) -> None:
    joints = np.zeros((3, 24, 3))
    for side, x in (("left", 0.1), ("right", -0.1)):
        for part, y in (("hip", 1.0), ("knee", 0.6), ("ankle", 0.1)):
            joints[:, JOINT_INDEX[f"{side}_{part}"]] = [x, y, 0.0]
    joints[:, JOINT_INDEX["left_ankle"], 1] = 0.0
    joints[2] *= 5.0
    assert theta._leg_length(joints) == pytest.approx(0.95)
    own = theta._leg_length(body.rest_joints()[None].astype(np.float64))
    assert theta._size_like_the_file(recording(joints=joints), body) == pytest.approx(0.95 / own)
    plain = 0.81 / own
    for factor, used in ((0.31, False), (0.32, True), (1.57, True), (1.59, False)):
        size = theta._size_like_the_file(recording(joints=joints * factor), body)
        assert size == pytest.approx(0.95 * factor / own if used else plain)
    assert theta._size_like_the_file(recording(scale=1.2), body) == pytest.approx(1.2 * plain)
    assert theta._size_like_the_file(recording(scale=1.2, rest_pelvis=np.zeros(3)), body) == 1.2


def test_places_of_pelvis_and_joints(body: BodyModel) -> None:
    """A motion of this body keeps its places: z up, and the translation relative to the rest pelvis of the file."""
    rest = body.rest_joints()[0].astype(np.float64)
    made = recording((np.pi / 2.0, 0.0, 0.0), speed_m_s=1.0, model=body.fingerprint, rest_pelvis=rest)
    moved = motion_of(made, body)
    expected = (made.translation + rest) @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]).T
    np.testing.assert_allclose(pelvis_places(moved, body), expected, atol=1e-6)
    np.testing.assert_allclose(joints_of(moved, body).keypoints_m[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(moved.pose_rotmat[:, 0], np.broadcast_to(np.eye(3), (FRAMES, 3, 3)), atol=1e-6)
    pelvis = motion_of(replace(made, is_pelvis=True), body)
    np.testing.assert_allclose(pelvis_places(pelvis, body), expected - expected[0], atol=1e-6)
    assert len(between(moved, 3, None)) == FRAMES - 3
    assert len(between(moved, 3, 7)) == 4
    assert len(between(moved, 3, 99)) == FRAMES - 3
    for start, end in ((FRAMES, None), (5, 5), (-1, 3)):
        with pytest.raises(InputError, match="select nothing: the motion has 21 frames"):
            between(moved, start, end)
    with pytest.raises(InputError, match="Give --fps"):
        motion_of(replace(made, fps=None), body, Hints(accept_doubt=True))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("left_thumb1", ("left", "thumb", 1)), ("RightHandPinky4", ("right", "pinky", 4)),
        ("LeftHandIndexTip", ("left", "index", 4)),
        ("left_index_mcp", ("left", "index", 1)), ("left_thumb_mcp", ("left", "thumb", 2)),
        ("right_ring_pip", ("right", "ring", 2)),
        ("left_thumb_cmc", ("left", "thumb", 1)), ("left_pinky_dip", ("left", "pinky", 3)),
        ("LittleFinger2_R", ("right", "pinky", 2)), ("IndexFinger1.L", ("left", "index", 1)),
        ("L Finger0", ("left", "thumb", 1)), ("L Finger21", ("left", "middle", 2)),
        ("R Finger4", ("right", "pinky", 1)),
        ("finger2-3.L", ("left", "index", 3)), ("finger5-1.R", ("right", "pinky", 1)), ("L Finger5", None),
        ("finger3-1", None),
        ("left_wrist", None), ("spine1", None), ("left_hand", None),
    ],
)  # fmt: skip
def test_names_of_finger_joints(name: str, place: tuple[str, str, int] | None) -> None:
    assert hand_points._place_of(name, "".join(letter for letter in name.lower() if letter.isalnum())) == place


def test_columns_of_hands() -> None:
    names = ["nose", *hand_names("right"), *hand_names("left")]
    found = hand_columns(names)
    assert found is not None
    assert found.tolist() == [*range(22, 43), *range(1, 22)]
    from_zero = [f"left_{finger}{part}" for finger in ("thumb", "index") for part in (0, 1, 2)]
    found = hand_columns(from_zero)
    assert found is not None
    assert found[:9].tolist() == [-1, 0, 1, 2, -1, 3, 4, 5, -1]
    assert (found[9:] == -1).all()
    assert hand_columns(from_zero[:3]) is None
    assert hand_columns(["left_wrist", "right_wrist"]) is None
    wrist = hand_columns([*from_zero, "left_wrist"])
    assert wrist is not None
    assert wrist[0] == 6
    points = np.arange(2.0 * 7 * 3).reshape(2, 7, 3) + 1.0
    points[1, 2] = 0.0
    hands = take_hands(points, [*from_zero, "left_wrist"])
    assert hands is not None
    np.testing.assert_array_equal(hands[0, [0, 1]], points[0, [6, 0]])
    assert np.isnan(hands[1, 3]).all()
    assert np.isnan(hands[:, 4]).all()
    assert take_hands(points, list("abcdefg")) is None


def test_hands_are_at_their_own_wrists() -> None:
    hands = np.zeros((3, 42, 3))
    hands[:, :21, 0], hands[:, 21:, 0] = 1.0, -1.0
    wrists = np.array([[[0.9, 0, 0], [-0.9, 0, 0]]] * 3)
    assert on_their_sides(hands, wrists) is hands
    turned = on_their_sides(hands, wrists[:, ::-1])
    np.testing.assert_array_equal(turned, np.concatenate([hands[:, 21:], hands[:, :21]], axis=1))
    np.testing.assert_array_equal(hand_points.exchanged(hands), turned)
    wrists[0] = wrists[0, ::-1] * 9.0  # a single frame decides nothing
    assert on_their_sides(hands, wrists) is hands
    assert on_their_sides(hands * np.nan, wrists).shape == hands.shape
    assert len(HAND_NAMES) == 42


@pytest.mark.parametrize(
    ("fps", "rate", "sure"),
    [(25.0, 25.0, 1.0), (2.01, 2.01, 1.0), (2.0, 2.0, 0.4), (0.21, 0.21, 0.4), (0.2, 5.0, 0.7), (1 / 30, 30.0, 0.7)],
)
def test_frame_times_that_are_rates(fps: float, rate: float, sure: float) -> None:
    found, _, confidence = bvh_points._rate_of(fps)
    assert found == pytest.approx(rate)
    assert confidence == sure


def test_rotations_are_those_of_scipy() -> None:
    """The axis of a root that is turned anyhow, by SciPy."""
    for vector in ([0.3, 0.2, 0.1], [1.4, 0.3, 0.0], [0.0, 0.2, -1.5]):
        upward = Rotation.from_rotvec(vector).as_matrix()[:, 1]
        axis = int(np.abs(upward).argmax())
        name = ("-" if upward[axis] < 0 else "") + "xyz"[axis]
        assert interpret_theta(recording(vector))[0] == name
