# SPDX-License-Identifier: Apache-2.0
"""Files of SMPL rotations as the sources of a study: AIST++, EDGE, AMASS, FineDance and our own motion files."""

from pathlib import Path

import numpy as np
import pytest

from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.jobs import read_head
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import make_plan
from dancepose.study.plan.study_file import Study, load_study
from dancepose.study.plan.study_sources import in_study_terms
from dancepose.study.report.check_study import check_study
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from tests.support.samples import body_motion, cut, makers, waltz

from .conftest import write_tone

pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")

FRAMES, FPS = 40, 25.0
KINDS = {
    "aist": "AIST++ motion",
    "edge": "EDGE",
    "amass": "AMASS SMPL",
    "amass-h": "AMASS SMPL+H",
    "amass-x": "AMASS SMPL-X",
    "finedance": "FineDance",
}
"""Systems and their sample, written by code that shares nothing with our readers; all dance the same."""

PICTURE = """
[picture]
size = [64, 64]
fps = 10
engine = "workbench"
[time]
{time}
[output]
compare = []
sheets = false
"""


@pytest.fixture
def dances(tmp_path: Path, body: BodyModel) -> Path:
    """A study.toml whose seven systems have the same dance as rotations, in seven formats."""
    samples, lines = makers(FRAMES), ['name = "rotations"']
    for system, kind in KINDS.items():
        file, make = samples[kind]
        folder = tmp_path / system
        folder.mkdir()
        (folder / f"s1{Path(file).suffix}").write_bytes(make())
        # The samples are at 25 fps, whatever their formats declare (AIST++ 60, EDGE and FineDance 30).
        lines.append(f'[[system]]\nname = "{system}"\nfiles = "{system}"\nfps = {FPS}')
    (tmp_path / "own").mkdir()
    body_motion(cut(waltz(), FRAMES), body).save(tmp_path / "own" / "s1.npz", body)
    lines.append('[[system]]\nname = "own"\nfiles = "own/{song}.npz"')
    write_tone(tmp_path / "s1.wav", seconds=2.0, amplitude=0.3)
    lines.append('[[song]]\nname = "s1"\naudio = "s1.wav"')
    file = tmp_path / "study.toml"
    file.write_text("\n".join(lines) + PICTURE.format(time=""), encoding="utf-8")
    return file


def check(study: Study):
    return check_study(study, StudyPaths(study.out), shipped=())


def test_rotations_need_no_regressor_and_state_their_length(dances: Path) -> None:
    study = load_study(dances)
    checked = check(study)
    assert checked.problems == ()
    assert (checked.clips, checked.frames) == (7, 7 * 16)
    planned = make_plan(study, StudyPaths(study.out), find_ffmpeg())
    assert (planned.clips, planned.frames, planned.missing) == (7, 7 * 16, ())
    assert read_head(StudyPaths(study.out).plan)["segments"] == {"s1": [["", 0.0, 16]]}


def test_options_for_keypoints_are_refused_for_rotations(dances: Path) -> None:
    text = dances.read_text()
    dances.write_text(text.replace('name = "amass"', 'name = "amass"\nsmooth = 1.0').replace("[time]", "[time]\n"))
    problems = check(load_study(dances)).problems
    assert len(problems) == 1
    assert "amass/s1.npz holds SMPL rotations" in problems[0]
    assert "smooth" in problems[0]
    dances.write_text(text.replace('name = "amass"', 'name = "amass"\nfoot_lock = true'))
    assert check(load_study(dances)).problems == ()


def test_a_frame_rate_that_is_missing_is_asked_for_in_the_file(dances: Path) -> None:
    arrays = dict(np.load(dances.parent / "amass" / "s1.npz"))
    del arrays["mocap_framerate"]
    np.savez(dances.parent / "amass" / "s1.npz", **arrays)
    points = np.random.default_rng(0).normal(size=(40, 24, 3))
    np.savez(dances.parent / "amass-h" / "s1.npz", keypoints_m=points, layout="smpl24")
    dances.write_text(dances.read_text().replace(f"fps = {FPS}\n", ""))
    said = "\n".join(check(load_study(dances)).problems)
    for system in ("amass", "amass-h"):
        assert f"s1.npz does not state its frame rate. Add `fps` to the [[system]] {system}," in said
    assert "--fps" not in said


def test_messages_name_keys_of_the_study_file_instead_of_options() -> None:
    text = "Give --fps, or --read take=0 or more; --foot-lock and --no-level apply to keypoints only."
    assert in_study_terms(text) == (
        'Give `fps` of the [[system]], or `read = "take=0"` of the [[system]] or more; `foot_lock` of the [[system]] '
        "and `level` of the [[system]] apply to keypoints only."
    )
    assert in_study_terms("--body-from fixes the body, which --betas would change.") == (
        "`body_from` of the [[system]] fixes the body, which `betas` of [stage] would change."
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_study_of_rotations_shows_the_dance_of_its_files(dances: Path, run_bpy) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    Image = pytest.importorskip("PIL.Image")
    dances.write_text(dances.read_text().replace("[time]", "[time]\nlength_s = 0.4"))
    done = run_bpy("-m", "dancepose.cli.main", "study", "run", dances, "--workers", "1", timeout=800)
    assert done.returncode == 0, done.stderr
    paths = StudyPaths(dances.parent / "renders")
    truth = cut(waltz(), FRAMES)
    shown = {}
    for system in (*KINDS, "own"):
        motion = BodyMotion.load(paths.motion(system, "s1"))
        joints = 24 if system in ("aist", "edge", "amass", "own") else 22  # the others pose fingers instead of hands
        turns = np.swapaxes(motion.pose_rotmat[:, :joints], -1, -2) @ truth.pose[:, :joints]
        angles = np.arccos(np.clip((np.trace(turns, axis1=-2, axis2=-1) - 1) / 2, -1, 1))
        assert np.degrees(angles).max() < 0.5, system
        moved = np.diff(motion.translation_m[:, [0, 2]], axis=0) - np.diff(truth.translation[:, [0, 2]], axis=0)
        assert np.abs(moved).max() < 0.002, system
        assert paths.clip(system, "s1", "").is_file()
        with Image.open(paths.frames(system, "s1", "") / "000003.png") as picture:
            shown[system] = np.asarray(picture.convert("RGB")).astype(int)
    # The same dance with the same camera. Sizes and floors are those of the files: AMASS, AIST++ and FineDance hold no
    # joints, so the body gets the size of SMPL's, and the floors of the latter two are 25 cm below its zero.
    for group in (("own", "edge"), ("amass", "amass-h", "amass-x"), ("aist", "finedance")):
        for system in group[1:]:
            assert np.abs(shown[system] - shown[group[0]]).mean() < 0.5, system
