# SPDX-License-Identifier: Apache-2.0
"""Errors of a regressor alone, without refinement.

There are two kinds of ground truth. Recorded key-points have no known pose: one scale per clip and a translation per
frame are solved in closed form, and point distances are measured. For motion with known rotations the layout's points
are computed on the mean body; rotations are compared with rotations, and vertices with vertices relative to the pelvis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_NAMES, BodyModel, skin
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.evaluation.metrics import per_point_error_m
from dancepose_addon.core.fit.placement import solve_scale_and_translation
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.markers import MarkerSet, keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from ..mocap.poses import held_out, load_poses
from ..training_errors import ConfigError

KNOWN_FPS = 30.0


@dataclass(frozen=True)
class KnownClip:
    """Motion whose rotations are known.

    Attributes:
        name: Name of the clip.
        pose_rotmat: (T, 24, 3, 3), local rotations.
    """

    name: str
    pose_rotmat: F32


@dataclass(frozen=True)
class ClipErrors:
    """Errors of one clip.

    Attributes:
        name: Name of the clip.
        scale: Scale of the body that fits best.
        error_m: (T, K), point distances, metres.
        backward: (T,), whether the dancer faces away from +z.
        posed_m: (T, K, 3), predicted points, metres.
        target_m: (T, K, 3), given points, metres.
        rotation_deg: (T, 24), errors of local rotations, degrees; None if the pose is unknown.
        vertex_m: (T,), mean vertex distance, metres; None if the pose is unknown.
    """

    name: str
    scale: float
    error_m: F32
    backward: NDArray[np.bool_]
    posed_m: F32
    target_m: F32
    rotation_deg: F32 | None = None
    vertex_m: F32 | None = None


def load_known_clips(path: Path, body: BodyModel, *, holdout: float) -> list[KnownClip]:
    """Load the clips that training left out.

    Mirror images are left out, and a folder is not thinned.

    Args:
        path: A folder of motion capture, or a file that ``dancepose poses`` wrote.
        body: The body whose T-pose the rotations refer to.
        holdout: ``data.holdout`` of the training; 1 takes every clip.

    Returns:
        The clips.

    Raises:
        ConfigError: No clip was left out.
        InputError: No file can be used.
        MissingFileError: There is no such folder.
        FormatError: The file is damaged.
    """
    dataset = load_poses(path, mirror=False, fps=KNOWN_FPS, rebalance=False, rest_joints_m=body.rest_joints())
    chosen = held_out(dataset.clip_names, holdout)
    if not len(chosen):
        raise ConfigError(
            f"None of the {len(dataset.clip_names)} clips in {path} is held out at data.holdout={holdout}. Choose a "
            "larger share."
        )
    plain = ~dataset.mirrored
    return [KnownClip(dataset.clip_names[i], dataset.pose_rotmat[(dataset.clip == i) & plain]) for i in chosen]


def seen_through(clip: KnownClip, markers: MarkerSet, body: BodyModel) -> KeypointSequence:
    """Compute the layout's points on the mean body for a clip."""
    points = keypoints_from_pose(markers, body.rest_joints(), clip.pose_rotmat)
    return KeypointSequence(np.ascontiguousarray(points), KNOWN_FPS, markers.layout, source=clip.name)


def evaluate_clip(regressor: PoseRegressor, body: BodyModel, clip: KeypointSequence, name: str = "") -> ClipErrors:
    """Regress a recorded clip and align the predicted points with the recorded ones.

    Args:
        regressor: The regressor.
        body: The body.
        clip: The clip; every point of every frame is present.
        name: Name of the clip in tables and pictures; by default that of its file.

    Returns:
        The errors.
    """
    return _compare(regressor, body, clip, regressor(clip.keypoints_m), name)


def evaluate_known(regressor: PoseRegressor, body: BodyModel, clip: KnownClip) -> ClipErrors:
    """Regress the points of a clip whose pose is known."""
    sequence = seen_through(clip, regressor.info.markers, body)
    pose = regressor(sequence.keypoints_m)
    found = _compare(regressor, body, sequence, pose, clip.name)
    angle = np.degrees(geodesic_angle(pose, clip.pose_rotmat)).astype(np.float32)
    return ClipErrors(
        clip.name, found.scale, found.error_m, found.backward, found.posed_m, found.target_m,
        rotation_deg=angle, vertex_m=_vertex_error_m(body, pose, clip.pose_rotmat),
    )  # fmt: skip


def _compare(regressor: PoseRegressor, body: BodyModel, clip: KeypointSequence, pose: F32, name: str) -> ClipErrors:
    posed = keypoints_from_pose(regressor.info.markers, body.rest_joints(), pose)
    scale, translation = solve_scale_and_translation(posed, clip.keypoints_m, clip.confidence)
    placed = np.float32(scale) * posed + translation[:, None]
    backward = faces_backward(clip.keypoints_m, clip.layout)
    error = per_point_error_m(placed, clip.keypoints_m)
    return ClipErrors(name or Path(clip.source).name, scale, error, backward, placed, clip.keypoints_m)


