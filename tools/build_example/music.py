# SPDX-License-Identifier: GPL-3.0-or-later
"""The music: a slow waltz in G, one bar of lead-in, the seven danced bars, and a bar to ring out.

Everything is synthesised: a plucked bass on one, soft chords on two and three, a bowed melody, and reverberation.
"""

from pathlib import Path
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F64

from . import waltz

RATE: Final = 44_100
BEAT_S: Final = waltz.FRAMES_PER_BEAT / waltz.FPS
BEATS: Final = (1 + waltz.BARS + 1) * waltz.BEATS_PER_BAR
LEAD_IN_BEATS: Final = waltz.BEATS_PER_BAR
PEAK: Final = 0.85
BITRATE: Final = 112_000
BUFFER: Final = 4096

# Per bar: the bass note, and the chord above it, as MIDI numbers.
HARMONY: Final = (
    (43, (59, 62, 67)),  # lead-in: G
    (43, (59, 62, 67)),  # G, the dancer prepares
    (47, (59, 62, 67)),  # G over B, box step forward
    (42, (57, 60, 62)),  # D7 over F sharp, and back
    (40, (59, 64, 67)),  # E minor, first quarter turn
    (45, (57, 60, 64)),  # A minor, second
    (38, (57, 60, 66)),  # D7, the spin
    (43, (59, 62, 67)),  # G, the lunge
    (43, (59, 62, 67)),  # rings out
)
# The melody: (beat from the start of the dance, beats long, MIDI number, loudness).
MELODY: Final = (
    (1.0, 1.0, 71, 0.7), (2.0, 1.0, 74, 0.8),
    (3.0, 2.0, 79, 1.0), (5.0, 0.5, 81, 0.75), (5.5, 0.5, 79, 0.75),
    (6.0, 2.0, 78, 0.95), (8.0, 1.0, 74, 0.75),
    (9.0, 1.0, 76, 0.9), (10.0, 1.0, 79, 0.85), (11.0, 1.0, 83, 0.9),
    (12.0, 1.5, 81, 1.0), (13.5, 0.5, 79, 0.75), (14.0, 1.0, 76, 0.8),
    (15.0, 0.5, 74, 0.8), (15.5, 0.5, 76, 0.8), (16.0, 0.5, 78, 0.85), (16.5, 0.5, 79, 0.85),
    (17.0, 0.5, 81, 0.9), (17.5, 0.5, 84, 0.95),
    (18.0, 1.0, 83, 1.0), (19.0, 3.5, 79, 0.9),
)  # fmt: skip


def play() -> F64:
    """Synthesise the whole piece: (samples, 2), in [-PEAK, PEAK], at RATE."""
    count = round(BEATS * BEAT_S * RATE)
    dry = np.zeros((count, 2))
    for bar, (bass, chord) in enumerate(HARMONY):
        ending = bar >= len(HARMONY) - 2
        start = bar * waltz.BEATS_PER_BAR
        if bar == len(HARMONY) - 1:
            continue
        _add(dry, start, _plucked(bass, 3.0 if ending else 1.6, brightness=0.55), gain=0.42, pan=-0.1)
        _add(dry, start, _bowed(chord[0] - 12, 3.6 if ending else 2.9, soft=True), gain=0.05, pan=0.25)
        for tick in (1, 2):
            for voice, note in enumerate(chord):
                late = 0.012 * voice  # a rolled chord, as a hand plays it
                tone = _plucked(note, 2.2 if ending else 0.85, brightness=0.32)
                _add(dry, start + tick + late, tone, gain=0.13 - 0.02 * (tick - 1), pan=-0.35 + 0.3 * voice)
    for beat, length, note, loudness in MELODY:
        _add(dry, LEAD_IN_BEATS + beat, _bowed(note, length, soft=False), gain=0.24 * loudness, pan=0.12)
    wet = _reverberated(dry)
    fade = np.clip((count - np.arange(count)) / (1.2 * RATE), 0.0, 1.0)[:, None]
    return wet * fade * (PEAK / np.abs(wet * fade).max())


def window_frames() -> tuple[int, int]:
    """Return the first frame of the danced part of the music and one past the last, at 25 per second."""
    start = LEAD_IN_BEATS * waltz.FRAMES_PER_BEAT
    return start, start + waltz.FRAMES


