# SPDX-License-Identifier: Apache-2.0
"""Turn footwork, lean and arms into a posed body: pelvis and spine by angles, limbs by two-bone inverse kinematics."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import JOINT_INDEX, PARENTS, BodyModel, forward_kinematics
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.fit.floor.contacts import sole_vertices

from . import waltz
from .curves import keyed, smoothed
from .footwork import Footwork, forward_of, left_of, walk

REACH = 0.993
"""Largest extension of a limb, as a share of its length.

Never quite straight, so that knees and elbows keep a direction.
"""


@dataclass(frozen=True)
class Dance:
    """A posed dance.

    Attributes:
        pose_rotmat: (T, 24, 3, 3), local rotations.
        translation_m: (T, 3), metres, floor at y = 0.
        footwork: The footwork that it follows.
    """

    pose_rotmat: NDArray[np.float32]
    translation_m: NDArray[np.float32]
    footwork: Footwork


def about(axis: int, angle_rad: F64) -> F64:
    """Return rotations about x (0), y (1) or z (2): (T,), radians, to (T, 3, 3)."""
    rotvec = np.zeros((*angle_rad.shape, 3))
    rotvec[..., axis] = angle_rad
    return np.asarray(rotvec_to_rotmat(rotvec))


def unit(vector: F64) -> F64:
    """vector: (..., 3) -> the same direction, length 1."""
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


def frame(first_axis: int, first: F64, second_axis: int, second: F64) -> F64:
    """Return rotations with two given directions as columns.

    Column ``first_axis`` is ``first``, column ``second_axis`` is the direction nearest to ``second`` across it.

    Args:
        first: (T, 3).
        second: (T, 3).
        first_axis: Column of ``first``.
        second_axis: Column of ``second``.

    Returns:
        (T, 3, 3), right-handed.
    """
    first = unit(first)
    second = unit(second - (second * first).sum(-1, keepdims=True) * first)
    columns: list[F64] = [first, first, first]
    columns[second_axis] = second
    third = 3 - first_axis - second_axis
    columns[third] = np.cross(columns[(third + 1) % 3], columns[(third + 2) % 3])
    return np.stack(columns, axis=-1)


def bend(root: F64, target: F64, pole: F64, lengths: tuple[float, float]) -> F64:
    """Return the middle joint of a two-bone limb by the law of cosines.

    root, target, pole: (T, 3) to (T, 3), metres.
    """
    upper, lower = lengths
    reach = target - root
    distance = np.clip(np.linalg.norm(reach, axis=-1, keepdims=True), abs(upper - lower) + 1e-6, upper + lower - 1e-6)
    along = unit(reach)
    share = (upper**2 - lower**2 + distance**2) / (2 * distance)
    sideways = unit(pole - (pole * along).sum(-1, keepdims=True) * along)
    return root + share * along + np.sqrt(np.maximum(upper**2 - share**2, 0.0)) * sideways


class Skeleton:
    """A body being posed; global rotations are filled in from the pelvis outwards."""

    def __init__(self, rest_m: F64, count: int) -> None:
        self.rest = rest_m
        self.turn = np.repeat(np.repeat(np.eye(3)[None, None], 24, axis=1), count, axis=0)
        self.place = np.zeros((count, 24, 3))

    def set_local(self, joint: str, rotmat: F64) -> None:
        """Rotate a joint relative to its parent and place it."""
        index = JOINT_INDEX[joint]
        self.set_global(joint, self.turn[:, PARENTS[index]] @ rotmat)

    def set_global(self, joint: str, rotmat: F64) -> None:
        """Rotate a joint relative to the world and place it at the end of its parent's bone."""
        index = JOINT_INDEX[joint]
        self.turn[:, index] = rotmat
        if index > 0:
            self.place[:, index] = self.place_of(joint)

    def place_of(self, joint: str) -> F64:
        """Return the position of a joint, from its parent: (T, 3), metres."""
        index = JOINT_INDEX[joint]
        parent = PARENTS[index]
        return self.place[:, parent] + self.turn[:, parent] @ (self.rest[index] - self.rest[parent])

    def bone(self, joint: str, child: str) -> F64:
        """Return the vector from one joint to another at rest: (3,), metres."""
        return self.rest[JOINT_INDEX[child]] - self.rest[JOINT_INDEX[joint]]

    def local(self) -> F64:
        """Return local rotations: (T, 24, 3, 3)."""
        result = self.turn.copy()
        parents = list(PARENTS[1:])
        result[:, 1:] = np.swapaxes(self.turn[:, parents], -1, -2) @ self.turn[:, 1:]
        return result


