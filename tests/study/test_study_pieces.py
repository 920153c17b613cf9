# SPDX-License-Identifier: Apache-2.0
"""Pieces of checks, reports, drafts and workers of a study, each with numbers by hand."""

from pathlib import Path
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from dancepose.study.plan import template
from dancepose.study.plan.planning import Segment, chunk_frames, frame_estimate_s
from dancepose.study.report import check_study as checks, study_report as report
from dancepose.study.run import blender_worker
from dancepose.study.run.blender_worker import BlenderWorker
from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.messages import DoneReply, FailedReply, FrameReply, ProbeRequest, to_line


def info(duration_s: float, fps: float = 25.0, **more: Any) -> Any:
    return SimpleNamespace(
        **{
            "duration_s": duration_s,
            "fps": fps,
            "trouble": "",
            "rotations": False,
            "layout": "md23",
            "notes": (),
            **more,
        }
    )


def study_of(*, segments: Any = (), length_s: float | None = None, keep: bool = True, systems: str = "ab") -> Any:
    return SimpleNamespace(
        time=SimpleNamespace(segments=segments, length_s=length_s),
        picture=SimpleNamespace(fps=10.0, size=(100, 50), engine="fast"),
        output=SimpleNamespace(keep_frames=keep),
        systems=[SimpleNamespace(name=name, regressor=None) for name in systems],
        path=lambda path: path,
    )


def found_of(infos: dict[str, dict[str, Any]]) -> Any:
    return checks._Findings(infos=infos)


def test_spans_of_songs() -> None:
    infos = {"a": info(3.0), "b": info(2.0)}
    assert checks._spans(study_of(segments=((1.0, 2.0),), length_s=5.0), infos) == [(1.0, 2.0)]
    assert checks._spans(study_of(length_s=5.0), infos) == [(0.0, 5.0)]
    assert checks._spans(study_of(), infos) == [(0.0, 2.0)]
    assert checks._spans(study_of(), {}) == []


@pytest.mark.parametrize(("duration_s", "short"), [(5.0, False), (4.95, False), (4.85, True), (9.0, False)])
def test_dances_that_are_too_short(duration_s: float, *, short: bool) -> None:
    """A frame of the film, a tenth of a second, may be missing; differences of a tenth are not reported."""
    found = found_of({"s": {"a": info(duration_s), "b": info(5.05)}})
    checks._check_lengths(study_of(segments=((0.0, 1.0), (4.0, 5.0))), SimpleNamespace(name="s"), found)
    assert bool(found.problems) is short
    if short:
        assert f"a/s lasts {duration_s:.2f} s; the clips show it until 5.00 s." in found.problems[0]
    assert bool(found.notices) is (abs(duration_s - 5.05) > 0.101)
    if found.notices:
        assert "2.00 s of each are shown" in found.notices[0]


def test_a_frame_of_the_dance_may_be_missing_too() -> None:
    """At 5 frames a second that is a fifth of a second."""
    for duration_s, count in ((4.81, 0), (4.79, 1)):
        found = found_of({"s": {"a": info(duration_s, fps=5.0)}})
        checks._check_lengths(study_of(length_s=5.0), SimpleNamespace(name="s"), found)
        assert len(found.problems) == count


def test_songs_that_no_two_systems_share() -> None:
    study = study_of()
    infos = {f"s{n}": {"a": info(1.0)} for n in range(7)} | {"t": {"b": info(1.0)}}
    (said,) = checks._unshared_songs(study, infos)
    assert "a has s0, s1, s2, s3, s4, s5, ...; b has t. Name" in said
    assert checks._unshared_songs(study, {**infos, "u": {"a": info(1.0), "b": info(1.0)}}) == []
    assert checks._unshared_songs(study_of(systems="a"), infos) == []
    assert "b has none" in checks._unshared_songs(study, {"s": {"a": info(1.0)}})[0]


