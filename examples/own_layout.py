# SPDX-License-Identifier: Apache-2.0
"""Describe a skeleton layout of your own, and fit a body to motion in it.

    python examples/own_layout.py [OUTPUT-FOLDER]

The layout of this example has 18 points with their own names and order. All of them are joints of SMPL, so the bundled
regressor for SMPL's joints reads them; other points need a regressor trained for them (docs/train.md).
"""

from pathlib import Path
import sys

import numpy as np

import dancepose
from dancepose_addon.core.io.example import example_folder

POINTS = {
    "Hips": "pelvis", "LHip": "left_hip", "RHip": "right_hip", "Spine": "spine2", "LKnee": "left_knee",
    "RKnee": "right_knee", "LFoot": "left_ankle", "RFoot": "right_ankle", "LToe": "left_foot", "RToe": "right_foot",
    "Neck": "neck", "Head": "head", "LShoulder": "left_shoulder", "RShoulder": "right_shoulder", "LElbow": "left_elbow",
    "RElbow": "right_elbow", "LWrist": "left_wrist", "RWrist": "right_wrist",
}  # fmt: skip
EDGES = (
    "Hips LHip", "Hips RHip", "LHip LKnee", "RHip RKnee", "LKnee LFoot", "RKnee RFoot", "LFoot LToe", "RFoot RToe",
    "Hips Spine", "Spine Neck", "Neck Head", "Neck LShoulder", "Neck RShoulder", "LShoulder LElbow",
    "RShoulder RElbow", "LElbow LWrist", "RElbow RWrist",
)  # fmt: skip


def layout_text() -> str:
    """Return the layout as TOML: points with the joints that they follow, and edges to draw and to measure."""
    lines = ['format = "dancepose-layout-1"', 'title = "Example with 18 points"', "edges = ["]
    lines += [f'    ["{edge.split()[0]}", "{edge.split()[1]}"],' for edge in EDGES]
    lines += ["]"]
    for name, joint in POINTS.items():
        mirror = {"L": "R", "R": "L"}.get(name[0], "") + name[1:]
        lines += ["[[points]]", f'name = "{name}"', f'attached_to = "{joint}"']
        lines += [f'mirror = "{mirror}"'] if mirror in POINTS else []
    return "\n".join(lines) + "\n"


def main(out: Path) -> None:
    """Write the layout, make motion in it from the bundled waltz, and fit a body to it."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "studio.toml"
    file.write_text(layout_text(), encoding="utf-8")
    layout = dancepose.get_layout(str(file))

    waltz = dancepose.fit_file(str(example_folder()), frames=(0, 60)).motion
    joints_m = waltz.joints(dancepose.load_body())[:, list(layout.joints)]
    np.save(out / "studio.npy", joints_m)

    result = dancepose.fit_file(out / "studio.npy", layout=str(file), fps=25.0)
    for notice in result.report["notices"]:
        print(f"Note: {notice}")
    print(f"{layout.title}: mean distance to the keypoints {result.report['final_error_mm']:.1f} mm")
    result.save(out / "studio-motion.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"))
