# SPDX-License-Identifier: Apache-2.0
"""Body and poses solved together: the reduced equations against the whole system by finite differences, and bodies
whose betas are known."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.pose.levenberg_marquardt import refine
from dancepose_addon.core.fit.pose.pose_problem import RefineSettings, turned
from dancepose_addon.core.fit.shape.bundle_adjustment import (
    Sample,
    cost_of,
    posed,
    reduced_equations,
    solve_shape_and_poses,
)
from dancepose_addon.core.fit.shape.from_lengths import MOST_SHIFT_M, Shape, ShapeModel, solve_shape
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
BETAS = np.array([0.9, -0.6, 0.4, -0.2, 0.0, 0.3, -0.5, 0.1, 0.0, 0.2], np.float32)
SCALE = 1.06
FREE = RefineSettings(noise_m=1e-4, limit_m_per_rad=0.0, outlier_m=10.0)
"""Points alone, all of them believed."""


def markers_on(seed: int) -> MarkerSet:
    """Three markers about each of eight bones, less one: as on a person, no joint's centre is seen."""
    random = np.random.default_rng(seed)
    weights = np.zeros((23, 24), np.float32)
    weights[np.arange(23), np.resize([0, 1, 2, 4, 5, 9, 16, 17], 23)] = 1.0
    weights[3, [4, 1]] = 0.7, 0.3
    return MarkerSet(MD23, weights, random.normal(scale=0.09, size=(23, 3)).astype(np.float32))


def sample_of(markers: MarkerSet, pose: np.ndarray, *, off: float, settings: RefineSettings = FREE) -> Sample:
    """Points of the true body in ``pose``; a regressor that is off by about ``off`` radians."""
    random = np.random.default_rng(7)
    place = random.normal(size=(len(pose), 3)).astype(np.float32)
    target = keypoints_from_pose(markers, BODY.rest_joints(BETAS), pose, place, scale=SCALE)
    away = rotvec_to_rotmat(random.normal(scale=off, size=(len(pose), 24, 3)).astype(np.float32))
    return Sample(pose @ away, target, np.ones(target.shape[:2], np.float32), settings)