def test_sources_without_a_regressor() -> None:
    def said(regressor: str | None = None, **more: Any) -> tuple[list[str], list[str]]:
        found = found_of({})
        checks._check_source(
            Path("x"), SimpleNamespace(name="a", regressor=regressor), info(1.0, **more), found, ("md23",)
        )
        return found.problems, found.notices

    assert said() == ([], [])
    assert said(trouble="cut")[0] == ["unreadable: cut"]
    assert "none is shipped for layout other" in said(layout="other")[1][0]
    assert said("own.onnx", layout="other") == ([], [])
    assert "regressor of system a is not used" in said("own.onnx", rotations=True)[1][0]
    assert said(rotations=True, layout="other") == ([], [])


def music(
    tmp_path: Path, *, length_s: float, window: Any = None, dance: Any = None, study: Any = None
) -> tuple[list[str], list[str]]:
    (tmp_path / "s.wav").touch()
    found = found_of({"s": {"a": dance or info(10.0)}})
    song = SimpleNamespace(name="s", audio=tmp_path / "s.wav", window=window)
    checks._check_music(
        study or study_of(length_s=5.0), song, found, SimpleNamespace(sound_length_s=lambda _: length_s)
    )
    return found.problems, found.notices


def test_music_of_songs(tmp_path: Path) -> None:
    assert music(tmp_path, length_s=10.0) == ([], [])
    assert "ends after 4.80 s; song s needs it until 5.00 s" in music(tmp_path, length_s=4.8, dance=info(4.8))[0][0]
    assert music(tmp_path, length_s=4.95, dance=info(4.95))[0] == []
    assert "needs it until 9.00 s" in music(tmp_path, length_s=8.0, window=(4.0, 14.0))[0][0]
    assert (
        "its window ends at 8.00 s and the music at 7.50 s"
        in music(tmp_path, length_s=7.5, window=(0.0, 8.0), dance=info(8.0))[1][0]
    )
    assert (
        "its clips continue 1.00 s after the end"
        in music(tmp_path, length_s=9.0, window=(0.0, 4.0), dance=info(4.0))[1][0]
    )
    (rate,) = music(tmp_path, length_s=20.0, dance=info(10.0, fps=50.0))[1]
    assert "10.00 s at 50 fps and its music 20.00 s; at 25 fps both" in rate
    found = found_of({"s": {}})
    checks._check_music(study_of(), SimpleNamespace(name="s", audio=None, window=None), found, None)
    checks._check_music(study_of(), SimpleNamespace(name="s", audio=tmp_path / "none", window=None), found, None)
    assert (len(found.notices), len(found.problems)) == (1, 1)


def test_estimates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "frame_estimate_s", lambda _: 0.5)
    paths = SimpleNamespace(out=tmp_path / "a" / "b")
    infos = {"s": {"a": info(9.0), "b": info(9.0)}, "t": {"a": info(9.0)}}
    for free, keep, said in ((1e12, True, False), (100.0, True, True), (100.0, False, False)):
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        found = found_of(infos)
        result = checks._estimate(study_of(segments=((0.0, 1.0), (2.0, 4.5)), keep=keep), paths, found)
        assert (result.clips, result.frames) == (6, 3 * 35)
        assert result.estimate_s == 52.5
        assert result.bytes == int(105 * 5000 * 0.55)
        assert bool(found.notices) is said


@pytest.mark.parametrize(
    ("engine", "samples", "seconds", "chunk"),
    [
        ("fast", 0, 0.045, 500),
        ("workbench", 0, 0.37, 81),
        ("cycles", 8, 0.78 * 8.75 * 0.5, 10),
        ("cycles", 1, 0.78 * 1.75 * 0.5, 43),
    ],
)
def test_seconds_of_frames_and_frames_of_chunks(engine: str, samples: int, seconds: float, chunk: int) -> None:
    """Of half a megapixel; a chunk takes 30 seconds and has 10 to 500 frames."""
    picture = SimpleNamespace(engine=engine, samples=samples, size=(1000, 500), background="stage")
    study: Any = SimpleNamespace(picture=picture, run=SimpleNamespace(chunk_frames=0))
    assert frame_estimate_s(study) == pytest.approx(seconds)
    assert chunk_frames(study) == chunk
    study.run.chunk_frames = 7
    assert chunk_frames(study) == 7


