# SPDX-License-Identifier: Apache-2.0
"""Diagnostics of raters after ITU-T P.910: correlation with the others, bias and inconsistency.

Source of the model: Z. Li, C. G. Bampis, L. Janowski and I. Katsavounidis, "A simple model for subject behavior in
subjective experiments" (2020), which P.910 adopted.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .pair_tables import Floats, Ints

SMALLEST_SPREAD: Final = 1e-12
"""Below it, scores that are equal differ by rounding."""


@dataclass(frozen=True)
class RaterModel:
    """The model u = quality(item) + bias(rater) + noise(rater) of P.910.

    Attributes:
        quality: (items,).
        bias: Offset of each rater, mean 0, (raters,).
        inconsistency: Standard deviation of each rater, (raters,).
    """

    quality: Floats
    bias: Floats
    inconsistency: Floats


def fit_rater_model(item: Ints, rater: Ints, score: Floats, *, steps: int = 1000) -> RaterModel:
    """Estimate quality, bias and inconsistency in turn until they no longer change.

    The likelihood has no maximum: it grows without limit where one rater's noise goes to 0. So each squared residual is
    divided by its expected share (1 - leverage), which makes the estimates of noise unbiased and that place unstable.

    Args:
        item: Index of what was scored, (N,).
        rater: Index of the rater, (N,).
        score: (N,).
        steps: Most iterations.
    """
    items, raters = int(item.max()) + 1, int(rater.max()) + 1
    per_rater = np.maximum(np.bincount(rater, minlength=raters), 1)
    per_item = np.bincount(item, minlength=items)
    quality = np.bincount(item, score, minlength=items) / np.maximum(per_item, 1)
    is_shared = per_item[item] > 1
    shared = np.maximum(np.bincount(rater[is_shared], minlength=raters), 1)
    bias, noise = np.zeros(raters), np.ones(raters)
    for _ in range(steps):
        before = noise
        bias = np.bincount(rater, score - quality[item], minlength=raters) / per_rater
        weight = 1.0 / np.maximum(noise, 1e-3)[rater] ** 2
        total = np.bincount(item, weight, minlength=items)
        quality = np.bincount(item, weight * (score - bias[rater]), minlength=items) / np.maximum(total, 1e-300)
        residual = score - quality[item] - bias[rater]
        kept = np.maximum(1.0 - weight / total[item], 1e-9)
        square = np.where(is_shared, residual**2 / kept, 0.0)
        noise = np.sqrt(np.bincount(rater, square, minlength=raters) / shared)
        if np.abs(noise - before).max() < 1e-9:
            break
    shift = bias.mean()
    return RaterModel(quality + shift, bias - shift, noise)


def rater_correlations(item: Ints, rater: Ints, score: Floats, *, is_signed: bool = False) -> Floats:
    """Correlate every rater with the mean of the others.

    Which of two films a comparison calls the first is arbitrary. For such scores both orders of each item count, so
    that the means are 0.

    Args:
        item: Index of what was scored, (N,).
        rater: Index of the rater, (N,).
        score: (N,).
        is_signed: Whether the scores of an item may all have the other sign as well.

    Returns:
        Pearson's correlation by rater, (raters,); NaN with fewer than three common items or without variance.
    """
    items, raters = int(item.max()) + 1, int(rater.max()) + 1
    total = np.bincount(item, score, minlength=items)
    count = np.bincount(item, minlength=items)
    found = np.full(raters, np.nan)
    for index in range(raters):
        mine = rater == index
        own, mine_count = (
            np.bincount(item[mine], score[mine], minlength=items),
            np.bincount(item[mine], minlength=items),
        )
        common = (mine_count > 0) & (count > mine_count)
        if common.sum() < 3:
            continue
        x = own[common] / mine_count[common]
        y = (total - own)[common] / (count - mine_count)[common]
        if not is_signed:
            x, y = x - x.mean(), y - y.mean()
        spread = float(np.sqrt((x @ x) * (y @ y)))
        if spread > SMALLEST_SPREAD:
            found[index] = float(x @ y) / spread
    return found
