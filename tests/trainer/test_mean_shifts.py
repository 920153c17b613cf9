# SPDX-License-Identifier: Apache-2.0
"""Shifts of a marker table's points that clips agree on."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose.trainer.calibration.mean_shifts import mean_shifts, shifted_table
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.layouts import MD23
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.fit.known import KnownPose, flowing_pose

ELBOW, FRAMES = 4, 60


def test_a_point_that_every_clip_has_elsewhere_is_found() -> None:
    body, markers = load_body(), markers_for(MD23)
    moved = markers.offsets_m.copy()
    moved[ELBOW] += np.array([0.0, 0.012, 0.008], np.float32)
    shifts = []
    for seed in (1, 2):
        pose = flowing_pose(seed, FRAMES)
        points = keypoints_from_pose(replace(markers, offsets_m=moved), body.rest_joints(), pose)
        clip = KeypointSequence(points, 25.0, MD23, source=f"clip {seed}")
        shifts.append(mean_shifts(markers, {"one": [clip]}, body, KnownPose(pose, MD23, body.fingerprint)))
    shift = np.mean(shifts, axis=0)
    # The bend of the elbow, and with it the forearm, takes a part of it; so it is found in several rounds.
    length = np.linalg.norm(shift, axis=1)
    assert length[ELBOW] > 0.003
    assert shift[ELBOW] @ [0.0, 0.012, 0.008] > 0.95 * length[ELBOW] * np.hypot(0.012, 0.008)
    assert np.median(length) < 0.0005


def test_only_chosen_points_move_and_pairs_as_mirror_images() -> None:
    markers, shift = markers_for(MD23), np.full((23, 3), 0.01)
    shift[13] = [0.01, 0.03, 0.01]
    table = shifted_table(markers, shift, (4, 13), ((4, 13),))
    change = table.offsets_m - markers.offsets_m
    assert change[4] == pytest.approx([0.0, 0.02, 0.01], abs=1e-6)
    assert change[13] == pytest.approx([0.0, 0.02, 0.01], abs=1e-6)
    assert np.abs(np.delete(change, [4, 13], axis=0)).max() < 1e-7
