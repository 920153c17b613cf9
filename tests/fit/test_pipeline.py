# SPDX-License-Identifier: Apache-2.0
"""A whole fit of clips of which everything is known: size, shape, place, floor, rotations."""

from dataclasses import replace
from functools import partial
import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from dancepose_addon.core.body.model import BodyModel, forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.errors import InputError, RegressorError
from dancepose_addon.core.fit.pipeline import FitResult, fit
from dancepose_addon.core.fit.placement import solve_scale_and_translation
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import LAYOUTS, MD23, SMPL22, SMPL24, Layout
from dancepose_addon.core.skeleton.markers import joint_markers, keypoints_from_pose, markers_for
from tests.support.bodies import person_joints
from tests.support.posing import random_pose

from .known import KnownClip, KnownPose, known_clip, turned

ALONE = FitSettings(refine=0)


@pytest.fixture(scope="module")
def posed() -> np.ndarray:
    """(20, 24, 3), metres: joints of a person about the origin."""
    return forward_kinematics(person_joints(), random_pose(0, 20))[1]


@pytest.fixture(scope="module")
def path() -> np.ndarray:
    return np.cumsum(np.random.default_rng(1).normal(size=(20, 3)), axis=0).astype(np.float32)


@pytest.fixture(scope="module")
def clip(body: BodyModel) -> KnownClip:
    return known_clip(body)


def fitted(clip: KnownClip, body: BodyModel, settings: FitSettings = FitSettings(), *, off: float = 0.0) -> FitResult:
    """off: radians by which the regressor is wrong about every joint, the same way in each frame."""
    pose = (clip.pose @ random_pose(9, 1, angle=off)).astype(np.float32)
    return fit(
        clip.sequence, regressor=KnownPose(pose, clip.sequence.layout, body.fingerprint), body=body, settings=settings
    )


def test_a_known_size_and_path_are_found(posed: np.ndarray, path: np.ndarray) -> None:
    scale, translation = solve_scale_and_translation(posed, np.float32(1.17) * posed + path[:, None])
    assert scale == pytest.approx(1.17, rel=1e-5)
    assert np.abs(translation - path).max() < 1e-4


def test_points_without_confidence_do_not_count(posed: np.ndarray, path: np.ndarray) -> None:
    target = np.float32(0.85) * posed + path[:, None]
    confidence = np.ones(posed.shape[:2], np.float32)
    wrong = np.random.default_rng(2).integers(0, 24, (20, 3))
    confidence[np.arange(20)[:, None], wrong] = 0.0
    target[np.arange(20)[:, None], wrong] += 5.0
    scale, translation = solve_scale_and_translation(posed, target, confidence)
    assert scale == pytest.approx(0.85, rel=1e-4)
    assert np.abs(translation - path).max() < 1e-3


def test_size_is_symmetric_and_does_not_shrink_under_noise(posed: np.ndarray) -> None:
    """Turned poses and noisy points make least squares prefer a smaller body; the ratio of spreads does not."""
    random = np.random.default_rng(3)
    target = posed + random.normal(scale=0.03, size=posed.shape).astype(np.float32)
    guess = posed + random.normal(scale=0.03, size=posed.shape).astype(np.float32)
    scale, _ = solve_scale_and_translation(guess, target)
    assert scale == pytest.approx(1.0, abs=0.01)
    assert solve_scale_and_translation(target, guess)[0] == pytest.approx(1.0 / scale, rel=1e-5)


def test_every_layout_has_markers() -> None:
    for layout in LAYOUTS.values():
        markers = markers_for(layout)
        assert markers.layout is layout
        assert np.allclose(markers.weights.sum(axis=1), 1.0, atol=1e-5)


