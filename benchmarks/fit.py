# SPDX-License-Identifier: Apache-2.0
"""Measure the fit on real SMPL clips, beside a baseline without learning and smplfitter, and on music & dance.

    python -m benchmarks.fit [--data FOLDER] [--only PART,...] [--clips N] [--out benchmarks/results/fit.md]

FOLDER holds ``smpl`` (clips of known theta) and ``md`` (music & dance); parts whose data are missing are left out. What
is measured is kept under build/benchmarks by a fingerprint of the code, so that an interrupted run continues.
Speed is by processor time of all threads together; BLAS has one thread.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from functools import partial
import json
from pathlib import Path
import platform
import resource
import tempfile
import time

import numpy as np

from benchmarks import fit_cases as cases, fit_scores as scores
from benchmarks.kept_results import KeptResults
from benchmarks.real_clips import DATA, RealClip, load_real_clips
from benchmarks.smplfitter_peer import SmplfitterPeer, minimal_rotations
from dancepose_addon.core.body.model import JOINT_NAMES, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.evaluation.metrics import beat_alignment, kinematic_beats_s
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.regressor import PoseRegressor
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import BODY25, COCO17, H36M17, MD23, SMPL22, SMPL24
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.inference import open_regressor
from tools.build_twist import GROUPS, build

FOLDS = 5
"""Clips of the source that ``mosh`` is learned from are measured with models that did not see them."""
HELD_OUT = ("DANCE_C_2", "DANCE_R_2", "DANCE_W_1", "DANCE_W_12")
"""Music & dance clips that the marker table was not learned from."""
ORIENTATIONS = {
    "as recorded": ((0.0, 0.0, 0.0), 0.0),
    "facing backwards": ((0.0, np.pi, 0.0), 0.0),
    "lying": ((-np.pi / 2, 0.0, 0.0), 0.0),
    "upside down": ((np.pi, 0.0, 0.0), 0.0),
    "spinning, 2 turns/s": ((0.0, 0.0, 0.0), 2.0),
}
HEADER = """# Figures of the fit

Written by `python -m benchmarks.fit --out benchmarks/results/fit.md`; {machine}.

