# SPDX-License-Identifier: Apache-2.0
"""Corrections carried through time, against SciPy's Slerp."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.temporal.gap_filling import (
    blind_joints,
    bridge_corrections,
    carry_corrections,
    steady_reference,
    undo_flips,
)
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers
from tests.support.posing import random_pose

from .known import flowing_pose

FRAMES = 40


def test_between_solved_frames_corrections_are_slerped() -> None:
    reference = flowing_pose(0, FRAMES)
    solved = np.array([0, 10, 25, 39])
    corrected = (reference[solved] @ random_pose(1, 4, angle=0.4)).astype(np.float32)
    frames = np.array([0, 3, 10, 18, 30, 39])
    found = carry_corrections(corrected, solved, reference, frames)
    for joint in (0, 5, 16, 23):
        change = Rotation.from_matrix(np.swapaxes(reference[solved, joint], 1, 2) @ corrected[:, joint])
        expected = reference[frames, joint] @ Slerp(solved, change)(frames).as_matrix()
        assert found[:, joint] == pytest.approx(expected, abs=2e-5)


def test_one_solved_frame_tells_all() -> None:
    reference = flowing_pose(0, FRAMES)
    change = random_pose(1, 1, angle=0.4)
    found = carry_corrections((reference[[7]] @ change), np.array([7]), reference, np.arange(FRAMES))
    assert found == pytest.approx(reference @ change, abs=1e-5)


def test_a_gap_does_not_pop() -> None:
    """A joint that the fit holds 0.4 rad from the regressor would drop back to it where it is not seen."""
    reference = flowing_pose(2, FRAMES)
    fitted = (reference @ random_pose(3, 1, angle=0.4)).astype(np.float32)
    blind = np.zeros((FRAMES, 24), bool)
    blind[12:20, 18] = True
    holed = fitted.copy()
    holed[12:20, 18] = reference[12:20, 18]
    bridged = bridge_corrections(holed, reference, blind)
    assert np.degrees(geodesic_angle(bridged, fitted)).max() < 0.1
    untouched = np.delete(np.arange(24), 18)
    assert np.array_equal(bridged[:, untouched], holed[:, untouched])


def test_gaps_at_the_ends_keep_the_last_correction() -> None:
    reference = flowing_pose(2, FRAMES)
    fitted = (reference @ random_pose(3, 1, angle=0.4)).astype(np.float32)
    blind = np.zeros((FRAMES, 24), bool)
    blind[:6, 18] = blind[-5:, 18] = True
    blind[:, 20] = True  # never seen: nothing to carry
    holed = fitted.copy()
    holed[:6, 18], holed[-5:, 18] = reference[:6, 18], reference[-5:, 18]
    bridged = bridge_corrections(holed, reference, blind)
    assert np.degrees(geodesic_angle(bridged, fitted)).max() < 0.1


def test_joints_are_blind_where_nothing_below_is_seen() -> None:
    """Of smpl24: a joint turns its children's centres, not its own. Without hand and wrist, the elbow is blind too."""
    seen = np.ones((4, 24), bool)
    wrist, hand, elbow = (JOINT_INDEX[f"left_{name}"] for name in ("wrist", "hand", "elbow"))
    seen[1, hand] = seen[2, [hand, wrist]] = False
    seen[3] = False
    blind = blind_joints(joint_markers(SMPL24), seen)
    assert not blind[0].any()
    assert np.flatnonzero(blind[1]).tolist() == [wrist]
    assert np.flatnonzero(blind[2]).tolist() == [elbow, wrist]
    leaves = [JOINT_INDEX[name] for name in ("left_hand", "right_hand", "left_foot", "right_foot", "head")]
    assert set(np.flatnonzero(~blind[3]).tolist()) == set(leaves)


