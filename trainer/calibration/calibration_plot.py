# SPDX-License-Identifier: Apache-2.0
"""Picture of the calibrated points on the body: numbers alone do not show a marker inside a knee."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.skeleton.markers import MarkerSet

from ..training_errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class View(NamedTuple):
    """A view of the body.

    Attributes:
        title: Title of the picture.
        right: Unit vector towards the right of the picture.
        up: Unit vector towards its top.
        towards: Unit vector towards the viewer.
        joint: Joint at the centre of a close-up, or None.
        reach_m: Half the height of the visible part, metres.
    """

    title: str
    right: tuple[float, float, float]
    up: tuple[float, float, float]
    towards: tuple[float, float, float]
    joint: str | None
    reach_m: float


_FRONT: Final = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_BACK: Final = ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
_LEFT: Final = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
_TOP: Final = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))

VIEWS: Final = (
    View("front", *_FRONT, None, 1.0),
    View("its left", *_LEFT, None, 1.0),
    View("back", *_BACK, None, 1.0),
    View("head, front", *_FRONT, "head", 0.25),
    View("head, its left", *_LEFT, "head", 0.25),
    View("left arm, top", *_TOP, "left_elbow", 0.35),
    View("left foot, front", *_FRONT, "left_ankle", 0.2),
    View("left foot, its left", *_LEFT, "left_ankle", 0.2),
    View("right arm, top", *_TOP, "right_elbow", 0.35),
)


def plot_markers(markers: MarkerSet, body: BodyModel, path: Path) -> None:
    """Draw the mean body in its T-pose with the points on it; points on the far side are hollow.

    Args:
        markers: The points.
        body: The body.
        path: File to write; its suffix is the format.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "--plot needs matplotlib. Install it with `pip install matplotlib`, or leave the option out."
        ) from error
    points = markers.rest_points(body.rest_joints())
    figure = Figure(figsize=(21.0, 21.0), layout="constrained")
    for axes, view in zip(np.ravel(figure.subplots(3, 3)), VIEWS, strict=True):
        _draw(axes, view, markers, points, body)
    figure.savefig(path, dpi=70)


def _draw(axes: "Axes", view: View, markers: MarkerSet, points_m: F32, body: BodyModel) -> None:
    turn = np.array([view.right, view.up, view.towards], np.float32)
    joints = body.rest_joints()
    ends = body.v_template_m.min(axis=0), body.v_template_m.max(axis=0)
    middle = joints[JOINT_INDEX[view.joint]] if view.joint else (ends[0] + ends[1]) / 2
    corners = (body.v_template_m[body.faces] - middle) @ turn.T
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    near = (normal[:, 2] > 0) & (np.abs(corners[..., :2]).max(axis=(1, 2)) < 1.3 * view.reach_m)
    order = np.argsort(corners[near, :, 2].mean(axis=1))
    shade = 0.45 + 0.5 * normal[near, 2][order]
    from matplotlib.collections import PolyCollection

    axes.add_collection(PolyCollection(corners[near][order][..., :2], facecolors=np.repeat(shade[:, None], 3, axis=1)))
    bones = (joints - middle) @ turn.T
    axes.scatter(bones[:, 0], bones[:, 1], s=14, c="tab:blue", marker="+")
    seen = (points_m - middle) @ turn.T
    for index, (x, y, depth) in enumerate(seen):
        if max(abs(x), abs(y), abs(depth)) > view.reach_m:
            continue
        # Hidden if behind the visible skin, judged by the nearest corners.
        beside = np.linalg.norm(corners[near][..., :2] - [x, y], axis=2) < 0.03
        hidden = bool(beside.any()) and depth < corners[near][..., 2][beside].max() - 0.03
        axes.plot(x, y, "o", ms=7, mec="tab:red", mfc="none" if hidden else "tab:red")
        label = f"{index} {markers.layout.keypoints[index]}" if view.joint else str(index)
        axes.annotate(label, (x, y), (4, 4), textcoords="offset points", fontsize=9)
    axes.set(title=view.title, xlim=(-view.reach_m, view.reach_m), ylim=(-view.reach_m, view.reach_m), aspect="equal")
