# SPDX-License-Identifier: Apache-2.0
"""Benefit of neighbouring frames for a regressor: two networks that differ only in this.

    python -m benchmarks.temporal [--known FOLDER] [--layout smpl24] [--steps 1500] [--apart 4]

FOLDER contains CMU's recordings; errors are measured on the clips that training leaves out. Both networks are those of
the best preset for one layout, and are trained on the same samples: consecutive frames at 30 fps with random body
shapes and sensor noise. One network gets a single frame, the other also the frames ``apart`` before and after it, in
the same axes. Poses are not augmented, since three frames would have to be changed consistently.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
import time
from typing import Final

import numpy as np
import torch
from torch import Tensor

from benchmarks.real_clips import DATA
from dancepose.trainer.body.layout_batch import LayoutBatch, build_layout_batch, feature_count
from dancepose.trainer.body.torch_rotations import yaw_rotmat
from dancepose.trainer.body.torch_smpl import local_to_global_rotmat
from dancepose.trainer.config import Config, load_config
from dancepose.trainer.mocap.poses import held_out, load_poses
from dancepose.trainer.model.generator import Rotations, SmplRegressor, facing_rotmat, predict
from dancepose.trainer.model.losses import l_3d, l_rotation
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.evaluation.metrics import rotation_error_deg
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import markers_for

HOLDOUT: Final = 0.15
FPS: Final = 30.0


@dataclass(frozen=True)
class Frames:
    """Frames of all clips.

    Attributes:
        pose: (T, 24, 3, 3), local rotations.
        first: (T,), first frame of each frame's clip.
        last: (T,), last frame of each frame's clip.
    """

    pose: Tensor
    first: Tensor
    last: Tensor

    def around(self, index: Tensor, apart: int) -> Tensor:
        """Return the frames before, at and after; the last one is repeated at a clip's end.

        (B,) to (3, B, 24, 3, 3).
        """
        before = torch.maximum(index - apart, self.first[index])
        after = torch.minimum(index + apart, self.last[index])
        return self.pose[torch.stack([before, index, after])]


def read_frames(folder: Path, *, mirror: bool, known: bool) -> Frames:
    """Read the clips left out (known), or the others."""
    prior = load_poses(folder, mirror=mirror, fps=FPS, rebalance=False)
    away = held_out(prior.clip_names, HOLDOUT)
    # A mirror image counts as a separate clip.
    clip = prior.clip + len(prior.clip_names) * prior.mirrored
    chosen = np.isin(prior.clip, away) == known
    pose, clip = prior.pose_rotmat[chosen], clip[chosen]
    starts = np.flatnonzero(np.diff(clip, prepend=-1))
    lengths = np.diff(np.append(starts, len(clip)))
    first = np.repeat(starts, lengths)
    last = np.repeat(starts + lengths - 1, lengths)
    return Frames(torch.from_numpy(pose), torch.from_numpy(first), torch.from_numpy(last))


def seen(
    layout_batch: LayoutBatch, poses: Tensor, config: Config, rng: torch.Generator | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute normalised key-points of three frames of one person.

    Args:
        layout_batch: The layout.
        poses: (3, B, 24, 3, 3), local rotations.
        config: Amount of the variations.
        rng: Source of random numbers; None for the mean body without errors.

    Returns:
        Points without and with sensor errors, (3, B, P, 3) each, and the scale of the clip, (B,).
    """
    count, width = poses.shape[1], layout_batch.width
    betas, moved = torch.zeros(count, layout_batch.shape_count), torch.zeros(count, width, 3)
    if rng is not None:
        betas = config.augment.betas_std * torch.randn(count, layout_batch.shape_count, generator=rng)
        moved = config.augment.offset_m * torch.randn(count, width, 3, generator=rng)
    clean, frames = [], []
    for pose in poses:
        points, rest = layout_batch.points_of_bodies(local_to_global_rotmat(pose), betas, moved)
        clean.append(points)
        noise = 0.0 if rng is None else config.augment.noise_m * torch.randn(points.shape, generator=rng)
        frames.append(points + noise)
    edges = layout_batch.by_sample(layout_batch.posed_ratio, count) * layout_batch.edge_sum(rest)
    divisor = layout_batch.by_sample(layout_batch.size_factor, count) * edges
    scale = edges / (layout_batch.by_sample(layout_batch.body_edge_sum, count) * divisor)
    both = [
        torch.stack([layout_batch.centred(one) for one in points]) / divisor[:, None, None]
        for points in (clean, frames)
    ]
    return both[0], both[1], scale


