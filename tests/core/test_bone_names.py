# SPDX-License-Identifier: Apache-2.0
"""Bone names of common rigs, against lists written by hand from the rigs themselves."""

import pytest

from dancepose_addon.core.skeleton.bone_names import smpl_joints, split_name

LEG = ("hip", "knee", "ankle", "foot")
ARM = ("collar", "shoulder", "elbow", "wrist")
MIDDLE = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")

RIGS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    # name: middle joints, left leg, left arm; the right side has R for L, or right for left.
    "mixamo": (
        tuple(f"mixamorig:{part}" for part in ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head")),
        ("mixamorig:LeftUpLeg", "mixamorig:LeftLeg", "mixamorig:LeftFoot", "mixamorig:LeftToeBase"),
        ("mixamorig:LeftShoulder", "mixamorig:LeftArm", "mixamorig:LeftForeArm", "mixamorig:LeftHand"),
    ),
    "mosh fbx": (
        tuple(f"f_mosh_cmu_0015_{part}" for part in ("Pelvis", "Spine1", "Spine2", "Spine3", "Neck", "Head")),
        tuple(f"f_mosh_cmu_0015_L_{part}" for part in ("Hip", "Knee", "Ankle", "Foot")),
        tuple(f"f_mosh_cmu_0015_L_{part}" for part in ("Collar", "Shoulder", "Elbow", "Wrist")),
    ),
    "daz": (
        ("hip", "abdomen", "chest", "chestUpper", "neck", "head"),
        ("lThigh", "lShin", "lFoot", "lToe"),
        ("lCollar", "lShldr", "lForeArm", "lHand"),
    ),
    "genesis 8": (
        ("hip", "abdomenLower", "abdomenUpper", "chestLower", "neckLower", "head"),
        ("lThighBend", "lShin", "lFoot", "lToe"),
        ("lCollar", "lShldrBend", "lForearmBend", "lHand"),
    ),
    "character creator": (
        ("CC_Base_Hip", "CC_Base_Waist", "CC_Base_Spine01", "CC_Base_Spine02", "CC_Base_NeckTwist01", "CC_Base_Head"),
        ("CC_Base_L_Thigh", "CC_Base_L_Calf", "CC_Base_L_Foot", "CC_Base_L_ToeBase"),
        ("CC_Base_L_Clavicle", "CC_Base_L_Upperarm", "CC_Base_L_Forearm", "CC_Base_L_Hand"),
    ),
    "genea": (
        ("b_root", "b_spine0", "b_spine1", "b_spine2", "b_neck0", "b_head"),
        ("b_l_upleg", "b_l_leg", "b_l_foot", "b_l_toe"),
        ("b_l_shoulder", "b_l_arm", "b_l_forearm", "b_l_wrist"),
    ),
    "motive": (
        ("Skel_Hip", "Skel_Ab", "Skel_Spine2", "Skel_Chest", "Skel_Neck", "Skel_Head"),
        ("Skel_LThigh", "Skel_LShin", "Skel_LFoot", "Skel_LToe"),
        ("Skel_LShoulder", "Skel_LUArm", "Skel_LFArm", "Skel_LHand"),
    ),
    "arkit": (
        ("hips_joint", "spine_1_joint", "spine_4_joint", "spine_7_joint", "neck_1_joint", "head_joint"),
        ("left_upLeg_joint", "left_leg_joint", "left_foot_joint", "left_toes_joint"),
        ("left_shoulder_1_joint", "left_arm_joint", "left_forearm_joint", "left_hand_joint"),
    ),
    "auto-rig pro": (
        ("root.x", "spine_01.x", "spine_02.x", "spine_03.x", "neck.x", "head.x"),
        ("thigh_stretch.l", "leg_stretch.l", "foot.l", "toes_01.l"),
        ("shoulder.l", "arm_stretch.l", "forearm_stretch.l", "hand.l"),
    ),
    "hdm05": (
        ("root", "lowerback", "upperback", "thorax", "lowerneck", "head"),
        ("lfemur", "ltibia", "lfoot", "ltoes"),
        ("lclavicle", "lhumerus", "lradius", "lwrist"),
    ),
    "sketchfab": (
        ("Hips_01", "Spine_02", "Spine1_03", "Spine2_04", "Neck_05", "Head_06"),
        ("LeftUpLeg_055", "LeftLeg_056", "LeftFoot_057", "LeftToeBase_058"),
        ("LeftShoulder_07", "LeftArm_08", "LeftForeArm_09", "LeftHand_010"),
    ),
    "makehuman default": (
        ("root", "spine05", "spine03", "spine01", "neck01", "head"),
        ("upperleg01.L", "lowerleg01.L", "foot.L", "toe1-1.L"),
        ("clavicle.L", "upperarm01.L", "lowerarm01.L", "wrist.L"),
    ),
    "unity": (
        ("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head"),
        ("LeftUpperLeg", "LeftLowerLeg", "LeftFoot", "LeftToes"),
        ("LeftShoulder", "LeftUpperArm", "LeftLowerArm", "LeftHand"),
    ),
    "unreal": (
        ("pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head"),
        ("thigh_l", "calf_l", "foot_l", "ball_l"),
        ("clavicle_l", "upperarm_l", "lowerarm_l", "hand_l"),
    ),
    "xsens": (
        ("Hips", "Chest", "Chest2", "Chest4", "Neck", "Head"),
        ("LeftHip", "LeftKnee", "LeftAnkle", "LeftToe"),
        ("LeftCollar", "LeftShoulder", "LeftElbow", "LeftWrist"),
    ),
}  # fmt: skip


