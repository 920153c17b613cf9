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
from dancepose_addon.core.skeleton.layouts import LAYOUTS, Layout, get_layout
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import Sequence, validate

from .config import Config
from .errors import ConfigError
from .pack import LayoutPack, pack_layouts
from .posebook import procedural_poses
from .prior import held_out, load_prior
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

    pack: LayoutPack
    natural: Tensor
    procedural: Tensor
    motion: MotionSet | None
    summary: dict[str, object]


@dataclass(frozen=True)
class Batch:
    """points: (B, P, 3), for the generator; target: (B, P, 3), for L_3d; scale: (B,), takes metres of the mean body
    there; local_rotmat, global_rotmat: (M, 24, 3, 3), the known poses of the first M samples; natural: (A, 24, 3, 3),
    other poses, for the discriminator."""

    points: Tensor
    target: Tensor
    scale: Tensor
    local_rotmat: Tensor
    global_rotmat: Tensor
    natural: Tensor


def load_data(
    config: Config, body: BodyModel, *, motion: tuple[Path, ...], prior: Path | None, device: torch.device | str = "cpu"
) -> TrainingData:
    """Read everything that training needs.

    motion: folders with recordings; prior: a folder of natural motion, or None for the procedural set.

    Raises:
        ConfigError: the preset needs recordings or poses that are not given. InputError: they cannot be read.
    """
    layouts = layouts_of(config)
    procedural = torch.from_numpy(procedural_poses(config.data.procedural_poses, seed=config.seed)).to(device)
    notes: tuple[str, ...] = ()
    unseen: list[str] = []
    if prior is None:
        natural, source = procedural, "procedural"
        if config.data.motion_share or config.data.procedural_share < 1.0:
            LOGGER.warning("No natural poses given: the procedural set of %d stands in for them.", len(procedural))
    else:
        loaded = load_prior(prior, rest_joints_m=body.rest_joints())
        away = held_out(loaded.clip_names, config.data.holdout)
        learned = ~np.isin(loaded.clip, away)
        natural = torch.from_numpy(loaded.pose_rotmat[learned]).to(device)
        source = f"{len(loaded.clip_names) - len(away)} clips"
        unseen = [loaded.clip_names[index] for index in away]
        notes = loaded.notes[-1:]  # what was kept of all; the notes before it are on single files
    stride = max(1, len(natural) // SIZE_SAMPLE)
    pack = pack_layouts(body, [markers_for(layout) for layout in layouts], natural[::stride], device)
    motions = None
    if config.data.motion_share > 0.0 and len(layouts) > 1:
        raise ConfigError(
            f"data.motion_share is {config.data.motion_share} and data.layout names {len(layouts)} layouts; recorded "
            "key-points are of one. Set data.motion_share=0, or name one layout."
        )
    if motion and config.data.motion_share > 0.0:
        motions = motion_set(read_clips(motion, layouts[0].name), pack, config, device)
    elif config.data.motion_share > 0.0:
        raise ConfigError(
            f"Preset {config.name} trains on recorded key-points (data.motion_share={config.data.motion_share}); give "
            "their folder with --motion, or set data.motion_share=0."
        )
    summary: dict[str, object] = {
        "natural_poses": len(natural),
        "natural_source": source,
        "natural_notes": list(notes),
        "natural_held_out": unseen,
        "procedural_share": config.data.procedural_share,
    }
    if motions is not None:
        summary |= {
            "motion_frames": len(motions.points),
            "train_clips": list(motions.train_clips),
            "test_clips": list(motions.test_clips),
        }
    return TrainingData(pack, natural, procedural, motions, summary)


def layouts_of(config: Config) -> list[Layout]:
    """The layouts of ``data.layout``, in the order that their groups have in a batch.

    Raises:
        LayoutError: there is no layout of that name. ConfigError: one is named twice, or the batch cannot be shared.
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
    return (path / "skeletons.json").is_file() or path.suffix in (".npy", ".npz")


def split_clips(count: int, config: Config) -> tuple[list[int], list[int]]:
    """Training and test clips, at random by the seed, in the proportion of the configuration."""
    order = np.random.default_rng(config.seed).permutation(count)
    share = config.data.motion_train_clips / config.data.motion_all_clips
    train = count if share >= 1.0 else min(count, max(1, round(count * share)))
    return sorted(order[:train].tolist()), sorted(order[train:].tolist())


def motion_set(clips: list[Sequence], pack: LayoutPack, config: Config, device: torch.device | str) -> MotionSet:
    """Normalise the training clips and sample frames of them, without replacement."""
    train, test = split_clips(len(clips), config)
    if len(clips) != config.data.motion_all_clips:
        LOGGER.warning(
            "%d clips are there, of %d: %d for training and %d for testing, in proportion.",
            len(clips), config.data.motion_all_clips, len(train), len(test),
        )  # fmt: skip
    points, scales = [], []
    factor, body_edge_sum = float(pack.size_factor[0]), float(pack.body_edge_sum[0])
    for index in train:
        keypoints = clips[index].keypoints_m
        normalised, divisor = normalise(keypoints, pack.layouts[0], kind=config.data.normalise, size_factor=factor)
        points.append(torch.from_numpy(normalised))
        edges = float(pack.edge_sum(torch.from_numpy(keypoints).to(pack.mask.device)).mean())
        scales.append(torch.full((len(keypoints),), edges / (body_edge_sum * divisor)))
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
    points, targets, scales, world = [], [], [], poses
    if made:
        kind, target = config.data.normalise, config.loss.target
        frames = synthesise(data.pack, shuffled(poses, rng), config.augment, rng, kind=kind, target=target)
        points, targets, scales = [frames.points], [frames.target], [frames.scale]
        poses, world = frames.local_rotmat, frames.global_rotmat
    if data.motion is not None and recorded:
        chosen = rows(data.motion.points, recorded)
        points.append(data.motion.points[chosen])
        targets.append(data.motion.points[chosen])
        scales.append(data.motion.scale[chosen])
    return Batch(torch.cat(points), torch.cat(targets), torch.cat(scales), poses, world, natural)


def shuffled(poses: Tensor, rng: torch.Generator) -> Tensor:
    """In random order, so that every layout's group holds poses of every kind."""
    return poses[torch.randperm(len(poses), generator=rng, device=poses.device)]
