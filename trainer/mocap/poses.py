# SPDX-License-Identifier: Apache-2.0
"""Natural poses: samples of people for the discriminator, and the source of synthesised key-points.

Poses come from motion files that the user has or downloads: CMU's motion capture as BVH (free for any use) and AMASS
(registered, non-commercial) or AIST++ (.pkl, CC BY 4.0). None is shipped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import logging
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.axes import UPRIGHT
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, MIRRORED_JOINTS, forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import NPZ_LIMITS
from dancepose_addon.core.body.rotation import geodesic_angle, rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.bounded_files import open_npz
from dancepose_addon.core.errors import DancePoseError, FormatError, InputError, MissingFileError
from dancepose_addon.core.io.theta import motion_of
from dancepose_addon.core.skeleton.readers import examine
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh
from dancepose_addon.core.skeleton.readers.theta_contents import joints24
from dancepose_addon.core.skeleton.recording import PoseRecording

from .amass_axes import up_of
from .cmu_retargeting import level, repair_flips, retarget
from .saved_poses import read_saved_poses

logger = logging.getLogger(__name__)

BODY_JOINTS: Final = 22
"""The first 22 joints are the body in SMPL, SMPL+H and SMPL-X alike; jaw, eyes and hands follow."""
MIRROR: Final = np.array([-1.0, 1.0, 1.0], np.float32)
STILL_RAD: Final = np.radians(5.0)
"""A clip starts when some joint has rotated this far from the first frame, and ends likewise."""
POSES_FPS: Final = 60.0
THINNING_M: Final = 0.009
"""Poses closer than this (RMS distance over limb joints) count as one.

