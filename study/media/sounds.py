"""The sound of a song's clips: cut to the segment, brought to one loudness, as long as the video to the sample."""

import math
from pathlib import Path
from typing import Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.errors import MissingFileError

from .ffmpeg import measure_loudness, run_ffmpeg

RATE: Final = 48000
PEAK_DBTP: Final = -1.0
FADE_S: Final = 0.02
"""At both ends, so that a cut inside the music does not click."""


def write_sound(out: Path, audio: Path | None, *, start_s: float, duration_s: float, loudness_lufs: float) -> float:
    """Write the part of a song as WAV, 48 kHz, stereo; returns its loudness before, or -inf for silence.

    The gain is one number for the whole cut, from its integrated loudness (EBU R128), so that the music's own rise and
    fall stays; peaks that would go over -1 dB are held by a limiter. Without ``audio`` the sound is silence, so that
    all clips of a study have the same streams.

    Raises:
        MissingFileError: no such file. InputError: it is not sound. OutputError: nothing can be written.
    """
    samples = round(duration_s * RATE)
    tail = ["-ac", "2", "-ar", str(RATE), "-c:a", "pcm_s16le", "-map_metadata", "-1"]
    tail += ["-fflags", "+bitexact", "-flags:a", "+bitexact"]
    ends = f"apad,atrim=end_sample={samples}"
    if audio is None:
        loudness = -math.inf
        source = ["-f", "lavfi", "-i", f"anullsrc=r={RATE}:cl=stereo"]
        chain = ends
    else:
        if not audio.is_file():
            raise MissingFileError(f"{audio} does not exist. Add it, or change the song's audio.")
        measured = measure_loudness(audio, start_s=start_s, duration_s=duration_s)
        loudness = measured["integrated"]
        # loudnorm says -70 or less, or -inf, where there is nothing to hear.
        gain = loudness_lufs - loudness if loudness > -69.0 else 0.0
        source = ["-ss", f"{start_s:.6f}", "-t", f"{duration_s:.6f}", "-i", str(audio.absolute())]
        limit = 10.0 ** (PEAK_DBTP / 20.0)
        chain = f"aresample={RATE},aformat=channel_layouts=stereo,volume={gain:.4f}dB"
        if measured["peak"] + gain > PEAK_DBTP:
            chain += f",alimiter=limit={limit:.4f}:level=disabled"
        fade = min(FADE_S, duration_s / 4.0)
        chain += f",{ends},afade=t=in:d={fade},afade=t=out:st={duration_s - fade:.6f}:d={fade}"
    with replacing(out) as temporary:
        run_ffmpeg([*source, "-af", chain, *tail, str(temporary.absolute())])
    return loudness
