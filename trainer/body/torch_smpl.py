# SPDX-License-Identifier: Apache-2.0
"""The body for training: torch twin of ``core.body`` with gradients and with a shape per sample.

The levels of SMPL's kinematic tree are runs of neighbouring joints, so each level is one product over (batch, joints).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from dancepose_addon.core.body.model import JOINT_COUNT, TREE_LEVELS, BodyModel
from dancepose_addon.core.skeleton.markers import MarkerSet

from .torch_rotations import join, pick, product


@dataclass(frozen=True)
class TorchBody:
    """A body and a marker set as tensors. B is the number of shape parameters.

    Attributes:
        rest_joints_m: (24, 3), joints of the mean body in the T-pose, metres.
        joint_dirs: (24, 3, B), metres per shape parameter.
        v_template_m: (V, 3), vertices of the mean body, metres.
        shapedirs: (V, 3, B), metres per shape parameter.
        posedirs: Pose correctives as in ``core.body.model.BodyModel``, or None.
        skin_weights: (V, 24).
        marker_weights: (K, 24).
        marker_offsets_m: (K, 3), metres.
    """

    rest_joints_m: Tensor
    joint_dirs: Tensor
    v_template_m: Tensor
    shapedirs: Tensor
    posedirs: Tensor | None
    skin_weights: Tensor
    marker_weights: Tensor
    marker_offsets_m: Tensor

    @property
    def beta_count(self) -> int:
        """Number of shape parameters."""
        return self.joint_dirs.shape[2]

    def joints_of(self, betas: Tensor | None) -> Tensor:
        """Return joint centres in the T-pose, metres.

        Args:
            betas: (N, B), or None for the mean body.

        Returns:
            (N, 24, 3), or (24, 3) for the mean body.
        """
        if betas is None:
            return self.rest_joints_m
        return self.rest_joints_m + torch.einsum("jcs,bs->bjc", self.joint_dirs, betas)

    def rest_points(self, rest_joints_m: Tensor) -> Tensor:
        """Return the markers in the T-pose: joints (..., 24, 3) to markers (..., K, 3), metres."""
        return self.marker_weights @ rest_joints_m + self.marker_offsets_m


def torch_body(body: BodyModel, markers: MarkerSet, device: torch.device | str = "cpu") -> TorchBody:
    """Copy a body and a marker set to a device."""

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array, np.float32)).to(device)

    template = body.rest_joints()
    unit = np.eye(body.beta_count, dtype=np.float32)
    dirs = np.stack([body.rest_joints(row) - template for row in unit], axis=-1)
    return TorchBody(
        rest_joints_m=tensor(template),
        joint_dirs=tensor(dirs),
        v_template_m=tensor(body.v_template_m),
        shapedirs=tensor(body.shapedirs),
        posedirs=None if body.posedirs is None else tensor(body.posedirs),
        skin_weights=tensor(body.weights),
        marker_weights=tensor(markers.weights),
        marker_offsets_m=tensor(markers.offsets_m),
    )


_LEVELS: Final = tuple((joints[0], joints[-1] + 1, parents) for joints, parents in TREE_LEVELS)


def forward_kinematics(rest_joints_m: Tensor, pose_rotmat: Tensor) -> tuple[Tensor, Tensor]:
    """Pose the skeleton (Loper et al. 2015, equation 3).

    Args:
        rest_joints_m: (24, 3) or (B, 24, 3), metres.
        pose_rotmat: (B, 24, 3, 3), local rotations.

    Returns:
        Global rotations (B, 24, 3, 3) and joints (B, 24, 3), metres.
    """
    rest = rest_joints_m.expand(len(pose_rotmat), JOINT_COUNT, 3)
    rotmats, joints = [pose_rotmat[:, :1]], [rest[:, :1]]
    start = 0  # the first joint of the level above
    for first, end, parents in _LEVELS:
        above = torch.tensor([parent - start for parent in parents], device=rest.device)
        # index_select and not [:, above]: its gradient is summed in a fixed order.
        parent_rotmat = rotmats[-1].index_select(1, above)
        bones = rest[:, first:end] - rest[:, list(parents)]
        rotmats.append(_product(parent_rotmat, pose_rotmat[:, first:end]))
        joints.append(joints[-1].index_select(1, above) + _product(parent_rotmat, bones[..., None])[..., 0])
        start = first
    return torch.cat(rotmats, dim=1), torch.cat(joints, dim=1)


def local_to_global_rotmat(pose_rotmat: Tensor) -> Tensor:
    """Multiply local rotations along the kinematic tree: (B, 24, 3, 3) to (B, 24, 3, 3)."""
    rotmats, start = [pose_rotmat[:, :1]], 0
    for first, end, parents in _LEVELS:
        above = pick(rotmats[-1], [parent - start for parent in parents])
        rotmats.append(product(above, pose_rotmat[:, first:end]))
        start = first
    return join(*rotmats)


def p_3d(
    body: TorchBody, pose_rotmat: Tensor, rest_joints_m: Tensor | None = None, rest_points_m: Tensor | None = None
) -> Tensor:
    """Compute key-points of posed bodies: twin of ``core.skeleton.markers.keypoints_from_pose``.

    Args:
        body: The body and its markers.
        pose_rotmat: (B, 24, 3, 3), local rotations.
        rest_joints_m: (B, 24, 3), joints of each sample's shape, metres; None for the mean body.
        rest_points_m: (B, K, 3), markers of each sample in the T-pose, metres; None for those of the marker set.

    Returns:
        (B, K, 3), metres.
    """
    rest = body.rest_joints_m if rest_joints_m is None else rest_joints_m
    points = body.rest_points(rest) if rest_points_m is None else rest_points_m
    return _skin(body.marker_weights, points, rest, pose_rotmat)


def vertices(body: TorchBody, pose_rotmat: Tensor, betas: Tensor | None = None) -> Tensor:
    """Skin the mesh with pose correctives: twin of ``core.body.model.skin``.

    Args:
        body: The body.
        pose_rotmat: (B, 24, 3, 3), local rotations.
        betas: (B, S), or None for the mean body.

    Returns:
        (B, V, 3), metres.
    """
    points = body.v_template_m
    if betas is not None:
        points = points + torch.einsum("vcs,bs->bvc", body.shapedirs, betas)
    if body.posedirs is not None:
        features = (pose_rotmat[:, 1:] - torch.eye(3, device=pose_rotmat.device)).flatten(1)
        points = points + (features @ body.posedirs.flatten(0, 1).T).reshape(len(pose_rotmat), -1, 3)
    return _skin(body.skin_weights, points, body.joints_of(betas), pose_rotmat)


def _skin(weights: Tensor, points_m: Tensor, rest_joints_m: Tensor, pose_rotmat: Tensor) -> Tensor:
    global_rotmat, joints = forward_kinematics(rest_joints_m, pose_rotmat)
    rest = rest_joints_m.expand_as(joints)
    offset = joints - _product(global_rotmat, rest[..., None])[..., 0]
    affine = torch.cat([global_rotmat.flatten(2), offset], dim=-1)
    blended = weights @ affine
    rotmat, shift = blended[..., :9].reshape(*blended.shape[:-1], 3, 3), blended[..., 9:]
    points = points_m.expand(len(pose_rotmat), *points_m.shape[-2:])
    return _product(rotmat, points[..., None])[..., 0] + shift


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Multiply 3x3 matrices with matrices or columns; einsum was the fastest variant measured on a CPU."""
    return torch.einsum("...ij,...jk->...ik", first, second)
