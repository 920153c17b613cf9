# SPDX-License-Identifier: Apache-2.0
"""What recognition cannot do: tilts that pass, noise, layouts that are said, joints of another skeleton.

    python -m benchmarks.convention_limits [--data FOLDER]

Clips are those of ``benchmarks.conventions``, both halves. A tilt passes where no doubt is reported about an axis
that is more than 18 degrees off. Reports the angle from
upright by lean and by floor, of the tilted file and of the original.
"""

import argparse
from collections.abc import Iterator
import os
from pathlib import Path

import numpy as np

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.axes import axis_name, axis_vector
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.skeleton.anatomy import find_up, measure_fit, sample
from dancepose_addon.core.skeleton.conventions import interpret
from dancepose_addon.core.skeleton.floor_plane import find_footing
from dancepose_addon.core.skeleton.layout import Layout
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.recording import Finding, PointRecording
from tests.support.convention_variants import Clip, doubts

from .conventions import clips

Random = np.random.Generator
TILTS, EXCHANGES, EVERY_FRAME, EVERY_CLIP = 8, 4, 3, 7
UNTRUE = np.cos(np.radians(18.0))


def findings_of(points: F64, layout: str | None = None) -> tuple[Finding, ...]:
    """What is found; nothing but a doubt where the points are refused."""
    try:
        return interpret(PointRecording(points, "array", "clip.npy", layout=layout)).findings
    except DancePoseError as refused:
        return (Finding("layout", "none", 0.0, str(refused)),)


def order_doubted(points: F64, layout: str | None = None) -> bool:
    """Whether the order of the points, or the layout, is doubted."""
    return doubts(findings_of(points, layout), "order of the points", "layout")


def exchanges(points: F64, layout: Layout, random: Random) -> Iterator[F64]:
    """The points with two of them exchanged: neighbours, and any two."""
    for number in range(EXCHANGES):
        first, second = random.choice(layout.count, 2, replace=False)
        if number % 2 == 0:
            first, second = layout.edges[random.integers(0, len(layout.edges))]
        order = np.arange(layout.count)
        order[[first, second]] = second, first
        yield points[:, order]


def off_upright_deg(points: F64, layout: Layout) -> float:
    """How far lean and floor put the axis off upright."""
    few = sample(points)
    towards = find_up(few, layout).towards
    axis = axis_vector(axis_name(towards))
    height = measure_fit(few, layout).scale * load_body().height_m
    footing = find_footing(few, layout, axis=axis, towards=towards, height=height)
    return float(np.degrees(footing.tilt_rad(float(np.arccos(min(1.0, float(towards @ axis)))))))


def tilts(every: list[Clip], random: Random) -> None:
    """Half of 19 to 25 degrees, half of 19 to 65."""
    passed, straighter, count = [], 0, 0
    for clip in every:
        for number in range(TILTS):
            axis = random.normal(size=3) * [1.0, 0.0, 1.0]
            angle = np.radians(random.uniform(19.0, 25.0 if number % 2 else 65.0))
            turn = rotvec_to_rotmat(axis / np.linalg.norm(axis) * angle)
            tilted = clip.points @ turn.T
            found = next(f for f in findings_of(tilted, clip.layout.name) if f.topic == "up axis")
            count += 1
            if not found.doubtful and axis_vector(found.value) @ turn[:, 1] < UNTRUE:
                before, after = off_upright_deg(clip.points, clip.layout), off_upright_deg(tilted, clip.layout)
                straighter += after < before
                passed.append(f"{clip.name} {np.degrees(angle):.0f} ({before:.1f} -> {after:.1f})")
    print(f"tilts: {len(passed)} of {count} passed, {straighter} of them straighter than the true file: {passed}")


def exchanged(every: list[Clip], random: Random, *, said: bool, noise_m: float) -> None:
    """Clips as they are, and with points exchanged."""
    doubted = passed = count = 0
    for clip in every:
        points = clip.points[::EVERY_FRAME] + random.normal(scale=noise_m, size=clip.points[::EVERY_FRAME].shape)
        layout = clip.layout.name if said else None
        doubted += order_doubted(points, layout)
        for other in exchanges(points, clip.layout, random):
            count += 1
            passed += not order_doubted(other, layout)
    how = "layout said" if said else f"{100 * noise_m:g} cm more noise"
    print(f"{how}: order doubted in {doubted} of {len(every)} clips; {passed} of {count} exchanges passed", flush=True)


def own_joints(data: Path) -> None:
    """CMU's own joints in SMPL's order, without their names."""
    files = sorted((data / "cmu").glob("*.bvh"))
    doubted = sum(order_doubted(read(path).keypoints_m[::4].astype(np.float64)) for path in files)
    print(f"CMU's own joints: order doubted in {doubted} of {len(files)} files", flush=True)


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = os.environ.get("DANCEPOSE_DATA")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None)
    data = parser.parse_args().data
    random = np.random.default_rng(77)
    every = [clip for held_out in (False, True) for clip in clips(data, 2, held_out=held_out)]
    for noise_m in (0.01, 0.02, 0.03):
        exchanged(every[::EVERY_CLIP], random, said=False, noise_m=noise_m)
    exchanged(every, random, said=True, noise_m=0.0)
    if data is not None:
        own_joints(data)
    tilts(every, random)


if __name__ == "__main__":
    main()
