# SPDX-License-Identifier: Apache-2.0
"""Standard errors for votes that share raters and songs.

Source: A. C. Cameron, J. B. Gelbach and D. L. Miller, Journal of Business and Economic Statistics 29 (2011).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

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

    def variances(self, contrasts: Floats) -> tuple[Floats, tuple[str, ...]]:
        """Return the variance of contrasts.

        Args:
            contrasts: (M, P).

        Returns:
            The largest of the two-way, one-way and naive variances, (M,), and the source of each: ``two-way``,
            ``rater``, ``song`` or ``naive``.
        """
        names = ("two-way", "rater", "song", "naive")
        each = np.stack(
            [np.einsum("mp,pq,mq->m", contrasts, v, contrasts) for v in (self.both, self.rater, self.song, self.naive)]
        )
        best = each.argmax(axis=0)
        return each[best, np.arange(len(contrasts))], tuple(names[k] for k in best)

    def quantile(self, alpha: float) -> float:
        """Return the two-sided critical value of t."""
        return float(student.ppf(1.0 - 0.5 * alpha, self.freedom))


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
