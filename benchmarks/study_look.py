# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares three fast settings of denoised Cycles, in one picture and in figures.

    python -m benchmarks.study_look [--out docs/images/study-look.png] [--frames 4]

One pose of the bundled waltz. Pictures are at 720p. Noise is measured at 320 x 320, in levels of 255. For a still body
it is the mean difference between consecutive frames, with one seed as in a study and with another seed per frame. For a
camera that moves by half a pixel per frame it is the mean change of the error against 64 samples from frame to frame.
With one seed a still body has no noise, whatever the setting, so the last figure is what shimmers in a film.
"""

import argparse
from dataclasses import dataclass, replace
from itertools import pairwise
import os
from pathlib import Path
import resource
import tempfile
from typing import Final

import bpy
from mathutils import Vector
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dancepose.study.plan.jobs import read_jobs
from dancepose.study.plan.study_file import load_study
from dancepose.study.run.job_runner import JobRunner, RunContext
from dancepose_addon.blender import console
from dancepose_addon.blender.narrowing import expect, present, scene_of
from dancepose_addon.blender.render import rendering
from dancepose_addon.blender.render.engine_probe import cycles_of
from dancepose_addon.core.arrays import F64
from dancepose_addon.core.messages import RenderRequest
from dancepose_addon.headless_study import build_clip

from ._study import load_text, run_study, write_study

FRAME: Final = 60
HALF_PIXEL: Final = 0.5
REFERENCE: Final = (64, "HIGH", "ACCURATE")
NOISE_PX: Final = 320
COLUMN_PX: Final = 350
CROPS: Final = ((0.28, 0.05, 0.74, 0.97), (0.44, 0.08, 0.62, 0.32), (0.40, 0.74, 0.64, 0.97))
"""Left, top, right and bottom of the body, the face and the feet."""


@dataclass(frozen=True)
class Setting:
    """A fast way to render.

    Attributes:
        title: Name in pictures and tables.
        samples: Samples per pixel.
        quality: Quality of the denoiser, as Blender names it.
        prefilter: Prefilter of the denoiser, as Blender names it.
    """

    title: str
    samples: int
    quality: str
    prefilter: str


SETTINGS: Final = (
    Setting("1 sample, fast denoiser", 1, "FAST", "FAST"),
    Setting("2 samples, fast denoiser", 2, "FAST", "FAST"),
    Setting("8 samples, fine denoiser", 8, "HIGH", "ACCURATE"),
)


def main() -> None:
    """Render, measure, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images/study-look.png"))
    parser.add_argument("--frames", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = _job(folder)
        with console.redirect_output(folder / "log") as stream:
            pictures, seconds = _pictures(job, folder)
            _write(arguments.out, pictures, seconds)
            lines = _noise(job, folder, arguments.frames)
            for setting, cost in zip(SETTINGS, seconds, strict=True):
                print(
                    f"{setting.title:26s} 720p {cost:5.1f} s of processor time per frame; {lines[setting.title]}",
                    file=stream,
                )
            print(load_text(), file=stream, flush=True)
    os._exit(0)


def _job(folder: Path) -> RenderRequest:
    file = write_study(folder, systems=1, engine="cycles", size=(64, 64), length_s=4.0, chunk=50)
    study = load_study(file)
    assert not run_study(file, workers=1, threads=os.cpu_count() or 1).failed
    job = next(job for job in read_jobs(study.out / "plan.jsonl") if job.kind == "render")
    request = JobRunner(RunContext(study.root, study.out)).request(job)
    assert isinstance(request, RenderRequest)
    return request


def _build(job: RenderRequest, width: int, height: int) -> bpy.types.Scene:
    build_clip(replace(job, width=width, height=height), 0)
    scene = scene_of(bpy.context)
    scene.frame_set(FRAME)
    return scene


def _choose(scene: bpy.types.Scene, samples: int, quality: str, prefilter: str) -> None:
    cycles_of(scene).samples = samples
    cycles_of(scene).denoising_quality, cycles_of(scene).denoising_prefilter = quality, prefilter


def _shoot(scene: bpy.types.Scene, path: Path) -> F64:
    rendering.render_still(scene, path)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.float64)


