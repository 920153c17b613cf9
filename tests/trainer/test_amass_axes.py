# SPDX-License-Identifier: Apache-2.0
"""AMASS files whose axes or angles are others than AMASS'."""

from pathlib import Path

import numpy as np
import pytest

from dancepose.trainer.mocap.poses import read_amass
from dancepose_addon.core.axes import TO_SMPL
from dancepose_addon.core.body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.errors import DancePoseError
from tests.support.samples import cut, waltz
from tests.support.tool_samples import rotvecs

FRAMES = 60


def write(path: Path, axes: str, *, degrees: bool = False) -> None:
    vectors = rotvecs(cut(waltz(), FRAMES)).reshape(FRAMES, 24, 3).copy()
    root = TO_SMPL[axes].T @ rotvec_to_rotmat(vectors[:, 0])
    vectors[:, 0] = rotmat_to_rotvec(root)
    poses = np.degrees(vectors) if degrees else vectors
    np.savez(path, poses=poses.reshape(FRAMES, 72), trans=np.zeros((FRAMES, 3)), mocap_framerate=25.0)


def test_files_with_y_up_have_the_same_poses(tmp_path: Path) -> None:
    write(tmp_path / "z.npz", "z_up")
    write(tmp_path / "y.npz", "y_up")
    (z, said_z), (y, said_y) = (read_amass(tmp_path / f"{name}.npz", tmp_path, 25.0) for name in "zy")
    # The two ways to turn z up differ by a turn about it, which poses of a body do not depend on.
    upright = [clip.pose_rotmat[:, 0, 1, 1] for clip in (z, y)]
    np.testing.assert_allclose(upright[0], upright[1], atol=1e-5)
    np.testing.assert_allclose(z.pose_rotmat[:, 1:], y.pose_rotmat[:, 1:], atol=1e-5)
    assert "up axis" not in said_z
    assert "Its up axis is y, not z as of AMASS." in said_y


def test_degrees_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", "z_up", degrees=True)
    with pytest.raises(DancePoseError, match="If they are degrees"):
        read_amass(tmp_path / "a.npz", tmp_path, 25.0)
