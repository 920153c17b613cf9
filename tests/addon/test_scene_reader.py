# SPDX-License-Identifier: GPL-3.0-or-later
"""An armature in the scene against forward kinematics computed here, with NumPy alone."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES, PARENTS, BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.recording import Hints

SMPL_FROM_BLENDER = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""By hand: Blender's up (z) is SMPL's y, Blender's -y is SMPL's front (z), left stays x."""
RIG_SCALE = 0.01
"""The rig is built in centimetres and scaled as an object, as FBX importers do."""
LOCATION_M = np.array([0.4, -1.1, 0.25])
HEADING_RAD = 0.5
TIP_LENGTH_CM = 7.0
FIRST_KEY = 7
"""Not frame 0 or 1, so that an offset by the first frame is noticed."""
KEYS = 9
SHIFT_PER_KEY_CM = np.array([2.0, 3.0, -1.0])
TURN_PER_KEY_RAD = 0.11

# Rest axes of a bone with roll 0, as columns, by its direction (Blender's manual: the roll is about the bone's y).
ALONG_Y = np.eye(3)
ALONG_Z = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
DIRECTIONS = ((np.array([0.0, 1.0, 0.0]), ALONG_Y), (np.array([0.0, 0.0, 1.0]), ALONG_Z))


def turn_about_z(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def turn_about_x(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rest_heads_cm(body: BodyModel) -> np.ndarray:
    """Rest joints of the shipped body in Blender's axes, so that the rig has a person's proportions. (24, 3)."""
    return 100.0 * body.rest_joints() @ SMPL_FROM_BLENDER


def true_points_m(body: BodyModel, key: float) -> tuple[np.ndarray, np.ndarray]:
    """Heads (24, 3) and tips (24, 3) in Blender's world at a key; between keys the motion is linear.

    The pelvis shifts in its own rest axes and the left shoulder turns about its own x axis.
    """
    heads = rest_heads_cm(body)
    rotations = np.empty((24, 3, 3))
    posed, tips = np.empty((24, 3)), np.empty((24, 3))
    for joint, parent in enumerate(PARENTS):
        direction, axes = DIRECTIONS[joint % 2]
        local = turn_about_x(TURN_PER_KEY_RAD * key) if JOINT_NAMES[joint] == "left_shoulder" else np.eye(3)
        # Rotation from rest, in armature space: the bone's own axes carry the local rotation.
        own = axes @ local @ axes.T
        if parent < 0:
            posed[joint] = heads[joint] + axes @ (SHIFT_PER_KEY_CM * key)
            rotations[joint] = own
        else:
            posed[joint] = posed[parent] + rotations[parent] @ (heads[joint] - heads[parent])
            rotations[joint] = rotations[parent] @ own
        tips[joint] = posed[joint] + rotations[joint] @ (TIP_LENGTH_CM * direction)
    world = RIG_SCALE * turn_about_z(HEADING_RAD)
    return posed @ world.T + LOCATION_M, tips @ world.T + LOCATION_M


def build_rig(bpy: ModuleType, body: BodyModel, *, step: float = 1.0, uneven: bool = False) -> Any:
    """The rig of ``true_points_m``, with linear keys ``step`` scene frames apart."""
    data = bpy.data.armatures.new("Rig")
    rig = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for joint, head in enumerate(rest_heads_cm(body)):
        bone = data.edit_bones.new(JOINT_NAMES[joint])
        bone.head, bone.tail = head, head + TIP_LENGTH_CM * DIRECTIONS[joint % 2][0]
        bone.roll = 0.0
        if PARENTS[joint] >= 0:
            bone.parent = data.edit_bones[JOINT_NAMES[PARENTS[joint]]]
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.location = LOCATION_M
    rig.rotation_euler = (0.0, 0.0, HEADING_RAD)
    rig.scale = (RIG_SCALE,) * 3
    pelvis, shoulder = rig.pose.bones["pelvis"], rig.pose.bones["left_shoulder"]
    shoulder.rotation_mode = "XYZ"
    for key in range(KEYS):
        if uneven and key % 3 == 1:
            continue
        frame = FIRST_KEY + key * step
        pelvis.location = SHIFT_PER_KEY_CM * key
        pelvis.keyframe_insert("location", frame=frame)
        shoulder.rotation_euler = (TURN_PER_KEY_RAD * key, 0.0, 0.0)
        shoulder.keyframe_insert("rotation_euler", frame=frame)
    from dancepose_addon.blender import compat

    for curve in compat.curves_of(rig.animation_data.action):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    return rig


def set_rate(bpy: ModuleType, fps: int, base: float = 1.0) -> Any:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, base
    return scene


def read(bpy: ModuleType, rig: Any, **hints: Any) -> Any:
    from dancepose_addon.blender.scene_reader import read_armature

    return read_armature(rig, bpy.context.scene, hints=Hints(**hints))


def expected_m(body: BodyModel, keys: np.ndarray) -> np.ndarray:
    """In SMPL's axes, (T, 24, 3)."""
    return np.array([true_points_m(body, key)[0] @ SMPL_FROM_BLENDER.T for key in keys])


def test_bones_are_where_forward_kinematics_puts_them(blender, body):
    set_rate(blender, 30, 1.001)
    clip = read(blender, build_rig(blender, body))
    assert clip.layout.name == "smpl24"
    assert clip.fps == pytest.approx(30.0 / 1.001)
    truth = expected_m(body, np.arange(KEYS))
    assert np.ptp(truth[:, JOINT_NAMES.index("left_hand")], axis=0).min() > 0.02  # it moves along every axis
    np.testing.assert_allclose(clip.keypoints_m, truth, atol=1e-5)
    # Blender's unit and up axis are declared as they are, so the body contradicts neither.
    assert not any("unit" in note or "up axis" in note for note in clip.notes)


def test_the_unit_of_the_scene_counts(blender, body):
    scene = set_rate(blender, 24)
    scene.unit_settings.scale_length = 0.5
    clip = read(blender, build_rig(blender, body))
    np.testing.assert_allclose(clip.keypoints_m, 0.5 * expected_m(body, np.arange(KEYS)), atol=1e-5)


def test_tips_of_bones_without_children_are_points_too(blender, body):
    from dancepose_addon.blender import scene_reader

    rig = build_rig(blender, body)
    names, points = scene_reader._sample_bones(rig, blender.context.scene, np.array([FIRST_KEY + 2.0, FIRST_KEY + 5.5]))
    parents = set(PARENTS)
    leaves = [name for joint, name in enumerate(JOINT_NAMES) if joint not in parents]
    assert set(names) == {*JOINT_NAMES, *(f"{name}_end" for name in leaves)}
    for row, key in enumerate((2.0, 5.5)):
        heads, tips = true_points_m(body, key)
        for name, point in zip(names, points[row], strict=True):
            of = tips if name.endswith("_end") else heads
            truth = of[JOINT_NAMES.index(name.removesuffix("_end"))]
            assert np.abs(point - truth).max() < 1e-5, (name, key)


def test_keys_closer_than_a_frame_are_the_frames_of_the_source(blender, body):
    # 30 fps played in a 24 fps scene, as importers write it when asked to scale the rate.
    set_rate(blender, 24)
    clip = read(blender, build_rig(blender, body, step=0.8))
    assert clip.fps == pytest.approx(30.0, abs=1e-3)
    np.testing.assert_allclose(clip.keypoints_m, expected_m(body, np.arange(KEYS)), atol=1e-5)
    assert not any("rate" in note for note in clip.notes)


def test_keys_further_apart_are_sampled_at_every_frame_of_the_scene(blender, body):
    set_rate(blender, 24)
    clip = read(blender, build_rig(blender, body, step=2.0))
    assert (clip.fps, len(clip)) == (24.0, 2 * (KEYS - 1) + 1)
    np.testing.assert_allclose(clip.keypoints_m, expected_m(body, np.arange(len(clip)) / 2.0), atol=1e-5)


def test_one_key_per_frame_leaves_the_rate_in_doubt(blender, body):
    # Blender's BVH importer keys a 30 fps file like this in a 24 fps scene, so the keys cannot say which it is.
    set_rate(blender, 24)
    rig = build_rig(blender, body)
    clip = read(blender, rig)
    assert clip.fps == 24.0
    (doubt,) = (note for note in clip.notes if "rate" in note)
    assert "one key per frame" in doubt
    assert "set Rate" in doubt
    given = read(blender, rig, fps=30.0)
    assert given.fps == 30.0
    assert not any("rate" in note for note in given.notes)
    np.testing.assert_allclose(given.keypoints_m, clip.keypoints_m)


def test_uneven_keys_leave_no_doubt(blender, body):
    set_rate(blender, 24)
    clip = read(blender, build_rig(blender, body, uneven=True))
    assert (clip.fps, len(clip)) == (24.0, KEYS)
    assert not any("rate" in note for note in clip.notes)
    np.testing.assert_allclose(clip.keypoints_m, expected_m(body, np.arange(KEYS)), atol=1e-5)


def test_the_scene_keeps_its_frame(blender, body):
    scene = set_rate(blender, 24)
    rig = build_rig(blender, body, step=0.8)
    scene.frame_set(31, subframe=0.25)
    read(blender, rig)
    assert (scene.frame_current, scene.frame_subframe) == (31, pytest.approx(0.25))


def test_an_action_without_keys_is_sampled_over_the_scene(blender, body):
    scene = set_rate(blender, 24)
    rig = build_rig(blender, body)
    from dancepose_addon.blender import compat

    for curve in compat.curves_of(rig.animation_data.action):
        curve.keyframe_points.clear()
    scene.frame_start, scene.frame_end = 3, 6
    assert len(read(blender, rig)) == 4


def test_what_does_not_move_is_refused(blender):
    from dancepose_addon.blender.scene_reader import read_armature

    scene = blender.context.scene
    still = blender.data.objects.new("Still", blender.data.armatures.new("Still"))
    with pytest.raises(InputError, match="Still has no action"):
        read_armature(still, scene)
    with pytest.raises(InputError, match="No armature is selected"):
        read_armature(None, scene)
    with pytest.raises(InputError, match="No armature is selected"):
        read_armature(blender.data.objects.new("Mesh", blender.data.meshes.new("Mesh")), scene)
