# SPDX-License-Identifier: Apache-2.0
"""Frames coupled in one least squares: the linear algebra against a dense solve, and what it does to motion."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.fit.pose.pose_problem import RefineSettings
from dancepose_addon.core.fit.pose.temporal_coupling import refine_coupled, sweep_red_black
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose, markers_for
from tests.fit.known import flowing_pose
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)


def test_sweeps_converge_to_a_dense_solve() -> None:
    random = np.random.default_rng(0)
    frames, size = 7, 4
    rows = random.normal(size=(frames, 6, size))
    coupling = random.uniform(0.1, 2.0, (frames - 1, size))
    blocks = np.swapaxes(rows, 1, 2) @ rows + 4.0 * np.eye(size)
    right = random.normal(size=(frames, size))
    dense = np.zeros((frames * size, frames * size))
    for frame in range(frames):
        here = slice(frame * size, (frame + 1) * size)
        dense[here, here] = blocks[frame]
        if frame:
            before = slice((frame - 1) * size, frame * size)
            dense[here, before] = dense[before, here] = -np.diag(coupling[frame - 1])
    truth = np.linalg.solve(dense, right.ravel()).reshape(frames, size)
    found = np.zeros_like(right)
    for _ in range(40):
        left = right - (dense @ found.ravel()).reshape(frames, size)
        found += sweep_red_black(
            lambda some, given, left=left: np.linalg.solve(blocks[some], (left[some] + given)[..., None])[..., 0],
            coupling,
        )
    assert found == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("frames", [1, 2, 7, 8])
def test_a_sweep_solves_odd_frames_given_even_ones(frames: int) -> None:
    random = np.random.default_rng(1)
    rows = random.normal(size=(frames, 6, 4))
    blocks, right = np.swapaxes(rows, 1, 2) @ rows + 4.0 * np.eye(4), random.normal(size=(frames, 4))
    coupling = random.uniform(0.1, 2.0, (frames - 1, 4))

    def solve(some: slice, given: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.linalg.solve(blocks[some], (right[some] + given)[..., None])[..., 0]
        return found

    found = sweep_red_black(solve, coupling)
    left = right - (blocks @ found[..., None])[..., 0]
    left[1:] += coupling * found[:-1]
    left[:-1] += coupling * found[1:]
    assert left[1::2] == pytest.approx(np.zeros_like(left[1::2]), abs=1e-9)
    assert sweep_red_black(solve, 0.0 * coupling) == pytest.approx(
        np.linalg.solve(blocks, right[..., None])[..., 0], abs=1e-9
    )


def turns_deg(pose: np.ndarray, joint: int) -> np.ndarray:
    """Of a joint between frames."""
    between = np.swapaxes(pose[:-1, joint], -1, -2) @ pose[1:, joint]
    return np.degrees(Rotation.from_matrix(between).magnitude())


def coupled(markers, pose, points, start, *, steps=12, fps=25.0):  # type: ignore[no-untyped-def]
    """Solved with the start as the regressor's poses."""
    ones = np.ones(points.shape[:2], np.float32)
    place = np.zeros((len(pose), 3), np.float32)
    return refine_coupled(
        markers,
        BODY.rest_joints(),
        start,
        start,
        place,
        points,
        ones,
        RefineSettings(steps=steps),
        fps=fps,
    )


def test_what_points_show_is_kept() -> None:
    """Markers of a motion that flows: coupling leaves less than a millimetre and a half of it."""
    pose = flowing_pose(4, 60)
    markers = markers_for(MD23)
    points = keypoints_from_pose(markers, BODY.rest_joints(), pose)
    found, place = coupled(markers, pose, points, pose)
    difference = np.linalg.norm(keypoints_from_pose(markers, BODY.rest_joints(), found, place) - points, axis=-1)
    assert difference.mean() < 1.5e-3


