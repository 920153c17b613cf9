# SPDX-License-Identifier: Apache-2.0
"""Sequence figures: several poses of a motion in one picture, as papers print them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose.film_frames import PeopleInColour, people_of
from dancepose.film_request import Dancer
from dancepose.raster.gl_context import open_context
from dancepose.raster.picture_files import write_png
from dancepose.raster.rasteriser import Rasteriser
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.camera_framing import Shot, facing_vector, frame_points, unit_or_forward
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.picture_options import PictureOptions

MARGIN: Final = 0.02
SHADOW_M: Final = 0.25
"""Room in front of and behind the feet, for shadows."""
FAINTEST: Final = 0.25
"""Opacity of the first pose where poses fade."""
LARGEST_PX: Final = 8192
"""Longer side of a row: what OpenGL draws everywhere."""
MOST_PIXELS: Final = LARGEST_PX**2
"""Of a whole figure; as many as of the largest row."""


@dataclass(frozen=True)
class FigureOptions:
    """How a sequence figure is drawn.

    Attributes:
        poses: Number of poses, evenly spaced in time.
        times_s: Times of the poses instead, seconds; None for evenly spaced ones.
        spacing_m: Distance from pose to pose, metres; 0 leaves every pose where it was danced, and earlier ones fade.
        width_px: Longer side of the picture, pixels.
        transparent: Whether the background is transparent; shadows remain.
        picture: Floor, look and colours.
    """

    poses: int = 6
    times_s: tuple[float, ...] | None = None
    spacing_m: float = 1.1
    width_px: int = 3000
    transparent: bool = True
    picture: PictureOptions = PictureOptions()


def write_figure(out: Path, dancers: list[Dancer], options: FigureOptions) -> tuple[int, int]:
    """Write a sequence figure, one row for each dancer.

    Args:
        out: Picture to write, .png.
        dancers: The motions, from the top; partners are in the same row.
        options: How it is drawn.

    Returns:
        Width and height of the picture, pixels.

    Raises:
        EngineError: OpenGL or moderngl is missing.
        InputError: A time is outside a motion, or the picture would be too large.
        OutputError: The file cannot be written.
    """
    rows = [_pose_row(dancer, options) for dancer in dancers]
    width, height = max(row.size[0] for row in rows), sum(row.size[1] for row in rows)
    if width * height > MOST_PIXELS:
        raise InputError(
            f"The figure of {counted(len(rows), 'row')} would be {width} x {height} pixels; at most "
            f"{MOST_PIXELS / 1e6:.0f} million are drawn. Choose a smaller --width, or fewer motions."
        )
    whole = np.zeros((height, width, 4), np.uint8)
    top = 0
    for row in rows:
        drawn = _draw_row(row, options)
        left, bottom = (width - row.size[0]) // 2, top + row.size[1]
        whole[top:bottom] = drawn[:1, :1]  # the background, beside narrower rows
        whole[top:bottom, left : left + row.size[0]] = drawn
        top = bottom
    write_png(out, whole if options.transparent else np.ascontiguousarray(whole[..., :3]))
    return width, height


@dataclass(frozen=True)
class _Row:
    """The poses of one row of a figure.

    Attributes:
        people: Who is drawn.
        moments: For each moment the vertices of everyone, (V, 3) metres each.
        shot: The camera.
        size: Width and height, pixels.
    """

    people: PeopleInColour
    moments: list[list[F32]]
    shot: Shot
    size: tuple[int, int]


def _pose_row(dancer: Dancer, options: FigureOptions) -> _Row:
    times = _times_s(dancer, options)
    people = people_of(dancer, options.picture)
    moments = [list(people_then) for people_then in people.poses(times)]
    front = unit_or_forward(np.sum([facing_vector(motion.pose_rotmat) for motion in people.motions], axis=0))
    if options.spacing_m:
        moments = spaced(moments, front, options.spacing_m)
    poses = [pose for moment in moments for pose in moment]
    return _Row(people, moments, *framed(poses, front, options.width_px))


def _draw_row(row: _Row, options: FigureOptions) -> NDArray[np.uint8]:
    context = open_context()
    try:
        stage = options.picture.stage(transparent=options.transparent)
        raster = Rasteriser(row.people.bodies[0], row.shot, stage, size=row.size, context=context)
        return _draw_poses(raster, row, options)
    finally:
        context.release()  # Its buffers would be kept until the process ends, for every row.


def _draw_poses(raster: Rasteriser, row: _Row, options: FigureOptions) -> NDArray[np.uint8]:
    people, moments = row.people, row.moments
    if options.spacing_m:
        return raster.draw([pose for moment in moments for pose in moment], people.parts * len(moments))
    faded = None
    for number, moment in enumerate(moments):
        share = 1.0 if len(moments) == 1 else number / (len(moments) - 1)
        drawn = raster.draw(moment, people.parts)
        faded = (
            drawn
            if faded is None and not options.transparent
            else over(drawn, FAINTEST + (1.0 - FAINTEST) * share, faded)
        )
    assert faded is not None
    return faded


def _times_s(dancer: Dancer, options: FigureOptions) -> F64:
    length_s = (len(dancer.motion) - 1) / dancer.motion.fps
    if options.times_s is None:
        return np.linspace(0.0, length_s, options.poses) if options.poses > 1 else np.array([length_s / 2.0])
    outside = [time for time in options.times_s if not 0.0 <= time <= length_s + 1e-6]
    if outside:
        raise InputError(f"{outside[0]:g} s is outside the motion, which lasts {length_s:.2f} s. Give times within it.")
    return np.array(options.times_s)


def spaced(moments: list[list[F32]], front: F64, spacing_m: float) -> list[list[F32]]:
    """Return poses in a row from the left, each with its middle at the same distance from the next.

    Persons who are seen together keep their places, and their distance from each other is added to the spacing.

    Args:
        moments: For each moment the vertices of everyone, (V, 3) metres each, SMPL's axes.
        front: (3,), horizontal unit vector from the dancer to the camera.
        spacing_m: Distance from pose to pose, metres.
    """
    right = np.cross([0.0, 1.0, 0.0], front)
    apart = [np.ptp([(pose.min(axis=0) + pose.max(axis=0)) @ right / 2.0 for pose in moment]) for moment in moments]
    step_m = spacing_m + float(max(apart))
    moved = []
    for number, moment in enumerate(moments):
        low, high = (
            np.min([pose.min(axis=0) for pose in moment], axis=0),
            np.max([p.max(axis=0) for p in moment], axis=0),
        )
        middle = (low + high).astype(np.float64) / 2.0
        middle[1] = 0.0
        moved.append([(pose - middle + right * (number * step_m)).astype(np.float32) for pose in moment])
    return moved


def framed(poses: list[F32], front: F64, width_px: int) -> tuple[Shot, tuple[int, int]]:
    """Return the shot that just holds some poses, and the size of its picture.

    Args:
        poses: (V, 3) metres each, SMPL's axes.
        front: (3,), horizontal unit vector from the dancer to the camera.
        width_px: Width of the picture, pixels.

    Returns:
        The shot; width and height, pixels.

    Raises:
        InputError: The picture would be too large.
    """
    points = np.concatenate(poses).astype(np.float64)
    right = np.cross([0.0, 1.0, 0.0], front)
    feet = points[points[:, 1] < 0.1] if (points[:, 1] < 0.1).any() else points
    room = [feet * [1.0, 0.0, 1.0] + side * SHADOW_M * front for side in (-1.0, 1.0)]
    points = np.concatenate([points, *room])
    aspect = (np.ptp(points @ right) + 0.3) / (np.ptp(points[:, 1]) + 0.3)
    shot = frame_points(points, front=front, aspect=float(aspect), margin=MARGIN)
    if aspect < 1.0:
        width_px = max(16, round(width_px * aspect / 2.0) * 2)
    height_px = max(16, round(width_px / aspect / 2.0) * 2)
    if max(width_px, height_px) > LARGEST_PX:
        raise InputError(f"The figure would be {width_px} x {height_px} pixels. Choose a smaller --width.")
    return shot, (width_px, height_px)


def over(upper: NDArray[np.uint8], opacity: float, lower: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Lay a picture over another.

    Args:
        upper: (H, W, 4), sRGB with straight alpha.
        opacity: Factor on its alpha.
        lower: (H, W, 4), or None for an empty one.

    Returns:
        (H, W, 4).
    """
    alpha = upper[..., 3:].astype(np.float32) * (opacity / 255.0)
    below = np.zeros_like(upper) if lower is None else lower
    under = below[..., 3:].astype(np.float32) / 255.0 * (1.0 - alpha)
    whole = alpha + under
    rgb = (upper[..., :3] * alpha + below[..., :3] * under) / np.maximum(whole, 1e-6)
    return np.round(np.concatenate([rgb, 255.0 * whole], axis=2)).astype(np.uint8)
