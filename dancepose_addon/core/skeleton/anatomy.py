# SPDX-License-Identifier: Apache-2.0
"""What points say of themselves when they are taken for a layout: how well it fits, where up is, which side is left.

Distances and directions only, so nothing here depends on the file's axes or unit. What a person looks like is the
layout's points on the default body in its T-pose.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64
from ..body.model import JOINT_NAMES
from ..body.model_io import load_body
from .layout import Layout
from .markers import markers_for

SAMPLES: Final = 160
"""Frames that are looked at, spread over the clip."""
LEAST_M: Final = 0.03
"""Shorter distances on the body say little: they are longer or shorter by whole shares from person to person."""
MOST_ON_A_BONE: Final = 7
LEAST_BEND: Final = 0.06
"""Of a thigh's length, by which a knee is in front of the line from hip to ankle: bent by some 14 degrees."""


@dataclass(frozen=True)
class Template:
    """A layout on the default body.

    Attributes:
        pairs: (P, 2), points that keep their distance.
        rest_m: (P,), that distance, metres.
        partner: (P,), index of the pair on the other side.
        rest_points: (K, 3), metres, T-pose.
    """

    pairs: NDArray[np.intp]
    rest_m: F64
    partner: NDArray[np.intp]
    rest_points: F64


@dataclass(frozen=True)
class Fit:
    """How well points fit a layout.

    Attributes:
        scale: File units per metre of the default body.
        shape: Mean of |log| by which proportions differ from a person's.
        worst: The same of the tenth that fits worst.
        jitter: Relative variation of distances within the clip.
        lopsided: Mean of |log| by which left and right differ.
        sides: Share of the points that lie on their own side.
        seen: Share of points that are seen.
    """

    scale: float
    shape: float
    worst: float
    jitter: float
    lopsided: float
    sides: float
    seen: float

    @property
    def cost(self) -> float:
        """One number to compare layouts by: 0 is a puppet of the default body."""
        return self.shape + 0.5 * self.worst + 2.0 * self.jitter + self.lopsided + 2.0 * (1.0 - self.sides)


@lru_cache(maxsize=32)
def template_of(layout: Layout) -> Template:
    """Find the pairs of a layout that keep their distance: its edges, and points on one bone.

    Args:
        layout: Any.

    Returns:
        Pairs and places on the default body.
    """
    rest = markers_for(layout).rest_points(load_body().rest_joints()).astype(np.float64)
    pairs = {tuple(sorted(edge)) for edge in layout.edges}
    for joint in set(layout.joints):
        group = [point for point, other in enumerate(layout.joints) if other == joint]
        # The many points of a hand would outvote the body.
        pairs |= set(combinations(group, 2)) if len(group) <= MOST_ON_A_BONE else set()
    ordered = sorted(pair for pair in pairs if np.linalg.norm(rest[pair[0]] - rest[pair[1]]) > LEAST_M)
    index = {pair: number for number, pair in enumerate(ordered)}
    partner = [index.get(tuple(sorted(layout.mirrored[end] for end in pair)), number) for pair, number in index.items()]
    table = np.array(ordered, np.intp).reshape(-1, 2)
    rest_m = np.linalg.norm(rest[table[:, 0]] - rest[table[:, 1]], axis=-1)
    return Template(table, rest_m, np.array(partner, np.intp), rest)


def sample(points: F64) -> F64:
    """Choose frames that are spread over a clip, of those in which anything was seen.

    Args:
        points: (T, K, 3).

    Returns:
        (S, K, 3), at most SAMPLES frames.
    """
    if len(points) <= SAMPLES:
        return points
    frames = np.linspace(0, len(points) - 1, SAMPLES).round().astype(np.intp)
    if not np.isfinite(points[frames]).any(axis=(1, 2)).all():
        usable = np.flatnonzero(np.isfinite(points).any(axis=(1, 2)))
        if len(usable):
            frames = usable[np.linspace(0, len(usable) - 1, min(SAMPLES, len(usable))).round().astype(np.intp)]
    return points[frames]


