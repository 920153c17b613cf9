# SPDX-License-Identifier: Apache-2.0
"""The SMPL-format body: its data, forward kinematics and linear blend skinning.

Loper et al. 2015, SMPL: A Skinned Multi-Person Linear Model. Pose features, kinematic tree and the order of
operations are those of the paper; any body of 24 joints in this format works, licensed or free.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32

I32 = NDArray[np.int32]

JOINT_COUNT: Final = 24
JOINT_NAMES: Final = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hand", "right_hand",
)  # fmt: skip
PARENTS: Final = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
MIRRORED_JOINTS: Final = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22)
JOINT_INDEX: Final = {name: index for index, name in enumerate(JOINT_NAMES)}


def _levels() -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    depth = [0] * JOINT_COUNT
    for joint in range(1, JOINT_COUNT):
        depth[joint] = depth[PARENTS[joint]] + 1
    levels = []
    for level in range(1, max(depth) + 1):
        joints = tuple(j for j in range(JOINT_COUNT) if depth[j] == level)
        levels.append((joints, tuple(PARENTS[j] for j in joints)))
    return tuple(levels)


TREE_LEVELS: Final = _levels()
"""(joints, their parents) for each depth of the tree below the root: a level is posed in one product."""


@dataclass(frozen=True)
class Surface:
    """Materials of the faces.

    Attributes:
        face_material: (F,), an index into ``names`` and ``rgba``.
        names: Of the materials.
        rgba: (M, 4), linear, in [0, 1].
    """

    face_material: NDArray[np.uint8]
    names: tuple[str, ...]
    rgba: F32


@dataclass(frozen=True, eq=False)
class BodyModel:
    """An SMPL-format body of 24 joints. Two are equal only if they are one object, so that caches can use them as keys.

    Attributes:
        name: Shown to the user.
        licence: Of the body.
        v_template_m: (V, 3), metres, T-pose.
        faces: (F, 3), indices of vertices.
        shapedirs: (V, 3, B), metres per unit of beta.
        posedirs: (V, 3, 207), metres per entry of (R_1..R_23 - I), row by row; None for a body without correctives.
        joint_regressor: (24, V).
        weights: (V, 24), rows sum to 1.
        surface: Materials; None for one plain material.
        source: File that the body was read from.
    """

    name: str
    licence: str
    v_template_m: F32
    faces: I32
    shapedirs: F32
    posedirs: F32 | None
    joint_regressor: F32
    weights: F32
    surface: Surface | None = None
    source: str = field(default="", compare=False)

    @property
    def beta_count(self) -> int:
        """Number of shape parameters."""
        return self.shapedirs.shape[2]

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits that identify the skeleton and the shape space, which a regressor was trained on."""
        digest = hashlib.sha256()
        for array in (self.v_template_m, self.shapedirs, self.joint_regressor):
            digest.update(np.round(np.asarray(array, np.float64), 5).astype("<f4").tobytes())
        return digest.hexdigest()[:16]

    @cached_property
    def _joint_shape(self) -> tuple[F32, F32]:
        joints = self.joint_regressor.astype(np.float64) @ self.v_template_m.astype(np.float64)
        dirs = np.einsum("jv,vcb->jcb", self.joint_regressor, self.shapedirs, dtype=np.float64, optimize=True)
        return joints.astype(np.float32), dirs.astype(np.float32)

    def rest_joints(self, betas: F32 | None = None) -> F32:
        """Compute the joint centres in the T-pose.

        Args:
            betas: (B',) with B' <= B; None for the mean body.

        Returns:
            (24, 3), metres.
        """
        joints, dirs = self._joint_shape
        if betas is None:
            return joints
        return (joints + dirs[:, :, : len(betas)] @ np.asarray(betas, np.float32)).astype(np.float32)

    def rest_vertices(self, betas: F32 | None = None) -> F32:
        """Compute the vertices in the T-pose, without pose correctives.

        Args:
            betas: (B',) with B' <= B; None for the mean body.

        Returns:
            (V, 3), metres.
        """
        if betas is None:
            return self.v_template_m
        return self.v_template_m + self.shapedirs[:, :, : len(betas)] @ np.asarray(betas, np.float32)

    @cached_property
    def height_m(self) -> float:
        """Height of the mean body, metres."""
        return float(np.ptp(self.v_template_m[:, 1]))


