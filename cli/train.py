"""``dancepose train``: train a regressor."""

from pathlib import Path
import shlex
import sys
from typing import Annotated

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
import typer

from .output_checks import check_files

COLUMNS = (TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn())


def train_command(
    out: Annotated[Path, typer.Option(help="Folder for the run: checkpoint, settings, log.")],
    preset: Annotated[str, typer.Option(help="paper, best, smoke, or the path of a .toml file.")] = "paper",
    motion: Annotated[
        list[Path] | None, typer.Option(help="Recorded key-points: a folder of M&D clips, or a clip. Repeatable.")
    ] = None,
    poses: Annotated[
        Path | None,
        typer.Option(help="Natural poses: what `dancepose poses` wrote, or a folder of CMU .bvh or AMASS .npz files."),
    ] = None,
    prior: Annotated[Path | None, typer.Option("--prior", hidden=True, help="Former name of --poses.")] = None,
    body: Annotated[Path | None, typer.Option(help="An SMPL-format body (.npz, .pkl) instead of the default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    start: Annotated[Path | None, typer.Option(help="Begin with the weights of another run: its folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Another value for a setting, as in optim.steps=1000. Repeatable.")
    ] = None,
    limit_batches: Annotated[int | None, typer.Option(help="Stop after so many steps of this call.", min=1)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write losses, errors by point and pictures for TensorBoard.")
    ] = False,
    threads: Annotated[int | None, typer.Option(help="Processor threads for torch.", min=1)] = None,
) -> None:
    """Train a SmplRegressor on recorded key-points and natural poses."""
    from dancepose.trainer.device import choose_device, require_torch

    check_files({}, (*(motion or ()), poses, prior, body, start), folders={"--out": out})
    require_torch()
    from dancepose.trainer.config import load_config
    from dancepose.trainer.data.batches import load_data
    from dancepose.trainer.distributed import join_ranks, leave_ranks
    from dancepose.trainer.loop import TrainOptions, train as run_training
    from dancepose.trainer.tensorboard_log import TensorBoardLog
    from dancepose_addon.core.body.model_io import load_body

    config = load_config(preset, (*(overrides or ()), *(() if seed is None else (f"seed={seed}",))))
    chosen = choose_device(device, threads)
    ranks = join_ranks(chosen)
    model = load_body(body)
    with Progress(*COLUMNS, disable=not ranks.first) as bar:
        task = bar.add_task("Reading", total=1.0)
        data = load_data(config, model, motion=tuple(motion or ()), poses=poses or prior, device=chosen)
        board = TensorBoardLog(out / "tensorboard", data.layout_batch, model) if tensorboard and ranks.first else None
        out.mkdir(parents=True, exist_ok=True)
        path = run_training(
            config,
            data,
            model,
            out,
            TrainOptions(
                resume=resume,
                start=start,
                command=shlex.join(["dancepose", *sys.argv[1:]]),
                limit_steps=limit_batches,
                ranks=ranks,
                board=board,
            ),
            progress=lambda fraction, message: bar.update(task, completed=fraction, description=message),
        )
    if board is not None:
        board.close()
    if ranks.first:
        typer.echo(f"{path} is the checkpoint; make a regressor of it with `dancepose export {out}`.")
    leave_ranks(ranks)
