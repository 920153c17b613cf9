# SPDX-License-Identifier: Apache-2.0
"""Mean scores of systems (MOS, sliders, shares) as estimates with two-way cluster-robust covariance."""

from dataclasses import dataclass

import numpy as np

from .cluster_robust import RobustCovariance, cluster_covariance
from .pair_tables import Floats, Ints
from .two_way_bootstrap import BootstrapSamples, resampling_weights


@dataclass(frozen=True)
class ScoreVotes:
    """Scores of single clips.

    Attributes:
        systems: Names of the systems.
        system: Index of the system, (N,).
        score: (N,).
        rater: Index of the rater, (N,).
        song: Index of the song, (N,).
    """

    systems: tuple[str, ...]
    system: Ints
    score: Floats
    rater: Ints
    song: Ints


@dataclass(frozen=True)
class MeanEstimate:
    """Means of the systems.

    Attributes:
        systems: Names.
        theta: Means, (S,).
        covariance: Of theta.
        counts: Scores of each system, (S,).
    """

    systems: tuple[str, ...]
    theta: Floats
    covariance: RobustCovariance
    counts: Ints


def estimate_means(votes: ScoreVotes) -> MeanEstimate:
    """Estimate the mean score of every system."""
    count = len(votes.systems)
    columns = np.eye(count)[votes.system]
    counts = np.bincount(votes.system, minlength=count)
    means = columns.T @ votes.score / counts
    residual = votes.score - means[votes.system]
    variance = float(residual @ residual) / max(1, len(residual) - count)
    # Scores and information of the normal model; the factor cancels in the sandwich.
    scores = columns * (residual / max(variance, 1e-300))[:, None]
    bread = np.diag(variance / counts)
    return MeanEstimate(votes.systems, means, cluster_covariance(scores, bread, votes.rater, votes.song), counts)


def bootstrap_means(votes: ScoreVotes, *, seed: int, resamples: int) -> BootstrapSamples:
    """Compute means of resampled raters and songs; a system that a resample lacks keeps its mean of all votes."""
    rng = np.random.default_rng(seed)
    columns = np.eye(len(votes.systems))[votes.system]
    parts = []
    for first in range(0, resamples, 200):
        weights = resampling_weights(votes.rater, votes.song, min(200, resamples - first), rng)
        total = weights @ columns
        sums = (weights * votes.score) @ columns
        parts.append(np.where(total > 0, sums / np.maximum(total, 1e-300), np.nan))
    theta = np.concatenate(parts)
    overall = columns.T @ votes.score / columns.sum(axis=0)
    return BootstrapSamples(np.where(np.isnan(theta), overall, theta), seed, 0)
