# SPDX-License-Identifier: Apache-2.0
"""Cost of a frame by each engine, and how well silhouettes agree: ``python -m benchmarks.renderers [FRAMES]``.

One run measures all engines on the same frames of the bundled waltz at 1280 x 720: processor seconds over all threads,
after a first frame that compiles shaders and builds the scene. ``benchmarks/results/renderers.md`` holds a run.
"""

from dataclasses import replace
from itertools import pairwise
import os
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
import time
from typing import Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from dancepose.raster.film_poses import motion_at, posed_vertices
from dancepose.raster.picture_files import write_png
from dancepose.raster.rasteriser import CUT_OUT_SCALE, MSAA, Rasteriser
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import frame_motions
from dancepose_addon.core.stage_design import StageSettings
from dancepose_addon.fitting import fit_file

WALTZ: Final = Path(__file__).parents[1] / "examples" / "waltz"
SIZE: Final = (1280, 720)
FRAMES: Final = (40, 120, 200)
SILHOUETTE_SAMPLES: Final = 128
"""Of Cycles; with 16, its own silhouettes agree to 0.9985 only."""
SHIMMER_PX: Final = 320
HALF_PIXEL: Final = 0.5
TRUTH_SCALE: Final = 8
SCALES: Final = (1, 2)
"""Silhouettes are also drawn so many times as large and averaged."""
STUDY_FRAMES: Final = 100 * 10 * 25
"""Of 100 clips of 10 seconds."""
IN_BLENDER: Final = """
import sys, time
from pathlib import Path
import bpy
from dancepose_addon.blender.render import engines, rendering
from dancepose_addon.blender.rig import dancer
from dancepose_addon.blender.stage import camera, stage
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import frame_motions
from dancepose_addon.core.stage_design import StageSettings
source, folder, name, samples, transparent, width, height, *frames = sys.argv[1:]
body, motion = load_body(None), BodyMotion.load(source)
bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
scene = bpy.context.scene
rendering.set_up_picture(scene, width=int(width), height=int(height), fps=motion.fps)
shot = frame_motions([(body, motion)], aspect=int(width) / int(height))
engine = engines.Engine(name, denoiser=name == "cycles", samples=int(samples))
layer, shelf = scene.view_layers[0], scene.collection
dancer.build_dancer(motion, body, scene=scene, view_layer=layer, collection=shelf, first_frame=0)
engines.set_up_engine(scene, engine, shot)
floor = "none" if transparent == "1" else "plain"
stage.build_stage(scene, scene.collection, shot, StageSettings(transparent=transparent == "1", floor=floor))
camera.create_camera(scene, scene.collection, shot)
for number, frame in enumerate(frames):
    scene.frame_set(int(frame))
    clock = time.process_time()
    rendering.render_still(scene, Path(folder) / f"{name}-{transparent}-{number}.png")
    print("CPU", time.process_time() - clock, flush=True)
"""


def main(count: int) -> None:
    """Measure and print."""
    body = load_body(None)
    motion = fit_file(WALTZ, body=body).motion
    frames = [FRAMES[0], *FRAMES[:count]]
    with TemporaryDirectory() as name:
        folder = Path(name)
        motion.save(folder / "motion.npz", body)
        motion = BodyMotion.load(folder / "motion.npz")
        fast_s, encode_s = measure_fast(motion, frames, folder)
        seconds = {"fast": fast_s}
        for engine, samples in (("workbench", 1), ("cycles", 2)):
            seconds[engine] = measure_blender(folder, engine, samples, frames, transparent=False)
        measure_blender(folder, "cycles", SILHOUETTE_SAMPLES, frames[1:], transparent=True)
        overlaps = {
            scale: [silhouette_overlap(motion, frame, folder, number, scale) for number, frame in enumerate(frames[1:])]
            for scale in SCALES
        }
    report(seconds, encode_s, overlaps, count)
    error, change = shimmer(motion, FRAMES[0])
    print(f"Moving camera: error {error:.2f}, change of the error from frame to frame {change:.2f} levels.")


def measure_fast(motion: BodyMotion, frames: list[int], folder: Path) -> tuple[float, float]:
    """Return processor seconds of a frame (posing, drawing, reading back), and of writing it as PNG."""
    body = load_body(None)
    shot = frame_motions([(body, motion)], aspect=SIZE[0] / SIZE[1])
    raster = Rasteriser(body, shot, StageSettings(), size=SIZE)
    drawn, written = [], []
    for frame in frames:
        clock = time.process_time()
        vertices = next(posed_vertices(body, motion_at(motion, np.array([frame / motion.fps]))))
        pixels = raster.draw([vertices])
        drawn.append(time.process_time() - clock)
        clock = time.process_time()
        write_png(folder / "fast.png", np.ascontiguousarray(pixels[..., :3]))
        written.append(time.process_time() - clock)
    return float(np.mean(drawn[1:])), float(np.mean(written[1:]))


