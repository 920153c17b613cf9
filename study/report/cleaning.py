"""Removing what a study no longer needs, and nothing that it did not make."""

from pathlib import Path
import shutil
from typing import Final

from ..plan.jobs import read_jobs
from ..plan.paths import Places
from ..run.journal import Journal, held

MADE: Final = (
    *("fits", "shots", "frames", "audio", "clips", "sheets", "thumbnails", "stills", "comparisons", "logs", "cache"),
    *("plan.jsonl", "journal.jsonl", "engine.json", "report.html"),
)


def clean(places: Places, *, everything: bool = False) -> int:
    """Remove the frames of finished clips and what killed runs left behind, or with ``everything`` all that the study
    made; returns the bytes that are free now.

    Raises:
        DancePoseError: a run works on the study. MissingFileError: there is no plan.
    """
    with held(places.lock):
        if everything:
            freed = sum(_remove(places.out / name) for name in MADE)
        else:
            freed = _remove_finished_frames(places)
            freed += sum(_remove(path) for path in places.out.rglob(".*.part*"))
            freed += _remove(places.logs)
    if everything:
        places.lock.unlink(missing_ok=True)
        if places.out.is_dir() and not any(places.out.iterdir()):
            places.out.rmdir()
    return freed


def _remove_finished_frames(places: Places) -> int:
    journal, freed = Journal.open(places.journal), 0
    for job in read_jobs(places.plan):
        if job.kind == "encode" and journal.finished(job) is not None:
            where = (job.what["system"], job.song, job.what["segment"])
            if places.clip(*where).is_file():
                freed += _remove(places.frames(*where))
    return freed


def _remove(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        size = sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
        shutil.rmtree(path)
        return size
    if not path.exists() and not path.is_symlink():
        return 0
    size = path.lstat().st_size
    path.unlink()
    return size
