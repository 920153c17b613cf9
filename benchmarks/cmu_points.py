# SPDX-License-Identifier: Apache-2.0
"""Effect of the low weight of the hips of CMU's BVH files, which are 6 cm higher than SMPL's.

    DANCEPOSE_DATA=FOLDER python -m benchmarks.cmu_points [--every N]

The first six seconds of CMU's BVH files at 60 fps are fitted as they are read, and with equal weights. The error is
that of knees, ankles, shoulders, elbows, wrists and head, whose weight is the same in both.
"""

import argparse
from dataclasses import replace
import os
from pathlib import Path
from typing import Final

import numpy as np

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference.regressors import open_for

FRAMES: Final = slice(1, 720, 2)
"""Frames that are fitted; the first frame is a T-pose."""
PARTS: Final = ("knee", "ankle", "shoulder", "elbow", "wrist")
COMPARED: Final = ("head", *(f"{side}_{part}" for side in ("left", "right") for part in PARTS))


def main() -> None:
    """Print both means and in how many clips the weights helped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = os.environ.get("DANCEPOSE_DATA")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None)
    parser.add_argument("--every", type=int, default=1, help="of CMU's clips")
    arguments = parser.parse_args()
    if arguments.data is None:
        print("No data: name the folder that holds `cmu` with --data or DANCEPOSE_DATA.")
        return
    rows = []
    for path in sorted((arguments.data / "cmu").glob("*.bvh"))[:: arguments.every]:
        whole = read(path)
        confidence = None if whole.confidence is None else whole.confidence[FRAMES]
        clip = replace(whole, keypoints_m=whole.keypoints_m[FRAMES], fps=whole.fps / 2, confidence=confidence)
        rows.append((_error_mm(replace(clip, confidence=None)), _error_mm(clip)))
    alike, read_so = np.array(rows).T
    print(
        f"{len(rows)} clips: {alike.mean():.1f} mm with every point trusted alike, {read_so.mean():.1f} mm as read; "
        f"better in {int((read_so < alike).sum())}"
    )


def _error_mm(clip: KeypointSequence) -> float:
    sequence, regressor = open_for(clip, None, device="cpu")
    error_m = fit(sequence, regressor=regressor, body=load_body()).error_m
    chosen = [sequence.layout.keypoints.index(name) for name in COMPARED]
    return 1e3 * float(np.nanmean(error_m[:, chosen]))


if __name__ == "__main__":
    main()
