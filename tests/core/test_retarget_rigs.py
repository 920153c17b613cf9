# SPDX-License-Identifier: Apache-2.0
"""Transfer to generated rigs of SMPL's own proportions, which have to take SMPL's own joint positions."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle, rotvec_to_rotmat
from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget.character_map import CharacterMap
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.retarget.transfer import FigurePlacement, SourceMotion, transfer_motion
from tests.support.rigs import FAMILIES, Z_UP, build_rig, in_smpl_axes, pose_rig

FRAMES = 12
LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


@pytest.fixture(scope="module")
def source(body) -> SourceMotion:
    """Every joint turning, the body moving and turning round; no contacts."""
    rng = np.random.default_rng(3)
    rotvec = rng.normal(0.0, 0.35, (FRAMES, 24, 3))
    rotvec[:, 0] = np.stack([np.zeros(FRAMES), np.linspace(0.0, 6.0, FRAMES), np.zeros(FRAMES)], axis=1)
    rotvec[:, [22, 23]] = 0.0
    path = rng.normal(0.0, 0.3, (FRAMES, 3)) + np.array([0.0, 1.2, 0.0])
    rest = body.rest_joints().astype(np.float64)
    ankle = float(rest[[7, 8], 1].mean() - body.v_template_m[:, 1].min())
    ground = Ground(0.0, np.zeros((FRAMES, 2, 2), bool))
    return SourceMotion(rest, rotvec_to_rotmat(rotvec), path, ankle, ground, 30.0)


def on_stage(skeleton: RestSkeleton) -> FigurePlacement:
    """The dance where the motion has it in the world."""
    to_armature = skeleton.world_rotmat.T
    return FigurePlacement(to_armature @ Z_UP, -to_armature @ skeleton.world_origin_m / skeleton.world_scale)


def bone_of(character: CharacterMap, joint: str) -> int | None:
    """The bone of an SMPL joint where the rig has SMPL's three spine joints."""
    if joint.startswith("spine"):
        spine = character.bones.get("spine", ())
        return spine[int(joint[-1]) - 1] if len(spine) == 3 else None
    return character.first(joint)


@pytest.mark.parametrize("name", FAMILIES)
def test_names_are_found(name, source):
    family = FAMILIES[name]
    skeleton = build_rig(family, source.rest_joints_m)
    character = find_character_map(skeleton)
    wrong = {}
    for joint, bone in family.names().items():
        if joint.endswith("_hand"):
            continue
        found = bone_of(character, joint)
        if joint == "pelvis" and skeleton.index[bone] in character.bones["pelvis"]:
            continue
        if (joint.startswith("spine") or joint == "pelvis") and found is None:
            continue
        if found is None or skeleton.names[found] != bone:
            wrong[joint] = (bone, None if found is None else skeleton.names[found])
    # The lower body of MikuMikuDance carries only the legs; the centre above it moves both halves.
    allowed = {"mikumikudance": {"pelvis", "spine1", "spine2", "spine3"}}
    assert {joint: pair for joint, pair in wrong.items() if joint not in allowed.get(name, set())} == {}


@pytest.mark.parametrize("name", FAMILIES)
def test_joints_are_where_smpl_has_them(name, source):
    family = FAMILIES[name]
    skeleton = build_rig(family, source.rest_joints_m)
    character = find_character_map(skeleton)
    keys = transfer_motion(skeleton, character, source, placement=on_stage(skeleton), lock_feet=False)
    _, heads = pose_rig(skeleton, keys)
    places = in_smpl_axes(heads, skeleton)
    _, joints = forward_kinematics(source.rest_joints_m, source.pose_rotmat, source.translation_m)
    assert keys.scale == pytest.approx(family.size, rel=1e-6)
    limbs = [f"{side}_{part}" for side in ("left", "right") for part in LIMBS]
    if name in ("toy", "mikumikudance"):  # Their spines are not SMPL's, so their shoulders are elsewhere.
        for side in ("left", "right"):
            for first, second in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle")):
                a, b = (character.bones[f"{side}_{part}"][0] for part in (first, second))
                found = places[:, b] - places[:, a]
                wanted = joints[:, JOINT_INDEX[f"{side}_{second}"]] - joints[:, JOINT_INDEX[f"{side}_{first}"]]
                np.testing.assert_allclose(found, wanted, atol=1e-6)
        return
    for joint in [*limbs, "spine2", "spine3", "neck", "head"]:
        bone = bone_of(character, joint)
        assert bone is not None, joint
        away = places[:, bone] - family.size * joints[:, JOINT_INDEX[joint]]
        # Soles of a rig without a skin are a guess, so the height may differ by a constant.
        away[:, 1] -= away[:, 1].mean()
        np.testing.assert_allclose(away, 0.0, atol=2e-6 * family.size, err_msg=joint)


