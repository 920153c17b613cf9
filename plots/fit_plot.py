"""Pictures of a fit: errors and contacts over time, and frames with key-points drawn over the body."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.camera_framing import facing_vector
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.floor.contacts import SIDES
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.skeleton.layouts import get_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LIGHT: Final = np.array([0.35, 0.6, 0.72])
FULL_RED_MM: Final = 40.0
"""Error at which a point is drawn in full red."""
PLAIN_RGB: Final = (0.62, 0.66, 0.7)


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, inches.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "Pictures need matplotlib, which is not installed. Install it (pip install 'dancepose[plots]'), or leave "
            "--plot out."
        ) from error
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def draw_fit(path: Path, result: FitResult, body: BodyModel) -> None:
    """Draw one picture of a whole fit: error over time with contacts, error by point, its median and worst frames.

    Raises:
        InputError: matplotlib is not installed. OutputError: the picture cannot be written.
    """
    figure = new_figure(13.0, 7.0)
    grid = figure.add_gridspec(2, 4, height_ratios=(1.0, 1.15))
    over_time, by_point = figure.add_subplot(grid[0, :3]), figure.add_subplot(grid[0, 3])
    _draw_time(over_time, result)
    _draw_points(by_point, result)
    frame_mm = frame_errors_mm(result)
    for column, (title, frame) in enumerate(chosen_frames(frame_mm)):
        axis = figure.add_subplot(grid[1, column])
        draw_still(axis, result, body, frame)
        axis.set_title(f"{title}: frame {frame}, {frame_mm[frame]:.1f} mm", fontsize=10)
    save(figure, path)


def save(figure: "Figure", path: Path) -> None:
    """Write a PNG, whole or not at all. Raises OutputError."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def frame_errors_mm(result: FitResult) -> NDArray[np.float64]:
    """Mean distance to the points that were seen, frame by frame, mm; NaN where none was. -> (T,)."""
    error = result.error_m.astype(np.float64) * 1000.0
    some = ~np.isnan(error).all(axis=1)
    frame_mm = np.full(len(error), np.nan)
    frame_mm[some] = np.nanmean(error[some], axis=1)
    return frame_mm


def chosen_frames(frame_mm: NDArray[np.float64]) -> Sequence[tuple[str, int]]:
    """Four frames to look at, from the best to the worst."""
    order = np.argsort(np.nan_to_num(frame_mm, nan=-1.0))
    order = order[np.isfinite(frame_mm[order])]
    last = len(order) - 1
    shares = (("median", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("worst", 1.0))
    return [(title, int(order[round(share * last)])) for title, share in shares]


def _draw_time(axis: "Axes", result: FitResult) -> None:
    fps = result.motion.fps
    error = result.error_m.astype(np.float64) * 1000.0
    seconds = np.arange(len(error)) / fps
    some = ~np.isnan(error).all(axis=1)
    worst = np.full(len(error), np.nan)
    worst[some] = np.nanmax(error[some], axis=1)
    axis.fill_between(seconds, 0.0, worst, color="tab:red", alpha=0.25, linewidth=0, label="worst point")
    axis.plot(seconds, frame_errors_mm(result), color="tab:blue", linewidth=0.9, label="mean of the points")
    top = max(float(np.nanpercentile(worst, 99)), 1.0) * 1.15
    axis.set(ylim=(-0.16 * top, top), xlim=(0.0, max(seconds[-1], 1.0 / fps)), xlabel="seconds", ylabel="error, mm")
    either = result.ground.contact.any(axis=2)
    for index, side in enumerate(SIDES):
        low = -(0.07 + 0.07 * index) * top
        axis.fill_between(
            seconds, low, low + 0.05 * top, where=either[:, index], step="mid", color=("tab:green", "tab:olive")[index],
            linewidth=0, label=f"{side} foot stands",
        )  # fmt: skip
    axis.legend(fontsize=8, loc="upper right", ncols=2)
    axis.set_title(f"{Path(str(result.report['source'])).name}: mean {result.report['final_error_mm']:.1f} mm")


def _draw_points(axis: "Axes", result: FitResult) -> None:
    table = list(result.report["error_mm"].values())[-1]["per_point"]
    names = list(table)
    axis.barh(np.arange(len(names)), [value or 0.0 for value in table.values()], color="tab:blue")
    axis.set_yticks(np.arange(len(names)), names, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("mean error, mm")


def draw_still(axis: "Axes", result: FitResult, body: BodyModel, frame: int) -> None:
    """The posed body of one frame from where it faces, with the layout's points and edges over it.

    Points are green where they are met and red where they are off; a line joins each to its place on the body.
    """
    motion = result.motion
    pose = motion.pose_rotmat[frame : frame + 1]
    vertices = skin(
        body, pose, betas=motion.betas, translation_m=motion.translation_m[frame : frame + 1], scale=motion.scale
    )
    assert vertices is not None
    view = _view_from(facing_vector(pose))
    draw_mesh(axis, body, vertices[0] @ view.T)
    layout = get_layout(str(result.report["layout"]))
    points = result.keypoints_m[frame] @ view.T
    for first, second in layout.edges:
        axis.plot(*points[[first, second], :2].T, color="black", linewidth=0.7, alpha=0.55, zorder=3)
    share = np.clip(np.nan_to_num(result.error_m[frame] * 1000.0, nan=FULL_RED_MM) / FULL_RED_MM, 0.0, 1.0)
    colours = np.column_stack([share, 0.75 * (1.0 - share), np.zeros(len(share))])
    seen = ~np.isnan(result.error_m[frame])
    x, y = points[:, 0], points[:, 1]
    axis.scatter(x[seen], y[seen], s=16, c=colours[seen], edgecolors="black", linewidths=0.4, zorder=4)
    axis.scatter(x[~seen], y[~seen], s=16, facecolors="none", edgecolors="red", linewidths=0.8, zorder=4)
    axis.axhline(0.0, color="grey", linewidth=0.6, zorder=0)


def draw_mesh(axis: "Axes", body: BodyModel, vertices: F32) -> None:
    """Shaded triangles, far ones first. vertices: (V, 3), x and y in the picture, z towards the eye, metres."""
    from matplotlib.collections import PolyCollection

    corners = vertices[body.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    front = normals[:, 2] > 0.0
    shade = 0.45 + 0.55 * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0.0, 1.0)
    surface = body.surface
    plain = np.broadcast_to(np.array(PLAIN_RGB), (len(corners), 3))
    # Materials are kept light, so that points over them can be read.
    rgb = plain if surface is None else 0.35 + 0.65 * np.sqrt(surface.rgba[surface.face_material][:, :3])
    order = np.flatnonzero(front)[np.argsort(corners[front, :, 2].mean(axis=1))]
    colours = np.clip(rgb[order] * shade[order, None], 0.0, 1.0)
    axis.add_collection(
        PolyCollection(list(corners[order, :, :2]), facecolors=colours, edgecolors=colours, linewidths=0.3, zorder=1)
    )
    centre = vertices[:, :2].mean(axis=0)
    reach = max(float(np.abs(vertices[:, :2] - centre).max()), 0.5) * 1.08
    axis.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach), aspect="equal")
    axis.axis("off")


def _view_from(front: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows are the picture's right, up and towards the eye, seen from a little to the side of where the body faces."""
    length = float(np.linalg.norm(front))
    ahead = front / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    right = np.cross([0.0, 1.0, 0.0], ahead)
    towards = np.cos(0.35) * ahead + np.sin(0.35) * right
    return np.stack([np.cross([0.0, 1.0, 0.0], towards), [0.0, 1.0, 0.0], towards])
