# SPDX-License-Identifier: Apache-2.0
"""Further files as tools write them, rebuilt from the waltz: persons by frame, names beside arrays, tables.

Each is made after the form that the tool's own code or documentation shows; see docs/formats.md.
"""

from collections.abc import Callable, Sequence
import json
import pickle
from typing import Any, Final

import numpy as np

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.skeleton.layouts import get_layout

from .samples import FPS, Motion, cut, npy_bytes, npz_bytes, points_of, waltz
from .tool_samples import joblib_zlib, rotvecs, rows6d, smplx_table, torch_zip, unnamed_points

Maker = Callable[[], bytes]
ASIDE: Final = np.array([1.0, 0.0, 0.5])
FEWER: Final = 20
"""Frames in which a second person is seen."""


def field_makers(frames: int) -> dict[str, tuple[str, Maker]]:
    """Every sample: its name, the file's name, and what makes its bytes."""
    motion = cut(waltz(), frames)
    return {**_rotations(motion), **_point_files(motion), **_tables_of_text(motion)}


def phalp_tracks(motion: Motion) -> dict[str, Any]:
    """PHALP's results (4D-Humans): a table for each frame, a list for each property, a person who leaves."""
    tracks: dict[str, Any] = {}
    for frame in range(len(motion.pose)):
        seen = [1, 2] if frame < FEWER else [1]
        person = {
            "global_orient": motion.pose[frame, :1].astype(np.float32),
            "body_pose": motion.pose[frame, 1:].astype(np.float32),
            "betas": np.zeros(10, np.float32),
        }
        tracks[f"outputs/img/{frame:06d}.jpg"] = {
            "time": frame, "shot": 0, "tid": seen, "smpl": [person] * len(seen),
            "camera": [motion.translation[frame] + [0.0, 0.0, 30.0]] * len(seen), "mask": [None] * len(seen),
            "3d_joints": [np.zeros((45, 3), np.float32)] * len(seen),
        }  # fmt: skip
    return tracks


def easymocap_frame(motion: Motion, frame: int) -> list[dict[str, Any]]:
    """One JSON file of EasyMocap's folder ``smpl``: persons with Rh, Th, poses and shapes."""
    rotvec = rotvecs(motion)[frame]
    poses = rotvec.reshape(1, 72).copy()
    poses[:, :3] = 0.0
    place = motion.translation[frame : frame + 1]
    return [{"id": 0, "Rh": rotvec[:1].tolist(), "Th": place.tolist(), "poses": poses.tolist(), "shapes": [[0.0] * 10]}]


def _rotations(motion: Motion) -> dict[str, tuple[str, Maker]]:
    rotvec, place, count = rotvecs(motion), motion.translation, len(motion.pose)
    flat, body = rotvec.reshape(count, 72), rotvec[:, 1:22].reshape(count, 63)
    romp = {
        f"{frame:08d}.jpg": {"smpl_thetas": flat[frame : frame + 1], "cam_trans": place[frame : frame + 1]}
        for frame in range(count)
    }
    slahmr = {"root_orient": rotvec[:, 0], "pose_body": body, "trans": place}
    six = rows6d(motion, 24).reshape(count, 24, 6).transpose(1, 2, 0)
    batch = {"motion": np.zeros((2, 25, 6, count)), "thetas": np.stack([six] * 2), "lengths": np.array([count] * 2)}
    batch["root_translation"] = np.stack([place.T] * 2)
    return {
        "PHALP": ("demo_video.pkl", lambda: joblib_zlib(phalp_tracks(motion))),
        "ROMP": ("video_results.npz", lambda: npz_bytes({"results": np.array(romp, object)})),
        "SLAHMR": ("world_results.npz", lambda: npz_bytes({key: np.stack([v, v]) for key, v in slahmr.items()})),
        "3DPW": ("downtown_00.pkl", lambda: pickle.dumps({"poses": [flat, flat], "trans": [place, place + 1.0]})),
        "MDM parameters of a batch": ("batch.npy", lambda: npy_bytes(np.array(batch, object))),
        "HMR rows": ("theta85.npy", lambda: npy_bytes(np.hstack([np.ones((count, 3)), flat, np.zeros((count, 10))]))),
        "SMPL-X pose and trans": (
            "pose168.npy",
            lambda: npy_bytes(np.hstack([rotvec[:, :22].reshape(count, 66), np.zeros((count, 99)), place])),
        ),
        "matrices alone": ("rotmats.npy", lambda: npy_bytes(motion.pose)),
        "time last": ("last.npz", lambda: npz_bytes({"poses": flat.T, "trans": place.T})),
        "TRAM": (
            "hps_track_0.npy",
            lambda: npy_bytes(np.array({"pred_rotmat": motion.pose, "pred_trans": place[:, None]}, object)),
        ),
        "torch of a list": ("results.pt", lambda: torch_zip([smplx_table(motion)])),
    }