def measure_blender(folder: Path, engine: str, samples: int, frames: list[int], *, transparent: bool) -> float:
    """Return processor seconds of a frame in a Blender process; the first frame does not count, if there are more."""
    arguments = [str(folder / "motion.npz"), str(folder), engine, str(samples), str(int(transparent))]
    command = [sys.executable, "-c", IN_BLENDER, *arguments, *map(str, SIZE), *map(str, frames)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("CPU ")]
    return float(np.mean(found[1:] or found))


def silhouette_overlap(motion: BodyMotion, frame: int, folder: Path, number: int, scale: int) -> float:
    """Return intersection over union of the silhouettes of Cycles and of the fast engine.

    Args:
        motion: Motion of the waltz.
        frame: Frame of the motion.
        folder: Folder with the pictures of Cycles.
        number: Number of the picture of Cycles.
        scale: Size at which the fast engine draws, in multiples of the picture's.
    """
    from PIL import Image

    body = load_body(None)
    shot = frame_motions([(body, motion)], aspect=SIZE[0] / SIZE[1])
    width, height = SIZE
    stage = StageSettings(transparent=True, floor="none")
    raster = Rasteriser(body, shot, stage, size=(width * scale, height * scale))
    posed = replace(
        motion,
        pose_rotmat=motion.pose_rotmat[frame : frame + 1],
        translation_m=motion.translation_m[frame : frame + 1],
    )
    alpha = raster.draw([next(posed_vertices(body, posed))])[..., 3]
    ours = alpha.reshape(height, scale, width, scale).mean(axis=(1, 3)) >= 127.0
    with Image.open(folder / f"cycles-1-{number}.png") as picture:
        theirs = np.asarray(picture.convert("RGBA"))[..., 3] >= 127
    return float((ours & theirs).sum() / (ours | theirs).sum())


def shimmer(motion: BodyMotion, frame: int, count: int = 6) -> tuple[float, float]:
    """Return the mean error of the fast engine and its mean change from frame to frame, levels of 255.

    The body is still and the camera moves by half a pixel per frame, in 320 x 320 pixels, as in
    ``benchmarks.study_look``. The truth is drawn eight times as large and averaged.
    """
    body = load_body(None)
    shot = frame_motions([(body, motion)], aspect=1.0)
    distance = float(np.linalg.norm(shot.position_m - shot.centre_m))
    step = HALF_PIXEL * 2.0 * distance * np.tan(shot.field_rad / 2.0) / SHIMMER_PX * shot.rotmat[:, 0]
    vertices = next(posed_vertices(body, motion_at(motion, np.array([frame / motion.fps]))))
    films = []
    for scale in (1, TRUTH_SCALE):
        size = (SHIMMER_PX * scale, SHIMMER_PX * scale)
        raster, film = Rasteriser(body, shot, StageSettings(), size=size), []
        for number in range(count):
            raster.set_camera(shot.position_m + number * step, shot.rotmat)
            pixels = raster.draw([vertices])[..., :3].reshape(SHIMMER_PX, scale, SHIMMER_PX, scale, 3)
            film.append(pixels.mean(axis=(1, 3)))
        films.append(film)
    errors = [seen - true for seen, true in zip(*films, strict=True)]
    changes = [np.abs(after - before).mean() for before, after in pairwise(errors)]
    return float(np.mean(np.abs(errors))), float(np.mean(changes))


def report(seconds: dict[str, float], encode_s: float, overlaps: dict[int, list[float]], count: int) -> None:
    """Print the table."""
    print(f"{count} frames of {SIZE[0]} x {SIZE[1]}, processor seconds over all threads\n")
    print("| engine | CPU s a frame | fast / engine |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {value:.3f} | {seconds['fast'] / value:.3f} |")
    print(f"\nWriting a frame as PNG: {encode_s:.3f} s. Silhouettes, intersection over union with Cycles:")
    for scale, values in overlaps.items():
        print(f"{MSAA * (CUT_OUT_SCALE * scale) ** 2} samples a pixel: {', '.join(f'{value:.4f}' for value in values)}")
    minutes = STUDY_FRAMES * (seconds["fast"] + encode_s) / 2.0 / 60.0
    print(f"100 clips of 10 s on two processors, frames alone: {minutes:.0f} min.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else len(FRAMES))
