# SPDX-License-Identifier: GPL-3.0-or-later
"""A dancer's motion read back, where the scene's rate is not the motion's and keys lie between frames."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.errors import InputError

from .conftest import place

FIRST_FRAME = 5.5
SCENE_FPS = 24
EDITED = 12


@pytest.fixture
def armature(blender, body, wild_motion):
    """20 keys a second in a scene of 24 frames a second: keys are 1.2 frames apart."""
    plain = replace(body, detailed=None)  # 24 bones; fingers are in test_fingers
    return place(blender, wild_motion, plain, fps=SCENE_FPS, first_frame=FIRST_FRAME).armature


def curves(armature, ending: str):
    from dancepose_addon.blender import compat

    return [curve for curve in compat.curves_of(armature.animation_data.action) if curve.data_path.endswith(ending)]


def read(armature):
    from dancepose_addon.blender.rig.motion_reader import read_motion

    return read_motion(armature)


def test_keys_are_where_their_time_is(armature, wild_motion):
    times = np.array([point.co[0] for point in curves(armature, "location")[0].keyframe_points])
    np.testing.assert_allclose(times, FIRST_FRAME + 1.2 * np.arange(len(wild_motion)), atol=1e-4)


def test_the_motion_comes_back_at_its_own_rate(armature, wild_motion):
    back = read(armature)
    assert (back.fps, len(back)) == (wild_motion.fps, len(wild_motion))
    np.testing.assert_allclose(back.pose_rotmat, wild_motion.pose_rotmat, atol=1e-5)
    np.testing.assert_allclose(back.translation_m, wild_motion.translation_m, atol=1e-6)


def test_between_edited_keys_the_curve_counts(armature, wild_motion):
    """One key less in every curve of the pelvis, and so each is sampled at the times of the keys that it had."""
    for curve in (*curves(armature, "location"), *curves(armature, 'pose.bones["pelvis"].rotation_quaternion')):
        curve.keyframe_points.remove(curve.keyframe_points[EDITED])
        curve.update()
    back = read(armature)
    before, after = wild_motion.translation_m[EDITED - 1], wild_motion.translation_m[EDITED + 1]
    np.testing.assert_allclose(back.translation_m[EDITED], (before + after) / 2.0, atol=1e-5)
    others = np.delete(np.arange(len(wild_motion)), EDITED)
    np.testing.assert_allclose(back.translation_m[others], wild_motion.translation_m[others], atol=1e-5)
    np.testing.assert_allclose(back.pose_rotmat[others], wild_motion.pose_rotmat[others], atol=1e-4)


def test_moved_keys_are_sampled_where_the_clip_is(armature, wild_motion):
    """All keys of one curve a clip frame later: the curve's values come a frame later too."""
    curve = curves(armature, "location")[1]
    for point in curve.keyframe_points:
        point.co[0] += 1.2
    curve.update()
    back = read(armature)
    np.testing.assert_allclose(back.translation_m[1:, 1], wild_motion.translation_m[:-1, 1], atol=1e-5)
    np.testing.assert_allclose(back.translation_m[:, 0], wild_motion.translation_m[:, 0], atol=1e-6)


def test_each_component_is_read_from_its_own_curve(armature, wild_motion):
    """A quarter turn about x, y or z, as a quaternion by hand."""
    half = np.sqrt(0.5)
    for axis, joint in enumerate(("left_knee", "right_elbow", "head")):
        quat = [half, 0.0, 0.0, 0.0]
        quat[1 + axis] = half
        for curve in curves(armature, f'pose.bones["{joint}"].rotation_quaternion'):
            for point in curve.keyframe_points:
                point.co[1] = 3.0 * quat[curve.array_index]  # of any length: Blender normalises it as well
            curve.update()
    back = read(armature)
    for axis, joint in enumerate(("left_knee", "right_elbow", "head")):
        truth = rotvec_to_rotmat(np.eye(3)[axis] * np.pi / 2.0)
        np.testing.assert_allclose(
            back.pose_rotmat[:, JOINT_NAMES.index(joint)], np.array([truth] * len(back)), atol=1e-6
        )
    others = [JOINT_NAMES.index(name) for name in JOINT_NAMES if name not in ("left_knee", "right_elbow", "head")]
    np.testing.assert_allclose(back.pose_rotmat[:, others], wild_motion.pose_rotmat[:, others], atol=1e-5)


def test_other_curves_are_left_out(armature, wild_motion):
    """The object's own place, another bone's location and scales are not SMPL's."""
    armature.location = (3.0, 4.0, 5.0)
    armature.keyframe_insert("location", frame=7)
    elbow = armature.pose.bones["left_elbow"]
    elbow.location, elbow.scale = (1.0, 2.0, 3.0), (2.0, 2.0, 2.0)
    elbow.keyframe_insert("location", frame=7)
    elbow.keyframe_insert("scale", frame=7)
    back = read(armature)
    np.testing.assert_allclose(back.translation_m, wild_motion.translation_m, atol=1e-6)
    np.testing.assert_allclose(back.pose_rotmat, wild_motion.pose_rotmat, atol=1e-5)


def test_a_rotation_of_no_length_and_no_animation_are_refused(armature):
    for curve in curves(armature, 'pose.bones["neck"].rotation_quaternion'):
        curve.keyframe_points[3].co[1] = 0.0
    with pytest.raises(InputError, match="quaternions of zero length"):
        read(armature)
    armature.animation_data.action = None
    with pytest.raises(InputError, match="no longer animated"):
        read(armature)
