# SPDX-License-Identifier: Apache-2.0
"""Intervals, comparisons, agreement and screening agree with hand calculations and other implementations."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy.optimize import minimize

from dancepose.rating.statistics.agreement import krippendorff_alpha, retest_agreement
from dancepose.rating.statistics.best_worst import SetVotes, estimate_sets
from dancepose.rating.statistics.cluster_robust import Precision, cluster_covariance
from dancepose.rating.statistics.cumulative_link import SymmetricLink
from dancepose.rating.statistics.davidson import DavidsonLink
from dancepose.rating.statistics.mean_scores import ScoreVotes, estimate_means
from dancepose.rating.statistics.multiple_comparisons import holm, rank_ranges
from dancepose.rating.statistics.pair_estimates import estimate_pairs
from dancepose.rating.statistics.pair_fit import margin_in_logits, pair_deviance, preference
from dancepose.rating.statistics.pair_tables import PairVotes
from dancepose.rating.statistics.screening import fit_rater_model, rater_correlations
from dancepose.rating.statistics.sliders import centred_scores, fails_hidden_reference
from dancepose.rating.statistics.two_way_bootstrap import bootstrap_pairs


def drawn_votes(count: int = 900, seed: int = 1, outcomes: int = 5) -> PairVotes:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 4, count)
    second = (first + rng.integers(1, 4, count)) % 4
    latent = np.array([0.0, 0.4, 0.9, 1.5])[first] - np.array([0.0, 0.4, 0.9, 1.5])[second] + rng.logistic(size=count)
    ends = {5: [-1.5, -0.5, 0.5, 1.5], 3: [-0.5, 0.5], 2: [0.0]}[outcomes]
    outcome = np.digitize(-latent, ends)
    return PairVotes(tuple("abcd"), first, second, outcome, np.arange(count) % 30, np.arange(count) // 30 % 10)


def test_estimates_are_the_maximum_that_a_general_optimiser_finds() -> None:
    votes = drawn_votes()
    found = estimate_pairs(votes, SymmetricLink(5))

    def minus(theta: np.ndarray) -> float:
        worth = np.concatenate([[0.0], theta[:3]])
        eta = (worth[votes.first] - worth[votes.second] + theta[3])[None]
        log_p = SymmetricLink(5).log_probabilities(eta, theta[None, 4:])
        return -float(log_p[0, np.arange(900), votes.outcome].sum())

    best = minimize(minus, [0, 0, 0, 0, 0.5, 1.5], method="BFGS", options={"gtol": 1e-6})
    np.testing.assert_allclose(found.theta, best.x, atol=1e-4)
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-6)


def test_naive_and_clustered_errors_agree_where_every_vote_is_a_cluster() -> None:
    votes = drawn_votes(outcomes=2)
    alone = replace(votes, rater=np.arange(900), song=np.arange(900))
    found = estimate_pairs(alone, DavidsonLink(has_ties=False)).covariance
    np.testing.assert_allclose(np.sqrt(np.diag(found.both)), np.sqrt(np.diag(found.naive)), rtol=0.1)


def test_two_way_variance_of_a_mean_is_the_formula_of_cameron_gelbach_and_miller() -> None:
    rng = np.random.default_rng(5)
    rater, song = np.divmod(np.arange(60), 6)
    score = rng.normal(size=60) + 0.8 * rng.normal(size=10)[rater] + 0.5 * rng.normal(size=6)[song]
    found = estimate_means(ScoreVotes(("a",), np.zeros(60, int), score, rater, song))
    rest = (score - score.mean()) / 60
    by_rater = (np.bincount(rater, rest) ** 2).sum() * 10 / 9
    by_song = (np.bincount(song, rest) ** 2).sum() * 6 / 5
    by_both = (rest**2).sum() * 60 / 59
    assert found.covariance.both[0, 0] == pytest.approx(by_rater + by_song - by_both, rel=1e-12)
    assert found.covariance.naive[0, 0] == pytest.approx(score.var(ddof=1) / 60, rel=1e-12)
    assert found.covariance.freedom == 5


def test_an_unusable_two_way_variance_is_replaced_by_the_larger_one_way() -> None:
    scores = np.array([[1.0], [-1.0], [-1.0], [1.0]])  # sums over raters and over songs are 0
    found = cluster_covariance(scores, np.eye(1), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert found.both[0, 0] < 0.0
    precision = found.precision(np.eye(1))
    assert precision.cluster_sources == ("raters",)
    assert precision.errors(0.05)[0] == 1.0  # the naive error is the floor
    assert precision.sources(0.05) == ("independent",)


def test_error_and_source_are_those_of_the_interval() -> None:
    """t with 3 degrees of freedom: 3.1824 x 0.12 > 1.96 x 0.17 > 3.1824 x 0.1."""
    precision = Precision(np.array([0.12, 0.1]), np.array([0.17, 0.17]), 3, ("two-way", "songs"))
    assert precision.half_widths(0.05) == pytest.approx([3.182446 * 0.12, 1.959964 * 0.17], rel=1e-6)
    assert precision.errors(0.05).tolist() == [0.12, 0.17]
    assert precision.sources(0.05) == ("two-way", "independent")


def test_p_is_below_alpha_exactly_where_the_interval_leaves_out_zero() -> None:
    found = estimate_pairs(drawn_votes(), SymmetricLink(5))
    contrasts = np.vstack([found.to_worths[i] - found.to_worths[j] for i in range(4) for j in range(i)])
    precision, values = found.covariance.precision(contrasts), contrasts @ found.theta
    for alpha in (0.5, 0.05, 0.001):
        outside = np.abs(values) > precision.half_widths(alpha)
        np.testing.assert_array_equal(precision.p_values(values) < alpha, outside)


def test_bootstrap_and_sandwich_agree() -> None:
    votes = drawn_votes()
    found = estimate_pairs(votes, SymmetricLink(5))
    contrast = np.eye(6)[:3]
    samples = bootstrap_pairs(votes, found, seed=3, resamples=400)
    # With independent votes the pigeonhole bootstrap overstates the variance by up to three (Owen, 2007).
    ratio = samples.errors(contrast) / found.covariance.precision(contrast).naive
    assert ((ratio > 1.0) & (ratio < 2.2)).all()
    again = bootstrap_pairs(votes, found, seed=3, resamples=400)
    np.testing.assert_array_equal(samples.theta, again.theta)


def test_separated_votes_are_penalised_and_labelled() -> None:
    votes = PairVotes(
        ("a", "b"),
        np.array([0, 1] * 10),
        np.array([1, 0] * 10),
        np.array([0, 1] * 10),
        np.arange(20) % 5,
        np.arange(20) % 4,
    )
    found = estimate_pairs(votes, DavidsonLink(has_ties=False))
    assert found.is_penalised
    assert np.isfinite(found.theta).all()
    # 10 wins of 10 to each side, and a quarter of a vote more for either outcome: log(10.125 / .125) each way.
    assert -found.theta[0] == pytest.approx(np.log(10.125 / 0.125), abs=1e-6)


def test_circles_make_the_deviance_large() -> None:
    straight = drawn_votes(outcomes=2)
    deviance, freedom, p = pair_deviance(estimate_pairs(straight, DavidsonLink(has_ties=False)))
    assert (freedom, p > 0.01, deviance < 12) == (3, True, True)
    first = np.repeat([0, 1, 2], 100)
    circle = PairVotes(
        tuple("abc"),
        first,
        (first + 1) % 3,
        (np.arange(300) % 5 == 0).astype(int),
        np.arange(300) % 20,
        np.arange(300) % 7,
    )
    found = estimate_pairs(circle, DavidsonLink(has_ties=False), has_side=False)
    np.testing.assert_allclose(found.theta, 0.0, atol=1e-8)
    deviance, freedom, p = pair_deviance(found)
    assert freedom == 1
    # 80 of 100 each: 2 * 300 * (.8 log .8 + .2 log .2 + log 2)
    assert deviance == pytest.approx(600 * (0.8 * np.log(0.8) + 0.2 * np.log(0.2) + np.log(2)), rel=1e-6)
    assert p < 1e-10


def test_preference_and_margin_are_inverse() -> None:
    for link, shape in ((SymmetricLink(5), np.array([0.4, 1.5])), (DavidsonLink(has_ties=True), np.array([-1.0]))):
        assert preference(link, shape, 0.0) == pytest.approx(0.5)
        assert preference(link, shape, margin_in_logits(link, shape, 0.05)) == pytest.approx(0.55)
    assert preference(DavidsonLink(has_ties=False), np.empty(0), np.log(3.0)) == pytest.approx(0.75)


def test_best_worst_logit_is_the_maximum() -> None:
    rng = np.random.default_rng(2)
    worth = np.array([0.0, 0.5, 1.0, 1.8])
    noisy = worth + rng.gumbel(size=(400, 4))
    votes = SetVotes(
        tuple("abcd"),
        np.ones((400, 4), bool),
        noisy.argmax(1),
        noisy.argmin(1),
        np.arange(400) % 20,
        np.arange(400) // 40,
    )

    def minus(theta: np.ndarray) -> float:
        value = np.concatenate([[0.0], theta])
        total = 0.0
        for best, worst in zip(votes.best, votes.worst, strict=True):
            left = np.delete(value, best)
            total += value[best] - np.log(np.exp(value).sum()) - value[worst] - np.log(np.exp(-left).sum())
        return -total

    best = minimize(minus, np.zeros(3), method="BFGS")
    np.testing.assert_allclose(estimate_sets(votes).theta, best.x, atol=1e-4)


def test_holm_as_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])


def test_ranks_that_comparisons_allow() -> None:
    better = np.zeros((3, 3), bool)
    better[0, 2] = True
    assert rank_ranges(better) == [(1, 2), (1, 3), (2, 3)]


def test_krippendorffs_own_example() -> None:
    """Four observers, twelve units, from "Computing Krippendorff's alpha-reliability" (2011),"""
    observers = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    unit, value = [], []
    for observer in observers:
        for number, digit in enumerate(observer):
            if digit != ".":
                unit.append(number)
                value.append(float(digit))
    for metric, expected in (("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)):
        assert krippendorff_alpha(np.array(unit), np.array(value), metric) == pytest.approx(expected, abs=6e-4)


def test_alpha_of_pairs_does_not_depend_on_which_one_is_called_the_first() -> None:
    """Three units, two raters. Coincidences ++ 2, -- 2, +- 1, -+ 1, so 1 - 5 * 2 / (2 * 3 * 3) for both orders.

    With the first unit turned round, alpha of the values as they are is 1 - 5 * 2 / (2 * 1 * 5) = 0.
    """
    unit = np.array([0, 0, 1, 1, 2, 2])
    value = np.array([1.0, 1.0, -1.0, -1.0, 1.0, -1.0])
    turned = np.where(unit == 0, -value, value)
    assert krippendorff_alpha(unit, turned) == pytest.approx(0.0, abs=1e-12)
    for each in (value, turned):
        assert krippendorff_alpha(unit, each, is_signed=True) == pytest.approx(1 - 10 / 18)
    rng = np.random.default_rng(4)
    unit, value = np.repeat(np.arange(20), 6), rng.integers(-2, 3, 120).astype(float)
    turned = np.where(unit % 3 == 0, -value, value)
    assert krippendorff_alpha(unit, turned, is_signed=True) == pytest.approx(
        krippendorff_alpha(unit, value, is_signed=True), rel=1e-12
    )
    assert krippendorff_alpha(unit, np.ones(120), is_signed=True) == pytest.approx(1.0)


def test_retest_as_by_hand() -> None:
    found = retest_agreement(np.array([2.0, 1.0, 0.0, -1.0]), np.array([2.0, 2.0, 1.0, 1.0]))
    assert found is not None
    assert (found.count, found.same, found.same_side) == (4, 0.25, 0.5)
    # Mean distance (0 + 0 + 1 + 2) / 4. In both orders the first votes are 3/8 for each side and 1/4 ties, and the
    # second ones 1/2 for each side: by chance 2 * (3/8 * 1/2 * 2) + 1/4.
    assert found.kappa == pytest.approx(1.0 - 0.75 / 1.0)
    turned = retest_agreement(np.array([-2.0, 1.0, 0.0, 1.0]), np.array([-2.0, 2.0, -1.0, -1.0]))
    assert turned == found


def test_correlations_of_pairs_do_not_depend_on_which_one_is_called_the_first() -> None:
    rng = np.random.default_rng(8)
    rater, item = np.divmod(np.arange(60), 12)
    score = np.sign(0.8 + rng.normal(size=12)[item] + rng.normal(size=60))
    turned = np.where(item % 3 == 0, -score, score)
    found = rater_correlations(item, rater, score, is_signed=True)
    np.testing.assert_allclose(rater_correlations(item, rater, turned, is_signed=True), found, atol=1e-12)
    assert not np.allclose(rater_correlations(item, rater, turned), rater_correlations(item, rater, score), atol=0.05)
    # Pearson's correlation of both orders of each item.
    own, others = score[rater == 2], (np.bincount(item, score) - score[rater == 2]) / 4
    expected = np.corrcoef(np.concatenate([own, -own]), np.concatenate([others, -others]))[0, 1]
    assert found[2] == pytest.approx(expected)


def test_rater_model_finds_bias_and_inconsistency() -> None:
    rng = np.random.default_rng(6)
    quality, bias, noise = rng.normal(size=200), rng.normal(0, 0.5, 12), np.linspace(0.2, 1.2, 12)
    rater, item = np.divmod(np.arange(2400), 200)
    score = quality[item] + bias[rater] + noise[rater] * rng.normal(size=2400)
    found = fit_rater_model(item, rater, score)
    np.testing.assert_allclose(found.bias, bias - bias.mean(), atol=0.25)
    np.testing.assert_allclose(found.inconsistency, noise, rtol=0.25)
    assert np.corrcoef(found.quality, quality)[0, 1] > 0.97


def test_random_raters_do_not_correlate() -> None:
    rng = np.random.default_rng(7)
    rater, item = np.divmod(np.arange(300), 30)
    score = rng.normal(size=30)[item] + 0.3 * rng.normal(size=300)
    score[rater == 4] = rng.normal(size=30)
    found = rater_correlations(item, rater, score)
    assert np.delete(found, 4).min() > 0.8
    assert abs(found[4]) < 0.5


def test_sliders_are_centred_on_their_page() -> None:
    score = np.array([10.0, 30.0, 50.0, 90.0])
    np.testing.assert_allclose(centred_scores(score, np.array([0, 0, 1, 1])), [35.0, 55.0, 25.0, 65.0])
    assert fails_hidden_reference(np.array([100.0, 80.0, 95.0]), 90.0)
    assert not fails_hidden_reference(np.array([100.0, 92.0]), 90.0)
