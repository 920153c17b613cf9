# SPDX-License-Identifier: Apache-2.0
"""``dancepose poses``: extract training poses from a folder of motion capture."""

from pathlib import Path
from typing import Annotated

import typer

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.counting import counted
from dancepose_addon.core.printable_text import escaped

from .arguments import BodyOption, number
from .display import list_results, progress_bar
from .output_checks import MOTION, SHARDS_INDEX, check_files

PoseRateOption = Annotated[
    float,
    typer.Option(parser=number("--fps", float, 0.01, 1000.0), metavar="F", help="Take F poses per second of motion."),
]
ApartOption = Annotated[
    float,
    typer.Option(
        metavar="MM",
        help="Drop poses within this distance of a kept one (mm, RMS over limbs).",
        parser=number("--apart", float, 0.0, 1e4),
    ),
]


def poses_command(
    folder: Annotated[Path, typer.Argument(help="Folder of CMU .bvh, AMASS .npz and AIST++ .pkl files, at any depth.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="PATH", help="Write the poses here: an .npz, or a folder with --shards."),
    ],
    shards: Annotated[
        bool,
        typer.Option("--shards", help="Write a folder of shards, for collections larger than memory."),
    ] = False,
    fps: PoseRateOption = 60.0,
    apart: ApartOption = 9.0,
    body: BodyOption = None,
) -> None:
    """Extract poses from motion capture for `dancepose train --poses`, and report what was left out."""
    from dancepose.trainer.mocap.poses import load_poses

    files, folders = ({}, {"--out": out}) if shards else ({"--out": (out, MOTION)}, {})
    check_files(files, (folder, body), folders=folders, names={"--out": [SHARDS_INDEX]})
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
        print("\n".join(map(escaped, notes)))
        pool = open_shards(out)
        print(
            f"{counted(len(pool), 'pose')} of {counted(len(pool.clip_names), 'clip')}; for mirror images train "
            "with augment.mirror=0.5."
        )
        list_results({"index": index})
        return
    dataset = load_poses(folder, fps=fps, apart_m=apart / 1000.0, rest_joints_m=load_body(body).rest_joints())
    dataset.save(out)
    for note in dataset.notes:
        print(escaped(note))
    count = len(dataset.clip_names)
    print(f"{len(dataset)} poses of {count} clip{'' if count == 1 else 's'}, mirror images included.")
    list_results({"poses": out})
