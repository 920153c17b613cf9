"""The fit, measured: accuracy against known motion and frames per second per core, beside the regressor alone and
smplfitter, in one run.

    python -m benchmarks.fit [--data FOLDER] [--cmu N] [--out docs/fit-figures.md]

FOLDER holds ``cmu`` (BVH) and ``md`` (music & dance clips); without them the parts that need them are left out. Speed
is by processor time, of all threads together, so that other work on the machine counts little; BLAS has one thread. The
regressor runs on the processor as it does for a user, by onnxruntime where that is installed; where a row says NumPy,
without it.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
from collections.abc import Sequence
from pathlib import Path
import platform
import resource
import time

import numpy as np

from benchmarks import fit_cases as cases
from benchmarks.known_motion import DATA, KnownMotion, load_known_motion
from dancepose.trainer.mocap.poses import held_out
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.evaluation.metrics import beat_alignment, kinematic_beats_s
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import BODY25, COCO17, H36M17, SMPL22, SMPL24
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.inference import open_regressor

HOLDOUT = 0.15
"""``data.holdout`` of the shipped regressor's training."""
ORIENTATIONS = {
    "as recorded": ((0.0, 0.0, 0.0), 0.0),
    "facing backwards": ((0.0, np.pi, 0.0), 0.0),
    "lying": ((-np.pi / 2, 0.0, 0.0), 0.0),
    "upside down": ((np.pi, 0.0, 0.0), 0.0),
    "spinning, 2 turns/s": ((0.0, 0.0, 0.0), 2.0),
}
ALONE = FitSettings(refine=0, level=False)
REFINED = FitSettings(level=False)


HEADER = """# Figures of the fit

Written by `python -m benchmarks.fit --out docs/fit-figures.md`, regressor by {provider} unless a row says NumPy;
{machine}.
Speed is frames per second and core, by the processor time of all threads together; BLAS has one thread.
Motion with known theta is CMU's, worn by the default body, each clip with betas that the fit does not know. Heads and
wrists are levelled subject by subject, as for training and `evaluate`: how far they look down or bend on average hangs
on where the markers sat. Rows that are not levelled show what that makes.
Music & dance is as it was recorded: its residual holds all that markers, body and recording differ by.
"""


class Page:
    """What is printed is kept, as Markdown."""

    def __init__(self, provider: str) -> None:
        self.lines: list[str] = []
        for line in HEADER.format(machine=_machine(), provider=provider).splitlines():
            self.say(line)

    def say(self, line: str = "") -> None:
        """One line."""
        print(line, flush=True)
        self.lines.append(line)

    def head(self, title: str, columns: Sequence[str]) -> None:
        """A heading, and the head of a table."""
        self.say(f"\n## {title}\n")
        self.say("| " + " | ".join(columns) + " |")
        self.say("|" + "---|" * len(columns))

    def row(self, *cells: object) -> None:
        """A row: numbers are rounded to two digits."""
        self.say("| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |")

    def score(self, name: str, found: cases.Score) -> None:
        """A row of a Score."""
        self.row(
            name, found.mpjpe_mm, found.rotation_deg, found.pve_mm, found.acceleration_mm, round(found.frames_per_s)
        )


