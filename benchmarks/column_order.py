# SPDX-License-Identifier: Apache-2.0
"""Whether pose or place comes first in a row of SMPL parameters: how well the rotations tell.

    python -m benchmarks.column_order [--clips FOLDER] [--out FILE.md]

Rows (T, 75) of real SMPL clips hold the place before the pose or after it. Reading a row in the other order shifts the
rotations by a joint. Each measure should be lower for the right order; the baseline is the mean angle of the joints.
"""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.real_clips import print_table
from dancepose_addon.core.arrays import F64
from dancepose_addon.core.skeleton.readers.natural_rotations import CLEARLY, unnatural

JOINTS: Final = 24


def mean_angle(rotvec: F64) -> float:
    """Return the mean angle of joints 1 to 23 of (T, 24, 3), radians."""
    return float(np.linalg.norm(rotvec[:, 1:], axis=-1).mean())


MEASURES: Final[dict[str, Callable[[F64], float]]] = {"natural rotations": unnatural, "mean angle": mean_angle}


def ratios(pose: F64, place: F64, measure: Callable[[F64], float]) -> list[float]:
    """Return the measure of the wrong order over that of the right one, for both orders of a clip's rows.

    Args:
        pose: (T, 24, 3), radians.
        place: (T, 3), metres.
        measure: Of (T, 24, 3); lower is more natural.
    """
    flat = pose.reshape(len(pose), -1)
    result = []
    for row, right, wrong in (
        (np.hstack([place, flat]), slice(3, 75), slice(0, 72)),
        (np.hstack([flat, place]), slice(0, 72), slice(3, 75)),
    ):
        costs = [measure(row[:, part].reshape(-1, JOINTS, 3)) for part in (wrong, right)]
        result.append(costs[0] / costs[1])
    return result


def table(folder: Path) -> list[str]:
    """Return the lines of a Markdown table over all clips of a folder; see ``benchmarks.real_clips``."""
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for row in json.loads((folder / "index.json").read_text(encoding="utf-8")):
        with np.load(folder / row["file"], allow_pickle=False) as arrays:
            pose, place = (np.asarray(arrays[name], np.float64) for name in ("poses_rotvec", "trans"))
        whole = np.zeros((len(pose), JOINTS, 3))
        count = min(pose.shape[1], 22)
        whole[:, :count] = pose[:, :count]
        for name, measure in MEASURES.items():
            found[name] += ratios(whole, place, measure)
    lines = [f"| measure | pairs | right | by over {CLEARLY:g} | smallest ratio |", "|---|---|---|---|---|"]
    for name, values in found.items():
        each = np.array(values)
        counts = f"{len(each)} | {(each > 1.0).sum()} | {(each > CLEARLY).sum()}"
        lines.append(f"| {name} | {counts} | {each.min():.2f} |")
    return lines


def main() -> None:
    """Measure and print the table."""
    print_table("Measure how well rotations show the order of pose and place.", table)


if __name__ == "__main__":
    main()
