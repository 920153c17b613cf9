# SPDX-License-Identifier: Apache-2.0
"""How much of a clip the regressor is asked for."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import forward_kinematics
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.reference_poses import SPARSE_STRIDE
from dancepose_addon.core.fit.regressor import RegressorInfo
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.fit.known import flowing_pose
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)
FRAMES = 100


@dataclass
class Counting:
    """Gives T-poses and remembers how many frames it saw."""

    frames: int = 0
    provider: str = "NumPy"

    @property
    def info(self) -> RegressorInfo:
        """Of a regressor that names no style."""
        return RegressorInfo(SMPL24, joint_markers(SMPL24), BODY.fingerprint, "", "", "", "counting", {})

    def __call__(self, keypoints_m: F32) -> F32:
        """(T, 24, 3, 3)."""
        self.frames += len(keypoints_m)
        return np.broadcast_to(np.eye(3, dtype=np.float32), (len(keypoints_m), 24, 3, 3)).copy()


@pytest.mark.parametrize(
    ("settings", "gap", "asked"),
    [
        (FitSettings(level=False), False, FRAMES // SPARSE_STRIDE + 2),
        (FitSettings(level=False, style="regressor"), False, FRAMES),
        (FitSettings(level=False, refine=0), False, FRAMES),
        (FitSettings(level=False), True, FRAMES),
    ],
)
def test_frames_are_regressed_where_their_rotations_count(settings: FitSettings, asked: int, *, gap: bool) -> None:
    _, points = forward_kinematics(BODY.rest_joints(), flowing_pose(5, FRAMES))
    sequence = KeypointSequence(points.astype(np.float32), 25.0, SMPL24, source="known")
    if gap:
        holed = sequence.keypoints_m.copy()
        holed[40:43, 20] = np.nan
        sequence = replace(sequence, keypoints_m=holed)
    regressor = Counting()
    result = fit(sequence, regressor=regressor, body=BODY, settings=settings)
    assert regressor.frames == asked
    if settings.refine and not gap and settings.style is None:
        assert np.nanmax(result.error_m) < 5e-4
