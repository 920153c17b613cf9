# SPDX-License-Identifier: Apache-2.0
"""Swing in closed form: exact where bones are true, twist untouched, holes left alone."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import JOINT_INDEX, PARENTS, forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.evaluation.metrics import global_rotations
from dancepose_addon.core.fit.pose import analytic_ik
from dancepose_addon.core.fit.pose.analytic_ik import best_turn, minimal_turn, open_ends, restyle, seen_joints, swing
from dancepose_addon.core.fit.pose.twist import FEATURES, TwistModel, load_twist
from dancepose_addon.core.skeleton.layouts import MD23, SMPL22, SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers, markers_for
from tests.support.bodies import person_joints
from tests.support.posing import random_pose

FRAMES = 30
LEAF_PARENTS = [j for j in range(24) if sum(parent == j for parent in PARENTS) == 1]


def bent(upper: int, own: int, end: int, axis: list[float], bend: np.ndarray) -> np.ndarray:
    """Rotations of a hinge across its upper bone, which the lower one continues where it is straight. bend: (T,),
    radians -> (T, 3, 3)."""
    rest = person_joints().astype(np.float64)
    along, lower = rest[own] - rest[upper], rest[end] - rest[own]
    across = np.array(axis) - (along @ axis) / (along @ along) * along
    straight = Rotation.align_vectors(along[None], lower[None] * np.linalg.norm(along) / np.linalg.norm(lower))[0]
    return (Rotation.from_rotvec(bend[:, None] * across / np.linalg.norm(across)) * straight).as_matrix()


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Any pose, but for elbows and knees: those are hinges about the T-pose's vertical and its x axis, bent by 30 to
    110 degrees."""
    pose = random_pose(0, FRAMES, angle=0.5)
    bend = np.linspace(0.5, 1.9, FRAMES)
    pose[:, 18], pose[:, 19] = bent(16, 18, 20, [0, -1, 0], bend), bent(17, 19, 21, [0, 1, 0], bend)
    pose[:, 4], pose[:, 5] = bent(1, 4, 7, [1, 0, 0], bend), bent(2, 5, 8, [1, 0, 0], bend)
    return pose


@pytest.fixture(scope="module")
def path() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(FRAMES, 3)).astype(np.float32)


