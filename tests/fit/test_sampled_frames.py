# SPDX-License-Identifier: Apache-2.0
"""Frames from which a body is solved: few, spread over the clip, and among those that are solved first."""

import numpy as np
import pytest

from dancepose_addon.core.fit.clip_shape import _sampled


@pytest.mark.parametrize("count", [1, 2, 10, 24, 100, 383])
def test_short_clips_give_up_to_24_frames(count: int) -> None:
    found = _sampled(count)
    assert len(found) == min(count, 24)
    assert (found[0], found[-1]) == (0, count - 1)
    steps = np.diff(found)
    assert len(steps) == 0 or steps.max() - steps.min() <= 1


@pytest.mark.parametrize(("count", "stride"), [(384, 16), (1000, 16), (1024, 16), (1025, 32), (2048, 32), (9999, 160)])
def test_long_clips_give_up_to_64_frames_and_the_last(count: int, stride: int) -> None:
    expected = sorted({*range(0, count, stride), count - 1})
    assert _sampled(count).tolist() == expected
    assert len(expected) <= 65
