# SPDX-License-Identifier: Apache-2.0
"""Guess which bone each point of an unknown layout is attached to, from recordings alone.

Only the identity of the points from frame to frame is known. The body is fitted to single frames from several headings
(points near the skin or the joints, every part of the body near some point, a natural pose). The most likely fits give
candidate attachments. All frames are then posed with each candidate, and each point is moved to the bone relative to
which it moves least. The candidate that explains the frames best is returned.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_COUNT, PARENTS, BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.progress import Progress, part_of, silent
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers

from ..body.torch_smpl import TorchBody, forward_kinematics, torch_body
from .frame_fitting import (
    YAWS,
    Attachment,
    fit_to_frames,
    nearest_attachment,
    sample_body,
    scaled_to_body,
    unknowns_at,
    upright_frames,
)
from .solve import CalibrationSettings, CalibrationSolution, loss_terms, solve
from .unknowns import PoseUnknowns, Skin, points_of

FRAMES: Final = 96
"""Number of frames that the best candidates are posed on; all candidates are tried on a third of these."""
CANDIDATES: Final = 6
FINALISTS: Final = 3
TRYING: Final = CalibrationSettings(frames=FRAMES // 3, steps=120, pose_weight=0.3, shape_weight=0.3)
SOLVING: Final = CalibrationSettings(frames=FRAMES, steps=240, pose_weight=0.3, shape_weight=0.3)
ROUNDS: Final = 2
LAST_ROUNDS: Final = 4
"""Rounds of re-attaching points to the bone relative to which they move least: for all candidates, and the best."""
VOTED: Final = 40
AGREEING: Final = 0.5
STRAY: Final = 2.0
STRAY_M: Final = 0.012
RIGID_M: Final = 0.012
"""Two points whose distance varies by less (standard deviation) are on one bone, or next to a joint's axis."""
FAR_M: Final = 0.09
"""A point farther than this from a bone's own skin is assumed not to be attached to it."""
FEWEST: Final = 8


@dataclass(frozen=True)
class Guess:
    """Guessed attachments of K points.

    Attributes:
        joints: (K,), the bone of each point.
        second: (K,), the next likely bone: a neighbour of it, or the bone itself.
        rest_m: (K, 3), positions on the mean body in the T-pose, metres.
        spread_m: (K,), how far a point moves relative to its bone, metres.
        doubt: (K,), that spread over the smallest on any bone that is no neighbour; well below 1 if the bone is clear.
        residual_m: Mean remaining distance, metres.
        runner_up_m: The same for the best other candidate.
    """

    joints: NDArray[np.int64]
    second: NDArray[np.int64]
    rest_m: F32
    spread_m: F32
    doubt: F32
    residual_m: float
    runner_up_m: float


