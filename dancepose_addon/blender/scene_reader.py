"""An armature in the scene, however it came there (FBX, glTF, USD), as a skeleton motion."""

import bpy
import numpy as np

from ..core.errors import InputError
from ..core.skeleton.conventions import interpret
from ..core.skeleton.readers import Examination, sequence_of
from ..core.skeleton.readers.named_points import arranged
from ..core.skeleton.recording import NO_HINTS, Hints, PointRecording
from ..core.skeleton.sequence import KeypointSequence

TIP = "_end"


def read_armature(armature: bpy.types.Object, scene: bpy.types.Scene, *, hints: Hints = NO_HINTS) -> KeypointSequence:
    """Where the heads of its bones are, at each frame of its action, by the bones' names.

    Bones without children give their tips as well, called after them with ``_end``. Frames are the scene's; the one
    that is shown stays so.

    Raises:
        InputError: it is no armature, or does not move. LayoutError: its bones' names are not known.
    """
    if armature is None or armature.type != "ARMATURE":
        raise InputError("No armature is selected. Select the one whose motion is to be used.")
    first, last = _frame_range(armature, scene)
    bones = list(armature.pose.bones)
    tips = [index for index, bone in enumerate(bones) if not bone.children]
    names = tuple(bone.name for bone in bones) + tuple(bones[index].name + TIP for index in tips)
    points = np.empty((last - first + 1, len(names), 3))
    shown = scene.frame_current
    try:
        for row, frame in enumerate(range(first, last + 1)):
            scene.frame_set(frame)
            world = np.array(armature.matrix_world)
            local = np.array([[*bone.head, 1.0] for bone in bones] + [[*bones[index].tail, 1.0] for index in tips])
            points[row] = (local @ world.T)[:, :3]
    finally:
        scene.frame_set(shown)
    recording = PointRecording(
        points=points * scene.unit_settings.scale_length,
        form="an armature",
        source=armature.name,
        names=names,
        unit="m",
        up="z",
        fps=scene.render.fps / scene.render.fps_base,
        fps_why="it is the scene's",
    )
    recording = arranged(recording, hints, bones=True)
    understood = interpret(recording, hints)
    return sequence_of(Examination(recording, understood, (*recording.findings, *understood.findings)))


def _frame_range(armature: bpy.types.Object, scene: bpy.types.Scene) -> tuple[int, int]:
    animation = armature.animation_data
    action = animation.action if animation else None
    if action is None:
        raise InputError(f"{armature.name} has no action, so it does not move. Select the armature that is animated.")
    start, end = action.frame_range
    first, last = round(start), round(end)
    if last <= first:
        first, last = scene.frame_start, scene.frame_end
    return first, max(first, last)