def _point_files(motion: Motion) -> dict[str, tuple[str, Maker]]:
    smpl24, coco, body25 = points_of(motion, "smpl24"), points_of(motion, "coco17"), points_of(motion, "body25")
    order = np.random.default_rng(5).permutation(24)
    names = [JOINT_NAMES[point] for point in order]
    azure = points_of(motion, "azure32") * [1000.0, -1000.0, -1000.0]
    azure_names = [name.upper() for name in get_layout("azure32").keypoints]
    kinect = [
        {"frame_id": n, "bodies": [{"body_id": 7, "joint_positions": np.round(at, 3).tolist()}]}
        for n, at in enumerate(azure)
    ]
    mmpose = [
        {"frame_id": n, "instances": [{"keypoints": at.tolist(), "keypoint_scores": [0.9] * 17}]}
        for n, at in enumerate(points_of(motion, "h36m17"))
    ]
    landmarks = [
        {"landmarks": [{"x": p[0], "y": -p[1], "z": -p[2], "visibility": 0.9} for p in at]}
        for at in unnamed_points(motion, 33)
    ]
    transforms = np.tile(np.eye(4), (*smpl24.shape[:2], 1, 1))
    transforms[..., :3, 3] = smpl24
    graph = np.stack([points_of(motion, "kinect25"), points_of(motion, "kinect25") + ASIDE], axis=-1)
    lafan = [0, 1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12, 15, 13, 16, 18, 20, 14, 17, 19, 21]
    rows51 = np.hstack(
        [rows6d(motion, 24).reshape(len(smpl24), -1)[:, 6:], np.tile(np.eye(3)[:2].ravel(), (len(smpl24), 28))]
    )
    feet = np.zeros((len(smpl24), 4))
    return {
        "names beside points": ("named.npz", lambda: npz_bytes({"joints": smpl24[:, order], "joint_names": names})),
        "joint by joint": ("joints.npz", lambda: npz_bytes({n: smpl24[:, p] for p, n in enumerate(JOINT_NAMES)})),
        "Azure Kinect": ("kinect.json", _json({"joint_names": azure_names, "frames": kinect})),
        "MMPose": ("results_demo.json", _json({"meta_info": {"name": "h36m"}, "instance_info": mmpose})),
        "MediaPipe landmarks": ("pose.json", _json(landmarks)),
        "JSON Lines": ("pose.jsonl", lambda: "\n".join(json.dumps({"joints": at.tolist()}) for at in smpl24).encode()),
        "list of tables": (
            "frames.pkl",
            lambda: pickle.dumps([{"joints": at, "frame": n} for n, at in enumerate(coco)]),
        ),
        "called poses": ("points.npz", lambda: npz_bytes({"poses": smpl24, "fps": np.array(FPS)})),
        "transforms": ("transforms.npy", lambda: npy_bytes(transforms)),
        "places and quaternions": ("seven.npy", lambda: npy_bytes(np.concatenate([smpl24, _unit(smpl24)], axis=2))),
        "graph network": ("ctr.npy", lambda: npy_bytes(graph.transpose(2, 0, 1, 3))),
        "Bailando": ("bailando.json", _json({"music": np.zeros((len(coco), 438)), "dance_array": _flat(smpl24)})),
        "InterHuman rows": (
            "1.npy",
            lambda: npy_bytes(np.hstack([_flat(smpl24), np.zeros((len(smpl24), 114)), rows51])),
        ),
        "InterGen": (
            "duet262.npy",
            lambda: npy_bytes(np.hstack([_flat(smpl24)[:, :66], np.zeros((len(smpl24), 66)), rows51[:, :126], feet])),
        ),
        "LaFAN1 order": ("lafan.npy", lambda: npy_bytes(smpl24[:, lafan])),
        "SMPL with vertices": ("joints45.npy", lambda: npy_bytes(np.concatenate([smpl24, smpl24[:, :21]], axis=1))),
        "HMR 2.0 joints": ("joints44.npy", lambda: npy_bytes(np.concatenate([body25, body25[:, :19]], axis=1))),
    }


