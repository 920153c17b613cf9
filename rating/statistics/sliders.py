# SPDX-License-Identifier: Apache-2.0
"""Slider scores: centred on each page, and the rule on the hidden reference of ITU-R BS.1534."""

from typing import Final

import numpy as np

from .pair_tables import Floats, Ints

MOST_LOW_SHARE: Final = 0.15


def centred_scores(score: Floats, page: Ints) -> Floats:
    """Subtract the mean of its page from every score, and add the mean of all.

    Args:
        score: (N,).
        page: Page (rater and screen) of every score, (N,).
    """
    _, index = np.unique(page, return_inverse=True)
    means = np.bincount(index, score) / np.bincount(index)
    return score - means[index] + score.mean()


def fails_hidden_reference(reference_scores: Floats, least: float) -> bool:
    """Whether a rater scores the hidden reference below ``least`` on more than 15 % of the pages (BS.1534-3)."""
    return len(reference_scores) > 0 and float((reference_scores < least).mean()) > MOST_LOW_SHARE
