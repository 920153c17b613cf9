# SPDX-License-Identifier: Apache-2.0
"""Terms, rates and samples of a calibration by hand."""

from dataclasses import replace
import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

torch = pytest.importorskip("torch")

from dancepose.trainer.body.torch_smpl import torch_body
from dancepose.trainer.calibration.frame_fitting import unknowns_at
from dancepose.trainer.calibration.priors import HINGE_RANGE, HINGES, prior_mean_and_spread
from dancepose.trainer.calibration.solve import (
    CalibrationSettings,
    _rate,
    drop_small_shares,
    loss_terms,
    sample_frames,
    solve,
)
from dancepose.trainer.calibration.unknowns import HINGED, PoseUnknowns, Skin
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence


def test_the_rate_rises_and_falls() -> None:
    """A warm-up to 3.8 % of the steps; then half a cosine from 1 to 0.02."""
    assert _rate(0.0) == pytest.approx(0.05)
    assert _rate(0.02) == pytest.approx(0.55 * (0.02 + 0.49 * (1.0 + math.cos(0.02 * math.pi))))
    assert _rate(0.5) == pytest.approx(0.51)
    assert _rate(1.0) == pytest.approx(0.02)


def clip(count: int) -> KeypointSequence:
    """Every coordinate of a frame is its number."""
    points = np.broadcast_to(np.arange(count, dtype=np.float32)[:, None, None], (count, 24, 3)).copy()
    return KeypointSequence(points, 25.0, SMPL24, source="some")


