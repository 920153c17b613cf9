# SPDX-License-Identifier: Apache-2.0
"""Fingers from the positions of their joints, in closed form, after the body has been fitted.

The knuckles give the rotation of the hand (orthogonal Procrustes, Kabsch 1976). Each finger then follows from its own
joints: bones are swung to the directions that are seen, and the twist of the first bone is such that the middle joint
bends like a hinge. Where no tip is seen, the last joint bends by two thirds of the middle one (Rijpkema and Girard
1991, Computer animation of knowledge-based human grasping). Fingers that are never seen are relaxed.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F64
from ...body.hands import relaxed_hands
from ...body.joint_tree import BODY_JOINTS, FINGERS, JOINT_INDEX, SMPLH_TREE
from ...body.model import BodyModel, forward_kinematics
from ...body.motion import BodyMotion
from ...body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ...skeleton.hand_points import HAND_NAMES
from ...skeleton.sequence import KeypointSequence
from .finger_refinement import FingerTargets, Limit, refine_finger

LAST_OF_MIDDLE: Final = 2.0 / 3.0
"""Bend of a finger's last joint for each radian of its middle joint (Rijpkema and Girard 1991)."""
CERTAIN_BEND: Final = 0.35
"""Sine of the middle joint's bend at which half of the twist that it shows is believed."""
MOST_TWIST_RAD: Final = 0.35
FLEXION_RAD: Final = ((-0.7, 1.8), (-0.25, 2.1), (-0.35, 1.6))
"""Least and most bend of the knuckle, the middle and the last joint of the four fingers, radians."""
SIDEWAYS_RAD: Final = (0.6, 0.35, 0.35)
"""Most rotation of the same joints about any other axis, radians."""
MOST_THUMB_RAD: Final = 1.6
FOREARM_SHARE: Final = 0.55
"""Share of a hand's turn about the forearm's axis that SMPL's elbow takes; the wrist takes the rest. In clips of AMASS
the elbow's twist varies a little more than the wrist's."""
LEAST_POINTS: Final = 3
TIP_SHARE: Final = 0.9
"""Length from the last joint to the tip for each metre of the bone before it, where no tip shows it."""
SHORTEST_M: Final = 1e-4


@dataclass(frozen=True)
class FingerPoints:
    """Where a layout has the points of one hand.

    Attributes:
        wrist: Index of the wrist's point, or -1.
        joints: (5, 3), indices of the joints of the fingers in SMPL+H's order, -1 where there is none.
        tips: (5,), indices of the fingertips, -1 where there is none.
    """

    wrist: int
    joints: NDArray[np.intp]
    tips: NDArray[np.intp]


def finger_points(names: tuple[str, ...], side: str) -> FingerPoints | None:
    """Find the points of a hand by their names.

    Args:
        names: Of a layout's points.
        side: ``left`` or ``right``.

    Returns:
        Their indices; None where no finger has its three joints.
    """
    index = {name: number for number, name in enumerate(names)}
    joints = [[index.get(f"{side}_{finger}{part}", -1) for part in (1, 2, 3)] for finger in FINGERS]
    tips = [index.get(f"{side}_{finger}4", index.get(f"{side}_{finger}_tip", -1)) for finger in FINGERS]
    found = np.array(joints, np.intp)
    if not (found >= 0).all(axis=1).any():
        return None
    return FingerPoints(index.get(f"{side}_wrist", -1), found, np.array(tips, np.intp))


def fit_fingers(sequence: KeypointSequence, motion: BodyMotion, body: BodyModel) -> tuple[BodyMotion, dict[str, Any]]:
    """Add the fingers of a recording to a fitted motion.

    Args:
        sequence: Points as they were read, with finger joints.
        motion: Fitted to them, T frames.
        body: Fitted body.

    Returns:
        The motion with fingers, and a table for the report: where hands come from, and the mean error of the finger
        joints in millimetres. Without finger points, or for a body without fingers, the motion as it was.
    """
    beside = sequence.hands_m
    names = sequence.layout.keypoints if beside is None else HAND_NAMES
    sides = [finger_points(names, side) for side in ("left", "right")]
    if not body.full.tree.has_fingers or not any(sides) or len(sequence) != len(motion):
        return motion, {}
    rest = motion.scale * body.full.rest_joints(motion.betas).astype(np.float64)
    rest = np.concatenate([rest[:BODY_JOINTS], rest[body.full.tree.first_finger :]])
    pose = motion.pose_rotmat.astype(np.float64)
    fingers = relaxed_hands(len(motion)).astype(np.float64)
    points = (sequence.keypoints_m if beside is None else beside).astype(np.float64)
    seen = np.isfinite(points).all(axis=-1)
    if sequence.confidence is not None and beside is None:
        seen &= sequence.confidence > 0.0
    shares, errors = [], []
    for number, hand in enumerate(sides):
        if hand is None:
            continue
        solver = _Hand(number, hand, rest, points, seen)
        solver.turn_wrist(pose)
        shares.append(solver.bend(pose, fingers))
        errors.append(solver.error_m(pose, fingers))
    pose[:, BODY_JOINTS:] = np.eye(3)
    error = np.concatenate(errors) if errors else np.zeros(0)
    table = {"hands": "fitted", "hands_seen": round(float(np.mean(shares)), 4)}
    table |= {"hands_error_mm": round(1000.0 * float(error.mean()), 3)} if error.size else {}
    fitted = replace(motion, pose_rotmat=pose.astype(np.float32), hands_rotmat=fingers.astype(np.float32))
    return fitted, table


