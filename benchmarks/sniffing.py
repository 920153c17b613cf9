"""How well files are recognised: clips turned, scaled, mirrored, reordered and cut, as arrays that say nothing.

    python -m benchmarks.sniffing [--data FOLDER] [--every N] [--out TABLE.md]

Clips: every recording of music & dance (md23 as recorded), and CMU's motion on the default body with shapes and sizes
of many people, 5 mm of noise, in every layout. DANCEPOSE_DATA or --data names the folder that holds ``md`` and ``cmu``;
without it the bundled waltz alone is used. Each variant of a clip is judged on what it changes:

    right      what was concluded is true, and nothing is said
    doubted    a doubt about it is said aloud, whether or not the guess is true, or the file is refused with a reason
    wrong      what was concluded is not true, and nothing is said

A size that a grown person may have counts as true: nothing in positions tells a person of 1.60 m from one of 1.70 m.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.body.keypoints import keypoints_from_pose, markers_for
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.skeleton.anatomy import are_twins
from dancepose_addon.core.skeleton.layouts import LAYOUTS, Layout, layouts_with
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.readers.array_contents import ARRAY, recording_of
from dancepose_addon.core.skeleton.readers.bvh import parse_bvh
from dancepose_addon.core.skeleton.recording import NO_HINTS, Finding, PointRecording
from dancepose_addon.core.skeleton.sniffing import ADULTS_M, Interpretation, interpret
from trainer.prior_bvh import retarget

from .samples import waltz

F64 = NDArray[np.float64]
Random = np.random.Generator

CMU_METRES: Final = 0.0564444
MOST_FRAMES: Final = 600
NOISE_M: Final = 0.005
UNITS: Final = {"m": 1.0, "cm": 100.0, "mm": 1000.0, "inch": 1.0 / 0.0254, "ft": 1.0 / 0.3048}
SIZE_ERROR_M: Final = 0.05
"""By which a height that is read off joints may be wrong."""
TILTS_DEG: Final = (25.0, 65.0)


@dataclass(frozen=True)
class Clip:
    """points: (T, K, 3), metres, y up, sides as named; height_m: of the person; rotvec: (T, 24, 3) or None."""

    name: str
    points: F64
    layout: Layout
    height_m: float
    rotvec: F64 | None = None


@dataclass(frozen=True)
class Verdict:
    """right, doubted or wrong, and about what."""

    kind: str
    why: str = ""


@dataclass(frozen=True)
class Case:
    """A variant of a clip as a file would have it: the array, and how to judge what was concluded."""

    array: F64
    judge: Callable[[Interpretation, tuple[Finding, ...]], Verdict]


def clips(data: Path | None, every: int) -> Iterator[Clip]:
    """Real recordings, and real motion on other bodies in every layout."""
    body, random = load_body(), np.random.default_rng(3)
    motions: list[tuple[str, F64, F64]] = [("waltz", waltz().pose[::2], waltz().translation[::2])]
    if data is not None:
        for folder in sorted((data / "md").glob("DANCE_*")):
            sequence = read(folder)
            height = 1.69 if "_W_" not in folder.name else 1.60
            yield Clip(folder.name, sequence.keypoints_m.astype(np.float64), sequence.layout, height)
        for path in sorted((data / "cmu").glob("*.bvh"))[::every]:
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


def _doubts(findings: tuple[Finding, ...], *topics: str) -> bool:
    return any(finding.doubtful and finding.topic in topics for finding in findings)


def _judge(
    clip: Clip, turn: F64, units_per_m: float, *, mirrored: bool = False, order: bool = True, upright: bool = True
) -> Callable[[Interpretation, tuple[Finding, ...]], Verdict]:
    """turn: (3, 3), from SMPL's axes to the file's; order: whether the points are in the layout's order; upright:
    whether an axis of the file points up."""
    up = turn @ np.array([0.0, 1.0, 0.0])

    def judge(found: Interpretation, findings: tuple[Finding, ...]) -> Verdict:
        doubted = ""
        if not order:
            doubted_order = _doubts(findings, "order of the points", "layout")
            return Verdict("doubted") if doubted_order else Verdict("wrong", "order")
        if _doubts(findings, "order of the points", "layout", "values"):
            return Verdict("doubted", "layout")
        if found.layout.name != clip.layout.name:
            return Verdict("wrong", f"layout {found.layout.name}")
        height = clip.height_m * units_per_m * found.metres
        low, high = ADULTS_M
        true_unit = abs(height / clip.height_m - 1.0) < 1e-6 or low - SIZE_ERROR_M <= height <= high + SIZE_ERROR_M
        if not true_unit:
            if not _doubts(findings, "unit"):
                return Verdict("wrong", f"height {height:.2f} for {clip.height_m:.2f}")
            doubted = "unit"
        if float((found.turn @ up)[1]) < (0.99 if upright else 0.95):
            if not _doubts(findings, "up axis"):
                return Verdict("wrong", "up axis")
            doubted = doubted or "up axis"
        if mirrored:
            told = any(finding.topic == "sides" and finding.doubtful for finding in findings)
            return Verdict("right" if told and not doubted else "doubted" if told else "wrong", doubted or "sides")
        if np.linalg.det(found.turn) < 0 or found.exchange:
            if not _doubts(findings, "sides"):
                return Verdict("wrong", "sides")
            doubted = doubted or "sides"
        said = [finding.topic for finding in findings if finding.doubtful and finding.topic != "rate"]
        return Verdict("doubted", doubted or said[0]) if doubted or said else Verdict("right")

    return judge


EYE: Final = np.eye(3)


def _axis_turns() -> list[F64]:
    """The 24 rotations that take axes to axes."""
    turns = []
    for first in range(3):
        for second in range(3):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                if first != second:
                    x, y = np.zeros(3), np.zeros(3)
                    x[first], y[second] = signs
                    turns.append(np.stack([x, y, np.cross(x, y)]))
    return turns


TURNS: Final = _axis_turns()


def variants(clip: Clip, random: Random) -> Iterator[tuple[str, Case]]:
    """Every kind of variant, one of each."""
    points, count = clip.points, clip.layout.count
    any_turn = TURNS[random.integers(0, len(TURNS))] @ rotvec_to_rotmat(np.array([0.0, random.uniform(-3, 3), 0.0]))
    factor = list(UNITS.values())[random.integers(0, len(UNITS))]
    yield "as it is", Case(points, _judge(clip, EYE, 1.0))
    yield "axes turned", Case(points @ any_turn.T, _judge(clip, any_turn, 1.0))
    angle = np.radians(random.uniform(*TILTS_DEG))
    axis = random.normal(size=3) * [1.0, 0.0, 1.0]
    tilt = rotvec_to_rotmat(axis / np.linalg.norm(axis) * angle)
    yield "tilted by 25 to 65 degrees", Case(points @ tilt.T, _judge(clip, tilt, 1.0, upright=False))
    yield "another unit", Case(points * factor, _judge(clip, EYE, factor))
    any_scale = float(np.exp(random.uniform(np.log(0.02), np.log(3000.0))))
    yield "any scale", Case(points * any_scale, _judge(clip, EYE, any_scale))
    flip = np.diag([-1.0, 1.0, 1.0])
    yield "mirrored by an axis", Case(points @ flip.T, _judge(clip, flip, 1.0, mirrored=True))
    yield "left and right exchanged", Case(points[:, list(clip.layout.mirrored)], _mirrored_names(clip))
    everything = any_turn @ flip
    yield (
        "turned, mirrored, another unit",
        Case(points @ everything.T * factor, _judge(clip, everything, factor, mirrored=True)),
    )
    yield "points shuffled", Case(points[:, random.permutation(count)], _judge(clip, EYE, 1.0, order=False))
    for layout in layouts_with(count):
        if layout is not clip.layout:
            yield f"the other layout of {count} points", Case(points, _judge(clip, EYE, 1.0))
    for name, near in (("two neighbours exchanged", True), ("any two exchanged", False)):
        pair = _pair(clip.layout, random, near=near)
        order = np.arange(count)
        order[list(pair)] = order[list(pair[::-1])]
        yield name, Case(points[:, order], _judge(clip, EYE, 1.0, order=False))
    for frames in (1, 5, 30):
        start = int(random.integers(0, max(1, len(points) - frames)))
        yield f"{frames} frame{'s' if frames > 1 else ''}", Case(points[start : start + frames], _judge(clip, EYE, 1.0))
    yield "points missing at the end", Case(points[:, : count - int(random.integers(1, 4))], _cut(clip))
    holes = points.copy()
    holes[random.random(points.shape[:2]) < 0.2] = np.nan
    yield "a fifth unseen", Case(holes, _judge(clip, EYE, 1.0))
    arm = points.copy()
    arm[:, [i for i, joint in enumerate(clip.layout.joints) if joint in (18, 20, 22)]] = np.nan
    yield "an arm never seen", Case(arm, _judge(clip, EYE, 1.0))
    if clip.rotvec is not None:
        theta = clip.rotvec[:, :count].reshape(len(clip.rotvec), -1)
        yield "rotation vectors of that width", Case(theta, lambda _found, _findings: Verdict("wrong", "values"))
        yield "positions of that width", Case(points.reshape(len(points), -1), _judge(clip, EYE, 1.0))


def _mirrored_names(clip: Clip) -> Callable[[Interpretation, tuple[Finding, ...]], Verdict]:
    """Points that have no mirror image of their own make an exchange of names a reordering too."""
    whole = all(clip.layout.mirrored[other] == point for point, other in enumerate(clip.layout.mirrored))
    if whole:
        return _judge(clip, EYE, 1.0, mirrored=True)

    def judge(_found: Interpretation, findings: tuple[Finding, ...]) -> Verdict:
        told = _doubts(findings, "sides", "order of the points")
        return Verdict("doubted") if told else Verdict("wrong", "sides")

    return judge


def _cut(clip: Clip) -> Callable[[Interpretation, tuple[Finding, ...]], Verdict]:
    def judge(found: Interpretation, findings: tuple[Finding, ...]) -> Verdict:
        # SMPL's 24 joints without the hands are SMPL's 22: that is true.
        if clip.layout.name == "smpl24" and found.layout.name == "smpl22":
            return Verdict("right")
        told = _doubts(findings, "layout", "order of the points")
        return Verdict("doubted") if told else Verdict("wrong", f"taken for {found.layout.name}")

    return judge


def _pair(layout: Layout, random: Random, *, near: bool) -> tuple[int, int]:
    """Two points that are not twins (nearer together on one bone than can be told apart)."""
    while True:
        if near:
            first, second = layout.edges[random.integers(0, len(layout.edges))]
        else:
            first, second = (int(point) for point in random.choice(layout.count, 2, replace=False))
        if not are_twins(layout, first, second):
            return first, second


def conclude(case: Case) -> Verdict:
    """Read a variant as a file that holds one array and says nothing, and judge."""
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
    if verdict.why == "values" and _doubts(findings, "values", "order of the points"):
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
    arguments = parser.parse_args()
    random = np.random.default_rng(11)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    begun, number = time.perf_counter(), 0
    for clip in clips(arguments.data, arguments.every):
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
