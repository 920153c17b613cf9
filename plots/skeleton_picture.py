# SPDX-License-Identifier: Apache-2.0
"""Pictures of keypoints: a motion in four poses with its path over the floor, and a layout on the default body."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.counting import counted
from dancepose_addon.core.skeleton.anatomy import leftward, template_of
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.sequence import KeypointSequence

PANEL: Final = 300
"""Width and height of a panel, pixels."""
MARGIN: Final = 34
"""Free border of a panel, pixels."""
SUPER: Final = 2
"""Factor of supersampling, for smooth lines."""
PAPER, INK, GREY, GRID = (255, 255, 255), (30, 30, 30), (150, 150, 150), (225, 225, 225)
OUTLINE: Final = (205, 205, 205)
LEFT, RIGHT, MIDDLE = (204, 85, 0), (0, 90, 181), (70, 70, 70)
"""Orange and blue can be distinguished with any colour vision."""


def draw_motion(path: Path, sequence: KeypointSequence, *, title: str) -> None:
    """Write a picture of a motion: four poses from the front and the path from above.

    Args:
        path: PNG to write.
        sequence: The motion.
        title: Title of the picture.

    Raises:
        OutputError: The picture cannot be written.
    """
    points = sequence.keypoints_m.astype(np.float64)
    whole = np.flatnonzero(np.isfinite(points).all(axis=-1).mean(axis=1) > 0.5)
    moments = whole[np.linspace(0, len(whole) - 1, 4).round().astype(int)] if len(whole) else np.zeros(4, int)
    sheet = Image.new("RGB", (5 * PANEL * SUPER, (PANEL + 40) * SUPER), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((12 * SUPER, 8 * SUPER), title, fill=INK, font=_font(15))
    legend = "left side orange, right side blue; seen from the front of the first moment"
    pen.text((12 * SUPER, 26 * SUPER), legend, fill=GREY, font=_font(11))
    left = leftward(points[moments[:1]], sequence.layout)[0]
    axis = _horizontal(left)
    span = _span(points[moments])
    for number, frame in enumerate(moments):
        box = (number * PANEL, 40)
        caption = f"frame {frame}, {frame / sequence.fps:.2f} s"
        _draw_body(pen, points[frame], sequence.layout, axis, span, box, caption)
    _draw_path(pen, points, sequence.layout, moments, (4 * PANEL, 40))
    with replacing(path) as temporary:
        sheet.resize((sheet.width // SUPER, sheet.height // SUPER), Image.Resampling.LANCZOS).save(temporary, "PNG")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * SUPER)


def _horizontal(left: F64) -> F64:
    """Return the horizontal axis to the right of the picture, (3,), from the direction of the dancer's left, (3,)."""
    flat = left * [1.0, 0.0, 1.0]
    length = np.linalg.norm(flat)
    return flat / length if np.isfinite(length) and length > 0.05 else np.array([1.0, 0.0, 0.0])


def _span(points: F64) -> float:
    """Return the extent that a panel shows, metres: that of the largest pose of ``points``, (N, K, 3)."""
    with np.errstate(invalid="ignore"):
        extent = np.nanmax(points, axis=1) - np.nanmin(points, axis=1) if np.isfinite(points).any() else np.ones((1, 3))
    largest = float(np.nanmax(extent)) if np.isfinite(extent).any() else 1.0
    return max(largest, 1e-3)


def _draw_body(
    pen: ImageDraw.ImageDraw,
    at: F64,
    layout: Layout,
    axis: F64,
    span: float,
    box: tuple[int, int],
    caption: str,
) -> None:
    """Draw one pose.

    Args:
        pen: Where to draw.
        at: (K, 3), metres.
        layout: Layout of the points.
        axis: (3,), direction to the right of the picture.
        span: Extent of the panel, metres.
        box: Left upper corner of the panel, pixels.
        caption: Text below the pose.
    """
    scale = (PANEL - 2 * MARGIN) / span
    flat = np.stack([at @ axis, at[:, 1]], axis=-1)
    seen = np.isfinite(flat).all(axis=-1)
    if not seen.any():
        return
    middle = (flat[seen].max(axis=0) + flat[seen].min(axis=0)) / 2.0
    centre = np.array([box[0] + PANEL / 2, box[1] + PANEL / 2])
    place = (centre + (flat - middle) * scale * [1.0, -1.0]) * SUPER
    floor = (centre[1] - (flat[seen][:, 1].min() - middle[1]) * scale) * SUPER
    pen.line([((box[0] + 10) * SUPER, floor), ((box[0] + PANEL - 10) * SUPER, floor)], fill=GRID, width=SUPER)
    for first, second in layout.edges:
        if seen[first] and seen[second]:
            colour = _colour(layout, second, first)
            pen.line([tuple(place[first]), tuple(place[second])], fill=colour, width=3 * SUPER)
    for point in np.flatnonzero(seen):
        _dot(pen, place[point], 3.2, _colour(layout, int(point)))
    pen.text(((box[0] + 12) * SUPER, (box[1] + PANEL - 20) * SUPER), caption, fill=GREY, font=_font(12))


