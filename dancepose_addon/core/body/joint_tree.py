# SPDX-License-Identifier: Apache-2.0
"""The kinematic trees of SMPL's family: names and parents of the joints of SMPL, SMPL+H and SMPL-X.

Loper et al. 2015 (SMPL, 24 joints), Romero et al. 2017 (SMPL+H, 52: fingers instead of the two hand joints), Pavlakos
et al. 2019 (SMPL-X, 55: jaw and eyes before the fingers). The first 22 joints are the same in all three.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

JOINT_COUNT: Final = 24
JOINT_NAMES: Final = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hand", "right_hand",
)  # fmt: skip
PARENTS: Final = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
JOINT_INDEX: Final = {name: index for index, name in enumerate(JOINT_NAMES)}
BODY_JOINTS: Final = 22
"""Joints that all trees share: SMPL's without its hands."""
FINGERS: Final = ("index", "middle", "pinky", "ring", "thumb")
"""In SMPL+H's order (Romero et al. 2017)."""
FINGER_JOINTS: Final = tuple(
    f"{side}_{finger}{n}" for side in ("left", "right") for finger in FINGERS for n in (1, 2, 3)
)
FACE_JOINTS: Final = ("jaw", "left_eye", "right_eye")
Levels = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


@dataclass(frozen=True)
class JointTree:
    """A kinematic tree.

    Attributes:
        name: ``smpl``, ``smplh`` or ``smplx``.
        names: Of the joints.
        parents: Index of each joint's parent, -1 for the root. Parents come before their children.
    """

    name: str
    names: tuple[str, ...]
    parents: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index(self) -> dict[str, int]:
        """Index of each joint by its name."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def levels(self) -> Levels:
        """(joints, their parents) for each depth of the tree below the root: a level is posed in one product."""
        depth = [0] * len(self)
        for joint in range(1, len(self)):
            depth[joint] = depth[self.parents[joint]] + 1
        levels = []
        for level in range(1, max(depth) + 1):
            joints = tuple(j for j in range(len(self)) if depth[j] == level)
            levels.append((joints, tuple(self.parents[j] for j in joints)))
        return tuple(levels)

    @property
    def has_fingers(self) -> bool:
        """Whether the tree has the 30 joints of the fingers."""
        return FINGER_JOINTS[0] in self.index

    @property
    def has_face(self) -> bool:
        """Whether the tree has jaw and eyes."""
        return FACE_JOINTS[0] in self.index

    @property
    def first_finger(self) -> int:
        """Index of the first of the 30 finger joints."""
        return self.index[FINGER_JOINTS[0]]


def _with_fingers(name: str, face: tuple[str, ...]) -> JointTree:
    names = (*JOINT_NAMES[:BODY_JOINTS], *face, *FINGER_JOINTS)
    first = BODY_JOINTS + len(face)
    wrists = (JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"])
    fingers = [wrists[i // 15] if i % 3 == 0 else first + i - 1 for i in range(len(FINGER_JOINTS))]
    head = [JOINT_INDEX["head"]] * len(face)
    return JointTree(name, names, (*PARENTS[:BODY_JOINTS], *head, *fingers))


SMPL_TREE: Final = JointTree("smpl", JOINT_NAMES, PARENTS)
SMPLH_TREE: Final = _with_fingers("smplh", ())
SMPLX_TREE: Final = _with_fingers("smplx", FACE_JOINTS)
TREES: Final = {tree.name: tree for tree in (SMPL_TREE, SMPLH_TREE, SMPLX_TREE)}
TREE_OF_COUNT: Final = {len(tree): tree for tree in TREES.values()}
