# SPDX-License-Identifier: Apache-2.0
"""``dancepose stats``: count files and seconds of M&D clips, as published and in true seconds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.atomic import replacing

from .arguments import MAX_SEED, number
from .display import list_results
from .output_checks import TABLE, check_files


def stats_command(
    folder: Annotated[Path, typer.Argument(help="Folder of M&D clips, of either release.")],
    seed: Annotated[
        int,
        typer.Option(
            parser=number("--seed", int, 0, MAX_SEED),
            metavar="N",
            help="Set the random seed of the split into training and test clips.",
        ),
    ] = 0,
    stratified: Annotated[
        bool, typer.Option("--stratified", help="Split each dance in proportion instead of all clips at random.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the numbers here, .json.")] = None,
) -> None:
    """Count files and seconds of each dance in the training and test split, beside the published Table 1."""
    from dancepose.trainer.device import require_torch

    check_files({"--out": (out, TABLE)}, (folder,))
    require_torch()
    from dancepose.trainer.config import load_config
    from dancepose.trainer.data.music_dance_stats import count_splits, format_splits
    from dancepose.trainer.data.recordings import read_clips

    config = load_config("paper", (f"seed={seed}", f"data.stratified={str(stratified).lower()}"))
    table = count_splits(read_clips((folder,), "md23"), config)
    print(format_splits(table))
    if out is not None:
        with replacing(out) as temporary:
            temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    list_results({"numbers": out})
