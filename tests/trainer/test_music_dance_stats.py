# SPDX-License-Identifier: Apache-2.0
"""The published table, counted from folders whose lengths are those of the 2018 release."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.config import load_config
from dancepose.trainer.data.music_dance_stats import DANCES, PUBLISHED, count_splits, format_splits, published_clips
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.sequence import KeypointSequence


def recording(name: str, frames: int, window: int) -> KeypointSequence:
    points = np.zeros((frames, 23, 3), np.float32)
    return KeypointSequence(points, frames / (window / 25.0), MD23, source=f"somewhere/{name}")


def test_waltz_is_432_64_seconds_as_published_and_six_times_that_in_truth() -> None:
    clips = [
        recording(c.name, c.frames, c.window) for c in published_clips() if "_W_" in c.name and c.frames is not None
    ]
    assert len(clips) == 34
    table = count_splits(clips, load_config("paper"))
    waltz = table["splits"]["both"]["W"]
    assert waltz["nominal_s"] == 432.64 == round(377.4 + 55.24, 2)
    # Music's windows at 25 per second, less the time of one frame in each clip.
    windows = sum(c.window for c in published_clips() if "_W_" in c.name) / 25.0
    assert waltz["true_s"] == pytest.approx(windows - sum(1.0 / clip.fps for clip in clips), abs=0.01)
    assert "432.64 s" in format_splits(table)
    split = table["splits"]
    assert split["train"]["W"]["files"] + split["test"]["W"]["files"] == 34
    assert split["train"]["W"]["files"] == round(34 * 51 / 61)


def test_every_clip_is_named_as_present_or_as_missing() -> None:
    names = [clip.name for clip in published_clips()]
    assert len(names) == len(set(names)) == 61
    for dance in DANCES:
        files = PUBLISHED["train"][dance][0] + PUBLISHED["test"][dance][0]
        assert sum(name.startswith(f"DANCE_{dance}_") for name in names) == files
    given = [recording("DANCE_C_2", 2000, 1900), recording("another", 100, 100)]
    table = count_splits(given, load_config("paper"))
    assert set(table["missing"]) == set(names) - {"DANCE_C_2"}
    assert table["unknown"] == ["another"]
    assert table["splits"]["both"]["all"]["files"] == 2
    assert json.loads(json.dumps(table))["published"]["train"]["W"] == [30, 377.4]


def test_published_rows_add_up() -> None:
    for split in PUBLISHED.values():
        assert sum(split[dance][0] for dance in DANCES) == split["all"][0]
        assert sum(split[dance][1] for dance in DANCES) == pytest.approx(split["all"][1], abs=0.05)


def test_real_folder(data_folder: Path, run_python) -> None:  # type: ignore[no-untyped-def]
    shown = run_python("-m", "dancepose.cli.main", "stats", str(data_folder / "md_2018"), timeout=120)
    assert shown.returncode == 0, shown.stderr
    # DANCE_C_2 has 2000 frames and DANCE_W_1 has 340 in this release.
    assert "79.96 s" in shown.stdout
    assert "13.56 s" in shown.stdout
    assert "59 of 61 clips" in shown.stdout
