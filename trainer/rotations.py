"""Rotations for training: twins of ``core.body.rotation`` through which gradients flow at every angle."""

import torch
from torch import Tensor

TINY = 1e-12


def rotvec_to_rotmat(rotvec: Tensor) -> Tensor:
    """Rodrigues' formula. rotvec: (..., 3), radians -> (..., 3, 3).

    1 - cos is written with the half angle, so that small angles lose no digits.
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
    """Gram-Schmidt (Zhou et al. 2019, equation 15). rot6d: (..., 6) -> (..., 3, 3)."""
    x = _unit(rot6d[..., :3])
    second = rot6d[..., 3:]
    y = _unit(second - (x * second).sum(-1, keepdim=True) * x)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-1)


def rotmat_to_rot6d(rotmat: Tensor) -> Tensor:
    """rotmat: (..., 3, 3) -> (..., 6), the first column and then the second."""
    return torch.cat([rotmat[..., :, 0], rotmat[..., :, 1]], dim=-1)


def yaw_rotmat(cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn about the vertical. cosine, sine: (...) -> (..., 3, 3)."""
    zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
    rows = torch.stack([cosine, zero, sine, zero, one, zero, -sine, zero, cosine], dim=-1)
    return rows.reshape(*cosine.shape, 3, 3)


def _unit(vector: Tensor) -> Tensor:
    return vector / ((vector * vector).sum(-1, keepdim=True) + TINY).sqrt()
