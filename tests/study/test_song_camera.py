# SPDX-License-Identifier: Apache-2.0
"""Camera and floor of a song: one for all systems."""

import json
from pathlib import Path

import numpy as np
import pytest

from dancepose.study.media.song_camera import _shown_part, write_song_camera
from dancepose.study.plan.paths import StudyPaths
from dancepose.study.plan.planning import Segment
from dancepose.study.plan.study_file import Study, load_study
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import Shot, project

ALL = [Segment("", 0.0, 20)]


def put_fit(paths: StudyPaths, body: BodyModel, name: str, *, at: tuple[float, float, float], floor_m: float) -> None:
    """A standing dancer, who from second 1 on is elsewhere, far away."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (40, 24, 3, 3))
    place = np.tile(np.array(at, np.float32), (40, 1))
    place[22:] += 30.0
    motion = BodyMotion(pose, place, np.zeros(10, np.float32), 1.0, 20.0)
    motion.save(paths.motion(name, "s"), body)
    paths.fit_report(name, "s").write_text(json.dumps({"floor_m": floor_m}))


@pytest.fixture
def study(make_study) -> Study:
    return load_study(make_study())


def shot_of(table: dict) -> Shot:
    return Shot(**{key: np.array(value) if isinstance(value, list) else value for key, value in table["shot"].items()})


def make(study: Study, systems: list[str]) -> dict:
    paths = StudyPaths(study.out)
    write_song_camera(study, paths, "s", systems, [Segment("", 0.0, 10)])
    return json.loads(paths.camera("s").read_text())


def test_every_system_is_in_the_picture_and_nothing_of_what_is_not_shown(study: Study, body: BodyModel) -> None:
    paths = StudyPaths(study.out)
    height = float(-body.v_template_m[:, 1].min())
    put_fit(paths, body, "near", at=(0.0, height, 0.0), floor_m=0.0)
    put_fit(paths, body, "far", at=(2.0, height, -1.0), floor_m=0.0)
    shot = shot_of(make(study, ["near", "far"]))
    for at in ((0.0, height, 0.0), (2.0, height, -1.0)):
        points = skin(body, np.broadcast_to(np.eye(3, dtype=np.float32), (1, 24, 3, 3)), correctives=False)
        seen = project(shot, points[0] + np.array(at))
        assert np.abs(seen[:, :2]).max() < 1.0 - study.camera.margin
    alone = shot_of(make(study, ["near"]))
    assert np.linalg.norm(alone.position_m - alone.centre_m) < np.linalg.norm(shot.position_m - shot.centre_m)
    assert np.linalg.norm(shot.centre_m) < 3.0


def test_the_order_of_systems_changes_nothing(study: Study, body: BodyModel) -> None:
    paths = StudyPaths(study.out)
    for name, x in (("near", 0.0), ("far", 1.5)):
        put_fit(paths, body, name, at=(x, 1.2, 0.0), floor_m=x / 10.0)
    first, second = make(study, ["near", "far"]), make(study, ["far", "near"])
    assert np.allclose(first["shot"]["position_m"], second["shot"]["position_m"])
    assert first["move_m"] == second["move_m"]


def test_one_floor_shows_who_floats(study: Study, body: BodyModel) -> None:
    paths = StudyPaths(study.out)
    for name, floor in (("near", 0.10), ("far", 0.10), ("third", 0.16)):
        put_fit(paths, body, name, at=(0.0, 1.2, 0.0), floor_m=floor)
    moves = make(study, ["near", "far", "third"])["move_m"]
    assert moves["near"] == moves["far"] == [0.0, 0.0, 0.0]
    # Its soles are 6 cm higher in its file than the others' in theirs.
    assert moves["third"] == pytest.approx([0.0, 0.06, 0.0])


def test_or_every_clip_stands_on_its_own(make_study, body: BodyModel) -> None:
    study = load_study(make_study(more='[stage]\nfloor = "clip"'))
    for name, floor in (("near", 0.10), ("far", 0.30)):
        put_fit(StudyPaths(study.out), body, name, at=(0.0, 1.2, 0.0), floor_m=floor)
    assert set(map(tuple, make(study, ["near", "far"])["move_m"].values())) == {(0.0, 0.0, 0.0)}


def test_camera_settings_are_used(make_study, body: BodyModel, tmp_path: Path) -> None:
    study = load_study(make_study(more="[camera]\nfield_deg = 30\npitch_deg = 0"))
    put_fit(StudyPaths(study.out), body, "near", at=(0.0, 1.2, 0.0), floor_m=0.0)
    shot = shot_of(make(study, ["near"]))
    assert shot.field_rad == pytest.approx(np.radians(30))
    assert shot.rotmat[:, 2] == pytest.approx([0.0, 0.0, 1.0], abs=1e-6)


def test_poses_of_the_segments_and_their_neighbours() -> None:
    """Of 60 poses at 20 a second, those from 1 to 2 s with one more on either side; at the ends what there is."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (60, 24, 3, 3))
    place = np.repeat(np.arange(60, dtype=np.float32)[:, None], 3, axis=1)
    motion = BodyMotion(pose, place, np.zeros(10, np.float32), 1.0, 20.0)

    def shown(*segments: Segment) -> list[int]:
        return _shown_part(motion, list(segments), 10.0).translation_m[:, 0].astype(int).tolist()

    assert shown(Segment("", 1.0, 10)) == list(range(19, 42))
    assert shown(Segment("", 0.0, 1)) == list(range(4))
    assert shown(Segment("", 2.5, 10)) == list(range(49, 60))
    assert shown(Segment("a", 0.0, 1), Segment("b", 1.02, 10)) == [*range(4), *range(19, 43)]
