"""What training sees: recorded key-points and natural poses, as tensors in memory.

Nothing is loaded while training runs: a batch is drawn, turned and made noisy by a few tensor operations.
"""

from dataclasses import dataclass
import logging
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.normalise import normalise
from dancepose_addon.core.fit.solve import markers_for
from dancepose_addon.core.skeleton.layouts import Layout, get_layout
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import Sequence, validate

from .body import TorchBody, torch_body
from .config import Config
from .errors import ConfigError
from .normalisation import SizeFrame, size_frame
from .posebook import procedural_poses
from .prior import load_prior
from .synthesis import synthesise

LOGGER: Final = logging.getLogger(__name__)
SIZE_SAMPLE: Final = 2000
"""Natural poses that the body's size in motion is measured on."""


@dataclass(frozen=True)
class MotionSet:
    """Recorded frames. points: (N, K, 3), centred and in their clip's scale; scale: (N,), from metres of the mean
    body to that frame; train_clips, test_clips: names."""

    points: Tensor
    scale: Tensor
    train_clips: tuple[str, ...]
    test_clips: tuple[str, ...]


@dataclass(frozen=True)
class TrainingData:
    """natural: (N, 24, 3, 3), local rotations; procedural: (M, 24, 3, 3), made by code; summary: JSON values."""

    body: TorchBody
    layout: Layout
    frame: SizeFrame
    natural: Tensor
    procedural: Tensor
    motion: MotionSet | None
    summary: dict[str, object]


@dataclass(frozen=True)
class Batch:
    """points: (B, K, 3), for the generator; target: (B, K, 3), for L_3d; scale: (B,), takes metres of the mean body
    there; rotmat: (L, 24, 3, 3), the known poses of the first L samples; natural: (A, 24, 3, 3), other poses, for
    the discriminator."""

    points: Tensor
    target: Tensor
    scale: Tensor
    rotmat: Tensor
    natural: Tensor


