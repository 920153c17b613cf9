# SPDX-License-Identifier: Apache-2.0
"""The third opinion: mixed models with crossed raters and songs."""

from itertools import pairwise
import math

import numpy as np

from ..statistics.cumulative_link import fit_cumulative_link
from ..statistics.mean_scores import ScoreVotes, estimate_means
from ..statistics.mixed_model import MixedFit, OrderedFamily, PairFamily, fit_mixed, indicator
from ..statistics.pair_estimates import estimate_pairs, link_for
from ..statistics.pair_tables import Floats, PairVotes
from .results import ThirdOpinion

MOST_LEVELS = 4000
"""Random effects up to which the model is fitted; its cost grows with the cube."""


def mixed_pairs(votes: PairVotes, reference: str, points: int) -> ThirdOpinion | None:
    """Fit the pairwise model with random worths of every system by rater and by song.

    Args:
        votes: The votes.
        reference: The system whose worth is 0.
        points: Number of answers.
    """
    count, number = len(votes.systems), votes.systems.index(reference)
    raters, songs = int(votes.rater.max()) + 1, int(votes.song.max()) + 1
    if (raters + songs) * count > MOST_LEVELS:
        return None
    link = link_for(points)
    plain = estimate_pairs(votes, link, reference=number)
    linear = plain.design.columns.shape[1]
    columns = np.zeros((len(votes.first), linear))
    unit = np.delete(np.eye(count), number, axis=1)
    columns[:, : count - 1] = unit[votes.first] - unit[votes.second]
    columns[:, count - 1 :] = 1.0
    terms = [
        indicator(cluster * count + votes.first, columns=width * count)
        - indicator(cluster * count + votes.second, columns=width * count)
        for cluster, width in ((votes.rater, raters), (votes.song, songs))
    ]
    shape = plain.shape
    if points == 5:
        shape = np.log(np.diff(shape, prepend=0.0))
    family = PairFamily(votes.outcome, link, has_thresholds=points == 5)
    fitted = fit_mixed(family, columns, terms, np.concatenate([shape, plain.theta[:linear]]))
    others = [name for name in votes.systems if name != reference]
    return _opinion(fitted, reference, others, ("rater:system", "song:system"), plain.worths, votes.systems)


def mixed_scores(votes: ScoreVotes) -> ThirdOpinion | None:
    """Fit the cumulative logit model of ACR scores with raters, songs, and their interactions with systems."""
    count = len(votes.systems)
    raters, songs = int(votes.rater.max()) + 1, int(votes.song.max()) + 1
    if (raters + songs) * (count + 1) > MOST_LEVELS or count < 2:
        return None
    levels, outcome = np.unique(votes.score, return_inverse=True)
    columns = np.eye(count)[votes.system][:, 1:]
    plain = fit_cumulative_link(outcome, columns, len(levels))
    start = np.concatenate([plain.thresholds[:1], np.log(np.diff(plain.thresholds)), plain.beta])
    terms = [
        indicator(votes.rater),
        indicator(votes.song),
        indicator(votes.rater * count + votes.system, columns=raters * count),
        indicator(votes.song * count + votes.system, columns=songs * count),
    ]
    fitted = fit_mixed(OrderedFamily(outcome, len(levels) - 1), columns, terms, start)
    names = ("rater", "song", "rater:system", "song:system")
    means = estimate_means(votes).theta
    return _opinion(fitted, votes.systems[0], list(votes.systems[1:]), names, means, votes.systems)


def _opinion(
    fitted: MixedFit,
    reference: str,
    others: list[str],
    names: tuple[str, ...],
    primary: Floats,
    systems: tuple[str, ...],
) -> ThirdOpinion:
    values = {reference: 0.0} | {name: float(fitted.beta[n]) for n, name in enumerate(others)}
    errors = {reference: 0.0} | {name: float(fitted.errors[n]) for n, name in enumerate(others)}
    order = [systems[n] for n in np.argsort(-primary, kind="stable")]
    same = all(values[one] >= values[other] for one, other in pairwise(order))
    return ThirdOpinion(
        values=values,
        errors={name: value if math.isfinite(value) else 0.0 for name, value in errors.items()},
        sds=dict(zip(names, fitted.sds.tolist(), strict=True)),
        log_likelihood=fitted.log_likelihood,
        is_converged=fitted.is_converged,
        same_order=same,
    )
