# SPDX-License-Identifier: Apache-2.0
"""Arrays of one row a frame that motion models write, recognised by their width and by what the columns must fulfil.

    263 / 251   HumanML3D / KIT-ML features (Guo et al. 2022): joints are recovered, as recover_from_ric does
    322         Motion-X: SMPL-X root, body, hands, jaw, face, translation, betas
    151         EDGE: contacts, place, 24 rotations in 6D
    139 / 135   LODGE: contacts, place, 22 rotations in 6D; without contacts
    319 / 315   FineDance: contacts, place, 52 rotations in 6D; without contacts
    219 / 225   FACT, AIST++ models: place, 24 matrices; six zeros before
    147         place, 24 rotations in 6D
    492 / 262   InterHuman, InterGen (Liang et al. 2023): places of 62 or 22 joints, then velocities or rotations in 6D
    75 / 168    SMPL's or SMPL-X's rotation vectors and translation (3), in either order
    82 / 85     SMPL's pose (72) and betas (10); behind a camera (3)

Rotations are distinguished from positions by being orthonormal, not by the width alone.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...arrays import F64
from ...errors import FormatError, InputError
from ..recording import Finding, Hints, PointRecording, PoseRecording, Recording
from .natural_rotations import better_alignment
from .pose_detail import FINGER_COUNT, FINGERS_READ, detail_of, pose_detail
from .rotation_forms import rotvec_of_6d, rotvec_of_matrices
from .theta_contents import BODY_JOINTS, PLACE_LOST, joints24, pose_is_natural


@dataclass(frozen=True)
class RowForm:
    """What the columns of a row are.

    Attributes:
        name: Of the format, in words.
        place: First column of the translation.
        rotations: First column of the rotations.
        joints: Number of rotations.
        size: Numbers for a rotation: 3, 6 or 9.
        fps: Of the data set.
        up: The axis that the format has up, or None.
        is_pelvis: Whether the place is the pelvis's.
        model: Of SMPL's family.
    """

    name: str
    place: int
    rotations: int
    joints: int
    size: int
    fps: float
    up: str | None = None
    is_pelvis: bool = False
    model: str = "smpl"


FORMS: Final = {
    151: RowForm("EDGE's features", 4, 7, 24, 6, 30.0, up="z", is_pelvis=True),
    139: RowForm("LODGE's features", 4, 7, 22, 6, 30.0, model="smplx"),
    135: RowForm("LODGE's features", 0, 3, 22, 6, 30.0, model="smplx"),
    319: RowForm("FineDance's features", 4, 7, 52, 6, 30.0, model="smplh"),
    315: RowForm("FineDance motion", 0, 3, 52, 6, 30.0, model="smplh"),
    219: RowForm("motion of FACT", 0, 3, 24, 9, 60.0, up="y"),
    225: RowForm("motion of FACT", 6, 9, 24, 9, 60.0, up="y"),
    147: RowForm("AIST++ motion in 6D", 0, 3, 24, 6, 60.0),
}
NORMALISED_ONLY: Final = (151, 139, 319)
"""Widths that are no points: where their rotations are none, the features are still normalised."""
FEATURES: Final = {263: (22, 20.0, "HumanML3D's features"), 251: (21, 12.5, "KIT-ML's features")}
"""Width -> joints, frames a second, name."""
MOTIONX: Final = 322
WITH_PLACE: Final = {75: (24, "smpl"), 168: (55, "smplx")}
"""Width -> joints and model of rotation vectors with a place."""
WITH_SHAPE: Final = (82, 85)
PLACES: Final = {492: (186, 306), 262: (132, 126)}
"""Width -> first column of the rotations in 6D, and their columns; the first 66 columns are the places of 22 joints."""
ROW_WIDTHS: Final = (*FORMS, *FEATURES, MOTIONX, *WITH_PLACE, *WITH_SHAPE, *PLACES, 159)
LEVEL: Final = (0.2, 2.0)
"""Metres between which the pelvis of a standing person is in HumanML3D's features."""


