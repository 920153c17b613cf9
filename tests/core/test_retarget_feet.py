# SPDX-License-Identifier: Apache-2.0
"""Feet of a driven character: still where they stand, on the floor, whatever its proportions."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.model import forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle, rotvec_to_rotmat
from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget.character_map import CharacterMap
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.retarget.target_feet import FootPoints
from dancepose_addon.core.retarget.transfer import SourceMotion, transfer_motion
from tests.support.rigs import FAMILIES, build_rig, in_smpl_axes, pose_rig

FRAMES = 40
SOLE_M = 0.05
"""Depth of the soles of these tests' feet below the ankle of the T-pose."""


@pytest.fixture(scope="module")
def swaying(body) -> SourceMotion:
    """Both feet stand still while the hips sway and the knees bend and stretch, by two-bone inverse kinematics."""
    rest = body.rest_joints().astype(np.float64)
    phase = np.linspace(0.0, 2.0 * np.pi, FRAMES)
    pose = np.broadcast_to(np.eye(3), (FRAMES, 24, 3, 3)).copy()
    bend = 0.35 + 0.2 * np.cos(phase)
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        pose[:, hip] = rotvec_to_rotmat(-bend[:, None] * np.array([1.0, 0.0, 0.0]))
        pose[:, knee] = rotvec_to_rotmat(2.0 * bend[:, None] * np.array([1.0, 0.0, 0.0]))
        pose[:, ankle] = rotvec_to_rotmat(-bend[:, None] * np.array([1.0, 0.0, 0.0]))
    # The middle of the ankles stays in its place.
    places = np.stack([ankle_of(rest, pose[frame], side) for frame in range(FRAMES) for side in (0, 1)])
    path = -places.reshape(FRAMES, 2, 3).mean(axis=1)
    lowest = SOLE_M
    path[:, 1] += lowest
    ground = Ground(0.0, np.ones((FRAMES, 2, 2), bool))
    return SourceMotion(rest, pose, path, SOLE_M, ground, 25.0)


def ankle_of(rest: np.ndarray, pose: np.ndarray, side: int) -> np.ndarray:
    hip, knee, ankle = ((1, 4, 7), (2, 5, 8))[side]
    at_knee = rest[hip] + pose[hip] @ (rest[knee] - rest[hip])
    return at_knee + pose[hip] @ pose[knee] @ (rest[ankle] - rest[knee])


def soles_of(skeleton: RestSkeleton, character: CharacterMap) -> FootPoints:
    """Flat soles: four points below each heel and each ball, at one height in rest."""
    points = {}
    heads = {part: in_smpl_axes(skeleton.heads[list(bones)], skeleton)[0] for part, bones in character.bones.items()}
    floor = min(heads[f"{side}_ankle"][1] for side in ("left", "right")) - SOLE_M
    for side in ("left", "right"):
        for part, ahead in (("ankle", -0.04), ("foot", 0.03)):
            base = heads.get(f"{side}_{part}", heads[f"{side}_ankle"] + np.array([0.0, 0.0, 0.12]))
            square = [(base[0] + x, floor, base[2] + ahead + z) for x in (-0.03, 0.03) for z in (-0.02, 0.02)]
            world = np.array(square) @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
            points[f"{side}_{part}"] = world @ skeleton.world_rotmat / skeleton.world_scale
    return FootPoints(points)


