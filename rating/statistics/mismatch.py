# SPDX-License-Identifier: Apache-2.0
"""Right against wrong sound: how often each system's dance is preferred with its own music."""

from dataclasses import dataclass

import numpy as np

from .mean_scores import MeanEstimate, ScoreVotes, estimate_means
from .pair_tables import Floats, Ints


@dataclass(frozen=True)
class MismatchEstimate:
    """Preference for the right sound.

    Attributes:
        share: Share of the decided votes that prefer the right sound, as means of 0 and 1.
        ties: Share of ties by system, (S,).
        votes: The decided votes.
    """

    share: MeanEstimate
    ties: Floats
    votes: ScoreVotes


def estimate_mismatch(
    systems: tuple[str, ...], system: Ints, preference: Ints, rater: Ints, song: Ints
) -> MismatchEstimate:
    """Estimate the share preferred.

    Args:
        systems: Names of the systems.
        system: Index of the system, (N,).
        preference: Positive where the right sound is preferred, 0 for a tie, (N,).
        rater: Index of the rater, (N,).
        song: Index of the song, (N,).
    """
    decided = preference != 0
    count = len(systems)
    total = np.bincount(system, minlength=count)
    ties = np.bincount(system[~decided], minlength=count) / np.maximum(total, 1)
    votes = ScoreVotes(systems, system[decided], (preference[decided] > 0).astype(float), rater[decided], song[decided])
    return MismatchEstimate(estimate_means(votes), ties, votes)
