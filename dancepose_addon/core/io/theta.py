# SPDX-License-Identifier: Apache-2.0
"""Theta from a file onto a body: no regression, the rotations are the file's own.

Rotations carry over to any body of SMPL's tree; betas only where the body has the shape space that they are of. On
another body the clip is stood on the floor again, and the body is made as large as the file's, by the length of its
legs, so that feet neither skate nor float.
"""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32, F64
from ..axes import UPRIGHT, axis_name, axis_vector, require_axis
from ..body.model import JOINT_INDEX, JOINT_NAMES, BodyModel
from ..body.motion import BodyMotion
from ..body.rotation import rotvec_to_rotmat
from ..counting import counted
from ..errors import InputError
from ..fit.floor.contacts import find_soles, ground
from ..fit.settings import MOST_BETA
from ..frame_rates import require_frame_rate
from ..skeleton.conventions import parse_unit
from ..skeleton.doubt import require_sure
from ..skeleton.layouts import SMPL24
from ..skeleton.markers import joint_markers, keypoints_from_pose
from ..skeleton.persons_in_turn import find_turns
from ..skeleton.readers.euler_like import euler_order
from ..skeleton.readers.theta_contents import BODY_JOINTS, MOST_BENT
from ..skeleton.recording import NO_HINTS, Finding, Hints, PoseDetail, PoseRecording
from ..skeleton.sequence import KeypointSequence

SMPL_PELVIS_M: Final = (0.0, -0.22, 0.03)
SMPL_LEG_M: Final = 0.81
"""Of SMPL's mean body, to the nearest centimetre: the pelvis in its T-pose, and hip to knee to ankle."""
SMPL_VERTICES: Final = {6890: ("smpl", "smplh"), 10475: ("smplx",)}
"""Bodies whose shape space a file's betas can be of, by their number of vertices."""
UNNATURAL: Final = 1.5
"""Times the most that joints bend, from which on rotations are doubted."""
TILT: Final = np.cos(np.radians(35.0))
UPRIGHT_ENOUGH: Final = 0.6
FASTEST_M_S: Final = 12.0
"""No pelvis moves faster for a twentieth of a clip."""


def interpret_theta(recording: PoseRecording, hints: Hints = NO_HINTS) -> tuple[str, float, tuple[Finding, ...]]:
    """Find out what the translation of SMPL parameters means.

    Args:
        recording: As a file has it.
        hints: What the user says.

    Returns:
        The axis that is up, metres per unit of the translation, and the findings.
    """
    up, found_up = _find_up(recording, hints)
    metres, found_unit = _find_unit(recording, hints)
    fps, why, confidence = recording.fps, recording.fps_why, recording.fps_confidence
    if hints.fps is not None:
        fps, why, confidence = hints.fps, "it was asked for", 1.0
    rate = Finding("rate", "unknown" if fps is None else f"{fps:g} fps", 0.0 if fps is None else confidence, why)
    if fps is None:
        rate = replace(rate, why="the file does not say it")
    findings: tuple[Finding, ...] = (found_up, found_unit, rate)
    typical = np.median(np.linalg.norm(recording.rotvec[:, 1:BODY_JOINTS], axis=-1), axis=0)
    most = np.array(MOST_BENT[1:])
    if (typical > UNNATURAL * most).any():
        joint = JOINT_NAMES[1 + int(np.argmax(typical / most))]
        why = (
            f"{joint} is typically turned by {np.degrees(typical[JOINT_INDEX[joint] - 1]):.0f} degrees; may "
            "they be relative to the world?"
        )
        findings += (Finding("rotations", "unnatural", 0.6, why),)
    knees = recording.rotvec[:, [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]], 0]
    if hints.mirror is None and float(np.median(knees)) < -0.3:
        findings += (Finding("rotations", "inverse or mirrored", 0.3, "knees bend forwards"),)
    order = euler_order(recording.rotvec)
    if order is not None:
        why = f"they are more natural or steady as Euler angles in the order {order}; rotation vectors are expected"
        findings += (Finding("rotations", "unnatural", 0.6, why),)
    is_named = any(one.topic == "translation" for one in recording.findings)
    if len(recording.translation) > 1 and not np.ptp(recording.translation, axis=0).any() and not is_named:
        why = "the translation is the same in every frame, so the body stays in its place"
        findings += (Finding("translation", "none", 0.7, why),)
    turns = find_turns(recording.translation[:, None])
    findings += () if turns is None else (turns,)
    zero = ~recording.rotvec.any(axis=(1, 2))
    if 0 < zero.sum() < len(zero):
        why = "all their rotations are zero, as of frames that were not recorded; they are used as they are"
        findings += (Finding("frames", f"{int(zero.sum())} of {len(zero)} at rest", 0.7, why),)
    return up, metres, findings


