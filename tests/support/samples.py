# SPDX-License-Identifier: Apache-2.0
"""Small files of every format that is read, made from the bundled waltz by independent code (not by our writers).

    python -m tests.support.samples FOLDER

What each holds is known exactly, so tests, fuzzing and the table of recognition start from them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
import io
import json
from pathlib import Path
import pickle
import sys
from typing import Any, Final
import warnings

import numpy as np

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import JOINT_NAMES, PARENTS, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from tools.build_example.waltz_dancer import dance

FPS: Final = 25.0
Z_UP: Final = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""By hand: a point of SMPL's axes (left, up, front) in AMASS' (left, back, up)."""

NAMINGS: Final[dict[str, dict[str, str]]] = {
    "mixamo": {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
        "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hand": "HandMiddle1",
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
    },
    "cmu": {
        "pelvis": "Hips", "spine1": "LowerBack", "spine2": "Spine", "spine3": "Spine1", "neck": "Neck", "head": "Head",
        "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hand": "FingerBase",
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase",
    },
    "lafan": {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
        "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg",
        "ankle": "Foot", "foot": "Toe",
    },
    "rokoko": {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
        "collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "Thigh", "knee": "Shin",
        "ankle": "Foot", "foot": "Toe",
    },
    "unreal": {
        "pelvis": "pelvis", "spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", "neck": "neck_01",
        "head": "head", "collar": "clavicle", "shoulder": "upperarm", "elbow": "lowerarm", "wrist": "hand",
        "hip": "thigh", "knee": "calf", "ankle": "foot", "foot": "ball",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Motion:
    """pose: (T, 24, 3, 3), local; translation: (T, 3), metres, SMPL's trans, y up; betas: none; fps: 25."""

    pose: F64
    translation: F64


@lru_cache(maxsize=1)
def waltz() -> Motion:
    """The bundled dance, as it was posed."""
    danced = dance(load_body())
    return Motion(danced.pose_rotmat.astype(np.float64), danced.translation_m.astype(np.float64))


def cut(motion: Motion, frames: int) -> Motion:
    """The first frames."""
    return Motion(motion.pose[:frames], motion.translation[:frames])


def body_motion(motion: Motion, body: BodyModel, *, scale: float = 1.0) -> BodyMotion:
    """A motion danced by the mean shape of ``body``."""
    betas = np.zeros(body.beta_count, np.float32)
    return BodyMotion(motion.pose.astype(np.float32), motion.translation.astype(np.float32), betas, scale, FPS)


def points_of(motion: Motion, layout: str) -> F64:
    """Key-points (T, K, 3), metres, y up."""
    pose, translation = motion.pose.astype(np.float32), motion.translation.astype(np.float32)
    markers = markers_for(get_layout(layout))
    return keypoints_from_pose(markers, load_body().rest_joints(), pose, translation).astype(np.float64)


def z_up_theta(motion: Motion) -> tuple[F64, F64]:
    """Rotation vectors (T, 24, 3) and the pelvis's place (T, 3) with z up."""
    pose = motion.pose.copy()
    pose[:, 0] = Z_UP @ pose[:, 0]
    return rotmat_to_rotvec(pose), points_of(motion, "smpl24")[:, 0] @ Z_UP.T


def amass_arrays(motion: Motion, joints: int) -> dict[str, Any]:
    """AMASS' arrays of SMPL (24), SMPL+H (52) or SMPL-X (55)."""
    rotvec, pelvis = z_up_theta(motion)
    poses = np.zeros((len(rotvec), joints, 3))
    count = 24 if joints == 24 else 22
    poses[:, :count] = rotvec[:, :count]
    rest = load_body().rest_joints()[0]
    return {
        "poses": poses.reshape(len(poses), -1),
        "trans": pelvis - rest,
        "betas": np.zeros(16),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(FPS),
    }


def bvh_text(motion: Motion, naming: dict[str, str], *, unit: float, order: str = "ZXY") -> str:
    """A BVH file of the waltz. unit: file units per metre; order: of the rotation channels."""
    rest = load_body().rest_joints().astype(np.float64)
    names = [bvh_name(joint, naming) for joint in JOINT_NAMES]
    used = [index for index, name in enumerate(names) if name]
    lines, channels = ["HIERARCHY"], list[int]()

    def write(joint: int, indent: str) -> None:
        offset = (rest[joint] - rest[PARENTS[joint]]) * unit if joint else np.zeros(3)
        lines.extend([f"{indent}{'JOINT' if joint else 'ROOT'} {names[joint]}", f"{indent}{{"])
        inner = indent + "\t"
        lines.append(f"{inner}OFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}")
        place = "Xposition Yposition Zposition " if joint == 0 else ""
        turns = " ".join(f"{axis}rotation" for axis in order)
        lines.append(f"{inner}CHANNELS {3 + 3 * (joint == 0)} {place}{turns}")
        channels.append(joint)
        children = [index for index in used if PARENTS[index] == joint]
        for child in children:
            write(child, inner)
        if not children:
            lines.extend([f"{inner}End Site", f"{inner}{{", f"{inner}\tOFFSET 0 {0.05 * unit:.4f} 0", f"{inner}}}"])
        lines.append(f"{indent}}}")

    write(0, "")
    lines += ["MOTION", f"Frames: {len(motion.pose)}", f"Frame Time: {1.0 / FPS:.8f}"]
    pelvis = (motion.translation + rest[0]) * unit
    angles = np.degrees(euler(motion.pose[:, channels], order))
    for frame, place in enumerate(pelvis):
        values = [*place, *angles[frame].ravel()]
        lines.append(" ".join(f"{value:.5f}" for value in values))
    return "\n".join(lines) + "\n"


def bvh_name(joint: str, naming: dict[str, str]) -> str:
    """The file's name of an SMPL joint, or nothing where that kind of skeleton has none."""
    side, _, part = joint.rpartition("_")
    name = naming.get(part, "")
    if not side or not name:
        return name
    return f"{name}_{side[0]}" if name.islower() else side.capitalize() + name


def euler(rotmat: F64, order: str) -> F64:
    """Angles of R = R_a R_b R_c for the axes of ``order``, all different. rotmat: (..., 3, 3) -> (..., 3), radians."""
    a, b, c = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (a, b, c) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1.0
    second = np.arcsin(np.clip(sign * rotmat[..., a, c], -1.0, 1.0))
    first = np.arctan2(-sign * rotmat[..., b, c], rotmat[..., c, c])
    third = np.arctan2(-sign * rotmat[..., a, b], rotmat[..., a, a])
    return np.stack([first, second, third], axis=-1)


def csv_text(motion: Motion, layout: str) -> str:
    """A table with a column of times, of coordinates and of confidences."""
    points, names = points_of(motion, layout), get_layout(layout).keypoints
    header = ["time"] + [f"{name}_{part}" for name in names for part in ("x", "y", "z", "confidence")]
    rows = [",".join(header)]
    for frame, at in enumerate(points):
        cells = [f"{frame / FPS:.4f}"]
        for point in at:
            cells += [*(f"{value:.5f}" for value in point), "1.0"]
        rows.append(",".join(cells))
    return "\n".join(rows) + "\n"


def trc_text(motion: Motion, layout: str) -> str:
    """OpenSim's table of markers, millimetres."""
    points, names = points_of(motion, layout) * 1000.0, get_layout(layout).keypoints
    head = [
        "PathFileType\t4\t(X/Y/Z)\tsample.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{FPS:g}\t{FPS:g}\t{len(points)}\t{len(names)}\tmm\t{FPS:g}\t1\t{len(points)}",
        "Frame#\tTime\t" + "\t\t\t".join(names),
        "\t\t" + "\t".join(f"{axis}{index}" for index in range(1, len(names) + 1) for axis in "XYZ"),
        "",
    ]
    rows = [
        "\t".join([str(frame + 1), f"{frame / FPS:.4f}", *(f"{value:.3f}" for value in at.ravel())])
        for frame, at in enumerate(points)
    ]
    return "\n".join([*head, *rows]) + "\n"


def c3d_bytes(motion: Motion, layout: str) -> bytes:
    """A C3D file, written by the library."""
    import c3d

    points, names = points_of(motion, layout) * 1000.0 @ Z_UP.T, get_layout(layout).keypoints
    writer = c3d.Writer(point_rate=FPS, analog_rate=0.0, point_scale=-1.0)
    writer.set_point_labels(list(names))
    frames = []
    for at in points:
        values = np.zeros((len(names), 5), np.float32)
        values[:, :3] = at
        frames.append((values, np.array([[]])))
    writer.add_frames(frames)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library misses analog channels
        writer.write(out)
    return out.getvalue()


def md_text(motion: Motion) -> str:
    """skeletons.json of the music & dance data."""
    points = points_of(motion, "md23") * 100.0
    centre = points.mean(axis=1)
    skeletons = np.round(points - centre[:, None], 3).tolist()
    return json.dumps({"length": len(points), "center": np.round(centre, 3).tolist(), "skeletons": skeletons})


def npy_bytes(array: Any) -> bytes:
    """What numpy.save writes."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def npz_bytes(arrays: dict[str, Any]) -> bytes:
    """What numpy.savez_compressed writes."""
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def finedance_array(motion: Motion) -> F64:
    """Translation and 52 rotations by the first two rows of their matrices."""
    rows = np.zeros((len(motion.pose), 52, 2, 3))
    rows[:] = np.eye(3)[:2]
    rows[:, :22] = motion.pose[:, :22, :2]
    return np.concatenate([motion.translation, rows.reshape(len(rows), -1)], axis=1)


def makers(frames: int) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Every sample: its name, the file's name, and what makes its bytes."""
    motion = cut(waltz(), frames)
    rotvec, pelvis = z_up_theta(motion)
    y_up = rotmat_to_rotvec(motion.pose)
    flat = y_up.reshape(len(y_up), 72)
    aist = {"smpl_poses": flat, "smpl_trans": motion.translation * 94.0, "smpl_scaling": np.array([94.0])}
    joints_z = points_of(motion, "smpl24") @ Z_UP.T
    edge = {
        "smpl_poses": rotvec.reshape(len(rotvec), 72).astype(np.float32),
        "smpl_trans": pelvis.astype(np.float32),
        "full_pose": joints_z.astype(np.float32),
    }
    coco = points_of(motion, "coco17") * 100.0
    smpl22 = points_of(motion, "smpl22")
    mdm = {
        "motion": smpl22.transpose(1, 2, 0)[None].astype(np.float32), "text": ["a waltz"], "num_samples": 1,
        "lengths": np.array([len(smpl22)]), "num_repetitions": 1,
    }  # fmt: skip
    positions = points_of(motion, "smpl24").reshape(len(pelvis), 72)
    samples: dict[str, tuple[str, Callable[[], bytes]]] = {
        "md": ("skeletons.json", lambda: md_text(motion).encode()),
        "npy points": ("points.npy", lambda: npy_bytes(points_of(motion, "smpl24").astype(np.float32))),
        "npy flat positions": ("flat.npy", lambda: npy_bytes(positions.astype(np.float32))),
        "npy flat rotations": ("theta.npy", lambda: npy_bytes(flat.astype(np.float32))),
        "npz points": (
            "points.npz",
            lambda: npz_bytes({"keypoints_m": points_of(motion, "body25"), "fps": FPS, "layout": "body25"}),
        ),
        "HumanML3D": ("humanml3d.npy", lambda: npy_bytes(_like_humanml3d(smpl22).astype(np.float32))),
        "MDM results": ("results.npy", lambda: npy_bytes(np.array(mdm, object))),
        "AIST++ keypoints": (
            "keypoints.pkl",
            lambda: pickle.dumps({"keypoints3d": coco, "keypoints3d_optim": coco}, 4),
        ),
        "AIST++ motion": ("aist.pkl", lambda: pickle.dumps(aist, 2)),
        "EDGE": ("edge.pkl", lambda: pickle.dumps(edge, 5)),
        "FineDance": ("finedance.npy", lambda: npy_bytes(finedance_array(motion).astype(np.float32))),
        "AMASS SMPL": ("amass72.npz", lambda: npz_bytes(amass_arrays(motion, 24))),
        "AMASS SMPL+H": ("amass156.npz", lambda: npz_bytes(amass_arrays(motion, 52))),
        "AMASS SMPL-X": ("amass165.npz", lambda: npz_bytes(amass_arrays(motion, 55))),
        "CSV": ("points.csv", lambda: csv_text(motion, "kinect25").encode()),
        "TRC": ("markers.trc", lambda: trc_text(motion, "body25").encode()),
        "C3D": ("markers.c3d", lambda: c3d_bytes(motion, "md23")),
    }
    for naming, names in NAMINGS.items():
        text = bvh_text(motion, names, unit=100.0)
        samples[f"BVH {naming}"] = (f"{naming}.bvh", text.encode)
    return samples


def _like_humanml3d(points: F64) -> F64:
    """On the floor, over the origin, facing +z in the first frame."""
    left = points[0, 1] - points[0, 2]
    yaw = np.arctan2(left[2], left[0])
    turned = points @ rotvec_to_rotmat(np.array([0.0, yaw, 0.0])).T
    turned = turned - turned[0, 0] * [1.0, 0.0, 1.0]
    return turned - [0.0, turned[..., 1].min(), 0.0]


def write_samples(folder: Path, frames: int = 60) -> dict[str, Path]:
    """Write every sample below ``folder``, each in a separate folder, and say where."""
    paths = {}
    for name, (file, make) in makers(frames).items():
        path = folder / name.replace(" ", "_").replace("+", "p") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())
        paths[name] = path
    return paths


if __name__ == "__main__":
    for sample, where in write_samples(Path(sys.argv[1])).items():
        print(f"{sample:20s} {where}")