@dataclass(frozen=True)
class _Hand:
    """One hand of a clip. rest: (52, 3), metres, SMPL+H's joints; points: (T, K, 3), metres; seen: (T, K)."""

    number: int
    at: FingerPoints
    rest: F64
    points: F64
    seen: NDArray[np.bool_]

    @property
    def wrist(self) -> int:
        """Index of the wrist."""
        return JOINT_INDEX["left_wrist"] + self.number

    def turn_wrist(self, pose: F64) -> None:
        """Turn the wrist as the knuckles show it, and the forearm with it. pose: (T, 24, 3, 3), changed in place."""
        knuckles = self.at.joints[:, 0]
        used = np.flatnonzero(knuckles >= 0)
        if self.at.wrist < 0 or len(used) < LEAST_POINTS:
            return
        first = BODY_JOINTS + 15 * self.number
        model = self.rest[first + 3 * used] - self.rest[self.wrist]
        observed = self.points[:, knuckles[used]] - self.points[:, None, self.at.wrist]
        known = self.seen[:, knuckles[used]] & self.seen[:, None, self.at.wrist]
        enough = known.sum(axis=1) >= LEAST_POINTS
        if not enough.any():
            return
        hand = rotation_onto(model, np.where(known[..., None], observed, 0.0), known)
        elbow = self.wrist - 2
        turned, _ = forward_kinematics(self.rest[:24].astype(np.float32), pose.astype(np.float32))
        local = np.swapaxes(turned[:, elbow], -1, -2) @ hand
        local = _filled(local, enough)
        axis = self.rest[self.wrist] - self.rest[elbow]
        axis = axis / np.linalg.norm(axis)
        twist, before = twist_angle_about(local, axis), twist_angle_about(pose[:, elbow], axis)
        moved = rotvec_to_rotmat((FOREARM_SHARE * (twist + before) - before)[:, None] * axis)
        pose[:, elbow] = pose[:, elbow] @ moved
        pose[:, self.wrist] = np.swapaxes(moved, -1, -2) @ local

    def bend(self, pose: F64, fingers: F64) -> float:
        """Solve the fingers. fingers: (T, 30, 3, 3), changed in place. Returns the share of frames that are seen."""
        turned, _ = forward_kinematics(self.rest[:24].astype(np.float32), pose.astype(np.float32))
        to_hand = np.swapaxes(turned[:, self.wrist], -1, -2)
        shares = []
        for finger, name in enumerate(FINGERS):
            joints = self.at.joints[finger]
            if (joints < 0).any():
                continue
            known = self.seen[:, joints].all(axis=1)
            shares.append(float(known.mean()))
            first, is_thumb = 15 * self.number + 3 * finger, name == "thumb"
            if known.any():
                solved = self._chain(finger, to_hand, is_thumb=is_thumb)
                for part in range(3):
                    fingers[:, first + part] = _filled(solved[part], known)
            targets = self._targets(finger, to_hand)
            some = np.flatnonzero(targets.seen.any(axis=1))
            if len(some):
                chosen = FingerTargets(targets.bones, targets.points_m[some], targets.seen[some])
                hinge = _hinge(targets.bones[0])
                moved = refine_finger(
                    fingers[some, first : first + 3],
                    chosen,
                    _limits(hinge, is_thumb=is_thumb),
                )
                fingers[some, first : first + 3] = moved
        return float(np.mean(shares)) if shares else 0.0

    def _targets(self, finger: int, to_hand: F64) -> FingerTargets:
        """What is seen of a finger beyond its knuckle, in the size of the body's finger."""
        joints, tip = self.at.joints[finger], int(self.at.tips[finger])
        first = BODY_JOINTS + 15 * self.number + 3 * finger
        bones = np.stack([self.rest[first + 1] - self.rest[first], self.rest[first + 2] - self.rest[first + 1]] * 2)[:3]
        used = [int(joints[1]), int(joints[2]), tip if tip >= 0 else int(joints[2])]
        places = np.stack([self._towards(to_hand, int(joints[0]), point) for point in used], axis=1)
        seen = self.seen[:, used] & self.seen[:, joints[0], None]
        seen[:, 2] &= tip >= 0
        chain = np.concatenate([places[:, :1], np.diff(places, axis=1)], axis=1)
        whole = np.stack([seen[:, 0], seen[:, :2].all(axis=1), seen[:, 1:].all(axis=1)], axis=1)
        lengths = np.linalg.norm(chain, axis=-1)
        own = np.linalg.norm(bones, axis=-1)
        parts = [part for part in range(3) if whole[:, part].any()]
        typical = {part: float(np.median(lengths[whole[:, part], part])) for part in parts}
        ratios = [typical[part] / float(own[part]) for part in (0, 1) if typical.get(part, 0.0) > SHORTEST_M]
        size = float(np.mean(ratios)) if ratios else 1.0
        bones[2] = bones[1] * (typical[2] / size / own[1] if typical.get(2, 0.0) > SHORTEST_M else TIP_SHARE)
        return FingerTargets(bones, places / size, seen)

    def _chain(self, finger: int, to_hand: F64, *, is_thumb: bool) -> list[F64]:
        """Local rotations of a finger's three joints, each (T, 3, 3)."""
        joints, first = self.at.joints[finger], BODY_JOINTS + 15 * self.number + 3 * finger
        bones = [self.rest[first + 1] - self.rest[first], self.rest[first + 2] - self.rest[first + 1]]
        ends = [self._towards(to_hand, joints[part], joints[part + 1]) for part in (0, 1)]
        hinge = _hinge(bones[0])
        root = shortest_turns(np.broadcast_to(bones[0], ends[0].shape), ends[0])
        if not is_thumb:
            root = root @ _hinge_twist(bones[0], hinge, np.einsum("tji,tj->ti", root, ends[1]))
        root = _limited(root, hinge, 0, is_thumb=is_thumb)
        middle = shortest_turns(np.broadcast_to(bones[1], ends[1].shape), np.einsum("tji,tj->ti", root, ends[1]))
        middle = _limited(middle, hinge, 1, is_thumb=is_thumb)
        bend = rotmat_to_rotvec(middle)
        bend = bend if is_thumb else (bend @ hinge)[:, None] * hinge
        last = rotvec_to_rotmat(LAST_OF_MIDDLE * bend)
        tip = int(self.at.tips[finger])
        if tip >= 0:
            seen = self._towards(to_hand, joints[2], tip)
            above = root @ middle
            shown = shortest_turns(np.broadcast_to(bones[1], seen.shape), np.einsum("tji,tj->ti", above, seen))
            last = np.where(self.seen[:, tip, None, None], shown, last)
        return [root, middle, _limited(last, hinge, 2, is_thumb=is_thumb)]

    def _towards(self, to_hand: F64, start: int, end: int) -> F64:
        """Direction from one point to another in the hand's axes, (T, 3); NaN becomes zero."""
        step = np.einsum("tij,tj->ti", to_hand, self.points[:, end] - self.points[:, start])
        return np.where(np.isfinite(step), step, 0.0)

    def error_m(self, pose: F64, fingers: F64) -> F64:
        """Distances of the finger joints from the points, relative to the wrist, of what is seen, (N,), metres."""
        whole = np.concatenate([pose[:, :BODY_JOINTS], fingers], axis=1)
        _, at = forward_kinematics(self.rest.astype(np.float32), whole.astype(np.float32), tree=SMPLH_TREE)
        first, used = BODY_JOINTS + 15 * self.number, self.at.joints.reshape(-1) >= 0
        if self.at.wrist < 0:
            return np.zeros(0)
        points = self.at.joints.reshape(-1)[used]
        joints = first + np.flatnonzero(used)
        observed = self.points[:, points] - self.points[:, None, self.at.wrist]
        away = np.linalg.norm(at[:, joints] - at[:, None, self.wrist] - observed, axis=-1)
        return np.asarray(away[self.seen[:, points] & self.seen[:, None, self.at.wrist]])


