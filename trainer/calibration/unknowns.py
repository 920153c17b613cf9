# SPDX-License-Identifier: Apache-2.0
"""The unknowns of a calibration and the points that follow from them."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_INDEX, MIRRORED_JOINTS, BodyModel
from dancepose_addon.core.skeleton.layouts import Layout

from ..body.torch_rotations import rotvec_to_rotmat
from ..body.torch_smpl import TorchBody, p_3d
from .priors import HINGES, TABLE_HEIGHT_M, mirror_pairs, placements, prior_mean_and_spread

HINGED: Final = tuple(JOINT_INDEX[name] for name in HINGES)
TRUNK: Final = tuple(JOINT_INDEX[name] for name in (
    "pelvis", "spine1", "spine2", "spine3", "neck", "head", "left_collar", "right_collar", "left_shoulder",
    "right_shoulder",
))  # fmt: skip
"""Points attached to these joints move so little relative to the trunk that they show where it faces."""


@dataclass(frozen=True)
class MarkerUnknowns:
    """Attachment of K points, shared by all clips.

    Attributes:
        rest_m: (K, 3), positions on the mean body in the T-pose, metres.
        blend: (K, 24), logits of the bones' weights.
        may_attach: (K, 24), bones that a point may be attached to.
        partner: K indices of the mirror images, or -1.
        on_skin: (K,), whether the point is known to be on the skin.
        given: (K, 24), part of the weights that is fixed.
        is_rough: (K,), whether the position to start from is that of a joint.
    """

    rest_m: Tensor
    blend: Tensor
    may_attach: Tensor
    partner: tuple[int, ...]
    on_skin: Tensor
    given: Tensor
    is_rough: Tensor

    def symmetric(self) -> tuple[Tensor, Tensor]:
        """Return rest points (K, 3) and bone weights (K, 24), symmetric where a point has a mirror image."""
        index = torch.tensor([k if other < 0 else other for k, other in enumerate(self.partner)])
        paired = torch.tensor([other >= 0 for other in self.partner])[:, None]
        flip = torch.tensor([-1.0, 1.0, 1.0])
        rest = torch.where(paired, (self.rest_m + self.rest_m[index] * flip) / 2, self.rest_m)
        blend = torch.where(paired, (self.blend + self.blend[index][:, list(MIRRORED_JOINTS)]) / 2, self.blend)
        shares = torch.softmax(blend.masked_fill(~self.may_attach, -torch.inf), dim=1)
        return rest, self.given + (1.0 - self.given.sum(dim=1, keepdim=True)) * shares


@dataclass(frozen=True)
class PoseUnknowns:
    """Unknowns of N frames and C clips.

    Attributes:
        clip: (N,), index of each frame's clip.
        root: (N, 3, 3), initial orientation of the trunk.
        turn: (N, 24, 3), radians, rotation vectors, or hinge, bend and twist at HINGED.
        place: (N, 3), translation, metres.
        log_scale: (C,), logarithm of the scale.
        betas: (C, B), shape.
    """

    clip: Tensor
    root: Tensor
    turn: Tensor
    place: Tensor
    log_scale: Tensor
    betas: Tensor

    def rotmat(self) -> Tensor:
        """Return local rotations, (N, 24, 3, 3)."""
        local = rotvec_to_rotmat(self.turn)
        axes = torch.tensor(list(HINGES.values()))
        parts = rotvec_to_rotmat(self.turn[:, list(HINGED), :, None] * axes)
        product = parts[:, :, 0] @ parts[:, :, 1] @ parts[:, :, 2]
        local = local.index_copy(1, torch.tensor(HINGED), product)
        return torch.cat([(self.root @ local[:, 0])[:, None], local[:, 1:]], dim=1)


def points_of(body: TorchBody, places: MarkerUnknowns, poses: PoseUnknowns) -> Tensor:
    """Compute P_3d of every frame, (N, K, 3), metres."""
    rest, weights = places.symmetric()
    joints = body.joints_of(poses.betas)
    moved = rest + weights @ (joints - body.rest_joints_m)
    posed = p_3d(replace(body, marker_weights=weights), poses.rotmat(), joints[poses.clip], moved[poses.clip])
    return poses.log_scale.exp()[poses.clip, None, None] * posed + poses.place[:, None]


def start_places(body: BodyModel, layout: Layout, skin: "Skin") -> MarkerUnknowns:
    """Place the points at the rough positions of the layout's table, moved onto the skin."""
    joints, table = body.rest_joints(), placements(layout)
    factor = body.height_m / TABLE_HEIGHT_M
    rest = np.stack([joints[JOINT_INDEX[p.bones[0]]] + factor * np.array(p.offset_m) for p in table]).astype(np.float32)
    may_attach = torch.zeros((layout.count, len(joints)), dtype=torch.bool)
    blend, given = torch.zeros(may_attach.shape), torch.zeros(may_attach.shape)
    for row, place in enumerate(table):
        given[row, JOINT_INDEX[place.bones[0]]] = place.least
        for rank, bone in enumerate(place.bones):
            may_attach[row, JOINT_INDEX[bone]] = True
            blend[row, JOINT_INDEX[bone]] = -float(rank)
    points = torch.from_numpy(rest)
    on_skin = torch.tensor([p.on_skin for p in table])
    points = torch.where(on_skin[:, None], skin.nearest(points), points)
    is_rough = torch.tensor([p.is_rough for p in table])
    return MarkerUnknowns(points, blend, may_attach, mirror_pairs(layout), on_skin, given, is_rough)


