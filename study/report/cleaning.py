# SPDX-License-Identifier: Apache-2.0
"""Removes what a study no longer needs: files that its plan lists, and nothing else."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
import os
from pathlib import Path
import re
from typing import Final

from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.output_links import resolved

from ..plan.jobs import Job, read_head, read_jobs
from ..plan.paths import StudyPaths
from ..plan.planning import segments_of
from ..plan.study_file import Study, parse_study
from ..run.job_results import FRAME_KEY, comparisons_of, stills_of
from ..run.journal import Journal, locked_study

FRAME: Final = re.compile(r"\d{6}\.png")
LEFTOVER: Final = re.compile(r"\.(?P<stem>.+)\.\d+\.part(?P<suffix>\.[^.]+)?")
"""Temporary names of ``core.atomic.replacing``."""
LOG: Final = re.compile(r"worker-.+\.log")
SLURM_LOG: Final = re.compile(r"\d+(_\d+)?")


def clean_study(root: Path, paths: StudyPaths, *, everything: bool = False) -> int:
    """Remove the frames of finished clips, temporary files of runs that were killed, and logs.

    What is behind a link in the output folder is left there: it may belong to something else.

    Args:
        root: Folder of study.toml.
        paths: Files of the study.
        everything: Remove every file that the plan lists, finished films included, and folders that are then empty.

    Returns:
        The bytes that were freed.

    Raises:
        DancePoseError: A run works on the study.
        MissingFileError: There is no plan.
    """
    if not paths.plan.is_file():
        read_head(paths.plan)  # raises, before the lock would create the folder
    with locked_study(paths.lock):
        planned = _Planned(root, paths)
        files = [*planned.finished_frames(), *planned.leftovers(), *planned.logs()]
        freed = sum(_remove_file(path) for path in _not_linked(files, paths.out))
        if everything:
            files = list(planned.files())
            freed += sum(_remove_file(path) for path in _not_linked(files, paths.out))
            _remove_empty(planned.folders(), paths.out)
    if everything:
        paths.lock.unlink(missing_ok=True)
        with suppress(OSError):
            paths.out.rmdir()
    return freed


def finished_films(paths: StudyPaths) -> int:
    """Count the clips of the plan that are on disk.

    Raises:
        MissingFileError: There is no plan.
    """
    encodes = (job for job in read_jobs(paths.plan) if job.kind == "encode")
    return sum(paths.clip(*_clip_of(job)).is_file() for job in encodes)


def other_films(root: Path, paths: StudyPaths) -> list[Path]:
    """Return the films in the folders of clips and comparisons that are of no clip of the plan.

    Args:
        root: Folder of study.toml.
        paths: Files of the study.

    Raises:
        MissingFileError: There is no plan.
    """
    known = set(_Planned(root, paths).films())
    tops = (paths.out / "clips", paths.out / "comparisons")
    found = (path for top in tops for path in sorted(top.glob("*/*")) if path.suffix in (".mp4", ".webm"))
    return [path for path in found if path not in known and LEFTOVER.fullmatch(path.name) is None]


def _clip_of(job: Job) -> tuple[str, str, str]:
    return job.what["system"], job.song, job.what["segment"]


class _Planned:
    """The files that a plan lists."""

    def __init__(self, root: Path, paths: StudyPaths) -> None:
        self._paths, head = paths, read_head(paths.plan)
        self._head = head
        self._study: Study = parse_study(head["study"], root=root, source="the plan")
        self._jobs = list(read_jobs(paths.plan))

    def finished_frames(self) -> Iterator[Path]:
        """Yield the frames of clips that have been encoded."""
        journal = Journal.open(self._paths.journal)
        for job in self._jobs:
            if job.kind == "encode" and journal.finished(job) is not None:
                clip = _clip_of(job)
                if self._paths.clip(*clip).is_file():
                    yield from _frames_in(self._paths.frames(*clip))

    def films(self) -> Iterator[Path]:
        """Yield the results of clips and comparisons."""
        for job in self._jobs:
            if job.kind in ("encode", "compare"):
                yield from self._results(job)

    def files(self) -> Iterator[Path]:
        """Yield every result of every job, then the files about the whole study."""
        for job in self._jobs:
            yield from self._results(job)
        paths = self._paths
        yield from (paths.cache("hashes"), paths.cache("sources"), paths.engine, paths.report)
        yield from (paths.journal, paths.plan)

    def _results(self, job: Job) -> Iterator[Path]:
        paths, what = self._paths, job.what
        match job.kind:
            case "fit":
                yield from (paths.motion(what["system"], job.song), paths.fit_report(what["system"], job.song))
            case "camera":
                yield paths.camera(job.song)
            case "audio":
                yield paths.audio(job.song, what["segment"])
            case "encode":
                clip = _clip_of(job)
                yield from (paths.clip(*clip), paths.clip(*clip, ".webm"), paths.sheet(*clip), paths.thumbnail(*clip))
                yield from (paths.stills(*clip) / f"{name}.png" for name, _ in self._stills(job))
                yield from _frames_in(paths.frames(*clip))
            case "compare":
                names = [system.name for system in self._study.systems]
                # A comparison without a clip that failed has fewer systems, but no names that all systems lack.
                for name, _, _ in comparisons_of(self._study.output.compare, names):
                    for labels in (True, False):
                        yield paths.comparison(job.song, what["segment"], name, labels=labels)

    def _stills(self, job: Job) -> list[tuple[str, int]]:
        segment = next(entry for entry in segments_of(self._head, job.song) if entry.name == job.what["segment"])
        song = next(entry for entry in self._study.songs if entry.name == job.song)
        return stills_of(self._study, song, segment)

    def folders(self) -> set[Path]:
        """Return the folders of all files, and the folders between them and the output folder."""
        found = {path.parent for path in self.files()}
        found |= {self._paths.frames(*_clip_of(job)) for job in self._jobs if job.kind == "encode"}
        found |= {self._paths.logs, self._paths.logs / "slurm", *self._slurm_logs()}
        out = self._paths.out
        return {parent for folder in found for parent in (folder, *folder.parents) if out in parent.parents}

    def leftovers(self) -> Iterator[Path]:
        """Yield temporary files of the plan's results."""
        wanted: dict[Path, set[tuple[str, str]]] = {}
        for job in self._jobs:
            if job.kind != "render":
                for path in self._results(job):
                    wanted.setdefault(path.parent, set()).add((path.stem, path.suffix))
        for job in self._jobs:
            if job.kind == "encode":
                wanted.setdefault(self._paths.frames(*_clip_of(job)), set())
        for path in (self._paths.plan, self._paths.engine, self._paths.report, self._paths.cache("sources")):
            wanted.setdefault(path.parent, set()).add((path.stem, path.suffix))
        for folder, names in wanted.items():
            for name in _names_in(folder):
                found = LEFTOVER.fullmatch(name)
                if found is None:
                    continue
                is_frame = FRAME.fullmatch(f"{found['stem']}{found['suffix'] or ''}") is not None
                if is_frame or (found["stem"], found["suffix"] or "") in names:
                    yield folder / name

    def logs(self) -> Iterator[Path]:
        """Yield the logs of workers."""
        logs = self._paths.logs
        yield from (logs / name for name in _names_in(logs) if LOG.fullmatch(name))
        for folder in self._slurm_logs():
            yield from (folder / name for name in _names_in(folder))

    def _slurm_logs(self) -> list[Path]:
        """Return the folders that submitit made, one per job of the cluster."""
        slurm = self._paths.logs / "slurm"
        return [slurm / name for name in _names_in(slurm, folders=True) if SLURM_LOG.fullmatch(name)]


