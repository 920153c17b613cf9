# SPDX-License-Identifier: Apache-2.0
"""Solving a marker table again: places and shares that are known come back, whatever the dancers' shapes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.calibration.joint_refinement import FLIP, SAME_PLACE_M, mirror_groups, near_skin, solve_table
from dancepose.trainer.calibration.unknowns import Skin
from dancepose_addon.core.body.model import JOINT_INDEX, MIRRORED_JOINTS
from dancepose_addon.core.fit.pose.pose_problem import RefineSettings
from dancepose_addon.core.fit.shape.bundle_adjustment import Sample, Solved, posed
from dancepose_addon.core.fit.shape.from_lengths import ShapeModel, solve_shape
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import MarkerSet, keypoints_from_pose
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(5)
BONES = {"right_elbow": ("right_shoulder", "right_elbow"), "left_elbow": ("left_shoulder", "left_elbow")}


def table(shift_m: float, share: float) -> MarkerSet:
    """Markers near the joints, symmetric but for the last one; elbows have two bones, ``share`` on the upper one."""
    random = np.random.default_rng(3)
    names = {name: index for index, name in enumerate(MD23.keypoints)}
    joints = BODY.rest_joints()
    joints = 0.5 * (joints + joints[list(MIRRORED_JOINTS)] * FLIP)
    weights, places = np.zeros((23, 24), np.float32), np.zeros((23, 3))
    for name, index in names.items():
        bone = JOINT_INDEX[BONES[name][1]] if name in BONES else index % 24
        weights[index, bone] = 1.0
        places[index] = joints[bone] + random.normal(scale=0.04, size=3)
    for name, (upper, lower) in BONES.items():
        weights[names[name]] = 0.0
        weights[names[name], [JOINT_INDEX[upper], JOINT_INDEX[lower]]] = share, 1.0 - share
    places[names["left_elbow"]] = places[names["right_elbow"]] * FLIP
    for name in BONES:
        places[names[name]] += shift_m * (FLIP if name == "left_elbow" else 1.0)
    places[0] += shift_m
    offsets = places - weights @ BODY.rest_joints()
    return MarkerSet(MD23, weights, offsets.astype(np.float32))


def solved(start: MarkerSet, truth: MarkerSet, seed: int, scale: float) -> tuple[Sample, Solved]:
    """A clip of the true table, on a person of another shape, posed with the table to start from."""
    pose = random_pose(seed, 60, angle=0.5)
    betas = np.random.default_rng(seed).normal(scale=0.5, size=BODY.beta_count).astype(np.float32)
    target = keypoints_from_pose(truth.scaled(scale), np.float32(scale) * BODY.rest_joints(betas), pose)
    target[5, 0] += 0.5  # a stray point
    settings = RefineSettings(noise_m=0.003, limit_m_per_rad=0.0)
    sample = Sample(pose, target, np.ones(target.shape[:2], np.float32), settings)
    model = ShapeModel(start, BODY)
    shape = solve_shape(start, BODY, pose, target, sample.confidence)
    return sample, posed(model, model.vector(shape), pose, sample)


def solve(start: MarkerSet, truth: MarkerSet, seeds: tuple[int, ...]) -> MarkerSet:
    """The table found from clips of the true one."""
    clips = [solved(start, truth, seed, 1.0 + 0.1 * (-1) ** seed) for seed in seeds]
    samples, first = [sample for sample, _ in clips], [one for _, one in clips]
    return solve_table(start, BODY, samples, first, rounds=6)


def test_places_and_shares_come_back() -> None:
    truth, start = table(0.0, 0.3), table(0.012, 0.55)
    found = solve(start, truth, (1, 2, 3))
    rest = [markers.rest_points(BODY.rest_joints()) for markers in (truth, start, found)]
    before, after = (np.linalg.norm(places - rest[0], axis=1) for places in rest[1:])
    assert before.max() > 0.02
    # Poses and shapes are free as well, so a bone's points may all sit a little farther along it.
    assert after.max() < 0.006
    assert np.median(after) < 0.0025
    elbow = MD23.keypoints.index("right_elbow")
    assert found.weights[elbow, JOINT_INDEX["right_shoulder"]] == pytest.approx(0.3, abs=0.05)


def test_a_point_comes_to_ride_on_a_bone_beside_its_own() -> None:
    """The table has the elbows' points on the forearm alone; they are attached to the upper arm by half."""
    found = solve(table(0.0, 0.0), table(0.0, 0.5), (1, 2, 3))
    for name, (upper, lower) in BONES.items():
        shares = found.weights[MD23.keypoints.index(name)]
        assert shares[JOINT_INDEX[upper]] == pytest.approx(0.5, abs=0.1)
        assert shares[JOINT_INDEX[lower]] == pytest.approx(0.5, abs=0.1)
    assert found.weights.min() >= 0.0
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0, atol=1e-6)


def test_mirror_images_stay_so() -> None:
    start = table(0.0, 0.3)
    right, left = (MD23.keypoints.index(name) for name in BONES)
    groups = [[(one.index, one.mirror) for one in group] for group in mirror_groups(start, BODY)]
    assert [(min(right, left), False), (max(right, left), True)] in groups
    found = solve(start, table(0.01, 0.4), (6,))
    rest = found.rest_points(BODY.rest_joints())
    assert np.abs(rest[right] - rest[left] * FLIP).max() < SAME_PLACE_M
    assert found.weights[left] == pytest.approx(found.weights[right][list(MIRRORED_JOINTS)], abs=1e-6)


def test_points_that_leave_the_skin_are_taken_back_to_it_and_no_further(body) -> None:
    joints, index = body.rest_joints(), int(body.v_template_m[:, 2].argmax())
    rest = np.repeat(body.v_template_m[index][None], 23, axis=0).astype(np.float32)
    weights = np.zeros((23, 24), np.float32)
    weights[:, 0] = 1.0
    rest[3, 2] += 0.0201  # a table rounds its offsets
    start = MarkerSet(MD23, weights, rest - joints[0])
    moved = rest.copy()
    moved[3, 2] += 0.02
    moved[0, 2] += 0.05  # out: off by more than is allowed
    moved[1, 2] += 0.01  # out, within what is allowed
    moved[2, 2] -= 0.03  # into the body
    found = near_skin(MarkerSet(MD23, weights, moved - joints[0]), start, body)
    after = found.rest_points(joints)
    away = Skin(body).distance(torch.from_numpy(after)).numpy()
    assert away[0] == pytest.approx(0.02, abs=1e-4)
    np.testing.assert_allclose(after[1], moved[1], atol=1e-6)
    assert away[2] == pytest.approx(-0.001, abs=1e-4)
    assert away[3] == pytest.approx(0.0201, abs=1e-4)
    np.testing.assert_allclose(after[4:], rest[4:], atol=1e-6)