def test_the_regressor_alone_puts_a_known_dance_where_it_was(body: BodyModel) -> None:
    clip = known_clip(body, scale=1.1, betas=0.0)
    result = fitted(clip, body, ALONE)
    assert result.motion.scale == pytest.approx(1.1, rel=1e-4)
    assert set(result.report["error_mm"]) == {"regressor"}
    assert result.report["error_mm"]["regressor"]["mean"] < 0.1
    assert result.report["notices"] == []
    assert np.array_equal(result.motion.pose_rotmat, clip.pose)
    # The floor took away one height for the whole clip, and nothing else.
    drop = clip.place_m - result.motion.translation_m
    assert np.ptp(drop, axis=0).max() < 1e-3
    assert np.abs(drop[:, [0, 2]]).max() < 1e-3
    assert result.report["floor_m"] == pytest.approx(float(drop[:, 1].mean()), abs=1e-3)
    assert np.abs(clip.sequence.keypoints_m - result.keypoints_m - drop[:, None]).max() < 1e-3


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_every_layout_is_met(layout: Layout, body: BodyModel) -> None:
    """Shape unknown to the fit. Joints tell it to a fraction of a millimetre, points on the skin nearly."""
    clip = known_clip(body, layout, betas=0.5)
    result = fitted(clip, body)
    assert result.report["final_error_mm"] < (1.0 if layout is SMPL24 else 4.0)
    posed = keypoints_from_pose(
        result.markers, result.motion.scale * body.rest_joints(result.motion.betas), result.motion.pose_rotmat,
        result.motion.translation_m,
    )  # fmt: skip
    assert np.linalg.norm(posed - result.keypoints_m, axis=-1) == pytest.approx(result.error_m, abs=1e-5)
    if layout in (SMPL24, SMPL22):
        assert np.degrees(geodesic_angle(result.motion.pose_rotmat, clip.pose)).mean() < 3.0


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_in_every_layout_a_known_body_is_met_exactly(layout: Layout, body: BodyModel) -> None:
    clip = known_clip(body, layout, betas=0.5)
    result = fitted(clip, body, FitSettings(betas=tuple(float(beta) for beta in clip.betas)))
    assert result.report["final_error_mm"] < 1.0
    assert np.degrees(geodesic_angle(result.motion.pose_rotmat, clip.pose)).mean() < 1.0


def test_joints_without_noise_are_met_to_a_hundredth_of_a_millimetre(body: BodyModel) -> None:
    """Of a body that the fit does not know: lengths tell it all, and a moving body does not pass for a noisy one."""
    assert fitted(known_clip(body, betas=0.5), body, off=0.05).report["final_error_mm"] < 0.01


def test_shape_and_scale_are_found(body: BodyModel) -> None:
    """Bones come out in their length; how much of it is betas and how much scale is another matter."""
    clip = known_clip(body, scale=1.05)
    result = fitted(clip, body, off=0.05)
    found = result.motion.scale * body.rest_joints(result.motion.betas)
    truth = 1.05 * body.rest_joints(clip.betas)
    assert np.abs((found - found[0]) - (truth - truth[0])).max() < 0.004
    assert result.report["shape_residual_mm"] < 1.0


def test_refinement_comes_nearer(clip: KnownClip, body: BodyModel) -> None:
    run = partial(fitted, clip, body, off=0.08)
    alone, refined = run(ALONE), run()
    assert alone.report["final_error_mm"] > 20.0
    assert refined.report["error_mm"]["refined"]["mean"] < 1.0


