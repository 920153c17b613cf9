# SPDX-License-Identifier: Apache-2.0
"""Files of today's tools, rebuilt after the tools' forms: each has the poses or points that it was made from."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.unnamed_skeletons import UNNAMED
from tests.support.lab_samples import ASIDE, amc_texts
from tests.support.samples import cut, npy_bytes, npz_bytes, points_of, waltz
from tests.support.tool_samples import smplx_table, tool_makers

FRAMES = 60
MOTION = cut(waltz(), FRAMES)
ROTATIONS = (
    "smplx names", "smplx names nested", "human_body_prior", "GVHMR", "WHAM", "joblib", "MDM parameters", "Motion-X",
    "EDGE features", "LODGE features", "LODGE without contacts", "FineDance features", "FACT", "FACT padded",
    "AIST++ in 6D", "SMPL pose and trans", "AIOZ-GDance", "InterHuman", "mint", ".smpl",
)  # fmt: skip
RATES = {
    "MDM parameters": 20.0,
    "Motion-X": 30.0,
    "FACT": 60.0,
    "FACT padded": 60.0,
    "AIST++ in 6D": 60.0,
    ".smpl": 25.0,
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tools")
    paths = {}
    for number, (name, (file, make)) in enumerate(tool_makers(FRAMES).items()):
        paths[name] = folder / str(number) / file
        paths[name].parent.mkdir()
        paths[name].write_bytes(make())
    return paths


@pytest.mark.parametrize("name", ROTATIONS)
def test_rotations_pose_the_body_as_it_was(samples: dict[str, Path], name: str) -> None:
    body = load_body()
    fps = None if name in RATES or "features" in name or "LODGE" in name else 25.0
    opened = open_source(samples[name], body=body, fps=fps)
    assert isinstance(opened, BodyMotion)
    assert len(opened) == FRAMES
    joints = 22 if opened.pose_rotmat[0, 22].trace() == 3.0 else 24
    np.testing.assert_allclose(opened.pose_rotmat[:, :joints], MOTION.pose[:, :joints], atol=2e-5)
    # The way over the floor, whatever size and height the avatar has.
    way = opened.translation_m[:, [0, 2]] - opened.translation_m[:1, [0, 2]]
    np.testing.assert_allclose(way, (MOTION.translation - MOTION.translation[:1])[:, [0, 2]], atol=5e-3)
    if name in RATES:
        assert opened.fps == RATES[name]


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("persons", "smpl24"), ("JSON lists", "smpl24"), ("JSON named", "smpl22"), ("JSON OpenPose", "body25"),
        ("Motive", "smpl22"), ("Nexus", "plugingait39"), ("NTU", "kinect25"), ("HumanML3D features", "smpl22"),
    ],
)  # fmt: skip
def test_points_are_those_that_were_written(samples: dict[str, Path], name: str, layout: str) -> None:
    opened = open_source(samples[name], body=load_body(), fps=25.0)
    assert not isinstance(opened, BodyMotion)
    assert opened.layout.name == layout
    truth = points_of(MOTION, layout)[: len(opened)]
    seen = np.isfinite(opened.keypoints_m).all(axis=-1)
    assert seen.mean() > 0.9
    ours, theirs = opened.keypoints_m.astype(np.float64), truth
    if name == "HumanML3D features":  # they keep neither the first place nor the first facing
        assert len(opened) == FRAMES - 1
        ours, theirs = _from_the_first(ours), _from_the_first(theirs)
    np.testing.assert_allclose(ours[seen], theirs[seen], atol=2e-3)


def _from_the_first(points: np.ndarray) -> np.ndarray:
    """Over the origin and facing the same way in the first frame."""
    left = (points[0, 1] - points[0, 2] + points[0, 16] - points[0, 17]) * [1, 0, 1]
    yaw = np.arctan2(-left[2], left[0])
    cosine, sine = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])
    return (points - points[0, 0] * [1, 0, 1]) @ turn.T


@pytest.mark.parametrize("count", sorted(UNNAMED))
def test_orders_of_tools_are_known_by_their_number_of_points(samples: dict[str, Path], count: int) -> None:
    opened = open_source(samples[f"{count} points"], body=load_body(), fps=25.0)
    assert not isinstance(opened, BodyMotion)
    layout = opened.layout.name
    assert layout in (UNNAMED[count].layout, "smpl22", "smpl24")
    truth = points_of(MOTION, layout)
    seen = np.isfinite(opened.keypoints_m).all(axis=-1)
    named = {name for name in get_layout(layout).keypoints if "neck" not in name or layout == "smpl22"}
    for point, name in enumerate(get_layout(layout).keypoints):
        if name in named and seen[:, point].all():
            np.testing.assert_allclose(opened.keypoints_m[:, point], truth[:, point], atol=2e-3)
    assert seen.mean() > 0.7


def test_asf_amc_is_the_waltz(tmp_path: Path) -> None:
    asf, amc = amc_texts(MOTION)
    (tmp_path / "07.asf").write_text(asf)
    (tmp_path / "07_02.amc").write_text(amc)
    opened = open_source(tmp_path / "07_02.amc", body=load_body(), fps=25.0)
    assert not isinstance(opened, BodyMotion)
    truth = points_of(MOTION, opened.layout.name)
    seen = np.isfinite(opened.keypoints_m).all(axis=-1)
    np.testing.assert_allclose(opened.keypoints_m[seen], truth[seen], atol=2e-3)
    assert seen.mean() > 0.85
    (tmp_path / "07.asf").unlink()
    with pytest.raises(InputError, match="needs its skeleton"):
        open_source(tmp_path / "07_02.amc", body=load_body(), fps=25.0)


def test_take_chooses_the_person(samples: dict[str, Path]) -> None:
    body = load_body()
    first, second = (
        open_source(samples["WHAM"], body=body, fps=25.0, hints=Hints(take=take)) for take in (0, 1)
    )  # fmt: skip
    assert isinstance(first, BodyMotion)
    assert isinstance(second, BodyMotion)
    assert np.allclose(second.translation_m[:, [0, 2]] - first.translation_m[:, [0, 2]], 2.0, atol=1e-3)
    assert any("--read take=N" in note for note in first.provenance["notices"])
    with pytest.raises(InputError, match="2 persons; there is no number 2"):
        open_source(samples["WHAM"], body=body, fps=25.0, hints=Hints(take=2))
    points = open_source(samples["persons"], body=body, fps=25.0, hints=Hints(take=1))
    assert not isinstance(points, BodyMotion)
    np.testing.assert_allclose(points.keypoints_m, points_of(MOTION, "smpl24") + ASIDE, atol=1e-5)


def test_frames_in_files(tmp_path: Path) -> None:
    import json

    for frame, at in enumerate(points_of(MOTION, "body25")):
        person = {"pose_keypoints_3d": [float(v) for p in at for v in (*p, 0.9)]}
        (tmp_path / f"clip_{frame:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": [person]}))
    opened = open_source(tmp_path, body=load_body(), fps=25.0)
    assert not isinstance(opened, BodyMotion)
    np.testing.assert_allclose(opened.keypoints_m, points_of(MOTION, "body25"), atol=1e-5)
    flat = {"people": [{"pose_keypoints_2d": [1.0, 2.0, 0.5] * 25, "pose_keypoints_3d": []}]}
    for path in tmp_path.iterdir():
        path.write_text(json.dumps(flat))
    with pytest.raises(FormatError, match="two-dimensional"):
        open_source(tmp_path, body=load_body(), fps=25.0)


def test_body_pose_alone_and_normalised_features_are_refused_with_the_reason(tmp_path: Path) -> None:
    table = smplx_table(MOTION)
    del table["global_orient"]
    (tmp_path / "a.npz").write_bytes(npz_bytes(table))
    with pytest.raises(InputError, match="without global_orient"):
        open_source(tmp_path / "a.npz", body=load_body(), fps=25.0)
    random = np.random.default_rng(3)
    for width in (151, 263, 139):
        (tmp_path / "b.npy").write_bytes(npy_bytes(random.normal(size=(50, width))))
        with pytest.raises(FormatError, match="normalised"):
            open_source(tmp_path / "b.npy", body=load_body(), fps=25.0)


def test_members_that_nobody_needs_are_passed_over(tmp_path: Path) -> None:
    table = {**smplx_table(MOTION), "images": np.array([{"a": object}], object), "empty": np.zeros((0, 3, 0))}
    (tmp_path / "a.npz").write_bytes(npz_bytes(table))
    assert len(open_source(tmp_path / "a.npz", body=load_body(), fps=25.0)) == FRAMES


def test_torch_reads_what_the_samples_write_and_the_other_way_round(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    name, make = tool_makers(FRAMES)["GVHMR"]
    (tmp_path / name).write_bytes(make())
    theirs = torch.load(tmp_path / name, weights_only=True)
    assert torch.allclose(
        theirs["smpl_params_global"]["transl"], torch.tensor(MOTION.translation, dtype=torch.float32)
    )  # fmt: skip
    table = {key: torch.tensor(value) for key, value in smplx_table(MOTION).items()}
    for new in (True, False):
        torch.save({"smpl_params_global": table}, tmp_path / "b.pt", _use_new_zipfile_serialization=new)
        opened = open_source(tmp_path / "b.pt", body=load_body(), fps=25.0)
        assert isinstance(opened, BodyMotion)
        np.testing.assert_allclose(opened.pose_rotmat, MOTION.pose, atol=2e-5)
