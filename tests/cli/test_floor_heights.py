# SPDX-License-Identifier: Apache-2.0
"""A height that ``compare`` and ``convert`` take out of a motion is mentioned."""

import json
from pathlib import Path
import re

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.io.writers.amass import write_amass

from .conftest import Dancepose

RAISED_M = 0.3


@pytest.fixture
def heights(dancepose: Dancepose, root: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The same motion twice, as AMASS files: on the floor, and raised."""
    fitted = tmp_path / "fitted.npz"
    assert dancepose("fit", root / "examples" / "waltz", "--frames", "0:40", "--out", fitted).code == 0
    low, high = tmp_path / "low.npz", tmp_path / "high.npz"
    write_amass(BodyMotion.load(fitted), load_body(None), low, model="smpl")
    with np.load(low) as arrays:
        np.savez(high, **{**arrays, "trans": arrays["trans"] + np.float32([0.0, 0.0, RAISED_M])})
    return low, high


def test_compare_gives_the_heights_of_the_floors(
    dancepose: Dancepose, heights: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "table.json"
    outcome = dancepose("compare", *heights, "--out", out)
    assert outcome.code == 0, outcome.err
    table = json.loads(out.read_text())
    assert table["between"]["mpjpe_mm"] == pytest.approx(0.0, abs=0.01)
    assert table["floor_m"]["B"] - table["floor_m"]["A"] == pytest.approx(RAISED_M, abs=0.002)
    assert "this difference of height is in none of the figures" in outcome.err
    same = dancepose("compare", heights[0], heights[0])
    assert (same.code, "difference of height" in same.err) == (0, False)


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_convert_mentions_a_floor_that_it_moves(
    suffix: str, dancepose: Dancepose, heights: tuple[Path, Path], tmp_path: Path
) -> None:
    low, high = (dancepose("convert", path, tmp_path / f"out{suffix}") for path in heights)
    assert (low.code, high.code) == (0, 0)
    found = re.search(r"floor of the file is ([\d.]+) m above zero; the written motion is on a floor at zero", high.err)
    assert found is not None, high.err
    # The body that is used is not quite that of the file, whose betas are of another shape space.
    assert float(found[1]) == pytest.approx(RAISED_M, abs=0.04)
    assert "the floor of the file" not in low.err
