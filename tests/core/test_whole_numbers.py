# SPDX-License-Identifier: Apache-2.0
"""Whole numbers that no float holds are refused where a document is read."""

import json
import sys

import pytest

from dancepose.rating.record_checks import is_real
from dancepose.study.plan.values import check_interval
from dancepose_addon.core.bounded_files import parse_json
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.toml_text import parse_toml
from dancepose_addon.core.whole_numbers import is_finite_number

LARGEST = int(sys.float_info.max)


@pytest.mark.parametrize("number", [LARGEST + 1, -(10**400), 10**309])
def test_numbers_that_no_float_holds_are_refused(number: int) -> None:
    for text in (json.dumps({"a": [1, {"b": number}]}), json.dumps(number)):
        with pytest.raises(ValueError, match="whole number of over 308 digits"):
            parse_json(text)
        with pytest.raises(ValueError, match="whole number of over 308 digits"):
            parse_json(text.encode())
    for text in (f"a = {number}", f"[a]\nb = [1, {{c = {number}}}]", f"a = 0x{abs(number):x}"):
        with pytest.raises(ValueError, match="whole number of over 308 digits"):
            parse_toml(text)


@pytest.mark.parametrize("number", [LARGEST, -LARGEST, 10**308, 0, -7])
def test_all_others_are_read(number: int) -> None:
    assert parse_json(json.dumps([number])) == [number]
    assert parse_toml(f"a = [{number}]") == {"a": [number]}
    assert is_finite_number(number)


def test_digits_in_texts_and_fractions_are_no_whole_numbers() -> None:
    digits = "7" * 400
    assert parse_json(f'{{"a": "{digits}", "b": 0.{digits}}}') == {"a": digits, "b": pytest.approx(7 / 9)}
    assert parse_toml(f'a = "{digits}"\nb = 0.{digits}') == {"a": digits, "b": pytest.approx(7 / 9)}


@pytest.mark.parametrize("value", [10**400, True, float("nan"), float("inf"), -float("inf"), "1", None, [1]])
def test_what_is_not_a_finite_number(value: object) -> None:
    assert not is_finite_number(value)
    assert not is_real(value)
    with pytest.raises(FormatError, match="start before end"):
        check_interval([0, value], "window")
