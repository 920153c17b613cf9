# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters in Blender: import, the action that makes them dance, the panel, and refusals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.joint_tree import SMPLH_TREE
from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import geodesic_angle, rotvec_to_rotmat
from dancepose_addon.core.errors import DancePoseError, FormatError, InputError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.retarget.character_map import FINGER_PARTS
from tests.addon.conftest import BLENDER_FROM_SMPL, place
from tests.support.rig_files import armature_of_rig
from tests.support.rigs import FAMILIES

FILES = (
    "godot_mannequiny.glb", "kaykit_rogue.glb", "mpfb_cmu_mb.glb", "mpfb_default.glb", "mpfb_game_engine.fbx",
    "mpfb_rigify.blend", "rigifydef_mesh2motion_human.blend", "vrm0_cryptovoxels.vrm", "vrm0_godette.vrm",
)  # fmt: skip
LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
FRAMES = (0, 7, 19)
RIGIFY_LIMBS = {
    "shoulder": "upper_arm", "elbow": "forearm", "wrist": "hand", "hip": "thigh", "knee": "shin", "ankle": "foot",
}  # fmt: skip


@pytest.fixture(scope="session")
def dance(body) -> BodyMotion:
    """Every joint turning smoothly while the body turns round; 20 frames."""
    rng = np.random.default_rng(11)
    ends = rng.normal(0.0, 0.35, (2, 24, 3))
    share = np.linspace(0.0, 1.0, 20)[:, None, None]
    rotvec = ends[0] + share * (ends[1] - ends[0])
    rotvec[:, [22, 23]] = 0.0
    pose = rotvec_to_rotmat(rotvec)
    pose[:, 0] = rotvec_to_rotmat(np.array([0.0, 1.0, 0.0]) * np.linspace(0.0, 5.0, 20)[:, None]) @ pose[:, 0]
    path = np.stack([np.linspace(0.0, 0.5, 20), np.full(20, 1.3), np.linspace(0.0, -0.4, 20)], axis=1)
    return BodyMotion(pose.astype(np.float32), path.astype(np.float32), np.zeros(10, np.float32), 1.0, 24.0)


def evaluated_heads(bpy: Any, thing: Any, names: list[str], frame: int) -> np.ndarray:
    """World positions of bones as the dependency graph evaluates them."""
    bpy.context.scene.frame_set(frame)
    shown = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([list(shown.matrix_world @ shown.pose.bones[name].head) for name in names])


def drive(bpy: Any, thing: Any, motion: BodyMotion, body: Any, **options: Any) -> Any:
    from dancepose_addon.blender.characters.driving import DriveOptions, drive_armature
    from dancepose_addon.core.retarget.source_motion import source_motion

    bpy.context.scene.render.fps = 24
    return drive_armature(
        thing, source_motion(motion, body), scene=bpy.context.scene, options=DriveOptions(on_stage=True, **options)
    )


def largest_limb_error_deg(bpy: Any, driven: Any, motion: BodyMotion, body: Any) -> float:
    _, joints = forward_kinematics(body.rest_joints(), motion.pose_rotmat, motion.translation_m)
    parts = [f"{side}_{part}" for side in ("left", "right") for limb in LIMBS for part in limb]
    bones = [driven.skeleton.names[driven.character.bones[part][0]] for part in parts]
    worst = 0.0
    for frame in FRAMES:
        heads = evaluated_heads(bpy, driven.armature, bones, frame).reshape(-1, 2, 3)
        places = joints[frame, [JOINT_INDEX[part] for part in parts]].reshape(-1, 2, 3) @ BLENDER_FROM_SMPL.T
        found, wanted = (ends[:, 1] - ends[:, 0] for ends in (heads, places))
        cosine = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
        worst = max(worst, float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).max()))
    return worst