def _draw_path(
    pen: ImageDraw.ImageDraw, points: F64, layout: Layout, moments: NDArray[np.intp], box: tuple[int, int]
) -> None:
    """Draw the path of the body's centre over the floor, +z down, and its facing in the four poses."""
    seen = np.isfinite(points).all(axis=-1).any(axis=1)
    if not seen.any():
        return
    middle = np.nanmean(np.where(np.isfinite(points[seen]), points[seen], np.nan), axis=1)[:, [0, 2]]
    extent = max(float((middle.max(axis=0) - middle.min(axis=0)).max()), 1.0)
    scale, centre = (PANEL - 2 * MARGIN) / extent, np.array([box[0] + PANEL / 2, box[1] + PANEL / 2])
    mean = (middle.max(axis=0) + middle.min(axis=0)) / 2.0
    corner = ((box[0] + 6) * SUPER, (box[1] + 6) * SUPER)
    pen.rectangle([corner, ((box[0] + PANEL - 6) * SUPER, (box[1] + PANEL - 26) * SUPER)], outline=GRID, width=SUPER)
    place = (centre + (middle - mean) * scale) * SUPER
    if len(place) > 1:
        pen.line([tuple(point) for point in place], fill=MIDDLE, width=2 * SUPER)
    order = np.cumsum(seen) - 1
    forward = np.cross(leftward(points[moments], layout), [0.0, 1.0, 0.0])[:, [0, 2]]
    for frame, ahead in zip(moments, forward, strict=True):
        start = place[order[frame]]
        _dot(pen, start, 4.5, INK)
        length = np.linalg.norm(ahead)
        if np.isfinite(length) and length > 0.1:
            pen.line([tuple(start), tuple(start + ahead / length * 22 * SUPER)], fill=RIGHT, width=2 * SUPER)
    caption = f"from above, {extent:.2f} m wide; +z down; facing"
    pen.text(((box[0] + 12) * SUPER, (box[1] + PANEL - 20) * SUPER), caption, fill=GREY, font=_font(12))


def _dot(pen: ImageDraw.ImageDraw, at: F64, radius: float, colour: tuple[int, int, int]) -> None:
    x, y, r = float(at[0]), float(at[1]), radius * SUPER
    pen.ellipse([x - r, y - r, x + r, y + r], fill=colour)


def _colour(layout: Layout, *points: int) -> tuple[int, int, int]:
    """Return the colour of the side of the first point that has one."""
    for point in points:
        name = layout.keypoints[point].lower()
        other = layout.keypoints[layout.mirrored[point]].lower()
        if "left" in name or (name != other and name.startswith("l")):
            return LEFT
        if "right" in name or (name != other and name.startswith("r")):
            return RIGHT
    return MIDDLE


def draw_layout(path: Path, layout: Layout) -> None:
    """Write a picture of a layout on the default body's T-pose: from the front and from the side, with names.

    Args:
        path: PNG to write.
        layout: The layout.

    Raises:
        OutputError: The picture cannot be written.
    """
    points = template_of(layout).rest_points
    width, height = 1500 * SUPER, 900 * SUPER
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((12 * SUPER, 8 * SUPER), f"{layout.title}: {counted(layout.count, 'point')}", fill=INK, font=_font(15))
    outline = load_body().v_template_m[::5].astype(np.float64)
    for axis, left_edge, panel in ((0, 10, 980), (2, 1000, 490)):
        _draw_view(pen, points, outline, layout, axis, (left_edge, 40, panel, 850))
    with replacing(path) as temporary:
        sheet.resize((width // SUPER, height // SUPER), Image.Resampling.LANCZOS).save(temporary, "PNG")


def _draw_view(
    pen: ImageDraw.ImageDraw, points: F64, outline: F64, layout: Layout, axis: int, box: tuple[int, int, int, int]
) -> None:
    """Draw one view of a layout.

    Args:
        pen: Where to draw.
        points: (K, 3), metres, the layout's points.
        outline: (V, 3), metres, vertices of the body.
        layout: The layout.
        axis: Axis to the right of the picture: 0 for the front, 2 for the side.
        box: Left, top, width and height of the view, pixels.
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    scale = min((box[2] - 60) / (high[axis] - low[axis]), (box[3] - 60) / (high[1] - low[1]), 480.0)
    middle = (low + high) / 2.0
    centre = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])

    def place(at: F64) -> F64:
        flat = np.stack([at[:, axis] - middle[axis], middle[1] - at[:, 1]], axis=-1)
        return (centre + flat * scale) * SUPER

    for at in place(outline):
        _dot(pen, at, 0.8, OUTLINE)
    where = place(points)
    for first, second in layout.edges:
        pen.line([tuple(where[first]), tuple(where[second])], fill=_colour(layout, second, first), width=2 * SUPER)
    for index, at in enumerate(where):
        _dot(pen, at, 3.5, _colour(layout, index))
        label = layout.keypoints[index] if axis == 0 and layout.count <= 32 else str(index)
        pen.text((at[0] + 5 * SUPER, at[1] - 5 * SUPER), label, fill=INK, font=_font(9))
