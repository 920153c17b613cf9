# SPDX-License-Identifier: Apache-2.0
"""Files as today's tools write them, rebuilt from the waltz after the tools' documented forms; known exactly.

``samples`` has the older formats; here are those of smplx users, video mocap, motion models and laboratories. Each is
written by a few lines here, never by the project's writers, and is read back in tests, fuzzing and benchmarks.
"""

from collections.abc import Callable
import io
import json
import pickle
from typing import Any
import zipfile
import zlib

import numpy as np

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.skeleton.unnamed_skeletons import UNNAMED

from .lab_samples import ASIDE, motive_text, nexus_text, ntu_text
from .samples import FPS, Motion, cut, npy_bytes, npz_bytes, points_of, waltz


def rows6d(motion: Motion, joints: int) -> F64:
    """The first two rows of every rotation's matrix, (T, joints * 6); fingers are straight."""
    rows = np.zeros((len(motion.pose), joints, 2, 3))
    rows[:] = np.eye(3)[:2]
    count = min(24, joints) if joints == 24 else min(22, joints)
    rows[:, :count] = motion.pose[:, :count, :2]
    return rows.reshape(len(rows), -1)


def rotvecs(motion: Motion) -> F64:
    """Rotation vectors, (T, 24, 3), y up."""
    return rotmat_to_rotvec(motion.pose)


def smplx_table(motion: Motion, *, joints: int = 23) -> dict[str, Any]:
    """The smplx library's names. joints: of body_pose, 21 or 23."""
    rotvec = rotvecs(motion)
    return {
        "global_orient": rotvec[:, 0].astype(np.float32),
        "body_pose": rotvec[:, 1 : joints + 1].reshape(len(rotvec), -1).astype(np.float32),
        "transl": motion.translation.astype(np.float32),
        "betas": np.zeros((len(rotvec), 10), np.float32),
    }


PythonPickler: Any = vars(pickle)["_Pickler"]
"""The pickler in Python, whose methods can be overridden; the public one is written in C."""


