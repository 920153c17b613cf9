# SPDX-License-Identifier: Apache-2.0
"""Points as arrays and tables, cell by cell; and the exit codes of failures."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core import errors
from dancepose_addon.core.io.writers.points import write_csv, write_npy, write_npz
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.sequence import KeypointSequence

POINTS = np.arange(3 * 24 * 3, dtype=np.float32).reshape(3, 24, 3)
TRUST = np.linspace(0.0, 1.0, 72, dtype=np.float32).reshape(3, 24)


@pytest.mark.parametrize("confidence", [None, TRUST], ids=["points", "with confidence"])
def test_a_table_has_a_row_for_each_frame(tmp_path: Path, confidence: np.ndarray | None) -> None:
    points = POINTS.copy()
    points[1, 2] = np.nan
    write_csv(KeypointSequence(points, 20.0, SMPL24, confidence=confidence), tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == 4
    head, *rows = [line.split(",") for line in lines]
    parts = ("x", "y", "z", "confidence")[: 3 if confidence is None else 4]
    assert head == ["time", *(f"{name}_{part}" for name in SMPL24.keypoints for part in parts)]
    assert [row[0] for row in rows] == ["0.000000", "0.050000", "0.100000"]
    width = len(parts)
    assert rows[2][1 : 1 + width] == ["144.000000", "145.000000", "146.000000", *(
        [] if confidence is None else [f"{TRUST[2, 0]:.6f}"])]  # fmt: skip
    assert rows[1][1 + 2 * width : 4 + 2 * width] == ["", "", ""]
    assert len(rows[1]) == 1 + 24 * width


def test_arrays(tmp_path: Path) -> None:
    sequence = KeypointSequence(POINTS, 20.0, SMPL24, confidence=TRUST)
    write_npy(sequence, tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), POINTS)
    write_npz(sequence, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert sorted(arrays) == ["confidence", "fps", "keypoints_m", "layout", "names"]
        np.testing.assert_array_equal(arrays["confidence"], TRUST)
        assert (float(arrays["fps"]), str(arrays["layout"])) == (20.0, "smpl24")
        assert arrays["names"].tolist() == list(SMPL24.keypoints)
    write_npz(KeypointSequence(POINTS, 20.0, SMPL24), tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz") as arrays:
        assert "confidence" not in arrays


def test_exit_codes_are_those_of_the_documentation() -> None:
    """1 for a failure, 2 for a usage error."""
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DancePoseError)
    ]
    assert {kind.__name__ for kind in kinds if kind.exit_code != 1} == {"OptionError"}
    assert errors.OptionError.exit_code == 2
