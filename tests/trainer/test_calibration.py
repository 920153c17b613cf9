# SPDX-License-Identifier: Apache-2.0
"""Calibration finds markers that are known, on motion made by core's own kinematics."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.calibration.calibration_report import calibration_report, format_calibration, provenance, split
from dancepose.trainer.calibration.priors import HINGES, prior_mean_and_spread
from dancepose.trainer.calibration.solve import Calibration, CalibrationSettings, calibrate
from dancepose.trainer.calibration.unknowns import PoseUnknowns, Skin, start_places
from dancepose.trainer.training_errors import ConfigError
from dancepose_addon.core.body.model import JOINT_INDEX, MIRRORED_JOINTS, BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
NOISE_M = 0.002
SETTINGS = CalibrationSettings(frames=120, steps=240, pose_weight=0.3)


def true_markers(body: BodyModel) -> MarkerSet:
    """Markers up to 12 mm along each axis from where calibration starts to look, alike on both sides."""
    places = start_places(body, MD23, Skin(body))
    rest, weights = (tensor.numpy() for tensor in places.symmetric())
    shift = np.random.default_rng(5).uniform(-0.012, 0.012, rest.shape).astype(np.float32)
    for point, other in enumerate(places.partner):
        if other >= 0:
            shift[other] = shift[point] * FLIP if other != point else shift[point] * [0, 1, 1]
    rest = np.where(places.on_skin[:, None], Skin(body).nearest(torch.from_numpy(rest + shift)).numpy(), rest + shift)
    for point, other in enumerate(places.partner):
        if other > point:
            rest[other] = rest[point] * FLIP
    return MarkerSet(MD23, weights, (rest - weights @ body.rest_joints()).astype(np.float32))


def dance(body: BodyModel, markers: MarkerSet, seed: int, scale: float, first_beta: float) -> KeypointSequence:
    """Poses about the natural one, of a dancer of another size, seen with noise."""
    rng = np.random.default_rng(seed)
    mean, spread = prior_mean_and_spread()
    count = 60
    # In pairs about the mean, which is what settles whether a bone is turned or a point sits further round it.
    half = rng.normal(size=(count // 2, 24, 3)).astype(np.float32)
    spread = spread * np.float32(0.6)
    spread[[JOINT_INDEX[name] for name in HINGES], 0] *= 0.5
    turn = mean + spread * np.concatenate([half, -half])
    nothing = torch.zeros(0)
    yaw = rng.uniform(-np.pi, np.pi, count)
    root = np.zeros((count, 3, 3), np.float32)
    root[:, 0, 0] = root[:, 2, 2] = np.cos(yaw)
    root[:, 0, 2], root[:, 2, 0], root[:, 1, 1] = np.sin(yaw), -np.sin(yaw), 1.0
    pose = (
        PoseUnknowns(nothing, torch.from_numpy(root), torch.from_numpy(turn), nothing, nothing, nothing)
        .rotmat()
        .numpy()
    )
    betas = np.array([first_beta, -0.5 * first_beta], np.float32)
    place = rng.normal(size=(count, 3)).astype(np.float32)
    points = keypoints_from_pose(markers, body.rest_joints(betas), pose, place, scale=scale)
    points += NOISE_M * rng.normal(size=points.shape).astype(np.float32)
    return KeypointSequence(points, 25.0, MD23, source=f"made/{seed}")


@pytest.fixture(scope="module")
def found(body: BodyModel) -> Calibration:
    torch.set_num_threads(1)
    truth = true_markers(body)
    clips = [dance(body, truth, 1, 0.95, 0.8), dance(body, truth, 2, 1.02, -0.6)]
    return calibrate(clips, body, SETTINGS, held_out=[dance(body, truth, 3, 0.98, 0.3)])


def test_known_markers_are_found(found: Calibration, body: BodyModel) -> None:
    joints = body.rest_joints()
    truth, started = true_markers(body).rest_points(joints), start_places(body, MD23, Skin(body)).symmetric()[0].numpy()
    rest = found.markers.rest_points(joints)
    assert np.linalg.norm(started - truth, axis=1).mean() > 0.009
    assert np.linalg.norm(rest - truth, axis=1).mean() < 0.006
    # Points of one bone keep their distance whichever way the bone is taken to be turned.
    for first, second in ((0, 1), (9, 10), (18, 19), (6, 22)):
        apart = np.linalg.norm(truth[first] - truth[second])
        assert np.linalg.norm(rest[first] - rest[second]) == pytest.approx(apart, abs=0.003)


def test_what_is_left_is_the_noise_on_clips_not_learned_from_too(found: Calibration) -> None:
    # The length of a normal error of spread s in three dimensions is 1.6 s on average; poses take up a part of it.
    assert found.held_out is not None
    for solved in (found.learned, found.held_out):
        assert 0.5 * NOISE_M < solved.error_m.mean() < 1.8 * NOISE_M


def test_the_table_is_a_marker_set_alike_on_both_sides(found: Calibration, body: BodyModel) -> None:
    markers = found.markers
    np.testing.assert_allclose(markers.weights.sum(axis=1), 1.0, atol=1e-5)
    assert (markers.weights >= 0).all()
    assert markers.body_fingerprint == body.fingerprint
    rest = markers.rest_points(body.rest_joints())
    for left, right in ((12, 3), (16, 7), (17, 8), (18, 9), (19, 10), (20, 11)):
        np.testing.assert_allclose(rest[left], rest[right] * FLIP, atol=1e-5)
        np.testing.assert_allclose(markers.weights[left], markers.weights[right][list(MIRRORED_JOINTS)], atol=1e-5)
    assert rest[2, 0] == pytest.approx(0.0, abs=1e-6)
    again = MarkerSet.from_json(markers.to_json())
    np.testing.assert_allclose(again.offsets_m, markers.offsets_m, atol=1e-5)


def test_the_report_says_what_was_found(found: Calibration) -> None:
    clips = [
        KeypointSequence(np.zeros((1, 23, 3), np.float32), 25.0, MD23, source=f"made/{name}") for name in (1, 2, 3)
    ]
    learning, checking = split(clips, ("3",))
    report = calibration_report(found, learning, checking, SETTINGS)
    assert report["mean_residual_mm"] == pytest.approx(1000 * found.learned.error_m.mean(), abs=1e-3)
    assert set(report["points"]) == set(MD23.keypoints)
    assert list(report["clips"]) == ["1", "2"]
    assert list(report["held_out_clips"]) == ["3"]
    # The clips were made with dancers of 0.95 and 1.02 of the body's size; shape parameters change it as well.
    assert report["clips"]["1"]["scale"] < report["clips"]["2"]["scale"]
    assert f"{report['mean_residual_mm']:.2f} mm" in format_calibration(report)
    assert "2 clips" in provenance(found, learning, SETTINGS)


def test_clips_are_split_by_name() -> None:
    clips = [
        KeypointSequence(np.zeros((1, 23, 3), np.float32), 25.0, MD23, source=f"folder/{name}") for name in ("a", "b")
    ]
    with pytest.raises(ConfigError, match="There are: a, b"):
        split(clips, ("c",))
    with pytest.raises(ConfigError, match="none is left to learn from"):
        split(clips, ("a", "b"))


def test_clips_of_two_layouts_are_refused(body: BodyModel) -> None:
    clips = [KeypointSequence(np.zeros((2, layout.count, 3), np.float32), 25.0, layout) for layout in (MD23, SMPL24)]
    with pytest.raises(InputError, match="md23, smpl24"):
        calibrate(clips, body, SETTINGS)
    with pytest.raises(InputError, match="no clip"):
        calibrate([], body, SETTINGS)


def test_the_shipped_table_lies_where_its_names_say(body: BodyModel, root: Path) -> None:
    markers = MarkerSet.load(root / "dancepose_addon" / "assets" / "markers" / "md23.json")
    assert markers.body_fingerprint == body.fingerprint
    joints = body.rest_joints()
    rest = dict(zip(MD23.keypoints, markers.rest_points(joints), strict=True))
    outside = dict(
        zip(MD23.keypoints, Skin(body).distance(torch.from_numpy(np.stack(list(rest.values())))), strict=True)
    )
    # Hips and spine behave like points inside the trunk. Points of the forearms are up to 6 cm outside, as if on bars;
    # this head is larger than the dancers', so its points are inside. All others are on the skin or within 2 cm of it.
    for name, distance in outside.items():
        if name in ("lower_spine", "left_hip", "right_hip"):
            assert -0.1 < distance < 0.0
        elif name.startswith("head"):
            assert -0.015 < distance < 0.0
        else:
            assert -0.004 < distance < (0.061 if "wrist" in name or "forearm" in name else 0.021), name
    for name, joint, reach_m in (("left_elbow", "left_elbow", 0.07), ("left_knee", "left_knee", 0.13),
                                 ("left_ankle", "left_ankle", 0.1), ("left_heel", "left_ankle", 0.1),
                                 ("left_toe", "left_foot", 0.07), ("left_wrist", "left_wrist", 0.09)):  # fmt: skip
        assert np.linalg.norm(rest[name] - joints[JOINT_INDEX[joint]]) < reach_m
    assert rest["left_toe"][2] > rest["left_ankle"][2] > rest["left_heel"][2]
    assert rest["left_elbow"][0] < rest["left_forearm_2"][0] < rest["left_forearm"][0] < rest["left_wrist"][0]
    assert rest["right_wrist_2"][0] < rest["right_wrist"][0] < rest["right_forearm"][0] < rest["right_elbow"][0]
