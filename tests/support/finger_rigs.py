# SPDX-License-Identifier: Apache-2.0
"""Families of ``rigs`` with the fingers that their programs name, and families that differ mainly in names."""

from dataclasses import replace

from dancepose_addon.core.body.joint_tree import FINGERS
from tests.support.rigs import FAMILIES, MIXAMO, UNREAL, Family

TITLES = ("Index", "Middle", "Pinky", "Ring", "Thumb")
SHORT = ("Index", "Mid", "Pinky", "Ring", "Thumb")
LITTLE = ("Index", "Middle", "Little", "Ring", "Thumb")
BIPED_ORDER = (1, 2, 4, 3, 0)
"""Biped counts from the thumb; SMPL+H's order is index, middle, little, ring, thumb."""


def numbered(pattern: str, words: tuple[str, ...] = TITLES) -> tuple[tuple[str, ...], ...]:
    """Names of the fingers' bones: {1} is the finger, {2} the number from 1."""
    return tuple(tuple(pattern.format("{}", word, number) for number in (1, 2, 3)) for word in words)


def named(pattern: str, words: tuple[str, ...] = TITLES) -> tuple[tuple[str, ...], ...]:
    """Names with the anatomical words of VRM 1, whose thumb begins with its metacarpal."""
    phalanges, thumb = ("proximal", "intermediate", "distal"), ("metacarpal", "proximal", "distal")
    parts = [thumb if word.lower() == "thumb" else phalanges for word in words]
    return tuple(
        tuple(pattern.format("{}", word, part) for part in chosen) for word, chosen in zip(words, parts, strict=True)
    )


def beside(patterns: tuple[tuple[str, str], ...], sides: tuple[str, str]) -> tuple[tuple[str, str, tuple], ...]:
    """Extra bones on both sides: name and parent with {} for the side, 1 cm from the parent."""
    return tuple(
        (name.format(side), parent.format(side), (0.005, 0.0, 0.01)) for name, parent in patterns for side in sides
    )


def _family(name: str, fingers: tuple[tuple[str, ...], ...], **changes: object) -> Family:
    return replace(FAMILIES[name], fingers=fingers, **changes)


_METAHUMAN = beside(
    (
        ("index_metacarpal_{}", "hand_{}"),
        ("index_01_half_{}", "index_01_{}"),
        ("index_02_palmMid_{}", "index_02_{}"),
        ("middle_01_bulge_{}", "middle_01_{}"),
        ("thumb_01_mcp_{}", "thumb_01_{}"),
        ("wrist_outer_{}", "hand_{}"),
    ),
    ("l", "r"),
)
_ROKOKO = tuple(
    tuple(f"{{}}Finger{number}{part}" for part in parts)
    for number, parts in (
        *((n, ("Proximal", "Medial", "Distal")) for n in (2, 3, 5, 4)),
        (1, ("Metacarpal", "Proximal", "Distal")),
    )
)
_VRM1_BODY = {
    "central": ("hips", "spine", "chest", "upper_chest", "neck", "head"),
    "sided": (
        "upper_leg.{}", "lower_leg.{}", "foot.{}", "toes.{}", "shoulder.{}", "upper_arm.{}", "lower_arm.{}",
        "hand.{}", "",
    ),
    "sides": ("L", "R"),
}  # fmt: skip

