# SPDX-License-Identifier: Apache-2.0
"""Euler angles under a name of rotation vectors: how many are noticed, and how far off the others are.

    python -m benchmarks.euler_angles [--clips FOLDER] [--out FILE.md]

Real SMPL clips are written as Euler angles in radians, with columns in the order of the axes, and read as rotation
vectors. The last column is the error of rotations that 5 % of them exceed, as the 90th percentile over the clips that
are not noticed. The first row has the false alarms, on rotation vectors.
"""

from itertools import permutations
import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.real_clips import print_table
from dancepose_addon.core.arrays import F64
from dancepose_addon.core.skeleton.readers.euler_like import FRAMES, euler_order


def clips(folder: Path) -> list[F64]:
    """Return rotation vectors of the body of each clip, (T, 22, 3), radians."""
    found = []
    for row in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        with np.load(folder / row["file"], allow_pickle=False) as arrays:
            pose = np.asarray(arrays["poses_rotvec"], np.float64)[:FRAMES, :22]
        if pose.shape[1] == 22:
            found.append(pose)
    return found


def as_euler(rotvec: F64, order: str) -> tuple[F64, float]:
    """Return Euler angles, (T, J, 3), and the error of reading them as rotation vectors, degrees."""
    true = Rotation.from_rotvec(rotvec.reshape(-1, 3))
    angles = true.as_euler(order)
    error = (Rotation.from_rotvec(angles).inv() * true).magnitude()
    return angles.reshape(rotvec.shape), float(np.degrees(np.quantile(error, 0.95)))


def table(poses: list[F64]) -> list[str]:
    """Return the lines of a Markdown table."""
    alarms = sum(euler_order(pose) is not None for pose in poses)
    lines = ["| numbers | noticed | error of the others, degrees |", "|---|---|---|"]
    lines.append(f"| rotation vectors | {alarms} of {len(poses)} | 0 |")
    for name in ["".join(order) for order in permutations("XYZ")] + ["xyz", "zyx"]:
        errors = []
        for pose in poses:
            angles, error = as_euler(pose, name)
            errors += [] if euler_order(angles) is not None else [error]
        rest = f"{np.percentile(errors, 90):.0f}" if errors else "none"
        lines.append(f"| Euler angles {name} | {len(poses) - len(errors)} of {len(poses)} | {rest} |")
    return lines


def main() -> None:
    """Measure and print the table."""
    print_table("Measure how well Euler angles are noticed.", lambda folder: table(clips(folder)))


if __name__ == "__main__":
    main()
