# SPDX-License-Identifier: Apache-2.0
"""The written file against torch, and what the graph does to a clip that is moved, turned or scaled."""

from dataclasses import replace
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from dancepose.export.exported_files import require_exported_files
from dancepose.export.folding import fold
from dancepose.export.to_onnx import Truths, export_run
from dancepose.export.verification import TorchRegressor, verify
from dancepose.trainer.body.layout_batch import build_layout_batch, feature_count
from dancepose.trainer.checkpoint import Checkpoint
from dancepose.trainer.config import Config, load_config
from dancepose.trainer.model.generator import SmplRegressor, predict
from dancepose.trainer.training_errors import CheckpointError
from dancepose_addon.core.errors import RegressorError
from dancepose_addon.core.fit.normalise import normalise, size_factor
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_regressor
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
MARKERS = joint_markers(MD23)
PACK = build_layout_batch(BODY, [MARKERS], torch.eye(3).repeat(1, 24, 1, 1))


def clip(frames: int = 700) -> KeypointSequence:
    points = keypoints_from_pose(MARKERS, BODY.rest_joints(), random_pose(5, frames))
    place = np.random.default_rng(6).normal(size=(frames, 1, 3))
    return KeypointSequence((points + place).astype(np.float32), 25.0, MD23, source="made")


def checkpoint(preset: str, *overrides: str) -> Checkpoint:
    """A run whose weights are random, but whose batch normalisation has seen something."""
    config: Config = load_config(preset, ("model.width=96", *overrides))
    torch.manual_seed(0)
    count = feature_count(MD23, config.model.features)
    generator = SmplRegressor(config.model, count)
    generator.decoder.weight.data *= 1.5
    for _ in range(20):
        generator(0.4 * torch.randn(64, count, 3))
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
    body = {"name": BODY.name, "fingerprint": BODY.fingerprint}
    summary = {"natural_poses": 0, "natural_source": "none"}
    return Checkpoint(config, 1, generator.state_dict(), None, {}, {}, [MARKERS.to_json()], body, summary)


