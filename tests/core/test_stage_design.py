# SPDX-License-Identifier: Apache-2.0
"""Floor, backdrop, tiles and lights by hand calculation, for a camera at 6 m with a field of view of 90 degrees."""

from dataclasses import replace
import math

import numpy as np
import pytest
from scipy.integrate import quad

from dancepose_addon.core import stage_design
from dancepose_addon.core.camera_framing import Shot
from dancepose_addon.core.stage_design import (
    BOWL_SIDES,
    LIGHTS,
    SWEEP_STEPS,
    SoftLight,
    StageSettings,
    bend_m,
    bowl,
    light_direction,
    light_distance_m,
    shaded_tile,
    stage_axes,
    sweep,
    tile_colours,
    tile_quads,
    tile_strength,
    tiles_end_m,
)

SHOT = Shot(
    position_m=np.array([1.0, 1.5, 8.0]),
    rotmat=np.eye(3),
    field_rad=math.pi / 2.0,
    aspect=1.5,
    front=np.array([0.0, 0.0, 1.0]),
    centre_m=np.array([1.0, 0.0, 2.0]),
    reach_m=np.array([2.0, 3.0]),
)


def slope_rad(way: float) -> float:
    """Slope of the curve from floor to wall, whose curvature is zero at both ends."""
    return (math.pi / 2.0) * (3.0 * way**2 - 2.0 * way**3)


REACH = 14.0 * quad(lambda way: math.cos(slope_rad(way)), 0.0, 1.0)[0]
RISE = 14.0 * quad(lambda way: math.sin(slope_rad(way)), 0.0, 1.0)[0]


def test_axes_are_right_away_and_up() -> None:
    assert stage_axes(SHOT) == pytest.approx(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]))
    beside = stage_axes(replace(SHOT, front=np.array([1.0, 0.0, 0.0]))).T
    assert beside == pytest.approx(np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))


@pytest.mark.parametrize(("aspect", "wide"), [(1.5, 1.5), (0.5, 1.0)])
def test_the_floor_begins_behind_the_camera_and_ends_in_a_wall(aspect: float, wide: float) -> None:
    assert bend_m(SHOT) == 5.5
    vertices, quads = sweep(replace(SHOT, aspect=aspect))
    far = 6.0 + 5.5 + REACH
    assert len(vertices) == 2 * (SWEEP_STEPS + 3)
    assert vertices[:2, 1:] == pytest.approx(np.array([[-15.5, 0.0]] * 2))
    assert vertices[2:4, 1:] == pytest.approx(np.array([[5.5, 0.0]] * 2))
    assert vertices[-4:-2, 1:] == pytest.approx(np.array([[5.5 + REACH, RISE]] * 2), rel=1e-3)
    assert vertices[-2:, 1:] == pytest.approx(np.array([[5.5 + REACH, 1.5 + 1.5 * far + RISE]] * 2), rel=1e-3)
    half = 1.5 * far * wide + 2.0 + 4.0
    assert vertices[0::2, 0] == pytest.approx(np.full(SWEEP_STEPS + 3, -half), rel=1e-3)
    assert vertices[1::2, 0] == pytest.approx(np.full(SWEEP_STEPS + 3, half), rel=1e-3)
    assert quads.tolist() == [[2 * row, 2 * row + 1, 2 * row + 3, 2 * row + 2] for row in range(SWEEP_STEPS + 2)]
    steps = np.diff(vertices[2:-2:2, 1:], axis=0)
    assert np.linalg.norm(steps, axis=1) == pytest.approx(np.full(SWEEP_STEPS, 14.0 / SWEEP_STEPS), rel=1e-3)
    assert (np.diff(steps[:, 1]) > 0.0).all()  # ever steeper


@pytest.mark.parametrize(("reach", "bend"), [((2.0, 3.0), 7.0), ((6.0, 8.0), 12.5)])
def test_the_bowl_holds_the_camera_and_the_dance(reach: tuple[float, float], bend: float) -> None:
    """Its floor ends a metre behind the camera at 6 m or 2.5 m behind the corner of the danced space."""
    vertices, quads = bowl(replace(SHOT, reach_m=np.array(reach)))
    rings = vertices.reshape(SWEEP_STEPS + 3, BOWL_SIDES, 3)
    radius = np.linalg.norm(rings[..., :2], axis=2)
    assert radius == pytest.approx(np.repeat(radius[:, :1], BOWL_SIDES, axis=1))
    assert radius[[0, 1], 0] == pytest.approx([0.01, bend])
    assert radius[[-2, -1], 0] == pytest.approx([bend + REACH] * 2, rel=1e-3)
    assert np.ptp(rings[..., 2], axis=1) == pytest.approx(np.zeros(len(rings)))
    assert rings[[0, 1, -2, -1], 0, 2] == pytest.approx(
        [0.0, 0.0, RISE, 1.5 + 2.0 * (6.0 + bend + REACH) + RISE], rel=1e-3
    )
    turn = np.arctan2(rings[1, :, 1], rings[1, :, 0]) % (2.0 * math.pi)
    assert turn == pytest.approx(np.arange(BOWL_SIDES) * 2.0 * math.pi / BOWL_SIDES)
    expected = [
        [row * 96 + side, row * 96 + (side + 1) % 96, (row + 1) * 96 + (side + 1) % 96, (row + 1) * 96 + side]
        for row in range(SWEEP_STEPS + 2)
        for side in range(96)
    ]
    assert quads.tolist() == expected


