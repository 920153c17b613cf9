# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that distinguish dancers who are seen together."""

from typing import Final

import bpy

from ...core.body.looks import FOLLOWERS
from ..materials import Rgb, set_colour
from ..narrowing import mesh_of

PERSON_RGB: Final[tuple[Rgb, ...]] = (
    (0.30, 0.11, 0.09),
    (0.36, 0.27, 0.07),
    (0.10, 0.27, 0.16),
    (0.27, 0.13, 0.32),
    (0.05, 0.30, 0.36),
)
"""Scene-linear colours of the tops of the second and further persons. They are about as dark as the body's own top, so
that no dancer attracts the eye by lightness."""
WORN: Final = ("top", "body")
"""Materials that take the colour: the default body's top, or the whole of a body without materials."""


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