def measure_fit(points: F64, layout: Layout) -> Fit:
    """Measure how well points fit a layout.

    Args:
        points: (S, K, 3), sampled, NaN where unseen.
        layout: To compare with.

    Returns:
        Size, proportions, steadiness and evenness.
    """
    template = template_of(layout)
    if not np.isfinite(points).any():
        return Fit(1.0, np.inf, np.inf, np.inf, np.inf, 0.0, 0.0)
    ends = points[:, template.pairs[:, 0]] - points[:, template.pairs[:, 1]]
    length = np.sqrt((ends * ends).sum(axis=-1))
    seen = np.isfinite(length).sum(axis=0) >= max(1, len(points) // 10)
    typical = np.full(len(template.pairs), np.nan)
    if seen.any():
        typical[seen] = np.nanmedian(length[:, seen], axis=0)
    usable = seen & (typical > 0)
    if usable.sum() < 3:
        return Fit(1.0, np.inf, np.inf, np.inf, np.inf, 0.0, float(np.isfinite(points).mean()))
    ratio = np.log(typical[usable] / template.rest_m[usable])
    weight = np.minimum(template.rest_m[usable], 0.5)
    middle = weighted_median(ratio, weight)
    off = np.abs(ratio - middle)
    last = np.sort(off)[-max(1, len(off) // 10) :]
    spread = np.nanmedian(np.abs(length[:, usable] - typical[usable]), axis=0) / typical[usable]
    other = typical[template.partner]
    lopsided = np.abs(np.log(typical[usable] / np.where(other[usable] > 0, other[usable], typical[usable])))
    return Fit(
        scale=float(np.exp(middle)),
        shape=float((off * weight).sum() / weight.sum()),
        worst=float(last.mean()),
        jitter=float((spread * weight).sum() / weight.sum()),
        lopsided=float((lopsided * weight).sum() / weight.sum()),
        sides=_share_on_own_side(points, layout),
        seen=float(np.isfinite(points).mean()),
    )


def weighted_median(values: F64, weights: F64) -> float:
    """Find the value with half of the weight on either side.

    Args:
        values: (N,).
        weights: (N,), not negative.

    Returns:
        The median.
    """
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2.0)])


def unit_vectors(vectors: F64) -> F64:
    """Scale vectors to length 1.

    Args:
        vectors: (..., 3).

    Returns:
        (..., 3), NaN where a vector has no direction.
    """
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.full_like(vectors, np.nan), where=length > 0)


def _mean(points: F64, chosen: tuple[int, ...]) -> F64:
    """Mean of some points in each frame, of those that are seen. points: (S, K, 3) -> (S, 3)."""
    part = points[:, list(chosen)]
    seen = np.isfinite(part)
    count = seen.sum(axis=1)
    return np.divide(np.where(seen, part, 0.0).sum(axis=1), count, out=np.full(count.shape, np.nan), where=count > 0)


def leftward(points: F64, layout: Layout) -> F64:
    """Find the direction from the right side of the trunk to its left, in each frame.

    Args:
        points: (S, K, 3).
        layout: Of the points.

    Returns:
        (S, 3), unit length.
    """
    return unit_vectors(_mean(points, layout.left) - _mean(points, layout.right))


def upward(points: F64, layout: Layout) -> F64:
    """Find the vector from feet to head, in each frame.

    Args:
        points: (S, K, 3).
        layout: Of the points. Where no head is seen, shoulders and hips are used.

    Returns:
        (S, 3), file units.
    """
    # Of files without a head the shoulders and hips are above the feet too.
    seen = np.isfinite(points).all(axis=-1).any(axis=0)
    top = layout.top if seen[list(layout.top)].any() else (*layout.left, *layout.right)
    return _mean(points, top) - _mean(points, layout.bottom)


def _share_on_own_side(points: F64, layout: Layout) -> float:
    """Share of mirrored pairs whose left point lies further left, most of the time. Hands and feet may cross."""
    left = leftward(points, layout)
    pairs = [(a, b) for a, b in enumerate(layout.mirrored) if _is_left(layout, a) and a != b]
    if not pairs:
        return 1.0
    votes = []
    for first, second in pairs:
        along = ((points[:, first] - points[:, second]) * left).sum(axis=-1)
        along = along[np.isfinite(along)]
        votes.append(1.0 if len(along) == 0 else float(np.mean(along > 0) > 0.4))
    return float(np.mean(votes))


def _is_left(layout: Layout, point: int) -> bool:
    """Whether a point is the left one of its pair: by its joint, or by its place in the T-pose."""
    return float(template_of(layout).rest_points[point, 0]) > 0


@dataclass(frozen=True)
class Direction:
    """A direction over a clip.

    Attributes:
        towards: (3,), unit length.
        certainty: Length of the mean of the frames' unit vectors, 1 where all agree.
    """

    towards: F64
    certainty: float


