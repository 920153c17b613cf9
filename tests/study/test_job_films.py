# SPDX-License-Identifier: Apache-2.0
"""What jobs ask of ffmpeg and of pictures: which frames, films, sounds and times, for a study planned here."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
import zlib

import pytest

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import Job, key_of, read_jobs
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import load_study
from dancepose.study.run import job_runner
from dancepose.study.run.job_runner import FRAME_KEY, JobRunner, RunContext, check_frames
from dancepose_addon.core.png import encode_png

from .conftest import write_tone

pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")


ffmpeg_program = cache(find_ffmpeg)


def black(width: int, height: int, name: str) -> bytes:
    """A PNG of one colour that carries a name."""
    rows = zlib.compress(bytes((1 + 3 * width) * height))
    return encode_png(rows, width=width, height=height, channels=3, name=name)


class Asked:
    """Calls of functions of other modules, by name."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        for module, names in (
            (job_runner.films, ("encode_clip", "encode_transparent", "combine_clips")),
            (job_runner.pictures, ("write_thumbnail", "write_sheet", "copy_still", "write_labels")),
            (job_runner.sounds, ("write_sound",)),
        ):
            for name in names:
                patch.setattr(module, name, self.keeper(name))

    def keeper(self, name: str) -> Any:
        def keep(*given: Any, **named: Any) -> Any:
            self.calls.append((name, given, named))
            if name in ("encode_clip", "write_labels"):
                target = given[1] if name == "encode_clip" else given[0]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(b"film of 15 byte")
            return -21.5 if name == "write_sound" else None

        return keep

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(given, named) for called, given, named in self.calls if called == name]