WITH_FINGERS: dict[str, Family] = {
    "mixamo": _family("mixamo", numbered("mixamorig:{}Hand{}{}")),
    "mixamo numbered": replace(
        MIXAMO,
        central=tuple(name.replace("rig:", "rig1:") for name in MIXAMO.central),
        sided=tuple(name.replace("rig:", "rig1:") for name in MIXAMO.sided),
        fingers=numbered("mixamorig1:{}Hand{}{}"),
        extra=beside((("mixamorig1:{}HandIndex4", "mixamorig1:{}HandIndex3"),), ("Left", "Right")),
    ),
    "unreal": replace(UNREAL, fingers=numbered("{1}_0{2}_{0}", tuple(word.lower() for word in TITLES))),
    "metahuman": replace(
        UNREAL,
        fingers=numbered("{1}_0{2}_{0}", tuple(word.lower() for word in TITLES)),
        extra=(*UNREAL.extra, *_METAHUMAN),
    ),
    "unity": _family(
        "unity",
        numbered("Character1_{}Hand{}{}"),
        extra=beside((("Character1_{}InHandIndex", "Character1_{}Hand"),), ("Left", "Right")),
    ),
    "ready player me": _family(
        "ready player me",
        numbered("{}Hand{}{}"),
        extra=beside(tuple((f"{{}}Hand{word}4", f"{{}}Hand{word}3") for word in TITLES), ("Left", "Right")),
    ),
    "vroid": _family("vroid", numbered("J_Bip_{}_{}{}", LITTLE)),
    "vrm 1": Family(**_VRM1_BODY, fingers=named("{1}_{2}.{0}", tuple(word.lower() for word in LITTLE))),
    "quaternius": _family("quaternius", numbered("{1}{2}.{0}")),
    "character creator": _family("character creator", numbered("CC_Base_{}_{}{}", SHORT)),
    "daz": _family(
        "daz",
        numbered("{}{}{}", SHORT),
        extra=beside((("{}Carpal1", "{}Hand"), ("{}Carpal2", "{}Hand")), ("l", "r")),
    ),
    "daz 9": Family(
        ("hip", "spine1", "spine2", "spine4", "neck1", "head"),
        ("{}_thigh", "{}_shin", "{}_foot", "{}_toes", "{}_shoulder", "{}_upperarm", "{}_forearm", "{}_hand", ""),
        ("l", "r"),
        arms_down_deg=40.0,
        scale=0.01,
        fingers=numbered("{}_{}{}", tuple(word.lower() for word in SHORT)),
        extra=beside((("{}_indexmetacarpal", "{}_hand"), ("{}_thightwist1", "{}_thigh")), ("l", "r")),
    ),
    "auto-rig pro": _family("auto-rig pro", numbered("c_{1}{2}.{0}", tuple(word.lower() for word in TITLES))),
    "biped": _family(
        "biped",
        tuple(
            tuple(f"Bip01 {{}} Finger{number}{part}" for part in ("", 1, 2))
            for number in BIPED_ORDER
        ),
    ),
    "mikumikudance": _family(
        "mikumikudance",
        tuple(
            tuple(f"{{}}{word}{number}" for number in numbers)
            for word, numbers in (
                ("人指", "１２３"), ("中指", "１２３"), ("小指", "１２３"), ("薬指", "１２３"), ("親指", "０１２"),
            )
        ),
    ),
    "rigify metarig": _family(
        "rigify metarig",
        tuple(
            tuple(f"{'' if finger == 'thumb' else 'f_'}{finger}.0{number}.{{}}" for number in (1, 2, 3))
            for finger in FINGERS
        ),
        extra=beside((("palm.01.{}", "hand.{}"), ("palm.04.{}", "hand.{}")), ("L", "R")),
    ),
    "makehuman": replace(
        FAMILIES["mid-stride"],
        fingers=tuple(tuple(f"finger{n}-{part}.{{}}" for part in (1, 2, 3)) for n in (2, 3, 5, 4, 1)),
        extra=beside((("metacarpal1.{}", "hand.{}"),), ("l", "r")),
    ),
    "rokoko": Family(
        ("Hips", "Spine1", "Spine2", "Spine3", "Neck", "Head"),
        ("{}Thigh", "{}Shin", "{}Foot", "{}Toe", "{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand", ""),
        fingers=_ROKOKO,
        extra=beside((("{}Finger2Metacarpal", "{}Hand"), ("{}Finger5Tip", "{}Finger5Distal")), ("Left", "Right")),
    ),
    "valve": Family(
        tuple(f"ValveBiped.Bip01_{name}" for name in ("Pelvis", "Spine", "Spine1", "Spine2", "Neck1", "Head1")),
        tuple(
            f"ValveBiped.Bip01_{{}}_{name}" if name else ""
            for name in ("Thigh", "Calf", "Foot", "Toe0", "Clavicle", "UpperArm", "Forearm", "Hand", "")
        ),
        ("L", "R"),
        scale=0.0254,
        fingers=tuple(
            tuple(f"ValveBiped.Bip01_{{}}_Finger{number}{part}" for part in ("", 1, 2))
            for number in BIPED_ORDER
        ),
    ),
    "cats": Family(
        ("Hips", "Spine", "Chest", "Upper Chest", "Neck", "Head"),
        ("{} leg", "{} knee", "{} ankle", "{} toe", "{} shoulder", "{} arm", "{} elbow", "{} wrist", ""),
        ("Left", "Right"),
        fingers=numbered("{1}Finger{2}_{0}", ("Index", "Middle", "Little", "Ring", "Thumb")),
    ),
}  # fmt: skip
WITHOUT_FINGERS: dict[str, Family] = {
    "xsens": Family(
        ("Pelvis", "L5", "L3", "T8", "Neck", "Head"),
        (
            "{}UpperLeg", "{}LowerLeg", "{}Foot", "{}Toe", "{}Shoulder", "{}UpperArm", "{}ForeArm", "{}Hand", "",
        ),
    ),
    "kinect": Family(
        ("SpineBase", "", "SpineMid", "SpineShoulder", "Neck", "Head"),
        ("Hip{}", "Knee{}", "Ankle{}", "Foot{}", "", "Shoulder{}", "Elbow{}", "Wrist{}", "Hand{}"),
    ),
    "smpl": Family(
        ("m_avg_Pelvis", "m_avg_Spine1", "m_avg_Spine2", "m_avg_Spine3", "m_avg_Neck", "m_avg_Head"),
        tuple(
            f"m_avg_{{}}_{name}"
            for name in ("Hip", "Knee", "Ankle", "Foot", "Collar", "Shoulder", "Elbow", "Wrist", "Hand")
        ),
        ("L", "R"),
        scale=0.01,
    ),
    "perception neuron": Family(
        tuple(f"Robot_{name}" for name in ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head")),
        tuple(
            f"Robot_{{}}{name}" if name else ""
            for name in ("UpLeg", "Leg", "Foot", "", "Shoulder", "Arm", "ForeArm", "Hand", "")
        ),
    ),
}  # fmt: skip
