# SPDX-License-Identifier: Apache-2.0
"""Foot lock: feet that slip under a swaying body stand still afterwards, and nothing else changes."""

from functools import lru_cache

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.evaluation.metrics import global_rotations, standing_slide_mm_per_s
from dancepose_addon.core.fit.floor.contacts import Ground, Soles, find_soles, ground
from dancepose_addon.core.fit.floor.foot_lock import FADE_S, MOST_MOVE_M, foot_moves, lock_feet

FPS = 25.0
FRAMES = 120
LIFTED = np.arange(50, 80)
"""Frames in which the right foot is in the air."""
LEGS = [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("hip", "knee", "ankle")]


@lru_cache(maxsize=1)
def dance() -> tuple[BodyModel, np.ndarray, np.ndarray, Soles, Ground]:
    """Knees bent; the whole body sways by 3 cm and sinks by 1 cm, feet and all; the right foot is lifted once."""
    body = load_body()
    time = np.arange(FRAMES) / FPS
    bend = np.full((FRAMES, 2), 0.5)
    share = np.clip((np.arange(FRAMES) - LIFTED[0]) / (len(LIFTED) - 1.0), 0.0, 1.0)
    bend[:, 1] += 0.5 * np.sin(np.pi * share) ** 2
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (FRAMES, 24, 3, 3)).copy()
    for side, joints in enumerate(((1, 4, 7), (2, 5, 8))):
        turn = Rotation.from_rotvec(bend[:, side, None] * [1.0, 0.0, 0.0])
        for joint, part in zip(joints, (turn.inv(), turn * turn, turn.inv()), strict=True):
            pose[:, joint] = part.as_matrix()
    vertices = skin(body, pose[:1], correctives=False)
    assert vertices is not None
    place = np.zeros((FRAMES, 3), np.float32)
    place[:, 0] = 0.03 * np.sin(2 * np.pi * 0.5 * time)
    place[:, 1] = 0.01 * np.sin(2 * np.pi * 0.4 * time) - vertices[..., 1].min()
    soles = find_soles(body, pose, place, scale=1.0)
    return body, pose, place, soles, ground(soles, fps=FPS)


@pytest.fixture(scope="module")
def locked() -> np.ndarray:
    body, pose, place, soles, found = dance()
    return lock_feet(body.rest_joints(), pose, place, soles, found, fps=FPS)


def inner(flags: np.ndarray, frames: int) -> np.ndarray:
    """Flags that hold for so many frames before and after. flags: (T,)."""
    return np.array([flags[max(0, t - frames) : t + frames + 1].all() for t in range(len(flags))])


def test_standing_feet_stand_still(locked: np.ndarray) -> None:
    body, _, place, before, found = dance()
    soles = find_soles(body, locked, place, scale=1.0)
    assert found.contact[:, 0].all()
    assert not found.contact[60:70, 1].any()
    assert standing_slide_mm_per_s(before.places_m, found.contact, FPS) > 30.0
    for side in range(2):
        stands = inner(found.contact[:, side].all(axis=1), 3)
        assert stands.sum() > 60
        # Both stretches in which the right foot stands have their own place.
        for stretch in (np.flatnonzero(stands & (np.arange(FRAMES) < 60)), np.flatnonzero(stands)[-20:]):
            still = soles.places_m[stretch, side]
            assert np.abs(still - np.median(still, axis=0)).max() < 0.001
            assert soles.lowest_m[stretch, side] == pytest.approx(found.floor_m, abs=0.001)


def test_bones_keep_their_length_and_the_rest_its_place(locked: np.ndarray) -> None:
    body, pose, place, _, _ = dance()
    rest = body.rest_joints()
    _, before = forward_kinematics(rest, pose, place)
    _, after = forward_kinematics(rest, locked, place)
    others = np.delete(np.arange(24), [*LEGS, 10, 11])
    assert np.array_equal(locked[:, others], pose[:, others])
    assert np.abs(after[:, others] - before[:, others]).max() < 1e-6
    assert np.abs(np.linalg.det(locked) - 1.0).max() < 1e-4
    # Feet keep their orientation in space.
    feet = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    assert global_rotations(locked)[:, feet] == pytest.approx(global_rotations(pose)[:, feet], abs=1e-4)


