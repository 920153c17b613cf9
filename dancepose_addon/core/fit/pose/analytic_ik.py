# SPDX-License-Identifier: Apache-2.0
"""Analytic inverse kinematics: turn bones onto observed joints in closed form, down the tree.

Where joint centres are seen and bones have their true lengths this puts every joint in its place exactly. What
positions leave open, the rotation of a bone about itself, comes from a twist model (``twist.py``) or stays as the
regressor says. Li et al. 2021 (HybrIK) for the split into swing and twist; Kabsch 1976 where several bones start at one
joint and so determine its whole rotation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from ...arrays import F32, Flags, Indices
from ...body.frames_last import matrix_products
from ...body.model import JOINT_COUNT, PARENTS, TREE_LEVELS, forward_kinematics
from ...body.rotation import nearest_rotmat
from ...skeleton.markers import MarkerSet
from .twist import CHEST, DIRECTIONS, FOLLOWING, HEAD, SPINE, TwistModel, about, into_frame, turn_between, unit

ON_JOINT_M: Final = 1e-4
"""A point this near to a joint's centre counts as the joint."""
ON_A_LINE: Final = 0.002
"""Ratio of singular values up to which directions are taken to be on one line."""
TOWARDS_NONE: Final = 0.1
TINY: Final = 1e-12
NECK: Final = PARENTS[HEAD]
CHEST_CHILDREN: Final = tuple(joint for joint in range(JOINT_COUNT) if PARENTS[joint] == CHEST)


@dataclass(frozen=True)
class SeenJoints:
    """Which joints a layout shows.

    Attributes:
        points: (24,), index of the point at each joint's centre, or -1.
    """

    points: Indices

    @property
    def whole_trunk(self) -> bool:
        """Whether every joint from the pelvis to the knees and elbows is seen, so that lengths give the whole body."""
        return bool((self.points[:20] >= 0).all())

    @property
    def any_bone(self) -> bool:
        """Whether some bone is seen from end to end."""
        return any(self.points[j] >= 0 and self.points[PARENTS[j]] >= 0 for j in range(1, JOINT_COUNT))


def seen_joints(markers: MarkerSet) -> SeenJoints:
    """The joints whose centres are points of the marker set."""
    points = np.full(JOINT_COUNT, -1, np.intp)
    single = (markers.weights > 0.999).any(axis=1) & (np.linalg.norm(markers.offsets_m, axis=1) < ON_JOINT_M)
    for point in np.flatnonzero(single):
        points[int(markers.weights[point].argmax())] = point
    return SeenJoints(points)


@dataclass(frozen=True)
class ObservedJoints:
    """Joints as they are seen.

    Attributes:
        bones_m: (24, 3), from the parent's centre in the T-pose, metres.
        pose: (T, 24, 3, 3), local rotations to start from.
        place_m: (T, 24, 3), where joints are seen, metres.
        known: (T, 24), which of these to go by.
        chest: (T, 3, 3), global rotation of the chest.
    """

    bones_m: F32
    pose: F32
    place_m: F32
    known: Flags
    chest: F32


def swing(
    rest_joints_m: F32,
    pose_rotmat: F32,
    translation_m: F32,
    target_m: F32,
    seen: SeenJoints,
    usable: Flags,
    *,
    twist: TwistModel | None = None,
    ends: Sequence[int] = (),
) -> tuple[F32, F32]:
    """Lay bones over observed joints.

    Args:
        rest_joints_m: (24, 3), T-pose in true size, metres.
        pose_rotmat: (T, 24, 3, 3), local rotations to start from. A bone of which an end is missing keeps its own.
        translation_m: (T, 3), metres, for a pelvis that is not seen.
        target_m: (T, K, 3), points, metres.
        seen: Which joints are points.
        usable: (T, K), points to go by.
        twist: Decides how bones are turned about themselves; None keeps the twist of ``pose_rotmat``.
        ends: Joints at the ends of limbs that no point shows (``open_ends``): with ``twist`` they go with their
            parents, and the head as the model says.

    Returns:
        pose_rotmat and translation_m, of the same shapes.
    """
    where = np.maximum(seen.points, 0)
    observed, known = target_m[:, where], usable[:, where] & (seen.points >= 0)
    pose = np.empty_like(pose_rotmat)
    turned = np.empty_like(pose_rotmat)
    place = np.empty((len(pose), JOINT_COUNT, 3), np.float32)
    place[:, 0] = np.where(known[:, :1], observed[:, 0], rest_joints_m[0] + translation_m)
    bones = rest_joints_m - rest_joints_m[np.maximum(PARENTS, 0)]
    shown = ObservedJoints(bones, pose_rotmat, observed, known, chest_of(bones, pose_rotmat, observed, known))
    for joints, parents, groups in _plan(tuple((seen.points >= 0).tolist())):
        if parents:
            above = turned[:, list(parents)]
            turned[:, list(joints)] = matrix_products(above, pose_rotmat[:, list(joints)])
            place[:, list(joints)] = place[:, list(parents)] + (above @ bones[list(joints)][..., None])[..., 0]
        else:
            turned[:, 0] = pose_rotmat[:, 0]
        for these, children in groups:
            aim = observed[:, children] - place[:, these][:, :, None]
            if parents and twist is not None and children.shape[1] == 1:
                found = _twisted(twist, these, children[:, 0], turned, aim[:, :, 0], shown)
                turned[:, these] = np.where(known[:, children[:, 0], None, None], found, turned[:, these])
                continue
            there = (turned[:, these][:, :, None] @ bones[children][..., None])[..., 0]
            missing = ~known[:, children]
            if missing.any():
                aim[missing] = there[missing]
            one = children.shape[1] == 1
            correct = minimal_turn(there[:, :, 0], aim[:, :, 0]) if one else best_turn(there, aim)
            turned[:, these] = matrix_products(correct, turned[:, these])
        if twist is not None:
            for end in set(ends).intersection(joints):
                turned[:, end] = turned[:, PARENTS[end]]
                if end == HEAD:
                    turned[:, HEAD] = turned[:, NECK] @ twist.head_rotmat(
                        turned[:, NECK], turned[:, CHEST], turned[:, 0]
                    )
        pose[:, list(joints)] = (
            matrix_products(np.swapaxes(turned[:, list(parents)], -1, -2), turned[:, list(joints)])
            if parents
            else turned[:, :1]
        )
    return pose, place[:, 0] - rest_joints_m[0]