def dance(body: BodyModel) -> Dance:
    """Pose a body through the whole choreography."""
    beats = np.arange(waltz.FRAMES) / waltz.FRAMES_PER_BEAT
    rest = body.rest_joints().astype(np.float64)
    floor = float(body.v_template_m[sole_vertices(body), 1].min())
    walked = walk(beats)
    skeleton = Skeleton(rest, len(beats))
    skeleton.place[:, 0] = pelvis_over_feet(walked, rest)
    _trunk(skeleton, beats, walked)
    ankles = {side: ankle_over_ball(skeleton, walked, side, floor) for side in (1, -1)}
    lower_pelvis(skeleton, ankles, walked, rest, floor)
    _trunk(skeleton, beats, walked)
    for side in (1, -1):
        pose_leg(skeleton, walked, side, *ankles[side])
        _arm(skeleton, beats, side)
    _head(skeleton, beats, walked)
    pose = skeleton.local().astype(np.float32)
    _, joints = forward_kinematics(rest.astype(np.float32), pose)
    translation = skeleton.place[:, 0] - joints[:, 0]
    return Dance(pose, translation.astype(np.float32), walked)


def pelvis_over_feet(walked: Footwork, rest: F64) -> F64:
    """Place the pelvis over the foot that carries the weight, slightly inward and behind its ball, without height."""
    left, forward = left_of(walked.heading_rad), forward_of(walked.heading_rad)
    over = {side: walked.feet[side].ball_m - side * 0.055 * left - 0.075 * forward for side in (1, -1)}
    weight = walked.left_weight[:, None]
    floor_place = smoothed(weight * over[1] + (1 - weight) * over[-1], 3.5)
    place = np.zeros((len(floor_place), 3))
    place[:, [0, 2]] = floor_place
    place[:, 1] = rest[0, 1]
    return place


def lower_pelvis(
    skeleton: Skeleton, ankles: dict[int, tuple[F64, F64]], walked: Footwork, rest: F64, floor: float
) -> None:
    """Choose the height of the pelvis: rise and fall as choreographed, as far as both legs reach the floor."""
    height = rest[0, 1] - floor - 0.008 - 0.048 * walked.lower + 0.064 * walked.rise
    for side, name in ((1, "left"), (-1, "right")):
        hip = skeleton.place_of(f"{name}_hip") - skeleton.place[:, 0]
        ankle, _ = ankles[side]
        flat = (skeleton.place[:, 0] + hip - ankle)[:, [0, 2]]
        length = sum(
            float(np.linalg.norm(skeleton.bone(f"{name}_{first}", f"{name}_{second}")))
            for first, second in (("hip", "knee"), ("knee", "ankle"))
        )
        upright = np.sqrt(np.maximum((REACH * length) ** 2 - (flat**2).sum(axis=1), 0.0))
        height = np.minimum(height, ankle[:, 1] + upright - hip[:, 1])
    # What the legs cannot reach even after smoothing, they are short of by a millimetre or two for a frame.
    lowest = np.min(np.lib.stride_tricks.sliding_window_view(np.pad(height, 4, mode="edge"), 9), axis=1)
    skeleton.place[:, 0, 1] = smoothed(lowest, 2.6)