def laid(pose: np.ndarray, target: np.ndarray, usable: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    known = np.ones(target.shape[:2], bool) if usable is None else usable
    return swing(person_joints(), pose, np.zeros((len(pose), 3), np.float32), target, SEEN, known)


SEEN = seen_joints(joint_markers(SMPL24))


@pytest.mark.parametrize("upside_down", [False, True])
def test_every_joint_comes_to_its_place(truth: np.ndarray, path: np.ndarray, *, upside_down: bool) -> None:
    truth = truth.copy()
    if upside_down:
        truth[:, 0] = Rotation.from_rotvec([np.pi, 0, 0]).as_matrix().astype(np.float32) @ truth[:, 0]
    _, target = forward_kinematics(person_joints(), truth, path)
    start = (truth @ random_pose(2, FRAMES, angle=0.3)).astype(np.float32)
    pose, translation = laid(start, target)
    _, reached = forward_kinematics(person_joints(), pose, translation)
    assert np.abs(reached - target).max() < 1e-4
    assert np.abs(np.linalg.det(pose) - 1.0).max() < 1e-4


def test_a_right_pose_stays(truth: np.ndarray, path: np.ndarray) -> None:
    _, target = forward_kinematics(person_joints(), truth, path)
    pose, translation = laid(truth, target)
    off = np.degrees(geodesic_angle(pose, truth))
    assert off.max() < 0.1
    assert np.abs(translation - path).max() < 1e-5


def test_twist_stays_as_it_was(truth: np.ndarray, path: np.ndarray) -> None:
    """The correction of a bone turns about an axis across it (seen from before and after), and so adds no twist."""
    _, target = forward_kinematics(person_joints(), truth, path)
    start = (truth @ random_pose(3, FRAMES, angle=0.15)).astype(np.float32)
    pose, _ = laid(start, target)
    after = global_rotations(pose)
    for joint in set(LEAF_PARENTS) - {0}:
        (child,) = (c for c in range(24) if PARENTS[c] == joint)
        before = after[:, PARENTS[joint]] @ start[:, joint]
        turn = Rotation.from_matrix(after[:, joint] @ np.swapaxes(before, 1, 2)).as_rotvec()
        bone = (before @ (person_joints()[child] - person_joints()[joint]))[:, :, None]
        bone = bone[..., 0] / np.linalg.norm(bone[..., 0], axis=1, keepdims=True)
        assert np.abs((turn * bone).sum(axis=1)).max() < 2e-3


def test_a_missing_end_leaves_its_bone_to_the_start(truth: np.ndarray, path: np.ndarray) -> None:
    _, target = forward_kinematics(person_joints(), truth, path)
    start = (truth @ random_pose(4, FRAMES, angle=0.2)).astype(np.float32)
    usable = np.ones((FRAMES, 24), bool)
    usable[:, 20] = False  # the left wrist
    target[:, 20] = 77.0
    pose, translation = laid(start, target, usable)
    assert np.degrees(geodesic_angle(pose[:, 18], start[:, 18])).max() < 0.1
    _, reached = forward_kinematics(person_joints(), pose, translation)
    others = np.delete(np.arange(24), [20, 22])
    assert np.abs(reached[:, others] - target[:, others]).max() < 1e-4


def test_a_missing_pelvis_stays_where_it_was_put(truth: np.ndarray, path: np.ndarray) -> None:
    _, target = forward_kinematics(person_joints(), truth, path)
    usable = np.ones((FRAMES, 24), bool)
    usable[:, 0] = False
    pose, translation = swing(person_joints(), truth, path, target, SEEN, usable)
    assert np.abs(translation - path).max() < 1e-6
    assert np.degrees(geodesic_angle(pose, truth)).max() < 0.1


def constant_twist(angle: float) -> TwistModel:
    """Adds the same twist to every bone of a minimal rotation."""
    eye = np.broadcast_to(np.eye(3, dtype=np.float32), (24, 3, 3))
    weights = np.zeros((24, 1 + FEATURES), np.float32)
    weights[:, 0] = angle
    ones = np.ones((24, FEATURES), np.float32)
    return TwistModel("constant", "by hand", eye, 0.0 * ones, ones, weights, np.zeros((3, 1 + FEATURES), np.float32))


@pytest.mark.parametrize("angle", [-0.3, 0.0, 0.5])
def test_a_twist_model_turns_bones_about_themselves_and_moves_no_joint(
    truth: np.ndarray, path: np.ndarray, angle: float
) -> None:
    """Whatever twist the start has: SciPy's rotation of the bone alone, then the model's angle about the bone."""
    rest = person_joints()
    _, target = forward_kinematics(rest, truth, path)
    start = (truth @ random_pose(2, FRAMES, angle=0.3)).astype(np.float32)
    pose, translation = swing(
        rest, start, path, target, SEEN, np.ones(target.shape[:2], bool), twist=constant_twist(angle)
    )
    after, reached = forward_kinematics(rest, pose, translation)
    assert np.abs(reached - target).max() < 1e-4
    for joint in set(LEAF_PARENTS) - {0}:
        (child,) = (c for c in range(24) if PARENTS[c] == joint)
        bone = rest[child] - rest[joint]
        along = bone / np.linalg.norm(bone)
        seen = (np.swapaxes(after[:, PARENTS[joint]], 1, 2) @ (target[:, child] - target[:, joint])[..., None])[..., 0]
        axis = np.cross(along, seen)
        sine, cosine = np.linalg.norm(axis, axis=1), seen @ along
        swing_only = Rotation.from_rotvec(axis / sine[:, None] * np.arctan2(sine, cosine)[:, None])
        wanted = swing_only * Rotation.from_rotvec(angle * along)
        assert pose[:, joint] == pytest.approx(wanted.as_matrix(), abs=2e-3)


def test_a_style_moves_no_joint_and_is_reached_at_once() -> None:
    """Restyling twice is restyling once, to within what the fit of float32 leaves."""
    pose, twist = random_pose(7, FRAMES, angle=0.3), load_twist("mosh")
    once = restyle(person_joints(), pose, twist, ends=(15,))
    _, before = forward_kinematics(person_joints(), pose)
    _, after = forward_kinematics(person_joints(), once)
    assert np.abs(after - before).max() < 1e-4
    assert np.degrees(geodesic_angle(restyle(person_joints(), once, twist, ends=(15,)), once)).max() < 0.2


def test_ends_are_open_where_no_point_shows_them() -> None:
    assert open_ends(joint_markers(SMPL24)) == (10, 11, 15, 22, 23)
    assert open_ends(joint_markers(SMPL22)) == (10, 11, 15, 20, 21, 22, 23)
    assert 15 not in open_ends(markers_for(MD23))  # two points off the head's centre


def test_smallest_turns_agree_with_scipy() -> None:
    random = np.random.default_rng(5)
    start, end = random.normal(size=(2, 40, 3)).astype(np.float32)
    turn = minimal_turn(start, end)
    axis = np.cross(start, end)
    angle = np.arctan2(np.linalg.norm(axis, axis=1), (start * end).sum(axis=1))
    rotvec = axis / np.linalg.norm(axis, axis=1, keepdims=True) * angle[:, None]
    assert turn == pytest.approx(Rotation.from_rotvec(rotvec).as_matrix(), abs=1e-4)


def test_opposite_and_empty_bones_do_not_break() -> None:
    start = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 0]], np.float32)
    turn = minimal_turn(start, -start)
    assert np.isfinite(turn).all()
    assert np.abs(np.linalg.det(turn) - 1.0).max() < 1e-5