@pytest.mark.parametrize("name", ["mixamo", "unreal", "ethan", "vroid", "quaternius", "swapped labels", "toy"])
def test_evaluated_limbs_point_as_smpls(blender, body, dance, name):
    driven = drive(blender, armature_of_rig(blender, name, body), dance, body, lock_feet=False)
    assert largest_limb_error_deg(blender, driven, dance, body) < 0.05
    names = [driven.skeleton.names[bone] for bone in driven.keys.heads]
    found = evaluated_heads(blender, driven.armature, names, 7)
    skeleton = driven.skeleton
    heads = np.array([driven.keys.heads[bone][7] for bone in driven.keys.heads])
    wanted = heads @ skeleton.world_rotmat.T * skeleton.world_scale + skeleton.world_origin_m
    np.testing.assert_allclose(found, wanted, atol=2e-4 * max(1.0, FAMILIES[name].size))


def finger_error_deg(bpy: Any, driven: Any, motion: BodyMotion, body: Any, prefix: str = "") -> float:
    """Largest angle between the first two bones of each finger and SMPL+H's, at the frames."""
    pose = motion.pose_in(SMPLH_TREE)
    _, joints = forward_kinematics(body.full.rest_joints(), pose, motion.translation_m, tree=SMPLH_TREE)
    worst = 0.0
    for part, names in driven.character.names(driven.skeleton).items():
        if part not in FINGER_PARTS or len(names) < 3:
            continue
        at = SMPLH_TREE.index[f"{part}1"]
        for frame in FRAMES:
            heads = evaluated_heads(bpy, driven.armature, [prefix + name for name in names], frame)
            found, wanted = np.diff(heads, axis=0), np.diff(joints[frame, at : at + 3], axis=0) @ BLENDER_FROM_SMPL.T
            cosine = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
            worst = max(worst, float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).max()))
    return worst


@pytest.fixture(scope="session")
def dance_with_fingers(dance) -> BodyMotion:
    ends = np.random.default_rng(12).normal(0.0, 0.4, (2, 30, 3))
    rotvec = ends[0] + np.linspace(0.0, 1.0, len(dance))[:, None, None] * (ends[1] - ends[0])
    return replace(dance, hands_rotmat=rotvec_to_rotmat(rotvec).astype(np.float32))


@pytest.mark.parametrize("name", ["mixamo", "metahuman", "vrm 1", "biped"])
def test_evaluated_fingers_point_as_smplhs(blender, body, dance_with_fingers, name):
    thing = armature_of_rig(blender, name, body, fingers=True)
    driven = drive(blender, thing, dance_with_fingers, body, lock_feet=False)
    assert sum(part in FINGER_PARTS for part in driven.character.bones) == 10
    assert finger_error_deg(blender, driven, dance_with_fingers, body) < 0.1


def test_fingers_of_a_motion_without_them_have_one_key(blender, body, dance):
    thing = armature_of_rig(blender, "mixamo", body, fingers=True)
    drive(blender, thing, dance, body)
    counts = {curve.data_path: len(curve.keyframe_points) for curve in curves(thing)}
    assert counts['pose.bones["mixamorig:LeftHandIndex1"].rotation_quaternion'] == 1
    assert counts['pose.bones["mixamorig:LeftHand"].rotation_quaternion'] == len(dance)


@pytest.mark.parametrize("name", FILES)
def test_characters_of_the_set_dance(blender, body, dance_with_fingers, data_folder, name):
    from dancepose_addon.blender.characters.character_file import import_character

    path = data_folder / "characters" / name
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    scene = blender.context.scene
    scene.render.fps, scene.frame_end = 24, 77
    objects = import_character(path, scene=scene)
    assert (scene.render.fps, scene.frame_end) == (24, 77)
    assert objects.meshes
    assert all("Icosphere" not in mesh.name for mesh in objects.meshes)
    dance = dance_with_fingers
    driven = drive(blender, objects.armature, dance, body, lock_feet=False)
    prefix = "DEF-" if name == "mpfb_rigify.blend" else ""  # the bones that the controls move
    assert finger_error_deg(blender, driven, dance, body, prefix) < 0.1
    # Two bones per segment bend a little in rest, so their ends are a degree off the limb.
    assert largest_limb_error_deg(blender, driven, dance, body) < (1.5 if name == "mpfb_default.glb" else 0.1)