def _trunk(skeleton: Skeleton, beats: F64, walked: Footwork) -> None:
    lean = smoothed(np.radians(keyed(beats, waltz.LEAN_DEG)), 2.0)
    twist = smoothed(np.radians(keyed(beats, waltz.TWIST_DEG)), 2.0)
    forward = smoothed(np.radians(keyed(beats, waltz.BEND_DEG)), 2.0)
    drop = np.radians(3.5) * smoothed(2.0 * walked.left_weight - 1.0, 3.0)
    skeleton.set_global("pelvis", about(1, walked.heading_rad) @ about(2, drop + 0.2 * lean) @ about(0, 0.15 * forward))
    shares = (("spine1", 0.3, 0.25), ("spine2", 0.35, 0.35), ("spine3", 0.35, 0.4))
    for joint, share, twist_share in shares:
        skeleton.set_local(
            joint,
            about(1, twist_share * twist) @ about(2, share * (lean - drop)) @ about(0, share * forward),
        )
    for joint in ("left_hip", "right_hip", "neck", "left_collar", "right_collar"):
        skeleton.set_local(joint, about(0, np.zeros(len(beats))))


def _head(skeleton: Skeleton, beats: F64, walked: Footwork) -> None:
    # The eyes turn before the body does, and then stay level: the head takes back half of the lean.
    ahead = np.interp(beats + 0.45, beats, walked.heading_rad)
    lead: F64 = np.clip(0.7 * (ahead - walked.heading_rad), -0.7, 0.7)
    turn = smoothed(np.radians(keyed(beats, waltz.HEAD_TURN_DEG)) + lead, 2.5)
    nod = smoothed(np.radians(keyed(beats, waltz.HEAD_NOD_DEG)), 2.0)
    lean = smoothed(np.radians(keyed(beats, waltz.LEAN_DEG)), 2.0)
    for joint, share in (("neck", 0.45), ("head", 0.55)):
        skeleton.set_local(joint, about(1, share * turn) @ about(2, -0.5 * share * lean) @ about(0, share * nod))


def ankle_over_ball(skeleton: Skeleton, walked: Footwork, side: int, floor: float) -> tuple[F64, F64]:
    """Return position (T, 3) and rotation (T, 3, 3) of an ankle from the position of the ball."""
    name = "left" if side == 1 else "right"
    foot = walked.feet[side]
    turned = about(1, foot.toe_rad) @ about(0, foot.heel_rad)
    ball = np.empty((len(foot.ball_m), 3))
    ball[:, [0, 2]] = foot.ball_m
    ball[:, 1] = skeleton.rest[JOINT_INDEX[f"{name}_foot"], 1] - floor + foot.lift_m
    return ball - turned @ skeleton.bone(f"{name}_ankle", f"{name}_foot"), turned


def pose_leg(skeleton: Skeleton, walked: Footwork, side: int, ankle: F64, foot_turn: F64) -> None:
    """Pose a leg from the hip to an ankle. ankle: (T, 3), metres; foot_turn: (T, 3, 3)."""
    name = "left" if side == 1 else "right"
    foot = walked.feet[side]
    hip = skeleton.place_of(f"{name}_hip")
    thigh, shin = skeleton.bone(f"{name}_hip", f"{name}_knee"), skeleton.bone(f"{name}_knee", f"{name}_ankle")
    lengths = float(np.linalg.norm(thigh)), float(np.linalg.norm(shin))
    # Knees point between where the foot and where the pelvis points, a little outward.
    towards = 0.6 * foot.toe_rad + 0.4 * walked.heading_rad + side * np.radians(4.0)
    pole = np.zeros_like(hip)
    pole[:, [0, 2]] = forward_of(towards)
    knee = bend(hip, ankle, pole, lengths)
    hinge = np.cross(hip - ankle, pole)
    for joint, bone, direction in (("hip", thigh, knee - hip), ("knee", shin, ankle - knee)):
        rest_frame = frame(1, -bone[None], 0, np.array([[1.0, 0.0, 0.0]]))
        turned = frame(1, -direction, 0, hinge) @ np.swapaxes(rest_frame, -1, -2)
        skeleton.set_global(f"{name}_{joint}", turned)
    skeleton.set_global(f"{name}_ankle", foot_turn)
    # Toes stay on the floor when the heel is up, and follow the foot when they are in the air.
    flat = foot.planted.astype(np.float64)
    toes = -np.maximum(foot.heel_rad, 0.0) * smoothed(0.35 + 0.65 * flat, 1.5)
    skeleton.set_local(f"{name}_foot", about(0, toes))


