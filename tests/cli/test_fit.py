# SPDX-License-Identifier: Apache-2.0
"""``dancepose fit`` on the bundled example, through the shipped regressor."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.evaluation.metrics import mpjpe_mm
from dancepose_addon.core.skeleton.readers import read

from .conftest import Dancepose


@pytest.fixture
def waltz(root: Path) -> Path:
    return root / "examples" / "waltz"


def acceleration_mm(motion: BodyMotion) -> float:
    """Mean size of the wrists' second differences, mm per frame squared."""
    from dancepose_addon.core.body.model import forward_kinematics

    rest = np.float32(motion.scale) * load_body().rest_joints(motion.betas)
    joints = forward_kinematics(rest, motion.pose_rotmat, motion.translation_m)[1][:, [20, 21]]
    return mpjpe_mm(np.diff(joints, n=2, axis=0), np.zeros((len(joints) - 2, 2, 3)))


def test_fit_writes_an_amass_style_motion_and_a_report(dancepose: Dancepose, waltz: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "motion.npz", tmp_path / "report.json"
    outcome = dancepose("fit", waltz, "--out", out, "--report", report)
    assert outcome.code == 0, outcome.err
    assert str(out) in outcome.out
    with np.load(out) as arrays:
        assert arrays["poses"].shape == (357, 72)
        assert arrays["trans"].shape == (357, 3)
        assert float(arrays["mocap_framerate"]) == pytest.approx(25.0, abs=1e-6)
        # AMASS is z up: the pelvis stays about a metre over the floor while it travels across it.
        assert 0.6 < np.median(arrays["trans"][:, 2] + arrays["rest_pelvis"][2]) < 1.2
    table = json.loads(report.read_text())
    assert table["frames"] == 357
    assert table["layout"] == "md23"
    # The dance was posed on this body and seen through these markers, with 4 mm of noise: a regressor that
    # generalises comes near; 60 mm would be a pose that is visibly another.
    assert table["error_mm"]["regressor"]["mean"] < 60.0
    # What is left after the fit is that noise (a mean distance of 1.6 times 4 mm) or less: the fit follows it.
    assert table["error_mm"]["refined"]["mean"] < 6.4
    assert 0.5 < table["noise_mm"] < 4.5  # its white part
    assert table["provider"] in ("CPU", "CUDA", "NumPy")
    assert table["contacts"]["left"]
    assert table["contacts"]["right"]
    motion = BodyMotion.load(out)
    assert len(motion) == 357
    assert motion.provenance["settings"] == table["settings"]


def test_frames_choose_a_part(dancepose: Dancepose, waltz: Path, tmp_path: Path) -> None:
    out = tmp_path / "motion.npz"
    assert dancepose("fit", waltz, "--frames", "100:150", "--out", out).code == 0
    assert len(BodyMotion.load(out)) == 50


def test_the_plot_is_a_picture(dancepose: Dancepose, waltz: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "fit.png"
    outcome = dancepose("fit", waltz, "--frames", "0:60", "--out", tmp_path / "m.npz", "--plot", plot)
    assert outcome.code == 0, outcome.err
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 800
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    inked = (pixels.min(axis=2) < 200).mean()
    assert 0.02 < inked < 0.9
    # The lower half shows four bodies side by side: ink in each quarter of it.
    lower = pixels[pixels.shape[0] // 2 :]
    for quarter in np.array_split(lower, 4, axis=1):
        assert (quarter.min(axis=2) < 200).mean() > 0.01


def test_every_option_does_what_it_says(dancepose: Dancepose, waltz: Path, tmp_path: Path) -> None:
    def run(*options: str) -> tuple[BodyMotion, dict[str, Any]]:
        out, report = tmp_path / "motion.npz", tmp_path / "report.json"
        outcome = dancepose("fit", waltz, "--frames", "0:100", "--out", out, "--report", report, *options)
        assert outcome.code == 0, outcome.err
        return BodyMotion.load(out), json.loads(report.read_text())

    plain, first = run()
    alone, report = run("--refine", "0")
    assert set(report["error_mm"]) == {"regressor"}
    assert report["final_error_mm"] > first["final_error_mm"]
    given, report = run("--betas", "0.5,-1")
    assert given.betas[:2].tolist() == [0.5, -1.0]
    smooth, report = run("--smooth", "1")
    assert acceleration_mm(smooth) < 0.9 * acceleration_mm(plain)
    assert smooth.provenance["settings"]["smooth"] == 1.0
    _, report = run("--foot-lock")
    assert report["feet"]["standing_slide_mm_per_s"] < 0.3 * report["feet_before_lock"]["standing_slide_mm_per_s"]
    adapted, report = run("--adapt", "--no-level")
    assert report["settings"]["adapt"] is True
    assert report["settings"]["level"] is False
    assert report["final_error_mm"] < first["final_error_mm"] + 0.1
    assert len(alone) == len(adapted) == 100


def test_comparing_two_motions(dancepose: Dancepose, waltz: Path, tmp_path: Path) -> None:
    out, moved, table = tmp_path / "a.npz", tmp_path / "b.npz", tmp_path / "figures.json"
    assert dancepose("fit", waltz, "--frames", "0:40", "--out", out).code == 0
    with np.load(out) as arrays:
        np.savez(moved, **{**arrays, "trans": arrays["trans"] + np.array([0.03, 0.04, 0.0])})
    outcome = dancepose("compare", out, moved, "--out", table)
    assert outcome.code == 0, outcome.err
    figures = json.loads(table.read_text())
    assert figures["between"]["mpjpe_mm"] == pytest.approx(50.0, abs=0.01)
    assert figures["between"]["local_rotation_error_deg"] == pytest.approx(0.0, abs=0.01)
    assert "MPJPE), mm, lower is closer" in outcome.out
    assert "50" in outcome.out


def test_files_of_several_persons_replace_no_input(dancepose: Dancepose, waltz: Path, tmp_path: Path) -> None:
    points_m = np.asarray(read(waltz).keypoints_m)[:20]
    source = tmp_path / "duet-1.npz"
    np.savez(source, keypoints_m=np.stack([points_m, points_m + 1.0], axis=1), fps=25.0)
    before = source.read_bytes()
    done = dancepose("fit", source, "--out", tmp_path / "duet.npz")
    assert (done.code, "person 1" in done.err, "is the input" in done.err) == (1, True, True), done.err
    film = tmp_path / "duet.mp4"
    done = dancepose("render", source, "--engine", "fast", "--out", film, "--motion", tmp_path / "duet.npz")
    assert (done.code, "person 1" in done.err, film.exists()) == (1, True, False), done.err
    (tmp_path / "other-2.npz").mkdir()
    done = dancepose("fit", source, "--out", tmp_path / "other.npz")
    assert (done.code, "person 2" in done.err, "is a folder" in done.err) == (1, True, True), done.err
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["duet-1.npz", "other-2.npz"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--regressor", "any.onnx"), "holds SMPL rotations, which are used as they are; --regressor would have no"),
        (("--device", "numpy"), "--device would have no effect"),
        (("--layout", "md23"), "holds rotations of joints (AMASS motion), and --layout does not apply"),
        (("--read", "mirror=axes"), "--read mirror does not apply"),
        (("--read", "values=positions"), "--read values=positions does not apply"),
        (("--keep-contacts",), "--keep-contacts"),
    ],
)
def test_options_for_keypoints_are_refused_for_rotations(
    dancepose: Dancepose, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    source, out = tmp_path / "rotations.npz", tmp_path / "out.npz"
    poses = 0.1 * np.random.default_rng(1).normal(size=(10, 72))
    np.savez(source, poses=poses, trans=np.zeros((10, 3)), betas=np.zeros(10), mocap_framerate=30.0)
    (tmp_path / "any.onnx").touch()
    options = tuple(str(tmp_path / each) if each.endswith(".onnx") else each for each in options)
    outcome = dancepose("fit", source, "--out", out, *options)
    assert (outcome.code, said in outcome.err, out.exists()) == (1, True, False), outcome.err
    if options[0] in ("--regressor", "--device", "--keep-contacts"):
        outcome = dancepose("convert", source, tmp_path / "out.pkl", *options)
        assert (outcome.code, options[0] in outcome.err, (tmp_path / "out.pkl").exists()) == (1, True, False)


def test_options_for_others_are_refused_for_points_of_one_person(
    dancepose: Dancepose, waltz: Path, tmp_path: Path
) -> None:
    outcome = dancepose("fit", waltz, "--out", tmp_path / "out.npz", "--frames", "0:20", "--keep-contacts")
    assert (outcome.code, "--keep-contacts has no effect on one person" in outcome.err) == (1, True)
    outcome = dancepose("fit", waltz, "--out", tmp_path / "out.npz", "--read", "values=rotations")
    assert (outcome.code, "and --read values=rotations does not apply" in outcome.err) == (1, True)
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml"), (".jpg", b"\xff\xd8\xff")]
)
def test_a_plot_has_the_format_of_its_suffix(suffix: str, start: bytes, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from dancepose.plots.fit_plot import new_figure, save

    path = tmp_path / f"plot{suffix}"
    save(new_figure(1.0, 1.0), path)
    assert path.read_bytes().startswith(start)
