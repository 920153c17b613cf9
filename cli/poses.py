"""``dancepose poses``: read motion capture into the natural poses that training uses."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body

from .arguments import BodyOption
from .display import list_results, progress_bar
from .output_checks import MOTION, check_files


def poses_command(
    folder: Annotated[Path, typer.Argument(help="CMU .bvh and AMASS .npz files, in any tree of folders.")],
    out: Annotated[
        Path,
        typer.Option("--out", help="The poses to write: an .npz, or a folder of shards. `train --poses` reads it."),
    ],
    shards: Annotated[
        bool,
        typer.Option("--shards", help="Write a folder of shards, file by file: for collections larger than memory."),
    ] = False,
    fps: Annotated[float, typer.Option(help="Poses taken per second of motion.")] = 60.0,
    apart: Annotated[
        float, typer.Option(help="Poses whose limbs are nearer to each other than so many mm count as one.", min=0.0)
    ] = 9.0,
    body: BodyOption = None,
) -> None:
    """Read motion capture once, say what is in it and what was left out, and keep the poses."""
    from dancepose.trainer.mocap.poses import load_poses

    files, folders = ({}, {"--out": out}) if shards else ({"--out": (out, MOTION)}, {})
    check_files(files, (folder, body), folders=folders)
    if shards:
        from dancepose.trainer.device import require_torch

        require_torch()
        from dancepose.trainer.mocap.pose_pool import open_shards
        from dancepose.trainer.mocap.write_shards import write_shards

        with progress_bar() as display:
            index, notes = write_shards(
                folder,
                out,
                rest_joints_m=load_body(body).rest_joints(),
                fps=fps,
                apart_m=apart / 1000.0,
                progress=display.progress,
            )
        print("\n".join(notes))
        pool = open_shards(out)
        print(f"{len(pool)} poses of {len(pool.clip_names)} clips; for mirror images train with augment.mirror=0.5.")
        list_results({"index": index})
        return
    dataset = load_poses(folder, fps=fps, apart_m=apart / 1000.0, rest_joints_m=load_body(body).rest_joints())
    dataset.save(out)
    for note in dataset.notes:
        print(note)
    count = len(dataset.clip_names)
    print(f"{len(dataset)} poses of {count} clip{'' if count == 1 else 's'}, mirror images included.")
    list_results({"poses": out})