def rotation_onto(model: F64, observed: F64, known: NDArray[np.bool_]) -> F64:
    """Compute the rotations that best turn vectors onto others (Kabsch 1976).

    Args:
        model: (K, 3).
        observed: (T, K, 3).
        known: (T, K), which of them count.

    Returns:
        (T, 3, 3).
    """
    covariance = np.einsum("tki,kj->tij", observed * known[..., None], model)
    left, _, right = np.linalg.svd(covariance)
    sign = np.ones((len(observed), 3))
    sign[:, 2] = np.sign(np.linalg.det(left @ right))
    return np.asarray((left * sign[:, None]) @ right)


def twist_angle_about(rotmat: F64, axis: F64) -> F64:
    """Compute the twist of rotations about an axis (swing-twist decomposition of the quaternion).

    Args:
        rotmat: (T, 3, 3).
        axis: (3,), of length 1.

    Returns:
        (T,), radians, in [-pi, pi].
    """
    vector = rotmat_to_rotvec(rotmat)
    angle = np.linalg.norm(vector, axis=-1)
    along = (vector @ axis) * np.sinc(angle / (2.0 * np.pi)) * 0.5
    twist = 2.0 * np.arctan2(along, np.cos(angle / 2.0))
    return np.asarray(twist - 2.0 * np.pi * np.round(twist / (2.0 * np.pi)))


