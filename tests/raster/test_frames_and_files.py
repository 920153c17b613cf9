# SPDX-License-Identifier: Apache-2.0
"""Files that the fast engine writes: frames with keys, films, sheets."""

from dataclasses import replace
import json

import numpy as np
from PIL import Image
import pytest

from dancepose.raster.frame_keys import frame_key
from dancepose.raster.picture_files import write_picture_sheet, write_png
from dancepose_addon.core.camera_framing import CameraPath, path_as_table
from dancepose_addon.core.messages import EngineChoice, RenderRequest
from dancepose_addon.core.png import stamp_of
from dancepose_addon.core.stage_design import StageSettings

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("channels", [3, 4])
def test_pictures_are_read_back_as_they_were(tmp_path, channels) -> None:
    pixels = RANDOM.integers(0, 256, (20, 30, channels), np.uint8)
    write_png(tmp_path / "a.png", pixels, name="key")
    with Image.open(tmp_path / "a.png") as picture:
        assert (np.asarray(picture) == pixels).all()
    assert stamp_of(tmp_path / "a.png", width=30, height=20) == "key"


def test_a_sheet_holds_every_picture(tmp_path) -> None:
    pictures = [np.full((10, 20, 4), shade, np.uint8) for shade in (10, 60, 110, 160, 210)]
    write_picture_sheet(tmp_path / "s.png", pictures)
    with Image.open(tmp_path / "s.png") as sheet:
        assert {color for _, color in sheet.getcolors()} >= {(shade,) * 3 for shade in (10, 60, 110, 160, 210)}


def test_the_key_names_what_a_frame_depends_on(body, standing, shot) -> None:
    still = CameraPath(shot)

    def key(motion=standing, model=body, path=still, stage=StageSettings(), renderer="a", size=(10, 10)):
        return frame_key(motion, model, path, stage, renderer, size=size)

    moved = standing.translation_m.copy()
    moved[3, 1] += 1e-3
    painted = replace(body.surface, rgba=body.surface.rgba * np.float32(0.9))
    keys = {
        key(),
        key(motion=replace(standing, translation_m=moved)),
        key(model=replace(body, surface=painted)),
        key(path=CameraPath(shot, np.zeros((5, 3)))),
        key(path=CameraPath(replace(shot, reach_m=shot.reach_m + 0.1))),
        key(stage=StageSettings(floor="tiles")),
        key(renderer="b"),
        key(size=(10, 12)),
    }
    assert len(keys) == 8
    assert key() in keys


def test_a_worker_draws_what_is_missing_and_refuses_another_renderer(context, tmp_path, body, standing, shot) -> None:
    from dancepose.fast_worker import ClipFilm
    from dancepose.raster.gl_context import renderer_name
    from dancepose_addon.core.errors import EngineError

    standing.save(tmp_path / "motion.npz", body)
    (tmp_path / "camera.json").write_text(json.dumps(path_as_table(CameraPath(shot))))
    request = RenderRequest(
        motion=tmp_path / "motion.npz",
        shot=tmp_path / "camera.json",
        move_m=(0.0, 0.0, 0.0),
        body=None,
        width=48,
        height=80,
        fps=10.0,
        start_s=0.1,
        seed=0,
        transparent=False,
        backdrop_rgb=(0.3, 0.3, 0.3),
        light=1.0,
        floor="tiles",
        engine=EngineChoice(name="fast", device=renderer_name(context)),
        folder=tmp_path / "frames",
        first=1,
        count=3,
    )
    with pytest.raises(EngineError, match="begun with another"):
        ClipFilm(replace(request, engine=EngineChoice(name="fast", device="another")))
    film = ClipFilm(request)
    (tmp_path / "frames").mkdir()
    done: list[int] = []
    assert film.write_frames(request.folder, range(1, 4), on_frame=done.append) == 3
    assert done == [0, 1, 2]
    before = (request.folder / "000002.png").read_bytes()
    (request.folder / "000003.png").write_bytes(b"cut short")
    assert film.write_frames(request.folder, range(1, 4), on_frame=done.append) == 1
    assert (request.folder / "000002.png").read_bytes() == before
    for path in request.folder.iterdir():
        assert stamp_of(path, width=48, height=80) == f"{film.key} {int(path.stem)}"


def test_films_have_every_frame_and_gifs_are_animated(tmp_path) -> None:
    from dancepose.study.media.ffmpeg import Ffmpeg
    from dancepose.study.media.film_pipe import open_film
    from dancepose.study.media.films import FilmFormat
    from dancepose.study.plan.ffmpeg_program import find_ffmpeg

    program = find_ffmpeg()
    for name in ("a.mp4", "a.gif"):
        with open_film(program, tmp_path / name, size=(64, 48), film=FilmFormat(7, 25.0, 18)) as pipe:
            for shade in range(7):
                pipe.write(np.full((48, 64, 4), 30 * shade, np.uint8))
    assert Ffmpeg(program).count_frames(tmp_path / "a.mp4") == 7
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 7
        picture.seek(5)
        assert np.asarray(picture.convert("RGB")).mean() == pytest.approx(150, abs=4)


def test_a_film_that_cannot_be_encoded_leaves_nothing(tmp_path) -> None:
    from dancepose.study.media.film_pipe import open_film
    from dancepose.study.media.films import FilmFormat
    from dancepose.study.plan.ffmpeg_program import find_ffmpeg
    from dancepose_addon.core.errors import OutputError

    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")

    def encode() -> None:
        film = FilmFormat(2, 25.0, 18)
        with open_film(find_ffmpeg(), tmp_path / "a.mp4", size=(64, 48), film=film, sound=broken) as pipe:
            for _ in range(2):
                pipe.write(np.zeros((48, 64, 4), np.uint8))

    with pytest.raises(OutputError, match="could not be encoded"):
        encode()
    assert not (tmp_path / "a.mp4").exists()