def _find_up(recording: PoseRecording, hints: Hints) -> tuple[str, Finding]:
    if hints.up is not None:
        return require_axis(hints.up), Finding("up axis", hints.up, 1.0, "it was asked for")
    upward = rotvec_to_rotmat(recording.rotvec[:, 0])[:, :, 1]
    middle = np.median(upward, axis=0)
    certainty = float(np.linalg.norm(upward.mean(axis=0)))
    length = float(np.linalg.norm(middle))
    seen = axis_name(middle) if length else "y"
    straight = float(middle @ axis_vector(seen)) / length if length else 0.0
    clear = straight > TILT and certainty > UPRIGHT_ENOUGH
    why_seen = f"the body's own up is {seen}"
    if recording.up is None:
        return seen, Finding("up axis", seen, 0.95 if clear else 0.6, why_seen)
    if seen == recording.up:
        return seen, Finding("up axis", seen, 0.99, why_seen)
    if clear:
        return seen, Finding("up axis", seen, 0.7, f"{why_seen}, though {recording.form} has {recording.up} up")
    return recording.up, Finding("up axis", recording.up, 0.7, f"{recording.form} has it, but {why_seen}")


def _find_unit(recording: PoseRecording, hints: Hints) -> tuple[float, Finding]:
    if hints.unit is not None:
        return parse_unit(hints.unit), Finding("unit of the translation", hints.unit, 1.0, "it was asked for")
    rate = hints.fps or recording.fps or 30.0
    steps = np.linalg.norm(np.diff(recording.translation, axis=0), axis=-1)
    speed = float(np.percentile(steps, 95)) * rate if len(steps) else 0.0
    if speed < FASTEST_M_S:
        return 1.0, Finding("unit of the translation", "m", 0.95, f"the body moves at up to {speed:.1f} m/s in it")
    unit = "cm" if speed < 100.0 * FASTEST_M_S else "mm"
    why = f"in metres the body would move at {speed:.0f} m/s"
    return parse_unit(unit), Finding("unit of the translation", unit, 0.6, why)


def motion_of(recording: PoseRecording, body: BodyModel, hints: Hints = NO_HINTS) -> BodyMotion:
    """Turn SMPL parameters of a file into the motion of a body: y up, on its floor.

    Args:
        recording: As a file has it.
        body: That moves.
        hints: What the user says.

    Returns:
        The motion.

    Raises:
        InputError: The frame rate is not known, or a hint is not usable.
        DoubtError: What the rotations mean is no more than a guess.
    """
    up, metres, findings = interpret_theta(recording, hints)
    require_sure(findings, None, recording.source, hints)
    fps = _rate_of(recording, hints)
    turn = UPRIGHT[up].astype(np.float64)
    pose = rotvec_to_rotmat(recording.rotvec)
    pose[:, 0] = turn @ pose[:, 0]
    at = recording.translation * metres
    if not recording.is_pelvis:
        at = at + (np.array(SMPL_PELVIS_M) if recording.rest_pelvis is None else recording.rest_pelvis)
    pelvis = at @ turn.T
    is_same = recording.model == body.fingerprint
    knows_shape = is_same or recording.model in SMPL_VERTICES.get(len(body.v_template_m), ())
    betas = np.zeros(body.beta_count, np.float32)
    notices = [
        *recording.notes,
        *(finding.sentence() for finding in (*recording.findings, *findings) if finding.doubtful),
    ]
    scale = recording.scale
    if knows_shape:
        count = min(len(betas), len(recording.betas))
        betas[:count] = recording.betas[:count]
        notices += _strange_betas(betas)
    else:
        scale = _size_like_the_file(recording, body)
        if np.any(recording.betas):
            notices.append(
                f"The file's betas are of another body's shape space ({recording.model}) and were left out: "
                f"{body.name} has its mean shape, {scale:.0%} of its size."
            )
    pose_rotmat = pose.astype(np.float32)
    translation = (pelvis - scale * body.rest_joints(betas)[0]).astype(np.float32)
    floor_m = 0.0
    if not is_same:
        soles = find_soles(body, pose_rotmat, translation, scale=scale, betas=betas)
        floor_m = ground(soles, fps=fps).floor_m
        translation = translation - np.array([0.0, floor_m, 0.0], np.float32)
    detail = recording.detail or PoseDetail()
    notices += _hidden(detail, body)
    provenance: dict[str, Any] = {
        "source": recording.source,
        "layout": "smpl24",
        "body": {"name": body.name, "fingerprint": body.fingerprint, "licence": body.licence},
        "regressor": None,
        "provider": recording.form,
        "notices": notices,
        "floor_m": floor_m,
    }
    return BodyMotion(
        pose_rotmat,
        translation,
        betas,
        float(scale),
        float(fps),
        provenance,
        None if detail.hands is None else rotvec_to_rotmat(detail.hands).astype(np.float32),
        None if detail.face is None else rotvec_to_rotmat(detail.face).astype(np.float32),
        None if detail.expression is None else detail.expression.astype(np.float32),
    )


