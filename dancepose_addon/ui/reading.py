"""From the source settings of a panel to hints for the readers, and to lines on what was recognised."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..core.body.model import BodyModel
from ..core.body.motion import BodyMotion
from ..core.errors import InputError
from ..core.io.opening import open_source
from ..core.io.theta import interpret_theta
from ..core.skeleton.readers import Examination, examine
from ..core.skeleton.recording import Hints, PointRecording, PoseRecording
from ..core.skeleton.sequence import AudioWindow, KeypointSequence


def source_path(settings: Any) -> Path:
    """The file or folder that is chosen."""
    return Path(bpy.path.abspath(settings.source))


def layout_of(settings: Any) -> str | None:
    """The layout that is chosen, or None where the file is to tell."""
    if settings.layout == "FILE":
        if not settings.layout_file:
            raise InputError("Layout is From a File, and no file is chosen. Choose a .toml file, or As Found.")
        return bpy.path.abspath(settings.layout_file)
    return None if settings.layout == "AUTO" else str(settings.layout)


def hints_of(settings: Any) -> Hints:
    """What the panel says of the file."""
    unit, up, mirror, values = (
        None if getattr(settings, key) == "AUTO" else str(getattr(settings, key))
        for key in ("unit", "up", "mirror", "values")
    )
    fps = settings.fps or None
    return Hints(layout_of(settings), fps, unit=unit, up=up, mirror=mirror, values=values, take=settings.take)


def open_motion(settings: Any, body: BodyModel) -> KeypointSequence | BodyMotion:
    """The motion of the chosen file, cut to the chosen frames, with the chosen music."""
    frames = None
    if settings.first or settings.last:
        frames = (settings.first, settings.last + 1 if settings.last else None)
    opened = open_source(source_path(settings), body=body, frames=frames, hints=hints_of(settings))
    if isinstance(opened, KeypointSequence) and settings.audio:
        path = Path(bpy.path.abspath(settings.audio))
        window = AudioWindow(path, settings.audio_start + settings.first / opened.fps, opened.duration_s)
        opened = replace(opened, audio=window)
    return opened


def describe_source(settings: Any) -> str:
    """Lines of ``topic: value``, doubtful ones begin with ``?``, for the panel to show."""
    hints = hints_of(settings)
    examination = examine(source_path(settings), hints)
    recording = examination.recording
    findings = list(examination.findings)
    if isinstance(recording, PoseRecording):
        findings += interpret_theta(recording, hints)[2]
    lines = [f"{'? ' if finding.doubtful else ''}{finding.topic}: {finding.value}" for finding in findings]
    lines.append(f"frames: {_length(examination)}")
    if recording.audio is not None:
        lines += [f"music: {recording.audio.path.name}", f"starts at: {recording.audio.start_s:.2f} s"]
    return "\n".join([*lines, *(f"! {note}" for note in recording.notes)])


def _length(examination: Examination) -> str:
    recording, understood = examination.recording, examination.interpretation
    count = len(recording.points if isinstance(recording, PointRecording) else recording.rotvec)
    fps = recording.fps if understood is None else understood.fps
    return f"{count}, {count / fps:.2f} s" if fps else f"{count}"
