"""Key-points made from natural poses: what a sensor would have seen of them, with the pose known.

Every sample is a person of its own (shape, places of the markers), so that the regressor meets many bodies while its
answer stays on the mean body.
"""

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from dancepose_addon.core.body.model import JOINT_NAMES, MIRRORED_JOINTS

from .body import TorchBody, p_3d
from .config import AugmentConfig
from .normalisation import SizeFrame
from .rotations import rotvec_to_rotmat, yaw_rotmat


@dataclass(frozen=True)
class SyntheticFrames:
    """points: (B, K, 3), what the regressor sees; target: (B, K, 3), the same without the sensor's errors; scale:
    (B,), from metres of the mean body to that frame; rotmat: (B, 24, 3, 3), the pose."""

    points: Tensor
    target: Tensor
    scale: Tensor
    rotmat: Tensor


def synthesise(
    body: TorchBody,
    frame: SizeFrame,
    poses: Tensor,
    config: AugmentConfig,
    rng: torch.Generator,
    *,
    kind: str,
) -> SyntheticFrames:
    """poses: (B, 24, 3, 3), natural. kind: of normalisation."""
    rotmat = vary_poses(poses, config, rng)
    count, device = len(rotmat), rotmat.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, device=device)

    betas = config.betas_std * normal(count, body.beta_count)
    rest = body.joints_of(betas)
    rest_points = body.rest_points(rest) + config.offset_m * normal(count, frame.keypoint_count, 3)
    clean = p_3d(body, rotmat, rest, rest_points)
    missed = torch.rand((count, frame.keypoint_count, 1), generator=rng, device=device) < config.displaced
    noise_m = config.noise_m + missed * config.displaced_m
    seen = clean + noise_m * normal(*clean.shape)
    # The person's size as the clip's mean edge lengths tell it: a frame alone would tell it less well.
    edges = frame.posed_ratio * frame.edge_sum(rest_points) * (1.0 + config.size_std * normal(count))
    centre = seen.mean(1, keepdim=True)
    reach = (seen - centre).abs().amax().expand(count)
    divisor = frame.size_factor * edges if kind == "size" else reach
    clean_centre = clean.mean(1, keepdim=True)
    return SyntheticFrames(
        points=(seen - centre) / divisor[:, None, None],
        target=(clean - clean_centre) / divisor[:, None, None],
        scale=edges / (frame.body_edge_sum * divisor),
        rotmat=rotmat,
    )


def vary_poses(poses: Tensor, config: AugmentConfig, rng: torch.Generator) -> Tensor:
    """Mirrored, recombined, shaken and turned poses. poses: (B, 24, 3, 3) -> (B, 24, 3, 3)."""
    count, device = len(poses), poses.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, device=device)

    if config.mirror:
        poses = torch.where((uniform(count) < config.mirror)[:, None, None, None], mirror(poses), poses)
    if config.recombine:
        poses = recombine(poses, config.recombine, rng)
    if config.joint_noise_deg:
        most = math.radians(config.joint_noise_deg) * uniform(count, 1, 1)
        spread = most * (uniform(count, 1, 1) < config.noisy_share)
        sway = torch.tensor(SWAY, device=device)[1:, None]
        turns = rotvec_to_rotmat(spread * sway * normal(count, 23, 3))
        poses = torch.cat([poses[:, :1], turns @ poses[:, 1:]], dim=1)
    if config.yaw or config.tilt_deg:
        lean = math.radians(config.tilt_deg) * normal(count, 3)
        lean[:, 1] = 0.0
        angle = 2.0 * math.pi * uniform(count) if config.yaw else torch.zeros(count, device=device)
        turn = yaw_rotmat(torch.cos(angle), torch.sin(angle)) @ rotvec_to_rotmat(lean)
        poses = torch.cat([(turn @ poses[:, 0])[:, None], poses[:, 1:]], dim=1)
    return poses


def mirror(poses: Tensor) -> Tensor:
    """The pose seen in a mirror: sides change places, and so does the sense of turns. (B, 24, 3, 3)."""
    flip = torch.tensor([-1.0, 1.0, 1.0], device=poses.device)
    return poses[:, list(MIRRORED_JOINTS)] * flip[:, None] * flip


def recombine(poses: Tensor, probability: float, rng: torch.Generator) -> Tensor:
    """Give some poses the legs, an arm or the trunk of another. poses: (B, 24, 3, 3)."""
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
"""How much of the noise a joint gets: limbs dance, what they hang on sways."""
PARTS = (
    _joints("hip", "knee", "ankle", "foot"),
    _joints("left_collar", "left_shoulder", "left_elbow", "left_wrist", "left_hand"),
    _joints("right_collar", "right_shoulder", "right_elbow", "right_wrist", "right_hand"),
    _joints("spine", "neck", "head"),
)