@pytest.mark.parametrize("name", ["mixamo", "unreal", "ethan", "vroid", "quaternius", "swapped labels"])
def test_turned_and_moved_armatures_dance_in_their_own_axes(name, source):
    """The dance of an armature that is turned and moved in the scene is turned and moved with it."""
    family = FAMILIES[name]
    plain = build_rig(family, source.rest_joints_m)
    character = find_character_map(plain)
    keys = transfer_motion(plain, character, source, lock_feet=False)
    _, heads = pose_rig(plain, keys)
    _, joints = forward_kinematics(source.rest_joints_m, source.pose_rotmat, source.translation_m)
    places = in_smpl_axes(heads, plain)
    yaw = np.radians(family.turn_deg)
    turn = rotvec_to_rotmat(np.array([0.0, yaw, 0.0]))
    for joint in ("left_wrist", "right_ankle"):
        wanted = family.size * joints[:, JOINT_INDEX[joint]] @ turn.T
        away = places[:, character.bones[joint][0]] - wanted
        away[:, 1] -= away[:, 1].mean()
        np.testing.assert_allclose(away, 0.0, atol=2e-6 * family.size)


def test_twist_bones_share_the_twist_of_the_hand(source):
    """The forearm's twist bone takes half of the hand's twist; the upper arm's none of the shoulder's."""
    skeleton = build_rig(FAMILIES["unreal"], source.rest_joints_m)
    heads = skeleton.heads.copy()
    wrist, elbow = skeleton.index["hand_l"], skeleton.index["lowerarm_l"]
    heads[skeleton.index["lowerarm_twist_01_l"]] = 0.5 * (heads[wrist] + heads[elbow])
    skeleton = replace(skeleton, heads=heads)
    angle = np.linspace(0.0, np.radians(100.0), FRAMES)
    fore = source.rest_joints_m[JOINT_INDEX["left_wrist"]] - source.rest_joints_m[JOINT_INDEX["left_elbow"]]
    upper = source.rest_joints_m[JOINT_INDEX["left_elbow"]] - source.rest_joints_m[JOINT_INDEX["left_shoulder"]]
    pose = np.broadcast_to(np.eye(3), (FRAMES, 24, 3, 3)).copy()
    pose[:, JOINT_INDEX["left_wrist"]] = rotvec_to_rotmat(angle[:, None] * fore / np.linalg.norm(fore))
    pose[:, JOINT_INDEX["left_shoulder"]] = rotvec_to_rotmat(0.6 * angle[:, None] * upper / np.linalg.norm(upper))
    still = SourceMotion(source.rest_joints_m, pose, source.translation_m, source.ankle_m, source.ground, 30.0)
    character = find_character_map(skeleton)
    keys = transfer_motion(skeleton, character, still, lock_feet=False)
    turned, _ = pose_rig(skeleton, keys)

    def turn_of(name: str) -> np.ndarray:
        found = turned[:, skeleton.index[name]]
        return geodesic_angle(np.broadcast_to(found[0], found.shape), found)

    np.testing.assert_allclose(turn_of("upperarm_l"), 0.6 * angle, atol=1e-6)
    np.testing.assert_allclose(turn_of("upperarm_twist_01_l"), 0.0, atol=1e-6)
    np.testing.assert_allclose(turn_of("lowerarm_l"), 0.6 * angle, atol=1e-6)
    np.testing.assert_allclose(turn_of("lowerarm_twist_01_l"), 0.6 * angle + 0.5 * angle, atol=1e-3)
    np.testing.assert_allclose(turn_of("hand_l"), 1.6 * angle, atol=1e-6)
