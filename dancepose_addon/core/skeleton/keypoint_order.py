# SPDX-License-Identifier: Apache-2.0
"""Whether points are in a layout's order: would some of them fit a person better in each other's place?

What a layout's points do on people is simulated once, on bodies of many shapes in many poses: which pairs keep their
distance and how long they are, which points lie left of which, and where feet, faces and knees point. Recorded points
are held against that, as they stand and with every two of them exchanged, and every limb with that of the other side.
The order that fits best should be the one that the file has. A sum is compared, not a mean, so that an exchange of two
points of fifty counts as much as of two of ten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64, Indices
from ..body.model import JOINT_NAMES
from ..body.model_io import load_body
from ..body.rotation import rotvec_to_rotmat
from .anatomy import leftward, near_joint, template_of, unit_vectors, upward, weighted_median
from .layout import Layout
from .markers import keypoints_from_pose, markers_for
from .point_groups import lie_beside, limbs

FRAMES: Final = 80
"""That are looked at, spread over the clip."""
BODIES, POSES = 16, 24
LEAST_M: Final = 0.012
RIGID: Final = 0.07
"""Relative deviation of a distance over poses, up to which a pair is looked at; edges of the layout always are."""
STIFF_M: Final = 0.002
"""Pairs that vary less than this on simulated people show how noisy a recording is."""
PLACED_M: Final = 0.02
"""How far apart two authors put a point of the same name."""
EVEN_M: Final = 0.012
"""How unlike left and right of one person are."""
STEADY_M: Final = 0.003
NOISE_SHARE: Final = 0.35
EVEN_WEIGHT: Final = 0.5
"""Each unevenness is counted from both sides."""
SURE_SHARE, TOLD_SHARE = 0.98, 0.75
"""Shares of the way in which a direction holds on simulated people: none is surer than the first, and below the second
it tells nothing."""
SEVERAL: Final = 2.0
"""Independent sights of a direction that a clip is worth: frames that follow each other are not independent."""
NEUTRAL: Final = 1.0
MOST_SURPRISE: Final = 1e3
WITHIN_REACH: Final = 25.0
"""Directions may tell in favour of an order as much as this: those that distances put further back are passed over."""
THIRDS: Final = 3
FURTHER_M: Final = 0.01
"""Points beside each other are distinguished by their distance from a third, if it differs by this much; it is also how
well two authors agree about it, since whatever else is unlike between people concerns both."""
MOST_POINTS: Final = 64
"""Layouts with more have only neighbours and mirrored points exchanged."""
AT_ONCE: Final = 4000
"""Orders times pairs that are weighed at once."""
DEEP_M: Final = 0.06
MOST_OF_A_PART: Final = 2.0
LOOSE_RAD, TIGHT_RAD, END_RAD = 0.8, 0.25, 0.4
LEFT, FORWARD, BENT = 0, 1, 2


@dataclass(frozen=True)
class Expectation:
    """What a layout's points do on people.

    Attributes:
        pairs: (P, 2), points whose distance is compared.
        log_m: (P,), log of the distance, metres.
        spread: (P,), its standard deviation between people of one size.
        flex_m: (P,), its median deviation within a clip.
        partner: (P,), index of the pair on the other side.
        triples: (Q, 3), two points beside each other and a third that keeps its distance from both.
        further_m: (Q,), by how much the second is further from the third.
        further_spread_m: (Q,), its standard deviation between people.
        sights: (D, K), weights of points that give a direction.
        against: (D, K), weights of the one that it is compared with where kind is BENT.
        kind: (D,), LEFT, FORWARD or BENT.
        share: (D,), of the frames in which it holds.
        weight: (D,), of each direction.
    """

    pairs: Indices
    log_m: F64
    spread: F64
    flex_m: F64
    partner: Indices
    triples: Indices
    further_m: F64
    further_spread_m: F64
    sights: F64
    against: F64
    kind: Indices
    share: F64
    weight: F64


@dataclass(frozen=True)
class Order:
    """Whether points are in a layout's order.

    Attributes:
        surprise: By how much distances differ, per pair, 0 where all are as expected.
        moved: Points that the best other order exchanges.
        gain: Log-likelihood by which that order fits better; negative where the file's fits better.
    """

    surprise: float
    moved: tuple[int, ...]
    gain: float


def judge_order(points: F64, layout: Layout) -> Order:
    """Compare the order of points with every exchange of two of them, or of two limbs.

    Args:
        points: (S, K, 3), sampled, NaN where unseen.
        layout: In whose order they are taken.

    Returns:
        The best other order and how much better it fits.
    """
    expected, own = expectation_of(layout), np.arange(layout.count)
    few = points[np.linspace(0, len(points) - 1, min(FRAMES, len(points))).round().astype(np.intp)]
    seen = np.isfinite(few).all(axis=2).any(axis=0)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        typical, varying = _distances(few)
        if not np.isfinite(typical[tuple(expected.pairs.T)]).any():
            return Order(np.inf, (), -np.inf)
        distances = float(_distance_cost(expected, typical, varying, own[None])[0])
        directions = _direction_cost(expected, few, layout)
        best, moved = -np.inf, own
        for table in _chunks(_orders(layout, seen), max(1, AT_ONCE // len(expected.pairs))):
            gains = distances - _distance_cost(expected, typical, varying, table)
            for gain, order in zip(gains.tolist(), table, strict=True):
                if gain > best - WITHIN_REACH:
                    gain += directions - _direction_cost(expected, few[:, order], layout)
                    best, moved = (gain, order) if gain > best else (best, moved)
    return Order(distances / len(expected.pairs), tuple(np.flatnonzero(moved != own).tolist()), best)


def _chunks(orders: Iterator[Indices], size: int) -> Iterator[Indices]:
    """A few orders at a time, so that no large tables are built: (N, K) each."""
    while chunk := list(islice(orders, size)):
        yield np.array(chunk)


def _orders(layout: Layout, seen: NDArray[np.bool_]) -> Iterator[Indices]:
    """Other orders of the points: two exchanged, or a limb with that of the other side. seen: (K,)."""
    if layout.count <= MOST_POINTS:
        swaps = set(combinations(range(layout.count), 2))
    else:
        near = template_of(layout).pairs.tolist()
        near = [*near, *layout.edges, *enumerate(layout.mirrored)]
        swaps = {(min(pair), max(pair)) for pair in near if pair[0] != pair[1]}
    for first, second in sorted(swaps):
        if seen[first] and seen[second]:
            order = np.arange(layout.count)
            order[[first, second]] = second, first
            yield order
    for limb in limbs(layout):
        if seen[list(limb)].all():
            order = np.arange(layout.count)
            order[list(limb)] = [layout.mirrored[point] for point in limb]
            yield order


def _distances(points: F64) -> tuple[F64, F64]:
    """Median of every distance over the frames, and median deviation from it. (S, K, 3) -> (K, K), (K, K)."""
    count = points.shape[1]
    typical, varying = np.full((count, count), np.nan), np.full((count, count), np.nan)
    for point in range(count):
        away = np.linalg.norm(points[:, point:] - points[:, point, None], axis=-1)
        typical[point, point:] = typical[point:, point] = _median(away)
        varying[point, point:] = varying[point:, point] = _median(np.abs(away - typical[point, point:]))
    return typical, varying


def _median(values: F64) -> F64:
    """Median over the first axis of what is finite, NaN where nothing is. (S, N) -> (N,)."""
    ordered = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)  # NaN goes last
    known, columns = np.isfinite(ordered).sum(axis=0), np.arange(values.shape[1])
    return (ordered[np.maximum(known - 1, 0) // 2, columns] + ordered[known // 2, columns]) / 2.0


def _distance_cost(expected: Expectation, typical: F64, varying: F64, orders: Indices) -> F64:
    """Sum of how little lengths, evenness and steadiness fit, for each order.

    The log of Cauchy's density, so that no single pair outvotes the others. typical, varying: (K, K), file units;
    orders: (N, K).
    """
    own_first, own_second = expected.pairs.T
    first, second = orders[:, own_first], orders[:, own_second]
    length_m = np.exp(expected.log_m)
    # The size is that of the points as they stand, so that orders are held against one person.
    away = np.log(typical[own_first, own_second]) - expected.log_m
    known = np.isfinite(away)
    size = weighted_median(away[known], np.minimum(length_m, 0.5)[known])
    log_m = np.log(typical[first, second]) - size
    off = (log_m - expected.log_m) / np.sqrt(
        expected.spread**2 + (PLACED_M / length_m) ** 2 + (expected.flex_m / length_m) ** 2
    )
    uneven = (log_m - log_m[:, expected.partner]) * length_m / (np.sqrt(2.0) * EVEN_M)
    varying_m = varying * np.exp(-size)
    own = varying_m[own_first, own_second]
    stiff = (expected.flex_m < STIFF_M) & np.isfinite(own)
    noise = float(np.nanmedian(own[stiff] if stiff.any() else own))
    unsteady = np.maximum(varying_m[first, second] - noise, 0.0) / np.sqrt(
        expected.flex_m**2 + STEADY_M**2 + (NOISE_SHARE * noise) ** 2
    )
    near, far, third = np.moveaxis(orders[:, expected.triples], 2, 0)
    further_m = (typical[far, third] - typical[near, third]) * np.exp(-size)
    mistaken = (further_m - expected.further_m) / np.hypot(expected.further_spread_m, FURTHER_M)
    cost = np.zeros(len(orders))
    for surprise, weight in ((off, 1.0), (uneven, EVEN_WEIGHT), (unsteady, 1.0), (mistaken, 1.0)):
        finite = np.isfinite(surprise)
        kept = np.where(finite, np.minimum(np.abs(surprise), MOST_SURPRISE), 0.0)
        cost += weight * np.where(finite, np.log1p(kept * kept), NEUTRAL).sum(axis=1)
    return cost


def _along(sights: F64, against: F64, kind: Indices, points: F64, layout: Layout) -> F64:
    """How far each sight goes the way that it should, in each frame. points: (S, K, 3) -> (S, D)."""
    left = leftward(points, layout)
    forward = np.cross(left, unit_vectors(upward(points, layout)))
    ways = np.stack([left, forward, forward], axis=1)[:, kind]
    bent = kind == BENT
    ways[:, bent] = _weigh(against[bent], points)
    return (_weigh(sights, points) * ways).sum(axis=-1)


def _weigh(weights: F64, points: F64) -> F64:
    """Weighted sums of points, NaN where one that counts is unseen. weights: (D, K); points: (S, K, 3) -> (S, D, 3)."""
    whole = np.isfinite(points).all(axis=2)
    result = np.einsum("dk,skc->sdc", weights, np.where(whole[..., None], points, 0.0))
    result[(~whole).astype(float) @ (weights != 0).T > 0] = np.nan
    return result


def _share(along: F64) -> F64:
    """Share of the way that goes as it should, NaN where nothing is seen. along: (S, D) -> (D,)."""
    whole = np.nansum(np.abs(along), axis=0)
    right = np.nansum(np.maximum(along, 0.0), axis=0)
    return np.divide(right, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _direction_cost(expected: Expectation, points: F64, layout: Layout) -> float:
    """How little directions fit (log of Bernoulli's likelihood). points: (S, K, 3).

    A mirrored body, which faces backwards, is not worse.
    """
    share = _share(_along(expected.sights, expected.against, expected.kind, points, layout))
    seen = np.isfinite(share)
    share, held, ahead = share[seen], expected.share[seen], expected.kind[seen] == FORWARD
    weight = SEVERAL * expected.weight[seen]
    right, wrong = -weight * np.log(held), -weight * np.log(1.0 - held)
    cost, turned = share * right + (1.0 - share) * wrong, (1.0 - share) * right + share * wrong
    return float(cost[~ahead].sum() + min(cost[ahead].sum(), turned[ahead].sum()))


@lru_cache(maxsize=32)
def expectation_of(layout: Layout) -> Expectation:
    """Simulate people to find what a layout's points do.

    Args:
        layout: Any.

    Returns:
        Distances and directions with their spread.
    """
    random, body, markers = np.random.default_rng(0), load_body(), markers_for(layout)
    sights, against, kind, weight = _sights(layout)
    typical, flex_m, right, whole = [], np.zeros((layout.count, layout.count)), np.zeros(len(kind)), np.zeros(len(kind))
    for _ in range(BODIES):
        betas = np.clip(random.normal(size=body.beta_count), -2.0, 2.0).astype(np.float32)
        points = keypoints_from_pose(markers, body.rest_joints(betas), _random_poses(random)).astype(np.float64)
        middle, deviation = _distances(points)
        typical.append(middle)
        flex_m += deviation / BODIES
        along = _along(sights, against, kind, points, layout)
        right, whole = right + np.maximum(along, 0.0).sum(axis=0), whole + np.abs(along).sum(axis=0)
    typical_m = np.mean(typical, axis=0)
    # A pair is looked at together with its mirrored one: a single one counts a bend to that side against the order.
    mirrored = np.ix_(layout.mirrored, layout.mirrored)
    flexing, apart_m = (0.5 * (table + table[mirrored]) for table in (flex_m, typical_m))
    edges = {tuple(sorted(edge)) for edge in layout.edges}
    chosen = [
        pair
        for pair in combinations(range(layout.count), 2)
        if apart_m[pair] > LEAST_M and (flexing[pair] < RIGID * apart_m[pair] or pair in edges)
    ]
    pairs = np.array(chosen, np.intp).reshape(-1, 2)
    logs = np.log(np.array(typical)[:, pairs[:, 0], pairs[:, 1]])
    log_m = logs.mean(axis=0)
    sizes = np.array([weighted_median(row - log_m, np.minimum(np.exp(log_m), 0.5)) for row in logs])
    triples = np.array(list(_triples(layout, typical_m, set(chosen))), np.intp).reshape(-1, 3)
    further_m = np.array(
        [middle[triples[:, 1], triples[:, 2]] - middle[triples[:, 0], triples[:, 2]] for middle in typical]
    )
    index = {pair: number for number, pair in enumerate(chosen)}
    partner = []
    for number, pair in enumerate(chosen):
        first, second = (layout.mirrored[end] for end in pair)
        partner.append(index.get((min(first, second), max(first, second)), number))
    share = np.minimum(np.divide(right, whole, out=np.zeros(len(kind)), where=whole > 0), SURE_SHARE)
    told = share > TOLD_SHARE
    return Expectation(
        pairs, log_m, (logs - sizes[:, None]).std(axis=0), flex_m[pairs[:, 0], pairs[:, 1]], np.array(partner, np.intp),
        triples, further_m.mean(axis=0), further_m.std(axis=0),
        sights[told], against[told], kind[told], share[told], weight[told],
    )  # fmt: skip


def _triples(layout: Layout, typical_m: F64, rigid: set[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Two points beside each other and a third that tells them apart, the nearest few. typical_m: (K, K)."""
    for pair in combinations(range(layout.count), 2):
        if not lie_beside(layout, *pair):
            continue
        away = typical_m[list(pair)]
        thirds = [
            third
            for third in range(layout.count)
            if all((min(end, third), max(end, third)) in rigid for end in pair)
            and abs(away[1, third] - away[0, third]) > FURTHER_M
        ]
        for third in sorted(thirds, key=lambda point: float(away[:, point].sum()))[:THIRDS]:
            yield (*pair, third)


def _random_poses(random: np.random.Generator) -> NDArray[np.float32]:
    """(POSES, 24, 3, 3): limbs any way, a trunk that turns a little, knees that bend backward."""
    rotvec = random.normal(size=(POSES, len(JOINT_NAMES), 3)) * LOOSE_RAD
    for joint, name in enumerate(JOINT_NAMES):
        if name.endswith(("pelvis", "collar", "foot", "neck", "head")) or name.startswith("spine"):
            rotvec[:, joint] *= TIGHT_RAD / LOOSE_RAD
        elif name.endswith(("ankle", "wrist", "hand")):
            rotvec[:, joint] *= END_RAD / LOOSE_RAD
        elif name.endswith("knee"):
            rotvec[:, joint] = np.abs(rotvec[:, joint]) * [1.0, 0.0, 0.0]
        elif name.endswith("hip"):
            # Legs are lifted forward rather than back, and swing further than they turn or spread.
            rotvec[:, joint] = rotvec[:, joint] * [1.0, 0.4, 0.4] - [0.3, 0.0, 0.0]
    return rotvec_to_rotmat(rotvec).astype(np.float32)


def _sights(layout: Layout) -> tuple[F64, F64, Indices, F64]:
    """Directions of a layout's points: (D, K) weights, (D, K) what they are compared with, (D,) kind, (D,) weight.

    The many points of one foot or face are one part of the body, and do not outvote the rest.
    """
    rest, count = template_of(layout).rest_points, layout.count
    sights: list[tuple[F64, F64, int, float]] = []
    nothing = np.zeros(count)
    for point, other in enumerate(layout.mirrored):
        if layout.mirrored[other] == point and rest[point, 0] - rest[other, 0] > 0.02:
            sights.append((_difference(count, point, other), nothing, LEFT, 1.0))
    bends = {}
    for side in ("left", "right"):
        hip, knee, ankle = (near_joint(layout, f"{side}_{part}") for part in ("hip", "knee", "ankle"))
        if hip is not None and knee is not None and ankle is not None:
            bends[side] = (_difference(count, knee, hip) + _difference(count, knee, ankle)) / 2.0
            sights.append((bends[side], nothing, FORWARD, 1.0))
    for group, side in _groups(layout):
        ways = [(front, back) for front in group for back in group if rest[front, 2] - rest[back, 2] > DEEP_M]
        for front, back in ways:
            way, weight = _difference(count, front, back), min(1.0, MOST_OF_A_PART / len(ways))
            sights.append((way, nothing, FORWARD, weight))
            if side in bends:
                # Toes point where the knee of the same leg points, however the leg is turned.
                sights.append((way, bends[side], BENT, weight))
    weights = np.array([sight for sight, *_ in sights]).reshape(-1, count)
    against = np.array([other for _, other, *_ in sights]).reshape(-1, count)
    kind = np.array([kind for _, _, kind, _ in sights], np.intp)
    return weights, against, kind, np.array([weight for *_, weight in sights])


def _groups(layout: Layout) -> Iterator[tuple[list[int], str]]:
    """Points of either foot, with its side, and of the head."""
    rest = template_of(layout).rest_points
    low = rest[:, 1] < rest[:, 1].min() + 0.2
    for side in ("left", "right"):
        names = tuple(f"{side}_{part}" for part in ("knee", "ankle", "foot"))
        yield [p for p, joint in enumerate(layout.joints) if low[p] and JOINT_NAMES[joint] in names], side
    yield [p for p, joint in enumerate(layout.joints) if JOINT_NAMES[joint] == "head"], "head"


def _difference(count: int, first: int, second: int) -> F64:
    weights = np.zeros(count)
    weights[first] += 1.0
    weights[second] -= 1.0
    return weights
