# SPDX-License-Identifier: Apache-2.0
"""Recognition on variants of the bundled dance in every layout; the whole table is in docs/formats.md."""

from collections import Counter

import numpy as np
import pytest

from benchmarks.conventions import clips, conclude, variants
from dancepose_addon.core.skeleton.layouts import LAYOUTS


# Markers are named by their files; beside each other on a wrist their order shows little.
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "plugingait39"])
def test_never_silently_wrong(layout: str) -> None:
    random = np.random.default_rng(5)
    counts: Counter[str] = Counter()
    plain = []
    for clip in clips(None, 1):
        if clip.layout.name != layout:
            continue
        for name, case in variants(clip, random):
            verdict = conclude(case)
            counts[verdict.kind] += 1
            if verdict.kind == "wrong":
                counts[f"{name}: {verdict.why}"] += 1
            if name in ("as it is", "axes turned", "another unit"):
                plain.append(verdict.kind)
    assert not counts["wrong"], counts
    # A doubt about everything would be no recognition.
    assert plain.count("right") == len(plain) == 3
