"""What arrays mean, by their names and shapes: points or theta, of which of the field's formats.

AIST++ key-points   keypoints3d_optim or keypoints3d (N, 17, 3), centimetres, 60 fps
MDM results         motion (B, 22, 3, N), 20 fps
our own             keypoints_m (T, K, 3), metres, y up; may hold fps, layout, confidence
theta               see ``theta_contents``
one plain array     (T, K, 3), (T, K, 4) with confidence, (T, 3 K), (T, 3, K), (B, T, K, 3)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError, InputError
from ..recording import Finding, Hints, PointRecording, Recording
from . import theta_contents
from .numbers import as_numbers, describe, stored_rate, text_of

ARRAY: Final = "array"
"""The name of a file's only array, where it has none."""
POINTS: Final = "keypoints_m"
LAYOUT: Final = "layout"
CONFIDENCE: Final = "confidence"
AIST_FPS: Final = 60.0
MDM_FPS: Final = 20.0
LEAST_POINTS: Final = 5


def recording_of(arrays: Mapping[str, Any], path: Path, hints: Hints) -> Recording:
    """What a file's arrays are.

    Raises:
        FormatError: no reader knows them; what is there is listed. InputError: zero frames, or no usable rate.
    """
    source = str(path)
    if "keypoints3d" in arrays or "keypoints3d_optim" in arrays:
        return _aist_keypoints(arrays, source)
    if theta_contents.recognises(arrays):
        return theta_contents.recording_of(arrays, source)
    if "motion" in arrays and np.ndim(arrays["motion"]) == 4:
        return _mdm(arrays, source, hints)
    name, array = _points_array(arrays, source)
    if name == ARRAY and array.ndim == 2 and array.shape[1] in theta_contents.FINEDANCE_WIDTHS:
        return theta_contents.finedance(array, source)
    points, confidence, notes = _shaped(array, source, hints)
    stored = arrays.get(CONFIDENCE)
    if confidence is None and isinstance(stored, np.ndarray) and stored.shape == points.shape[:2]:
        confidence = as_numbers(stored, source)
    if len(points) == 0:
        raise InputError(f"{source} has zero frames. Check that the file was written completely.")
    rate = None if hints.fps is not None else stored_rate(arrays, source)
    form = "points of DancePose" if name == POINTS else "an array of numbers"
    if name != POINTS:
        values, finding = theta_contents.decide_values(points, hints)
        if values == "rotations":
            return theta_contents.plain_rotations(array, points, source, finding, rate)
        notes += (finding,) if finding.doubtful else ()
    return PointRecording(
        points=points,
        form=form,
        source=source,
        layout=_named_layout(arrays),
        unit="m" if name == POINTS else None,
        up="y" if name == POINTS else None,
        fps=rate,
        fps_why="the file says it",
        confidence=None if confidence is None else np.clip(confidence, 0.0, 1.0).astype(np.float32),
        findings=notes,
    )


def _named_layout(arrays: Mapping[str, Any]) -> str | None:
    return text_of(arrays.get(LAYOUT)) or None


def _points_array(arrays: Mapping[str, Any], source: str) -> tuple[str, NDArray[np.float64]]:
    """The array that holds the points: by its name, or the only one of such a shape."""
    if POINTS in arrays:
        return POINTS, as_numbers(arrays[POINTS], source)
    if ARRAY in arrays:
        return ARRAY, as_numbers(arrays[ARRAY], source)
    fitting = [
        name
        for name, array in arrays.items()
        if isinstance(array, np.ndarray) and array.ndim == 3 and array.shape[2] == 3
    ]
    if len(fitting) != 1:
        raise FormatError(
            f"{source} holds {describe(arrays)}; expected {POINTS} of shape (frames, points, 3), or the arrays of a "
            "known format (docs/formats.md)."
        )
    return fitting[0], as_numbers(arrays[fitting[0]], source)


