# SPDX-License-Identifier: Apache-2.0
"""Orders of the numbers of rotations, and axes and units of rotations that a file does not name."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.errors import DancePoseError, FormatError, OptionError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.conventions import parse_unit
from dancepose_addon.core.skeleton.readers import open_recording
from dancepose_addon.core.skeleton.readers.euler_like import euler_order
from dancepose_addon.core.skeleton.readers.natural_rotations import unnatural
from dancepose_addon.core.skeleton.recording import Hints, PoseRecording
from tests.support.samples import cut, points_of, waltz
from tests.support.tool_samples import rotvecs

FRAMES = 90
MOTION = cut(waltz(), FRAMES)
VECTORS = rotvecs(MOTION).reshape(FRAMES, 24, 3)
PLACES = MOTION.translation.astype(np.float64)
ROTATIONS = rotvec_to_rotmat(VECTORS)


def read(folder: Path, array: np.ndarray) -> PoseRecording:
    np.save(folder / "a.npy", array)
    found = open_recording(folder / "a.npy")
    assert isinstance(found, PoseRecording)
    return found


def with_joints(count: int) -> np.ndarray:
    """The body's rotations and resting fingers and face, (T, 3 count)."""
    whole = np.zeros((FRAMES, count, 3))
    whole[:, :22] = VECTORS[:, :22]
    return whole.reshape(FRAMES, -1)


@pytest.mark.parametrize("count", [24, 55, 52])
@pytest.mark.parametrize("place_first", [True, False])
def test_the_order_of_pose_and_place(tmp_path: Path, count: int, *, place_first: bool) -> None:
    pose = with_joints(count)
    found = read(tmp_path, np.hstack([PLACES, pose] if place_first else [pose, PLACES]))
    np.testing.assert_allclose(found.rotvec[:, :22], VECTORS[:, :22], atol=1e-6)
    np.testing.assert_allclose(found.translation, PLACES, atol=1e-6)


def test_motionx_in_another_order_is_refused(tmp_path: Path) -> None:
    row = np.zeros((FRAMES, 322))
    row[:, :66], row[:, 309:312] = VECTORS[:, :22].reshape(FRAMES, 66), PLACES
    np.testing.assert_allclose(read(tmp_path, row).translation, PLACES)
    with pytest.raises(FormatError, match="its rotations begin in column 3"):
        read(tmp_path, np.hstack([PLACES, row[:, :309], row[:, 312:]]))


@pytest.mark.parametrize("form", ["rows", "columns", "interleaved"])
@pytest.mark.parametrize("flat", [True, False])
def test_orders_of_6d(tmp_path: Path, form: str, *, flat: bool) -> None:
    six = {
        "rows": ROTATIONS[..., :2, :].reshape(FRAMES, 24, 6),
        "columns": np.concatenate([ROTATIONS[..., 0], ROTATIONS[..., 1]], axis=-1),
        "interleaved": ROTATIONS[..., :, :2].reshape(FRAMES, 24, 6),
    }[form]
    found = read(tmp_path, np.hstack([PLACES, six.reshape(FRAMES, -1)]) if flat else six)
    np.testing.assert_allclose(found.rotvec[:, :22], VECTORS[:, :22], atol=1e-5)


def test_unnatural_by_hand() -> None:
    still = np.zeros((3, 24, 3))
    mean = still.copy()
    mean[:, 16], mean[:, 17] = (0.0, -0.2, -0.8), (0.0, 0.2, 0.8)  # arms hang
    assert unnatural(mean) < unnatural(still)
    wrung = mean.copy()
    wrung[:, 11, 1] = 0.15 * 2.0  # a foot by two spreads: 4 of 69 numbers' mean
    assert unnatural(wrung) - unnatural(mean) == pytest.approx(4.0 / 69.0)


def test_arrays_in_the_world_go_before_those_of_a_camera(tmp_path: Path) -> None:
    points = points_of(MOTION, "smpl24")
    camera = points @ np.diag([1.0, -1.0, -1.0]) + [0.0, 0.0, 3.0]
    np.savez(tmp_path / "a.npz", joints_cam=camera, joints_world=points, fps=25.0)
    np.testing.assert_allclose(open_recording(tmp_path / "a.npz").points, points)  # type: ignore[union-attr]


def test_mirror_none_accepts_inverse_rotations(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", poses=-VECTORS.reshape(FRAMES, 72), trans=PLACES, mocap_framerate=25.0)
    with pytest.raises(DancePoseError, match=r"inverse or mirrored .* --read mirror=none"):
        open_source(tmp_path / "a.npz", body=load_body())
    open_source(tmp_path / "a.npz", body=load_body(), hints=Hints(mirror="none"))


@pytest.mark.parametrize("text", ["1e300", "1e-9", "0", "-1", "nan", "1e5"])
def test_units_have_a_range(text: str) -> None:
    with pytest.raises(OptionError, match=r"metres per unit as a number from 1e-06 to 10000"):
        parse_unit(text)
    assert parse_unit("0.0254") == 0.0254


def test_frames_without_rotations_are_named(tmp_path: Path) -> None:
    poses = VECTORS.reshape(FRAMES, 72).copy()
    poses[40:42] = 0.0
    np.savez(tmp_path / "a.npz", poses=poses, trans=PLACES, mocap_framerate=25.0)
    found = open_source(tmp_path / "a.npz", body=load_body(), hints=Hints(up="y"))
    assert any("2 of 90 at rest" in note for note in found.provenance["notices"])  # type: ignore[union-attr]


@pytest.mark.parametrize("order", ["ZXY", "ZYX", "YZX"])
def test_euler_angles_are_named(order: str, tmp_path: Path) -> None:
    angles = Rotation.from_rotvec(VECTORS.reshape(-1, 3)).as_euler(order).reshape(FRAMES, 72)
    for values, is_named in ((angles, True), (VECTORS.reshape(FRAMES, 72), False)):
        np.savez(tmp_path / "a.npz", poses=values, trans=PLACES, mocap_framerate=25.0)
        motion = open_source(tmp_path / "a.npz", body=load_body())
        assert isinstance(motion, BodyMotion)
        notices = [one for one in motion.provenance["notices"] if f"as Euler angles in the order {order}" in one]
        assert bool(notices) == is_named


def test_euler_angles_that_pass_half_a_turn_are_named() -> None:
    """Their order of axes is the one whose angles are nearest to rotation vectors."""
    pose = VECTORS[:60].copy()
    turn = np.stack([np.linspace(100.0, 260.0, 60), np.full(60, 40.0)], axis=1)
    pose[:, 0] = Rotation.from_euler("YX", turn, degrees=True).as_rotvec()
    assert euler_order(pose) is None
    pose[:] = Rotation.from_rotvec(pose.reshape(-1, 3)).as_euler("XYZ").reshape(pose.shape)
    vectors = Rotation.from_rotvec(pose[:, 0])
    assert np.degrees((vectors[1:].inv() * vectors[:-1]).magnitude()).max() > 90.0
    assert euler_order(pose) == "XYZ"
