# SPDX-License-Identifier: Apache-2.0
"""Sentences of a fit's report, counted by hand."""

from types import SimpleNamespace

import numpy as np

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.evaluation import fit_report
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.fit.shape.from_lengths import Shape
from dancepose_addon.core.fit.temporal.preprocessing import Gap, Prepared
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers
from dancepose_addon.core.skeleton.sequence import KeypointSequence


def test_error_table_of_known_distances() -> None:
    """Two frames with 10 mm and 30 mm at every point; one point is never seen, one frame not at all."""
    error_m = np.zeros((3, 24), np.float32)
    error_m[0], error_m[1] = 0.01, 0.03
    seen = np.ones((3, 24), bool)
    seen[:, 5], seen[2] = False, False
    table = fit_report.error_table(error_m, SMPL24, seen)
    assert (table["mean"], table["median_frame"]) == (20.0, 20.0)
    assert table["p95_frame"] == 29.0
    assert table["per_point"][SMPL24.keypoints[5]] is None
    assert {value for value in table["per_point"].values() if value is not None} == {20.0}
    assert table["worst_frames"] == [{"frame": 1, "mean": 30.0}, {"frame": 0, "mean": 10.0}]


def test_gaps_and_jumps_are_counted(body: BodyModel) -> None:
    points = np.zeros((20, 24, 3), np.float32)
    gaps = (Gap(3, 0, 4, "missing"), Gap(3, 10, 10, "jump"), Gap(7, 2, 5, "jump"), Gap(9, 1, 1, "zero"))
    prepared = Prepared(points, np.ones((20, 24), np.float32), gaps, 0.001)
    regressor = SimpleNamespace(info=SimpleNamespace(body_fingerprint=body.fingerprint, name="made up"))
    shape = Shape(np.zeros(10, np.float32), 1.0, joint_markers(SMPL24))
    sequence = KeypointSequence(points, 25.0, SMPL24, notes=("as read",))
    said = fit_report._notices(sequence, regressor, body, prepared, FitSettings(), shape, 0.0)
    assert said[0] == "as read"
    # Points 3, 7 and 9; 5 + 1 + 4 + 1 frames; two of the four are jumps.
    assert "3 of 24 points have gaps (4 gaps, 11 point-frames; 2 of them jumps)" in said[1]
    assert not [line for line in said if "drifts" in line or "smoothed" in line or "locked" in line]
