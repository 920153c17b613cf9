# SPDX-License-Identifier: Apache-2.0
"""The display transform agrees with Blender's AgX, as Blender 4.5 converted these colours."""

import numpy as np
import pytest

from dancepose.raster.display_transform import displayed

# Scene-linear light and what Blender shows: AgX, Medium High Contrast, exposure 0.25.
GREYS = {0.007456: 0.0335, 0.056921: 0.2426, 0.157277: 0.4715, 0.434568: 0.7053, 1.200745: 0.8594, 3.31775: 0.9561}
COLOURS = [
    ((0.48342, 0.67915, 0.33206), (0.7283, 0.7749, 0.6651)),
    ((0.00143, 0.00112, 0.00862), (0.0001, 0.0029, 0.0370)),
]


@pytest.mark.parametrize("linear", GREYS)
def test_greys_are_those_of_blender(linear: float) -> None:
    assert displayed(np.full(3, linear)) == pytest.approx([GREYS[linear]] * 3, abs=0.008)


@pytest.mark.parametrize(("linear", "shown"), COLOURS)
def test_colours_are_close_to_those_of_blender(linear, shown) -> None:
    assert displayed(np.array(linear)) == pytest.approx(shown, abs=0.02)
