"""Collections of motion of any size, file by file into shards, without ever holding them whole."""

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
    """Read every CMU .bvh and AMASS .npz under ``folder`` into shards in ``out``.

    As ``prior.load_prior`` reads them, but that repetitions are thinned within each file alone, and that no mirror
    images are added: set ``augment.mirror`` at training. BVH files are taken subject by subject, a subject being the
    part of a name before its last underscore, since head and wrists are levelled over all of a subject's clips.

    Returns the path of the index, and notes, one sentence on each source.

    Raises:
        MissingFileError: no such folder. InputError: not one pose. OutputError: a file cannot be written.
    """
    if not folder.is_dir():
        raise MissingFileError(f"{folder} does not exist. Give a folder of CMU .bvh or AMASS .npz files.")
    writer, notes = ShardWriter(out), []
    groups = _groups(sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".bvh", AMASS_SUFFIX)))
    for index, paths in enumerate(groups):
        progress(index / len(groups), f"Reading {paths[0].name}")
        clips = []
        for path in paths:
            amass = path.suffix.lower() == AMASS_SUFFIX
            try:
                clip, note = read_amass(path, folder, fps) if amass else read_bvh(path, folder, fps, rest_joints_m)
            except DancePoseError as error:
                notes.append(f"Skipped: {error}")
                continue
            clips.append(clip)
            notes.append(note)
        for clip in level_subjects(clips):
            pose = clip.pose_rotmat
            if rebalance and len(pose):
                pose = pose[thin(pose, rest_joints_m, seed=seed, radius_m=apart_m)]
            if len(pose):
                writer.add(clip.name, pose)
    return writer.close(notes), tuple(notes)


def _groups(paths: list[Path]) -> list[list[Path]]:
    """BVH files of one subject together, every AMASS file alone."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        stem = str(path.with_suffix(""))
        alone = path.suffix.lower() == AMASS_SUFFIX
        groups.setdefault(str(path) if alone else stem.rpartition("_")[0] or stem, []).append(path)
    return list(groups.values())
