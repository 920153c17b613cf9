"""BodyMotion's file: a round trip, and what a reader of AMASS files makes of it."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import forward_kinematics
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import FormatError, MissingFileError, OutputError
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose, slow_transforms

SCALE = 1.12


@pytest.fixture(scope="module")
def rest() -> np.ndarray:
    """Resting joints of a body whose pelvis is not at the origin, as SMPL's is not."""
    return synthetic_body(1).rest_joints() + np.array([0.01, -0.22, 0.03], np.float32)


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    random = np.random.default_rng(2)
    return BodyMotion(
        pose_rotmat=random_pose(3, 7),
        translation_m=random.normal(size=(7, 3)).astype(np.float32),
        betas=random.normal(size=10).astype(np.float32),
        scale=SCALE,
        fps=18.3,
        provenance={"source": "a clip", "notices": ["one"]},
    )


@pytest.fixture
def saved(motion: BodyMotion, rest: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "new" / "motion.npz"
    motion.save(path, rest_pelvis_m=SCALE * rest[0])
    return path


def test_round_trip(motion: BodyMotion, saved: Path) -> None:
    again = BodyMotion.load(saved)
    assert np.abs(again.pose_rotmat - motion.pose_rotmat).max() < 2e-6
    assert np.abs(again.translation_m - motion.translation_m).max() < 1e-6
    assert np.array_equal(again.betas, motion.betas)
    assert again.scale == pytest.approx(SCALE)
    assert (again.fps, again.provenance) == (18.3, motion.provenance)


def test_read_as_amass_it_is_the_same_dance_with_z_up(motion: BodyMotion, rest: np.ndarray, saved: Path) -> None:
    """Who knows AMASS's keys alone poses the (scaled) body with poses and trans, as SMPL's equations say."""
    _, ours = forward_kinematics(np.float32(SCALE) * rest, motion.pose_rotmat, motion.translation_m)
    with np.load(saved, allow_pickle=False) as file:
        assert file["poses"].shape == (7, 72)
        assert str(file["gender"]) == "neutral"
        assert float(file["mocap_framerate"]) == 18.3
        poses, trans = file["poses"].astype(np.float64), file["trans"].astype(np.float64)
    for frame in range(7):
        rotmat = Rotation.from_rotvec(poses[frame].reshape(24, 3)).as_matrix()
        joints = slow_transforms(SCALE * rest.astype(np.float64), rotmat)[:, :3, 3] + trans[frame]
        x, y, z = ours[frame].T
        assert np.abs(joints - np.stack([x, -z, y], axis=1)).max() < 1e-5


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no archive"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "motion.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="not a DancePose motion"):
        BodyMotion.load(path)


def test_archives_of_other_things_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "amass.npz", poses=np.zeros((4, 156)), trans=np.zeros((4, 3)))
    with pytest.raises(FormatError, match="not a DancePose motion"):
        BodyMotion.load(tmp_path / "amass.npz")
    with pytest.raises(MissingFileError, match="does not exist"):
        BodyMotion.load(tmp_path / "none.npz")


def test_a_place_that_cannot_be_written(motion: BodyMotion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be written"):
        motion.save(tmp_path / "file" / "motion.npz", rest_pelvis_m=np.zeros(3, np.float32))
