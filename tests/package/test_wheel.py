# SPDX-License-Identifier: Apache-2.0
"""The wheel, installed into a fresh environment and used far from any checkout."""

from collections.abc import Callable
import os
from pathlib import Path
import subprocess
import sys
import zipfile

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
HOSTILE = 'raise RuntimeError("a file of the user was imported instead of DancePose")\n'
STUDY = """
name = "packaged"
[[system]]
name = "rotations"
files = "rotations"
[[system]]
name = "points"
files = "points"
[[song]]
name = "s1"
[picture]
size = [32, 32]
fps = 5
engine = "workbench"
[time]
length_s = 0.6
[output]
compare = ["row"]
sheets = false
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-q", "-w", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user works: files beside it are named as parts of DancePose."""
    folder = tmp_path_factory.mktemp("work")
    for name in ("cli", "trainer", "study", "raster", "export", "plots", "core", "headless"):
        (folder / f"{name}.py").write_text(HOSTILE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dancepose(wheel: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``dancepose(*arguments)``: the installed command, in that folder."""
    environment = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=300)
    install = [sys.executable, "-m", "pip", "--python", environment, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(list(map(str, install)), check=True, timeout=300)
    (site,) = environment.glob("lib/python*/site-packages")
    # Heavy dependencies come from this environment; its own .pth files, an editable DancePose among them, are not read.
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(others) + "\n", encoding="utf-8")
    cleaned = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*arguments: str | Path, program: str = "dancepose") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [environment / "bin" / program, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=900,
            cwd=folder,
            env={**cleaned, "PYTHONPATH": str(folder)},
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def succeed(done: subprocess.CompletedProcess[str], *files: Path) -> str:
    """The output of a command that succeeded and wrote these files."""
    assert done.returncode == 0, done.stdout + done.stderr
    for file in files:
        assert file.stat().st_size > 0, file
    return done.stdout


@pytest.mark.slow
def test_the_wheel_has_two_top_level_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"dancepose", "dancepose_addon"}
    assert not [name for name in names if name.endswith(".pyc") or "/tests/" in name]


@pytest.mark.slow
def test_the_code_comes_from_the_wheel(dancepose: Run) -> None:
    shown = "import dancepose, dancepose_addon, dancepose.cli.commands as c; print(dancepose.__file__, c.__file__)"
    for path in succeed(dancepose("-c", shown, program="python")).split():
        assert "environment" in path, path
    assert "dancepose" in succeed(dancepose("--version"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_motions_are_inspected_fitted_converted_and_compared(dancepose: Run, folder: Path) -> None:
    find = "from dancepose_addon.core.io.example import example_folder; print(example_folder())"
    waltz = succeed(dancepose("-c", find, program="python")).strip()
    assert "environment" in waltz
    before = set(folder.iterdir())
    assert "md23" in succeed(dancepose("inspect", waltz))
    assert set(folder.iterdir()) == before
    motion, report = folder / "motion.npz", folder / "report.json"
    succeed(dancepose("fit", waltz, "--frames", "0:40", "--out", motion, "--report", report), motion, report)
    for name in ("dance.bvh", "dance.pkl", "points.csv", "again.npz"):
        succeed(dancepose("convert", motion, folder / name), folder / name)
    assert "MPJPE" in succeed(dancepose("compare", motion, folder / "again.npz"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_blender_renders_exports_and_checks(dancepose: Run, folder: Path) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    motion = folder / "rendered.npz"
    waltz = "from dancepose_addon.core.io.example import example_folder; print(example_folder())"
    source = succeed(dancepose("-c", waltz, program="python")).strip()
    small = ("--engine", "workbench", "--size", "32x32")
    out = folder / "dance.mp4"
    succeed(dancepose("render", source, "--frames", "0:4", "--out", out, "--motion", motion, *small), out, motion)
    succeed(dancepose("convert", motion, folder / "dance.fbx"), folder / "dance.fbx")
    assert (folder / "dance.fbx").read_bytes().startswith(b"Kaydara FBX Binary")
    checked = dancepose("doctor")
    assert "onnxruntime" in checked.stdout
    assert "Blender" in checked.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_runs(dancepose: Run, folder: Path) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    out = folder / "demo"
    names = ("dance.mp4", "sheet.png", "motion.npz", "dance.blend", "report.json", "still.png")
    files = [out / name for name in names]
    succeed(dancepose("demo", "--out", out, "--size", "32x32"), *files)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_study_of_rotations_and_points_runs(dancepose: Run, folder: Path) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    pytest.importorskip("imageio_ffmpeg", reason="studies need ffmpeg")
    find = "from dancepose_addon.core.io.example import example_folder; print(example_folder())"
    waltz = succeed(dancepose("-c", find, program="python")).strip()
    root = folder / "comparison"
    for name in ("rotations", "points"):
        (root / name).mkdir(parents=True)
    succeed(dancepose("fit", waltz, "--frames", "0:25", "--out", root / "rotations" / "s1.npz"))
    points = root / "points" / "s1.npz"
    succeed(dancepose("convert", waltz, points, "--frames", "0:25", "--to", "points"), points)
    drafted = root / "drafted.toml"
    succeed(dancepose("study", "init", root / "rotations", root / "points", "--out", drafted), drafted)
    file = root / "study.toml"
    file.write_text(STUDY, encoding="utf-8")
    succeed(dancepose("study", "check", file))
    succeed(dancepose("study", "run", file, "--workers", "1"))
    videos = [path for path in root.rglob("*.mp4") if path.stat().st_size > 0]
    assert len([path for path in videos if "comparisons" not in path.parts]) >= 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_regressor_is_trained_and_exported(dancepose: Run, folder: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("onnx")
    run, out = folder / "run", folder / "md23.onnx"
    quick = ("--set", "optim.steps=4", "--set", "model.width=64", "--set", "data.procedural_poses=200")
    done = dancepose("train", "--preset", "smoke", "--out", run, "--device", "cpu", "--threads", "1", *quick)
    succeed(done, run / "command.json")
    assert "%" in done.stderr, "training printed no progress although it was piped"
    succeed(dancepose("export", run, "--out", out), out)
    points = np.random.default_rng(0).normal(0.0, 0.3, (8, 23, 3)).astype(np.float32)
    script = (
        "import sys, numpy, pathlib, dancepose\n"
        "regressor = dancepose.open_regressor(pathlib.Path(sys.argv[1]), layout='md23', device='numpy')\n"
        "print(regressor(numpy.load(sys.argv[2])).shape)\n"
    )
    np.save(folder / "points.npy", points)
    shown = succeed(dancepose("-c", script, out, folder / "points.npy", program="python"))
    assert "(8, 24, 3, 3)" in shown
