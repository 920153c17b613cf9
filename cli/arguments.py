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
UnitOption: TypeAlias = Annotated[
    str | None, typer.Option("--unit", metavar="m|cm|mm|inch|ft|METRES", help="Of the file; or metres per unit.")
]
UpOption: TypeAlias = Annotated[
    str | None, typer.Option("--up", metavar="x|y|z|-x|-y|-z", help="The file's axis that points up.")
]
MirrorOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--mirror", metavar="none|axes|names", help="Mend a mirrored file by its axes or its names."),
]
ValuesOption: TypeAlias = Annotated[
    str | None, typer.Option("--values", metavar="positions|rotations", help="What the file's numbers are.")
]
TakeOption: TypeAlias = Annotated[
    int, typer.Option("--take", min=0, metavar="N", help="Which motion, where a file holds several.")
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
RefineOption: TypeAlias = Annotated[
    int,
    typer.Option("--refine", min=0, metavar="N", help="Steps that draw the pose onto the points; 0: regressor alone."),
]
