# SPDX-License-Identifier: Apache-2.0
"""Files as tools in the field write them: each has the poses or points that it was made from."""

import json
from pathlib import Path

import numpy as np
import pytest

import dancepose
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import DancePoseError, FormatError, InputError, OutputError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.recording import Hints
from tests.support.field_samples import FEWER, easymocap_frame, field_makers
from tests.support.samples import cut, npy_bytes, npz_bytes, points_of, waltz
from tests.support.tool_samples import rotvecs

FRAMES = 60
MOTION = cut(waltz(), FRAMES)
MAKERS = field_makers(FRAMES)
ROTATIONS = {
    "PHALP", "ROMP", "SLAHMR", "3DPW", "MDM parameters of a batch", "HMR rows", "SMPL-X pose and trans",
    "matrices alone", "time last", "TRAM", "torch of a list",
}  # fmt: skip
IN_PLACE = {"PHALP", "HMR rows", "matrices alone"}
LAYOUTS = {
    "InterHuman rows": "smpl22", "InterGen": "smpl22",
    "Azure Kinect": "azure32", "MMPose": "h36m17", "MediaPipe landmarks": "body25", "list of tables": "coco17",
    "graph network": "kinect25", "LaFAN1 order": "smpl22", "HMR 2.0 joints": "body25", "MediaPipe columns": "body25",
    "MediaPipe rows": "body25", "common prefix": "body25", "Qualisys": "plugingait39",
}  # fmt: skip
"""Where it is not smpl24."""


def write(folder: Path, name: str) -> Path:
    file, make = MAKERS[name]
    (folder / file).write_bytes(make())
    return folder / file


@pytest.mark.parametrize("name", sorted(ROTATIONS))
def test_rotations_are_those_that_were_written(tmp_path: Path, name: str) -> None:
    opened = open_source(write(tmp_path, name), body=load_body(), fps=25.0)
    assert isinstance(opened, BodyMotion)
    assert len(opened) == FRAMES
    np.testing.assert_allclose(opened.pose_rotmat[:, :22], MOTION.pose[:, :22], atol=2e-5)
    way = opened.translation_m[:, [0, 2]] - opened.translation_m[:1, [0, 2]]
    truth = (MOTION.translation - MOTION.translation[:1])[:, [0, 2]]
    np.testing.assert_allclose(way, 0.0 if name in IN_PLACE else truth, atol=5e-3)
    assert (name in IN_PLACE) == any("stays in its place" in note for note in opened.provenance["notices"])


@pytest.mark.parametrize("name", sorted(set(MAKERS) - ROTATIONS))
def test_points_are_those_that_were_written(tmp_path: Path, name: str) -> None:
    opened = open_source(write(tmp_path, name), body=load_body(), fps=25.0)
    assert not isinstance(opened, BodyMotion)
    assert opened.layout.name == LAYOUTS.get(name, "smpl24")
    truth = points_of(MOTION, opened.layout.name)
    seen = np.isfinite(opened.keypoints_m).all(axis=-1)
    assert seen.mean() > 0.85
    named = np.array(["neck" not in point and "mid_hip" not in point for point in opened.layout.keypoints])
    exact = seen & (named | ("MediaPipe" not in name))  # MediaPipe has no neck: the middle of the shoulders is taken
    np.testing.assert_allclose(opened.keypoints_m[exact], truth[exact], atol=2e-3)


def test_a_person_who_leaves_is_read_over_the_longest_stretch(tmp_path: Path) -> None:
    path = write(tmp_path, "PHALP")
    second = open_source(path, body=load_body(), fps=25.0, hints=Hints(take=1))
    assert len(second) == FEWER
    assert isinstance(second, BodyMotion)
    assert any(f"seen in {FEWER} of {FRAMES}" in note for note in second.provenance["notices"])
    with pytest.raises(InputError, match="no number 2"):
        open_source(path, body=load_body(), fps=25.0, hints=Hints(take=2))


@pytest.mark.parametrize("has_annots", [False, True])
def test_easymocap_folders_of_models(tmp_path: Path, has_annots: bool) -> None:  # noqa: FBT001
    for frame in range(20):
        persons = easymocap_frame(MOTION, frame)
        value = {"annots": persons} if has_annots else persons
        (tmp_path / f"{frame:06d}.json").write_text(json.dumps(value))
    opened = open_source(tmp_path, body=load_body(), fps=25.0)
    assert isinstance(opened, BodyMotion)
    np.testing.assert_allclose(opened.pose_rotmat, MOTION.pose[:20], atol=2e-5)


