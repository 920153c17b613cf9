"""``dancepose inspect``: what a motion file is, how sure that is, and why."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.io.theta import interpret_theta, joints_of, motion_of
from dancepose_addon.core.skeleton.readers import Examination, examine, sequence_of
from dancepose_addon.core.skeleton.recording import Finding, Hints, PoseRecording
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from .arguments import (
    FpsOption,
    LayoutOption,
    ReadOption,
    SourcesArgument,
)
from .source_folders import expand, for_each

UNKNOWN_RATE = 30.0
"""Only for the picture's seconds, where nobody knows the rate; it is said beside it."""


def inspect(
    sources: SourcesArgument,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", help="Folder for the pictures, or a .png for one file. [default: inspect]"),
    ] = None,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="Draw nothing.")] = False,
    layout: LayoutOption = None,
    fps: FpsOption = None,
    read: ReadOption = None,
) -> None:
    """Say what motion files are: format, layout, unit, axes, sides, rate, each with a confidence and a reason."""
    hints = Hints(layout=layout, fps=fps).with_text(read)
    paths = expand(sources)

    def show(path: Path) -> None:
        examination = examine(path, hints)
        findings, sequence = _understood(examination, hints)
        print(describe(path, examination, findings, sequence))
        if not no_picture:
            out = _picture_path(path, picture, single=len(paths) == 1)
            _draw(out, sequence, path)
            print(f"  {'picture':<22} {out}")

    for_each(paths, show)


def _understood(examination: Examination, hints: Hints) -> tuple[tuple[Finding, ...], KeypointSequence]:
    """All findings, and the motion as points in metres; at a made-up rate where nobody knows it."""
    recording = examination.recording
    known = replace(hints, fps=hints.fps or _rate_of(examination) or UNKNOWN_RATE)
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


def describe(path: Path, examination: Examination, findings: tuple[Finding, ...], sequence: KeypointSequence) -> str:
    """The report on one file, a line for each finding; doubtful ones begin with a question mark."""
    known = _rate_of(examination)
    lasts = f", {sequence.duration_s:.2f} s" if known or findings[-1].confidence else ""
    lines = [f"{path}: {len(sequence)} frames of {sequence.layout.count} points{lasts}"]
    for finding in findings:
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


def _picture_path(path: Path, picture: Path | None, *, single: bool) -> Path:
    if picture is not None and picture.suffix.lower() == ".png" and single:
        return picture
    folder = picture or Path("inspect")
    return folder / f"{path.parent.name}_{path.name}.png".lstrip("_")


def _draw(out: Path, sequence: KeypointSequence, path: Path) -> None:
    from dancepose.plots.skeleton_picture import draw

    draw(out, sequence, title=f"{path.name}: {sequence.layout.title}, {len(sequence)} frames at {sequence.fps:.4g} fps")