def _rate_of(recording: PoseRecording, hints: Hints) -> float:
    """Frames a second, as the user or the file says."""
    fps = hints.fps if hints.fps is not None else recording.fps
    if fps is None:
        raise InputError(f"{recording.source} does not say at which frame rate it was recorded. Give --fps.")
    return require_frame_rate(fps)


def _strange_betas(betas: F32) -> list[str]:
    """Notice about betas that no person has."""
    largest = float(np.abs(betas).max(initial=0.0))
    said = f"The file's betas reach {largest:g}, and those of people {MOST_BETA:g}: the body is no person's."
    return [said] if largest > MOST_BETA else []


def _hidden(detail: PoseDetail, body: BodyModel) -> list[str]:
    """Notices about parts of a motion that a body cannot show."""
    tree = body.full.tree
    parts = []
    if detail.hands is not None and not tree.has_fingers:
        parts.append("fingers")
    if detail.face is not None and not tree.has_face:
        parts.append("jaw and eyes")
    if detail.expression is not None:
        parts.append("expressions")
    if not parts:
        return []
    return [f"The file's {', '.join(parts)} are kept in the motion, but {body.name} does not show them."]


def _size_like_the_file(recording: PoseRecording, body: BodyModel) -> float:
    """The scale that gives ``body`` the file's legs."""
    own = _leg_length(body.rest_joints()[None].astype(np.float64))
    if recording.joints is not None:
        theirs = _leg_length(recording.joints)
        if np.isfinite(theirs) and 0.3 < theirs < 1.5:
            return theirs / own
    if recording.rest_pelvis is not None:
        return recording.scale  # a motion of ours on another body: nothing is known of that body's legs
    return recording.scale * SMPL_LEG_M / own


def _leg_length(joints: F64) -> float:
    """Hip to knee to ankle, mean of both sides and median of the frames. joints: (T, 24, 3)."""
    total = np.zeros(len(joints))
    for side in ("left", "right"):
        hip, knee, ankle = (joints[:, JOINT_INDEX[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
        total += np.linalg.norm(hip - knee, axis=-1) + np.linalg.norm(knee - ankle, axis=-1)
    return float(np.median(total)) / 2.0


def between(motion: BodyMotion, start: int, end: int | None) -> BodyMotion:
    """Cut frames out of a motion.

    Args:
        motion: Any.
        start: First frame.
        end: One past the last, or None for the end.

    Returns:
        The part.

    Raises:
        InputError: The range selects nothing.
    """
    stop = len(motion) if end is None else min(end, len(motion))
    if not 0 <= start < stop:
        raise InputError(
            f"Frames {start}:{'' if end is None else end} select nothing: the motion has "
            f"{counted(len(motion), 'frame')} (0 to "
            f"{len(motion) - 1}). Choose a range inside it."
        )
    return motion.part(slice(start, stop))


def joints_of(motion: BodyMotion, body: BodyModel) -> KeypointSequence:
    """Compute the joints of a moving body.

    Args:
        motion: Of the body.
        body: That moves.

    Returns:
        Keypoints of smpl24.
    """
    rest = body.rest_joints(motion.betas)
    joints = keypoints_from_pose(
        joint_markers(SMPL24), rest, motion.pose_rotmat, motion.translation_m, scale=motion.scale
    )
    source = str(motion.provenance.get("source", "a motion"))
    return KeypointSequence(
        joints, motion.fps, SMPL24, source=source, notes=tuple(motion.provenance.get("notices", ()))
    )


def pelvis_places(motion: BodyMotion, body: BodyModel) -> NDArray[np.float32]:
    """Compute where the pelvis is.

    Args:
        motion: Of the body.
        body: That moves.

    Returns:
        (T, 3), metres.
    """
    return motion.translation_m + np.float32(motion.scale) * body.rest_joints(motion.betas)[0]
