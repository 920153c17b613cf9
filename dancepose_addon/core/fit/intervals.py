# SPDX-License-Identifier: Apache-2.0
"""Runs of true values in boolean arrays."""

import numpy as np

from ..arrays import Flags


def runs_of(flags: Flags) -> list[tuple[int, int]]:
    """Stretches of true values as (first, last), both included. flags: (T,)."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]
