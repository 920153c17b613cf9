# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the source settings of a panel into hints for the readers, and findings into lines for the panel."""

from dataclasses import dataclass, replace
from pathlib import Path
import re
from typing import TYPE_CHECKING, Final

import bpy

from ..core.body.model import BodyModel
from ..core.body.motion import BodyMotion
from ..core.errors import DancePoseError, DoubtError, InputError
from ..core.fit.settings import FIT_OPTIONS
from ..core.io.opening import open_source
from ..core.io.theta import interpret_theta
from ..core.skeleton.readers import Examination, examine
from ..core.skeleton.recording import Hints, PointRecording, PoseRecording
from ..core.skeleton.sequence import AudioWindow, KeypointSequence

if TYPE_CHECKING:
    from .properties import DANCEPOSE_PG_settings

FLAG: Final = re.compile(r"--[a-z]+(?:-[a-z]+)*")
SETTING_TITLES: Final = {flag: option.info.title for option in FIT_OPTIONS for flag in (option.flag, option.off_flag)}
"""Titles of the panel's settings by the options of the command line that do the same."""


@dataclass(frozen=True)
class SourceSettings:
    """The settings that a reader needs, copied: a thread must not access Blender's own.

    Attributes:
        path: Skeleton file or folder.
        hints: What the user says about the source.
        first: First frame.
        last: Last frame; 0 for the end.
        audio: Music that replaces the source's own, or None.
        audio_start_s: Position in the music at which the source starts, seconds.
    """

    path: Path
    hints: Hints
    first: int
    last: int
    audio: Path | None
    audio_start_s: float


def source_settings(settings: "DANCEPOSE_PG_settings") -> SourceSettings:
    """Copy the source settings of a panel.

    Raises:
        InputError: If a layout file is required and none is chosen.
    """
    return SourceSettings(
        path=source_path(settings),
        hints=hints_of(settings),
        first=settings.first,
        last=settings.last,
        audio=Path(bpy.path.abspath(settings.audio)) if settings.audio else None,
        audio_start_s=settings.audio_start,
    )


def source_path(settings: "DANCEPOSE_PG_settings") -> Path:
    """Return the chosen file or folder."""
    return Path(bpy.path.abspath(settings.source))


def layout_of(settings: "DANCEPOSE_PG_settings") -> str | None:
    """Return the chosen layout, or None if it is detected.

    Raises:
        InputError: If the layout comes from a file and none is chosen.
    """
    if settings.layout == "FILE":
        if not settings.layout_file:
            raise InputError("Layout is set to From File, but no file is chosen. Choose a .toml file or Automatic.")
        return bpy.path.abspath(settings.layout_file)
    return None if settings.layout == "AUTO" else str(settings.layout)


def hints_of(settings: "DANCEPOSE_PG_settings") -> Hints:
    """Return what the user says about the source.

    Raises:
        InputError: If the layout comes from a file and none is chosen.
    """
    unit, up, mirror, values = (
        None if choice == "AUTO" else str(choice)
        for choice in (settings.unit, settings.up, settings.mirror, settings.values)
    )
    return Hints(
        layout_of(settings),
        settings.fps or None,
        unit=unit,
        up=up,
        mirror=mirror,
        values=values,
        take=settings.take,
        everyone=settings.everyone,
        accept_doubt=settings.accept_doubt,
    )


def of_person(source: SourceSettings, person: int) -> SourceSettings:
    """Return the settings for one of the persons that a source shows together."""
    return replace(source, hints=replace(source.hints, take=person, everyone=False))


def panel_message(error: DancePoseError) -> str:
    """Return an error's sentence in the panel's words: titles of settings instead of options of a command line."""
    if isinstance(error, DoubtError):
        return f"{error} In the sidebar, these are the settings of Override, and Accept Guesses."
    return FLAG.sub(lambda found: SETTING_TITLES.get(found[0], found[0]), str(error))


def open_motion(source: SourceSettings, body: BodyModel) -> KeypointSequence | BodyMotion:
    """Open the motion of a source, cut to the chosen frames, with the chosen music.

    Args:
        source: Source settings.
        body: Body that motions of rotations are applied to.

    Returns:
        Keypoints, or a motion of rotations.

    Raises:
        InputError: If the source cannot be read.
    """
    frames = None
    if source.first or source.last:
        frames = (source.first, source.last + 1 if source.last else None)
    opened = open_source(source.path, body=body, frames=frames, hints=source.hints)
    if isinstance(opened, KeypointSequence) and source.audio is not None:
        window = AudioWindow(source.audio, source.audio_start_s + source.first / opened.fps, opened.duration_s)
        opened = replace(opened, audio=window)
    return opened


def describe_source(settings: "DANCEPOSE_PG_settings") -> str:
    """Examine the chosen source.

    Returns:
        Lines of the form ``topic: value`` for the panel. Doubtful findings start with ``?``, notes with ``!``.

    Raises:
        InputError: If the source cannot be read.
    """
    hints = hints_of(settings)
    examination = examine(source_path(settings), hints)
    recording = examination.recording
    findings = list(examination.findings)
    if isinstance(recording, PoseRecording):
        findings += interpret_theta(recording, hints)[2]
    lines = [f"{'? ' if finding.doubtful else ''}{finding.topic}: {finding.value}" for finding in findings]
    lines.append(f"frames: {_describe_length(examination)}")
    if recording.audio is not None:
        lines += [f"music: {recording.audio.path.name}", f"start time: {recording.audio.start_s:.2f} s"]
    return "\n".join([*lines, *(f"! {note}" for note in recording.notes)])


def _describe_length(examination: Examination) -> str:
    recording, understood = examination.recording, examination.interpretation
    count = len(recording.points if isinstance(recording, PointRecording) else recording.rotvec)
    fps = recording.fps if understood is None else understood.fps
    return f"{count}, {count / fps:.2f} s" if fps else f"{count}"
