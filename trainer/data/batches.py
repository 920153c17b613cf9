# SPDX-License-Identifier: Apache-2.0
"""Training data: recorded key-points and natural poses, and the batches drawn from them.

Data are tensors in memory, or memory-mapped shards of which a batch reads its rows. Nothing is loaded or parsed during
training: a batch is drawn, rotated and perturbed with a few tensor operations.
"""

from dataclasses import dataclass
import hashlib
import logging
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.counting import counted
from dancepose_addon.core.fit.pose.twist import TwistModel
from dancepose_addon.core.skeleton.layouts import LAYOUTS, Layout, get_layout
from dancepose_addon.core.skeleton.markers import markers_for

from ..body.layout_batch import LayoutBatch, build_layout_batch
from ..config import Config
from ..mocap.pose_pool import INDEX_NAME, PosePool, TensorPool, open_shards
from ..mocap.poses import held_out, load_poses
from ..mocap.procedural_poses import procedural_poses
from ..mocap.twist_of_poses import with_twist
from ..training_errors import ConfigError
from .augmentation import synthesise
from .recordings import MotionSet, motion_set, read_clips

LOGGER: Final = logging.getLogger(__name__)
SIZE_SAMPLE: Final = 2000
"""Number of natural poses in which the size of the body is measured."""


@dataclass(frozen=True)
class TrainingData:
    """Everything that batches are drawn from.

    Attributes:
        layout_batch: The layouts of the run.
        natural: Poses of people.
        procedural: (M, 24, 3, 3), generated poses, local rotations.
        motion: Recorded key-points, or None.
        summary: JSON values for the checkpoint and the model card.
    """

    layout_batch: LayoutBatch
    natural: PosePool
    procedural: Tensor
    motion: MotionSet | None
    summary: dict[str, object]


@dataclass(frozen=True)
class TrainingBatch:
    """One batch. "norm" is the frame of the network: centred, and divided by the scale of the clip.

    Attributes:
        points_norm: (B, P, 3), input of the generator.
        target_norm: (B, P, 3), target of L_3d.
        norm_per_m: (B,), converts metres of the mean body to that frame.
        local_rotmat: (M, 24, 3, 3), ground truth of the first M samples.
        global_rotmat: (M, 24, 3, 3), ground truth of the first M samples.
        natural_rotmat: (A, 24, 3, 3), other natural poses, local rotations, for the discriminator.
    """

    points_norm: Tensor
    target_norm: Tensor
    norm_per_m: Tensor
    local_rotmat: Tensor
    global_rotmat: Tensor
    natural_rotmat: Tensor


