"""How far a regressor is from recorded key-points: rotations by the regressor alone, one size for the clip and a
place for every frame solved in closed form, nothing refined."""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.body.keypoints import keypoints_from_pose
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.metrics import per_point_error_m
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.solve import solve_scale_and_translation
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.sequence import Sequence

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class ClipErrors:
    """Errors of one clip. error_m: (T, K), metres; backward: (T,), whether the dancer faces away from +z."""

    name: str
    scale: float
    error_m: F32
    backward: NDArray[np.bool_]


def evaluate_clip(regressor: PoseRegressor, body: BodyModel, clip: Sequence) -> ClipErrors:
    """Regress one clip and lay the posed key-points over the recorded ones."""
    pose = regressor(clip.keypoints_m)
    posed = keypoints_from_pose(regressor.info.markers, body.rest_joints(), pose)
    scale, translation = solve_scale_and_translation(posed, clip.keypoints_m, clip.confidence)
    error = per_point_error_m(np.float32(scale) * posed + translation[:, None], clip.keypoints_m)
    return ClipErrors(Path(clip.source).name, scale, error, faces_backward(clip.keypoints_m, clip.layout))


def faces_backward(keypoints_m: F32, layout: Layout) -> NDArray[np.bool_]:
    """Frames in which the dancer's left is on the side of -x. keypoints_m: (T, K, 3), metres -> (T,)."""
    across = keypoints_m[:, list(layout.left)].mean(axis=1) - keypoints_m[:, list(layout.right)].mean(axis=1)
    return across[:, 0] < 0.0


def summarise(clips: Many[ClipErrors], layout: Layout) -> dict[str, object]:
    """JSON values, millimetres: over all frames, by facing, by clip and by point."""
    error = np.concatenate([clip.error_m for clip in clips]).astype(np.float64) * 1000.0
    backward = np.concatenate([clip.backward for clip in clips])
    frame = error.mean(axis=1)
    return {
        "clips": len(clips),
        "frames": len(error),
        "mean_mm": round(float(error.mean()), 2),
        "median_frame_mm": round(float(np.median(frame)), 2),
        "p95_frame_mm": round(float(np.percentile(frame, 95)), 2),
        "worst_frame_mm": round(float(frame.max()), 2),
        "forward": _facing(frame[~backward]),
        "backward": _facing(frame[backward]),
        "by_clip": {clip.name: _clip(clip) for clip in clips},
        "by_point_mm": dict(zip(layout.keypoints, np.round(error.mean(axis=0), 2).tolist(), strict=True)),
    }


def _facing(frame_mm: NDArray[np.float64]) -> dict[str, object]:
    return {"frames": len(frame_mm), "mean_mm": round(float(frame_mm.mean()), 2) if len(frame_mm) else None}


def _clip(clip: ClipErrors) -> dict[str, object]:
    frame = clip.error_m.astype(np.float64).mean(axis=1) * 1000.0
    return {
        "frames": len(frame),
        "mean_mm": round(float(frame.mean()), 2),
        "p95_frame_mm": round(float(np.percentile(frame, 95)), 2),
        "worst_frame": int(frame.argmax()),
        "worst_frame_mm": round(float(frame.max()), 2),
        "scale": round(clip.scale, 4),
    }
