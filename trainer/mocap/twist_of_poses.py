# SPDX-License-Identifier: Apache-2.0
"""The twist that a set of training poses follows: learned from SMPL rotations in it, and given to all others.

Rotations from AMASS, AIST++ and other files of theta are SMPL's own. Those that are retargeted from a BVH skeleton show
where limbs go, but not how SMPL's bones are turned about themselves: their twist is replaced by a model's.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32, Flags
from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.fit.pose.analytic_ik import restyle
from dancepose_addon.core.fit.pose.twist import CHILD, TwistModel, about, load_twist, unit
from dancepose_addon.core.fit.regressor import DEFAULT_STYLE

from .twist_learning import learn_twist

FEWEST_POSES: Final = 100
"""From fewer SMPL poses no twist is learned."""
MOST_POSES: Final = 30_000
LEARNED_STYLE: Final = "learned"
BLOCK: Final = 2000
PRONATED: Final = 0.3
"""Share of retargeted poses whose forearms get some pronation, which layouts with points beside the wrist show."""
MOST_PRONATION_RAD: Final = float(np.radians(80.0))


def twist_of_poses(pose_rotmat: F32, smpl: Flags, clips: int, rest_joints_m: F32, *, seed: int = 0) -> TwistModel:
    """Choose or learn the twist model of a set of poses.

    Args:
        pose_rotmat: (N, 24, 3, 3), local rotations.
        smpl: (N,), poses whose rotations are SMPL's own.
        clips: Number of clips that those are from, for the model's source.
        rest_joints_m: (24, 3), T-pose, metres.
        seed: Seed of the choice of poses, where there are more than needed.

    Returns:
        A model learned from the SMPL poses, or the default style where there are too few.
    """
    own = np.flatnonzero(smpl)
    if len(own) < FEWEST_POSES:
        return load_twist(DEFAULT_STYLE)
    if len(own) > MOST_POSES:
        own = np.random.default_rng(seed).choice(own, MOST_POSES, replace=False)
    source = f"{len(own)} SMPL poses of {clips} clips of the training data"
    return learn_twist([pose_rotmat[own]], rest_joints_m, style=LEARNED_STYLE, source=source)


def give_twist(pose_rotmat: F32, twist: TwistModel, rest_joints_m: F32, *, seed: int = 0) -> F32:
    """Replace the twist of retargeted poses; joints stay where they are, but hands turn where forearms are pronated.

    Args:
        pose_rotmat: (N, 24, 3, 3), local rotations.
        twist: The model.
        rest_joints_m: (24, 3), T-pose, metres.
        seed: Seed of the pronation.

    Returns:
        (N, 24, 3, 3).
    """
    blocks = range(0, len(pose_rotmat), BLOCK)
    pose = np.concatenate([restyle(rest_joints_m, pose_rotmat[first : first + BLOCK], twist) for first in blocks])
    random = np.random.default_rng(seed)
    turned = random.random(len(pose)) < PRONATED
    for side in ("left", "right"):
        elbow, wrist = JOINT_INDEX[f"{side}_elbow"], JOINT_INDEX[f"{side}_wrist"]
        angle = random.uniform(-MOST_PRONATION_RAD, MOST_PRONATION_RAD, len(pose)) * turned
        forearm = unit(rest_joints_m[CHILD[elbow]] - rest_joints_m[elbow])
        half = about(np.broadcast_to(forearm, (len(pose), 3)), np.asarray(0.5 * angle, np.float32))
        pose[:, elbow], pose[:, wrist] = pose[:, elbow] @ half, half @ pose[:, wrist]
    return pose


def with_twist(
    pose_rotmat: F32, clip: NDArray[np.integer[Any]], smpl: tuple[bool, ...], mirrored: Flags, rest_joints_m: F32
) -> tuple[F32, TwistModel]:
    """Learn the twist of a set of poses and give it to those that are retargeted.

    Args:
        pose_rotmat: (N, 24, 3, 3), local rotations.
        clip: (N,), index of each pose's clip.
        smpl: Of each clip, whether its rotations are SMPL's own.
        mirrored: (N,), mirror images.
        rest_joints_m: (24, 3), T-pose, metres.

    Returns:
        (N, 24, 3, 3), and the model.
    """
    own = np.array(smpl, bool)[clip]
    clips = len(np.unique(clip[own]))
    twist = twist_of_poses(pose_rotmat, own & ~mirrored, clips, rest_joints_m)
    if own.all():
        return pose_rotmat, twist
    pose = pose_rotmat.copy()
    pose[~own] = give_twist(pose_rotmat[~own], twist, rest_joints_m)
    return pose, twist
