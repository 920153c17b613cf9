# SPDX-License-Identifier: Apache-2.0
"""Families of ``detailed_rigs`` by name: bones as the programs export them."""

from dataclasses import replace

from tests.support.detailed_games import GAMES
from tests.support.detailed_rigs import Detailed, Extra, along, below, beside, inside, roots
from tests.support.rigs import FAMILIES, Family

HUMANIK = Family(
    ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"),
    ("{}UpLeg", "{}Leg", "{}Foot", "{}ToeBase", "{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand", ""),
)
CC = Family(
    ("CC_Base_Hip", "CC_Base_Waist", "CC_Base_Spine01", "CC_Base_Spine02", "CC_Base_NeckTwist01", "CC_Base_Head"),
    (
        "CC_Base_{}_Thigh",
        "CC_Base_{}_Calf",
        "CC_Base_{}_Foot",
        "CC_Base_{}_ToeBase",
        "CC_Base_{}_Clavicle",
        "CC_Base_{}_Upperarm",
        "CC_Base_{}_Forearm",
        "CC_Base_{}_Hand",
        "",
    ),
    ("L", "R"),
    extra=(*roots("RL_BoneRoot", "CC_Base_BoneRoot"), ("CC_Base_Pelvis", "CC_Base_Hip", (0.0, 0.0, -0.01))),
    parents={"pelvis": "CC_Base_BoneRoot", "left_hip": "CC_Base_Pelvis", "right_hip": "CC_Base_Pelvis"},
)
LEGS_BELOW = {
    "extra": (("pelvis", "hip", (0.0, 0.0, -0.02)),),
    "parents": {"left_hip": "pelvis", "right_hip": "pelvis"},
}
"""The hips of DAZ Studio: one bone carries the spine, and one below it the legs."""
G8 = Family(
    ("hip", "abdomenLower", "abdomenUpper", "chestUpper", "neckLower", "head"),
    ("{}ThighBend", "{}Shin", "{}Foot", "{}Toe", "{}Collar", "{}ShldrBend", "{}ForearmBend", "{}Hand", ""),
    ("l", "r"),
    **LEGS_BELOW,
)
G2 = Family(
    ("hip", "abdomen", "abdomen2", "chest", "neck", "head"),
    ("{}Thigh", "{}Shin", "{}Foot", "{}Toe", "{}Collar", "{}Shldr", "{}ForeArm", "{}Hand", ""),
    ("l", "r"),
    **LEGS_BELOW,
)
G9 = Family(
    ("hip", "spine1", "spine2", "spine4", "neck1", "head"),
    ("{}_thigh", "{}_shin", "{}_foot", "{}_toes", "{}_shoulder", "{}_upperarm", "{}_forearm", "{}_hand", ""),
    ("l", "r"),
    **LEGS_BELOW,
)
VRM = Family(
    ("hips", "spine", "chest", "upperChest", "neck", "head"),
    (
        "{}UpperLeg",
        "{}LowerLeg",
        "{}Foot",
        "{}Toes",
        "{}Shoulder",
        "{}UpperArm",
        "{}LowerArm",
        "{}Hand",
        "{}MiddleProximal",
    ),
    ("left", "right"),
)
ARP = replace(FAMILIES["auto-rig pro"], arms_down_deg=0.0)
MMD_LIMBS = ("足", "ひざ", "足首", "つま先", "肩", "腕", "ひじ", "手首", "")
MMD = Family(
    ("下半身", "上半身", "", "上半身2", "首", "頭"),
    tuple(f"{{}}{name}" if name else "" for name in MMD_LIMBS),
    ("左", "右"),
    extra=(
        ("全ての親", "", (0.0, 0.0, 0.0)),
        ("センター", "全ての親", (0.0, 0.0, 0.6)),
        ("グルーブ", "センター", (0.0, 0.0, 0.6)),
        ("腰", "グルーブ", (0.0, 0.0, 1.0)),
        ("左足IK親", "全ての親", (0.1, 0.0, 0.0)),
        ("左足ＩＫ", "左足IK親", (0.1, 0.0, 0.1)),
        ("左つま先ＩＫ", "左足ＩＫ", (0.1, -0.1, 0.0)),
        ("右足IK親", "全ての親", (-0.1, 0.0, 0.0)),
        ("右足ＩＫ", "右足IK親", (-0.1, 0.0, 0.1)),
        ("右つま先ＩＫ", "右足ＩＫ", (-0.1, -0.1, 0.0)),
    ),
    parents={"pelvis": "腰", "spine1": "腰"},
)
MMD_EXTRAS = (
    Extra("腰キャンセル{}", "下半身", "{}足", 1.0, carries=True),
    Extra("{}肩P", "上半身2", "{}肩", 1.0, carries=True),
    Extra("{}肩C", "{}肩", "{}腕", 1.0, carries=True),
    Extra("{}腕捩", "{}腕", "{}ひじ", 0.6, carries=True),
    Extra("{}手捩", "{}ひじ", "{}手首", 0.6, carries=True),
    Extra("{}腕捩1", "{}腕", "{}ひじ", 0.3),
    Extra("{}手捩1", "{}ひじ", "{}手首", 0.3),
    *beside("頭", "両目", "左目", "右目"),
    *below("下半身", "{}足D", "{}ひざD", "{}足首D", "{}足先EX"),
)
DETAILED: dict[str, Detailed] = {
    **GAMES,
    "mixamo without prefix": Detailed(
        HUMANIK, beside("Head", "HeadTop_End", "LeftEye", "RightEye") + beside("{}ToeBase", "{}Toe_End")
    ),
    "mixamo twice in a scene": Detailed(
        replace(
            HUMANIK,
            central=tuple(f"mixamorig1:{name}" for name in HUMANIK.central),
            sided=tuple(f"mixamorig1:{name}" if name else "" for name in HUMANIK.sided),
        ),
        beside("mixamorig1:Head", "mixamorig1:HeadTop_End") + beside("mixamorig1:{}ToeBase", "mixamorig1:{}Toe_End"),
    ),
    "mixamo with underscores": Detailed(
        replace(
            HUMANIK,
            central=tuple(f"mixamorig_{name}" for name in HUMANIK.central),
            sided=tuple(f"mixamorig_{name}" if name else "" for name in HUMANIK.sided),
        ),
        beside("mixamorig_{}ToeBase", "mixamorig_{}Toe_End"),
    ),
    "character creator": Detailed(
        CC,
        (
            Extra("CC_Base_NeckTwist02", "CC_Base_NeckTwist01", "CC_Base_Head", 0.5, carries=True),
            *along(
                CC,
                (
                    "CC_Base_{0}_UpperarmTwist0{1}", "CC_Base_{0}_ForearmTwist0{1}", "CC_Base_{0}_ThighTwist0{1}",
                    "CC_Base_{0}_CalfTwist0{1}",
                ),
                (0.0, 0.5),
            ),
            Extra("CC_Base_{}_KneeShareBone", "CC_Base_{}_Calf"),
            Extra("CC_Base_{}_ElbowShareBone", "CC_Base_{}_Forearm"),
            *below("CC_Base_{}_Foot", "CC_Base_{}_ToeBaseShareBone", "CC_Base_{}_BigToe1"),
            *beside("CC_Base_Spine02", "CC_Base_L_RibsTwist", "CC_Base_R_RibsTwist", "CC_Base_L_Breast"),
            *below("CC_Base_Head", "CC_Base_FacialBone", "CC_Base_JawRoot", "CC_Base_Tongue01"),
        ),
        {"neck": ("CC_Base_NeckTwist01", "CC_Base_NeckTwist02")},
        ("CC_Base_{0}_ForearmTwist0{1}", "CC_Base_{0}_ThighTwist0{1}"),
    ),
    "genesis 3 and 8": Detailed(
        G8,
        (
            *inside(G8, ("{}ShldrTwist", "{}ForearmTwist", "{}ThighTwist", "")),
            Extra("chestLower", "abdomenUpper", "chestUpper", 0.5, carries=True),
            Extra("neckUpper", "neckLower", "head", 0.5, carries=True),
            Extra("{}Metatarsals", "{}Foot", "{}Toe", 0.5, carries=True),
            *beside("{}Toe", "{}BigToe", "{}SmallToe1"),
            *beside("{}Hand", "{}Carpal1", "{}Carpal3"),
            *beside("chestUpper", "lPectoral", "rPectoral"),
            *beside("head", "lowerJaw", "lEye", "rEye"),
        ),
        {
            "spine": ("abdomenLower", "abdomenUpper", "chestLower", "chestUpper"),
            "left_hip": ("lThighBend", "lThighTwist"),
            "right_shoulder": ("rShldrBend", "rShldrTwist"),
            "left_elbow": ("lForearmBend", "lForearmTwist"),
            "neck": ("neckLower", "neckUpper"),
        },
    ),
    "genesis 2": Detailed(G2, beside("{}Toe", "{}BigToe")),
    "genesis 9": Detailed(
        G9,
        (
            Extra("spine3", "spine2", "spine4", 0.5, carries=True),
            Extra("neck2", "neck1", "head", 0.5, carries=True),
            Extra("{}_metatarsal", "{}_foot", "{}_toes", 0.5, carries=True),
            *along(G9, ("{0}_upperarmtwist{1}", "{0}_forearmtwist{1}", "{0}_thightwist{1}", ""), (0.3, 0.6)),
            *beside("{}_toes", "{}_bigtoe1", "{}_smalltoe1"),
            *beside("{}_hand", "{}_indexmetacarpal", "{}_handanchor"),
            *beside("spine4", "l_pectoral", "r_pectoral"),
        ),
        {"spine": ("spine1", "spine2", "spine3", "spine4"), "neck": ("neck1", "neck2")},
        ("{0}_forearmtwist{1}", "{0}_thightwist{1}"),
    ),
    "vroid": Detailed(
        FAMILIES["vroid"],
        (
            *beside("J_Bip_C_Head", "J_Adj_L_FaceEye", "J_Sec_Hair1_02", "HairJoint-123"),
            *beside("J_Bip_C_UpperChest", "J_Sec_L_Bust1", "J_Sec_R_Bust1"),
            *beside("J_Bip_{}_UpperLeg", "J_Sec_{}_SkirtFront0_01", "J_Sec_{}_CoatSkirtFront_01"),
        ),
    ),
    "vrm humanoid": Detailed(VRM, beside("head", "leftEye", "rightEye", "jaw")),
    "godot profile": Detailed(
        replace(
            VRM,
            central=("Hips", "Spine", "Chest", "UpperChest", "Neck", "Head"),
            sides=("Left", "Right"),
            extra=roots("Root"),
            parents={"pelvis": "Root"},
        ),
        beside("Head", "LeftEye", "RightEye", "Jaw"),
    ),
    "biped": Detailed(
        replace(FAMILIES["biped"], arms_down_deg=0.0),
        (
            *beside("Bip01 {} Toe0", "Bip01 {} Toe0Nub"),
            *below("Bip01 Head", "Bip01 HeadNub", "Bip01 Ponytail1"),
            *along(
                FAMILIES["biped"],
                ("Bip01 {0}UpArmTwist{1}", "Bip01 {0} ForeTwist{1}", "Bip01 {0}ThighTwist{1}", "Bip01 {0}CalfTwist{1}"),
                (0.3, 0.6),
            ),
            Extra("Bip01 Footsteps", "Bip01"),
        ),
    ),
    "biped of a second figure": Detailed(
        replace(
            FAMILIES["biped"],
            central=tuple(name.replace("Bip01", "Bip001") for name in FAMILIES["biped"].central),
            sided=tuple(name.replace("Bip01", "Bip001") for name in FAMILIES["biped"].sided),
            extra=(("Bip001", "", (0.0, 0.0, 0.95)),),
            parents={"left_hip": "Bip001 Spine", "right_hip": "Bip001 Spine", "pelvis": "Bip001"},
        ),
    ),
    "humanik with roll bones": Detailed(
        replace(HUMANIK, extra=roots("Reference"), parents={"pelvis": "Reference"}),
        along(HUMANIK, ("Leaf{0}ArmRoll{1}", "Leaf{0}ForeArmRoll{1}", "Leaf{0}UpLegRoll{1}", ""), (0.5,)),
        twists=("Leaf{0}ArmRoll{1}", "Leaf{0}ForeArmRoll{1}"),
    ),
    "humanik in a namespace": Detailed(
        replace(
            HUMANIK,
            central=tuple(f"Boy:Boy_{name}" for name in HUMANIK.central),
            sided=tuple(f"Boy:Boy_{name}" if name else "" for name in HUMANIK.sided),
        ),
    ),
    "auto-rig pro": Detailed(
        ARP,
        (
            *along(ARP, ("arm_twist.{}", "forearm_twist.{}", "thigh_twist.{}", "leg_twist.{}"), (0.5,)),
            *beside("head.x", "jawbone.x", "c_eye.l", "c_eye.r"),
            *beside("root.x", "c_bottom_01.l", "bottom.l"),
        ),
        twists=("arm_twist.{0}", "forearm_twist.{0}"),
    ),
    "mikumikudance": Detailed(MMD, MMD_EXTRAS, ignored=("pelvis", "spine")),
    "mikumikudance in blender": Detailed(
        replace(
            MMD,
            sided=tuple(f"{name}.{{}}" if name else "" for name in MMD_LIMBS),
            sides=("L", "R"),
            extra=tuple(MMD.extra[:4]),
        ),
        (
            Extra("腕捩.{}", "腕.{}", "ひじ.{}", 0.6, carries=True),
            Extra("手捩.{}", "ひじ.{}", "手首.{}", 0.6, carries=True),
            *beside("頭", "目.L", "目.R", "両目"),
        ),
        ignored=("pelvis", "spine"),
    ),
    "mb-lab": Detailed(
        Family(
            ("pelvis", "spine01", "spine02", "spine03", "neck", "head"),
            ("thigh_{}", "calf_{}", "foot_{}", "toes_{}", "clavicle_{}", "upperarm_{}", "lowerarm_{}", "hand_{}", ""),
            ("L", "R"),
            extra=roots("root"),
            parents={"pelvis": "root"},
        ),
        (
            *beside("thigh_{}", "thigh_twist_{}"),
            *beside("calf_{}", "calf_twist_{}"),
            *beside("spine03", "breast_L", "breast_R"),
        ),
    ),
    "makehuman": Detailed(
        Family(
            ("root", "spine05", "spine03", "spine01", "neck01", "head"),
            (
                "upperleg01.{}", "lowerleg01.{}", "foot.{}", "", "clavicle.{}", "upperarm01.{}", "lowerarm01.{}",
                "wrist.{}", "",
            ),
            ("L", "R"),
        ),
        (
            Extra("spine04", "spine05", "spine03", 0.5, carries=True),
            Extra("spine02", "spine03", "spine01", 0.5, carries=True),
            Extra("neck02", "neck01", "head", 0.3, carries=True),
            Extra("neck03", "neck02", "head", 0.5, carries=True),
            Extra("pelvis.{}", "root", "upperleg01.{}", 0.5, carries=True),
            Extra("shoulder01.{}", "clavicle.{}", "upperarm01.{}", 0.7, carries=True),
            Extra("upperleg02.{}", "upperleg01.{}", "lowerleg01.{}", 0.5, carries=True),
            Extra("lowerleg02.{}", "lowerleg01.{}", "foot.{}", 0.5, carries=True),
            Extra("upperarm02.{}", "upperarm01.{}", "lowerarm01.{}", 0.5, carries=True),
            Extra("lowerarm02.{}", "lowerarm01.{}", "wrist.{}", 0.5, carries=True),
            *beside("spine02", "breast.L", "breast.R"),
            *below("head", "jaw", "special04", "oris02"),
        ),
        {
            "spine": ("spine05", "spine04", "spine03", "spine02", "spine01"),
            "left_knee": ("lowerleg01.L", "lowerleg02.L"),
            "neck": ("neck01", "neck02", "neck03"),
        },
    ),
}  # fmt: skip
