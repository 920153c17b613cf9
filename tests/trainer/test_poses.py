# SPDX-License-Identifier: Apache-2.0
"""Natural poses: retargeting real recordings, repairing flips, reading, thinning and mirroring."""

import inspect
from pathlib import Path
import pickle
import shutil

import numpy as np
from numpy.typing import NDArray
import pytest
from scipy.spatial.transform import Rotation

from dancepose.cli.poses import poses_command
from dancepose.trainer.mocap.cmu_retargeting import LIMIT, repair_flips, retarget, twist_angle
from dancepose.trainer.mocap.poses import (
    POSES_FPS,
    THINNING_M,
    PoseDataset,
    load_poses,
    mirror_pose,
    thin,
    without_heading,
)
from dancepose_addon.core.body.model import JOINT_INDEX, MIRRORED_JOINTS, forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle, rotmat_to_rotvec
from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh
from tests.support.bodies import person_joints
from tests.support.posing import random_pose

REST = person_joints()
LIMBS = {
    ("hip", "knee"): ("UpLeg", "Leg"),
    ("knee", "ankle"): ("Leg", "Foot"),
    ("shoulder", "elbow"): ("Arm", "ForeArm"),
    ("elbow", "wrist"): ("ForeArm", "Hand"),
    ("wrist", "hand"): ("FingerBase", "HandIndex1"),
}


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def dance(data_folder: Path) -> Path:
    return data_folder / "cmu" / "05_04.bvh"


@pytest.mark.parametrize("clip", ["05_04", "02_01", "06_02"])
def test_limbs_point_where_the_recording_s_do(data_folder: Path, clip: str) -> None:
    motion = parse_bvh(data_folder / "cmu" / f"{clip}.bvh")
    _, theirs = motion.forward_kinematics()
    _, ours = forward_kinematics(REST, retarget(motion, REST))
    for (upper, lower), (start, end) in LIMBS.items():
        for side in ("left", "right"):
            bone = ours[:, JOINT_INDEX[f"{side}_{lower}"]] - ours[:, JOINT_INDEX[f"{side}_{upper}"]]
            name = side.capitalize()
            truth = theirs[:, motion.names.index(name + end)] - theirs[:, motion.names.index(name + start)]
            assert (_unit(bone) * _unit(truth)).sum(axis=-1).min() > np.cos(np.radians(0.5))


def test_joints_bend_as_joints_do(dance: Path) -> None:
    """Twist, which directions are blind to: SMPL's knees hinge about x and its elbows about y."""
    local = retarget(parse_bvh(dance), REST)[1:]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        knee, elbow = (local[:, JOINT_INDEX[f"{side}_{name}"]] for name in ("knee", "elbow"))
        thigh_down = REST[JOINT_INDEX[f"{side}_ankle"]] - REST[JOINT_INDEX[f"{side}_knee"]]
        shin = knee @ _unit(thigh_down)
        bent = shin[:, 1] > -0.95
        assert bent.mean() > 0.3
        assert (shin[bent, 2] < -0.2).all()
        forearm = elbow @ np.array([sign, 0.0, 0.0], np.float32)
        bent = sign * forearm[:, 0] < 0.95
        assert bent.mean() > 0.3
        assert (forearm[bent, 2] > 0.2).all()
        assert np.median(np.abs(forearm[bent, 1])) < 0.1


def test_the_t_pose_comes_out_as_one(dance: Path) -> None:
    first = retarget(parse_bvh(dance), REST)[0]
    angle = np.degrees(np.linalg.norm(rotmat_to_rotvec(first), axis=-1))
    # Frame 0 tips neck and head, so these two are left out; collar and arm undo each other's turn.
    for name in ("pelvis", "spine1", "spine2", "spine3", "left_hip", "left_knee", "left_ankle", "left_foot"):
        assert angle[JOINT_INDEX[name]] < 9.0, name


