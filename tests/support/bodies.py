# SPDX-License-Identifier: Apache-2.0
"""Bodies in SMPL's format that any test may have: made of random numbers, shaped roughly like a person."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.body.joint_tree import SMPL_TREE, JointTree
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import body_from_arrays

# Where the joints of an adult are in a T-pose, to the nearest few centimetres, metres; left limbs only.
_TRUNK = {0: (0, 0, 0), 3: (0, 0.11, 0), 6: (0, 0.24, 0), 9: (0, 0.30, 0.02), 12: (0, 0.51, -0.03), 15: (0, 0.60, 0.02)}
_LEFT = {
    1: (0.07, -0.09, 0), 4: (0.10, -0.47, 0), 7: (0.09, -0.88, -0.04), 10: (0.11, -0.94, 0.08),
    13: (0.08, 0.42, -0.02), 16: (0.18, 0.45, -0.02), 18: (0.45, 0.44, -0.04), 20: (0.70, 0.44, -0.04),
    22: (0.79, 0.43, -0.05),
}  # fmt: skip


def person_joints() -> NDArray[np.float32]:
    """(24, 3), metres: a T-pose, symmetric, pelvis at the origin."""
    joints = np.zeros((24, 3), np.float32)
    for joint, place in {**_TRUNK, **_LEFT}.items():
        joints[joint] = place
    for joint, (x, y, z) in _LEFT.items():
        joints[joint + 1] = (-x, y, z)
    return joints


def joints_in(tree: JointTree) -> NDArray[np.float32]:
    """(J, 3), metres: ``person_joints``, with fingers side by side along x and a face before the head."""
    person = person_joints()
    joints = np.zeros((len(tree), 3), np.float32)
    for joint, name in enumerate(tree.names):
        if name in SMPL_TREE.index:
            joints[joint] = person[SMPL_TREE.index[name]]
        elif tree.names[tree.parents[joint]] == "head":
            joints[joint] = person[15] + np.float32([0.03 * (joint - 23), 0.03, 0.08])
        else:
            side, finger, part = (-1 if name[0] == "r" else 1), (joint - tree.first_finger) % 15 // 3, int(name[-1])
            reach = 0.7 + 0.03 * part if finger == 4 else 0.77 + 0.03 * part
            joints[joint] = (side * reach, 0.43, 0.05 - 0.02 * finger if finger < 4 else 0.07)
    return joints


def synthetic_arrays(
    seed: int = 0, *, vertices: int = 240, betas: int = 10, tree: JointTree = SMPL_TREE
) -> dict[str, Any]:
    """The arrays of an SMPL-format file. Each joint has a cloud of vertices about it, whose mean it is; the surface
    is no surface. Every part is filled: shapes, correctives, weights of four joints a vertex."""
    random = np.random.default_rng(seed)
    count = len(tree)
    home = np.arange(vertices) % count
    joints = joints_in(tree)
    cloud = random.normal(scale=0.03, size=(vertices, 3))
    regressor = np.zeros((count, vertices))
    regressor[home, np.arange(vertices)] = 1.0 / np.bincount(home)[home]
    cloud -= (regressor @ cloud)[home]
    weights = np.zeros((vertices, count))
    for vertex, joint in enumerate(home):
        weights[vertex, [joint, max(tree.parents[joint], 0), *random.choice(count, 2)]] += random.dirichlet(
            (6, 2, 1, 1)
        )
    weights /= weights.sum(axis=1, keepdims=True)  # a joint that is drawn twice counts once above
    return {
        "name": "synthetic",
        "licence": "none",
        "v_template": joints[home] + cloud,
        "f": random.permuted(np.tile(np.arange(vertices), 6)).reshape(-1, 3),
        "shapedirs": random.normal(scale=0.01, size=(vertices, 3, betas)),
        "posedirs": random.normal(scale=0.003, size=(vertices, 3, 9 * (count - 1))),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[4294967295, *tree.parents[1:]], range(count)]),
    }


def synthetic_body(seed: int = 0, *, vertices: int = 240, betas: int = 10, tree: JointTree = SMPL_TREE) -> BodyModel:
    """``synthetic_arrays`` as a body, through the checks that every file passes."""
    return body_from_arrays(synthetic_arrays(seed, vertices=vertices, betas=betas, tree=tree), source="synthetic")