PRESETS = {
    "paper": ("paper",),
    "best": ("best", "data.layout=md23"),
    "size without facing": ("smoke", "model.facing=false"),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    paths = {}
    for name, settings in PRESETS.items():
        path = folder / f"{name.replace(' ', '_')}.onnx"
        paths[name] = export_run(checkpoint(*settings), BODY, path, truths=Truths((clip(),))).model
    return paths


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("device", ["cpu", "numpy"])
def test_file_agrees_with_the_network_before_folding_and_rounding(
    exported: dict[str, Path], preset: str, device: str
) -> None:
    """Against the generator as it was trained, whose weights are float32: only their rounding is between the two."""
    saved, points = checkpoint(*PRESETS[preset]), clip().keypoints_m
    generator = SmplRegressor(saved.config.model, feature_count(MD23, saved.config.model.features)).eval()
    generator.load_state_dict(saved.generator)
    factor = size_factor(MARKERS.rest_points(BODY.rest_joints()), MD23)
    normalised, _ = normalise(points, MD23, kind=saved.config.data.normalise, size_factor=factor)
    with torch.no_grad():
        expected = predict(generator, torch.from_numpy(normalised), PACK, saved.config.model).local_rotmat.numpy()
    result = open_regressor(exported[preset], device=device)(points)
    assert np.abs(expected - np.eye(3)).mean() > 0.1  # random weights turn joints: there is something to compare
    assert np.abs(result - expected).max() < 0.02
    assert np.abs(result - expected).mean() < 5e-4
    assert np.allclose(np.linalg.det(result), 1.0, atol=1e-4)


@pytest.mark.parametrize("preset", PRESETS)
def test_devices_agree(exported: dict[str, Path], preset: str) -> None:
    points = clip().keypoints_m
    results = [open_regressor(exported[preset], device=device)(points) for device in ("auto", "cpu", "numpy")]
    assert max(np.abs(result - results[0]).max() for result in results) < 1e-4


def turned(points: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    return points @ turn.T, turn


@pytest.mark.parametrize("preset", ["paper", "best"])
def test_place_and_size_of_the_dancer_do_not_matter(exported: dict[str, Path], preset: str) -> None:
    regressor: PoseRegressor = open_regressor(exported[preset])
    points = clip().keypoints_m
    moved = 1.7 * points + np.array([3.0, -1.0, 2.0], np.float32)
    assert np.abs(regressor(moved) - regressor(points)).max() < 1e-3


def test_turning_the_dancer_turns_the_root_alone(exported: dict[str, Path]) -> None:
    regressor, points = open_regressor(exported["best"]), clip().keypoints_m
    before = regressor(points)
    for degrees in (37.0, 180.0, -90.0):
        rotated, turn = turned(points, degrees)
        after = regressor(rotated)
        assert np.abs(after[:, 1:] - before[:, 1:]).max() < 1e-3
        assert np.abs(after[:, 0] - turn @ before[:, 0]).max() < 1e-3


def test_scale_is_the_clips_not_the_frames(exported: dict[str, Path]) -> None:
    """A frame alone is seen in its own size; within a clip in the clip's."""
    regressor, points = open_regressor(exported["paper"]), clip().keypoints_m
    assert np.abs(regressor(points[:1]) - regressor(points)[:1]).max() > 1e-3


def test_report_and_card_say_what_was_measured(tmp_path: Path) -> None:
    result = export_run(
        checkpoint("best", "data.layout=md23"),
        BODY,
        tmp_path / "x.onnx",
        truths=Truths((clip(50),)),
        command="dancepose train ...",
    )
    assert json.loads(result.report_path.read_text(encoding="utf-8")) == result.report
    require_exported_files(result.model, ["md23"])  # so that they can be written again
    worst = result.report["layouts"]["md23"]["verification"]["max_abs_difference"]["from_torch_stored_weights"]
    assert 0.0 < worst["NumPy"] < 1e-4
    assert result.report["bytes"] == result.model.stat().st_size
    card, errors = result.cards[0].read_text(encoding="utf-8"), result.report["layouts"]["md23"]["recorded"]
    assert f"**{errors['mean_mm']} mm**" in card
    assert "dancepose train ..." in card
    assert f"frame {errors['by_clip']['made']['worst_frame']}, " in card
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.md", "x.onnx"]


def test_file_that_differs_from_torch_is_not_kept(tmp_path: Path, exported: dict[str, Path]) -> None:
    saved = checkpoint("best", "data.layout=md23")
    generator = SmplRegressor(saved.config.model, feature_count(MD23, saved.config.model.features))
    generator.load_state_dict(saved.generator)
    torch.nn.init.normal_(generator.decoder.bias)
    other = TorchRegressor(fold(generator.eval()), PACK, saved.config.model, "size")
    with pytest.raises(RegressorError, match="differs from torch by"):
        verify(exported["best"], [clip(20)], other, other)


def test_run_of_another_body_is_refused(tmp_path: Path) -> None:
    saved = replace(checkpoint("best", "data.layout=md23"), body={"name": "somebody", "fingerprint": "f" * 16})
    with pytest.raises(CheckpointError, match="trained on the body somebody"):
        export_run(saved, BODY, tmp_path / "x.onnx", truths=Truths())
    assert not list(tmp_path.iterdir())


def test_real_clip(exported: dict[str, Path], data_folder: Path) -> None:
    sequence = read(data_folder / "md" / "DANCE_W_1")
    results = [open_regressor(exported["best"], device=device)(sequence.keypoints_m) for device in ("cpu", "numpy")]
    assert results[0].shape == (len(sequence), 24, 3, 3)
    assert np.abs(results[0] - results[1]).max() < 1e-4
