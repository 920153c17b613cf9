# SPDX-License-Identifier: Apache-2.0
"""SMPL's parameters in tables, by the names that tools give them; flat or nested, of one person or of several.

    smplx library       global_orient, body_pose (63 or 69), transl, betas          GVHMR, GENMO, SMPLest-X, 4D-Humans
    human_body_prior    root_orient, pose_body, trans                               AMASS tools, InterHuman (person1)
    one array           pose, poses, fullpose, smpl_pose, pose_world, thetas ...    WHAM, VIBE, MoSh++, MDM, TRAM, AIOZ
    EasyMocap           Rh, Th, poses, shapes
    smplcodec (.smpl)   bodyPose, bodyTranslation, shapeParameters, frameRate

Rotations may be vectors, matrices, 6D or quaternions (``rotation_forms``). Members that are not needed are ignored.
Where a file has the same person in the world's and in the camera's axes, the world's are taken.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import re
from typing import Any, Final

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError, InputError
from ..recording import Finding, Hints, PoseRecording
from .frame_entries import OrderedEntries, in_order
from .frame_lists import FRAMES, frames_in
from .numbered_arrays import longest_stretch
from .numbers import as_numbers, stored_rate, text_of
from .person_axes import one_person
from .person_tracks import longest_run, tracks_in
from .point_arrays import CAMERA, WORLD
from .pose_detail import detail_in, detail_of, merged
from .rotation_forms import BODY_COUNTS, ROTATION_COUNTS, as_rotvec
from .theta_contents import MODEL_OF_COUNT, PLACE_LOST, joints24
from .timed_rates import TimedRate, timed_rate_in, with_timed_rate

ROOTS: Final = (
    "global_orient", "root_orient", "global_orientation", "root_orientation", "smpl_orient", "orient", "Rh",
    "body_global_orient", "smplx_root_pose", "root_pose",
)  # fmt: skip
BODIES: Final = ("body_pose", "pose_body", "smpl_body_pose", "smplx_body_pose")
WHOLES: Final = (
    "pose_world", "poses", "pose", "fullpose", "smpl_poses", "smpl_pose", "pose_aa", "thetas", "theta", "pred_rotmat",
    "smplx_poses", "smpl_thetas", "full_pose", "bodyPose", "poses_rotvec", "pose_rotvec", "pose_rotmat", "rotations",
    "rot6d", "rotations_6d", "pose_6d", "pred_thetas", "pred_pose", "pose_params", "smpl_theta",
    "local_rotations", "joint_rotations",
)  # fmt: skip
TRANSLATIONS: Final = (
    "trans_world", "transl", "trans", "translation", "root_trans", "root_translation", "smpl_trans", "pred_trans", "Th",
    "smpl_transl", "body_transl", "root_pos", "smplx_trans", "bodyTranslation", "root_positions", "root_position",
    "root_trans_offset", "trans_orig",
    "pelvis_translation", "cam_trans",
)  # fmt: skip
BETAS: Final = (
    "betas",
    "betas_world",
    "shapes",
    "shape",
    "pred_shape",
    "beta",
    "smpl_betas",
    "smplx_shape",
    "shapeParameters",
)
HANDS: Final = ("left_hand_pose", "right_hand_pose", "pose_hand", "hand_pose", "leftHandPose", "rightHandPose")
FACES: Final = ("jaw_pose", "expression", "leye_pose", "pose_jaw")
_PERSON: Final = re.compile(r"(?:^|\.)(?:person|dancer|human|subject|track|id|p)?[ _-]?\d{1,6}$", re.IGNORECASE)
"""Keys of persons who are recorded together; other keys are those of separate motions."""
MDM_FPS: Final = 20.0
MOST_DEPTH: Final = 4
MOST_TABLES: Final = 4096
MOST_PERSONS: Final = 64
EASYMOCAP_COUNTS: Final = (*ROTATION_COUNTS, 23, 26, 29)


@dataclass(frozen=True)
class Candidate:
    """A table that holds one person's parameters.

    Attributes:
        path: Its keys from the top of the file, joined by dots.
        table: Name of a member -> its value.
        findings: About how it was found.
        timed: The rate by the times of its frames, or None without any.
    """

    path: str
    table: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    timed: TimedRate | None = None

    @property
    def rank(self) -> int:
        """1 where it says that it is in the world's axes, -1 in the camera's, else 0."""
        low = self.path.lower()
        return any(word in low for word in WORLD) - any(word in low for word in CAMERA)


def candidates_in(arrays: Mapping[str, Any], source: str) -> list[Candidate]:
    """The tables of a file that hold a person's parameters.

    Args:
        arrays: Content of the file, nested.
        source: The file, for messages.

    Returns:
        In the order of the file; of several readings of one person only the best.
    """
    found = list(_walk(arrays, "", 0, source))
    best = max((candidate.rank for candidate in found), default=0)
    return [candidate for candidate in found if candidate.rank == best]


def _walk(value: Any, path: str, depth: int, source: str) -> Iterator[Candidate]:
    if depth > MOST_DEPTH:
        return
    if isinstance(value, Mapping | list):
        entries = frames_in(value, source)
        if entries is not None:
            yield from _candidates_of(in_order(entries, source), path)
            return
    if isinstance(value, Mapping):
        if _has_pose(value):
            yield from _people_of(Candidate(path, value))
            return
        for number, (key, item) in enumerate(value.items()):
            if number >= MOST_TABLES:
                return
            yield from _walk(item, f"{path}.{key}".lstrip("."), depth + 1, source)
    elif isinstance(value, list) and len(value) <= MOST_PERSONS:
        for number, item in enumerate(value):
            yield from _walk(item, f"{path}.{number}".lstrip("."), depth + 1, source)


def _people_of(candidate: Candidate) -> Iterator[Candidate]:
    """One candidate, or one for each person where every member is a list with an entry for each (3DPW)."""
    table = candidate.table
    name = next((name for name in (*WHOLES, *BODIES) if isinstance(table.get(name), list)), None)
    if name is None:
        yield candidate
        return
    count = len(table[name])
    for number in range(count):
        one = {
            key: value[number] if isinstance(value, list) and len(value) == count else value
            for key, value in table.items()
        }
        yield Candidate(f"{candidate.path}.{number}".lstrip("."), one)


def _candidates_of(ordered: OrderedEntries, path: str) -> Iterator[Candidate]:
    """Persons that a file shows frame by frame, as tables of arrays over their longest stretch of frames."""
    for track in tracks_in(ordered.entries)[:MOST_PERSONS]:
        start, end = longest_run(track)
        table = _stacked(track.entries[start:end])
        if not _has_pose(table):
            continue
        findings: tuple[Finding, ...] = ()
        if end - start < track.total:
            first, last = track.frames[start], track.frames[end - 1]
            why = f"the person is seen in {len(track.frames)} of {track.total}, and this is the longest stretch"
            findings = (Finding("frames", f"{first} to {last}", 0.8, why),)
        yield Candidate(f"{path}.{track.name}".lstrip("."), table, findings, ordered.timed)


def _stacked(frames: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A table for each frame as one table of arrays."""
    first = frames[0]
    keys = [key for key in first if key in (*ROOTS, *BODIES, *WHOLES, *TRANSLATIONS, *BETAS, *HANDS)]
    table: dict[str, Any] = {}
    for key in keys:
        parts = [np.asarray(frame.get(key)) for frame in frames]
        if all(part.dtype.kind in "fiu" and part.shape == parts[0].shape for part in parts):
            whole = np.stack(parts)
            # (T, 1, N): a batch of one in every frame.
            if whole.ndim > 2 and whole.shape[1] == 1 and key not in ROOTS:
                whole = whole[:, 0]
            table[key] = whole
    return table


