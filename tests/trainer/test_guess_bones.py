# SPDX-License-Identifier: Apache-2.0
"""Points without names are put on the right bones, on motion that core's own kinematics made."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.body.torch_smpl import torch_body
from dancepose.trainer.calibration.frame_fitting import Attachment
from dancepose.trainer.calibration.guess_bones import Guess, guess_assignment, settle
from dancepose.trainer.calibration.guessed_layout import describe_guess, layout_table, mirrored
from dancepose.trainer.calibration.priors import HINGE_RANGE, HINGES, prior_mean_and_spread
from dancepose.trainer.calibration.solve import CalibrationSettings
from dancepose.trainer.calibration.unknowns import PoseUnknowns, Skin
from dancepose.trainer.calibration.unlabelled_points import guess_up_axis, read_unlabelled
from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, PARENTS, BodyModel, skin
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layout_file import layout_from_table
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers
from dancepose_addon.core.skeleton.recording import Hints

BONES = (
    "pelvis", "spine3", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_foot",
    "right_foot",
)  # fmt: skip


def markers(body: BodyModel, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two places on the skin of each bone, shuffled: vertices, and the joint that moves each most."""
    rng = np.random.default_rng(seed)
    owner = body.weights.argmax(axis=1)
    firm = body.weights.max(axis=1) > 0.9
    chosen = np.concatenate([rng.choice(np.flatnonzero((owner == JOINT_INDEX[name]) & firm), 2) for name in BONES])
    rng.shuffle(chosen)
    return chosen, owner[chosen]


