# SPDX-License-Identifier: Apache-2.0
"""Fit the body to single frames of points without names, from several headings."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, BodyModel
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.progress import Progress

from ..body.torch_smpl import TorchBody
from .priors import HINGE_RANGE, prior_mean_and_spread
from .unknowns import HINGED, MarkerUnknowns, PoseUnknowns, points_of

VIEWS: Final = 10
YAWS: Final = 12
LAYING_STEPS: Final = 100
SKIN_SAMPLES: Final = 240
NATURAL: Final = 0.08
"""Weight of the pose prior when the body is fitted to an upright frame."""
UPRIGHT_RAD: Final = 0.2
PARTS: Final = (
    "head", "pelvis", "spine3", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Joints near which any layout of a whole body has some point."""
NEAR_M: Final = 0.14


@dataclass(frozen=True)
class Attachment:
    """A candidate: where each of K points is attached.

    Attributes:
        joints: (K,), bones.
        rest_m: (K, 3), positions on the mean body in the T-pose, metres.
    """

    joints: NDArray[np.int64]
    rest_m: F32


@dataclass(frozen=True)
class BodySamples:
    """Positions where a point may be attached: samples of the skin, and the joints.

    Attributes:
        places: The positions, as unknowns of a calibration.
        joint: (S,), the bone of each.
    """

    places: MarkerUnknowns
    joint: NDArray[np.int64]


def scaled_to_body(keypoints: F32, body: BodyModel) -> F32:
    """Scale to metres of the body by the height of the points when they are highest; centre on the floor."""
    if not np.isfinite(keypoints).all():
        keypoints = keypoints[np.isfinite(keypoints).all(axis=(1, 2))]
    if len(keypoints) < 2:
        raise InputError("Fewer than two frames show every point. Give clips with fewer gaps.")
    tall = np.quantile(np.ptp(keypoints[..., 1], axis=1), 0.9)
    if not tall > 0:
        raise InputError("The points have no height. Give the up axis with --read up=z.")
    points = keypoints * (0.94 * body.height_m / tall)
    middle = points.mean(axis=(0, 1))
    return (points - [middle[0], np.quantile(points[..., 1].min(axis=1), 0.1), middle[2]]).astype(np.float32)


def upright_frames(cloud: F32) -> NDArray[np.int64]:
    """Return upright frames with spread limbs, distributed over time."""
    tall = np.ptp(cloud[..., 1], axis=1)
    wide = np.linalg.norm(cloud - cloud.mean(axis=1, keepdims=True), axis=-1).max(axis=1)
    stretches = np.array_split(np.arange(len(cloud)), VIEWS)
    score = tall + wide
    return np.array([part[score[part].argmax()] for part in stretches if len(part)], np.int64)


def sample_body(body: BodyModel) -> BodySamples:
    """Sample vertices far from each other (farthest-point sampling), and every joint."""
    points = body.v_template_m.astype(np.float64)
    chosen, away = [int(points[:, 1].argmax())], np.full(len(points), np.inf)
    for _ in range(SKIN_SAMPLES - 1):
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(away.argmax()))
    weights = np.concatenate([body.weights[chosen], np.eye(JOINT_COUNT, dtype=np.float32)])
    rest = np.concatenate([body.v_template_m[chosen], body.rest_joints()]).astype(np.float32)
    return BodySamples(unknowns_at(rest, weights), weights.argmax(axis=1))


def unknowns_at(rest: F32, weights: F32) -> MarkerUnknowns:
    """Return points at fixed positions (N, 3), metres, with fixed weights (N, 24), as unknowns of a calibration."""
    shares = torch.from_numpy(weights.astype(np.float32))
    count = len(rest)
    return MarkerUnknowns(
        torch.from_numpy(rest),
        shares.clamp_min(1e-9).log(),
        shares > 1e-3,
        (-1,) * count,
        torch.zeros(count, dtype=torch.bool),
        torch.zeros(shares.shape),
        torch.zeros(count, dtype=torch.bool),
    )


def fit_to_frames(
    twin: TorchBody, samples: BodySamples, clouds: Tensor, *, progress: Progress
) -> tuple[PoseUnknowns, NDArray[np.float64]]:
    """Fit the body to each frame from several headings.

    Args:
        twin: The body.
        samples: Positions where points may be attached.
        clouds: (F, K, 3), frames.
        progress: Called with the fraction done and a message.

    Returns:
        Poses of F * YAWS fits, and their losses.
    """
    points = clouds.repeat_interleave(YAWS, dim=0)
    count = len(points)
    yaw = torch.linspace(0.0, 2.0 * np.pi, YAWS + 1)[:-1].repeat(len(clouds))
    root = torch.zeros(count, 3, 3)
    root[:, 0, 0] = root[:, 2, 2] = yaw.cos()
    root[:, 0, 2], root[:, 2, 0], root[:, 1, 1] = yaw.sin(), -yaw.sin(), 1.0
    mean, spread = (torch.from_numpy(array) for array in prior_mean_and_spread())
    spread[0] = UPRIGHT_RAD
    turn = mean.expand(count, -1, -1).clone().requires_grad_()
    middle = points.mean(1)
    place = torch.stack([middle[:, 0], middle[:, 1] - twin.v_template_m[:, 1].mean(), middle[:, 2]], 1)
    place = place.clone().requires_grad_()
    size = torch.zeros(count, requires_grad=True)
    poses = PoseUnknowns(torch.arange(count), root, turn, place, size, torch.zeros(count, twin.beta_count))
    rates = ((turn, 0.05), (place, 0.02), (size, 0.005))
    optimiser = torch.optim.Adam([{"params": [tensor], "lr": rate} for tensor, rate in rates])
    parts = [SKIN_SAMPLES + JOINT_INDEX[name] for name in PARTS]
    loss = torch.zeros(count)
    for step in range(LAYING_STEPS):
        posed = points_of(twin, samples.places, poses)
        away = torch.cdist(points, posed)
        near = away.min(dim=2).values
        lonely = torch.relu(away[:, :, parts].min(dim=1).values - NEAR_M)
        hinge = turn[:, list(HINGED), 0]
        over = torch.relu(HINGE_RANGE[0] - hinge) + torch.relu(hinge - HINGE_RANGE[1])
        loss = (
            near.mean(1) / 0.02
            + lonely.mean(1) / 0.01
            + NATURAL * ((turn - mean) / spread).square().sum((1, 2))
            + over.square().sum(1)
            + (size / 0.1).square()
        )
        optimiser.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 20 == 0:
            progress(step / LAYING_STEPS, f"Fitting a body to {counted(len(clouds), 'frame')} from {YAWS} headings")
    kept = replace(poses, turn=turn.detach(), place=place.detach(), log_scale=size.detach())
    return kept, loss.detach().numpy().astype(np.float64)


def nearest_attachment(
    twin: TorchBody, samples: BodySamples, fitted: PoseUnknowns, index: int, cloud: Tensor
) -> Attachment:
    """Attach each point of one frame to the nearest position of the body fitted to it."""
    one = slice(index, index + 1)
    poses = PoseUnknowns(
        torch.zeros(1, dtype=torch.int64),
        fitted.root[one],
        fitted.turn[one],
        fitted.place[one],
        fitted.log_scale[one],
        fitted.betas[one],
    )
    posed = points_of(twin, samples.places, poses)[0]
    chosen = torch.cdist(cloud, posed).argmin(dim=1).numpy()
    return Attachment(samples.joint[chosen], samples.places.rest_m.numpy()[chosen])
