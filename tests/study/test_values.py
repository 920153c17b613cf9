# SPDX-License-Identifier: Apache-2.0
"""Each check of a value of study.toml: what passes, what it becomes, and what is refused."""

import math
from pathlib import Path

import pytest

from dancepose.study.plan import values
from dancepose.study.run.job_results import comparisons_of
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.fit.settings import FIT_OPTIONS

ROUND = values.number_from(0.5, 4.0)
WHOLE = values.whole_from(1, 3)
WORD = values.one_of("cycles", "workbench", renamed={"preview": "workbench"})
WORDS = values.several_of("row", "grid")


@pytest.mark.parametrize(
    ("check", "value", "becomes"),
    [
        (values.check_text, "a b", "a b"),
        (values.check_path, "music/a.mp3", "music/a.mp3"),
        (values.check_path, "~/a", str(Path.home() / "a")),
        (values.check_name, "A-1_b.c+d", "A-1_b.c+d"),
        (values.check_read, "up=z,unit=cm", "up=z,unit=cm"),
        (values.check_flag, False, False),
        (ROUND, 0.5, 0.5),
        (ROUND, 4, 4.0),
        (WHOLE, 1, 1),
        (WHOLE, 3, 3),
        (values.check_layout_name, "md23", "md23"),
        (values.check_layout_name, "own.toml", "own.toml"),
        (WORD, "cycles", "cycles"),
        (WORD, "preview", "workbench"),
        (WORDS, ["grid", "row"], ("grid", "row")),
        (WORDS, [], ()),
        (values.check_seconds, [0, 1.5], (0.0, 1.5)),
        (values.check_betas, [-10, 0.5, 10.0], (-10.0, 0.5, 10.0)),
        (values.check_counts, [0, 2], (0, 2)),
        (values.check_size, [16, 8192], (16, 8192)),
        (values.check_colour, [0, 0.5, 1], (0.0, 0.5, 1.0)),
    ],
)
def test_right_values_are_converted(check, value, becomes) -> None:
    found = check(value, "here")
    assert found == becomes
    assert type(found) is type(becomes)


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        *((values.check_text, value, "expected text") for value in (3, "", "  ", None, ["a"])),
        *((values.check_path, value, "expected a path") for value in ("~unknown-user/a", "a\0b")),
        *((values.check_path, value, "expected text") for value in ("", 1)),
        *((values.check_name, value, "a name of letters") for value in ("", "a b", ".a", "a/b", 3, "-a", 101 * "n")),
        *((values.check_flag, value, "true or false") for value in (0, 1, "true", None)),
        *((ROUND, value, "a number from 0.5 to 4") for value in (0.49, 4.01, "1", True, None, math.nan, math.inf)),
        *((WHOLE, value, "a whole number from 1 to 3") for value in (0, 4, 1.0, "1", True)),
        *((values.check_layout_name, value, "one of .*, or the path") for value in ("none", "")),
        *((WORD, value, "one of cycles, workbench") for value in ("eevee", 1, ["cycles"])),
        *((WORDS, value, "a list of row, grid") for value in ("row", ["heap"], ["row", "row"], None)),
        *((values.check_seconds, value, "a list of seconds") for value in (1.0, [-0.1], ["1"], [True])),
        *((values.check_betas, value, "a list of betas") for value in (1.0, [10.1], [-10.1], ["1"], [math.nan])),
        *((values.check_counts, value, "a list of whole numbers") for value in (1, [-1], [1.0], [True])),
        *((values.check_size, value, "even numbers from 16 to 8192")
          for value in (64, [64], [64, 64, 64], [65, 64], [64, 65], [14, 64], [64, 8194], [64.0, 64], [True, 64])),
        *((values.check_colour, value, "each from 0 to 1")
          for value in (0.5, [0, 0], [0, 0, 0, 0], [0, 0, 1.1], [-0.1, 0, 0])),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_with_what_was_expected(check, value, expected) -> None:
    with pytest.raises(FormatError, match=rf"^here is .*{expected}"):
        check(value, "here")


def test_hints_of_readers_are_checked() -> None:
    with pytest.raises(FormatError, match="here is 'nothing=3'"):
        values.check_read("nothing=3", "here")


def test_options_of_the_fit_have_their_ranges() -> None:
    options = {option.name: option for option in FIT_OPTIONS}
    smooth = values.fit_option_check(options["smooth"])
    assert smooth(1, "here") == 1.0
    for value in (-1.0, "1", True):
        with pytest.raises(FormatError, match="here is"):
            smooth(value, "here")
    refine = values.fit_option_check(options["refine"])
    assert refine(0, "here") == 0
    with pytest.raises(FormatError, match=r"here is 1\.5"):
        refine(1.5, "here")


def test_combined_pictures_hold_every_system_and_every_pair_once() -> None:
    assert comparisons_of(("row", "grid", "pairs"), ["a"]) == []
    assert comparisons_of((), ["a", "b"]) == []
    assert comparisons_of(("row",), ["a", "b", "c"]) == [("row", ["a", "b", "c"], 3)]
    assert comparisons_of(("grid",), ["a", "b", "c", "d", "e"]) == [("grid", ["a", "b", "c", "d", "e"], 3)]
    pairs = [("a-vs-b", ["a", "b"], 2), ("a-vs-c", ["a", "c"], 2), ("b-vs-c", ["b", "c"], 2)]
    assert comparisons_of(("pairs",), ["a", "b", "c"]) == pairs


def test_titles_are_one_short_line() -> None:
    assert values.check_title("A study, 2nd take", "here") == "A study, 2nd take"
    for value in ("a\x1b[2J", "a\nb", 201 * "t", "", 3):
        with pytest.raises(FormatError, match="here is"):
            values.check_title(value, "here")
