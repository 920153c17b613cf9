# SPDX-License-Identifier: Apache-2.0
"""Hands that touch in the recording of two persons touch after the fits, when these have other arms or are smoothed."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.evaluation.comparison import compare_people
from dancepose_addon.core.fit.evaluation.people_contact import hand_distance
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.fitting import fit_people


@pytest.fixture(scope="module")
def recorded(root, body, tmp_path_factory) -> tuple[Path, np.ndarray]:
    """Joints of the dance for two as points, of persons who hold hands for part of it; and these joints."""
    fits = fit_people(root / "examples" / "duet" / "duet.npz", frames=(0, 60))
    points = np.stack([fit.motion.joints(body) for fit in fits])
    points[1, 40:, :, 0] += 0.6  # then they let go
    points += np.random.default_rng(4).normal(0.0, 0.004, points.shape)
    path = tmp_path_factory.mktemp("duet") / "points.npz"
    np.savez(path, keypoints=np.swapaxes(points, 0, 1), fps=25.0)
    return path, points


def distances(motions: list[BodyMotion], body) -> np.ndarray:
    return hand_distance(*(motion.joints(body) for motion in motions))


def test_hands_that_touch_stay_together(recorded, body) -> None:
    path, points = recorded
    true = hand_distance(*points.astype(np.float32))
    settings = {"betas": (2.0,), "smooth": 1.0}  # another person's arms
    apart = [fit.motion for fit in fit_people(path, settings=FitSettings(**settings))]
    fits = fit_people(path, settings=FitSettings(**settings, keep_contacts=True))
    kept = [fit.motion for fit in fits]
    held = slice(0, 36)
    before, after = (np.abs(distances(motions, body)[held] - true[held]).mean() for motions in (apart, kept))
    assert after < 0.006
    assert after < 0.5 * before
    (row,) = fits[0].report["kept_contacts"]
    assert row["hands"] == [[1, "left"], [2, "right"]]
    assert row["lost_mm"][1] < 0.5 * row["lost_mm"][0]
    assert fits[0].report["people"][0]["hand_contact"] == pytest.approx(40 / 60, abs=0.06)
    assert any("kept together" in notice for notice in fits[0].report["notices"])


@pytest.mark.slow
def test_only_arms_move_and_hands_keep_their_directions(recorded, body) -> None:
    path, _ = recorded
    apart = fit_people(path, settings=FitSettings(betas=(2.0,)))
    kept = fit_people(path, settings=FitSettings(betas=(2.0,), keep_contacts=True))
    arms = [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("shoulder", "elbow", "wrist")]
    others = [joint for joint in range(24) if joint not in arms]
    for first, second in zip(apart, kept, strict=True):
        np.testing.assert_array_equal(first.motion.pose_rotmat[:, others], second.motion.pose_rotmat[:, others])
        np.testing.assert_array_equal(first.motion.translation_m, second.motion.translation_m)
        np.testing.assert_array_equal(first.motion.pose_rotmat[55:], second.motion.pose_rotmat[55:])
        steps = np.linalg.norm(np.diff(second.motion.joints(body), n=2, axis=0), axis=-1)
        own = np.linalg.norm(np.diff(first.motion.joints(body), n=2, axis=0), axis=-1)
        assert steps.max() < own.max() + 0.02  # no jump where a contact starts or ends


@pytest.mark.slow
def test_persons_who_do_not_touch_stay_as_they_are(recorded, tmp_path) -> None:
    path, _ = recorded
    with np.load(path) as file:
        points = file["keypoints"].copy()
    points[:, 1, :, 0] += 2.0
    np.savez(tmp_path / "apart.npz", keypoints=points, fps=25.0)
    fits = fit_people(tmp_path / "apart.npz", settings=FitSettings(keep_contacts=True))
    assert "kept_contacts" not in fits[0].report


def test_compare_has_the_contact_of_both_recordings(recorded, body) -> None:
    path, points = recorded
    motions = [fit.motion for fit in fit_people(path)]
    table = compare_people(motions, motions, body)
    assert table["persons"] == 2
    assert table["between"]["mpjpe_mm"] == 0.0
    true = hand_distance(*points.astype(np.float32))
    assert table["each"]["A"]["hand_contact"] == pytest.approx((true < 0.1).mean(), abs=0.04)
    assert table["each"]["B"]["hand_distance_mm"] == pytest.approx(1000.0 * np.median(true), abs=6.0)
    assert table["each"]["A"]["overlap_mm"] >= 0.0
    with pytest.raises(InputError, match="2 and B 1 persons"):
        compare_people(motions, motions[:1], body)
