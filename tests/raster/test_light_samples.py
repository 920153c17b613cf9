# SPDX-License-Identifier: Apache-2.0
"""Samples cover the lights, and views hold what they look at."""

import numpy as np
import pytest

from dancepose.raster.light_samples import (
    disc_samples,
    dome_directions,
    gather_samples,
    light_place_m,
    sphere_directions,
    views_of,
)
from dancepose_addon.core.stage_design import LIGHTS, light_direction, light_distance_m


def test_samples_lie_on_the_disc_around_its_centre(shot) -> None:
    for light in LIGHTS:
        offset = disc_samples(light, shot, 400) - light_place_m(light, shot)
        radius = light.size * light_distance_m(shot) / 2.0
        assert np.abs(offset @ light_direction(light)).max() < 1e-9
        assert np.linalg.norm(offset, axis=1).max() < radius
        # The mean squared distance from the centre of a uniform disc is half of its radius squared.
        assert (offset**2).sum(axis=1).mean() == pytest.approx(radius**2 / 2.0, rel=0.01)
        assert np.linalg.norm(offset.mean(axis=0)) < 0.02 * radius


def test_directions_are_even() -> None:
    sphere = sphere_directions(400)
    assert np.linalg.norm(sphere, axis=1) == pytest.approx(1.0)
    assert np.linalg.norm(sphere.mean(axis=0)) < 0.01
    assert (sphere.T @ sphere / 400).round(2) == pytest.approx(np.eye(3) / 3.0, abs=0.02)
    assert (dome_directions(40)[:, 2] > 0.7).all()


def test_views_hold_a_sphere_with_the_nearest_point_first(shot) -> None:
    samples = gather_samples(shot, (3, 2, 2), sphere_directions(5))
    centre, radius = np.array([0.4, -0.2, 1.0]), 1.3
    views = views_of(samples, centre, radius)
    for place, view in zip(samples.places, views, strict=True):
        towards = place[:3] - place[3] * centre
        towards /= np.linalg.norm(towards)
        for side, depth in ((1.0, 0.0), (0.0, 0.5), (-1.0, 1.0)):
            seen = view @ [*(centre + side * radius * towards), 1.0]
            assert seen == pytest.approx([0.0, 0.0, depth], abs=1e-5)
        across = np.cross(towards, [0.3, 0.5, 0.8])
        across /= np.linalg.norm(across)
        assert np.linalg.norm((view @ [*(centre + radius * across), 1.0])[:2]) == pytest.approx(1.0, abs=1e-5)
