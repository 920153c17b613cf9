# SPDX-License-Identifier: Apache-2.0
"""Every format, in files made by independent code: what is read is what was put in."""

from dataclasses import replace
import os
from pathlib import Path
import pickle

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import DoubtError, FormatError, InputError, LayoutError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.io.theta import joints_of
from dancepose_addon.core.skeleton.readers import examine, find_reader, read
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.support.samples import FPS, NAMINGS, cut, points_of, waltz, write_samples

FRAMES = 30
POINTS = {
    "md": ("md23", 25.0), "npz points": ("body25", 25.0), "AIST++ keypoints": ("coco17", 60.0),
    "CSV": ("kinect25", 25.0), "TRC": ("body25", 25.0),
    "C3D": ("md23", 25.0), "MDM results": ("smpl22", 20.0), "npy points": ("smpl24", None),
    "npy flat positions": ("smpl24", None), "BVH mixamo": ("smpl24", 25.0), "BVH cmu": ("smpl24", 25.0),
    "BVH lafan": ("smpl22", 25.0), "BVH rokoko": ("smpl22", 25.0), "BVH unreal": ("smpl22", 25.0),
}  # fmt: skip
THETA = {
    "AMASS SMPL": 25.0, "AMASS SMPL+H": 25.0, "AMASS SMPL-X": 25.0, "AIST++ motion": 60.0, "EDGE": 30.0,
    "FineDance": 30.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_samples(tmp_path_factory.mktemp("samples"), FRAMES)


@pytest.mark.parametrize("name", POINTS)
def test_points_are_those_that_were_written(samples: dict[str, Path], name: str) -> None:
    layout, fps = POINTS[name]
    clip = read(samples[name], fps=None if fps else 30.0)
    assert (clip.layout.name, clip.fps) == (layout, pytest.approx(fps or 30.0))
    truth = points_of(cut(waltz(), FRAMES), layout)
    # Every format keeps metres, y up and SMPL's left, up to a turn about the vertical; here not even that.
    np.testing.assert_allclose(clip.keypoints_m, truth, atol=2e-4)
    assert not any("oubtful" in note for note in clip.notes)


@pytest.mark.parametrize("name", THETA)
def test_theta_poses_the_body_as_it_was(samples: dict[str, Path], name: str) -> None:
    body = load_body()
    motion = open_source(samples[name], body=body)
    assert isinstance(motion, BodyMotion)
    assert motion.fps == pytest.approx(THETA[name])
    found = joints_of(motion, body).keypoints_m / motion.scale
    truth = points_of(cut(waltz(), FRAMES), "smpl24")[:, : found.shape[1]]
    # Poses are exact; the place is that of the pelvis, which on another body stands at another height.
    np.testing.assert_allclose(found - found[:, :1], truth - truth[:, :1], atol=2e-4)
    travelled, true = found[:, 0] * motion.scale, truth[:, 0]
    np.testing.assert_allclose(travelled - travelled[0], true - true[0], atol=2e-4 if "AIST" not in name else 2e-2)
    assert abs(float(motion.provenance["body"]["fingerprint"] == body.fingerprint) - 1.0) < 1e-9


def test_theta_stands_on_the_floor_with_its_own_legs(samples: dict[str, Path]) -> None:
    body = load_body()
    motion = open_source(samples["EDGE"], body=body)
    assert isinstance(motion, BodyMotion)
    # EDGE's file holds its joints too, so the size is the file's own.
    assert motion.scale == pytest.approx(1.0, abs=1e-3)
    feet = joints_of(motion, body).keypoints_m[:, [7, 8, 10, 11], 1]
    assert 0.0 < feet.min() < 0.12


def test_humanml3d_says_its_rate_aloud(samples: dict[str, Path]) -> None:
    clip = read(samples["HumanML3D"])
    assert (clip.layout.name, clip.fps) == ("smpl22", 20.0)
    assert any("rate 20 fps" in note and "HumanML3D" in note for note in clip.notes)
    assert not any("rate" in note for note in read(samples["HumanML3D"], fps=30.0).notes)


def test_rotations_are_told_from_positions_of_the_same_width(samples: dict[str, Path]) -> None:
    body = load_body()
    theta = open_source(samples["npy flat rotations"], body=body, fps=25.0)
    points = open_source(samples["npy flat positions"], body=body, fps=25.0)
    assert isinstance(theta, BodyMotion)
    assert isinstance(points, KeypointSequence)
    np.testing.assert_allclose(theta.pose_rotmat, cut(waltz(), FRAMES).pose, atol=1e-4)
    with pytest.raises(DoubtError, match=r"proportions of no person.*--accept-doubt"):
        open_source(samples["npy flat rotations"], body=body, fps=25.0, hints=Hints(values="positions"))
    anyhow = Hints(values="positions", accept_doubt=True)
    forced = open_source(samples["npy flat rotations"], body=body, fps=25.0, hints=anyhow)
    assert isinstance(forced, KeypointSequence)
    assert any("proportions of no person" in note for note in forced.notes)


def test_content_decides_and_not_the_name(samples: dict[str, Path], tmp_path: Path) -> None:
    for name, expected in (("npy points", "npy"), ("EDGE", "pickle"), ("BVH cmu", "bvh"), ("C3D", "c3d"), ("md", "md")):
        copy = tmp_path / f"{expected}.dat"
        copy.write_bytes(samples[name].read_bytes())
        assert find_reader(copy).name == expected


def test_a_pickle_that_would_run_something_is_refused_by_name(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"smpl_poses": Evil()}))
    with pytest.raises(FormatError, match=r"posix\.system|os\.system|nt\.system"):
        read(path)
    np.save(tmp_path / "evil.npy", np.array({"motion": Evil()}, object), allow_pickle=True)
    with pytest.raises(FormatError, match="system"):
        read(tmp_path / "evil.npy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    points = points_of(cut(waltz(), 12), "coco17") * 100.0
    points[3, 5] = np.nan
    path = tmp_path / "gBR_sBM.pkl"
    path.write_bytes(pickle.dumps({"keypoints3d": points, "keypoints3d_optim": points}, protocol))
    clip = read(path)
    assert clip.confidence is not None
    assert np.argwhere(clip.confidence == 0.0).tolist() == [[3, 5]]
    assert np.isnan(clip.keypoints_m[3, 5]).all()
    np.testing.assert_allclose(clip.keypoints_m[0], points[0] / 100.0, atol=1e-5)


def test_scenes_are_sent_to_blender(tmp_path: Path) -> None:
    (tmp_path / "a.fbx").write_bytes(b"Kaydara FBX Binary  \x00")
    with pytest.raises(FormatError, match="FBX file, which Blender reads"):
        read(tmp_path / "a.fbx")


def test_unknown_names_ask_for_a_layout(tmp_path: Path) -> None:
    lines = ["time," + ",".join(f"M{chr(65 + k)}_{axis}" for k in range(6) for axis in "xyz")]
    lines += [f"{t / 50}," + ",".join(f"{k + axis}" for k in range(6) for axis in range(3)) for t in range(4)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(LayoutError, match="dancepose layout template"):
        read(tmp_path / "a.csv")


def test_a_bvh_of_another_order_and_unit_is_the_same(samples: dict[str, Path], tmp_path: Path) -> None:
    from tests.support.samples import bvh_text

    truth = read(samples["BVH mixamo"])
    for order, unit in (("XYZ", 1.0), ("YXZ", 1000.0), ("ZYX", 1.0 / 0.0254)):
        (tmp_path / "a.bvh").write_text(bvh_text(cut(waltz(), FRAMES), NAMINGS["mixamo"], unit=unit, order=order))
        clip = read(tmp_path / "a.bvh")
        assert clip.fps == pytest.approx(FPS)
        np.testing.assert_allclose(clip.keypoints_m, truth.keypoints_m, atol=1e-4)


def test_every_guess_can_be_overridden(samples: dict[str, Path]) -> None:
    plain = examine(samples["npy points"], Hints(fps=25.0))
    assert plain.interpretation is not None
    said = Hints().with_text("unit=cm, up=z, mirror=names")
    told = examine(samples["npy points"], replace(said, fps=12.0))
    assert told.interpretation is not None
    assert (told.interpretation.metres, told.interpretation.fps, told.interpretation.swaps_sides) == (0.01, 12.0, True)
    assert told.interpretation.turn[1].tolist() == [0.0, 0.0, 1.0]
    for text in ("unit=parsec", "up=w", "mirror=yes"):
        with pytest.raises(InputError):
            examine(samples["npy points"], Hints().with_text(text))
    for text in ("colour=red", "up", "take=-1"):
        with pytest.raises(InputError):
            Hints().with_text(text)


def test_a_mirrored_file_is_said_and_mended(tmp_path: Path) -> None:
    truth = points_of(cut(waltz(), FRAMES), "smpl24")
    np.save(tmp_path / "left_handed.npy", truth * [-1.0, 1.0, 1.0])
    clip = read(tmp_path / "left_handed.npy", fps=25.0)
    assert any("mirrored" in note and "mirror=names" in note for note in clip.notes)
    np.testing.assert_allclose(clip.keypoints_m, truth, atol=1e-5)
    named = read(tmp_path / "left_handed.npy", fps=25.0, hints=Hints(mirror="names"))
    np.testing.assert_allclose(named.keypoints_m[:, 1], truth[:, 2] * [-1.0, 1.0, 1.0], atol=1e-5)
    assert not any("mirrored" in note for note in named.notes)


def test_several_motions_in_one_file(tmp_path: Path) -> None:
    truth = points_of(cut(waltz(), FRAMES), "smpl22")
    both = np.stack([truth, truth[::-1]]).transpose(0, 2, 3, 1)
    np.save(tmp_path / "results.npy", np.array({"motion": both, "lengths": np.array([30, 20])}, object))
    assert any("take=N" in note for note in read(tmp_path / "results.npy").notes)
    second = read(tmp_path / "results.npy", hints=Hints(take=1))
    assert len(second) == 20
    np.testing.assert_allclose(second.keypoints_m, truth[::-1][:20], atol=1e-5)
    with pytest.raises(InputError, match="2 motions"):
        read(tmp_path / "results.npy", hints=Hints(take=2))
