# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless runs, in this process for early failures and in separate ones to stop or kill."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from dancepose_addon.core.body.model import BodyModel

ROOT = Path(__file__).parents[2]


class Outcome(NamedTuple):
    """code: exit code; out, err: what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def headless(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``headless(*arguments)``: headless.main in this process."""
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    from dancepose_addon.headless import main

    def run(*arguments: object) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def posed_model(body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regressor file for md23 that gives one known pose."""
    pytest.importorskip("onnx")
    from tests.support.posed_model import write_posed_model

    return write_posed_model(tmp_path_factory.mktemp("model") / "posed.onnx", body)


@pytest.fixture
def write_dance(tmp_path: Path) -> Callable[..., Path]:
    """``write_dance(frames=12, points=23)``: an M&D folder at 25 fps: one pose of the waltz, swaying."""

    def write(frames: int = 12, points: int = 23, **changes: Any) -> Path:
        folder = tmp_path / "DANCE_X_1"
        folder.mkdir()
        waltz = json.loads((ROOT / "examples" / "waltz" / "skeletons.json").read_text(encoding="utf-8"))
        skeleton = np.array(waltz["skeletons"][0])[:points]
        skeletons = np.repeat(skeleton[None], frames, axis=0)
        center = np.zeros((frames, 3))
        center[:, 0], center[:, 1] = 30.0 * np.sin(np.arange(frames) / 5.0), 90.0
        table = {"length": frames, "center": center.tolist(), "skeletons": skeletons.tolist(), **changes}
        (folder / "skeletons.json").write_text(json.dumps(table), encoding="utf-8")
        (folder / "config.json").write_text(json.dumps({"start_position": 0, "end_position": frames}))
        return folder

    return write
