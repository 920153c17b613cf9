"""A marker table solved again with the poses of the fit itself.

``calibrate`` solves poses, shapes and places together, with priors of its own; the fit that uses the table has others,
so places that suit the one are a few millimetres off for the other. Here the clips are fitted, the places and shares
that suit these fits best follow from linear least squares (Loper, Mahmood and Black 2014, MoSh, alternate in the same
way), and both are repeated.
"""

from collections.abc import Sequence as Rows
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
import torch

from dancepose_addon.core.body.keypoints import MarkerSet
from dancepose_addon.core.body.model import MIRRORED_JOINTS, BodyModel, forward_kinematics
from dancepose_addon.core.fit.pose import RefineSettings, refine
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.settings import settings_from
from dancepose_addon.core.fit.solve import fit
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.sequence import Sequence

from .calibrate_model import Skin

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

ROUNDS: Final = 12
FRAMES: Final = 400
"""Of each clip that are fitted, from its middle."""
EVERY: Final = 4
"""Neighbouring frames say the same: so many apart they count."""
STEPS: Final = 8
ALTERNATIONS: Final = 3
"""Of places and shares, within a round."""
OUTLIER_M: Final = 0.02
START_SHARE: Final = 0.05
"""Of the evidence, by which places and shares are held where the table had them at first: a larger body with points
further in is almost as good as a smaller one with points further out, and nothing else would keep them on the skin."""
SAME_PLACE_M: Final = 0.001
"""Points that mirror each other this well are solved together, and stay mirror images."""
SKIN_M: Final = (-0.001, 0.02)
"""Outside the skin of the mean body, metres: as ``calibrate`` holds it."""
HALVINGS: Final = 16
FLIP: Final = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class _Posed:
    """A clip fitted. scale: of the body; rest_joints_m: (24, 3), in true size; rotmat: (N, 24, 3, 3), global;
    joints_m: (N, 24, 3); target_m: (N, K, 3); confidence: (N, K)."""

    scale: float
    rest_joints_m: F64
    rotmat: F64
    joints_m: F64
    target_m: F64
    confidence: F64


@dataclass(frozen=True)
class _Point:
    """A point or its mirror image on the other side. index: of the point; mirror: whether sides are swapped."""

    index: int
    mirror: bool


def polish(
    markers: MarkerSet,
    clips: Rows[Sequence],
    body: BodyModel,
    regressor: PoseRegressor,
    *,
    rounds: int = ROUNDS,
    progress: Progress = silent,
) -> MarkerSet:
    """The table after ``rounds`` of fitting the clips and solving places and shares anew. Bones that a point does not
    ride on already are not added."""
    start, groups = markers, mirror_groups(markers, body)
    for number in range(rounds):
        posed = []
        for index, clip in enumerate(clips):
            progress((number + index / len(clips)) / rounds, f"Round {number + 1} of {rounds}: {clip.source}")
            posed.append(_fitted(clip, markers, body, regressor))
        markers = near_skin(solve_places(markers, start, body, posed, groups), start, body)
    return markers


def near_skin(markers: MarkerSet, start: MarkerSet, body: BodyModel) -> MarkerSet:
    """Points that started on the skin or at most SKIN_M off it stay so: one that left is taken back towards its start
    just as far as it has to be. Shares stay as they are."""
    skin, joints = Skin(body), body.rest_joints()
    first, last = start.rest_points(joints), markers.rest_points(joints)

    def inside(places: F32) -> NDArray[np.bool_]:
        away = skin.distance(torch.from_numpy(np.ascontiguousarray(places, np.float32))).numpy()
        return np.asarray((away >= SKIN_M[0]) & (away <= SKIN_M[1]))

    bound = inside(first) & ~inside(last)
    low, high = np.zeros(len(first)), np.ones(len(first))
    for _ in range(HALVINGS):
        part = (low + high) / 2.0
        fits = inside((first + part[:, None] * (last - first)).astype(np.float32))
        low, high = np.where(fits, part, low), np.where(fits, high, part)
    places = np.where(bound[:, None], first + low[:, None] * (last - first), last)
    offsets = places - markers.weights @ joints
    return replace(markers, offsets_m=offsets.astype(np.float32))


def residual_mm(markers: MarkerSet, clips: Rows[Sequence], body: BodyModel, regressor: PoseRegressor) -> float:
    """What the fit leaves with a table, mean over frames, mm."""
    left = [fit(clip, regressor=regressor, body=body, markers=markers).report["final_error_mm"] for clip in clips]
    return float(np.average(left, weights=[len(clip) for clip in clips]))


def mirror_groups(markers: MarkerSet, body: BodyModel) -> list[list[_Point]]:
    """Points with their mirror images; a point in the middle, and one without a counterpart, are alone."""
    rest = markers.rest_points(body.rest_joints())
    groups, done = [], set()
    for point, place in enumerate(rest):
        apart = np.linalg.norm(rest - place * FLIP, axis=1)
        other = int(np.argmin(apart))
        if point in done:
            continue
        same = apart[other] < SAME_PLACE_M
        groups.append([_Point(point, mirror=False)] + ([_Point(other, mirror=True)] if same else []))
        done |= {point, other} if same else {point}
    return groups


