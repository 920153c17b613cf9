# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that distinguish dancers who are seen together."""

import bpy

from ...core.body.looks import FOLLOWERS, WORN
from ..materials import Rgb, set_colour
from ..narrowing import mesh_of


def dress(mesh: bpy.types.Object, rgb: Rgb) -> None:
    """Colour the top of a dancer.

    Args:
        mesh: The dancer's mesh object, whose materials are its own.
        rgb: Scene-linear colour.
    """
    for material in mesh_of(mesh).materials:
        name = "" if material is None else material.name.removeprefix("DancePose ").partition(".")[0]
        if material is not None and name in WORN:
            set_colour(material, rgb)
        elif material is not None and name == "band":
            red, green, blue = (FOLLOWERS["band"][1] * value for value in rgb)
            set_colour(material, (red, green, blue))
