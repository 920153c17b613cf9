# SPDX-License-Identifier: GPL-3.0-or-later
"""Duration of Import & Fit for a whole clip, start-up excluded.

    python -m benchmarks.import_and_fit [--source M&D-FOLDER]

Without a source, the bundled waltz is repeated to the length of the M&D clips.
"""

import argparse
from dataclasses import replace
from pathlib import Path
import time

import bpy
import numpy as np

from dancepose_addon.blender.import_motion import ImportedDancer, add_dancer
from dancepose_addon.blender.narrowing import scene_of
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.fitting import fit_file, fit_opened
from dancepose_addon.headless import leave
from dancepose_addon.inference import open_regressor

GOAL_S = 2.0
FRAMES = 1890
RUNS = 5
WALTZ = Path(__file__).parents[1] / "examples" / "waltz"


def main() -> int:
    """Print the time of each run; the exit code states whether the median meets the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--regressor", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--alone", action="store_true", help="the regressor without refinement")
    arguments = parser.parse_args()
    source: Path | KeypointSequence = arguments.source or _repeated(read(WALTZ), FRAMES)
    layout = "md23" if isinstance(source, Path) else source.layout.name
    regressor = open_regressor(arguments.regressor, layout=layout, device=arguments.device)
    body = load_body()
    settings = FitSettings(refine=0) if arguments.alone else FitSettings()
    times = []
    for _ in range(RUNS):
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        scene = scene_of(bpy.context)
        clock = time.perf_counter()
        if isinstance(source, Path):
            result = fit_file(source, body=body, regressor=regressor, settings=settings)
        else:
            result = fit_opened(source, body=body, regressor=regressor, settings=settings)
        imported = add_dancer(result, scene=scene, view_layer=scene.view_layers[0], collection=scene.collection)
        times.append(time.perf_counter() - clock)
        print(f"{times[-1]:.3f} s  ({_stages(imported)})")
    median = float(np.median(times))
    frames = len(imported.fit.sequence)
    print(f"Blender {bpy.app.version_string}, {frames} frames, {regressor.provider}: median {median:.3f} s of {RUNS}")
    print(f"goal: under {GOAL_S:g} s")
    return 0 if median < GOAL_S else 1


def _stages(imported: ImportedDancer) -> str:
    spent = {**imported.fit.report["seconds"], **imported.seconds}
    return ", ".join(f"{name} {seconds:.3f}" for name, seconds in spent.items())


def _repeated(sequence: KeypointSequence, frames: int) -> KeypointSequence:
    times = -(-frames // len(sequence))
    return replace(sequence, keypoints_m=np.tile(sequence.keypoints_m, (times, 1, 1))[:frames], audio=None)


if __name__ == "__main__":
    leave(main())
