"""``dancepose stats``: how much dancing a folder of M&D clips holds, counted as published and in true seconds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.atomic import replacing

from .display import list_results
from .output_checks import TABLE, check_files


def stats_command(
    folder: Annotated[Path, typer.Argument(help="Folder of M&D clips, of either release.")],
    seed: Annotated[int, typer.Option(help="Of the split into training and test clips.")] = 0,
    stratified: Annotated[
        bool, typer.Option("--stratified", help="Split every dance in proportion, not all clips at random.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the numbers, .json.")] = None,
) -> None:
    """Files and seconds of each dance in training and test split, beside the published Table 1."""
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
