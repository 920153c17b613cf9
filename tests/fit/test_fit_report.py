# SPDX-License-Identifier: Apache-2.0
"""Sentences of a fit's report, counted by hand."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.evaluation import fit_report
from dancepose_addon.core.fit.floor.contacts import Ground, Soles
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


def soles(places_m: np.ndarray, lowest_m: np.ndarray) -> Soles:
    return Soles(places_m.astype(np.float32), lowest_m.astype(np.float32))


def test_foot_table_of_known_feet() -> None:
    """Ten frames at 20 fps; the left heel stands and slides by 1 cm a frame, 200 mm/s.

    The lowest sole is 4 cm above the floor in five frames and 2 cm below it in the others.
    """
    places = np.zeros((10, 2, 2, 3))
    places[:, 0, 0, 0] = 0.01 * np.arange(10)
    # The right toes move by 2.6 cm a frame, 0.52 m/s, at 4.9 cm: they skate. Their mean place is higher than that.
    places[:, 1, 1, 2] = 0.026 * np.arange(10)
    places[:, 1, 1, 1] = 0.2
    lowest = np.full((10, 2, 2), 0.5)
    lowest[:5, 0, 0], lowest[5:, 0, 0] = 0.04, -0.02
    lowest[:, 1, 1] = 0.049
    contact = np.zeros((10, 2, 2), bool)
    contact[:, 0, 0] = True
    table = fit_report.foot_table(soles(places, lowest), Ground(0.0, contact), 20.0)
    assert table == {
        "standing_slide_mm_per_s": 200.0,
        "skating_ratio": 1.0,
        "floating_mm": 20.0,
        "penetration_mm": 10.0,
    }
    lowest[:, 1, 1] = 0.051
    assert fit_report.foot_table(soles(places, lowest), Ground(0.0, contact), 20.0)["skating_ratio"] == 0.0


def test_gap_rows_name_the_point() -> None:
    gaps = tuple(Gap(3, number, number + 1, "missing") for number in range(201))
    rows = fit_report._gap_rows(gaps, SMPL24)
    assert rows[1] == {"point": SMPL24.keypoints[3], "first": 1, "last": 2, "why": "missing"}
    assert len(rows) == 200


MISFIT = "the limbs do not fit"


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (FitSettings(), (MISFIT,)),
        (FitSettings(betas=(0.5,) * 10), ()),
        (FitSettings(body_from=Path("other.npz")), ("The body (betas and scale) is that of other.npz.",)),
        (FitSettings(smooth=0.5, foot_lock=True), (MISFIT, "strength 0.5", "Standing feet were locked")),
    ],
)
def test_notices_of_the_settings(body: BodyModel, settings: FitSettings, shown: tuple[str, ...]) -> None:
    points = np.zeros((5, 24, 3), np.float32)
    points[:] = body.rest_joints()
    prepared = Prepared(points, np.ones((5, 24), np.float32), (), 0.001)
    regressor = SimpleNamespace(info=SimpleNamespace(body_fingerprint=body.fingerprint, name="made up"))
    shape = SimpleNamespace(notice=lambda: MISFIT)
    sequence = KeypointSequence(points, 25.0, SMPL24)
    said = fit_report._notices(sequence, regressor, body, prepared, settings, shape, 0.0)
    assert len(said) == len(shown)
    assert all(part in sentence for part, sentence in zip(shown, said, strict=True))


def test_notices_of_another_body_and_of_a_drifting_floor(body: BodyModel) -> None:
    points = np.zeros((5, 24, 3), np.float32)
    points[:] = body.rest_joints()
    prepared = Prepared(points, np.ones((5, 24), np.float32), (), 0.001)
    regressor = SimpleNamespace(info=SimpleNamespace(body_fingerprint="other", name="made up"))
    shape = SimpleNamespace(notice=lambda: None)
    sequence = KeypointSequence(points, 25.0, SMPL24)
    said = fit_report._notices(sequence, regressor, body, prepared, FitSettings(), shape, 0.07)
    assert len(said) == 2
    assert "was trained on another body" in said[0]
    assert "drifts by 7 cm" in said[1]


def test_the_report_has_millimetres(body: BodyModel) -> None:
    points = np.zeros((5, 24, 3), np.float32)
    points[:] = body.rest_joints()
    seen = np.ones((5, 24), np.float32)
    prepared = Prepared(points, seen, (Gap(3, 0, 1, "missing"),), 0.0023)
    regressor = SimpleNamespace(info=SimpleNamespace(body_fingerprint=body.fingerprint, name="made up"), provider="CPU")
    shape = Shape(np.linspace(0.0, 0.9, 10).astype(np.float32), 1.05, joint_markers(SMPL24), 0.0071)
    flat = soles(np.zeros((5, 2, 2, 3)), np.zeros((5, 2, 2)))
    ground = Ground(0.25, np.zeros((5, 2, 2), bool))
    settled = SimpleNamespace(floor_m=0.25, drift_m=0.01, ground=ground, soles=flat, soles_before=flat)
    errors = {"first": np.full((5, 24), 0.03, np.float32), "last": np.full((5, 24), 0.012, np.float32)}
    sequence = KeypointSequence(points, 25.0, SMPL24, source="it")

    def described(settings: FitSettings) -> dict[str, object]:
        return fit_report.describe_fit(
            sequence,
            regressor,
            body,
            settings=settings,
            prepared=prepared,
            shape=shape,
            errors_m=errors,
            settled=settled,
        )

    report = described(FitSettings())
    assert report["noise_mm"] == 2.3
    assert report["shape_residual_mm"] == 7.1
    assert report["final_error_mm"] == 12.0
    assert report["error_mm"]["first"]["mean"] == 30.0
    assert (report["floor_m"], report["floor_drift_m"]) == (0.25, 0.01)
    assert (report["frames"], report["fps"], report["duration_s"]) == (5, 25.0, sequence.duration_s)
    assert report["betas"][3] == 0.3
    assert report["scale"] == 1.05
    assert report["gaps"] == [{"point": SMPL24.keypoints[3], "first": 0, "last": 1, "why": "missing"}]
    assert "feet_before_lock" not in report
    assert described(FitSettings(foot_lock=True))["feet_before_lock"] == report["feet"]