def guess_assignment(keypoints_m: F32, body: BodyModel, *, seed: int = 0, progress: Progress = silent) -> Guess:
    """Guess where the points of a recording are attached.

    Args:
        keypoints_m: (T, K, 3), any unit, y up, without gaps.
        body: The mean body.
        seed: Seed of the optimisation.
        progress: Called with the fraction done and a message.

    Returns:
        The best candidate.

    Raises:
        InputError: There are too few points, or they do not move.
    """
    if keypoints_m.shape[1] < FEWEST:
        raise InputError(
            f"{keypoints_m.shape[1]} points do not determine a body; at least {FEWEST} are needed. Describe where "
            "they are attached with `dancepose layout template`."
        )
    torch.manual_seed(seed)
    cloud = scaled_to_body(keypoints_m, body)
    frames = cloud[np.linspace(0, len(cloud) - 1, min(FRAMES, len(cloud))).round().astype(int)]
    twin, skin = torch_body(body, joint_markers(SMPL24)), Skin(body)
    samples = sample_body(body)
    views = upright_frames(cloud)
    fitted, loss = fit_to_frames(twin, samples, torch.from_numpy(cloud[views]), progress=part_of(progress, 0.0, 0.4))
    attachments = [
        nearest_attachment(twin, samples, fitted, index, torch.from_numpy(cloud[views[index // YAWS]]))
        for index in range(len(loss))
    ]
    rigid = _rigid_pairs(frames)
    order = np.argsort(loss + np.array([_stretch(attachment, rigid) for attachment in attachments]) / 0.01)
    chosen = _different(_voted([attachments[index] for index in order]), CANDIDATES)
    tried: list[tuple[float, CalibrationSolution, Attachment]] = []
    few = torch.from_numpy(frames[::3])
    for number, attachment in enumerate(chosen):
        inner = part_of(progress, 0.4 + 0.3 * number / CANDIDATES, 0.4 + 0.3 * (number + 1) / CANDIDATES)
        tried.append(settle(twin, skin, body, attachment, few, TRYING, progress=inner))
    tried.sort(key=lambda candidate: candidate[0])
    finals: list[tuple[float, CalibrationSolution, Attachment]] = []
    for number, (_, posed, _) in enumerate(tried[:FINALISTS]):
        start = _stillest(twin, body, posed.poses, few)
        inner = part_of(progress, 0.7 + 0.3 * number / FINALISTS, 0.7 + 0.3 * (number + 1) / FINALISTS)
        finals.append(
            settle(twin, skin, body, start, torch.from_numpy(frames), SOLVING, rounds=LAST_ROUNDS, progress=inner)
        )
    finals.sort(key=lambda candidate: candidate[0])
    _, solved, attachment = finals[0]
    spread, _ = _local_spread(twin, solved.poses, torch.from_numpy(frames))
    return Guess(
        joints=attachment.joints,
        second=_second(spread, attachment.joints),
        rest_m=attachment.rest_m,
        spread_m=spread[np.arange(len(attachment.joints)), attachment.joints],
        doubt=_doubt(spread, attachment.joints),
        residual_m=float(solved.error_m.mean()),
        runner_up_m=float(finals[1][1].error_m.mean()) if len(finals) > 1 else float("inf"),
    )


def _rigid_pairs(frames: F32) -> tuple[NDArray[np.int64], NDArray[np.int64], F32]:
    """Return pairs of points whose distance hardly varies, and their distance, metres."""
    away = np.linalg.norm(frames[:, :, None] - frames[:, None], axis=-1)
    first, second = np.nonzero(np.triu(away.std(axis=0) < RIGID_M, 1))
    return first, second, np.median(away[:, first, second], axis=0)


def _stretch(attachment: Attachment, rigid: tuple[NDArray[np.int64], NDArray[np.int64], F32]) -> float:
    """Return by how much the distances of rigid pairs differ from those of their positions on the body, mean, metres.

    A fit to a single frame need not explain the other frames.
    """
    first, second, away = rigid
    if not len(first):
        return 0.0
    rest = np.linalg.norm(attachment.rest_m[first] - attachment.rest_m[second], axis=1)
    return float(np.minimum(np.abs(rest - away), 0.3).mean())


def _voted(attachments: list[Attachment]) -> list[Attachment]:
    """Correct each candidate by those that agree with it over half of the points; the most likely come first.

    What one frame hides or confuses, other frames show.
    """
    joints = np.stack([attachment.joints for attachment in attachments])
    rest = np.stack([attachment.rest_m for attachment in attachments])
    votes = 1.0 / (3.0 + np.arange(len(attachments)))
    found = []
    for index in range(min(VOTED, len(attachments))):
        agree = (joints == joints[index]).mean(axis=1) > AGREEING
        table = np.zeros((joints.shape[1], JOINT_COUNT))
        for voter in np.flatnonzero(agree):
            table[np.arange(joints.shape[1]), joints[voter]] += votes[voter]
        best = table.argmax(axis=1)
        same = agree[:, None] & (joints == best)
        weight = np.where(same, votes[:, None], 0.0)[..., None]
        found.append(Attachment(best.astype(np.int64), ((weight * rest).sum(0) / weight.sum(0)).astype(np.float32)))
    return found


def _different(attachments: list[Attachment], most: int) -> list[Attachment]:
    """Return the first candidates of which no two attach nearly all points to the same bones."""
    found: list[Attachment] = []
    for attachment in attachments:
        if all((attachment.joints == other.joints).mean() < 0.8 for other in found):
            found.append(attachment)
        if len(found) == most:
            break
    return found


def settle(
    twin: TorchBody,
    skin: Skin,
    body: BodyModel,
    attachment: Attachment,
    frames: Tensor,
    settings: CalibrationSettings,
    *,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> tuple[float, CalibrationSolution, Attachment]:
    """Alternate between posing all frames and moving each point to the bone relative to which it moves least.

    Args:
        twin: The body.
        skin: Its skin.
        body: The same body in NumPy.
        attachment: Candidate to start from.
        frames: (N, K, 3), metres.
        settings: Settings of the pose solver.
        rounds: Number of alternations.
        progress: Called with the fraction done and a message.

    Returns:
        The final loss, the solution and the final candidate.
    """
    clip = torch.zeros(len(frames), dtype=torch.int64)
    believed = np.ones(len(attachment.joints), np.bool_)
    loss = float("inf")
    solved: CalibrationSolution | None = None
    for number in range(rounds):
        last = number == rounds - 1
        used = np.ones_like(believed) if last else believed
        places = unknowns_at(attachment.rest_m[used], np.eye(JOINT_COUNT, dtype=np.float32)[attachment.joints[used]])
        inner = part_of(progress, number / rounds, (number + 1) / rounds)
        part = frames[:, torch.from_numpy(used)]
        solved = solve(twin, skin, places, part, clip, settings, learn=False, progress=inner)
        if last:
            with torch.no_grad():
                residual = points_of(twin, solved.places, solved.poses) - part
                terms = loss_terms(residual, solved.places, solved.poses, solved.places, skin, settings)
                loss = float(sum(terms.values(), torch.zeros(())))
        else:
            attachment = _stillest(twin, body, solved.poses, frames)
            spread, _ = _local_spread(twin, solved.poses, frames)
            own = spread[np.arange(len(attachment.joints)), attachment.joints]
            # Points that no bone carries well would only draw the others astray.
            believed = own < max(STRAY * float(np.median(own)), STRAY_M)
    assert solved is not None
    return loss, solved, attachment


def _local(twin: TorchBody, poses: PoseUnknowns, frames: Tensor) -> F32:
    """Return the points in the coordinates of every bone, relative to its joint, in the body's size: (N, K, 24, 3)."""
    with torch.no_grad():
        joints = twin.joints_of(poses.betas)
        turned, heads = forward_kinematics(joints[poses.clip], poses.rotmat())
        size = poses.log_scale.exp()[poses.clip, None, None]
        placed = (frames - poses.place[:, None]) / size
        local = torch.einsum("njba,nkjb->nkja", turned, placed[:, :, None] - heads[:, None])
    return local.numpy()


def _local_spread(twin: TorchBody, poses: PoseUnknowns, frames: Tensor) -> tuple[F32, F32]:
    """Return the median motion relative to each bone, (K, 24), metres, and the median position there, (K, 24, 3)."""
    local = _local(twin, poses, frames)
    middle = np.median(local, axis=0)
    away = np.linalg.norm(local - middle, axis=-1)
    return np.median(away, axis=0).astype(np.float32), middle.astype(np.float32)


def _stillest(twin: TorchBody, body: BodyModel, poses: PoseUnknowns, frames: Tensor) -> Attachment:
    """Attach each point to the bone relative to which it moves least, among those whose skin or joint it is near."""
    spread, middle = _local_spread(twin, poses, frames)
    rest = body.rest_joints() + middle  # (K, 24, 3)
    owner = body.weights.argmax(axis=1)
    cost = spread.copy()
    for joint in range(JOINT_COUNT):
        own = np.concatenate([body.v_template_m[owner == joint], body.rest_joints()[joint : joint + 1]])
        away = np.linalg.norm(rest[:, joint, None] - own[None], axis=-1).min(axis=1)
        cost[:, joint] += np.maximum(0.0, away - FAR_M) + 0.1 * away
    joints = cost.argmin(axis=1)
    return Attachment(joints.astype(np.int64), rest[np.arange(len(joints)), joints].astype(np.float32))


def _neighbours(joint: int) -> list[int]:
    found = [child for child, parent in enumerate(PARENTS) if parent == joint]
    return found + ([PARENTS[joint]] if PARENTS[joint] >= 0 else [])


def _second(spread: F32, joints: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the neighbour of each bone relative to which the point moves least, or the bone itself if twice as far."""
    second = joints.copy()
    for point, joint in enumerate(joints.tolist()):
        best = min(_neighbours(joint), key=lambda other: spread[point, other])
        if spread[point, best] < 2.0 * spread[point, joint]:
            second[point] = best
    return second


def _doubt(spread: F32, joints: NDArray[np.int64]) -> F32:
    doubt = np.zeros(len(joints), np.float32)
    for point, joint in enumerate(joints.tolist()):
        others = [other for other in range(JOINT_COUNT) if other != joint and other not in _neighbours(joint)]
        doubt[point] = spread[point, joint] / max(float(spread[point, others].min()), 1e-6)
    return doubt
