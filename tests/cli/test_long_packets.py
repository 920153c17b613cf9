# SPDX-License-Identifier: Apache-2.0
"""Music of one sample a second: a packet of it lasts an hour, and a film of it no longer than its pictures."""

import base64
from pathlib import Path
import struct

import pytest

pytest.importorskip("imageio_ffmpeg")

from dancepose.web_viewer import _sound
from dancepose_addon.core.skeleton.sequence import AudioWindow


@pytest.mark.timeout(60)
@pytest.mark.parametrize("length_s", [0.08, 2.0])
def test_music_of_a_page_is_as_long_as_its_dance(length_s: float, tmp_path: Path) -> None:
    samples = bytes(300_000)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 2**32 - 1, b"WAVE", b"fmt ", 16, 1, 1, 1, 2, 2, 16, b"data", 2**32 - 1
    )
    path = tmp_path / "music.wav"
    path.write_bytes(head + samples)
    tag, notices = _sound(AudioWindow(path, 0.0, 100.0), length_s)
    if notices:  # an ffmpeg that does not take such a file says so
        assert "cannot be read" in notices[0]
        return
    coded = base64.b64decode(tag.split("base64,")[1].split('"')[0])
    assert len(coded) < 40_000 * (1.0 + length_s)