def rows_of(array: F64, source: str, hints: Hints) -> Recording | None:
    """Read a table of rows.

    Args:
        array: (T, width).
        source: The file, for messages.
        hints: ``values=positions`` keeps columns that might be rotations as points.

    Returns:
        Points or rotations, or None where the rows are of no such form.

    Raises:
        FormatError: They are of a form that is still normalised.
        InputError: There are no frames.
    """
    width = array.shape[1]
    if width not in ROW_WIDTHS or hints.values == "positions" or hints.layout is not None:
        return None
    if len(array) == 0:
        raise InputError(f"{source} has zero frames. Check that the file was written completely.")
    if width in FEATURES:
        return _features(array, source)
    if width == MOTIONX:
        return _motionx(array, source)
    if width in WITH_PLACE:
        return _pose_and_place(array, source)
    if width in WITH_SHAPE:
        return _pose_and_shape(array, source)
    if width in PLACES:
        return _interhuman(array, source)
    if width not in FORMS:
        return None
    form = FORMS[width]
    columns = array[:, form.rotations :].reshape(len(array), form.joints, form.size)
    body_joints = form.joints if form.joints <= 24 else BODY_JOINTS
    fingers, columns = columns[:, body_joints:], columns[:, :body_joints]
    is_6d = form.size == 6
    rotvec = rotvec_of_6d(columns) if is_6d else rotvec_of_matrices(columns.reshape(*columns.shape[:2], 3, 3))
    if rotvec is None:
        if width in NORMALISED_ONLY:
            raise FormatError(
                f"{source} has the width of {form.name} ({width}), but columns {form.rotations} on are no rotations: "
                "the features are normalised. Undo the model's normalisation, then save them again."
            )
        return None
    body, notes = joints24(rotvec, source)
    hands = rotvec_of_6d(fingers) if is_6d and fingers.shape[1] == FINGER_COUNT else None
    detail = pose_detail(hands, None, None)
    notes += (FINGERS_READ,) if detail is not None else ()
    return PoseRecording(
        body,
        np.where(np.isfinite(array[:, form.place : form.place + 3]), array[:, form.place : form.place + 3], 0.0),
        form.name,
        source,
        model=form.model,
        is_pelvis=form.is_pelvis,
        up=form.up,
        fps=form.fps,
        fps_why=f"{form.name} have it" if form.name.endswith("s") else f"{form.name} has it",
        findings=notes,
        detail=detail,
    )


def _interhuman(array: F64, source: str) -> PointRecording | None:
    """Places of 22 joints before rotations in 6D, which have to be some."""
    width = array.shape[1]
    start, columns = PLACES[width]
    if rotvec_of_6d(array[:, start : start + columns].reshape(len(array), -1, 6)) is None:
        if width == 492:
            return None  # 164 points
        raise FormatError(
            f"{source} has the width of InterGen's features ({width}), but columns {start} on are no rotations: the "
            "features are normalised. Undo the model's normalisation, then save them again."
        )
    return PointRecording(
        points=array[:, :66].reshape(len(array), 22, 3),
        form="InterHuman motion",
        source=source,
        layout="smpl22",
        unit="m",
    )


def _motionx(array: F64, source: str) -> PoseRecording | None:
    """Motion-X's 322 columns: root 3, body 63, hands 90, jaw 3, expression 50, face shape 100, place 3, betas 10."""
    shifted = {"the root first": array[:, :72], "the place first": array[:, 3:75]}
    order, _ = better_alignment(
        {name: columns.reshape(len(array), 24, 3) for name, columns in shifted.items()}, "the root first"
    )
    if order != "the root first":
        raise FormatError(
            f"{source} has the width of Motion-X ({MOTIONX}), but its rotations begin in column 3: Motion-X has the "
            "place in columns 309 to 311. Save pose, translation and betas in an .npz, each by its name."
        )
    rotvec = array[:, :66].reshape(len(array), 22, 3)
    body, notes = joints24(rotvec, source)
    face = np.concatenate([array[:, None, 156:159], np.zeros((len(array), 2, 3))], axis=1)
    detail = pose_detail(array[:, 66:156].reshape(len(array), 30, 3), face, array[:, 159:209])
    place = array[:, 309:312]
    if not np.isfinite(place).all():
        raise InputError(f"{source} has places that are not finite in some frames. Cut those frames out.")
    return PoseRecording(
        body,
        place,
        "Motion-X",
        source,
        model="smplx",
        betas=np.median(np.nan_to_num(array[:, 312:322]), axis=0),
        fps=30.0,
        fps_why="Motion-X has it",
        findings=(*notes, *((FINGERS_READ,) if detail is not None and detail.hands is not None else ())),
        detail=detail,
    )


