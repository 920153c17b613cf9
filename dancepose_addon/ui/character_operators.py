# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the Character panel: find the bones, and drive the selected armature."""

import bpy

from ..blender.characters.driving import DriveOptions, drive_armature
from ..blender.characters.rest_reader import read_rest_skeleton
from ..blender.narrowing import scene_of
from ..blender.rig.dancer import body_of, dancers_of, read_record
from ..blender.rig.motion_reader import read_motion
from ..core.errors import InputError
from ..core.retarget.character_map import CharacterMap
from ..core.retarget.find_map import find_character_map
from ..core.retarget.map_file import bones_of_map
from ..core.retarget.rest_skeleton import RestSkeleton
from ..core.retarget.source_motion import source_motion
from .character_properties import DANCEPOSE_PG_character, character_of, selected_character
from .modal_task import ModalSteps, Steps
from .properties import DANCEPOSE_PG_settings, DANCEPOSE_PG_stage, stage_of
from .text_layout import translate

NO_CHARACTER = "No armature is selected. Select the armature of a character."


class _CharacterOperator(ModalSteps):
    """Base of the operators that report problems in the Character panel."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether a character's armature is selected."""
        return context.mode in ("OBJECT", "POSE") and selected_character(context) is not None

    def problem_owner(
        self, context: bpy.types.Context
    ) -> DANCEPOSE_PG_settings | DANCEPOSE_PG_stage | DANCEPOSE_PG_character:
        """Return the settings of the character."""
        thing = selected_character(context)
        return character_of(thing) if thing is not None else stage_of(scene_of(context))


class DANCEPOSE_OT_find_bones(_CharacterOperator):
    """Finds the bones of the selected character."""

    bl_idname = "dancepose.find_bones"
    bl_label = "Find Bones"
    bl_description = (
        "Find which bones of the selected armature are which parts of the body, so that you can correct them"
    )

    def steps(self, context: bpy.types.Context) -> Steps:
        """Find the bones; fast enough for one step."""
        yield 0.0, "Finding the bones"
        skeleton = read_rest_skeleton(selected_character(context))
        thing = selected_character(context)
        if thing is None:
            raise InputError(NO_CHARACTER)
        _show_map(character_of(thing), find_character_map(skeleton), skeleton)
        return ""


class DANCEPOSE_OT_drive_armature(_CharacterOperator):
    """Makes the selected armature dance."""

    bl_idname = "dancepose.drive_armature"
    bl_label = "Drive Selected Armature"
    bl_description = (
        "Make the selected armature follow the dancer's motion with an action. The armature's other actions are kept, "
        "and its strips are muted"
    )

    def steps(self, context: bpy.types.Context) -> Steps:
        """Read the dancer's motion, transfer it, and write the action."""
        thing, scene = selected_character(context), scene_of(context)
        if thing is None:
            raise InputError(NO_CHARACTER)
        settings = character_of(thing)
        dancers = dancers_of(scene)
        dancer = settings.dancer if settings.dancer in dancers else next(iter(dancers), None)
        if dancer is None:
            raise InputError("There is no dancer in this scene. Import a motion first.")
        yield 0.0, "Reading the dancer"
        record = read_record(dancer)
        source = source_motion(read_motion(dancer), body_of(record))
        yield 0.4, "Driving the armature"
        skeleton = read_rest_skeleton(thing)
        driven = drive_armature(
            thing,
            source,
            scene=scene,
            overrides=_own_map(settings, skeleton),
            options=DriveOptions(
                first_frame=record.first_frame, lock_feet=settings.lock_feet, name=f"{dancer.name} dance"
            ),
        )
        settings.dancer = dancer
        _show_map(settings, driven.character, skeleton)
        settings.result = translate("{} frames of {}").format(len(driven.keys), dancer.name)
        return settings.result


def _show_map(settings: DANCEPOSE_PG_character, character: CharacterMap, skeleton: RestSkeleton) -> None:
    """Write a map into the rows of the panel."""
    settings.parts.clear()
    for part, names in character.names(skeleton).items():
        row = settings.parts.add()
        row.name, row.part, row.bones = part, part, ", ".join(names)
    settings.doubts = "\n".join(character.doubts)


def _own_map(settings: DANCEPOSE_PG_character, skeleton: RestSkeleton) -> dict[str, tuple[int, ...]] | None:
    """Return the rows of the panel that differ from what is found without them; None where all are the same."""
    if not len(settings.parts):
        return None
    found = find_character_map(skeleton).names(skeleton)
    rows = {row.part: _names(row.bones, skeleton) for row in settings.parts}
    bones_of_map(rows, skeleton)  # refuses a bone that is named twice
    changed = {part: names for part, names in rows.items() if names != found.get(part, [])}
    return bones_of_map(changed, skeleton) if changed else None


def _names(text: str, skeleton: RestSkeleton) -> list[str]:
    """Return the names in a row; a bone's own name may have commas."""
    if text.strip() in skeleton.index:
        return [text.strip()]
    return [name.strip() for name in text.split(",") if name.strip()]


CLASSES = (DANCEPOSE_OT_find_bones, DANCEPOSE_OT_drive_armature)
