# SPDX-License-Identifier: Apache-2.0
"""A body of SMPL+H or SMPL-X in SMPL's 24 joints, which the fit and the regressors use.

The surface is the same. Each hand becomes one joint at the mean of its four knuckles, which moves the fingers without
the root of the thumb; jaw and eyes move with the head.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from .joint_tree import BODY_JOINTS, FINGERS, JOINT_COUNT, JOINT_INDEX, SMPL_TREE, JointTree
from .model import BodyModel

POSE_FEATURES: Final = 9 * (JOINT_COUNT - 1)
KNUCKLES: Final = tuple(f"{finger}1" for finger in FINGERS if finger != "thumb")


def with_smpl_joints(detailed: BodyModel) -> BodyModel:
    """Reduce a body to SMPL's joints.

    Args:
        detailed: Body with fingers.

    Returns:
        The body with 24 joints, whose ``full`` is ``detailed``. Correctives of the fingers and the face are left out.
    """
    tree = detailed.tree
    regressor = np.zeros((JOINT_COUNT, len(detailed.v_template_m)), np.float32)
    regressor[:BODY_JOINTS] = detailed.joint_regressor[:BODY_JOINTS]
    for side in ("left", "right"):
        knuckles = [tree.index[f"{side}_{knuckle}"] for knuckle in KNUCKLES]
        regressor[JOINT_INDEX[f"{side}_hand"]] = detailed.joint_regressor[knuckles].mean(axis=0)
    weights = np.zeros((len(detailed.v_template_m), JOINT_COUNT), np.float32)
    for joint in range(len(tree)):
        weights[:, smpl_joint_of(tree, joint)] += detailed.weights[:, joint]
    posedirs = None
    if detailed.posedirs is not None:
        kept = detailed.posedirs[:, :, : 9 * (BODY_JOINTS - 1)]
        rest = np.zeros((*kept.shape[:2], POSE_FEATURES - kept.shape[2]), np.float32)
        posedirs = np.concatenate([kept, rest], axis=2)
    return replace(
        detailed, joint_regressor=regressor, weights=weights, posedirs=posedirs, tree=SMPL_TREE, detailed=detailed
    )


def smpl_joint_of(tree: JointTree, joint: int) -> int:
    """Find the joint of SMPL that moves what a joint of another tree moves.

    Args:
        tree: Of SMPL's family.
        joint: Index in ``tree``.

    Returns:
        Index in SMPL's tree.
    """
    name = tree.names[joint]
    if name in JOINT_INDEX:
        return JOINT_INDEX[name]
    side, _, finger = name.partition("_")
    if finger == "thumb1":
        return JOINT_INDEX[f"{side}_wrist"]
    return JOINT_INDEX["head" if finger in ("", "eye") else f"{side}_hand"]