def _json(value: Any) -> Maker:
    return lambda: json.dumps(value, default=lambda array: array.tolist()).encode()


def _flat(points: F64) -> F64:
    return points.reshape(len(points), -1)


def _unit(points: F64) -> F64:
    """A quaternion of length 1 for each point."""
    quaternions = np.zeros((*points.shape[:2], 4))
    quaternions[..., 0] = 1.0
    return quaternions


def _tables_of_text(motion: Motion) -> dict[str, tuple[str, Maker]]:
    smpl24, rows33 = points_of(motion, "smpl24"), unnamed_points(motion, 33)
    gait = points_of(motion, "plugingait39")[..., [0, 2, 1]] * [1000.0, -1000.0, 1000.0]
    names = [f"body_{name}" for name in get_layout("body25").keypoints]
    mediapipe = ",".join(f"x{n},y{n},z{n},v{n}" for n in range(1, 34))
    with_scores = np.concatenate([rows33, np.full((*rows33.shape[:2], 1), 0.9)], axis=2)
    qualisys = [
        f"NO_OF_FRAMES\t{len(gait)}", "NO_OF_MARKERS\t39", f"FREQUENCY\t{FPS:g}", "DATA_INCLUDED\t3D",
        "MARKER_NAMES\t" + "\t".join(get_layout("plugingait39").keypoints),
    ]  # fmt: skip
    scorer = ["scorer" + ",DLC" * 72, "bodyparts," + ",".join(n for n in JOINT_NAMES for _ in range(3))]
    rokoko = "Timestamp," + ",".join(f"{n}_position_{a},{n}_rotation_{a}" for n in JOINT_NAMES for a in "xyz")
    beside = np.stack([smpl24, smpl24 * 30.0], axis=-1)
    times = np.arange(len(smpl24)) / FPS
    long = ["frame,landmark,x,y,z,visibility"]
    long += [f"{n},{k},{p[0]:.5f},{p[1]:.5f},{p[2]:.5f},0.9" for n, at in enumerate(rows33) for k, p in enumerate(at)]
    german = "Zeit;" + ";".join(f"{name} {axis}" for name in JOINT_NAMES for axis in "XYZ")
    return {
        "MediaPipe columns": ("mp.csv", lambda: _lines([mediapipe], _flat(with_scores))),
        "MediaPipe rows": ("long.csv", lambda: "\n".join(long).encode()),
        "DeepLabCut": ("dlc.csv", lambda: _lines([*scorer, "coords" + ",x,y,z" * 24], _numbered(smpl24))),
        "Rokoko CSV": ("rokoko.csv", lambda: _lines([rokoko], np.column_stack([times, _flat(beside)]))),
        "decimal commas": (
            "german.csv",
            lambda: _lines([german], np.column_stack([times, _flat(smpl24)]), ";").replace(b".", b","),
        ),
        "no header": ("bare.txt", lambda: _lines([], _flat(smpl24), " ")),
        "common prefix": (
            "freemocap.csv",
            lambda: _lines([",".join(f"{n}_{a}" for n in names for a in "xyz")], _flat(points_of(motion, "body25"))),
        ),
        "Unity": ("unity.csv", lambda: unity_text(smpl24).encode()),
        "Qualisys": ("walk.tsv", lambda: _lines(qualisys, _flat(gait), "\t")),
    }


def _numbered(points: F64) -> F64:
    return np.column_stack([np.arange(len(points)), _flat(points)])


def unity_text(points: F64, *, form: str = '"({}, {}, {})"') -> str:
    """A table with a column for each joint, whose cells are Unity's ``Vector3.ToString``."""
    rows = ["Time," + ",".join(JOINT_NAMES)]
    for frame, at in enumerate(points):
        rows.append(f"{frame / FPS:.4f}," + ",".join(form.format(*(f"{v:.4f}" for v in place)) for place in at))
    return "\n".join(rows)


def _lines(header: Sequence[str], rows: F64, delimiter: str = ",") -> bytes:
    """A table as text."""
    body = [delimiter.join(f"{value:.6f}" for value in row) for row in rows]
    return "\n".join([*header, *body]).encode()
