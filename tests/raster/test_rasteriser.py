# SPDX-License-Identifier: Apache-2.0
"""Pictures of the fast engine against projections and integrals computed here."""

import numpy as np
import pytest

from dancepose.raster.display_transform import displayed
from dancepose.raster.light_samples import disc_samples
from dancepose_addon.core.camera_framing import project
from dancepose_addon.core.errors import EngineError
from dancepose_addon.core.stage_design import (
    LIGHTS,
    WORLD_RGB,
    WORLD_STRENGTH,
    StageSettings,
    light_direction,
    light_distance_m,
    stage_axes,
)

from .conftest import SIZE


@pytest.fixture(scope="module")
def vertices(body, standing):
    return standing.vertices(body)[0]


def draw(context, body, shot, vertices, **stage):
    from dancepose.raster.rasteriser import Rasteriser

    return Rasteriser(body, shot, StageSettings(**stage), size=SIZE, context=context).draw(vertices)


def pixel_of(shot, point) -> tuple[int, int]:
    """Row and column of a point."""
    x, y, _ = project(shot, np.asarray(point, np.float64))
    return int((0.5 - 0.5 * y) * SIZE[1]), int((0.5 + 0.5 * x) * SIZE[0])


def test_the_silhouette_is_where_the_vertices_are_projected(context, body, shot, vertices) -> None:
    pixels = draw(context, body, shot, [vertices], transparent=True, floor="none")
    seen = project(shot, vertices)
    columns, rows = (0.5 + 0.5 * seen[:, 0]) * SIZE[0], (0.5 - 0.5 * seen[:, 1]) * SIZE[1]
    filled = pixels[..., 3] > 127
    covered_rows, covered_columns = np.flatnonzero(filled.any(axis=1)), np.flatnonzero(filled.any(axis=0))
    assert covered_rows[[0, -1]] + [0, 1] == pytest.approx([rows.min(), rows.max()], abs=1.0)
    assert covered_columns[[0, -1]] + [0, 1] == pytest.approx([columns.min(), columns.max()], abs=1.0)
    inside = np.stack([rows, columns], axis=1).astype(int).clip(0, [SIZE[1] - 1, SIZE[0] - 1])
    # A vertex on the edge may cover no sample of that pixel.
    padded = np.pad(pixels[..., 3] > 0, 1)
    shifts = [(dy, dx) for dy in (0, 1, 2) for dx in (0, 1, 2)]
    near = np.any([padded[inside[:, 0] + dy, inside[:, 1] + dx] for dy, dx in shifts], axis=0)
    assert near.all()


def test_the_left_hand_is_on_the_left_of_the_body(context, body, shot, vertices) -> None:
    """The dancer faces the camera, so the left hand is at the right of the picture, and a T-pose's head is up."""
    raised = vertices.copy()
    raised[vertices[:, 0] > 0.55, 1] += 0.5  # the left hand
    pixels = draw(context, body, shot, [raised], transparent=True, floor="none")
    plain = draw(context, body, shot, [vertices], transparent=True, floor="none")
    changed = np.flatnonzero((pixels[..., 3] != plain[..., 3]).any(axis=0))
    assert changed.min() > SIZE[0] / 2


def test_the_floor_is_as_bright_as_its_lights_make_it(context, body, shot) -> None:
    """The floor beside the dancer against a sum over 4,000 points of each light."""
    pixels = draw(context, body, shot, [])
    point = shot.centre_m + np.array([0.0, 0.0, -0.6]) @ stage_axes(shot).T * 0.0
    radiance = np.pi * np.array(WORLD_RGB) * WORLD_STRENGTH
    for light in LIGHTS:
        samples = disc_samples(light, shot, 4000)
        way = samples - np.zeros(3)
        distance2 = (way**2).sum(axis=1)
        cosines = way[:, 2] / np.sqrt(distance2) * (way @ light_direction(light)) / np.sqrt(distance2)
        power = 0.25 * light.watts * light_distance_m(shot) ** 2
        radiance = radiance + power * np.array(light.rgb) * (cosines / distance2).mean()
    expected = displayed(np.array(StageSettings().backdrop_rgb) / np.pi * radiance) * 255.0
    # Light between floor and wall adds a little.
    shown = pixels[pixel_of(shot, point)][:3].astype(float)
    assert (shown >= expected - 2.0).all()
    assert (shown <= expected + 12.0).all()


