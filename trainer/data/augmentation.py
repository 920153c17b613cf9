# SPDX-License-Identifier: Apache-2.0
"""Key-points synthesised from natural poses: what a sensor would have measured, with the pose known.

Every sample is a different person (shape and marker placement), so that the regressor is trained on many bodies while
its output refers to the mean body.
"""

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from dancepose_addon.core.body.model import JOINT_NAMES, MIRRORED_JOINTS

from ..body.layout_batch import LayoutBatch
from ..body.torch_rotations import join, product, rotvec_to_rotmat, samples_last, yaw_rotmat
from ..body.torch_smpl import local_to_global_rotmat
from ..config import AugmentConfig


@dataclass(frozen=True)
class SyntheticFrames:
    """Synthesised samples. "norm" is the frame of the network: centred, and divided by the scale of the clip.

    Attributes:
        points_norm: (B, P, 3), input of the regressor, with sensor errors.
        target_norm: (B, P, 3), target of L_3d, without sensor errors.
        norm_per_m: (B,), converts metres of the mean body to that frame.
        local_rotmat: (B, 24, 3, 3), ground truth.
        global_rotmat: (B, 24, 3, 3), ground truth.
    """

    points_norm: Tensor
    target_norm: Tensor
    norm_per_m: Tensor
    local_rotmat: Tensor
    global_rotmat: Tensor


def synthesise(
    layout_batch: LayoutBatch,
    poses: Tensor,
    config: AugmentConfig,
    rng: torch.Generator,
    *,
    kind: str,
    target: str = "subject",
) -> SyntheticFrames:
    """Vary poses and compute the key-points that a sensor would measure.

    Args:
        layout_batch: The layouts.
        poses: (B, 24, 3, 3), natural poses, local rotations.
        config: Amount of each variation.
        rng: Source of random numbers.
        kind: Normalisation, ``max`` or ``size``.
        target: ``subject``: target points of the sampled body; ``mean``: of the mean body.

    Returns:
        The samples, in the order of ``poses``.
    """
    local = vary_poses(poses, config, rng)
    count, device = len(local), local.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, device=device)

    rotmat = local_to_global_rotmat(local)
    betas = config.betas_std * normal(count, layout_batch.shape_count)
    clean, rest = layout_batch.points_of_bodies(rotmat, betas, config.offset_m * normal(count, layout_batch.width, 3))
    missed = torch.rand((count, layout_batch.width, 1), generator=rng, device=device) < config.displaced
    seen = clean + (config.noise_m + missed * config.displaced_m) * normal(*clean.shape)
    if config.gap:
        seen = seen + _gaps(layout_batch, count, config, rng)
    # Size of the subject from the clip's mean edge lengths, which are more accurate than a single frame's.
    edges = (
        layout_batch.by_sample(layout_batch.posed_ratio, count)
        * layout_batch.edge_sum(rest)
        * (1.0 + config.size_std * normal(count))
    )
    points = layout_batch.centred(seen)
    reach = points.abs().amax().expand(count)
    divisor = layout_batch.by_sample(layout_batch.size_factor, count) * edges if kind == "size" else reach
    scale = edges / (layout_batch.by_sample(layout_batch.body_edge_sum, count) * divisor)
    if target == "mean":
        wanted = layout_batch.centred(layout_batch.points_of(rotmat)) * scale[:, None, None]
    else:
        wanted = layout_batch.centred(clean) / divisor[:, None, None]
    return SyntheticFrames(points / divisor[:, None, None], wanted, scale, local, rotmat)