def _machine() -> str:
    """What the figures were measured on."""
    try:
        names = {
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        }
    except OSError:
        names = set()
    return (
        f"processor: {', '.join(sorted(names)) or platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    )


SCORE_COLUMNS = ("", "MPJPE mm", "local rotation deg", "PVE mm", "acceleration mm/frame²", "frames/s/core")


def known(page: Page, clips: dict[str, list[KnownMotion]], body: BodyModel) -> None:
    """Layouts of joints against known theta, betas unknown to the fit. clips: ``held``, not trained on, and ``every``,
    and both with ``, unlevelled``."""
    held, every = clips["held"], clips["every"]
    smpl24, numpy = (open_regressor(None, layout="smpl24", device=device) for device in ("cpu", "numpy"))
    page.head(f"smpl24, {len(held)} clips that no regressor was trained on", SCORE_COLUMNS)
    page.score("fit", cases.measure(held, SMPL24, smpl24, body, REFINED))
    page.score("fit, not levelled", cases.measure(clips["held, unlevelled"], SMPL24, smpl24, body, REFINED))
    page.score("regressor alone", cases.measure(held, SMPL24, smpl24, body, ALONE))
    for name, found in _peer(held, body).items():
        page.score(name, found)
    page.head(f"smpl24, all {len(every)} clips (most were trained on)", SCORE_COLUMNS)
    page.score("fit", cases.measure(every, SMPL24, smpl24, body, REFINED))
    page.score("fit, not levelled", cases.measure(clips["every, unlevelled"], SMPL24, smpl24, body, REFINED))
    page.score("fit, NumPy", cases.measure(every, SMPL24, numpy, body, REFINED))
    page.score("regressor alone", cases.measure(every, SMPL24, smpl24, body, ALONE))
    page.head("Other layouts, held-out clips", SCORE_COLUMNS)
    for layout in (SMPL22, COCO17, BODY25, H36M17):
        regressor = open_regressor(None, layout=layout.name, device="cpu")
        page.score(f"{layout.name}, fit", cases.measure(held, layout, regressor, body, REFINED))
        page.score(f"{layout.name}, regressor alone", cases.measure(held, layout, regressor, body, ALONE))

    page.head("Orientation: smpl24, held-out clips", (*SCORE_COLUMNS, "rotation against recorded"))
    base = 0.0
    for name, (rotvec, spin) in ORIENTATIONS.items():
        found = cases.measure(cases.turned(held, body, rotvec, spin), SMPL24, smpl24, body, REFINED)
        base = base or found.rotation_deg
        page.row(name, found.mpjpe_mm, found.rotation_deg, found.pve_mm, found.acceleration_mm,
                 round(found.frames_per_s), found.rotation_deg / base)  # fmt: skip

    noise = cases.noise_of(held, SMPL24, body)
    page.head(
        f"20 mm noise, gaps and stray points: smpl24, held-out clips (the noise alone moves a point by {noise:.1f} mm)",
        (*SCORE_COLUMNS, "flips"),
    )
    for name, settings in (("fit", REFINED), ("fit, smooth 1", FitSettings(level=False, smooth=1.0))):
        found = cases.measure(held, SMPL24, smpl24, body, settings, spoil=cases.dirty)
        page.row(name, found.mpjpe_mm, found.rotation_deg, found.pve_mm, found.acceleration_mm,
                 round(found.frames_per_s), found.flips)  # fmt: skip


def _peer(clips: list[KnownMotion], body: BodyModel) -> dict[str, cases.Score]:
    """smplfitter on the same joints; and with the true vertices, which is another problem."""
    try:
        from benchmarks.smplfitter_peer import SmplfitterPeer

        peer = SmplfitterPeer(body)
    except ImportError:
        print("smplfitter is not installed (pip install smplfitter): left out")
        return {}
    found = {}
    for name, with_vertices in (("smplfitter, joints", False), ("smplfitter, joints and true vertices", True)):
        rows, frames, seconds = [], [], 0.0
        for clip in clips:
            truth = clip.motion
            surface = skin(body, truth.pose_rotmat, betas=truth.betas, translation_m=truth.translation_m)
            clock = time.process_time()
            pose, betas, place = peer.fit(clip.seen(SMPL24, body).keypoints_m, surface if with_vertices else None)
            seconds += time.process_time() - clock
            motion = BodyMotion(pose, place, np.median(betas, axis=0).astype(np.float32), 1.0, truth.fps)
            rows.append(cases.score(truth, motion, body))
            frames.append(len(truth))
        found[name] = cases.average(rows, frames, seconds)
    return found


def music_and_dance(page: Page, folder: Path, body: BodyModel) -> None:
    """md23: residuals, speed, feet and beats."""
    regressor = open_regressor(None, layout="md23", device="cpu")
    clips = [read(path) for path in sorted(folder.iterdir()) if (path / "skeletons.json").is_file()]
    page.head(
        f"md23, {len(clips)} music & dance clips, as they are",
        ("", "mean residual mm", "least clip", "worst clip", "frames/s/core"),
    )
    settings = {
        "regressor alone": FitSettings(refine=0),
        "shared marker table": FitSettings(),
        "shared marker table, 4 times the steps": FitSettings(refine=4),
        "points adapted to each clip": FitSettings(adapt=True),
        "points adapted, 4 times the steps": FitSettings(adapt=True, refine=4),
    }
    for name, chosen in settings.items():
        errors, frames, seconds = [], [], 0.0
        for clip in clips:
            clock = time.process_time()
            errors.append(float(fit(clip, regressor=regressor, body=body, settings=chosen).report["final_error_mm"]))
            seconds += time.process_time() - clock
            frames.append(len(clip))
        page.row(
            name, float(np.average(errors, weights=frames)), min(errors), max(errors), round(sum(frames) / seconds)
        )

    page.head(
        "Feet and beats on the same clips",
        ("", "standing soles slide mm/s", "skating ratio", "floating mm", "sinking mm", "beat alignment"),
    )
    variants = {
        "as recorded, floor not levelled": FitSettings(level=False),
        "level": FitSettings(),
        "level, feet locked": FitSettings(foot_lock=True),
        "level, feet locked, smooth 1": FitSettings(foot_lock=True, smooth=1.0),
    }
    for name, chosen in variants.items():
        rows = []
        for clip in clips:
            result = fit(clip, regressor=regressor, body=body, settings=chosen)
            beats = kinematic_beats_s(clip.keypoints_m, clip.fps)
            feet = result.report["feet"]
            rows.append([*feet.values(), beat_alignment(cases.posed_points(result, body), beats, clip.fps)])
        page.row(name, *np.mean(rows, axis=0).tolist())


def long_clip(page: Page, clips: list[KnownMotion], body: BodyModel) -> None:
    """Time and memory of ten minutes against one minute."""
    regressor = open_regressor(None, layout="smpl24", device="cpu")
    pose = np.concatenate([clip.motion.pose_rotmat for clip in clips])
    place = np.concatenate([clip.motion.translation_m for clip in clips])
    page.head("Length: smpl24 at 25 frames/s", ("frames", "seconds", "frames/s/core", "peak memory MB"))
    for frames in (1500, 15000):
        chosen = np.arange(frames) % len(pose)
        motion = BodyMotion(pose[chosen], place[chosen], np.zeros(body.beta_count, np.float32), 1.0, 25.0)
        sequence = KnownMotion("long", motion).seen(SMPL24, body)
        clock = time.process_time()
        fit(sequence, regressor=regressor, body=body, settings=FitSettings())
        seconds = time.process_time() - clock
        page.row(frames, seconds, round(frames / seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def main() -> None:
    """Measure everything that there is data for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cmu", type=int, help="only so many of all CMU clips")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    arguments = parser.parse_args()
    provider = open_regressor(None, device="cpu").provider
    page, body = Page("onnxruntime" if provider == "CPU" else provider), load_body()
    if (arguments.data / "cmu").is_dir():
        names = tuple(sorted(path.stem for path in (arguments.data / "cmu").glob("*.bvh")))
        away = {names[index] for index in held_out(names, HOLDOUT)}
        clips = {}
        for suffix, levelled in (("", True), (", unlevelled", False)):
            every = load_known_motion(arguments.data / "cmu", body, levelled=levelled)
            clips["every" + suffix] = every[: arguments.cmu]
            clips["held" + suffix] = [clip for clip in every if clip.name in away]
        long_clip(page, clips["every"], body)
        known(page, clips, body)
    if (arguments.data / "md").is_dir():
        music_and_dance(page, arguments.data / "md", body)
    if arguments.out:
        arguments.out.write_text("\n".join(page.lines).lstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
