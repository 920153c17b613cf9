# SPDX-License-Identifier: Apache-2.0
"""Theta in arrays: rotations of SMPL's joints and where the body is.

    AMASS      poses (N, 156) SMPL+H or (N, 165) SMPL-X or (N, 72) SMPL, trans, betas, gender, mocap_framerate; z up
    our own    the same with scale, rest_pelvis, provenance (core/body/motion.py)
    AIST++     smpl_poses (N, 72), smpl_trans, smpl_scaling; y up, 60 fps; metres are trans / scaling
    EDGE       smpl_poses (N, 72), smpl_trans (the pelvis's place), full_pose (N, 24, 3); z up, 30 fps
    FineDance  one array (N, 315): translation, then 52 rotations as the first two rows of their matrices (6D);
               or (N, 159), with rotation vectors; 30 fps
    plain      (N, 72), (N, 24, 3) and the like: distinguished from positions by whether bones keep their lengths

Fingers and face of SMPL+H and SMPL-X are kept beside SMPL's joints (``pose_detail``).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ...arrays import F64
from ...errors import FormatError, InputError
from ..anatomy import measure_fit, sample
from ..layouts import layouts_with
from ..recording import NO_HINTS, Finding, Hints, PoseDetail, PoseRecording, Recording
from ..rigid_distances import rigid_share
from .named_points import cost_in_known_orders
from .natural_rotations import better_alignment
from .numbered_arrays import longest_stretch
from .numbers import as_numbers, describe, stored_rate, text_of
from .pose_detail import EXPRESSIONS, FINGERS_READ, detail_in, detail_of, pose_detail
from .rotation_forms import ROTATION_COUNTS, as_rotvec
from .timed_rates import timed_rate_in, with_timed_rate

AIST_FPS: Final = 60.0
EDGE_FPS: Final = 30.0
FINEDANCE_FPS: Final = 30.0
FINEDANCE_WIDTH: Final = 159
MODEL_OF_COUNT: Final = {22: "smplh", 24: "smpl", 52: "smplh", 55: "smplx"}
BODY_JOINTS: Final = 22
FULL_TURN: Final = 2.0 * np.pi + 0.3
POSITIONS_COST: Final = 0.45
NO_PERSON: Final = 1.2
RIGID: Final = 0.5
MOST_BENT: Final = (
    7.0, 2.6, 2.6, 0.8, 2.8, 2.8, 0.7, 1.3, 1.3, 0.7, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 2.4, 2.4, 2.8, 2.8, 1.5, 1.5,
)  # fmt: skip
"""Radians that SMPL's joints are turned by at most, in the middle of a clip; the root may be turned anyhow."""
WITHOUT_ROOT: Final = (21, 23)
VALUES: Final = ("positions", "rotations")
PLACE_LOST: Final = Finding(
    "translation", "none", 0.7, "the file has rotations alone, so the body stays in its place"
)  # fmt: skip


def recognises(arrays: Mapping[str, Any]) -> bool:
    """Tell SMPL parameters by the names that data sets give them.

    Args:
        arrays: The file's content by name.

    Returns:
        Whether it is AMASS, DancePose, AIST++ or EDGE.
    """
    return ("poses" in arrays and "trans" in arrays) or "smpl_poses" in arrays


def named_parameters(arrays: Mapping[str, Any], source: str) -> PoseRecording:
    """Read AMASS, DancePose, AIST++ or EDGE.

    Args:
        arrays: The file's content by name.
        source: The file, for messages.

    Returns:
        The motion.

    Raises:
        FormatError: Shapes do not fit each other.
        InputError: No frames, or numbers that are not finite.
    """
    poses = arrays.get("smpl_poses", arrays.get("poses"))
    frames = len(poses) if isinstance(poses, np.ndarray) and poses.ndim > 1 else 0
    timed = timed_rate_in(arrays, frames)
    rows, gaps = longest_stretch(arrays, frames, source)
    if len(rows) < frames or (np.diff(rows) != 1).any():
        arrays = {
            key: value[rows] if isinstance(value, np.ndarray) and value.ndim > 1 and len(value) == frames else value
            for key, value in arrays.items()
        }
    found = _of_aist_or_edge(arrays, source) if "smpl_poses" in arrays else _amass(arrays, source)
    return with_timed_rate(replace(found, findings=(*gaps, *found.findings)), timed, NO_HINTS)