def _shaped(
    array: NDArray[np.float64], source: str, hints: Hints
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, tuple[Finding, ...]]:
    """Points (T, K, 3), confidence (T, K) or None, and what is doubtful about the shape."""
    notes: tuple[Finding, ...] = ()
    if array.ndim == 4 and array.shape[3] == 3:
        array, notes = _taken(array, source, hints)
    if array.ndim == 3 and array.shape[2] == 3 and array.shape[1] >= LEAST_POINTS:
        return array, None, notes
    if array.ndim == 3 and array.shape[2] == 4 and array.shape[1] >= LEAST_POINTS:
        if np.all((array[..., 3] >= 0.0) & (array[..., 3] <= 1.0)):
            return array[..., :3], array[..., 3], notes
        raise FormatError(f"{source} has four numbers for a point; expected x, y, z, and a confidence in [0, 1].")
    if array.ndim == 3 and array.shape[1] == 3 and array.shape[2] >= LEAST_POINTS:
        if array.shape[0] < array.shape[2]:
            shape = Finding(
                "shape", "(points, 3, frames)", 0.8, f"{array.shape} has more of the last than of the first"
            )
            return array.transpose(2, 0, 1), None, (*notes, shape)
        shape = Finding("shape", "(frames, 3, points)", 0.8, f"of {array.shape} the first is the longest")
        return array.transpose(0, 2, 1), None, (*notes, shape)
    if array.ndim == 2 and array.shape[1] % 3 == 0 and array.shape[1] >= 3 * LEAST_POINTS:
        return array.reshape(len(array), -1, 3), None, notes
    if array.ndim == 2 and array.shape[1] == 263:
        raise FormatError(
            f"{source} holds HumanML3D's 263 features a frame, not points. Give the clip of `new_joints`, or recover "
            "the joints with the data set's own code first."
        )
    raise FormatError(
        f"{source} has numbers of shape {array.shape}; expected (frames, points, 3), (frames, 3 x points), or what a "
        "known format has (docs/formats.md)."
    )


def _taken(array: NDArray[np.float64], source: str, hints: Hints) -> tuple[NDArray[np.float64], tuple[Finding, ...]]:
    """One motion of several. array: (B, ...)."""
    if not 0 <= hints.take < len(array):
        raise InputError(
            f"{source} holds {len(array)} motions; there is no number {hints.take}. Give --read take=0 or more."
        )
    if len(array) == 1:
        return array[0], ()
    note = Finding(
        "motion", f"number {hints.take}", 0.8, f"the file holds {len(array)}, and --read take=N chooses another"
    )
    return array[hints.take], (note,)


def _aist_keypoints(arrays: Mapping[str, Any], source: str) -> PointRecording:
    name = "keypoints3d_optim" if "keypoints3d_optim" in arrays else "keypoints3d"
    points = as_numbers(arrays[name], source)
    if points.ndim != 3 or points.shape[2] != 3 or len(points) == 0:
        raise FormatError(f"{source} has {name} of shape {points.shape}; AIST++ has (frames, 17, 3).")
    return PointRecording(
        points=points,
        form="AIST++ key-points",
        source=source,
        layout="coco17" if points.shape[1] == 17 else None,
        unit="cm",
        up="y",
        fps=AIST_FPS,
        fps_why="AIST++ has it",
    )


def _mdm(arrays: Mapping[str, Any], source: str, hints: Hints) -> PointRecording:
    motion = as_numbers(arrays["motion"], source)
    if motion.ndim != 4 or motion.shape[2] != 3 or 0 in motion.shape:
        raise FormatError(f"{source} has motion of shape {motion.shape}; MDM writes (motions, joints, 3, frames).")
    chosen, notes = _taken(motion, source, hints)
    points = chosen.transpose(2, 0, 1)
    lengths = arrays.get("lengths")
    if isinstance(lengths, np.ndarray) and lengths.dtype.kind in "iu" and lengths.size == len(motion):
        points = points[: max(1, int(lengths.reshape(-1)[hints.take]))]
    return PointRecording(
        points=points,
        form="MDM results",
        source=source,
        layout="smpl22" if points.shape[1] == 22 else None,
        unit="m",
        up="y",
        fps=MDM_FPS,
        fps_why="models trained on HumanML3D have it",
        findings=notes,
    )