def test_what_points_do_not_show_is_continuous() -> None:
    """An upper arm's twist beside a straight elbow, of which joints show nothing, jumps in the regressor's poses."""
    pose = flowing_pose(4, 40)
    shoulder, elbow = JOINT_INDEX["left_shoulder"], JOINT_INDEX["left_elbow"]
    pose[:, elbow] = np.eye(3)
    markers = joint_markers(SMPL24)
    points = keypoints_from_pose(markers, BODY.rest_joints(), pose)
    jumping = pose.copy()
    along = BODY.rest_joints()[elbow] - BODY.rest_joints()[shoulder]
    twist = Rotation.from_rotvec(np.radians(80.0) * along / np.linalg.norm(along)).as_matrix().astype(np.float32)
    jumping[20:, shoulder] = jumping[20:, shoulder] @ twist
    jumping[20:, elbow] = twist.T @ jumping[20:, elbow]
    found, place = coupled(markers, pose, points, jumping)
    assert turns_deg(jumping, shoulder).max() > 75.0
    assert turns_deg(found, shoulder).max() < 40.0
    difference = np.linalg.norm(keypoints_from_pose(markers, BODY.rest_joints(), found, place) - points, axis=-1)
    assert difference.mean() < 3e-3


@pytest.mark.parametrize("frames", [1, 2])
def test_a_single_frame_is_coupled_to_nothing(frames: int) -> None:
    """Coupling grows with the frame rate: one frame's first step does not depend on it, that of two frames does."""
    pose = flowing_pose(4, frames)
    markers = markers_for(MD23)
    points = keypoints_from_pose(markers, BODY.rest_joints(), flowing_pose(5, frames))
    steps = [coupled(markers, pose, points, pose, steps=1, fps=fps)[0] for fps in (25.0, 2500.0)]
    assert np.abs(steps[0] - pose).max() > 0.05
    assert (np.abs(steps[0] - steps[1]).max() < 1e-6) == (frames == 1)


def test_windows_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames solved in short windows turn no farther from frame to frame than when they are solved in one."""
    from dancepose_addon.core.fit.pose import temporal_coupling

    pose = flowing_pose(5, 90)
    markers = markers_for(MD23)
    noise = np.random.default_rng(1).normal(scale=0.01, size=(90, MD23.count, 3)).astype(np.float32)
    points = keypoints_from_pose(markers, BODY.rest_joints(), pose) + noise
    whole, _ = coupled(markers, pose, points, pose)
    monkeypatch.setattr(temporal_coupling, "WINDOW", 60)
    monkeypatch.setattr(temporal_coupling, "OVERLAP", 30)
    parts, _ = coupled(markers, pose, points, pose)
    for joint in range(1, 22):
        assert turns_deg(parts, joint).max() < turns_deg(whole, joint).max() + 3.0


@pytest.mark.parametrize("window", [18, 30])
def test_every_window_is_solved(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    """Poses that are turned away from the points by 10 degrees meet them in all frames, the last ones too."""
    from dancepose_addon.core.fit.pose import temporal_coupling

    monkeypatch.setattr(temporal_coupling, "WINDOW", window)
    monkeypatch.setattr(temporal_coupling, "OVERLAP", 6)
    pose = flowing_pose(5, 30)
    turn = Rotation.from_rotvec([0.0, np.radians(10.0), 0.0]).as_matrix().astype(np.float32)
    start = pose.copy()
    start[:, 0] = start[:, 0] @ turn
    markers = markers_for(MD23)
    points = keypoints_from_pose(markers, BODY.rest_joints(), pose)
    found, place = coupled(markers, pose, points, start)
    away = np.linalg.norm(keypoints_from_pose(markers, BODY.rest_joints(), start) - points, axis=-1).mean(axis=1)
    left = np.linalg.norm(keypoints_from_pose(markers, BODY.rest_joints(), found, place) - points, axis=-1)
    assert away.min() > 0.02
    assert left.mean(axis=1).max() < 0.005