def _frames_in(folder: Path) -> Iterator[Path]:
    return (folder / name for name in _names_in(folder) if FRAME.fullmatch(name) or name == FRAME_KEY)


def _names_in(folder: Path, *, folders: bool = False) -> list[str]:
    """Return the names of the files in a folder, or of its folders; links count as files."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False) == folders)
    except OSError:
        return []


def _not_linked(files: Iterable[Path], out: Path) -> list[Path]:
    """Return the files whose folders are really below the output folder."""
    inside: dict[Path, bool] = {}
    whole = resolved(out)
    kept = []
    for path in files:
        folder = path.parent
        if folder not in inside:
            inside[folder] = resolved(folder) == whole / folder.relative_to(out)
        if inside[folder]:
            kept.append(path)
    return kept


def _remove_file(path: Path) -> int:
    """Remove a file; return its size, 0 where there is none or where it is a folder."""
    try:
        if path.is_dir() and not path.is_symlink():
            return 0
        size = path.lstat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise DancePoseError(f"{path} cannot be removed ({error.strerror}). Check its permissions.") from error
    return size


def _remove_empty(folders: Iterable[Path], out: Path) -> None:
    """Remove folders that are empty, the deepest first."""
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        if folder != out and not folder.is_symlink():
            with suppress(OSError):
                folder.rmdir()