@pytest.mark.parametrize(
    ("azimuth", "elevation", "expected"),
    [
        (0.0, 0.0, (0.0, -1.0, 0.0)),  # at the camera
        (90.0, 0.0, (1.0, 0.0, 0.0)),  # to the right
        (0.0, 90.0, (0.0, 0.0, 1.0)),  # above
        (30.0, 60.0, (0.25, -math.sqrt(3.0) / 4.0, math.sqrt(3.0) / 2.0)),
    ],
)
def test_directions_of_lights(azimuth: float, elevation: float, expected: tuple[float, float, float]) -> None:
    light = SoftLight("some", azimuth, elevation, 1.0, 1.0, (1.0, 1.0, 1.0))
    assert light_direction(light) == pytest.approx(expected, abs=1e-12)


def test_lights_move_away_from_wide_dances() -> None:
    assert light_distance_m(SHOT) == 9.0


def test_tiles_fade() -> None:
    strength = tile_strength(np.array([0.0, 2.0, 3.5, 5.0, 6.0]), 5.0)
    assert strength == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0])


def test_tiles_are_a_chequerboard_of_half_metres() -> None:
    assert tiles_end_m(SHOT) == 5.5
    vertices, quads, shade = tile_quads(SHOT)
    expected = {}
    for column in range(-20, 20):
        for row in range(-20, 20):
            away = math.hypot(0.5 * column + 0.25, 0.5 * row + 0.25)
            level = math.ceil(4.0 * min(1.0, max(0.0, (5.5 - away) / 3.3)))
            if level:
                expected[0.5 * column, 0.5 * row] = level if (column + row) % 2 == 0 else -level
    found = {}
    for corners, value in zip(vertices[quads], shade.tolist(), strict=True):
        x, y, _ = corners[0].tolist()
        found[x, y] = value
        assert corners.tolist() == [[x, y, 0.001], [x + 0.5, y, 0.001], [x + 0.5, y + 0.5, 0.001], [x, y + 0.5, 0.001]]
    assert found == expected


def test_colours_of_tiles() -> None:
    assert shaded_tile((0.5, 0.2, 0.95), 4) == pytest.approx((0.55, 0.22, 1.0))
    assert shaded_tile((0.5, 0.2, 0.1), -2) == pytest.approx((0.475, 0.19, 0.095))
    light, dark = tile_colours((0.5, 0.2, 0.1))
    assert light == pytest.approx((0.55, 0.22, 0.11))
    assert dark == pytest.approx((0.45, 0.18, 0.09))


def test_whoever_changes_the_picture_changes_the_version() -> None:
    """Frames of an older stage are rendered again only if STAGE_VERSION differs."""
    numbers = (
        stage_design.STAGE_VERSION, stage_design.BACKDROP_RGB, stage_design.WORLD_RGB, stage_design.WORLD_STRENGTH,
        stage_design.AIM_HEIGHT_M, stage_design.CLOTH_ROUGHNESS, stage_design.PLAIN_RGBA,
    )  # fmt: skip
    assert numbers == (3, (0.36, 0.365, 0.375), (0.62, 0.65, 0.7), 0.2, 1.0, 0.75, (0.55, 0.56, 0.58, 1.0))
    rough = {"skin": 0.5, "lips": 0.42, "hair": 0.55, "sclera": 0.2, "iris": 0.2, "pupil": 0.2}
    assert rough == stage_design.ROUGHNESS
    assert [
        (light.name, light.azimuth_deg, light.elevation_deg, light.size, light.watts, light.rgb) for light in LIGHTS
    ] == [
        ("key", -40.0, 50.0, 0.25, 13.0, (1.0, 0.965, 0.92)),
        ("fill", 48.0, 28.0, 0.75, 1.4, (0.9, 0.95, 1.0)),
        ("rim", 150.0, 50.0, 0.4, 7.0, (1.0, 1.0, 1.0)),
    ]
    assert StageSettings() == StageSettings((0.36, 0.365, 0.375), 1.0, False, False, "plain")
