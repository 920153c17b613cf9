# SPDX-License-Identifier: Apache-2.0
"""What arrays mean, by their names and shapes: points or SMPL parameters, of which of the field's formats.

AIST++ key-points   keypoints3d_optim or keypoints3d (N, 17, 3), centimetres, 60 fps
MDM results         motion (B, 22, 3, N), 20 fps
DancePose           keypoints_m (T, K, 3), metres, y up; may hold fps, layout, confidence
SMPL parameters     see ``theta_contents`` and ``smpl_tables``
one row a frame     see ``feature_rows``
one plain array     (T, K, 3), (T, K, 4) with confidence, (T, 3 K), (T, 3, K), several of these: see ``point_arrays``
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError, InputError
from ..layouts import LAYOUTS
from ..recording import Finding, Hints, PointRecording, Recording
from . import smpl_tables, theta_contents
from .feature_rows import ROW_WIDTHS, rows_of
from .hands_alone import refuse_hands_alone
from .named_points import with_names
from .numbered_arrays import on_frames
from .numbers import LARGEST, RATE_KEYS, as_numbers, stored_rate, text_of
from .point_arrays import ARRAY, POINTS, find_points, shaped, taken
from .point_tables import names_in, points_by_frame, positions_called_poses
from .tidy_values import tidied
from .timed_rates import timed_rate_in, with_timed_rate

LAYOUT: Final = "layout"
CONFIDENCE: Final = "confidence"
CONFIDENCES: Final = (
    "confidences", "conf", "confs", "joints_conf", "joint_confidence", "keypoint_scores", "keypoints_scores",
    "keypoints_score", "scores", "score", "visibility", "visible", "vis", "likelihood",
    "keypoints_visible",
)  # fmt: skip
"""Other names of one number in [0, 1] for each point of each frame."""
FEWEST_SEEN: Final = 3
"""Points that some frame has to show."""
AIST_FPS: Final = 60.0
MDM_FPS: Final = 20.0
H36M32: Final = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Those of Human3.6M's 32 points that h36m17 has (Pavllo et al. 2019); the others repeat them or do not move."""
H36M_SAME: Final = ((0, 11), (13, 16), (13, 24))
"""Points that coincide in Human3.6M's skeleton."""


def recording_of(arrays: Mapping[str, Any], path: Path, hints: Hints) -> Recording:
    """Find out what a file's arrays are.

    Args:
        arrays: The file's arrays by name, possibly nested.
        path: Of the file, for messages.
        hints: What the user says.

    Returns:
        Points or rotations.

    Raises:
        FormatError: No reader knows them; the message lists what is there.
        InputError: Zero frames, or no usable rate.
    """
    source = str(path)
    arrays = tidied(dict(arrays))
    if POINTS not in arrays:
        if _is_aist(arrays):
            return _aist_keypoints(arrays, source)
        positions = positions_called_poses(arrays, hints)
        if positions is not None:
            arrays = {**{key: arrays[key] for key in RATE_KEYS if key in arrays}, ARRAY: positions}
        parameters = None if positions is not None else _parameters(arrays, source, hints)
        if parameters is not None:
            return parameters
        if "motion" in arrays and np.ndim(arrays["motion"]) == 4 and np.shape(arrays["motion"])[2] == 3:
            return _mdm(arrays, source, hints)
    arrays, tracked = points_by_frame(arrays, source, hints)
    name, array, found = find_points(arrays, source, hints)
    rows = _rows(array, source, hints) if name != POINTS else None
    if rows is not None:
        return rows
    return _points(arrays, name, array, source, hints, (*tracked, *found))


