# SPDX-License-Identifier: Apache-2.0
"""TOML of other people: bounded, and otherwise what ``tomllib`` reads."""

import time
import tomllib

import pytest

from dancepose_addon.core.toml_text import MAX_KEY_STEPS, MAX_TOML_BYTES, _key_steps, parse_toml

LONG = 100_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" + "a." * LONG + "a]", "too many parts"),
        ("x = 1\n" + "a." * LONG + "a = 1", "too many parts"),
        ("a . " * LONG + "a = 1", "too many parts"),
        ('"a".' * LONG + "a = 1", "too many parts"),
        ("x = {" + "a." * LONG + "a = 1}", "too many parts"),
        ("x = " + "[" * LONG, "nested too deeply"),
        ("x = " + "1" * 10_000, "digits"),
        ("# " + "x" * MAX_TOML_BYTES, "over 8 MiB"),
        ("x", "Expected"),
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


def test_keys_below_a_long_header_cost_its_length() -> None:
    """A header of 1000 dots takes 1000 * 1000 steps; each key of one dot below it 1000 + 1 * (1 + 1000)."""
    header = "[" + ".".join("a" * 1001) + ", b]\n"
    assert _key_steps(header.rstrip()) == 1_000_000
    assert _key_steps(header + "b.c = 1\nb.d = 2\n  [e]\nb.f = 1") == 1_000_000 + 2 * 2001 + 1000 + 1


@pytest.mark.parametrize(("header", "parts"), [(200, 40), (2, 100), (1000, 1)])
def test_the_longest_allowed_keys_take_seconds_at_most(header: int, parts: int) -> None:
    count = int(0.9 * MAX_KEY_STEPS / (header + parts * (parts + header)))
    start = "[" + ".".join("a" * header) + "]\n"
    text = start + "".join(".".join("a" * (parts - 1) + "b") + f"{number} = 1\n" for number in range(count))
    started = time.process_time()
    parse_toml(text)
    assert time.process_time() - started < 20.0