def test_reduced_equations_agree_with_the_whole_system() -> None:
    """All unknowns at once, derivatives by finite differences, dense least squares in double precision."""
    markers, pose = markers_on(1), random_pose(5, 3, angle=0.3)
    sample = sample_of(markers, pose, off=0.1, settings=replace(FREE, noise_m=0.0))
    sample.confidence[1, 4] = 0.3
    model, damping = ShapeModel(markers, BODY), 0.02
    solved = posed(model, np.array([1.0, *np.zeros(10)]), sample.reference, sample)
    reduced = reduced_equations(solved, model.columns(solved.state.pose), damping)
    joints = len(solved.problem.carriers.joints)
    ridge = model.ridge(3)

    def points(vector: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """Weighted residuals about the weighted mean, which is what a free place leaves."""
        shape = model.shape(vector)
        moved = turned(solved.problem, solved.state, turn.astype(np.float32))
        seen = keypoints_from_pose(shape.sized_markers(), shape.rest_joints(BODY), moved).astype(np.float64)
        difference = sample.target_m - seen
        share = sample.confidence / sample.confidence.sum(axis=1, keepdims=True)
        difference -= np.einsum("tk,tkc->tc", share, difference)[:, None]
        return (np.sqrt(sample.confidence)[..., None] * difference).ravel()

    count, turns = model.count, 3 * 3 * joints
    nothing, step = np.zeros((3, 3 * joints)), 2e-3
    columns = []
    for index in range(count + turns):
        change = np.zeros(count + turns)
        change[index] = step
        ends = [
            points(solved.vector + s * change[:count], nothing + s * change[count:].reshape(nothing.shape))
            for s in (1.0, -1.0)
        ]
        columns.append((ends[0] - ends[1]) / (2.0 * step))
    jacobian, residual = np.stack(columns, axis=1), points(solved.vector, nothing)
    whole = jacobian.T @ jacobian + np.diag([*ridge, *np.full(turns, damping)])
    slope = -jacobian.T @ residual - np.array([*(ridge * solved.vector), *np.zeros(turns)])
    expected = np.linalg.solve(whole, slope)

    change = np.linalg.solve(reduced.hessian + np.diag(ridge), reduced.gradient - ridge * solved.vector)
    assert np.abs(expected[:count]).max() > 0.05
    np.testing.assert_allclose(change, expected[:count], rtol=0.01, atol=0.01)
    np.testing.assert_allclose(reduced.turns(change).ravel(), expected[count:], rtol=0.01, atol=0.005)


def in_turn(model: ShapeModel, sample: Sample, rounds: int) -> float:
    """The cost that solving them in turn leaves: the plain way, as a yardstick."""
    pose = sample.reference
    shape = solve_shape(model.markers, BODY, pose, sample.target_m, sample.confidence, betas=BETAS, adapt=True)
    for _ in range(rounds):
        rest, sized = shape.rest_joints(BODY), shape.sized_markers()
        place = (sample.target_m - keypoints_from_pose(sized, rest, pose)).mean(axis=1)
        pose, _ = refine(
            sized, rest, sample.reference, place, sample.target_m, start_rotmat=pose, settings=replace(FREE, steps=3)
        )
        shape = solve_shape(model.markers, BODY, pose, sample.target_m, sample.confidence, betas=BETAS, adapt=True)
    return cost_of(model, posed(model, model.vector(shape), pose, sample))


def test_body_and_poses_come_back_where_solving_in_turn_has_not_arrived() -> None:
    """Every point sits a centimetre or two beside where the table has it."""
    markers, pose = markers_on(2), random_pose(6, 30, angle=0.4)
    beside = np.random.default_rng(9).normal(scale=0.012, size=(23, 3)).astype(np.float32)
    truth = replace(markers, offsets_m=markers.offsets_m + beside)
    sample, model = sample_of(truth, pose, off=0.1), ShapeModel(markers, BODY, BETAS, adapt=True)
    mean = Shape(BETAS, 1.0, markers)
    shape, found = solve_shape_and_poses(model, mean, sample.reference, sample)
    solved = posed(model, model.vector(shape), found, sample)
    assert solved.state.distance.mean() < 0.001
    assert cost_of(model, solved) < 0.75 * in_turn(model, sample, 12)
    assert cost_of(model, solved) < in_turn(model, sample, 50)
    assert shape.residual_m < 0.002


def test_a_point_shifts_as_far_as_it_may_and_the_others_settle() -> None:
    markers, pose = markers_on(2), random_pose(6, 30, angle=0.4)
    moved = markers.offsets_m.copy()
    moved[5, 1] += 2.0 * MOST_SHIFT_M
    sample = sample_of(replace(markers, offsets_m=moved), pose, off=0.05)
    model = ShapeModel(markers, BODY, BETAS, adapt=True)
    shape, _ = solve_shape_and_poses(model, Shape(BETAS, SCALE, markers), sample.reference, sample)
    shift = np.linalg.norm(shape.markers.offsets_m - markers.offsets_m, axis=1)
    assert shift[5] == pytest.approx(MOST_SHIFT_M, rel=1e-3)
    assert shift.max() < 1.001 * MOST_SHIFT_M
    assert np.array_equal(shape.betas, BETAS)
    assert np.median(shift) < 0.01


def test_places_of_points_are_as_any_unknowns() -> None:
    """A point's place moves this point only, which the equations use; against columns of all points."""
    markers, pose = markers_on(5), random_pose(9, 4, angle=0.4)
    sample = sample_of(markers, pose, off=0.1)
    sample.confidence[2, 7], sample.confidence[1, 3] = 0.4, 0.0
    model = ShapeModel(markers, BODY, adapt=True)
    solved = posed(model, model.vector(Shape(BETAS, SCALE, markers)), sample.reference, sample)
    pose, damping = solved.state.pose, np.array([0.01, 0.02, 0.03, 0.04], np.float32)
    plain = reduced_equations(solved, model.columns(pose), damping)
    short = reduced_equations(solved, model.body_columns(pose), damping, model.places(pose))
    scale = np.abs(plain.hessian).max()
    np.testing.assert_allclose(short.hessian, plain.hessian, atol=1e-5 * scale)
    np.testing.assert_allclose(short.gradient, plain.gradient, atol=1e-5 * np.abs(plain.gradient).max())
    np.testing.assert_allclose(short.answer, plain.answer, atol=1e-3 * np.abs(plain.answer).max())


def test_columns_are_what_the_body_does_in_each_unknown() -> None:
    """Against posing bodies of other betas, and against moved points, one by one."""
    markers, pose = markers_on(4), random_pose(8, 5)
    model = ShapeModel(markers, BODY, adapt=True)
    columns = model.columns(pose)
    vector = np.random.default_rng(3).normal(scale=0.01, size=model.count)
    vector[0] = 1.1
    shape = model.shape(vector)
    expected = keypoints_from_pose(shape.sized_markers(), shape.rest_joints(BODY), pose)
    np.testing.assert_allclose(columns @ vector.astype(np.float32), expected, atol=1e-5)
    assert model.vector(shape) == pytest.approx(vector, abs=1e-6)
    joints = ShapeModel(joint_markers(SMPL24), BODY)
    np.testing.assert_allclose(
        joints.columns(pose)[..., 0], keypoints_from_pose(joints.markers, BODY.rest_joints(), pose), atol=1e-6
    )
