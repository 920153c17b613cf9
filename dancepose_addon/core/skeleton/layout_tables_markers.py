# SPDX-License-Identifier: Apache-2.0
"""Layouts of optical marker sets, as data. Markers lie on the skin, some centimetres from the joints.

Places were found on the default body by casting rays from its bones, after the marker's description, with 7 mm for the
marker itself. People who stick them on are a centimetre or two off; ``--adapt`` lets them shift.
"""

from typing import Final

from ..body.model import JOINT_INDEX
from .layout import Layout

_LEFT: Final[dict[str, tuple[str, tuple[float, float, float]]]] = {
    "LFHD": ("head", (0.055, 0.073, 0.088)),
    "LBHD": ("head", (0.053, 0.090, -0.082)),
    "LSHO": ("left_collar", (0.154, 0.071, -0.006)),
    "LUPA": ("left_shoulder", (0.160, 0.045, 0.018)),
    "LELB": ("left_shoulder", (0.256, 0.021, 0.050)),
    "LFRM": ("left_elbow", (0.106, 0.044, 0.002)),
    "LWRA": ("left_elbow", (0.232, 0.000, 0.042)),
    "LWRB": ("left_elbow", (0.227, 0.001, -0.037)),
    "LFIN": ("left_wrist", (0.080, 0.020, 0.009)),
    "LASI": ("pelvis", (0.120, 0.033, 0.103)),
    "LPSI": ("pelvis", (0.051, 0.030, -0.108)),
    "LTHI": ("left_hip", (0.106, -0.169, 0.003)),
    "LKNE": ("left_hip", (0.099, -0.349, -0.010)),
    "LTIB": ("left_knee", (0.069, -0.234, -0.020)),
    "LANK": ("left_knee", (0.047, -0.445, -0.008)),
    "LHEE": ("left_ankle", (0.004, -0.045, -0.057)),
    "LTOE": ("left_ankle", (-0.017, -0.012, 0.110)),
}
"""Marker of the left side: its bone and its offset from the bone's joint, metres, T-pose."""
_MIDDLE: Final[dict[str, tuple[str, tuple[float, float, float]]]] = {
    "C7": ("neck", (0.0, -0.058, -0.071)),
    "T10": ("spine2", (0.0, 0.098, -0.061)),
    "CLAV": ("spine3", (0.0, 0.074, 0.144)),
    "STRN": ("spine3", (0.0, -0.064, 0.178)),
    "RBAK": ("spine3", (-0.084, 0.046, -0.065)),
}
_ORDER: Final = (
    "LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN", "RBAK", "LSHO", "LUPA", "LELB", "LFRM", "LWRA", "LWRB",
    "LFIN", "RSHO", "RUPA", "RELB", "RFRM", "RWRA", "RWRB", "RFIN", "LASI", "RASI", "LPSI", "RPSI", "LTHI", "LKNE",
    "LTIB", "LANK", "LHEE", "LTOE", "RTHI", "RKNE", "RTIB", "RANK", "RHEE", "RTOE",
)  # fmt: skip
_EDGES: Final = (
    ("LFHD", "RFHD"), ("LBHD", "RBHD"), ("LFHD", "LBHD"), ("RFHD", "RBHD"), ("C7", "LBHD"), ("C7", "RBHD"),
    ("C7", "CLAV"), ("C7", "T10"), ("CLAV", "STRN"), ("STRN", "T10"), ("C7", "RBAK"), ("T10", "RBAK"), ("C7", "LSHO"),
    ("C7", "RSHO"), ("LSHO", "LUPA"), ("LUPA", "LELB"), ("LSHO", "LELB"), ("LELB", "LFRM"), ("LELB", "LWRA"),
    ("LELB", "LWRB"), ("LWRA", "LWRB"), ("LWRA", "LFIN"), ("LWRB", "LFIN"), ("RSHO", "RUPA"), ("RUPA", "RELB"),
    ("RSHO", "RELB"), ("RELB", "RFRM"), ("RELB", "RWRA"), ("RELB", "RWRB"), ("RWRA", "RWRB"), ("RWRA", "RFIN"),
    ("RWRB", "RFIN"), ("LASI", "RASI"), ("LPSI", "RPSI"), ("LASI", "LPSI"), ("RASI", "RPSI"), ("T10", "LPSI"),
    ("T10", "RPSI"), ("LASI", "LTHI"), ("LTHI", "LKNE"), ("LKNE", "LTIB"), ("LKNE", "LANK"), ("LTIB", "LANK"),
    ("LANK", "LHEE"), ("LANK", "LTOE"), ("LHEE", "LTOE"), ("RASI", "RTHI"), ("RTHI", "RKNE"), ("RKNE", "RTIB"),
    ("RKNE", "RANK"), ("RTIB", "RANK"), ("RANK", "RHEE"), ("RANK", "RTOE"), ("RHEE", "RTOE"), ("STRN", "LASI"),
    ("STRN", "RASI"),
)  # fmt: skip


