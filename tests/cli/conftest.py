# SPDX-License-Identifier: Apache-2.0
"""The command line, called in this process, and small inputs for it."""

from collections.abc import Callable
import json
from pathlib import Path
import sys
from typing import Any, NamedTuple

import pytest

from dancepose.cli.main import main

ROOT = Path(__file__).parents[2]


class Outcome(NamedTuple):
    """code: exit code; out, err: what was printed."""

    code: int
    out: str
    err: str


Dancepose = Callable[..., Outcome]


@pytest.fixture
def dancepose(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dancepose:
    """``dancepose(verb, *arguments)``: what a shell would see."""

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["dancepose", *map(str, arguments)])
        try:
            main()
            code: Any = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def dance_table() -> dict[str, Any]:
    """The content of a skeletons.json: the first 30 frames of the bundled waltz."""
    table = json.loads((ROOT / "examples" / "waltz" / "skeletons.json").read_text(encoding="utf-8"))
    return {"length": 30, "center": table["center"][:30], "skeletons": table["skeletons"][:30]}


@pytest.fixture
def write_dance(tmp_path: Path) -> Callable[[Any], Path]:
    """``write_dance(table)``: an M&D folder with that skeletons.json; text is written as it is."""

    def write(table: Any) -> Path:
        folder = tmp_path / "DANCE_X_1"
        folder.mkdir()
        text = table if isinstance(table, str) else json.dumps(table)
        (folder / "skeletons.json").write_text(text, encoding="utf-8")
        return folder

    return write
