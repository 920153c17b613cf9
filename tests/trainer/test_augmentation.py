# SPDX-License-Identifier: Apache-2.0
"""Batches: what is made from poses, and what is taken from recordings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.body.layout_batch import build_layout_batch
from dancepose.trainer.body.torch_smpl import p_3d, torch_body
from dancepose.trainer.config import AugmentConfig, load_config
from dancepose.trainer.data.augmentation import PARTS, mirror, recombine, synthesise, vary_poses
from dancepose.trainer.data.music_dance_stats import published_clips
from dancepose.trainer.data.recordings import dance_of, motion_set, split_clips
from dancepose.trainer.training_errors import ConfigError
from dancepose_addon.core.fit.normalise import normalise
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
TWIN = torch_body(BODY, joint_markers(MD23))
POSES = torch.tensor(random_pose(4, 64))
PACK = build_layout_batch(BODY, [joint_markers(MD23)], POSES)


def centred(points: "torch.Tensor") -> "torch.Tensor":
    return points - points.mean(1, keepdim=True)


def rng(seed: int = 0) -> "torch.Generator":
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", ["size", "max"])
def test_unaugmented_target_is_p_3d_in_the_scale_of_the_points(kind: str) -> None:
    made = synthesise(PACK, POSES, AugmentConfig(), rng(), kind=kind)
    expected = centred(p_3d(TWIN, POSES))
    if kind == "max":
        assert made.points_norm.abs().max().item() == pytest.approx(1.0, abs=1e-5)
    assert torch.allclose(made.points_norm, made.target_norm, atol=1e-6)
    # The scale takes the mean body's metres to the target's frame; edges in T-pose times the mean ratio give it.
    assert torch.allclose(expected * made.norm_per_m[:, None, None], made.target_norm, atol=1e-5)


def test_size_of_a_made_frame_is_that_of_core_over_a_clip() -> None:
    made = synthesise(PACK, POSES, AugmentConfig(), rng(), kind="size")
    points = keypoints_from_pose(joint_markers(MD23), BODY.rest_joints(), POSES.numpy())
    reference, _ = normalise(points, MD23, kind="size", size_factor=float(PACK.size_factor[0]))
    assert np.abs(made.points_norm.numpy() - reference).max() < 1e-4


def test_shapes_and_noise_change_points_but_not_the_size_they_are_seen_in() -> None:
    config = AugmentConfig(betas_std=1.0, offset_m=0.01, noise_m=0.004)
    made = synthesise(PACK, POSES, config, rng(1), kind="size")
    noise = (made.points_norm - made.target_norm) / made.norm_per_m[:, None, None]
    assert 0.003 < noise.std().item() < 0.005
    shift = centred(p_3d(TWIN, made.local_rotmat)) * made.norm_per_m[:, None, None] - made.target_norm
    assert 0.005 < (shift / made.norm_per_m[:, None, None]).std().item() < 0.05


def test_a_mirrored_pose_has_mirrored_keypoints() -> None:
    # On a symmetric skeleton: right joints are the left ones with x negated.
    from tests.support.bodies import person_joints

    joints = torch.tensor(person_joints())
    twin = replace(TWIN, rest_joints_m=joints)
    points, reflected = p_3d(twin, POSES), p_3d(twin, mirror(POSES))
    # md23 has two points on the left forearm and two at the right wrist, which have no counterpart.
    single = [index for index in range(21) if MD23.mirrored[MD23.mirrored[index]] == index]
    other = [MD23.mirrored[index] for index in single]
    assert torch.allclose(reflected[:, single], points[:, other] * torch.tensor([-1.0, 1.0, 1.0]), atol=1e-5)
    assert torch.allclose(mirror(mirror(POSES)), POSES)


def test_recombined_poses_are_made_of_whole_parts() -> None:
    assert sorted(joint for part in PARTS for joint in part) == list(range(1, 24))
    mixed = recombine(POSES, 1.0, rng(5))
    assert torch.equal(mixed[:, 0], POSES[:, 0])
    for part in PARTS:
        block, source = mixed[:, list(part)].flatten(1), POSES[:, list(part)].flatten(1)
        owner = torch.cdist(block, source).argmin(1)
        assert torch.allclose(block, source[owner])
        assert (owner != torch.arange(len(POSES))).float().mean() > 0.9


def test_varied_poses_stay_rotations_and_yaw_covers_the_circle() -> None:
    config = AugmentConfig(mirror=0.5, recombine=0.3, joint_noise_deg=15.0, noisy_share=1.0, yaw=True, tilt_deg=5.0)
    varied = vary_poses(POSES, config, rng(6))
    assert torch.allclose(varied @ varied.transpose(-1, -2), torch.eye(3).expand_as(varied), atol=1e-5)
    still = torch.eye(3).repeat(400, 24, 1, 1)
    heading = vary_poses(still, AugmentConfig(yaw=True), rng(7))[:, 0, :, 2]
    angles = torch.atan2(heading[:, 0], heading[:, 2])
    assert np.histogram(angles.numpy(), bins=8, range=(-np.pi, np.pi))[0].min() > 25
    assert torch.allclose(heading[:, 1], torch.zeros(400), atol=1e-6)


def clip(scale: float, name: str) -> KeypointSequence:
    points = keypoints_from_pose(joint_markers(MD23), BODY.rest_joints(), POSES.numpy(), scale=scale)
    place = np.random.default_rng(8).normal(size=(len(points), 1, 3))
    return KeypointSequence((points + place).astype(np.float32), 25.0, MD23, source=f"somewhere/{name}")


@pytest.mark.parametrize("kind", ["size", "max"])
def test_one_ratio_a_clip_takes_the_body_to_recorded_points(kind: str) -> None:
    config = load_config("paper", ("data.motion_frames=0", "data.motion_train_clips=61", f"data.normalise={kind}"))
    motion = motion_set([clip(0.8, "small"), clip(1.3, "tall")], PACK, config, "cpu")
    assert motion.train_clips == ("small", "tall")
    expected = centred(p_3d(TWIN, POSES)).repeat(2, 1, 1) * motion.norm_per_m[:, None, None]
    assert torch.allclose(motion.points_norm, expected, atol=1e-4)


def test_split_and_sample_follow_seed_and_proportion() -> None:
    config = load_config("paper")
    names = [clip.name for clip in published_clips()]
    train, test = split_clips(names, config)
    assert (len(train), len(test)) == (51, 10)
    assert sorted(train + test) == list(range(61))
    assert split_clips(names, config) == (train, test)
    assert split_clips(names, load_config("paper", ("seed=1",))) != (train, test)
    assert len(split_clips(names[:22], config)[0]) == 18
    stratified = load_config("paper", ("data.stratified=true",))
    chosen = [dance_of(names[index]) for index in split_clips(names, stratified)[0]]
    # 51 of 61 of 8 cha-chas, 10 rumbas, 9 tangos and 34 waltzes, each rounded.
    assert [chosen.count(dance) for dance in "CRTW"] == [7, 8, 8, 28]
    few = load_config("paper", ("data.motion_frames=20",))
    assert len(motion_set([clip(1.0, "one"), clip(1.0, "two")], PACK, few, "cpu").points_norm) == 20


def test_fewer_clips_than_published_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    clips = [clip(1.0, "one"), clip(1.0, "two"), clip(1.0, "three")]
    motion_set(clips, PACK, load_config("paper", ("data.motion_train_clips=1", "data.motion_all_clips=3")), "cpu")
    assert caplog.text == ""
    motion_set(clips, PACK, load_config("paper"), "cpu")
    assert "3 of 61 clips are present; using 3 for training and 0 for testing" in caplog.text


def test_preset_that_needs_recordings_says_so(tmp_path: Path) -> None:
    from dancepose.trainer.data.batches import load_data

    with pytest.raises(ConfigError, match="--motion"):
        load_data(load_config("paper", ("data.procedural_poses=8",)), BODY, motion=(), poses=None)