def predict_middle(network: SmplRegressor, points: Tensor, layout_batch: LayoutBatch, config: Config) -> Rotations:
    """Predict rotations of the middle frame, whose heading is used for all frames. points: (F, B, P, 3)."""
    middle = len(points) // 2
    facing = facing_rotmat(points[middle], layout_batch)
    turned = [one @ facing for one in points]
    shown = [torch.cat([one, layout_batch.features(one, config.model.features)], dim=1) for one in turned]

    def with_neighbours(own: Tensor) -> Tensor:
        theta: Tensor = network(torch.cat([*shown[:middle], own, *shown[middle + 1 :]], dim=1))
        return theta

    return predict(with_neighbours, points[middle], layout_batch, config.model)


def train(
    frames: Frames, layout_batch: LayoutBatch, config: Config, *, context: bool, steps: int, apart: int
) -> SmplRegressor:
    """Train a network. context: whether it gets three frames."""
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(1)
    vectors = feature_count(layout_batch.layouts[0], config.model.features)
    network = SmplRegressor(config.model, vectors * (3 if context else 1))
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.optim.lr, weight_decay=config.optim.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.optim.lr, total_steps=steps)
    batch = config.optim.batch
    for _ in range(steps):
        poses = frames.around(torch.randint(len(frames.pose), (batch,), generator=rng), apart)
        angle = 2.0 * torch.pi * torch.rand(batch, generator=rng)
        turn = yaw_rotmat(torch.cos(angle), torch.sin(angle))
        poses = torch.cat([turn[None, :, None] @ poses[:, :, :1], poses[:, :, 1:]], dim=2)
        target, points, scale = seen(layout_batch, poses, config, rng)
        found = predict_middle(network, points if context else points[1:2], layout_batch, config)
        posed = layout_batch.centred(layout_batch.points_of(found.global_rotmat)) * scale[:, None, None]
        loss = config.loss.lambda_3d * l_3d(posed, target[1])
        loss = loss + l_rotation(found.local_rotmat, poses[1])
        loss = loss + l_rotation(found.global_rotmat, local_to_global_rotmat(poses[1]))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.optim.grad_clip)
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def error_deg(
    network: SmplRegressor, frames: Frames, layout_batch: LayoutBatch, config: Config, *, context: bool, apart: int
) -> float:
    """Return the mean error of local rotations over frames and joints, degrees."""
    poses = frames.around(torch.arange(len(frames.pose)), apart)
    _, points, _ = seen(layout_batch, poses, config, None)
    found = predict_middle(network, points if context else points[1:2], layout_batch, config)
    return rotation_error_deg(found.local_rotmat.numpy(), poses[1].numpy())


def main() -> None:
    """Train both networks and print their errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--known", type=Path, default=DATA / "cmu", help="CMU .bvh folder")
    parser.add_argument("--layout", default="smpl24")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--apart", type=int, default=4, help="frames, at 30 a second")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.known.is_dir():
        print(f"{arguments.known} is not there: give a folder of CMU's recordings with --known.")
        return
    torch.set_num_threads(arguments.threads)
    body, config = load_body(), load_config("best", (f"data.layout={arguments.layout}",))
    learned, known = (read_frames(arguments.known, mirror=not away, known=away) for away in (False, True))
    sample = learned.pose[:: max(1, len(learned.pose) // 2000)]
    layout_batch = build_layout_batch(body, [markers_for(get_layout(arguments.layout))], sample)
    print(f"{arguments.layout}: {len(learned.pose)} frames learned from, {len(known.pose)} measured on")
    print("| input | degrees, held-out clips | training clips | seconds |\n|---|---|---|---|")
    for title, context in (("one frame", False), (f"and those {arguments.apart} before and after", True)):
        began_s = time.perf_counter()
        network = train(learned, layout_batch, config, context=context, steps=arguments.steps, apart=arguments.apart)
        seconds = time.perf_counter() - began_s
        errors = [
            error_deg(network, frames, layout_batch, config, context=context, apart=arguments.apart)
            for frames in (known, learned)
        ]
        print(f"| {title} | {errors[0]:.2f} | {errors[1]:.2f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
