"""How far a study is, and what cleaning takes away: over folders filled by hand."""

from pathlib import Path

import pytest

from dancepose.study.plan.jobs import Result, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.report.cleaning import clean_study
from dancepose.study.report.status import read_status
from dancepose.study.run.journal import Journal, locked
from dancepose_addon.core.errors import DancePoseError, MissingFileError


@pytest.fixture
def paths(make_study) -> StudyPaths:
    study = load_study(make_study(songs=("s1", "s2")))
    made = StudyPaths(study.out)
    make_plan(study, made)
    return made


def finish(paths: StudyPaths, prefix: str, *, ok: bool = True) -> None:
    journal = Journal.open(paths.journal)
    for job in read_jobs(paths.plan):
        if job.id.startswith(prefix):
            journal.record(job, Result(job.id, ok, "" if ok else "crash", "" if ok else "it broke"))


def test_frames_count_by_the_journal_and_by_what_lies_there(paths: StudyPaths) -> None:
    status = read_status(paths)
    assert (status.frames, status.clips, status.failed) == ((0, 40), (0, 4), {})
    finish(paths, "render:near/s1/:0-2")
    folder = paths.frames("near", "s1", "")
    folder.mkdir(parents=True)
    # Chunks of 10 frames by at most 4 are 0-2, 3-5 and 6-9.
    for index in (0, 3, 6, 7, 99):
        (folder / f"{index:06d}.png").touch()
    status = read_status(paths)
    assert status.songs["s1"].frames_done == 3 + 1 + 2
    assert status.songs["s2"].frames_done == 0
    finish(paths, "encode:near/s1")
    finish(paths, "fit:far/s2", ok=False)
    status = read_status(paths)
    assert status.clips == (1, 4)
    assert status.failed == {"fit:far/s2": "it broke"}
    assert status.songs["s2"].failed == 1
    assert not status.running
    with locked(paths.lock):
        assert read_status(paths).running


def test_status_without_a_plan_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="dancepose study plan"):
        read_status(StudyPaths(tmp_path))


def test_cleaning_takes_frames_of_finished_clips_alone(paths: StudyPaths) -> None:
    for song in ("s1", "s2"):
        folder = paths.frames("near", song, "")
        folder.mkdir(parents=True)
        for index in range(10):
            (folder / f"{index:06d}.png").write_bytes(b"x" * 1000)
        (folder / ".000003.77.part.png").write_bytes(b"half")
    clip = paths.clip("near", "s1", "")
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"film")
    finish(paths, "encode:near/s1")
    assert clean_study(paths.out.parent, paths) >= 10000
    assert not paths.frames("near", "s1", "").exists()
    assert len(list(paths.frames("near", "s2", "").iterdir())) == 10
    assert clip.is_file()
    assert paths.plan.is_file()


def test_cleaning_all_takes_what_the_study_made_and_nothing_else(paths: StudyPaths) -> None:
    (paths.out / "my notes.txt").write_text("keep")
    clean_study(paths.out.parent, paths, everything=True)
    assert [path.name for path in paths.out.iterdir()] == ["my notes.txt"]


def test_cleaning_waits_for_no_run(paths: StudyPaths) -> None:
    with locked(paths.lock), pytest.raises(DancePoseError, match="Another run"):
        clean_study(paths.out.parent, paths)