def test_shadows_are_where_the_key_light_is_covered(context, body, shot, vertices) -> None:
    lit, dark = draw(context, body, shot, []), draw(context, body, shot, [vertices])
    axes = stage_axes(shot)
    place = (vertices - shot.centre_m) @ axes
    # Where rays from the key light through the lower legs reach the floor.
    legs = place[(place[:, 2] > 0.1) & (place[:, 2] < 0.4)]
    source = np.array([0.0, 0.0, 1.0]) + light_distance_m(shot) * light_direction(LIGHTS[0])
    ground = source + (legs - source) * (source[2] / (source[2] - legs[:, 2:]))
    changes = []
    for point in ground[::8] @ axes.T + shot.centre_m:
        row, column = pixel_of(shot, point)
        if 0 <= row < SIZE[1] and 0 <= column < SIZE[0]:
            changes.append(int(lit[row, column, 1]) - int(dark[row, column, 1]))
    assert len(changes) > 20
    assert np.median(changes) > 8
    far = pixel_of(shot, shot.centre_m + np.array([0.0, 0.0, 0.0]) + axes[:, 0] * -0.8)
    assert abs(int(lit[far][1]) - int(dark[far][1])) <= 6


def test_equal_input_gives_equal_bits(context, body, shot, vertices) -> None:
    moved = vertices + np.array([0.05, 0.0, 0.1], np.float32)
    from dancepose.raster.rasteriser import Rasteriser

    raster = Rasteriser(body, shot, StageSettings(floor="tiles"), size=SIZE, context=context)
    first = raster.draw([vertices])
    raster.draw([moved])
    assert (raster.draw([vertices]) == first).all()
    again = Rasteriser(body, shot, StageSettings(floor="tiles"), size=SIZE, context=context)
    assert (again.draw([vertices]) == first).all()


def test_tiles_are_half_a_metre(context, body, shot) -> None:
    """Neighbouring tiles differ, those one further agree, in the direction of the camera's right."""
    pixels = draw(context, body, shot, [], floor="tiles").astype(int)
    right, away = stage_axes(shot)[:, 0], stage_axes(shot)[:, 1]

    def shade(column: float) -> int:
        return int(pixels[pixel_of(shot, shot.centre_m + right * column + away * 0.25)][1])

    assert abs(shade(0.25) - shade(-0.25)) > 5
    assert shade(0.1) == pytest.approx(shade(0.4), abs=3)
    assert (shade(0.25) - shade(-0.25)) * (shade(0.6) - shade(0.4)) < 0


def test_the_outline_of_a_cut_out_covers_its_share_of_each_pixel(context, body, shot, vertices) -> None:
    """Against a picture of eight times the size, whose pixels are counted."""
    stage = StageSettings(transparent=True, floor="none")
    pixels = draw(context, body, shot, [vertices], transparent=True, floor="none")[..., 3] / 255.0
    from dancepose.raster.rasteriser import Rasteriser

    large = Rasteriser(body, shot, stage, size=(8 * SIZE[0], 8 * SIZE[1]), context=context).draw([vertices])[..., 3]
    covered = (large / 255.0).reshape(SIZE[1], 8, SIZE[0], 8).mean(axis=(1, 3))
    outline = (covered > 0.02) & (covered < 0.98)
    assert np.abs(pixels - covered)[outline].mean() < 0.04  # four samples a pixel: 0.07
    assert np.abs(pixels - covered)[~outline].max() < 0.1


def test_a_shadow_remains_on_a_transparent_background(context, body, shot, vertices) -> None:
    alpha = draw(context, body, shot, [vertices], transparent=True)[..., 3]
    assert alpha[0, 0] == 0
    assert ((alpha > 10) & (alpha < 200)).sum() > 50
    assert (alpha == 255).sum() > 500


def test_an_engine_without_moderngl_says_what_to_install(monkeypatch) -> None:
    import sys

    from dancepose.raster.gl_context import open_context

    monkeypatch.setitem(sys.modules, "moderngl", None)
    with pytest.raises(EngineError, match=r"extra `fast`.*libegl1"):
        open_context()


def test_a_picture_without_memory_is_one_sentence(context, body, shot, monkeypatch) -> None:
    import moderngl

    from dancepose.raster.rasteriser import Rasteriser

    def refuse(_self) -> None:
        raise moderngl.Error("the framebuffer is not complete")

    monkeypatch.setattr(Rasteriser, "_make_framebuffers", refuse)
    with pytest.raises(EngineError, match="no memory for a picture of 96 x 160 pixels"):
        Rasteriser(body, shot, StageSettings(), size=SIZE, context=context)


@pytest.mark.parametrize("name", ["FloorShadow", "SelfShadow"])
def test_a_refusal_of_the_driver_is_one_sentence(context, body, shot, monkeypatch, name: str) -> None:
    import moderngl

    from dancepose.raster import rasteriser

    def refuse(*_args: object) -> None:
        raise moderngl.Error("the framebuffer is not complete (UNSUPPORTED)")

    monkeypatch.setattr(rasteriser, name, refuse)
    with pytest.raises(EngineError, match=r"cannot draw the picture \(the framebuffer is not complete"):
        rasteriser.Rasteriser(body, shot, StageSettings(), size=SIZE, context=context)
