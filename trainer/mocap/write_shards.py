# SPDX-License-Identifier: Apache-2.0
"""Convert motion collections of any size to shards, file by file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.errors import DancePoseError, MissingFileError
from dancepose_addon.core.progress import Progress, silent

from .pose_pool import ShardWriter
from .poses import POSES_FPS, THINNING_M, level_subjects, read_amass, read_bvh, thin

AMASS_SUFFIX: Final = ".npz"


def write_shards(
    folder: Path,
    out: Path,
    *,
    rest_joints_m: F32,
    fps: float = POSES_FPS,
    rebalance: bool = True,
    apart_m: float = THINNING_M,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Path, tuple[str, ...]]:
    """Read every CMU .bvh and AMASS .npz below a folder into shards.

    As ``load_poses``, except that repetitions are thinned within each file only and no mirror images are added: set
    ``augment.mirror`` for training. BVH files are read subject by subject, a subject being the part of a name before
    its last underscore, since head and wrists are corrected over all clips of a subject.

    Args:
        folder: Folder to read.
        out: Folder to write.
        rest_joints_m: (24, 3), T-pose of the body, metres.
        fps: Poses taken per second of motion.
        rebalance: Thin out repetitions.
        apart_m: Smallest distance of two poses when thinning, metres.
        seed: Seed of the order of thinning.
        progress: Called with the fraction done and a message.

    Returns:
        The path of the index, and one sentence per source.

    Raises:
        MissingFileError: There is no such folder.
        InputError: There is no pose.
        OutputError: A file cannot be written.
    """
    if not folder.is_dir():
        raise MissingFileError(f"{folder} does not exist. Give a folder of CMU .bvh or AMASS .npz files.")
    writer = ShardWriter(out)
    try:
        notes = list(_written(writer, folder, rest_joints_m, fps, apart_m if rebalance else None, seed, progress))
        return writer.close(notes), tuple(notes)
    except BaseException:
        writer.discard()
        raise


def _written(
    writer: ShardWriter,
    folder: Path,
    rest_joints_m: F32,
    fps: float,
    apart_m: float | None,
    seed: int,
    progress: Progress,
) -> Iterator[str]:
    """Write the poses of all files, and yield a sentence on each."""
    groups = _groups(sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".bvh", AMASS_SUFFIX)))
    for index, paths in enumerate(groups):
        progress(index / len(groups), f"Reading {paths[0].name}")
        clips = []
        for path in paths:
            amass = path.suffix.lower() == AMASS_SUFFIX
            try:
                clip, note = read_amass(path, folder, fps) if amass else read_bvh(path, folder, fps, rest_joints_m)
            except DancePoseError as error:
                yield f"Skipped: {error}"
                continue
            clips.append(clip)
            yield note
        for clip in level_subjects(clips):
            pose = clip.pose_rotmat
            if apart_m is not None and len(pose):
                pose = pose[thin(pose, rest_joints_m, seed=seed, radius_m=apart_m)]
            if len(pose):
                writer.add(clip.name, pose)


def _groups(paths: list[Path]) -> list[list[Path]]:
    """Group the BVH files of a subject; every AMASS file is on its own."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        stem = str(path.with_suffix(""))
        alone = path.suffix.lower() == AMASS_SUFFIX
        groups.setdefault(str(path) if alone else stem.rpartition("_")[0] or stem, []).append(path)
    return list(groups.values())