def _of_aist_or_edge(arrays: Mapping[str, Any], source: str) -> PoseRecording:
    rotations = _rotations(arrays["smpl_poses"], source, "smpl_poses")
    rotvec, notes = joints24(rotations, source)
    if "smpl_trans" not in arrays:
        raise FormatError(f"{source} holds {describe(arrays)}; expected smpl_trans beside smpl_poses.")
    translation = _translation(arrays["smpl_trans"], len(rotvec), source, "smpl_trans")
    rate = stored_rate(arrays, source)
    if "smpl_scaling" in arrays:
        scaling = as_numbers(np.asarray(arrays["smpl_scaling"]), source).reshape(-1)
        if scaling.size != 1 or not 1e-3 < scaling[0] < 1e6:
            raise FormatError(f"{source} has smpl_scaling {scaling[:3]}; AIST++ has one positive number.")
        return PoseRecording(
            rotvec, translation / scaling[0], "AIST++ motion", source, up="y", fps=rate or AIST_FPS,
            fps_why="the file says it" if rate else "AIST++ has it", findings=notes, detail=detail_of(rotations),
        )  # fmt: skip
    joints = None
    if "full_pose" in arrays:
        joints = as_numbers(arrays["full_pose"], source)
        joints = joints if joints.shape == (len(rotvec), 24, 3) else None
    form = "EDGE motion" if joints is not None else "SMPL poses"
    return PoseRecording(
        rotvec, translation, form, source, is_pelvis=joints is not None, joints=joints,
        up="z" if joints is not None else None, fps=rate or (EDGE_FPS if joints is not None else None),
        fps_why="the file says it" if rate else "EDGE writes it", findings=notes, detail=detail_of(rotations),
    )  # fmt: skip


def _amass(arrays: Mapping[str, Any], source: str) -> PoseRecording:
    rotations = _rotations(arrays["poses"], source, "poses")
    rotvec, notes = joints24(rotations, source)
    translation = _translation(arrays["trans"], len(rotvec), source, "trans")
    betas = as_numbers(np.asarray(arrays.get("betas", np.zeros(10))), source).reshape(-1)[:400]
    is_ours = "rest_pelvis" in arrays and "scale" in arrays
    model, pelvis, scale = MODEL_OF_COUNT[rotations.shape[1]], None, 1.0
    if is_ours:
        pelvis = as_numbers(np.asarray(arrays["rest_pelvis"]), source).reshape(-1)
        scale = float(as_numbers(np.asarray(arrays["scale"]), source).reshape(-1)[:1].sum())
        if pelvis.shape != (3,) or not np.isfinite(pelvis).all() or not 1e-3 < scale < 1e3:
            raise FormatError(f"{source} has rest_pelvis {pelvis[:4]} and scale {scale:g}; expected (3,) and a size.")
        model = _fingerprint(arrays) or "smpl"
    if not np.isfinite(betas).all():
        raise FormatError(f"{source} has betas that are not numbers. Write it again.")
    gender = arrays.get("gender", "neutral")
    text = (
        gender.decode("latin1") if isinstance(gender, bytes) else str(np.asarray(gender).reshape(-1)[:1].tolist()[:1])
    )
    rate = stored_rate(arrays, source)
    return PoseRecording(
        rotvec, translation, "DancePose motion" if is_ours else "AMASS motion", source, model=model,
        gender=next((name for name in ("female", "male") if name in text), "neutral"), betas=betas,
        rest_pelvis=pelvis, scale=scale, up="z", fps=rate, fps_why="the file says it", findings=notes,
        detail=_detail(rotations, arrays),
    )  # fmt: skip


def _detail(rotations: F64, arrays: Mapping[str, Any]) -> PoseDetail | None:
    """Fingers and face of a pose, with the expression beside it (BEAT2: expressions)."""
    found = detail_of(rotations) or PoseDetail()
    named, _ = detail_in({key: arrays[key] for key in EXPRESSIONS if key in arrays}, len(rotations))
    return pose_detail(found.hands, found.face, None if named is None else named.expression)


