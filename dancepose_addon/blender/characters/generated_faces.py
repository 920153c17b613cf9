# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modifiers of a character's meshes make of them, before Blender runs them."""

from collections.abc import Iterable
from typing import Any, Final

import bpy

from ...core.errors import InputError
from ...core.printable_text import quoted
from ..narrowing import mesh_of

MOST_FACES: Final = 4_000_000
"""Of all meshes together. Characters have less than a tenth; a level more of subdivision makes four times as many."""
MOST_LEVEL: Final = 20
"""From which on a level of subdivision makes no difference here: no mesh is that small."""
UNKNOWN_COPIES: Final = 100
"""Of an array whose length is given, not its number."""


def require_bounded_modifiers(name: str, things: Iterable[bpy.types.Object]) -> None:
    """Refuse a character whose modifiers would make more faces than can be drawn.

    Args:
        name: Of the character's file.
        things: Its objects.

    Raises:
        InputError: They would.
    """
    total = 0
    for thing in things:
        if thing.type != "MESH":
            continue
        faces = max(len(mesh_of(thing).polygons), 1)
        for modifier in thing.modifiers:
            faces *= copies_by(modifier)
            if total + faces > MOST_FACES:
                raise InputError(
                    f"{name} is not read: the modifier {quoted(modifier.name, 40)} of {quoted(thing.name, 40)} would "
                    f"make more than {MOST_FACES:,} faces. Lower its levels or number, or remove it."
                )
        total += faces


def copies_by(modifier: Any) -> int:
    """Return how many faces a modifier makes of each.

    Args:
        modifier: Of a mesh; those that only move vertices make one. Geometry nodes and particles are not counted.
    """
    match modifier.type:
        case "SUBSURF":
            return int(4 ** min(max(modifier.levels, modifier.render_levels), MOST_LEVEL))
        case "MULTIRES":
            return int(4 ** min(modifier.total_levels, MOST_LEVEL))
        case "ARRAY":
            return max(int(modifier.count), 1) if modifier.fit_type == "FIXED_COUNT" else UNKNOWN_COPIES
        case "SCREW":
            return max(modifier.steps, modifier.render_steps, 1) * max(int(modifier.iterations), 1)
        case "BEVEL":
            return int((modifier.segments + 1) ** 2)
        case "MIRROR":
            return int(2 ** sum(modifier.use_axis))
        case "SOLIDIFY":
            return 3
        case "WIREFRAME" | "SKIN":
            return 8
        case "REMESH":
            grid = 2**modifier.octree_depth if modifier.mode != "VOXEL" else 2.0 / max(modifier.voxel_size, 1e-6)
            return max(int(min(grid, 1e6)) ** 2 // 1000, 1)
        case "OCEAN":
            return int(modifier.repeat_x * modifier.repeat_y * modifier.resolution**2)
    return 1
