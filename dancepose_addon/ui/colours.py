"""One colour for a material of the rig, whatever draws it."""

from typing import Any

import bpy

from .translations import CONTEXT


def _get(material: Any) -> tuple[float, float, float]:
    red, green, blue, _ = material.diffuse_color
    return red, green, blue


def _set(material: Any, colour: tuple[float, float, float]) -> None:
    """What Workbench shows, and what Cycles and EEVEE show."""
    material.diffuse_color = (*colour, 1.0)
    tree = material.node_tree
    for node in tree.nodes if tree is not None else ():
        if node.type == "BSDF_PRINCIPLED":
            node.inputs["Base Color"].default_value = (*colour, 1.0)


def colour_property() -> Any:
    """The property that the Stage panel shows."""
    return bpy.props.FloatVectorProperty(
        name="Colour",
        description="For every engine alike",
        subtype="COLOR",
        size=3,
        min=0.0,
        max=1.0,
        translation_context=CONTEXT,
        get=_get,
        set=_set,
    )
