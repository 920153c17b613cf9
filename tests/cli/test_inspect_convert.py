# SPDX-License-Identifier: Apache-2.0
"""``dancepose inspect``, ``convert`` and ``layout`` as a shell sees them."""

from pathlib import Path
import shutil
import sys

import numpy as np
from PIL import Image
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.readers import read
from tests.conftest import RunPython
from tests.support.samples import cut, points_of, waltz, write_samples

from .conftest import Dancepose


@pytest.fixture
def samples(tmp_path: Path) -> dict[str, Path]:
    return write_samples(tmp_path / "samples", 24)


def test_inspect_says_what_a_file_is_and_draws_it(
    dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path
) -> None:
    picture = tmp_path / "seen.png"
    outcome = dancepose("inspect", samples["C3D"], "--picture", picture)
    assert outcome.code == 0, outcome.err
    for words in ("24 frames of 23 points", "C3D", "md23", "mm", "z (98%)", "25 fps", "its POINT:RATE says it"):
        assert words in outcome.out
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    colours = {tuple(colour) for colour in pixels[:: len(pixels) // 200_000 or 1].tolist()}
    assert {(204, 85, 0), (0, 90, 181)} <= colours  # both sides of the body are there


def test_inspect_marks_doubts_and_takes_what_it_is_told(dancepose: Dancepose, samples: dict[str, Path]) -> None:
    doubtful = dancepose("inspect", samples["npy points"])
    assert "? rate" in doubtful.out
    told = dancepose("inspect", samples["npy points"], "--fps", "25", "--read", "unit=cm,up=z")
    assert "it was asked for" in told.out
    assert "?" not in told.out.replace("? sides", "").replace("? order", "")
    wrong = dancepose("inspect", samples["npy points"], "--read", "up=q")
    assert (wrong.code, "no axis 'q'" in wrong.err) == (2, True)  # a usage error


def test_the_next_command_repeats_the_options_and_works(
    dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path
) -> None:
    path = samples["npy points"]
    given = ["--layout", "smpl24", "--fps", "25", "--frames", "0:4", "--read", "unit=m,up=y,take=0", "--accept-doubt"]
    outcome = dancepose("inspect", path, *given)
    last = outcome.out.rstrip().splitlines()[-1].split()
    assert last[:4] == ["next", "dancepose", "render", str(path)]
    assert last[6:] == given
    out = tmp_path / "next.npz"
    assert dancepose("fit", path, "--out", out, *last[6:]).code == 0
    assert len(BodyMotion.load(out)) == 4


def test_folders_patterns_and_bad_files(dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    (folder / "broken.pkl").write_bytes(b"\x80\x04nonsense")
    (folder / "readme.txt").write_text("not a motion")
    outcome = dancepose("inspect", folder)
    assert outcome.code == 1
    assert "1 of" in outcome.err
    assert outcome.err.rstrip().endswith(str(folder / "broken.pkl"))
    assert outcome.out.count("frames of") == len(samples)
    some = dancepose("inspect", folder / "BVH_*" / "*.bvh")
    assert some.code == 0
    assert some.out.count("frames of 2") == 5
    none = dancepose("inspect", folder / "nothing*")
    assert (none.code, "matches no motion file" in none.err) == (1, True)


def test_convert_goes_on_after_a_bad_file(dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("EDGE", "BVH mixamo", "CSV"):
        shutil.copy(samples[name], folder / samples[name].name)
    (folder / "a_broken.bvh").write_text("HIERARCHY")
    outcome = dancepose(
        "convert", folder, tmp_path / "out", "--to", "points", "--layout-out", "smpl22", "--fps-out", "50"
    )
    assert outcome.code == 1
    assert "a_broken.bvh" in outcome.err
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["edge.npz", "mixamo.npz", "points.npz"]
    clip = read(tmp_path / "out" / "mixamo.npz")
    assert (clip.layout.name, clip.fps, len(clip)) == ("smpl22", 50.0, 47)
    np.testing.assert_allclose(clip.keypoints_m[::2], points_of(cut(waltz(), 24), "smpl22"), atol=1e-3)


@pytest.mark.parametrize(("form", "suffix"), [("npz", "npz"), ("smplh", "npz"), ("pkl", "pkl"), ("bvh", "bvh")])
def test_theta_through_every_form(
    dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path, form: str, suffix: str
) -> None:
    out = tmp_path / f"a.{suffix}"
    outcome = dancepose("convert", samples["AMASS SMPL"], out, "--to", form)
    assert outcome.code == 0, outcome.err
    if form == "bvh":
        clip = read(out)
        left, right = clip.keypoints_m[:, 1], clip.keypoints_m[:, 2]
        truth = points_of(cut(waltz(), 24), "smpl24")
        # The body has SMPL's legs, so it is a little larger than the one that danced.
        ratio = np.linalg.norm(left - right, axis=1) / np.linalg.norm(truth[:, 1] - truth[:, 2], axis=1)
        assert ratio == pytest.approx(ratio[0], abs=1e-3)
        return
    again = open_source(out, body=load_body())
    assert isinstance(again, BodyMotion)
    step = 1 if form != "pkl" else None
    if step:
        np.testing.assert_allclose(again.pose_rotmat[:, :22], cut(waltz(), 24).pose[:, :22], atol=1e-4)
    assert again.fps == (60.0 if form == "pkl" else 25.0)


def test_a_rate_that_aist_files_cannot_have_is_refused(
    dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "a.pkl"
    outcome = dancepose("convert", samples["AMASS SMPL"], out, "--fps-out", "25")
    assert (outcome.code, "--fps-out 25 has no effect on --to pkl" in outcome.err, out.exists()) == (2, True, False)
    assert dancepose("convert", samples["AMASS SMPL"], out, "--fps-out", "60").code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems hold no control characters")
def test_names_of_results_are_escaped(dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path) -> None:
    source = tmp_path / "a\x1b[31mb.npz"
    shutil.copy(samples["AMASS SMPL"], source)
    outcome = dancepose("convert", source, tmp_path / "out.bvh")
    assert (outcome.code, "\x1b" in outcome.out, "a\\x1b[31mb.npz" in outcome.out) == (0, False, True)


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems hold no line breaks")
def test_names_with_line_breaks_stay_in_their_line(
    dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path
) -> None:
    source = tmp_path / "a\nb.npz"
    shutil.copy(samples["AMASS SMPL"], source)
    refused = dancepose("convert", source, tmp_path / "a\nb.bvh")
    assert (refused.code, len(refused.err.strip().splitlines())) == (1, 1), refused.err
    done = dancepose("convert", source, tmp_path / "ok.bvh")
    assert (done.code, len(done.out.strip().splitlines()), "a\\nb.npz" in done.out) == (0, 1, True)


@pytest.mark.parametrize(("beta", "is_said"), [(9.9, False), (-20.0, True)])
def test_betas_of_no_person_are_noted(dancepose: Dancepose, tmp_path: Path, *, beta: float, is_said: bool) -> None:
    body = load_body()
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (8, 24, 3, 3)).copy()
    betas = np.zeros(10, np.float32)
    betas[1] = beta
    BodyMotion(pose, np.zeros((8, 3), np.float32), betas, 1.0, 25.0, {"body": {"fingerprint": body.fingerprint}}).save(
        tmp_path / "a.npz", body
    )
    done = dancepose("convert", tmp_path / "a.npz", tmp_path / "a.bvh")
    assert (done.code, "the body is no person's" in done.err) == (0, is_said), done.err


def test_points_become_theta_by_a_fit(dancepose: Dancepose, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "waltz.bvh"
    outcome = dancepose("convert", root / "examples" / "waltz", out, "--frames", "0:40")
    assert outcome.code == 0, outcome.err
    assert len(read(out)) == 40


def test_convert_refuses_what_it_cannot_write(dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path) -> None:
    assert dancepose("convert", samples["EDGE"], tmp_path / "a.docx").code == 2
    assert dancepose("convert", samples["EDGE"]).code == 2
    refused = dancepose("convert", samples["md"], tmp_path / "a.npy", "--layout-out", "coco17")
    assert (refused.code, "too few" in refused.err) == (1, True)
    several = dancepose("convert", samples["md"], samples["EDGE"], tmp_path / "both.npz")
    assert (several.code, "Give a folder" in several.err) == (1, True)
    assert not (tmp_path / "both.npz").exists()
    assert dancepose("convert", samples["EDGE"], "").code == 1
    assert dancepose("inspect", "").code == 1


def test_translations_beside_rotation_vectors_are_read(dancepose: Dancepose, tmp_path: Path) -> None:
    path, out = tmp_path / "named.npz", tmp_path / "m.npz"
    steps = np.linspace(0.0, 1.0, 30)[:, None] * np.array([[1.0, 0.0, 0.5]])
    turns = np.random.default_rng(0).normal(scale=0.1, size=(1, 24, 3)).repeat(30, axis=0)
    np.savez(path, poses_rotvec=turns, trans=steps, fps=30.0)
    assert dancepose("convert", path, out).code == 0
    np.testing.assert_allclose(np.ptp(BodyMotion.load(out).translation_m, axis=0), [1.0, 0.0, 0.5], atol=1e-5)


def test_theta_needs_no_regressor(dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path) -> None:
    out, report = tmp_path / "m.npz", tmp_path / "r.json"
    outcome = dancepose("fit", samples["AIST++ motion"], "--out", out, "--report", report)
    assert outcome.code == 0, outcome.err
    assert "SMPL parameters taken from the file (AIST++ motion)" in outcome.out
    assert len(BodyMotion.load(out)) == 24


def test_layouts_are_listed_checked_and_started(dancepose: Dancepose, samples: dict[str, Path], tmp_path: Path) -> None:
    listed = dancepose("layout", "list").out
    assert all(name in listed for name in ("md23", "kinect25", "azure32", "smplh52", "smplx55"))
    checked = dancepose("layout", "check", "kinect25", "--picture", tmp_path / "k.png")
    assert checked.code == 0
    assert "spine_shoulder" in checked.out
    assert (tmp_path / "k.png").stat().st_size > 10_000
    mine = tmp_path / "mine.toml"
    assert dancepose("layout", "template", samples["C3D"], "--out", mine).code == 0
    assert get_layout(str(mine)).keypoints == get_layout("md23").keypoints
    again = dancepose("layout", "template", samples["C3D"], "--out", mine)
    assert (again.code, "exists" in again.err) == (1, True)
    assert dancepose("inspect", samples["C3D"], "--layout", mine).code == 0
    mine.write_text(mine.read_text().replace('"head"', '"skull"').replace("head = 1.0", "skull = 1.0"))
    broken = dancepose("layout", "check", mine)
    assert (broken.code, "attached to 'skull'" in broken.err) == (1, True)
    assert len(broken.err) < 500


@pytest.mark.slow
def test_theta_to_a_scene_file_through_blender(
    dancepose: Dancepose, run_bpy: RunPython, samples: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "edge.glb"
    outcome = dancepose("convert", samples["EDGE"], out)
    assert outcome.code == 0, outcome.err
    assert out.read_bytes()[:4] == b"glTF"
    script = f"""
import bpy
bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
bpy.ops.import_scene.gltf(filepath={str(out)!r})
armature = next(o for o in bpy.context.scene.objects if o.type == "ARMATURE")
print("bones", len(armature.data.bones), "length", armature.animation_data.action.frame_range[1])
"""
    (tmp_path / "look.py").write_text(script + "import os, sys; sys.stdout.flush(); os._exit(0)\n")
    shown = run_bpy(tmp_path / "look.py").stdout
    assert "bones 52" in shown  # with fingers


def test_a_damaged_file_does_not_end_the_others(dancepose: Dancepose, root: Path, tmp_path: Path) -> None:
    """Without its names, no point of this file is of any joint."""
    whole = next(root.glob("tests/**/c3d_model_outputs.c3d")).read_bytes()
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "a.c3d").write_bytes(whole[:4911] + b"\xef\xbb\xbf" + whole[4911:5688] + whole[5696:])
    assert dancepose("convert", root / "examples" / "waltz", folder / "z.bvh", "--frames", "0:30").code == 0
    outcome = dancepose("convert", folder, tmp_path / "out", "--to", "npz", "--fps", "30")
    assert outcome.code == 1
    assert "which no person is, so nothing was written" in outcome.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["z.npz"]