At 9 mm, standing still counts once, while steps that repeat each other still differ in what limbs do not show, such as
head direction. At 35 mm the regressor overfits those unobserved rotations.
"""
MOST_POSES: Final = 100_000
"""More than a network of this size can use; AMASS contains fifty times as many."""
HOLDOUT_SEED: Final = 2026
FEATURE_JOINTS: Final = tuple(
    JOINT_INDEX[name]
    for name in (
        "left_knee", "right_knee", "left_ankle", "right_ankle", "left_foot", "right_foot", "neck", "head",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
    )
)  # fmt: skip


@dataclass(frozen=True)
class PoseDataset:
    """Poses of people, without order.

    Attributes:
        pose_rotmat: (N, 24, 3, 3), local rotations, SMPL axes; the root includes the heading.
        clip: (N,), index into ``clip_names``. Hold out whole clips, never frames.
        clip_names: Names of the clips.
        mirrored: (N,), true for mirror images.
        notes: One sentence per source: what was read, what was left out and why.
        smpl: Of each clip, whether its rotations are SMPL's own; those of a BVH skeleton are retargeted.
    """

    pose_rotmat: F32
    clip: NDArray[np.int32]
    clip_names: tuple[str, ...]
    mirrored: NDArray[np.bool_]
    notes: tuple[str, ...] = field(default=(), compare=False)
    smpl: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.pose_rotmat)

    def save(self, path: Path) -> None:
        """Write an .npz that ``load_poses`` reads back in a fraction of the time.

        Args:
            path: File to write.

        Raises:
            OutputError: The file cannot be written.
        """
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                prior_poses=rotmat_to_rotvec(self.pose_rotmat),
                clip=self.clip,
                clip_names=np.array(self.clip_names),
                mirrored=self.mirrored,
                notes=np.array(self.notes),
                smpl=np.array(self.smpl, bool),
            )


@dataclass(frozen=True)
class Clip:
    """One file at the wanted frame rate.

    Attributes:
        name: Path relative to the folder, without suffix.
        pose_rotmat: (T, 24, 3, 3), local rotations.
        subject: Identifies the person of a retargeted clip; clips with equal values are of one person. Empty where
            the rotations are SMPL's own.
    """

    name: str
    pose_rotmat: F32
    subject: bytes = b""


def load_poses(
    folder: Path,
    *,
    mirror: bool = True,
    fps: float = POSES_FPS,
    rebalance: bool = True,
    apart_m: float = THINNING_M,
    seed: int = 0,
    rest_joints_m: F32 | None = None,
) -> PoseDataset:
    """Read every CMU .bvh, AMASS .npz and AIST++ .pkl below a folder, or what ``PoseDataset.save`` wrote.

    The same arguments give the same poses.

    Args:
        folder: The folder, or a saved file.
        mirror: Add mirror images.
        fps: Poses taken per second of motion.
        rebalance: Thin out repetitions, so that walking does not outweigh everything else.
        apart_m: Smallest distance of two poses when thinning, metres (RMS over limb joints).
        seed: Seed of the order of thinning.
        rest_joints_m: (24, 3), metres, T-pose of the body; None for the default body.

    Returns:
        The poses.

    Raises:
        MissingFileError: There is no such folder.
        InputError: No file in it can be used.
    """
    if folder.is_file():
        return _load_saved(folder)
    if not folder.is_dir():
        raise MissingFileError(f"{folder} does not exist. Give a folder of CMU .bvh, AMASS .npz or AIST++ .pkl files.")
    rest = load_body().rest_joints() if rest_joints_m is None else rest_joints_m
    readers: dict[str, Callable[[Path], tuple[Clip, str]]] = {
        ".bvh": lambda path: read_bvh(path, folder, fps, rest),
        ".npz": lambda path: read_amass(path, folder, fps),
        ".pkl": lambda path: read_theta(path, folder, fps),
    }
    clips, notes = [], []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in readers):
        try:
            clip, note = readers[path.suffix.lower()](path)
        except DancePoseError as error:
            logger.warning("Skipped: %s", error)
            notes.append(f"Skipped: {error}")
            continue
        if rebalance and len(clip.pose_rotmat):
            kept = thin(clip.pose_rotmat, rest, seed=seed, radius_m=apart_m)
            clip = replace(clip, pose_rotmat=clip.pose_rotmat[kept])
        clips.append(clip)
        notes.append(note)
    clips = [clip for clip in level_subjects(clips) if len(clip.pose_rotmat)]
    if not clips:
        skipped = f" {len(notes)} files were skipped, the first: {notes[0]}" if notes else ""
        raise InputError(f"{folder} holds no usable CMU .bvh, AMASS .npz or AIST++ .pkl file.{skipped}")
    pose = np.concatenate([clip.pose_rotmat for clip in clips])
    index = np.repeat(np.arange(len(clips), dtype=np.int32), [len(clip.pose_rotmat) for clip in clips])
    if rebalance:
        if len(pose) > MOST_POSES:
            chosen = np.sort(np.random.default_rng(seed).choice(len(pose), MOST_POSES, replace=False))
            pose, index = pose[chosen], index[chosen]
        kept = thin(pose, rest, seed=seed, radius_m=apart_m)
        notes.append(f"Kept {len(kept)} poses that differ by {apart_m * 1000:g} mm or more.")
        pose, index = pose[kept], index[kept]
    mirrored = np.zeros(len(pose), bool)
    if mirror:
        pose, index = np.concatenate([pose, mirror_pose(pose)]), np.concatenate([index, index])
        mirrored = np.concatenate([mirrored, ~mirrored])
    logger.info("Prior: %d poses of %d clips in %s", len(pose), len(clips), folder)
    return PoseDataset(
        pose,
        index,
        tuple(clip.name for clip in clips),
        mirrored,
        tuple(notes),
        tuple(not clip.subject for clip in clips),
    )


def held_out(clip_names: tuple[str, ...], share: float) -> NDArray[np.intp]:
    """Choose the clips that training leaves out.

    The choice depends on the names alone, so that every run over the same recordings leaves out the same clips.

    Args:
        clip_names: Names of all clips.
        share: Share to leave out.

    Returns:
        Sorted indices.
    """
    order = np.random.default_rng(HOLDOUT_SEED).permutation(len(clip_names))
    by_name = np.argsort(np.array(clip_names))
    return np.sort(by_name[order[: round(share * len(clip_names))]])


def mirror_pose(pose_rotmat: F32) -> F32:
    """Mirror poses: M R M on the other side's joint, M = diag(-1, 1, 1). (..., 24, 3, 3) to (..., 24, 3, 3)."""
    return (MIRROR[:, None] * MIRROR) * pose_rotmat[..., list(MIRRORED_JOINTS), :, :]