def test_an_action_replaces_what_animated_the_rig_and_keeps_it(blender, body, dance):
    thing = armature_of_rig(blender, "mixamo", body)
    own = blender.data.actions.new("walk")
    thing.animation_data_create().action = own
    thing.animation_data.nla_tracks.new().strips.new("walk", 1, own)
    thing.pose.bones[5].location = (1.0, 2.0, 3.0)
    drive(blender, thing, dance, body)
    assert thing.animation_data.action is not own
    assert own.use_fake_user
    assert all(track.mute for track in thing.animation_data.nla_tracks)
    assert tuple(thing.pose.bones[5].location) == (0.0, 0.0, 0.0)
    count = len(blender.data.actions)
    drive(blender, thing, dance, body)
    assert len(blender.data.actions) == count


def test_rigify_limbs_are_switched_to_fk(blender, body, dance, data_folder):
    from dancepose_addon.blender.characters.character_file import import_character

    path = data_folder / "characters" / "mpfb_rigify.blend"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    objects = import_character(path, scene=blender.context.scene)
    driven = drive(blender, objects.armature, dance, body, lock_feet=False)
    blender.context.scene.frame_set(7)
    shown = driven.armature.evaluated_get(blender.context.evaluated_depsgraph_get())
    assert shown.pose.bones["thigh_parent.L"]["IK_FK"] == 1.0
    for fk, deform in (("forearm_fk.L", "DEF-forearm.L"), ("shin_fk.R", "DEF-shin.R"), ("hand_fk.R", "DEF-hand.R")):
        np.testing.assert_allclose(shown.pose.bones[deform].head, shown.pose.bones[fk].head, atol=2e-3)


def switching_to_ik_keeps_the_pose(bpy: Any, thing: Any, dance: BodyMotion, body: Any) -> None:
    """Elbows and knees bend by 25 to 80 degrees; the bend's axis is a little off, as in dances."""
    pose, bend = dance.pose_rotmat.copy(), np.radians(np.linspace(25.0, 80.0, len(dance)))
    tilt = rotvec_to_rotmat(np.array([0.0, 0.1, 0.1])).astype(np.float32)
    for joint, axis in ((4, (1, 0, 0)), (5, (1, 0, 0)), (18, (0, -1, 0)), (19, (0, 1, 0))):
        pose[:, joint] = tilt @ rotvec_to_rotmat(bend[:, None] * np.array(axis)).astype(np.float32)
    drive(bpy, thing, replace(dance, pose_rotmat=pose), body)
    names = [f"DEF-{bone}.{side}{part}" for bone in RIGIFY_LIMBS.values() for side in "LR" for part in ("", ".001")]
    names = [name for name in (*names, "DEF-toe.L", "DEF-toe.R") if name in thing.pose.bones]
    assert len(names) == 22
    fk = evaluated_matrices(bpy, thing, names)
    switches = [curve for curve in curves(thing) if curve.data_path.endswith('["IK_FK"]')]
    assert len(switches) == 4
    for curve in switches:
        curve.keyframe_points[0].co[1] = 0.0
        curve.update()
    ik = evaluated_matrices(bpy, thing, names)
    assert thing.pose.bones["thigh_parent.L"]["IK_FK"] == 0.0
    np.testing.assert_allclose(ik[..., :3, 3], fk[..., :3, 3], atol=2e-3)
    directions = (fk[..., :3, 1] * ik[..., :3, 1]).sum(-1) / np.linalg.norm(fk[..., :3, 1], axis=-1)
    cosine = directions / np.linalg.norm(ik[..., :3, 1], axis=-1)
    assert np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).max() < 1.0
    # Segments between may differ by a twist, since Rigify's elbows and knees are hinges.
    ends = [column for column, name in enumerate(names) if name.startswith(("DEF-hand", "DEF-foot", "DEF-toe"))]
    assert np.degrees(geodesic_angle(fk[:, ends, :3, :3], ik[:, ends, :3, :3])).max() < 1.0


def evaluated_matrices(bpy: Any, thing: Any, names: list[str]) -> np.ndarray:
    found = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        shown = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append([np.array(shown.pose.bones[name].matrix) for name in names])
    return np.array(found)


