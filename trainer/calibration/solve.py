# SPDX-License-Identifier: Apache-2.0
"""Learn from recordings where the points of a layout are attached to the body.

As in MoSh (Loper, Mahmood and Black 2014), positions of the markers, the shape of each dancer and the pose of each
frame are solved together, so that the posed body carries the points to where they were recorded. Here a point may be
attached to several neighbouring bones, and one table serves all clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.progress import Progress, part_of, silent
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers
from dancepose_addon.core.skeleton.sequence import KeypointSequence

from ..body.torch_smpl import TorchBody, torch_body
from .priors import HINGE_RANGE, prior_mean_and_spread
from .unknowns import HINGED, MarkerUnknowns, PoseUnknowns, Skin, points_of, start_places, start_poses

ERROR_ROUND_M: Final = 0.006
"""Residuals below this are penalised by their square, above it by their length: recordings have outliers."""


@dataclass(frozen=True)
class CalibrationSettings:
    """Settings of a calibration."""

    # Frames of all clips together.
    frames: int = 540
    # Steps of Adam. The loss is flat by then.
    steps: int = 600
    # Seed of the choice of frames.
    seed: int = 0
    # Expected error of a recorded point, metres; the unit of the residuals.
    noise_m: float = 0.005
    # Weight of the pose prior. Small: it decides only what the points leave open.
    pose_weight: float = 0.03
    # Weight of the shape prior, a standard normal distribution of the betas.
    shape_weight: float = 0.1
    # Expected spread of the logarithm of a clip's scale.
    scale_spread: float = 0.1
    # Range of the distance outside the skin, metres: a marker has a thickness.
    skin_range_m: tuple[float, float] = (0.0, 0.02)
    # Spread of distances beyond that range, metres.
    skin_spread_m: float = 0.004
    # Spread of the displacement from the rough positions of the table, metres.
    start_spread_m: float = 0.03
    # The same of points that a user's layout attaches to a joint without an offset: markers are centimetres from it.
    rough_spread_m: float = 0.08
    # Weight of that displacement.
    start_weight: float = 1.0
    # Spread of hinge angles beyond their range, radians.
    hinge_spread: float = 0.05
    # Bones with a smaller weight are dropped before the final optimisation.
    least_share: float = 0.02


@dataclass(frozen=True)
class CalibrationSolution:
    """Result of the optimisation.

    Attributes:
        places: Solved attachment of the points.
        poses: Solved poses, scales and shapes.
        error_m: (N, K), remaining distances, metres.
        clip: (N,), index of each frame's clip.
    """

    places: MarkerUnknowns
    poses: PoseUnknowns
    error_m: F32
    clip: NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """A marker table with its residuals.

    Attributes:
        markers: The table.
        learned: Solution on the clips learned from.
        held_out: Solution on other clips with the table fixed, or None.
        skin_m: (K,), distance outside the skin, metres.
    """

    markers: MarkerSet
    learned: CalibrationSolution
    held_out: CalibrationSolution | None
    skin_m: F32


def sample_frames(clips: Sequence[KeypointSequence], frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """Sample frames evenly over all clips, one at random in each interval.

    Args:
        clips: The clips.
        frames: Number of frames of all clips together.
        seed: Seed of the choice.

    Returns:
        Key-points (N, K, 3), metres, and the index of each frame's clip (N,).
    """
    generator = np.random.default_rng(seed)
    share = max(1, frames // len(clips))
    points, index = [], []
    for number, clip in enumerate(clips):
        count = min(share, len(clip))
        edges = np.linspace(0, len(clip), count + 1)
        chosen = np.minimum(edges[:-1] + generator.random(count) * np.diff(edges), len(clip) - 1).astype(np.int64)
        points.append(clip.keypoints_m[chosen])
        index += [number] * count
    return torch.from_numpy(np.concatenate(points)), torch.tensor(index)


def calibrate(
    clips: Sequence[KeypointSequence],
    body: BodyModel,
    settings: CalibrationSettings,
    *,
    held_out: Sequence[KeypointSequence] = (),
    progress: Progress = silent,
) -> Calibration:
    """Solve the attachment of the points on ``clips``, then poses and shapes of ``held_out`` with the table fixed.

    Args:
        clips: Clips to learn from, of one layout.
        body: The mean body.
        settings: Settings.
        held_out: Clips to check on.
        progress: Called with the fraction done and a message.

    Returns:
        The table and its residuals.

    Raises:
        InputError: There are no clips, or they are of several layouts.
    """
    layouts = {clip.layout.name for clip in (*clips, *held_out)}
    if not clips or len(layouts) != 1:
        raise InputError(f"Calibration needs clips of one layout; found {', '.join(sorted(layouts)) or 'no clip'}.")
    layout = clips[0].layout
    skin, twin = Skin(body), torch_body(body, joint_markers(layout))
    places = start_places(body, layout, skin)
    keypoints, clip = sample_frames(clips, settings.frames, settings.seed)
    # A fifth of the frames is enough to find the places roughly; the rest then starts near them.
    few = slice(None, None, 5)
    rough = solve(
        twin, skin, places, keypoints[few], clip[few], settings, learn=True, progress=part_of(progress, 0.0, 0.15)
    )
    kept = drop_small_shares(rough.places, settings.least_share)
    learned = solve(twin, skin, kept, keypoints, clip, settings, learn=True, progress=part_of(progress, 0.15, 0.8))
    checked = None
    if held_out:
        others = sample_frames(held_out, settings.frames // 3, settings.seed)
        checked = solve(
            twin, skin, learned.places, *others, settings, learn=False, progress=part_of(progress, 0.8, 1.0)
        )
    rest, weights = learned.places.symmetric()
    offsets = rest - weights @ twin.rest_joints_m
    markers = MarkerSet(layout, weights.numpy(), offsets.numpy(), body.fingerprint)
    return Calibration(markers, learned, checked, skin.distance(rest).numpy())


def drop_small_shares(places: MarkerUnknowns, least: float) -> MarkerUnknowns:
    """Detach points from bones whose weight is below ``least``, on both sides alike."""
    _, weights = places.symmetric()
    return replace(places, may_attach=places.may_attach & (weights >= least))


def solve(
    body: TorchBody,
    skin: Skin,
    start: MarkerUnknowns,
    keypoints: Tensor,
    clip: Tensor,
    settings: CalibrationSettings,
    *,
    learn: bool,
    progress: Progress = silent,
) -> CalibrationSolution:
    """Optimise all unknowns together with Adam.

    Args:
        body: The body.
        skin: Its skin.
        start: Attachments to start from; poses start from the trunk's points.
        keypoints: (N, K, 3), metres.
        clip: (N,), index of each frame's clip.
        settings: Settings.
        learn: Whether the attachments are unknowns too.
        progress: Called with the fraction done and a message.

    Returns:
        The solution.
    """
    torch.manual_seed(settings.seed)
    poses = start_poses(start, body.rest_joints_m.numpy(), keypoints, clip, body.beta_count)
    poses, places = _free(poses, ("turn", "place", "log_scale", "betas")), start
    rates = {"turn": 0.03, "place": 0.01, "log_scale": 0.003, "betas": 0.05}
    groups = [{"params": [getattr(poses, name)], "lr": rate} for name, rate in rates.items()]
    if learn:
        places = _free(start, ("rest_m", "blend"))
        groups += [{"params": [places.rest_m], "lr": 0.003}, {"params": [places.blend], "lr": 0.03}]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / settings.steps))
    for step in range(settings.steps):
        residual = points_of(body, places, poses) - keypoints
        loss = sum(loss_terms(residual, places, poses, start, skin, settings).values(), torch.zeros(()))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            mean_mm = 1000.0 * float(residual.detach().norm(dim=-1).mean())
            progress(step / settings.steps, f"{counted(len(keypoints), 'frame')}, {mean_mm:.2f} mm")
    places, poses = _fixed(places), _fixed(poses)
    error = (points_of(body, places, poses) - keypoints).norm(dim=-1)
    return CalibrationSolution(places, poses, error.numpy(), clip.numpy())


def loss_terms(
    residual_m: Tensor,
    places: MarkerUnknowns,
    poses: PoseUnknowns,
    start: MarkerUnknowns,
    skin: Skin,
    settings: CalibrationSettings,
) -> dict[str, Tensor]:
    """Compute the named terms of the loss, each a mean over frames or clips.

    Args:
        residual_m: (N, K, 3), metres.
        places: Attachments.
        poses: Poses.
        start: Attachments that they are held close to.
        skin: Skin of the body.
        settings: Weights.

    Returns:
        Scalar tensors by name.
    """
    length = (residual_m.square().sum(-1) + ERROR_ROUND_M**2).sqrt() - ERROR_ROUND_M
    mean, spread = (torch.from_numpy(array) for array in prior_mean_and_spread())
    hinge = poses.turn[:, list(HINGED), 0]
    over = torch.relu(HINGE_RANGE[0] - hinge) + torch.relu(hinge - HINGE_RANGE[1])
    rest, _ = places.symmetric()
    outside = skin.distance(rest)
    least, most = settings.skin_range_m
    off_skin = (torch.relu(least - outside) + torch.relu(outside - most)) * places.on_skin
    start_spread_m = torch.where(places.is_rough, settings.rough_spread_m, settings.start_spread_m)
    return {
        "points": length.mean(0).sum() / settings.noise_m,
        "pose": settings.pose_weight * 0.5 * ((poses.turn - mean) / spread).square().sum((1, 2)).mean(),
        "hinges": (over / settings.hinge_spread).square().sum(1).mean(),
        "shape": settings.shape_weight * poses.betas.square().sum(1).mean(),
        "scale": 0.5 * (poses.log_scale / settings.scale_spread).square().mean(),
        "skin": (off_skin / settings.skin_spread_m).square().sum(),
        "start": settings.start_weight * ((rest - start.rest_m) / start_spread_m[:, None]).square().sum(),
    }


def _rate(done: float) -> float:
    """Factor of the learning rate: a short warm-up, then half a cosine."""
    return min(1.0, 0.05 + done / 0.04) * (0.02 + 0.49 * (1.0 + math.cos(math.pi * done)))


def _free(group: Any, names: tuple[str, ...]) -> Any:
    return replace(group, **{name: getattr(group, name).detach().clone().requires_grad_() for name in names})


def _fixed(group: Any) -> Any:
    tensors = {f.name: getattr(group, f.name) for f in fields(group) if isinstance(getattr(group, f.name), Tensor)}
    return replace(group, **{name: value.detach() for name, value in tensors.items()})
