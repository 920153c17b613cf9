# SPDX-License-Identifier: Apache-2.0
"""Parts of the refinement over a clip, with numbers by hand."""

import numpy as np

from dancepose_addon.core.fit.refinement import _between_neighbours


def test_the_mean_of_a_frame_and_its_neighbours() -> None:
    """A quarter, a half and a quarter; the first and the last frame count as their own neighbours."""
    pose = np.zeros((4, 24, 3, 3), np.float32)
    pose[:] = np.float32([1.0, 5.0, 9.0, 21.0])[:, None, None, None]
    found = _between_neighbours(pose)
    assert found[:, 3, 1, 2].tolist() == [2.0, 5.0, 11.0, 18.0]
    assert found.dtype == np.float32
