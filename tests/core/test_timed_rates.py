# SPDX-License-Identifier: Apache-2.0
"""Frame rates from times in other units, with jitter, and as clocks."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.readers import open_recording, read
from dancepose_addon.core.skeleton.readers.timed_rates import clock_seconds, rate_of_times
from tests.support.samples import cut, points_of, waltz

FRAMES, RATE = 60, 25.0
SECONDS = np.arange(FRAMES) / RATE


def truth() -> np.ndarray:
    return points_of(cut(waltz(), FRAMES), "smpl24")


def write_table(path: Path, title: str, times: list[str], delimiter: str = ",") -> None:
    names = [f"{name}_{axis}" for name in SMPL24.keypoints for axis in "xyz"]
    rows = [[time, *(f"{x:.6f}" for x in frame.ravel())] for time, frame in zip(times, truth(), strict=True)]
    path.write_text("\n".join(delimiter.join(row) for row in [[title, *names], *rows]) + "\n")


@pytest.mark.parametrize(
    ("title", "factor", "confidence"),
    [
        ("time", 1.0, 1.0),
        ("time", 1e3, 0.7),
        ("timestamp", 1e6, 0.7),
        ("t", 1e9, 0.7),
        ("time_ms", 1e3, 1.0),
        ("time_us", 1e6, 1.0),
        ("timestamp_ns", 1e9, 1.0),
        ("Timestamp [ms]", 1e3, 1.0),
        ("Time (sec)", 1.0, 1.0),
        ("timestampMs", 1e3, 1.0),
        ("elapsed_usec", 1e6, 1.0),
        ("Seconds", 1.0, 1.0),
    ],
)
@pytest.mark.parametrize("start_s", [0.0, 1.7e9])
def test_units(tmp_path: Path, title: str, factor: float, confidence: float, start_s: float) -> None:
    write_table(tmp_path / "a.csv", title, [f"{(start_s + second) * factor:.9f}" for second in SECONDS])
    found = open_recording(tmp_path / "a.csv")
    assert found.fps == pytest.approx(RATE, rel=1e-3)
    assert found.fps_confidence == confidence
    np.testing.assert_allclose(found.points, truth(), atol=1e-5)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        lambda second: f"0:00:{second:09.6f}",
        lambda second: f"00:{second:09.6f}",
        lambda second: f"2026-01-31T23:59:{second + 50:09.6f}" if second < 9.9 else "",
        lambda second: f"2026-01-31 12:00:{second:09.6f}Z",
    ],
)
def test_clocks(tmp_path: Path, text: Callable[[float], str]) -> None:
    write_table(tmp_path / "a.csv", "timestamp", [text(second) for second in SECONDS])
    assert read(tmp_path / "a.csv").fps == pytest.approx(RATE, rel=1e-4)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("01:02:03.5", 3723.5),
        ("2:03,25", 123.25),
        ("0,04", 0.04),
        ("1970-01-02T00:00:01", 86401.0),
        ("noon", None),
        ("1:2:3:4", None),
    ],
)
def test_cells(cell: str, expected: float | None) -> None:
    found = clock_seconds(cell)
    assert np.isnan(found) if expected is None else found == expected


def test_a_word_among_times_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", "time", [*(f"{second}" for second in SECONDS[:-1]), "later"])
    with pytest.raises(FormatError, match=r"has 'later' where a time is expected, in line 61"):
        read(tmp_path / "a.csv")


def test_jitter_gives_the_mean_rate(tmp_path: Path) -> None:
    late = np.random.default_rng(5).uniform(-0.3, 0.3, FRAMES) / RATE
    late[[0, -1]] = 0.0
    write_table(tmp_path / "a.csv", "time", [f"{second:.6f}" for second in SECONDS + late])
    found = open_recording(tmp_path / "a.csv")
    assert (found.fps, found.fps_confidence) == (pytest.approx(RATE), 0.6)
    assert any("uneven" in note for note in read(tmp_path / "a.csv").notes)


def test_rounded_times_give_the_mean_rate() -> None:
    found = rate_of_times(np.round(np.arange(600) / 120.0, 2))
    assert found is not None
    assert found.fps == pytest.approx(120.0, rel=2e-3)


@pytest.mark.parametrize(
    ("times", "fps", "confidence"),
    [
        ([0.0, 0.1, 0.2, 0.3], 10.0, 1.0), ([5.0, 5.4, 5.8], 2.5, 1.0), ([0.0, 0.5, 1.0], None, 1.0),
        ([0.0, 0.1, 0.1], 20.0, 0.6), ([0.0, np.nan, 0.1, 0.2], 10.0, 1.0),
        # Rows that are left out change no rate.
        ([*(0.1 * n for n in range(10)), 1.1], 10.0, 1.0), ([*(0.1 * n for n in range(9)), 1.0, 1.2], 10.0, 1.0),
        ([*(0.1 * n for n in range(5)), 0.55, 0.7], 6 / 0.7, 0.6),
        ([0.0, 0.1, 0.2, 0.319], 3 / 0.319, 1.0), ([0.0, 0.1, 0.2, 0.321], 3 / 0.321, 0.6),
    ],
)  # fmt: skip
def test_even_and_uneven_times(times: list[float], fps: float | None, confidence: float) -> None:
    """Nine of ten steps agree within 20 percent, and are shorter than half a second; else it is a mean or nothing."""
    found = rate_of_times(np.array(times))
    assert found is not None
    assert (found.fps, found.confidence) == (None if fps is None else pytest.approx(fps), confidence)


@pytest.mark.parametrize("times", [[0.2, 0.1, 0.0], [0.0], [], [1.0, 1.0]])
def test_numbers_that_are_no_times(times: list[float]) -> None:
    assert rate_of_times(np.array(times)) is None


def test_a_change_of_the_rate_is_named(tmp_path: Path) -> None:
    times = np.concatenate([np.arange(30) / 30.0, 1.0 + np.arange(30) / 47.0])
    write_table(tmp_path / "a.csv", "time", [f"{time:.6f}" for time in times])
    with pytest.raises(InputError, match=r"recorded \(its times are uneven, 21\.3 to 33\.3 ms apart\)\. Give --fps"):
        read(tmp_path / "a.csv")


def test_frame_numbers_called_times_are_named(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", "t", [str(frame) for frame in range(FRAMES)])
    with pytest.raises(InputError, match="its times are 1 apart, which is the step of motion in no unit of time"):
        read(tmp_path / "a.csv")
    assert read(tmp_path / "a.csv", fps=RATE).fps == RATE


def test_a_jump_of_ages_is_refused(tmp_path: Path) -> None:
    for jump in (1e9, 3e12):
        write_table(tmp_path / "a.csv", "time", [f"{s + (jump if s > 1.0 else 0.0):.6f}" for s in SECONDS])
        with pytest.raises(InputError, match=r"leaves out .* most of them after row 26\. Cut"):
            read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("key", "factor"),
    [
        ("time", 1.0),
        ("timestamp_ms", 1e3),
        ("timestamp", 1e3),
        ("time_us", 1e6),
        ("timestampMs", 1e3),
        ("elapsed", 1.0),
    ],
)
def test_entries_and_arrays_of_json(tmp_path: Path, key: str, factor: float) -> None:
    points = truth().tolist()
    entries: list[dict[str, Any]] = [
        {key: second * factor, "joints": frame} for second, frame in zip(SECONDS, points, strict=True)
    ]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    assert read(tmp_path / "a.json", layout="smpl24").fps == pytest.approx(RATE)
    (tmp_path / "b.json").write_text(json.dumps({"joints": points, key: (SECONDS * factor).tolist()}))
    assert read(tmp_path / "b.json", layout="smpl24").fps == pytest.approx(RATE)
    np.savez(tmp_path / "c.npz", joints=truth(), **{key: SECONDS * factor})
    assert read(tmp_path / "c.npz", layout="smpl24").fps == pytest.approx(RATE)


@pytest.mark.parametrize(("title", "factor"), [("time", 1.0), ("timestamp", 1e3), ("time_ms", 1e3)])
@pytest.mark.parametrize("comma", [False, True])
def test_a_line_for_each_point(tmp_path: Path, title: str, factor: float, *, comma: bool) -> None:
    rows = [
        f"{second * factor:.3f};{name};{x:.6f};{y:.6f};{z:.6f}"
        for second, frame in zip(SECONDS, truth(), strict=True)
        for name, (x, y, z) in zip(SMPL24.keypoints, frame, strict=True)
    ]
    text = "\n".join([f"{title};joint;x;y;z", *rows]) + "\n"
    (tmp_path / "a.csv").write_text(text.replace(".", ",") if comma else text.replace(";", ","))
    clip = read(tmp_path / "a.csv")
    assert clip.fps == pytest.approx(RATE)
    np.testing.assert_allclose(np.diff(clip.keypoints_m, axis=0), np.diff(truth(), axis=0), atol=1e-4)


def test_frame_numbers_with_decimal_commas(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", "frame", [f"{frame},0" for frame in range(FRAMES)], ";")
    assert len(read(tmp_path / "a.csv", fps=RATE)) == FRAMES