def write_mp3(samples: F64, path: Path) -> None:
    """Encode samples (S, 2) with Blender's audio library."""
    import bpy  # noqa: F401  (the wheel makes `aud` importable)

    import aud  # isort: skip

    sound = aud.Sound.buffer(samples.astype(np.float32), RATE)
    form = (RATE, aud.CHANNELS_STEREO, aud.FORMAT_S16, aud.CONTAINER_MP3, aud.CODEC_MP3, BITRATE, BUFFER)
    sound.write(str(path), *form)


def _frequency(note: int) -> float:
    return 440.0 * 2.0 ** ((note - 69) / 12.0)


def _add(track: F64, beat: float, tone: F64, *, gain: float, pan: float) -> None:
    """Mix in a mono tone at equal power. pan: -1 left to 1 right."""
    first = round(beat * BEAT_S * RATE)
    last = min(first + len(tone), len(track))
    angle = (pan + 1.0) * np.pi / 4.0
    track[first:last] += gain * tone[: last - first, None] * np.array([np.cos(angle), np.sin(angle)])


def _plucked(note: int, beats: float, *, brightness: float) -> F64:
    """Synthesise a plucked string: decaying partials, the high ones faster, slightly stretched."""
    time = np.arange(round((beats * BEAT_S + 0.25) * RATE)) / RATE
    pitch = _frequency(note)
    tone = np.zeros_like(time)
    for partial in range(1, 11):
        frequency = pitch * partial * np.sqrt(1.0 + 2e-4 * partial * partial)
        if frequency > 9_000:
            break
        decay = (1.1 + 0.55 * partial) * (pitch / 200.0) ** 0.35
        tone += brightness ** (partial - 1) * np.exp(-decay * time) * np.sin(2 * np.pi * frequency * time)
    attack = np.minimum(time / 0.006, 1.0)
    release = np.clip((time[-1] - time) / 0.25, 0.0, 1.0)
    return tone * attack * release


def _bowed(note: int, beats: float, *, soft: bool) -> F64:
    """Synthesise a bowed string: a swell, harmonics that fall by 1/n, and a vibrato that starts late."""
    length = beats * BEAT_S
    time = np.arange(round((length + 0.18) * RATE)) / RATE
    vibrato = 0.0035 * np.clip((time - 0.18) / 0.35, 0.0, 1.0) * np.sin(2 * np.pi * 5.4 * time)
    phase = 2 * np.pi * np.cumsum(_frequency(note) * (1.0 + vibrato)) / RATE
    slope = 1.9 if soft else 1.45
    tone = sum(np.sin(partial * phase + 0.7 * partial) / partial**slope for partial in range(1, 9))
    attack = np.clip(time / (0.25 if soft else 0.07), 0.0, 1.0) ** 0.8
    swell = 0.8 + 0.2 * np.sin(np.pi * np.clip(time / max(length, 0.3), 0.0, 1.0))
    release = np.clip((length + 0.18 - time) / 0.2, 0.0, 1.0)
    return np.asarray(tone * attack * swell * release)


def _reverberated(dry: F64) -> F64:
    """Add a small hall: exponentially decaying noise, darker as it decays, different for each ear (Schroeder 1962)."""
    rng = np.random.default_rng(7)
    time = np.arange(round(1.4 * RATE)) / RATE
    size = 1 << (len(dry) + len(time) - 1).bit_length()
    result = np.empty_like(dry)
    for ear in range(2):
        noise = rng.standard_normal(len(time)) * np.exp(-4.2 * time) * np.clip((time - 0.012) / 0.02, 0.0, 1.0)
        spectrum = np.fft.rfft(noise, size)
        frequency = np.fft.rfftfreq(size, 1.0 / RATE)
        spectrum *= 1.0 / (1.0 + (frequency / 2_600.0) ** 2)
        spectrum *= frequency**2 / (frequency**2 + 120.0**2)  # no rumble
        spectrum /= np.sqrt(np.mean(np.abs(spectrum) ** 2))
        wet = np.fft.irfft(np.fft.rfft(dry[:, ear], size) * spectrum, size)[: len(dry)]
        result[:, ear] = dry[:, ear] + 0.2 * wet
    return result
