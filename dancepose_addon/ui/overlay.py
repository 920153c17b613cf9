# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlays of the viewport: keypoints coloured by their error, and a graph of the error over the clip."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import blf
import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d
import gpu
from gpu_extras.batch import batch_for_shader
from mathutils import Vector
import numpy as np

from ..blender.narrowing import present, scene_of, ui_scale_of
from ..blender.rig.dancer import dancers_of, read_record, stored_mesh
from ..blender.rig.keypoint_store import StoredPoints, stored_points
from ..core.arrays import F64
from ..core.errors import DancePoseError
from .properties import active_dancer, stage_of
from .text_layout import translate

GRAPH_HEIGHT_PX: Final = 90
GRAPH_MARGIN_PX: Final = 12
POINT_PX: Final = 5.0
DISC_SIDES: Final = 8
WORST_FRAMES: Final = 5
FONT: Final = 0
BACKGROUND_RGBA: Final = (0.05, 0.05, 0.06, 0.72)
LINE_RGBA: Final = (0.88, 0.88, 0.9, 1.0)
WORST_RGBA: Final = (0.93, 0.28, 0.24, 1.0)
CURSOR_RGBA: Final = (0.35, 0.62, 0.95, 1.0)
UNSEEN_RGBA: Final = (0.6, 0.6, 0.6, 0.8)

Rgba = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class FitErrors:
    """A dancer's keypoints and their distances from its body.

    Attributes:
        points: Stored keypoints.
        frame_mm: (T,) millimetres, mean over the visible points; NaN where no point was seen.
        worst: Frames with the largest errors, largest first, at least half a second apart.
    """

    points: StoredPoints
    frame_mm: F64
    worst: tuple[int, ...]


_cache: dict[tuple[str, str], FitErrors | None] = {}
_handlers: list[Any] = []


def clear_cache(*_arguments: object) -> None:
    """Discard computed errors after a file was loaded or an edit was undone."""
    _cache.clear()


def errors_of(dancer: bpy.types.Object) -> FitErrors | None:
    """Return the errors of a dancer, computed once, or None if it has no keypoints."""
    mesh = stored_mesh(dancer)
    key = (dancer.name_full, mesh.name_full if mesh is not None else "")
    if key not in _cache:
        try:
            points = stored_points(dancer)
            _cache[key] = None if points is None else _compute_errors(points, read_record(dancer).fps)
        except DancePoseError:
            _cache[key] = None
    return _cache[key]


def _compute_errors(points: StoredPoints, fps: float) -> FitErrors | None:
    error_mm = 1000.0 * points.error_m.astype(np.float64)
    seen = np.isfinite(error_mm)
    if not seen.any() or not error_mm[seen].any():
        return None
    counts = seen.sum(axis=1)
    sums = np.where(seen, error_mm, 0.0).sum(axis=1)
    frame_mm = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    apart = max(1, round(fps / 2.0))
    worst: list[int] = []
    for frame in np.argsort(-np.nan_to_num(frame_mm, nan=-1.0)).tolist():
        if all(abs(frame - other) >= apart for other in worst):
            worst.append(frame)
        if len(worst) == WORST_FRAMES:
            break
    return FitErrors(points, frame_mm, tuple(worst))