def test_knees_go_on_bending_forward(locked: np.ndarray) -> None:
    for name in ("left_knee", "right_knee"):
        bend = Rotation.from_matrix(locked[:, JOINT_INDEX[name]]).as_rotvec()
        assert bend[:, 0].min() > 0.3
        assert np.abs(bend[:, 1:]).max() < 0.3


def test_nothing_pops(locked: np.ndarray) -> None:
    """A correction m that comes and goes as a smooth step over FADE_S accelerates by 6 m / n^2 a frame at most."""
    body, pose, place, soles, found = dance()
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    rest = body.rest_joints()
    before, after = (forward_kinematics(rest, p, place)[1][:, ankles] for p in (pose, locked))
    moved = np.linalg.norm(after - before, axis=-1).max()
    fade = 6.0 * moved / (FADE_S * FPS + 1.0) ** 2
    own, now = (np.linalg.norm(np.diff(path, n=2, axis=0), axis=-1).max() for path in (before, after))
    assert 0.005 < moved < MOST_MOVE_M
    assert now < own + 1.5 * fade
    moves = foot_moves(soles.places_m[:, 1], soles.lowest_m[:, 1], found, 1, fps=FPS)
    assert np.linalg.norm(moves[60:70], axis=1).max() < 0.02  # in the air, little is left of it


def test_a_foot_is_lifted_out_of_the_floor() -> None:
    places = np.zeros((40, 2, 3), np.float32)
    places[:, :, 0] = np.linspace(0.0, 2.0, 40)[:, None]  # never still
    lowest = np.full((40, 2), -0.03, np.float32)
    none = Ground(0.0, np.zeros((40, 2, 2), bool))
    assert foot_moves(places, lowest, none, 0, fps=FPS) == pytest.approx(np.tile([0.0, 0.03, 0.0], (40, 1)), abs=1e-6)


def test_what_is_too_far_off_is_no_contact_to_be_locked() -> None:
    places = np.zeros((60, 2, 3), np.float32)
    places[:, :, 0] = np.linspace(0.0, 1.0, 60)[:, None]
    every = Ground(0.0, np.ones((60, 2, 2), bool))
    move = foot_moves(places, np.zeros((60, 2), np.float32), every, 0, fps=FPS)
    assert np.linalg.norm(move, axis=1).max() <= MOST_MOVE_M + 1e-6


def test_jitter_and_slow_turns_of_standing_feet_are_held_and_pivots_are_not() -> None:
    """Feet that shake by 2 mm and turn by 4 degrees stand still to a millimetre; a pivot of 60 degrees stays one."""
    body, pose, place, _, found = dance()
    random, time = np.random.default_rng(0), np.arange(FRAMES) / FPS
    shaky = (place + random.normal(scale=0.002, size=place.shape)).astype(np.float32)
    every = Ground(found.floor_m, np.zeros((FRAMES, 2, 2), bool))
    every.contact[:, 0] = True
    for reach, most in ((np.radians(2.0), 0.001), (np.radians(30.0), None)):
        turned = pose.copy()
        turn = Rotation.from_rotvec((reach * np.sin(2 * np.pi * 0.3 * time))[:, None] * [0.0, 1.0, 0.0])
        turned[:, 7] = pose[:, 7] @ turn.as_matrix().astype(np.float32)
        soles = find_soles(body, turned, shaky, scale=1.0)
        held = lock_feet(body.rest_joints(), turned, shaky, soles, every, fps=FPS)
        after = find_soles(body, held, shaky, scale=1.0).places_m[:, 0]
        ahead = after[:, 1] - after[:, 0]
        heading = np.degrees(np.ptp(np.arctan2(ahead[:, 0], ahead[:, 2])))
        if most is None:
            assert heading == pytest.approx(60.0, abs=1.0)
        else:
            assert heading < 0.2
            assert np.abs(after[:, :, [0, 2]] - np.median(after, axis=0)[:, [0, 2]]).max() < most


def test_without_contacts_nothing_happens() -> None:
    body, pose, place, soles, _ = dance()
    none = Ground(float(soles.lowest_m.min()), np.zeros((FRAMES, 2, 2), bool))
    assert np.array_equal(lock_feet(body.rest_joints(), pose, place, soles, none, fps=FPS), pose)
