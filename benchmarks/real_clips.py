# SPDX-License-Identifier: Apache-2.0
"""Real SMPL-family clips from public sources, worn by the default body with betas that a fit does not know.

A folder of .npz (``poses_rotvec`` (T, 24 or more, 3), ``trans`` (T, 3), ``fps``; y up) with ``index.json``, which lists
group, origin and licence of each. AMASS-family clips are for measuring only: nothing that ships is learned from them.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Final

import numpy as np

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.skeleton.layout import Layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tools.build_twist import FPS, GROUPS, read_clip

DATA: Final = Path(__file__).parents[2] / "shared" / "data"
BETAS_SPREAD: Final = 1.0
ANALYTIC: Final = ("video",)
"""Sources by HybrIK, which solves limbs by analytic inverse kinematics and gives them next to no twist."""


@dataclass(frozen=True)
class RealClip:
    """A clip whose body, pose and place are known.

    Attributes:
        name: Of the clip.
        group: Its source; figures are means over sources.
        style: Convention of twist of the source: ``aist``, ``mosh`` or ``minimal``.
        motion: The truth.
    """

    name: str
    group: str
    style: str
    motion: BodyMotion

    def seen(self, layout: Layout, body: BodyModel) -> KeypointSequence:
        """The points of a layout, without error."""
        motion = self.motion
        rest = body.rest_joints(motion.betas)
        points = keypoints_from_pose(markers_for(layout), rest, motion.pose_rotmat, motion.translation_m)
        return KeypointSequence(points, motion.fps, layout, source=self.name)


def load_real_clips(folder: Path, body: BodyModel) -> list[RealClip]:
    """All clips of a folder at 25 frames per second or less, at most 20 s of each."""
    clips = []
    for number, row in enumerate(json.loads((folder / "index.json").read_text(encoding="utf-8"))):
        pose = read_clip(folder / row["file"])
        with np.load(folder / row["file"], allow_pickle=False) as arrays:
            place, rate = np.asarray(arrays["trans"], np.float32), float(arrays["fps"])
        step = max(1.0, rate / FPS)
        frames = np.unique(np.round(np.arange(0.0, len(place) - 0.5, step)).astype(np.intp))[: len(pose)]
        betas: F32 = np.random.default_rng(number).normal(scale=BETAS_SPREAD, size=body.beta_count).astype(np.float32)
        style = "aist" if row["group"] in GROUPS["aist"] else "minimal" if row["group"] in ANALYTIC else "mosh"
        motion = BodyMotion(pose, place[frames], betas, 1.0, rate / step)
        clips.append(RealClip(row["name"], row["group"], style, motion))
    return clips


def print_table(description: str, table: Callable[[Path], list[str]]) -> None:
    """Measure on a folder of clips that the command line names, print the table, and write it if asked to.

    Args:
        description: Of the benchmark, for ``--help``.
        table: Returns the lines of a Markdown table for a folder of clips.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--clips", type=Path, default=DATA / "smpl", help="Folder of real SMPL clips.")
    parser.add_argument("--out", type=Path, help="Write the table here.")
    options = parser.parse_args()
    lines = table(options.clips)
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
