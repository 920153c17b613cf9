# SPDX-License-Identifier: Apache-2.0
"""Paths of everything a study writes, below its output folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyPaths:
    """The files of a study. A clip is named by system, song and segment ("" where a song has one segment).

    Attributes:
        out: The output folder.
    """

    out: Path

    @property
    def plan(self) -> Path:
        """The list of jobs."""
        return self.out / "plan.jsonl"

    @property
    def journal(self) -> Path:
        """The result of each job."""
        return self.out / "journal.jsonl"

    @property
    def lock(self) -> Path:
        """Locked by the one run that works on this folder."""
        return self.out / "lock"

    @property
    def engine(self) -> Path:
        """The render engine as it was probed, the same for all workers."""
        return self.out / "engine.json"

    @property
    def character(self) -> Path:
        """What was measured of the study's character."""
        return self.out / "character.npz"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.out / "report.html"

    @property
    def logs(self) -> Path:
        """Folder of Blender's output."""
        return self.out / "logs"

    def cache(self, name: str) -> Path:
        """Return the path of a cache, which may be deleted at any time."""
        return self.out / "cache" / f"{name}.json"

    def motion(self, system: str, song: str) -> Path:
        """Return the path of a fitted motion."""
        return self.out / "fits" / system / f"{song}.npz"

    def fit_report(self, system: str, song: str) -> Path:
        """Return the path of the errors, floor and foot figures of a fit."""
        return self.out / "fits" / system / f"{song}.json"

    def camera(self, song: str) -> Path:
        """Return the path of a song's camera and floor."""
        return self.out / "cameras" / f"{song}.json"

    def frames(self, system: str, song: str, segment: str) -> Path:
        """Return the folder of a clip's frames."""
        return self.out / "frames" / system / clip_stem(song, segment)

    def audio(self, song: str, segment: str) -> Path:
        """Return the path of the sound of a song's clips."""
        return self.out / "audio" / f"{clip_stem(song, segment)}.wav"

    def clip(self, system: str, song: str, segment: str, suffix: str = ".mp4") -> Path:
        """Return the path of a finished clip."""
        return self.out / "clips" / system / f"{clip_stem(song, segment)}{suffix}"

    def sheet(self, system: str, song: str, segment: str) -> Path:
        """Return the path of a clip's contact sheet."""
        return self.out / "sheets" / system / f"{clip_stem(song, segment)}.png"

    def thumbnail(self, system: str, song: str, segment: str) -> Path:
        """Return the path of a small picture of a clip."""
        return self.out / "thumbnails" / system / f"{clip_stem(song, segment)}.jpg"

    def stills(self, system: str, song: str, segment: str) -> Path:
        """Return the folder of a clip's stills."""
        return self.out / "stills" / system / clip_stem(song, segment)

    def comparison(self, song: str, segment: str, name: str, *, labels: bool) -> Path:
        """Return the path of several clips in one picture."""
        folder = self.out / "comparisons" / ("labelled" if labels else "unlabelled")
        return folder / f"{clip_stem(song, segment)}.{name}.mp4"


def clip_stem(song: str, segment: str) -> str:
    """Return the stem of the file names of a song's segment."""
    return f"{song}_{segment}" if segment else song