def _fingerprint(arrays: Mapping[str, Any]) -> str:
    """The body that a motion of ours was fitted with, or nothing."""
    import json

    try:
        table = json.loads(text_of(arrays.get("provenance")))
        return str(table["body"]["fingerprint"])[:64]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def finedance_vectors(array: F64, source: str) -> PoseRecording:
    """FineDance's array of translation and 52 rotation vectors.

    Args:
        array: (N, 159).
        source: The file, for messages.

    Returns:
        The motion. The translation is SMPL-H's; which axis is up is found out from the body.

    Raises:
        InputError: There are no frames.
    """
    if len(array) == 0:
        raise InputError(f"{source} has zero frames. Check that the file was written completely.")
    starts = {"translation and pose": (3, 0), "pose and translation": (0, 156)}
    poses = {order: array[:, at : at + 156].reshape(len(array), 52, 3) for order, (at, _) in starts.items()}
    order, finding = better_alignment(poses, "translation and pose")
    rotations, place = poses[order], starts[order][1]
    rotvec, notes = joints24(rotations, source)
    unusual = () if place == 0 and not finding.doubtful else (finding,)
    return PoseRecording(
        rotvec, array[:, place : place + 3], "FineDance motion", source, model="smplh", fps=FINEDANCE_FPS,
        fps_why="FineDance has it", findings=(*unusual, *notes), detail=detail_of(rotations),
    )  # fmt: skip


def with_findings(recording: Recording, findings: tuple[Finding, ...]) -> Recording:
    """The recording with further findings before its own.

    Args:
        recording: Points or rotations.
        findings: To add.

    Returns:
        The recording with both.
    """
    return replace(recording, findings=(*findings, *recording.findings)) if findings else recording


def decide_values(points: F64, hints: Hints, source: str = "The file") -> tuple[str, Finding]:
    """Decide whether numbers are positions or rotation vectors.

    Positions keep the lengths of bones and have a person's proportions; rotation vectors have neither, and none of them
    is longer than a turn.

    Args:
        points: (T, K, 3).
        hints: What the user says.
        source: The file, for messages.

    Returns:
        ``positions`` or ``rotations``, and why.

    Raises:
        InputError: They are SMPL's body_pose without the root, or the hint is not usable.
    """
    if hints.values is not None:
        if hints.values not in VALUES:
            raise InputError(f"There are no values {hints.values!r}; choose one of {', '.join(VALUES)}.")
        return hints.values, Finding("values", hints.values, 1.0, "they were asked for")
    count = points.shape[1]
    few = sample(points)
    seen = np.where((few == 0.0).all(axis=-1, keepdims=True), np.nan, few)  # exact zeros are unseen points
    cost = min((measure_fit(seen, layout).cost for layout in layouts_with(count)), default=np.inf)
    cost = min(cost, cost_in_known_orders(seen))
    if count in WITHOUT_ROOT and cost > NO_PERSON:
        _refuse_body_pose(few, source)
    if count not in ROTATION_COUNTS:
        return "positions", Finding("values", "positions", 0.99, f"no model has {count} rotations")
    if cost < POSITIONS_COST:
        return "positions", Finding("values", "positions", 0.98, "bones keep their lengths, and a person's proportions")
    with np.errstate(invalid="ignore"):
        longest = float(np.nanmax(np.linalg.norm(few, axis=-1), initial=0.0))
    if longest < FULL_TURN and cost > NO_PERSON and pose_is_natural(few):
        held = rigid_share(few)
        why = f"as positions they are no person, none is longer than a turn ({longest:.1f}), and limbs bend naturally"
        return "rotations", Finding("values", "rotations", 0.95 if held < RIGID and len(few) > 4 else 0.7, why)
    confidence = 0.7 if cost < NO_PERSON else 0.4
    return "positions", Finding("values", "positions", confidence, "neither positions nor rotations are plain")


def plain_forms(array: F64, source: str, hints: Hints, rate: float | None) -> PoseRecording | None:
    """Read matrices, 6D rotations and quaternions of a whole body in an array without a name.

    Args:
        array: (T, J, 3, 3), (T, J, 6), (T, J, 4), (T, 9 J) or (T, 6 J).
        source: The file, for messages.
        hints: ``values=positions`` keeps them as points.
        rate: Frames a second, or None.

    Returns:
        The motion, in place; None where the numbers are no such rotations.
    """
    if hints.values == "positions" or hints.layout is not None or array.size == 0:
        return None
    if array.ndim == 2:
        forms = [count for count in ROTATION_COUNTS if array.shape[1] in (6 * count, 9 * count)]
    else:
        forms = [count for count in ROTATION_COUNTS if count in array.shape[1:2] and array.shape[2:] != (3,)]
    if not forms:
        return None
    try:
        rotvec = as_rotvec(array, source, "numbers", tuple(forms))
    except FormatError:
        return None
    why = "they are orthonormal, as rotations are, or of length 1"
    finding = Finding("values", "rotations", 0.95, why)
    return plain_rotations(rotvec, source, finding, rate)


