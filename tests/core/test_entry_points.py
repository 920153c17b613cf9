# SPDX-License-Identifier: Apache-2.0
"""``inspect``, ``fit``, ``render``, ``convert``, the panel and studies accept the same files, for the same reasons.

``fit``, ``render``, ``convert``, studies' fits, the API and the panel open files by ``open_source``. ``inspect`` and
the check of a study use other functions, which are compared with it here.
"""

from pathlib import Path

import numpy as np
import pytest

from dancepose.cli.inspect import _interpreted, _next_step
from dancepose.study.plan.study_file import System
from dancepose.study.plan.study_sources import _look
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.readers import examine
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import KeypointSequence, validate
from tests.support.samples import cut, npz_bytes, waltz
from tests.support.tool_samples import rotvecs

CASES = sorted(path for path in (Path(__file__).parents[1] / "cases").iterdir() if path.suffix != ".md")
FPS = 30.0


def opened(path: Path) -> str:
    """What the fit says: its layout, or why not."""
    try:
        found = open_source(path, body=load_body(), hints=Hints(fps=FPS))
        return validate(found).layout.name if isinstance(found, KeypointSequence) else "rotations"
    except DancePoseError as error:
        return f"refused: {error}"


def inspected(path: Path) -> str:
    """What ``inspect`` says: a layout where the next command is to render, or why not."""
    hints = Hints(fps=FPS)
    try:
        examination = examine(path, hints)
        findings, sequence = _interpreted(examination, hints)
        step = _next_step(path, examination, findings, hints)
    except DancePoseError as error:
        return f"refused: {error}"
    if step.startswith("! "):
        return f"refused: {step[2:]}"
    assert "dancepose render" in step
    return "rotations" if examination.interpretation is None else sequence.layout.name


def checked(path: Path) -> str:
    """What the check of a study says."""
    info = _look(path, System(name="a", files="a", fps=FPS))
    return f"refused: {info.trouble}" if info.trouble else "rotations" if info.rotations else info.layout


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_all_entries_agree(path: Path) -> None:
    fit = opened(path)
    assert inspected(path) == fit
    study = checked(path)
    # A study names keys of its file instead of options.
    assert study == fit or (fit.startswith("refused") and study[:60] == fit[:60])


def test_all_entries_take_a_folder_of_frames(tmp_path: Path) -> None:
    motion = cut(waltz(), 20)
    for frame, rotvec in enumerate(rotvecs(motion)):
        table = {"smpl_thetas": rotvec.reshape(1, 72), "cam_trans": motion.translation[frame : frame + 1]}
        (tmp_path / f"{frame:08d}.npz").write_bytes(npz_bytes({"results": np.array(table, object)}))
    assert opened(tmp_path) == inspected(tmp_path) == checked(tmp_path) == "rotations"
