# SPDX-License-Identifier: Apache-2.0
"""The GPU script on a machine without a GPU."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu


def test_each_part_says_in_a_sentence_why_it_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if list(Path("/dev").glob("nvidia[0-9]*")) or list(Path("/dev").glob("dri/*")):
        pytest.skip("this machine has a graphics device")
    out = tmp_path / "gpu.json"
    monkeypatch.setattr("sys.argv", ["gpu", "--out", str(out)])
    assert gpu.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["regressor", "training", "cycles", "eevee"]
    assert all(": does not run: " in line and line.endswith(".") for line in lines)
    assert all(set(values) == {"unavailable"} for values in json.loads(out.read_text(encoding="utf-8")).values())


def test_a_part_that_breaks_off_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_options: gpu.Options) -> gpu.Result:
        raise ZeroDivisionError

    def wrong(_options: gpu.Options) -> gpu.Result:
        return gpu.Result("far off.", {"difference": 1.0}, passed=False)

    monkeypatch.setattr(gpu, "PARTS", {"first": broken, "second": wrong, "third": lambda _: gpu.Result("fine.")})
    monkeypatch.setattr("sys.argv", ["gpu"])
    assert gpu.main() == 1
    said = capsys.readouterr().out
    assert "first: failed with an exception" in said
    assert "ZeroDivisionError" in said
    assert "second: OUT OF TOLERANCE: far off." in said
    assert "third: fine." in said


def test_blender_that_does_not_start_or_fails(tmp_path: Path) -> None:
    with pytest.raises(gpu.UnavailableError, match="could not be started"):
        gpu.run_blender("", [], gpu.Options(tmp_path / "blender"))
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no driver >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    with pytest.raises(gpu.UnavailableError, match=r"ended with code 3 \(no driver\)"):
        gpu.run_blender("", [], gpu.Options(broken))
    works = tmp_path / "works"
    works.write_text('#!/bin/sh\necho chatter\necho \'@probe {"device": "OPTIX"}\'\n', encoding="utf-8")
    works.chmod(0o755)
    found, seconds = gpu.run_blender("", ["CYCLES"], gpu.Options(works))
    assert found == {"device": "OPTIX"}
    assert seconds > 0.0


def test_training_step_in_bfloat16_agrees_with_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, which computes both: what the script compares on CUDA is the same function of the same batch."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(
        gpu, "SETTINGS", (*gpu.SETTINGS, "model.width=64", "optim.batch=60", "data.procedural_poses=60")
    )
    monkeypatch.setattr(gpu, "ROUNDS", 1)
    (loss, gradient), ms = gpu.training_step("cpu", bf16=False)
    (again, same), _ = gpu.training_step("cpu", bf16=False)
    assert (loss, ms > 0.0) == (again, True)
    assert torch.equal(gradient, same)
    (rounded, other), _ = gpu.training_step("cpu", bf16=True)
    assert rounded == pytest.approx(loss, rel=0.01)
    assert not torch.equal(gradient, other)
    assert float(torch.nn.functional.cosine_similarity(gradient, other, dim=0)) > gpu.BF16_COSINE


def test_made_up_clip_is_the_same_every_time() -> None:
    pytest.importorskip("torch")
    first = gpu.made_up_clip()
    assert first.shape == (gpu.FRAMES, 23, 3)
    assert np.array_equal(first, gpu.made_up_clip())