_MOTIVE_LEFT: Final[dict[str, tuple[str, tuple[float, float, float]]]] = {
    "LShoulderBack": ("left_collar", (0.130, 0.020, -0.075)),
    "LShoulderTop": _LEFT["LSHO"],
    "LElbowOut": _LEFT["LELB"],
    "LUArmHigh": ("left_shoulder", (0.100, 0.052, 0.010)),
    "LHandOut": ("left_wrist", (0.080, 0.018, -0.020)),
    "LWristOut": _LEFT["LWRB"],
    "LWristIn": _LEFT["LWRA"],
    "LThigh": _LEFT["LTHI"],
    "LKneeOut": _LEFT["LKNE"],
    "LShin": _LEFT["LTIB"],
    "LAnkleOut": _LEFT["LANK"],
    "LToeOut": ("left_ankle", (0.035, -0.020, 0.085)),
    "LToeIn": ("left_ankle", (-0.045, -0.015, 0.105)),
}
_MOTIVE_MIDDLE: Final[dict[str, tuple[str, tuple[float, float, float]]]] = {
    "HeadTop": ("head", (0.0, 0.175, 0.0)),
    "HeadFront": ("head", (0.0, 0.080, 0.110)),
    "HeadSide": ("head", (0.085, 0.085, 0.0)),
    "BackTop": _MIDDLE["C7"],
    "BackLeft": ("spine3", (0.084, 0.046, -0.065)),
    "BackRight": _MIDDLE["RBAK"],
    "Chest": ("spine3", (0.0, -0.020, 0.172)),
    "WaistLFront": _LEFT["LASI"],
    "WaistRFront": ("pelvis", (-0.120, 0.033, 0.103)),
    "WaistLBack": _LEFT["LPSI"],
    "WaistRBack": ("pelvis", (-0.051, 0.030, -0.108)),
}
_MOTIVE_PAIRS: Final = (
    ("BackLeft", "BackRight"), ("WaistLFront", "WaistRFront"), ("WaistLBack", "WaistRBack"),
)  # fmt: skip
_MOTIVE_EDGES: Final = (
    ("HeadTop", "HeadFront"), ("HeadTop", "HeadSide"), ("HeadFront", "HeadSide"), ("BackTop", "HeadTop"),
    ("BackTop", "BackLeft"), ("BackTop", "BackRight"), ("BackLeft", "BackRight"), ("BackTop", "Chest"),
    ("WaistLFront", "WaistRFront"), ("WaistLBack", "WaistRBack"), ("WaistLFront", "WaistLBack"),
    ("WaistRFront", "WaistRBack"), ("BackLeft", "WaistLBack"), ("BackRight", "WaistRBack"), ("Chest", "WaistLFront"),
)  # fmt: skip
_MOTIVE_SIDE_EDGES: Final = (
    ("ShoulderTop", "ShoulderBack"), ("ShoulderTop", "UArmHigh"), ("UArmHigh", "ElbowOut"), ("ShoulderTop", "ElbowOut"),
    ("ElbowOut", "WristOut"), ("ElbowOut", "WristIn"), ("WristOut", "WristIn"), ("WristOut", "HandOut"),
    ("Thigh", "KneeOut"), ("KneeOut", "Shin"), ("KneeOut", "AnkleOut"), ("Shin", "AnkleOut"), ("AnkleOut", "ToeOut"),
    ("AnkleOut", "ToeIn"), ("ToeOut", "ToeIn"),
)  # fmt: skip
_CMU_NAMES: Final = {"ASI": "FWT", "PSI": "BWT", "WRA": "IWR", "WRB": "OWR", "TIB": "SHN", "BAK": "BAC"}
"""Plug-in Gait's markers -> those of CMU's set at the same places, behind the letter of the side."""


def _mirrored_place(place: tuple[str, tuple[float, float, float]]) -> tuple[str, tuple[float, float, float]]:
    bone, (x, y, z) = place
    return bone.replace("left_", "right_"), (-x, y, z)


def _both_sides(
    left: dict[str, tuple[str, tuple[float, float, float]]],
) -> dict[str, tuple[str, tuple[float, float, float]]]:
    return {**left, **{f"R{name[1:]}": _mirrored_place(place) for name, place in left.items()}}


