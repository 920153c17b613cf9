# SPDX-License-Identifier: Apache-2.0
"""TOML of other people: bounded, and otherwise what ``tomllib`` reads."""

import time
import tomllib

import pytest

from dancepose_addon.core.toml_text import MAX_KEY_PARTS, MAX_TOML_BYTES, parse_toml

LONG = 100_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" + "a." * LONG + "a]", "over 100 parts in line 1"),
        ("x = 1\n" + "a." * LONG + "a = 1", "over 100 parts in line 2"),
        ("a . " * LONG + "a = 1", "over 100 parts"),
        ('"a".' * LONG + "a = 1", "over 100 parts"),
        ("x = {" + "a." * LONG + "a = 1}", "over 100 parts"),
        ("x = " + "[" * LONG, "nested too deeply"),
        ("x = " + "1" * 10_000, "digits"),
        ("# " + "x" * MAX_TOML_BYTES, "over 1 MiB"),
        ("x", "line 1"),
    ],
)
def test_what_takes_too_long_is_refused_at_once(text: str, said: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=said):
        parse_toml(text)
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize(
    "text",
    [
        "betas = [" + "0.25, " * 300 + "]",
        "rows = [\n" + ("[" + "0.5, " * 200 + "],\n") * 20 + "]",
        "text = '" + "One. Two. " * 100 + "'",
        "# ...." + "." * 300,
        "[a.b.c]\nd.e = 1",
    ],
)
def test_ordinary_documents_are_read(text: str) -> None:
    assert parse_toml(text) == tomllib.loads(text)


def test_the_longest_allowed_keys_take_seconds_at_most() -> None:
    header = "[" + ".".join("a" * MAX_KEY_PARTS) + "]\n"
    line = ".".join("a" * (MAX_KEY_PARTS - 4)) + ".{} = 1\n"
    text = header + "".join(line.format(number) for number in range(1500))
    started = time.process_time()
    parse_toml(text)
    assert time.process_time() - started < 10.0