def _refuse_body_pose(rotvec: F64, source: str) -> None:
    """Raise InputError where points are SMPL's body_pose. rotvec: (S, 21 or 23, 3)."""
    count = rotvec.shape[1]
    whole = np.concatenate([np.zeros((len(rotvec), 1, 3)), rotvec], axis=1)
    with np.errstate(invalid="ignore"):
        longest = float(np.nanmax(np.linalg.norm(rotvec, axis=-1), initial=0.0))
    if longest < FULL_TURN and pose_is_natural(whole):
        raise InputError(
            f"{source} holds {3 * count} numbers a frame that are rotations of SMPL's {count} joints without "
            "global_orient, so it is unknown how the body stands. Store global_orient and transl beside them in an "
            ".npz, or give --read values=positions if they are points."
        )


def pose_is_natural(rotvec: F64) -> bool:
    """Tell whether rotations are those of limbs, for most of the clip.

    Knees bend backwards about x and no more than knees do, and no joint of the trunk turns more than it can.

    Args:
        rotvec: (S, K, 3), radians, K at least 22.

    Returns:
        True where they are.
    """
    rotvec = rotvec[np.isfinite(rotvec).all(axis=(1, 2))]
    if not np.any(rotvec):
        return False
    typical = np.median(np.linalg.norm(rotvec[:, : len(MOST_BENT)], axis=-1), axis=0)
    if not (typical < np.array(MOST_BENT)).all():
        return False
    knees = rotvec[:, 4:6]
    bend, across = float(np.median(knees[..., 0])), float(np.median(np.abs(knees[..., 1:])))
    return -0.3 < bend < 2.6 and across < max(0.6, abs(bend))


def plain_rotations(rotvec: F64, source: str, finding: Finding, rate: float | None) -> PoseRecording:
    """Read rotation vectors without a translation.

    Args:
        rotvec: (T, K, 3), radians.
        source: The file, for messages.
        finding: Why they are rotations.
        rate: Frames a second, or None.

    Returns:
        The motion, in place.
    """
    chosen, notes = joints24(rotvec, source)
    return PoseRecording(
        chosen, np.zeros((len(rotvec), 3)), "rotation vectors", source, model=MODEL_OF_COUNT[rotvec.shape[1]],
        fps=rate, fps_why="the file says it", findings=(finding, PLACE_LOST, *notes), detail=detail_of(rotvec),
    )  # fmt: skip


def _rotations(value: Any, source: str, name: str) -> F64:
    """Rotation vectors (N, J, 3), J of a model that is known."""
    return as_rotvec(value, source, name, ROTATION_COUNTS)


def joints24(rotvec: F64, source: str) -> tuple[F64, tuple[Finding, ...]]:
    """Keep SMPL's joints.

    Args:
        rotvec: (N, J, 3), radians.
        source: The file, for messages.

    Returns:
        (N, 24, 3) with neutral hands where the model has fingers, and a finding where the file turns them.

    Raises:
        InputError: Rotations are not finite.
    """
    broken = ~np.isfinite(rotvec[:, :BODY_JOINTS]).all(axis=(1, 2))
    if broken.any():
        raise InputError(
            f"{source} has rotations that are not finite in {int(broken.sum())} of {len(broken)} frames. Cut them out."
        )
    typical = np.median(np.linalg.norm(rotvec[:, 1:BODY_JOINTS], axis=-1), axis=0).max(initial=0.0)
    if typical > FULL_TURN:
        raise InputError(
            f"{source} has rotation vectors with a typical length of {typical:.1f}, and a whole turn has 6.3 "
            "radians. If "
            "they are degrees, convert them with numpy.radians."
        )
    if rotvec.shape[1] == 24 and np.isfinite(rotvec).all():
        return rotvec, ()
    body = np.zeros((len(rotvec), 24, 3))
    body[:, :BODY_JOINTS] = rotvec[:, :BODY_JOINTS]
    detail = detail_of(rotvec)
    return body, (FINGERS_READ,) if detail is not None and detail.hands is not None else ()


def _translation(value: Any, frames: int, source: str, name: str) -> F64:
    translation = as_numbers(value, source)
    if translation.shape == (3, frames) and frames != 3:
        translation = translation.T
    if translation.shape != (frames, 3):
        raise FormatError(f"{source} has {name} of shape {translation.shape}; expected ({frames}, 3).")
    if not np.isfinite(translation).all():
        raise InputError(f"{source} has {name} that are not finite in some frames. Cut those frames out.")
    return translation