def _pose_and_place(array: F64, source: str) -> PoseRecording | None:
    """Rotation vectors and a place in one row, in either order, or None where they are no such thing."""
    width = array.shape[1]
    joints, model = WITH_PLACE[width]
    starts = {"pose and translation": (0, width - 3), "translation and pose": (3, 0)}
    poses = {order: array[:, at : at + 3 * joints].reshape(len(array), joints, 3) for order, (at, _) in starts.items()}
    if not any(_is_pose(rotvec) for rotvec in poses.values()):
        return None
    order, finding = better_alignment(poses)
    body, notes = joints24(poses[order], source)
    place = starts[order][1]
    return PoseRecording(
        body, array[:, place : place + 3], "SMPL pose and translation", source, model=model,
        findings=(finding, *notes), detail=detail_of(poses[order]),
    )  # fmt: skip


def _pose_and_shape(array: F64, source: str) -> PoseRecording | None:
    """SMPL's pose (72) and betas (10) in one row, behind a camera (3) or without, or None where they are none."""
    start = array.shape[1] - 82
    rotvec = array[:, start : start + 72].reshape(len(array), 24, 3)
    if not _is_pose(rotvec):
        return None
    body, notes = joints24(rotvec, source)
    why = "behind a camera" if start else "the rotations are those of limbs"
    found = Finding("columns", "SMPL's pose and shape", 0.9, why)
    return PoseRecording(
        body, np.zeros((len(array), 3)), "SMPL pose and shape", source,
        betas=np.median(np.nan_to_num(array[:, -10:]), axis=0), findings=(found, PLACE_LOST, *notes),
    )  # fmt: skip


def _is_pose(rotvec: F64) -> bool:
    with np.errstate(invalid="ignore"):
        longest = float(np.nanmax(np.linalg.norm(rotvec, axis=-1), initial=0.0))
    return longest < 2.0 * np.pi + 0.3 and pose_is_natural(rotvec) and bool(np.isfinite(rotvec).all())


def _features(array: F64, source: str) -> PointRecording:
    """Joints from the features of Guo et al. 2022 (recover_from_ric).

    Columns: turning speed of the root about y (half an angle a frame), its speed over the floor in its own axes, its
    height, the other joints in its axes, and further what follows from these.
    """
    joints, fps, name = FEATURES[array.shape[1]]
    metric = array.shape[1] == 263
    if not np.isfinite(array[:, : 4 + 3 * (joints - 1)]).all():
        raise InputError(f"{source} has features that are not finite. Cut those frames out.")
    height = float(np.median(array[:, 3]))
    if metric and not LEVEL[0] < height < LEVEL[1]:
        raise FormatError(
            f"{source} has the width of {name}, but the pelvis is {height:.2f} m above the floor: the features are "
            "normalised. Multiply by the data set's Std and add its Mean, or give the clip of `new_joints`."
        )
    half = np.concatenate([[0.0], np.cumsum(array[:-1, 0])])
    cosine, sine = np.cos(2.0 * half), np.sin(2.0 * half)
    # The root's axes in the world: the features are in the root's, so they are turned back.
    turn = np.zeros((len(array), 3, 3))
    turn[:, 0, 0], turn[:, 0, 2], turn[:, 1, 1], turn[:, 2, 0], turn[:, 2, 2] = cosine, -sine, 1.0, sine, cosine
    steps = np.zeros((len(array), 3))
    steps[1:, 0], steps[1:, 2] = array[:-1, 1], array[:-1, 2]
    root = np.cumsum(np.einsum("tij,tj->ti", turn, steps), axis=0)
    root[:, 1] = array[:, 3]
    others = array[:, 4 : 4 + 3 * (joints - 1)].reshape(len(array), joints - 1, 3)
    others = np.einsum("tij,tkj->tki", turn, others)
    others[..., [0, 2]] += root[:, None, [0, 2]]
    return PointRecording(
        points=np.concatenate([root[:, None], others], axis=1),
        form=name,
        source=source,
        layout="smpl22" if joints == 22 else None,  # KIT-ML's 21 are known by their number
        unit="m" if metric else None,
        up="y",
        fps=fps,
        fps_why=f"{name} have it",
    )
