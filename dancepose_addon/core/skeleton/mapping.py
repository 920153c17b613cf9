# SPDX-License-Identifier: Apache-2.0
"""Points of one layout from those of another.

Whether two layouts mean the same point is read off the body: both places are known on the default body, with the bones
that carry them. A point is the same, or the middle of two (hips for their middle, shoulders for the neck's base), or,
within a few centimetres on the same bone, nearly the same; else it is missing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..body.model import PARENTS
from ..errors import LayoutError
from .anatomy import template_of
from .layouts import Layout, get_layout
from .markers import markers_for
from .sequence import KeypointSequence

SAME_M: Final = 0.008
MIDDLE_M: Final = 0.02
NEAR_M: Final = 0.06
NEARLY: Final = 0.3
"""Confidence of a point that is only nearly the same."""
ENOUGH: Final = 0.75
"""Share of a layout's points that another has to give to replace it."""


@dataclass(frozen=True)
class Mapping:
    """How the points of one layout follow from those of another.

    Attributes:
        source: Layout of the given points.
        target: Layout of the wanted points.
        sources: For each target point the points whose mean it is, none where it is missing.
        away_m: (K,), distance of that mean from it on the default body's T-pose, NaN where it is missing.
    """

    source: Layout
    target: Layout
    sources: tuple[tuple[int, ...], ...]
    away_m: NDArray[np.float64]

    @property
    def share(self) -> float:
        """Share of the target's points that are the same."""
        with np.errstate(invalid="ignore"):
            return float(np.mean(self.away_m <= MIDDLE_M))

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the target's points that the source lacks."""
        return tuple(name for name, parts in zip(self.target.keypoints, self.sources, strict=True) if not parts)


@lru_cache(maxsize=64)
def mapping_between(source: Layout, target: Layout) -> Mapping:
    """Find how the points of one layout follow from those of another.

    Args:
        source: Layout of the given points.
        target: Layout of the wanted points.

    Returns:
        The mapping.
    """
    own, wanted = template_of(source).rest_points, template_of(target).rest_points
    own_bones, wanted_bones = markers_for(source).weights, markers_for(target).weights
    sources: list[tuple[int, ...]] = []
    away = np.full(target.count, np.nan)
    middles = [(a, b) for a, b in enumerate(source.mirrored) if a < b]
    for point in range(target.count):
        distance = np.linalg.norm(own - wanted[point], axis=-1)
        related = np.array([_related(bones, wanted_bones[point]) for bones in own_bones])
        nearest = int(np.argmin(np.where(related, distance, np.inf)))
        best: tuple[int, ...] = (nearest,) if related.any() else ()
        off = float(distance[nearest]) if best else np.inf
        if off > SAME_M and abs(wanted[point, 0]) < SAME_M:
            for first, second in middles:
                between = float(np.linalg.norm((own[first] + own[second]) / 2.0 - wanted[point]))
                if between < min(off, MIDDLE_M):
                    best, off = (first, second), between
        if off > NEAR_M:
            best, off = (), np.nan
        sources.append(best)
        away[point] = off
    return Mapping(source, target, tuple(sources), away)


def _related(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Whether two points are attached to one bone, or on a bone and its parent. first, second: (24,), weights."""
    a, b = int(np.argmax(first)), int(np.argmax(second))
    return a == b or PARENTS[a] == b or PARENTS[b] == a


def to_layout(sequence: KeypointSequence, target: Layout) -> KeypointSequence:
    """Convert a motion to another layout.

    Args:
        sequence: The motion.
        target: The layout.

    Returns:
        The motion with the points of ``target``. Missing ones are NaN with confidence 0, and a note names them.

    Raises:
        LayoutError: The two have hardly a point in common.
    """
    if target.same_points(sequence.layout):
        return replace(sequence, layout=target)
    mapping = mapping_between(sequence.layout, target)
    if mapping.share < 0.3:
        raise LayoutError(
            f"{sequence.source} has points of {sequence.layout.name}, of which too few are points of {target.name} "
            f"({mapping.share:.0%}). Fit a body to them first, whose points any layout can have."
        )
    count = len(sequence)
    points = np.full((count, target.count, 3), np.nan, np.float32)
    confidence = np.zeros((count, target.count), np.float32)
    own = np.ones(sequence.keypoints_m.shape[:2], np.float32) if sequence.confidence is None else sequence.confidence
    for point, parts in enumerate(mapping.sources):
        if not parts:
            continue
        points[:, point] = sequence.keypoints_m[:, list(parts)].mean(axis=1)
        trust = 1.0 if mapping.away_m[point] <= MIDDLE_M else NEARLY
        confidence[:, point] = own[:, list(parts)].min(axis=1) * np.float32(trust)
    confidence[~np.isfinite(points).all(axis=-1)] = 0.0
    whole = sequence.confidence is None and bool((confidence == 1.0).all())
    note = _note(mapping)
    notes = (*sequence.notes, note) if note else sequence.notes
    return replace(sequence, keypoints_m=points, layout=target, confidence=None if whole else confidence, notes=notes)


def _note(mapping: Mapping) -> str:
    with np.errstate(invalid="ignore"):
        near = [name for name, off in zip(mapping.target.keypoints, mapping.away_m, strict=True) if off > MIDDLE_M]
    parts = []
    if near:
        parts.append(f"{', '.join(near[:5])}{', ...' if len(near) > 5 else ''} only nearly")
    if mapping.missing:
        parts.append(f"without {', '.join(mapping.missing[:5])}{', ...' if len(mapping.missing) > 5 else ''}")
    if not parts:
        return ""
    return f"Points of {mapping.source.name} were taken for {mapping.target.name}: {'; '.join(parts)}."


def for_one_of(sequence: KeypointSequence, names: Iterable[str]) -> KeypointSequence:
    """Convert a motion to the most suitable of several layouts, where its own is none of them.

    Args:
        sequence: The motion.
        names: Of the layouts, such as those that a regressor exists for.

    Returns:
        The motion in the layout most of whose points it has; as it is where none has enough of them.
    """
    layouts = [get_layout(name) for name in names]
    if any(layout.name == sequence.layout.name for layout in layouts):
        return sequence
    mappings = [mapping_between(sequence.layout, layout) for layout in layouts]
    mappings = [mapping for mapping in mappings if mapping.share >= ENOUGH]
    if not mappings:
        return sequence
    target = max(mappings, key=lambda mapping: mapping.share * mapping.target.count).target
    converted = to_layout(sequence, target)
    if len(converted.notes) == len(sequence.notes):
        note = f"Of the points of {sequence.layout.name} those of {target.name} are used."
        converted = replace(converted, notes=(*converted.notes, note))
    return converted
