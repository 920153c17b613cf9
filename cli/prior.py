"""``dancepose prior``: a folder of motion capture to the natural poses that training learns from."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body

from .arguments import BodyOption
from .display import list_results


def prior(
    folder: Annotated[Path, typer.Argument(help="CMU .bvh and AMASS .npz files, in any tree of folders.")],
    out: Annotated[
        Path, typer.Option("--out", help="The poses to write, .npz: `train --prior` reads it like a folder.")
    ],
    fps: Annotated[float, typer.Option(help="Poses taken per second of motion.")] = 30.0,
    body: BodyOption = None,
) -> None:
    """Read motion capture once, say what is in it and what was left out, and keep the poses."""
    from trainer.prior import load_prior

    poses = load_prior(folder, fps=fps, rest_joints_m=load_body(body).rest_joints())
    poses.save(out)
    for note in poses.notes:
        print(note)
    count = len(poses.clip_names)
    print(f"{len(poses)} poses of {count} clip{'' if count == 1 else 's'}, mirror images included.")
    list_results({"prior": out})