def start_poses(places: MarkerUnknowns, joints: F32, keypoints: Tensor, clip: Tensor, beta_count: int) -> PoseUnknowns:
    """Align the trunk's points with each frame (Kabsch 1976); the limbs get the mean pose.

    Args:
        places: Attachments.
        joints: (24, 3), joints in the T-pose, metres.
        keypoints: (N, K, 3), metres.
        clip: (N,), index of each frame's clip.
        beta_count: Number of shape parameters.

    Returns:
        The poses to start from.
    """
    rest, weights = places.symmetric()
    trunk = torch.isin(weights.argmax(dim=1), torch.tensor(TRUNK))
    model, seen = rest[trunk], keypoints[:, trunk]
    model_c, seen_c = model - model.mean(0), seen - seen.mean(1, keepdim=True)
    u, _, vt = torch.linalg.svd(torch.einsum("nki,kj->nij", seen_c, model_c))
    flip = torch.ones(len(u), 3)
    flip[:, 2] = torch.linalg.det(u @ vt)
    root = u @ (flip[:, :, None] * vt)
    clips = int(clip.max()) + 1
    spread = seen_c.square().sum((1, 2)).sqrt() / model_c.square().sum().sqrt()
    scale = torch.stack([spread[clip == index].median() for index in range(clips)])
    pelvis = torch.from_numpy(joints[0])
    place = seen.mean(1) - scale[clip, None] * (pelvis + (root @ (model.mean(0) - pelvis)))
    turn = torch.from_numpy(prior_mean_and_spread()[0]).expand(len(root), -1, -1).clone()
    return PoseUnknowns(clip, root, turn, place, scale.log(), torch.zeros(clips, beta_count))


class Skin:
    """The skin of the mean body in the T-pose."""

    def __init__(self, body: BodyModel) -> None:
        corners = body.v_template_m[body.faces].astype(np.float64)
        face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros(body.v_template_m.shape)
        for corner in range(3):
            np.add.at(normals, body.faces[:, corner], face_normals)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        self._vertices = torch.from_numpy(body.v_template_m)
        self._normals = torch.from_numpy(normals.astype(np.float32))

    def nearest(self, points: Tensor) -> Tensor:
        """Return the nearest vertices of points: (K, 3), metres, to (K, 3)."""
        return self._vertices[torch.cdist(points.detach(), self._vertices).argmin(dim=1)]

    def distance(self, points: Tensor) -> Tensor:
        """Return signed distances to the skin, negative inside: (K, 3), metres, to (K,), metres.

        Measured along the normal of the nearest vertex, or to the vertex if it is farther than vertices are apart.
        """
        index = torch.cdist(points.detach(), self._vertices).argmin(dim=1)
        apart = points - self._vertices[index]
        along = (apart * self._normals[index]).sum(1)
        straight = (apart.square().sum(1) + 1e-12).sqrt()
        return torch.where(straight < 0.015, along, torch.sign(along) * straight)
