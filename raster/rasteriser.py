# SPDX-License-Identifier: Apache-2.0
"""Draws bodies on a stage: the same floor, lights, camera and colours as the Blender scenes."""

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.camera_framing import Shot
from dancepose_addon.core.errors import EngineError
from dancepose_addon.core.stage_design import (
    LIGHTS,
    TILE_FADE,
    TILE_M,
    WORLD_RGB,
    WORLD_STRENGTH,
    StageSettings,
    bowl,
    light_direction,
    light_distance_m,
    stage_axes,
    sweep,
    tile_colours,
    tiles_end_m,
)

from .body_surface import MaterialPart, surface_of
from .gl_context import CLIP_DISTANCES, engine_errors, open_context, renderer_name
from .light_samples import light_place_m
from .programs import Programs, set_uniform
from .shadows import FloorShadow, SelfShadow, ShadowedFloor

if TYPE_CHECKING:
    import moderngl

ENGINE_VERSION: Final = 4
"""Increase with every change that alters a picture."""
MSAA: Final = 4
CUT_OUT_SCALE: Final = 2
"""Pictures with a transparent background are drawn so many times as large and averaged: 16 samples a pixel. Other
pictures' outlines need no more than ``MSAA``, and would cost three times as much."""
NEAR_M: Final = 0.1
BEYOND_M: Final = 60.0
WATT_TO_RADIANCE: Final = 0.25
"""Cycles' area lights of P watts emit P / (4 A) of radiance from an area A."""
FLOOR_BOUNCE: Final = 1.0
"""Share of the floor's radiance that reaches downward faces."""
BACKDROP_BOUNCE: Final = 0.12
"""Light that floor and wall receive from each other, as a share of the lights' on the floor."""


@dataclass
class _BodyBuffers:
    """What the driver holds of one body.

    Attributes:
        positions: Buffer of the vertices.
        normals: Buffer of their normals.
        visibility: Buffer of what they see.
        arrays: Vertex arrays by program.
    """

    positions: Any
    normals: Any
    visibility: Any
    arrays: dict[str, Any]


