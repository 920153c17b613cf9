# SPDX-License-Identifier: Apache-2.0
"""BVH: the joints of the motion's tree under SMPL's names, centimetres, y up, the T-pose as rest.

In the T-pose all joints have the world's axes, so a joint's rotation channels are SMPL's local rotation.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ...arrays import F64
from ...atomic import replacing
from ...body.euler import zxy_angles
from ...body.joint_tree import SMPL_TREE, JointTree
from ...body.model import BodyModel
from ...body.motion import BodyMotion
from ..theta import pelvis_places

CM_PER_M: Final = 100.0
TIP_CM: Final = 8.0
"""Of the bones at the ends, so that viewers show them."""
FINGER_TIP_CM: Final = 2.0
TIPS: Final = {"head": (0, 1, 0), "left_foot": (0, 0, 1), "right_foot": (0, 0, 1)}
ORDER: Final = "Zrotation Xrotation Yrotation"


def write_bvh(motion: BodyMotion, body: BodyModel, path: Path) -> None:
    """Write the skeleton in its true size, and its motion. It has fingers where the motion and the body have them.

    Args:
        motion: To write.
        body: That moves.
        path: Of the file.

    Raises:
        OutputError: The file cannot be written.
    """
    shown = body if motion.tree is SMPL_TREE else body.full
    tree = shown.tree
    rest = shown.rest_joints(motion.betas).astype(np.float64) * motion.scale * CM_PER_M
    lines: list[str] = ["HIERARCHY"]
    order: list[int] = []
    _write_joint(0, rest, tree, "", lines, order)
    pelvis = pelvis_places(motion, body).astype(np.float64) * CM_PER_M
    angles = np.degrees(zxy_angles(motion.pose_in(tree)[:, order].astype(np.float64))).reshape(len(motion), -1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1.0 / motion.fps:.10f}"]
    table = np.concatenate([pelvis, angles], axis=1)
    lines += [" ".join(f"{value:.6f}" for value in row) for row in table.tolist()]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_joint(joint: int, rest: F64, tree: JointTree, indent: str, lines: list[str], order: list[int]) -> None:
    """A joint and all below it; ``order`` gathers joints in the order of their channels."""
    name, inner = tree.names[joint], indent + "  "
    offset = rest[joint] - rest[tree.parents[joint]] if joint else np.zeros(3)
    place = "6 Xposition Yposition Zposition" if joint == 0 else "3"
    lines += [
        f"{indent}{'JOINT' if joint else 'ROOT'} {name}",
        f"{indent}{{",
        f"{inner}OFFSET {offset[0]:.6f} {offset[1]:.6f} {offset[2]:.6f}",
        f"{inner}CHANNELS {place} {ORDER}",
    ]
    order.append(joint)
    children = [other for other, parent in enumerate(tree.parents) if parent == joint]
    for child in children:
        _write_joint(child, rest, tree, inner, lines, order)
    if not children:
        size = FINGER_TIP_CM if tree.has_fingers and joint >= tree.first_finger else TIP_CM
        outward = (1, 0, 0) if name.startswith("left") else (-1, 0, 0)
        x, y, z = (size * part for part in TIPS.get(name, outward))
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {x:.6f} {y:.6f} {z:.6f}", f"{inner}}}"]
    lines.append(f"{indent}}}")
