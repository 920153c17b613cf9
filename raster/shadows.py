# SPDX-License-Identifier: Apache-2.0
"""Shadows of area lights and surroundings: on the floor, and of a body on itself.

On the floor each sample of a light projects the body onto the plane, and the mean of all samples is the penumbra
(Heckbert and Herf 1997, Simulating Soft Shadows with Graphics Hardware). On the body each vertex looks up in one small
depth map per sample how much of each light it sees.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.camera_framing import Shot

from .light_samples import LightSamples, dome_directions, gather_samples, sphere_directions, views_of
from .programs import Programs, set_uniform

if TYPE_CHECKING:
    import moderngl

FLOOR_COUNTS: Final = (24, 0, 24)
DOME_COUNT: Final = 12
"""Samples on the floor; each a multiple of 4, the channels of a tile. The fill light is so large and weak that its
shadow on the floor cannot be seen."""
FLOOR_GRID: Final = (4, 4)
FLOOR_SIDE_PX: Final = 512
TEXEL_M: Final = 0.01
LARGEST_M: Final = 40.0
"""Half of the side of the largest square on the floor that is shadowed."""
MARGIN_M: Final = 0.3
BODY_COUNTS: Final = (12, 4, 6)
SPHERE_COUNT: Final = 20
BODY_GRID: Final = (7, 6)
BODY_SIDE_PX: Final = 256
OFFSET_M: Final = 0.022
"""Vertices look from this far above the surface, since the coarse copy differs from it."""
RADIUS_STEP_M: Final = 0.05


@dataclass(frozen=True)
class ShadowedFloor:
    """The part of the floor that holds shadows, in stage axes, metres.

    Attributes:
        square: Centre (x, y), and half of the side, of what the texture ``coverage`` shows.
        parts: Rectangles (left, near, right, far) that hold the shadow of each light that casts one.
    """

    square: tuple[float, float, float]
    parts: tuple[tuple[float, float, float, float], ...]


class FloorShadow:
    """The share of each light that does not reach the floor around the dancers.

    Args:
        context: OpenGL context.
        programs: The shaders.
        shot: Shot whose lights cast the shadow.
        screen: A quad over the whole picture, as a buffer.
    """

    def __init__(self, context: "moderngl.Context", programs: Programs, shot: Shot, screen: Any) -> None:
        columns, rows = FLOOR_GRID
        side = FLOOR_SIDE_PX
        self._context, self._programs = context, programs
        self._samples = gather_samples(shot, FLOOR_COUNTS, dome_directions(DOME_COUNT))
        self._atlas = context.texture((columns * side, rows * side), 4)
        self._atlas_target = context.framebuffer([self._atlas])
        self._atlas.filter = (context.NEAREST, context.NEAREST)
        self.coverage = context.texture((side, side), 4)
        self.coverage.filter = (context.LINEAR, context.LINEAR)
        self.coverage.repeat_x = self.coverage.repeat_y = False
        self._coverage_target = context.framebuffer([self.coverage])
        self._sum = context.vertex_array(programs["sum"], [(screen, "2f", "corner")])
        group = self._samples.group[::4].astype(np.intp)
        counts = np.maximum([*FLOOR_COUNTS, DOME_COUNT], 1)
        share = np.zeros((columns * rows, 4))
        share[np.arange(len(group)), group] = 1.0 / counts[group]
        for name in ("planar", "sum"):
            set_uniform(programs[name], "grid", FLOOR_GRID)
        set_uniform(programs["planar"], "places", self._samples.places)
        set_uniform(programs["sum"], "share", share)
        set_uniform(programs["sum"], "side", side)

    def draw(self, arrays: list[Any], bodies: list[F32]) -> ShadowedFloor:
        """Draw the shadow of all bodies into ``coverage``.

        Args:
            arrays: Vertex array of each body's coarse copy for the program ``planar``.
            bodies: (V, 3) metres, stage axes, the vertices of each.

        Returns:
            What ``coverage`` shows.
        """
        parts = self._bounds(bodies)
        low, high = parts[:, :2].min(axis=0), parts[:, 2:].max(axis=0)
        # The size changes in few steps and the place by whole texels, so that edges do not shimmer.
        half = FLOOR_SIDE_PX * TEXEL_M / 2.0
        while half < float((high - low).max()) / 2.0 and half < LARGEST_M:
            half *= 2.0
        texel = 2.0 * half / FLOOR_SIDE_PX
        middle = np.round((low + high) / 2.0 / texel) * texel
        first = np.clip(np.floor((low - middle + half) / texel), 0, FLOOR_SIDE_PX).astype(int)
        last = np.clip(np.ceil((high - middle + half) / texel), 0, FLOOR_SIDE_PX).astype(int)
        self._coverage_target.scissor = (*first.tolist(), *(last - first).tolist())
        bounded = np.clip(parts, np.tile(middle - half, 2), np.tile(middle + half, 2))
        shadow = ShadowedFloor((*middle.tolist(), half), tuple((a, b, c, d) for a, b, c, d in bounded.tolist()))
        context = self._context
        set_uniform(self._programs["planar"], "region", shadow.square)
        self._atlas_target.use()
        self._atlas_target.clear()
        context.disable(context.DEPTH_TEST | context.CULL_FACE)
        context.enable(context.BLEND)
        context.blend_func = (context.ONE, context.ONE)
        cast("Any", context).blend_equation = context.MAX  # the stubs expect a pair
        for array in arrays:
            array.render(instances=len(self._samples.places))
        cast("Any", context).blend_equation = context.FUNC_ADD
        context.disable(context.BLEND)
        self._coverage_target.use()
        self._atlas.use(0)
        set_uniform(self._programs["sum"], "atlas", 0)
        self._sum.render(context.TRIANGLE_STRIP)
        return shadow

    def _bounds(self, bodies: list[F32]) -> F64:
        """Return a rectangle on the floor that holds the shadow of each light that casts one, (L, 4) metres.

        The surroundings' shadow is faint where it leaves these.
        """
        box = np.array([[body.min(axis=0), body.max(axis=0)] for body in bodies], np.float64)
        corners = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(8, 3)
        points = box[:, corners, [0, 1, 2]].reshape(-1, 3)
        points[:, 2] = np.maximum(points[:, 2], 0.0)
        across, height = points[:, None, :2], points[:, None, 2:]
        place = self._samples.places
        ground = (across * place[:, 2:3] - place[:, :2] * height) / (place[:, 2:3] - place[:, 3:] * height)
        found = []
        for group in np.flatnonzero(FLOOR_COUNTS).tolist():
            cast = ground[:, self._samples.group == group].reshape(-1, 2)
            found.append([*(cast.min(axis=0) - MARGIN_M), *(cast.max(axis=0) + MARGIN_M)])
        return np.array(found)


class SelfShadow:
    """How much of each light, and of the surroundings, every vertex of a body sees.

    Args:
        context: OpenGL context.
        programs: The shaders.
        shot: Shot whose lights cast the shadow.
    """

    def __init__(self, context: "moderngl.Context", programs: Programs, shot: Shot) -> None:
        columns, rows = BODY_GRID
        self._context, self._programs = context, programs
        self._samples = gather_samples(shot, BODY_COUNTS, sphere_directions(SPHERE_COUNT))
        self._atlas = context.depth_texture((columns * BODY_SIDE_PX, rows * BODY_SIDE_PX))
        self._atlas.compare_func = "<="
        self._atlas.filter = (context.LINEAR, context.LINEAR)
        self._target = context.framebuffer(depth_attachment=self._atlas)
        visibility = programs["visibility"]
        for name in ("depth", "visibility"):
            set_uniform(programs[name], "grid", BODY_GRID)
        set_uniform(visibility, "count", len(self._samples.places))
        set_uniform(visibility, "offset_m", OFFSET_M)
        set_uniform(visibility, "atlas", 0)

    def draw_depth(self, coarse: Any, body: F32) -> None:
        """Draw one body as each sample of the lights and the surroundings sees it.

        Args:
            coarse: Vertex array of its coarse copy for the program ``depth``.
            body: (V, 3) metres, stage axes, its vertices.
        """
        centre, radius = bounding_sphere(body)
        views = views_of(self._samples, centre, radius)
        towards = _towards(self._samples, centre)
        columns = np.ascontiguousarray(views.transpose(0, 2, 1))
        for name in ("depth", "visibility"):
            set_uniform(self._programs[name], "views", columns)
        set_uniform(self._programs["visibility"], "towards", towards)
        context = self._context
        self._target.use()
        self._target.clear()
        context.enable_only(context.DEPTH_TEST)
        coarse.render(instances=len(self._samples.places))

    def look(self, vertices: Any, visibility: Any) -> None:
        """Compute what the vertices of the body that was drawn last see.

        Args:
            vertices: Vertex array of its vertices for the program ``visibility``.
            visibility: Buffer to fill: five numbers for each vertex.
        """
        self._atlas.use(0)
        vertices.transform(visibility, self._context.POINTS)


def bounding_sphere(body: F32) -> tuple[F64, float]:
    """Return centre, (3,) metres, and radius of a sphere that holds a body; the radius grows in steps."""
    centre = (body.min(axis=0) + body.max(axis=0)).astype(np.float64) / 2.0
    away = body - centre.astype(np.float32)
    radius = float(np.sqrt(np.einsum("vc,vc->v", away, away).max()))
    return centre, (np.ceil(radius / RADIUS_STEP_M) + 0.5) * RADIUS_STEP_M


def _towards(samples: LightSamples, centre_m: F64) -> F64:
    """Return the direction and the group of each sample, (N, 4)."""
    way = samples.places[:, :3] - samples.places[:, 3:] * centre_m
    way = way / np.linalg.norm(way, axis=1, keepdims=True)
    return np.concatenate([way, samples.group[:, None]], axis=1)
