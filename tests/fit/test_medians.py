# SPDX-License-Identifier: Apache-2.0
"""Medians without NaN, against NumPy's."""

import numpy as np
import pytest

from dancepose_addon.core.fit.medians import known_median


@pytest.mark.parametrize("frames", [1, 2, 7, 8])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_median_is_that_of_numpy(frames: int, share: float) -> None:
    random = np.random.default_rng(frames)
    values = random.normal(size=(frames, 30))
    values[random.random(values.shape) < share] = np.nan
    values[0] = np.where(np.isnan(values).all(axis=0), 1.0, values[0])
    np.testing.assert_allclose(known_median(values), np.nanmedian(values, axis=0))


def test_a_column_without_values_has_no_median() -> None:
    found = known_median(np.array([[1.0, np.nan], [2.0, np.nan]], np.float32))
    assert found[0] == 1.5
    assert np.isnan(found[1])
    assert found.dtype == np.float32
