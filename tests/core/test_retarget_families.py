# SPDX-License-Identifier: Apache-2.0
"""Rigs with all the bones that programs export: the right ones are found, in any rest pose, axes, scale and roll."""

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget.character_map import CHAINS, CharacterMap
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.retarget.transfer import SourceMotion, transfer_motion
from tests.core.test_retarget_rigs import on_stage
from tests.support.detailed_families import DETAILED
from tests.support.detailed_games import MGEAR
from tests.support.detailed_rigs import Detailed, build_detailed
from tests.support.rigs import in_smpl_axes, pose_rig

FRAMES = 6
BUILDS = {
    "T-pose, y up, centimetres, bones across": {"arms_down_deg": 0.0, "y_up": True, "scale": 0.01, "axes": "across"},
    "A-pose, z up, metres, bones along": {"arms_down_deg": 50.0, "scale": 1.0, "axes": "limb"},
    "A-pose, seen from behind, scale 100, bones upright": {
        "arms_down_deg": 35.0, "scale": 100.0, "axes": "up", "turn_deg": 180.0,
    },
    "a step, tall, forearms hanging": {"arms_down_deg": 70.0, "legs_ahead_deg": 30.0, "scale": 0.0254, "size": 1.6},
}  # fmt: skip
SEGMENTS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


@pytest.fixture(scope="module")
def source(body) -> SourceMotion:
    rng = np.random.default_rng(4)
    rotvec = rng.normal(0.0, 0.35, (FRAMES, 24, 3))
    rotvec[:, 22:] = 0.0
    ground = Ground(0.0, np.zeros((FRAMES, 2, 2), bool))
    path = np.tile([0.1, 1.2, 0.3], (FRAMES, 1))
    return SourceMotion(body.rest_joints().astype(np.float64), rotvec_to_rotmat(rotvec), path, 0.08, ground, 30.0)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("name", DETAILED)
def test_joints_are_found_among_all_bones(name, build, source):
    detailed = DETAILED[name]
    skeleton = build_detailed(detailed, source.rest_joints_m, **BUILDS[build])
    character = find_character_map(skeleton)
    names = character.names(skeleton)
    for joint, bone in detailed.family.names().items():
        part = "spine" if joint.startswith("spine") else joint
        if joint.endswith("_hand") or part in detailed.ignored:
            continue
        if part in ("pelvis", *CHAINS[:2]):
            assert bone in names[part], joint
        else:
            assert names[part][0] == bone, joint
    for part, chain in detailed.chains.items():
        assert tuple(names[part]) == chain, part
    twists = {skeleton.names[twist.bone] for twist in character.twists}
    patterns = [
        (pattern, side, number) for pattern in detailed.twists for side in detailed.family.sides for number in (1, 2)
    ]
    named = {pattern.format(side, number) for pattern, side, number in patterns}
    assert named & set(skeleton.names) <= twists
    limbs_point_as_the_sources(skeleton, character, source)


def limbs_point_as_the_sources(skeleton: RestSkeleton, character: CharacterMap, source: SourceMotion) -> None:
    keys = transfer_motion(skeleton, character, source, placement=on_stage(skeleton), lock_feet=False)
    _, heads = pose_rig(skeleton, keys)
    places = in_smpl_axes(heads, skeleton)
    _, joints = forward_kinematics(source.rest_joints_m, source.pose_rotmat, source.translation_m)
    for side in ("left", "right"):
        for start, end in SEGMENTS:
            bones = [character.bones[f"{side}_{part}"][0] for part in (start, end)]
            first, second = (JOINT_INDEX[f"{side}_{part}"] for part in (start, end))
            found, wanted = places[:, bones[1]] - places[:, bones[0]], joints[:, second] - joints[:, first]
            sine = np.linalg.norm(np.cross(found, wanted), axis=1)
            assert np.degrees(np.arctan2(sine, (found * wanted).sum(axis=1))).max() < 0.01, (side, start)


def test_the_joint_before_the_toes_is_the_ball(source):
    """Second Life has ankle, foot and toe: what it calls the foot is where others have the toes."""
    skeleton = build_detailed(DETAILED["second life"], source.rest_joints_m)
    assert find_character_map(skeleton).names(skeleton)["left_foot"] == ["mFootLeft"]


@pytest.mark.parametrize("turn_deg", [0.0, 180.0])
def test_numbered_segments_are_found_by_position(source, turn_deg):
    """mGear's thigh and shin have one name and numbers; the sides are those of the names, wherever the figure looks."""
    skeleton = build_detailed(Detailed(MGEAR), source.rest_joints_m, turn_deg=turn_deg)
    names = find_character_map(skeleton).names(skeleton)
    assert names["left_hip"] == ["leg_L0_0_jnt"]
    assert names["left_knee"] == ["leg_L0_1_jnt"]
    assert names["right_ankle"] == ["foot_R0_0_jnt"]
    assert names["right_wrist"] == ["arm_R0_end_jnt"]
