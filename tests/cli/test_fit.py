"""``dancepose fit`` on the bundled example, through the shipped regressor."""

import json
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.fit.motion import BodyMotion

from .conftest import Dancepose


def test_fit_writes_an_amass_style_motion_and_a_report(dancepose: Dancepose, root: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "motion.npz", tmp_path / "report.json"
    outcome = dancepose("fit", root / "examples" / "waltz", "--out", out, "--report", report)
    assert outcome.code == 0, outcome.err
    assert str(out) in outcome.out
    with np.load(out) as arrays:
        assert arrays["poses"].shape == (357, 72)
        assert arrays["trans"].shape == (357, 3)
        assert float(arrays["mocap_framerate"]) == pytest.approx(25.0, abs=1e-6)
        # AMASS is z up: the pelvis stays about a metre over the floor while it travels across it.
        assert 0.6 < np.median(arrays["trans"][:, 2] + arrays["rest_pelvis"][2]) < 1.2
    table = json.loads(report.read_text())
    assert table["frames"] == 357
    assert table["layout"] == "md23"
    # The dance was posed on this body and seen through these markers, with 4 mm of noise: a regressor that
    # generalises comes near; 60 mm would be a pose that is visibly another.
    assert table["error_mm"]["regressor"]["mean"] < 60.0
    assert len(BodyMotion.load(out)) == 357


def test_frames_choose_a_part(dancepose: Dancepose, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "motion.npz"
    assert dancepose("fit", root / "examples" / "waltz", "--frames", "100:150", "--out", out).code == 0
    assert len(BodyMotion.load(out)) == 50
