# SPDX-License-Identifier: Apache-2.0
"""Floor, backdrop and lights of a shot as numbers, the same for every renderer.

Stage axes have their origin on the floor at the centre of the dance, x to the right of the picture, y away from the
camera and z up.
"""

from dataclasses import dataclass
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .arrays import F64
from .camera_framing import Shot

Rgb = tuple[float, float, float]

STAGE_VERSION: Final = 3
"""Increase with every change that alters a picture, so that finished frames of an older stage are not mixed in."""

BACKDROP_RGB: Final[Rgb] = (0.36, 0.365, 0.375)
WORLD_RGB: Final[Rgb] = (0.62, 0.65, 0.70)
WORLD_STRENGTH: Final = 0.20
CLEAR_BEHIND_M: Final = 2.5
SWEEP_M: Final = 14.0
SWEEP_STEPS: Final = 48
BOWL_SIDES: Final = 96
AIM_HEIGHT_M: Final = 1.0

FLOORS: Final = ("tiles", "plain", "none")
TILE_M: Final = 0.5
TILE_CONTRAST: Final = 0.20
"""Difference of light and dark tiles as a share of the backdrop's reflectance: visible, and quieter than the dancer."""

TILE_FADE: Final = 0.6
"""Share of the tiled floor's radius over which the tiles fade into the backdrop."""
TILE_SHADES: Final = 4
TILE_LIFT_M: Final = 0.001

CLOTH_ROUGHNESS: Final = 0.75
ROUGHNESS: Final = {"skin": 0.5, "lips": 0.42, "hair": 0.55, "sclera": 0.2, "iris": 0.2, "pupil": 0.2}
"""Roughness by material of the body; materials that are not listed are cloth."""
PLAIN_RGBA: Final = (0.55, 0.56, 0.58, 1.0)
"""Colour of a body without materials."""


@dataclass(frozen=True)
class SoftLight:
    """An area light.

    Size and power are given for a distance of one metre and scaled with the distance, so that the picture looks the
    same at any distance.

    Attributes:
        name: Name of the light.
        azimuth_deg: Horizontal angle from the camera's direction, positive to the right of the picture.
        elevation_deg: Angle above the floor.
        size: Diameter in metres at one metre.
        watts: Power at one metre.
        rgb: Scene-linear colour.
    """

    name: str
    azimuth_deg: float
    elevation_deg: float
    size: float
    watts: float
    rgb: Rgb


LIGHTS: Final = (
    SoftLight("key", -40.0, 50.0, 0.25, 13.0, (1.0, 0.965, 0.92)),
    SoftLight("fill", 48.0, 28.0, 0.75, 1.4, (0.90, 0.95, 1.0)),
    SoftLight("rim", 150.0, 50.0, 0.40, 7.0, (1.0, 1.0, 1.0)),
)


@dataclass(frozen=True)
class StageSettings:
    """Appearance of the stage.

    Attributes:
        backdrop_rgb: Scene-linear colour of floor and wall.
        light: Factor on the strength of every light.
        transparent: Whether the backdrop is transparent. Its shadow remains if the engine has shadow catchers.
        round: Whether the wall surrounds the stage, for cameras that circle.
        floor: ``tiles`` of half a metre, ``plain``, or ``none`` for neither floor nor wall.
    """

    backdrop_rgb: Rgb = BACKDROP_RGB
    light: float = 1.0
    transparent: bool = False
    round: bool = False
    floor: str = "plain"


def stage_axes(shot: Shot) -> F64:
    """Return the stage's axes in SMPL's axes.

    Args:
        shot: Shot of the stage, whose ``centre_m`` is the origin.

    Returns:
        (3, 3), whose columns are right, away from the camera, and up.
    """
    up = np.array([0.0, 1.0, 0.0])
    return np.stack([np.cross(up, shot.front), -shot.front, up], axis=1)


def sweep(shot: Shot) -> tuple[F64, NDArray[np.int64]]:
    """Return a floor that curves up into a wall, so gradually that no horizon is visible.

    Args:
        shot: Shot of the stage.

    Returns:
        Vertices, (V, 3) metres in stage axes; and quads, (Q, 4) indices of vertices.
    """
    camera_m = float((shot.position_m - shot.centre_m) @ shot.front)
    bend = bend_m(shot)
    profile = _sweep_profile()
    reach, rise = profile[-1]
    depth = np.concatenate([[-camera_m - bend - 4.0], bend + profile[:, 0], [bend + reach]])
    far = camera_m + bend + reach
    half_slope = math.tan(shot.field_rad / 2.0)
    wall_m = float(shot.position_m[1]) + far * half_slope * 1.5 + rise
    height = np.concatenate([[0.0], profile[:, 1], [wall_m]])
    half_width = 1.5 * far * half_slope * max(shot.aspect, 1.0) + float(shot.reach_m[0]) + 4.0
    sides = np.array([-half_width, half_width])
    vertices = np.stack(
        [np.tile(sides, len(depth)), np.repeat(depth, 2), np.repeat(height, 2)],
        axis=1,
    )
    first = 2 * np.arange(len(depth) - 1)[:, None]
    return vertices, first + np.array([0, 1, 3, 2])


def bend_m(shot: Shot) -> float:
    """Return where the floor of ``sweep`` begins to rise, metres behind the centre of the dance."""
    return float(shot.reach_m[1]) + CLEAR_BEHIND_M