def test_flips_are_bridged_or_left_out() -> None:
    calm = np.cumsum(np.full((120, 24, 3), 0.002), axis=0)
    local = Rotation.from_rotvec(calm.reshape(-1, 3)).as_matrix().reshape(120, 24, 3, 3).astype(np.float32)
    broken = local.copy()
    wrist, ankle = JOINT_INDEX["right_wrist"], JOINT_INDEX["left_ankle"]
    flip = Rotation.from_rotvec([0.0, 0.0, 3.0]).as_matrix().astype(np.float32)
    broken[50:54, wrist] = flip
    broken[80:110, ankle] = flip
    repaired, usable, bad = repair_flips(broken, 120.0)
    assert geodesic_angle(repaired[40:70], local[40:70]).max() < 0.01
    assert np.flatnonzero(~usable).tolist() == list(range(79, 111))
    # A jump marks the frames on both of its sides.
    assert bad == pytest.approx((6 + 32) / (120 * 24))
    assert repair_flips(local, 120.0)[1].all()


def test_twist_angle_is_what_was_put_in() -> None:
    axis = np.array([0.2, -0.9, 0.4])
    roll = np.linspace(-3.0, 3.0, 31)
    across = Rotation.from_rotvec(0.8 * _unit(np.cross(axis, [1.0, 0.0, 0.0])))
    turned = across * Rotation.from_rotvec(roll[:, None] * _unit(axis))
    assert np.allclose(twist_angle(turned.as_matrix(), axis), roll, atol=1e-6)


def test_mirror_image_has_mirrored_joints() -> None:
    pose = random_pose(1, 8)
    _, joints = forward_kinematics(REST, pose)
    _, mirrored = forward_kinematics(REST, mirror_pose(pose))
    assert np.abs(mirrored - joints[:, list(MIRRORED_JOINTS)] * [-1, 1, 1]).max() < 1e-5
    assert np.array_equal(mirror_pose(mirror_pose(pose)), pose)


def test_heading_is_taken_out_and_nothing_else() -> None:
    pose = random_pose(2, 8)
    turned = pose.copy()
    yaw = np.linspace(-3.0, 3.0, 8)
    turned[:, 0] = Rotation.from_rotvec(yaw[:, None] * [0.0, 1.0, 0.0]).as_matrix() @ pose[:, 0]
    assert np.abs(without_heading(turned) - without_heading(pose)).max() < 1e-5
    assert np.array_equal(without_heading(pose)[:, 1:], pose[:, 1:])
    assert np.allclose(without_heading(pose)[:, 0, 1], pose[:, 0, 1], atol=1e-6), "height stays height"


def test_thinning_keeps_what_differs() -> None:
    walk, other = random_pose(3, 30, angle=0.3), random_pose(4, 30, angle=0.3)
    repeated = np.concatenate([np.tile(walk, (20, 1, 1, 1)), other])
    kept = thin(repeated, REST, seed=0, radius_m=0.02)
    assert len(kept) == 60
    assert sorted({index % 30 for index in kept if index < 600}) == list(range(30))
    assert np.array_equal(kept, thin(repeated, REST, seed=0, radius_m=0.02))
    assert len(thin(repeated, REST, seed=0, radius_m=10.0)) == 1


def _write_amass(path: Path, poses: NDArray, rate: float, key: str = "mocap_framerate") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, poses=poses, trans=np.zeros((len(poses), 3)), **{key: rate})


