# SPDX-License-Identifier: Apache-2.0
"""A second of a dance as rotation vectors, for tests of readers, and how they are compared."""

import numpy as np
from scipy.spatial.transform import Rotation

from .samples import cut, waltz
from .tool_samples import rotvecs

FRAMES = 30
MOTION = cut(waltz(), FRAMES)
DANCE = rotvecs(MOTION)
"""(30, 24, 3) of a dance."""
PLACE = np.linspace([0.0, 1.0, 2.0], [3.0, 4.0, 5.0], FRAMES)


def with_fingers(count: int, random: np.random.Generator) -> np.ndarray:
    """(30, count, 3): the dance, and fingers and face of our own."""
    more = random.normal(scale=0.2, size=(FRAMES, max(0, count - 22), 3))
    return DANCE if count == 24 else np.concatenate([DANCE[:, :22], more], axis=1)[:, :count]


def matrices(rotvec: np.ndarray) -> np.ndarray:
    """Rotation matrices of vectors, by SciPy."""
    return Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(*rotvec.shape[:-1], 3, 3)


def require_same_turns(found: np.ndarray, expected: np.ndarray) -> None:
    """Compare as rotations: a vector and its turn the other way are one."""
    np.testing.assert_allclose(matrices(found), matrices(expected), atol=1e-5)
