# SPDX-License-Identifier: Apache-2.0
"""Names of files in progress lines: no control character of a file reaches the terminal."""

import io

import pytest
from rich.console import Console

from dancepose.cli import display

NAME = "same\x1b[31m\nline\x07 [red]of[/red]"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_steps_are_printed_without_control_characters(*, is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    plain = Console(file=stream, force_terminal=is_terminal, width=200, color_system=None)
    monkeypatch.setattr(display, "Console", lambda **_: plain)
    with display.progress_bar() as shown:
        shown.progress(1.0, f"{NAME} dances")
        shown.notice(NAME)
    text = stream.getvalue()
    assert "\x07" not in text
    assert "\x1b[31m" not in text
    assert "[red]of[/red]" in text
    step = next(line for line in text.splitlines() if "dances" in line)
    assert r"same\x1b[31m\nline\x07 [red]of[/red] dances" in step
