# SPDX-License-Identifier: Apache-2.0
"""Frames without any point: how far the fit is from the truth in them, on real clips.

    python -m benchmarks.lost_frames [--clips FOLDER] [--out FILE.md]

Whole frames of real SMPL clips are removed in three patterns. The fit bridges them itself. It is compared with the
simplest repair, linear interpolation of each point over time before the fit, and with the fit of all frames. Errors are
mean distances of the 24 joints from the truth in the removed frames, as means over sources.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.fit_cases import posed_points
from benchmarks.real_clips import DATA, RealClip, load_real_clips
from dancepose_addon.core.arrays import F32, F64, Flags
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_regressor

Pattern = Callable[[int], Flags]
METHODS: Final = ("all frames", "bridged", "interpolated")
SHORTEST: Final = 40
"""Frames of a clip that can have the patterns."""


def runs(lost: int, seen: int) -> Pattern:
    """Return a pattern of so many lost frames after so many seen ones; the ends of a clip are seen."""

    def pattern(frames: int) -> Flags:
        flags = np.arange(frames) % (lost + seen) >= seen
        flags[np.flatnonzero(~flags)[-1] :] = False
        return flags

    return pattern


PATTERNS: Final = {
    "every second": runs(1, 1),
    "5 of 10": runs(5, 5),
    "12 of 50": runs(12, 38),
}


def interpolated(points_m: F32, lost: Flags) -> F32:
    """Fill lost frames of (T, K, 3), metres, by linear interpolation of each coordinate."""
    at = np.arange(len(points_m))
    flat = points_m.reshape(len(points_m), -1)
    columns = [np.interp(at[lost], at[~lost], column[~lost]) for column in flat.T]
    filled = flat.copy()
    filled[lost] = np.stack(columns, axis=1)
    return filled.reshape(points_m.shape)


def errors_mm(clip: RealClip, body: BodyModel, lost: Flags) -> dict[str, F64]:
    """Return the mean distance of the joints in each lost frame by method, (L,), millimetres."""
    whole = clip.seen(SMPL24, body)
    holes = whole.keypoints_m.copy()
    holes[lost] = np.nan
    given = {
        "all frames": whole.keypoints_m,
        "bridged": holes,
        "interpolated": interpolated(whole.keypoints_m, lost),
    }
    return {name: _distance_mm(replace(whole, keypoints_m=points), whole, body, lost) for name, points in given.items()}


def _distance_mm(shown: KeypointSequence, truth: KeypointSequence, body: BodyModel, lost: Flags) -> F64:
    result = fit(shown, regressor=open_regressor(None, layout="smpl24"), body=body, settings=FitSettings(level=False))
    posed = posed_points(result, body)
    # The fit is lowered onto its floor, the truth is not.
    raised = np.median((truth.keypoints_m - posed)[~lost].reshape(-1, 3), axis=0)
    distance = np.linalg.norm(posed + raised - truth.keypoints_m, axis=-1)
    return 1000.0 * distance[lost].mean(axis=1, dtype=np.float64)


def table(clips: list[RealClip], body: BodyModel) -> list[str]:
    """Return the lines of a Markdown table: mean over sources, and the frame at 95 % of all lost ones."""
    head = [f"{name}, mm | 95 %" for name in METHODS]
    lines = ["| lost frames | " + " | ".join(head) + " |", "|---" * (1 + 2 * len(METHODS)) + "|"]
    for name, pattern in PATTERNS.items():
        found: dict[str, dict[str, list[F64]]] = {method: {} for method in METHODS}
        for clip in clips:
            lost = pattern(len(clip.motion))
            if lost.any():
                for method, error in errors_mm(clip, body, lost).items():
                    found[method].setdefault(clip.group, []).append(error)
        cells = []
        for groups in found.values():
            each = [np.concatenate(errors) for errors in groups.values()]
            cells += [f"{np.mean([errors.mean() for errors in each]):.1f}"]
            cells += [f"{np.percentile(np.concatenate(each), 95):.1f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure the fit in frames without any point.")
    parser.add_argument("--clips", type=Path, default=DATA / "smpl", help="Folder of real SMPL clips.")
    parser.add_argument("--out", type=Path, help="Write the table here.")
    options = parser.parse_args()
    body = load_body(None)
    clips = [clip for clip in load_real_clips(options.clips, body) if len(clip.motion) >= SHORTEST]
    sources = len({clip.group for clip in clips})
    head = f"{len(clips)} clips of {sources} sources, layout smpl24."
    print(head)
    lines = table(clips, body)
    if options.out is not None:
        options.out.write_text("\n".join([head, "", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