def test_flips_are_taken_back_and_fast_turns_are_not() -> None:
    reference = flowing_pose(4, FRAMES)
    pose = reference.copy()
    pose[15:17, 16] = pose[15:17, 16] @ Rotation.from_rotvec([0, 2.6, 0]).as_matrix().astype(np.float32)
    repaired = undo_flips(pose, reference, fps=25.0)
    assert np.degrees(geodesic_angle(repaired, reference)).max() < 15.0
    assert np.degrees(geodesic_angle(repaired[:-1], repaired[1:])).max() < 60.0
    # A spin that the regressor sees as well is a spin.
    spin = Rotation.from_rotvec(np.arange(FRAMES)[:, None] * [0.0, 1.3, 0.0]).as_matrix().astype(np.float32)
    spinning = reference.copy()
    spinning[:, 0] = spin
    assert np.array_equal(undo_flips(spinning, spinning, fps=25.0), spinning)


def test_over_short_gaps_the_reference_is_not_asked() -> None:
    reference = flowing_pose(5, FRAMES)
    wild = reference.copy()
    wild[20:24, 18] = random_pose(6, 4, angle=1.0)[:, 18]
    wild[30:39, 19] = random_pose(7, 9, angle=0.1)[:, 19]
    blind = np.zeros((FRAMES, 24), bool)
    blind[20:24, 18] = blind[30:39, 19] = True
    steady = steady_reference(wild, blind, longest=5, fps=25.0)
    expected = Slerp([19, 24], Rotation.from_matrix(wild[[19, 24], 18]))(np.arange(20, 24)).as_matrix()
    assert steady[20:24, 18] == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(steady[30:39, 19], wild[30:39, 19])


def test_turns_between_sparse_frames_are_no_flips() -> None:
    calm = np.broadcast_to(np.eye(3, dtype=np.float32), (9, 24, 3, 3))
    pose = calm.copy()
    pose[4:, 16] = Rotation.from_rotvec([0.0, 1.5, 0.0]).as_matrix()
    assert np.array_equal(undo_flips(pose, calm, fps=5.9), pose)
    assert not np.array_equal(undo_flips(pose, calm, fps=25.0), pose)


def test_the_frames_on_both_sides_of_a_flip_are_interpolated() -> None:
    """A joint that stays turned by 150 degrees from frame 5 on passes 50 in frame 4 and 100 in frame 5."""
    calm = np.broadcast_to(np.eye(3, dtype=np.float32), (12, 24, 3, 3))
    pose = calm.copy()
    pose[5:, 16] = Rotation.from_rotvec([0.0, np.radians(150.0), 0.0]).as_matrix()
    repaired = undo_flips(pose, calm, fps=25.0)
    turned = np.degrees(Rotation.from_matrix(repaired[:, 16]).as_rotvec()[:, 1])
    np.testing.assert_allclose(turned, [0.0] * 4 + [50.0, 100.0] + [150.0] * 6, atol=0.1)
    np.testing.assert_array_equal(repaired[:, :16], pose[:, :16])


@pytest.mark.parametrize(("degrees", "fps", "flips"), [(54.0, 25.0, False), (56.0, 25.0, True), (56.0, 50.0, True),
                                                     (108.0, 12.5, False), (112.0, 12.5, True)])  # fmt: skip
def test_turns_of_more_than_55_degrees_are_flips(degrees: float, fps: float, *, flips: bool) -> None:
    """Below 25 frames a second as much more as the time between two frames is longer."""
    calm = np.broadcast_to(np.eye(3, dtype=np.float32), (12, 24, 3, 3))
    pose = calm.copy()
    pose[5:, 16] = Rotation.from_rotvec([np.radians(degrees), 0.0, 0.0]).as_matrix()
    assert (not np.array_equal(undo_flips(pose, calm, fps=fps), pose)) is flips


def test_what_remains_takes_the_reference() -> None:
    """A joint that turns by 90 degrees in every frame while the regressor shows none."""
    calm = np.broadcast_to(np.eye(3, dtype=np.float32), (12, 24, 3, 3))
    pose = calm.copy()
    pose[:, 16] = Rotation.from_rotvec(np.arange(12)[:, None] * [0.0, np.pi / 2.0, 0.0]).as_matrix()
    pose[:, 3] = Rotation.from_rotvec([0.3, 0.0, 0.0]).as_matrix()
    repaired = undo_flips(pose, calm, fps=25.0)
    np.testing.assert_allclose(repaired[:, 16], calm[:, 16], atol=1e-6)
    np.testing.assert_array_equal(repaired[:, 3], pose[:, 3])
