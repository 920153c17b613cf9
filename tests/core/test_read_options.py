# SPDX-License-Identifier: Apache-2.0
"""Options of reading, the bundled dance, and the number of persons."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dancepose_addon.core.errors import OptionError
from dancepose_addon.core.io.example import example_folder
from dancepose_addon.core.io.people import PERSON, persons_in
from dancepose_addon.core.io.read_options import READ_OPTIONS, ReadOptions, parse_frames
from dancepose_addon.core.options import options_of
from dancepose_addon.core.picture_options import PictureOptions


@pytest.mark.parametrize(
    ("text", "expected"), [("3:7", (3, 7)), ("3:", (3, None)), (":7", (0, 7)), (":", (0, None)), ("-5:", (-5, None))]
)
def test_ranges_of_frames(text: str, expected: tuple[int, int | None]) -> None:
    assert parse_frames(text) == expected
    assert ReadOptions(frames=text).frame_range() == expected
    assert ReadOptions().frame_range() is None


@pytest.mark.parametrize("text", ["5", "a:b", "1:2:3", "1.5:"])
def test_what_is_no_range_is_refused_where_it_is_given(text: str) -> None:
    convert = next(option.info.convert for option in READ_OPTIONS if option.name == "frames")
    assert convert is not None
    assert convert("3:7") == "3:7"
    with pytest.raises(ValueError, match="not a range of frames"):
        convert(text)


@pytest.mark.parametrize(("name", "good", "bad"), [("backdrop", "3a6ea5", "blue"), ("colours", "top=ffffff", "top")])
def test_colours_are_refused_where_they_are_given(name: str, good: str, bad: str) -> None:
    convert = next(option.info.convert for option in options_of(PictureOptions) if option.name == name)
    assert convert is not None
    assert convert(good) == good
    with pytest.raises(ValueError, match="colour"):
        convert(bad)


def test_a_layout_has_a_name() -> None:
    for wrong in ("", "none"):
        with pytest.raises(OptionError):
            ReadOptions(layout=wrong).hints()
    assert ReadOptions(layout="some.toml").hints().layout == "some.toml"
    assert ReadOptions(layout="md23").hints().layout == "md23"


def test_the_bundled_dance_is_found(root: Path) -> None:
    assert example_folder() == root / "examples" / "waltz"


@pytest.mark.parametrize(("counts", "expected"), [([], 1), ([2], 2), ([1, 3, 2], 3)])
def test_persons_are_those_of_the_largest_finding(counts: list[int], expected: int) -> None:
    findings = [SimpleNamespace(topic=PERSON, count=count) for count in counts]
    other = SimpleNamespace(topic="layout", count=9)
    assert persons_in(SimpleNamespace(findings=[other, *findings])) == expected  # type: ignore[arg-type]