@pytest.fixture
def metarig(blender):
    """Rigify's human metarig, selected; Rigify is enabled meanwhile."""
    import addon_utils

    if addon_utils.enable("rigify", default_set=True) is None:  # Rigify reads its own preferences
        pytest.skip("this Blender has no Rigify")
    try:
        blender.ops.object.armature_human_metarig_add()
        yield blender.context.object
    finally:
        addon_utils.disable("rigify", default_set=True)


def test_rigifys_metarig_dances(blender, metarig, body, dance):
    driven = drive(blender, metarig, dance, body, lock_feet=False)
    assert largest_limb_error_deg(blender, driven, dance, body) < 0.1
    assert driven.character.names(driven.skeleton)["head"] == ["spine.006"]


@pytest.mark.slow
def test_a_rig_that_rigify_generates_dances(blender, metarig, body, dance):
    """Its deform bones, which follow the FK controls through Rigify's own constraints, point as SMPL's limbs.

    Its limbs can be switched to IK: the deform bones are then in the same places, with the same directions.
    """
    blender.ops.pose.rigify_generate()
    thing = blender.context.object
    assert thing != metarig
    switching_to_ik_keeps_the_pose(blender, thing, dance, body)
    driven = drive(blender, thing, dance, body, lock_feet=False)
    controls = driven.character.names(driven.skeleton)
    assert controls["left_elbow"] == ["forearm_fk.L"]
    assert controls["right_knee"] == ["shin_fk.R"]
    _, joints = forward_kinematics(body.rest_joints(), dance.pose_rotmat, dance.translation_m)
    bones = [f"DEF-{bone}.{side}" for side in "LR" for bone in RIGIFY_LIMBS.values()]
    parts = [f"{side}_{part}" for side in ("left", "right") for part in RIGIFY_LIMBS]
    for frame in FRAMES:
        heads = dict(zip(parts, evaluated_heads(blender, thing, bones, frame), strict=True))
        for side in ("left", "right"):
            for start, end in LIMBS:
                found = heads[f"{side}_{end}"] - heads[f"{side}_{start}"]
                ends = [joints[frame, JOINT_INDEX[f"{side}_{part}"]] for part in (start, end)]
                wanted = (ends[1] - ends[0]) @ BLENDER_FROM_SMPL.T
                cosine = found @ wanted / np.linalg.norm(found) / np.linalg.norm(wanted)
                assert np.degrees(np.arccos(min(1.0, cosine))) < 0.1, (frame, side, start)


def test_the_panel_drives_the_selected_armature(extension, body, dance):
    bpy = extension
    imported = place(bpy, dance, body, fps=24)
    thing = armature_of_rig(bpy, "unreal", body)
    assert bpy.ops.dancepose.find_bones() == {"FINISHED"}
    rows = {row.part: row.bones for row in thing.dancepose_character.parts}
    assert rows["left_knee"] == "calf_l"
    assert rows["spine"] == "spine_01, spine_02, spine_03"
    assert bpy.ops.dancepose.drive_armature() == {"FINISHED"}
    assert thing.dancepose_character.dancer == imported.armature
    assert thing.animation_data.action.name.startswith("Dancer dance")
    row = next(row for row in thing.dancepose_character.parts if row.part == "left_collar")
    row.bones = ""
    assert bpy.ops.dancepose.drive_armature() == {"FINISHED"}
    assert "clavicle_l" not in {curve.data_path.split('"')[1] for curve in curves(thing)}
    row = next(row for row in thing.dancepose_character.parts if row.part == "left_knee")
    row.bones = "calf_r"
    before = thing.animation_data.action
    with pytest.raises(RuntimeError, match="once"):
        bpy.ops.dancepose.drive_armature()
    assert thing.animation_data.action == before
    assert "calf_r" in thing.dancepose_character.problem


def curves(thing: Any) -> list[Any]:
    from dancepose_addon.blender.compat import curves_of

    return curves_of(thing.animation_data.action)


