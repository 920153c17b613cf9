# SPDX-License-Identifier: Apache-2.0
"""Folders with a file for each frame, made after the code of the tools that write them."""

from collections.abc import Callable, Sequence
import json
from pathlib import Path
import pickle
from typing import Any

import numpy as np
import pytest

from dancepose.cli.source_folders import expand_sources
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.readers import is_one_motion, open_recording
from dancepose_addon.core.skeleton.recording import Hints
from tests.support.samples import cut, npy_bytes, npz_bytes, points_of, waltz
from tests.support.tool_samples import rotvecs

FRAMES = 40
MOTION = cut(waltz(), FRAMES)
VECTORS = rotvecs(MOTION)
BETAS = np.zeros((1, 10), np.float32)
Write = Callable[[Path, int], None]


def _npz(folder: Path, name: str, table: dict[str, Any]) -> None:
    (folder / name).write_bytes(npz_bytes(table))


def romp(folder: Path, frame: int, *, persons: int = 1) -> None:
    """ROMP's simple_romp: numpy.savez(path, results=outputs)."""
    table = {
        "smpl_thetas": np.repeat(VECTORS[frame].reshape(1, 72), persons, axis=0).astype(np.float32),
        "smpl_betas": np.zeros((persons, 10), np.float32),
        "cam_trans": np.stack([MOTION.translation[frame] + [2.0 * p, 0, 0] for p in range(persons)]),
        "joints": np.zeros((persons, 71, 3), np.float32),
        "verts": np.zeros((persons, 900, 3), np.float32),
        "track_ids": np.arange(persons)[::-1] + 5,
    }
    _npz(folder, f"{frame:08d}.npz", {"results": np.array(table, object)})


def pare(folder: Path, frame: int) -> None:
    """PARE's run_on_image_folder: joblib.dump of a table with persons as the first axis."""
    table = {
        "pred_cam": np.zeros((1, 3), np.float32),
        "pred_pose": MOTION.pose[None, frame].astype(np.float32),
        "pred_shape": BETAS,
        "smpl_joints3d": np.zeros((1, 49, 3), np.float32),
    }
    (folder / f"{frame:06d}.pkl").write_bytes(pickle.dumps(table))


def hmr2(folder: Path, frame: int) -> None:
    """HMR 2.0's output of a batch of one, saved as it is."""
    parameters = {
        "global_orient": MOTION.pose[None, frame, :1].astype(np.float32),
        "body_pose": MOTION.pose[None, frame, 1:].astype(np.float32),
        "betas": BETAS,
    }
    table = {"pred_smpl_params": parameters, "pred_keypoints_3d": np.zeros((1, 44, 3)), "pred_cam_t": np.ones((1, 3))}
    (folder / f"img_{frame:05d}.pkl").write_bytes(pickle.dumps(table))


def smpler_x(folder: Path, frame: int) -> None:
    """SMPLer-X: a file for each person of each frame."""
    table = {
        "global_orient": VECTORS[frame, :1], "body_pose": VECTORS[frame, 1:22], "betas": BETAS,
        "transl": MOTION.translation[frame : frame + 1], "left_hand_pose": np.zeros((15, 3)),
        "right_hand_pose": np.zeros((15, 3)), "jaw_pose": np.zeros((1, 3)), "expression": BETAS,
    }  # fmt: skip
    _npz(folder, f"{frame + 1:05d}_0.npz", table)
    _npz(folder, f"{frame + 1:05d}_1.npz", {**table, "transl": table["transl"] + 3.0})


def torch_file(folder: Path, frame: int) -> None:
    """torch.save of parameters without a batch."""
    torch = pytest.importorskip("torch")
    table = {"poses": torch.tensor(VECTORS[frame].reshape(72)), "trans": torch.tensor(MOTION.translation[frame])}
    torch.save(table, folder / f"{frame:04d}.pt")


WRITERS: dict[str, tuple[Write, bool]] = {
    "ROMP": (romp, True), "PARE": (pare, False), "HMR 2.0": (hmr2, False), "SMPLer-X": (smpler_x, True),
    "torch": (torch_file, True),
}  # fmt: skip
"""And whether the files say where the body is."""