def _fitted(clip: Sequence, markers: MarkerSet, body: BodyModel, regressor: PoseRegressor) -> _Posed:
    first = max(0, (len(clip) - FRAMES) // 2)
    part = replace(clip, keypoints_m=clip.keypoints_m[first : first + FRAMES], confidence=None)
    found = fit(part, regressor=regressor, body=body, markers=markers, settings=settings_from(level=False))
    motion, some = found.motion, slice(None, None, EVERY)
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    # The fit bridges turns that nobody makes, and leaves points off there; each frame by itself meets them.
    pose, place = refine(
        found.markers,
        rest,
        regressor(part.keypoints_m)[some],
        motion.translation_m[some],
        found.keypoints_m[some],
        start_rotmat=motion.pose_rotmat[some],
        confidence=found.confidence[some],
        settings=RefineSettings(steps=STEPS),
    )
    rotmat, joints = forward_kinematics(rest, pose, place)
    arrays = (rest, rotmat, joints, found.keypoints_m[some], found.confidence[some])
    return _Posed(motion.scale, *(array.astype(np.float64) for array in arrays))


def solve_places(
    markers: MarkerSet, start: MarkerSet, body: BodyModel, posed: Rows[_Posed], groups: Rows[Rows[_Point]]
) -> MarkerSet:
    """Places and shares that suit the poses best. start: what they are held to; posed: clips with their poses;
    groups: of mirror images."""
    mean = body.rest_joints().astype(np.float64)
    weights, offsets = markers.weights.astype(np.float64), markers.offsets_m.astype(np.float64)
    for group in groups:
        point, share = group[0].index, weights[group[0].index]
        in_middle = len(group) > 1 and group[1].index == point
        offset, first = offsets[point], start.weights[point].astype(np.float64)
        first_place = first @ mean + start.offsets_m[point]
        for _ in range(ALTERNATIONS):
            offset = _solve_offset(share, offset, first_place - share @ mean, posed, group)
            if in_middle:
                offset[0] = 0.0
            if (share > 0).sum() > 1:
                place = share @ mean + offset
                share = _solve_shares(share, offset, first, posed, group)
                offset = place - share @ mean
        for one in group:
            row = share[list(MIRRORED_JOINTS)] if one.mirror else share
            weights[one.index], offsets[one.index] = row, offset * FLIP if one.mirror else offset
    return replace(markers, weights=weights.astype(np.float32), offsets_m=offsets.astype(np.float32))


def _sides(weights: F64, offset_m: F64, clip: _Posed, one: _Point) -> tuple[F64, F64, F64, F64]:
    """A clip as the point of a group's first side sees it: weights and offset of this side, target, confidence."""
    row = weights[list(MIRRORED_JOINTS)] if one.mirror else weights
    return row, offset_m * FLIP if one.mirror else offset_m, clip.target_m[:, one.index], clip.confidence[:, one.index]


def _carried(clip: _Posed, place_m: F64) -> F64:
    """Where each bone alone would carry a place of the T-pose. place_m: (3,) -> (N, 24, 3)."""
    return (clip.rotmat @ (place_m - clip.rest_joints_m)[..., None])[..., 0] + clip.joints_m


def _solve_offset(weights: F64, offset_m: F64, held_m: F64, posed: Rows[_Posed], group: Rows[_Point]) -> F64:
    """The offset, (3,), of the first of a group. weights: (24,), its own; held_m: (3,), to what it is held."""
    normal, moment = np.zeros((3, 3)), np.zeros(3)
    for clip in posed:
        for one in group:
            row, offset, target, confidence = _sides(weights, offset_m, clip, one)
            turn = clip.scale * np.einsum("j,njab->nab", row, clip.rotmat)
            left = target - np.einsum("j,nja->na", row, _carried(clip, row @ clip.rest_joints_m))
            sure = confidence * _huber(left - turn @ offset)
            columns = turn * FLIP if one.mirror else turn
            normal += np.einsum("n,nab,nac->bc", sure, columns, columns)
            moment += np.einsum("n,nab,na->b", sure, columns, left)
    hold = START_SHARE * np.trace(normal) / 3.0 * np.eye(3)
    return np.linalg.solve(normal + hold, moment + hold @ held_m)


def _solve_shares(weights: F64, offset_m: F64, held: F64, posed: Rows[_Posed], group: Rows[_Point]) -> F64:
    """The shares, (24,), of the bones that the first of a group rides on; the place on the T-pose stays."""
    bones = np.flatnonzero(weights)
    normal, moment = np.zeros((len(bones) - 1,) * 2), np.zeros(len(bones) - 1)
    for clip in posed:
        for one in group:
            row, offset, target, confidence = _sides(weights, offset_m, clip, one)
            ridden = np.array(MIRRORED_JOINTS)[bones] if one.mirror else bones
            carried = _carried(clip, row @ clip.rest_joints_m + clip.scale * offset)[:, ridden]
            columns, left = carried[:, 1:] - carried[:, :1], target - carried[:, 0]
            sure = confidence * _huber(left - np.einsum("j,nja->na", row[ridden[1:]], columns))
            normal += np.einsum("n,nia,nja->ij", sure, columns, columns)
            moment += np.einsum("n,nia,na->i", sure, columns, left)
    hold = START_SHARE * np.trace(normal) / len(normal) * np.eye(len(normal))
    found = np.linalg.solve(normal + hold, moment + hold @ held[bones[1:]])
    shares = np.zeros_like(weights)
    shares[bones] = np.clip(np.concatenate([[1.0 - found.sum()], found]), 0.0, 1.0)
    return shares / shares.sum()


def _huber(residual_m: F64) -> F64:
    """Weights of Huber's loss. residual_m: (N, 3) -> (N,)."""
    return np.minimum(1.0, OUTLIER_M / np.maximum(np.linalg.norm(residual_m, axis=1), 1e-9))
