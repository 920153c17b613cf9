# SPDX-License-Identifier: Apache-2.0
"""Progress of a study, from its plan, its journal and the frames on disk; no running program is asked."""

from dataclasses import dataclass, field
import os
from pathlib import Path
import time
from typing import Final

from dancepose_addon.core.file_locks import try_lock

from ..plan.jobs import Job, read_jobs
from ..plan.paths import StudyPaths
from ..run.journal import Journal

RECENT_S: Final = 900.0
"""The rate is measured over this time."""


@dataclass
class SongStatus:
    """Progress of one song.

    Attributes:
        clips: Number of clips.
        clips_done: Clips that are finished.
        frames: Number of frames.
        frames_done: Frames that are rendered.
        failed: Jobs that failed.
    """

    clips: int = 0
    clips_done: int = 0
    frames: int = 0
    frames_done: int = 0
    failed: int = 0


@dataclass
class Status:
    """Progress of a study.

    Attributes:
        songs: Progress by name of the song.
        failed: Jobs that need manual intervention: the reason by id.
        jobs: Number of jobs.
        jobs_done: Jobs that are finished.
        running: Whether a run is working on the study now.
        frames_per_s: Frames per second of the last minutes, or 0.
    """

    songs: dict[str, SongStatus] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    jobs: int = 0
    jobs_done: int = 0
    running: bool = False
    frames_per_s: float = 0.0

    @property
    def frames(self) -> tuple[int, int]:
        """Frames (done, total)."""
        return sum(s.frames_done for s in self.songs.values()), sum(s.frames for s in self.songs.values())

    @property
    def clips(self) -> tuple[int, int]:
        """Clips (done, total)."""
        return sum(s.clips_done for s in self.songs.values()), sum(s.clips for s in self.songs.values())


def read_status(paths: StudyPaths) -> Status:
    """Determine the progress of a study.

    Raises:
        MissingFileError: There is no plan.
        FormatError: It is of another version, or damaged.
    """
    journal = Journal.open(paths.journal)
    status = Status(running=is_locked(paths.lock))
    listing: tuple[Path | None, set[str]] = (None, set())
    for job in read_jobs(paths.plan):
        done = journal.finished(job) is not None
        entry = journal.entries.get(job.id)
        status.jobs += 1
        status.jobs_done += done
        failed = not done and entry is not None and not entry["ok"] and entry["key"] == job.key
        if failed and entry is not None:
            status.failed[job.id] = str(entry.get("message", ""))
        if not job.song:
            continue
        song = status.songs.setdefault(job.song, SongStatus())
        song.failed += failed
        if job.kind == "encode":
            song.clips += 1
            song.clips_done += done and paths.clip(job.what["system"], job.song, job.what["segment"]).is_file()
        elif job.kind == "render":
            song.frames += job.frames
            if done:
                song.frames_done += job.frames
            else:
                folder = paths.frames(job.what["system"], job.song, job.what["segment"])
                if listing[0] != folder:
                    listing = (folder, _names(folder))
                song.frames_done += _count(job, listing[1])
    status.frames_per_s = _recent_rate(journal)
    return status


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except OSError:
        return set()


def _count(job: Job, names: set[str]) -> int:
    first = job.what["first"]
    return sum(f"{index:06d}.png" in names for index in range(first, first + job.what["count"])) if names else 0


def _recent_rate(journal: Journal) -> float:
    now = time.time()
    recent = [
        entry
        for entry in journal.entries.values()
        if entry.get("detail", {}).get("rendered") and entry["at"] > now - RECENT_S
    ]
    if not recent:
        return 0.0
    started = min(entry["at"] - entry.get("seconds", 0.0) for entry in recent)
    return float(sum(entry["detail"]["rendered"] for entry in recent) / max(now - started, 1.0))


def is_locked(lock: Path) -> bool:
    """Return whether a run on this machine is working on a study."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)
