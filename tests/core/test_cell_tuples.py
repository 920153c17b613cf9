# SPDX-License-Identifier: Apache-2.0
"""Tables with a vector in each cell, as Unity and pandas write them."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.errors import DancePoseError, FormatError
from dancepose_addon.core.skeleton.readers import read
from tests.support.field_samples import unity_text
from tests.support.samples import cut, points_of, waltz

POINTS = points_of(cut(waltz(), 40), "smpl24").astype(np.float64)
FORMS = ['"({}, {}, {})"', "({}, {}, {})", '"[{}, {}, {}]"', "[{} {} {}]", '"({}, {}, {}, 0.5)"']


@pytest.mark.parametrize("form", FORMS)
def test_points_are_those_that_were_written(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.csv").write_text(unity_text(POINTS, form=form))
    sequence = read(tmp_path / "a.csv")
    assert sequence.layout.name == "smpl24"
    assert sequence.fps == pytest.approx(25.0, rel=1e-3)
    np.testing.assert_allclose(sequence.keypoints_m, POINTS, atol=1e-4)
    if "0.5" in form:
        assert sequence.confidence is not None
        np.testing.assert_allclose(sequence.confidence, 0.5)


def test_commas_in_numbers_and_other_delimiters(tmp_path: Path) -> None:
    text = unity_text(POINTS).replace(".", ",").replace("\n0,", "\n0.").replace("\n1,", "\n1.")
    (tmp_path / "a.csv").write_text(text)
    np.testing.assert_allclose(read(tmp_path / "a.csv", fps=25.0).keypoints_m, POINTS, atol=1e-4)
    (tmp_path / "b.csv").write_text(unity_text(POINTS).replace('","', '";"').replace(',"(', ';"(').replace(
        ",".join(JOINT_NAMES), ";".join(JOINT_NAMES)).replace("Time,", "Time;"))  # fmt: skip
    np.testing.assert_allclose(read(tmp_path / "b.csv").keypoints_m, POINTS, atol=1e-4)


def test_empty_cells_are_unseen_points(tmp_path: Path) -> None:
    lines = unity_text(POINTS).split("\n")
    lines[5] = lines[5].split(",")[0] + "," * len(JOINT_NAMES)
    (tmp_path / "a.csv").write_text("\n".join(lines))
    sequence = read(tmp_path / "a.csv")
    assert np.isnan(sequence.keypoints_m[4]).all()
    np.testing.assert_allclose(sequence.keypoints_m[5:], POINTS[5:], atol=1e-4)


def quaternion_cells(count: int) -> str:
    return ",".join(['"(0.1, -0.2, 0.3, 0.927)"'] * count)


def test_rotations_beside_places_are_not_used_and_alone_are_refused(tmp_path: Path) -> None:
    lines = unity_text(POINTS).split("\n")
    titles = ",".join(f"{name}_rotation" for name in JOINT_NAMES)
    both = [f"{lines[0]},{titles}", *(f"{line},{quaternion_cells(24)}" for line in lines[1:])]
    (tmp_path / "a.csv").write_text("\n".join(both))
    np.testing.assert_allclose(read(tmp_path / "a.csv").keypoints_m, POINTS, atol=1e-4)
    alone = [lines[0], *(f"0.{number:02d},{quaternion_cells(24)}" for number in range(40))]
    (tmp_path / "b.csv").write_text("\n".join(alone))
    with pytest.raises(FormatError, match=r"rotations \(x, y, z, w\) of 24 joints and no places"):
        read(tmp_path / "b.csv")
    angles = [lines[0], *(f"0.{n:02d}," + ",".join([f'"({n}.0, {90 - n}.5, {3 * n}.0)"'] * 24) for n in range(40))]
    (tmp_path / "c.csv").write_text("\n".join(angles))
    with pytest.raises(DancePoseError, match=r"angles|no person"):
        read(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda text: text.replace("Time,pelvis,", "Time,"), "24 titles above"),
        (lambda text: text[:-20], "in a cell of line 41|where a number is expected, in line 41"),
        (lambda text: text.replace("0.0400,\"(", "0.0400,\"(7, "), "4 numbers in a cell of line 3"),
    ],
)  # fmt: skip
def test_irregular_cells_are_refused_by_their_line(tmp_path: Path, changed, said: str) -> None:
    (tmp_path / "a.csv").write_text(changed(unity_text(POINTS)))
    with pytest.raises(DancePoseError, match=said):
        read(tmp_path / "a.csv")