def load_data(
    config: Config, body: BodyModel, *, motion: tuple[Path, ...], prior: Path | None, device: torch.device | str = "cpu"
) -> TrainingData:
    """Read everything that training needs.

    motion: folders with recordings; prior: a folder of natural motion, or None for the procedural set.

    Raises:
        ConfigError: the preset needs recordings or poses that are not given. InputError: they cannot be read.
    """
    layout = get_layout(config.data.layout)
    twin = torch_body(body, markers_for(layout), device)
    procedural = torch.from_numpy(procedural_poses(config.data.procedural_poses, seed=config.seed)).to(device)
    notes: tuple[str, ...] = ()
    if prior is None:
        natural, source = procedural, "procedural"
        if config.data.motion_share or config.data.procedural_share < 1.0:
            LOGGER.warning("No natural poses given: the procedural set of %d stands in for them.", len(procedural))
    else:
        loaded = load_prior(prior, rest_joints_m=body.rest_joints())
        natural, source = torch.from_numpy(loaded.pose_rotmat).to(device), f"{len(loaded.clip_names)} clips"
        notes = loaded.notes[-1:]  # what was kept of all; the notes before it are on single files
    stride = max(1, len(natural) // SIZE_SAMPLE)
    frame = size_frame(twin, layout, natural[::stride])
    motions = None
    if motion and config.data.motion_share > 0.0:
        motions = motion_set(read_clips(motion, layout.name), layout, frame, config, device)
    elif config.data.motion_share > 0.0:
        raise ConfigError(
            f"Preset {config.name} trains on recorded key-points (data.motion_share={config.data.motion_share}); give "
            "their folder with --motion, or set data.motion_share=0."
        )
    summary: dict[str, object] = {
        "natural_poses": len(natural),
        "natural_source": source,
        "natural_notes": list(notes),
        "procedural_share": config.data.procedural_share,
    }
    if motions is not None:
        summary |= {
            "motion_frames": len(motions.points),
            "train_clips": list(motions.train_clips),
            "test_clips": list(motions.test_clips),
        }
    return TrainingData(twin, layout, frame, natural, procedural, motions, summary)


def read_clips(folders: tuple[Path, ...], layout: str) -> list[Sequence]:
    """Every clip in the folders: each a clip itself, or a folder of clips.

    Raises:
        ConfigError: there is none. InputError: one cannot be read.
    """
    paths: list[Path] = []
    for folder in folders:
        inner = sorted(path for path in folder.iterdir() if is_clip(path)) if folder.is_dir() else []
        paths.extend(inner if inner and not is_clip(folder) else [folder])
    if not paths:
        raise ConfigError("No recordings were found; give a folder with M&D clips or .npy files.")
    return [validate(read(path, layout=layout)) for path in paths]


def is_clip(path: Path) -> bool:
    """Whether a path is a clip by itself."""
    return (path / "skeletons.json").is_file() or path.suffix in (".npy", ".npz", ".c3d", ".trc", ".csv")


def split_clips(count: int, config: Config) -> tuple[list[int], list[int]]:
    """Training and test clips, at random by the seed, in the proportion of the configuration."""
    order = np.random.default_rng(config.seed).permutation(count)
    share = config.data.motion_train_clips / config.data.motion_all_clips
    train = count if share >= 1.0 else min(count, max(1, round(count * share)))
    return sorted(order[:train].tolist()), sorted(order[train:].tolist())


def motion_set(
    clips: list[Sequence], layout: Layout, frame: SizeFrame, config: Config, device: torch.device | str
) -> MotionSet:
    """Normalise the training clips and sample frames of them, without replacement."""
    train, test = split_clips(len(clips), config)
    if len(clips) != config.data.motion_all_clips:
        LOGGER.warning(
            "%d clips are there, of %d: %d for training and %d for testing, in proportion.",
            len(clips), config.data.motion_all_clips, len(train), len(test),
        )  # fmt: skip
    points, scales = [], []
    for index in train:
        keypoints = clips[index].keypoints_m
        normalised, divisor = normalise(
            keypoints, layout, kind=config.data.normalise, size_factor=frame.size_factor
        )  # fmt: skip
        points.append(torch.from_numpy(normalised))
        edges = float(frame.edge_sum(torch.from_numpy(keypoints).to(frame.first.device)).mean())
        scales.append(torch.full((len(keypoints),), edges / (frame.body_edge_sum * divisor)))
    all_points, all_scales = torch.cat(points), torch.cat(scales)
    wanted = config.data.motion_frames
    if 0 < wanted < len(all_points):
        chosen = torch.randperm(len(all_points), generator=torch.Generator().manual_seed(config.seed))[:wanted]
        all_points, all_scales = all_points[chosen], all_scales[chosen]
    names = [Path(clip.source).name for clip in clips]
    return MotionSet(
        all_points.to(device),
        all_scales.to(device),
        tuple(names[index] for index in train),
        tuple(names[index] for index in test),
    )


def draw_batch(data: TrainingData, config: Config, rng: torch.Generator) -> Batch:
    """A batch: synthesised frames first, then recorded ones."""
    recorded = round(config.data.motion_share * config.optim.batch) if data.motion is not None else 0
    made = config.optim.batch - recorded
    adversarial = min(config.optim.adversarial_batch, config.optim.batch)
    device = data.natural.device

    def rows(pool: Tensor, count: int) -> Tensor:
        return torch.randint(len(pool), (count,), generator=rng, device=device)

    natural = data.natural[rows(data.natural, adversarial)]
    by_code = round(config.data.procedural_share * made)
    poses = torch.cat(
        [data.natural[rows(data.natural, made - by_code)], data.procedural[rows(data.procedural, by_code)]]
    )
    points, targets, scales = [], [], []
    if made:
        frames = synthesise(data.body, data.frame, poses, config.augment, rng, kind=config.data.normalise)
        points, targets, scales, poses = [frames.points], [frames.target], [frames.scale], frames.rotmat
    if data.motion is not None and recorded:
        chosen = rows(data.motion.points, recorded)
        points.append(data.motion.points[chosen])
        targets.append(data.motion.points[chosen])
        scales.append(data.motion.scale[chosen])
    return Batch(torch.cat(points), torch.cat(targets), torch.cat(scales), poses, natural)
