"""``dancepose evaluate``: how far regressors are from recordings and from motion with known rotations."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .arguments import BodyOption, DeviceOption
from .display import list_results, progress_bar
from .output_checks import check_files


def evaluate_command(
    regressor: Annotated[
        Path | None, typer.Argument(help="The .onnx file; by default the one shipped for --layout.")
    ] = None,
    layout: Annotated[
        str, typer.Option("--layout", help="Which layout of the regressor, and of the recordings.")
    ] = "md23",
    motion: Annotated[
        list[Path] | None, typer.Option(help="Recorded key-points: a folder of clips, or a clip. Repeatable.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="Motion with known rotations: CMU .bvh or AMASS .npz files, in a folder.")
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Share of --known to measure on, by default what training left alone."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for tables (JSON) and plots (PNG).")] = None,
    body: BodyOption = None,
    device: DeviceOption = None,
) -> None:
    """Measure a regressor alone, nothing refined: per clip, per point, per joint, worst frames."""
    from dancepose.trainer.device import require_torch

    check_files({}, (regressor, *(motion or ()), known, body, layout), folders={"--out": out})
    require_torch()
    from dancepose.trainer.data.recordings import read_clips
    from dancepose.trainer.evaluation import regressor_metrics as metrics
    from dancepose.trainer.evaluation.evaluation_report import format_evaluation, write_evaluation
    from dancepose_addon.core.body.model_io import load_body
    from dancepose_addon.inference import open_regressor

    if not motion and known is None:
        raise typer.BadParameter("There is nothing to measure on; give --motion, --known or both.")
    opened = open_regressor(regressor, layout=layout, device=device or "auto")
    model = load_body(body)
    share = opened.info.training.get("config", {}).get("data", {}).get("holdout", 0.0) if holdout is None else holdout
    results: dict[str, Path | None] = {}
    with progress_bar() as display:
        for kind in ("recorded", "known"):
            work: list[Callable[[], metrics.ClipErrors]] = []
            if kind == "recorded" and motion:
                work = [
                    partial(metrics.evaluate_clip, opened, model, clip) for clip in read_clips(tuple(motion), layout)
                ]
            elif kind == "known" and known is not None:
                held_out = metrics.load_known_clips(known, model, holdout=share)
                work = [partial(metrics.evaluate_known, opened, model, clip) for clip in held_out]
            if not work:
                continue
            errors = []
            for index, measure in enumerate(work):
                display.progress(index / len(work), f"Measuring {kind} motion: clip {index + 1} of {len(work)}")
                errors.append(measure())
            table = metrics.summarise(errors, opened.info.layout)
            print(format_evaluation(kind, table))
            if out is not None:
                results |= write_evaluation(errors, table, opened.info.layout, out, kind)
    list_results(results)
