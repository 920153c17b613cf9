"""Size, place and floor of a clip, where all three are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from dancepose_addon.core.body.keypoints import joint_markers, keypoints_from_pose
from dancepose_addon.core.body.model import BodyModel, forward_kinematics, skin
from dancepose_addon.core.errors import InputError, RegressorError
from dancepose_addon.core.fit.grounding import ground
from dancepose_addon.core.fit.pose import RefineSettings
from dancepose_addon.core.fit.regressor import RegressorInfo
from dancepose_addon.core.fit.solve import fit, markers_for, solve_scale_and_translation
from dancepose_addon.core.skeleton.layouts import LAYOUTS, MD23, SMPL24, Layout
from dancepose_addon.core.skeleton.sequence import Sequence
from tests.bodies import person_joints
from tests.posing import random_pose


@pytest.fixture(scope="module")
def posed() -> np.ndarray:
    """(20, 24, 3), metres: joints of a person about the origin."""
    return forward_kinematics(person_joints(), random_pose(0, 20))[1]


@pytest.fixture(scope="module")
def path() -> np.ndarray:
    return np.cumsum(np.random.default_rng(1).normal(size=(20, 3)), axis=0).astype(np.float32)


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


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_floor_of_a_body_that_stands(body: BodyModel, scale: float) -> None:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (30, 24, 3, 3)).copy()
    translation = np.zeros((30, 3), np.float32)
    translation[:, 1] = 2.0
    translation[:8, 1] += 0.4  # a jump
    sole = scale * float(body.v_template_m[:, 1].min()) + 2.0
    assert ground(body, pose, translation, scale=scale) == pytest.approx(sole, abs=1e-4)


def test_floor_under_bent_knees_is_the_lowest_skin(body: BodyModel) -> None:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (4, 24, 3, 3)).copy()
    cosine, sine = np.cos(0.7), np.sin(0.7)
    bend = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]], np.float32)
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        pose[:, hip], pose[:, knee], pose[:, ankle] = bend.T, bend @ bend, bend.T
    vertices = skin(body, pose[:1], correctives=False)
    assert vertices is not None
    found = ground(body, pose, np.zeros((4, 3), np.float32), scale=1.0)
    assert found == pytest.approx(float(vertices[..., 1].min()), abs=0.003)


def test_every_layout_has_markers() -> None:
    for layout in LAYOUTS.values():
        markers = markers_for(layout)
        assert markers.layout is layout
        assert np.allclose(markers.weights.sum(axis=1), 1.0, atol=1e-5)


@dataclass(frozen=True)
class _KnownPose:
    """A regressor for one clip: it gives back the rotations that the clip was made with, or near ones."""

    pose: np.ndarray
    layout: Layout
    body_fingerprint: str
    provider: str = "NumPy"

    @property
    def info(self) -> RegressorInfo:
        training: Mapping[str, object] = {}
        markers = markers_for(self.layout)
        return RegressorInfo(self.layout, markers, self.body_fingerprint, "", "", "", "known", training)

    def __call__(self, keypoints_m: np.ndarray) -> np.ndarray:
        assert keypoints_m.shape == (len(self.pose), self.layout.count, 3)
        return self.pose


def _dance(body: BodyModel) -> tuple[np.ndarray, Sequence]:
    """Twelve frames of small movements of a body 1.1 times its size, 3 m off the floor; with the pose."""
    pose = random_pose(4, 12, angle=0.15)
    where = np.array([0.5, 3.0, -1.0], np.float32) + np.linspace(0, 1, 12, dtype=np.float32)[:, None]
    points = keypoints_from_pose(joint_markers(SMPL24), body.rest_joints(), pose, where, scale=1.1)
    return pose, Sequence(points, 25.0, SMPL24, source="a dance")


def test_fit_puts_a_known_dance_where_it_was(body: BodyModel) -> None:
    pose, sequence = _dance(body)
    result = fit(sequence, regressor=_KnownPose(pose, SMPL24, body.fingerprint), body=body)
    assert result.motion.scale == pytest.approx(1.1, rel=1e-4)
    assert result.report["error_mm"]["regressor"]["mean"] < 0.1
    assert result.report["notices"] == []
    posed = keypoints_from_pose(
        joint_markers(SMPL24), body.rest_joints(), pose, result.motion.translation_m, scale=result.motion.scale
    )
    assert np.abs(posed - result.keypoints_m).max() < 1e-3
    vertices = skin(body, pose, translation_m=result.motion.translation_m, scale=result.motion.scale, correctives=False)
    assert vertices is not None
    assert np.percentile(vertices[..., 1].min(axis=1), 20) == pytest.approx(0.0, abs=0.02)


def test_refinement_comes_nearer(body: BodyModel) -> None:
    pose, sequence = _dance(body)
    near = pose @ random_pose(5, 12, angle=0.05)
    run = partial(fit, sequence, regressor=_KnownPose(near, SMPL24, body.fingerprint), body=body)
    alone, refined = run(), run(refinement=RefineSettings())
    assert refined.report["error_mm"]["refined"]["mean"] < 0.5 * alone.report["error_mm"]["regressor"]["mean"]


def test_another_body_is_a_notice_and_another_layout_an_error(body: BodyModel) -> None:
    pose, sequence = _dance(body)
    result = fit(sequence, regressor=_KnownPose(pose, SMPL24, "0" * 16), body=body)
    assert any("another body" in notice for notice in result.report["notices"])
    with pytest.raises(RegressorError, match=r"in layout smpl24; .* reads md23"):
        fit(sequence, regressor=_KnownPose(pose, MD23, body.fingerprint), body=body)
    broken = Sequence(sequence.keypoints_m * np.nan, 25.0, SMPL24, source="a dance")
    with pytest.raises(InputError, match="NaN"):
        fit(broken, regressor=_KnownPose(pose, SMPL24, body.fingerprint), body=body)
