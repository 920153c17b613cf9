# SPDX-License-Identifier: Apache-2.0
"""Studies whose systems all move the same character."""

import json
from pathlib import Path

import numpy as np
import pytest

from dancepose.study.media.ffmpeg import Ffmpeg
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose.study.plan.paths import StudyPaths
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.retarget.character_record import CharacterRecord
from dancepose_addon.core.retarget.source_motion import source_motion

pytest.importorskip("bpy", reason="the bpy wheel is not installed")
pytest.importorskip("imageio_ffmpeg", reason="the extra `study` is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def character(run_bpy, tmp_path) -> Path:
    """A Mixamo-named character with a skin, in a .blend file."""
    path = tmp_path / "hero.blend"
    done = run_bpy("-m", "tests.support.rig_files", "mixamo", path, timeout=200)
    assert path.is_file(), done.stderr
    return path


def test_all_systems_move_the_same_character(make_study, run_bpy, character, body) -> None:
    file = make_study(songs=("s1",), more=f'[stage]\ncharacter = "{character}"\nbetas = [0.0]')
    done = run_bpy("-m", "dancepose.cli.main", "study", "run", file, "--workers", "1", timeout=500)
    assert done.returncode == 0, done.stderr
    paths = StudyPaths(file.parent / "renders")
    for system in ("near", "far"):
        assert Ffmpeg(find_ffmpeg()).count_frames(paths.clip(system, "s1", "")) == 10
    frames = [(paths.frames(system, "s1", "") / "000003.png").read_bytes() for system in ("near", "far")]
    assert frames[0] != frames[1]
    # The record gives the points that frame the song: in the picture, and as high as the character.
    record = CharacterRecord.load(paths.character)
    motion = BodyMotion.load(paths.motion("near", "s1"))
    points = record.outline(source_motion(motion, body, floor_m=0.0)).reshape(-1, 3)
    assert 1.4 < np.ptp(points[:, 1]) < 2.4
    shot = json.loads(paths.camera("s1").read_text(encoding="utf-8"))["shot"]
    seen = (points - np.array(shot["position_m"])) @ np.array(shot["rotmat"])
    assert (np.abs(seen[:, 1] / seen[:, 2]) < np.tan(shot["field_rad"] / 2.0)).all()


def test_a_study_with_no_character_in_its_file_says_so(make_study, run_bpy, tmp_path) -> None:
    bad = tmp_path / "bad.glb"
    bad.write_bytes(b"glTF")
    file = make_study(songs=("s1",), more=f'[stage]\ncharacter = "{bad}"')
    done = run_bpy("-m", "dancepose.cli.main", "study", "run", file, "--workers", "1", timeout=500)
    assert done.returncode == 1
    assert "bad.glb is not a glTF file" in done.stderr
    assert "Traceback" not in done.stderr
