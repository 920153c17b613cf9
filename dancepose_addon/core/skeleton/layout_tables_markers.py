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


def _place(name: str) -> tuple[str, tuple[float, float, float]]:
    if name in _MIDDLE:
        return _MIDDLE[name]
    if name in _LEFT:
        return _LEFT[name]
    bone, (x, y, z) = _LEFT[f"L{name[1:]}"]
    return bone.replace("left_", "right_"), (-x, y, z)


def _plug_in_gait() -> Layout:
    index = {name: number for number, name in enumerate(_ORDER)}
    places = [_place(name) for name in _ORDER]
    mirrored = []
    for name in _ORDER:
        other = f"R{name[1:]}" if name in _LEFT else f"L{name[1:]}" if f"L{name[1:]}" in _LEFT else name
        mirrored.append(index[other])
    joints = tuple(JOINT_INDEX[bone] for bone, _ in places)
    return Layout(
        name="plugingait39",
        title="Vicon Plug-in Gait, full body (39)",
        keypoints=_ORDER,
        edges=tuple((index[first], index[second]) for first, second in _EDGES),
        joints=joints,
        mirrored=tuple(mirrored),
        left=(index["LSHO"], index["LASI"]),
        right=(index["RSHO"], index["RASI"]),
        top=tuple(index[name] for name in ("LFHD", "RFHD", "LBHD", "RBHD", "C7")),
        bottom=tuple(index[name] for name in ("LANK", "RANK", "LHEE", "RHEE", "LTOE", "RTOE")),
        attached_to=tuple(((joint, 1.0),) for joint in joints),
        offsets_m=tuple(offset for _, offset in places),
        is_builtin=True,
    )


# Vicon's Plug-in Gait Reference Guide, full body.
PLUGINGAIT39: Final = _plug_in_gait()
