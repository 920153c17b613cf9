# SPDX-License-Identifier: Apache-2.0
"""The bundled waltz is what it says: readable, danced on the floor, in time with its music, and made by its script."""

import json
from pathlib import Path
import re

import numpy as np
from numpy.typing import NDArray
import pytest

from dancepose_addon.core.skeleton import readers
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.sequence import KeypointSequence, validate
from tests.conftest import RunPython
from tools.build_example.__main__ import write_skeletons

FRAMES_PER_BAR = 51
BARS = 7


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(__file__).parents[2] / "examples" / "waltz"


@pytest.fixture(scope="module")
def waltz(folder: Path) -> KeypointSequence:
    return validate(readers.read(folder))


def floor_speed(waltz: KeypointSequence, names: tuple[str, ...]) -> NDArray[np.floating]:
    """Speed over the floor of the mean of some points, m/s, noise smoothed over five frames: (T - 5,)."""
    track = waltz.keypoints_m[:, [MD23.keypoints.index(name) for name in names]].mean(axis=1)[:, [0, 2]]
    smooth = np.stack([np.convolve(track[:, axis], np.full(5, 0.2), mode="valid") for axis in range(2)], axis=1)
    return np.linalg.norm(np.diff(smooth, axis=0), axis=1) * waltz.fps


def test_it_reads_without_a_doubt(waltz: KeypointSequence) -> None:
    assert waltz.layout is MD23
    assert waltz.notes == ()
    assert waltz.fps == pytest.approx(25.0, abs=1e-6)
    assert len(waltz) == FRAMES_PER_BAR * BARS
    assert waltz.duration_s >= 12.0


def test_it_is_small(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_500_000


def test_a_person_stands_on_the_floor(waltz: KeypointSequence) -> None:
    points = waltz.keypoints_m
    feet = points[:, [MD23.keypoints.index(f"{side}_{part}") for side in ("left", "right") for part in ("heel", "toe")]]
    head = points[:, [0, 1]].mean(axis=1)
    assert -0.02 < feet[..., 1].min() < 0.06
    assert feet[..., 1].min(axis=1).max() < 0.12  # the dancer never jumps
    assert 1.3 < np.median(head[:, 1]) < 1.85
    # It begins and ends towards the viewer, and turns once round between: left and right hip, seen from above.
    across = points[:, MD23.keypoints.index("left_hip")] - points[:, MD23.keypoints.index("right_hip")]
    heading = np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))
    assert abs(heading[0]) < np.radians(25)
    assert heading[-1] - heading[0] == pytest.approx(2 * np.pi, abs=np.radians(35))


def test_a_foot_is_planted_at_every_moment(waltz: KeypointSequence) -> None:
    speeds = [floor_speed(waltz, (f"{side}_toe",)) for side in ("left", "right")]
    assert np.minimum(*speeds).max() < 0.35


@pytest.mark.parametrize("bar", [1, 2, 3, 4, 6])  # in bar 5 the dancer spins almost on the spot
def test_the_first_step_of_a_bar_lands_on_its_downbeat(bar: int, waltz: KeypointSequence) -> None:
    side = "left" if bar % 2 else "right"
    speed = floor_speed(waltz, (f"{side}_toe", f"{side}_heel"))
    downbeat = bar * FRAMES_PER_BAR - 2  # smoothing and differences took two frames and a half at the start
    assert speed[downbeat - 8 : downbeat - 4].mean() > 0.45  # on its way
    assert speed[downbeat + 2 : downbeat + 5].mean() < 0.3  # arrived


def test_music_covers_the_window_and_beats_with_it(
    folder: Path, waltz: KeypointSequence, run_bpy: RunPython, tmp_path: Path
) -> None:
    assert waltz.audio is not None
    script = (
        "import bpy, aud, sys, os, numpy\n"
        f"sound = aud.Sound({str(waltz.audio.path)!r})\n"
        f"numpy.savez({str(tmp_path / 'sound.npz')!r}, samples=sound.data(), rate=sound.specs[0])\n"
        "os._exit(0)\n"
    )
    done = run_bpy("-c", script, timeout=60)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "sound.npz") as sound:
        samples, rate = sound["samples"].astype(np.float64), float(sound["rate"])
    assert len(samples) / rate >= waltz.audio.start_s + waltz.audio.duration_s
    assert np.abs(samples).max() < 0.98  # no clipping
    assert 0.05 < np.sqrt((samples**2).mean()) < 0.35
    spectrum = np.fft.rfft(samples.mean(axis=1))
    spectrum[np.fft.rfftfreq(len(samples), 1 / rate) > 160] = 0.0
    bass = np.fft.irfft(spectrum, len(samples)) ** 2
    for bar in range(BARS):
        at = round((waltz.audio.start_s + bar * FRAMES_PER_BAR / 25) * rate)
        span = round(0.12 * rate)
        assert bass[at : at + span].mean() > 2.0 * bass[at - span : at].mean(), f"no bass on the downbeat of bar {bar}"


def test_its_script_still_makes_it(folder: Path, tmp_path: Path) -> None:
    write_skeletons(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads((folder / "config.json").read_text())
    made, shipped = readers.read(tmp_path), readers.read(folder)
    # Coordinates are rounded to 0.1 mm, which may fall either way on another machine.
    assert np.abs(made.keypoints_m - shipped.keypoints_m).max() < 0.0003, "run python -m tools.build_example"


def test_its_terms_stand_beside_it(folder: Path) -> None:
    assert re.search(r"CC0 1\.0", (folder.parent / "README.md").read_text(encoding="utf-8"))