def find_up(points: F64, layout: Layout) -> Direction:
    """Find the direction of heads from feet over a clip.

    Args:
        points: (S, K, 3).
        layout: Of the points.

    Returns:
        The direction and how well frames agree.
    """
    up = unit_vectors(upward(points, layout))
    up = up[np.isfinite(up).all(axis=1)]
    if len(up) == 0:
        return Direction(np.array([0.0, 1.0, 0.0]), 0.0)
    # The median of each coordinate: frames on the floor do not tilt the rest.
    middle = np.median(up, axis=0)
    return Direction(unit_vectors(middle), float(np.linalg.norm(up.mean(axis=0))))


def find_handedness(points: F64, layout: Layout) -> dict[str, float]:
    """Find how surely the body faces where it should if left is left.

    Left times up is forward on a body that is not mirrored. Forward is where toes point, knees bend, and the nose is.
    (Elbows show little: with straight arms they bend either way.)

    Args:
        points: (S, K, 3).
        layout: Of the points.

    Returns:
        For each sign that there is a number from -1 (mirrored) to 1.
    """
    template, left = template_of(layout), leftward(points, layout)
    up = unit_vectors(upward(points, layout))
    votes: dict[str, float] = {}
    for name, (front, back) in _forward_pairs(layout, template).items():
        forward = _mean(points, front) - _mean(points, back)
        if name == "knees":
            forward = _bend(points, layout)
            if not _bends(points, layout, forward):
                continue  # straight knees show nothing
        around = np.cross(left, up)
        vote = (around * forward).sum(axis=-1)
        vote = vote[np.isfinite(vote)]
        size = np.abs(vote).sum()
        if len(vote) and size > 0:
            votes[name] = float(vote.sum() / size)
    return votes


def _forward_pairs(layout: Layout, template: Template) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Points further to the front and further to the back of the same bones, by their place on the body."""
    found: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    feet = [i for i, joint in enumerate(layout.joints) if JOINT_NAMES[joint].endswith(("foot", "ankle"))]
    head = [i for i, joint in enumerate(layout.joints) if JOINT_NAMES[joint] == "head"]
    for name, group in (("feet", feet), ("face", head)):
        if len(group) < 2:
            continue
        depth = template.rest_points[group, 2]
        front = tuple(point for point, z in zip(group, depth, strict=True) if z > depth.max() - 0.05)
        back = tuple(point for point, z in zip(group, depth, strict=True) if z < depth.min() + 0.05)
        if depth.max() - depth.min() > 0.08:
            found[name] = (front, back)
    found["knees"] = ((), ())
    return found


def _bend(points: F64, layout: Layout) -> F64:
    """Mean over both sides of where a knee points, away from the line between hip and ankle. -> (S, 3)."""
    found = []
    for side in ("left", "right"):
        ends = [near_joint(layout, f"{side}_{part}") for part in ("hip", "knee", "ankle")]
        if any(end is None for end in ends):
            continue
        a, b, c = (points[:, end] for end in ends if end is not None)
        found.append(b - (a + c) / 2.0)
    if not found:
        return np.full((len(points), 3), np.nan)
    stacked = np.stack(found)
    count = np.isfinite(stacked).sum(axis=0)
    return np.divide(np.nansum(stacked, axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)


def _bends(points: F64, layout: Layout, bend: F64) -> bool:
    """Whether knees bend by more than noise and a rig's crooked knees. bend: (S, 3), as of ``_bend``."""
    thighs = [near_joint(layout, "left_hip"), near_joint(layout, "left_knee")]
    if thighs[0] is None or thighs[1] is None:
        return False
    length = np.linalg.norm(points[:, thighs[0]] - points[:, thighs[1]], axis=-1)
    size = np.linalg.norm(bend, axis=-1)
    if not np.isfinite(length).any() or not np.isfinite(size).any():
        return False
    return bool(np.nanpercentile(size, 80) > LEAST_BEND * np.nanmedian(length))


def near_joint(layout: Layout, joint: str) -> int | None:
    """Find the point that is a joint, to a few centimetres; markers on the skin are too far from it.

    Args:
        layout: To look in.
        joint: Name of an SMPL joint.

    Returns:
        Index of the point, or None.
    """
    rest = load_body().rest_joints()[JOINT_NAMES.index(joint)]
    away = np.linalg.norm(template_of(layout).rest_points - rest, axis=-1)
    nearest = int(np.argmin(away))
    return nearest if away[nearest] < 0.03 else None