def thin(pose_rotmat: F32, rest_joints_m: F32, *, seed: int, radius_m: float = THINNING_M) -> NDArray[np.intp]:
    """Choose poses no two of which are closer than a radius.

    Poisson-disk sampling by dart throwing (Cook 1986) in the space of limb joints relative to the pelvis, without
    heading.

    Args:
        pose_rotmat: (N, 24, 3, 3), local rotations.
        rest_joints_m: (24, 3), T-pose, metres.
        seed: Seed of the order.
        radius_m: Smallest RMS distance, metres.

    Returns:
        Sorted indices; all of them for a radius of zero.
    """
    if radius_m <= 0.0:
        return np.arange(len(pose_rotmat))
    _, joints = forward_kinematics(rest_joints_m, without_heading(pose_rotmat))
    features = joints[:, list(FEATURE_JOINTS)].reshape(len(joints), -1)
    limit = radius_m**2 * len(FEATURE_JOINTS)
    square = (features**2).sum(axis=1)
    kept = np.empty(len(features), np.intp)
    count = 0
    order = np.random.default_rng(seed).permutation(len(features))
    for batch in np.array_split(order, max(1, len(order) // 256)):
        near = square[batch, None] + square[kept[:count]] - 2.0 * features[batch] @ features[kept[:count]].T
        candidates = batch[~(near < limit).any(axis=1)]
        among = square[candidates, None] + square[candidates] - 2.0 * features[candidates] @ features[candidates].T
        free = np.ones(len(candidates), bool)
        for row in range(len(candidates)):
            if free[row]:
                free[row + 1 :] &= among[row, row + 1 :] >= limit
        chosen = candidates[free]
        kept[count : count + len(chosen)] = chosen
        count += len(chosen)
    return np.sort(kept[:count])


def without_heading(pose_rotmat: F32) -> F32:
    """Rotate poses about the vertical so that the pelvis faces +z: (N, 24, 3, 3) to (N, 24, 3, 3)."""
    root = pose_rotmat[:, 0]
    # Facing from the lateral axis: it stays level when a dancer bends forward, the forward axis does not.
    yaw = np.arctan2(-root[:, 2, 0], root[:, 0, 0])
    turned = pose_rotmat.copy()
    turned[:, 0] = rotvec_to_rotmat(np.stack([0 * yaw, -yaw, 0 * yaw], axis=-1).astype(np.float32)) @ root
    return turned


def read_bvh(path: Path, folder: Path, fps: float, rest_joints_m: F32) -> tuple[Clip, str]:
    """Read and retarget a CMU .bvh file.

    Args:
        path: The file.
        folder: Folder that names are relative to.
        fps: Poses taken per second.
        rest_joints_m: (24, 3), T-pose, metres.

    Returns:
        The clip, and a sentence on what was kept.

    Raises:
        FormatError: The file is no BVH motion, or has no frames after the first.
    """
    motion = parse_bvh(path)
    _require_frames(len(motion) - 1, path, "after the first, which is a rest pose")
    local, usable, bad = repair_flips(retarget(motion, rest_joints_m)[1:], motion.fps)
    frames = _frames_at(_moving(local), motion.fps, fps)
    frames = frames[usable[frames]]
    note = f"{path.relative_to(folder)}: {len(frames)} poses; {bad:.2%} of joint rotations were flips"
    note += f", {np.mean(~usable):.1%} of frames dropped." if not usable.all() else "."
    return Clip(str(path.relative_to(folder).with_suffix("")), local[frames], motion.offsets.tobytes()), note


def read_amass(path: Path, folder: Path, fps: float) -> tuple[Clip, str]:
    """Read an AMASS .npz file.

    Args:
        path: The file.
        folder: Folder that names are relative to.
        fps: Poses taken per second.

    Returns:
        The clip, and a sentence on what was kept.

    Raises:
        FormatError: The file is no AMASS motion, or has no frames.
    """
    try:
        arrays = open_npz(path, limits=NPZ_LIMITS, wanted=("poses", "mocap_framerate", "mocap_frame_rate"))
        poses = np.asarray(arrays["poses"], np.float32)
        rate = float(arrays["mocap_framerate" if "mocap_framerate" in arrays else "mocap_frame_rate"])
    except KeyError as error:
        missing = "poses" if "poses" in str(error) else "mocap_framerate"
        raise FormatError(f"{path} is not an AMASS motion: it has no {missing}.") from error
    except (FormatError, ValueError, TypeError, OSError) as error:
        raise FormatError(f"{path} is not an AMASS motion ({error}); expected poses and mocap_framerate.") from error
    if poses.ndim != 2 or poses.shape[1] not in (72, 156, 165):
        raise FormatError(f"{path} has poses of shape {poses.shape}; expected (T, 72), (T, 156) or (T, 165).")
    if not np.isfinite(poses).all():
        lost = np.flatnonzero(~np.isfinite(poses).all(axis=1))
        raise FormatError(f"{path} has poses that are not finite in {len(lost)} of {len(poses)} frames. Remove them.")
    if not 0.0 < rate < np.inf:
        raise FormatError(f"{path} has a mocap_framerate of {rate}; expected a number above zero.")
    _require_frames(len(poses), path)
    joints24(poses[:, : BODY_JOINTS * 3].reshape(-1, BODY_JOINTS, 3).astype(np.float64), str(path))
    local = np.broadcast_to(np.eye(3, dtype=np.float32), (len(poses), JOINT_COUNT, 3, 3)).copy()
    local[:, :BODY_JOINTS] = rotvec_to_rotmat(poses[:, : BODY_JOINTS * 3].reshape(-1, BODY_JOINTS, 3))
    up, note = up_of(local, path)
    local[:, 0] = UPRIGHT[up] @ local[:, 0]
    frames = _frames_at(_moving(local), rate, fps)
    name = str(path.relative_to(folder).with_suffix(""))
    return Clip(name, local[frames]), f"{path.relative_to(folder)}: {len(frames)} poses.{note}"


def read_theta(path: Path, folder: Path, fps: float) -> tuple[Clip, str]:
    """Read any other file of SMPL rotations that the package reads, such as AIST++'s .pkl; arguments as ``read_amass``.

    Raises:
        InputError: The file does not hold SMPL rotations, or has no frames.
    """
    recording = examine(path).recording
    if not isinstance(recording, PoseRecording):
        raise FormatError(f"{path} holds key-points; expected SMPL rotations.")
    motion = motion_of(recording, load_body())
    _require_frames(len(motion.pose_rotmat), path)
    frames = _frames_at(_moving(motion.pose_rotmat), motion.fps, fps)
    name = str(path.relative_to(folder).with_suffix(""))
    return Clip(name, motion.pose_rotmat[frames]), f"{path.relative_to(folder)}: {len(frames)} poses."


def _require_frames(count: int, path: Path, which: str = "") -> None:
    if not count:
        frames = f"frames {which}".rstrip()
        raise FormatError(f"{path} has no {frames}; expected at least one. Remove it, or export its motion again.")


def _moving(local: F32) -> tuple[int, int]:
    """Return the first frame and one past the last, without the stillness at both ends of a recording."""
    away = [geodesic_angle(local[still][None], local).max(axis=1) > STILL_RAD for still in (0, -1)]
    if not away[0].any():
        return 0, 1
    return int(np.argmax(away[0])), len(local) - int(np.argmax(away[1][::-1]))


def _frames_at(span: tuple[int, int], rate: float, fps: float) -> NDArray[np.intp]:
    """Return the frames of ``span`` nearest to times 1 / fps apart, or all frames if the recording has fewer."""
    step = max(rate / fps, 1.0)
    return np.round(np.arange(span[0], span[1] - 0.5, step)).astype(np.intp)


def level_subjects(clips: list[Clip]) -> list[Clip]:
    """Correct head and wrists of each BVH subject; AMASS does not need it."""
    levelled = {}
    for subject in sorted({clip.subject for clip in clips if clip.subject}):
        members = [clip for clip in clips if clip.subject == subject]
        for clip, pose in zip(members, level([clip.pose_rotmat for clip in members]), strict=True):
            levelled[clip.name] = Clip(clip.name, pose, subject)
    return [levelled.get(clip.name, clip) for clip in clips]


def _load_saved(path: Path) -> PoseDataset:
    arrays = read_saved_poses(path)
    return PoseDataset(
        rotvec_to_rotmat(np.asarray(arrays["prior_poses"], np.float32)),
        np.asarray(arrays["clip"], np.int32),
        tuple(arrays["clip_names"].tolist()),
        arrays["mirrored"],
        tuple(arrays["notes"].tolist()),
        tuple(arrays["smpl"].tolist()),
    )
