# SPDX-License-Identifier: Apache-2.0
"""Reading motion files: a table of small readers, one module per format, chosen by what is in a file.

A reader takes a file apart and says what the file or its format declares; ``sniffing`` finds out the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ...axes import turn_points
from ...bounded_files import require_regular
from ...errors import FormatError, InputError, MissingFileError
from ...frame_rates import require_frame_rate
from ..conventions import Interpretation, interpret
from ..doubt import require_sure
from ..hand_points import exchanged
from ..recording import NO_HINTS, Finding, Head, Hints, PointRecording, PoseRecording, Recording
from ..sequence import KeypointSequence
from ..unseen_points import mask_unseen
from . import (
    array_file,
    asf_amc,
    bvh_points,
    c3d_file,
    frame_folders,
    mocap_tables,
    music_dance,
    ntu_skeleton,
    text_tables,
)
from .foreign_files import describe_foreign
from .named_points import arrange_unnamed

FrameRange = tuple[int, int | None]

HEAD_BYTES: Final = 4096
MAX_BYTES: Final = 4 << 30


@dataclass(frozen=True)
class Reader:
    """One kind of container.

    Attributes:
        name: Short.
        title: In words, for messages.
        recognises: Whether a file looks like it, by its content first.
        open: Takes a file apart.
        takes_folders: Whether a folder may be one motion of that kind.
    """

    name: str
    title: str
    recognises: Callable[[Head], bool]
    open: Callable[[Path, Hints], Recording]
    takes_folders: bool = False


READERS: Final = (
    Reader("npy", ".npy, .npz, .smpl or .pt of points or SMPL parameters", array_file.recognises, array_file.open_file),
    Reader(
        "pickle",
        "pickle of arrays, also of joblib and torch.save",
        array_file.recognises_pickle,
        array_file.open_pickle,
    ),
    Reader("bvh", "BVH", bvh_points.recognises, bvh_points.open_file),
    Reader("c3d", "C3D", c3d_file.recognises, c3d_file.open_file),
    Reader("trc", "TRC", text_tables.recognises_trc, text_tables.open_trc),
    Reader("motive", "CSV of OptiTrack Motive", mocap_tables.recognises_motive, mocap_tables.open_motive),
    Reader("nexus", "CSV of Vicon Nexus", mocap_tables.recognises_nexus, mocap_tables.open_nexus),
    Reader("qualisys", "TSV of Qualisys", mocap_tables.recognises_qualisys, mocap_tables.open_qualisys),
    Reader("amc", "ASF/AMC", asf_amc.recognises, asf_amc.open_file),
    Reader("ntu", "NTU RGB+D .skeleton", ntu_skeleton.recognises, ntu_skeleton.open_file),
    Reader("csv", "CSV with a header", text_tables.recognises_csv, text_tables.open_csv),
    Reader(
        "md", "JSON: M&D folder with skeletons.json, or points", music_dance.recognises, music_dance.open_file, True
    ),
    Reader(
        "frames", "folder with a file for each frame", frame_folders.recognises_folder, frame_folders.open_folder, True
    ),
)

MOTION_SUFFIXES: Final = frozenset(
    (
        ".npy", ".npz", ".smpl", ".pt", ".pth", ".pkl", ".pickle", ".joblib", ".bvh", ".amc", ".c3d", ".trc", ".csv",
        ".tsv", ".json", ".skeleton",
    )
)  # fmt: skip
"""Suffixes by which motions are looked for in folders."""


@dataclass(frozen=True)
class Examination:
    """A file and what was concluded about it.

    Attributes:
        recording: Its content.
        interpretation: Of points; None for rotations.
        findings: Every conclusion.
    """

    recording: Recording
    interpretation: Interpretation | None
    findings: tuple[Finding, ...]


def find_reader(path: Path) -> Reader:
    """Find the reader of a file.

    Args:
        path: Of a file, or of a folder that is one motion.

    Returns:
        The first reader that recognises it.

    Raises:
        MissingFileError: There is no such path, or it cannot be read.
        FormatError: No reader knows it.
    """
    try:
        if not path.exists():
            raise MissingFileError(f"{path} does not exist. Give the path of a motion file or of an M&D folder.")
        is_folder = path.is_dir()
        head = Head(path, b"" if is_folder else _start_of(path))
        foreign = "" if is_folder else describe_foreign(head.start)
        if foreign:
            raise FormatError(f"{path} {foreign}")
        for reader in READERS:
            if (not is_folder or reader.takes_folders) and reader.recognises(head):
                return reader
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Check its name and permissions.") from error
    known = "; ".join(reader.title for reader in READERS)
    if is_folder:
        raise FormatError(f"{path} is a folder without skeletons.json or frames. Give a motion file, or an M&D folder.")
    raise FormatError(f"{path} is of no known format. Known formats: {known}.")


def _start_of(path: Path) -> bytes:
    try:
        size = require_regular(path)
        if size > MAX_BYTES:
            raise InputError(f"{path} has {size >> 30} GiB; motions have at most {MAX_BYTES >> 30}.")
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give a motion file.") from error


def is_one_motion(folder: Path) -> bool:
    """Tell folders that are one motion from folders of motions.

    Args:
        folder: Path of a folder.

    Returns:
        Whether a reader takes it as a whole: an M&D folder, or one with a file for each frame.
    """
    return any(reader.takes_folders and reader.recognises(Head(folder, b"")) for reader in READERS)


def open_recording(path: Path, hints: Hints = NO_HINTS) -> Recording:
    """Take a file apart: points or rotations as the file has them.

    Args:
        path: Of the file.
        hints: What the user says.

    Returns:
        Its content.

    Raises:
        MissingFileError: There is no such path, or it cannot be read.
        FormatError: No reader knows it, or it is damaged.
        LayoutError: Its points' names are of no known layout.
        InputError: It holds nothing that can be used.
    """
    recording = find_reader(path).open(path, hints)
    reasons = (*recording.notes, *(finding.why for finding in recording.findings))
    # Readers that find several motions name the option that chooses one.
    if hints.take and not any("take=N" in reason for reason in reasons):
        raise InputError(f"{path} holds one motion; there is no number {hints.take}. Omit take.")
    return recording


def examine(path: Path, hints: Hints = NO_HINTS) -> Examination:
    """Take a file apart and find out what it means.

    Args:
        path: Of the file.
        hints: What the user says.

    Returns:
        Content and conclusions.

    Raises:
        InputError: As of ``open_recording`` and ``interpret``, or what the user says does not apply to the content.
    """
    recording = open_recording(path, hints)
    _require_effect(recording, hints)
    form = Finding("format", recording.form, 0.99, "its content is of that form")
    if isinstance(recording, PoseRecording):
        return Examination(recording, None, (form, *recording.findings))
    recording = mask_unseen(arrange_unnamed(recording, hints), hints.layout)
    interpretation = interpret(recording, hints)
    return Examination(recording, interpretation, (form, *recording.findings, *interpretation.findings))


def _require_effect(recording: Recording, hints: Hints) -> None:
    """Refuse hints that have no effect on what a file holds."""
    if isinstance(recording, PointRecording):
        kind, wrong = "points", ["--read values=rotations"] if hints.values == "rotations" else []
    else:
        kind = "rotations of joints"
        said = {"--layout": hints.layout, "--read mirror": hints.mirror}
        wrong = [name for name, value in said.items() if value not in (None, "none")]
        wrong += ["--read values=positions"] if hints.values == "positions" else []
    if wrong:
        raise InputError(
            f"{recording.source} holds {kind} ({recording.form}), and {' and '.join(wrong)} does not apply. Omit it."
        )


def require_plausible(examination: Examination, hints: Hints) -> None:
    """Stop where what a file means is no more than a guess.

    Args:
        examination: Of the file.
        hints: Whether the user accepts doubts.

    Raises:
        DoubtError: A conclusion is less than half sure; the message says how to continue.
    """
    recording = examination.recording
    points = recording.points if isinstance(recording, PointRecording) else None
    require_sure(examination.findings, points, recording.source, hints)


def sequence_of(examination: Examination) -> KeypointSequence:
    """Turn an examination of points into a motion in metres.

    Args:
        examination: Of a file.

    Returns:
        The motion, with every doubt in its notes.

    Raises:
        InputError: The frame rate is not known.
        FormatError: The file holds rotations, not points.
    """
    recording, understood = examination.recording, examination.interpretation
    if not isinstance(recording, PointRecording) or understood is None:
        raise FormatError(
            f"{recording.source} holds rotations of joints ({recording.form}), not points. `dancepose render`, "
            "`fit` and `convert` take such files as they are."
        )
    if understood.fps is None:
        why = f" ({recording.fps_why})" if recording.fps_why else ""
        raise InputError(
            f"{recording.source} does not say at which frame rate it was recorded{why}. Give --fps, or store `fps` "
            "in an .npz."
        )
    require_frame_rate(understood.fps)
    points = turn_points(recording.points, understood.turn, understood.metres)
    confidence = recording.confidence
    hands = None if recording.hands is None else turn_points(recording.hands, understood.turn, understood.metres)
    if understood.swaps_sides:
        hands = None if hands is None else exchanged(hands)
        points = points[:, list(understood.layout.mirrored)]
        confidence = None if confidence is None else confidence[:, list(understood.layout.mirrored)]
    unseen = ~np.isfinite(points).all(axis=-1)
    if unseen.any():
        points[unseen] = np.nan
        confidence = np.ones(points.shape[:2], np.float32) if confidence is None else confidence
        confidence = np.where(unseen, np.float32(0.0), confidence)
    doubts = (finding.sentence() for finding in examination.findings if finding.doubtful)
    return KeypointSequence(
        keypoints_m=points,
        fps=float(understood.fps),
        layout=understood.layout,
        confidence=confidence,
        audio=recording.audio,
        source=recording.source,
        notes=(*recording.notes, *doubts),
        hands_m=hands,
    )


def read(
    path: Path,
    *,
    layout: str | None = None,
    fps: float | None = None,
    frames: FrameRange | None = None,
    hints: Hints = NO_HINTS,
) -> KeypointSequence:
    """Read a skeleton motion: metres, y up, at its true rate, with its music where the format has any.

    Points that the file does not show are NaN and have confidence 0. Doubtful conclusions are in the notes. The points
    are not validated: call ``validate`` after choosing frames.

    Args:
        path: Of the file.
        layout: Name of the layout, where the file leaves it open or for another than its own.
        fps: Frames per second, instead of what the file says.
        frames: The first and the one after the last (None: to the end), of motion and music alike.
        hints: What else is known about the file.

    Returns:
        The motion.

    Raises:
        MissingFileError: There is no such path, or it cannot be read.
        FormatError: No reader knows the format, the file is damaged, or it holds rotations.
        LayoutError: The number of points is not the layout's; the message names those which fit.
        DoubtError: What the file means is no more than a guess.
        InputError: No frame rate is known, or ``frames`` selects nothing.
    """
    given = replace(hints, layout=layout or hints.layout, fps=fps if fps is not None else hints.fps)
    examination = examine(path, given)
    require_plausible(examination, given)
    sequence = sequence_of(examination)
    return sequence if frames is None else sequence.between(*frames)