def other_side(name: str) -> str:
    for old, new in (("Left", "Right"), ("left", "right"), ("_L_", "_R_"), ("_l_", "_r_"), (".L", ".R"), (".l", ".r")):
        if old in name:
            return name.replace(old, new)
    if name.endswith("_l"):
        return name[:-1] + "r"
    if "_L" in name:
        return name.replace("_L", "_R")
    return name.replace("l", "r", 1)


@pytest.mark.parametrize("rig", RIGS)
def test_every_joint_of_a_rig_is_found(rig: str) -> None:
    middle, leg, arm = RIGS[rig]
    names = [*middle, *leg, *arm, *map(other_side, leg), *map(other_side, arm)]
    found = smpl_joints(names)
    wanted = dict(zip(MIDDLE, middle, strict=True))
    for side, turn in (("left", str), ("right", other_side)):
        wanted |= {f"{side}_{part}": turn(name) for part, name in zip(LEG, leg, strict=True)}
        wanted |= {f"{side}_{part}": turn(name) for part, name in zip(ARM, arm, strict=True)}
    assert {joint: names[index] for joint, index in found.items()} == wanted


def test_wrist_and_hand_ankle_and_foot_in_one_file() -> None:
    names = ["HipLeft", "KneeLeft", "AnkleLeft", "FootLeft", "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft"]
    assert {joint: names[index] for joint, index in smpl_joints(names).items()} == {
        "left_hip": "HipLeft", "left_knee": "KneeLeft", "left_ankle": "AnkleLeft", "left_foot": "FootLeft",
        "left_shoulder": "ShoulderLeft", "left_elbow": "ElbowLeft", "left_wrist": "WristLeft", "left_hand": "HandLeft",
    }  # fmt: skip


def test_twist_bones_and_ends_are_nothing() -> None:
    names = ["upperarm_twist_01_l", "upperarm_l", "lowerarm_l", "hand_l_end", "hand_l", "ik_hand_l"]
    assert {joint: names[index] for joint, index in smpl_joints(names).items()} == {
        "left_shoulder": "upperarm_l", "left_elbow": "lowerarm_l", "left_wrist": "hand_l"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "side", "word"),
    [
        ("LUArm", "left", "uarm"), ("rfemur", "right", "femur"), ("Bip01 L Toe0", "left", "toe"), ("L5", "", "l5"),
        ("HandLeft", "left", "hand"), ("mixamorigHips", "", "hips"), ("J_Bip_C_UpperChest", "", "upperchest"),
        ("LoLeg_L", "left", "loleg"), ("a" * 100_000, "", "a" * 100),
    ],
)  # fmt: skip
def test_names_in_parts(name: str, side: str, word: str) -> None:
    assert (split_name(name).side, split_name(name).word) == (side, word)
