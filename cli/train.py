# SPDX-License-Identifier: Apache-2.0
"""``dancepose train``: train a regressor."""

from dataclasses import replace
from pathlib import Path
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dancepose_addon.core.errors import MissingFileError, OptionError
from dancepose_addon.core.output_claims import claim_outputs
from dancepose_addon.core.printable_text import escaped

from .arguments import MAX_SEED, BodyOption, choice, number
from .display import no_display, progress_bar
from .output_checks import RUN_FILES, check_files

if TYPE_CHECKING:
    from dancepose.trainer.config import Config

PresetOption = Annotated[
    str, typer.Option(metavar="NAME", help="Start from the settings paper, best, smoke, or of a .toml file.")
]
MotionOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="PATH", help="Train on recorded keypoints: a folder of M&D clips, or one clip; repeatable."),
]
PosesOption = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Train on poses of this motion capture instead of procedural ones."),
]
StartOption = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Initialise from the weights of another run.")]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as in optim.steps=1000; repeatable."),
]
LimitBatchesOption = Annotated[
    int | None,
    typer.Option(metavar="N", parser=number("--limit-batches", int, 1), help="Stop after N steps of this call."),
]
TensorboardOption = Annotated[
    bool, typer.Option("--tensorboard", help="Write losses, errors per point and pictures for TensorBoard.")
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(metavar="N", parser=number("--threads", int, 1), help="Limit torch to N processor threads."),
]
SeedOption = Annotated[
    int | None, typer.Option(metavar="N", parser=number("--seed", int, 0, MAX_SEED), help="Set the random seed.")
]
TrainDeviceOption = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda", parser=choice("--device", ("auto", "cpu", "cuda")), help="Train on this device."
    ),
]


def train_command(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Write checkpoint, settings and log of the run here.")],
    preset: PresetOption = "paper",
    motion: MotionOption = None,
    poses: PosesOption = None,
    prior: Annotated[Path | None, typer.Option("--prior", hidden=True, help="Former name of --poses.")] = None,
    body: BodyOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    start: StartOption = None,
    seed: SeedOption = None,
    overrides: OverridesOption = None,
    limit_batches: LimitBatchesOption = None,
    device: TrainDeviceOption = "auto",
    tensorboard: TensorboardOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Train a SmplRegressor on recorded keypoints and poses of motion capture."""
    from dancepose.trainer.device import choose_device, require_torch

    inputs = (*(motion or ()), poses, prior, body, start)
    check_files({}, inputs, folders={"--out": out}, names={"--out": RUN_FILES}, claims=False)
    config = _config_of(preset, (*(overrides or ()), *(() if seed is None else (f"seed={seed}",))))
    # Presets that train on poses only do not read them.
    for path in (path for path in motion or () if not path.exists()):
        raise MissingFileError(f"{path} does not exist. Give a folder of recorded keypoints with --motion, or omit it.")
    require_torch()
    from dancepose.trainer.data.batches import load_data
    from dancepose.trainer.distributed import join_ranks, leave_ranks
    from dancepose.trainer.loop import TrainOptions, check_run, train as run_training
    from dancepose.trainer.tensorboard_log import TensorBoardLog
    from dancepose_addon.core.body.model_io import load_body

    chosen = choose_device(device, threads)
    ranks = join_ranks(chosen)
    options = TrainOptions(
        resume=resume,
        start=start,
        command=shlex.join(["dancepose", *sys.argv[1:]]),
        limit_steps=limit_batches,
        ranks=ranks,
    )
    check_run(out, options)
    if ranks.first:
        claim_outputs([out])
    model = load_body(body)
    with progress_bar() if ranks.first else no_display() as display:
        display.progress(0.0, "Reading")
        data = load_data(config, model, motion=tuple(motion or ()), poses=poses or prior, device=chosen)
        board = TensorBoardLog(out / "tensorboard", data.layout_batch, model) if tensorboard and ranks.first else None
        out.mkdir(parents=True, exist_ok=True)
        path = run_training(config, data, model, out, replace(options, board=board), progress=display.progress)
    if board is not None:
        board.close()
    if ranks.first:
        typer.echo(escaped(f"Checkpoint: {path}. Export it as a regressor with `dancepose export {out}`."))
    leave_ranks(ranks)


def _config_of(preset: str, settings: tuple[str, ...]) -> "Config":
    from dancepose.trainer.config import load_config
    from dancepose.trainer.training_errors import ConfigError

    try:
        return load_config(preset, settings)
    except ConfigError as error:
        if preset.endswith(".toml"):
            raise
        raise OptionError(str(error)) from None
