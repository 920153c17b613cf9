# SPDX-License-Identifier: Apache-2.0
"""Prior knowledge of a calibration: rough positions of a layout's points, and how people hold their joints.

Positions alone cannot distinguish a bone that is always rotated a little from a point that is a little farther round
it. These tables decide such cases; everything that the recordings determine outweighs them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, MIRRORED_JOINTS
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.markers import markers_for

TABLE_HEIGHT_M: Final = 1.70
"""Height of the body that the positions below refer to; they are scaled for other bodies."""
ON_JOINT_M: Final = 1e-3


@dataclass(frozen=True)
class Placement:
    """Rough position of a point.

    Attributes:
        bones: Joints that it may be attached to, nearest first.
        offset_m: Offset from the first of them in the T-pose, metres (x to the body's left, y up, z forward).
        on_skin: Whether it is known to be on the skin.
        paired: Whether its mirror image is a point of the layout too.
        least: Smallest weight of the first bone.
        is_rough: Whether the position is that of a joint for want of a better one.
    """

    bones: tuple[str, ...]
    offset_m: tuple[float, float, float]
    on_skin: bool = True
    paired: bool = True
    least: float = 0.0
    is_rough: bool = False


# The left side and the middle; the right side mirrors it. Named as in layouts.MD23.
_MD23: Final = {
    "head_left": Placement(("head",), (0.06, 0.085, 0.055)),
    "lower_spine": Placement(("spine2", "spine1", "pelvis"), (0.0, 0.005, 0.035), on_skin=False),
    "left_shoulder": Placement(("left_shoulder", "left_collar", "spine3"), (-0.035, 0.06, 0.005)),
    "left_elbow": Placement(("left_elbow", "left_shoulder"), (0.01, 0.045, -0.005)),
    "left_forearm": Placement(("left_elbow", "left_wrist"), (0.155, 0.035, 0.01), paired=False, least=0.6),
    "left_forearm_2": Placement(("left_elbow", "left_wrist"), (0.115, 0.045, 0.0), paired=False, least=0.6),
    # The two wrists' points are no mirror images: the left one lies on the thumb's side, the first right one opposite.
    "left_wrist": Placement(("left_wrist", "left_elbow"), (0.02, 0.015, 0.023), paired=False),
    "right_wrist": Placement(("right_wrist", "right_elbow"), (0.0, 0.015, -0.023), paired=False),
    "left_hip": Placement(("pelvis", "left_hip"), (0.11, 0.075, -0.045), on_skin=False),
    "left_knee": Placement(("left_knee", "left_hip"), (0.07, -0.055, -0.025)),
    "left_ankle": Placement(("left_ankle", "left_knee"), (0.05, 0.04, 0.02)),
    "left_heel": Placement(("left_ankle",), (0.01, -0.055, -0.05)),
    "left_toe": Placement(("left_foot", "left_ankle"), (0.005, 0.0, 0.045)),
    "right_forearm": Placement(("right_elbow", "right_wrist"), (-0.12, 0.02, -0.035), paired=False, least=0.6),
    "right_wrist_2": Placement(("right_wrist", "right_elbow"), (-0.025, 0.015, 0.02)),
}
_TABLES: Final = {"md23": _MD23}


def placements(layout: Layout) -> tuple[Placement, ...]:
    """Return a position for every point of a layout: from its table, else on the joint that the layout names."""
    if layout.is_users:
        return _users(layout)
    table = _TABLES.get(layout.name, {})
    found = []
    for name, joint in zip(layout.keypoints, layout.joints, strict=True):
        if name in table:
            found.append(table[name])
        elif _other_side(name) in table:
            found.append(_mirrored(table[_other_side(name)]))
        else:
            found.append(Placement((_JOINT_NAMES[joint],), (0.0, 0.0, 0.0), on_skin=False))
    return tuple(found)


_JOINT_NAMES: Final = tuple(JOINT_INDEX)


def _users(layout: Layout) -> tuple[Placement, ...]:
    """Return the positions given in a user's layout file; the first bone is the one with the largest weight."""
    body = load_body()
    joints, points = body.rest_joints(), markers_for(layout).rest_points(body.rest_joints())
    found = []
    for point, pairs in zip(points, layout.attached_to, strict=True):
        bones = [joint for joint, _ in sorted(pairs, key=lambda pair: -pair[1])]
        x, y, z = ((point - joints[bones[0]]) * TABLE_HEIGHT_M / body.height_m).tolist()
        is_rough = len(pairs) == 1 and float(np.linalg.norm((x, y, z))) < ON_JOINT_M
        names = tuple(_JOINT_NAMES[joint] for joint in bones)
        found.append(Placement(names, (x, y, z), on_skin=False, is_rough=is_rough))
    return tuple(found)


def _other_side(name: str) -> str:
    return name.replace("left", "?").replace("right", "left").replace("?", "right")


def _mirrored(place: Placement) -> Placement:
    x, y, z = place.offset_m
    return Placement(
        tuple(_other_side(bone) for bone in place.bones), (-x, y, z), place.on_skin, place.paired, place.least
    )


def mirror_pairs(layout: Layout) -> tuple[int, ...]:
    """Return for each point the index of its mirror image, its own on the middle line, or -1 if it has none."""
    partner, table = layout.mirrored, placements(layout)
    both = [table[k].paired and partner[partner[k]] == k for k in range(layout.count)]
    return tuple(other if pair else -1 for other, pair in zip(partner, both, strict=True))


# Mean and spread in radians about x, y and z, of a dancer's joints from the T-pose, for the middle and the left.
# Knees and elbows: hinge, sideways bend, twist. Spreads of joints that no point shows are narrow.
_NATURAL: Final = {
    "pelvis": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "left_hip": ((-0.15, 0.0, 0.05), (0.6, 0.35, 0.3)),
    "left_knee": ((0.35, 0.0, 0.0), (0.6, 0.03, 0.15)),
    "left_ankle": ((0.0, 0.0, 0.0), (0.4, 0.15, 0.2)),
    "left_foot": ((0.0, 0.0, 0.0), (0.15, 0.02, 0.02)),
    "spine1": ((0.0, 0.0, 0.0), (0.15, 0.15, 0.12)),
    "spine2": ((0.0, 0.0, 0.0), (0.15, 0.15, 0.12)),
    "spine3": ((0.0, 0.0, 0.0), (0.12, 0.12, 0.12)),
    "neck": ((0.0, 0.0, 0.0), (0.15, 0.25, 0.2)),
    "head": ((0.0, 0.0, 0.0), (0.15, 0.25, 0.2)),
    "left_collar": ((0.0, 0.0, 0.0), (0.1, 0.15, 0.15)),
    "left_shoulder": ((0.0, 0.0, -0.7), (0.8, 0.8, 0.7)),
    "left_elbow": ((0.8, 0.0, 0.0), (0.7, 0.03, 0.8)),
    "left_wrist": ((0.0, 0.0, 0.0), (0.25, 0.2, 0.25)),
    "left_hand": ((0.0, 0.0, 0.0), (0.02, 0.02, 0.02)),
}

HINGES: Final = {
    # joint: axes of hinge, sideways bend and twist; a positive hinge bends as people do
    "left_knee": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)),
    "right_knee": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, -1.0, 0.0)),
    "left_elbow": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    "right_elbow": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
}
HINGE_RANGE: Final = (0.0, 2.5)


def prior_mean_and_spread() -> tuple[F32, F32]:
    """Return mean and standard deviation of each joint's rotation vector, (24, 3) radians each.

    At HINGES the three numbers are hinge, sideways bend and twist.
    """
    mean, spread = np.zeros((JOINT_COUNT, 3), np.float32), np.ones((JOINT_COUNT, 3), np.float32)
    for name, (centre, width) in _NATURAL.items():
        joint = JOINT_INDEX[name]
        other = MIRRORED_JOINTS[joint]
        # A mirror image keeps turns about x and reverses those about y and z; HINGES has that in its axes.
        signs = np.array([1.0, 1.0, 1.0] if name in HINGES else [1.0, -1.0, -1.0])
        mean[other], spread[other] = np.array(centre) * signs, width
        mean[joint], spread[joint] = centre, width
    return mean, spread