def test_clips_in_one_file_are_chosen_by_take(tmp_path: Path) -> None:
    points = points_of(MOTION, "smpl24")
    (tmp_path / "two.npz").write_bytes(npz_bytes({"leader": points, "follower": points + 0.5}))
    first, second = (read(tmp_path / "two.npz", fps=25.0, hints=Hints(take=take)) for take in (0, 1))
    np.testing.assert_allclose(second.keypoints_m - first.keypoints_m, 0.5, atol=1e-5)
    assert any("leader, follower" in note for note in first.notes)


@pytest.mark.parametrize(
    ("file", "data", "said"),
    [
        ("a.npz", b"<!DOCTYPE html><html></html>", "a web page"),
        ("a.npz", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.mat", b"MATLAB 5.0 MAT-file" + b" " * 200, "a MATLAB file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "an HDF5 file"),
        ("a.mp4", b"\0\0\0\x18ftypmp42" + b"\0" * 100, "a video file"),
        ("a.mvnx", b'<?xml version="1.0"?>\n<mvnx version="4"></mvnx>', "Export BVH or C3D from Xsens MVN"),
        ("a.osim", b'<?xml version="1.0"?>\n<OpenSimDocument Version="40000">', "Give the TRC file"),
        ("a.dae", b'<?xml version="1.0"?>\n<COLLADA xmlns="x">', "a COLLADA file, which Blender reads"),
        ("a.xml", b'<?xml version="1.0"?>\n<motion></motion>', "an XML file"),
        ("a.htm", b'<?xml version="1.0"?>\n<!DOCTYPE html>\n<html>', "a web page"),
        ("a.mot", b"Coordinates\nversion=1\ninDegrees=yes\nendheader\ntime\tpelvis_tilt\n", "TRC file"),
        ("frame_0001_0.obj", b"# OBJ file\nmtllib material.mtl\nv 0.1 -0.2 3e-2\n", "a mesh"),
        ("000.ply", b"ply\nformat ascii 1.0\n", "a mesh"),
        ("a.npy", b"", "is empty"),
        ("a.npz", npz_bytes({"v_template": np.zeros((9, 3)), "weights": np.zeros((9, 2))}), "a body model"),
        ("a.npz", npz_bytes({"poses": np.degrees(rotvecs(MOTION)).reshape(-1, 72), "trans": MOTION.translation}),
         "numpy.radians"),
        ("a.npy", npy_bytes(np.full((9, 24, 3), 1e30, np.float32)), "larger than 1e"),
        ("a.npy", npy_bytes(np.zeros((9, 24, 3))), "only zeros"),
        ("a.npy", npy_bytes(np.ones((9, 24, 2))), "a place in a picture"),
        ("a.json", json.dumps([{"people": [{"pose_keypoints_2d": [1.0] * 75}]}]).encode(), "two-dimensional"),
    ],
)  # fmt: skip
def test_other_files_are_refused_for_what_they_are(tmp_path: Path, file: str, data: bytes, said: str) -> None:
    (tmp_path / file).write_bytes(data)
    with pytest.raises(DancePoseError, match=said):
        open_source(tmp_path / file, body=load_body(), fps=25.0)


def test_texts_that_begin_like_zlib_are_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x1,y1,z1\n" + "1,2,3\n" * 5)
    with pytest.raises(FormatError, match="at least five points"):
        read(tmp_path / "a.csv", fps=25.0)


def test_what_is_no_path_and_no_name_of_a_motion_is_refused(tmp_path: Path) -> None:
    for nothing in (None, 3, ""):
        with pytest.raises(InputError, match="is not a path"):
            dancepose.fit_file(nothing)  # type: ignore[arg-type]
    (tmp_path / "a.npz").write_bytes(npz_bytes({"poses": rotvecs(MOTION).reshape(-1, 72), "trans": MOTION.translation}))
    result = dancepose.fit_file(tmp_path / "a.npz", fps=25.0)
    with pytest.raises(OutputError, match=r"ends in \.npz"):
        result.save(tmp_path / "x.txt")
    assert not (tmp_path / "x.txt").exists()
