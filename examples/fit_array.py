# SPDX-License-Identifier: Apache-2.0
"""Fit a body to keypoints that are in memory, and get SMPL parameters, joints and vertices as arrays.

    python examples/fit_array.py [OUTPUT-FOLDER]

The array here is the bundled waltz. Use your own: (frames, points, 3), metres, y up, in the order of a known layout
(`dancepose layout list`).
"""

from pathlib import Path
import sys

import numpy as np

import dancepose
from dancepose_addon.core.io.example import example_folder


def main(out: Path) -> None:
    """Fit the array and write the motion."""
    waltz = dancepose.read(str(example_folder()), frames=(0, 75))
    assert isinstance(waltz, dancepose.KeypointSequence)
    points_m: np.ndarray = waltz.keypoints_m  # (75, 23, 3)

    sequence = dancepose.KeypointSequence(
        keypoints_m=points_m.astype(np.float32), fps=25.0, layout=dancepose.get_layout("md23"), source="an array"
    )
    result = dancepose.fit(sequence)

    body, motion = dancepose.load_body(), result.motion
    print(f"mean distance to the keypoints: {result.report['final_error_mm']:.1f} mm")
    print(f"global_orient {motion.global_orient.shape}, body_pose {motion.body_pose.shape}, betas {motion.betas.shape}")
    print(f"joints {motion.joints(body).shape}, vertices {motion.vertices(body, frames=slice(0, 10)).shape}, metres")
    result.save(out / "motion.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"))
