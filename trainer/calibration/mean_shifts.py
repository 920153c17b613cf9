# SPDX-License-Identifier: Apache-2.0
"""Shifts of a marker table's points that its clips agree on.

A fit with ``--adapt`` finds where each clip has its points on the body. The mean of these shifts over clips, with the
dancers weighted equally, is what the table itself has wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F64, Indices
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.fit.clip_shape import solve_sample
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.shape.bundle_adjustment import solve_shape_and_poses
from dancepose_addon.core.fit.shape.from_lengths import MOST_SHIFT_M, ShapeModel
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.markers import MarkerSet
from dancepose_addon.core.skeleton.sequence import KeypointSequence

ACROSS: Final = np.array([-1.0, 1.0, 1.0])
"""Factors on a shift that mirror it."""


def mean_shifts(
    markers: MarkerSet,
    clips: Mapping[str, Sequence[KeypointSequence]],
    body: BodyModel,
    regressor: PoseRegressor,
    *,
    progress: Progress = silent,
) -> F64:
    """Return the mean shift of each point that ``--adapt`` finds in the clips.

    Args:
        markers: The table.
        clips: Clips of its layout by dancer; dancers count alike.
        body: The mean body.
        regressor: Regressor of the layout.
        progress: Called with the fraction done and a message.

    Returns:
        (K, 3), metres, in the axes of the T-pose.
    """
    count, done = sum(len(some) for some in clips.values()), 0
    by_dancer = []
    for some in clips.values():
        found = []
        for clip in some:
            progress(done / count, f"Adapting {clip.source}")
            sample, shape, pose = solve_sample(clip, regressor=regressor, body=body, markers=markers)
            model = ShapeModel(markers, body, None, adapt=True, most_shift_m=MOST_SHIFT_M)
            adapted, _ = solve_shape_and_poses(model, shape, pose, sample)
            found.append(adapted.markers.offsets_m.astype(np.float64) - markers.offsets_m)
            done += 1
        by_dancer.append(np.mean(found, axis=0))
    return np.asarray(np.mean(by_dancer, axis=0), np.float64)


def shifted_table(
    markers: MarkerSet, shift_m: F64, points: Sequence[int], mirrored: Sequence[tuple[int, int]] = ()
) -> MarkerSet:
    """Move some points of a table.

    Args:
        markers: The table.
        shift_m: (K, 3), metres.
        points: Indices of the points to move; the others stay.
        mirrored: Pairs of points that move as mirror images of each other.
    """
    moved = np.zeros_like(shift_m)
    chosen: Indices = np.asarray(points, np.intp)
    moved[chosen] = shift_m[chosen]
    for first, second in mirrored:
        both = 0.5 * (moved[first] + moved[second] * ACROSS)
        moved[first], moved[second] = both, both * ACROSS
    return replace(markers, offsets_m=(markers.offsets_m + moved).astype(np.float32))