def restyle(rest_joints_m: F32, pose_rotmat: F32, twist: TwistModel, *, ends: Sequence[int] = ()) -> F32:
    """Turn bones about themselves as a twist model does; every joint stays where it is.

    Args:
        rest_joints_m: (24, 3), T-pose, metres.
        pose_rotmat: (T, 24, 3, 3), local rotations.
        twist: The model.
        ends: As of ``swing``.

    Returns:
        (T, 24, 3, 3).
    """
    _, place = forward_kinematics(rest_joints_m, pose_rotmat)
    all_seen = SeenJoints(np.arange(JOINT_COUNT))
    usable = np.ones(place.shape[:2], bool)
    return swing(rest_joints_m, pose_rotmat, place[:, 0], place, all_seen, usable, twist=twist, ends=ends)[0]


def open_ends(markers: MarkerSet) -> tuple[int, ...]:
    """Joints whose rotation moves no point: head, toes and hands, and ankles or wrists where nothing lies beyond."""
    shown = np.zeros(JOINT_COUNT, bool)
    away = np.linalg.norm(markers.offsets_m, axis=1) > ON_JOINT_M
    for point, attached in zip(*np.nonzero(markers.weights), strict=True):
        is_centre = not away[point] and markers.weights[point, attached] > 0.999
        joint = PARENTS[attached] if is_centre else int(attached)
        while joint >= 0:
            shown[joint] = True
            joint = PARENTS[joint]
    return tuple(np.flatnonzero(~shown).tolist())


def chest_of(bones: F32, pose: F32, place: F32, known: Flags) -> F32:
    """Estimate the global rotation of the chest before the joints above it in the tree are solved.

    Where all joints that start at the chest are visible they determine it; elsewhere the spine of ``pose`` does.

    Returns:
        (T, 3, 3).
    """
    guess = pose[:, 0]
    for joint in (*SPINE, CHEST):
        guess = guess @ pose[:, joint]
    clear = known[:, [CHEST, *CHEST_CHILDREN]].all(axis=1)
    if not clear.any():
        return guess
    aim = place[:, list(CHEST_CHILDREN)] - place[:, [CHEST]]
    rest = np.broadcast_to(bones[list(CHEST_CHILDREN)], aim.shape)
    clear &= ~on_a_line(np.matmul(np.swapaxes(aim, -1, -2), rest))
    return np.where(clear[:, None, None], best_turn(rest, aim), guess)


def _twisted(
    twist: TwistModel, joints: Indices, children: Indices, turned: F32, aim: F32, shown: ObservedJoints
) -> F32:
    """Global rotations of joints with one child each: minimal from the typical pose, then the model's twist.

    Args as of ``bone_starts``.

    Returns:
        (T, J, 3, 3).
    """
    start, directions = bone_starts(twist.reference, joints, children, turned, aim, shown)
    bone = np.broadcast_to(unit(shown.bones_m[children]), aim.shape)
    return matrix_products(start, about(bone, twist.residual_rad(joints, directions)))