def clip(rendered: int = 0, render_s: float = 0.0, fit: dict[str, Any] | None = None) -> Any:
    return report._Clip("a", "s", Segment("", 0.0, 50), fit or {}, render_s, rendered)


def test_figures_of_clips() -> None:
    fit = {
        "error_mm": {"first": {"mean": 9.0}, "last": {"mean": 3.0}}, "contact_share": 0.4, "floor_m": -0.02,
        "feet": {"skating_ratio": 0.1, "standing_slide_mm_per_s": 8.0, "floating_mm": 2.0, "penetration_mm": 1.0},
        "people": [{"hand_contact": 0.2, "depth_mm": [5.0, 7.0]}, {"hand_contact": 0.6, "depth_mm": [1.0, 20.0]}],
    }  # fmt: skip
    found = report._figures(clip(40, 20.0, fit), 25.0)
    assert found == {
        "error_mm": 3.0, "contact": 0.4, "skating": 0.1, "slide": 8.0, "floating_mm": 2.0, "penetration_mm": 1.0,
        "hand_contact": pytest.approx(0.4), "overlap_mm": 20.0, "floor_mm": -20.0, "seconds": 2.0, "render_s": 25.0,
    }  # fmt: skip
    empty = report._figures(clip(), 25.0)
    assert {key for key, value in empty.items() if value is not None} == {"seconds"}
    assert [report._rendering_s(clip(count, 10.0)) for count in (24, 25, 50)] == [None, 20.0, 10.0]


def test_engines_in_words() -> None:
    assert report._engine_text("cycles", {}) == "cycles"
    assert report._engine_text("cycles", {"device": "cpu", "samples": 1, "denoiser": "x"}) == (
        "cycles, cpu, 1 sample per pixel, denoised")  # fmt: skip
    assert report._engine_text("cycles", {"device": "gpu", "samples": 8}) == "cycles, gpu, 8 samples per pixel"
    assert report._engine_text("fast", {"device": "cpu", "samples": 8}) == "fast, cpu"
    assert report._engine_text("workbench", {"device": "cpu"}) == "workbench"


def test_names_and_comments_of_drafts(tmp_path: Path) -> None:
    assert [template._file_name(name) for name in ("a b", "_x.", "\u00e4\u00f6", "A+1-2.c")] == [
        "a_b",
        "x",
        "unnamed",
        "A+1-2.c",
    ]
    taken: set[str] = set()
    assert [template._unique("a", taken) for _ in range(3)] == ["a", "a-2", "a-3"]
    assert template._unique("A", taken) == "A-4"
    assert sorted(["s10", "s2", "b", "10", "9"], key=template._natural_order) == ["9", "10", "b", "s2", "s10"]
    assert template._comment("fps = 25", "why") == "# fps = 25                  # why"
    first, second = template._comment("fps = 25", "word " * 25).split("\n")
    assert len(first) <= 28 + 2 + 92
    assert second.startswith("#" + " " * 27 + "# word")
    root = tmp_path / "a" / "b" / "c"
    assert template._shown_path(root / "x", root) == "x"
    assert template._shown_path(tmp_path / "a" / "x", root) == "../../x"
    assert template._shown_path(tmp_path / "x", root) == str(tmp_path / "x")


