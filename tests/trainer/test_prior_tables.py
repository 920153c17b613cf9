# SPDX-License-Identifier: Apache-2.0
"""Tables of a calibration's prior against the body: markers near its skin, joints turned as people turn them."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from dancepose.trainer.calibration import priors
from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, MIRRORED_JOINTS, BodyModel
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.skeleton.layouts import MD23, SMPL24

MIRROR = np.diag([-1.0, 1.0, 1.0])


def test_placements_on_the_skin_are_near_it(body: BodyModel) -> None:
    """Within 1.7 cm of the default body's skin at 1.70 m, though all are rough; the one in the spine is deeper."""
    size = priors.TABLE_HEIGHT_M / body.height_m
    assert priors.TABLE_HEIGHT_M == 1.7
    joints, vertices = size * body.rest_joints(), size * body.v_template_m
    for place in priors.placements(MD23):
        point = joints[JOINT_INDEX[place.bones[0]]] + place.offset_m
        away = np.linalg.norm(vertices - point, axis=1).min()
        assert bool(away < 0.017) is (place.bones[0] != "spine2"), (place, away)


def test_placements_of_the_right_side_mirror_the_left() -> None:
    table = dict(zip(MD23.keypoints, priors.placements(MD23), strict=True))
    left, right = table["left_knee"], table["right_knee"]
    assert right.bones == ("right_knee", "right_hip")
    assert right.offset_m == (-left.offset_m[0], *left.offset_m[1:])
    assert (right.on_skin, right.paired, right.least) == (left.on_skin, left.paired, left.least)
    for name, place in table.items():
        assert place.paired is (name not in {
            "left_forearm", "left_forearm_2", "left_wrist", "right_wrist", "right_forearm",
        }), name  # fmt: skip
        assert place.on_skin is (name not in {"lower_spine", "left_hip", "right_hip"}), name
        # A forearm's point is mostly on the elbow's bone.
        assert (place.least > 0.5) is ("forearm" in name), name


def test_layouts_without_a_table_are_on_their_joints() -> None:
    for name, place in zip(JOINT_NAMES, priors.placements(SMPL24), strict=True):
        assert place == priors.Placement((name,), (0.0, 0.0, 0.0), on_skin=False)
        assert (place.paired, place.least) == (True, 0.0)


def test_placements_of_a_users_layout(body: BodyModel) -> None:
    """Attached to two joints by 0.3 and 0.7, 5 cm ahead of their mean: the heavier joint comes first."""
    attached = [((joint, 1.0),) for joint in range(24)]
    knee, hip = JOINT_INDEX["left_knee"], JOINT_INDEX["left_hip"]
    attached[knee] = ((hip, 0.3), (knee, 0.7))
    offsets = [(0.0, 0.0, 0.0)] * 24
    offsets[knee] = (0.0, 0.0, 0.05)
    layout = replace(SMPL24, name="mine.toml", attached_to=tuple(attached), offsets_m=tuple(offsets))
    place = priors.placements(layout)[knee]
    assert place.bones == ("left_knee", "left_hip")
    joints = body.rest_joints()
    expected = 0.3 * (joints[hip] - joints[knee]) + [0.0, 0.0, 0.05]
    assert place.offset_m == pytest.approx((expected * 1.7 / body.height_m).tolist(), abs=1e-6)
    assert not place.on_skin


def test_mirror_pairs() -> None:
    assert priors.mirror_pairs(SMPL24) == MIRRORED_JOINTS
    pairs = dict(zip(MD23.keypoints, priors.mirror_pairs(MD23), strict=True))
    for name, other in pairs.items():
        if "forearm" in name or "wrist" in name:
            assert other == -1, name
        else:
            image = name.replace("left", "?").replace("right", "left").replace("?", "right")
            assert MD23.keypoints[other] == image


def test_natural_turns_are_mirror_images() -> None:
    """Elsewhere than at hinges the mean is a rotation vector: its mirror image is M R M."""
    mean, spread = priors.prior_mean_and_spread()
    for joint, other in enumerate(MIRRORED_JOINTS):
        assert spread[joint].tolist() == spread[other].tolist()
        if JOINT_NAMES[joint] in priors.HINGES:
            assert mean[joint].tolist() == mean[other].tolist()
        else:
            turned = MIRROR @ rotvec_to_rotmat(mean[joint]) @ MIRROR
            np.testing.assert_allclose(rotvec_to_rotmat(mean[other]), turned, atol=1e-6)


def test_natural_turns_are_those_of_people() -> None:
    """Knees and elbows bend only one way, arms hang down, and hardly a joint turns beyond a right angle."""
    mean, spread = priors.prior_mean_and_spread()
    assert {JOINT_NAMES[joint] for joint in np.flatnonzero(np.abs(mean).max(axis=1) > 0.01)} == {
        f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "shoulder", "elbow")
    }
    for side, sign in (("left", 1.0), ("right", -1.0)):
        knee, elbow = JOINT_INDEX[f"{side}_knee"], JOINT_INDEX[f"{side}_elbow"]
        assert 0.0 < mean[knee, 0] < mean[elbow, 0] < 1.0
        assert mean[[knee, elbow], 1:].tolist() == [[0.0, 0.0]] * 2
        # A hinge hardly bends sideways.
        assert spread[[knee, elbow], 1].max() < 0.05
        shoulder, hip = mean[JOINT_INDEX[f"{side}_shoulder"]], mean[JOINT_INDEX[f"{side}_hip"]]
        down = rotvec_to_rotmat(shoulder) @ [sign, 0.0, 0.0]
        assert np.degrees(np.arcsin(-down[1])) == pytest.approx(40.0, abs=1.0)
        # A thigh, which points down, is lifted forward by 8.6 degrees and turned outward by 2.9.
        thigh = rotvec_to_rotmat(hip) @ [0.0, -1.0, 0.0]
        assert np.degrees(np.arcsin(thigh[2])) == pytest.approx(8.6, abs=0.1)
        assert np.degrees(np.arcsin(sign * thigh[0])) == pytest.approx(2.9, abs=0.1)
    assert spread[0].tolist() == [1.0, 1.0, 1.0]
    others = spread[1:]
    assert others.min() == pytest.approx(0.02)
    assert others.max() == pytest.approx(0.8)
    assert 2.0 < priors.HINGE_RANGE[1] < np.pi
    assert priors.HINGE_RANGE[0] == 0.0


def test_hinges_are_right_handed_frames_that_bend_as_people_do(body: BodyModel) -> None:
    joints = body.rest_joints()
    for name, axes in priors.HINGES.items():
        frame = np.array(axes)
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        below = {"knee": "ankle", "elbow": "wrist"}[name.split("_")[1]]
        limb = joints[JOINT_INDEX[name.replace(name.split("_")[1], below)]] - joints[JOINT_INDEX[name]]
        limb /= np.linalg.norm(limb)
        # The third axis is along the limb, in whichever direction; the first turns shins back and forearms forward.
        assert abs(frame[2] @ limb) > 0.9
        bent = rotvec_to_rotmat(1.0 * frame[0]) @ limb
        assert bent[2] - limb[2] < -0.5 if "knee" in name else bent[2] - limb[2] > 0.5
    for part in ("knee", "elbow"):
        left, right = np.array(priors.HINGES[f"left_{part}"]), np.array(priors.HINGES[f"right_{part}"])
        # Axes of turns are mirrored as M R M: kept along x, reversed along y and z.
        np.testing.assert_allclose(right, left * [1.0, -1.0, -1.0])
