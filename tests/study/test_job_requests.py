# SPDX-License-Identifier: Apache-2.0
"""What a job asks of Blender, field by field, for a study planned here."""

from dataclasses import replace
import json
import os
from pathlib import Path

import pytest

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Job, Result, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.run.job_runner import JobRunner, RunContext
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.messages import FitRequest, ProbeRequest, RenderRequest


class Planned:
    """A planned study and its runner."""

    def __init__(self, file: Path) -> None:
        study = load_study(file)
        self.study, self.paths, self.root = study, StudyPaths(study.out), file.parent
        make_plan(study, self.paths, find_ffmpeg())
        self.runner = JobRunner(RunContext(self.root, study.out))
        self.jobs = {job.id: job for job in read_jobs(self.paths.plan)}

    def job(self, start: str) -> Job:
        return next(job for name, job in self.jobs.items() if name.startswith(start))


@pytest.fixture
def planned(make_study) -> Planned:
    return Planned(make_study(size=(64, 48)))


def test_with_a_transparent_background(make_study) -> None:
    file = make_study()
    file.write_text(file.read_text().replace("[picture]", '[picture]\nbackground = "transparent"'))
    found = Planned(file).runner.request(Planned(file).job("engine"))
    assert isinstance(found, ProbeRequest)
    assert found.transparent


def test_probe_requests(planned: Planned) -> None:
    found = planned.runner.request(planned.job("engine"))
    assert isinstance(found, ProbeRequest)
    assert found.engine == "workbench"
    assert found.out == planned.paths.engine
    assert found.timeout_s == 120.0
    assert not found.transparent
    assert found.character is None
    assert found.record is None


def test_fit_requests(planned: Planned) -> None:
    found = planned.runner.request(planned.job("fit:near/s1"))
    assert isinstance(found, FitRequest)
    assert found.source == planned.root / "near" / "s1.npz"
    assert found.motion == planned.paths.motion("near", "s1")
    assert found.report == planned.paths.fit_report("near", "s1")
    assert found.video_fps == 10.0
    assert found.min_duration_s == pytest.approx(1.0, abs=0.11)
    assert (found.regressor, found.body) == (None, None)


def test_inputs_that_changed_since_the_plan_are_refused(planned: Planned) -> None:
    """Also by a file of equal size and date; else its result would be kept for that of the plan."""
    for start, name in (("fit:near/s1", "near/s1.npz"), ("audio:s1", "s1.wav")):
        path, job = planned.root / name, planned.job(start)
        content, dates = path.read_bytes(), path.stat()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        os.utime(path, ns=(dates.st_atime_ns, dates.st_mtime_ns))
        result = planned.runner.run(job)
        assert (result.ok, result.kind) == (False, "input")
        assert result.message == (
            f"{path} has changed since the plan. Run `dancepose study run`, which takes the new file."
        )
        path.write_bytes(content)
    assert isinstance(planned.runner.request(planned.job("fit:near/s1")), FitRequest)


def test_a_body_that_changed_since_the_plan_is_refused(make_study) -> None:
    file = make_study(more='[stage]\nbody = "body.npz"')
    (file.parent / "body.npz").write_bytes(b"one")
    planned = Planned(file)
    (file.parent / "body.npz").write_bytes(b"another")
    for start in ("fit:near/s1", "render:far/s1"):
        with pytest.raises(InputError, match=r"body\.npz has changed since the plan"):
            planned.runner.request(planned.job(start))


def test_a_source_in_trouble_is_refused(planned: Planned) -> None:
    job = planned.job("fit:near/s1")
    bad = replace(job, what=job.what | {"trouble": "It is empty."})
    with pytest.raises(InputError, match="It is empty"):
        planned.runner.request(bad)
    found = planned.runner.run(bad)
    assert (found.job, found.ok, found.message) == (job.id, False, "It is empty.")


def test_render_requests(planned: Planned) -> None:
    job = planned.job("render:far/s1")
    engine = {"name": "workbench", "device": "cpu", "denoiser": "", "samples": 8, "more": 1}
    planned.paths.engine.parent.mkdir(parents=True, exist_ok=True)
    planned.paths.engine.write_text(json.dumps(engine))
    camera = planned.paths.camera("s1")
    camera.parent.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "dancepose.study.run.job_runner.song_camera.read_song_camera",
            lambda path: {"move_m": {"far": [1.0, 2.0, 3.0], "near": [0.0, 0.0, 0.0]}} if path == camera else None,
        )
        found = planned.runner.request(job)
    assert isinstance(found, RenderRequest)
    assert found.motion == planned.paths.motion("far", "s1")
    assert (found.move_m, found.shot) == ((1.0, 2.0, 3.0), camera)
    assert (found.width, found.height, found.fps) == (64, 48, 10.0)
    assert (found.first, found.count) == (job.what["first"], job.what["count"])
    assert (found.engine.name, found.engine.device, found.engine.samples) == ("workbench", "cpu", 8)
    assert found.folder == planned.paths.frames("far", "s1", job.what["segment"])
    assert not found.transparent


def test_jobs_in_this_process_measure_their_time(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.3456])
    monkeypatch.setattr("dancepose.study.run.job_runner.time.perf_counter", lambda: next(clock))
    job = Job("camera:s1", "camera", "key")
    planned.runner._jobs["camera"] = lambda given: Result(given.id, True)
    assert planned.runner.run(job) == Result("camera:s1", True, seconds=2.346)


def test_jobs_in_blender_have_their_time_limits(planned: Planned) -> None:
    asked: list[tuple[str, float]] = []

    class Worker:
        def run(self, name: str, _request: object, *, timeout_s: float, on_frame: object) -> Result:
            asked.append((name, timeout_s))
            assert on_frame is None
            return Result(name, True)

    planned.runner._worker = Worker()
    for start in ("engine", "fit:near/s1"):
        assert planned.runner.run(planned.job(start)).ok
    assert [limit for _, limit in asked] == [240.0, 100.0]


def test_closing_and_stopping_end_the_worker(planned: Planned) -> None:
    ended: list[object] = []

    class Program:
        def close(self, *, kill: bool = False) -> None:
            ended.append("kill" if kill else "close")

        def stop(self) -> None:
            ended.append("stop")

    planned.runner._worker = planned.runner._ffmpeg = Program()
    planned.runner.close()
    assert ended == ["close"]
    planned.runner.stop()
    assert ended == ["close", "stop", "kill"]
