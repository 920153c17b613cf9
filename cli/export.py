"""``dancepose export``: a run's regressor as an ONNX file, verified against torch."""

import json
from pathlib import Path
import shlex
from typing import Annotated

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
import typer


def export(
    run: Annotated[Path, typer.Argument(help="The folder that `dancepose train --out` wrote.")],
    out: Annotated[Path | None, typer.Option(help="The .onnx file; by default inside the run's folder.")] = None,
    verify: Annotated[
        list[Path] | None, typer.Option(help="Recordings to verify on and to measure errors with. Repeatable.")
    ] = None,
    body: Annotated[Path | None, typer.Option(help="The SMPL-format body of the training, if not the default.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights, if the data asks for one.")] = None,
) -> None:
    """Write a run's regressor as an ONNX file, with a report and a model card beside it."""
    from trainer.torch_device import require_torch

    require_torch()
    from dancepose_addon.core.body.model_io import load_body
    from export.exporting import LICENCE, export_run
    from trainer.checkpoint import load_checkpoint
    from trainer.data import read_clips

    checkpoint = load_checkpoint(run)
    layout = checkpoint.config.data.layout
    folder = run if run.is_dir() else run.parent
    clips = read_clips(tuple(verify), layout) if verify else []
    command = "\n".join(recorded_commands(folder))
    with Progress(TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn()) as bar:
        task = bar.add_task("Exporting", total=1.0)
        result = export_run(
            checkpoint,
            load_body(body),
            out or folder / f"{layout}.onnx",
            clips=clips,
            command=command,
            licence=licence or LICENCE,
            progress=lambda fraction, message: bar.update(task, completed=fraction, description=message),
        )
    worst = result.report["verification"]["max_abs_difference"]
    for provider, difference in worst["from_torch_stored_weights"].items():
        typer.echo(
            f"{provider}: largest difference from torch {difference:.2g} with the stored weights, "
            f"{worst['from_torch_exact_weights'][provider]:.2g} with the weights as trained"
        )
    if "errors" in result.report:
        errors = result.report["errors"]
        typer.echo(f"Mean key-point error on {errors['clips']} clips: {errors['mean_mm']} mm (regressor alone)")
    typer.echo(f"{result.model} ({result.report['bytes'] / 1e6:.1f} MB), {result.report_path.name}, {result.card.name}")


def recorded_commands(folder: Path) -> list[str]:
    """What trained a run, and before it the run that it started from."""
    commands: list[str] = []
    seen: set[Path] = set()
    while (file := folder / "command.json").is_file() and file not in seen:
        seen.add(file)
        command = json.loads(file.read_text(encoding="utf-8"))["command"]
        commands.insert(0, without_folders(command))
        words = shlex.split(command)
        folder = Path(words[words.index("--start") + 1]) if "--start" in words[:-1] else folder
    return commands


def without_folders(command: str) -> str:
    """The command with only the names of its paths: where a user keeps them is nobody's business on a model card."""
    return shlex.join(Path(word).name if "/" in word else word for word in shlex.split(command))
