# SPDX-License-Identifier: Apache-2.0
"""Which files the jobs of a plan make."""

from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.request_server import FRAME_KEY_FILE

from ..plan.jobs import Job, file_hash
from ..plan.paths import StudyPaths
from ..plan.planning import Segment
from ..plan.study_file import Song, Study

FRAME_KEY: Final = FRAME_KEY_FILE


def required_results(job: Job, paths: StudyPaths) -> list[Path]:
    """Return the files that a finished job must have left, except frames, which are checked when they are encoded."""
    what = job.what
    match job.kind:
        case "probe":
            return [paths.engine, *([paths.character] if what.get("character") else [])]
        case "fit":
            return [paths.motion(what["system"], what["song"]), paths.fit_report(what["system"], what["song"])]
        case "camera":
            return [paths.camera(what["song"])]
        case "audio":
            return [paths.audio(what["song"], what["segment"])]
        case "encode":
            return [paths.clip(what["system"], what["song"], what["segment"])]
        case _:
            return []


def fingerprints(job: Job, detail: Mapping[str, Any], paths: StudyPaths) -> dict[str, str]:
    """Return the hash of each film, picture and result that a job made, by its path below the output folder.

    Args:
        job: The job.
        detail: What its result says.
        paths: Files of the study.
    """
    made = required_results(job, paths)
    if job.kind == "encode":
        made.append(paths.clip(job.what["system"], job.song, job.what["segment"], ".webm"))
        made += [paths.out / name for name in detail.get("pictures", ())]
    for name in detail.get("made", ()):
        made += [paths.comparison(job.song, job.what["segment"], name, labels=labels) for labels in (True, False)]
    found = {path.relative_to(paths.out).as_posix(): fingerprint(path) for path in made}
    return {name: value for name, value in found.items() if value}


def fingerprint(path: Path) -> str:
    """Return a hash of a file's content, or "" where it cannot be read."""
    try:
        return file_hash(path)
    except (OSError, FormatError):
        return ""


def changed_result(detail: Mapping[str, Any], paths: StudyPaths) -> Path | None:
    """Return a file that is there and is not what a job wrote, or None."""
    for name, value in detail.get("files", {}).items():
        path = paths.out / name
        if path.exists() and fingerprint(path) != value:
            return path
    return None


def stills_of(study: Study, song: Song, segment: Segment) -> list[tuple[str, int]]:
    """Return (name, frame) of the stills that fall into a segment."""
    wanted = [(f"{seconds:g}s", seconds) for seconds in study.output.stills_s]
    if song.bpm is not None:
        beats = study.output.still_beats
        wanted += [(f"beat-{beat}", song.first_beat_s + 60.0 / song.bpm * beat) for beat in beats]
    found = [(name, round((at - segment.start_s) * study.picture.fps)) for name, at in wanted]
    return [(name, index) for name, index in found if 0 <= index < segment.frames]


def comparisons_of(wanted: tuple[str, ...], names: list[str]) -> list[tuple[str, list[str], int]]:
    """Return (name, systems, columns) of each combined picture.

    Args:
        wanted: ``row``, ``grid`` and ``pairs``, or some of them.
        names: The systems that have a clip.
    """
    found: list[tuple[str, list[str], int]] = []
    if len(names) < 2:
        return found
    if "row" in wanted:
        found.append(("row", names, len(names)))
    if "grid" in wanted:
        found.append(("grid", names, math.ceil(math.sqrt(len(names)))))
    if "pairs" in wanted:
        found += [(f"{a}-vs-{b}", [a, b], 2) for n, a in enumerate(names) for b in names[n + 1 :]]
    return found
