# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to values that Blender's stubs declare optional or as a union.

The stubs describe almost every pointer as optional and ``Object.data`` as a union of all kinds of data. Each function
here states what holds in practice and checks it at run time, so that mypy can check every attribute behind it.
"""

from collections.abc import MutableSequence, Sequence
from typing import Protocol, TypeVar, cast

import bpy
from mathutils import Vector

T = TypeVar("T")


def present(value: T | None) -> T:
    """Return a value that Blender always sets, although its stubs declare it optional.

    Raises:
        RuntimeError: If the value is None: a bug, not an expected failure.
    """
    if value is None:
        raise RuntimeError("Blender returned None for a value that is always set")
    return value


def scene_of(context: bpy.types.Context) -> bpy.types.Scene:
    """Return the active scene of a context."""
    return present(context.scene)


def view_layer_of(context: bpy.types.Context) -> bpy.types.ViewLayer:
    """Return the active view layer of a context."""
    return present(context.view_layer)


def render_of(scene: bpy.types.Scene) -> bpy.types.RenderSettings:
    """Return the render settings of a scene."""
    return present(scene.render)


def frame_rate_of(scene: bpy.types.Scene) -> float:
    """Return the frame rate of a scene in frames per second, such as 29.97."""
    render = render_of(scene)
    return render.fps / render.fps_base


def ui_scale_of(context: bpy.types.Context) -> float:
    """Return the interface scale: pixels per unit of the layout."""
    return float(present(present(context.preferences).system).ui_scale)


def layout_of_panel(panel: bpy.types.Panel | bpy.types.Menu | bpy.types.AddonPreferences) -> bpy.types.UILayout:
    """Return the layout that Blender provides while ``draw`` runs."""
    return present(panel.layout)


def expect(value: object, kind: type[T]) -> T:
    """Return ``value``, which is known to be of the class ``kind``.

    Raises:
        TypeError: If it is not: a bug, not an expected failure.
    """
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def mesh_of(thing: bpy.types.Object) -> bpy.types.Mesh:
    """Return the mesh of an object that is known to be one."""
    return expect(thing.data, bpy.types.Mesh)


def armature_of(thing: bpy.types.Object) -> bpy.types.Armature:
    """Return the armature data of an object that is known to be one."""
    return expect(thing.data, bpy.types.Armature)


def action_of(thing: bpy.types.Object) -> bpy.types.Action | None:
    """Return the action that animates an object, or None."""
    return thing.animation_data.action if thing.animation_data is not None else None


def item_named(collection: "bpy.types.bpy_prop_collection[T]", name: str) -> T | None:
    """Return the item of that name, or None. The stubs lose the type of ``collection.get``."""
    return cast("T | None", collection.get(name))


class _ViewSettings(Protocol):
    """Colour management, whose choices depend on the configuration, so that the stubs cannot list them."""

    view_transform: str
    look: str
    exposure: float


def view_settings_of(scene: bpy.types.Scene) -> _ViewSettings:
    """Return the colour management of a scene."""
    return cast("_ViewSettings", present(scene.view_settings))


def components(array: bpy.types.bpy_prop_array | Vector) -> list[float]:
    """Return the numbers of an array property or vector, which the stubs do not declare iterable."""
    return list(cast("Sequence[float]", array))


def set_components(array: bpy.types.bpy_prop_array, values: Sequence[float]) -> None:
    """Assign the numbers of an array property, which the stubs do not declare indexable."""
    cast("MutableSequence[float]", array)[:] = values
