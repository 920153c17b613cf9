# SPDX-License-Identifier: Apache-2.0
"""SMPL parameters of files: betas of any number, and rotations of joints that a body has or has not."""

import numpy as np
import pytest

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.io.theta import motion_of
from dancepose_addon.core.skeleton.readers.theta_contents import joints24
from dancepose_addon.core.skeleton.recording import Hints, PoseRecording

FRAMES = 5


def recording(body: BodyModel, betas: np.ndarray) -> PoseRecording:
    rotvec = np.random.default_rng(1).normal(scale=0.1, size=(FRAMES, 24, 3))
    rotvec[:, 0] = 0.0
    return PoseRecording(
        rotvec, np.zeros((FRAMES, 3)), "made up", "it", model=body.fingerprint, betas=betas, fps=25.0, up="y"
    )


@pytest.mark.parametrize("count", [0, 3, 10, 16])
def test_as_many_betas_as_file_and_body_have(body: BodyModel, count: int) -> None:
    given = np.linspace(0.1, 1.0, 16)[:count]
    found = motion_of(recording(body, given), body, Hints(unit="m", up="y"))
    expected = np.zeros(body.beta_count)
    both = min(count, body.beta_count)
    expected[:both] = given[:both]
    np.testing.assert_allclose(found.betas, expected, atol=1e-6)


@pytest.mark.parametrize("joints", [24, 52, 55])
def test_bodies_of_every_model_give_24_joints(joints: int) -> None:
    rotvec = np.random.default_rng(2).normal(scale=0.2, size=(FRAMES, joints, 3))
    found, notes = joints24(rotvec, "it")
    np.testing.assert_array_equal(found[:, :22], rotvec[:, :22])
    assert found.shape == (FRAMES, 24, 3)
    if joints == 24:
        np.testing.assert_array_equal(found, rotvec)
    else:
        assert not found[:, 22:].any()
        assert len(notes) == 1


def test_hands_that_are_not_finite_are_neutral_and_bodies_are_refused() -> None:
    rotvec = np.full((FRAMES, 24, 3), 0.1)
    rotvec[2, 23, 1] = np.nan
    found, _ = joints24(rotvec, "it")
    assert not found[:, 22:].any()
    assert np.isfinite(found).all()
    rotvec[[1, 3], 21, 0] = np.inf
    with pytest.raises(InputError, match="not finite in 2 of 5 frames"):
        joints24(rotvec, "it")


def test_degrees_are_refused() -> None:
    with pytest.raises(InputError, match=r"numpy\.radians"):
        joints24(np.full((FRAMES, 24, 3), 30.0), "it")
