# SPDX-License-Identifier: Apache-2.0
"""Every example runs as a user runs it, and writes what it promises."""

import csv
import json
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from dancepose_addon.core.body.motion import BodyMotion

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
RESULTS = {
    "fit_array.py": ("motion.npz",),
    "compare_systems.py": ("a.npz", "b.npz"),
    "own_layout.py": ("studio.toml", "studio-motion.npz"),
    "own_reader.py": ("waltz.npz",),
    "batch_folder.py": ("clip0.npz", "clip50.npz", "clip100.npz", "errors.csv"),
    "aist_to_video.py": ("gWA_example.pkl", "dance.mp4"),
}


def run_example(name: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, folder], capture_output=True, text=True, timeout=600, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(RESULTS)
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*RESULTS, "notebook.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(RESULTS) - {"aist_to_video.py"}))
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    run_example(name, tmp_path)
    for result in RESULTS[name]:
        assert (tmp_path / result).stat().st_size > 0
        if result.endswith(".npz"):
            motion = BodyMotion.load(tmp_path / result)
            assert len(motion) >= 50
            assert np.isfinite(motion.translation_m).all()


@pytest.mark.slow
def test_the_batch_skips_what_is_damaged(tmp_path: Path) -> None:
    assert "damaged.npy" in run_example("batch_folder.py", tmp_path)
    with (tmp_path / "errors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["clip0.npy", "clip100.npy", "clip50.npy"]
    # The waltz has 4 mm of noise, of mean length 6.4 mm: a body that is fitted to it stays below that.
    assert all(float(row["error_mm"]) < 6.4 for row in rows)


@pytest.mark.slow
def test_rotations_become_a_video(tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    # 60 frames at 25 fps span 2.36 s; at 60 fps frames 0 to 141 lie inside (141 / 60 = 2.35).
    assert "142 frames at 60 fps" in run_example("aist_to_video.py", tmp_path)
    assert (tmp_path / "dance.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "notebook", "exec"), names)
    assert names["joints_m"].shape == (75, 24, 3)  # type: ignore[attr-defined]