def _points(
    arrays: Mapping[str, Any], name: str, array: F64, source: str, hints: Hints, found: tuple[Finding, ...]
) -> Recording:
    """The recording of an array of points, or of rotations in an array without names."""
    rate = None if hints.fps is not None else stored_rate(arrays, source)
    names = names_in(arrays)
    if name == ARRAY and not names:
        rotations = theta_contents.plain_forms(array, source, hints, rate)
        if rotations is not None:
            return rotations
    points, confidence, notes = shaped(array, source, hints)
    if confidence is None:
        confidence, unused = _confidence_beside(arrays, points, source, is_ours=name == POINTS)
        notes += unused
    if len(points) == 0:
        raise InputError(f"{source} has zero frames. Check that the file was written completely.")
    _require_numbers(points, name, source)
    if not names and hints.layout is None and hints.values != "rotations" and _named_layout(arrays) is None:
        refuse_hands_alone(points, source)
    form = "points of DancePose" if name == POINTS else "an array of numbers"
    layout = _named_layout(arrays)
    count = len(points)
    points, confidence, lost = on_frames(points, confidence, arrays, source)
    notes += (*found, *lost)
    if name != POINTS and not names:
        if _is_h36m32(points, hints):
            points = points[:, list(H36M32)]
            confidence = None if confidence is None else confidence[:, list(H36M32)]
            form, layout = "Human3.6M's 32 points, of which 17 are used", "h36m17"
        else:
            values, finding = theta_contents.decide_values(points, hints, source)
            if values == "rotations":
                return theta_contents.with_findings(
                    theta_contents.plain_rotations(points, source, finding, rate), notes
                )
            notes += (finding,) if finding.doubtful else ()
    recording = PointRecording(
        points=points,
        form=form,
        source=source,
        layout=layout,
        unit="m" if name == POINTS else None,
        up="y" if name == POINTS else None,
        fps=rate,
        fps_why="" if rate is None else "the file says it",
        confidence=None if confidence is None else np.clip(confidence, 0.0, 1.0).astype(np.float32),
        findings=notes,
    )
    recording = with_timed_rate(recording, timed_rate_in(arrays, count), hints)
    return recording if layout is not None else with_names(recording, names, hints)


def _confidence_beside(
    arrays: Mapping[str, Any], points: F64, source: str, *, is_ours: bool
) -> tuple[F64 | None, tuple[Finding, ...]]:
    """The confidence beside points, (T, K), or None; and why one is not used.

    Args:
        arrays: Content of the file by name.
        points: (T, K, 3).
        source: The file, for messages.
        is_ours: Whether the form is DancePose's, in which another shape is a mistake.

    Raises:
        FormatError: The shape is another in a file of DancePose's form.
    """
    expected = points.shape[:2]
    name = next((key for key in (CONFIDENCE, *CONFIDENCES) if isinstance(arrays.get(key), np.ndarray)), None)
    if name is None or (arrays[name].shape == () and name != CONFIDENCE):
        return None, ()
    stored = arrays[name]
    if stored.shape in ((*expected, 1), (1, *expected)):
        stored = stored.reshape(expected)
    shape = stored.shape
    if shape == expected:
        found = as_numbers(stored.astype(np.float64) if stored.dtype == bool else stored, source)
        if name == CONFIDENCE or (np.nanmin(found) >= 0.0 and np.nanmax(found) <= 1.0):
            return found, ()
        return None, (Finding(CONFIDENCE, "not used", 0.7, f"{name} has numbers outside 0 to 1"),)
    if is_ours:
        raise FormatError(f"{source} has confidence of shape {shape}; expected {expected}. Store one for each point.")
    sure = 0.9 if name == CONFIDENCE else 0.7
    return None, (Finding(CONFIDENCE, "not used", sure, f"its shape is {shape}, and that of the points {expected}"),)


def _require_numbers(points: F64, name: str, source: str) -> None:
    """Raise InputError where no point is a usable number, with the reason."""
    seen = np.isfinite(points).all(axis=-1).sum(axis=1)
    if not seen.max() >= FEWEST_SEEN:
        raise InputError(
            f"{source} shows at most {counted(int(seen.max()), 'point')} of {name} in a frame: the other numbers "
            "are NaN, "
            f"infinite or larger than {LARGEST:g}, which no place is. Check that the file was written completely."
        )
    if name != POINTS and not np.any(points):
        raise InputError(f"{source} holds only zeros in {name}. Check that the file was written completely.")


def _is_aist(arrays: Mapping[str, Any]) -> bool:
    """Whether points are under AIST++'s names, and as many as AIST++ has."""
    for name in ("keypoints3d_optim", "keypoints3d"):
        if name in arrays:
            return np.ndim(arrays[name]) != 3 or np.shape(arrays[name])[1] == 17
    return False


