# SPDX-License-Identifier: Apache-2.0
"""How ffmpeg is started for a film, and what is said when it fails, with a program in ffmpeg's place."""

import os
from pathlib import Path
import sys
import time

import numpy as np
import pytest

from dancepose.study.media import film_pipe
from dancepose.study.media.film_pipe import open_film
from dancepose.study.media.films import FilmFormat
from dancepose.study.plan.ffmpeg_program import FfmpegProgram
from dancepose_addon.core.errors import OutputError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script replaces ffmpeg")

FILM = FilmFormat(10, 25.0, 18)
PICTURE = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def program(folder: Path, lines: str) -> FfmpegProgram:
    """A script that keeps its arguments and then does ``lines``."""
    file = folder / "program"
    file.write_text(f'#!/bin/sh\nfor last; do :; done\nprintf "%s\\n" "$@" > {folder}/said\n{lines}\n')
    file.chmod(0o755)
    return FfmpegProgram(**dict.fromkeys(FfmpegProgram.__dataclass_fields__, "") | {"program": str(file)})


def arguments(folder: Path) -> list[str]:
    return (folder / "said").read_text().splitlines()


def test_pictures_and_options_reach_the_program(tmp_path: Path) -> None:
    ffmpeg = program(tmp_path, 'cat > "$last"')
    with open_film(ffmpeg, tmp_path / "film.mp4", size=(3, 2), film=FILM, sound=tmp_path / "a.wav") as pipe:
        # Ctrl-C at the terminal goes to a whole session; the program has its own.
        assert os.getsid(pipe._process.pid) == pipe._process.pid
        pipe.write(PICTURE)
        pipe.write(PICTURE[:, ::-1])
        assert not (tmp_path / "film.mp4").exists()
    assert (tmp_path / "film.mp4").read_bytes() == PICTURE.tobytes() + PICTURE[:, ::-1].tobytes()
    found = arguments(tmp_path)
    assert found[found.index("-s") + 1] == "3x2"
    assert found[found.index("-r") + 1] == "25/1"
    assert found[found.index("-t") + 1] == "0.400000"
    assert str(tmp_path / "a.wav") in found
    assert "1:a" in found


@pytest.mark.parametrize(("fps", "shown"), [(25.0, "fps=25,"), (50.0, "fps=50,"), (60.0, "fps=50,")])
def test_films_as_gif_have_at_most_50_pictures_a_second(tmp_path: Path, fps: float, shown: str) -> None:
    ffmpeg = program(tmp_path, 'cat > "$last"')
    with open_film(ffmpeg, tmp_path / "film.GIF", size=(3, 2), film=FilmFormat(10, fps, 18)):
        pass
    found = arguments(tmp_path)
    assert found[found.index("-vf") + 1].startswith(shown)
    assert "-t" not in found
    assert "1:a" not in found


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("cat > /dev/null; echo first >&2; echo last words >&2; echo >&2; exit 3", r"ffmpeg: last words\)"),
        ("cat > /dev/null; exit 3", r"ffmpeg: exit code 3\)"),
        ("cat > /dev/null; echo x: No space left on device >&2; echo end >&2; exit 1", "The disk is full"),
    ],
)
def test_a_program_that_fails(tmp_path: Path, lines: str, sentence: str) -> None:
    ffmpeg = program(tmp_path, lines)
    with (
        pytest.raises(OutputError, match=sentence),
        open_film(ffmpeg, tmp_path / "film.mp4", size=(3, 2), film=FILM) as pipe,
    ):
        pipe.write(PICTURE)
    assert not list(tmp_path.glob("*.mp4"))


def test_a_full_disk_is_found_in_early_lines(tmp_path: Path) -> None:
    more = "; ".join(f"echo 'line {number}' >&2" for number in range(40))
    ffmpeg = program(tmp_path, f"cat > /dev/null; echo '[mp4] No space left on device' >&2; {more}; exit 1")
    with (
        pytest.raises(OutputError, match="The disk is full"),
        open_film(ffmpeg, tmp_path / "film.mp4", size=(3, 2), film=FILM) as pipe,
    ):
        pipe.write(PICTURE)


def test_a_program_that_ends_early(tmp_path: Path) -> None:
    """More than a pipe holds is written to a program that reads nothing."""
    ffmpeg = program(tmp_path, "exec <&-; echo no codec >&2; exit 1")
    with (
        pytest.raises(OutputError, match="no codec"),
        open_film(ffmpeg, tmp_path / "film.mp4", size=(3, 2), film=FILM) as pipe,
    ):
        pipe.write(np.zeros((2000, 3000, 4), np.uint8))


def test_an_error_of_the_renderer_ends_the_program(tmp_path: Path) -> None:
    ffmpeg = program(tmp_path, 'cat > "$last"; sleep 60')
    began_s = time.monotonic()
    with pytest.raises(ZeroDivisionError), open_film(ffmpeg, tmp_path / "film.mp4", size=(3, 2), film=FILM) as pipe:
        raise ZeroDivisionError
    assert time.monotonic() - began_s < 30.0
    assert pipe._process.poll() is not None
    assert not (tmp_path / "film.mp4").exists()


def test_only_the_last_lines_are_kept(tmp_path: Path) -> None:
    ffmpeg = program(tmp_path, 'cat > "$last"; for i in $(seq 1000); do echo $i >&2; done')
    with open_film(ffmpeg, tmp_path / "film.mp4", size=(3, 2), film=FILM) as pipe:
        pass
    assert pipe._said[-1] == "1000"
    assert len(pipe._said) == film_pipe.KEPT_LINES < 100