def _pictures(job: RenderRequest, folder: Path) -> tuple[list[Image.Image], list[float]]:
    scene, pictures, seconds = _build(job, 1280, 720), [], []
    _shoot(scene, folder / "first.png")
    for setting in SETTINGS:
        _choose(scene, setting.samples, setting.quality, setting.prefilter)
        started = _processor_s()
        pixels = _shoot(scene, folder / "picture.png")
        seconds.append(_processor_s() - started)
        pictures.append(Image.fromarray(pixels.astype(np.uint8)))
    return pictures, seconds


def _processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _noise(job: RenderRequest, folder: Path, frames: int) -> dict[str, str]:
    scene = _build(job, NOISE_PX, NOISE_PX)
    path = folder / "noise.png"
    camera = present(scene.camera)
    home = camera.matrix_world.copy()
    # Half a pixel at the distance of the dancer.
    step = (
        HALF_PIXEL
        * 2.0
        * home.translation.length
        * np.tan(expect(camera.data, bpy.types.Camera).angle_y / 2.0)
        / NOISE_PX
    )

    def film(*, moving: bool = False, seeds: bool = False) -> list[F64]:
        seen = []
        for number in range(frames):
            camera.matrix_world = home.copy()
            camera.matrix_world.translation += home.to_3x3() @ Vector((1.0, 0.0, 0.0)) * (step * number * moving)
            cycles_of(scene).seed = number * seeds
            seen.append(_shoot(scene, path))
        return seen

    _choose(scene, *REFERENCE)
    truth = film(moving=True)
    found = {}
    for setting in SETTINGS:
        _choose(scene, setting.samples, setting.quality, setting.prefilter)
        errors = [seen - true for seen, true in zip(film(moving=True), truth, strict=True)]
        found[setting.title] = (
            f"still body: {_difference(film()):.2f} with one seed, {_difference(film(seeds=True)):.2f} with a seed per "
            f"frame; moving camera {_difference(errors):.2f}; error {np.abs(errors[0]).mean():.2f}"
        )
    return found


def _difference(film: list[F64]) -> float:
    """Return the mean difference of consecutive pictures."""
    return float(np.mean([np.abs(after - before).mean() for before, after in pairwise(film)]))


def _write(out: Path, pictures: list[Image.Image], seconds: list[float]) -> None:
    """Write one picture with body, face and feet of each setting, in columns."""
    font = ImageFont.load_default(17)
    columns = []
    for setting, picture, cost in zip(SETTINGS, pictures, seconds, strict=True):
        crops = []
        for left, top, right, bottom in CROPS:
            box = (round(1280 * left), round(720 * top), round(1280 * right), round(720 * bottom))
            crop = picture.crop(box)
            height = round(COLUMN_PX * crop.height / crop.width)
            crops.append(crop.resize((COLUMN_PX, height), Image.Resampling.LANCZOS))
        column = Image.new("RGB", (COLUMN_PX, 34 + sum(crop.height + 6 for crop in crops)), (32, 33, 36))
        ImageDraw.Draw(column).text((6, 5), f"{setting.title}, {cost:.1f} s", font=font, fill=(255, 255, 255))
        place = 34
        for crop in crops:
            column.paste(crop, (0, place))
            place += crop.height + 6
        columns.append(column)
    whole = Image.new("RGB", (sum(c.width + 6 for c in columns) - 6, columns[0].height), (32, 33, 36))
    for number, column in enumerate(columns):
        whole.paste(column, (number * (COLUMN_PX + 6), 0))
    out.parent.mkdir(parents=True, exist_ok=True)
    palette = whole.quantize(256, kmeans=2)
    whole.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(out, optimize=True)


if __name__ == "__main__":
    main()