@pytest.mark.parametrize("name", WRITERS)
def test_poses_are_those_that_were_written(tmp_path: Path, name: str) -> None:
    write, has_place = WRITERS[name]
    for frame in range(FRAMES):
        write(tmp_path, frame)
    assert expand_sources([str(tmp_path)]) == [tmp_path]
    opened = open_source(tmp_path, body=load_body(), fps=25.0)
    assert isinstance(opened, BodyMotion)
    assert len(opened) == FRAMES
    np.testing.assert_allclose(opened.pose_rotmat[:, :22], MOTION.pose[:, :22], atol=2e-5)
    truth = (MOTION.translation - MOTION.translation[:1])[:, [0, 2]]
    way = (opened.translation_m - opened.translation_m[:1])[:, [0, 2]]
    np.testing.assert_allclose(way, truth if has_place else 0.0, atol=1e-4)


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".npy", lambda points: npy_bytes(points)),
        (".npy", lambda points: npy_bytes(points[None])),
        (".npz", lambda points: npz_bytes({"arr_0": points})),
        (".pkl", lambda points: pickle.dumps({"pred_keypoints_3d": points[None].astype(np.float32)})),
    ],
)
def test_points_are_those_that_were_written(tmp_path: Path, suffix: str, content: Callable[[Any], bytes]) -> None:
    truth = points_of(MOTION, "smpl24")
    for frame, points in enumerate(truth):
        (tmp_path / f"frame{frame:03d}{suffix}").write_bytes(content(points))
    opened = open_source(tmp_path, body=load_body(), fps=25.0)
    assert not isinstance(opened, BodyMotion)
    np.testing.assert_allclose(opened.keypoints_m, truth, atol=1e-5)


def test_persons_are_followed_by_their_number(tmp_path: Path) -> None:
    for frame in range(FRAMES):
        romp(tmp_path, frame, persons=2)
    first, second = (open_source(tmp_path, body=load_body(), fps=25.0, hints=Hints(take=take)) for take in (0, 1))
    assert isinstance(first, BodyMotion)
    assert isinstance(second, BodyMotion)
    np.testing.assert_allclose(np.abs(second.translation_m - first.translation_m)[:, 0], 2.0, atol=1e-4)


def test_missing_numbers_are_frames_without_a_person(tmp_path: Path) -> None:
    """ROMP writes no file where it sees no person; the frames after it must not move forward in time."""
    for frame in range(FRAMES):
        if frame not in (10, 11):
            romp(tmp_path, frame)
    opened = open_source(tmp_path, body=load_body(), fps=25.0)
    assert isinstance(opened, BodyMotion)
    assert len(opened) == FRAMES - 12
    np.testing.assert_allclose(opened.pose_rotmat, MOTION.pose[12:], atol=2e-5)
    assert any("longest stretch" in note for note in opened.provenance["notices"])
    points = tmp_path / "points"
    points.mkdir()
    truth = points_of(MOTION, "smpl24")
    for frame in range(0, FRAMES, 2):  # every second frame: no gaps
        if frame != 20:
            (points / f"{frame:04d}.npy").write_bytes(npy_bytes(truth[frame]))
    read = open_source(points, body=load_body(), fps=12.5)
    assert not isinstance(read, BodyMotion)
    assert len(read) == FRAMES // 2
    assert np.flatnonzero(np.isnan(read.keypoints_m).all(axis=(1, 2))).tolist() == [10]


def test_folders_of_motions_stay_folders_of_motions(tmp_path: Path) -> None:
    flat = VECTORS.reshape(FRAMES, 72)
    for number in range(3):
        _npz(tmp_path, f"dance_{number:03d}.npz", {"poses": flat, "trans": MOTION.translation})
    assert not is_one_motion(tmp_path)
    assert len(expand_sources([str(tmp_path)])) == 3
    others = tmp_path / "points"
    others.mkdir()
    for number in range(3):
        (others / f"{number:06d}.npy").write_bytes(npy_bytes(points_of(MOTION, "smpl22")))
    assert not is_one_motion(others)
    short = tmp_path / "short"
    short.mkdir()
    for number in range(3):
        _npz(
            short, f"dance_{number:03d}.npz", {"poses": flat[:8], "trans": MOTION.translation[:8], "fps": np.array(30)}
        )
    assert not is_one_motion(short)
    lists = tmp_path / "lists"
    lists.mkdir()
    for number in range(3):
        (lists / f"{number:03d}.json").write_text(str(points_of(MOTION, "smpl22").tolist()))
    assert not is_one_motion(lists)


