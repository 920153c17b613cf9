# SPDX-License-Identifier: Apache-2.0
"""What is written for TensorBoard, value by value and line by line, without TensorBoard."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from dancepose.trainer import tensorboard_log
from dancepose.trainer.evaluation.evaluation_report import write_evaluation
from dancepose.trainer.evaluation.regressor_metrics import ClipErrors
from dancepose.trainer.tensorboard_log import TensorBoardLog, draw_body
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.skeleton.layouts import COCO17, SMPL24


class Writer:
    """Keeps scalars and figures."""

    def __init__(self) -> None:
        self.scalars: dict[tuple[str, int], float] = {}
        self.figures: list[tuple[str, Any, int]] = []
        self.closed = False

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars[name, step] = value

    def add_figure(self, name: str, figure: Any, step: int) -> None:
        self.figures.append((name, figure, step))

    def close(self) -> None:
        self.closed = True


def board(body: BodyModel) -> TensorBoardLog:
    made = TensorBoardLog.__new__(TensorBoardLog)
    layouts = (SMPL24, COCO17)
    made._writer, made._body = Writer(), body
    made._pack = SimpleNamespace(layouts=layouts, groups=lambda values: values.reshape(2, -1, *values.shape[1:]))
    return made


def test_losses_but_not_the_step(body: BodyModel) -> None:
    made = board(body)
    made.losses({"step": 7, "l_3d": 0.5, "error_mm": 20.0})
    assert made._writer.scalars == {("losses/l_3d", 7): 0.5, ("losses/error_mm", 7): 20.0}
    made.close()
    assert made._writer.closed


def test_points_are_means_in_millimetres_without_padding(body: BodyModel) -> None:
    made = board(body)
    distance = torch.zeros(4, 24)
    distance[:2] = torch.tensor([0.001, 0.003])[:, None]
    distance[2:] = 0.001 * torch.arange(24)
    made.points(3, distance)
    scalars = made._writer.scalars
    assert len(scalars) == 24 + 17
    assert scalars["points_mm/smpl24/pelvis", 3] == pytest.approx(2.0)
    assert scalars[f"points_mm/coco17/{COCO17.keypoints[16]}", 3] == pytest.approx(16.0)


def test_the_first_frame_of_each_layout_is_drawn(body: BodyModel) -> None:
    made = board(body)
    seen, posed = torch.zeros(6, 24, 3), torch.zeros(6, 24, 3)
    seen[0, :, 0], seen[3, :, 0], posed[0, :, 1], posed[3, :, 1] = 1.0, 3.0, 10.0, 13.0
    made.picture(9, seen, posed, torch.eye(3).expand(6, 24, 3, 3))
    ((name, figure, step),) = made._writer.figures
    assert (name, step) == ("pictures/first frames", 9)
    assert figure.get_size_inches().tolist() == [6.0, 6.0]
    points, bodies = figure.axes[:2], figure.axes[2:]
    assert [axes.get_title() for axes in points] == ["smpl24", "coco17"]
    for axes, layout, across, up in ((points[0], SMPL24, 1.0, 10.0), (points[1], COCO17, 3.0, 13.0)):
        assert len(axes.lines) == 2 * len(layout.edges)
        assert {tuple(line.get_xdata().tolist()) for line in axes.lines} == {(across, across), (0.0, 0.0)}
        assert {tuple(line.get_ydata().tolist()) for line in axes.lines} == {(0.0, 0.0), (up, up)}
        assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0
    assert [len(axes.collections) for axes in bodies] == [1, 1]


def test_a_body_is_drawn_from_the_front_and_from_back_to_front(body: BodyModel) -> None:
    """Two triangles face the viewer, the nearer one last; a third faces away. Light falls from the viewer."""
    from matplotlib.figure import Figure

    vertices = np.float32([[0, 0, 2], [1, 0, 2], [0, 1, 2], [0, 0, 1], [2, 0, 1], [0, 3, 1], [0, 0, 0], [1, 0, -1.0]])
    shape = SimpleNamespace(faces=np.array([[0, 1, 2], [3, 4, 5], [0, 2, 1], [3, 7, 5]]))
    axes = Figure().subplots()
    draw_body(axes, vertices, shape)
    (drawn,) = axes.collections
    triangles = [path.vertices[:3].tolist() for path in drawn.get_paths()]
    assert triangles == [
        [[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]], [[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]],
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
    ]  # fmt: skip
    shade = drawn.get_facecolor()[:, 0]
    # The first one leans: its normal is (2, 0, 1) / sqrt(5).
    np.testing.assert_allclose(shade, [0.4 + 0.55 / np.sqrt(5.0), 0.95, 0.95], rtol=1e-5)
    assert (axes.get_xlim(), axes.get_ylim()) == ((0.0, 2.0), (0.0, 3.0))


def test_without_tensorboard_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: BodyModel) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(tensorboard_log.ConfigError, match=r"log\.jsonl contains the losses too"):
        TensorBoardLog(tmp_path, SimpleNamespace(), body)


def test_an_evaluation_is_written_into_new_folders_and_over_an_old_one(tmp_path: Path) -> None:
    target = np.zeros((2, 24, 3), np.float32)
    target[:, list(SMPL24.left), 0] = 0.5
    errors = [ClipErrors("a", 1.0, np.full((2, 24), 0.01, np.float32), np.zeros(2, bool), target + 0.01, target)]
    folder = tmp_path / "new" / "deeper"
    for value in (1, 2):
        write_evaluation(errors, {"some": value}, SMPL24, folder, "recorded")
        assert json.loads((folder / "recorded.json").read_text()) == {"some": value}
