# SPDX-License-Identifier: Apache-2.0
"""``dancepose inspect``: report what a motion file contains, with a confidence and a reason for each finding."""

from dataclasses import replace
from pathlib import Path
import shlex
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import DoubtError, InputError
from dancepose_addon.core.io.people import PERSON
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.io.theta import interpret_theta, joints_of, motion_of
from dancepose_addon.core.printable_text import escaped, escaped_lines
from dancepose_addon.core.skeleton.doubt import require_sure
from dancepose_addon.core.skeleton.readers import Examination, FrameRange, examine, sequence_of
from dancepose_addon.core.skeleton.recording import NO_HINTS, Finding, Hints, PoseRecording
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .arguments import SourcesArgument, with_options
from .output_checks import PICTURE, check_files
from .source_folders import expand_sources, for_each

UNKNOWN_RATE = 30.0
"""Frame rate of the picture's time axis if the file does not state one; the report says that it is unknown."""


@with_options
def inspect_command(
    sources: SourcesArgument,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="PATH", help="Draw the motion here: a folder, or a .png for one file."),
    ] = None,
    reading: ReadOptions = ReadOptions(),
) -> None:
    """Report format, layout, unit, axes, sides and rate of motion files, each with a confidence and a reason."""
    hints, frames = reading.hints(), reading.frame_range()
    paths = expand_sources(sources)
    if picture is not None:
        pictures = [_picture_path(path, picture, single=len(paths) == 1) for path in paths]
        files = {f"The picture of {path}": (name, PICTURE) for path, name in zip(paths, pictures, strict=True)}
        check_files(files, (*paths, reading.layout))

    def show(path: Path) -> None:
        examination = examine(path, hints)
        findings, sequence = _interpreted(examination, hints)
        if frames is not None:
            sequence = sequence.between(*frames)
        print(escaped_lines(describe_file(path, examination, findings, sequence, hints)))
        print(escaped_lines(_next_step(path, examination, findings, hints, frames)))
        if picture is not None:
            out = _picture_path(path, picture, single=len(paths) == 1)
            _draw(out, sequence, path)
            print(escaped(f"  {'picture':<22} {out}"))

    for_each(paths, show)


def _interpreted(examination: Examination, hints: Hints) -> tuple[tuple[Finding, ...], KeypointSequence]:
    """Return all findings, and the motion as keypoints in metres, at ``UNKNOWN_RATE`` if its rate is unknown."""
    recording = examination.recording
    known = replace(hints, fps=hints.fps or _rate_of(examination) or UNKNOWN_RATE, accept_doubt=True)
    if isinstance(recording, PoseRecording):
        _, _, found = interpret_theta(recording, hints)
        body = load_body()
        return (*examination.findings, *found), joints_of(motion_of(recording, body, known), body)
    assert examination.interpretation is not None
    rated = replace(examination.interpretation, fps=known.fps)
    return examination.findings, sequence_of(replace(examination, interpretation=rated))


def _rate_of(examination: Examination) -> float | None:
    if examination.interpretation is not None:
        return examination.interpretation.fps
    return examination.recording.fps


def describe_file(
    path: Path,
    examination: Examination,
    findings: tuple[Finding, ...],
    sequence: KeypointSequence,
    hints: Hints = NO_HINTS,
) -> str:
    """Return the report on one file, one line for each finding; doubtful ones begin with a question mark."""
    known = _rate_of(examination)
    lasts = f", {sequence.duration_s:.2f} s" if known or findings[-1].confidence else ""
    what = counted(sequence.layout.count, "point")
    if isinstance(examination.recording, PoseRecording):
        what = "rotations of SMPL's joints"
    lines = [f"{path}: {counted(len(sequence), 'frame')} of {what}{lasts}"]
    for finding in _shown_findings(findings, hints):
        mark = "?" if finding.doubtful else " "
        value = f"{finding.value} ({finding.confidence:.0%})"
        lines.append(f"{mark} {finding.topic:<22} {value:<28} {finding.why}")
    if sequence.audio is not None:
        end_s = sequence.audio.start_s + sequence.audio.duration_s
        lines.append(
            f"  music                  {sequence.audio.path.name}, {sequence.audio.start_s:.2f} to {end_s:.2f} s"
        )
    if sequence.confidence is not None:
        mean, unseen = float(sequence.confidence.mean()), float((sequence.confidence == 0).mean())
        lines.append(f"  {'confidence':<22} mean {mean:.2f}, {unseen:.1%} unseen")
    return "\n".join([*lines, *(f"! {note}" for note in examination.recording.notes)])


def _shown_findings(findings: tuple[Finding, ...], hints: Hints) -> list[Finding]:
    """Say of persons who are shown together how many there are, since all of them are animated."""
    shown = []
    for finding in findings:
        if finding.topic == PERSON and finding.count > 1 and hints.everyone:
            why = "shown together; --read take=N chooses one of them"
            shown.append(replace(finding, topic="persons", value=str(finding.count), confidence=1.0, why=why))
        else:
            shown.append(finding)
    return shown


def _next_step(
    path: Path,
    examination: Examination,
    findings: tuple[Finding, ...],
    hints: Hints,
    frames: FrameRange | None = None,
) -> str:
    """Return the command to type next, with the options that were given, or what has to be said first."""
    recording = examination.recording
    points = None if isinstance(recording, PoseRecording) else recording.points
    try:
        require_sure(findings, points, recording.source, hints)
    except DoubtError as error:
        return f"! {error}"
    asked = "" if _rate_of(examination) or hints.fps else " --fps FRAMES_PER_SECOND"
    command = f"dancepose render {shlex.quote(str(path))} --out {shlex.quote(path.stem)}.mp4"
    return f"  {'next':<22} {command}{asked}{_options_of(hints, frames)}"


def _options_of(hints: Hints, frames: FrameRange | None) -> str:
    """Return the options for reading that were given, as they are typed."""
    said = {key: value for key in ("unit", "up", "mirror", "values") if (value := getattr(hints, key)) is not None}
    if hints.take or not hints.everyone:
        said["take"] = str(hints.take)
    options = {
        "--layout": hints.layout,
        "--fps": None if hints.fps is None else f"{hints.fps:g}",
        "--frames": None if frames is None else f"{frames[0]}:{'' if frames[1] is None else frames[1]}",
        "--read": ",".join(f"{key}={value}" for key, value in said.items()) or None,
    }
    text = "".join(f" {name} {shlex.quote(value)}" for name, value in options.items() if value is not None)
    return f"{text} --accept-doubt" if hints.accept_doubt else text


def _picture_path(path: Path, picture: Path, *, single: bool) -> Path:
    """Return the file to draw.

    Raises:
        InputError: ``picture`` is the name of a file of another format, or of one file for several pictures.
    """
    if picture.suffix.lower() == ".png" and single:
        return picture
    if picture.suffix and not picture.is_dir():
        if not single:
            raise InputError(f"--picture {picture} is one file, and several are drawn. Give a folder.")
        raise InputError(f"--picture {picture} does not end in .png. Choose such a name, or a folder.")
    return picture / f"{path.parent.name}_{path.name}.png".lstrip("_")


def _draw(out: Path, sequence: KeypointSequence, path: Path) -> None:
    from dancepose.plots.skeleton_picture import draw_motion

    draw_motion(
        out,
        sequence,
        title=f"{path.name}: {sequence.layout.title}, {counted(len(sequence), 'frame')} at {sequence.fps:.4g} fps",
    )
