# SPDX-License-Identifier: Apache-2.0
"""Plots of a fit: errors and contacts over time, and frames with keypoints over the body."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.camera_framing import facing_vector
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.floor.contacts import SIDES
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.printable_text import escaped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LIGHT: Final = np.array([0.35, 0.6, 0.72])
"""Direction of the light in the picture: right, up, towards the viewer."""
FULL_RED_MM: Final = 40.0
"""Error at which a point is drawn in full red."""
PLAIN_RGB: Final = (0.62, 0.66, 0.7)
"""Colour of bodies without materials, linear."""


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure.

    Args:
        width: Width in inches.
        height: Height in inches.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("Plots need matplotlib. Install it with `pip install matplotlib`, or omit --plot.") from error
    mpl.rcParams["text.parse_math"] = False  # A $ in the name of a file or a point is one.
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def draw_fit(path: Path, result: FitResult) -> None:
    """Draw one picture of a whole fit.

    Above: the error over time with the foot contacts, and the mean error of each point. Below: frames from the median
    to the worst error. SMPL rotations from a file have no error; their joint speeds and evenly spaced frames are drawn
    instead.

    Args:
        path: PNG to write.
        result: The fit.

    Raises:
        InputError: matplotlib is not installed.
        OutputError: The picture cannot be written.
    """
    figure = new_figure(13.0, 7.0)
    grid = figure.add_gridspec(2, 4, height_ratios=(1.0, 1.15))
    over_time, by_point = figure.add_subplot(grid[0, :3]), figure.add_subplot(grid[0, 3])
    name = escaped(Path(str(result.report["source"])).name)
    if has_error(result):
        worst_mm = _rows(result.error_m * 1000.0, np.nanmax)
        _draw_time(over_time, result, frame_errors_mm(result), worst_mm, "error, mm")
        over_time.set_title(f"{name}: mean {result.report['final_error_mm']:.1f} mm")
        table = list(result.report["error_mm"].values())[-1]["per_point"]
        _draw_bars(by_point, {point: value or 0.0 for point, value in table.items()}, "mean error, mm")
    else:
        speed = _joint_speeds_m_s(result)
        _draw_time(over_time, result, speed.mean(axis=1), speed.max(axis=1), "speed, m/s", spread="fastest joint")
        over_time.set_title(f"{name}: SMPL parameters taken from the file")
        names = result.sequence.layout.keypoints
        _draw_bars(by_point, dict(zip(names, speed.mean(axis=0), strict=True)), "mean speed, m/s")
    for column, (title, frame) in enumerate(chosen_frames(result)):
        axis = figure.add_subplot(grid[1, column])
        draw_still(axis, result, frame)
        axis.set_title(title, fontsize=10)
    save(figure, path)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure in the format of its suffix; the file appears only if it is complete.

    Raises:
        OutputError: The picture cannot be written.
    """
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower())


def has_error(result: FitResult) -> bool:
    """Whether the fit has errors, that is, whether its source holds keypoints."""
    return bool(result.report["error_mm"])


def frame_errors_mm(result: FitResult) -> NDArray[np.float64]:
    """Return the mean error of the points that were seen in each frame, (T,), mm; NaN if none was seen."""
    return _rows(result.error_m * 1000.0, np.nanmean)


def _rows(values: NDArray[np.floating], reduce: Callable[..., Any]) -> NDArray[np.float64]:
    """Reduce each row that has a number, (T,); NaN for the others."""
    some = ~np.isnan(values).all(axis=1)
    found = np.full(len(values), np.nan)
    found[some] = reduce(values[some].astype(np.float64), axis=1)
    return found


def _joint_speeds_m_s(result: FitResult) -> NDArray[np.float64]:
    """Return the speed of each joint, (T, K), m/s."""
    points = result.keypoints_m.astype(np.float64)
    if len(points) < 2:
        return np.zeros(points.shape[:2])
    return np.linalg.norm(np.gradient(points, axis=0), axis=-1) * result.motion.fps


