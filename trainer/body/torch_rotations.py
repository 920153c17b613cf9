# SPDX-License-Identifier: Apache-2.0
"""Rotations for training: torch twins of ``core.body.rotation`` with gradients defined at every angle."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

TINY = 1e-12


def rotvec_to_rotmat(rotvec: Tensor) -> Tensor:
    """Convert rotation vectors to matrices with Rodrigues' formula.

    1 - cos is computed from the half angle, so that small angles lose no digits.

    Args:
        rotvec: (..., 3), radians.

    Returns:
        (..., 3, 3).
    """
    angle_sq = (rotvec * rotvec).sum(-1, keepdim=True) + TINY
    angle = angle_sq.sqrt()
    sine = torch.sin(angle) / angle
    half = torch.sin(0.5 * angle) / angle
    cosine = 2.0 * half * half
    x, y, z = rotvec.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1)
    outer = (rotvec[..., :, None] * rotvec[..., None, :]).flatten(-2)
    eye = torch.eye(3, dtype=rotvec.dtype, device=rotvec.device).flatten()
    return ((1.0 - cosine * angle_sq) * eye + sine * cross + cosine * outer).reshape(*rotvec.shape, 3)


def rot6d_to_rotmat(rot6d: Tensor) -> Tensor:
    """Orthogonalise two columns by Gram-Schmidt (Zhou et al. 2019, equation 15): (..., 6) to (..., 3, 3)."""
    x = _unit(rot6d[..., :3])
    second = rot6d[..., 3:]
    y = _unit(second - (x * second).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)


def rotmat_to_rot6d(rotmat: Tensor) -> Tensor:
    """Return the first column and then the second: (..., 3, 3) to (..., 6)."""
    return torch.cat([rotmat[..., :, 0], rotmat[..., :, 1]], dim=-1)


def yaw_rotmat(cosine: Tensor, sine: Tensor) -> Tensor:
    """Return rotations about the vertical from cosine and sine, (...) each: (..., 3, 3)."""
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    rows = torch.stack([cosine, zero, sine, zero, one, zero, -sine, zero, cosine], dim=-1)
    return rows.reshape(*cosine.shape, 3, 3)


def product(first: Tensor, second: Tensor) -> Tensor:
    """Multiply 3x3 matrices: (..., 3, 3) each, broadcast."""
    result: Tensor = _Product.apply(first, second)  # type: ignore[no-untyped-call]
    return result


class _Product(torch.autograd.Function):
    """A sum of outer products.

    With samples last in memory this is ten times as fast as a batched product of matrices this small. Its own gradient
    saves the sums that broadcasting would require.
    """

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        ctx.save_for_backward(first, second)
        return _outer_sum(first, second)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (gradient,), (first, second) = gradients, ctx.saved_tensors
        of_first = of_second = None
        if ctx.needs_input_grad[0]:
            of_first = _outer_sum(gradient, second.transpose(-1, -2)).sum_to_size(first.shape)
        if ctx.needs_input_grad[1]:
            of_second = _outer_sum(first.transpose(-1, -2), gradient).sum_to_size(second.shape)
        return of_first, of_second


def _outer_sum(first: Tensor, second: Tensor) -> Tensor:
    total = first[..., :, :1] * second[..., :1, :]
    total = torch.addcmul(total, first[..., :, 1:2], second[..., 1:2, :])
    return torch.addcmul(total, first[..., :, 2:], second[..., 2:, :])


def samples_last(rotmat: Tensor) -> Tensor:
    """Return the same tensor with the samples last in memory.

    Arithmetic on the small matrices then runs over long contiguous rows.

    Args:
        rotmat: (B, J, 3, 3).

    Returns:
        (B, J, 3, 3).
    """
    return rotmat.permute(1, 2, 3, 0).contiguous().permute(3, 0, 1, 2)


def pick(rotmat: Tensor, joints: Sequence[int]) -> Tensor:
    """Select joints, samples last in memory: (B, J, 3, 3) to (B, len(joints), 3, 3)."""
    # index_select and not an index: its gradient is summed in a fixed order.
    index = torch.tensor(joints, device=rotmat.device)
    return rotmat.permute(1, 2, 3, 0).index_select(0, index).permute(3, 0, 1, 2)


def join(*parts: Tensor) -> Tensor:
    """Concatenate joints, samples last in memory: (B, J_i, 3, 3) each to (B, sum of J_i, 3, 3)."""
    return torch.cat([part.permute(1, 2, 3, 0) for part in parts]).permute(3, 0, 1, 2)


def _unit(vector: Tensor) -> Tensor:
    return vector / ((vector * vector).sum(-1, keepdim=True) + TINY).sqrt()
