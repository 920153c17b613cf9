# SPDX-License-Identifier: Apache-2.0
"""``dancepose export``: a run's regressor as an ONNX file, verified against torch."""

from collections.abc import Mapping
from pathlib import Path
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dancepose.export.exported_files import cards_beside, report_beside, require_exported_files
from dancepose_addon.core.errors import InputError, OptionError
from dancepose_addon.core.printable_text import escaped
from dancepose_addon.core.stored_tables import read_stored_table

from .arguments import BodyOption
from .display import progress_bar
from .output_checks import RUN_FILES, check_files

if TYPE_CHECKING:
    from dancepose_addon.core.body.model import BodyModel

OutOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the .onnx file here instead of into the run's folder.")
]
VerifyOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="PATH", help="Verify on these recordings and measure errors with them; repeatable."),
]
KnownOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="Measure errors on the held-out clips of this motion capture, as of `train --poses`."
    ),
]
PicturesOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Draw the worst and median frames of each layout here.")
]
RecordedOption = Annotated[
    str | None,
    typer.Option("--layout", metavar="NAME", help="Set the layout of the recordings instead of the run's first."),
]
LicenceOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="State this licence of the weights, if the training data requires one."),
]


def export_command(
    run: Annotated[Path, typer.Argument(help="Folder of `dancepose train --out`, or a regressor's .onnx file.")],
    out: OutOption = None,
    verify: VerifyOption = None,
    known: KnownOption = None,
    pictures: PicturesOption = None,
    recorded: RecordedOption = None,
    body: BodyOption = None,
    licence: LicenceOption = None,
) -> None:
    """Write a run's regressor as an ONNX file, with a report and a model card for each layout.

    For an .onnx file instead of a run, write the same weights in the graph of this version.
    """
    from dancepose.trainer.device import require_torch

    is_model = run.suffix == ".onnx"
    if is_model:
        _refuse_options_of_runs({"--verify": verify, "--known": known, "--pictures": pictures, "--layout": recorded,
                                 "--licence": licence})  # fmt: skip
    own = [run] if run.is_file() else [run / name for name in RUN_FILES]
    given = (*(verify or ()), known, body, *own)
    check_files(outputs_of(out, []), given, folders={"--pictures": pictures})
    require_torch()
    from dancepose.export.to_onnx import LICENCE, Truths, export_run
    from dancepose.trainer.checkpoint import load_checkpoint
    from dancepose.trainer.data.batches import configured_layouts
    from dancepose.trainer.data.recordings import read_clips
    from dancepose.trainer.evaluation.regressor_metrics import load_known_clips
    from dancepose_addon.core.body.model_io import load_body

    if is_model:
        _rewrite(run, out, load_body(body))
        return
    checkpoint = load_checkpoint(run)
    layouts = configured_layouts(checkpoint.config)
    folder = run if run.is_dir() else run.parent
    target = out or folder / ("shared.onnx" if len(layouts) > 1 else f"{layouts[0].name}.onnx")
    names = [layout.name for layout in layouts]
    drawn = {"--pictures": [f"{name}.png" for name in names]}
    check_files(outputs_of(target, names), given, folders={"--pictures": pictures}, names=drawn)
    require_exported_files(target, names)
    model = load_body(body)
    clips = read_clips(tuple(verify), recorded or layouts[0].name) if verify else []
    held_out = load_known_clips(known, model, holdout=checkpoint.config.data.holdout) if known else []
    command = "\n".join(recorded_commands(folder))
    with progress_bar() as display:
        display.progress(0.0, "Exporting")
        result = export_run(
            checkpoint,
            model,
            target,
            truths=Truths(tuple(clips), tuple(held_out)),
            pictures=pictures,
            command=command,
            licence=licence or LICENCE,
            progress=display.progress,
        )
    print_layouts(result.report["layouts"])
    cards = ", ".join(card.name for card in result.cards)
    size_mb = result.report["bytes"] / 1e6
    typer.echo(escaped(f"{result.model} ({size_mb:.1f} MB), {result.report_path.name}, {cards}"))


def _refuse_options_of_runs(given: Mapping[str, object]) -> None:
    for option in (name for name, value in given.items() if value is not None):
        raise OptionError(f"{option} has no effect on an .onnx file, only on the folder of a run. Leave it out.")


def _rewrite(model: Path, out: Path | None, body: "BodyModel") -> None:
    """Write the weights of a model in the graph of this version."""
    from dancepose.export.rewriting import rewrite

    if out is None:
        raise InputError(f"{model} would be replaced by its new form. Give another name with --out.")
    differences = rewrite(model, out, body)
    listed = ", ".join(f"{value:.1e} {kind}" for kind, value in differences.items())
    typer.echo(escaped(f"{out}: largest difference {listed}"))


def outputs_of(out: Path | None, layouts: list[str]) -> dict[str, tuple[Path | None, tuple[str, ...]]]:
    """Return what an export writes: the model, its report and its model cards.

    Args:
        out: The .onnx file, or None.
        layouts: Names of the layouts, as far as they are known.
    """
    if out is None:
        return {}
    return {
        "--out": (out, (".onnx",)),
        "The report beside --out": (report_beside(out), (".json",)),
        **{f"The model card {card.name}": (card, (".md",)) for card in cards_beside(out, layouts)},
    }


def print_layouts(layouts: dict[str, dict[str, Any]]) -> None:
    """Print what was verified and measured.

    Args:
        layouts: Rows of the report by layout.
    """
    for name, row in layouts.items():
        worst = row["verification"]["max_abs_difference"]
        said = ", ".join(f"{provider} {value:.2g}" for provider, value in worst["from_torch_stored_weights"].items())
        typer.echo(f"{name}: largest difference from torch, with the stored weights: {said}")
        if "known" in row:
            found = row["known"]
            typer.echo(
                f"{name}: {found['rotation_deg']} degrees, vertices {found['pve_mm']} mm, keypoints "
                f"{found['mean_mm']} mm on {found['clips']} clips held out"
            )
        if "recorded" in row:
            typer.echo(f"{name}: keypoints {row['recorded']['mean_mm']} mm on {row['recorded']['clips']} recordings")


def recorded_commands(folder: Path) -> list[str]:
    """Return the commands that trained a run and, before it, the runs that it started from."""
    commands: list[str] = []
    seen: set[Path] = set()
    while (file := folder / "command.json").is_file() and file not in seen:
        seen.add(file)
        command = str(read_stored_table(file).get("command", ""))
        commands.insert(0, without_folders(command))
        words = shlex.split(command)
        folder = Path(words[words.index("--start") + 1]) if "--start" in words[:-1] else folder
    return commands


def without_folders(command: str) -> str:
    """Return a command with the names of its paths only, since a model card should not show a user's folders."""
    return shlex.join(Path(word).name if "/" in word else word for word in shlex.split(command))
