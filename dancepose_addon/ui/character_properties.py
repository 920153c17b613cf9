# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a character that is driven by a dance, saved with its armature."""

from typing import Protocol, cast

import bpy

from ..blender.rig.dancer import dancer_of


def _is_dancer(_settings: bpy.types.PropertyGroup, thing: bpy.types.Object) -> bool:
    return thing.type == "ARMATURE" and dancer_of(thing) is not None


class DANCEPOSE_PG_part(bpy.types.PropertyGroup):
    """Bones of one part of the body."""

    part: bpy.props.StringProperty(options={"HIDDEN"})
    bones: bpy.props.StringProperty(
        name="Bones", description="Names of the bones of this part, separated by commas. Empty: it has none"
    )


class DANCEPOSE_PG_character(bpy.types.PropertyGroup):
    """Map and options of a character."""

    dancer: bpy.props.PointerProperty(
        name="Dancer", description="Dancer whose motion is used", type=bpy.types.Object, poll=_is_dancer
    )
    lock_feet: bpy.props.BoolProperty(
        name="Lock Feet", description="Keep standing feet still and on the floor", default=True
    )
    parts: bpy.props.CollectionProperty(type=DANCEPOSE_PG_part)
    doubts: bpy.props.StringProperty(options={"HIDDEN"})
    result: bpy.props.StringProperty(options={"HIDDEN"})
    problem: bpy.props.StringProperty(options={"HIDDEN"})


class _HasCharacter(Protocol):
    """An object with the registered property."""

    dancepose_character: DANCEPOSE_PG_character


def character_of(thing: bpy.types.Object) -> DANCEPOSE_PG_character:
    """Return the settings of a character's armature."""
    return cast("_HasCharacter", thing).dancepose_character


def selected_character(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return the active armature that is no dancer, or that moves the active mesh; None for none."""
    thing = context.object
    if thing is not None and thing.type == "MESH":
        thing = thing.find_armature()
    return thing if thing is not None and thing.type == "ARMATURE" and dancer_of(thing) is None else None
