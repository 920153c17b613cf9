# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys written in bulk against keys that Blender inserts itself."""

import numpy as np

from dancepose_addon.core.body.model import JOINT_NAMES


def armature_of(bpy, body, motion):
    from dancepose_addon.blender.rig.armature import create_armature

    armature = create_armature(
        "Dancer",
        body,
        betas=motion.betas,
        scale=motion.scale,
        collection=bpy.context.scene.collection,
        view_layer=bpy.context.view_layer,
    )
    bpy.context.view_layer.update()
    return armature


def test_bulk_keys_are_the_keys_blender_inserts(blender, body, wild_motion):
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.rig.actions import animate

    bulk, slow = (armature_of(blender, body, wild_motion) for _ in range(2))
    animate(bulk, wild_motion, scene_fps=25.0, first_frame=3.0, interpolation="LINEAR")
    from mathutils import Matrix

    for name in ("pelvis", "left_elbow", "head"):
        bone, joint = slow.pose.bones[name], JOINT_NAMES.index(name)
        for key, rotmat in enumerate(wild_motion.pose_rotmat[:, joint].tolist()):
            quat = Matrix(rotmat).to_quaternion()
            if key:
                quat.make_compatible(bone.rotation_quaternion)
            bone.rotation_quaternion = quat
            bone.keyframe_insert("rotation_quaternion", frame=3.0 + key * 25.0 / wild_motion.fps)
    written = {(curve.data_path, curve.array_index): curve for curve in compat.curves_of(bulk.animation_data.action)}
    assert len(written) == 24 * 4 + 3
    inserted = compat.curves_of(slow.animation_data.action)
    assert len(inserted) == 12
    for curve in inserted:
        twin = written[curve.data_path, curve.array_index]
        assert len(twin.keyframe_points) == len(curve.keyframe_points) == len(wild_motion)
        for mine, blenders in zip(twin.keyframe_points, curve.keyframe_points, strict=True):
            assert abs(mine.co[0] - blenders.co[0]) < 1e-4
            # Either sign is the same rotation; Blender's run may start with the other one.
            assert min(abs(mine.co[1] - blenders.co[1]), abs(mine.co[1] + blenders.co[1])) < 1e-5


def test_quaternions_never_jump_to_the_other_side(blender, body, wild_motion):
    from dancepose_addon.blender import compat
    from dancepose_addon.blender.rig.actions import animate

    armature = armature_of(blender, body, wild_motion)
    animate(armature, wild_motion, scene_fps=25.0)
    for name in JOINT_NAMES:
        path = f'pose.bones["{name}"].rotation_quaternion'
        curves = [c for c in compat.curves_of(armature.animation_data.action) if c.data_path == path]
        quats = np.array([[point.co[1] for point in curve.keyframe_points] for curve in curves])
        assert ((quats[:, 1:] * quats[:, :-1]).sum(axis=0) > 0).all()


def test_slow_clips_are_eased_and_keep_their_keys(blender, body, wild_motion):
    from dataclasses import replace

    from dancepose_addon.blender import compat
    from dancepose_addon.blender.rig.actions import animate

    slow = replace(wild_motion, fps=5.9)
    armature = armature_of(blender, body, slow)
    animate(armature, slow, scene_fps=25.0)
    curve = next(c for c in compat.curves_of(armature.animation_data.action) if c.data_path.endswith("location"))
    assert {point.interpolation for point in curve.keyframe_points} == {"BEZIER"}
    times = np.arange(len(slow)) / 5.9 * 25.0
    values = [curve.evaluate(time) for time in times]
    assert np.abs(values - slow.translation_m[:, curve.array_index]).max() < 1e-3
    # Velocity is continuous over a key, as it is not on straight lines.
    step = 1e-2
    before = [(curve.evaluate(t) - curve.evaluate(t - step)) / step for t in times[5:-5]]
    after = [(curve.evaluate(t + step) - curve.evaluate(t)) / step for t in times[5:-5]]
    straight = np.abs(np.diff(np.diff(slow.translation_m[:, curve.array_index]))).max() / (25.0 / 5.9)
    assert np.abs(np.subtract(after, before)).max() < 0.2 * straight
