# SPDX-License-Identifier: Apache-2.0
"""Names of markers: what counts as one, and how repeated names are numbered, by hand."""

from pathlib import Path

import pytest

from dancepose_addon.core.skeleton.readers.marker_names import each_once, is_marker


@pytest.mark.parametrize("name", ["LASI", "C7", "LKneeOut", "HED", "angles_left", "x" * 300])
def test_markers(name: str) -> None:
    assert is_marker(name)


@pytest.mark.parametrize("name", ["", "*12", "*", "LHipAngles", "LKneeMoment", "CentreOfMassFloor", "LFEO", "TRXA"])
def test_what_is_no_marker(name: str) -> None:
    assert not is_marker(name)


def test_names_that_the_file_calls_outputs_are_none() -> None:
    assert not is_marker("Speed", ("Speed", "Other"))
    assert is_marker("Speed", ("Other",))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a"], ["a", "a_2"]),
        (["a", "a", "a", "b"], ["a", "a_2", "a_3", "b"]),
        # The number 2 is taken, before or after.
        (["a_2", "a", "a"], ["a_2", "a", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_3", "a_2"]),
        (["a", "a", "a_2", "a_3", "a"], ["a", "a_4", "a_2", "a_3", "a_5"]),
    ],
)
def test_repeated_names_are_numbered(names: list[str], expected: list[str]) -> None:
    found, notes = each_once(names, Path("clip.c3d"))
    assert found == expected
    assert bool(notes) == (len(set(names)) < len(names))


def test_the_note_names_the_first_four() -> None:
    _, notes = each_once([name for name in "fedcba" for _ in range(2)], Path("clip.c3d"))
    assert "called a, b, c, d; they were numbered" in notes[0]


def test_long_names_are_cut_in_the_note() -> None:
    _, notes = each_once(["n" * 30] * 2, Path("clip.c3d"))
    assert f"called {'n' * 24};" in notes[0]
