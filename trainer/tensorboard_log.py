# SPDX-License-Identifier: Apache-2.0
"""TensorBoard log of a run: losses, errors per point, and pictures of skeletons and bodies."""

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

    Args:
        folder: Where to write.
        layout_batch: The layouts of the run.
        body: The body of the pictures.

    Raises:
        ConfigError: The tensorboard package is not installed.
    """

    def __init__(self, folder: Path, layout_batch: LayoutBatch, body: BodyModel) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "--tensorboard needs the tensorboard package. Install it with `pip install tensorboard`, or "
                "leave the option out: log.jsonl contains the losses too."
            ) from error
        self._writer = SummaryWriter(str(folder))
        self._pack = layout_batch
        self._body = body

    def losses(self, record: dict[str, Any]) -> None:
        """Write one record of the log."""
        for name, value in record.items():
            if name != "step":
                self._writer.add_scalar(f"losses/{name}", value, record["step"])

    def points(self, step: int, distance_m: Tensor) -> None:
        """Write the mean error of every point of every layout. distance_m: (B, P), metres of the mean body."""
        by_point = 1000.0 * self._pack.groups(distance_m).mean(1)
        for layout, row in zip(self._pack.layouts, by_point.tolist(), strict=True):
            for name, value in zip(layout.keypoints, row, strict=False):
                self._writer.add_scalar(f"points_mm/{layout.name}/{name}", value, step)

    def picture(self, step: int, seen: Tensor, posed: Tensor, local_rotmat: Tensor) -> None:
        """Draw the first frame of each layout: input points, predicted points and the predicted body.

        Args:
            step: Number of steps done.
            seen: (B, P, 3), input points.
            posed: (B, P, 3), predicted points.
            local_rotmat: (B, 24, 3, 3), predicted rotations.
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
        """Flush and close the event files."""
        self._writer.close()


def draw_body(axes: "Axes", vertices_m: F32, body: BodyModel) -> None:
    """Draw the body from the front, shaded by the direction of its faces. vertices_m: (V, 3), metres."""
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
    """Return point distances in metres of the mean body.

    Args:
        predicted: (B, P, 3), normalised.
        target: (B, P, 3), normalised.
        scale: (B,), converts metres of the mean body to normalised units.

    Returns:
        (B, P), metres, zero at padding.
    """
    return torch.linalg.vector_norm(predicted.detach() - target, dim=-1) / scale[:, None]
