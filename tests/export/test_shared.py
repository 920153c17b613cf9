# SPDX-License-Identifier: Apache-2.0
"""One file for several layouts: each of them against torch, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from dancepose.export.to_onnx import Truths, export_run
from dancepose.trainer.body.layout_batch import build_layout_batch
from dancepose.trainer.checkpoint import Checkpoint
from dancepose.trainer.config import load_config
from dancepose.trainer.evaluation.regressor_metrics import KnownClip
from dancepose.trainer.model.generator import build_generator, predict
from dancepose_addon.core.errors import RegressorError
from dancepose_addon.core.fit.normalise import normalise
from dancepose_addon.core.skeleton.layouts import COCO17, SMPL24, Layout
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose, markers_for
from dancepose_addon.inference import open_regressor
from dancepose_addon.inference.regressors import layouts_of
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
TABLES = [joint_markers(SMPL24), markers_for(COCO17)]
CONFIG = load_config("best", ("model.width=64", "data.layout=smpl24+coco17"))
POSE = random_pose(5, 40)


@pytest.fixture(scope="module")
def run() -> Checkpoint:
    """Random weights, whose batch normalisation has seen something."""
    torch.manual_seed(0)
    layout_batch = build_layout_batch(BODY, TABLES, torch.eye(3).repeat(1, 24, 1, 1))
    generator = build_generator(CONFIG, layout_batch)
    generator.decoder.weight.data *= 3.0
    for _ in range(10):
        predict(
            generator,
            0.4 * torch.randn(64, 24, 3) * layout_batch.by_sample(layout_batch.mask, 64)[..., None],
            layout_batch,
            CONFIG.model,
        )
    body = {"name": BODY.name, "fingerprint": BODY.fingerprint}
    tables = [table.to_json() for table in TABLES]
    return Checkpoint(
        CONFIG, 1, generator.state_dict(), None, {}, {}, tables, body, {"natural_poses": 0, "natural_source": ""}
    )


@pytest.fixture(scope="module")
def file(run: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shared") / "both.onnx"
    return export_run(run, BODY, out, truths=Truths(known=(KnownClip("made", POSE),))).model


def points_in(layout: Layout) -> np.ndarray:
    return keypoints_from_pose(markers_for(layout), BODY.rest_joints(), POSE)


@pytest.mark.parametrize("layout", [SMPL24, COCO17])
@pytest.mark.parametrize("device", ["cpu", "numpy"])
def test_each_layout_gives_what_the_network_gives(run: Checkpoint, file: Path, layout: Layout, device: str) -> None:
    """Against the generator in training's own form: a batch in which every layout has its group."""
    layout_batch = build_layout_batch(BODY, TABLES, torch.eye(3).repeat(1, 24, 1, 1))
    generator = build_generator(CONFIG, layout_batch).eval()
    generator.load_state_dict(run.generator)
    groups = []
    for row, table in enumerate(TABLES):
        seen, _ = normalise(
            points_in(table.layout), table.layout, kind="size", size_factor=float(layout_batch.size_factor[row])
        )
        groups.append(layout_batch.pad(torch.from_numpy(seen)))
    with torch.no_grad():
        together = predict(generator, torch.cat(groups), layout_batch, CONFIG.model).local_rotmat
    row = [table.layout for table in TABLES].index(layout)
    expected = together[len(POSE) * row : len(POSE) * (row + 1)].numpy()
    regressor = open_regressor(file, layout=layout.name, device=device)
    assert regressor.info.layout == layout
    found = regressor(points_in(layout))
    assert np.abs(expected - np.eye(3)).mean() > 0.1
    assert np.abs(found - expected).max() < 0.05
    assert np.abs(found - expected).mean() < 1e-3


def test_what_the_file_says_of_itself(file: Path) -> None:
    assert layouts_of(file) == ("smpl24", "coco17")
    info = open_regressor(file, layout="coco17", device="numpy").info
    assert info.input_count == 24
    assert info.selector is not None
    assert info.selector.tolist() == [[0.0, 1.0]]
    again = type(info).from_json(info.to_json(), "again", "coco17")
    assert again.to_json() == info.to_json()
    with pytest.raises(RegressorError, match="reads layout smpl24, coco17, not md23"):
        open_regressor(file, layout="md23")
    with pytest.raises(RegressorError, match=r"\(frames, 17, 3\)"):
        open_regressor(file, layout="coco17")(points_in(SMPL24))


def test_every_layout_has_its_card_and_its_errors(file: Path) -> None:
    for name in ("smpl24", "coco17"):
        card = file.with_name(f"{name}.md").read_text(encoding="utf-8")
        assert f"layout {name}" in card
        assert "not trained on" in card
        assert "| made | 40 |" in card


def test_shipped_layout_is_found_in_the_shared_file(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "shared.onnx").write_bytes(file.read_bytes())
    monkeypatch.setattr("dancepose_addon.inference.regressors.REGRESSOR_FOLDER", tmp_path)
    assert open_regressor(None, layout="coco17", device="numpy").info.layout == COCO17
    with pytest.raises(RegressorError, match=r"No regressor for layout md23 is shipped \(there are: coco17, smpl24\)"):
        open_regressor(None, layout="md23")