def _parameters(arrays: Mapping[str, Any], source: str, hints: Hints) -> Recording | None:
    """SMPL parameters by the names of their arrays, or None."""
    if theta_contents.recognises(arrays) and not _is_new_form(arrays):
        return theta_contents.named_parameters(arrays, source)
    candidates = smpl_tables.candidates_in(arrays, source)
    if candidates:
        return smpl_tables.pose_of(candidates, arrays, source, hints)
    # Shapes that no form knows: the message of the forms by name says what they expect.
    return theta_contents.named_parameters(arrays, source) if theta_contents.recognises(arrays) else None


def _is_new_form(arrays: Mapping[str, Any]) -> bool:
    """Whether smpl_poses or poses are there in a form that only ``smpl_tables`` reads."""
    pose = arrays.get("smpl_poses", arrays.get("poses"))
    is_plain = isinstance(pose, np.ndarray) and (pose.ndim == 2 or (pose.ndim == 3 and pose.shape[2] == 3))
    return not is_plain or "Rh" in arrays or ("smpl_poses" in arrays and "smpl_trans" not in arrays)


def _rows(array: np.ndarray[Any, np.dtype[np.float64]], source: str, hints: Hints) -> Recording | None:
    """One row a frame, of one person or of one of several."""
    notes: tuple[Finding, ...] = ()
    if array.ndim == 3 and array.shape[2] in ROW_WIDTHS:
        array, notes = taken(array, source, hints)
    if array.ndim != 2:
        return None
    if array.shape[1] == theta_contents.FINEDANCE_WIDTH and hints.values != "positions":
        return theta_contents.finedance_vectors(array, source)
    rows = rows_of(array, source, hints)
    return None if rows is None else theta_contents.with_findings(rows, notes)


def _is_h36m32(points: np.ndarray[Any, np.dtype[np.float64]], hints: Hints) -> bool:
    """Whether 32 points coincide as Human3.6M's do."""
    if points.shape[1] != 32 or hints.layout is not None:
        return False
    with np.errstate(invalid="ignore"):
        apart = [np.nanmax(np.abs(points[:, a] - points[:, b]), initial=0.0) for a, b in H36M_SAME]
        extent = np.nanmax(points, initial=-np.inf) - np.nanmin(points, initial=np.inf)
    return bool(np.isfinite(extent) and extent > 0 and max(apart) < 1e-3 * extent)


def _named_layout(arrays: Mapping[str, Any]) -> str | None:
    """The layout that a file names. A path is not followed: it would be of the author's choice, not of the user's."""
    text = text_of(arrays.get(LAYOUT))
    if text and text not in LAYOUTS:
        if text.endswith(".toml"):
            return None
        raise FormatError(
            f"The file names the layout {text[:40]!r}, which is not known ({', '.join(sorted(LAYOUTS))})."
        )
    return text or None


def _aist_keypoints(arrays: Mapping[str, Any], source: str) -> PointRecording:
    name = "keypoints3d_optim" if "keypoints3d_optim" in arrays else "keypoints3d"
    points = as_numbers(arrays[name], source)
    if points.ndim != 3 or points.shape[2] != 3 or len(points) == 0:
        raise FormatError(f"{source} has {name} of shape {points.shape}; AIST++ has (frames, 17, 3).")
    rate = stored_rate(arrays, source)
    return PointRecording(
        points=points,
        form="AIST++ key-points",
        source=source,
        layout="coco17" if points.shape[1] == 17 else None,
        unit="cm",
        up="y",
        fps=rate or AIST_FPS,
        fps_why="the file says it" if rate else "AIST++ has it",
    )


def _mdm(arrays: Mapping[str, Any], source: str, hints: Hints) -> PointRecording:
    motion = as_numbers(arrays["motion"], source)
    if motion.ndim != 4 or motion.shape[2] != 3 or 0 in motion.shape:
        raise FormatError(f"{source} has motion of shape {motion.shape}; MDM writes (motions, joints, 3, frames).")
    chosen, notes = taken(motion, source, hints, persons_first=True)
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
