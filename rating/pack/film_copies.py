# SPDX-License-Identifier: Apache-2.0
"""Copies of the films without anything that gives their origin away."""

from dataclasses import dataclass
from errno import ENOSPC
import hashlib
from pathlib import Path
import re
import struct
import subprocess
from typing import Final

from dancepose.study.media.bound_process import ending_with_caller
from dancepose.study.media.ffmpeg import NO_SPACE, ONLY_FILM_FILES
from dancepose.study.plan.ffmpeg_program import FfmpegProgram
from dancepose_addon.core.atomic import output_error
from dancepose_addon.core.bounded_files import require_regular
from dancepose_addon.core.errors import DancePoseError, InputError, MissingFileError

from ..records import RatingClip

TIMEOUT_S: Final = 600.0
FILM_SUFFIXES: Final = (".mp4", ".m4v", ".mov")
NO_MESSAGES: Final = ("-bsf:v", "filter_units=remove_types=6")
"""Leaves out H.264's units of supplemental information, in which x264 names its version and settings."""
NO_METADATA: Final = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags", "+bitexact")
SHUFFLE_FRAMES: Final = 12


@dataclass(frozen=True)
class PackedFilm:
    """A film of a pack.

    Attributes:
        path: The file.
        duration_s: Length, seconds.
        fps: Frames per second, as its stream says.
        size: (width, height), pixels.
        codec: Of the pictures.
        has_sound: Whether it has a sound.
    """

    path: Path
    duration_s: float
    fps: float
    size: tuple[int, int]
    codec: str
    has_sound: bool


def file_sha256(path: Path) -> str:
    """Hash a file.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is not a regular file.
    """
    try:
        require_regular(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Restore it, or plan again.") from error


def check_unchanged(root: Path, clip: RatingClip) -> None:
    """Check that a film is still the one that was planned.

    Raises:
        MissingFileError: It is gone.
        InputError: It was changed, or is no MP4 film.
    """
    path = root / clip.file
    if path.suffix.lower() not in FILM_SUFFIXES:
        raise InputError(
            f"{path} is no MP4 film. Convert it to MP4 with H.264, which every browser plays, and plan again."
        )
    if file_sha256(path) != clip.sha256:
        raise InputError(f"{path} was changed after the plan was made. Restore it, or run `dancepose rate plan` again.")


def copy_film(
    program: FfmpegProgram, root: Path, clip: RatingClip, out: Path, *, encodes_sound: bool = False
) -> PackedFilm:
    """Write a film without metadata, with the sound that its clip is to have.

    The pictures of plain clips are copied unchanged.

    Args:
        program: The ffmpeg to run.
        root: The rating folder.
        clip: The clip.
        out: File to write.
        encodes_sound: Whether the clip's own sound is encoded again too: in a mismatch design, so that the right and
            the wrong sound differ in nothing else.

    Returns:
        What was written.

    Raises:
        DancePoseError: ffmpeg failed.
    """
    arguments = _input(root / clip.file)
    sound = "0:a:0?"
    if clip.sound_file:
        arguments += ["-stream_loop", "-1", "-ss", f"{clip.sound_start_s:.6f}", *_input(root / clip.sound_file)]
        sound = "1:a:0"
    arguments += ["-map", "0:v:0", "-map", sound, *_pictures(program, root, clip)]
    is_encoded = clip.sound_file or encodes_sound
    arguments += ["-c:a", "aac", "-b:a", "192k", "-t", f"{clip.duration_s:.6f}"] if is_encoded else ["-c:a", "copy"]
    said = _run(program, [*arguments, *NO_METADATA, "-movflags", "+faststart", "-f", "mp4", str(out)])
    return _described(out, said)


def _input(path: Path) -> list[str]:
    """Return the arguments that read a film, and no playlist, which would open other files."""
    return [*ONLY_FILM_FILES, "-i", f"file:{path.absolute()}"]


def _pictures(program: FfmpegProgram, root: Path, clip: RatingClip) -> list[str]:
    film = describe_film(program, root / clip.file)
    if clip.treatment == "none":
        return ["-c:v", "copy", *(NO_MESSAGES if film.codec == "h264" else ())]
    if clip.treatment == "frozen":
        # The first picture for the whole length; the length is that of the film.
        pictures = f"trim=end_frame=1,loop=loop=-1:size=1:start=0,setpts=N/({film.fps:.6f}*TB)"
    else:
        # The last group is filled with its last picture, so that none is dropped.
        order = " ".join(map(str, shuffled_order(SHUFFLE_FRAMES)))
        pictures = f"tpad=stop_mode=clone:stop={SHUFFLE_FRAMES - 1},shuffleframes={order}"
    return ["-vf", pictures, "-r", f"{film.fps:.6f}", "-t", f"{clip.duration_s:.6f}", "-c:v", "libx264", "-crf", "18",
            "-pix_fmt", "yuv420p", *NO_MESSAGES]  # fmt: skip


def shuffled_order(count: int) -> list[int]:
    """Return a fixed order of frames in which no frame follows its neighbour: all with a step of five, from the third.

    Args:
        count: Frames in a group; no multiple of five.
    """
    return [(3 + 5 * place) % count for place in range(count)]


def describe_film(program: FfmpegProgram, path: Path) -> PackedFilm:
    """Read what the streams of a film say, by ffmpeg.

    Raises:
        DancePoseError: It has no pictures.
    """
    return _described(path, _run(program, [*_input(path), "-map", "0:v:0", "-c", "copy", "-f", "null", "-"]))


def _described(path: Path, said: str) -> PackedFilm:
    """Read what ffmpeg says about its first input."""
    codec = re.search(r"Stream #0:\d.*Video: (\w+)", said)
    size = re.search(r"Video: .*?\b(\d{2,5})x(\d{2,5})\b", said)
    fps = re.search(r"([\d.]+) fps", said)
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said)
    if not (codec and size and fps and length):
        raise InputError(f"{path} cannot be read as a film. Render it again, or give another file.")
    hours, minutes, seconds = (float(part) for part in length.groups())
    return PackedFilm(
        path,
        3600 * hours + 60 * minutes + seconds,
        float(fps.group(1)),
        (int(size.group(1)), int(size.group(2))),
        codec.group(1),
        "Audio:" in said,
    )


def _run(program: FfmpegProgram, arguments: list[str]) -> str:
    command = [program.program, "-hide_banner", "-nostdin", "-nostats", "-y", *arguments]
    command = ending_with_caller(command)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DancePoseError(f"ffmpeg did not finish within {TIMEOUT_S:g} s and was stopped.") from None
    if done.returncode != 0:
        if NO_SPACE in done.stderr:
            raise output_error(Path(arguments[-1]), OSError(ENOSPC, NO_SPACE))
        said = done.stderr.strip().splitlines()
        last = said[-1] if said else f"exit code {done.returncode}"
        raise DancePoseError(f"ffmpeg could not make {arguments[-1]}: {last}")
    return done.stderr


def pad_film(path: Path, size: int) -> None:
    """Bring a film to a size by an empty ``free`` box at its end (ISO 14496-12, 8.1.2), which players pass over.

    Args:
        path: An MP4 file.
        size: Bytes to reach; at least 8 more than it has, or exactly what it has.
    """
    missing = size - path.stat().st_size
    if missing == 0:
        return
    if missing < 8:
        raise ValueError(f"{missing} bytes are too few for a box")
    try:
        with path.open("ab") as file:
            file.write(struct.pack(">I4s", missing, b"free") + bytes(missing - 8))
    except OSError as error:
        raise output_error(path, error) from error