@pytest.mark.parametrize(
    "way", [(0.0, np.pi, 0.0), (np.pi / 2, 0.0, 0.0), (0.0, 0.0, np.pi), (0.3, -2.0, 0.7)],
    ids=["backwards", "lying", "upside down", "askew"],
)  # fmt: skip
@pytest.mark.parametrize("layout", [SMPL24, MD23], ids=["smpl24", "md23"])
def test_no_direction_is_worse_than_upright(way: tuple[float, ...], layout: Layout, body: BodyModel) -> None:
    upright = known_clip(body, layout, frames=30)
    noise = np.random.default_rng(8).normal(scale=0.005, size=upright.sequence.keypoints_m.shape)
    points = (upright.sequence.keypoints_m + noise).astype(np.float32)
    upright = replace(upright, sequence=replace(upright.sequence, keypoints_m=points))
    errors = []
    for clip in (upright, turned(upright, body, way)):
        result = fitted(clip, body, off=0.08)
        twist = np.degrees(geodesic_angle(result.motion.pose_rotmat, clip.pose)).mean()
        errors.append([result.report["final_error_mm"], twist])
    assert errors[0][0] > 2.0  # the noise is there
    assert errors[1] == pytest.approx(errors[0], rel=0.03)


def test_given_betas_are_kept(clip: KnownClip, body: BodyModel) -> None:
    result = fitted(clip, body, FitSettings(betas=tuple(float(beta) for beta in clip.betas)))
    assert np.array_equal(result.motion.betas, clip.betas)
    assert result.motion.scale == pytest.approx(1.0, abs=1e-3)
    short = fitted(clip, body, FitSettings(betas=(1.0, -1.0)))
    assert short.motion.betas.tolist() == [1.0, -1.0] + [0.0] * (body.beta_count - 2)


def test_settings_that_cannot_be(clip: KnownClip, body: BodyModel) -> None:
    with pytest.raises(InputError, match=r"11 betas were given; the body has 10"):
        fitted(clip, body, FitSettings(betas=(0.0,) * 11))
    with pytest.raises(InputError, match=r"--smooth: -1 is not a number from 0 to 100"):
        fitted(clip, body, FitSettings(smooth=-1.0))


def test_shifted_points_are_adapted_to(body: BodyModel) -> None:
    """Two head points are 6 cm farther apart than in the table: each moves by 2 cm by default, by 4 cm with adapt."""
    clip = known_clip(body, MD23, betas=0.0)
    markers = markers_for(MD23)
    moved = markers.offsets_m.copy()
    moved[0, 0] -= 0.06
    points = keypoints_from_pose(replace(markers, offsets_m=moved), body.rest_joints(), clip.pose, clip.place_m)
    clip = replace(clip, sequence=replace(clip.sequence, keypoints_m=points))
    plain, adapted = fitted(clip, body), fitted(clip, body, FitSettings(adapt=True))
    assert adapted.report["final_error_mm"] < 0.6 * plain.report["final_error_mm"]
    for found, bound_m in ((plain, 0.0201), (adapted, 0.0401)):
        shift = found.markers.offsets_m / found.motion.scale - markers.offsets_m
        assert np.linalg.norm(shift, axis=1).max() < bound_m


def test_another_body_is_a_notice_and_another_layout_an_error(clip: KnownClip, body: BodyModel) -> None:
    result = fit(clip.sequence, regressor=KnownPose(clip.pose, SMPL24, "0" * 16), body=body)
    assert any("another body" in notice for notice in result.report["notices"])
    with pytest.raises(RegressorError, match=r"in layout smpl24; .* reads md23"):
        fit(clip.sequence, regressor=KnownPose(clip.pose, MD23, body.fingerprint), body=body)


