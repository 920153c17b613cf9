"""Sizes of bodies and clips in one measure: the sum of the layout's edge lengths.

P_3d(theta) is in metres of the mean body, key-points are in the clip's scale; one ratio per clip takes the first to
the second. ``core.fit.normalise`` is the reference of the scales themselves.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dancepose_addon.core.fit.normalise import size_factor
from dancepose_addon.core.skeleton.layouts import Layout

from .body import TorchBody, p_3d


@dataclass(frozen=True)
class SizeFrame:
    """first, second: (E,), ends of the edges; size_factor: ``core.fit.normalise.size_factor`` of the mean body;
    posed_ratio: edge sum in natural poses over edge sum in the T-pose (markers on either side of a joint come closer
    as it bends); body_edge_sum: of the mean body in natural poses, metres."""

    first: Tensor
    second: Tensor
    keypoint_count: int
    size_factor: float
    posed_ratio: float
    body_edge_sum: float

    def edge_sum(self, points_m: Tensor) -> Tensor:
        """Sum of the edges. points_m: (..., K, 3), metres -> (...), metres."""
        edges = points_m.index_select(-2, self.first) - points_m.index_select(-2, self.second)
        return torch.linalg.vector_norm(edges, dim=-1).sum(-1)


def size_frame(body: TorchBody, layout: Layout, natural: Tensor) -> SizeFrame:
    """Measure the mean body in the T-pose and in natural poses (N, 24, 3, 3)."""
    device = body.rest_joints_m.device
    first, second = (torch.tensor(ends, device=device) for ends in zip(*layout.edges, strict=True))
    rest_points = body.rest_points(body.rest_joints_m)
    factor = size_factor(rest_points.cpu().numpy(), layout)
    bare = SizeFrame(first, second, layout.count, factor, 1.0, 1.0)
    at_rest = float(bare.edge_sum(rest_points))
    posed = float(bare.edge_sum(p_3d(body, natural)).mean())
    return SizeFrame(first, second, layout.count, factor, posed / at_rest, posed)
