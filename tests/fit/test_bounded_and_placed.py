# SPDX-License-Identifier: Apache-2.0
"""Bounded betas against SciPy, places and sizes by hand, frames that are sampled."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize

from dancepose_addon.core.fit.clip_shape import FEWEST_FRAMES, SAMPLED_FRAMES, SEED_STRIDE, _sampled, given_betas
from dancepose_addon.core.fit.placement import mean_offset, solve_scale_and_translation
from dancepose_addon.core.fit.shape.beta_bounds import BETA_BOUND, _free_basis, solve_bounded


@pytest.mark.parametrize("seed", range(8))
def test_bounded_betas_against_scipy(seed: int) -> None:
    """A scale, three betas and a further unknown, with bounds that several betas meet."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(7, 5))
    hessian = root.T @ root + 0.1 * np.eye(5)
    wanted = np.array([1.0, *random.normal(scale=3.0, size=3), 0.5])
    gradient = hessian @ wanted
    bound = 1.5
    found = solve_bounded(hessian, gradient, 3, bound=bound)

    def cost(x: np.ndarray) -> float:
        return float(x @ hessian @ x / 2 - gradient @ x)

    limits = [{"type": "ineq", "fun": lambda x, i=i, s=s: bound * x[0] - s * x[i]} for i in (1, 2, 3) for s in (1, -1)]
    best = minimize(
        cost, np.array([1.0, 0, 0, 0, 0]), constraints=limits, method="SLSQP", options={"ftol": 1e-14, "maxiter": 500}
    )
    assert np.abs(found[1:4]).max() <= bound * found[0] + 1e-9
    assert cost(found) <= cost(best.x) + 1e-6 * abs(cost(best.x))
    np.testing.assert_allclose(found, best.x, atol=2e-3 * max(1.0, np.abs(found).max()))


def test_betas_within_their_bounds_are_those_of_the_plain_solution() -> None:
    hessian = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 2.0]])
    for wanted, free in (([1.0, 2.9, -2.9], True), ([1.0, 3.1, 0.0], False)):
        found = solve_bounded(hessian, hessian @ np.array(wanted), 2)
        assert np.allclose(found, wanted) is free
    found = solve_bounded(hessian, hessian @ np.array([1.0, 3.1, 99.0]), 0)
    np.testing.assert_allclose(found, [1.0, 3.1, 99.0])
    assert BETA_BOUND == 3.0
    basis = _free_basis(np.array([0, 1, 0, -1]), 2.0)
    np.testing.assert_array_equal(basis, [[1, 0], [2, 0], [0, 1], [-2, 0]])


def test_offsets_are_weighted_means() -> None:
    posed = np.zeros((2, 3, 3), np.float32)
    target = np.array([[[1, 0, 0], [2, 0, 0], [9, 9, 9]], [[0, 3, 0], [0, 0, 0], [0, 0, 0]]], np.float32)
    confidence = np.array([[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]], np.float32)
    # Without any weight, all points count alike.
    np.testing.assert_allclose(mean_offset(posed, target, confidence), [[4 / 3, 0, 0], [0, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(mean_offset(target, posed, confidence)[0], [-4 / 3, 0, 0], atol=1e-6)


def test_sizes_and_places() -> None:
    random = np.random.default_rng(1)
    posed = random.normal(size=(4, 9, 3)).astype(np.float32)
    place = random.normal(size=(4, 3)).astype(np.float32)
    scale, found = solve_scale_and_translation(posed, np.float32(1.3) * posed + place[:, None])
    assert scale == pytest.approx(1.3, rel=1e-5)
    np.testing.assert_allclose(found, place, atol=1e-5)
    weights = np.ones((4, 9), np.float32)
    weights[:, 3] = 0.0
    target = 0.7 * posed + place[:, None]
    target[:, 3] += 50.0
    scale, found = solve_scale_and_translation(posed, target.astype(np.float32), weights)
    assert scale == pytest.approx(0.7, rel=1e-5)
    np.testing.assert_allclose(found, place, atol=1e-5)


@pytest.mark.parametrize("count", [1, 5, FEWEST_FRAMES * SEED_STRIDE - 1, FEWEST_FRAMES * SEED_STRIDE, 5000, 20_001])
def test_frames_from_which_bodies_are_solved(count: int) -> None:
    found = _sampled(count)
    assert (found[0], found[-1]) == (0, count - 1)
    assert (np.diff(found) > 0).all()
    if count < FEWEST_FRAMES * SEED_STRIDE:
        assert len(found) == min(count, FEWEST_FRAMES)
        assert count == 1 or np.ptp(np.diff(found)) <= 1
    else:
        step = int(found[1])
        assert step % SEED_STRIDE == 0
        assert (np.diff(found)[:-1] == step).all()
        assert len(found) <= SAMPLED_FRAMES + 1
        assert step == SEED_STRIDE or (count // (step - SEED_STRIDE)) > SAMPLED_FRAMES - 1


def test_betas_of_the_settings() -> None:
    body = SimpleNamespace(beta_count=5)
    assert given_betas(SimpleNamespace(betas=None), body).tolist() == [0.0] * 5
    assert given_betas(SimpleNamespace(betas=(1.0, 2.0)), body).tolist() == [1.0, 2.0, 0.0, 0.0, 0.0]
