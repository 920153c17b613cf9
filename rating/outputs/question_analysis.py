# SPDX-License-Identifier: Apache-2.0
"""The analysis of one question: estimates, comparisons and second and third opinions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
import math
from typing import Any, Final

import numpy as np

from ..design.rating_plan import connected_groups
from ..records import RatingPlan
from ..statistics.agreement import krippendorff_alpha
from ..statistics.best_worst import bootstrap_sets, estimate_sets
from ..statistics.cluster_robust import Precision, RobustCovariance
from ..statistics.davidson import DavidsonLink
from ..statistics.exclusions import direction
from ..statistics.mean_scores import ScoreVotes, bootstrap_means, estimate_means
from ..statistics.mismatch import estimate_mismatch
from ..statistics.multiple_comparisons import holm, rank_ranges
from ..statistics.pair_estimates import estimate_pairs, link_for
from ..statistics.pair_fit import margin_in_logits, pair_deviance, preference
from ..statistics.pair_tables import Floats
from ..statistics.two_way_bootstrap import RESAMPLES, BootstrapSamples, bootstrap_pairs
from ..statistics.vote_tables import (
    indices,
    mismatch_votes,
    pair_votes,
    scale_items,
    score_votes,
    set_votes,
    shown_systems,
)
from ..vote_records import Vote
from .mixed_opinion import mixed_pairs, mixed_scores
from .results import ComparisonRow, QuestionResult, SecondOpinion, SystemRow

ELO_PER_LOGIT: Final = 400.0 / math.log(10.0)
MODELS: Final = {
    5: "cumulative logit model of paired comparisons with thresholds symmetric about 0",
    3: "Davidson's model of paired comparisons with ties",
    2: "Bradley-Terry model",
}


@dataclass(frozen=True)
class AnalysisOptions:
    """How thorough the analysis is.

    Attributes:
        resamples: Of the bootstrap; 0 leaves it out.
        has_mixed_model: Whether to fit the mixed model where there are enough songs.
    """

    resamples: int = RESAMPLES
    has_mixed_model: bool = True


@dataclass(frozen=True)
class _Scale:
    """Values of systems as linear functions of estimates, however they were estimated."""

    systems: tuple[str, ...]
    theta: Floats
    to_values: Floats
    covariance: RobustCovariance
    kind: str
    reference: str = ""
    shape: tuple[Any, Floats] | None = None
    samples: BootstrapSamples | None = None
    details: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def analyse_question(
    plan: RatingPlan, question: str, votes: Sequence[Vote], raters: dict[str, str], options: AnalysisOptions
) -> list[QuestionResult]:
    """Analyse the main votes of a question.

    Args:
        plan: The plan.
        question: Its id.
        votes: Main votes of the question that count.
        raters: Whom the votes of a session are of.
        options: How thorough the analysis is.

    Returns:
        One result, or one for each group of systems that were compared with each other.
    """
    systems = scale_items(plan, votes)
    if plan.design in ("acr", "sliders", "mismatch"):
        return [_result(plan, question, votes, raters, systems, options, ())]
    place = {name: number for number, name in enumerate(systems)}
    groups = connected_groups(len(systems), [tuple(place[n] for n in shown_systems(plan, vote)) for vote in votes])
    if len(groups) == 1:
        return [_result(plan, question, votes, raters, systems, options, ())]
    named = [tuple(systems[index] for index in group) for group in groups]
    notice = (
        "No vote compares systems of different groups, so there is no common scale; each group is ranked by itself: "
        + "; ".join(", ".join(group) for group in named) + "."
    )  # fmt: skip
    return [
        _result(plan, question, [vote for vote in votes if set(shown_systems(plan, vote)) <= set(group)], raters, group,
                options, (notice,))
        for group in named
        if len(group) > 1
    ]  # fmt: skip


def _result(
    plan: RatingPlan,
    question: str,
    votes: Sequence[Vote],
    raters: dict[str, str],
    systems: tuple[str, ...],
    options: AnalysisOptions,
    notices: tuple[str, ...],
) -> QuestionResult:
    scale = _estimate(plan, votes, raters, systems, options)
    contrasts, pairs = _contrasts(plan, scale)
    precision = scale.covariance.precision(contrasts)
    comparisons = _comparisons(plan, scale, contrasts, pairs, precision)
    rows = _rows(plan, votes, scale)
    third = None
    if options.has_mixed_model and len(plan.songs) >= 8:
        if plan.design == "pair":
            third = mixed_pairs(pair_votes(plan, votes, raters, scale.systems), scale.reference, plan.points)
        elif plan.design == "acr":
            third = mixed_scores(score_votes(plan, votes, raters))
    said = [*notices, *scale.notices]
    said += _variance_notices(precision.sources(plan.analysis.alpha))
    if third is not None and not third.same_order:
        said.append("The mixed model orders the systems differently; the order is not certain.")
    details = scale.details | _agreement(plan, votes)
    return QuestionResult(
        question=question,
        model=_model_name(plan),
        scale=scale.kind,
        reference=scale.reference,
        votes=len(votes),
        raters=scale.covariance.rater_count,
        songs=scale.covariance.song_count,
        systems=_ranked(rows, comparisons),
        comparisons=comparisons,
        freedom=scale.covariance.freedom,
        second=_second(plan, scale, contrasts),
        third=third,
        details=details,
        notices=said,
    )


def _variance_notices(sources: tuple[str, ...]) -> list[str]:
    """Say which comparisons have another variance than the two-way one."""
    one_way = sum(source in ("raters", "songs") for source in sources)
    independent = sources.count("independent")
    notices = []
    if one_way:
        notices.append(
            f"{one_way} of {len(sources)} comparisons: the two-way variance was not positive or below both "
            "one-way variances, so the larger one-way variance is used."
        )
    if independent:
        notices.append(
            f"{independent} of {len(sources)} comparisons: the interval of independent votes is wider than that of "
            "dependent ones, and is used."
        )
    return notices


def _model_name(plan: RatingPlan) -> str:
    return {
        "pair": MODELS[plan.points],
        "best-worst": "sequential best-worst logit model",
        "acr": "mean opinion scores",
        "sliders": "mean slider scores, centred on each page",
        "mismatch": "share of decided votes for the right music",
    }[plan.design]


def _estimate(
    plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str], systems: tuple[str, ...], options: AnalysisOptions
) -> _Scale:
    seed, count = plan.analysis.seed, options.resamples
    reference = plan.analysis.reference if plan.analysis.reference in systems else systems[0]
    number = systems.index(reference)
    if plan.design == "pair":
        return _pair_scale(plan, votes, raters, systems, count)
    if plan.design == "best-worst":
        table = set_votes(plan, votes, raters, systems)
        sets = estimate_sets(table, reference=number)
        samples = bootstrap_sets(table, sets, seed=seed, resamples=min(count, SET_RESAMPLES)) if count else None
        notices: tuple[str, ...] = (SEPARATION_NOTICE,) if sets.is_penalised else ()
        if count > SET_RESAMPLES:
            notices += (f"The bootstrap of sets has {SET_RESAMPLES} resamples instead of {count}: each takes long.",)
        shape = (DavidsonLink(has_ties=False), np.empty(0))
        return _Scale(
            systems, sets.theta, sets.to_worths, sets.covariance, "logit", reference, shape, samples,
            details={"log_likelihood": sets.log_likelihood}, notices=notices,
        )  # fmt: skip
    if plan.design == "mismatch":
        found = estimate_mismatch(*mismatch_votes(plan, votes, raters))
        mean = found.share
        scores, kind = found.votes, "share"
        details: dict[str, Any] = {"ties": dict(zip(mean.systems, found.ties.tolist(), strict=True))}
    else:
        scores = score_votes(plan, votes, raters)
        mean, kind, details = estimate_means(scores), "score", {}
    samples = bootstrap_means(scores, seed=seed, resamples=count) if count else None
    identity = np.eye(len(mean.systems))
    return _Scale(
        mean.systems, mean.theta, identity, mean.covariance, kind, "", None, samples, details | _sds(scores)
    )  # fmt: skip


SET_RESAMPLES: Final = 500
SEPARATION_NOTICE: Final = (
    "The votes are separated (a system won or lost all), so estimates would be infinite; half a pseudo-vote for each "
    "pair was added, and values are labelled as penalised."
)


def _pair_scale(
    plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str], systems: tuple[str, ...], resamples: int
) -> _Scale:
    reference = plan.analysis.reference if plan.analysis.reference in systems else systems[0]
    table = pair_votes(plan, votes, raters, systems)
    link = link_for(plan.points)
    pairs = estimate_pairs(table, link, reference=systems.index(reference))
    samples = bootstrap_pairs(table, pairs, seed=plan.analysis.seed, resamples=resamples) if resamples else None
    deviance, freedom, p = pair_deviance(pairs)
    side = pairs.side or (math.nan, math.nan)
    details = {
        "side_bias": side[0],
        "side_bias_error": side[1],
        "first_share": float(np.mean([vote.answer < 0 for vote in votes if vote.answer != 0] or [math.nan])),
        "tie_share": float(np.mean([vote.answer == 0 for vote in votes])),
        "shape": pairs.shape.tolist(),
        "log_likelihood": pairs.log_likelihood,
        "deviance": deviance,
        "deviance_freedom": freedom,
        "deviance_p": p,
        "is_penalised": pairs.is_penalised,
    }
    notices = [SEPARATION_NOTICE] if pairs.is_penalised else []
    if samples is not None and samples.separated:
        notices.append(f"{samples.separated} of {resamples} resamples were separated and penalised.")
    return _Scale(
        systems, pairs.theta, pairs.to_worths, pairs.covariance, "logit", reference, (link, pairs.shape), samples,
        details=details, notices=tuple(notices),
    )  # fmt: skip


def _contrasts(plan: RatingPlan, scale: _Scale) -> tuple[Floats, list[tuple[int, int]]]:
    """Return the planned comparisons, higher value first."""
    order = np.argsort(-(scale.to_values @ scale.theta), kind="stable")
    pairs = [(int(i), int(j)) for i, j in combinations(order, 2)]
    name = plan.analysis.reference
    if plan.analysis.comparisons == "reference" and name in scale.systems:
        number = scale.systems.index(name)
        pairs = [pair for pair in pairs if number in pair]
    contrasts = [scale.to_values[i] - scale.to_values[j] for i, j in pairs]
    # One system alone has no comparison.
    return np.array(contrasts, np.float64).reshape(len(pairs), scale.to_values.shape[1]), pairs


def _comparisons(
    plan: RatingPlan, scale: _Scale, contrasts: Floats, pairs: list[tuple[int, int]], precision: Precision
) -> list[ComparisonRow]:
    alpha, margin = plan.analysis.alpha, plan.analysis.margin
    difference = contrasts @ scale.theta
    half, errors, sources = precision.half_widths(alpha), precision.errors(alpha), precision.sources(alpha)
    p = precision.p_values(difference)
    adjusted = holm(p)
    equal = np.full(len(pairs), math.nan)
    if scale.shape is not None:
        equal = holm(precision.equivalence_p(difference, margin_in_logits(*scale.shape, margin)))
    rows = []
    for n, (i, j) in enumerate(pairs):
        low, high = difference[n] - half[n], difference[n] + half[n]
        chance, chance_low, chance_high = (
            None if scale.shape is None else preference(*scale.shape, float(value))
            for value in (difference[n], low, high)
        )
        verdict = "undecided"
        if adjusted[n] < alpha:
            verdict = "first" if difference[n] > 0 else "second"
        elif equal[n] < alpha:
            verdict = "equal"
        rows.append(
            ComparisonRow(
                scale.systems[i],
                scale.systems[j],
                float(difference[n]),
                float(errors[n]),
                float(low),
                float(high),
                float(p[n]),
                float(adjusted[n]),
                sources[n],
                chance,
                chance_low,
                chance_high,
                None if math.isnan(equal[n]) else float(equal[n]),
                verdict,
            )
        )
    return rows


def _rows(plan: RatingPlan, votes: Sequence[Vote], scale: _Scale) -> list[SystemRow]:
    precision = scale.covariance.precision(scale.to_values)
    half, errors = precision.half_widths(plan.analysis.alpha), precision.errors(plan.analysis.alpha)
    values = scale.to_values @ scale.theta
    least, most = (0.0, 1.0) if scale.kind == "share" else (-math.inf, math.inf)
    shown = [name for vote in votes for name in dict.fromkeys(shown_systems(plan, vote))]
    return [
        SystemRow(
            system=name,
            votes=shown.count(name),
            value=float(values[n]),
            error=float(errors[n]),
            low=max(least, float(values[n] - half[n])),
            high=min(most, float(values[n] + half[n])),
            elo=float(ELO_PER_LOGIT * values[n]) if scale.kind == "logit" else None,
            best_rank=1,
            worst_rank=len(scale.systems),
        )
        for n, name in enumerate(scale.systems)
    ]


def _ranked(rows: list[SystemRow], comparisons: list[ComparisonRow]) -> list[SystemRow]:
    """Add the ranges of ranks, and sort."""
    place = {row.system: number for number, row in enumerate(rows)}
    better = np.zeros((len(rows), len(rows)), dtype=bool)
    for entry in comparisons:
        if entry.verdict in ("first", "second"):
            first, second = place[entry.first], place[entry.second]
            better[(first, second) if entry.verdict == "first" else (second, first)] = True
    ranks = rank_ranges(better)
    found = [replace(row, best_rank=best, worst_rank=worst) for row, (best, worst) in zip(rows, ranks, strict=True)]
    return sorted(found, key=lambda row: -row.value)


def _second(plan: RatingPlan, scale: _Scale, contrasts: Floats) -> SecondOpinion | None:
    samples = scale.samples
    if samples is None or not len(contrasts):
        return None
    alpha = plan.analysis.alpha
    center = contrasts @ scale.theta
    half = samples.simultaneous_quantile(contrasts, scale.theta, alpha) * samples.errors(contrasts)
    return SecondOpinion(
        resamples=len(samples.theta),
        seed=samples.seed,
        separated=samples.separated,
        intervals=samples.intervals(contrasts, alpha).tolist(),
        simultaneous=np.stack([center - half, center + half], axis=1).tolist(),
    )


def _agreement(plan: RatingPlan, votes: Sequence[Vote]) -> dict[str, Any]:
    if plan.design in ("pair", "mismatch"):
        unit = indices([tuple(sorted(vote.clips)) for vote in votes])
        directions = np.array([direction(vote) for vote in votes])
        return {"krippendorff_alpha": krippendorff_alpha(unit, directions, is_signed=True)}
    if plan.design == "acr":
        unit = indices([vote.clips[0] for vote in votes])
        return {"krippendorff_alpha": krippendorff_alpha(unit, np.array([float(vote.answer) for vote in votes]))}
    return {}


def _sds(votes: ScoreVotes) -> dict[str, float]:
    """Return the spread of raters' and songs' means of the residuals, corrected for noise."""
    residual = votes.score - (np.bincount(votes.system, votes.score) / np.bincount(votes.system))[votes.system]
    found = {}
    for name, cluster in (("sd_raters", votes.rater), ("sd_songs", votes.song)):
        count = np.bincount(cluster)
        means = np.bincount(cluster, residual) / count
        spread = float(means.var(ddof=1)) - float(residual.var() * np.mean(1.0 / count)) if len(means) > 1 else 0.0
        found[name] = math.sqrt(max(0.0, spread))
    return found
