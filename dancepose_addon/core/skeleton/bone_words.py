# SPDX-License-Identifier: Apache-2.0
"""Words in the joint names of common rigs, as data for ``bone_names``.

Sources: the rigs' own bone lists (Mixamo, 3ds Max Biped, DAZ, Character Creator, VRM, Rigify, Auto-Rig Pro, MakeHuman,
ARKit, Xsens, OptiTrack Motive, GENEA, BEAT, HDM05's ASF, Kinect SDK).
"""

from typing import Final

SIDES: Final = {
    "left": "left", "right": "right", "l": "left", "r": "right", "lft": "left", "rgt": "right", "lt": "left",
    "rt": "right",
}  # fmt: skip
CENTRES: Final = frozenset({"c", "x", "center", "centre", "mid"})
LEADING: Final = frozenset(
    {
        "mixamorig", "bip", "biped", "character", "def", "org", "mch", "smpl", "smplh", "smplx", "m", "f", "avg",
        "mosh", "j", "cc", "base", "b", "skel", "skeleton", "armature", "rig", "jnt", "sk", "valve", "valvebiped",
        "bn", "bone", "c", "actor", "human", "hik", "genesis",
    }
)  # fmt: skip
TRAILING: Final = frozenset({"jnt", "joint", "bone", "bn", "stretch", "bend", "x", "anim", "drv", "skin", "def"})
IGNORED: Final = frozenset(
    {
        "twist", "roll", "nub", "end", "ik", "pole", "target", "ctrl", "helper", "share", "sec", "effector",
        "handle", "prop", "hair", "skirt", "breast", "tip", "top", "muscle", "dummy", "metacarpal",
    }
)  # fmt: skip
"""A bone whose name has one of these moves skin, hair or tools, or marks an end."""

UPPER_LEGS: Final = ("upleg", "upperleg", "thigh", "femur", "legupper", "upperthigh")
FORE_LEGS: Final = (
    "lowerleg", "lowleg", "loleg", "shin", "shank", "calf", "tibia", "knee", "leglower", "crus",
)  # fmt: skip
TOES: Final = ("toebase", "toe", "toes", "ball", "bigtoe", "toebone", "football")
UPPER_ARMS: Final = ("upperarm", "uparm", "upparm", "uarm", "humerus", "shldr", "armupper")
ELBOWS: Final = ("forearm", "lowerarm", "loarm", "lowarm", "farm", "elbow", "radius", "ulna", "armlower", "fore")
FINGERS: Final = (
    "handmiddle", "middle", "mid", "fmiddle", "middlefinger", "handmid", "handm", "inhandmiddle", "middleproximal",
    "fingerbase", "fingers", "handindex", "index", "findex", "handi", "indexproximal", "finger", "knuckle",
)  # fmt: skip
"""Where SMPL's hand joint lies is nearest to the first of these that a file has."""
PELVES: Final = ("pelvis", "hips", "hip", "pubis", "spinebase", "midhip", "root", "cog")
NECKS: Final = ("neck", "lowerneck", "necklower", "neckbase", "necktwist", "neckjoint", "spineshoulder")
HEADS: Final = ("head",)
SPINES: Final = (
    "lowerback", "upperback", "lowback", "midback", "back", "abdomen", "ab", "abdomenlower", "abdomenupper", "spine",
    "chest", "chestlower", "chestupper", "upperchest", "torso", "thorax", "waist", "spinemid", "spinenavel",
    "spinechest", "belly", "tummy", "l5", "l3", "t12", "t8", "spinelower", "spineupper", "stomach",
)  # fmt: skip
SPINE_HEIGHTS: Final = {
    **dict.fromkeys(
        ("waist", "belly", "tummy", "stomach", "lowerback", "lowback", "abdomenlower", "spinelower", "l5"), 1.0
    ),
    **dict.fromkeys(("abdomen", "ab", "l3"), 1.5),
    **dict.fromkeys(("spine", "back", "torso", "spinenavel", "abdomenupper"), 2.0),
    **dict.fromkeys(("midback", "spinemid", "t12"), 2.5),
    **dict.fromkeys(("upperback", "spineupper", "chestlower", "t8"), 3.0),
    **dict.fromkeys(("chest", "spinechest", "thorax"), 3.5),
    **dict.fromkeys(("upperchest", "chestupper"), 4.0),
}
"""Order of a spine's bones from below to above."""
WORDS: Final = frozenset(
    {
        *UPPER_LEGS, *FORE_LEGS, *TOES, *UPPER_ARMS, *ELBOWS, *FINGERS, *PELVES, *NECKS, *HEADS, *SPINES, "leg", "arm",
        "hip", "hand", "wrist", "foot", "ankle", "shoulder", "clavicle", "collar", "clav", "collarbone", "scapula",
        "palm", "upperneck",
    }
)  # fmt: skip
