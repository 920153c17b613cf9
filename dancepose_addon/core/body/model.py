# SPDX-License-Identifier: Apache-2.0
"""The SMPL-format body: its data, forward kinematics and linear blend skinning.

Loper et al. 2015, SMPL: A Skinned Multi-Person Linear Model. Pose features and the order of operations are those of
the paper; any body in this format works, licensed or free, with the joints of SMPL, SMPL+H or SMPL-X.

A body with fingers comes in two forms: the fit uses SMPL's 24 joints (``BodyModel``), and what is shown or exported
uses all of them (``BodyModel.full``). The surface is the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32
from .frames_last import CACHED_FRAMES, frames_first, frames_last, kinematics
from .joint_tree import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS, SMPL_TREE, JointTree

__all__ = (
    "JOINT_COUNT", "JOINT_INDEX", "JOINT_NAMES", "MIRRORED_JOINTS", "PARENTS", "TREE_LEVELS", "BodyModel", "Surface",
    "forward_kinematics", "skin",
)  # fmt: skip

I32 = NDArray[np.int32]

MIRRORED_JOINTS: Final = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22)
TREE_LEVELS: Final = SMPL_TREE.levels


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
    """An SMPL-format body. Two are equal only if they are one object, so that caches can use them as keys.

    J is the number of joints of its tree.

    Attributes:
        name: Shown to the user.
        licence: Of the body.
        v_template_m: (V, 3), metres, T-pose.
        faces: (F, 3), indices of vertices.
        shapedirs: (V, 3, B), metres per unit of beta.
        posedirs: (V, 3, 9 K), metres per entry of (R_1..R_K - I), row by row, K < J (K = 23 for SMPL); None for a body
            without correctives.
        joint_regressor: (J, V).
        weights: (V, J), rows sum to 1.
        surface: Materials; None for one plain material.
        source: File that the body was read from.
        tree: Kinematic tree.
        detailed: The same body with fingers, and perhaps jaw and eyes; None where the file has none.
        drawn: A body with the same joints and poses but another surface, which pictures show; None for this one.
        figure: Name of the figure whose surface this is; empty for the body as its file has it.
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
    tree: JointTree = SMPL_TREE
    detailed: "BodyModel | None" = field(default=None, repr=False)
    drawn: "BodyModel | None" = field(default=None, repr=False)
    figure: str = ""

    @cached_property
    def full(self) -> "BodyModel":
        """The body with all joints that its file has, in its present colours: what is shown and exported."""
        if self.detailed is None or self.detailed.surface is self.surface:
            return self.detailed or self
        return replace(self.detailed, surface=self.surface)

    @property
    def shown(self) -> "BodyModel":
        """The body that pictures show, with all joints that its file has."""
        return (self.drawn or self).full

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
            (J, 3), metres.
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


def forward_kinematics(
    rest_joints_m: F32, pose_rotmat: F32, translation_m: F32 | None = None, *, tree: JointTree = SMPL_TREE
) -> tuple[F32, F32]:
    """Pose the skeleton (Loper et al. 2015, equation 3).

    Args:
        rest_joints_m: (J, 3) or (T, J, 3), metres.
        pose_rotmat: (T, J, 3, 3), local to the parent.
        translation_m: (T, 3), metres, added to every joint (SMPL's ``trans``).
        tree: Kinematic tree of J joints.

    Returns:
        Global rotations (T, J, 3, 3), and joint positions (T, J, 3) in metres.
    """
    rest = rest_joints_m[..., None] if rest_joints_m.ndim == 2 else np.moveaxis(rest_joints_m, 0, -1)
    turned, place = np.empty_like(pose_rotmat), np.empty(pose_rotmat.shape[:3], pose_rotmat.dtype)
    for first in range(0, len(pose_rotmat), CACHED_FRAMES):
        block = slice(first, first + CACHED_FRAMES)
        own = rest if rest_joints_m.ndim == 2 else rest[..., block]
        rotation, at = kinematics(own, frames_last(pose_rotmat[block]), tree.levels)
        turned[block], place[block] = frames_first(rotation), frames_first(at)
    if translation_m is not None:
        place += translation_m[:, None]
    return turned, place


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
        pose_rotmat: (T, J, 3, 3), local to the parent.
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
    count = len(body.tree)
    dirs, width = None, 0
    if correctives and body.posedirs is not None:
        width = body.posedirs.shape[2]
        dirs = body.posedirs[chosen].reshape(-1, width).T
    result = None if each else np.empty((len(pose_rotmat), len(rest), 3), np.float32)
    for first in range(0, len(pose_rotmat), batch):
        rotmat = np.ascontiguousarray(pose_rotmat[first : first + batch], np.float32)
        global_rotmat, joints = forward_kinematics(rest_joints, rotmat, tree=body.tree)
        offset = joints - (global_rotmat @ rest_joints[None, :, :, None])[..., 0]
        affine = np.concatenate([global_rotmat, offset[..., None]], axis=-1).reshape(len(rotmat), count, 12)
        blended = (weights @ affine).reshape(len(rotmat), len(rest), 3, 4)
        points = np.broadcast_to(rest, (len(rotmat), *rest.shape))
        if dirs is not None:
            features = (rotmat[:, 1 : 1 + width // 9] - np.eye(3, dtype=np.float32)).reshape(len(rotmat), width)
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
