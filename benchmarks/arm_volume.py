# SPDX-License-Identifier: Apache-2.0
"""How far forearm and upper arm keep their volume and their smallest cross-section under twist and bend.

    python -m benchmarks.arm_volume [--out benchmarks/results/body.md]

Three surfaces of the default body: its own by linear blend skinning alone, its own with the pose correctives, and the
neutral figure that pictures show. A limb is cut by 40 planes across its bone, between 8 and 92 % of it (from 10 % above
the elbow for the twist there); the area of a cut is that of the convex hull of the points where the plane meets the
surface, and the volume is the integral of the areas along the bone. Both are given as shares of the same limb in the
T-pose. The upper arm's first planes also cut the shoulder.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.figure_file import figure_of
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.model_io import load_body

PLANES = np.linspace(0.08, 0.92, 40)
REACH_M = 0.11
ACROSS_ELBOW = np.linspace(-0.10, 0.92, 48)
"""Planes for a twist at the elbow, which narrows the arm at the joint itself."""
LIMBS = {
    "forearm": ("left_elbow", "left_wrist"),
    "elbow and forearm": ("left_elbow", "left_wrist"),
    "upper arm": ("left_shoulder", "left_elbow"),
}
MOVES = (
    ("forearm", "twist at the wrist", "left_wrist", "x", (30, 60, 90)),
    ("elbow and forearm", "twist at the elbow", "left_elbow", "x", (30, 60, 90)),
    ("forearm", "bend of the elbow", "left_elbow", "-y", (45, 90, 140)),
    ("upper arm", "twist at the shoulder", "left_shoulder", "x", (30, 60, 90)),
    ("upper arm", "bend of the elbow", "left_elbow", "-y", (45, 90, 140)),
    ("upper arm", "arm lowered", "left_shoulder", "-z", (40, 80)),
)


def posed(body: BodyModel, turns: dict[str, NDArray[np.floating]], *, correctives: bool) -> tuple[F32, F32]:
    """Return vertices (V, 3) and joints (24, 3), metres, of a pose; turns: joint to rotation vector in radians."""
    pose = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    for name, turn in turns.items():
        pose[0, JOINT_INDEX[name]] = Rotation.from_rotvec(turn).as_matrix()
    vertices = skin(body, pose, correctives=correctives)
    assert vertices is not None
    return vertices[0], forward_kinematics(body.rest_joints(), pose)[1][0]


def areas_m2(vertices_m: F32, edges: NDArray[np.intp], start_m: F32, end_m: F32, planes: F64 = PLANES) -> F64:
    """Return the area of each cut of a limb, (P,) square metres."""
    along = (end_m - start_m).astype(np.float64)
    length = float(np.linalg.norm(along))
    along /= length
    across = np.linalg.svd(along[None])[2][1:]
    local = vertices_m.astype(np.float64) - start_m
    height = local @ along
    found = []
    for share in planes:
        a, b = height[edges[:, 0]] - share * length, height[edges[:, 1]] - share * length
        cut = a * b < 0.0
        part = (a[cut] / (a[cut] - b[cut]))[:, None]
        points = (local[edges[cut, 0]] * (1.0 - part) + local[edges[cut, 1]] * part) @ across.T
        near = points[np.linalg.norm(points, axis=1) < REACH_M]
        found.append(ConvexHull(near).volume if len(near) > 3 else 0.0)
    return np.array(found)


def limb_edges(body: BodyModel, limb: str) -> NDArray[np.intp]:
    """Return the edges of the faces that a limb's joints move, (E, 2)."""
    first, last = (JOINT_INDEX[name] for name in LIMBS[limb])
    joints = [first, last, JOINT_INDEX["left_shoulder"]] if limb.startswith("elbow") else [first, last]
    moved = body.weights[:, joints].sum(axis=1) > 0.3
    faces = body.faces[moved[body.faces].all(axis=1)]
    return np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0).astype(np.intp)


def measure(body: BodyModel, *, correctives: bool) -> list[tuple[float, float]]:
    """Return volume and smallest cross-section of each move and angle, as shares of those in the T-pose."""
    found = []
    for limb, _, joint, axis, angles in MOVES:
        edges = limb_edges(body, limb)
        first, last = (JOINT_INDEX[name] for name in LIMBS[limb])
        direction = (-1.0 if axis[0] == "-" else 1.0) * np.eye(3)["xyz".index(axis[-1])]
        rest_m, rest_joints_m = posed(body, {}, correctives=correctives)
        planes = ACROSS_ELBOW if limb.startswith("elbow") else PLANES
        rest = areas_m2(rest_m, edges, rest_joints_m[first], rest_joints_m[last], planes)
        for angle in angles:
            moved_m, joints_m = posed(body, {joint: np.radians(angle) * direction}, correctives=correctives)
            areas = areas_m2(moved_m, edges, joints_m[first], joints_m[last], planes)
            found.append((float(areas.sum() / rest.sum()), float((areas / rest).min())))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print or write the table.

    Args:
        argv: Command line without the program's name; None for ``sys.argv``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arm_volume", description=__doc__)
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    options = parser.parse_args(argv)
    body = load_body(None)
    figure = figure_of(body, "neutral")
    assert figure is not None
    columns = [measure(body, correctives=False), measure(body, correctives=True), measure(figure, correctives=True)]
    lines = [
        "# Volume and smallest cross-section of the arms",
        "",
        "By `python -m benchmarks.arm_volume`, which says how they are measured. Shares of the T-pose: volume /",
        "smallest cross-section.",
        "",
        "| limb | movement | degrees | skinning alone | with correctives | figure in pictures |",
        "|---|---|---|---|---|---|",
    ]
    rows = [(limb, move, angle) for limb, move, _, _, angles in MOVES for angle in angles]
    for (limb, move, angle), *shares in zip(rows, *columns, strict=True):
        cells = " | ".join(f"{volume:.2f} / {area:.2f}" for volume, area in shares)
        lines.append(f"| {limb} | {move} | {angle} | {cells} |")
    text = "\n".join(lines) + "\n"
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
