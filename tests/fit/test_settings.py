# SPDX-License-Identifier: Apache-2.0
"""The table of fit options: complete, and the same values by every way in."""

from dataclasses import fields
from pathlib import Path
import re

import pytest

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.settings import FIT_OPTIONS, FitSettings, require_settings
from dancepose_addon.core.options import _shown_value, arguments_of
from dancepose_addon.core.printable_text import shown_name

BY_NAME = {option.name: option for option in FIT_OPTIONS}


def test_every_field_is_an_option() -> None:
    assert {option.name for option in FIT_OPTIONS} == {item.name for item in fields(FitSettings)}


def test_no_steps_mean_no_refinement() -> None:
    assert FitSettings(refine=0).refinement is None
    refined = FitSettings(refine=7).refinement
    assert refined is not None
    assert refined.steps == 7


def test_help_says_what_an_option_does_in_one_clause() -> None:
    for option in FIT_OPTIONS:
        assert option.info.help.endswith(".")
        assert option.info.help[0].isupper()
        assert option.info.title


def test_values_survive_the_command_line() -> None:
    chosen = FitSettings(refine=0, betas=(-1.5, 0.25), adapt=True, smooth=0.5, level=False, foot_lock=True)
    arguments = arguments_of(chosen)
    assert {"--no-level", "--foot-lock", "--betas=-1.5,0.25"} <= set(arguments)
    given = dict(argument.split("=") for argument in arguments if "=" in argument)
    values = {option.name: option.parse(given[option.flag]) for option in FIT_OPTIONS if option.flag in given}
    assert FitSettings(**values, adapt=True, level=False, foot_lock=True) == chosen
    assert arguments_of(FitSettings()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("refine", "-1"),
        ("refine", "1.5"),
        ("smooth", "-0.1"),
        ("smooth", "nan"),
        ("betas", "1,x"),
        ("betas", "99"),
        ("betas", "0.1,inf"),
    ],
)
def test_values_out_of_range_are_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        BY_NAME[name].parse(text)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (FitSettings(refine=0), "--refine"),
        (FitSettings(smooth=1.0), "--smooth"),
        (FitSettings(adapt=True), "--adapt"),
        (FitSettings(level=False), "--no-level"),
    ],
)
def test_what_cannot_apply_to_rotations_is_refused(options: FitSettings, named: str) -> None:
    with pytest.raises(InputError, match=f"dance.pkl.*{named}"):
        options.require_for_rotations("dance.pkl")


def test_what_applies_to_rotations_is_accepted() -> None:
    FitSettings(betas=(0.0,), foot_lock=True).require_for_rotations("dance.pkl")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (FitSettings(body_from=Path("a.npz"), betas=(1.0,)), "--body-from fixes the body, which --betas would change"),
        (FitSettings(body_from=Path("a.npz"), adapt=True), "--body-from fixes the body, which --adapt would change"),
        (FitSettings(betas=(0.0,) * 11), "11 betas were given; the body has 10"),
        (FitSettings(style="none of these"), "none of these"),
        (FitSettings(refine=-1), "--refine"),
        (FitSettings(smooth=-0.1), "--smooth"),
    ],
)
def test_settings_that_are_refused(settings: FitSettings, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        require_settings(settings, 10)


@pytest.mark.parametrize(
    "settings",
    [
        FitSettings(), FitSettings(body_from=Path("a.npz")), FitSettings(betas=(0.0,) * 10, adapt=True),
        FitSettings(style="aist"),
    ],
)  # fmt: skip
def test_settings_that_are_taken(settings: FitSettings) -> None:
    require_settings(settings, 10)


def test_long_values_are_cut_in_messages() -> None:
    """Twenty numbers are shown at most."""
    shown = _shown_value(tuple(float(number) for number in range(99)))
    assert "19" in shown
    assert "20" not in shown
    assert _shown_value((0.5, 1.0)) == shown_name("0.5,1")
    assert _shown_value(0.1234567890123) == "0.123456789"