def bowl(shot: Shot) -> tuple[F64, NDArray[np.int64]]:
    """Return a backdrop on all sides, for a camera that circles inside it.

    Args:
        shot: Shot of the stage.

    Returns:
        Vertices, (V, 3) metres in stage axes; and quads, (Q, 4) indices of vertices.
    """
    camera_m = float(np.linalg.norm((shot.position_m - shot.centre_m)[[0, 2]]))
    profile = _sweep_profile()
    bend = max(float(np.linalg.norm(shot.reach_m)) + CLEAR_BEHIND_M, camera_m + 1.0)
    reach, rise = profile[-1]
    wall_m = float(shot.position_m[1]) + 2.0 * (camera_m + bend + reach) * math.tan(shot.field_rad / 2.0) + rise
    radius = np.concatenate([[0.01], bend + profile[:, 0], [bend + reach]])
    height = np.concatenate([[0.0], profile[:, 1], [wall_m]])
    angles = np.linspace(0.0, 2.0 * math.pi, BOWL_SIDES, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    flat = (radius[:, None, None] * ring).reshape(-1, 2)
    vertices = np.concatenate([flat, np.repeat(height, BOWL_SIDES)[:, None]], axis=1)
    side = np.arange(BOWL_SIDES)
    after = (side + 1) % BOWL_SIDES
    quad = np.stack([side, after, after + BOWL_SIDES, side + BOWL_SIDES], axis=1)
    rows = BOWL_SIDES * np.arange(len(radius) - 1)[:, None, None]
    return vertices, (rows + quad).reshape(-1, 4)


def _sweep_profile() -> F64:
    """Return the curve from floor to wall, (N, 2) metres: depth and height.

    The curvature starts and ends at zero, as in a transition curve of a railway. On a circular arc the eye finds the
    line where it begins.
    """
    way = np.linspace(0.0, 1.0, SWEEP_STEPS + 1)
    slope = (math.pi / 2.0) * way * way * (3.0 - 2.0 * way)
    steps = np.stack([np.cos(slope), np.sin(slope)], axis=1)
    middles = (steps[1:] + steps[:-1]) / 2.0
    return SWEEP_M * np.concatenate([np.zeros((1, 2)), np.cumsum(middles, axis=0)]) / SWEEP_STEPS


def light_distance_m(shot: Shot) -> float:
    """Return a distance in metres at which the light hardly changes while the dancer moves through the space."""
    return 4.5 + 1.5 * float(shot.reach_m.max())


def light_direction(light: SoftLight) -> F64:
    """Return the unit vector from the dancer to a light in stage axes, (3,)."""
    azimuth, elevation = math.radians(light.azimuth_deg), math.radians(light.elevation_deg)
    level = math.cos(elevation)
    return np.array([level * math.sin(azimuth), -level * math.cos(azimuth), math.sin(elevation)])


def tiles_end_m(shot: Shot) -> float:
    """Return the distance from the centre of the dance at which the tiles have faded, metres."""
    return float(shot.reach_m.max()) + CLEAR_BEHIND_M


def tile_strength(distance_m: NDArray[np.floating], end_m: float) -> F64:
    """Return the contrast of tiles, 1 near the dance and 0 from ``end_m`` on."""
    return np.asarray(np.clip((end_m - distance_m) / (TILE_FADE * end_m), 0.0, 1.0))


def tile_quads(shot: Shot) -> tuple[F64, NDArray[np.int64], NDArray[np.int64]]:
    """Return the tiles as geometry, for renderers without textures.

    Args:
        shot: Shot of the stage.

    Returns:
        Vertices, (V, 3) metres in stage axes, a millimetre above the floor; quads, (Q, 4) indices of vertices; and the
        shade of each, (Q,), from -TILE_SHADES for the darkest to TILE_SHADES for the lightest, without 0.
    """
    end_m = tiles_end_m(shot)
    side = math.ceil(end_m / TILE_M)
    column, row = (part.ravel() for part in np.meshgrid(np.arange(-side, side), np.arange(-side, side)))
    distance = np.hypot(column + 0.5, row + 0.5) * TILE_M
    level = np.ceil(tile_strength(distance, end_m) * TILE_SHADES - 1e-9).astype(np.int64)
    shade = np.where((column + row) % 2 == 0, level, -level)
    kept = shade != 0
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    flat = (np.stack([column, row], axis=1)[kept][:, None] + corners).reshape(-1, 2) * TILE_M
    vertices = np.concatenate([flat, np.full((len(flat), 1), TILE_LIFT_M)], axis=1)
    return vertices, np.arange(len(flat)).reshape(-1, 4), shade[kept]


def shaded_tile(backdrop_rgb: Rgb, shade: int) -> Rgb:
    """Return the scene-linear colour of a tile of ``tile_quads``."""
    factor = 1.0 + TILE_CONTRAST / 2.0 * shade / TILE_SHADES
    red, green, blue = (min(1.0, value * factor) for value in backdrop_rgb)
    return red, green, blue


def tile_colours(backdrop_rgb: Rgb) -> tuple[Rgb, Rgb]:
    """Return the scene-linear colours of light and dark tiles, whose mean is the backdrop's."""
    return shaded_tile(backdrop_rgb, TILE_SHADES), shaded_tile(backdrop_rgb, -TILE_SHADES)