def shortest_turns(start: F64, end: F64) -> F64:
    """Compute the shortest rotations from one direction to another.

    Args:
        start: (T, 3), any length.
        end: (T, 3), any length; the rotation is none where it is zero.

    Returns:
        (T, 3, 3).
    """
    lengths = np.linalg.norm(start, axis=-1), np.linalg.norm(end, axis=-1)
    usable = (lengths[0] > SHORTEST_M) & (lengths[1] > SHORTEST_M)
    a = start / np.maximum(lengths[0], SHORTEST_M)[:, None]
    b = end / np.maximum(lengths[1], SHORTEST_M)[:, None]
    axis = np.cross(a, b)
    sine, cosine = np.linalg.norm(axis, axis=-1), (a * b).sum(axis=-1)
    angle = np.arctan2(sine, cosine)
    scale = np.divide(angle, sine, out=np.zeros_like(angle), where=sine > 1e-9)
    return np.asarray(rotvec_to_rotmat(np.where(usable[:, None], axis * scale[:, None], 0.0)))


def _hinge(bone: F64) -> F64:
    """Axis of length 1 about which a finger with this bone bends in the T-pose, palms down. bone: (3,)."""
    axis = np.cross(bone, [0.0, -1.0, 0.0])
    return np.asarray(axis / np.linalg.norm(axis))


def _hinge_twist(bone: F64, hinge: F64, onward: F64) -> F64:
    """Rotations about a bone, (T, 3, 3), after which the next bone bends about ``hinge``.

    bone, hinge: (3,); onward: (T, 3), direction of the next bone in the axes of the first one's joint.
    """
    along = bone / np.linalg.norm(bone)
    unit = onward / np.maximum(np.linalg.norm(onward, axis=-1, keepdims=True), SHORTEST_M)
    bent = np.cross(hinge, along)  # where the next bone goes when the hinge bends
    sideways, forwards = unit @ hinge, unit @ bent
    angle = np.arctan2(sideways, forwards)
    # A finger that bends backwards a little would be turned by half a turn.
    angle = np.where(np.abs(angle) > np.pi / 2.0, angle - np.sign(angle) * np.pi, angle)
    square = sideways**2 + forwards**2
    believed = angle * square / (square + CERTAIN_BEND**2)
    return np.asarray(rotvec_to_rotmat(np.clip(believed, -MOST_TWIST_RAD, MOST_TWIST_RAD)[:, None] * along))


def _limits(hinge: F64, *, is_thumb: bool) -> Limit:
    """Limits of one finger, for ``refine_finger``. hinge: (3,)."""

    def limit(rotmat: F64, part: int) -> F64:
        return _limited(rotmat, hinge, part, is_thumb=is_thumb)

    return limit


def _limited(rotmat: F64, hinge: F64, part: int, *, is_thumb: bool) -> F64:
    """Rotations (T, 3, 3) of a finger's joint within what joints can do."""
    vector = rotmat_to_rotvec(rotmat)
    if is_thumb:
        angle = np.linalg.norm(vector, axis=-1, keepdims=True)
        return np.asarray(rotvec_to_rotmat(vector * np.minimum(1.0, MOST_THUMB_RAD / np.maximum(angle, 1e-9))))
    bend = vector @ hinge
    other = vector - bend[:, None] * hinge
    size = np.linalg.norm(other, axis=-1, keepdims=True)
    other = other * np.minimum(1.0, SIDEWAYS_RAD[part] / np.maximum(size, 1e-9))
    return np.asarray(rotvec_to_rotmat(np.clip(bend, *FLEXION_RAD[part])[:, None] * hinge + other))


def _filled(rotmat: F64, known: NDArray[np.bool_]) -> F64:
    """Rotations (T, 3, 3) with those of unknown frames between their neighbours, as rotation vectors."""
    if known.all():
        return rotmat
    frames, vector = np.arange(len(rotmat)), rotmat_to_rotvec(rotmat)
    at = np.flatnonzero(known)
    return np.asarray(rotvec_to_rotmat(np.stack([np.interp(frames, at, vector[at, k]) for k in range(3)], axis=-1)))
