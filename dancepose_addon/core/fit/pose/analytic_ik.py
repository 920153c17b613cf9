"""Swing: turn bones onto observed joints in closed form, along the tree, keeping the twist that they have.

Where joint centres are seen and bones have their true lengths this puts every joint in its place exactly; what is left
open, the turn of a bone about itself, stays as the regressor says (Li et al. 2021, HybrIK, for the split of swing and
twist; Kabsch 1976 where several bones start at one joint and so fix its whole rotation).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import JOINT_COUNT, JOINT_INDEX, PARENTS, TREE_LEVELS
from ...body.rotation import nearest_rotmat, rotvec_to_rotmat
from ...skeleton.markers import MarkerSet

ON_JOINT_M: Final = 1e-4
"""A point this near to a joint's centre stands for it."""
MOST_TWIST_RAD: Final = np.radians(50.0)


@dataclass(frozen=True)
class Hinge:
    """An elbow or a knee. joints: the upper bone's, its own, and where the lower bone ends; axis, bends: of the T-pose,
    about which and whereto the lower bone bends; aside_rad: how far it bends out of that plane; tilt_rad: how far the
    axis is from lying across the upper bone; twist_rad: how far a regressor is off about the upper bone."""

    joints: tuple[int, int, int]
    axis: tuple[float, float, float]
    bends: tuple[float, float, float]
    aside_rad: float
    tilt_rad: float
    twist_rad: float


def _hinges(side: str) -> tuple[Hinge, Hinge]:
    def joints(*names: str) -> tuple[int, int, int]:
        upper, own, end = (JOINT_INDEX[f"{side}_{name}"] for name in names)
        return upper, own, end

    aside, arm, leg = np.radians([1.5, 8.0, 6.0]).tolist()
    return (
        Hinge(joints("shoulder", "elbow", "wrist"), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), aside, 0.0, arm),
        # Legs at rest are not straight from the front, by about twice this; whether they are when they bend is open.
        Hinge(joints("hip", "knee", "ankle"), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), aside, 0.05, leg),
    )


HINGES: Final = (*_hinges("left"), *_hinges("right"))


@dataclass(frozen=True)
class SeenJoints:
    """Which joints a layout shows. points: (24,), index of the point at each joint's centre, or -1."""

    points: NDArray[np.intp]

    @property
    def whole_trunk(self) -> bool:
        """Whether every joint from the pelvis to the knees and elbows is seen, so that lengths tell the whole body."""
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


def swing(
    rest_joints_m: F32, pose_rotmat: F32, translation_m: F32, target_m: F32, seen: SeenJoints, usable: NDArray[np.bool_]
) -> tuple[F32, F32]:
    """Lay bones over observed joints.

    rest_joints_m: (24, 3), metres, in true size; pose_rotmat: (T, 24, 3, 3); translation_m: (T, 3), metres, for a
    pelvis that is not seen; target_m: (T, K, 3), metres; usable: (T, K), points to go by. A bone of which an end is
    missing keeps its rotation against its parent. Returns pose_rotmat and translation_m of the same shapes.
    """
    where = np.maximum(seen.points, 0)
    observed, known = target_m[:, where], usable[:, where] & (seen.points >= 0)
    pose = np.empty_like(pose_rotmat)
    turned = np.empty_like(pose_rotmat)
    place = np.empty((len(pose), JOINT_COUNT, 3), np.float32)
    place[:, 0] = np.where(known[:, :1], observed[:, 0], rest_joints_m[0] + translation_m)
    bones = rest_joints_m - rest_joints_m[np.maximum(PARENTS, 0)]
    for joints, parents, groups in _plan(tuple((seen.points >= 0).tolist())):
        if parents:
            above = turned[:, list(parents)]
            turned[:, list(joints)] = above @ pose_rotmat[:, list(joints)]
            place[:, list(joints)] = place[:, list(parents)] + (above @ bones[list(joints)][..., None])[..., 0]
        else:
            turned[:, 0] = pose_rotmat[:, 0]
        for these, children in groups:
            start = place[:, these]
            aim = observed[:, children] - start[:, :, None]
            there = (turned[:, these][:, :, None] @ bones[children][..., None])[..., 0]
            missing = ~known[:, children]
            if missing.any():
                aim[missing] = there[missing]
            correct = minimal_turn(there[:, :, 0], aim[:, :, 0]) if children.shape[1] == 1 else _best_turn(there, aim)
            turned[:, these] = correct @ turned[:, these]
        for hinge in HINGES:
            upper, own, end = hinge.joints
            if upper in joints and (seen.points[list(hinge.joints)] >= 0).all():
                lower, sure = observed[:, end] - observed[:, own], known[:, list(hinge.joints)].all(axis=1)
                turned[:, upper] = _hinged(turned[:, upper], bones[own], lower, sure, hinge)
        pose[:, list(joints)] = (
            np.swapaxes(turned[:, list(parents)], -1, -2) @ turned[:, list(joints)] if parents else turned[:, :1]
        )
    return pose, place[:, 0] - rest_joints_m[0]


