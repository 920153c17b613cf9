# SPDX-License-Identifier: Apache-2.0
"""Tensors of several layouts, so that one network is trained on all of them in one batch.

A batch of B frames consists of L groups of B / L frames, one group per layout, in the order of the layouts. Points are
padded with zeros to the largest layout's count, P.

P_3d is linear in the bones' global rotations: a point is the pelvis plus a sum over the bones of rotation times moment
arm, and the moment arms depend linearly on the body's shape. For the mean body P_3d is therefore one matrix product,
whatever the depth of the kinematic tree.

Sizes of bodies and clips are measured by the sum of the layout's edge lengths. P_3d(theta) is in metres of the mean
body, key-points are in the scale of their clip, and one ratio per clip converts the first to the second.
``core.fit.normalise`` is the reference for the scales themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from dancepose_addon.core.body.model import JOINT_COUNT, PARENTS, BodyModel
from dancepose_addon.core.fit.normalise import size_factor
from dancepose_addon.core.skeleton.layouts import Layout
from dancepose_addon.core.skeleton.markers import MarkerSet

from .torch_rotations import TINY
from .torch_smpl import forward_kinematics, torch_body


@dataclass(frozen=True)
class LayoutBatch:
    """Tensors of L layouts.

    Attributes:
        layouts: The layouts, in the order of the groups.
        mask: (L, P), 1 where a layout has a point, 0 at padding.
        weights: (L, P, 24), skinning weights of each point.
        edges: (L, E, P), +1 and -1 at the ends of each edge.
        meeting: (2, L, Q, E), first and second edge of each pair of edges that share a point.
        sides: (L, P), coefficients of the left-right axis as a sum of points.
        moment_arms: (L, 72, P), metres, of the mean body, three rows per bone.
        moment_arm_dirs: (L, S, 72 P), metres per shape parameter.
        rest_points_m: (L, P, 3), points of the mean body in the T-pose, metres.
        rest_dirs: (L, S, 3 P), metres per shape parameter.
        size_factor: (L,), ``core.fit.normalise.size_factor`` of the mean body.
        posed_ratio: (L,), edge sum in natural poses over edge sum in the T-pose. Markers on both sides of a joint get
            closer as it bends.
        body_edge_sum: (L,), edge sum of the mean body in natural poses, metres.
    """

    layouts: tuple[Layout, ...]
    mask: Tensor
    weights: Tensor
    edges: Tensor
    meeting: Tensor
    sides: Tensor
    moment_arms: Tensor
    moment_arm_dirs: Tensor
    rest_points_m: Tensor
    rest_dirs: Tensor
    size_factor: Tensor
    posed_ratio: Tensor
    body_edge_sum: Tensor

    @property
    def width(self) -> int:
        """Number of points of the largest layout, P."""
        return self.mask.shape[1]

    @property
    def edge_count(self) -> int:
        """Largest number of edges of a layout, E."""
        return self.edges.shape[1]

    @property
    def pair_count(self) -> int:
        """Largest number of pairs of edges that share a point, Q."""
        return self.meeting.shape[2]

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of points of each layout."""
        return tuple(layout.count for layout in self.layouts)

    @property
    def shape_count(self) -> int:
        """Number of shape parameters, S."""
        return self.moment_arm_dirs.shape[1]

    def only(self, index: int) -> "LayoutBatch":
        """Return the tensors of one layout, with the same padding."""
        apart = ("layouts", "meeting")
        changes = {
            item.name: getattr(self, item.name)[index : index + 1] for item in fields(self) if item.name not in apart
        }
        return replace(self, layouts=(self.layouts[index],), meeting=self.meeting[:, index : index + 1], **changes)

    def double(self) -> "LayoutBatch":
        """Return the tensors in double precision."""
        tensors = {item.name: getattr(self, item.name).double() for item in fields(self) if item.name != "layouts"}
        return replace(self, **tensors)

    def groups(self, values: Tensor) -> Tensor:
        """Split the samples by layout: (B, ...) to (L, B / L, ...)."""
        return values.reshape(len(self.layouts), -1, *values.shape[1:])

    def by_sample(self, values: Tensor, count: int) -> Tensor:
        """Repeat a value per layout for each of its samples: (L, ...) to (count, ...)."""
        return values.repeat_interleave(count // len(self.layouts), dim=0)

    def centred(self, points: Tensor) -> Tensor:
        """Subtract from each frame the mean of the points that the layout has.

        Args:
            points: (B, P, 3).

        Returns:
            (B, P, 3), zero at padding.
        """
        groups = self.groups(points)
        share = self.mask / self.mask.sum(1, keepdim=True)
        mean = torch.einsum("lp,lnpc->lnc", share, groups)
        return ((groups - mean[:, :, None]) * self.mask[:, None, :, None]).flatten(0, 1)

    def edge_vectors(self, points: Tensor) -> Tensor:
        """Return the vectors along the edges: (B, P, 3) to (B, E, 3)."""
        return torch.einsum("lep,lnpc->lnec", self.edges, self.groups(points)).flatten(0, 1)

    def features(self, points: Tensor, kind: str) -> Tensor:
        """Compute the inputs of the network besides the points.

        Args:
            points: (B, P, 3).
            kind: ``points``, ``directions`` or ``planes``, as ``ModelConfig.features``.

        Returns:
            (B, 0, 3), (B, E, 3) or (B, E + Q, 3): unit edge directions and cross products of those that share a point.
        """
        if kind == "points":
            return points[:, :0]
        edges = self.edge_vectors(points)
        directions = edges / ((edges * edges).sum(-1, keepdim=True) + TINY).sqrt()
        if kind == "directions":
            return directions
        first, second = torch.einsum("tlqe,lnec->tlnqc", self.meeting, self.groups(directions)).flatten(1, 2)
        return torch.cat([directions, torch.linalg.cross(first, second, dim=-1)], dim=1)

    def edge_sum(self, points_m: Tensor) -> Tensor:
        """Return the sum of the edge lengths of each frame: (B, P, 3), metres, to (B,), metres."""
        return torch.linalg.vector_norm(self.edge_vectors(points_m), dim=-1).sum(-1)

    def pad(self, points: Tensor) -> Tensor:
        """Pad the points of a single layout: (B, K, 3) to (B, P, 3)."""
        return torch.nn.functional.pad(points, (0, 0, 0, self.width - points.shape[1]))

    def points_of(self, global_rotmat: Tensor) -> Tensor:
        """Compute P_3d of the mean body.

        Args:
            global_rotmat: (B, 24, 3, 3), global rotations.

        Returns:
            (B, P, 3), metres, relative to the pelvis.
        """
        groups = self.groups(_rows(global_rotmat))
        posed = groups.flatten(1, 2) @ self.moment_arms
        return posed.reshape(-1, 3, self.width).transpose(1, 2)

    def points_of_bodies(self, global_rotmat: Tensor, betas: Tensor, moved_m: Tensor) -> tuple[Tensor, Tensor]:
        """Compute P_3d of a different body for each sample.

        Args:
            global_rotmat: (B, 24, 3, 3), global rotations.
            betas: (B, S), shape parameters.
            moved_m: (B, P, 3), displacement of the markers in the T-pose, metres.

        Returns:
            The posed points (B, P, 3), metres, relative to the pelvis, and those of the same bodies in the T-pose.
        """
        betas, count = self.groups(betas), len(global_rotmat)
        moment_arms = self.moment_arms.flatten(1)[:, None] + betas @ self.moment_arm_dirs
        moment_arms = moment_arms.reshape(count, JOINT_COUNT, 3, self.width)
        weights = self.by_sample(self.weights.transpose(1, 2), count)
        moment_arms = moment_arms + weights[:, :, None] * moved_m.transpose(1, 2)[:, None]
        posed = torch.bmm(_rows(global_rotmat), moment_arms.flatten(1, 2)).transpose(1, 2)
        rest = (self.rest_points_m.flatten(1)[:, None] + betas @ self.rest_dirs).reshape(count, self.width, 3)
        return posed, (rest + moved_m) * self.by_sample(self.mask, count)[..., None]


def build_layout_batch(
    body: BodyModel, markers: Sequence[MarkerSet], natural: Tensor, device: torch.device | str = "cpu"
) -> LayoutBatch:
    """Build the tensors of the layouts of several marker sets.

    Args:
        body: The mean body.
        markers: One marker set per layout.
        natural: (N, 24, 3, 3), natural poses in which the size of the body is measured.
        device: Device of the tensors.

    Returns:
        The tensors, with groups in the order of ``markers``.
    """
    layouts = tuple(table.layout for table in markers)
    shape = (len(layouts), max(layout.count for layout in layouts))
    twin = torch_body(body, markers[0])
    bare = {
        "mask": torch.zeros(shape),
        "weights": torch.zeros(*shape, JOINT_COUNT),
        "edges": torch.zeros(len(layouts), max(len(layout.edges) for layout in layouts), shape[1]),
        "meeting": torch.zeros(
            2, len(layouts), max(len(meetings(layout)) for layout in layouts), max(len(lay.edges) for lay in layouts)
        ),
        "sides": torch.zeros(shape),
        "moment_arms": torch.zeros(len(layouts), 3 * JOINT_COUNT, shape[1]),
        "moment_arm_dirs": torch.zeros(len(layouts), twin.beta_count, 3 * JOINT_COUNT * shape[1]),
        "rest_points_m": torch.zeros(*shape, 3),
        "rest_dirs": torch.zeros(len(layouts), twin.beta_count, 3 * shape[1]),
        "size_factor": torch.ones(len(layouts)),
        "posed_ratio": torch.ones(len(layouts)),
        "body_edge_sum": torch.ones(len(layouts)),
    }
    pad = torch.nn.functional.pad
    for row, table in enumerate(markers):
        layout, count = table.layout, table.layout.count
        weights, offsets = torch.from_numpy(table.weights), torch.from_numpy(table.offsets_m)
        bare["mask"][row, :count] = 1.0
        bare["weights"][row, :count] = weights
        for edge, (first, second) in enumerate(layout.edges):
            bare["edges"][row, edge, first], bare["edges"][row, edge, second] = 1.0, -1.0
        for pair, (first, second) in enumerate(meetings(layout)):
            bare["meeting"][0, row, pair, first] = bare["meeting"][1, row, pair, second] = 1.0
        bare["sides"][row, list(layout.left)] = 1.0 / len(layout.left)
        bare["sides"][row, list(layout.right)] = -1.0 / len(layout.right)
        rest = weights @ twin.rest_joints_m + offsets
        bare["rest_points_m"][row, :count] = rest
        bare["moment_arms"][row, :, :count] = moment_arms(weights, rest, twin.rest_joints_m)
        for number, direction in enumerate(twin.joint_dirs.unbind(-1)):
            moved = weights @ direction
            wide = shape[1] - count
            bare["moment_arm_dirs"][row, number] = pad(moment_arms(weights, moved, direction), (0, wide)).flatten()
            bare["rest_dirs"][row, number] = pad(moved, (0, 0, 0, wide)).flatten()
        bare["size_factor"][row] = size_factor(rest.numpy(), layout)
    layout_batch = LayoutBatch(layouts, **{name: value.to(device) for name, value in bare.items()})
    return _measured(layout_batch, forward_kinematics(twin.rest_joints_m.to(device), natural)[0])


def meetings(layout: Layout) -> list[tuple[int, int]]:
    """Return the pairs of edges that share a point, as indices of ``layout.edges``."""
    edges = [set(edge) for edge in layout.edges]
    return [(i, j) for i in range(len(edges)) for j in range(i + 1, len(edges)) if edges[i] & edges[j]]


def feature_count(layout: Layout, kind: str) -> int:
    """Return the number of input vectors of a layout, points included."""
    lines = 0 if kind == "points" else len(layout.edges)
    return layout.count + lines + (len(meetings(layout)) if kind == "planes" else 0)


def moment_arms(weights: Tensor, rest_points_m: Tensor, rest_joints_m: Tensor) -> Tensor:
    """Compute the vectors that the bones' rotations are multiplied with to give the points relative to the pelvis.

    Args:
        weights: (K, 24), skinning weights of the points.
        rest_points_m: (K, 3), points in the T-pose, metres.
        rest_joints_m: (24, 3), joints in the T-pose, metres.

    Returns:
        (72, K), metres, three rows per bone.
    """
    result = weights[:, :, None] * (rest_points_m[:, None] - rest_joints_m)
    hanging = weights.clone()
    for joint in range(JOINT_COUNT - 1, 0, -1):
        parent = PARENTS[joint]
        # Everything at or below a joint is carried by the bone from its parent.
        result[:, parent] += hanging[:, joint, None] * (rest_joints_m[joint] - rest_joints_m[parent])
        hanging[:, parent] += hanging[:, joint]
    return result.flatten(1).T.contiguous()


def _measured(layout_batch: LayoutBatch, natural_global: Tensor) -> LayoutBatch:
    ratios, sums = [], []
    for index in range(len(layout_batch.layouts)):
        alone = layout_batch.only(index)
        at_rest = float(alone.edge_sum(alone.rest_points_m))
        posed = float(alone.edge_sum(alone.points_of(natural_global)).mean())
        ratios.append(posed / at_rest)
        sums.append(posed)
    device = layout_batch.mask.device
    return replace(
        layout_batch, posed_ratio=torch.tensor(ratios, device=device), body_edge_sum=torch.tensor(sums, device=device)
    )


def _rows(global_rotmat: Tensor) -> Tensor:
    """Gather the a-th rows of all bones' matrices in row a: (B, 24, 3, 3) to (B, 3, 72)."""
    return global_rotmat.transpose(1, 2).flatten(2)
