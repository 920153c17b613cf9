# SPDX-License-Identifier: Apache-2.0
"""The sound of a song's clips: cut to the segment, set to one loudness, as long as the film to the sample."""

import math
from pathlib import Path
from typing import Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import MissingFileError

from .ffmpeg import ONLY_AUDIO_FILES, SOUND_RATE_HZ, Ffmpeg

PEAK_DBTP: Final = -1.0
FADE_S: Final = 0.02
"""Fade at both ends, so that a cut inside the music does not click."""
SILENT_LUFS: Final = -69.0
"""loudnorm reports -70 or -inf where nothing can be heard."""


def write_sound(
    ffmpeg: Ffmpeg, out: Path, audio: Path | None, *, start_s: float, duration_s: float, loudness_lufs: float
) -> float:
    """Write a part of a song as WAV, 48 kHz, stereo.

    The gain is one number for the whole part, from its integrated loudness (EBU R128), so that the dynamics of the
    music stay. Peaks above -1 dBTP are held by a limiter.

    Args:
        ffmpeg: The program.
        out: File to write.
        audio: The song; None writes silence, so that all clips of a study have the same streams.
        start_s: Start of the part, seconds into the file.
        duration_s: Length to write, seconds; padded with silence where the file ends earlier.
        loudness_lufs: Loudness to reach.

    Returns:
        Loudness of the part before the gain, LUFS; -inf for silence.

    Raises:
        MissingFileError: ``audio`` does not exist.
        InputError: ``audio`` cannot be read as audio.
        OutputError: ``out`` cannot be written.
    """
    samples = round(duration_s * SOUND_RATE_HZ)
    tail = ["-ac", "2", "-ar", str(SOUND_RATE_HZ), "-c:a", "pcm_s16le", "-map_metadata", "-1"]
    tail += ["-fflags", "+bitexact", "-flags:a", "+bitexact"]
    ends = f"apad,atrim=end_sample={samples}"
    if audio is None:
        loudness = -math.inf
        source = ["-f", "lavfi", "-i", f"anullsrc=r={SOUND_RATE_HZ}:cl=stereo"]
        chain = ends
    else:
        if not audio.is_file():
            raise MissingFileError(f"{audio} does not exist. Add it, or change the song's audio.")
        measured = ffmpeg.measure_loudness(audio, start_s=start_s, duration_s=duration_s)
        loudness = measured["integrated"]
        gain = loudness_lufs - loudness if loudness > SILENT_LUFS else 0.0
        part = ["-ss", f"{start_s:.6f}", "-t", f"{duration_s:.6f}"]
        source = [*ONLY_AUDIO_FILES, *part, "-i", str(audio.absolute())]
        limit = 10.0 ** (PEAK_DBTP / 20.0)
        chain = f"aresample={SOUND_RATE_HZ},aformat=channel_layouts=stereo,volume={gain:.4f}dB"
        if measured["peak"] + gain > PEAK_DBTP:
            chain += f",alimiter=limit={limit:.4f}:level=disabled"
        fade = min(FADE_S, duration_s / 4.0)
        chain += f",{ends},afade=t=in:d={fade},afade=t=out:st={duration_s - fade:.6f}:d={fade}"
    with replacing(out) as temporary:
        ffmpeg.run([*source, "-map", "0:a:0", "-af", chain, *tail, str(temporary.absolute())])
    return loudness
