# SPDX-License-Identifier: Apache-2.0
"""The raters-by-songs bootstrap: raters and songs are drawn with replacement, and a vote counts with the product.

Source: A. B. Owen, Annals of Applied Statistics 1 (2007), "The pigeonhole bootstrap".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .pair_estimates import PairEstimate, both_ways, with_pseudo_votes
from .pair_tables import Floats, Ints, PairVotes, cells_of, count_tables, fit_tables, pair_design

RESAMPLES: Final = 2000


@dataclass(frozen=True)
class BootstrapSamples:
    """Estimates of resampled votes.

    Attributes:
        theta: Estimates, (B, P).
        seed: Seed of the draws.
        separated: Number of resamples with pseudo-votes.
    """

    theta: Floats
    seed: int
    separated: int

    def errors(self, contrasts: Floats) -> Floats:
        """Return standard errors of contrasts (M, P)."""
        return np.std(self.theta @ contrasts.T, axis=0, ddof=1)

    def intervals(self, contrasts: Floats, alpha: float) -> Floats:
        """Return percentile intervals of contrasts (M, P), as (M, 2)."""
        return np.quantile(self.theta @ contrasts.T, [0.5 * alpha, 1.0 - 0.5 * alpha], axis=0).T

    def simultaneous_quantile(self, contrasts: Floats, estimate: Floats, alpha: float) -> float:
        """Return the 1 - alpha quantile of the largest |t| over all contrasts (M, P)."""
        values = self.theta @ contrasts.T - contrasts @ estimate
        errors = np.maximum(self.errors(contrasts), 1e-12)
        return float(np.quantile(np.abs(values / errors).max(axis=1), 1.0 - alpha))


def resampling_weights(rater: Ints, song: Ints, resamples: int, rng: np.random.Generator) -> Floats:
    """Draw the weight of every vote in every resample, (B, N)."""
    _, raters = np.unique(rater, return_inverse=True)
    _, songs = np.unique(song, return_inverse=True)
    n_raters, n_songs = int(raters.max()) + 1, int(songs.max()) + 1
    drawn_raters = rng.multinomial(n_raters, np.full(n_raters, 1.0 / n_raters), size=resamples)
    drawn_songs = rng.multinomial(n_songs, np.full(n_songs, 1.0 / n_songs), size=resamples)
    return (drawn_raters[:, raters] * drawn_songs[:, songs]).astype(float)


def bootstrap_pairs(
    votes: PairVotes, estimate: PairEstimate, *, seed: int, resamples: int = RESAMPLES
) -> BootstrapSamples:
    """Fit the model of an estimate to resampled votes.

    Args:
        votes: The votes.
        estimate: Their estimate.
        seed: Seed of the draws.
        resamples: Number of resamples.
    """
    rng = np.random.default_rng(seed)
    link, has_side = estimate.link, estimate.design.has_side
    cells, cell = cells_of(votes)
    design = pair_design(cells, len(votes.systems), estimate.reference, has_side=has_side)
    tables = np.concatenate(
        [
            count_tables(
                cell,
                votes.outcome,
                resampling_weights(votes.rater, votes.song, min(200, resamples - first), rng),
                len(cells),
                link.outcomes,
            )
            for first in range(0, resamples, 200)
        ]
    )
    fitted = fit_tables(link, design, tables, None if estimate.is_penalised else estimate.theta)
    theta, bad = fitted.theta, np.flatnonzero(~fitted.converged)
    if len(bad):
        doubled = pair_design(both_ways(cells), len(votes.systems), estimate.reference, has_side=has_side)
        theta[bad] = fit_tables(link, doubled, with_pseudo_votes(tables[bad], cells)).theta
    return BootstrapSamples(theta, seed, len(bad))