def _has_pose(table: Mapping[str, Any]) -> bool:
    if any(_is_array(_first_item(table.get(name))) for name in BODIES):
        return True
    if "Rh" in table and np.ndim(table.get("poses", 0)) >= 2:
        return True
    return any(_is_pose(_first_item(table.get(name))) for name in WHOLES)


def _first_item(value: Any) -> Any:
    """The first of a list of arrays, one for each person; anything else as it is."""
    return value[0] if isinstance(value, list) and 0 < len(value) <= MOST_PERSONS else value


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim >= 1 and value.dtype.kind in "fiu" and value.size > 0


def _has_rows(value: Any, frames: int) -> bool:
    """Whether an array has a row for each frame; one of numbers alone may be betas."""
    return _is_array(value) and value.ndim > 1 and len(value) == frames


def _is_pose(value: Any) -> bool:
    """Whether an array has the shape of rotations of a whole body."""
    if not _is_array(value) or value.ndim < 2:
        return False
    shape = value.shape
    if value.ndim in (3, 4) and shape[-2] == 6 and shape[-3] in ROTATION_COUNTS:  # MDM, of one or several motions
        return True
    if shape[-1] in {size * count for count in ROTATION_COUNTS for size in (3, 6, 9)} and value.ndim <= 4:
        return True
    return value.ndim >= 3 and (
        (shape[-2] in ROTATION_COUNTS and shape[-1] in (3, 4, 6, 9))
        or (value.ndim >= 4 and shape[-3] in ROTATION_COUNTS and shape[-2:] == (3, 3))
    )


