# SPDX-License-Identifier: Apache-2.0
"""IK controls of Rigify: two-bone inverse kinematics by hand from their keys gives the pose of the FK controls."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.retarget.transfer import SourceMotion, transfer_motion
from tests.support.rigs import Family, build_rig, pose_rig

FRAMES = 30
LIMBS = (("upper_arm", "forearm", "hand", "hand_ik"), ("thigh", "shin", "foot", "foot_ik"))
CONTROLS = Family(
    ("torso", "spine_fk", "spine_fk.001", "spine_fk.002", "neck", "head"),
    (
        "thigh_fk.{}", "shin_fk.{}", "foot_fk.{}", "toe_fk.{}", "shoulder.{}", "upper_arm_fk.{}", "forearm_fk.{}",
        "hand_fk.{}", "f_middle.01.{}",
    ),
    ("L", "R"),
    arms_down_deg=20.0,
    extra=(
        ("root", "", (0.0, 0.0, 0.0)),
        *((f"{bone}_parent.{side}", "root", (0.0, 0.0, 1.0)) for bone in ("upper_arm", "thigh") for side in "LR"),
        *((f"hand_ik.{side}", "root", (x, 0.0, 1.2)) for side, x in (("L", 0.6), ("R", -0.6))),
        *((f"foot_ik.{side}", "root", (x, 0.0, 0.1)) for side, x in (("L", 0.1), ("R", -0.1))),
        *((f"toe_ik.{side}", "root", (x, -0.1, 0.0)) for side, x in (("L", 0.1), ("R", -0.1))),
        *((f"upper_arm_ik_target.{side}", "root", (x, 0.6, 1.3)) for side, x in (("L", 0.4), ("R", -0.4))),
        *((f"thigh_ik_target.{side}", "root", (x, -0.8, 0.5)) for side, x in (("L", 0.1), ("R", -0.1))),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def source(body) -> SourceMotion:
    """A dance whose elbows and knees bend by 15 to 90 degrees, not quite about one axis."""
    rng = np.random.default_rng(8)
    ends = rng.normal(0.0, 0.4, (2, 24, 3))
    rotvec = ends[0] + np.linspace(0.0, 1.0, FRAMES)[:, None, None] * (ends[1] - ends[0])
    bend = np.radians(np.linspace(15.0, 90.0, FRAMES))
    for joint, axis in ((4, (1, 0, 0)), (5, (1, 0, 0)), (18, (0, -1, 0)), (19, (0, 1, 0))):
        rotvec[:, joint] = 0.15 * rotvec[:, joint] + bend[:, None] * np.array(axis)
    ground = Ground(0.0, np.zeros((FRAMES, 2, 2), bool))
    path = np.tile([0.2, 1.2, 0.1], (FRAMES, 1))
    return SourceMotion(body.rest_joints().astype(np.float64), rotvec_to_rotmat(rotvec), path, 0.08, ground, 25.0)


@pytest.fixture(scope="module")
def rig(source) -> RestSkeleton:
    """The controls; elbows and knees are slightly bent in rest, towards their poles."""
    skeleton = build_rig(CONTROLS, source.rest_joints_m)
    heads = skeleton.heads.copy()
    for side in "LR":
        for upper, lower, end, control in LIMBS:
            first, middle, last, pole = (
                skeleton.index[f"{name}.{side}"]
                for name in (f"{upper}_fk", f"{lower}_fk", f"{end}_fk", f"{upper}_ik_target")
            )
            straight = heads[last] - heads[first]
            centre = heads[first] + 0.5 * straight
            ahead = np.array([0.0, -1.0 if upper == "thigh" else 1.0, 0.0])
            ahead -= straight * (ahead @ straight) / (straight @ straight)
            heads[middle] = centre + 0.01 * ahead
            heads[pole] = heads[middle] + 0.6 * ahead
            heads[skeleton.index[f"{control}.{side}"]] = heads[last] + np.array([0.0, 0.01, 0.02])
        heads[skeleton.index[f"toe_ik.{side}"]] = heads[skeleton.index[f"toe_fk.{side}"]]
    return replace(skeleton, heads=heads)


def test_two_bone_inverse_kinematics_gives_the_fk_pose(rig, source):
    """The ankle is at the IK control, and the knee in the plane of the pole target at the distances of the bones."""
    keys = transfer_motion(rig, find_character_map(rig), source, lock_feet=False)
    turned, heads = pose_rig(rig, keys)
    for side in "LR":
        for upper, lower, end, control in LIMBS:
            first, middle, last, ik, pole = (
                rig.index[f"{name}.{side}"]
                for name in (f"{upper}_fk", f"{lower}_fk", f"{end}_fk", control, f"{upper}_ik_target")
            )
            turn = turned[:, ik] @ rig.rotmat[ik].T
            np.testing.assert_allclose(turn, turned[:, last] @ rig.rotmat[last].T, atol=1e-9)
            at = heads[:, ik] + turn @ (rig.heads[last] - rig.heads[ik])
            np.testing.assert_allclose(at, heads[:, last], atol=1e-9)
            lengths = [np.linalg.norm(rig.heads[b] - rig.heads[a]) for a, b in ((first, middle), (middle, last))]
            knee = two_bone_knee(heads[:, first], at, heads[:, pole], *lengths)
            np.testing.assert_allclose(knee, heads[:, middle], atol=1e-6, err_msg=f"{lower}.{side}")


def two_bone_knee(hip: np.ndarray, ankle: np.ndarray, pole: np.ndarray, upper: float, lower: float) -> np.ndarray:
    """The law of cosines in the plane of hip, ankle and pole target, on the pole's side."""
    along = ankle - hip
    distance = np.linalg.norm(along, axis=1)
    along = along / distance[:, None]
    toward = pole - hip
    toward = toward - (toward * along).sum(axis=1, keepdims=True) * along
    toward = toward / np.linalg.norm(toward, axis=1, keepdims=True)
    share = (upper**2 + distance**2 - lower**2) / (2.0 * distance)
    return hip + share[:, None] * along + np.sqrt(np.maximum(upper**2 - share**2, 0.0))[:, None] * toward


def test_the_pole_of_a_straight_limb_stays_in_front(rig, source):
    """Of a knee that stretches in between, and bends backwards by 5 degrees."""
    pose = np.broadcast_to(np.eye(3), source.pose_rotmat.shape).copy()
    bend = np.radians(np.concatenate([np.linspace(40.0, -5.0, FRAMES // 2), np.linspace(-5.0, 40.0, FRAMES // 2)]))
    pose[:, 4] = rotvec_to_rotmat(bend[:, None] * np.array([1.0, 0.0, 0.0]))
    keys = transfer_motion(rig, find_character_map(rig), replace(source, pose_rotmat=pose), lock_feet=False)
    _, heads = pose_rig(rig, keys)
    pole = heads[:, rig.index["thigh_ik_target.L"]] - heads[:, rig.index["shin_fk.L"]]
    steps = np.degrees(np.arccos(np.clip((pole[1:] * pole[:-1]).sum(axis=1) / (pole[0] @ pole[0]), -1.0, 1.0)))
    assert pole[:, 1].max() < -0.5 * np.linalg.norm(pole, axis=1).max()  # within 60 degrees of the front
    assert steps.max() < 20.0  # no flip