def _arm(skeleton: Skeleton, beats: F64, side: int) -> None:
    name = "left" if side == 1 else "right"
    keys = waltz.LEFT_ARM if side == 1 else waltz.RIGHT_ARM
    mirror = np.array([side, 1.0, 1.0])
    hand = smoothed(keyed(beats, [(beat, arm[0]) for beat, arm in keys]), 3.0)
    elbow_way = smoothed(keyed(beats, [(beat, arm[1]) for beat, arm in keys]), 3.0)
    # The shoulder blade follows a raised arm up, and one before the chest forward.
    raised = np.clip(hand[:, 1], -0.3, 1.0)
    collar = about(2, side * np.radians(4.0 + 16.0 * np.maximum(raised, 0.0))) @ about(
        1, -side * np.radians(8.0) * np.clip(hand[:, 2], 0.0, 1.0)
    )
    skeleton.set_local(f"{name}_collar", collar)
    chest = skeleton.turn[:, JOINT_INDEX["spine3"]]
    shoulder = skeleton.place_of(f"{name}_shoulder")
    bones = (skeleton.bone(f"{name}_shoulder", f"{name}_elbow"), skeleton.bone(f"{name}_elbow", f"{name}_wrist"))
    length = sum(float(np.linalg.norm(bone)) for bone in bones)
    reach = hand * mirror * length
    reach *= np.minimum(1.0, 0.985 * length / np.linalg.norm(reach, axis=1))[:, None]
    wrist = shoulder + (chest @ reach[..., None])[..., 0]
    pole = (chest @ (elbow_way * mirror)[..., None])[..., 0]
    reach_for(skeleton, side, wrist, pole, bones)
    # Hands trail behind the movement, like a brush.
    speed = smoothed(np.gradient(hand[:, 1]) * waltz.FPS, 2.0)
    trail = np.clip(-np.radians(22.0) * speed, -np.radians(32.0), np.radians(32.0))
    skeleton.set_local(f"{name}_wrist", about(2, side * (trail - np.radians(6.0))))
    skeleton.set_local(f"{name}_hand", about(2, np.full(len(beats), -side * np.radians(8.0))))


def reach_for(skeleton: Skeleton, side: int, target: F64, pole: F64, bones: tuple[F64, F64]) -> None:
    """Pose an arm so that the end of its second bone is at a place.

    Args:
        skeleton: The body.
        side: 1 left, -1 right.
        target: (T, 3), metres.
        pole: (T, 3), where the elbow points.
        bones: Upper arm and forearm at rest, (3,) each, metres; the second may include the hand.
    """
    name = "left" if side == 1 else "right"
    shoulder = skeleton.place_of(f"{name}_shoulder")
    lengths = float(np.linalg.norm(bones[0])), float(np.linalg.norm(bones[1]))
    elbow = bend(shoulder, target, pole, lengths)
    # In the T-pose the arm is along x and the elbow bends about y, towards the front: away from the pole.
    hinge = np.cross(-pole, side * (target - shoulder))
    for joint, bone, direction in (("shoulder", bones[0], elbow - shoulder), ("elbow", bones[1], target - elbow)):
        rest_frame = frame(0, side * bone[None], 1, np.array([[0.0, 1.0, 0.0]]))
        turned = frame(0, side * direction, 1, hinge) @ np.swapaxes(rest_frame, -1, -2)
        skeleton.set_global(f"{name}_{joint}", turned)
