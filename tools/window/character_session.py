# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of the session in a window: a rig with Mixamo's names is driven by the button of the panel, and undone."""

from typing import Any, Final, cast

import bpy

from tools.window.pointer import Steps, click, facts, find, header, move, panels, picture, present, xdotool

DRIVE_TIMEOUT_S: Final = 120.0


def dancers() -> list[bpy.types.Object]:
    """Return all armatures."""
    return [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]


def key_count(dancer: bpy.types.Object) -> int:
    """Return the number of keys of an object's first curve."""
    animation = dancer.animation_data
    if animation is None or animation.action is None:
        return 0
    action: Any = animation.action  # this Blender is 4.3, whose actions have no slots; the stubs are newer
    return len(action.fcurves[0].keyframe_points)


CHARACTER_BONES = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_hip": "LeftUpLeg", "left_knee": "LeftLeg", "left_ankle": "LeftFoot", "left_foot": "LeftToeBase",
    "right_hip": "RightUpLeg", "right_knee": "RightLeg", "right_ankle": "RightFoot", "right_foot": "RightToeBase",
    "left_collar": "LeftShoulder", "left_shoulder": "LeftArm", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
    "right_collar": "RightShoulder", "right_shoulder": "RightArm", "right_elbow": "RightForeArm",
    "right_wrist": "RightHand",
}  # fmt: skip


def drive_character() -> Steps:
    """Select a rig with Mixamo's names, press Drive Selected Armature, and undo once. All panels are closed."""
    (dancer,) = dancers()
    rig = _make_rig(dancer).name
    number = [cls.__name__ for cls in panels()].index("DANCEPOSE_PT_character")
    yield from click(*header(number))
    yield 0.5
    bpy.ops.ed.undo_push(message="Rig")
    facts["before_drive"] = _character_state()
    place = yield from find(lambda text: text.startswith("bpy.ops.dancepose.drive_armature"), keys="ctrl+c", across=0.5)
    facts["drive_button"] = place
    if place is not None:
        yield from click(*place)
        waited = 0.0
        while key_count(bpy.data.objects[rig]) == 0 and waited < DRIVE_TIMEOUT_S:
            yield 0.25
            waited += 0.25
        yield 1.0
        facts["driven"] = _character_state()
        yield from picture("character")
        yield from move(400, 560)
        xdotool("key", "ctrl+z")
        yield 1.5
        facts["drive_undone"] = _character_state()
    yield from click(*header(number))


def _make_rig(dancer: bpy.types.Object) -> bpy.types.Object:
    """An armature at the dancer's joints with Mixamo's names, active and selected."""
    joints = cast("bpy.types.Armature", dancer.data).bones
    data = bpy.data.armatures.new("character")
    rig = bpy.data.objects.new("character", data)
    present(bpy.context.scene).collection.objects.link(rig)
    rig.matrix_world = dancer.matrix_world
    for thing in present(bpy.context.view_layer).objects:
        thing.select_set(state=False)
    present(bpy.context.view_layer).objects.active = rig
    rig.select_set(state=True)
    bpy.ops.object.mode_set(mode="EDIT")
    for joint, name in CHARACTER_BONES.items():
        bone = data.edit_bones.new(f"mixamorig:{name}")
        bone.head = joints[joint].head_local
        bone.tail = joints[joint].tail_local
        parent = joints[joint].parent
        if parent is not None:
            bone.parent = data.edit_bones[f"mixamorig:{CHARACTER_BONES[parent.name]}"]
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _character_state() -> dict[str, Any]:
    """Return what a single undo must restore: keys, words of the panel, the pose, and counts of the file's data."""
    rig = bpy.data.objects["character"]
    settings = cast("Any", rig).dancepose_character
    pose = [
        round(value, 5) for bone in present(rig.pose).bones for row in cast("Any", bone.matrix_basis) for value in row
    ]
    return {
        "keys": key_count(rig),
        "problem": settings.problem,
        "result": settings.result,
        "parts": len(settings.parts),
        "pose": pose,
        "data": {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "meshes", "armatures", "actions")},
    }