def _vertex_error_m(body: BodyModel, first: F32, second: F32, batch: int = 64) -> F32:
    """Return mean vertex distances relative to the pelvis: (T, 24, 3, 3) each to (T,), metres."""
    result = []
    for start in range(0, len(first), batch):
        part = slice(start, start + batch)
        posed, true = skin(body, first[part]), skin(body, second[part])
        assert posed is not None
        assert true is not None
        result.append(np.linalg.norm(posed - true, axis=-1).mean(axis=1))
    return np.concatenate(result)


def faces_backward(keypoints_m: F32, layout: Layout) -> NDArray[np.bool_]:
    """Return the frames in which the dancer's left side is towards -x: (T, K, 3), metres, to (T,)."""
    across = keypoints_m[:, list(layout.left)].mean(axis=1) - keypoints_m[:, list(layout.right)].mean(axis=1)
    return across[:, 0] < 0.0


def summarise(clips: Sequence[ClipErrors], layout: Layout) -> dict[str, Any]:
    """Summarise errors over all frames, by facing, by clip, by point and by joint.

    Args:
        clips: Errors of the clips.
        layout: Layout of the points.

    Returns:
        JSON values in millimetres and degrees.
    """
    error = np.concatenate([clip.error_m for clip in clips]).astype(np.float64) * 1000.0
    backward = np.concatenate([clip.backward for clip in clips])
    frame = error.mean(axis=1)
    table: dict[str, Any] = {
        "clips": len(clips),
        "frames": len(error),
        "mean_mm": round(float(error.mean()), 2),
        "median_frame_mm": round(float(np.median(frame)), 2),
        "p95_frame_mm": round(float(np.percentile(frame, 95)), 2),
        "worst_frame_mm": round(float(frame.max()), 2),
        "forward": _facing(clips, ~backward),
        "backward": _facing(clips, backward),
        "by_clip": {clip.name: _clip(clip) for clip in clips},
        "by_point_mm": dict(zip(layout.keypoints, np.round(error.mean(axis=0), 2).tolist(), strict=True)),
    }
    rotation, vertex = _known(clips)
    if rotation is not None and vertex is not None:
        by_joint = rotation.mean(axis=0, dtype=np.float64)
        table |= {
            "rotation_deg": round(float(by_joint.mean()), 3),
            "pve_mm": round(float(vertex.mean(dtype=np.float64)) * 1000.0, 2),
            "by_joint_deg": dict(zip(JOINT_NAMES, np.round(by_joint, 2).tolist(), strict=True)),
        }
    return table


def _known(clips: Sequence[ClipErrors]) -> tuple[F32 | None, F32 | None]:
    rotations = [clip.rotation_deg for clip in clips if clip.rotation_deg is not None]
    vertices = [clip.vertex_m for clip in clips if clip.vertex_m is not None]
    if not clips or len(rotations) < len(clips):
        return None, None
    return np.concatenate(rotations), np.concatenate(vertices)


def _facing(clips: Sequence[ClipErrors], chosen: NDArray[np.bool_]) -> dict[str, Any]:
    error = np.concatenate([clip.error_m for clip in clips]).astype(np.float64)[chosen] * 1000.0
    rotation, vertex = _known(clips)
    some = bool(chosen.any())
    table: dict[str, Any] = {"frames": len(error), "mean_mm": round(float(error.mean()), 2) if some else None}
    if rotation is not None and vertex is not None:
        table["rotation_deg"] = round(float(rotation[chosen].mean(dtype=np.float64)), 3) if some else None
        table["pve_mm"] = round(float(vertex[chosen].mean(dtype=np.float64)) * 1000.0, 2) if some else None
    return table


def _clip(clip: ClipErrors) -> dict[str, Any]:
    frame = clip.error_m.astype(np.float64).mean(axis=1) * 1000.0
    table: dict[str, Any] = {
        "frames": len(frame),
        "mean_mm": round(float(frame.mean()), 2),
        "p95_frame_mm": round(float(np.percentile(frame, 95)), 2),
        "worst_frame": int(frame.argmax()),
        "worst_frame_mm": round(float(frame.max()), 2),
        "scale": round(clip.scale, 4),
    }
    if clip.rotation_deg is not None and clip.vertex_m is not None:
        table["rotation_deg"] = round(float(clip.rotation_deg.mean(dtype=np.float64)), 3)
        table["pve_mm"] = round(float(clip.vertex_m.mean(dtype=np.float64)) * 1000.0, 2)
    return table