def bone_starts(
    reference: F32, joints: Indices, children: Indices, turned: F32, aim: F32, shown: ObservedJoints
) -> tuple[F32, F32]:
    """Rotations without residual twist of joints with one child each, and the features of that twist.

    Args:
        reference: (24, 3, 3), typical local rotations.
        joints: (J,), indices.
        children: (J,), the child of each.
        turned: (T, 24, 3, 3), global rotations; those of the joints' parents are used.
        aim: (T, J, 3), from each joint to its child, metres.
        shown: What is seen.

    Returns:
        (T, J, 3, 3), global rotations; (T, J, 6), directions: of the bone in its parent's frame, and of the bone that
        follows in its own, or for the spine how the chest is turned.
    """
    above = turned[:, [PARENTS[joint] for joint in joints]]
    start = above @ reference[joints]
    start = matrix_products(minimal_turn((start @ shown.bones_m[children][..., None])[..., 0], aim), start)
    directions = np.zeros((*aim.shape[:2], DIRECTIONS), np.float32)
    directions[..., :3] = into_frame(above, unit(aim))
    following = np.array([-1 if joint in SPINE else FOLLOWING[joint] for joint in joints])
    limbs = np.flatnonzero(following >= 0)
    if len(limbs):
        child, beyond = children[limbs], following[limbs]
        next_bone = into_frame(start[:, limbs], shown.place_m[:, beyond] - shown.place_m[:, child])
        both = shown.known[:, child] & shown.known[:, beyond]
        if not both.all():
            kept = (shown.pose[:, child] @ shown.bones_m[beyond][..., None])[..., 0]
            next_bone = np.where(both[..., None], next_bone, kept)
        directions[:, limbs, 3:] = unit(next_bone)
    for index in np.flatnonzero(np.isin(joints, SPINE)):
        directions[:, index, 3:] = turn_between(above[:, index], shown.chest)
    return start, directions


_Group = tuple[Indices, Indices]


@lru_cache(maxsize=32)
def _plan(shown: tuple[bool, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...], list[_Group]]]:
    """Level by level: its joints, their parents, and groups of joints (J,) with as many seen children (J, C)."""
    plan = []
    for joints, parents in (((0,), ()), *TREE_LEVELS):
        groups: dict[int, list[tuple[int, list[int]]]] = {}
        for joint in joints:
            children = [c for c in range(1, JOINT_COUNT) if PARENTS[c] == joint and shown[c]]
            if children:
                groups.setdefault(len(children), []).append((joint, children))
        rows = [
            (np.array([joint for joint, _ in group]), np.array([children for _, children in group]))
            for group in groups.values()
        ]
        plan.append((joints, parents, rows))
    return plan


def minimal_turn(start: F32, end: F32) -> F32:
    """The smallest rotations that turn ``start`` into the direction of ``end``.

    R = I + [v]x + [v]x^2 / (1 + c), v = a x b, c = a.b. Opposite directions and zero vectors give the identity, since
    any axis would do; a refinement that follows decides.

    Args:
        start: (..., 3), of any length.
        end: (..., 3), of any length.

    Returns:
        (..., 3, 3).
    """
    a, b = unit(start), unit(end)
    v = np.empty_like(a)
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        v[..., axis] = a[..., first] * b[..., second] - a[..., second] * b[..., first]
    cosine = np.einsum("...c,...c->...", a, b)
    length = np.einsum("...c,...c->...", a, a) * np.einsum("...c,...c->...", b, b)
    opposite = (cosine < -0.9999) | (length < 0.5)
    factor = (1.0 / np.where(opposite, 1.0, 1.0 + cosine))[..., None, None].astype(start.dtype)
    turn = factor * (v[..., :, None] * v[..., None, :])
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn[..., axis, axis] += cosine
        turn[..., second, first] += v[..., axis]
        turn[..., first, second] -= v[..., axis]
    if opposite.any():
        turn[opposite] = np.eye(3, dtype=start.dtype)
    return turn


def best_turn(start: F32, end: F32) -> F32:
    """Return the rotations that lay several directions over others best (Kabsch 1976).

    Directions that are on one line do not determine the rotation about it: then it is the smallest one, approximately.

    Args:
        start: (..., C, 3).
        end: (..., C, 3).

    Returns:
        (..., 3, 3).
    """
    matrix = np.swapaxes(end, -1, -2) @ start
    lined = on_a_line(matrix)
    if lined.any():
        size = np.sqrt(np.einsum("...ij,...ij->...", matrix[lined], matrix[lined]))
        matrix[lined] += (TOWARDS_NONE * size + TINY)[..., None, None] * np.eye(3, dtype=matrix.dtype)
    return nearest_rotmat(matrix)


def on_a_line(matrix: F32) -> Flags:
    """Tell which sums of products of directions have rank 1 within ON_A_LINE, so that no rotation is determined.

    The second singular value follows from the norms of the matrix and of its cofactors.

    Args:
        matrix: (..., 3, 3).

    Returns:
        (...).
    """
    square = np.einsum("...ij,...ij->...", matrix, matrix)
    gram = matrix @ np.swapaxes(matrix, -1, -2)
    # The sum of s_i^2 s_j^2 over pairs of singular values.
    pairs = 0.5 * (square**2 - np.einsum("...ij,...ij->...", gram, gram))
    return np.asarray(pairs <= ON_A_LINE**2 * square**2)
