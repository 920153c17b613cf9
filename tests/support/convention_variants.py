# SPDX-License-Identifier: Apache-2.0
"""Variants of clips as files might have them, each with the truth that what is concluded is judged by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.skeleton.conventions import ADULTS_M, Interpretation
from dancepose_addon.core.skeleton.layouts import Layout, layouts_with
from dancepose_addon.core.skeleton.point_groups import lie_beside
from dancepose_addon.core.skeleton.recording import Finding

Random = np.random.Generator

UNITS: Final = {"m": 1.0, "cm": 100.0, "mm": 1000.0, "inch": 1.0 / 0.0254, "ft": 1.0 / 0.3048}
SIZE_ERROR_M: Final = 0.05
"""By which a height that is read off joints may be wrong."""
TILTS_DEG: Final = ((19.0, 25.0), (25.0, 65.0))
LIMBS: Final = (("shoulder", "elbow", "wrist", "hand"), ("elbow", "wrist", "hand"), ("hip", "knee", "ankle", "foot"),
                ("knee", "ankle", "foot"))  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """points: (T, K, 3), metres, y up, sides as named; height_m: of the person; rotvec: (T, 24, 3) or None."""

    name: str
    points: F64
    layout: Layout
    height_m: float
    rotvec: F64 | None = None


@dataclass(frozen=True)
class Verdict:
    """right, doubted or wrong, and about what."""

    kind: str
    why: str = ""


@dataclass(frozen=True)
class Case:
    """A variant of a clip as a file would have it: the array, and how to judge what was concluded."""

    array: F64
    judge: Callable[[Interpretation, tuple[Finding, ...]], Verdict]


def doubts(findings: tuple[Finding, ...], *topics: str) -> bool:
    """Whether one of the topics is doubted."""
    return any(finding.doubtful and finding.topic in topics for finding in findings)


def _judge(
    clip: Clip, turn: F64, units_per_m: float, *, mirrored: bool = False, order: bool = True, upright: bool = True
) -> Callable[[Interpretation, tuple[Finding, ...]], Verdict]:
    """turn: (3, 3), from SMPL's axes to the file's; order: whether the points are in the layout's order; upright:
    whether an axis of the file points up."""
    up = turn @ np.array([0.0, 1.0, 0.0])

    def judge(found: Interpretation, findings: tuple[Finding, ...]) -> Verdict:
        doubted = ""
        if not order:
            doubted_order = doubts(findings, "order of the points", "layout")
            return Verdict("doubted") if doubted_order else Verdict("wrong", "order")
        if doubts(findings, "order of the points", "layout", "values"):
            return Verdict("doubted", "layout")
        if found.layout.name != clip.layout.name:
            return Verdict("wrong", f"layout {found.layout.name}")
        height = clip.height_m * units_per_m * found.metres
        low, high = ADULTS_M
        true_unit = abs(height / clip.height_m - 1.0) < 1e-6 or low - SIZE_ERROR_M <= height <= high + SIZE_ERROR_M
        if not true_unit:
            if not doubts(findings, "unit"):
                return Verdict("wrong", f"height {height:.2f} for {clip.height_m:.2f}")
            doubted = "unit"
        if float((found.turn @ up)[1]) < (0.99 if upright else 0.95):
            if not doubts(findings, "up axis"):
                return Verdict("wrong", "up axis")
            doubted = doubted or "up axis"
        if mirrored:
            told = any(finding.topic == "sides" and finding.doubtful for finding in findings)
            return Verdict("right" if told and not doubted else "doubted" if told else "wrong", doubted or "sides")
        if np.linalg.det(found.turn) < 0 or found.swaps_sides:
            if not doubts(findings, "sides"):
                return Verdict("wrong", "sides")
            doubted = doubted or "sides"
        said = [finding.topic for finding in findings if finding.doubtful and finding.topic != "rate"]
        return Verdict("doubted", doubted or said[0]) if doubted or said else Verdict("right")

    return judge


EYE: Final = np.eye(3)


def _axis_turns() -> list[F64]:
    """The 24 rotations that take axes to axes."""
    turns = []
    for first in range(3):
        for second in range(3):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                if first != second:
                    x, y = np.zeros(3), np.zeros(3)
                    x[first], y[second] = signs
                    turns.append(np.stack([x, y, np.cross(x, y)]))
    return turns


TURNS: Final = _axis_turns()


def variants(clip: Clip, random: Random) -> Iterator[tuple[str, Case]]:
    """Every kind of variant, one of each."""
    points, count = clip.points, clip.layout.count
    any_turn = TURNS[random.integers(0, len(TURNS))] @ rotvec_to_rotmat(np.array([0.0, random.uniform(-3, 3), 0.0]))
    factor = list(UNITS.values())[random.integers(0, len(UNITS))]
    yield "as it is", Case(points, _judge(clip, EYE, 1.0))
    yield "axes turned", Case(points @ any_turn.T, _judge(clip, any_turn, 1.0))
    for low, high in TILTS_DEG:
        axis = random.normal(size=3) * [1.0, 0.0, 1.0]
        tilt = rotvec_to_rotmat(axis / np.linalg.norm(axis) * np.radians(random.uniform(low, high)))
        name = f"tilted by {low:.0f} to {high:.0f} degrees"
        yield name, Case(points @ tilt.T, _judge(clip, tilt, 1.0, upright=False))
    yield "another unit", Case(points * factor, _judge(clip, EYE, factor))
    any_scale = float(np.exp(random.uniform(np.log(0.02), np.log(3000.0))))
    yield "any scale", Case(points * any_scale, _judge(clip, EYE, any_scale))
    flip = np.diag([-1.0, 1.0, 1.0])
    yield "mirrored by an axis", Case(points @ flip.T, _judge(clip, flip, 1.0, mirrored=True))
    yield "left and right exchanged", Case(points[:, list(clip.layout.mirrored)], _mirrored_names(clip))
    everything = any_turn @ flip
    yield (
        "turned, mirrored, another unit",
        Case(points @ everything.T * factor, _judge(clip, everything, factor, mirrored=True)),
    )
    yield "points shuffled", Case(points[:, random.permutation(count)], _judge(clip, EYE, 1.0, order=False))
    for layout in layouts_with(count):
        if layout is not clip.layout:
            yield f"the other layout of {count} points", Case(points, _judge(clip, EYE, 1.0))
    for name, order in reorderings(clip.layout, random):
        yield name, Case(points[:, order], _judge(clip, EYE, 1.0, order=False))
    order = _exchange(count, _pair(clip.layout, random, near=False))
    start = int(random.integers(0, max(1, len(points) - 5)))
    yield "any two exchanged, 5 frames", Case(points[start : start + 5, order], _judge(clip, EYE, 1.0, order=False))
    for frames in (1, 5, 30):
        start = int(random.integers(0, max(1, len(points) - frames)))
        yield f"{frames} frame{'s' if frames > 1 else ''}", Case(points[start : start + frames], _judge(clip, EYE, 1.0))
    yield "points missing at the end", Case(points[:, : count - int(random.integers(1, 4))], _cut(clip))
    holes = points.copy()
    holes[random.random(points.shape[:2]) < 0.2] = np.nan
    yield "a fifth unseen", Case(holes, _judge(clip, EYE, 1.0))
    order = _exchange(count, _pair(clip.layout, random, near=False))
    yield "any two exchanged, a fifth unseen", Case(holes[:, order], _judge(clip, EYE, 1.0, order=False))
    arm = points.copy()
    arm[:, [i for i, joint in enumerate(clip.layout.joints) if joint in (18, 20, 22)]] = np.nan
    yield "an arm never seen", Case(arm, _judge(clip, EYE, 1.0))
    if clip.rotvec is not None:
        theta = clip.rotvec[:, :count].reshape(len(clip.rotvec), -1)
        yield "rotation vectors of that width", Case(theta, lambda _found, _findings: Verdict("wrong", "values"))
        yield "positions of that width", Case(points.reshape(len(points), -1), _judge(clip, EYE, 1.0))


def _mirrored_names(clip: Clip) -> Callable[[Interpretation, tuple[Finding, ...]], Verdict]:
    """Points that have no mirror image make an exchange of names a reordering too."""
    whole = all(clip.layout.mirrored[other] == point for point, other in enumerate(clip.layout.mirrored))
    if whole:
        return _judge(clip, EYE, 1.0, mirrored=True)

    def judge(_found: Interpretation, findings: tuple[Finding, ...]) -> Verdict:
        told = doubts(findings, "sides", "order of the points")
        return Verdict("doubted") if told else Verdict("wrong", "sides")

    return judge


def _cut(clip: Clip) -> Callable[[Interpretation, tuple[Finding, ...]], Verdict]:
    def judge(found: Interpretation, findings: tuple[Finding, ...]) -> Verdict:
        # SMPL's 24 joints without the hands are SMPL's 22: that is true.
        if clip.layout.name == "smpl24" and found.layout.name == "smpl22":
            return Verdict("right")
        told = doubts(findings, "layout", "order of the points")
        return Verdict("doubted") if told else Verdict("wrong", f"taken for {found.layout.name}")

    return judge


def reorderings(layout: Layout, random: Random) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Orders of the points that are not the layout's, one of each kind that the layout has."""
    count = layout.count
    yield "two neighbours exchanged", _exchange(count, _pair(layout, random, near=True))
    yield "any two exchanged", _exchange(count, _pair(layout, random, near=False))
    three = random.choice(count, 3, replace=False)
    order = np.arange(count)
    order[three] = np.roll(three, 1)
    yield "three points cycled", order
    parts = LIMBS[random.integers(0, len(LIMBS))]
    order = np.arange(count)
    for point, other in enumerate(layout.mirrored):
        if JOINT_NAMES[layout.joints[point]].endswith(parts) and layout.mirrored[other] == point:
            order[point] = other
    yield "a limb exchanged with the other side's", order
    hands, feet = (_riding(layout, *names) for names in (("wrist", "hand"), ("ankle", "foot", "knee")))
    yield "a hand and a foot exchanged", _exchange(count, (int(random.choice(hands)), int(random.choice(feet))))
    beside = [(a, b) for a in range(count) for b in range(a) if lie_beside(layout, a, b)]
    if beside:
        yield "two points beside each other exchanged", _exchange(count, beside[random.integers(0, len(beside))])


def _riding(layout: Layout, *names: str) -> list[int]:
    return [point for point, joint in enumerate(layout.joints) if JOINT_NAMES[joint].endswith(names)]


def _exchange(count: int, pair: tuple[int, int]) -> NDArray[np.intp]:
    order = np.arange(count)
    order[list(pair)] = order[list(pair[::-1])]
    return order


def _pair(layout: Layout, random: Random, *, near: bool) -> tuple[int, int]:
    if near:
        return layout.edges[random.integers(0, len(layout.edges))]
    first, second = (int(point) for point in random.choice(layout.count, 2, replace=False))
    return first, second