def test_gaps_are_bridged_and_long_blindness_is_refused(clip: KnownClip, body: BodyModel) -> None:
    points = clip.sequence.keypoints_m.copy()
    points[20:26] = np.nan
    points[40:44, 20] = np.nan
    holed = replace(clip, sequence=replace(clip.sequence, keypoints_m=points))
    result = fitted(holed, body)
    assert np.isfinite(result.motion.pose_rotmat).all()
    assert np.isfinite(result.motion.translation_m).all()
    assert np.isnan(result.error_m[20:26]).all()
    assert np.isnan(result.error_m[40:44, 20]).all()
    rows = result.report["gaps"]
    assert {"point": "left_wrist", "first": 40, "last": 43, "why": "missing"} in rows
    assert len(rows) == 25
    assert any("24 of 24 points have gaps (25 gaps, 148 point-frames" in notice for notice in result.report["notices"])
    # Curves through the gap are nearer than the shortest rotations across it; around it nothing changes.
    off = np.degrees(geodesic_angle(result.motion.pose_rotmat, clip.pose))
    way = np.stack(
        [Slerp([19, 26], Rotation.from_matrix(clip.pose[[19, 26], j]))(range(20, 26)).as_matrix() for j in range(24)],
        axis=1,
    )
    shortest = np.degrees(geodesic_angle(way, clip.pose[20:26]))
    assert off[20:26].mean() < 0.75 * shortest.mean()
    assert off[20:26].max() < shortest.max()
    truth, found = clip.sequence.keypoints_m[20:26], result.motion.joints(body)[20:26]
    rigid = forward_kinematics(body.rest_joints(result.motion.betas), way.astype(np.float32))[1]
    apart = [np.linalg.norm((x - x[:, :1]) - (truth - truth[:, :1]), axis=-1).mean() for x in (found, rigid)]
    assert apart[0] < 0.2 * apart[1]
    assert np.delete(off, np.s_[20:26], axis=0).max() < 2.0
    points[2:30] = np.nan
    with pytest.raises(InputError, match=r"NaN or unseen points in 28 of 60 frames \(frames 2-29\); up to 1 s"):
        fitted(replace(clip, sequence=replace(clip.sequence, keypoints_m=points)), body)


def test_report_and_provenance_are_json(clip: KnownClip, body: BodyModel) -> None:
    settings = FitSettings(smooth=1.0, foot_lock=True)
    result = fitted(clip, body, settings, off=0.02)
    report = json.loads(json.dumps(result.report, allow_nan=False))
    assert report["frames"] == 60
    assert report["settings"]["smooth"] == 1.0
    assert set(report["error_mm"]["refined"]["per_point"]) == set(SMPL24.keypoints)
    error = result.error_m.astype(np.float64).mean(axis=1) * 1000.0
    worst = report["error_mm"]["refined"]["worst_frames"]
    assert worst[0]["frame"] == int(error.argmax())
    assert worst[0]["mean"] == pytest.approx(error.max(), abs=0.01)
    assert report["error_mm"]["refined"]["mean"] == pytest.approx(error.mean(), abs=0.01)
    assert {"prepare", "regress", "shape", "refine", "smooth", "ground"} <= set(report["seconds"])
    assert any("smoothed (strength 1)" in notice for notice in report["notices"])
    assert any("locked" in notice for notice in report["notices"])
    provenance = json.loads(json.dumps(result.motion.provenance))
    assert provenance["settings"] == report["settings"]
    assert provenance["source"] == "a dance"


def test_frames_do_not_depend_on_what_follows_much_later(clip: KnownClip, body: BodyModel) -> None:
    """A second, wilder half changes nothing about rotations in the first, once the body is known."""
    known = FitSettings(betas=tuple(float(beta) for beta in clip.betas))
    other = known_clip(body, seed=4, frames=60)
    tail = np.random.default_rng(1).normal(scale=0.02, size=(60, 24, 3)).astype(np.float32)
    points = np.concatenate([clip.sequence.keypoints_m, other.sequence.keypoints_m[::-1] + 0.0 * tail])
    long = replace(
        clip, pose=np.concatenate([clip.pose, other.pose[::-1]]), sequence=replace(clip.sequence, keypoints_m=points)
    )
    alone, joined = fitted(clip, body, known), fitted(long, body, known)
    assert np.degrees(geodesic_angle(alone.motion.pose_rotmat, joined.motion.pose_rotmat[:60])).max() < 0.5


def test_joint_markers_are_what_smpl24_uses() -> None:
    assert np.array_equal(markers_for(SMPL24).weights, joint_markers(SMPL24).weights)
