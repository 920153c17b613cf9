# SPDX-License-Identifier: Apache-2.0
"""Points that a tracker did not see and wrote as zeros or as -1, -9999 and the like, and places that a file lacks."""

from dataclasses import replace
from typing import Final

import numpy as np

from ..arrays import F64
from .layout import Layout
from .layouts import get_layout, layouts_with
from .recording import Finding, PointRecording

CENTRAL: Final = 0.3
"""Share of the body's extent: a point that is always zero and this near to the middle of the others is the origin."""
STILL: Final = 1e-3
MOVING: Final = 0.03
"""Shares of the body's extent by which a root that is the origin, and feet that walk, move."""
FEWEST_FILLERS: Final = 2
"""Points at one place like (-1, -1, -1), the same whole number in all coordinates."""


def mask_unseen(recording: PointRecording, layout: str | None) -> PointRecording:
    """Take exact zeros, and other whole numbers that fill all three coordinates, for unseen points.

    Args:
        recording: Points as the file has them.
        layout: Name of the layout where the user says it.

    Returns:
        The recording with NaN for them, and a finding that names how many. A root that every frame is relative to is
        no such point.
    """
    points = recording.points
    zero = (points == 0.0).all(axis=-1)
    if zero.all():
        return recording
    if zero.any():
        zero[:, list(_origin(points, zero, layout or recording.layout))] = False
    fillers = fillers_of(points)
    values = ["zero"] if zero.any() else []
    values += [f"{value:g}" for value in fillers[:3]]
    zero |= np.isin(points[..., 0], fillers) & _is_filled(points)
    if not zero.any() or zero.all():
        return recording
    masked = points.copy()
    masked[zero] = np.nan
    columns = np.flatnonzero(zero.any(axis=0))
    if recording.names is not None:
        names = ", ".join(recording.names[column][:24] for column in columns[:4])
    else:
        names = ", ".join(str(column) for column in columns[:4])
    names += ", ..." if len(columns) > 4 else ""
    why = f"they are exactly {' or '.join(values)}, and so taken for unseen (points {names})"
    found = Finding("unseen points", f"{zero.mean():.1%}", 0.8, why)
    return replace(recording, points=masked, findings=(*recording.findings, found))


def fillers_of(points: F64) -> F64:
    """Find whole numbers other than zero that fill all coordinates of points now and then, (N,).

    Args:
        points: (T, K, 3).
    """
    filled = _is_filled(points)
    filled[:, filled.all(axis=0)] = False  # a point that stays in its place
    values, counts = np.unique(points[filled][:, 0], return_counts=True)
    return values[(counts >= FEWEST_FILLERS) & (values != 0.0) & (values % 1.0 == 0.0)]


def _is_filled(points: F64) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the three coordinates are equal, (T, K)."""
    return (points[..., 0] == points[..., 1]) & (points[..., 1] == points[..., 2])


def _origin(points: F64, zero: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], named: str | None) -> set[int]:
    """Points that are always zero since the others are relative to them."""
    always = np.flatnonzero(zero.all(axis=0))
    if not len(always):
        return set()
    others = points[:, ~zero.all(axis=0)].reshape(-1, 3)
    others = others[np.isfinite(others).all(axis=1) & (others != 0.0).any(axis=1)]
    if not len(others):
        return set(always.tolist())
    low, high = np.percentile(others, 2, axis=0), np.percentile(others, 98, axis=0)
    extent = float(np.max(high - low))
    if not np.linalg.norm((low + high) / 2.0) < CENTRAL * extent:
        return set()
    if len(always) == 1:
        return {int(always[0])}
    layouts = (get_layout(named),) if named else layouts_with(points.shape[1])
    roots = {root for layout in layouts for root in roots_of(layout)}
    return {int(column) for column in always if column in roots} or {int(always[0])}


def roots_of(layout: Layout) -> tuple[int, ...]:
    """Points of a layout that are its root: those in the middle of the pelvis.

    Args:
        layout: To look in.

    Returns:
        Indices of its points.
    """
    return tuple(
        point for point, joint in enumerate(layout.joints) if joint == 0 and layout.mirrored[point] == point
    )  # fmt: skip


def find_lost_place(points: F64, layout: Layout) -> Finding | None:
    """Whether every frame is relative to the pelvis, so that the way of the body over the floor is lost.

    Args:
        points: (S, K, 3), sampled, file units.
        layout: Of the points.

    Returns:
        A doubtful finding where the pelvis never moves and the feet do, else None.
    """
    seen = points[np.isfinite(points).all(axis=-1)]
    if len(points) < 5 or not len(seen):
        return None
    extent = float(np.ptp(seen, axis=0).max())
    hips = [point for point in layout.left + layout.right if layout.joints[point] in (1, 2)]
    tracks = [points[:, point] for point in roots_of(layout)]
    tracks += [points[:, hips].mean(axis=1)] if len(hips) == 2 else []
    moved = [way for way in map(_way, tracks) if way is not None]
    walked = max((_way(points[:, point]) or 0.0 for point in layout.bottom), default=0.0)
    if moved and min(moved) < STILL * extent and walked > MOVING * extent:
        return Finding(
            "place", "lost", 0.8,
            "the pelvis never moves while the feet do: every frame is relative to it, so the body stays in its place",
        )  # fmt: skip
    return None


def _way(track: F64) -> float | None:
    """How far a point goes from its median place, (S, 3), or None where it is hardly seen."""
    known = track[np.isfinite(track).all(axis=1)]
    return float(np.abs(known - np.median(known, axis=0)).max()) if len(known) >= 5 else None
