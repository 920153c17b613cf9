# SPDX-License-Identifier: Apache-2.0
"""Sweatshirt and trousers: loose cloth round torso, arms and legs, with hems and cuffs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from tools.build_body.topology import boundary_loops

from .layer import Layer, smoothstep

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Joints = Mapping[str, Floats]

EASE_M: Final = 0.007
"""Least distance of the cloth from the body's suit, metres."""
RIM_M: Final = 0.004
HEM_Y_M: Final = -0.040
BAND_M: Final = 0.052
CUFF_X_M: Final = (0.612, 0.664)
SHIN_Y_M: Final = -0.785
HEM_LEG_Y_M: Final = -0.872
TURNS, ROWS = 96, 90


def neck_field(p: Floats, joints: Joints) -> Floats:
    """Positive above the upper edge of the collar. p: (V, 3), metres."""
    neck = joints["neck"]
    line = neck[1] - 0.004 - 0.33 * (p[:, 2] - neck[2]) + 1.0 * p[:, 0] ** 2
    return np.where(p[:, 1] > neck[1] - 0.15, p[:, 1] - line, -1.0)


def sweatshirt(points_m: Floats, faces: Ints, joints: Joints, material: int, band: int) -> Layer:
    """Build the sweatshirt from the body's faces. points_m: (V, 3), metres; faces: (F, 3)."""
    centre = points_m[faces].mean(axis=1)
    chosen = (centre[:, 1] > HEM_Y_M - 0.03) & (np.abs(centre[:, 0]) < CUFF_X_M[1] + 0.03)
    chosen &= (neck_field(centre, joints) < 0.016) & ((centre[:, 1] > 0.2) | (np.abs(centre[:, 0]) < 0.3))
    layer = Layer.of(points_m, faces[chosen], material)
    p = layer.at_m
    chest = smoothstep(0.20 - np.abs(p[:, 0]), 0.0, 0.06) * smoothstep(0.48 - p[:, 1], 0.0, 0.06)
    layer = layer.smoothed(0.6 * chest * smoothstep(p[:, 1], 0.05, 0.15), 8)
    layer = layer.moved(_drape(layer, joints))
    layer = layer.cut(lambda q: HEM_Y_M - q[:, 1] - 0.05 * q[:, 2], None)
    layer = layer.cut(lambda q: np.abs(q[:, 0]) - CUFF_X_M[1], None)
    layer = layer.cut(lambda q: neck_field(q, joints), None)
    layer = layer.cut(lambda q: np.abs(q[:, 0]) - CUFF_X_M[0], band)
    layer = layer.cut(lambda q: HEM_Y_M + BAND_M - q[:, 1] - 0.05 * q[:, 2], band, (material,))
    layer = layer.cut(lambda q: neck_field(q, joints) + 0.016, band, (material,))
    collar = neck_field(layer.at_m, joints) + 0.016
    layer = layer.moved(layer.at_m + 0.0025 * smoothstep(collar, -0.002, 0.006)[:, None] * layer.normals())
    return layer.with_rims(lambda _loop: True, RIM_M, 0.02)


def _drape(layer: Layer, joints: Joints) -> Floats:
    """Return where the cloth hangs: off the torso from its widest places, round the arms in a tube."""
    p = layer.at_m
    ease = EASE_M * (0.15 + 0.85 * smoothstep(-neck_field(p, joints), 0.0, 0.07))
    out = p + ease[:, None] * layer.normals()
    torso = smoothstep(0.205 - np.abs(p[:, 0]), 0.0, 0.06) * smoothstep(0.465 - p[:, 1], 0.0, 0.09)
    out += torso[:, None] * (_hang(p, out) - out)
    return _sleeves(out, joints)


def _hang(p: Floats, out: Floats) -> Floats:
    """Cloth that falls from chest and back, drawn in by the band at the hem. p, out: (V, 3), metres."""
    axis_z = 0.025
    angle = np.arctan2(out[:, 0], out[:, 2] - axis_z)
    radius = np.hypot(out[:, 0], out[:, 2] - axis_z)
    low, high = HEM_Y_M - 0.04, 0.50
    table = np.zeros((ROWS, TURNS))
    body = np.abs(p[:, 0]) < 0.20
    column = np.round((angle[body] / (2 * np.pi) + 0.5) * TURNS).astype(int) % TURNS
    row = np.clip(np.round((out[body, 1] - low) / (high - low) * (ROWS - 1)).astype(int), 0, ROWS - 1)
    np.maximum.at(table, (row, column), radius[body])
    table = _filled(table)
    height_m = (high - low) / (ROWS - 1)
    for level in range(ROWS - 2, -1, -1):
        table[level] = np.maximum(table[level], table[level + 1] - 0.35 * height_m)
    table = gaussian_filter(table, (3.0, 2.5), mode=("nearest", "wrap"))
    place = np.stack([(out[:, 1] - low) / height_m, (angle / (2 * np.pi) + 0.5) * TURNS])
    hung = map_coordinates(table, place, order=1, mode="grid-wrap")
    band = smoothstep(HEM_Y_M + BAND_M + 0.012 - out[:, 1], 0.0, 0.03)
    fall = hung + 0.008
    wanted = fall + band * (np.maximum(radius, hung - 0.012) + 0.003 - fall)
    scale = wanted / np.maximum(radius, 1e-6)
    return np.stack([out[:, 0] * scale, out[:, 1], axis_z + (out[:, 2] - axis_z) * scale], axis=1)


