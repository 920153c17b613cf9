# SPDX-License-Identifier: GPL-3.0-or-later
"""Install a zip, fit the example, and drive a rig with Mixamo's names and one of Rigify, in any version of Blender.

python drive.py ARCHIVE FACTS.json
"""

import sys
from typing import Any

import bpy
from mathutils import Vector
from session import armatures, extension, fit, install, keys_of, run
from use_frames import FRAMES

NAMES = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "left_hip": "LeftUpLeg", "left_knee": "LeftLeg", "left_ankle": "LeftFoot", "left_foot": "LeftToeBase",
    "right_hip": "RightUpLeg", "right_knee": "RightLeg", "right_ankle": "RightFoot", "right_foot": "RightToeBase",
    "left_collar": "LeftShoulder", "left_shoulder": "LeftArm", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
    "right_collar": "RightShoulder", "right_shoulder": "RightArm", "right_elbow": "RightForeArm",
    "right_wrist": "RightHand",
}  # fmt: skip
LIMBS = tuple(
    (f"{side}_{start}", f"{side}_{end}")
    for side in ("left", "right")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)


DEFORMING = {
    f"{side}_{joint}": f"DEF-{bone}.{letter}"
    for side, letter in (("left", "L"), ("right", "R"))
    for joint, bone in (
        ("shoulder", "upper_arm"), ("elbow", "forearm"), ("wrist", "hand"), ("hip", "thigh"), ("knee", "shin"),
        ("ankle", "foot"),
    )
}  # fmt: skip


def main(facts: dict[str, Any]) -> None:
    generated = _rigify_rig()  # first: Rigify evaluates the scene for every bone
    facts["installed"] = install(sys.argv[1])
    facts["refused"] = fit(str(extension("core.io.example").example_folder()))
    (dancer,) = (thing for thing in armatures() if thing != generated)
    rig = _rig_like(dancer)
    bpy.context.view_layer.objects.active = rig
    facts["poll"] = bpy.ops.dancepose.drive_armature.poll()
    facts["driven"] = list(bpy.ops.dancepose.drive_armature())
    facts["doubts"] = rig.dancepose_character.doubts
    facts["keys"] = keys_of(rig)
    facts["limbs"] = {
        "dancer": _over_time(dancer, {joint: joint for joint in DEFORMING}),
        "rig": _over_time(rig, {joint: f"mixamorig:{NAMES[joint]}" for joint in DEFORMING}),
    }
    facts["layers"] = len(getattr(rig.animation_data.action, "layers", ()))
    _drive_rigify(generated, facts)


def _rigify_rig() -> bpy.types.Object:
    """A rig that Rigify generates from its human metarig."""
    import addon_utils  # can only be found once bpy is there

    addon_utils.enable("rigify", default_set=True)  # Rigify reads its own preferences
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rig = bpy.context.object
    bpy.data.objects.remove(metarig)
    rig.select_set(False)
    return rig


def _drive_rigify(rig: bpy.types.Object, facts: dict[str, Any]) -> None:
    """Drive a generated rig, and switch its limbs to IK."""
    bpy.context.view_layer.objects.active = rig
    facts["rigify"] = list(bpy.ops.dancepose.drive_armature())
    facts["rigify_layers"] = len(getattr(rig.animation_data.action, "layers", ()))
    facts["limbs"]["rigify"] = _over_time(rig, DEFORMING)
    facts["fk"] = _places(rig)
    for curve in extension("blender.compat").curves_of(rig.animation_data.action):
        if curve.data_path.endswith('["IK_FK"]'):
            curve.keyframe_points[0].co[1] = 0.0
            curve.update()
    facts["ik"] = _places(rig)


def _places(rig: bpy.types.Object) -> list[list[list[float]]]:
    found = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        shown = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append([list(shown.pose.bones[name].head) for name in DEFORMING.values()])
    return found


def _rig_like(dancer: bpy.types.Object) -> bpy.types.Object:
    """An armature of the dancer's joints with other names, tails across the limbs, and the scale of a Mixamo FBX."""
    data = bpy.data.armatures.new("character")
    rig = bpy.data.objects.new("character", data)
    bpy.context.scene.collection.objects.link(rig)
    rig.matrix_world = dancer.matrix_world
    rig.scale = (0.01, 0.01, 0.01)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for joint, name in NAMES.items():
        bone = data.edit_bones.new(f"mixamorig:{name}")
        bone.head = 100.0 * dancer.data.bones[joint].head_local
        bone.tail = bone.head + Vector((0.0, 3.0, 7.0))
        parent = dancer.data.bones[joint].parent
        if parent is not None:
            bone.parent = data.edit_bones[f"mixamorig:{NAMES[parent.name]}"]
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _over_time(thing: bpy.types.Object, names: dict[str, str]) -> list[list[list[float]]]:
    found = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        shown = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
        place = {joint: shown.matrix_world @ shown.pose.bones[name].head for joint, name in names.items()}
        found.append([list((place[end] - place[start]).normalized()) for start, end in LIMBS])
    return found


run(main)
