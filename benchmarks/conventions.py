# SPDX-License-Identifier: Apache-2.0
"""How well files are recognised: clips turned, scaled, mirrored, reordered and cut, as arrays that say nothing.

    python -m benchmarks.conventions [--data FOLDER] [--every N] [--held-out] [--seed N] [--out TABLE.md]

Clips: every recording of music & dance (md23 as recorded), and CMU's motion on the default body with shapes and sizes
of many people, 5 mm of noise, in every layout. DANCEPOSE_DATA or --data names the folder that holds ``md``, ``md_2018``
and ``cmu``; without it the bundled waltz alone is used. Of CMU's files every second one was developed on, with ``md``;
--held-out takes the others, with ``md_2018``, on other bodies and in other variants, which nothing was tuned on. Each
variant of a clip is judged on what it changes:

    right      what was concluded is true, and nothing is said
    doubted    a doubt about it is said aloud, whether or not the guess is true, or the file is refused with a reason
    wrong      what was concluded is not true, and nothing is said

A size that a grown person may have counts as true: nothing in positions tells a person of 1.60 m from one of 1.70 m.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
import os
from pathlib import Path
import time
from typing import Final

import numpy as np

from dancepose.trainer.mocap.cmu_retargeting import retarget
from dancepose_addon.core.arrays import F64
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.skeleton.conventions import Interpretation, interpret
from dancepose_addon.core.skeleton.layouts import LAYOUTS
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.readers.array_contents import recording_of
from dancepose_addon.core.skeleton.readers.bvh_grammar import parse_bvh
from dancepose_addon.core.skeleton.readers.point_arrays import ARRAY
from dancepose_addon.core.skeleton.recording import NO_HINTS, PointRecording
from tests.support.convention_variants import Case, Clip, Verdict, doubts, variants
from tests.support.samples import waltz

CMU_METRES: Final = 0.0564444
MOST_FRAMES: Final = 600
NOISE_M: Final = 0.005
BODIES, HELD_OUT_BODIES = 3, 1003


def clips(data: Path | None, every: int, *, held_out: bool = False) -> Iterator[Clip]:
    """Real recordings, and real motion on other bodies in every layout."""
    body, random = load_body(), np.random.default_rng(HELD_OUT_BODIES if held_out else BODIES)
    motions: list[tuple[str, F64, F64]] = [("waltz", waltz().pose[::2], waltz().translation[::2])]
    if data is not None:
        for folder in sorted((data / ("md_2018" if held_out else "md")).glob("DANCE_*")):
            sequence = read(folder)
            height = 1.69 if "_W_" not in folder.name else 1.60
            yield Clip(folder.name, sequence.keypoints_m.astype(np.float64), sequence.layout, height)
        for path in sorted((data / "cmu").glob("*.bvh"))[int(held_out) :: every]:
            motion = parse_bvh(path)
            pose = retarget(motion, body.rest_joints())[1::4][:MOST_FRAMES].astype(np.float64)
            place = motion.root_positions[1::4][:MOST_FRAMES].astype(np.float64) * CMU_METRES
            motions.append((path.stem, pose, place))
    for name, pose, place in motions:
        for layout in LAYOUTS.values():
            betas = np.clip(random.normal(size=body.beta_count), -2.0, 2.0).astype(np.float32)
            height = float(np.ptp(body.rest_vertices(betas)[:, 1]))
            scale = float(random.uniform(1.5, 1.95)) / height
            points = keypoints_from_pose(
                markers_for(layout), body.rest_joints(betas), pose.astype(np.float32), place.astype(np.float32),
                scale=scale,
            )  # fmt: skip
            noisy = points + random.normal(scale=NOISE_M, size=points.shape)
            rotvec = rotmat_to_rotvec(pose) if layout.count in (22, 24) else None
            yield Clip(f"{name} {layout.name}", noisy, layout, scale * height, rotvec)


def conclude(case: Case) -> Verdict:
    """Read a variant as a file that holds one unnamed array, and judge."""
    try:
        recording = recording_of({ARRAY: case.array.astype(np.float32)}, Path("clip.npy"), NO_HINTS)
        if not isinstance(recording, PointRecording):
            found = [finding for finding in recording.findings if finding.topic == "values"]
            told = case.judge(interpret_nothing(), tuple(found))
            # Theta: right where the judge would call positions wrong.
            return Verdict("right") if told.why == "values" else Verdict("wrong", "taken for rotations")
        interpretation = interpret(recording)
    except DancePoseError as error:
        return Verdict("doubted", type(error).__name__)
    findings = (*recording.findings, *interpretation.findings)
    verdict = case.judge(interpretation, findings)
    if verdict.why == "values" and doubts(findings, "values", "order of the points"):
        return Verdict("doubted", "values")
    return verdict


def interpret_nothing() -> Interpretation:
    """An interpretation for judges of theta, which do not look at it."""
    recording = PointRecording(np.zeros((1, 24, 3)), "nothing", "nothing", layout="smpl24")
    return interpret(recording)


def main() -> None:
    """Print the table, and every silent mistake."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = os.environ.get("DANCEPOSE_DATA")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None)
    parser.add_argument("--every", type=int, default=2, help="of CMU's clips")
    parser.add_argument("--out", type=Path, default=None, help="also write the table here")
    parser.add_argument("--held-out", action="store_true", help="clips that nothing was tuned on")
    parser.add_argument("--seed", type=int, default=11, help="of the variants")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    begun, number = time.perf_counter(), 0
    for clip in clips(arguments.data, arguments.every, held_out=arguments.held_out):
        number += 1
        for name, case in variants(clip, random):
            verdict = conclude(case)
            counts[name][verdict.kind] += 1
            if verdict.kind != "right":
                reasons[name][f"{verdict.kind}: {verdict.why}"] += 1
            if verdict.kind == "wrong":
                print(f"wrong: {clip.name}, {name}: {verdict.why}", flush=True)
    lines = ["| variant | clips | right | doubted | silently wrong | |", "|---|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for name, counted in counts.items():
        total += counted
        lines.append(_row(name, counted, "; ".join(f"{why} {n}" for why, n in reasons[name].most_common(3))))
    lines.append(_row("all", total, f"{number} clips, {time.perf_counter() - begun:.0f} s"))
    text = "\n".join(lines)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


def _row(name: str, counted: Counter[str], note: str) -> str:
    count = counted.total()
    shares = " | ".join(f"{100.0 * counted[kind] / count:.1f} %" for kind in ("right", "doubted", "wrong"))
    return f"| {name} | {count} | {shares} | {note} |"


if __name__ == "__main__":
    main()