def test_amass_is_turned_upright_and_taken_at_the_rate(tmp_path: Path) -> None:
    """A body that AMASS stands on its z axis and turns about it stands on y here."""
    frames = 120
    poses = np.zeros((frames, 156))
    yaw = np.linspace(0.0, 3.0, frames)
    upright = Rotation.from_euler("x", 90, degrees=True)
    poses[:, :3] = (Rotation.from_rotvec(yaw[:, None] * [0.0, 0.0, 1.0]) * upright).as_rotvec()
    poses[:, 3 * 18 + 1] = -np.linspace(0.0, 1.5, frames)
    poses[:, 66:] = 0.7
    _write_amass(tmp_path / "set" / "walk_poses.npz", poses, 120.0, "mocap_frame_rate")
    dataset = load_poses(tmp_path, mirror=False, fps=30.0, rebalance=False, rest_joints_m=REST)
    assert dataset.clip_names == ("set/walk_poses",)
    assert len(dataset) == pytest.approx(frames / 4, abs=2)
    assert np.allclose(dataset.pose_rotmat[:, 0] @ [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], atol=1e-5)
    forward = dataset.pose_rotmat[:, 0] @ [0.0, 0.0, 1.0]
    assert np.diff(np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))) == pytest.approx(4 * 3.0 / 119, abs=1e-4)
    assert np.abs(dataset.pose_rotmat[:, 22:] - np.eye(3)).max() == 0.0
    found = rotmat_to_rotvec(dataset.pose_rotmat[:, JOINT_INDEX["left_elbow"]])
    assert np.allclose(found[:, [0, 2]], 0.0, atol=1e-6)
    assert found[-1, 1] == pytest.approx(-1.5, abs=0.1)


def test_bad_files_are_listed_and_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _write_amass(tmp_path / "good.npz", np.random.default_rng(0).normal(scale=0.3, size=(10, 72)), 30.0)
    _write_amass(tmp_path / "odd.npz", np.zeros((4, 63)), 30.0)
    _write_amass(tmp_path / "nan.npz", np.full((4, 72), np.nan), 30.0)
    _write_amass(tmp_path / "still.npz", np.zeros((4, 72)), 0.0)
    np.savez(tmp_path / "shape.npz", betas=np.zeros(10))
    np.savez(tmp_path / "rate.npz", poses=np.zeros((4, 72)))
    _write_amass(tmp_path / "empty.npz", np.zeros((0, 156)), 60.0)
    with (tmp_path / "empty.pkl").open("wb") as file:
        pickle.dump({"smpl_poses": np.zeros((0, 72)), "smpl_trans": np.zeros((0, 3)), "smpl_scaling": [1.0]}, file)
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    (tmp_path / "notes.bvh").write_text("no motion")
    dataset = load_poses(tmp_path, rest_joints_m=REST)
    assert dataset.clip_names == ("good",)
    skipped = [note for note in dataset.notes if note.startswith("Skipped")]
    assert len(skipped) == len(caplog.records) == 9
    for name in ("cut", "empty", "nan", "notes", "odd", "rate", "shape", "still"):
        assert sum(f"/{name}." in note for note in skipped) == (2 if name == "empty" else 1)
    for reason in (
        "empty.npz has no frames",
        "nan.npz has poses that are not finite in 4 of 4 frames",
        "odd.npz has poses of shape (4, 63)",
        "rate.npz is not an AMASS motion: it has no mocap_framerate",
        "shape.npz is not an AMASS motion: it has no poses",
        "still.npz has a mocap_framerate of 0.0",
    ):
        assert sum(reason in note for note in skipped) == 1


def test_a_recording_of_its_rest_pose_only_is_skipped(data_folder: Path, tmp_path: Path) -> None:
    lines = (data_folder / "cmu" / "02_01.bvh").read_text().splitlines()
    start = lines.index("MOTION")
    for frames in (1, 2):
        motion = ["MOTION", f"Frames: {frames}", *lines[start + 2 : start + 3 + frames]]
        (tmp_path / f"frames_{frames}.bvh").write_text("\n".join([*lines[:start], *motion]) + "\n")
    dataset = load_poses(tmp_path, mirror=False, rest_joints_m=REST)
    assert dataset.clip_names == ("frames_2",)
    assert "frames_1.bvh has no frames after the first" in dataset.notes[0]