def chosen_frames(result: FitResult) -> Sequence[tuple[str, int]]:
    """Return title and number of four frames: from the median to the worst error, or evenly spaced without errors."""
    count = len(result.motion)
    if not has_error(result):
        frames = [round(share * (count - 1)) for share in (0.125, 0.375, 0.625, 0.875)]
        return [(f"frame {frame}", frame) for frame in frames]
    frame_mm = frame_errors_mm(result)
    order = np.argsort(np.nan_to_num(frame_mm, nan=-1.0))
    order = order[np.isfinite(frame_mm[order])]
    shares = (("median", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("worst", 1.0))
    frames = [int(order[round(share * (len(order) - 1))]) for _, share in shares]
    named = zip(shares, frames, strict=True)
    titles = [f"{name}: frame {frame}, {frame_mm[frame]:.1f} mm" for (name, _), frame in named]
    return list(zip(titles, frames, strict=True))


def _draw_time(
    axis: "Axes",
    result: FitResult,
    mean: NDArray[np.float64],
    worst: NDArray[np.float64],
    label: str,
    *,
    spread: str = "worst point",
) -> None:
    """Draw a quantity over time: its mean over the points and its largest value, with the foot contacts below."""
    fps = result.motion.fps
    seconds = np.arange(len(mean)) / fps
    axis.fill_between(seconds, 0.0, worst, color="tab:red", alpha=0.25, linewidth=0, label=spread)
    axis.plot(seconds, mean, color="tab:blue", linewidth=0.9, label="mean of the points")
    floor = 1.0 if has_error(result) else 0.1
    top = max(float(np.nanpercentile(worst, 99)), floor) * 1.15
    axis.set(ylim=(-0.16 * top, top), xlim=(0.0, max(seconds[-1], 1.0 / fps)), xlabel="seconds", ylabel=label)
    either = result.ground.contact.any(axis=2)
    for index, side in enumerate(SIDES):
        low = -(0.07 + 0.07 * index) * top
        axis.fill_between(
            seconds, low, low + 0.05 * top, where=either[:, index], step="mid", color=("tab:green", "tab:olive")[index],
            linewidth=0, label=f"{side} foot contact",
        )  # fmt: skip
    axis.legend(fontsize=8, loc="upper right", ncols=2)


def _draw_bars(axis: "Axes", table: Mapping[str, float], label: str) -> None:
    names = [escaped(name) for name in table]
    axis.barh(np.arange(len(names)), list(table.values()), color="tab:blue")
    axis.set_yticks(np.arange(len(names)), names, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel(label)


def draw_still(axis: "Axes", result: FitResult, frame: int) -> None:
    """Draw the posed body of one frame from the front, with the layout's points and edges over it.

    Points are green for small errors and red for large ones; hollow points were not seen.

    Args:
        axis: Axes to draw in.
        result: The fit.
        frame: The frame.
    """
    body, pose = result.body, result.motion.pose_rotmat[frame : frame + 1]
    vertices = result.motion.vertices(body, frames=slice(frame, frame + 1))
    view = _view_from(facing_vector(pose))
    draw_mesh(axis, body, vertices[0] @ view.T)
    points = result.keypoints_m[frame] @ view.T
    for first, second in result.sequence.layout.edges:
        axis.plot(*points[[first, second], :2].T, color="black", linewidth=0.7, alpha=0.55, zorder=3)
    share = np.clip(np.nan_to_num(result.error_m[frame] * 1000.0, nan=FULL_RED_MM) / FULL_RED_MM, 0.0, 1.0)
    colours = np.column_stack([share, 0.75 * (1.0 - share), np.zeros(len(share))])
    seen = ~np.isnan(result.error_m[frame])
    x, y = points[:, 0], points[:, 1]
    axis.scatter(x[seen], y[seen], s=16, c=colours[seen], edgecolors="black", linewidths=0.4, zorder=4)
    axis.scatter(x[~seen], y[~seen], s=16, facecolors="none", edgecolors="red", linewidths=0.8, zorder=4)
    axis.axhline(0.0, color="grey", linewidth=0.6, zorder=0)


def draw_mesh(axis: "Axes", body: BodyModel, vertices: F32) -> None:
    """Draw shaded triangles, far ones first.

    Args:
        axis: Axes to draw in.
        body: The body, for faces and materials.
        vertices: (V, 3), metres, x and y in the picture, z towards the viewer.
    """
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
    """Return the picture's axes as rows: right, up, towards a viewer slightly to the side of the body's front."""
    length = float(np.linalg.norm(front))
    ahead = front / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    right = np.cross([0.0, 1.0, 0.0], ahead)
    towards = np.cos(0.35) * ahead + np.sin(0.35) * right
    return np.stack([np.cross([0.0, 1.0, 0.0], towards), [0.0, 1.0, 0.0], towards])
