# SPDX-License-Identifier: Apache-2.0
"""Poses from geometry alone, against the motion that the points were made from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.rest_pose_regressor import rest_pose_regressor
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import layout_with, markers_for
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_for
from tests.support.samples import FPS, c3d_bytes, cut, points_of, trc_text, waltz

MOTION = cut(waltz(), 30)


def angles_off(pose: np.ndarray) -> np.ndarray:
    return np.degrees(geodesic_angle(pose, MOTION.pose.astype(np.float32)))


@pytest.mark.parametrize("name", ["plugingait39", "md23", "smpl22"])
def test_trunk_and_limbs_are_near_from_the_start(name: str) -> None:
    pose = rest_pose_regressor(get_layout(name))(points_of(MOTION, name).astype(np.float32))
    assert np.allclose(pose @ np.swapaxes(pose, -1, -2), np.eye(3), atol=1e-5)
    off = angles_off(pose)
    assert off[:, 0].mean() < 8.0  # the pelvis
    assert off.mean() < 15.0


def test_unseen_points_and_frames_do_not_stop_it() -> None:
    points = points_of(MOTION, "plugingait39").astype(np.float32)
    points[3] = np.nan
    points[:, 10:14] = np.nan
    assert np.isfinite(rest_pose_regressor(get_layout("plugingait39"))(points)).all()


def test_a_layout_that_no_network_reads_is_fitted() -> None:
    layout = layout_with(markers_for(get_layout("plugingait39")))
    sequence = KeypointSequence(
        points_of(MOTION, "plugingait39").astype(np.float32), FPS, replace(layout, name="my.toml")
    )
    result = fit(sequence, regressor=rest_pose_regressor(sequence.layout), body=load_body())
    assert np.nanmean(result.error_m) < 0.002
    # Hands and toes have one marker, or none: their twist is not seen. Every marker may be up to 2 cm from its place in
    # a clip, which costs half a degree where it is exactly there.
    assert angles_off(result.motion.pose_rotmat)[:, :10].mean() < 2.6
    assert result.report["provider"] == "geometry"


@pytest.mark.parametrize("form", ["c3d", "trc"])
def test_markers_of_a_laboratory_are_fitted_from_their_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"walk.{form}"
    path.write_bytes(
        c3d_bytes(MOTION, "plugingait39") if form == "c3d" else trc_text(MOTION, "plugingait39").encode()
    )  # fmt: skip
    opened = open_source(path, body=load_body())
    assert isinstance(opened, KeypointSequence)
    assert opened.layout.name == "plugingait39"
    sequence, regressor = open_for(opened)
    assert regressor.provider == "geometry"
    result = fit(sequence, regressor=regressor, body=load_body())
    assert np.nanmean(result.error_m) < 0.005


def test_points_of_no_person_are_refused_after_the_fit() -> None:
    layout = get_layout("smpl22")
    points = points_of(MOTION, "smpl22").astype(np.float32)[:, ::-1]
    with pytest.raises(InputError, match="mm away from the points"):
        fit(KeypointSequence(points, 25.0, layout), regressor=rest_pose_regressor(layout), body=load_body())
