# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.build_markers.music_dance --data FOLDER --start TABLE --out TABLE``: finish the md23 table.

FOLDER holds the music & dance clips, TABLE what ``dancepose calibrate FOLDER --seed 0`` learned and ``dancepose
calibrate --start`` refined. Then, in this order: ``--wrists-on-joint`` puts the points of both wrists at the wrist
joints; ``--refine N`` takes N rounds with the fit; ``--head-back M`` moves the head's points back, since their distance
to the shoulders is that of the temples, and heads tilt back with points on the forehead; and the points of the arms are
moved by the mean of the shifts that ``--adapt`` finds in each clip, the two dancers weighted equally. What was done is
added to the table's provenance. The shipped table: ``--wrists-on-joint --refine 32 --head-back 0.048``.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
import json
from pathlib import Path
from typing import Final

import numpy as np

from dancepose.trainer.calibration.joint_refinement import polish, residual_mm
from dancepose.trainer.calibration.mean_shifts import mean_shifts, shifted_table
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.markers import MarkerSet
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_regressor

HELD_OUT: Final = ("DANCE_C_2", "DANCE_R_2", "DANCE_W_1", "DANCE_W_12")
"""Clips that are measured but not learned from."""
WALTZ: Final = "DANCE_W_"
"""Waltzes are one dancer, all other clips are the others."""
ARMS: Final = (4, 5, 6, 22, 13, 14, 15, 21)
"""Points of elbows, forearms and wrists."""
WRISTS: Final = ((15,), (6, 22))
"""Points of the left and of the right wrist."""
ELBOWS: Final = ((4, 13),)
HEAD: Final = (0, 1)
ROUNDS: Final = 2


def with_wrists_on_joints(start: MarkerSet) -> MarkerSet:
    """Put the points of the wrists at their joints.

    Args:
        start: The table.
    """
    weights, offsets = start.weights.copy(), start.offsets_m.copy()
    for points, side in zip(WRISTS, ("left", "right"), strict=True):
        weights[list(points)] = np.eye(weights.shape[1], dtype=np.float32)[JOINT_INDEX[f"{side}_wrist"]]
        offsets[list(points)] = 0.0
    said = f"{start.provenance}; the points of both wrists put at the wrist joint"
    return replace(start, weights=weights, offsets_m=offsets, provenance=said)


def with_head_back(start: MarkerSet, back_m: float) -> MarkerSet:
    """Move the head's points farther back.

    Args:
        start: The table.
        back_m: Distance, metres.
    """
    offsets = start.offsets_m.copy()
    offsets[list(HEAD), 2] -= np.float32(back_m)
    said = f"{start.provenance}; the head's points {back_m * 1000.0:.0f} mm further back"
    return replace(start, offsets_m=offsets, provenance=said)


def main() -> None:
    """Move the arms' points of a table."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.build_markers.music_dance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the music & dance clips")
    parser.add_argument("--start", type=Path, required=True, help="marker table (.json) to start from")
    parser.add_argument("--out", type=Path, required=True, help="marker table (.json) to write")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often shifts are found and applied")
    parser.add_argument("--refine", type=int, default=0, metavar="N", help="take N rounds with the fit")
    parser.add_argument("--wrists-on-joint", action="store_true", help="put the wrists' points at the wrist joints")
    parser.add_argument("--head-back", type=float, default=0.0, metavar="M", help="move the head's points back, metres")
    parser.add_argument("--no-residual", action="store_true", help="do not fit the clips to measure the residual")
    arguments = parser.parse_args()
    clips = [read(path) for path in sorted(arguments.data.glob("DANCE_*")) if path.is_dir()]
    learning = [clip for clip in clips if Path(clip.source).name not in HELD_OUT]
    dancers = {
        name: [clip for clip in learning if Path(clip.source).name.startswith(WALTZ) == waltz]
        for name, waltz in (("waltz", True), ("others", False))
    }
    body, regressor = load_body(), open_regressor(None, layout="md23", device="cpu")
    start = MarkerSet.load(arguments.start)
    table = with_wrists_on_joints(start) if arguments.wrists_on_joint else start
    if arguments.refine:
        said = f"{table.provenance}; {arguments.refine} rounds with the fit"
        table = replace(polish(table, learning, body, regressor, rounds=arguments.refine), provenance=said)
    if arguments.head_back:
        table = with_head_back(table, arguments.head_back)
    points = list(ARMS)
    for number in range(arguments.rounds):
        shift = mean_shifts(table, {name: some for name, some in dancers.items() if some}, body, regressor)
        length_mm = 1000.0 * np.linalg.norm(shift[points], axis=1)
        print(f"round {number + 1}: shifts of the arms' points, mm:", length_mm.round(1).tolist(), flush=True)
        table = shifted_table(table, shift, points, ELBOWS)
    said = (
        f"python -m tools.build_markers.music_dance: the arms' points moved by the mean of the shifts that --adapt "
        f"finds in each of {len(learning)} clips, both dancers weighted equally, {arguments.rounds} rounds"
    )
    if not arguments.no_residual:
        said += f", {_residuals(start, table, clips)}"
    table = replace(table, provenance=f"{table.provenance}; {said}")
    with replacing(arguments.out) as temporary:
        temporary.write_text(json.dumps(table.to_json(), indent=1) + "\n", encoding="utf-8")
    print(said)


def _residuals(before: MarkerSet, after: MarkerSet, clips: Sequence[KeypointSequence]) -> str:
    """Return the mean residual of the clips not learned from, before and after, in words."""
    body, regressor = load_body(), open_regressor(None, layout="md23", device="cpu")
    checking = [clip for clip in clips if Path(clip.source).name in HELD_OUT]
    left = [residual_mm(table, checking, body, regressor) for table in (before, after)]
    return f"mean residual from {left[0]:.2f} to {left[1]:.2f} mm on clips not learned from"


if __name__ == "__main__":
    main()
