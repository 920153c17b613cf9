# SPDX-License-Identifier: Apache-2.0
"""BodyMotion's file: a round trip, and what a reader of AMASS files makes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import BodyModel, forward_kinematics
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import FormatError, InputError, MissingFileError, OutputError
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose, slow_transforms

SCALE = 1.12


@pytest.fixture(scope="module")
def body() -> BodyModel:
    """A body whose pelvis is not at the origin, as SMPL's is not."""
    made = synthetic_body(1)
    return replace(made, v_template_m=made.v_template_m + np.array([0.01, -0.22, 0.03], np.float32))


@pytest.fixture(scope="module")
def rest(body: BodyModel, motion: BodyMotion) -> np.ndarray:
    """Resting joints of the body in the motion's shape."""
    return body.rest_joints(motion.betas)


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
def saved(motion: BodyMotion, body: BodyModel, tmp_path: Path) -> Path:
    path = tmp_path / "new" / "motion.npz"
    motion.save(path, body)
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
    with pytest.raises(MissingFileError, match="No such file"):
        BodyMotion.load(tmp_path / "none.npz")


def test_a_place_that_cannot_be_written(motion: BodyMotion, body: BodyModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be written"):
        motion.save(tmp_path / "file" / "motion.npz", body)


def slow_vertices(motion: BodyMotion, body: BodyModel, frame: int) -> np.ndarray:
    """SMPL's equations in float64, vertex by vertex, as smplx applies them; then scale and transl."""
    betas = motion.betas.astype(np.float64)
    rotvec = np.concatenate([motion.global_orient[frame], motion.body_pose[frame]]).astype(np.float64).reshape(24, 3)
    rotmat = Rotation.from_rotvec(rotvec).as_matrix()
    shaped = body.v_template_m.astype(np.float64) + body.shapedirs.astype(np.float64) @ betas
    rest = body.joint_regressor.astype(np.float64) @ shaped
    if body.posedirs is not None:
        shaped = shaped + body.posedirs.astype(np.float64) @ (rotmat[1:] - np.eye(3)).ravel()
    transforms = slow_transforms(rest, rotmat)
    posed = np.zeros_like(shaped)
    for vertex, weights in enumerate(body.weights.astype(np.float64)):
        for joint in np.flatnonzero(weights):
            turned = transforms[joint, :3, :3] @ (shaped[vertex] - rest[joint]) + transforms[joint, :3, 3]
            posed[vertex] += weights[joint] * turned
    return motion.scale * posed + motion.transl[frame]


def test_views_and_vertices_follow_the_smplx_convention(motion: BodyMotion, body: BodyModel) -> None:
    assert motion.global_orient.shape == (7, 3)
    assert motion.body_pose.shape == (7, 69)
    assert motion.transl.shape == (7, 3)
    vertices, upright = motion.vertices(body), motion.vertices(body, axes="z_up")
    for frame in (0, 4):
        expected = slow_vertices(motion, body, frame)
        assert np.abs(vertices[frame] - expected).max() < 1e-5
        x, y, z = expected.T
        assert np.abs(upright[frame] - np.stack([x, -z, y], axis=1)).max() < 1e-5
    assert np.abs(motion.vertices(body, frames=slice(2, 4)) - vertices[2:4]).max() < 1e-6


def test_joints_are_those_of_the_scaled_body(motion: BodyMotion, body: BodyModel, rest: np.ndarray) -> None:
    joints = motion.joints(body)
    for frame in range(7):
        rotmat = motion.pose_rotmat[frame].astype(np.float64)
        expected = SCALE * slow_transforms(rest.astype(np.float64), rotmat)[:, :3, 3] + motion.transl[frame]
        assert np.abs(joints[frame] - expected).max() < 1e-5
    x, y, z = np.moveaxis(joints, -1, 0)
    assert np.allclose(motion.joints(body, axes="z_up"), np.stack([x, -z, y], axis=-1), atol=1e-6)


def test_unknown_axes_and_too_many_betas_are_refused(motion: BodyMotion, body: BodyModel) -> None:
    with pytest.raises(InputError, match="y_up, z_up"):
        motion.joints(body, axes="up")
    with pytest.raises(InputError, match="12 betas"):
        replace(motion, betas=np.zeros(12, np.float32)).vertices(body)


@pytest.mark.parametrize("key", ["poses", "trans", "betas", "mocap_framerate", "scale"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_single_number_that_is_none_is_refused(saved: Path, tmp_path: Path, key: str, value: float) -> None:
    with np.load(saved) as stored:
        arrays = dict(stored)
    arrays[key] = np.array(arrays[key], np.float64)
    arrays[key].reshape(-1)[-1] = value
    np.savez(tmp_path / "broken.npz", **arrays)
    with pytest.raises(FormatError, match="NaN or infinite"):
        BodyMotion.load(tmp_path / "broken.npz")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"translation_m": np.full((5, 3), np.nan, np.float32)}, "NaN or infinite numbers"),
        ({"translation_m": np.zeros((3, 3), np.float32)}, r"translations of shape \(3, 3\)"),
        ({"pose_rotmat": 2.0 * np.tile(np.eye(3, dtype=np.float32), (5, 24, 1, 1))}, "no rotations"),
        ({"pose_rotmat": -np.tile(np.eye(3, dtype=np.float32), (5, 24, 1, 1))}, "no rotations"),
        ({"scale": 0.0}, "a scale of 0"),
        ({"fps": float("nan")}, "NaN or infinite numbers"),
        ({"fps": 0.0}, "0 frames per second"),
    ],
)
def test_motions_that_no_body_can_have_are_not_saved(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    pose = np.tile(np.eye(3, dtype=np.float32), (5, 24, 1, 1))
    motion = BodyMotion(pose, np.zeros((5, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0)
    motion.require_usable()
    with pytest.raises(InputError, match=said):
        replace(motion, **changes).save(tmp_path / "a.npz", synthetic_body(1))
    assert not any(tmp_path.iterdir())
