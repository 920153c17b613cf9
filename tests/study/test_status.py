# SPDX-License-Identifier: Apache-2.0
"""How far a study is, and what cleaning takes away: over folders filled by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Result, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.report import status as status_module
from dancepose.study.report.cleaning import clean_study, finished_films, other_films
from dancepose.study.report.status import read_status
from dancepose.study.run.journal import Journal, locked_study
from dancepose_addon.core.errors import DancePoseError, FormatError, MissingFileError


@pytest.fixture
def paths(make_study) -> StudyPaths:
    study = load_study(make_study(songs=("s1", "s2")))
    made = StudyPaths(study.out)
    make_plan(study, made, find_ffmpeg())
    return made


def finish(paths: StudyPaths, prefix: str, *, ok: bool = True) -> None:
    journal = Journal.open(paths.journal)
    for job in read_jobs(paths.plan):
        if job.id.startswith(prefix):
            journal.record(job, Result(job.id, ok, "" if ok else "crash", "" if ok else "it broke"))
            if ok and job.kind == "encode":
                film = paths.clip(job.what["system"], job.song, job.what["segment"])
                film.parent.mkdir(parents=True, exist_ok=True)
                film.write_bytes(b"film")


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
    with locked_study(paths.lock):
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
    assert list(paths.frames("near", "s1", "").iterdir()) == []
    assert len(list(paths.frames("near", "s2", "").iterdir())) == 10
    assert clip.is_file()
    assert paths.plan.is_file()


def test_cleaning_all_takes_what_the_plan_lists_and_nothing_else(paths: StudyPaths) -> None:
    clip = ("near", "s1", "")
    planned = [
        paths.motion(*clip[:2]), paths.fit_report(*clip[:2]), paths.camera("s1"), paths.audio("s1", ""),
        paths.clip(*clip), paths.clip(*clip, ".webm"), paths.sheet(*clip), paths.thumbnail(*clip),
        paths.frames(*clip) / "000000.png", paths.frames(*clip) / "key.txt",
        paths.frames(*clip) / ".000003.77.part.png",
        paths.comparison("s1", "", "grid", labels=True), paths.comparison("s1", "", "grid", labels=False),
        paths.clip(*clip).with_name(".s1.123.part.mp4"), paths.logs / "worker-host-12-34.log", paths.report,
        paths.engine, paths.journal, paths.cache("sources"),
    ]  # fmt: skip
    others = [
        paths.out / "my notes.txt", paths.out / ".mine.12.part.mp4", paths.clip(*clip).with_name("mine.txt"),
        paths.clip(*clip).with_name(".mine.12.part.mp4"), paths.audio("s1", "").with_name("album.wav"),
        paths.frames(*clip) / "notes.png", paths.logs / "diary.log", paths.stills(*clip) / "2s.png",
        paths.out / "clips" / "other" / "s1.mp4",
    ]  # fmt: skip
    for path in (*planned, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
    assert finished_films(paths) == 1
    assert clean_study(paths.out.parent, paths, everything=True) >= 10 * len(planned)
    left = {path for path in paths.out.rglob("*") if not path.is_dir()}
    assert left == set(others)


def test_cleaning_all_removes_the_folder_that_holds_nothing_else(paths: StudyPaths) -> None:
    paths.clip("near", "s1", "").parent.mkdir(parents=True)
    paths.clip("near", "s1", "").touch()
    clean_study(paths.out.parent, paths, everything=True)
    assert not paths.out.exists()


def test_cleaning_waits_for_no_run(paths: StudyPaths) -> None:
    with locked_study(paths.lock), pytest.raises(DancePoseError, match="Another run"):
        clean_study(paths.out.parent, paths)


@pytest.mark.parametrize("name", ["../../victim", "/tmp/victim", "..", "a/b"])
def test_a_plan_whose_names_lead_elsewhere_is_damaged(paths: StudyPaths, name: str) -> None:
    """Cleaning removes files by these names."""
    victim = paths.out.parent.parent / "victim.npz"
    victim.write_bytes(b"precious")
    for old in ('"s1"', '"near"'):
        text = paths.plan.read_text(encoding="ascii")
        head, _, jobs = text.partition("\n")
        paths.plan.write_text(head + "\n" + jobs.replace(old, f'"{name}"'), encoding="ascii")
        with pytest.raises(FormatError, match="is damaged"):
            clean_study(paths.out.parent, paths, everything=True)
        paths.plan.write_text(text, encoding="ascii")
    assert victim.read_bytes() == b"precious"


def test_films_that_were_removed_do_not_count(paths: StudyPaths) -> None:
    finish(paths, "encode:near")
    assert read_status(paths).clips == (2, 4)
    paths.clip("near", "s1", "").unlink()
    assert read_status(paths).clips == (1, 4)


def test_films_of_other_plans_are_named(paths: StudyPaths) -> None:
    finish(paths, "encode:near")
    assert other_films(paths.out.parent, paths) == []
    others = [paths.clip("near", "tango", ""), paths.clip("old", "s1", "", ".webm")]
    others.append(paths.comparison("tango", "", "grid", labels=True))
    for path in (*others, paths.comparison("s1", "", "grid", labels=True), paths.clip("near", "s1", "", ".webm")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
    assert sorted(other_films(paths.out.parent, paths)) == sorted(others)


def test_a_journal_of_other_values_is_passed_over(paths: StudyPaths) -> None:
    paths.journal.write_bytes(b'[1]\n{"job": 3}\n"x"\n{}\n' + b"[" * 100_000 + b"\n\0\0\n")
    assert read_status(paths).clips == (0, 4)
    finish(paths, "encode:near/s1")
    assert read_status(paths).clips == (1, 4)


@pytest.mark.parametrize("name", ["/etc/hostname", "../secret", "clips/../../secret", "a\0b"])
def test_a_journal_that_names_files_elsewhere_is_passed_over(paths: StudyPaths, name: str) -> None:
    """Their hashes would be compared."""
    finish(paths, "encode:near/s1")
    lines = paths.journal.read_text().splitlines()
    last = json.loads(lines[-1] or lines[-2]) | {"detail": {"files": {name: "0"}}}
    paths.journal.write_text(json.dumps(last) + "\n")
    assert read_status(paths).clips == (0, 4)
    paths.journal.write_text(json.dumps(last | {"detail": {"files": {"clips/near/s1.mp4": "0"}}}) + "\n")
    assert read_status(paths).clips == (1, 4)


def test_the_rate_is_that_of_the_last_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames over the time since the first of the recent chunks began, at least a second."""
    monkeypatch.setattr(status_module.time, "time", lambda: 1000.0)

    def rate(*entries: tuple[float, float, int]) -> float:
        table = {
            str(number): {"at": at, "seconds": seconds, "detail": {"rendered": rendered}}
            for number, (at, seconds, rendered) in enumerate(entries)
        }
        return status_module._recent_rate(SimpleNamespace(entries=table))

    recent_s = status_module.RECENT_S
    assert rate() == 0.0
    assert rate((950.0, 50.0, 30)) == pytest.approx(0.3)
    assert rate((950.0, 50.0, 30), (990.0, 40.0, 10)) == pytest.approx(0.4)
    assert rate((999.9, 0.05, 7)) == pytest.approx(7.0)
    assert rate((1000.0 - recent_s - 1.0, 1.0, 500), (990.0, 40.0, 10)) == pytest.approx(0.2)
    assert rate((1000.0 - recent_s + 1.0, 1.0, 300)) == pytest.approx(300.0 / recent_s)
    assert rate((990.0, 10.0, 0)) == 0.0
    assert status_module._recent_rate(SimpleNamespace(entries={"a": {"at": 999.0}})) == 0.0


def test_a_journal_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(MissingFileError, match=r"journal\.jsonl cannot be read \(Is a directory\)"):
        Journal.open(tmp_path / "journal.jsonl")