class Planned:
    """A planned study, its runner and what it asks."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        self.study = load_study(file)
        self.paths = StudyPaths(self.study.out)
        make_plan(self.study, self.paths, ffmpeg_program())
        self.runner = JobRunner(RunContext(file.parent, self.study.out))
        self.jobs = list(read_jobs(self.paths.plan))
        self.asked = Asked(patch)

    def job(self, kind: str) -> Job:
        return next(job for job in self.jobs if job.kind == kind and job.what.get("system", "near") == "near")

    def draw(self, count: int) -> Path:
        folder = self.paths.frames("near", "s1", self.job("encode").what["segment"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FRAME_KEY).write_text("key")
        for frame in range(count):
            (folder / f"{frame:06d}.png").write_bytes(black(64, 48, f"key {frame}"))
        return folder


def test_sounds_begin_with_the_window_and_last_as_the_frames(make_study, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_study(time="segments = [[0.4, 1.2]]", size=(64, 48))
    planned = Planned(file, monkeypatch)
    job = planned.job("audio")
    result = planned.runner.run(job)
    assert (result.ok, result.digest, result.detail) == (True, job.key, {"loudness_before_lufs": -21.5})
    ((given, named),) = planned.asked.of("write_sound")
    assert given[1] == planned.paths.audio("s1", job.what["segment"])
    assert named["start_s"] == pytest.approx(0.5 + 0.4)
    assert named["duration_s"] == pytest.approx(0.8)
    assert named["loudness_lufs"] == planned.study.output.loudness_lufs
    monkeypatch.setattr(job_runner.sounds, "write_sound", lambda *_, **__: float("-inf"))
    assert planned.runner.run(job).detail == {"loudness_before_lufs": None}


@pytest.mark.parametrize(("seconds", "is_long_enough"), [(2.11, True), (2.0, True), (1.9, False), (0.3, False)])
def test_music_that_ends_before_the_clip_gives_no_clip(
    make_study, monkeypatch: pytest.MonkeyPatch, seconds: float, *, is_long_enough: bool
) -> None:
    """The window begins at 0.5 s, and the clip ends 1.6 s later; a tenth of a second is no difference."""
    file = make_study(time="segments = [[0.4, 1.6]]", size=(64, 48))
    write_tone(file.parent / "s1.wav", seconds=seconds, amplitude=0.1)
    planned = Planned(file, monkeypatch)
    result = planned.runner.run(planned.job("audio"))
    assert result.ok is is_long_enough
    if not is_long_enough:
        assert result.kind == "input"
        assert f"s1.wav ends after {seconds:.2f} s; song s1 needs it until 2.10 s" in result.message


def test_clips_are_encoded_of_whole_frames(make_study, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = Planned(make_study(size=(64, 48), output="stills_s = [0.5]"), monkeypatch)
    job = planned.job("encode")
    folder = planned.draw(8)
    (folder / ".000003.x.part.png").touch()
    result = planned.runner.run(job)
    assert (result.ok, result.kind, result.detail) == (False, "frames", {"bad": [8, 9]})
    assert result.message == "2 of 10 frames are missing or damaged"
    assert not planned.asked.calls
    planned.draw(10)
    result = planned.runner.run(job)
    segment = job.what["segment"]
    assert (result.ok, result.digest) == (True, key_of(job.key, "key"))
    pictures = [
        planned.paths.thumbnail("near", "s1", segment),
        planned.paths.sheet("near", "s1", segment),
        planned.paths.stills("near", "s1", segment) / "0.5s.png",
    ]
    names = [path.relative_to(planned.paths.out).as_posix() for path in pictures]
    assert result.detail == {"bytes": 15, "frame_key": "key", "pictures": names}
    assert not (folder / ".000003.x.part.png").exists()
    ((given, named),) = planned.asked.of("encode_clip")
    assert given[1] == planned.paths.clip("near", "s1", segment)
    assert (named["film"].count, named["film"].fps, named["size"], named["backdrop"]) == (10, 10.0, (64, 48), None)
    assert (named["frames"], named["sound"]) == (folder, planned.paths.audio("s1", segment))
    assert planned.asked.of("encode_transparent") == []
    ((thumbnail, _),) = planned.asked.of("write_thumbnail")
    assert thumbnail == (planned.paths.thumbnail("near", "s1", segment), folder / "000005.png")
    ((sheet, named),) = planned.asked.of("write_sheet")
    assert (sheet[0], named) == (planned.paths.sheet("near", "s1", segment), {"frames": folder, "count": 10})
    ((still, _),) = planned.asked.of("copy_still")
    assert still == (planned.paths.stills("near", "s1", segment) / "0.5s.png", folder / "000005.png")
    assert folder.is_dir()


def test_transparent_clips_without_sheets_and_frames(make_study, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make_study(size=(64, 48), output="sheets = false\nkeep_frames = false")
    file.write_text(file.read_text().replace("[picture]", '[picture]\nbackground = "transparent"'))
    planned = Planned(file, monkeypatch)
    folder = planned.draw(10)
    assert planned.runner.run(planned.job("encode")).ok
    ((_, named),) = planned.asked.of("encode_clip")
    assert named["backdrop"] == planned.study.stage.backdrop_rgb
    ((given, named),) = planned.asked.of("encode_transparent")
    assert given[1].suffix == ".webm"
    assert named["frames"] == folder
    assert planned.asked.of("write_sheet") == []
    assert not folder.exists()


def test_combined_films_with_and_without_labels(make_study, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = Planned(make_study(size=(64, 48), output='compare = ["row", "pairs"]'), monkeypatch)
    job = planned.job("compare")
    ready = replace(job, what={**job.what, "systems": ["near", "far"]})
    result = planned.runner.run(ready)
    assert (result.ok, result.digest) == (True, job.key)
    assert result.detail == {"made": ["row", "near-vs-far"], "systems": ["near", "far"]}
    films = planned.asked.of("combine_clips")
    assert len(films) == 4
    segment = job.what["segment"]
    outs = {given[1] for given, _ in films}
    assert outs == {
        planned.paths.comparison("s1", segment, kind, labels=on)
        for kind in ("row", "near-vs-far")
        for on in (True, False)
    }
    for given, named in films:
        labelled = planned.paths.comparison("s1", segment, given[1].stem.split(".")[-1], labels=True) == given[1]
        assert (named["overlay"] is not None) is labelled
        assert given[2] == [planned.paths.clip(name, "s1", segment) for name in ("near", "far")]
        assert named["grid"].columns == 2
        assert named["film"].count == 10
        assert named["sound"] == planned.paths.audio("s1", segment)
        assert named["overlay"] is None or not named["overlay"].exists()
    ((labels, named), *_) = planned.asked.of("write_labels")
    assert labels[1] == ["Near & dear", "far"]
    assert named["columns"] == 2


def test_frames_of_another_key_or_size_are_bad(tmp_path: Path) -> None:
    (tmp_path / FRAME_KEY).write_text("key")
    for frame, (name, size) in enumerate(
        (("key 0", (64, 48)), ("other 1", (64, 48)), ("key 2", (65, 48)), ("key 3", (64, 47)), ("key 3", (64, 48)))
    ):
        (tmp_path / f"{frame:06d}.png").write_bytes(black(*size, name))
    assert check_frames(tmp_path, 6, (64, 48)) == ("key", [1, 2, 3, 4, 5])
    (tmp_path / FRAME_KEY).unlink()
    assert check_frames(tmp_path, 2, (64, 48)) == ("", [0, 1])