Clips are real SMPL-family motion of 13 public sources, at most 20 s each at 25 frames per second, worn by the default
body with betas that the fit does not know. No regressor was trained on them. Figures are means over the frames of a
source, and then over sources. Each source is measured with the style of its convention (`aist` for AIST++ and what was
trained on it, `minimal` for HybrIK's video estimates, whose limbs have next to no twist, `mosh` for all others), and
with twist models that did not see it: `aist` is learned on the other of its two sources, `mosh` on clips of asap_video
that are not measured with it. *core*: mean local rotation error of 17 joints (without toes, head, wrists and hands);
PVE is weighted by area. The baseline turns bones by minimal rotations down the tree, on a body whose T-pose is known to
it.
"""


class Page:
    """Markdown that is printed and kept.

    Args:
        again: Whether to measure again what earlier runs measured.
    """

    def __init__(self, *, again: bool = False) -> None:
        self.lines: list[str] = []
        self.kept = None if again else KeptResults("fit")
        for line in HEADER.format(machine=_machine()).splitlines():
            self.say(line)

    def say(self, line: str = "") -> None:
        """Add one line."""
        print(line, flush=True)
        self.lines.append(line)

    def head(self, title: str, columns: Sequence[str]) -> None:
        """Add a heading and the head of a table."""
        self.say(f"\n## {title}\n")
        self.say("| " + " | ".join(columns) + " |")
        self.say("|" + "---|" * len(columns))

    def row(self, *cells: object) -> None:
        """Add a row; numbers are rounded to two digits."""
        self.say("| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |")


def _machine() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = sorted({line.split(":")[1].strip() for line in text.splitlines() if "model name" in line})
    return f"{', '.join(names) or platform.machine()}, {os.cpu_count()} cores"


def held_out_styles(clips: Sequence[RealClip], data: Path, folder: Path) -> Callable[[RealClip], FitSettings]:
    """Settings of each clip: the style of its convention, by a twist model that did not see it."""
    learned = [clip.name for clip in clips if clip.group in GROUPS["mosh"]]
    away = {name: tuple(learned[number % FOLDS :: FOLDS]) for number, name in enumerate(learned)}

    def settings(clip: RealClip) -> FitSettings:
        without = (clip.group,) if clip.style == "aist" else away.get(clip.name, ())
        if not without:
            return FitSettings(level=False, style=clip.style)
        path = folder / f"{clip.style}-{without[0]}.json"
        if not path.is_file():
            path.write_text(json.dumps(build(data, clip.style, without=without).to_json()), encoding="utf-8")
        return FitSettings(level=False, style=str(path))

    return settings


def real(page: Page, clips: list[RealClip], body: BodyModel, settings: Callable[[RealClip], FitSettings]) -> None:
    """All sources, all joints of SMPL seen."""
    regressor = open_regressor(None, layout="smpl24", device="cpu")
    methods: dict[str, cases.Method] = {
        "minimal rotations": lambda clip, body: _baseline(clip, body),
        "regressor alone": cases.by_fit(SMPL24, regressor, lambda clip: replace(settings(clip), refine=0)),
        "fit, all with style aist": cases.by_fit(SMPL24, regressor, lambda _: FitSettings(level=False, style="aist")),
        "fit, all with style mosh": cases.by_fit(SMPL24, regressor, lambda _: FitSettings(level=False, style="mosh")),
        "fit, each with its style": cases.by_fit(SMPL24, regressor, settings),
    }
    results = {name: cases.measure(clips, body, method, page.kept, f"real, {name}") for name, method in methods.items()}
    page.head(f"smpl24, mean of {len(results['minimal rotations'].sources)} sources", ("", *scores.COLUMNS, "fps/core"))
    for name, result in results.items():
        page.row(name, *astuple(result.mean), round(result.frames_per_s))
    base, found = results["minimal rotations"], results["fit, each with its style"]
    page.head("smpl24 by source: fit, each with its style", ("", "baseline core", "baseline PVE", *scores.COLUMNS))
    for group, row in found.sources.items():
        page.row(group, base.sources[group].core_deg, base.sources[group].pve_mm, *astuple(row))
    page.head("smpl24 by joint, degrees", ("", *results))
    for joint, name in enumerate(JOINT_NAMES):
        page.row(name, *(float(result.joints_deg[joint]) for result in results.values()))


def _baseline(clip: RealClip, body: BodyModel) -> BodyMotion:
    joints = clip.seen(SMPL24, body).keypoints_m
    pose, place = minimal_rotations(body.rest_joints(clip.motion.betas), joints)
    return replace(clip.motion, pose_rotmat=pose, translation_m=place)


def layouts(page: Page, clips: list[RealClip], body: BodyModel, settings: Callable[[RealClip], FitSettings]) -> None:
    """Other layouts, two clips of each source."""
    some = few(clips, 2)
    page.head(f"Other layouts, {len(some)} clips of all sources", ("", *scores.COLUMNS, "fps/core"))
    for layout in (SMPL22, COCO17, BODY25, H36M17, MD23):
        regressor = open_regressor(None, layout=layout.name, device="cpu")
        method = cases.by_fit(layout, regressor, settings)
        found = cases.measure(some, body, method, page.kept, f"{layout.name}, fit")
        alone = cases.by_fit(layout, regressor, lambda clip: replace(settings(clip), refine=0, style="regressor"))
        page.row(f"{layout.name}, fit", *astuple(found.mean), round(found.frames_per_s))
        found = cases.measure(some, body, alone, page.kept, f"{layout.name}, alone")
        page.row(f"{layout.name}, network alone", *astuple(found.mean), round(found.frames_per_s))


def few(clips: list[RealClip], count: int) -> list[RealClip]:
    """The first clips of each source."""
    groups = {clip.group for clip in clips}
    return [clip for group in sorted(groups) for clip in [c for c in clips if c.group == group][:count]]


def peer(page: Page, clips: list[RealClip], body: BodyModel) -> None:
    """Smplfitter in its best configuration, on the dances."""
    try:
        fitter = SmplfitterPeer(body)
    except ImportError:
        print("smplfitter is not installed (pip install smplfitter): left out")
        return

    def method(clip: RealClip, body: BodyModel) -> BodyMotion:
        pose, betas, place = fitter.fit(clip.seen(SMPL24, body).keypoints_m)
        return BodyMotion(pose, place, betas, 1.0, clip.motion.fps)

    some = [clip for clip in clips if clip.style == "aist"]
    page.head("smplfitter on the AIST++-style dances", ("", *scores.COLUMNS, "fps/core"))
    for name, chosen in ((f"smplfitter, {fitter.backend}", method), ("minimal rotations", _baseline)):
        found = cases.measure(some, body, chosen, page.kept, f"peer, {name}")
        page.row(name, *astuple(found.mean), round(found.frames_per_s))


def _smoothed(settings: Callable[[RealClip], FitSettings], smooth: float, clip: RealClip) -> FitSettings:
    return replace(settings(clip), smooth=smooth)


def conditions(page: Page, clips: list[RealClip], body: BodyModel, settings: Callable[[RealClip], FitSettings]) -> None:
    """Orientation and noise, on the first clip of each source."""
    some, regressor = few(clips, 1), open_regressor(None, layout="smpl24", device="cpu")
    page.head(f"Orientation: smpl24, {len(some)} clips", ("", *scores.COLUMNS, "fps/core"))
    for name, (rotvec, spin) in ORIENTATIONS.items():
        turned = cases.turned(some, body, rotvec, spin)
        method = cases.by_fit(SMPL24, regressor, settings)
        found = cases.measure(turned, body, method, page.kept, f"turned, {name}")
        page.row(name, *astuple(found.mean), round(found.frames_per_s))
    noise = cases.noise_of(some, SMPL24, body)
    page.head(
        f"Noise of 20 mm: smpl24; dirty: with gaps and stray points (noise moves a point by {noise:.1f} mm)",
        ("", *scores.COLUMNS, "fps/core"),
    )
    for name, smooth, spoil in (
        ("fit", 0.0, cases.noisy),
        ("fit, smooth 1", 1.0, cases.noisy),
        ("dirty, fit", 0.0, cases.dirty),
        ("dirty, fit, smooth 1", 1.0, cases.dirty),
    ):
        method = cases.by_fit(SMPL24, regressor, partial(_smoothed, settings, smooth), spoil=spoil)
        found = cases.measure(some, body, method, page.kept, f"noisy, {name}")
        page.row(name, *astuple(found.mean), round(found.frames_per_s))


def music_and_dance(page: Page, folder: Path, body: BodyModel) -> None:
    """md23 as recorded: residuals, speed, feet, beats, and what no residual shows."""
    regressor = open_regressor(None, layout="md23", device="cpu")
    paths = [folder / name for name in HELD_OUT if (folder / name / "skeletons.json").is_file()]
    page.head(
        f"md23, {len(paths)} clips that the marker table was not learned from (all 22: music_dance.md)",
        ("", "mean residual mm", "least clip", "worst clip", "elbow twist > 100 deg %", "wrist twist > 60 deg %",
         "backward heads %", "turns > 40 /1000", "turns > 60 /1000", "soles slide mm/s", "beat alignment", "fps/core"),
    )  # fmt: skip
    for name, chosen in {
        "shared marker table": FitSettings(),
        "points adapted to each clip": FitSettings(adapt=True),
        "feet locked": FitSettings(foot_lock=True),
        "style mosh": FitSettings(style="mosh"),
    }.items():
        rows = []
        for path in paths:
            compute = partial(_md_row, path, regressor, body, chosen)
            rows.append(compute() if page.kept is None else page.kept.get(f"md, {name}, {path.name}", compute))
        frames, seconds = [row[-2] for row in rows], sum(row[-1] for row in rows)
        mean = np.average([row[:-2] for row in rows], axis=0, weights=frames).tolist()
        residuals = [row[0] for row in rows]
        page.row(name, mean[0], min(residuals), max(residuals), *mean[1:], round(sum(frames) / seconds))


def _md_row(path: Path, regressor: PoseRegressor, body: BodyModel, settings: FitSettings) -> list[float]:
    """Fit a music & dance clip; its figures, its number of frames and seconds of processor time."""
    clip = read(path)
    clock = time.process_time()
    result = fit(clip, regressor=regressor, body=body, settings=settings)
    seconds = time.process_time() - clock
    pose = result.motion.pose_rotmat
    twists = dict(scores.limb_twists(pose, body))
    beyond = [
        100.0 * float(np.mean([np.abs(twists[f"{side}_{kind}"]) > most for side in ("left", "right")]))
        for kind, most in (("elbow", 100.0), ("wrist", 60.0))
    ]
    beats = kinematic_beats_s(clip.keypoints_m, clip.fps)
    return [
        float(result.report["final_error_mm"]), *beyond, 100.0 * scores.backward_share(pose),
        scores.sudden_turns(pose, 40.0), scores.sudden_turns(pose, 60.0),
        float(result.report["feet"]["standing_slide_mm_per_s"]),
        beat_alignment(cases.posed_points(result, body), beats, clip.fps), float(len(clip)), seconds,
    ]  # fmt: skip


def long_clip(page: Page, clips: list[RealClip], body: BodyModel) -> None:
    """Time and memory of ten minutes against one minute."""
    regressor = open_regressor(None, layout="smpl24", device="cpu")
    pose = np.concatenate([clip.motion.pose_rotmat for clip in clips])
    page.head("Length: smpl24 at 25 frames/s", ("frames", "seconds", "frames/s/core", "peak memory MB"))
    for frames in (1500, 15000):
        chosen = np.arange(frames) % len(pose)
        place = np.zeros((frames, 3), np.float32)
        motion = BodyMotion(pose[chosen], place, np.zeros(body.beta_count, np.float32), 1.0, 25.0)
        sequence = replace(clips[0], name="long", motion=motion).seen(SMPL24, body)
        clock = time.process_time()
        fit(sequence, regressor=regressor, body=body, settings=FitSettings())
        seconds = time.process_time() - clock
        page.row(frames, seconds, round(frames / seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def main() -> None:
    """Measure everything that there is data for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", default="", help="parts, of long,real,layouts,conditions,peer,md; all by default")
    parser.add_argument("--clips", type=int, help="only so many clips of each source")
    parser.add_argument("--again", action="store_true", help="measure again what an earlier run of this code measured")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    arguments = parser.parse_args()
    parts = arguments.only.split(",") if arguments.only else ["long", "real", "layouts", "conditions", "peer", "md"]
    page, body = Page(again=arguments.again), load_body()
    folder = arguments.data / "smpl"
    if (folder / "index.json").is_file():
        clips = load_real_clips(folder, body)
        clips = few(clips, arguments.clips) if arguments.clips else clips
        with tempfile.TemporaryDirectory() as models:
            settings = held_out_styles(clips, folder, Path(models))
            measures: dict[str, Callable[[], None]] = {
                "long": lambda: long_clip(page, clips, body),
                "real": lambda: real(page, clips, body, settings),
                "layouts": lambda: layouts(page, clips, body, settings),
                "conditions": lambda: conditions(page, clips, body, settings),
                "peer": lambda: peer(page, clips, body),
            }
            for part, measure in measures.items():
                if part in parts:
                    measure()
    if "md" in parts and (arguments.data / "md").is_dir():
        music_and_dance(page, arguments.data / "md", body)
    if arguments.out:
        arguments.out.write_text("\n".join(page.lines).lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
