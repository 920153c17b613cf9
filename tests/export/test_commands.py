# SPDX-License-Identifier: Apache-2.0
"""``dancepose train`` and ``dancepose export`` as a user runs them."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer

pytest.importorskip("torch")
pytest.importorskip("onnx")

from dancepose.cli.commands import app
from dancepose.trainer.training_errors import CheckpointError
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import markers_for
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_regressor

SETTINGS = ("--set", "model.width=64", "--set", "data.procedural_poses=200", "--device", "cpu")


def dancepose(*arguments: str | Path) -> None:
    """The command in this process, as ``dancepose.cli.main.main`` runs it, which turns the error into a sentence."""
    app([str(argument) for argument in arguments], standalone_mode=False)


def test_train_resume_export_and_fit(
    tmp_path: Path, body: BodyModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = ("train", "--preset", "smoke", "--out", run, *SETTINGS, "--set", "optim.steps=4")
    monkeypatch.setattr("sys.argv", ["dancepose", *map(str, command)])
    dancepose(*command, "--limit-batches", "2")
    with pytest.raises(CheckpointError, match="--resume"):
        dancepose(*command)
    dancepose(*command, "--resume")
    assert json.loads((run / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])["step"] == 4

    further = ("train", "--preset", "smoke", "--start", run, "--out", tmp_path / "further", *SETTINGS)
    monkeypatch.setattr("sys.argv", ["dancepose", *map(str, further)])
    dancepose(*further, "--set", "optim.steps=1")
    dancepose("export", tmp_path / "further", "--out", tmp_path / "own.onnx")
    assert "md23: largest difference from torch" in capsys.readouterr().out
    card = (tmp_path / "own.md").read_text(encoding="utf-8")
    assert card.index("dancepose train --preset smoke --out run") < card.index("--start run --out further")
    assert str(tmp_path) not in card
    rest = markers_for(MD23).rest_points(body.rest_joints())
    points = (rest + np.random.default_rng(0).normal(scale=0.01, size=(5, 23, 3))).astype(np.float32)
    regressor = open_regressor(tmp_path / "own.onnx", device="numpy")
    result = fit(KeypointSequence(points, 25.0, MD23, source="points"), regressor=regressor, body=body)
    assert result.report["regressor"] == "md23-smoke"
    # Random points have gaps, and the report says so; of another body it has nothing to say.
    assert not any("another body" in notice for notice in result.report["notices"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "optim.step=3"), "unknown key optim.step; the nearest known one is optim.steps"),
        (("--preset", "papper"), "There is no preset 'papper'"),
        (("--preset", "paper"), "--motion"),
        (("--device", "tpu"), "'tpu' is not one of auto, cpu, cuda"),
        (("--preset", "paper", "--motion", "nowhere"), "nowhere does not exist"),
        (("--preset", "smoke", "--motion", "nowhere"), "nowhere does not exist"),
    ],
)
def test_mistakes_leave_nothing(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    out = tmp_path / "run"
    preset = () if "--preset" in arguments else ("--preset", "smoke")
    with pytest.raises((DancePoseError, typer.BadParameter), match=said):
        dancepose("train", "--out", out, *preset, *arguments, "--set", "data.procedural_poses=50")
    assert not out.exists()


def test_export_of_no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="dancepose train --out"):
        dancepose("export", tmp_path)
