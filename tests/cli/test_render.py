# SPDX-License-Identifier: Apache-2.0
"""``dancepose render`` offers what ``render.py`` offers."""

import os
from pathlib import Path
import re

import numpy as np
import pytest

from dancepose.cli.render import written_motions
from tests.conftest import RunPython

from .conftest import Dancepose

BETWEEN_PROGRAMS = {"--still", "--at", "--progress", "--help", "--export"}
OF_THE_COMMAND_LINE = {"--blender", "--help", "--audio", "--skeleton", "--labels"}
"""What only the command line, or only the fast engine, has."""


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.sub(r"\x1b\[[0-9;]*m", "", text)))


def test_every_option_of_the_launcher_can_be_given(
    dancepose: Dancepose, run_bpy: RunPython, root: Path, monkeypatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    launcher = run_bpy(root / "render.py", "--help", timeout=60)
    assert launcher.returncode == 0, launcher.stderr
    shown = dancepose("render", "--help")
    assert shown.code == 0
    usage = launcher.stdout[launcher.stdout.index("usage:") :]
    assert options_in(usage) - BETWEEN_PROGRAMS == options_in(shown.out) - OF_THE_COMMAND_LINE


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--still", "a.png", "--no-audio", "--keep-frames"], "--keep-frames and --no-audio would have no effect"),
        (["--still", "a.png", "--sheet", "b.png"], "--sheet would have no effect with --still; omit it"),
        (["--export", "a.fbx", "--size", "64x64"], "--size would have no effect with --export"),
        (["--export", "a.fbx", "--camera", "follow", "--floor", "none"], "--floor and --camera would have no effect"),
        (["--export", "a.bvh"], "--export"),
        (["--out", "a.mp4", "--at", "1"], "--at chooses the time of --still"),
        (["--out", "a.mp4", "--frame", "0:2"], "unrecognized arguments"),
    ],
)
def test_the_launcher_refuses_options_without_effect(
    run_bpy: RunPython, root: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    done = run_bpy(root / "render.py", root / "examples" / "waltz", *options, timeout=60, cwd=tmp_path)
    assert done.returncode == (1 if options[1] == "a.bvh" else 2), done.stderr
    assert said in done.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "fast", "--blend", "a.blend"], "--blend needs Blender"),
        (["--engine", "cycles", "--skeleton", "over"], "--skeleton needs the fast engine"),
        (["--engine", "fast", "--size", "9x9"], "not possible"),
        (["--skeleton", "under"], "not one of none, over, beside"),
        (["--labels", "a,b"], "2 names for 1 source. Give one for each"),
        (["--floor", "carpet"], "not one of tiles, plain, none"),
        (["--engine", "workbench", "--skeleton", "over"], "--skeleton needs the fast engine"),
        (["--colours", "top=red"], "not a colour"),
    ],
)
def test_what_an_engine_cannot_draw_is_refused(
    dancepose: Dancepose, tmp_path: Path, options: list[str], said: str
) -> None:
    source = tmp_path / "motion.npz"
    source.write_bytes(b"")
    done = dancepose("render", str(source), "--out", str(tmp_path / "z.mp4"), *options)
    text = re.sub(r"[^a-zA-Z0-9,.'-]+", " ", done.err)
    assert done.code in (1, 2)
    assert said in text
    assert not (tmp_path / "z.mp4").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("render", "a.npz", "b.npz", "--engine", "fast", "--out", "z.mp4", "--motion", "m.npz"),
         "--motion describes one"),
        (("figure", "a.npz", "--out", "z.png", "--at", "1", "--poses", "3"), "--at and --poses"),
        (("figure", "a.npz", "--out", "z.png", "--in-place", "--spacing", "2"), "--spacing has no effect"),
        (("render", "a.npz", "--out", "z.mp4", "--look", "plain", "--colours", "top=ff0000"), "--look plain does not"),
        (("render", "a.npz", "--out", "z.mp4", "--floor", "none", "--backdrop", "ff0000"), "--floor none leaves out"),
        (("render", "a.npz", "--out", "z.gif", "--audio"), "A GIF has no sound"),
        (("render", "a.npz", "--out", "z.mp4", "--character", "b.npz", "--look", "plain"), "--look has no effect"),
        (("render", "a.npz", "--out", "z.mp4", "--engine", "cycles", "--character-map", "m.toml"), "without --char"),
        (("convert", "a.npz", "z.bvh", "--character-map", "m.toml"), "without --character"),
        (("calibrate", "a.npz", "--guess", "--out", "z.toml", "--layout", "md23"), "--layout has no effect"),
        (("calibrate", "a.npz", "--guess", "--out", "z.toml", "--start", "b.json"), "--start has no effect"),
        (("calibrate", "a.npz", "--start", "b.json", "--plot", "z.png"), "--plot has no effect with --start"),
        (("calibrate", "a.npz", "--read", "unit=m"), "--read has no effect without --guess"),
        (("figure", "a.npz", "--out", "z.png", "--backdrop", "ff0000"), "--backdrop has no effect with --transparent"),
        (("figure", "a.npz", "--out", "z.png", "--camera", "follow"), "--camera has no effect"),
    ],
)  # fmt: skip
def test_options_that_exclude_each_other_are_usage_errors(
    dancepose: Dancepose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.npz", "b.npz"):
        Path(name).write_bytes(b"")
    done = dancepose(*arguments)
    assert (done.code, said in done.err) == (2, True), done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_the_motions_of_several_persons_are_listed(tmp_path: Path) -> None:
    """Those of an earlier command with more persons are not."""
    files = [tmp_path / f"duo-{number}.npz" for number in (1, 2, 3)]
    for file, age_s in zip(files, (0.0, 0.5, 60.0), strict=True):
        file.touch()
        os.utime(file, (1e9 - age_s, 1e9 - age_s))
    assert written_motions(tmp_path / "duo.npz", 1e9) == files[:2]
    assert written_motions(tmp_path / "solo.npz", 1e9) == []
    assert written_motions(None, 1e9) == []


def test_motions_of_different_lengths_are_reported(dancepose: Dancepose, tmp_path: Path) -> None:
    pytest.importorskip("moderngl")
    for name, frames in (("a", 12), ("b", 20)):
        poses = np.zeros((frames, 72))
        np.savez(tmp_path / f"{name}.npz", poses=poses, trans=np.zeros((frames, 3)), mocap_framerate=20.0)
    files = (tmp_path / "a.npz", tmp_path / "b.npz")
    done = dancepose("render", *files, "--engine", "fast", "--size", "32x32", "--out", tmp_path / "two.mp4")
    if "found no OpenGL" in done.err:
        pytest.skip(done.err)
    assert done.code == 0, done.err
    assert "The motions last 0.60 to 1.00 s; the film ends with the shortest one." in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "--out=w.npz", "--body-from=./w.npz"),
        ("fit", "--out=a.npz", "--report=s.json", "--style=s.json"),
        ("render", "--engine=fast", "--out=a.mp4", "--motion=w.npz", "--body-from=w.npz"),
        ("render", "--engine=workbench", "--out=a.mp4", "--motion=w.npz", "--body-from=w.npz"),
        ("render", "--engine=fast", "--out=a.mp4", "--report=s.json", "--style=s.json"),
        ("convert", "w.npz", "--body-from=w.npz"),
    ],
    ids=" ".join,
)
def test_files_that_settings_name_are_not_replaced(
    dancepose: Dancepose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.npz").write_bytes(b"a motion")
    Path("s.json").write_bytes(b"a style")
    verb, *options = arguments
    done = dancepose(verb, root / "examples" / "waltz", *options)
    assert (done.code, "which is never overwritten" in done.err) == (1, True), done.err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"w.npz": b"a motion", "s.json": b"a style"}
