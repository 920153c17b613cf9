"""Guess which bone each point of an unknown layout rides on, from recordings alone.

Points keep their identity from frame to frame, and that is all that is known of them. The body is laid into single
frames from many sides at once (the points near the skin or the joints, every part of the body near some point, the
pose natural); the likeliest ones say where each point rides; all frames are then posed by that, and each point goes to
the bone on which it lies stillest. What explains the frames best is taken.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, PARENTS, BodyModel
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.progress import Progress, part_of, silent
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers

from ..body.torch_smpl import TorchBody, forward_kinematics, torch_body
from .priors import HINGE_RANGE, prior_mean_and_spread
from .solve import CalibrationSettings, CalibrationSolution, loss_terms, solve
from .unknowns import HINGED, MarkerUnknowns, PoseUnknowns, Skin, points_of

FRAMES: Final = 96
"""That the best candidate is posed on; all of them are tried on a third of these."""
VIEWS: Final = 10
YAWS: Final = 12
CANDIDATES: Final = 6
FINALISTS: Final = 3
LAYING_STEPS: Final = 100
TRYING: Final = CalibrationSettings(frames=FRAMES // 3, steps=120, pose_weight=0.3, shape_weight=0.3)
SOLVING: Final = CalibrationSettings(frames=FRAMES, steps=240, pose_weight=0.3, shape_weight=0.3)
ROUNDS: Final = 2
LAST_ROUNDS: Final = 4
"""Of putting each point where it lies stillest: for every candidate, and for the best ones."""
SKIN_SAMPLES: Final = 240
NATURAL: Final = 0.08
"""Weight of a natural pose where a body is laid into a frame that stands tall."""
UPRIGHT_RAD: Final = 0.2
VOTED: Final = 40
AGREEING: Final = 0.5
STRAY: Final = 2.0
STRAY_M: Final = 0.012
RIGID_M: Final = 0.012
"""Two points whose distance varies by less ride on one bone, or meet at a joint's axis."""
FAR_M: Final = 0.09
"""Further than this off a bone's own skin, a point is held not to ride on it."""
PARTS: Final = (
    "head", "pelvis", "spine3", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Joints near which any layout of a whole body has some point."""
NEAR_M: Final = 0.14
TRUNK_BONES: Final = ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar")
FEWEST: Final = 8


@dataclass(frozen=True)
class Guess:
    """joints: (K,), the bone that each point rides on; second: the next likely one, a neighbour of it or itself;
    rest_m: (K, 3), places on the mean body's T-pose, metres; spread_m: (K,), how far a point moves on its bone;
    doubt: (K,), that spread over the least on any bone that is no neighbour, below 1 where the bone is clear;
    residual_m: mean distance that is left; runner_up_m: of the best other candidate."""

    joints: NDArray[np.int64]
    second: NDArray[np.int64]
    rest_m: F32
    spread_m: F32
    doubt: F32
    residual_m: float
    runner_up_m: float


@dataclass(frozen=True)
class Attachment:
    joints: NDArray[np.int64]
    rest_m: F32


def guess_assignment(keypoints_m: F32, body: BodyModel, *, seed: int = 0, progress: Progress = silent) -> Guess:
    """Say where the points of a recording ride. keypoints_m: (T, K, 3), any unit, y up, no gaps.

    Raises:
        InputError: fewer points than tell a body, or points that do not move.
    """
    if keypoints_m.shape[1] < FEWEST:
        raise InputError(
            f"{keypoints_m.shape[1]} points do not tell a body apart; at least {FEWEST} are needed. Write down where "
            "they ride with `dancepose layout template`."
        )
    torch.manual_seed(seed)
    cloud = _sized(keypoints_m, body)
    frames = cloud[np.linspace(0, len(cloud) - 1, min(FRAMES, len(cloud))).round().astype(int)]
    twin, skin = torch_body(body, joint_markers(SMPL24)), Skin(body)
    samples = _samples(body)
    views = _upright_frames(cloud)
    laid, loss = _lay(twin, samples, torch.from_numpy(cloud[views]), progress=part_of(progress, 0.0, 0.4))
    attachments = [
        _nearest(twin, samples, laid, index, torch.from_numpy(cloud[views[index // YAWS]]))
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
    """Pairs of points whose distance hardly varies, and that distance, metres."""
    away = np.linalg.norm(frames[:, :, None] - frames[:, None], axis=-1)
    first, second = np.nonzero(np.triu(away.std(axis=0) < RIGID_M, 1))
    return first, second, np.median(away[:, first, second], axis=0)


def _stretch(attachment: Attachment, rigid: tuple[NDArray[np.int64], NDArray[np.int64], F32]) -> float:
    """How much the distances of rigid pairs differ from those of their places on the body, mean, metres: what is laid
    into one frame only need not fit the others."""
    first, second, away = rigid
    if not len(first):
        return 0.0
    rest = np.linalg.norm(attachment.rest_m[first] - attachment.rest_m[second], axis=1)
    return float(np.minimum(np.abs(rest - away), 0.3).mean())


def _voted(attachments: list[Attachment]) -> list[Attachment]:
    """Each assignment mended by those that agree with it over half of the points: what one frame hides or confuses,
    others show. The likeliest come first."""
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
    """The first ones of which no two put nearly all points on the same bones."""
    found: list[Attachment] = []
    for attachment in attachments:
        if all((attachment.joints == other.joints).mean() < 0.8 for other in found):
            found.append(attachment)
        if len(found) == most:
            break
    return found


@dataclass(frozen=True)
class _Samples:
    """Places that a point may ride at: some of the skin, and the joints. places: as of a calibration; joint: (S,)."""

    places: MarkerUnknowns
    joint: NDArray[np.int64]


def _sized(keypoints: F32, body: BodyModel) -> F32:
    """In metres of the body, by the height of the points when they stand highest; centred on the floor."""
    if not np.isfinite(keypoints).all():
        keypoints = keypoints[np.isfinite(keypoints).all(axis=(1, 2))]
    if len(keypoints) < 2:
        raise InputError("No two frames show every point, so nothing can be told of them. Give other clips.")
    tall = np.quantile(np.ptp(keypoints[..., 1], axis=1), 0.9)
    if not tall > 0:
        raise InputError("The points have no height. Say which axis is up, with --read up=z.")
    points = keypoints * (0.94 * body.height_m / tall)
    middle = points.mean(axis=(0, 1))
    return (points - [middle[0], np.quantile(points[..., 1].min(axis=1), 0.1), middle[2]]).astype(np.float32)


def _upright_frames(cloud: F32) -> NDArray[np.int64]:
    """Frames that stand tall with the limbs spread, apart in time."""
    tall = np.ptp(cloud[..., 1], axis=1)
    wide = np.linalg.norm(cloud - cloud.mean(axis=1, keepdims=True), axis=-1).max(axis=1)
    stretches = np.array_split(np.arange(len(cloud)), VIEWS)
    score = tall + wide
    return np.array([part[score[part].argmax()] for part in stretches if len(part)], np.int64)


def _samples(body: BodyModel) -> _Samples:
    """Vertices far from each other (farthest-point sampling), and every joint."""
    points = body.v_template_m.astype(np.float64)
    chosen, away = [int(points[:, 1].argmax())], np.full(len(points), np.inf)
    for _ in range(SKIN_SAMPLES - 1):
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(away.argmax()))
    weights = np.concatenate([body.weights[chosen], np.eye(JOINT_COUNT, dtype=np.float32)])
    rest = np.concatenate([body.v_template_m[chosen], body.rest_joints()]).astype(np.float32)
    return _Samples(_places(rest, weights), weights.argmax(axis=1))


def _places(rest: F32, weights: F32) -> MarkerUnknowns:
    shares = torch.from_numpy(weights.astype(np.float32))
    count = len(rest)
    return MarkerUnknowns(
        torch.from_numpy(rest),
        shares.clamp_min(1e-9).log(),
        shares > 1e-3,
        (-1,) * count,
        torch.zeros(count, dtype=torch.bool),
        torch.zeros(shares.shape),
    )


def _lay(
    twin: TorchBody, samples: _Samples, clouds: Tensor, *, progress: Progress
) -> tuple[PoseUnknowns, NDArray[np.float64]]:
    """The body laid into each frame from every side. clouds: (F, K, 3) -> poses of F * YAWS, and their losses."""
    points = clouds.repeat_interleave(YAWS, dim=0)
    count = len(points)
    yaw = torch.linspace(0.0, 2.0 * np.pi, YAWS + 1)[:-1].repeat(len(clouds))
    root = torch.zeros(count, 3, 3)
    root[:, 0, 0] = root[:, 2, 2] = yaw.cos()
    root[:, 0, 2], root[:, 2, 0], root[:, 1, 1] = yaw.sin(), -yaw.sin(), 1.0
    mean, spread = (torch.from_numpy(array) for array in prior_mean_and_spread())
    spread[0] = UPRIGHT_RAD
    turn = mean.expand(count, -1, -1).clone().requires_grad_()
    middle = points.mean(1)
    place = torch.stack([middle[:, 0], middle[:, 1] - twin.v_template_m[:, 1].mean(), middle[:, 2]], 1)
    place = place.clone().requires_grad_()
    size = torch.zeros(count, requires_grad=True)
    poses = PoseUnknowns(torch.arange(count), root, turn, place, size, torch.zeros(count, twin.beta_count))
    rates = ((turn, 0.05), (place, 0.02), (size, 0.005))
    optimiser = torch.optim.Adam([{"params": [tensor], "lr": rate} for tensor, rate in rates])
    parts = [SKIN_SAMPLES + JOINT_INDEX[name] for name in PARTS]
    loss = torch.zeros(count)
    for step in range(LAYING_STEPS):
        posed = points_of(twin, samples.places, poses)
        away = torch.cdist(points, posed)
        near = away.min(dim=2).values
        lonely = torch.relu(away[:, :, parts].min(dim=1).values - NEAR_M)
        hinge = turn[:, list(HINGED), 0]
        over = torch.relu(HINGE_RANGE[0] - hinge) + torch.relu(hinge - HINGE_RANGE[1])
        loss = (
            near.mean(1) / 0.02
            + lonely.mean(1) / 0.01
            + NATURAL * ((turn - mean) / spread).square().sum((1, 2))
            + over.square().sum(1)
            + (size / 0.1).square()
        )
        optimiser.zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 20 == 0:
            progress(step / LAYING_STEPS, f"Laying a body into {len(clouds)} frames from {YAWS} sides")
    kept = replace(poses, turn=turn.detach(), place=place.detach(), log_scale=size.detach())
    return kept, loss.detach().numpy().astype(np.float64)


def _nearest(twin: TorchBody, samples: _Samples, laid: PoseUnknowns, index: int, cloud: Tensor) -> Attachment:
    """Each point of one frame at the nearest place of the body that was laid into it."""
    one = slice(index, index + 1)
    poses = PoseUnknowns(
        torch.zeros(1, dtype=torch.int64),
        laid.root[one],
        laid.turn[one],
        laid.place[one],
        laid.log_scale[one],
        laid.betas[one],
    )
    posed = points_of(twin, samples.places, poses)[0]
    chosen = torch.cdist(cloud, posed).argmin(dim=1).numpy()
    return Attachment(samples.joint[chosen], samples.places.rest_m.numpy()[chosen])


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
    """Pose all frames by an assignment, put each point where it lies stillest, and again. The loss is last."""
    clip = torch.zeros(len(frames), dtype=torch.int64)
    believed = np.ones(len(attachment.joints), np.bool_)
    loss = float("inf")
    solved: CalibrationSolution | None = None
    for number in range(rounds):
        last = number == rounds - 1
        used = np.ones_like(believed) if last else believed
        places = _places(attachment.rest_m[used], np.eye(JOINT_COUNT, dtype=np.float32)[attachment.joints[used]])
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
    """Points in the axes of every bone, from its joint, in the body's own size, (N, K, 24, 3)."""
    with torch.no_grad():
        joints = twin.joints_of(poses.betas)
        turned, heads = forward_kinematics(joints[poses.clip], poses.rotmat())
        size = poses.log_scale.exp()[poses.clip, None, None]
        placed = (frames - poses.place[:, None]) / size
        local = torch.einsum("njba,nkjb->nkja", turned, placed[:, :, None] - heads[:, None])
    return local.numpy()


def _local_spread(twin: TorchBody, poses: PoseUnknowns, frames: Tensor) -> tuple[F32, F32]:
    """How far each point moves on each bone, robustly, (K, 24), metres; and its mean place there, (K, 24, 3)."""
    local = _local(twin, poses, frames)
    middle = np.median(local, axis=0)
    away = np.linalg.norm(local - middle, axis=-1)
    return np.median(away, axis=0).astype(np.float32), middle.astype(np.float32)


def _stillest(twin: TorchBody, body: BodyModel, poses: PoseUnknowns, frames: Tensor) -> Attachment:
    """Each point on the bone on which it moves least, among those whose own skin or joint it is near."""
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
    """The neighbour of each point's bone on which it moves least, if it is not twice as far; else the bone itself."""
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
