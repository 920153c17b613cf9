# SPDX-License-Identifier: Apache-2.0
"""Points on the area lights and directions of the surroundings from which shadows are cast."""

from dataclasses import dataclass
import math
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.camera_framing import Shot
from dancepose_addon.core.stage_design import (
    AIM_HEIGHT_M,
    LIGHTS,
    SoftLight,
    light_direction,
    light_distance_m,
)

STEEP: Final = 0.65
"""Largest sine of the angle between a direction of the dome and the vertical."""
GOLDEN_RAD: Final = math.pi * (3.0 - math.sqrt(5.0))


@dataclass(frozen=True)
class LightSamples:
    """Where light comes from, in stage axes.

    Attributes:
        places: (N, 4): points in metres with a last entry of 1, and unit directions with 0.
        group: (N,), 0 to 2 for the lights in the order of ``LIGHTS``, 3 for the surroundings.
    """

    places: F64
    group: F64


def light_place_m(light: SoftLight, shot: Shot) -> F64:
    """Return the centre of a light in stage axes, (3,) metres."""
    return np.array([0.0, 0.0, AIM_HEIGHT_M]) + light_distance_m(shot) * light_direction(light)


def disc_samples(light: SoftLight, shot: Shot, count: int) -> F64:
    """Return points that cover a light's disc evenly (Vogel's spiral).

    Args:
        light: The light.
        shot: Shot that it illuminates.
        count: Number of points.

    Returns:
        (count, 3), metres, stage axes.
    """
    towards = light_direction(light)
    across = np.cross([0.0, 0.0, 1.0], towards)
    across /= np.linalg.norm(across)
    upward = np.cross(towards, across)
    number = np.arange(count)
    radius = light.size * light_distance_m(shot) / 2.0 * np.sqrt((number + 0.5) / count)
    angle = GOLDEN_RAD * number
    flat = radius[:, None] * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * upward)
    return np.asarray(light_place_m(light, shot) + flat)


def sphere_directions(count: int) -> F64:
    """Return unit vectors that cover the sphere evenly, (count, 3), the lowest first (Fibonacci's spiral)."""
    number = np.arange(count)
    height = (2.0 * number + 1.0) / count - 1.0
    level = np.sqrt(1.0 - height**2)
    return np.stack([level * np.cos(GOLDEN_RAD * number), level * np.sin(GOLDEN_RAD * number), height], axis=1)


def dome_directions(count: int) -> F64:
    """Return unit vectors of the upper half space, (count, 3), as dense as a horizontal plane receives light.

    Directions near the horizon are left out: their shadows are long, and too faint to be seen.
    """
    number = np.arange(count)
    level = STEEP * np.sqrt((number + 0.5) / count)
    return np.stack(
        [level * np.cos(GOLDEN_RAD * number), level * np.sin(GOLDEN_RAD * number), np.sqrt(1.0 - level**2)], axis=1
    )


def gather_samples(shot: Shot, counts: tuple[int, int, int], surroundings: F64) -> LightSamples:
    """Return the samples of all lights, followed by directions of the surroundings.

    Args:
        shot: Shot that is illuminated.
        counts: Samples of each light, in the order of ``LIGHTS``.
        surroundings: (M, 3), unit vectors.

    Returns:
        The samples.
    """
    discs = [disc_samples(light, shot, count) for light, count in zip(LIGHTS, counts, strict=True)]
    points = np.concatenate(discs)
    places = np.concatenate(
        [np.pad(points, ((0, 0), (0, 1)), constant_values=1.0), np.pad(surroundings, ((0, 0), (0, 1)))]
    )
    group = np.repeat(np.arange(4), [*counts, len(surroundings)])
    return LightSamples(places, group)


def views_of(samples: LightSamples, centre_m: F64, radius_m: float) -> F32:
    """Return orthographic views of a sphere from every sample.

    Args:
        samples: Where the views look from.
        centre_m: (3,), metres, stage axes.
        radius_m: Radius of the sphere, metres.

    Returns:
        (N, 3, 4), from stage axes to x and y in [-1, 1] and a depth in [0, 1], nearest first.
    """
    towards = samples.places[:, :3] - samples.places[:, 3:] * centre_m
    towards = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    helper = np.where(np.abs(towards[:, 2:]) > 0.9, [[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]])
    across = np.cross(helper, towards)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    upward = np.cross(towards, across)
    turn = np.stack([across, upward, -0.5 * towards], axis=1) / radius_m
    shift = -turn @ centre_m + [0.0, 0.0, 0.5]
    return np.concatenate([turn, shift[:, :, None]], axis=2).astype(np.float32)