def test_what_layouts_show() -> None:
    assert SEEN.points.tolist() == list(range(24))
    assert SEEN.whole_trunk
    fewer = seen_joints(markers_for(SMPL22))
    assert fewer.points.tolist() == [*range(22), -1, -1]
    assert not seen_joints(markers_for(MD23)).any_bone


def test_directions_on_one_line_do_not_turn_a_body_about_it() -> None:
    """Two collars and a neck on one line, as in some rigs: the chest leans with them and keeps its front."""
    rest = np.array([[0.0, 0.14, 0.0], [0.02, 0.1, 0.0], [-0.02, 0.1, 0.0]], np.float32)
    lean = Rotation.from_euler("x", 0.3).as_matrix().astype(np.float32)
    line = np.array([[0.0, 0.14, 0.0], [0.0, 0.1, 0.0], [0.0, 0.1, 0.0]], np.float32) @ lean.T
    assert np.degrees(geodesic_angle(best_turn(rest, line), lean)) < 3.0
    whole = rest @ lean.T
    assert best_turn(rest, whole) == pytest.approx(lean, abs=1e-5)


def test_collars_close_to_the_spine_determine_the_chest(truth: np.ndarray) -> None:
    """Betas within the range of people put the collars 24 mm from the middle: enough where points are exact."""
    rest = person_joints().copy()
    for collar in (JOINT_INDEX["left_collar"], JOINT_INDEX["right_collar"]):
        rest[collar, 0] = np.sign(rest[collar, 0]) * 0.024
    _, place = forward_kinematics(rest, truth)
    start = np.broadcast_to(np.eye(3, dtype=np.float32), truth.shape)
    usable = np.ones(place.shape[:2], bool)
    pose, at = swing(rest, start, place[:, 0], place, seen_joints(joint_markers(SMPL24)), usable)
    assert forward_kinematics(rest, pose, at)[1] == pytest.approx(place, abs=1e-4)


def test_the_chest_by_its_children_or_by_the_spine() -> None:
    """Neck and collars determine the chest; on one line they do not, and unseen they cannot."""
    bones = np.zeros((24, 3), np.float32)
    children = list(analytic_ik.CHEST_CHILDREN)
    bones[children] = [[0.0, 0.2, 0.0], [0.1, 0.1, 0.0], [-0.1, 0.1, 0.02]]
    turns = ([0.2, 0.0, 0.0], [0.5, -0.8, 0.3])
    spine, chest = (Rotation.from_rotvec(vector).as_matrix().astype(np.float32) for vector in turns)
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (3, 24, 3, 3)).copy()
    pose[:, analytic_ik.SPINE[0]] = spine
    place = np.zeros((3, 24, 3), np.float32)
    place[:, children] = bones[children] @ chest.T
    place[1, children] = [[0.0, 0.2, 0.0], [0.0, 0.1, 0.0], [0.0, -0.1, 0.0]]
    known = np.ones((3, 24), bool)
    known[2, children[1]] = False
    found = analytic_ik.chest_of(bones, pose, place, known)
    np.testing.assert_allclose(found, [chest, spine, spine], atol=1e-5)
    np.testing.assert_allclose(analytic_ik.chest_of(bones, pose, place, known & False), [spine] * 3, atol=1e-6)
