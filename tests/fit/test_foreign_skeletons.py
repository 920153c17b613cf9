# SPDX-License-Identifier: Apache-2.0
"""Skeletons that are not this body's: every one gives a person, and what the body cannot follow is said."""

from pathlib import Path
import warnings

import numpy as np
import pytest
from scipy.optimize import minimize

from dancepose_addon.core.body.model import JOINT_INDEX, PARENTS, BodyModel
from dancepose_addon.core.fit.pipeline import FitResult, fit
from dancepose_addon.core.fit.shape.beta_bounds import BETA_BOUND, solve_bounded
from dancepose_addon.core.fit.shape.from_lengths import Shape, shape_from_lengths
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_for
from tests.fit.known import flowing_pose

PEOPLE_M = (1.4, 2.1)


def height_m(body: BodyModel, shape: Shape) -> float:
    """Of the mesh in its T-pose."""
    return shape.scale * float(np.ptp(body.rest_vertices(shape.betas)[:, 1]))


def lengthened(body: BodyModel, factors: np.ndarray, frames: int = 60) -> np.ndarray:
    """Joints (T, 24, 3) of a skeleton whose bones are ``factors`` (24,) times the mean body's."""
    rest, source = body.rest_joints().copy(), body.rest_joints()
    for joint in range(1, 24):
        rest[joint] = rest[PARENTS[joint]] + factors[joint] * (source[joint] - source[PARENTS[joint]])
    return keypoints_from_pose(joint_markers(SMPL24), rest, flowing_pose(2, frames))


def from_points(body: BodyModel, points: np.ndarray) -> Shape:
    """The shape from lengths alone, with warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return shape_from_lengths(
            joint_markers(SMPL24), body, points, np.ones(points.shape[:2], np.float32), noise_m=0.0
        )


@pytest.mark.parametrize("seed", range(6))
def test_bounded_solve_agrees_with_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(30, 8))
    hessian, gradient = rows.T @ rows, rows.T @ (4.0 * random.normal(size=30)) + 60.0 * random.normal(size=8)
    hessian[0, 0], gradient[0] = hessian[0, 0] + 1e3, gradient[0] + 1e3  # the scale is about 1
    found = solve_bounded(hessian, gradient, 5)
    limits = [
        {"type": "ineq", "fun": lambda x, i=i, sign=sign: BETA_BOUND * x[0] - sign * x[i]}
        for i in range(1, 6)
        for sign in (1.0, -1.0)
    ]
    truth = minimize(
        lambda x: 0.5 * x @ hessian @ x - gradient @ x,
        np.eye(8)[0],
        jac=lambda x: hessian @ x - gradient,
        constraints=limits,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert np.abs(found[1:6]).max() <= BETA_BOUND * found[0] + 1e-6
    assert found == pytest.approx(truth.x, abs=1e-3 * np.abs(truth.x).max())


def test_own_joints_are_met_exactly(body: BodyModel) -> None:
    betas = np.array([1.9, -2.2, 1.1, 0.4, -0.8], np.float32)
    betas = np.pad(betas, (0, body.beta_count - len(betas)))
    rest = body.rest_joints(betas)
    points = keypoints_from_pose(joint_markers(SMPL24), rest, flowing_pose(3, 60), scale=1.04)
    shape = from_points(body, points)
    assert shape.own_joints
    assert shape.notice() is None
    assert np.abs(shape.rest_joints(body) - np.float32(1.04) * rest).max() < 2e-4


@pytest.mark.parametrize("seed", range(5))
def test_bones_off_by_15_percent_give_a_person_and_a_notice(body: BodyModel, seed: int) -> None:
    """As networks write them: the body keeps its height within the mean of what its bones ask for."""
    factors = 1.0 + np.random.default_rng(seed).uniform(-0.15, 0.15, 24)
    shape = from_points(body, lengthened(body, factors))
    assert np.abs(shape.betas).max() <= BETA_BOUND + 1e-5
    assert height_m(body, shape) == pytest.approx(body.height_m, rel=0.08)
    assert not shape.own_joints
    notice = shape.notice()
    assert notice is not None
    assert "mm" in notice


def test_tall_and_small_skeletons_keep_their_height(body: BodyModel) -> None:
    for size in (0.82, 1.2):
        factors = size * (1.0 + np.random.default_rng(1).uniform(-0.1, 0.1, 24))
        shape = from_points(body, lengthened(body, factors))
        assert height_m(body, shape) == pytest.approx(size * body.height_m, rel=0.06)


def test_bones_of_no_length_are_ignored(body: BodyModel) -> None:
    factors = 1.0 + np.random.default_rng(5).uniform(-0.05, 0.05, 24)
    factors[[JOINT_INDEX["spine1"], JOINT_INDEX["left_collar"], JOINT_INDEX["right_collar"]]] = 0.0
    shape = from_points(body, lengthened(body, factors))
    assert PEOPLE_M[0] < height_m(body, shape) < PEOPLE_M[1]
    assert np.abs(shape.betas).max() <= BETA_BOUND + 1e-5


def test_points_of_little_confidence_count_little(body: BodyModel) -> None:
    """Both shins half as long again, and trusted or not."""
    factors = np.ones(24)
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    factors[ankles] = 1.5
    points = lengthened(body, factors)
    shin = {}
    for trust in (1.0, 0.05):
        confidence = np.ones(points.shape[:2], np.float32)
        confidence[:, ankles] = trust
        rest = shape_from_lengths(joint_markers(SMPL24), body, points, confidence, noise_m=0.0).rest_joints(body)
        shin[trust] = float(np.linalg.norm(rest[ankles[0]] - rest[PARENTS[ankles[0]]]))
    truth = float(np.linalg.norm(body.rest_joints()[ankles[0]] - body.rest_joints()[PARENTS[ankles[0]]]))
    assert abs(shin[0.05] - truth) < 0.5 * abs(shin[1.0] - truth)


def fitted(path: Path, body: BodyModel) -> FitResult:
    """The first frames of a file, fitted."""
    sequence = open_source(path, body=body, hints=Hints())
    assert isinstance(sequence, KeypointSequence)
    sequence, regressor = open_for(sequence.between(0, 120), None, device="cpu")
    return fit(sequence, regressor=regressor, body=body)


@pytest.mark.parametrize(
    "name",
    [
        "cases/shape_ordinary.bvh", "cases/shape_zero_bones.bvh", "cases/still_zero_bones.bvh",
        "cases/shape_points22.npz", "cases/kinect2_names.csv", "cmu/01_01.bvh", "cmu/05_02.bvh", "cmu/09_01.bvh",
    ],
)  # fmt: skip
def test_recorded_skeletons_give_people(name: str, data_folder: Path, body: BodyModel) -> None:
    result = fitted(data_folder / name, body)
    shape = Shape(result.motion.betas, result.motion.scale, joint_markers(SMPL24))
    assert np.isfinite(result.motion.pose_rotmat).all()
    assert np.abs(shape.betas).max() <= BETA_BOUND + 1e-5
    assert PEOPLE_M[0] < height_m(body, shape) < PEOPLE_M[1]
    assert any("bone lengths" in notice for notice in result.report["notices"])
    assert result.report["final_error_mm"] < 45.0
