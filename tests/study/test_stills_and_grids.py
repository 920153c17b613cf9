# SPDX-License-Identifier: Apache-2.0
"""Stills of a song, combined pictures of systems, and keys of jobs, by hand."""

from types import SimpleNamespace

import pytest

from dancepose.study.plan.jobs import key_of
from dancepose.study.run.job_results import comparisons_of, stills_of


def stills(*, bpm: float | None, start_s: float = 0.0, frames: int = 250) -> list[tuple[str, int]]:
    study = SimpleNamespace(
        output=SimpleNamespace(stills_s=(0.0, 2.5, 9.99, 10.0), still_beats=(0, 4, 100)),
        picture=SimpleNamespace(fps=25.0),
    )
    song = SimpleNamespace(bpm=bpm, first_beat_s=0.5)
    return stills_of(study, song, SimpleNamespace(start_s=start_s, frames=frames))


def test_stills_are_at_seconds_and_at_beats() -> None:
    """120 beats a minute from 0.5 s: beat 4 is at 2.5 s, beat 100 at 50.5 s, which is not in these 10 s."""
    assert stills(bpm=None) == [("0s", 0), ("2.5s", 62)]
    assert stills(bpm=120.0) == [("0s", 0), ("2.5s", 62), ("beat-0", 12), ("beat-4", 62)]
    assert stills(bpm=60.0)[-1] == ("beat-4", 112)


def test_stills_of_a_later_segment_count_from_its_start() -> None:
    assert stills(bpm=None, start_s=2.0) == [("2.5s", 12), ("9.99s", 200), ("10s", 200)]
    assert stills(bpm=120.0, start_s=50.0, frames=13) == [("beat-100", 12)]
    assert stills(bpm=120.0, start_s=50.0, frames=12) == []


@pytest.mark.parametrize(("count", "columns"), [(2, 2), (4, 2), (5, 3), (9, 3), (10, 4)])
def test_grids_are_nearly_square_and_rows_are_rows(count: int, columns: int) -> None:
    names = [f"s{number}" for number in range(count)]
    assert comparisons_of(("grid", "row"), names) == [("row", names, count), ("grid", names, columns)]


def test_pairs_of_systems() -> None:
    found = comparisons_of(("pairs",), ["a", "b", "c"])
    assert [(systems, columns) for _, systems, columns in found] == [(["a", "b"], 2), (["a", "c"], 2), (["b", "c"], 2)]
    assert len({name for name, _, _ in found}) == 3
    assert comparisons_of(("row", "grid", "pairs"), ["a"]) == []
    assert comparisons_of((), ["a", "b"]) == []


def test_keys_do_not_depend_on_the_order_of_a_table() -> None:
    assert key_of("a", {"x": 1, "y": 2}) == key_of("a", {"y": 2, "x": 1})
    assert len(key_of("a")) == 16
    assert (
        len({key_of("a"), key_of("b"), key_of("a", "b"), key_of(["a", "b"]), key_of({"x": 1}), key_of({"x": 2})}) == 6
    )