def torch_zip(value: Any) -> bytes:
    """What torch.save writes since PyTorch 1.6, made without PyTorch: data.pkl and raw storages."""
    storages: list[bytes] = []

    class Writer(PythonPickler):  # type: ignore[misc]
        def save_array(self, array: Any) -> None:
            data = np.ascontiguousarray(array, np.float32)
            key = str(len(storages))
            storages.append(data.tobytes())
            self.write(b"ctorch._utils\n_rebuild_tensor_v2\n(")
            self.write(b"(")
            self.save("storage")
            self.write(b"ctorch\nFloatStorage\n")
            storage: tuple[Any, ...] = (key, "cpu", data.size)
            for part in storage:
                self.save(part)
            self.write(b"tQ")
            steps = [int(step // 4) for step in data.strides]
            described: tuple[Any, ...] = (0, tuple(data.shape), tuple(steps), False)
            for part in described:
                self.save(part)
            self.write(b"ccollections\nOrderedDict\n)RtR")

        def save(self, obj: Any, save_persistent_id: bool = True) -> None:  # noqa: FBT001, FBT002
            if isinstance(obj, np.ndarray):
                self.save_array(obj)
            else:
                super().save(obj, save_persistent_id)

    out = io.BytesIO()
    Writer(out, 2).dump(value)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", out.getvalue())
        for number, data in enumerate(storages):
            file.writestr(f"archive/data/{number}", data)
        file.writestr("archive/version", "3\n")
    return archive.getvalue()


def humanml3d_features(points: F64) -> F64:
    """HumanML3D's first 67 of 263 features, forward (Guo et al. 2022, process_file), the rest zero.

    points: (T, 22, 3), metres, y up. A frame's turning speed and root speed are those to the next frame, so there are T
    - 1 rows.
    """
    across = points[:, 1] - points[:, 2] + points[:, 16] - points[:, 17]
    left = across * [1.0, 0.0, 1.0]
    # The body faces where left times up points: an angle of 0 is +z.
    yaw = np.unwrap(np.arctan2(-left[:, 2], left[:, 0]))
    half = yaw / 2.0
    cosine, sine = np.cos(yaw), np.sin(yaw)
    # Turned so that the body faces +z: by -yaw about y.
    turn = np.zeros((len(points), 3, 3))
    turn[:, 0, 0], turn[:, 0, 2], turn[:, 1, 1], turn[:, 2, 0], turn[:, 2, 2] = cosine, -sine, 1.0, sine, cosine
    local = points - points[:, :1] * [1.0, 0.0, 1.0]
    local = np.einsum("tij,tkj->tki", turn, local)
    speed = np.einsum("tij,tj->ti", turn[1:], np.diff(points[:, 0], axis=0))
    rows = np.zeros((len(points) - 1, 263))
    rows[:, 0] = -np.diff(half)
    rows[:, 1], rows[:, 2] = speed[:, 0], speed[:, 2]
    rows[:, 3] = points[:-1, 0, 1]
    rows[:, 4:67] = local[:-1, 1:].reshape(len(rows), -1)
    return rows


def unnamed_points(motion: Motion, count: int) -> F64:
    """Points of a tool's order: those that SMPL or BODY_25 has are true, the others lie on the pelvis."""
    from dancepose_addon.core.skeleton.bone_names import smpl_joints
    from dancepose_addon.core.skeleton.layouts import BODY25

    skeleton = UNNAMED[count]
    own = points_of(motion, "smpl24")
    points = np.repeat(own[:, :1], count, axis=1).copy()
    if skeleton.layout in ("body25", "coco17"):
        known = points_of(motion, "body25")
        for at, name in enumerate(skeleton.names):
            if name in BODY25.keypoints:
                points[:, at] = known[:, BODY25.keypoints.index(name)]
    else:
        for joint, at in smpl_joints(skeleton.names).items():
            points[:, at] = own[:, JOINT_NAMES.index(joint)]
    return points


def joblib_raw(value: Any) -> bytes:
    """What joblib.dump writes without compression: arrays as raw bytes behind their description."""

    class Writer(PythonPickler):  # type: ignore[misc]
        def save(self, obj: Any, save_persistent_id: bool = True) -> None:  # noqa: FBT001, FBT002
            if not isinstance(obj, np.ndarray):
                super().save(obj, save_persistent_id)
                return
            self.write(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81")
            table = {"shape": obj.shape, "order": "C", "dtype": obj.dtype, "numpy_array_alignment_bytes": None}
            super().save(table, save_persistent_id)
            self.write(b"b" + np.ascontiguousarray(obj).tobytes())

    out = io.BytesIO()
    Writer(out, 2).dump(value)
    return out.getvalue()


def joblib_zlib(value: Any) -> bytes:
    """A pickle as joblib compresses it, without raw arrays."""
    return zlib.compress(pickle.dumps(value, 4), 3)


def tool_makers(frames: int) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Every sample: its name, the file's name, and what makes its bytes."""
    motion = cut(waltz(), frames)
    samples = {**_tables(motion), **_rows(motion), **_points(motion)}
    for count in UNNAMED:
        samples[f"{count} points"] = (f"points{count}.npy", _unnamed_maker(motion, count))
    return samples


def _tables(motion: Motion) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """SMPL parameters by name."""
    rotvec, place = rotvecs(motion), motion.translation
    count = len(rotvec)
    smplx, prior = smplx_table(motion, joints=21), smplx_table(motion, joints=21)
    prior_table = {"root_orient": prior["global_orient"], "pose_body": prior["body_pose"], "trans": prior["transl"]}
    flat = rotvec.reshape(count, 72)
    wham = {
        "pose": np.zeros((count, 72)), "trans": np.zeros((count, 3)), "pose_world": flat, "trans_world": place,
        "betas": np.zeros((count, 10)), "frame_ids": np.arange(count),
    }  # fmt: skip
    six = rows6d(motion, 24).reshape(count, 24, 6)
    mdm = {"thetas": six.transpose(1, 2, 0), "root_translation": place.T, "length": count}
    gvhmr = {
        "smpl_params_global": smplx, "smpl_params_incam": {**smplx, "global_orient": smplx["global_orient"] + 1.0},
        "K_fullimg": np.eye(3, dtype=np.float32),
    }  # fmt: skip
    aioz = {"smpl_poses": np.stack([flat] * 3), "root_trans": np.stack([place, place + 1, place])}
    people = {0: wham, 3: {**wham, "trans_world": place + 2.0}}
    return {
        "smplx names": ("smplx.npz", lambda: npz_bytes(smplx_table(motion))),
        "smplx names nested": ("nested.npy", lambda: npy_bytes(np.array({"body_params_global": smplx}, object))),
        "human_body_prior": ("prior.npz", lambda: npz_bytes(prior_table)),
        "GVHMR": ("hmr4d_results.pt", lambda: torch_zip(gvhmr)),
        "WHAM": ("wham_output.pkl", lambda: joblib_zlib(people)),
        "joblib": ("wham_raw.pkl", lambda: joblib_raw(people)),
        "MDM parameters": ("sample00_smpl_params.npy", lambda: npy_bytes(np.array(mdm, object))),
        "AIOZ-GDance": ("aioz.pkl", lambda: pickle.dumps(aioz)),
        "InterHuman": ("interhuman.pkl", lambda: pickle.dumps({"person1": prior_table, "person2": prior_table})),
        "mint": ("mint.npz", lambda: npz_bytes({"smpl_pose": motion.pose, "smpl_trans": place})),
        ".smpl": ("avatar.smpl", lambda: npz_bytes(_smplcodec(motion))),
    }


def _rows(motion: Motion) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """One row a frame."""
    rotvec, place = rotvecs(motion), motion.translation
    count = len(rotvec)
    nothing, matrices = np.zeros((count, 4)), motion.pose.reshape(count, -1)
    motionx = [rotvec[:, :22].reshape(count, 66), np.zeros((count, 243)), place, np.zeros((count, 10))]
    parts: dict[str, tuple[str, list[F64]]] = {
        "Motion-X": ("motionx.npy", motionx),
        "EDGE features": ("edge.npy", [_edge_rows(motion)]),
        "LODGE features": ("lodge.npy", [nothing, place, rows6d(motion, 22)]),
        "LODGE without contacts": ("lodge135.npy", [place, rows6d(motion, 22)]),
        "FineDance features": ("fine319.npy", [nothing, place, rows6d(motion, 52)]),
        "FACT": ("fact.npy", [place, matrices]),
        "FACT padded": ("fact225.npy", [np.zeros((count, 6)), place, matrices]),
        "AIST++ in 6D": ("aist147.npy", [place, rows6d(motion, 24)]),
        "SMPL pose and trans": ("pose75.npy", [rotvec.reshape(count, 72), place]),
    }
    samples = {name: (file, _row_maker(columns)) for name, (file, columns) in parts.items()}
    features = humanml3d_features(points_of(motion, "smpl22"))
    return {**samples, "HumanML3D features": ("000001.npy", _row_maker([features]))}


def _row_maker(columns: list[F64]) -> Callable[[], bytes]:
    return lambda: npy_bytes(np.concatenate(columns, axis=1))


def _points(motion: Motion) -> dict[str, tuple[str, Callable[[], bytes]]]:
    """Points in JSON, of several persons, and of laboratories."""
    smpl24 = points_of(motion, "smpl24")
    persons = np.stack([smpl24, smpl24 + ASIDE], axis=1)
    names = [name for name in JOINT_NAMES if "hand" not in name]
    table = [
        {name: [round(float(value), 5) for value in at[JOINT_NAMES.index(name)]] for name in names} for at in smpl24
    ]
    openpose = [
        {"people": [{"pose_keypoints_3d": [round(float(v), 5) for p in at for v in (*p, 0.9)]}]}
        for at in points_of(motion, "body25")
    ]
    return {
        "persons": ("persons.npy", lambda: npy_bytes(persons)),
        "JSON lists": ("joints.json", lambda: json.dumps(np.round(smpl24, 5).tolist()).encode()),
        "JSON named": ("named.json", lambda: json.dumps(table).encode()),
        "JSON OpenPose": ("people.json", lambda: json.dumps(openpose).encode()),
        "Motive": ("motive.csv", lambda: motive_text(motion).encode()),
        "Nexus": ("nexus.csv", lambda: nexus_text(motion).encode()),
        "NTU": ("S001C001P001R001A001.skeleton", lambda: ntu_text(motion).encode()),
    }


def _unnamed_maker(motion: Motion, count: int) -> Callable[[], bytes]:
    return lambda: npy_bytes(unnamed_points(motion, count).astype(np.float32))


def _edge_rows(motion: Motion) -> F64:
    """EDGE's 151 columns: z up, the place is the pelvis's."""
    from .samples import Z_UP

    pose = motion.pose.copy()
    pose[:, 0] = Z_UP @ pose[:, 0]
    pelvis = points_of(motion, "smpl24")[:, 0] @ Z_UP.T
    rows = pose[:, :, :2].reshape(len(pose), -1)
    return np.concatenate([np.zeros((len(pose), 4)), pelvis, rows], axis=1)


def _smplcodec(motion: Motion) -> dict[str, Any]:
    """Meshcapade's .smpl: named parts, some of them empty."""
    rotvec = rotvecs(motion)
    body = np.zeros((len(rotvec), 22, 3), np.float32)
    body[:] = rotvec[:, :22]
    return {
        "codecVersion": np.array(2), "smplVersion": np.array(1), "gender": np.array(0),
        "shapeParameters": np.zeros(10, np.float32), "frameCount": np.array(len(rotvec)),
        "frameRate": np.array(FPS, np.float32), "bodyTranslation": motion.translation.astype(np.float32),
        "bodyPose": body, "headPose": np.zeros((len(rotvec), 3, 3), np.float32),
        "leftHandPose": np.zeros((len(rotvec), 15, 3), np.float32),
        "rightHandPose": np.zeros((len(rotvec), 15, 3), np.float32), "expressionParameters": np.zeros((0, 10)),
    }  # fmt: skip