def moves(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A dancer who moves every limb and turns about: rotations (T, 24, 3, 3), smooth in time, and places (T, 3)."""
    rng = np.random.default_rng(3)
    mean, spread = prior_mean_and_spread()
    knots = rng.normal(size=(count // 10 + 2, 24, 3))
    time = np.linspace(0.0, len(knots) - 1.001, count)
    low = time.astype(int)
    part = (time - low)[:, None, None]
    turn = (mean + spread * ((1.0 - part) * knots[low] + part * knots[low + 1])).astype(np.float32)
    hinges = [JOINT_INDEX[name] for name in HINGES]
    turn[:, hinges, 0] = np.clip(turn[:, hinges, 0], *HINGE_RANGE)
    turn[:, 0] *= 0.15
    yaw = np.linspace(0.0, 5.0, count)
    root = np.zeros((count, 3, 3), np.float32)
    root[:, 0, 0] = root[:, 2, 2] = np.cos(yaw)
    root[:, 0, 2], root[:, 2, 0], root[:, 1, 1] = np.sin(yaw), -np.sin(yaw), 1.0
    nothing = torch.zeros(0)
    poses = PoseUnknowns(nothing, torch.from_numpy(root), torch.from_numpy(turn), nothing, nothing, nothing)
    place = np.stack([0.5 * np.sin(yaw), np.zeros(count), 0.3 * np.cos(yaw)], axis=1)
    return poses.rotmat().numpy(), place.astype(np.float32)


@pytest.fixture(scope="module")
def made(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    pose, place = moves(240)
    chosen, truth = markers(body, 4)
    points = skin(body, pose, translation_m=place, vertices=chosen)
    points -= points[..., 1:2].min(axis=1, keepdims=True) * [0.0, 1.0, 0.0]  # the feet are on the floor
    noise = np.random.default_rng(2).normal(0.0, 0.003, points.shape)
    return (points + noise).astype(np.float32), truth


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_rough_assignment_is_mended(made, body):
    """A fifth of the points start on a wrong bone, up to half a metre away: all come home."""
    points, truth = made
    torch.set_num_threads(1)
    rng = np.random.default_rng(8)
    wrong = rng.permutation(len(truth))[: len(truth) // 5]
    chosen, _ = markers(body, 4)
    joints, rest = truth.astype(np.int64), body.v_template_m[chosen].copy()
    for point in wrong:
        neighbour = PARENTS[joints[point]] if PARENTS[joints[point]] >= 0 else JOINT_INDEX["left_hip"]
        joints[point] = neighbour
        rest[point] = body.rest_joints()[neighbour]
    assert np.linalg.norm(rest - body.v_template_m[chosen], axis=1).max() > 0.2
    frames = torch.from_numpy(points[::8])
    twin, surface = torch_body(body, joint_markers(SMPL24)), Skin(body)
    settings = CalibrationSettings(frames=len(frames), steps=240, pose_weight=0.3, shape_weight=0.3)
    _, solved, attachment = settle(twin, surface, body, Attachment(joints, rest), frames, settings, rounds=4)
    assert (attachment.joints == truth).all()
    assert np.linalg.norm(attachment.rest_m - body.v_template_m[chosen], axis=1).mean() < 0.02
    assert solved.error_m.mean() < 0.008


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_most_bones_and_the_sides_are_found_from_nothing(made, body):
    """The sides and most bones are right; which are not is for a person to see (docs/calibrate.md)."""
    points, truth = made
    torch.set_num_threads(1)
    guess = guess_assignment(1000.0 * points, body)  # in millimetres: the unit is not told
    near = [
        joint == true or PARENTS[joint] == true or PARENTS[true] == joint
        for joint, true in zip(guess.joints.tolist(), truth.tolist(), strict=True)
    ]
    assert np.mean(near) > 0.6
    crossed = [
        {JOINT_NAMES[j].split("_")[0], JOINT_NAMES[t].split("_")[0]} == {"left", "right"}
        for j, t in zip(guess.joints, truth, strict=True)
    ]
    assert not any(crossed)
    names = tuple(f"p{index}" for index in range(len(truth)))
    layout = layout_from_table(layout_table(guess, names, points, body, "made"), name="made.toml", source="made")
    assert layout.count == len(truth)
    assert "Mean residual" in describe_guess(guess, names)


def test_the_axis_that_is_up_is_found_from_the_floor(made):
    points, _ = made
    assert guess_up_axis(points) == "y"
    assert guess_up_axis(points[..., [0, 2, 1]]) == "z"
    assert guess_up_axis(points * [1.0, -1.0, 1.0]) == "-y"
    assert guess_up_axis(points[..., [1, 0, 2]]) == "x"


def test_the_floor_need_not_be_at_zero(made):
    points, _ = made
    assert guess_up_axis(points + np.array([0.0, 5.0, 0.0])) == "y"
    assert guess_up_axis(points + np.array([3.0, -5.0, 4.0])) == "y"
    assert guess_up_axis(points * [1.0, -1.0, 1.0] + np.array([0.0, 5.0, 0.0])) == "-y"


def test_mirror_images_are_mutual():
    rest = np.array([[0.2, 1.0, 0.0], [-0.21, 1.01, 0.0], [0.0, 1.5, 0.1], [0.3, 0.2, 0.0], [-0.05, 0.4, 0.0]])
    assert mirrored(rest) == [1, 0, 2, 3, 4]


def test_files_of_any_axis_become_upright(made, tmp_path):
    points, _ = made
    np.save(tmp_path / "z.npy", points[..., [0, 2, 1]] * [1.0, -1.0, 1.0])
    names, read = read_unlabelled(tmp_path / "z.npy", Hints())
    assert names[0] == "point_00"
    assert np.ptp(read[..., 1], axis=1).mean() == pytest.approx(np.ptp(points[..., 1], axis=1).mean(), rel=0.02)
    # It was turned, not mirrored: distances from a plane of three points keep their sides.
    triple = [np.linalg.det(np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0], p[:, 3] - p[:, 0]], -1)) for p in
              (points * 1.0, read * 1.0)]  # fmt: skip
    np.testing.assert_allclose(triple[0][: len(triple[1])], triple[1], atol=1e-4)


def test_an_axis_that_is_none_is_refused(made, tmp_path):
    np.save(tmp_path / "some.npy", made[0])
    with pytest.raises(InputError, match="There is no axis 'q'"):
        read_unlabelled(tmp_path / "some.npy", Hints(up="q"))


def test_too_few_points_and_none_that_stand_are_refused(body):
    with pytest.raises(InputError, match="at least 8"):
        guess_assignment(np.zeros((10, 5, 3), np.float32), body)
    with pytest.raises(InputError, match="no height"):
        guess_assignment(np.zeros((10, 12, 3), np.float32), body)


def test_a_layout_of_one_bone_a_point_needs_no_second(body):
    joints = np.array([JOINT_INDEX[name] for name in BONES])
    guess = Guess(
        joints, joints.copy(), body.rest_joints()[joints], np.zeros(len(joints), np.float32),
        np.zeros(len(joints), np.float32), 0.0, float("inf"),
    )  # fmt: skip
    points = np.repeat(body.rest_joints()[joints][None], 3, axis=0)
    table = layout_table(guess, BONES, points, body, "bones")
    assert [row["rides_on"] for row in table["points"]] == [{name: 1.0} for name in BONES]
    assert all(np.abs(row["offset_m"]).max() < 1e-4 for row in table["points"])
    assert {row["name"]: row["mirror"] for row in table["points"]}["left_knee"] == "right_knee"