def test_folders_of_drafts(tmp_path: Path) -> None:
    for name in ("s2.npz", "s10.npz", ".hidden", "s2.mp3"):
        (tmp_path / "near" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "near" / name).touch()
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "s10.wav").touch()
    assert [path.name for path in template._entries(tmp_path / "near")] == ["s10.npz", "s2.npz"]
    text = template.draft_study([tmp_path / "near"], audio=tmp_path / "music", root=tmp_path)
    assert text.index('name = "s2"') < text.index('name = "s10"')
    assert 'audio = "music/s10.wav"' in text
    assert text.count("no music was found") == 1
    (tmp_path / "empty").mkdir()
    for folders, audio, reason in (
        ([tmp_path / "none"], None, "is not a folder"), ([tmp_path / "empty"], None, "holds no motion files"),
        ([tmp_path / "near", tmp_path / "near"], None, "is given twice"),
        ([tmp_path / "near"], tmp_path / "none", "--audio"),
        ([tmp_path / "near"], tmp_path / "empty", "holds no music"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=reason):
            template.draft_study(folders, audio=audio, root=tmp_path)


REQUEST = ProbeRequest(
    engine="fast",
    device="cpu",
    samples=1,
    transparent=False,
    timeout_s=1.0,
    out=Path("x"),
    character=None,
    character_map=None,
    record=None,
)
FAILED = to_line(FailedReply(id=1, kind="input", message="No frames."))
DONE = to_line(DoneReply(id=1, seconds=2.0, rendered=3, digest="ab", notices=()))
FRAME = to_line(FrameReply(id=1, frame=5))


def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> BlenderWorker:
    """A worker whose process is a Python that runs ``code`` with the request in ``line``."""
    program = f"""
import json, os, sys, time
for line in sys.stdin:
    number = json.loads(line.partition(" ")[2])["id"]
    def out(text):
        print(text.replace('"id": 1', f'"id": {{number}}'))
    {code}
    sys.stdout.flush()
"""
    monkeypatch.setattr(blender_worker, "fast_command", lambda: [sys.executable, "-S", "-c", program])
    return BlenderWorker(logs=tmp_path / "logs", threads=3, without_blender=True)


def test_a_process_does_one_job_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are passed on; output that is no message is passed over; the process is kept."""
    code = f"print('noise'); out({FRAME!r}); out({DONE!r})"
    some = worker(tmp_path, monkeypatch, code)
    seen: list[int] = []
    first = some.run("a", REQUEST, timeout_s=20.0, on_frame=seen.append)
    process = some._process
    second = some.run("b", REQUEST, timeout_s=20.0)
    assert [(one.job, one.ok, one.digest, one.seconds, one.detail) for one in (first, second)] == [
        (name, True, "ab", 2.0, {"rendered": 3}) for name in "ab"]  # fmt: skip
    assert seen == [5]
    assert some._process is process
    assert some._count == 2
    some.close()
    assert process is not None
    assert process.poll() == 0
    assert some.run("c", REQUEST, timeout_s=20.0).message == "the run was stopped"


def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = worker(tmp_path, monkeypatch, "time.sleep(60)")
    began = time.monotonic()
    found = some.run("a", REQUEST, timeout_s=0.5)
    assert (found.ok, found.kind, found.message) == (False, "timeout", "it took longer than 0.5 s")
    assert 0.5 <= found.seconds < time.monotonic() - began + 0.1
    assert some._process is None


def test_a_process_that_dies_says_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "[print('word', n, file=sys.stderr) for n in range(30)]; sys.stderr.flush(); time.sleep(0.3); os._exit(3)"
    some = worker(tmp_path, monkeypatch, code)
    found = some.run("a", REQUEST, timeout_s=20.0)
    assert (found.ok, found.kind) == (False, "crash")
    assert found.message == "The fast engine ended with exit code 3 (word 27; word 28; word 29)"
    assert some._said == [f"word {n}" for n in range(10, 30)]
    again = worker(tmp_path, monkeypatch, "os.kill(os.getpid(), 9)").run("a", REQUEST, timeout_s=20.0)
    assert again.message.startswith("The fast engine was ended by signal 9")
    some.close()


def test_damaged_messages_are_bugs() -> None:
    reply = blender_worker._read(to_line(FrameReply(id=1, frame=5)).replace("FrameReply", "Other"))
    assert isinstance(reply, FailedReply)
    assert (reply.id, reply.kind) == (0, "bug")
    assert blender_worker._read(FAILED) == FailedReply(id=1, kind="input", message="No frames.")
    with pytest.raises(FormatError):
        blender_worker.from_line(FAILED[:-3])