def load_data(
    config: Config, body: BodyModel, *, motion: tuple[Path, ...], poses: Path | None, device: torch.device | str = "cpu"
) -> TrainingData:
    """Read all training data.

    Args:
        config: Settings of the run.
        body: The body of P_3d.
        motion: Folders with recordings.
        poses: Natural poses: a file or folder that ``dancepose poses`` wrote, or a folder of motion capture. None uses
            the procedural set instead.
        device: Device of the tensors.

    Returns:
        The data.

    Raises:
        ConfigError: The preset needs recordings that are not given, or recordings and several layouts are combined.
        InputError: A file cannot be read.
    """
    layouts = configured_layouts(config)
    procedural = torch.from_numpy(procedural_poses(config.data.procedural_poses, seed=config.seed)).to(device)
    notes: tuple[str, ...] = ()
    unseen: list[str] = []
    twist: TwistModel | None = None
    if poses is None:
        natural: PosePool = TensorPool(procedural)
        source = "procedural"
        if config.data.motion_share or config.data.procedural_share < 1.0:
            LOGGER.warning("No natural poses are given; using the procedural set of %d poses instead.", len(procedural))
    else:
        natural, names, unseen, notes, twist = load_pool(poses, body, config.data.holdout, device)
        source = f"{counted(len(names) - len(unseen), 'clip')}"
    sample = torch.arange(0, len(natural), max(1, len(natural) // SIZE_SAMPLE), device=device)
    layout_batch = build_layout_batch(body, [markers_for(layout) for layout in layouts], natural.rows(sample), device)
    motions = None
    if config.data.motion_share > 0.0 and len(layouts) > 1:
        raise ConfigError(
            f"data.motion_share is {config.data.motion_share} and data.layout names {len(layouts)} layouts; recorded "
            "key-points have one layout. Set data.motion_share=0, or name one layout."
        )
    if motion and config.data.motion_share > 0.0:
        motions = motion_set(read_clips(motion, layouts[0].name), layout_batch, config, device)
    elif config.data.motion_share > 0.0:
        raise ConfigError(
            f"Preset {config.name} trains on recorded key-points (data.motion_share={config.data.motion_share}); give "
            "their folder with --motion, or set data.motion_share=0."
        )
    summary: dict[str, object] = {
        "natural_poses": len(natural),
        "natural_source": source,
        "natural_fingerprint": _fingerprint(natural.rows(sample)),
        "natural_notes": list(notes),
        "natural_held_out": unseen,
        "procedural_share": config.data.procedural_share,
    }
    if twist is not None:
        summary["twist_model"] = twist.to_json()
    if motions is not None:
        summary |= {
            "motion_frames": len(motions.points_norm),
            "motion_fingerprint": _fingerprint(motions.points_norm[:: max(1, len(motions.points_norm) // SIZE_SAMPLE)]),
            "train_clips": list(motions.train_clips),
            "test_clips": list(motions.test_clips),
        }
    return TrainingData(layout_batch, natural, procedural, motions, summary)


def load_pool(
    path: Path, body: BodyModel, holdout: float, device: torch.device | str
) -> tuple[PosePool, tuple[str, ...], list[str], tuple[str, ...], TwistModel | None]:
    """Open the natural poses that training may use: shards are mapped, everything else is read.

    Args:
        path: A folder of shards, a saved pose set, or a folder of motion capture.
        body: The body whose T-pose the rotations refer to.
        holdout: Share of the clips to leave out.
        device: Device of poses that are read.

    Returns:
        The pool, the names of all clips, the names of the clips left out, notes on what was kept, and the twist model
        that the poses follow, or None where it is not known.
    """
    if (path / INDEX_NAME).is_file():
        shards = open_shards(path)
        away = held_out(shards.clip_names, holdout)
        return shards.without(away.tolist()), shards.clip_names, [shards.clip_names[index] for index in away], (), None
    loaded = load_poses(path, rest_joints_m=body.rest_joints())
    away = held_out(loaded.clip_names, holdout)
    shown = ~np.isin(loaded.clip, away)
    pose, twist = with_twist(
        loaded.pose_rotmat[shown], loaded.clip[shown], loaded.smpl, loaded.mirrored[shown], body.rest_joints()
    )
    kept = torch.from_numpy(pose).to(device)
    # The last note says what was kept of all; those before it are on single files.
    return TensorPool(kept), loaded.clip_names, [loaded.clip_names[index] for index in away], loaded.notes[-1:], twist


def configured_layouts(config: Config) -> list[Layout]:
    """Return the layouts of ``data.layout``, in the order of their groups in a batch.

    Args:
        config: Settings of the run.

    Returns:
        The layouts.

    Raises:
        LayoutError: There is no layout of that name.
        ConfigError: A layout is named twice, or the layouts cannot share the batch equally.
    """
    text = config.data.layout
    names = list(LAYOUTS) if text == "all" else [name.strip() for name in text.split("+")]
    if len(set(names)) < len(names):
        raise ConfigError(f"data.layout is {text!r}; name each layout once.")
    if config.optim.batch % len(names):
        raise ConfigError(
            f"optim.batch is {config.optim.batch}, which {len(names)} layouts cannot share equally; choose a multiple."
        )
    return [get_layout(name) for name in names]


def _fingerprint(poses: Tensor) -> str:
    """Return a hash of rotations, rounded so that every device gives the same."""
    rounded = (poses.double() * 1e3).round().to(torch.int64).cpu().numpy()
    return hashlib.blake2b(rounded.tobytes(), digest_size=8).hexdigest()


def draw_batch(data: TrainingData, config: Config, rng: torch.Generator) -> TrainingBatch:
    """Draw a batch: synthesised samples first, then recorded ones.

    Args:
        data: What is drawn from.
        config: Composition and size of the batch.
        rng: Source of random numbers, on the device of the data.

    Returns:
        The batch.
    """
    recorded = round(config.data.motion_share * config.optim.batch) if data.motion is not None else 0
    made = config.optim.batch - recorded
    adversarial = min(config.optim.adversarial_batch, config.optim.batch)
    device = data.layout_batch.mask.device

    def rows(pool: PosePool | Tensor, count: int) -> Tensor:
        return torch.randint(len(pool), (count,), generator=rng, device=device)

    natural = data.natural.rows(rows(data.natural, adversarial))
    by_code = round(config.data.procedural_share * made)
    poses = torch.cat(
        [data.natural.rows(rows(data.natural, made - by_code)), data.procedural[rows(data.procedural, by_code)]]
    )
    points, targets, scales, world = [], [], [], poses
    if made:
        kind, target = config.data.normalise, config.loss.target
        frames = synthesise(data.layout_batch, shuffled(poses, rng), config.augment, rng, kind=kind, target=target)
        points, targets, scales = [frames.points_norm], [frames.target_norm], [frames.norm_per_m]
        poses, world = frames.local_rotmat, frames.global_rotmat
    if data.motion is not None and recorded:
        chosen = rows(data.motion.points_norm, recorded)
        points.append(data.motion.points_norm[chosen])
        targets.append(data.motion.points_norm[chosen])
        scales.append(data.motion.norm_per_m[chosen])
    return TrainingBatch(torch.cat(points), torch.cat(targets), torch.cat(scales), poses, world, natural)


def shuffled(poses: Tensor, rng: torch.Generator) -> Tensor:
    """Shuffle poses, so that the group of every layout holds poses of every kind."""
    return poses[torch.randperm(len(poses), generator=rng, device=poses.device)]
