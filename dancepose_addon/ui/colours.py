# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour property of a material, which sets the colour for every render engine."""

from collections.abc import Sequence
from typing import Any

import bpy

from ..blender.materials import set_colour
from ..blender.narrowing import components
from .translations import CONTEXT


def _get(material: bpy.types.Material) -> tuple[float, float, float]:
    red, green, blue, _ = components(material.diffuse_color)
    return red, green, blue


def _set(material: bpy.types.Material, colour: Sequence[float]) -> None:
    red, green, blue = colour
    set_colour(material, (red, green, blue))


def colour_property() -> Any:
    """Return the property that the Stage panel shows for each material."""
    return bpy.props.FloatVectorProperty(
        name="Colour",
        description="Colour in the viewport and in every render engine",
        subtype="COLOR",
        size=3,
        min=0.0,
        max=1.0,
        translation_context=CONTEXT,
        get=_get,
        set=_set,
    )