def forward_kinematics(rest_joints_m: F32, pose_rotmat: F32, translation_m: F32 | None = None) -> tuple[F32, F32]:
    """Pose the skeleton (Loper et al. 2015, equation 3).

    Args:
        rest_joints_m: (24, 3) or (T, 24, 3), metres.
        pose_rotmat: (T, 24, 3, 3), local to the parent.
        translation_m: (T, 3), metres, added to every joint (SMPL's ``trans``).

    Returns:
        Global rotations (T, 24, 3, 3), and joint positions (T, 24, 3) in metres.
    """
    rest = np.broadcast_to(rest_joints_m, (len(pose_rotmat), *rest_joints_m.shape[-2:]))
    global_rotmat = np.empty_like(pose_rotmat)
    joints_m = np.empty(pose_rotmat.shape[:-1], dtype=pose_rotmat.dtype)
    global_rotmat[:, 0] = pose_rotmat[:, 0]
    joints_m[:, 0] = rest[:, 0]
    for joints, parents in TREE_LEVELS:
        j, p = list(joints), list(parents)
        parent_rotmat = global_rotmat[:, p]
        np.matmul(parent_rotmat, pose_rotmat[:, j], out=(product := np.empty_like(parent_rotmat)))
        global_rotmat[:, j] = product
        bones = (rest[:, j] - rest[:, p])[..., None]
        joints_m[:, j] = joints_m[:, p] + (parent_rotmat @ bones)[..., 0]
    if translation_m is not None:
        joints_m += translation_m[:, None]
    return global_rotmat, joints_m


def skin(  # noqa: PLR0913 - what a body is posed by
    body: BodyModel,
    pose_rotmat: F32,
    *,
    betas: F32 | None = None,
    translation_m: F32 | None = None,
    scale: float = 1.0,
    correctives: bool = True,
    vertices: NDArray[np.intp] | None = None,
    batch: int = 64,
    each: Callable[[int, F32], None] | None = None,
) -> F32 | None:
    """Pose the vertices by linear blend skinning (Loper et al. 2015, equations 2 to 5 and 9).

    Args:
        body: The body.
        pose_rotmat: (T, 24, 3, 3), local to the parent.
        betas: (B',) with B' <= B; None for the mean body.
        translation_m: (T, 3), metres.
        scale: Size of the body, about SMPL's origin, applied before the translation.
        correctives: Whether to add the pose correctives.
        vertices: Indices of vertices to pose; all by default.
        batch: Frames at a time.
        each: Called as ``each(first_frame, vertices_m)`` with every batch, instead of returning them.

    Returns:
        (T, V', 3), metres; None where ``each`` is given.
    """
    chosen = slice(None) if vertices is None else vertices
    rest = body.rest_vertices(betas)[chosen]
    weights = body.weights[chosen]
    rest_joints = body.rest_joints(betas)
    use_dirs = correctives and body.posedirs is not None
    dirs = body.posedirs[chosen].reshape(-1, 207).T if use_dirs and body.posedirs is not None else None
    result = None if each else np.empty((len(pose_rotmat), len(rest), 3), np.float32)
    for first in range(0, len(pose_rotmat), batch):
        rotmat = np.ascontiguousarray(pose_rotmat[first : first + batch], np.float32)
        global_rotmat, joints = forward_kinematics(rest_joints, rotmat)
        offset = joints - (global_rotmat @ rest_joints[None, :, :, None])[..., 0]
        affine = np.concatenate([global_rotmat, offset[..., None]], axis=-1).reshape(len(rotmat), JOINT_COUNT, 12)
        blended = (weights @ affine).reshape(len(rotmat), len(rest), 3, 4)
        points = np.broadcast_to(rest, (len(rotmat), *rest.shape))
        if dirs is not None:
            features = (rotmat[:, 1:] - np.eye(3, dtype=np.float32)).reshape(len(rotmat), 207)
            points = points + (features @ dirs).reshape(points.shape)
        posed = np.einsum("tvij,tvj->tvi", blended[..., :3], points) + blended[..., 3]
        posed *= np.float32(scale)
        if translation_m is not None:
            posed += translation_m[first : first + batch, None]
        if each:
            each(first, posed)
        elif result is not None:
            result[first : first + batch] = posed
    return result