def _gaps(layout_batch: LayoutBatch, count: int, config: AugmentConfig, rng: torch.Generator) -> Tensor:
    """Return displacements (B, P, 3), metres, of occluded limbs: gap filling displaces a limb as a whole."""
    device = layout_batch.mask.device
    parts = torch.zeros(len(layout_batch.layouts), len(PARTS), layout_batch.width, device=device)
    for row, layout in enumerate(layout_batch.layouts):
        for number, part in enumerate(PARTS):
            parts[row, number, : layout.count] = torch.tensor([float(joint in part) for joint in layout.joints])
    hidden = (torch.rand((count, 1, 1), generator=rng, device=device) < config.gap).float()
    which = torch.randint(len(PARTS), (count,), generator=rng, device=device)
    chosen = layout_batch.by_sample(parts, count)[torch.arange(count, device=device), which]
    off = config.gap_m * torch.randn((count, 1, 3), generator=rng, device=device)
    return hidden * chosen[..., None] * off


def vary_poses(poses: Tensor, config: AugmentConfig, rng: torch.Generator) -> Tensor:
    """Mirror, recombine, perturb and rotate poses.

    Args:
        poses: (B, 24, 3, 3), local rotations.
        config: Amount of each variation.
        rng: Source of random numbers.

    Returns:
        (B, 24, 3, 3), samples last in memory.
    """
    count, device = len(poses), poses.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, device=device)

    if config.mirror:
        poses = torch.where((uniform(count) < config.mirror)[:, None, None, None], mirror(poses), poses)
    if config.recombine:
        poses = recombine(poses, config.recombine, rng)
    poses = samples_last(poses)
    if config.joint_noise_deg:
        most = math.radians(config.joint_noise_deg) * uniform(count, 1, 1)
        spread = most * (uniform(count, 1, 1) < config.noisy_share)
        sway = torch.tensor(SWAY, device=device)[1:, None]
        turns = samples_last(rotvec_to_rotmat(spread * sway * normal(count, 23, 3)))
        poses = join(poses[:, :1], product(turns, poses[:, 1:]))
    if config.yaw or config.tilt_deg:
        lean = math.radians(config.tilt_deg) * normal(count, 3)
        lean[:, 1] = 0.0
        angle = 2.0 * math.pi * uniform(count) if config.yaw else torch.zeros(count, device=device)
        turn = product(yaw_rotmat(torch.cos(angle), torch.sin(angle)), rotvec_to_rotmat(lean))
        poses = join(product(samples_last(turn[:, None]), poses[:, :1]), poses[:, 1:])
    return poses


def mirror(poses: Tensor) -> Tensor:
    """Mirror poses: swap left and right joints and reverse rotations about y and z. (B, 24, 3, 3) to (B, 24, 3, 3)."""
    flip = torch.tensor([-1.0, 1.0, 1.0], device=poses.device)
    return poses[:, list(MIRRORED_JOINTS)] * flip[:, None] * flip


def recombine(poses: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Replace the legs, an arm or the trunk of some poses by those of another pose of the batch.

    Args:
        poses: (B, 24, 3, 3), local rotations.
        probability: Of each part being replaced.
        rng: Source of random numbers.

    Returns:
        (B, 24, 3, 3).
    """
    for part in PARTS:
        other = torch.randperm(len(poses), generator=rng, device=poses.device)
        chosen = torch.rand(len(poses), generator=rng, device=poses.device) < probability
        swapped = torch.zeros((len(poses), len(JOINT_NAMES)), dtype=torch.bool, device=poses.device)
        swapped[:, list(part)] = chosen[:, None]
        poses = torch.where(swapped[..., None, None], poses[other], poses)
    return poses


def _joints(*words: str) -> tuple[int, ...]:
    return tuple(index for index, name in enumerate(JOINT_NAMES) if any(word in name for word in words))


TRUNK = ("spine1", "spine2", "spine3", "left_collar", "right_collar", "left_foot", "right_foot")
SWAY = tuple(0.0 if "hand" in name else 0.4 if name in TRUNK else 1.0 for name in JOINT_NAMES)
"""Share of the rotation noise that each joint gets: limbs vary most, trunk joints less."""
PARTS = (
    _joints("hip", "knee", "ankle", "foot"),
    _joints("left_collar", "left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    _joints("right_collar", "right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    _joints("spine", "neck", "head"),
)