def _hinged(upper: F32, bone_m: F32, lower_m: F32, sure: NDArray[np.bool_], hinge: Hinge) -> F32:
    """Turn an upper bone about itself so that the lower one bends in the hinge's plane.

    How far the lower bone tells the turn grows with the bend: its own certainty, over the sine of the bend, is weighed
    against that of the regressor's twist. upper: (T, 3, 3), global; bone_m: (3,), at rest; lower_m: (T, 3), seen; sure:
    (T,).
    """
    along: F32 = bone_m / np.float32(np.linalg.norm(bone_m))
    axis = np.array(hinge.axis, np.float32)
    axis -= (axis @ along) * along
    axis /= np.linalg.norm(axis)
    ahead = np.cross(along, axis)
    ahead *= np.sign(ahead @ np.array(hinge.bends, np.float32))
    local = (np.swapaxes(upper, -1, -2) @ lower_m[..., None])[..., 0]
    local /= np.maximum(np.linalg.norm(local, axis=1, keepdims=True), 1e-9)
    straight, aside, forward = (np.asarray(local @ side, np.float32) for side in (along, axis, ahead))
    tilt, tilt_sq = _tilt(straight, aside, forward, sure, hinge) if hinge.tilt_rad else (0.0, 0.0)
    sine_sq = np.maximum(aside**2 + forward**2, 1e-9)
    unsure = hinge.aside_rad**2 + tilt_sq * straight**2
    share = hinge.twist_rad**2 * sine_sq / (hinge.twist_rad**2 * sine_sq + unsure)
    wanted = np.arcsin(np.clip(-tilt * straight / np.sqrt(sine_sq), -1.0, 1.0))
    turn = share * (wanted - np.arctan2(aside, forward))
    # A lower bone that seems to bend backwards says nothing of the twist.
    turn = np.where(sure & (np.abs(turn) < MOST_TWIST_RAD), turn, 0.0)
    rotvec: F32 = (turn[:, None] * np.cross(axis, ahead)).astype(np.float32)
    return upper @ rotvec_to_rotmat(rotvec)


def _tilt(straight: F32, aside: F32, forward: F32, sure: NDArray[np.bool_], hinge: Hinge) -> tuple[float, float]:
    """How far a clip's hinge is from lying across the upper bone, radians, and the variance that is left.

    A lower bone that bends about an axis tilted by t lies aside by -t times how straight the limb is, and by a
    regressor's constant error of twist times how far it bends: two unknowns, solved over the clip. Arrays: (T,), parts
    of the lower bone's direction.
    """
    weight = sure / (hinge.aside_rad**2 + (hinge.twist_rad * forward) ** 2)
    rows = np.stack([-straight, forward])
    normal = (rows * weight) @ rows.T + np.diag([hinge.tilt_rad**-2, hinge.twist_rad**-2])
    covariance = np.linalg.inv(normal)
    return float((covariance @ (rows @ (weight * aside)))[0]), float(covariance[0, 0])


_Group = tuple[NDArray[np.intp], NDArray[np.intp]]


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
    """The smallest rotations that turn ``start`` into the direction of ``end``. (..., 3) each, of any length.

    R = I + [v]x + [v]x^2 / (1 + c), v = a x b, c = a.b; opposite directions, and none at all, leave the bone where it
    is, since any axis would do (a refinement that follows decides).
    """
    a = start / np.maximum(np.sqrt(np.einsum("...c,...c->...", start, start)), 1e-9)[..., None]
    b = end / np.maximum(np.sqrt(np.einsum("...c,...c->...", end, end)), 1e-9)[..., None]
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


def _best_turn(start: F32, end: F32) -> F32:
    """The rotations that lay several directions over others best (Kabsch 1976). (..., C, 3) each -> (..., 3, 3)."""
    return nearest_rotmat(np.swapaxes(end, -1, -2) @ start)
