# SPDX-License-Identifier: Apache-2.0
"""Agreement between raters, and of raters with themselves.

Source: K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011).
"""

from dataclasses import dataclass

import numpy as np

from .pair_tables import Floats, Ints


def krippendorff_alpha(unit: Ints, value: Floats, metric: str = "ordinal", *, is_signed: bool = False) -> float:
    """Compute Krippendorff's alpha.

    Which of two films a comparison calls the first is arbitrary, and alpha depends on it: what chance would agree on
    depends on how often the first one wins. For such values the coincidences of both orders are averaged.

    Args:
        unit: What was rated, (N,); units with one value are passed over.
        value: The value given, (N,).
        metric: ``nominal``, ``ordinal`` or ``interval``.
        is_signed: Whether the values of a unit may all have the other sign as well.

    Returns:
        1 for perfect agreement, 0 for chance; NaN where no unit has two values, or all values are one.
    """
    value = np.asarray(value, np.float64)
    levels = np.unique(np.concatenate([value, -value]) if is_signed else value)
    code = np.searchsorted(levels, value)
    _, index = np.unique(unit, return_inverse=True)
    table = np.zeros((int(index.max(initial=-1)) + 1, len(levels)))
    np.add.at(table, (index, code), 1.0)
    table = table[table.sum(axis=1) > 1]
    if not len(table) or len(levels) < 2:
        return float("nan")
    sizes = table.sum(axis=1)
    pairs = np.einsum("uc,uk->uck", table, table) - np.einsum("uc,ck->uck", table, np.eye(len(levels)))
    coincidence = np.einsum("uck,u->ck", pairs, 1.0 / (sizes - 1.0))
    if is_signed:
        coincidence = 0.5 * (coincidence + coincidence[::-1, ::-1])
    marginal = coincidence.sum(axis=1)
    total = marginal.sum()
    distance = _distances(levels.astype(float), marginal, metric)
    expected = float((np.outer(marginal, marginal) * distance).sum())
    return 1.0 - (total - 1.0) * float((coincidence * distance).sum()) / expected if expected > 0 else float("nan")


def _distances(levels: Floats, marginal: Floats, metric: str) -> Floats:
    if metric == "nominal":
        return 1.0 - np.eye(len(levels))
    if metric == "interval":
        return np.square(levels[:, None] - levels[None, :])
    if metric != "ordinal":
        raise ValueError(f"unknown metric {metric!r}")
    middle = np.cumsum(marginal) - 0.5 * marginal
    return np.square(middle[:, None] - middle[None, :])


@dataclass(frozen=True)
class RetestAgreement:
    """Votes on repeated pages.

    Attributes:
        count: Repeated pages with both votes.
        same: Share with the same answer.
        same_side: Share with the same direction (better, tie, worse).
        kappa: Cohen's kappa of the directions, weighted linearly.
    """

    count: int
    same: float
    same_side: float
    kappa: float


def retest_agreement(first: Floats, second: Floats) -> RetestAgreement | None:
    """Compare votes with those on the repeats, both in the direction of the first; None without any.

    Kappa counts both orders of each pair, as ``krippendorff_alpha`` does for signed values.
    """
    if not len(first):
        return None
    one, other = np.sign(first), np.sign(second)
    levels = np.array([-1.0, 0.0, 1.0])
    observed = float(np.abs(one - other).mean())
    both_orders = (np.concatenate([one, -one]), np.concatenate([other, -other]))
    shares = [np.array([(signs == level).mean() for level in levels]) for signs in both_orders]
    chance = float((np.outer(*shares) * np.abs(levels[:, None] - levels)).sum())
    kappa = 1.0 - observed / chance if chance > 0 else float("nan")
    return RetestAgreement(len(first), float((first == second).mean()), float((one == other).mean()), kappa)