def test_what_a_folder_of_meshes_holds_is_said(tmp_path: Path) -> None:
    for frame in range(3):
        (tmp_path / f"img{frame:04d}_0.obj").write_text("v 0.0 0.0 0.0\n")
    with pytest.raises(InputError, match=r"matches no motion file \(it holds 3 \.obj\)"):
        expand_sources([str(tmp_path)])


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    for frame in range(FRAMES):
        romp(tmp_path, frame)
    (tmp_path / "00000007.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(FormatError, match=r"00000007\.npz is damaged"):
        open_source(tmp_path, body=load_body(), fps=25.0)


@pytest.mark.parametrize(
    "form", ["frame{}.npy", "{}.json", "f_{}.json", "clip_7_{}.npy", "{}_keypoints.json", "{}_0.npy"]
)
@pytest.mark.parametrize("numbers", [range(120), range(5, 125), range(0, 240, 2), [*range(40), *range(50, 130)]])
def test_numbers_without_leading_zeros(tmp_path: Path, form: str, numbers: Sequence[int]) -> None:
    points = points_of(cut(waltz(), 130), "smpl24")
    places = [number - numbers[0] for number in numbers]
    step = 2 if numbers[1] - numbers[0] == 2 else 1
    for number, place in zip(numbers, places, strict=True):
        path = tmp_path / form.format(number)
        if path.suffix == ".npy":
            np.save(path, points[place // step])
        else:
            path.write_text(json.dumps({"joints": points[place // step].tolist()}))
    found = open_recording(tmp_path, Hints(fps=25.0))
    total = places[-1] // step + 1
    kept = [place // step for place in places]
    assert len(found.points) == total
    np.testing.assert_allclose(found.points[kept], points[kept], atol=1e-5)
    assert np.isnan(np.delete(found.points, kept, axis=0)).all()


@pytest.mark.parametrize("suffix", ["json", "npy", "npz"])
def test_frames_of_two_clips_are_refused(tmp_path: Path, suffix: str) -> None:
    points = points_of(MOTION, "smpl24")
    for frame in range(FRAMES):
        for clip in "ab":
            path = tmp_path / f"{clip}_{frame:06d}.{suffix}"
            if suffix == "json":
                path.write_text(json.dumps({"joints": points[frame].tolist()}))
            else:
                path.write_bytes(npy_bytes(points[frame]) if suffix == "npy" else npz_bytes({"joints": points[frame]}))
    with pytest.raises(InputError, match=r"frames of 2 clips \('[ab]_' 40 frames, '[ab]_' 40 frames\)\. Give a folder"):
        open_recording(tmp_path)
    for frame in range(FRAMES):
        (tmp_path / f"b_{frame:06d}.{suffix}").unlink()
    assert len(open_recording(tmp_path).points) == FRAMES  # type: ignore[union-attr]


def test_names_that_differ_in_each_file_are_one_clip(tmp_path: Path) -> None:
    points = points_of(MOTION, "smpl24")
    for frame in range(FRAMES):
        path = tmp_path / f"{1_700_000_000_000 + 40 * frame}_{frame:06d}.json"
        path.write_text(json.dumps({"joints": points[frame].tolist()}))
    np.testing.assert_allclose(open_recording(tmp_path).points, points)  # type: ignore[union-attr]


def test_missing_numbers_are_named(tmp_path: Path) -> None:
    points = points_of(MOTION, "smpl24")
    for frame in (*range(10), *range(16, FRAMES)):
        (tmp_path / f"{frame:06d}.json").write_text(json.dumps({"joints": points[frame].tolist()}))
    [finding] = [one for one in open_recording(tmp_path).findings if one.topic == "lost frames"]
    assert (finding.value, finding.doubtful) == ("6 of 40", True)


def test_long_gaps_are_refused(tmp_path: Path) -> None:
    points = points_of(MOTION, "smpl24")
    for frame in range(FRAMES):
        (tmp_path / f"{frame + (600 if frame >= 20 else 0):06d}.npy").write_bytes(npy_bytes(points[frame]))
    with pytest.raises(
        InputError, match=r"leaves out 600 of 640 frames by its numbers or times, most of them after row 20"
    ):
        open_recording(tmp_path)


def test_a_second_kind_of_files_is_named(tmp_path: Path) -> None:
    points = points_of(MOTION, "smpl24")
    for frame in range(FRAMES):
        (tmp_path / f"{frame:06d}.npy").write_bytes(npy_bytes(points[frame]))
        if frame % 2:
            (tmp_path / f"{frame:06d}.json").write_text(json.dumps({"joints": points[frame].tolist()}))
    [finding] = [one for one in open_recording(tmp_path).findings if one.topic == "format"]
    assert (finding.value, finding.why) == (
        ".npy", "the folder has 20 frames as .json as well, which are not read")  # fmt: skip
