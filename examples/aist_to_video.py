# SPDX-License-Identifier: Apache-2.0
"""Turn a file of SMPL rotations, such as AIST++ or the output of EDGE, into a video.

    python examples/aist_to_video.py [OUTPUT-FOLDER]

Rotations need no regressor. Rendering needs Blender: `pip install bpy`, or a Blender program on PATH.
"""

from pathlib import Path
import sys

import dancepose
from dancepose_addon.core.io.example import example_folder
from dancepose_addon.core.io.writers.aist import write_aist


def main(out: Path) -> None:
    """Make an AIST++ file from the bundled waltz, read it, and render two seconds of it."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "gWA_example.pkl"
    write_aist(dancepose.fit_file(str(example_folder()), frames=(0, 60)).motion, file)

    motion = dancepose.read(file)
    assert isinstance(motion, dancepose.BodyMotion)
    print(f"{len(motion)} frames at {motion.fps:g} fps")
    video = dancepose.render(motion, out / "dance.mp4", engine="workbench", size=(160, 160), fps=5.0)
    print(f"wrote {video}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "example-output"))