def start_overlay() -> None:
    """Start drawing. Without a window there is nothing to draw on."""
    if bpy.app.background:
        return
    view = bpy.types.SpaceView3D
    _handlers.append(view.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))
    for handlers in (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        handlers.append(clear_cache)


def stop_overlay() -> None:
    """Stop drawing."""
    for handler in _handlers:
        bpy.types.SpaceView3D.draw_handler_remove(handler, "WINDOW")
    _handlers.clear()
    for handlers in (bpy.app.handlers.load_post, bpy.app.handlers.undo_post, bpy.app.handlers.redo_post):
        if clear_cache in handlers:
            handlers.remove(clear_cache)
    clear_cache()


def _draw() -> None:
    context = bpy.context
    scene, space = context.scene, context.space_data
    if scene is None or not hasattr(scene, "dancepose_stage") or context.region is None:
        return
    if not isinstance(space, bpy.types.SpaceView3D) or not present(space.overlay).show_overlays:
        return
    stage = stage_of(scene)
    gpu.state.blend_set("ALPHA")
    try:
        if stage.show_points:
            for dancer in dancers_of(scene):
                if dancer.visible_get():
                    _draw_points(context, dancer, stage.point_range)
        selected = active_dancer(context)
        if stage.show_graph and selected is not None:
            _draw_graph(context, selected)
    finally:
        gpu.state.blend_set("NONE")


def _draw_points(context: bpy.types.Context, dancer: bpy.types.Object, red_mm: float) -> None:
    errors = errors_of(dancer)
    if errors is None:
        return
    record = read_record(dancer)
    frame = record.clip_frame(scene_of(context).frame_current_final)
    world, size = dancer.matrix_world, POINT_PX * ui_scale_of(context)
    corners: list[Point] = []
    colours: list[Rgba] = []
    for place, error_m in zip(
        errors.points.shown_m[frame].tolist(), errors.points.error_m[frame].tolist(), strict=True
    ):
        position = world @ Vector(place)
        spot = location_3d_to_region_2d(present(context.region), present(context.region_data), position)
        if spot is None:
            continue
        corners += _disc(spot.x, spot.y, size)
        colours += [colour_of(1000.0 * error_m, red_mm)] * (3 * DISC_SIDES)
    _triangles(corners, colours)


def colour_of(error_mm: float, red_mm: float) -> Rgba:
    """Return the colour of a point: green at 0, yellow half-way, red from ``red_mm`` on, grey if it was not seen."""
    if not np.isfinite(error_mm):
        return UNSEEN_RGBA
    part = min(max(error_mm / red_mm, 0.0), 1.0)
    return (min(1.0, 2.0 * part), min(1.0, 2.0 - 2.0 * part), 0.15, 1.0)


def _disc(x: float, y: float, radius: float) -> list[Point]:
    turns = 2.0 * np.pi * np.arange(DISC_SIDES + 1) / DISC_SIDES
    rim = [(x + radius * float(np.cos(turn)), y + radius * float(np.sin(turn))) for turn in turns]
    return [corner for side in range(DISC_SIDES) for corner in ((x, y), rim[side], rim[side + 1])]


def _draw_graph(context: bpy.types.Context, dancer: bpy.types.Object) -> None:
    errors = errors_of(dancer)
    if errors is None:
        return
    scale = ui_scale_of(context)
    margin, height = GRAPH_MARGIN_PX * scale, GRAPH_HEIGHT_PX * scale
    left, right = margin, present(context.region).width - margin - _sidebar_width(context)
    if right - left < 120 * scale:
        return
    record, curve = read_record(dancer), errors.frame_mm
    top_mm = max(float(np.nanmax(curve)), 1.0)
    base, tall = margin + 4 * scale, height - 22 * scale
    count = len(curve)

    def x_of(frame: float) -> float:
        return left + 6 * scale + (right - left - 12 * scale) * (frame / max(count - 1, 1))

    _rectangle(left, margin, right, margin + height, BACKGROUND_RGBA)
    columns = np.unique(np.linspace(0, count - 1, min(count, int(right - left))).round().astype(int)).tolist()
    bins = [*columns, count]
    heights = [
        float(np.nanmax(part)) if np.isfinite(part).any() else 0.0
        for part in (curve[start:end] for start, end in pairwise(bins))
    ]
    line = [(x_of(column), base + tall * value / top_mm) for column, value in zip(columns, heights, strict=True)]
    _strip(line, LINE_RGBA)
    for frame in errors.worst:
        _triangles(
            _disc(x_of(frame), base + tall * float(np.nan_to_num(curve[frame])) / top_mm, 3.5 * scale),
            [WORST_RGBA] * (3 * DISC_SIDES),
        )
    now = record.clip_frame(scene_of(context).frame_current_final)
    _strip([(x_of(now), base), (x_of(now), base + tall)], CURSOR_RGBA)
    numbers = (("Now", curve[now]), ("Mean", float(np.nanmean(curve))), ("Max", top_mm))
    _text(
        "   ".join((dancer.name, *(f"{translate(word)} {_mm(value)}" for word, value in numbers))),
        left + 8 * scale,
        margin + height - 14 * scale,
        scale,
    )


def _mm(value: float) -> str:
    return f"{value:.1f} mm" if np.isfinite(value) else translate("not seen")


def _sidebar_width(context: bpy.types.Context) -> int:
    """Return the width of the regions that overlap the view on the right, pixels."""
    if not present(present(context.preferences).system).use_region_overlap:
        return 0
    return sum(region.width for region in present(context.area).regions if region.type == "UI" and region.width > 1)


def _text(text: str, x: float, y: float, scale: float) -> None:
    blf.size(FONT, 11 * scale)
    blf.color(FONT, *LINE_RGBA)
    blf.position(FONT, x, y, 0)
    blf.draw(FONT, text)


def _rectangle(left: float, bottom: float, right: float, top: float, colour: Rgba) -> None:
    corners = [(left, bottom), (right, bottom), (right, top), (left, bottom), (right, top), (left, top)]
    _triangles(corners, [colour] * 6)


def _triangles(corners: list[Point], colours: Iterable[Rgba]) -> None:
    if corners:
        shader = gpu.shader.from_builtin("FLAT_COLOR")
        places = [(x, y, 0.0) for x, y in corners]
        batch_for_shader(shader, "TRIS", {"pos": places, "color": list(colours)}).draw(shader)


def _strip(line: list[Point], colour: Rgba) -> None:
    if len(line) > 1:
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        shader.uniform_float("color", colour)
        batch_for_shader(shader, "LINE_STRIP", {"pos": [(x, y, 0.0) for x, y in line]}).draw(shader)
