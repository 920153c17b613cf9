# SPDX-License-Identifier: Apache-2.0
"""Estimates agree with R's packages BradleyTerry2, psychotools and ordinal (`make test-r` computes those again)."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from dancepose.rating.statistics.cumulative_link import SymmetricLink, fit_cumulative_link
from dancepose.rating.statistics.davidson import DavidsonLink
from dancepose.rating.statistics.mixed_model import OrderedFamily, fit_mixed, indicator
from dancepose.rating.statistics.pair_tables import fit_tables, gradient_and_hessian, pair_design
from tests.rating.reference_counts import BASEBALL, CEMS, SIMULATED_ACR, SOUND_QUALITY, WINE


def fitted(counts: dict, reference: str, link) -> tuple[dict[str, float], dict[str, float], np.ndarray, float]:
    """Estimates and standard errors by name, all estimates, and the log-likelihood."""
    names = sorted({name for pair in counts for name in pair})
    cells = np.array([[names.index(name) for name in pair] for pair in counts])
    design = pair_design(cells, len(names), names.index(reference), has_side=False)
    table = np.array(list(counts.values()), dtype=float)[None]
    found = fit_tables(link, design, table)
    assert found.converged[0]
    _, hessian = gradient_and_hessian(link, design, table, found.theta)
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian[0])))
    others = [name for name in names if name != reference]
    theta = found.theta[0]
    estimates = dict(zip(others, theta, strict=False)) | {"shape": theta[len(others) :]}
    named_errors = dict(zip(others, errors, strict=False)) | {"shape": errors[len(others) :]}
    return estimates, named_errors, theta, float(found.log_likelihood[0])


def test_davidson_agrees_with_psychotools_on_cems() -> None:
    estimates, errors, _, value = fitted(CEMS, "Stockholm", DavidsonLink(has_ties=True))
    expected = {
        "Barcelona": (0.612932, 0.075168),
        "London": (1.822802, 0.083145),
        "Milano": (0.441972, 0.076019),
        "Paris": (1.032534, 0.077571),
        "St.Gallen": (0.598322, 0.075148),
    }
    for name, (worth, error) in expected.items():
        assert estimates[name] == pytest.approx(worth, abs=6e-7)
        assert errors[name] == pytest.approx(error, abs=6e-7)
    assert estimates["shape"][0] == pytest.approx(-1.317180, abs=6e-7)
    assert errors["shape"][0] == pytest.approx(0.048508, abs=6e-7)
    assert value == pytest.approx(-3964.378, abs=6e-4)


def test_ties_as_half_wins_shrink_worths() -> None:
    halves = {pair: (first + 0.5 * tie, second + 0.5 * tie) for pair, (first, tie, second) in CEMS.items()}
    estimates, errors, _, _ = fitted(halves, "Stockholm", DavidsonLink(has_ties=False))
    assert estimates["London"] == pytest.approx(1.597480, abs=6e-7)
    assert errors["London"] == pytest.approx(0.076782, abs=6e-7)


def test_bradley_terry_agrees_with_bradleyterry2_on_baseball() -> None:
    estimates, _, _, _ = fitted(BASEBALL, "Baltimore", DavidsonLink(has_ties=False))
    expected = {
        "Boston": 1.107697705,
        "Cleveland": 0.683852769,
        "Detroit": 1.436408432,
        "Milwaukee": 1.581355877,
        "New York": 1.247617845,
        "Toronto": 1.294485124,
    }
    for name, worth in expected.items():
        assert estimates[name] == pytest.approx(worth, abs=1e-6)


def test_bradley_terry_agrees_with_psychotools_on_sound_quality() -> None:
    estimates, errors, _, value = fitted(SOUND_QUALITY, "Original", DavidsonLink(has_ties=False))
    expected = {
        "Mono": (-2.475749, 0.05148292),
        "PhantomMono": (-1.892887, 0.04581035),
        "Stereo": (0.135671, 0.03929396),
        "WideStereo": (-0.186057, 0.03894458),
        "Matrix": (0.003818, 0.03907943),
        "Upmix1": (-0.122097, 0.03896775),
        "Upmix2": (-0.365847, 0.03899618),
    }
    for name, (worth, error) in expected.items():
        assert estimates[name] == pytest.approx(worth, abs=6e-7)
        assert errors[name] == pytest.approx(error, rel=1e-5)
    assert value == pytest.approx(-11840.8463, abs=6e-5)


def test_cumulative_link_agrees_with_ordinal_on_wine() -> None:
    rows = [(level, *cell) for cell, counts in WINE.items() for level, count in enumerate(counts) for _ in range(count)]
    outcome, columns = np.array(rows)[:, 0], np.array(rows, dtype=float)[:, 1:]
    found = fit_cumulative_link(outcome, columns, 5)
    np.testing.assert_allclose(found.beta, [2.503102, 1.527798], atol=6e-7)
    np.testing.assert_allclose(found.thresholds, [-1.344383411, 1.250808798, 3.466886926, 5.006404204], atol=1e-7)
    assert found.log_likelihood == pytest.approx(-86.491923, abs=6e-7)
    np.testing.assert_allclose(found.scores.sum(axis=0), 0.0, atol=1e-6)


def acr() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    outcome = np.array([int(digit) - 1 for digit in SIMULATED_ACR])
    number = np.arange(len(outcome))
    return outcome, number // 18, number // 3 % 6, number % 3


def start_of(outcome: np.ndarray, columns: np.ndarray) -> np.ndarray:
    plain = fit_cumulative_link(outcome, columns, 5)
    return np.concatenate([plain.thresholds[:1], np.log(np.diff(plain.thresholds)), plain.beta])


def test_laplace_mixed_model_agrees_with_ordinal() -> None:
    """Expected: clmm(y ~ system + (1|rater) + (1|song) + (1|rater:system) + (1|song:system)) of ordinal 2022.11-16."""
    outcome, rater, song, system = acr()
    columns = np.eye(3)[system][:, 1:]
    terms = [indicator(rater), indicator(song), indicator(3 * rater + system), indicator(3 * song + system)]
    found = fit_mixed(OrderedFamily(outcome, 4), columns, terms, start_of(outcome, columns))
    assert found.log_likelihood == pytest.approx(-320.166178, abs=2e-4)
    np.testing.assert_allclose(found.beta, [1.873553, 1.242998], atol=2e-3)
    np.testing.assert_allclose(found.errors, [0.533680, 0.527726], atol=5e-3)
    np.testing.assert_allclose(found.sds, [0.0, 0.0, 0.719429, 0.517511], atol=5e-3)


def test_leaving_out_the_interactions_makes_errors_too_small() -> None:
    outcome, rater, _, system = acr()
    columns = np.eye(3)[system][:, 1:]
    found = fit_mixed(OrderedFamily(outcome, 4), columns, [indicator(rater)], start_of(outcome, columns))
    assert found.log_likelihood == pytest.approx(-323.835447, abs=2e-4)
    np.testing.assert_allclose(found.beta, [1.694898, 1.116287], atol=1e-3)
    assert found.sds[0] == pytest.approx(0.3016751, abs=1e-3)
    assert found.errors[0] < 0.65 * 0.533680


def test_quadrature_equals_the_integral() -> None:
    """For one rater with one answer the likelihood is a one-dimensional integral, which Simpson's rule gives."""
    from scipy.integrate import simpson
    from scipy.special import expit

    outcome, rater, _, system = (values[:36] for values in acr())
    columns = np.eye(3)[system][:, 1:]
    start = start_of(acr()[0], np.eye(3)[acr()[3]][:, 1:])
    found = fit_mixed(OrderedFamily(outcome, 4), columns, [indicator(rater)], start, points=15)
    family = OrderedFamily(outcome, 4)
    tau = np.concatenate([[-np.inf], family.thresholds(found.shape), [np.inf]])
    grid = np.linspace(-9.0, 9.0, 4001)
    total = 0.0
    for one in (0, 1):
        mine = rater == one
        eta = (columns[mine] @ found.beta)[:, None] + found.sds[0] * grid
        p = expit(tau[outcome[mine] + 1][:, None] - eta) - expit(tau[outcome[mine]][:, None] - eta)
        total += np.log(simpson(p.prod(axis=0) * np.exp(-0.5 * grid**2) / np.sqrt(2.0 * np.pi), x=grid))
    assert found.log_likelihood == pytest.approx(total, abs=1e-6)


def test_symmetric_link_has_exact_derivatives() -> None:
    link = SymmetricLink(5)
    eta, shape = np.array([[0.3, -1.2, 4.0]]), np.array([[0.4, 1.5]])
    first, second = link.derivatives(eta, shape)
    step = 1e-6
    for n, (d_eta, d_shape) in enumerate(((1.0, (0.0, 0.0)), (0.0, (1.0, 0.0)), (0.0, (0.0, 1.0)))):
        ends = [(eta + sign * step * d_eta, shape + sign * step * np.array([d_shape])) for sign in (1.0, -1.0)]
        slope = (link.log_probabilities(*ends[0]) - link.log_probabilities(*ends[1])) / (2 * step)
        np.testing.assert_allclose(first[..., n], slope, atol=1e-7)
        curve = (link.derivatives(*ends[0])[0] - link.derivatives(*ends[1])[0]) / (2 * step)
        np.testing.assert_allclose(second[..., n, :], curve, atol=1e-6)
