# SPDX-License-Identifier: Apache-2.0
"""Standard errors for votes that share raters and songs.

Source: A. C. Cameron, J. B. Gelbach and D. L. Miller, Journal of Business and Economic Statistics 29 (2011).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t as student

from .pair_tables import Floats, Ints


@dataclass(frozen=True)
class RobustCovariance:
    """Covariance matrices of the same estimates under different assumptions, each (P, P).

    Attributes:
        naive: All votes independent.
        rater: Votes of one rater dependent.
        song: Votes on one song dependent.
        both: Both: rater + song - rater and song; may be indefinite.
        rater_count: Number of raters.
        song_count: Number of songs.
    """

    naive: Floats
    rater: Floats
    song: Floats
    both: Floats
    rater_count: int
    song_count: int

    @property
    def freedom(self) -> int:
        """Degrees of freedom of t: the smaller number of clusters, less one."""
        return max(1, min(self.rater_count, self.song_count) - 1)

    def precision(self, contrasts: Floats) -> "Precision":
        """Return the precision of contrasts (M, P) of the estimates.

        The two-way variance is used where it is positive and not below both one-way variances, otherwise the larger
        one-way variance.
        """
        rater, song, both, naive = (
            np.einsum("mp,pq,mq->m", contrasts, each, contrasts)
            for each in (self.rater, self.song, self.both, self.naive)
        )
        is_usable = (both > 0.0) & (both >= np.minimum(rater, song))
        clustered = np.where(is_usable, both, np.maximum(rater, song))
        one_way = np.where(rater >= song, "raters", "songs")
        sources = np.where(is_usable, "two-way", one_way)
        return Precision(np.sqrt(clustered), np.sqrt(naive), self.freedom, tuple(sources.tolist()))


@dataclass(frozen=True)
class Precision:
    """Precision of M contrasts.

    Intervals use t with the clusters' degrees of freedom, but are never narrower than those of independent votes.

    Attributes:
        clustered: Standard errors with dependent votes, (M,).
        naive: Standard errors with independent votes, (M,).
        freedom: Degrees of freedom of t.
        cluster_sources: Where each clustered error is from: ``two-way``, ``raters`` or ``songs``.
    """

    clustered: Floats
    naive: Floats
    freedom: int
    cluster_sources: tuple[str, ...]

    def errors(self, alpha: float) -> Floats:
        """Return the standard errors that the 1 - alpha intervals are made of, (M,)."""
        return np.where(self._is_independent(alpha), self.naive, self.clustered)

    def sources(self, alpha: float) -> tuple[str, ...]:
        """Return where these are from: as ``cluster_sources``, or ``independent``, whose quantiles are the normal's."""
        pairs = zip(self._is_independent(alpha).tolist(), self.cluster_sources, strict=True)
        return tuple("independent" if is_independent else source for is_independent, source in pairs)

    def _is_independent(self, alpha: float) -> NDArray[np.bool_]:
        level = 1.0 - 0.5 * alpha
        return np.asarray(norm.ppf(level) * self.naive > student.ppf(level, self.freedom) * self.clustered)

    def half_widths(self, alpha: float) -> Floats:
        """Return half the widths of the 1 - alpha intervals, (M,)."""
        level = 1.0 - 0.5 * alpha
        return np.maximum(student.ppf(level, self.freedom) * self.clustered, norm.ppf(level) * self.naive)

    def p_values(self, estimates: Floats) -> Floats:
        """Return two-sided p values against 0, (M,): the larger of those with dependent and with independent votes.

        p < alpha exactly where the interval leaves out 0.
        """
        size = np.abs(estimates)
        with np.errstate(divide="ignore", invalid="ignore"):
            p = np.maximum(2.0 * student.sf(size / self.clustered, self.freedom), 2.0 * norm.sf(size / self.naive))
        return np.where(np.isfinite(p), p, 1.0)

    def equivalence_p(self, estimates: Floats, margin: Floats | float) -> Floats:
        """Return p values of two one-sided tests (Schuirmann, 1987): small where a value is within the margin."""
        one_sided = []
        for distance in (margin + estimates, margin - estimates):
            with np.errstate(divide="ignore", invalid="ignore"):
                tails = student.sf(distance / self.clustered, self.freedom), norm.sf(distance / self.naive)
            one_sided.append(np.maximum(*tails))
        return np.maximum(*one_sided)


def cluster_covariance(scores: Floats, bread: Floats, rater: Ints, song: Ints) -> RobustCovariance:
    """Compute the covariance of estimates from the votes' scores.

    Args:
        scores: Gradient of every vote's log-likelihood (or estimating function), (N, P).
        bread: Inverse of the information, (P, P).
        rater: Index of the rater, (N,).
        song: Index of the song, (N,).
    """
    by_rater, raters = _meat(scores, rater)
    by_song, songs = _meat(scores, song)
    by_both, _ = _meat(scores, rater * (int(song.max(initial=0)) + 1) + song)
    wrapped = [bread @ meat @ bread for meat in (by_rater, by_song, by_both)]
    return RobustCovariance(bread, wrapped[0], wrapped[1], wrapped[0] + wrapped[1] - wrapped[2], raters, songs)


def cluster_sums(scores: Floats, cluster: Ints) -> Floats:
    """Sum scores (N, P) over clusters (N,), giving (G, P)."""
    _, index = np.unique(cluster, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    return np.add.reduceat(scores[order], starts, axis=0)


def _meat(scores: Floats, cluster: Ints) -> tuple[Floats, int]:
    sums = cluster_sums(scores, cluster)
    count = len(sums)
    return sums.T @ sums * (count / max(1, count - 1)), count
