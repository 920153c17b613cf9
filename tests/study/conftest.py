# SPDX-License-Identifier: Apache-2.0
"""Small studies: folders of skeleton files, a song, and a study.toml that names them."""

from collections.abc import Callable
import math
from pathlib import Path
import wave

import numpy as np
import pytest

from dancepose_addon.core.skeleton.readers import read

ROOT = Path(__file__).parents[2]
WALTZ = ROOT / "examples" / "waltz"

MakeStudy = Callable[..., Path]


def write_tone(path: Path, *, seconds: float, amplitude: float, rate: int = 48000) -> None:
    """A stereo WAV of a 997 Hz tone, the frequency at which BS.1770 weighs nothing."""
    time_s = np.arange(round(seconds * rate)) / rate
    tone = np.round(32767 * amplitude * np.sin(2.0 * math.pi * 997.0 * time_s)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(tone[:, None], 2, axis=1).tobytes())


def write_dance(path: Path, *, seconds: float = 2.0, shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
    """The beginning of the bundled waltz as an array file, elsewhere in space."""
    sequence = read(WALTZ)
    points = sequence.keypoints_m[: round(seconds * sequence.fps)] + np.array(shift_m, np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, keypoints_m=points, fps=sequence.fps, layout="md23")


STUDY = """
name = "small"
[[system]]
name = "near"
files = "near"
label = "Near & dear"
[[system]]
name = "far"
files = "far"
{songs}
[picture]
size = {size}
fps = 10
engine = "{engine}"
[time]
{time}
[output]
{output}
[run]
chunk_frames = {chunk}
{more}
"""

TIMEOUT = "timeout_s = 100.0"
"""A Blender that hangs is ended and its chunk rendered again, as in a real study."""


@pytest.fixture
def make_study(tmp_path: Path) -> MakeStudy:
    """``make_study(...)``: a folder with two systems that dance to the songs named, and its study.toml."""

    def make(
        *,
        songs: tuple[str, ...] = ("s1",),
        time: str = "length_s = 1.0",
        engine: str = "workbench",
        size: tuple[int, int] = (64, 64),
        chunk: int = 4,
        output: str = "",
        more: str = "",
        folder: str = "study",
    ) -> Path:
        root = tmp_path / folder
        root.mkdir()
        entries = []
        for number, song in enumerate(songs):
            write_dance(root / "near" / f"{song}.npz", seconds=2.0)
            write_dance(root / "far" / f"{song}.npz", seconds=1.6, shift_m=(0.7, 0.05, 0.2 * number))
            write_tone(root / f"{song}.wav", seconds=3.0, amplitude=0.5)
            entries.append(f'[[song]]\nname = "{song}"\naudio = "{song}.wav"\nwindow = [0.5, 3.0]')
        text = STUDY.format(
            songs="\n".join(entries),
            time=time,
            engine=engine,
            size=list(size),
            chunk=chunk,
            output=output,
            more=more if "timeout_s" in more else f"{TIMEOUT}\n{more}",
        )
        file = root / "study.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return make
