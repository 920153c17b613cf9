# SPDX-License-Identifier: Apache-2.0
"""Runs of true values in boolean arrays."""

import numpy as np

from ..arrays import Flags


def runs_of(flags: Flags) -> list[tuple[int, int]]:
    """Stretches of true values as (first, last), both included. flags: (T,)."""
    padded = np.zeros(len(flags) + 2, bool)
    padded[1:-1] = flags
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return [(first, end - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]