def test_a_file_without_frames_is_no_shard(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from dancepose.trainer.mocap.write_shards import write_shards

    _write_amass(tmp_path / "in" / "good.npz", np.random.default_rng(0).normal(scale=0.3, size=(10, 72)), 30.0)
    _write_amass(tmp_path / "in" / "empty.npz", np.zeros((0, 156)), 60.0)
    _, notes = write_shards(tmp_path / "in", tmp_path / "out", rest_joints_m=REST)
    assert sum(note.startswith("Skipped") and "empty.npz has no frames" in note for note in notes) == 1
    assert sum(note.startswith("good.npz:") for note in notes) == 1


def test_the_command_takes_what_the_reader_takes() -> None:
    """Its defaults are written out, so that the command line starts without the trainer."""
    defaults = {name: parameter.default for name, parameter in inspect.signature(poses_command).parameters.items()}
    assert defaults["fps"] == POSES_FPS
    assert defaults["apart"] == pytest.approx(1000.0 * THINNING_M)


def test_the_command_says_what_it_read_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write_amass(tmp_path / "in" / "walk.npz", np.random.default_rng(0).normal(scale=0.3, size=(10, 72)), 30.0)
    (tmp_path / "in" / "cut.bvh").write_text("HIERARCHY")
    _write_amass(tmp_path / "in" / "\x1b[31mred.npz", random_pose(1, 6)[:, :, 0].reshape(6, 72), 30.0)
    poses_command(tmp_path / "in", tmp_path / "poses.npz")
    said = capsys.readouterr().out
    found = load_poses(tmp_path / "poses.npz")
    assert f"{len(found)} poses of 2 clips," in said
    assert "\x1b" not in said
    assert "\\x1b[31mred.npz: " in said
    assert "cut.bvh is not BVH" in said
    assert found.mirrored.sum() == len(found) / 2 > 5


def test_folders_without_motion(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        load_poses(tmp_path / "none", rest_joints_m=REST)
    with pytest.raises(InputError, match="holds no usable"):
        load_poses(tmp_path, rest_joints_m=REST)
    (tmp_path / "poses.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(FormatError, match="not a file of saved poses"):
        load_poses(tmp_path / "poses.npz")


def test_saved_poses_are_the_same(tmp_path: Path) -> None:
    pose = random_pose(5, 6)
    dataset = PoseDataset(pose, np.arange(6, dtype=np.int32) // 3, ("a", "b"), np.arange(6) > 2, ("a note",))
    dataset.save(tmp_path / "poses.npz")
    again = load_poses(tmp_path / "poses.npz")
    assert np.abs(again.pose_rotmat - pose).max() < 2e-6
    assert again.clip.tolist() == [0, 0, 0, 1, 1, 1]
    assert (again.clip_names, again.notes) == (("a", "b"), ("a note",))
    assert np.array_equal(again.mirrored, dataset.mirrored)


def test_real_recordings_become_poses_of_people(data_folder: Path, tmp_path: Path) -> None:
    for name in ("05_06", "05_08", "07_01"):
        shutil.copy(data_folder / "cmu" / f"{name}.bvh", tmp_path)
    dataset = load_poses(tmp_path, rest_joints_m=REST)
    again = load_poses(tmp_path, rest_joints_m=REST)
    assert np.array_equal(dataset.pose_rotmat, again.pose_rotmat)
    assert dataset.clip_names == ("05_06", "05_08", "07_01")
    assert dataset.mirrored.mean() == 0.5
    assert np.bincount(dataset.clip)[:2].min() > 200, "feet rolled sole up are repaired, not dropped"
    angle = np.degrees(geodesic_angle(np.eye(3, dtype=np.float32), dataset.pose_rotmat))
    for name, joint in JOINT_INDEX.items():
        limit = LIMIT.get(name.split("_")[-1])
        if limit is not None:
            # Levelling, which comes after the limits, moves head and wrists by some more.
            assert angle[:, joint].max() < limit + 35, name
    _, joints = forward_kinematics(REST, dataset.pose_rotmat)
    assert np.mean(joints[:, JOINT_INDEX["head"], 1] > joints[:, 0, 1]) > 0.8
