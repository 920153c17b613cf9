# SPDX-License-Identifier: Apache-2.0
"""Pictures of an evaluation: worst and median frames, and the distribution of errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.skeleton.layouts import Layout

from ..training_errors import ConfigError
from .regressor_metrics import ClipErrors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EACH = 3
"""Number of worst frames, and of median frames, in a picture."""


def make_figure(width: float, height: float) -> "Figure":
    """Create a matplotlib figure.

    Args:
        width: Inches.
        height: Inches.

    Returns:
        The figure.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "Pictures need matplotlib. Install it with `pip install matplotlib`, or leave them out."
        ) from error
    mpl.rcParams["text.parse_math"] = False  # A $ in a name is one.
    return Figure(figsize=(width, height), layout="constrained")


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure atomically as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=75, format="png")
    return path


def plot_frames(clips: Sequence[ClipErrors], layout: Layout, path: Path) -> Path:
    """Draw the worst and the median frames from the front and from the left: ground truth grey, prediction red."""
    figure = make_figure(4.0 * EACH, 12.0)
    shown = [("worst", item) for item in _worst(clips)] + [("median", item) for item in _median(clips)]
    axes = figure.subplots(4, EACH)
    for column, (kind, (clip, frame)) in enumerate(shown):
        row = 2 * (column // EACH)
        title = f"{kind}: {clip.name}, frame {frame}\n{1000.0 * clip.error_m[frame].mean():.1f} mm"
        if clip.rotation_deg is not None:
            title += f", {clip.rotation_deg[frame].mean():.1f} degrees"
        for view in range(2):
            _draw(axes[row + view, column % EACH], clip, frame, layout, from_left=bool(view))
        axes[row, column % EACH].set_title(title, fontsize=9)
    return save_figure(figure, path)


def plot_errors(clips: Sequence[ClipErrors], layout: Layout, path: Path) -> Path:
    """Draw errors by clip, by point and over frames, and by joint if rotations are known."""
    known = all(clip.rotation_deg is not None for clip in clips)
    figure = make_figure(14.0, 10.0)
    (by_clip, spread), (by_point, by_joint) = figure.subplots(2, 2)
    by_clip.barh([clip.name for clip in clips], [1000.0 * float(clip.error_m.mean()) for clip in clips])
    by_clip.set(title="key-points, by clip", xlabel="mm")
    by_clip.tick_params(axis="y", labelsize=7)
    frames = 1000.0 * np.concatenate([clip.error_m.mean(axis=1) for clip in clips])
    spread.hist(frames, bins=60)
    spread.set(title="frames", xlabel="mean over the points, mm")
    points = 1000.0 * np.concatenate([clip.error_m for clip in clips]).mean(axis=0)
    by_point.barh(layout.keypoints, points)
    by_point.set(title="key-points, by point", xlabel="mm")
    by_point.tick_params(axis="y", labelsize=7)
    if known:
        from dancepose_addon.core.body.model import JOINT_NAMES

        rotations = np.concatenate([clip.rotation_deg for clip in clips if clip.rotation_deg is not None])
        by_joint.barh(JOINT_NAMES, rotations.mean(axis=0))
        by_joint.set(title="rotations, by joint", xlabel="degrees")
        by_joint.tick_params(axis="y", labelsize=7)
    else:
        by_joint.set_axis_off()
    return save_figure(figure, path)


def _ranked(clips: Sequence[ClipErrors]) -> list[tuple[float, int, int]]:
    """Return (error, clip, frame) of every frame, smallest error first."""
    return sorted(
        (float(error), index, frame)
        for index, clip in enumerate(clips)
        for frame, error in enumerate(clip.error_m.mean(axis=1))
    )


def _worst(clips: Sequence[ClipErrors]) -> list[tuple[ClipErrors, int]]:
    """Return the worst frames, of different clips if there are enough, so that the picture shows several moments."""
    chosen: list[tuple[ClipErrors, int]] = []
    apart = len(clips) >= EACH
    for _, index, frame in reversed(_ranked(clips)):
        if not apart or all(clips[index] is not clip for clip, _ in chosen):
            chosen.append((clips[index], frame))
        if len(chosen) == EACH:
            break
    return chosen


def _median(clips: Sequence[ClipErrors]) -> list[tuple[ClipErrors, int]]:
    ranked = _ranked(clips)
    middle = np.linspace(0.49, 0.51, EACH) * (len(ranked) - 1)
    return [(clips[ranked[int(i)][1]], ranked[int(i)][2]) for i in middle]


def _draw(axes: "Axes", clip: ClipErrors, frame: int, layout: Layout, *, from_left: bool) -> None:
    across = clip.target_m[frame][list(layout.left)].mean(0) - clip.target_m[frame][list(layout.right)].mean(0)
    length = max(float(np.hypot(across[0], across[2])), 1e-9)
    cosine, sine = across[0] / length, across[2] / length
    centre = clip.target_m[frame].mean(axis=0)
    pairs: tuple[tuple[F32, dict[str, Any]], ...] = (
        (clip.target_m[frame], {"color": "0.6", "lw": 4}),
        (clip.posed_m[frame], {"color": "tab:red", "lw": 1.5}),
    )
    for points, style in pairs:
        moved = points - centre
        right = cosine * moved[:, 0] + sine * moved[:, 2]
        ahead = cosine * moved[:, 2] - sine * moved[:, 0]
        level = -ahead if from_left else right
        for first, second in layout.edges:
            axes.plot(level[[first, second]], moved[[first, second], 1], solid_capstyle="round", **style)
        axes.plot(level, moved[:, 1], "o", ms=3, color=style["color"])
    axes.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.1, 1.1), ylim=(-1.2, 1.2))
    axes.set_xlabel("from its left" if from_left else "from the front", fontsize=8)