def first_of(table: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    """The first member of a table under one of these names.

    Args:
        table: To look in.
        names: In the order of preference.

    Returns:
        Its name and value; an empty name and None where there is none.
    """
    return next(((name, table[name]) for name in names if _is_array(table.get(name))), ("", None))


def pose_of(candidates: list[Candidate], arrays: Mapping[str, Any], source: str, hints: Hints) -> PoseRecording:
    """One person's motion.

    Args:
        candidates: As ``candidates_in`` returns them, at least one.
        arrays: Content of the file, for what stands at its top, such as the frame rate.
        source: The file, for messages.
        hints: ``take`` chooses the person.

    Returns:
        Rotations and places as the file has them.

    Raises:
        FormatError: Shapes do not fit each other.
        InputError: The root's rotation is missing, there is no such person, or there are no frames.
    """
    person, findings = _chosen(candidates, source, hints)
    _, whole = first_of(person.table, (*BODIES, *WHOLES))
    _, places = first_of(person.table, TRANSLATIONS)
    table, more = one_person(person.table, whole, places, source, hints)
    findings += (*person.findings, *more)
    rotvec, model = _rotations(table, source, person.path)
    rotvec = rotvec[: _length_of(table, hints) or len(rotvec)]
    timed = person.timed or timed_rate_in(table, len(rotvec))
    rows, gaps = longest_stretch(table, len(rotvec), source)
    table = {key: value[rows] if _has_rows(value, len(rotvec)) else value for key, value in table.items()}
    rotvec = rotvec[rows]
    frames = len(rotvec)
    body, notes = joints24(rotvec, source)
    translation, lost = _place(table, frames, source)
    detail, unread = detail_in(table, frames)
    detail = merged(detail_of(rotvec), detail)
    rate = stored_rate({**arrays, **table}, source)
    path = person.path.removeprefix(f"{FRAMES}.")
    form = f"SMPL parameters{f' ({path[:40]})' if path else ''}"
    is_mdm = "thetas" in table and "root_translation" in table and rate is None
    recording = PoseRecording(
        body,
        translation,
        "SMPL parameters of MDM" if is_mdm else form,
        source,
        model=model,
        gender=_gender(table),
        betas=_betas(table, source),
        fps=MDM_FPS if is_mdm else rate,
        fps_why="models trained on HumanML3D have it" if is_mdm else "the file says it",
        findings=(*findings, *gaps, *lost, *notes, *unread),
        detail=detail,
    )
    return with_timed_rate(recording, timed, hints)


def _chosen(candidates: list[Candidate], source: str, hints: Hints) -> tuple[Candidate, tuple[Finding, ...]]:
    if hints.take >= len(candidates) and len(candidates) > 1:
        raise InputError(
            f"{source} holds {counted(len(candidates), 'person')}; there is no number {hints.take}. Give --read "
            "take=0 or more."
        )
    if len(candidates) == 1:
        return candidates[0], ()
    names = ", ".join(candidate.path[:24] for candidate in candidates[:4])
    note = Finding(
        "person", candidates[hints.take].path[:40], hints.confidence_in(candidates[hints.take].path),
        f"the file holds {len(candidates)} ({names}), and --read take=N chooses another",
        len(candidates) if all(_PERSON.search(candidate.path) for candidate in candidates) else 1,
    )  # fmt: skip
    return candidates[hints.take], (note,)


def _rotations(table: Mapping[str, Any], source: str, path: str) -> tuple[F64, str]:
    """Rotation vectors (T, J, 3), and the model that they are of."""
    body_name, body_value = first_of(table, BODIES)
    root_name, root_value = first_of(table, ROOTS)
    if not body_name:
        name, value = first_of(table, WHOLES)
        if root_name == "Rh":  # EasyMocap: the root's rotation is in Rh, and the first of poses is zero.
            return _easymocap(as_rotvec(value, source, name, EASYMOCAP_COUNTS), root_value, source)
        rotvec = as_rotvec(value, source, name, ROTATION_COUNTS)
        return rotvec, MODEL_OF_COUNT[rotvec.shape[1]]
    body = as_rotvec(body_value, source, body_name, BODY_COUNTS)
    if not root_name:
        raise InputError(
            f"{source} has rotations of SMPL's {body.shape[1]} joints ({body_name}) without global_orient, so it is "
            "unknown how the body stands. Store global_orient (and transl) beside them."
        )
    root = as_rotvec(root_value, source, root_name, (1,))
    if len(root) != len(body):
        raise FormatError(f"{source} has {counted(len(root), 'frame')} of {root_name} and {len(body)} of {body_name}.")
    has_face = any(name in table for name in FACES) or "smplx" in path.lower()
    model = "smpl" if body.shape[1] == 23 else "smplx" if has_face else "smplh"
    return np.concatenate([root, body], axis=1), model


def _easymocap(rotvec: F64, root: Any, source: str) -> tuple[F64, str]:
    """EasyMocap's poses of SMPL (24, or 23 without the root), SMPL+H (26) and SMPL-X (29), whose hands are left out."""
    count = rotvec.shape[1]
    if count == BODY_COUNTS[1]:
        rotvec = np.concatenate([np.zeros((len(rotvec), 1, 3)), rotvec], axis=1)
    rotvec = rotvec[:, : 24 if count in (23, 24) else 22].copy()
    rotvec[:, 0] = as_rotvec(root, source, "Rh", (1,))[:, 0]
    return rotvec, {26: "smplh", 29: "smplx"}.get(count, "smpl")


def _place(table: Mapping[str, Any], frames: int, source: str) -> tuple[F64, tuple[Finding, ...]]:
    """Where the body is, (T, 3)."""
    name, value = first_of(table, TRANSLATIONS)
    if not name:
        return np.zeros((frames, 3)), (PLACE_LOST,)
    place = as_numbers(value, source)
    if place.ndim == 3 and 1 in place.shape[:2]:
        place = place.reshape(-1, place.shape[2])
    if place.ndim == 2 and place.shape[0] == 3 and place.shape[1] >= frames and place.shape[1] != 3:
        place = place.T
    if place.shape == (3,):
        place = np.tile(place, (frames, 1))
    if place.ndim == 2 and place.shape[1] == 3 and len(place) > frames:
        place = place[:frames]
    if place.shape != (frames, 3):
        raise FormatError(f"{source} has {name} of shape {np.shape(value)}; expected ({frames}, 3).")
    if not np.isfinite(place).all():
        raise InputError(f"{source} has {name} that are not finite in some frames. Cut those frames out.")
    return place, ()


def _length_of(table: Mapping[str, Any], hints: Hints) -> int:
    """Frames that a padded motion has (MDM), or 0."""
    value = table.get("lengths", table.get("length"))
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or value.size <= hints.take:
        return 0
    return max(0, int(value.reshape(-1)[hints.take if value.size > 1 else 0]))


def _betas(table: Mapping[str, Any], source: str) -> F64:
    """Of the first frame: a body is constant over its clip."""
    name, value = first_of(table, BETAS)
    if not name:
        return np.zeros(10)
    betas = as_numbers(value, source)
    betas = betas.reshape(-1, betas.shape[-1])
    middle = np.median(betas, axis=0) if len(betas) else np.zeros(10)
    if not np.isfinite(middle).all():
        raise FormatError(f"{source} has {name} that are not numbers. Write it again.")
    return middle[:400]


def _gender(table: Mapping[str, Any]) -> str:
    text = text_of(table.get("gender")).lower()
    return next((name for name in ("female", "male") if name in text), "neutral")
