# SPDX-License-Identifier: Apache-2.0
"""Recorded key-points: reading, splitting and sampling."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import re
from typing import Final

import numpy as np
import torch
from torch import Tensor

from dancepose_addon.core.fit.normalise import normalise
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import KeypointSequence, require_whole, validate

from ..body.layout_batch import LayoutBatch
from ..config import Config
from ..training_errors import ConfigError

LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class MotionSet:
    """Recorded training frames.

    Attributes:
        points_norm: (N, K, 3), centred and divided by the scale of the clip.
        norm_per_m: (N,), converts metres of the mean body to that frame.
        train_clips: Names of the clips used for training.
        test_clips: Names of the other clips.
    """

    points_norm: Tensor
    norm_per_m: Tensor
    train_clips: tuple[str, ...]
    test_clips: tuple[str, ...]


def read_clips(folders: tuple[Path, ...], layout: str) -> list[KeypointSequence]:
    """Read every clip in the folders, each once however often it is given.

    Args:
        folders: Clips, or folders of clips.
        layout: Layout of the recordings.

    Returns:
        The clips; every point of every frame is present.

    Raises:
        ConfigError: There is no clip.
        InputError: A clip cannot be read.
    """
    paths = [path for folder in folders for path in clip_paths(folder)]
    if not paths:
        raise ConfigError("No recordings were found. Give a folder with M&D clips or .npy files.")
    once = {path.resolve(): path for path in reversed(paths)}
    chosen = [path for path in paths if once.get(path.resolve()) is path]
    return [require_whole(validate(read(path, layout=layout))) for path in chosen]


def clip_names(clips: Sequence[KeypointSequence]) -> list[str]:
    """Name clips by their files, with the folders that tell equal file names apart.

    Args:
        clips: The clips.

    Returns:
        One name per clip, all different where the paths of the files are.
    """
    paths = [Path(clip.source).resolve() for clip in clips]
    depth = dict.fromkeys(range(len(paths)), 1)

    def name(index: int) -> str:
        return "/".join(paths[index].parts[-depth[index] :])

    while True:
        named = Counter(map(name, depth))
        equal = [i for i in depth if named[name(i)] > 1 and depth[i] < len(paths[i].parts)]
        if not equal:
            return [name(index) for index in depth]
        for index in equal:
            depth[index] += 1


def clip_paths(path: Path) -> list[Path]:
    """Return the clips of a folder, or the path itself if it is a clip or contains none."""
    if not path.is_dir() or is_clip(path):
        return [path]
    return sorted(inner for inner in path.iterdir() if is_clip(inner)) or [path]


def is_clip(path: Path) -> bool:
    """Return whether a path is a clip."""
    return (path / "skeletons.json").is_file() or path.suffix in (".npy", ".npz", ".c3d", ".trc", ".csv")


def dance_of(name: str) -> str:
    """Return the letter of a clip's dance, e.g. W for DANCE_W_3, or "" if the name has another form."""
    found = re.fullmatch(r"(?:.*/)?DANCE_([A-Z])_\d+", name)
    return found.group(1) if found else ""


def split_clips(names: Sequence[str], config: Config) -> tuple[list[int], list[int]]:
    """Split clips at random into training and test clips.

    Args:
        names: Names of the clips.
        config: Seed and proportion; ``data.stratified`` splits each dance in proportion.

    Returns:
        Sorted indices of the training clips and of the test clips.
    """
    random = np.random.default_rng(config.seed)
    share = config.data.motion_train_clips / config.data.motion_all_clips
    groups = [list(range(len(names)))]
    if config.data.stratified:
        dances = sorted({dance_of(name) for name in names})
        groups = [[i for i, name in enumerate(names) if dance_of(name) == dance] for dance in dances]
    train: list[int] = []
    for group in groups:
        order = random.permutation(len(group))
        wanted = len(group) if share >= 1.0 else min(len(group), max(1, round(len(group) * share)))
        train += [group[index] for index in order[:wanted]]
    return sorted(train), sorted(set(range(len(names))) - set(train))


def motion_set(
    clips: list[KeypointSequence], layout_batch: LayoutBatch, config: Config, device: torch.device | str
) -> MotionSet:
    """Normalise the training clips and sample frames of them without replacement."""
    names = clip_names(clips)
    train, test = split_clips(names, config)
    if len(clips) != config.data.motion_all_clips:
        LOGGER.warning(
            "%d of %d clips are present; using %d for training and %d for testing, in proportion.",
            len(clips), config.data.motion_all_clips, len(train), len(test),
        )  # fmt: skip
    points, scales = [], []
    factor, body_edge_sum = float(layout_batch.size_factor[0]), float(layout_batch.body_edge_sum[0])
    for index in train:
        keypoints = clips[index].keypoints_m
        normalised, divisor = normalise(
            keypoints, layout_batch.layouts[0], kind=config.data.normalise, size_factor=factor
        )
        points.append(torch.from_numpy(normalised))
        edges = float(layout_batch.edge_sum(torch.from_numpy(keypoints).to(layout_batch.mask.device)).mean())
        scales.append(torch.full((len(keypoints),), edges / (body_edge_sum * divisor)))
    all_points, all_scales = torch.cat(points), torch.cat(scales)
    wanted = config.data.motion_frames
    if 0 < wanted < len(all_points):
        chosen = torch.randperm(len(all_points), generator=torch.Generator().manual_seed(config.seed))[:wanted]
        all_points, all_scales = all_points[chosen], all_scales[chosen]
    return MotionSet(
        all_points.to(device),
        all_scales.to(device),
        tuple(names[index] for index in train),
        tuple(names[index] for index in test),
    )
