# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that a character reaches over its dance, for the camera."""

from collections.abc import Sequence
from typing import Final

import bpy
import numpy as np

from ...core.arrays import F64
from ...core.axes import to_smpl

MOST_MOMENTS: Final = 48
"""Frames in which the bounds of the character are measured; between them it hardly reaches further."""


def character_outline(meshes: Sequence[bpy.types.Object], scene: bpy.types.Scene, count: int) -> F64:
    """Return the corners of the bounds of a character's meshes at moments spread over the clip.

    Args:
        meshes: Meshes of the character.
        scene: Scene that shows it; its current frame is restored.
        count: Number of frames, from frame 0.

    Returns:
        (N, 3), metres, SMPL's axes.
    """
    moments = np.unique(np.linspace(0, max(0, count - 1), min(count, MOST_MOMENTS)).round().astype(int))
    shown = scene.frame_current
    corners = []
    try:
        for frame in moments.tolist():
            scene.frame_set(frame)
            graph = bpy.context.evaluated_depsgraph_get()
            for mesh in meshes:
                if mesh.hide_render:
                    continue
                evaluated = mesh.evaluated_get(graph)
                box = np.array([list(corner) for corner in evaluated.bound_box], np.float64)
                world = np.array(evaluated.matrix_world, np.float64)
                corners.append(box @ world[:3, :3].T + world[:3, 3])
    finally:
        scene.frame_set(shown)
    points = np.concatenate(corners) if corners else np.zeros((1, 3))
    return to_smpl(points, axes="z_up", unit="m").astype(np.float64)
