# SPDX-License-Identifier: Apache-2.0
"""Writers: what is written is read back, by our readers and by code as others' loaders have it."""

from pathlib import Path
import pickle

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.io.frame_rate import resample_motion
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.io.theta import joints_of, pelvis_places
from dancepose_addon.core.io.writers.aist import write_aist
from dancepose_addon.core.io.writers.amass import write_amass
from dancepose_addon.core.io.writers.bvh import write_bvh
from dancepose_addon.core.io.writers.points import write_csv, write_npy, write_npz
from dancepose_addon.core.skeleton.layouts import COCO17, SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.support.samples import cut, points_of, waltz


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    """Sixty frames of the waltz, by another body of another size, ending flat on the back."""
    dance = cut(waltz(), 60)
    pose = dance.pose.copy()
    tilt = Rotation.from_rotvec(np.linspace(0.0, -np.pi / 2.0, 20)[:, None] * [1.0, 0.0, 0.0]).as_matrix()
    pose[40:, 0] = tilt @ pose[40:, 0]
    betas = np.zeros(load_body().beta_count, np.float32)
    betas[:3] = 0.8, -0.6, 0.4
    return BodyMotion(pose.astype(np.float32), dance.translation.astype(np.float32), betas, 0.93, 25.0, {"notices": []})


def joints(motion: BodyMotion) -> np.ndarray:
    body = load_body()
    return keypoints_from_pose(
        joint_markers(SMPL24), body.rest_joints(motion.betas), motion.pose_rotmat, motion.translation_m,
        scale=motion.scale,
    )  # fmt: skip


def test_our_npz_gives_the_motion_back(motion: BodyMotion, tmp_path: Path) -> None:
    body = load_body()
    provenance = {"body": {"fingerprint": body.fingerprint}, "notices": []}
    own = BodyMotion(motion.pose_rotmat, motion.translation_m, motion.betas, motion.scale, motion.fps, provenance)
    own.save(tmp_path / "a.npz", body)
    again = open_source(tmp_path / "a.npz", body=body)
    assert isinstance(again, BodyMotion)
    np.testing.assert_allclose(joints(again), joints(motion), atol=2e-5)
    np.testing.assert_allclose(again.betas, motion.betas, atol=1e-6)
    assert (again.scale, again.fps) == (pytest.approx(0.93), 25.0)


@pytest.mark.parametrize(("model", "width"), [("smpl", 72), ("smplh", 156), ("smplx", 165)])
def test_amass_loaders_find_what_they_look_for(motion: BodyMotion, tmp_path: Path, model: str, width: int) -> None:
    write_amass(motion, load_body(), tmp_path / "a.npz", model=model)
    # As AMASS' own notebook takes a file apart, and as ports of it do.
    data = np.load(tmp_path / "a.npz")
    assert data["poses"].shape == (60, width)
    root, body_pose, hands = data["poses"][:, :3], data["poses"][:, 3:66], data["poses"][:, 66:]
    assert body_pose.shape == (60, 63)
    if model != "smpl":
        face, fingers = hands[:, :-90], hands[:, -90:].reshape(60, 30, 3)
        assert not face.any()
        # The motion holds no fingers, so they rest: bent, and alike on both sides.
        assert 0.1 < np.linalg.norm(fingers, axis=-1).mean() < 0.8
        np.testing.assert_allclose(fingers[:, :15] * [1, -1, -1], fingers[:, 15:], atol=1e-5)
    assert str(data["gender"]) == "neutral"
    assert float(data["mocap_framerate"]) == float(data["mocap_frame_rate"]) == 25.0
    assert data["betas"][:10].shape == (10,)
    assert data["dmpls"][:, :8].shape == (60, 8)
    # z up: the root turns SMPL's up to z while the dancer stands, and the pelvis is a metre above the lowest.
    up = Rotation.from_rotvec(root[:40]).apply([0.0, 1.0, 0.0])
    assert up[:, 2].min() > 0.8
    pelvis = data["trans"] + [0.0, -0.22, 0.03]
    true = pelvis_places(motion, load_body())
    np.testing.assert_allclose(pelvis, np.stack([true[:, 0], -true[:, 2], true[:, 1]], axis=1), atol=1e-5)
    with pytest.raises(InputError, match="smplh"):
        write_amass(motion, load_body(), tmp_path / "b.npz", model="star")


