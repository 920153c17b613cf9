"""Arguments that several verbs share, so that they read and fail alike."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

FRAMES_HELP = "Frames A up to but not including B, as A:B, A: or :B."


def parse_frames(text: str | None) -> tuple[int, int | None] | None:
    """``A:B`` as (A, B); a missing A is 0, a missing B is None (to the end).

    Raises:
        typer.BadParameter: it is not of that form, which is a mistake of usage (exit code 2).
    """
    if text is None:
        return None
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(last) if last else None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a range of frames; write A:B, A: or :B.") from None


SourceArgument: TypeAlias = Annotated[Path, typer.Argument(metavar="SOURCE", help="Skeleton file, or an M&D folder.")]
FramesOption: TypeAlias = Annotated[str | None, typer.Option("--frames", metavar="A:B", help=FRAMES_HELP)]
SourcesArgument: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="SOURCE...", help="Motion files, folders of them, or patterns.")
]
LayoutOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--layout", help="Skeleton layout, by name or as a .toml, where the file leaves it open."),
]
ReadOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--read",
        metavar="KEY=VALUE,...",
        help="What the file leaves open: unit=cm (m, mm, inch, ft, or metres), up=z (x, -y, ...), mirror=none (axes, "
        "names), values=positions (rotations), take=N.",
    ),
]
FpsOption: TypeAlias = Annotated[
    float | None, typer.Option("--fps", min=0.001, help="Frames per second, instead of what the file says.")
]
RegressorOption: TypeAlias = Annotated[
    Path | None, typer.Option("--regressor", help="ONNX regressor, instead of the one shipped.")
]
BodyOption: TypeAlias = Annotated[
    Path | None, typer.Option("--body", help="SMPL-format body (.npz or .pkl), instead of the one shipped.")
]
DeviceOption: TypeAlias = Annotated[
    str | None, typer.Option("--device", metavar="auto|cuda|cpu|numpy", help="What the regressor runs on.")
]
BetasOption: TypeAlias = Annotated[
    str | None, typer.Option("--betas", metavar="B,B,...", help="The body's shape, instead of solving for it.")
]
AdaptOption: TypeAlias = Annotated[
    bool, typer.Option("--adapt", help="Let the layout's points shift on this body by up to 4 cm.")
]
SmoothOption: TypeAlias = Annotated[
    float, typer.Option("--smooth", min=0.0, metavar="S", help="0: none; 1: take out the points' own noise.")
]
LevelOption: TypeAlias = Annotated[
    bool, typer.Option("--level/--no-level", help="Take out a drift of the recording's floor, where there is one.")
]
FootLockOption: TypeAlias = Annotated[
    bool, typer.Option("--foot-lock", help="Keep standing feet still and on the floor.")
]
RefineOption: TypeAlias = Annotated[
    int,
    typer.Option("--refine", min=0, metavar="N", help="Steps that draw the pose onto the points; 0: regressor alone."),
]
