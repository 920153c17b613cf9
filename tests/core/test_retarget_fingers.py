# SPDX-License-Identifier: Apache-2.0
"""Fingers of characters: names of many programs, and transfer against SMPL+H's own forward kinematics."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.hands import relaxed_hands
from dancepose_addon.core.body.joint_tree import FINGERS, SMPLH_TREE
from dancepose_addon.core.body.model import forward_kinematics
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget.character_map import FINGER_PARTS
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.finger_transfer import SourceHands
from dancepose_addon.core.retarget.source_motion import source_motion
from dancepose_addon.core.retarget.transfer import SourceMotion, transfer_motion
from tests.core.test_retarget_rigs import bone_of, on_stage
from tests.support.finger_rigs import WITH_FINGERS, WITHOUT_FINGERS
from tests.support.rigs import build_rig, in_smpl_axes, pose_rig

FRAMES = 6


@pytest.fixture(scope="module")
def rest(body) -> np.ndarray:
    """(52, 3)."""
    return body.full.rest_joints().astype(np.float64)


@pytest.fixture(scope="module")
def source(body, rest) -> SourceMotion:
    """Every joint turning, fingers too; no contacts."""
    rng = np.random.default_rng(5)
    rotvec = rng.normal(0.0, 0.3, (FRAMES, 24, 3))
    rotvec[:, 22:] = 0.0
    fingers = rng.normal(0.0, 0.4, (FRAMES, 30, 3))
    path = rng.normal(0.0, 0.3, (FRAMES, 3)) + np.array([0.0, 1.2, 0.0])
    ground = Ground(0.0, np.zeros((FRAMES, 2, 2), bool))
    hands = SourceHands(rest[22:], rotvec_to_rotmat(fingers))
    return SourceMotion(
        body.rest_joints().astype(np.float64), rotvec_to_rotmat(rotvec), path, 0.08, ground, 30.0, hands
    )


@pytest.mark.parametrize("name", WITH_FINGERS)
def test_every_finger_is_found(name, rest):
    family = WITH_FINGERS[name]
    skeleton = build_rig(family, rest)
    found = find_character_map(skeleton).names(skeleton)
    names = family.names_with_fingers()
    for part in FINGER_PARTS:
        assert found.get(part) == [names[f"{part}{number}"] for number in (1, 2, 3)], part


@pytest.mark.parametrize("name", [*WITH_FINGERS, *WITHOUT_FINGERS])
def test_limbs_are_found_beside_fingers(name, rest):
    family = WITH_FINGERS.get(name) or WITHOUT_FINGERS[name]
    skeleton = build_rig(family, rest if family.fingers else rest_of_smpl(rest))
    character = find_character_map(skeleton)
    for joint, bone in family.names().items():
        if joint.endswith("_hand") or joint.startswith("spine"):
            continue
        if joint == "pelvis":
            assert name == "mikumikudance" or skeleton.index[bone] in character.bones["pelvis"]
            continue
        found = bone_of(character, joint)
        assert found is not None, joint
        assert skeleton.names[found] == bone


def rest_of_smpl(rest: np.ndarray) -> np.ndarray:
    hands = [rest[22 + 15 * side : 34 + 15 * side : 3].mean(axis=0) for side in (0, 1)]
    return np.concatenate([rest[:22], hands])


@pytest.mark.parametrize("name", WITH_FINGERS)
def test_finger_joints_are_where_smplh_has_them(name, source, rest):
    """Relative to the wrist, on rigs of the same proportions whose fingers are bent in rest."""
    family = WITH_FINGERS[name]
    skeleton = build_rig(family, rest)
    character = find_character_map(skeleton)
    keys = transfer_motion(skeleton, character, source, placement=on_stage(skeleton), lock_feet=False)
    _, heads = pose_rig(skeleton, keys)
    places = in_smpl_axes(heads, skeleton) / family.size
    pose = np.concatenate([source.pose_rotmat[:, :22], source.hands.pose_rotmat], axis=1)
    _, joints = forward_kinematics(rest, pose, source.translation_m, tree=SMPLH_TREE)
    names = family.names_with_fingers()
    for side, wrist in (("left", 20), ("right", 21)):
        hand = skeleton.index[names[f"{side}_wrist"]]
        for finger in FINGERS:
            bones = [skeleton.index[names[f"{side}_{finger}{number}"]] for number in (1, 2, 3)]
            at = SMPLH_TREE.index[f"{side}_{finger}1"]
            found = places[:, bones] - places[:, [bones[0]]]
            np.testing.assert_allclose(found, joints[:, at : at + 3] - joints[:, [at]], atol=1e-6)
            away = places[:, bones[0]] - places[:, hand] - (joints[:, at] - joints[:, wrist])
            np.testing.assert_allclose(away, 0.0, atol=2e-6)


def test_one_and_two_bones_per_finger_take_part_of_the_bend(source, rest):
    """A straight finger of SMPL+H that bends by the same angle in its three joints ends at the sum of them."""
    family = WITH_FINGERS["mixamo"]
    kept = tuple(names[:2] if "Index" in names[0] else names[:1] for names in family.fingers)
    skeleton = build_rig(replace(family, fingers=kept, curl_deg=0.0), rest)
    character = find_character_map(skeleton)
    assert len(character.bones["left_index"]) == 2
    assert len(character.bones["left_ring"]) == 1
    angle = np.linspace(0.0, 0.6, FRAMES)
    axis = np.array([0.0, 0.0, -1.0])
    bend = np.broadcast_to(rotvec_to_rotmat(angle[:, None] * axis)[:, None], (FRAMES, 30, 3, 3))
    still = np.broadcast_to(np.eye(3), (FRAMES, 24, 3, 3))
    moved = replace(source, pose_rotmat=still, hands=SourceHands(rest[22:], bend))
    keys = transfer_motion(skeleton, character, moved, lock_feet=False)
    for part, shares in (("left_index", (1.5, 2.5)), ("left_ring", (2.0,))):
        for bone, share in zip(character.bones[part], shares, strict=True):
            delta = keys.deltas[bone][0].T @ keys.deltas[bone]
            turned = np.arccos(np.clip((np.trace(delta, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0))
            np.testing.assert_allclose(turned, share * angle, atol=1e-6)


def test_a_motion_without_fingers_rests_them_in_one_frame(body):
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (5, 24, 3, 3))
    motion = BodyMotion(pose, np.zeros((5, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0)
    hands = source_motion(motion, body).hands
    assert hands is not None
    assert len(hands.pose_rotmat) == 1
    np.testing.assert_allclose(hands.pose_rotmat, relaxed_hands(1), atol=1e-6)


def test_a_user_names_or_removes_fingers(rest):
    skeleton = build_rig(WITH_FINGERS["mixamo"], rest)
    index = skeleton.index
    chosen = tuple(index[f"mixamorig:LeftHandIndex{number}"] for number in (1, 2))
    character = find_character_map(skeleton, overrides={"left_index": chosen, "left_thumb": ()})
    assert character.bones["left_index"] == chosen
    assert "left_thumb" not in character.bones
    assert "right_thumb" in character.bones


def test_bones_without_length_follow_the_bone_before(source, rest):
    skeleton = build_rig(WITH_FINGERS["mixamo"], rest)
    heads = skeleton.heads.copy()
    first, second = (skeleton.index[f"mixamorig:LeftHandRing{number}"] for number in (1, 2))
    heads[second] = heads[first]
    keys = transfer_motion(replace(skeleton, heads=heads), find_character_map(skeleton), source, lock_feet=False)
    assert np.isfinite(keys.quats).all()