def sole_heights_and_places(
    skeleton: RestSkeleton, character: CharacterMap, feet: FootPoints, keys
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest height and mean place of each sole, from the posed bones. (T, 4) and (T, 4, 3)."""
    turned, heads = pose_rig(skeleton, keys)
    low, place = [], []
    for part, points in feet.points.items():
        bone = character.bones[part][0]
        delta = turned[:, bone] @ skeleton.rotmat[bone].T
        posed = heads[:, bone, None] + (points - skeleton.heads[bone]) @ np.swapaxes(delta, -1, -2)
        world = in_smpl_axes(posed, skeleton)
        low.append(world[..., 1].min(axis=1))
        place.append(world.mean(axis=1))
    return np.stack(low, axis=1), np.stack(place, axis=1)


@pytest.mark.parametrize("name", ["mixamo", "unreal", "ethan", "biped"])
@pytest.mark.parametrize("thigh", [1.0, 0.8])
def test_standing_feet_stay(swaying, name, thigh):
    """Also with thighs that are a fifth shorter, whose knees and ankles therefore have other paths."""
    skeleton = build_rig(FAMILIES[name], swaying.rest_joints_m)
    character = find_character_map(skeleton)
    if thigh != 1.0:
        skeleton = with_thighs(skeleton, character, thigh)
    feet = soles_of(skeleton, character)
    keys = transfer_motion(skeleton, character, swaying, feet=feet)
    low, place = sole_heights_and_places(skeleton, character, feet, keys)
    metres = keys.scale
    assert np.abs(place - np.median(place, axis=0)).max() < 2e-3 * max(metres, 1.0)
    assert np.abs(low - np.median(low)).max() < 2e-3 * max(metres, 1.0)


def with_thighs(skeleton: RestSkeleton, character: CharacterMap, factor: float) -> RestSkeleton:
    """The skeleton with other thighs; everything below the knees moves with them."""
    heads = skeleton.heads.copy()
    for side in ("left", "right"):
        hip, knee, ankle = (character.bones[f"{side}_{part}"][0] for part in ("hip", "knee", "ankle"))
        move = (factor - 1.0) * (heads[knee] - heads[hip])
        moved = {knee, ankle, *skeleton.descendants(knee), *skeleton.descendants(ankle)}
        heads[list(moved)] += move
    return replace(skeleton, heads=heads)


def test_a_locked_foot_does_not_change_a_leg_that_needs_nothing(swaying):
    """On SMPL's own proportions standing feet are still already, so the lock changes nothing visible."""
    skeleton = build_rig(FAMILIES["mixamo"], swaying.rest_joints_m)
    character = find_character_map(skeleton)
    feet = soles_of(skeleton, character)
    free = transfer_motion(skeleton, character, swaying, feet=feet, lock_feet=False)
    locked = transfer_motion(skeleton, character, swaying, feet=feet)
    np.testing.assert_allclose(locked.quats, free.quats, atol=3e-3)


def test_soles_below_the_floor_are_lifted(swaying):
    """Feet that the source pushes 3 cm into the floor without contact come up to it."""
    sunk = replace(
        swaying,
        translation_m=swaying.translation_m - np.array([0.0, 0.03, 0.0]),
        ground=Ground(0.0, np.zeros((FRAMES, 2, 2), bool)),
    )
    skeleton = build_rig(FAMILIES["mixamo"], swaying.rest_joints_m)
    character = find_character_map(skeleton)
    feet = soles_of(skeleton, character)
    low, _ = sole_heights_and_places(skeleton, character, feet, transfer_motion(skeleton, character, sunk, feet=feet))
    assert low.min() > -2e-3


@pytest.fixture(scope="module")
def twisting(swaying) -> SourceMotion:
    """Both feet are in contact while the pelvis turns to and fro by 20 degrees, which moves SMPL's feet."""
    phase = np.linspace(0.0, 2.0 * np.pi, FRAMES)
    pose = swaying.pose_rotmat.copy()
    turn = rotvec_to_rotmat(np.radians(20.0) * np.sin(phase)[:, None] * np.array([0.0, 1.0, 0.0]))
    pose[:, 0] = turn @ pose[:, 0]
    for hip in (1, 2):  # the legs keep their directions
        pose[:, hip] = np.swapaxes(turn, -1, -2) @ pose[:, hip]
    return replace(swaying, pose_rotmat=pose)


def leg_errors_deg(skeleton: RestSkeleton, character: CharacterMap, keys, free) -> np.ndarray:
    """Angles between the legs' segments with and without the lock."""
    found = []
    for side in ("left", "right"):
        for start, end in (("hip", "knee"), ("knee", "ankle")):
            a, b = (character.bones[f"{side}_{part}"][0] for part in (start, end))
            first, second = (heads[b] - heads[a] for heads in (keys.heads, free.heads))
            found.append(np.linalg.norm(np.cross(first, second), axis=1) / np.linalg.norm(second[0]) ** 2)
    return np.degrees(np.arcsin(np.clip(found, 0.0, 1.0)))


def test_wide_hips_turn_less_than_the_sources(twisting):
    """Hips four times as wide would move feet by 9 cm to and fro: the pelvis yields, and the legs keep directions."""
    skeleton = build_rig(FAMILIES["mixamo"], twisting.rest_joints_m)
    character = find_character_map(skeleton)
    heads = skeleton.heads.copy()
    for side in ("left", "right"):
        hip = character.bones[f"{side}_hip"][0]
        moved = [hip, *skeleton.descendants(hip)]
        heads[moved, 0] += 3.0 * (heads[hip, 0] - heads[character.bones["pelvis"][0], 0])
    skeleton = replace(skeleton, heads=heads)
    feet = soles_of(skeleton, character)
    locked, free = (transfer_motion(skeleton, character, twisting, feet=feet, lock_feet=lock) for lock in (True, False))
    slides = {}
    for name, keys in (("locked", locked), ("free", free)):
        _, place = sole_heights_and_places(skeleton, character, feet, keys)
        slides[name] = np.linalg.norm(np.diff(place, axis=0), axis=-1).mean() * twisting.fps
    _, joints = forward_kinematics(twisting.rest_joints_m, twisting.pose_rotmat, twisting.translation_m)
    own = np.linalg.norm(np.diff(joints[:, [7, 8]], axis=0), axis=-1).mean() * twisting.fps
    assert slides["free"] > 3.0 * own
    assert slides["locked"] < own
    assert np.median(leg_errors_deg(skeleton, character, locked, free)) < 2.0
    chest = character.bones["spine"][-1]
    np.testing.assert_allclose(locked.deltas[chest], free.deltas[chest], atol=1e-9)


@pytest.mark.parametrize(("tilt_deg", "flat"), [(6.0, True), (40.0, True), (80.0, False)])
def test_tilted_feet_in_contact_become_flat(swaying, tilt_deg, flat):
    """Feet that the source tilts in full contact stand flat, but for lying ones; without contact they keep the tilt."""
    pose = swaying.pose_rotmat.copy()
    pose[:, [7, 8]] = pose[:, [7, 8]] @ rotvec_to_rotmat(np.radians([0.0, 0.0, tilt_deg]))
    tilted = replace(swaying, pose_rotmat=pose)
    skeleton = build_rig(FAMILIES["mixamo"], swaying.rest_joints_m)
    character = find_character_map(skeleton)
    ankle = character.bones["left_ankle"][0]
    level = transfer_motion(skeleton, character, swaying, lock_feet=False).deltas[ankle]
    for contact, angle_deg in ((True, 0.0 if flat else tilt_deg), (False, tilt_deg)):
        ground = Ground(0.0, np.full((FRAMES, 2, 2), contact))
        keys = transfer_motion(skeleton, character, replace(tilted, ground=ground))
        found = np.degrees(geodesic_angle(level, keys.deltas[ankle]))
        np.testing.assert_allclose(found, angle_deg, atol=0.6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_clips_of_few_frames_are_locked(swaying, count):
    short = replace(
        swaying,
        pose_rotmat=swaying.pose_rotmat[:count],
        translation_m=swaying.translation_m[:count],
        ground=Ground(0.0, swaying.ground.contact[:count]),
    )
    skeleton = build_rig(FAMILIES["mixamo"], swaying.rest_joints_m)
    keys = transfer_motion(skeleton, find_character_map(skeleton), short)
    assert len(keys) == count
    assert np.isfinite(keys.quats).all()
