"""What TensorBoard shows of a run: losses, errors point by point, and pictures of skeletons and bodies."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import BodyModel, skin

from .body.layout_batch import LayoutBatch
from .evaluation.evaluation_plot import make_figure
from .training_errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class TensorBoardLog:
    """Writes event files into a folder.

    Raises:
        ConfigError: the tensorboard package is not installed.
    """

    def __init__(self, folder: Path, layout_batch: LayoutBatch, body: BodyModel) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "--tensorboard needs the tensorboard package. Install it (pip install 'dancepose[tensorboard]'), or "
                "leave the option out: log.jsonl holds the losses too."
            ) from error
        self._writer = SummaryWriter(str(folder))
        self._pack = layout_batch
        self._body = body

    def losses(self, record: dict[str, Any]) -> None:
        """One line of the log."""
        for name, value in record.items():
            if name != "step":
                self._writer.add_scalar(f"losses/{name}", value, record["step"])

    def points(self, step: int, distance_m: Tensor) -> None:
        """Mean error of every point of every layout. distance_m: (B, P), metres of the mean body."""
        by_point = 1000.0 * self._pack.groups(distance_m).mean(1)
        for layout, row in zip(self._pack.layouts, by_point.tolist(), strict=True):
            for name, value in zip(layout.keypoints, row, strict=False):
                self._writer.add_scalar(f"points_mm/{layout.name}/{name}", value, step)

    def picture(self, step: int, seen: Tensor, posed: Tensor, local_rotmat: Tensor) -> None:
        """The first frame of the batch in each layout: points that were seen, the points of the answer, and its body.

        seen, posed: (B, P, 3); local_rotmat: (B, 24, 3, 3).
        """
        count, layouts = len(seen), self._pack.layouts
        figure = make_figure(3.0 * len(layouts), 6.0)
        axes = figure.subplots(2, len(layouts), squeeze=False)
        for column, layout in enumerate(layouts):
            index = column * (count // len(layouts))
            for points, colour in ((seen[index], "0.6"), (posed[index], "tab:red")):
                drawn = points.detach().cpu().numpy()[: layout.count]
                for first, second in layout.edges:
                    axes[0, column].plot(drawn[[first, second], 0], drawn[[first, second], 1], color=colour)
            axes[0, column].set(title=layout.name, aspect="equal", xticks=[], yticks=[])
            vertices = skin(self._body, np.ascontiguousarray(local_rotmat[index : index + 1].detach().cpu().numpy()))
            assert vertices is not None
            draw_body(axes[1, column], vertices[0], self._body)
        self._writer.add_figure("pictures/first frames", figure, step)

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()


def draw_body(axes: "Axes", vertices_m: F32, body: BodyModel) -> None:
    """The body from the front, shaded by which way its faces look. vertices_m: (V, 3), metres."""
    from matplotlib.collections import PolyCollection

    corners = vertices_m[body.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    near = normal[:, 2] > 0
    order = np.argsort(corners[near, :, 2].mean(axis=1))
    shade = np.repeat(0.4 + 0.55 * normal[near, 2][order][:, None], 3, axis=1)
    axes.add_collection(PolyCollection(list(corners[near][order][..., :2]), facecolors=shade))
    low, high = vertices_m.min(axis=0), vertices_m.max(axis=0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xticks=[], yticks=[])


def distances_m(predicted: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Distances of points in metres of the mean body; of padding zero. (B, P, 3), (B, P, 3), (B,) -> (B, P)."""
    return torch.linalg.vector_norm(predicted.detach() - target, dim=-1) / scale[:, None]