def test_the_panel_needs_a_dancer(extension, body):
    armature_of_rig(extension, "toy", body)
    with pytest.raises(RuntimeError, match="Import a motion first"):
        extension.ops.dancepose.drive_armature()


def test_what_is_no_character_is_refused_and_the_file_stays_as_it_was(blender, body, dance):
    before = len(blender.data.actions)
    with pytest.raises(InputError, match="No armature is selected"):
        drive(blender, None, dance, body)
    stretched = armature_of_rig(blender, "mixamo", body, scale=(0.01, 0.01, 0.02))
    with pytest.raises(InputError, match="along its axes"):
        drive(blender, stretched, dance, body)
    mirrored = armature_of_rig(blender, "toy", body, scale=(-1.0, 1.0, 1.0))
    with pytest.raises(InputError, match="mirrored"):
        drive(blender, mirrored, dance, body)
    chain = blender.data.armatures.new("chain")
    thing = blender.data.objects.new("chain", chain)
    blender.context.collection.objects.link(thing)
    with pytest.raises(InputError, match="no bones"):
        drive(blender, thing, dance, body)
    assert len(blender.data.actions) == before
    assert stretched.animation_data is None


def saved(bpy: Any, path: Path, things: set[Any]) -> Path:
    bpy.data.libraries.write(str(path), things)
    return path


def test_files_without_one_character_are_refused(blender, body, tmp_path):
    from dancepose_addon.blender.characters.character_file import import_character

    scene = blender.context.scene
    cube = blender.data.objects.new("cube", blender.data.meshes.new("cube"))
    scene.collection.objects.link(cube)
    empty = saved(blender, tmp_path / "cube.blend", {cube})
    two = saved(
        blender,
        tmp_path / "two.blend",
        {armature_of_rig(blender, "toy", body), armature_of_rig(blender, "vroid", body)},
    )
    blender.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = blender.context.scene
    (tmp_path / "bad.fbx").write_bytes(b"Kaydara FBX Binary  \x00\x1a\x00 cut")
    (tmp_path / "bad.glb").write_bytes(b"glTF")
    for path, kind, message in (
        (empty, InputError, "no armature"),
        (two, InputError, "2 armatures"),
        (tmp_path / "none.glb", InputError, "does not exist"),
        (tmp_path / "bad.fbx", FormatError, "is damaged"),
        (tmp_path / "bad.glb", FormatError, "not a glTF file"),
        (tmp_path / "a.txt", InputError, "not a character's file"),
    ):
        with pytest.raises(DancePoseError, match=message) as refused:
            import_character(path, scene=scene)
        assert isinstance(refused.value, kind)
        assert not blender.data.objects
        assert not blender.data.armatures


def test_a_linked_armature_is_refused(blender, body, dance, tmp_path):
    path = saved(blender, tmp_path / "toy.blend", {armature_of_rig(blender, "toy", body)})
    blender.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with blender.data.libraries.load(str(path), link=True) as (source, target):
        target.objects = source.objects
    (thing,) = target.objects
    blender.context.scene.collection.objects.link(thing)
    with pytest.raises(InputError, match="linked from another file"):
        drive(blender, thing, dance, body)


def test_a_dance_is_written_as_bvh_with_the_characters_bones(blender, body, dance, tmp_path):
    from dancepose_addon.core.retarget.character_bvh import write_character_bvh

    driven = drive(blender, armature_of_rig(blender, "ethan", body), dance, body, lock_feet=False)
    path = tmp_path / "ethan.bvh"
    write_character_bvh(driven.skeleton, driven.character, driven.keys, path, fps=24.0)
    sequence = open_source(path, body=body)
    assert "EthanLeftForeArm" in path.read_text(encoding="utf-8")
    assert sequence.fps == pytest.approx(24.0, rel=1e-4)
    wanted = driven.keys.heads[driven.character.bones["left_wrist"][0]]
    wanted = wanted @ driven.skeleton.world_rotmat.T * driven.skeleton.world_scale @ BLENDER_FROM_SMPL
    column = sequence.layout.keypoints.index("left_wrist")
    np.testing.assert_allclose(sequence.keypoints_m[:, column], wanted, atol=2e-4)