def test_aist_pickle_is_that_of_the_data_set(motion: BodyMotion, tmp_path: Path) -> None:
    write_aist(motion, tmp_path / "a.pkl")
    table = pickle.loads((tmp_path / "a.pkl").read_bytes())  # our own bytes
    assert set(table) == {"smpl_poses", "smpl_trans", "smpl_scaling", "smpl_loss"}
    frames = int(59 * 60 / 25) + 1
    assert table["smpl_poses"].shape == (frames, 72)
    assert table["smpl_trans"].shape == (frames, 3)
    # vertices = scaling (SMPL + trans / scaling), centimetres: joint 20 as AIST++'s API would place it.
    at_rate = resample_motion(motion, 60.0)
    unscaled = joints(at_rate) - at_rate.translation_m[:, None]
    placed = table["smpl_scaling"] * (unscaled / motion.scale + (table["smpl_trans"] / table["smpl_scaling"])[:, None])
    np.testing.assert_allclose(placed / 100.0, joints(at_rate), atol=1e-4)
    again = open_source(tmp_path / "a.pkl", body=load_body())
    assert isinstance(again, BodyMotion)
    assert again.fps == 60.0
    np.testing.assert_allclose(again.pose_rotmat, at_rate.pose_rotmat, atol=1e-5)


def test_bvh_has_the_joints_where_they_were(motion: BodyMotion, tmp_path: Path) -> None:
    write_bvh(motion, load_body(), tmp_path / "a.bvh")
    parsed = parse_bvh(tmp_path / "a.bvh")
    _, at = parsed.forward_kinematics()
    index = [parsed.names.index(name) for name in SMPL24.keypoints]
    np.testing.assert_allclose(at[:, index] / 100.0, joints(motion), atol=1e-4)
    assert parsed.fps == pytest.approx(25.0)
    clip = read(tmp_path / "a.bvh")
    assert clip.layout is SMPL24
    np.testing.assert_allclose(clip.keypoints_m, joints(motion), atol=1e-4)


def test_bvh_at_a_right_angle(tmp_path: Path) -> None:
    """Where the middle angle is 90 degrees the others are not unique; the rotation is."""
    turns = Rotation.from_euler("ZXY", [[30, 90, 20], [-50, -90, 10], [0, 90, 0], [170, 89.999, -3]], degrees=True)
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (4, 24, 3, 3)).copy()
    pose[:, [0, 16]] = turns.as_matrix()[:, None]
    body = load_body()
    still = BodyMotion(pose, np.zeros((4, 3), np.float32), np.zeros(body.beta_count, np.float32), 1.0, 30.0)
    write_bvh(still, body, tmp_path / "a.bvh")
    parsed = parse_bvh(tmp_path / "a.bvh")
    shoulder = parsed.names.index("left_shoulder")
    assert (turns.inv() * Rotation.from_matrix(parsed.rotations[:, shoulder])).magnitude().max() < 2e-3


def test_key_points_in_three_forms(tmp_path: Path) -> None:
    points = points_of(cut(waltz(), 20), "coco17").astype(np.float32)
    points[4, 9] = np.nan
    confidence = np.full((20, 17), 0.75, np.float32)
    confidence[4, 9] = 0.0
    clip = KeypointSequence(points, 25.0, COCO17, confidence=confidence)
    for name, write in (("a.npz", write_npz), ("a.csv", write_csv)):
        write(clip, tmp_path / name)
        again = read(tmp_path / name)
        assert (again.layout, again.fps) == (COCO17, pytest.approx(25.0))
        np.testing.assert_allclose(again.keypoints_m, points, atol=1e-6)
        np.testing.assert_allclose(again.confidence, confidence, atol=1e-6)
    write_npy(clip, tmp_path / "a.npy")
    again = read(tmp_path / "a.npy", fps=25.0)
    assert again.layout is COCO17
    np.testing.assert_array_equal(again.keypoints_m, points)
    assert np.load(tmp_path / "a.npy").shape == (20, 17, 3)


def test_resampling_keeps_time(motion: BodyMotion) -> None:
    faster = resample_motion(motion, 50.0)
    assert len(faster) == 119
    np.testing.assert_allclose(faster.pose_rotmat[::2], motion.pose_rotmat, atol=1e-5)
    np.testing.assert_allclose(faster.translation_m[::2], motion.translation_m, atol=1e-4)
    assert resample_motion(motion, 25.0) is motion
    assert joints_of(faster, load_body()).duration_s == pytest.approx(119 / 50.0)
