# SPDX-License-Identifier: Apache-2.0
"""The plan: complete, in order, and the same wherever and whenever it is made from the same inputs."""

import json
from pathlib import Path
import shutil

import pytest

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Job, read_head, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan, split_evenly
from dancepose.study.plan.study_file import load_study
from dancepose_addon.core.errors import InputError

from .conftest import write_dance


def plan_of(file: Path) -> tuple[bytes, dict[str, Job]]:
    study = load_study(file)
    paths = StudyPaths(study.out)
    make_plan(study, paths, find_ffmpeg())
    jobs = list(read_jobs(paths.plan))
    by_id = {job.id: job for job in jobs}
    assert len(by_id) == len(jobs)
    return paths.plan.read_bytes(), by_id


def test_every_frame_is_in_one_chunk_and_every_job_after_its_needs(make_study) -> None:
    _, jobs = plan_of(make_study(songs=("s1", "s2"), time="segments = [[0, 0.9], [0.5, 1.2]]"))
    seen: set[str] = set()
    frames: dict[tuple[str, str, str], list[int]] = {}
    for job in jobs.values():
        assert set(job.needs) <= seen
        seen.add(job.id)
        if job.kind == "render":
            clip = (job.what["system"], job.song, job.what["segment"])
            frames.setdefault(clip, []).extend(range(job.what["first"], job.what["first"] + job.what["count"]))
    assert len(frames) == 8
    for clip, indices in frames.items():
        assert indices == list(range(9 if clip[2] == "0-0.9s" else 7))
    assert sum(job.kind == "encode" for job in jobs.values()) == 8
    assert sum(job.kind == "compare" for job in jobs.values()) == 4


def test_a_plan_depends_on_content_alone(make_study, tmp_path: Path) -> None:
    file = make_study()
    first, _ = plan_of(file)
    again, _ = plan_of(file)
    moved = tmp_path / "elsewhere"
    shutil.copytree(file.parent, moved, ignore=shutil.ignore_patterns("renders"))
    elsewhere, _ = plan_of(moved / "study.toml")
    assert first == again == elsewhere


def test_files_that_a_system_names_count_by_their_content(make_study, tmp_path: Path) -> None:
    file = make_study()
    text = file.read_text().replace('files = "near"', 'files = "near"\nlayout = "own.toml"\nbody_from = "body/one.npz"')
    file.write_text(text)
    (file.parent / "body").mkdir()
    for name in ("own.toml", "body/one.npz"):
        (file.parent / name).write_text("first")
    _, before = plan_of(file)
    moved = tmp_path / "elsewhere"
    shutil.copytree(file.parent, moved, ignore=shutil.ignore_patterns("renders"))
    _, elsewhere = plan_of(moved / "study.toml")
    assert {name: job.key for name, job in elsewhere.items()} == {name: job.key for name, job in before.items()}
    for name in ("own.toml", "body/one.npz"):
        (file.parent / name).write_text("another")
        _, after = plan_of(file)
        assert [job for job in before if before[job].key != after[job].key and job[:4] == "fit:"] == ["fit:near/s1"]
        before = after
    settings = load_study(file).fit_settings(load_study(file).systems[0])
    assert settings.body_from == str(file.parent / "body" / "one.npz")


def test_another_clip_of_one_system_changes_the_camera_of_all(make_study) -> None:
    file = make_study(songs=("s1", "s2"))
    _, before = plan_of(file)
    write_dance(file.parent / "far" / "s1.npz", seconds=1.7, shift_m=(3.0, 0.0, 0.0))
    _, after = plan_of(file)
    changed = {name for name in before if before[name].key != after[name].key}
    assert {job for job in changed if job.startswith("fit:")} == {"fit:far/s1"}
    assert {"camera:s1", "encode:near/s1/", "encode:far/s1/", "compare:s1/"} <= changed
    assert not [job for job in changed if "s2" in job or job in ("engine", "audio:s1/")]


def test_options_that_change_no_pixel_change_no_frame(make_study) -> None:
    file = make_study()
    _, before = plan_of(file)
    file.write_text(file.read_text().replace("[output]", "[output]\ncrf = 20").replace("Near & dear", "Nearest"))
    _, after = plan_of(file)
    changed = {name for name in before if before[name].key != after[name].key}
    assert changed == {"encode:near/s1/", "encode:far/s1/", "compare:s1/"}


def test_without_a_length_clips_are_as_long_as_the_songs_shortest(make_study) -> None:
    file = make_study(songs=("s1", "s2"), time="")
    write_dance(file.parent / "near" / "s2.npz", seconds=1.2)
    plan_of(file)
    segments = read_head(StudyPaths(file.parent / "renders").plan)["segments"]
    assert {song: cuts[0][2] for song, cuts in segments.items()} == {"s1": 16, "s2": 12}


def test_a_clip_that_is_missing_is_told_and_the_rest_is_planned(make_study) -> None:
    file = make_study(songs=("s1", "s2"))
    (file.parent / "far" / "s2.npz").unlink()
    study = load_study(file)
    planned = make_plan(study, StudyPaths(study.out), find_ffmpeg())
    assert planned.clips == 3
    assert planned.frames == 30
    assert len(planned.missing) == 1
    assert planned.missing[0].startswith("far/s2: System far has no far/s2.")


def test_a_study_of_which_nothing_can_be_made_is_refused(make_study) -> None:
    file = make_study()
    shutil.rmtree(file.parent / "near")
    shutil.rmtree(file.parent / "far")
    with pytest.raises(InputError, match="No clip of this study"):
        plan_of(file)


@pytest.mark.parametrize(("count", "most"), [(1, 1), (10, 3), (250, 60), (7, 100), (12, 4)])
def test_chunks_are_even(count: int, most: int) -> None:
    chunks = split_evenly(count, most)
    assert [first for first, _ in chunks] == [sum(size for _, size in chunks[:n]) for n in range(len(chunks))]
    sizes = [size for _, size in chunks]
    assert sum(sizes) == count
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(chunks) == -(-count // most)


def test_a_plan_is_json_line_by_line(make_study) -> None:
    text, _ = plan_of(make_study())
    for line in text.splitlines():
        json.loads(line)
