# SPDX-License-Identifier: Apache-2.0
"""Files of motion capture laboratories, rebuilt from the waltz: ASF/AMC, NTU RGB+D, Motive's and Nexus' CSV."""

from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.model_io import load_body

from .samples import FPS, Motion, points_of

ASIDE: Final = np.array([1.0, 0.0, 0.0])
"""Metres, of a second person."""


def amc_texts(motion: Motion) -> tuple[str, str]:
    """ASF and AMC of a chain with the waltz's bones: each from a joint to its first child, axes along the world's."""
    rest = load_body().rest_joints().astype(np.float64)
    names = {
        "left_hip": "lfemur", "left_knee": "ltibia", "left_ankle": "lfoot", "left_foot": "ltoes", "right_hip": "rfemur",
        "right_knee": "rtibia", "right_ankle": "rfoot", "right_foot": "rtoes", "spine1": "lowerback",
        "spine2": "upperback", "spine3": "thorax", "neck": "lowerneck", "head": "head", "left_collar": "lclavicle",
        "left_shoulder": "lhumerus", "left_elbow": "lradius", "left_wrist": "lwrist", "right_collar": "rclavicle",
        "right_shoulder": "rhumerus", "right_elbow": "rradius", "right_wrist": "rwrist",
    }  # fmt: skip
    unit = 0.45 / 0.0254
    children = {
        "left_hip": "left_knee", "left_knee": "left_ankle", "left_ankle": "left_foot", "right_hip": "right_knee",
        "right_knee": "right_ankle", "right_ankle": "right_foot", "spine1": "spine2", "spine2": "spine3",
        "spine3": "neck", "neck": "head", "left_collar": "left_shoulder", "left_shoulder": "left_elbow",
        "left_elbow": "left_wrist", "left_wrist": "left_hand", "right_collar": "right_shoulder",
        "right_shoulder": "right_elbow", "right_elbow": "right_wrist", "right_wrist": "right_hand",
    }  # fmt: skip
    starts = {"lhipjoint": ("pelvis", "left_hip"), "rhipjoint": ("pelvis", "right_hip"), "trunk": ("pelvis", "spine1"),
              "lshoulder": ("neck", "left_collar"), "rshoulder": ("neck", "right_collar")}  # fmt: skip
    asf = [":version 1.10", ":name waltz", ":units", "  mass 1.0", "  length 0.45", "  angle deg", ":root",
           "  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0",
           ":bonedata"]  # fmt: skip
    bones: list[tuple[str, str, F64, str]] = []
    for bone, (first, last) in starts.items():
        bones.append((bone, first, rest[JOINT_NAMES.index(last)] - rest[JOINT_NAMES.index(first)], ""))
    for joint, name in names.items():
        child = children.get(joint)
        way = np.array([0.0, 0.1, 0.0]) if child is None else (
            rest[JOINT_NAMES.index(child)] - rest[JOINT_NAMES.index(joint)]
        )  # fmt: skip
        bones.append((name, joint, way, joint))
    for bone, _, way, joint in bones:
        length = float(np.linalg.norm(way))
        direction = way / length
        asf += ["  begin", f"    name {bone}", "    direction " + " ".join(f"{value:.9f}" for value in direction),
                f"    length {length * unit:.9f}", "    axis 0 0 0 XYZ"]  # fmt: skip
        asf += ["    dof rx ry rz"] if joint else []
        asf.append("  end")
    asf += [":hierarchy", "  begin", "    root lhipjoint rhipjoint trunk", "    lhipjoint lfemur", "    lfemur ltibia",
            "    ltibia lfoot", "    lfoot ltoes", "    rhipjoint rfemur", "    rfemur rtibia", "    rtibia rfoot",
            "    rfoot rtoes", "    trunk lowerback", "    lowerback upperback", "    upperback thorax",
            "    thorax lowerneck lshoulder rshoulder", "    lowerneck head", "    lshoulder lclavicle",
            "    lclavicle lhumerus", "    lhumerus lradius", "    lradius lwrist", "    rshoulder rclavicle",
            "    rclavicle rhumerus", "    rhumerus rradius", "    rradius rwrist", "  end"]  # fmt: skip
    amc = ["#!OML:ASF", ":FULLY-SPECIFIED", ":DEGREES"]
    angles = np.degrees(_xyz(motion.pose))
    place = points_of(motion, "smpl24")[:, 0] * unit
    for frame in range(len(motion.pose)):
        amc.append(str(frame + 1))
        amc.append("root " + " ".join(f"{value:.6f}" for value in (*place[frame], *angles[frame, 0])))
        for joint, name in names.items():
            amc.append(f"{name} " + " ".join(f"{v:.6f}" for v in angles[frame, JOINT_NAMES.index(joint)]))
    return "\n".join(asf) + "\n", "\n".join(amc) + "\n"


