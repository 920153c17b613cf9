"""Corrections carried through time.

What a fit has to change about a regressor's rotations varies slowly, even where the motion does not. So frames that are
solved tell where to start on the frames between them, and what to believe where nothing shows a joint.
"""

from typing import Final

import numpy as np

from ...arrays import F32, Flags, Indices
from ...body.model import JOINT_COUNT, PARENTS
from ...body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from ...skeleton.markers import MarkerSet
from ..intervals import runs_of

FLIP_RAD: Final = np.radians(55.0)
"""A joint that turns more than this between two frames flips, unless the regressor sees it turn too."""
FLIP_FPS: Final = 25.0
"""At this rate or above; at lower ones joints turn farther between frames."""
FLIP_ROUNDS: Final = 4


def carry_corrections(solved_rotmat: F32, solved: Indices, reference_rotmat: F32, frames: Indices) -> F32:
    """The regressor's rotations at ``frames``, corrected as solved frames on either side had to be.

    solved_rotmat: (S, 24, 3, 3), at frames ``solved`` (S,), increasing; reference_rotmat: (T, 24, 3, 3), regressed;
    frames: (N,). Corrections lie on the shortest way between their neighbours' -> (N, 24, 3, 3).
    """
    change = np.swapaxes(reference_rotmat[solved], -1, -2) @ solved_rotmat
    if len(solved) == 1:
        return reference_rotmat[frames] @ change
    way = rotmat_to_rotvec(np.swapaxes(change[:-1], -1, -2) @ change[1:])
    before = np.clip(np.searchsorted(solved, frames, side="right") - 1, 0, len(solved) - 2)
    share = (frames - solved[before]) / (solved[before + 1] - solved[before])
    share = np.clip(share, 0.0, 1.0).astype(np.float32)[:, None, None]
    return reference_rotmat[frames] @ (change[before] @ rotvec_to_rotmat(share * way[before]))


def bridge_corrections(pose_rotmat: F32, reference_rotmat: F32, blind: Flags) -> F32:
    """Carry corrections across the frames in which nothing can be told of a joint.

    pose_rotmat, reference_rotmat: (T, 24, 3, 3), fitted and regressed; blind: (T, 24). Without it a joint would drop
    back to the regressor's rotation at the edge of every gap, and pop. Returns pose_rotmat's shape.
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
    """The regressor's rotations where points are noisy or missing: over short stretches in which nothing is seen of a
    joint, and where it flips, the shortest way between those on either side. There the regressor answers to bridges and
    noise, not to what was seen.

    reference_rotmat: (T, 24, 3, 3); blind: (T, 24); longest: such a stretch, in frames. Returns the same shape.
    """
    short = np.zeros_like(blind)
    for joint in np.flatnonzero(blind.any(axis=0)):
        for first, last in runs_of(blind[:, joint]):
            short[first : last + 1, joint] = last - first < longest
    nothing = np.broadcast_to(np.eye(3, dtype=np.float32), reference_rotmat.shape)
    return mend_flips(bridge_corrections(reference_rotmat, nothing, short), nothing, fps=fps)


def mend_flips(pose_rotmat: F32, reference_rotmat: F32, *, fps: float) -> F32:
    """Take back turns between two frames that nobody makes and that the regressor does not see either.

    pose_rotmat, reference_rotmat: (T, 24, 3, 3). The frames on both sides of such a turn are bridged; what a flip had
    joined may turn next, so it is done a few times, and what then is left takes the regressor's rotation.
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
    """Whether a joint turns farther to the next frame: the trace of that turn is 1 + 2 cos. (T, 24, 3, 3) -> (T - 1,
    24)."""
    trace = np.einsum("tjab,tjab->tj", pose_rotmat[:-1], pose_rotmat[1:])
    return np.asarray(trace < 1.0 + 2.0 * np.cos(min(most_rad, np.pi)))


def blind_joints(markers: MarkerSet, seen: Flags) -> Flags:
    """Joints that no seen point depends on: (T, 24). A point depends on the bones that it rides on and on all above; a
    joint's own centre only on those above."""
    at_centre = np.linalg.norm(markers.offsets_m, axis=1) < 1e-4
    depends = np.zeros((markers.layout.count, JOINT_COUNT), bool)
    for point, joint in zip(*np.nonzero(markers.weights), strict=True):
        at = PARENTS[joint] if at_centre[point] and markers.weights[point, joint] > 0.999 else int(joint)
        while at >= 0:
            depends[point, at] = True
            at = PARENTS[at]
    ever = depends.any(axis=0)
    return ~(seen.astype(np.uint8) @ depends.astype(np.uint8)).astype(bool) & ever