def _marker_set(
    name: str,
    title: str,
    places: dict[str, tuple[str, tuple[float, float, float]]],
    edges: tuple[tuple[str, str], ...],
    pairs: tuple[tuple[str, str], ...],
    *,
    trunk: tuple[tuple[str, str], ...],
    top: tuple[str, ...],
    bottom: tuple[str, ...],
) -> Layout:
    """A layout of markers by their places. pairs: mirror images; trunk: those of shoulders and hips, left first."""
    order = tuple(places)
    index = {marker: number for number, marker in enumerate(order)}
    other = {first: second for pair in pairs for first, second in (pair, pair[::-1])}
    joints = tuple(JOINT_INDEX[bone] for bone, _ in places.values())
    return Layout(
        name=name,
        title=title,
        keypoints=order,
        edges=tuple((index[first], index[second]) for first, second in edges),
        joints=joints,
        mirrored=tuple(index[other.get(marker, marker)] for marker in order),
        left=tuple(index[first] for first, _ in trunk),
        right=tuple(index[second] for _, second in trunk),
        top=tuple(index[marker] for marker in top),
        bottom=tuple(index[marker] for marker in bottom),
        attached_to=tuple(((joint, 1.0),) for joint in joints),
        offsets_m=tuple(offset for _, offset in places.values()),
        is_builtin=True,
    )


def _sides(left: dict[str, tuple[str, tuple[float, float, float]]]) -> tuple[tuple[str, str], ...]:
    return tuple((marker, f"R{marker[1:]}") for marker in left)


def _plug_in_gait() -> Layout:
    known = {**_MIDDLE, **_both_sides(_LEFT)}
    return _marker_set(
        "plugingait39", "Vicon Plug-in Gait, full body (39)", {name: known[name] for name in _ORDER}, _EDGES,
        _sides(_LEFT), trunk=(("LSHO", "RSHO"), ("LASI", "RASI")), top=("LFHD", "RFHD", "LBHD", "RBHD", "C7"),
        bottom=("LANK", "RANK", "LHEE", "RHEE", "LTOE", "RTOE"),
    )  # fmt: skip


def _cmu_name(name: str) -> str:
    """The name that CMU's set has for a marker of Plug-in Gait."""
    return name[:1] + _CMU_NAMES.get(name[1:], name[1:])


def _cmu() -> Layout:
    left = {_cmu_name(name): place for name, place in _LEFT.items()}
    left["LMT5"] = _MOTIVE_LEFT["LToeOut"]
    middle = {_cmu_name(name) if name == "RBAK" else name: place for name, place in _MIDDLE.items()}
    middle["ARIEL"] = _MOTIVE_MIDDLE["HeadTop"]
    edges = tuple((_cmu_name(first), _cmu_name(second)) for first, second in _EDGES)
    more = (("ARIEL", "LFHD"), ("ARIEL", "RFHD"), ("LANK", "LMT5"), ("LTOE", "LMT5"), ("RANK", "RMT5"), ("RTOE", "RMT5"))
    return _marker_set(
        "cmu42", "CMU's optical markers (42)", {**middle, **_both_sides(left)}, (*edges, *more), _sides(left),
        trunk=(("LSHO", "RSHO"), ("LFWT", "RFWT")), top=("LFHD", "RFHD", "LBHD", "RBHD", "C7"),
        bottom=("LANK", "RANK", "LHEE", "RHEE", "LTOE", "RTOE"),
    )  # fmt: skip


def _motive() -> Layout:
    side = tuple((f"{letter}{a}", f"{letter}{b}") for letter in "LR" for a, b in _MOTIVE_SIDE_EDGES)
    joins = (
        ("LShoulderBack", "BackLeft"), ("RShoulderBack", "BackRight"), ("LThigh", "WaistLFront"),
        ("RThigh", "WaistRFront"), ("LHandOut", "LWristIn"), ("RHandOut", "RWristIn"),
    )  # fmt: skip
    return _marker_set(
        "motive37", "OptiTrack Motive, Baseline (37)", {**_MOTIVE_MIDDLE, **_both_sides(_MOTIVE_LEFT)},
        (*_MOTIVE_EDGES, *side, *joins), (*_MOTIVE_PAIRS, *_sides(_MOTIVE_LEFT)),
        trunk=(("LShoulderTop", "RShoulderTop"), ("WaistLFront", "WaistRFront")), top=("HeadTop", "HeadFront", "HeadSide"),
        bottom=("LAnkleOut", "RAnkleOut", "LToeOut", "RToeOut", "LToeIn", "RToeIn"),
    )  # fmt: skip


# Vicon's Plug-in Gait Reference Guide, full body.
PLUGINGAIT39: Final = _plug_in_gait()
# The marker set of CMU's Graphics Lab motion capture database, mocap.cs.cmu.edu (markerPlacementGuide).
CMU42: Final = _cmu()
# OptiTrack Motive, Baseline marker set; Core and hinged-toe sets add markers to it.
MOTIVE37: Final = _motive()
MARKER_SETS: Final = (PLUGINGAIT39, CMU42, MOTIVE37)
