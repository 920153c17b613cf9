# SPDX-License-Identifier: Apache-2.0
"""Fit of a pairwise model, and worths as probabilities of preference."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from .pair_estimates import PairEstimate
from .pair_tables import Floats, PairDesign, PairLink, fit_tables


def preference(link: PairLink, shape: Floats, eta: float) -> float:
    """Return P(the first is preferred | no tie) for a difference of worths."""
    p = np.exp(link.log_probabilities(np.array([[eta]]), shape[None]))[0, 0]
    half = link.outcomes // 2
    wins, losses = p[:half].sum(), p[-half:].sum()
    return float(wins / (wins + losses))


def margin_in_logits(link: PairLink, shape: Floats, margin: float) -> float:
    """Return the difference of worths whose preference is .5 + margin."""
    return float(brentq(lambda eta: preference(link, shape, eta) - 0.5 - margin, 0.0, 30.0))


def pair_deviance(estimate: PairEstimate) -> tuple[float, int, float]:
    """Compare the model with one that has a free difference for every pair of systems.

    A large deviance means circles: a beats b, b beats c, c beats a. The p value takes votes as independent, so it is
    too small where raters or songs differ.

    Args:
        estimate: The estimate.

    Returns:
        Deviance, its degrees of freedom, and the p value.
    """
    cells = np.sort(estimate.design.cells, axis=1)
    signs = np.where(estimate.design.cells[:, 0] == cells[:, 0], 1.0, -1.0)
    pairs, index = np.unique(cells, axis=0, return_inverse=True)
    columns = np.zeros((len(cells), len(pairs)))
    columns[np.arange(len(cells)), index.reshape(-1)] = signs
    design = estimate.design
    if design.has_side:
        columns = np.hstack([columns, np.ones((len(cells), 1))])
    free = fit_tables(estimate.link, PairDesign(design.cells, columns, design.has_side), estimate.counts[None])
    deviance = max(0.0, 2.0 * (float(free.log_likelihood[0]) - estimate.log_likelihood))
    freedom = len(pairs) - (len(estimate.systems) - 1)
    return deviance, freedom, float(chi2.sf(deviance, freedom)) if freedom > 0 else math.nan
