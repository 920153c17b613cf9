"""Where everything of a study lies, under its output folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """out: the output folder. A clip is named by system, song and segment ("" where a song has one)."""

    out: Path

    @property
    def plan(self) -> Path:
        """The job list."""
        return self.out / "plan.jsonl"

    @property
    def journal(self) -> Path:
        """What became of each job."""
        return self.out / "journal.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the one run that works on this folder."""
        return self.out / "lock"

    @property
    def engine(self) -> Path:
        """The engine as it was found, the same for all workers."""
        return self.out / "engine.json"

    @property
    def report(self) -> Path:
        """The page that tells of everything."""
        return self.out / "report.html"

    @property
    def logs(self) -> Path:
        """Blender's chatter."""
        return self.out / "logs"

    def cache(self, name: str) -> Path:
        """Something remembered that may be thrown away."""
        return self.out / "cache" / f"{name}.json"

    def motion(self, system: str, song: str) -> Path:
        """A fitted motion."""
        return self.out / "fits" / system / f"{song}.npz"

    def fit_report(self, system: str, song: str) -> Path:
        """Errors, floor and feet of a fit."""
        return self.out / "fits" / system / f"{song}.json"

    def shot(self, song: str) -> Path:
        """Camera and floor of a song."""
        return self.out / "shots" / f"{song}.json"

    def frames(self, system: str, song: str, segment: str) -> Path:
        """Folder of a clip's frames."""
        return self.out / "frames" / system / stem(song, segment)

    def audio(self, song: str, segment: str) -> Path:
        """The sound of a song's clips."""
        return self.out / "audio" / f"{stem(song, segment)}.wav"

    def clip(self, system: str, song: str, segment: str, suffix: str = ".mp4") -> Path:
        """A finished clip."""
        return self.out / "clips" / system / f"{stem(song, segment)}{suffix}"

    def sheet(self, system: str, song: str, segment: str) -> Path:
        """A clip's contact sheet."""
        return self.out / "sheets" / system / f"{stem(song, segment)}.png"

    def thumbnail(self, system: str, song: str, segment: str) -> Path:
        """A small picture of a clip."""
        return self.out / "thumbnails" / system / f"{stem(song, segment)}.jpg"

    def stills(self, system: str, song: str, segment: str) -> Path:
        """Folder of a clip's stills."""
        return self.out / "stills" / system / stem(song, segment)

    def comparison(self, song: str, segment: str, name: str, *, labels: bool) -> Path:
        """Several clips in one picture."""
        return self.out / "comparisons" / ("labelled" if labels else "plain") / f"{stem(song, segment)}.{name}.mp4"


def stem(song: str, segment: str) -> str:
    """Name of a song's segment in files."""
    return f"{song}_{segment}" if segment else song
