# SPDX-License-Identifier: Apache-2.0
"""Families of ``detailed_rigs`` by name: those of game engines and virtual worlds."""

from dataclasses import replace

from tests.support.detailed_rigs import Detailed, Extra, along, below, beside, roots
from tests.support.rigs import Family

UNREAL5 = Family(
    ("pelvis", "spine_01", "spine_03", "spine_05", "neck_01", "head"),
    ("thigh_{}", "calf_{}", "foot_{}", "ball_{}", "clavicle_{}", "upperarm_{}", "lowerarm_{}", "hand_{}", ""),
    ("l", "r"),
    extra=(
        *roots("root"),
        ("ik_foot_root", "root", (0.0, 0.0, 0.0)),
        ("ik_foot_l", "ik_foot_root", (0.1, 0.0, 0.1)),
        ("ik_foot_r", "ik_foot_root", (-0.1, 0.0, 0.1)),
        ("ik_hand_root", "root", (0.0, 0.0, 0.0)),
        ("ik_hand_gun", "ik_hand_root", (-0.7, 0.0, 1.4)),
        ("ik_hand_l", "ik_hand_gun", (0.7, 0.0, 1.4)),
        ("ik_hand_r", "ik_hand_gun", (-0.7, 0.0, 1.4)),
        ("interaction", "root", (0.0, 0.0, 0.0)),
        ("center_of_mass", "root", (0.0, 0.0, 1.0)),
    ),
    parents={"pelvis": "root"},
)
UNREAL_CHAINS = {"spine": ("spine_01", "spine_02", "spine_03", "spine_04", "spine_05"), "neck": ("neck_01", "neck_02")}
UNREAL_TWISTS = ("upperarm_twist_0{1}_{0}", "lowerarm_twist_0{1}_{0}", "thigh_twist_0{1}_{0}", "calf_twist_0{1}_{0}")
UNREAL5_EXTRAS = (
    Extra("spine_02", "spine_01", "spine_03", 0.5, carries=True),
    Extra("spine_04", "spine_03", "spine_05", 0.5, carries=True),
    Extra("neck_02", "neck_01", "head", 0.5, carries=True),
    *along(UNREAL5, UNREAL_TWISTS, (0.33, 0.66)),
    *beside("hand_{}", "index_metacarpal_{}", "middle_metacarpal_{}", "weapon_{}"),
)
SECOND_LIFE = Family(
    ("mPelvis", "mTorso", "", "mChest", "mNeck", "mHead"),
    (
        "mHip{}",
        "mKnee{}",
        "mAnkle{}",
        "mFoot{}",
        "mCollar{}",
        "mShoulder{}",
        "mElbow{}",
        "mWrist{}",
        "",
    ),
)
ADVANCED = Family(
    ("Root_M", "Spine1_M", "Spine2_M", "Chest_M", "Neck_M", "Head_M"),
    ("Hip_{}", "Knee_{}", "Ankle_{}", "Toes_{}", "Scapula_{}", "Shoulder_{}", "Elbow_{}", "Wrist_{}", ""),
    ("L", "R"),
)
MGEAR = Family(
    (
        "spine_C0_pelvis_jnt", "spine_C0_01_jnt", "spine_C0_02_jnt", "spine_C0_03_jnt", "neck_C0_neck_jnt",
        "neck_C0_head_jnt",
    ),
    (
        "leg_{}0_0_jnt", "leg_{}0_1_jnt", "foot_{}0_0_jnt", "", "shoulder_{}0_shoulder_jnt", "arm_{}0_0_jnt",
        "arm_{}0_1_jnt", "arm_{}0_end_jnt", "",
    ),
    ("L", "R"),
)  # fmt: skip
"""Segments of limbs are numbered."""
GAMES: dict[str, Detailed] = {
    "advanced skeleton": Detailed(
        ADVANCED,
        (
            *along(ADVANCED, ("ShoulderPart{1}_{0}", "ElbowPart{1}_{0}", "HipPart{1}_{0}", ""), (0.33, 0.66)),
            *beside("Toes_{}", "ToesEnd_{}"),
        ),
    ),
    "gta": Detailed(
        Family(
            ("SKEL_Pelvis", "SKEL_Spine1", "SKEL_Spine2", "SKEL_Spine3", "SKEL_Neck_1", "SKEL_Head"),
            tuple(
                f"SKEL_{{}}_{name}" if name else ""
                for name in ("Thigh", "Calf", "Foot", "Toe0", "Clavicle", "UpperArm", "Forearm", "Hand", "")
            ),
            ("L", "R"),
            extra=roots("SKEL_ROOT"),
            parents={"pelvis": "SKEL_ROOT"},
        ),
        (
            *beside("SKEL_{}_Thigh", "RB_{}_ThighRoll", "MH_{}_Knee"),
            *beside("SKEL_{}_Forearm", "RB_{}_ForeArmRoll", "MH_{}_Elbow"),
            *beside("SKEL_{}_Hand", "PH_{}_Hand", "IK_{}_Hand"),
            *beside("SKEL_{}_Foot", "PH_{}_Foot", "IK_{}_Foot"),
        ),
    ),
    "sims": Detailed(
        Family(
            ("b__Pelvis__", "b__Spine0__", "b__Spine1__", "b__Spine2__", "b__Neck__", "b__Head__"),
            tuple(
                f"b__{{}}_{name}__" if name else ""
                for name in ("Thigh", "Calf", "Foot", "Toe", "Clavicle", "UpperArm", "Forearm", "Hand", "")
            ),
            ("L", "R"),
            extra=roots("b__ROOT__"),
            parents={"pelvis": "b__ROOT__"},
        ),
    ),
    "unreal 4": Detailed(
        replace(UNREAL5, central=("pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head")),
        along(UNREAL5, UNREAL_TWISTS, (0.5,)),
        twists=UNREAL_TWISTS,
    ),
    "unreal 5": Detailed(UNREAL5, UNREAL5_EXTRAS, UNREAL_CHAINS, UNREAL_TWISTS),
    "metahuman": Detailed(
        UNREAL5,
        (
            *UNREAL5_EXTRAS,
            *below("head", "FACIAL_C_FacialRoot", "FACIAL_C_Neck1Root", "FACIAL_C_Neck1", "FACIAL_L_NeckA1"),
            *beside("spine_04", "spine_04_latissimus_l", "spine_04_latissimus_r"),
            *beside("spine_05", "clavicle_pec_l", "clavicle_pec_r"),
            *below("upperarm_{}", "upperarm_correctiveRoot_{}", "upperarm_bck_{}"),
            *beside("upperarm_{}", "upperarm_tricep_{}", "upperarm_bicep_{}"),
            *below("lowerarm_{}", "lowerarm_correctiveRoot_{}", "lowerarm_in_{}"),
            *below("thigh_{}", "thigh_correctiveRoot_{}", "thigh_fwd_{}"),
            *below("calf_{}", "calf_correctiveRoot_{}", "calf_kneeBack_{}"),
            *beside("foot_{}", "ankle_bck_{}", "ankle_fwd_{}"),
            *beside("ball_{}", "bigtoe_01_{}", "littletoe_01_{}"),
            *beside("hand_{}", "wrist_inner_{}", "wrist_outer_{}"),
        ),
        UNREAL_CHAINS,
        UNREAL_TWISTS,
    ),
    "valve": Detailed(
        Family(
            tuple(f"ValveBiped.Bip01_{name}" for name in ("Pelvis", "Spine", "Spine1", "Spine4", "Neck1", "Head1")),
            tuple(
                f"ValveBiped.Bip01_{{}}_{name}" if name else ""
                for name in ("Thigh", "Calf", "Foot", "Toe0", "Clavicle", "UpperArm", "Forearm", "Hand", "")
            ),
            ("L", "R"),
        ),
        (
            Extra(
                "ValveBiped.Bip01_Spine2", "ValveBiped.Bip01_Spine1", "ValveBiped.Bip01_Spine4", 0.5, carries=True
            ),
            *beside("ValveBiped.Bip01_{}_Forearm", "ValveBiped.Bip01_{}_Ulna", "ValveBiped.Bip01_{}_Elbow"),
            *beside("ValveBiped.Bip01_{}_UpperArm", "ValveBiped.Bip01_{}_Bicep", "ValveBiped.Bip01_{}_Shoulder"),
            *beside("ValveBiped.Bip01_{}_Clavicle", "ValveBiped.Bip01_{}_Trapezius"),
            *beside("ValveBiped.Bip01_{}_Hand", "ValveBiped.Anim_Attachment_{}H"),
            *beside("ValveBiped.Bip01_Head1", "ValveBiped.forward"),
        ),
        {
            "spine": tuple(f"ValveBiped.Bip01_Spine{n}" for n in ("", 1, 2, 4)),
            "left_elbow": ("ValveBiped.Bip01_L_Forearm",),
        },
    ),
    "second life": Detailed(
        SECOND_LIFE,
        (
            Extra("mSpine1", "mPelvis", "mTorso", 0.3, carries=True),
            Extra("mSpine2", "mSpine1", "mTorso", 0.5, carries=True),
            Extra("mSpine3", "mTorso", "mChest", 0.3, carries=True),
            Extra("mSpine4", "mSpine3", "mChest", 0.5, carries=True),
            Extra("mToe{}", "mFoot{}", "mAnkle{}", -0.4),
            *below("mPelvis", "mHindLimbsRoot", "mHindLimb1Left", "mHindLimb2Left", "mHindLimb3Left"),
            *below("mChest", "mWingsRoot", "mWing1Left", "mWing2Left"),
            *below("mPelvis", "mTail1", "mTail2"),
            *beside("mPelvis", "mGroin", "PELVIS", "BUTT"),
            *below("mHead", "mFaceRoot", "mFaceJaw", "mSkull", "HEAD"),
            *beside("mChest", "CHEST", "LEFT_PEC", "RIGHT_PEC"),
            *beside("mHipLeft", "L_UPPER_LEG"),
            *beside("mHipRight", "R_UPPER_LEG"),
            *beside("mKneeLeft", "L_LOWER_LEG"),
            *beside("mKneeRight", "R_LOWER_LEG"),
            *beside("mAnkleLeft", "L_FOOT"),
            *beside("mAnkleRight", "R_FOOT"),
            *beside("mShoulderLeft", "L_UPPER_ARM"),
            *beside("mShoulderRight", "R_UPPER_ARM"),
            *beside("mElbowLeft", "L_LOWER_ARM"),
            *beside("mElbowRight", "R_LOWER_ARM"),
            *beside("mWristLeft", "L_HAND"),
            *beside("mWristRight", "R_HAND"),
            *beside("mCollarLeft", "L_CLAVICLE"),
            *beside("mCollarRight", "R_CLAVICLE"),
        ),
        {"spine": ("mSpine1", "mSpine2", "mTorso", "mSpine3", "mSpine4", "mChest")},
    ),
    "roblox": Detailed(
        Family(
            ("LowerTorso", "", "", "UpperTorso", "", "Head"),
            ("{}UpperLeg", "{}LowerLeg", "{}Foot", "", "", "{}UpperArm", "{}LowerArm", "{}Hand", ""),
            extra=roots("HumanoidRootNode"),
            parents={"pelvis": "HumanoidRootNode"},
        ),
    ),
    "joints of a robot": Detailed(
        Family(
            ("Hip", "Ribs", "", "", "Neck", "Head"),
            (
                "{}_Thigh_Joint_01", "{}_Knee_Joint_01", "{}_Ankle_Joint_01", "{}_Toe_Joint_01",
                "{}_Shoulder_Joint_01", "{}_Upper_Arm_Joint_01", "{}_Forearm_Joint_01", "{}_Wrist_Joint_01", "",
            ),
            extra=roots("Root"),
            parents={"pelvis": "Root"},
        ),
    ),
}  # fmt: skip
