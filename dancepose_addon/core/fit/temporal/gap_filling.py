# SPDX-License-Identifier: Apache-2.0
"""Gap filling and flip repair of rotations.

The correction that a fit applies to a regressor's rotations varies slowly, even where the motion does not. Corrections
of solved frames are therefore interpolated: to initialise the frames between them, and to pose joints while they are
not observed.
"""

from typing import Final

import numpy as np

from ...arrays import F32, Flags, Indices
from ...body.frames_last import matrix_products
from ...body.model import JOINT_COUNT, PARENTS
from ...body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ...skeleton.markers import MarkerSet
from ..intervals import runs_of

FLIP_RAD: Final = np.radians(55.0)
"""A joint that turns more than this between two frames flips, unless the regressor shows the same turn."""
FLIP_FPS: Final = 25.0
"""Frame rate up to which the limit is raised: at lower rates joints turn farther between frames."""
FLIP_ROUNDS: Final = 4


def carry_corrections(solved_rotmat: F32, solved: Indices, reference_rotmat: F32, frames: Indices) -> F32:
    """Apply interpolated corrections of solved frames to the regressor's rotations.

    Corrections are interpolated along the shortest rotation between neighbouring solved frames.

    Args:
        solved_rotmat: Solved local rotations, (S, 24, 3, 3).
        solved: Their frames, (S,), increasing.
        reference_rotmat: Regressed rotations, (T, 24, 3, 3).
        frames: Frames to correct, (N,).

    Returns:
        Corrected rotations, (N, 24, 3, 3).
    """
    change = matrix_products(np.swapaxes(reference_rotmat[solved], -1, -2), solved_rotmat)
    if len(solved) == 1:
        return reference_rotmat[frames] @ change
    way = rotmat_to_rotvec(matrix_products(np.swapaxes(change[:-1], -1, -2), change[1:]))
    before = np.clip(np.searchsorted(solved, frames, side="right") - 1, 0, len(solved) - 2)
    share = (frames - solved[before]) / (solved[before + 1] - solved[before])
    share = np.clip(share, 0.0, 1.0).astype(np.float32)[:, None, None]
    between = matrix_products(change[before], rotvec_to_rotmat(share * way[before]))
    return matrix_products(reference_rotmat[frames], between)


def bridge_corrections(pose_rotmat: F32, reference_rotmat: F32, blind: Flags) -> F32:
    """Interpolate corrections over frames in which a joint is not observed.

    Without this a joint would return to the regressor's rotation at the edge of every gap, and jump.

    Args:
        pose_rotmat: Fitted rotations, (T, 24, 3, 3).
        reference_rotmat: Regressed rotations, (T, 24, 3, 3).
        blind: Frames in which a joint is not observed, (T, 24).

    Returns:
        Rotations, (T, 24, 3, 3).
    """
    pose = pose_rotmat.copy()
    for joint in np.flatnonzero(blind.any(axis=0) & ~blind.all(axis=0)):
        one = slice(joint, joint + 1)
        for first, last in runs_of(blind[:, joint]):
            edges = np.array([frame for frame in (first - 1, last + 1) if 0 <= frame < len(pose)])
            frames = np.arange(first, last + 1)
            pose[frames, one] = carry_corrections(pose_rotmat[edges, one], edges, reference_rotmat[:, one], frames)
    return pose


def steady_reference(reference_rotmat: F32, blind: Flags, *, longest: int, fps: float) -> F32:
    """Interpolate the regressor's rotations where points are noisy or missing.

    Short runs in which a joint is not observed, and flips, are replaced by the shortest rotation between the frames on
    both sides: there the regressor responds to interpolated points and noise.

    Args:
        reference_rotmat: Regressed rotations, (T, 24, 3, 3).
        blind: Frames in which a joint is not observed, (T, 24).
        longest: Longest run to interpolate, frames.
        fps: Frames per second.

    Returns:
        Rotations, (T, 24, 3, 3).
    """
    short = np.zeros_like(blind)
    for joint in np.flatnonzero(blind.any(axis=0)):
        for first, last in runs_of(blind[:, joint]):
            short[first : last + 1, joint] = last - first < longest
    nothing = np.broadcast_to(np.eye(3, dtype=np.float32), reference_rotmat.shape)
    return undo_flips(bridge_corrections(reference_rotmat, nothing, short), nothing, fps=fps)


def undo_flips(pose_rotmat: F32, reference_rotmat: F32, *, fps: float) -> F32:
    """Undo implausible rotations between two frames that the regressor does not show.

    The frames on both sides of a flip are interpolated. Repairing one flip may reveal another, so this is repeated;
    what remains takes the regressor's rotation.

    Args:
        pose_rotmat: Fitted rotations, (T, 24, 3, 3).
        reference_rotmat: Regressed rotations, (T, 24, 3, 3).
        fps: Frames per second.

    Returns:
        Rotations, (T, 24, 3, 3).
    """
    pose, flipped = pose_rotmat, np.zeros(pose_rotmat.shape[:2], bool)
    most = FLIP_RAD * max(1.0, FLIP_FPS / fps)
    calm = ~_turns_beyond(reference_rotmat, most)
    for _ in range(FLIP_ROUNDS):
        flips = _turns_beyond(pose, most) & calm
        if not flips.any():
            return pose
        flipped[:-1] |= flips
        flipped[1:] |= flips
        pose = bridge_corrections(pose_rotmat, reference_rotmat, flipped)
    flips = _turns_beyond(pose, most) & calm
    jointwise = flips.any(axis=0)
    return np.where(jointwise[:, None, None], np.where(flipped[..., None, None], reference_rotmat, pose), pose)


def _turns_beyond(pose_rotmat: F32, most_rad: float) -> Flags:
    """Tell which joints turn farther than a limit to the next frame; the trace of a rotation is 1 + 2 cos.

    Args:
        pose_rotmat: (T, 24, 3, 3).
        most_rad: The limit, radians.

    Returns:
        (T - 1, 24).
    """
    trace = np.einsum("tjab,tjab->tj", pose_rotmat[:-1], pose_rotmat[1:])
    return np.asarray(trace < 1.0 + 2.0 * np.cos(min(most_rad, np.pi)))


def blind_joints(markers: MarkerSet, seen: Flags) -> Flags:
    """Find joints that no visible point depends on.

    A point depends on the bones it is attached to and on all their ancestors; a joint's own centre depends on the
    ancestors only.

    Args:
        markers: Attachment of the points.
        seen: Visibility of the points, (T, K).

    Returns:
        Joints that are not observed, (T, 24).
    """
    at_centre = np.linalg.norm(markers.offsets_m, axis=1) < 1e-4
    depends = np.zeros((markers.layout.count, JOINT_COUNT), bool)
    for point, joint in zip(*np.nonzero(markers.weights), strict=True):
        at = PARENTS[joint] if at_centre[point] and markers.weights[point, joint] > 0.999 else int(joint)
        while at >= 0:
            depends[point, at] = True
            at = PARENTS[at]
    ever = depends.any(axis=0)
    return ~(seen.astype(np.uint8) @ depends.astype(np.uint8)).astype(bool) & ever
