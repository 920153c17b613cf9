# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of materials, for every render engine alike."""

from collections.abc import Sequence
from typing import Protocol, cast

import bpy

from . import compat
from .narrowing import set_components

Rgb = tuple[float, float, float]
Rgba = tuple[float, float, float, float]


class _ValueSocket(Protocol):
    """A socket that has a value. The stubs declare ``default_value`` only on the sockets' subclasses."""

    default_value: float | Sequence[float]


def set_input(node: bpy.types.Node, name: str, value: float | Sequence[float]) -> None:
    """Set the value of a node's input socket."""
    cast("_ValueSocket", node.inputs[name]).default_value = value


def set_surface(material: bpy.types.Material, rgba: Rgba, *, roughness: float, specular: float | None = None) -> None:
    """Set colour and roughness of a material's viewport display and of its shader.

    Args:
        material: Material to change.
        rgba: Scene-linear colour.
        roughness: Roughness of the surface, 0 to 1.
        specular: Level of specular reflection, 0 to 1; None keeps Blender's default.
    """
    set_components(material.diffuse_color, rgba)
    material.roughness = roughness
    tree = compat.use_nodes(material)
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    set_input(shader, "Base Color", rgba)
    set_input(shader, "Roughness", roughness)
    if specular is not None:
        set_input(shader, "Specular IOR Level", specular)


def set_colour(material: bpy.types.Material, rgb: Rgb) -> None:
    """Set the colour of an existing material: what Workbench shows, and what Cycles and EEVEE show."""
    rgba = (*rgb, 1.0)
    set_components(material.diffuse_color, rgba)
    tree = material.node_tree
    for node in tree.nodes if tree is not None else ():
        if node.type == "BSDF_PRINCIPLED":
            set_input(node, "Base Color", rgba)
