# SPDX-License-Identifier: Apache-2.0
"""Parts of bone names, and joints chosen among names that may mean two of them, by hand."""

import pytest

from dancepose_addon.core.skeleton import bone_names
from dancepose_addon.core.skeleton.bone_names import BoneName, is_cmu, plain, smpl_joints, split_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixamorig:LeftUpLeg", ("left", "upleg", 0, False)), ("Armature|Hips", ("", "hips", 0, False)),
        ("L5", ("", "l5", 0, False)),
        ("T12", ("", "t12", 0, False)), ("LeftForeArmTwist", ("left", "", 0, False)),
        ("NeckTwist01", ("", "necktwist", 1, False)),
        ("spine_01.x", ("", "spine", 1, False)), ("HipCenter", ("", "hip", 0, True)),
        ("c_spine2", ("", "spine", 2, False)),
        ("Left_Thigh_Joint_01", ("left", "thigh", 1, False)), ("Neck_M", ("", "neck", 0, False)),
        ("lfemur", ("left", "femur", 0, False)),
        ("rfemur", ("right", "femur", 0, False)), ("handleft", ("left", "hand", 0, False)),
        ("righthand", ("right", "hand", 0, False)),
        ("LUArm", ("left", "uarm", 0, False)), ("RFArm", ("right", "farm", 0, False)),
        ("Bip01 L Thigh", ("left", "thigh", 0, False)),
        ("f_mosh_cmu_0015_L_Hip", ("left", "hip", 15, False)), ("spine123456789", ("", "spine", 123456, False)),
        ("", ("", "", 0, False)),
        ("12", ("", "", 0, False)), ("Hand_end", ("", "", 0, False)), ("leg_stretch.l", ("left", "leg", 0, False)),
        ("upperleg01.R", ("right", "upperleg", 1, False)), ("x" * 200 + "Hand", ("", "x" * 100, 0, False)),
    ],
)  # fmt: skip
def test_names_in_parts(name: str, expected: tuple[str, str, int, bool]) -> None:
    assert split_name(name) == BoneName(*expected)


def test_keys_of_names() -> None:
    assert BoneName("left", "upleg", 0).key == "leftupleg"
    assert BoneName("", "spine", 2).key == "spine2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Hand.L", "lefthand"), ("hand_l", "lefthand"), ("mixamorig:LeftHand", "lefthand"), ("LHand", "lefthand"),
        ("handleft", "lefthand"), ("leftHand", "lefthand"), ("left", "left"), ("right", "right"),
        ("Hand_R_jnt", "righthand"),
        ("spine_01", "spine01"), ("DEF-spine", "spine"), ("handright", "righthand"), ("rightlower", "rightlower"),
        ("nose", "nose"),
    ],
)  # fmt: skip
def test_plain_names(name: str, expected: str) -> None:
    assert plain(name) == expected


def found(*names: str) -> dict[str, str]:
    return {joint: names[index] for joint, index in smpl_joints(names).items()}


def test_one_word_for_two_joints() -> None:
    assert found("LShoulder", "LElbow") == {"left_shoulder": "LShoulder", "left_elbow": "LElbow"}
    assert found("LShoulder", "LArm", "LElbow") == {
        "left_collar": "LShoulder", "left_shoulder": "LArm", "left_elbow": "LElbow"}  # fmt: skip
    assert found("LClavicle", "LShoulder") == {"left_collar": "LClavicle", "left_shoulder": "LShoulder"}
    assert found("RArm", "RArm1", "RHand") == {"right_shoulder": "RArm", "right_elbow": "RArm1", "right_wrist": "RHand"}
    assert found("LThigh", "LLeg", "LFoot") == {"left_hip": "LThigh", "left_knee": "LLeg", "left_ankle": "LFoot"}
    assert found("LLeg", "LShin") == {"left_hip": "LLeg", "left_knee": "LShin"}
    assert found("LLeg") == {"left_knee": "LLeg"}
    assert found("LFoot", "LToe") == {"left_ankle": "LFoot", "left_foot": "LToe"}
    assert found("LAnkle", "LFoot") == {"left_ankle": "LAnkle", "left_foot": "LFoot"}
    assert found("LWrist", "LHand") == {"left_wrist": "LWrist", "left_hand": "LHand"}
    assert found("LPalm") == {"left_wrist": "LPalm"}


def test_hands_are_where_the_middle_finger_begins() -> None:
    assert found("LeftHand", "LeftHandMiddle2", "LeftHandMiddle1", "LeftHandIndex1") == {
        "left_wrist": "LeftHand", "left_hand": "LeftHandMiddle1"}  # fmt: skip
    assert found("LeftHand", "LeftHandIndex1") == {"left_wrist": "LeftHand", "left_hand": "LeftHandIndex1"}
    assert found("L Hand", "L Finger0", "L Finger2", "L Finger3")["left_hand"] == "L Finger2"
    assert found("L Hand", "L Finger0", "L Finger1")["left_hand"] == "L Finger0"


def test_the_middle_of_the_body() -> None:
    assert found("HipCenter", "Spine", "ShoulderCenter", "Head") == {
        "pelvis": "HipCenter", "spine2": "Spine", "neck": "ShoulderCenter", "head": "Head"}  # fmt: skip
    assert found("root", "HipCenter")["pelvis"] == "HipCenter"
    assert found("Pelvis", "HipCenter")["pelvis"] == "Pelvis"
    assert found("Hips", "root")["pelvis"] == "Hips"
    spines = [f"Spine{number}" for number in range(1, 6)]
    for count, expected in ((1, ["spine2"]), (2, ["spine1", "spine3"]), (3, ["spine1", "spine2", "spine3"])):
        assert [joint for joint in found("Hips", *spines[:count]) if joint.startswith("spine")] == expected
    assert {joint: name for joint, name in found("Hips", *spines).items() if joint.startswith("spine")} == {
        "spine1": "Spine1", "spine2": "Spine3", "spine3": "Spine5"}  # fmt: skip


def test_the_spine_of_rigify() -> None:
    spine = ["spine", *(f"spine.{number:03d}" for number in range(1, 7))]
    expected = {"pelvis": 0, "spine1": 1, "spine2": 2, "spine3": 3, "neck": 4, "head": 6}
    assert smpl_joints(spine) == expected
    assert smpl_joints([f"DEF-{name}" for name in spine]) == expected
    assert bone_names._rigify_spine(spine[:5]) == {**{key: expected[key] for key in list(expected)[:5]}, "head": 4}
    assert bone_names._rigify_spine(spine[:4]) == {}
    for other in ("neck", "head", "hips"):
        assert bone_names._rigify_spine([*spine, other]) == {}


def test_prefixes_and_serial_numbers() -> None:
    """Of five names, more than four fifths: all; what nearly all share is no part of the names."""
    names = ["Hips", "LeftUpLeg", "LeftLeg", "LeftFoot", "Head"]
    for form in ("{}_12", "some_{}", "hero.{}"):
        assert [bone.word for bone in bone_names._bones([form.format(name) for name in names])] == [
            "hips", "upleg", "leg", "foot", "head"]  # fmt: skip
    serial = [bone.number for bone in bone_names._bones([f"{name}_{n + 10}" for n, name in enumerate(names)])]
    assert serial == [0] * 5
    some = [bone.number for bone in bone_names._bones([f"{name}_{n + 10}" for n, name in enumerate(names[:4])])]
    assert some == [10, 11, 12, 13]
    assert is_cmu(["LHipJoint", "RHipJoint", "LowerBack", "Spine"])
    assert not is_cmu(["LHipJoint", "RHipJoint", "Spine"])