class Rasteriser:
    """Draws frames of one shot.

    Args:
        body: The body.
        shot: Shot that the stage is built for.
        stage: Appearance of the stage.
        size: Width and height, pixels.
        context: OpenGL context; None to open one.
    """

    @engine_errors
    def __init__(
        self,
        body: BodyModel,
        shot: Shot,
        stage: StageSettings,
        *,
        size: tuple[int, int],
        context: "moderngl.Context | None" = None,
    ) -> None:
        self._context = context = open_context() if context is None else context
        self.renderer = renderer_name(context)
        self._shot, self._stage = shot, stage
        largest = int(context.info["GL_MAX_TEXTURE_SIZE"])
        self._scale = CUT_OUT_SCALE if stage.transparent and CUT_OUT_SCALE * max(size) <= largest else 1
        self._size = (self._scale * size[0], self._scale * size[1])
        self._axes = stage_axes(shot)
        self._programs = Programs(context)
        self._surface = surface_of(body.shown)
        self._screen = context.buffer(np.array([-1, -1, 1, -1, -1, 1, 1, 1], np.float32).tobytes())
        self._indices = context.buffer(np.ascontiguousarray(self._surface.faces).tobytes())
        self._coarse_indices = context.buffer(np.ascontiguousarray(self._surface.coarse).tobytes())
        self._bodies: list[_BodyBuffers] = []
        self._make_targets()
        self._floor = FloorShadow(context, self._programs, shot, self._screen)
        self._own = SelfShadow(context, self._programs, shot)
        self._ground = context.vertex_array(self._programs["ground"], [(self._screen, "2f", "corner")])
        self._compose = context.vertex_array(self._programs["compose"], [(self._screen, "2f", "corner")])
        self._backdrop = self._make_backdrop() if stage.floor != "none" and not stage.transparent else None
        self._programs.set_everywhere(**light_uniforms(shot, stage), **floor_uniforms(shot, stage))
        self._camera: tuple[bytes, bytes] | None = None
        self.set_camera(shot.position_m, shot.rotmat)

    def _make_targets(self) -> None:
        import moderngl

        try:
            self._make_framebuffers()
        except (moderngl.Error, MemoryError) as error:
            raise EngineError(
                f"OpenGL has no memory for a picture of {self._size[0]} x {self._size[1]} pixels ({error}). Choose a "
                "smaller one."
            ) from error

    def _make_framebuffers(self) -> None:
        context, size = self._context, self._size
        samples = min(MSAA, context.max_samples)
        colour, depth = context.renderbuffer(size, samples=samples), context.depth_renderbuffer(size, samples=samples)
        self._smooth = context.framebuffer([colour], depth)
        self._resolved_texture = context.texture(size, 4)
        self._resolved = context.framebuffer([self._resolved_texture])
        self._background = context.framebuffer([context.texture(size, 4)])
        self._picture = context.framebuffer([context.texture(size, 4)])

    def _make_backdrop(self) -> Any:
        vertices, quads = bowl(self._shot) if self._stage.round else sweep(self._shot)
        triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
        normals = _smooth_normals(vertices, triangles)
        data = np.concatenate([vertices, normals], axis=1).astype(np.float32)
        context = self._context
        return context.vertex_array(
            self._programs["backdrop"],
            [(context.buffer(data.tobytes()), "3f 3f", "position", "normal")],
            context.buffer(triangles.astype(np.int32).tobytes()),
        )

    @engine_errors
    def set_camera(self, position_m: F64, rotmat: F64) -> None:
        """Place the camera and draw the stage without dancers.

        Args:
            position_m: (3,) metres, SMPL's axes.
            rotmat: (3, 3), whose columns are the camera's right, up and backward in SMPL's axes.
        """
        wanted = (position_m.tobytes(), rotmat.tobytes())
        if wanted == self._camera:
            return
        self._camera = wanted
        place = (position_m - self._shot.centre_m) @ self._axes
        self._matrix = camera_matrix(place, self._axes.T @ rotmat, self._shot)
        self._programs.set_everywhere(camera=self._matrix.T, eye=place)
        context = self._context
        self._background.use()
        context.enable_only(context.NOTHING)
        shown = (0.0, 0.0, 0.0, 0.0) if self._stage.transparent else (*_world_colour(self._stage), 1.0)
        self._background.clear(*shown)
        if self._backdrop is not None:
            self._backdrop.render()

    @engine_errors
    def draw(self, bodies: list[F32], parts: Sequence[tuple[MaterialPart, ...]] | None = None) -> NDArray[np.uint8]:
        """Draw bodies.

        Args:
            bodies: (V, 3) metres, SMPL's axes, the vertices of each.
            parts: Colours of each body (``material_parts``); None for those of the rasteriser's body.

        Returns:
            (H, W, 4), sRGB with straight alpha, the top row first. Without bodies: the stage alone.
        """
        context = self._context
        if not bodies:
            return self._read(self._background)
        placed = [self._upload(number, body) for number, body in enumerate(bodies)]
        shown = self._bodies[: len(bodies)]
        ground = None
        if self._stage.floor != "none":
            for distance in CLIP_DISTANCES:
                context.enable_direct(distance)
            ground = self._floor.draw([buffers.arrays["planar"] for buffers in shown], placed)
            for distance in CLIP_DISTANCES:
                context.disable_direct(distance)
        for buffers, vertices in zip(shown, placed, strict=True):
            arrays = buffers.arrays
            self._own.draw_depth(arrays["depth"], vertices)
            # Computed while the driver draws the shadow maps.
            buffers.normals.write(self._surface.normals(vertices))
            self._own.look(arrays["visibility"], buffers.visibility)
        window = self._window(placed)
        self._draw_bodies(shown, window, parts or [self._surface.parts] * len(shown))
        self._picture.use()
        context.copy_framebuffer(self._picture, self._background)
        context.enable_only(context.NOTHING)
        if ground is not None:
            self._draw_ground(ground)
        self._compose_bodies(window)
        return self._read(self._picture)

    def _read(self, target: Any) -> NDArray[np.uint8]:
        width, height = self._size
        data = np.frombuffer(target.read(components=4, alignment=1), np.uint8).reshape(height, width, 4)
        if self._scale > 1:
            blocks = data.reshape(height // self._scale, self._scale, width // self._scale, self._scale, 4)
            data = np.round(blocks.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)
        return straight_alpha(data) if self._stage.transparent else data

    def placed(self, body: F32) -> F32:
        """Return vertices, (V, 3) metres, in the axes of the stage."""
        return np.ascontiguousarray((body - self._shot.centre_m.astype(np.float32)) @ self._axes.astype(np.float32))

    def _upload(self, number: int, body: F32) -> F32:
        vertices = self.placed(body)
        while len(self._bodies) <= number:
            self._bodies.append(self._make_buffers(len(vertices)))
        buffers = self._bodies[number]
        buffers.positions.write(vertices)
        return vertices

    def _make_buffers(self, count: int) -> _BodyBuffers:
        context, programs = self._context, self._programs
        positions, normals = context.buffer(reserve=12 * count), context.buffer(reserve=12 * count)
        visibility = context.buffer(reserve=20 * count)
        place, normal = (positions, "3f", "position"), (normals, "3f", "normal")
        seen = (visibility, "3f 2f", "lights", "surroundings")
        arrays = {
            "planar": context.vertex_array(programs["planar"], [place], self._coarse_indices),
            "depth": context.vertex_array(programs["depth"], [place], self._coarse_indices),
            "visibility": context.vertex_array(programs["visibility"], [place, normal]),
            "body": context.vertex_array(programs["body"], [place, normal, seen], self._indices),
        }
        return _BodyBuffers(positions, normals, visibility, arrays)

    def _window(self, bodies: list[F32]) -> tuple[int, int, int, int]:
        """Return the rectangle of pixels, (x, y, width, height), outside which no body is drawn."""
        corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(8, 3)
        box = np.array([[body.min(axis=0), body.max(axis=0)] for body in bodies], np.float64)
        points = np.pad(box[:, corners, [0, 1, 2]].reshape(-1, 3), ((0, 0), (0, 1)), constant_values=1.0)
        seen = points @ self._matrix.T
        size = np.array(self._size)
        if (seen[:, 3] < NEAR_M).any():
            return 0, 0, *self._size
        place = (0.5 + 0.5 * seen[:, :2] / seen[:, 3:]) * size
        first = np.clip(np.floor(place.min(axis=0)) - 1, 0, size).astype(int)
        last = np.clip(np.ceil(place.max(axis=0)) + 1, first, size).astype(int)
        width, height = (last - first).tolist()
        return int(first[0]), int(first[1]), int(width), int(height)

    def _draw_bodies(
        self,
        shown: list[_BodyBuffers],
        window: tuple[int, int, int, int],
        parts: Sequence[tuple[MaterialPart, ...]],
    ) -> None:
        context, program = self._context, self._programs["body"]
        self._smooth.scissor = self._resolved.scissor = window
        self._smooth.use()
        self._smooth.clear(0.0, 0.0, 0.0, 0.0)
        context.enable_only(context.DEPTH_TEST | context.CULL_FACE)
        context.front_face = "cw"  # the picture is drawn upside down, so that its first row is the top one
        for buffers, own in zip(shown, parts, strict=True):
            for part in own:
                set_uniform(program, "albedo", part.rgb)
                set_uniform(program, "roughness", part.roughness)
                buffers.arrays["body"].render(vertices=part.count, first=part.first)
        # A blit is limited to the scissor of the framebuffer in use.
        self._resolved.use()
        context.copy_framebuffer(self._resolved, self._smooth)

    def _draw_ground(self, shadow: ShadowedFloor) -> None:
        program = self._programs["ground"]
        set_uniform(program, "region", shadow.square)
        set_uniform(program, "coverage", 0)
        set_uniform(program, "catcher", self._stage.transparent)
        self._floor.coverage.use(0)
        for part in shadow.parts:
            set_uniform(program, "part", part)
            self._ground.render(self._context.TRIANGLE_STRIP)

    def _compose_bodies(self, window: tuple[int, int, int, int]) -> None:
        context = self._context
        self._picture.scissor = window
        self._picture.use()
        self._resolved_texture.use(0)
        set_uniform(self._programs["compose"], "picture", 0)
        context.enable(context.BLEND)
        context.blend_func = context.ONE, context.ONE_MINUS_SRC_ALPHA
        self._compose.render(context.TRIANGLE_STRIP)
        context.disable(context.BLEND)
        cast("Any", self._picture).scissor = None  # the stubs expect a rectangle


def camera_matrix(place_m: F64, turn: F64, shot: Shot) -> F64:
    """Return the matrix from stage axes to clip space, (4, 4), with y of the picture pointing down.

    Args:
        place_m: (3,) metres, the camera in stage axes.
        turn: (3, 3), whose columns are the camera's right, up and backward in stage axes.
        shot: Angle of view and aspect.
    """
    far = float(np.linalg.norm(shot.position_m - shot.centre_m)) + BEYOND_M
    slope = math.tan(shot.field_rad / 2.0)
    lens = np.zeros((4, 4))
    lens[0, 0], lens[1, 1] = 1.0 / (slope * shot.aspect), -1.0 / slope
    lens[2, 2:] = (far + NEAR_M) / (NEAR_M - far), 2.0 * far * NEAR_M / (NEAR_M - far)
    lens[3, 2] = -1.0
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = turn.T, -turn.T @ place_m
    return np.asarray(lens @ view)


def light_uniforms(shot: Shot, stage: StageSettings) -> dict[str, Any]:
    """Return the uniforms of the lights and of what surrounds the body."""
    distance = light_distance_m(shot)
    strength = [WATT_TO_RADIANCE * light.watts * stage.light * distance**2 for light in LIGHTS]
    rgb = np.array([light.rgb for light in LIGHTS]) * np.array(strength)[:, None]
    directions = np.array([light_direction(light) for light in LIGHTS])
    sky = np.pi * np.array(WORLD_RGB) * WORLD_STRENGTH * stage.light
    on_floor = (rgb * (directions[:, 2:] / distance**2)).sum(axis=0) + sky
    bounce = FLOOR_BOUNCE * np.array(stage.backdrop_rgb) * on_floor
    return {
        "light_place": np.array([light_place_m(light, shot) for light in LIGHTS]),
        "light_axis": directions,
        "light_rgb": rgb,
        "light_alpha": np.array([light.size / 6.0 for light in LIGHTS]),
        "sky_rgb": sky,
        "ground_rgb": bounce if stage.floor != "none" else sky,
        "backdrop_sky": sky + BACKDROP_BOUNCE * bounce,
    }


def floor_uniforms(shot: Shot, stage: StageSettings) -> dict[str, Any]:
    """Return the uniforms of the floor's colours."""
    light, dark = tile_colours(stage.backdrop_rgb)
    end_m = tiles_end_m(shot)
    return {
        "backdrop_rgb": np.array(stage.backdrop_rgb),
        "tile_light": np.array(light),
        "tile_dark": np.array(dark),
        "tiles": np.array([TILE_M, end_m, TILE_FADE * end_m, 1.0 if stage.floor == "tiles" else 0.0]),
    }


def _world_colour(stage: StageSettings) -> tuple[float, float, float]:
    from .display_transform import displayed

    red, green, blue = displayed(np.array(WORLD_RGB) * WORLD_STRENGTH * stage.light).tolist()
    return red, green, blue


def _smooth_normals(vertices: F64, triangles: NDArray[np.int64]) -> F64:
    corners = vertices[triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros_like(vertices)
    np.add.at(summed, triangles.ravel(), np.repeat(across, 3, axis=0))
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12))


def straight_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Divide premultiplied colours by their alpha, (H, W, 4)."""
    alpha = np.maximum(pixels[..., 3:], 1).astype(np.float32)
    result = pixels.copy()
    result[..., :3] = np.minimum(np.round(pixels[..., :3] * (255.0 / alpha)), 255.0)
    return result