def test_one_frame_of_each_interval() -> None:
    points, index = sample_frames([clip(100), clip(7)], 40, 3)
    assert index.tolist() == [0] * 20 + [1] * 7
    numbers = points[:, 0, 0].numpy().astype(int)
    assert (numbers[:20] // 5).tolist() == list(range(20))
    assert len(set((numbers[:20] % 5).tolist())) > 1
    assert numbers[20:].tolist() == list(range(7))
    assert len(sample_frames([clip(9)] * 3, 2, 0)[0]) == 3  # at least one of each clip


def test_small_shares_are_dropped() -> None:
    weights = np.eye(24, dtype=np.float32)[:1]
    weights[0, :3] = 0.9, 0.08, 0.02
    kept = drop_small_shares(unknowns_at(np.zeros((1, 3), np.float32), weights), 0.03)
    assert kept.may_attach[0].nonzero().ravel().tolist() == [0, 1]
    assert kept.symmetric()[1][0, :2].numpy() == pytest.approx([0.9 / 0.98, 0.08 / 0.98])


def test_terms_of_the_loss(body: BodyModel) -> None:
    """Each is 0 at the mean pose and known beside it."""
    settings = CalibrationSettings()
    mean, spread = prior_mean_and_spread()
    top = body.v_template_m[[body.v_template_m[:, 1].argmax()]]
    start = replace(unknowns_at(top, np.eye(24, dtype=np.float32)[[15]]), on_skin=torch.tensor([True]))
    turn = torch.from_numpy(mean)[None].repeat(2, 1, 1)
    poses = PoseUnknowns(
        torch.tensor([0, 1]), torch.eye(3).repeat(2, 1, 1), turn, torch.zeros(2, 3), torch.zeros(2), torch.zeros(2, 10)
    )
    none = torch.zeros(2, 1, 3)

    def terms(residual=none, places=start, poses=poses):
        return {
            name: float(value)
            for name, value in loss_terms(residual, places, poses, start, Skin(body), settings).items()
        }

    assert all(value == pytest.approx(0.0, abs=1e-5) for value in terms().values())
    residual = torch.tensor([[[0.0, 0.008, 0.0]], [[0.0, 0.0, 0.0]]])
    assert terms(residual)["points"] == pytest.approx((0.010 - 0.006) / 2 / 0.005, rel=1e-4)
    other = turn.clone()
    other[0, 16, 2] += 2.0 * float(spread[16, 2])
    assert terms(poses=replace(poses, turn=other))["pose"] == pytest.approx(0.03 * 0.5 * 4.0 / 2, rel=1e-4)
    over = turn.clone()
    over[0, HINGED[0], 0], over[1, HINGED[1], 0] = HINGE_RANGE[0] - 0.1, HINGE_RANGE[1] + 0.2
    assert terms(poses=replace(poses, turn=over))["hinges"] == pytest.approx((4.0 + 16.0) / 2, rel=1e-4)
    shaped = replace(poses, betas=torch.full((2, 10), 0.5), log_scale=torch.tensor([0.1, 0.2]))
    assert terms(poses=shaped)["shape"] == pytest.approx(0.1 * 10 * 0.25, rel=1e-4)
    assert terms(poses=shaped)["scale"] == pytest.approx(0.5 * (1.0 + 4.0) / 2, rel=1e-4)
    # Above the head: 20 mm are the thickness of a marker, 30 mm are 2.5 spreads more.
    for height, expected in ((0.018, 0.0), (0.030, 2.5**2)):
        moved = replace(start, rest_m=start.rest_m + torch.tensor([0.0, height, 0.0]))
        found = terms(places=moved)
        assert found["skin"] == pytest.approx(expected, abs=0.1)
        assert found["start"] == pytest.approx((height / 0.03) ** 2, rel=1e-4)
        assert terms(places=replace(moved, on_skin=torch.tensor([False])))["skin"] == 0.0
    inside = replace(start, rest_m=start.rest_m - torch.tensor([0.0, 0.004, 0.0]))
    assert terms(places=inside)["skin"] == pytest.approx(1.0, abs=0.1)


def test_rotations_of_hinges() -> None:
    """A knee of 90 degrees, bent sideways and twisted, is the product of the three turns, by SciPy."""
    turn = np.random.default_rng(0).normal(0.0, 0.5, (2, 24, 3)).astype(np.float32)
    root = Rotation.from_rotvec([[0.0, 1.0, 0.0], [0.3, 0.2, 0.1]])
    nothing = torch.zeros(0)
    poses = PoseUnknowns(
        nothing,
        torch.from_numpy(root.as_matrix().astype(np.float32)),
        torch.from_numpy(turn),
        nothing,
        nothing,
        nothing,
    )
    found = poses.rotmat().numpy()
    expected = Rotation.from_rotvec(turn.reshape(-1, 3)).as_matrix().reshape(2, 24, 3, 3)
    for name, axes in HINGES.items():
        joint = JOINT_INDEX[name]
        for frame in range(2):
            parts = [Rotation.from_rotvec(turn[frame, joint, part] * np.array(axes[part])) for part in range(3)]
            expected[frame, joint] = (parts[0] * parts[1] * parts[2]).as_matrix()
    expected[:, 0] = root.as_matrix() @ expected[:, 0]
    assert found == pytest.approx(expected, abs=1e-5)


def natural_poses(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T, 24, 3, 3) about the mean pose, turned about the vertical, and places (T, 3)."""
    mean, spread = prior_mean_and_spread()
    turn = mean + 0.5 * spread * np.random.default_rng(1).normal(size=(frames, 24, 3)).astype(np.float32)
    turn[:, 0] = 0.0
    turn[:, list(HINGED), 0] = np.clip(turn[:, list(HINGED), 0], 0.1, 2.0)
    yaw = np.linspace(0.0, 5.0, frames)
    root = Rotation.from_euler("y", yaw[:, None]).as_matrix().astype(np.float32)
    nothing = torch.zeros(0)
    poses = PoseUnknowns(nothing, torch.from_numpy(root), torch.from_numpy(turn), nothing, nothing, nothing)
    place = np.stack([np.sin(yaw), 0.1 * yaw, np.cos(yaw)], axis=1).astype(np.float32)
    return poses.rotmat().numpy(), place


def natural(body: BodyModel, frames: int, *, scale: float) -> np.ndarray:
    """Joints (T, 24, 3) in these poses on the mean body of another size."""
    rotmat, place = natural_poses(frames)
    points = keypoints_from_pose(joint_markers(SMPL24), body.rest_joints(), rotmat)
    return (scale * points + place[:, None]).astype(np.float32)


def test_poses_and_sizes_are_solved(body: BodyModel) -> None:
    """Two clips of dancers of 1.1 and 0.9 times the size, from joints: within millimetres after 150 steps."""
    points = np.concatenate([natural(body, 4, scale=1.1), natural(body, 4, scale=0.9)])
    clip = torch.tensor([0] * 4 + [1] * 4)
    start = unknowns_at(body.rest_joints(), np.eye(24, dtype=np.float32))
    settings = CalibrationSettings(steps=150)
    heard: list[float] = []
    found = solve(
        torch_body(body, joint_markers(SMPL24)), Skin(body), start, torch.from_numpy(points), clip, settings,
        learn=False, progress=lambda share, _message: heard.append(share),
    )  # fmt: skip
    assert found.error_m.shape == (8, 24)
    assert found.error_m.mean() < 0.004
    assert found.clip.tolist() == clip.tolist()
    heights = found.poses.log_scale.exp().numpy()
    assert heights == pytest.approx([1.1, 0.9], rel=0.03)
    assert heard == pytest.approx([step / 150 for step in range(0, 150, 20)])
    assert found.places.rest_m is start.rest_m or torch.equal(found.places.rest_m, start.rest_m)
    assert not found.poses.turn.requires_grad


def test_displaced_points_are_found(body: BodyModel) -> None:
    """A point of each wrist that is 15 mm from where calibration starts to look, on both sides alike."""
    points = natural(body, 24, scale=1.0)
    rest = body.rest_joints().copy()
    shift = np.float32([0.0, 0.015, 0.0])
    rest[[20, 21]] += shift
    start = unknowns_at(rest, np.eye(24, dtype=np.float32))
    settings = CalibrationSettings(steps=150, pose_weight=0.3)
    found = solve(
        torch_body(body, joint_markers(SMPL24)), Skin(body), start, torch.from_numpy(points),
        torch.zeros(24, dtype=torch.int64), settings, learn=True,
    )  # fmt: skip
    moved = found.places.rest_m.numpy() - rest
    assert moved[[20, 21]].mean(axis=0) == pytest.approx(-shift, abs=0.009)
    assert found.error_m[:, [20, 21]].mean() < 0.01