def _xyz(rotmat: F64) -> F64:
    """Angles of R = Rz Ry Rx. rotmat: (..., 3, 3) -> (..., 3), radians."""
    y = np.arcsin(np.clip(-rotmat[..., 2, 0], -1.0, 1.0))
    x = np.arctan2(rotmat[..., 2, 1], rotmat[..., 2, 2])
    z = np.arctan2(rotmat[..., 1, 0], rotmat[..., 0, 0])
    return np.stack([x, y, z], axis=-1)


def ntu_text(motion: Motion) -> str:
    """NTU RGB+D's text, with a second body in the first frames."""
    points = points_of(motion, "kinect25")
    lines = [str(len(points))]
    for frame, at in enumerate(points):
        bodies = [("72057594037931101", at), ("72057594037931691", at + ASIDE)][: 2 if frame < 5 else 1]
        lines.append(str(len(bodies)))
        for name, places in bodies:
            lines += [f"{name} 0 1 1 1 1 0 0.02 0.05 2", "25"]
            lines += [" ".join(f"{v:.7f}" for v in place) + " 0 0 0 0 0 0 0 0 2" for place in places]
    return "\n".join(lines) + "\n"


def motive_text(motion: Motion) -> str:
    """Motive's CSV of a skeleton: rotations and positions of bones."""
    names = {
        "pelvis": "Hip", "spine1": "Ab", "spine3": "Chest", "neck": "Neck", "head": "Head", "left_collar": "LShoulder",
        "left_shoulder": "LUArm", "left_elbow": "LFArm", "left_wrist": "LHand", "right_collar": "RShoulder",
        "right_shoulder": "RUArm", "right_elbow": "RFArm", "right_wrist": "RHand", "left_hip": "LThigh",
        "left_knee": "LShin", "left_ankle": "LFoot", "left_foot": "LToe", "right_hip": "RThigh", "right_knee": "RShin",
        "right_ankle": "RFoot", "right_foot": "RToe",
    }  # fmt: skip
    points = points_of(motion, "smpl24")
    columns = 7 * len(names)
    titles = [f"Skel:{name}" for name in names.values() for _ in range(7)]
    lines = [
        (
            f"Format Version,1.23,Take Name,waltz,Capture Frame Rate,{FPS:.6f},Export Frame Rate,{FPS:.6f},"
            "Length Units,Meters,Coordinate Space,Global"
        ),
        "",
        "," + "," + ",".join(["Bone"] * columns),
        ",Name," + ",".join(titles),
        ",ID," + ",".join(["0"] * columns),
        "," + "," + ",".join((["Rotation"] * 4 + ["Position"] * 3) * len(names)),
        "Frame,Time (Seconds)," + ",".join(["X", "Y", "Z", "W", "X", "Y", "Z"] * len(names)),
    ]
    for frame, at in enumerate(points):
        cells = [str(frame), f"{frame / FPS:.6f}"]
        for joint in names:
            cells += ["0", "0", "0", "1", *(f"{value:.6f}" for value in at[JOINT_NAMES.index(joint)])]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def nexus_text(motion: Motion) -> str:
    """Nexus' CSV of trajectories of Plug-in Gait, with a model output among them."""
    from dancepose_addon.core.skeleton.layouts import PLUGINGAIT39

    points = points_of(motion, "plugingait39")[..., [0, 2, 1]] * [1000.0, -1000.0, 1000.0]
    names = [f"Anna:{name}" for name in PLUGINGAIT39.keypoints]
    lines = [
        "Trajectories", f"{FPS:g}", ",," + ",".join(f"{name},," for name in names) + ",Anna:LKneeAngles,,",
        "Frame,Sub Frame," + ",".join(["X,Y,Z"] * (len(names) + 1)), ",," + ",".join(["mm,mm,mm"] * (len(names) + 1)),
    ]  # fmt: skip
    for frame, at in enumerate(points):
        lines.append(",".join([str(frame + 1), "0", *(f"{value:.3f}" for value in at.ravel()), "10", "2", "3"]))
    return "\n".join([*lines, ""]) + "\n"
