# SPDX-License-Identifier: Apache-2.0
"""The films of a rating: found, hashed and measured."""

import hashlib
import os
from pathlib import Path
import re
from typing import Final

from dancepose.study.media.ffmpeg import ONLY_FILM_FILES, Ffmpeg
from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.progress import Progress, silent

from ..record_files import require_films_outside
from .plan_clips import FoundFilm
from .rating_file import RatedSystem, RatingFile

FILM_SUFFIXES: Final = (".mp4", ".webm", ".m4v", ".mov")
_DURATION: Final = re.compile(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_RATE: Final = re.compile(r"Stream #.*Video:.* (\d+(?:\.\d+)?) fps")


def find_films(file: RatingFile, ffmpeg: Ffmpeg, progress: Progress = silent) -> dict[tuple[str, str], FoundFilm]:
    """Find and measure the films of every system.

    Args:
        file: The rating file.
        ffmpeg: Measures the films.
        progress: Called with the fraction done.

    Raises:
        InputError: A system has no films, two of one song, or one that cannot be read.
    """
    wanted = {song.name for song in file.song}
    paths = {
        (system.name, song): path
        for system in file.system
        for song, path in films_of(system, file.root).items()
        if not wanted or song in wanted
    }
    require_films_outside(file.root, paths.values())
    found = {}
    for number, ((system, song), path) in enumerate(paths.items()):
        progress(number / len(paths), f"{system}, {song}")
        found[system, song] = measured_film(path, file.root, ffmpeg)
    progress(1.0, "films read")
    return found


def films_of(system: RatedSystem, root: Path) -> dict[str, Path]:
    """Return the films of a system by song, from its folder, glob or pattern.

    Raises:
        InputError: There are none, or two of one song.
    """
    text = system.files
    before, braces, after = text.partition("{song}")
    if braces:
        base = root / before
        folder, start = (base, "") if before.endswith("/") or not before else (base.parent, base.name)
        paths = sorted(folder.glob(f"{start}*{after}")) if folder.is_dir() else []
        names = {path: path.relative_to(folder).as_posix()[len(start) : -len(after) or None] for path in paths}
    elif (root / text).is_dir():
        names = {path: path.stem for path in sorted((root / text).iterdir())}
    else:
        anchor = Path(root.anchor) if Path(text).is_absolute() else root
        pattern = str(Path(text).relative_to(anchor)) if Path(text).is_absolute() else text
        names = {path: path.stem for path in sorted(anchor.glob(pattern))}
    films: dict[str, Path] = {}
    for path, song in names.items():
        if path.suffix.lower() not in FILM_SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        if song in films:
            # A study writes a .webm with alpha beside each .mp4.
            if {path.suffix, films[song].suffix} == {".mp4", ".webm"}:
                films[song] = path.with_suffix(".mp4")
                continue
            raise InputError(f"System {system.name} has two films of {song}: {films[song].name} and {path.name}.")
        films[song] = path
    if not films:
        raise InputError(
            f"System {system.name} has no films at {root / text}; expected files with {', '.join(FILM_SUFFIXES)}. "
            "Correct `files`, or render them with `dancepose study run`."
        )
    return films


def measured_film(path: Path, root: Path, ffmpeg: Ffmpeg) -> FoundFilm:
    """Measure and hash a film.

    Args:
        path: The film.
        root: The rating folder.
        ffmpeg: Reads it.

    Raises:
        InputError: It is damaged, or not a film.
    """
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        read = [*ONLY_FILM_FILES, "-i", str(path.absolute())]
        said = ffmpeg.run([*read, "-map", "0:v:0", "-c", "copy", "-f", "null", "-"])
    except (OSError, DancePoseError) as error:
        raise InputError(f"{path} cannot be read as a film ({error}). Render it again, or remove it.") from error
    duration, rate = _DURATION.search(said), _RATE.search(said)
    if duration is None:
        raise InputError(f"{path} has no length. Render it again, or remove it.")
    hours, minutes, seconds = duration.groups()
    return FoundFilm(
        file=Path(os.path.relpath(path.absolute(), root.absolute())).as_posix(),
        sha256=sha256,
        duration_s=3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds),
        fps=float(rate.group(1)) if rate else 0.0,
    )