def _filled(table: Floats) -> Floats:
    """Fill empty cells of a cyclic table with the weighted mean of their neighbours."""
    known = (table > 0).astype(float)
    wide = gaussian_filter(table, 2.5, mode=("nearest", "wrap")), gaussian_filter(known, 2.5, mode=("nearest", "wrap"))
    return np.where(table > 0, table, wide[0] / np.maximum(wide[1], 1e-9))


def _sleeves(out: Floats, joints: Joints) -> Floats:
    """Loose sleeves that narrow to the cuffs. out: (V, 3), metres."""
    shoulder = joints["left_shoulder"]
    x = np.abs(out[:, 0])
    y, z = out[:, 1] - (shoulder[1] - 0.004), out[:, 2] - (shoulder[2] + 0.008)
    radius = np.hypot(y, z)
    wanted = np.interp(
        x, (0.20, 0.30, 0.45, 0.58, 0.607, 0.622, 0.67), (0.0, 0.0535, 0.0505, 0.0465, 0.0445, 0.0340, 0.0325)
    )
    loose = np.logaddexp(40.0 * 10 * radius, 40.0 * 10 * wanted) / 400.0
    # Cloth gathers in front of the cuff and inside the elbow.
    folds = 0.0022 * np.sin(2 * np.pi * x / 0.031 + 1.3 * np.sin(2 * np.arctan2(y, z)))
    folds *= smoothstep(x, 0.50, 0.57) * smoothstep(0.612 - x, 0.0, 0.02)
    share = smoothstep(x, 0.22, 0.32)
    scale = 1.0 + share * ((loose + folds) / np.maximum(radius, 1e-6) - 1.0)
    placed = out.copy()
    placed[:, 1] = shoulder[1] - 0.004 + y * scale
    placed[:, 2] = shoulder[2] + 0.008 + z * scale
    return placed


def trousers(points_m: Floats, faces: Ints, joints: Joints, material: int) -> Layer:
    """Build the trousers from the body's faces. points_m: (V, 3), metres; faces: (F, 3)."""
    centre = points_m[faces].mean(axis=1)
    chosen = (centre[:, 1] < 0.05) & (centre[:, 1] > SHIN_Y_M - 0.04) & (np.abs(centre[:, 0]) < 0.3)
    layer = Layer.of(points_m, faces[chosen], material)
    layer = layer.cut(lambda q: SHIN_Y_M - q[:, 1], None).subdivided()
    layer = layer.moved(_straight_legs(layer, joints))
    for loop in boundary_loops(layer.faces):
        if layer.at_m[loop, 1].mean() < -0.5:
            layer = layer.extended(loop, _lower_leg(layer.at_m[loop]))
    return layer.with_rims(lambda loop: bool(loop[:, 1].mean() < -0.5), RIM_M, 0.02)


def _lower_leg(loop_m: Floats) -> Floats:
    """Continue a trouser leg from the shin to its hem over the shoe: (N, 3) to (R, N, 3), metres."""
    centre = loop_m.mean(axis=0)
    away = loop_m - centre
    turn = np.arctan2(np.abs(centre[0]) / centre[0] * away[:, 0], away[:, 2])
    rows = []
    for step in np.linspace(0.0, 1.0, 10)[1:]:
        # Cloth gathers on the shoe; the hem is lower at the heel.
        end = HEM_LEG_Y_M + 0.16 * away[:, 2]
        fold = 0.0030 * np.sin(9.0 * step + 1.5 * np.sin(turn)) * smoothstep(np.array(step), 0.1, 0.5)
        size = 1.0 + (fold + 0.001 * step) / np.linalg.norm(away[:, [0, 2]], axis=1)
        row = centre + away * size[:, None]
        row[:, 1] = loop_m[:, 1] + step * (end - loop_m[:, 1])
        row[:, 2] += 0.016 * step
        rows.append(row)
    return np.stack(rows)


def _straight_legs(layer: Layer, joints: Joints) -> Floats:
    """Return straight trouser legs that touch below the crotch."""
    p = layer.at_m
    out = p + 0.003 * layer.normals()
    side, y = np.sign(out[:, 0]), out[:, 1]
    heights = [joints["left_ankle"][1], joints["left_knee"][1], joints["left_hip"][1]]
    centre_x = np.interp(y, heights, [0.128, 0.124, 0.096])
    centre_z = np.interp(y, [-0.846, -0.60, -0.45, -0.25, -0.064], [-0.024, -0.030, -0.012, 0.006, 0.012])
    x, z = np.abs(out[:, 0]) - centre_x, out[:, 2] - centre_z
    radius = np.hypot(x, z)
    wanted = np.interp(y, (-0.87, -0.62, -0.45, -0.30, -0.16), (0.066, 0.069, 0.074, 0.078, 0.070))
    loose = np.logaddexp(300.0 * radius, 300.0 * wanted) / 300.0
    share = smoothstep(-y, 0.10, 0.26)
    scale = 1.0 + share * (loose / np.maximum(radius, 1e-6) - 1.0)
    x, z = x * scale, z * scale
    # The inner sides of the thighs meet a little below the crotch.
    inner = smoothstep(-x / np.maximum(np.hypot(x, z), 1e-6), 0.25, 0.95)
    meet = smoothstep(-y, 0.06, 0.10) * smoothstep(y, -0.32, -0.13)
    gap = centre_x + x
    x = x - inner * meet * np.maximum(gap - 0.0035, 0.0)
    placed = np.stack([side * (centre_x + x), y, centre_z + z], axis=1)
    middle = np.abs(p[:, 0]) < 1e-6
    placed[middle] = out[middle]
    placed[middle, 0] = 0.0
    return placed
