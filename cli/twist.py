# SPDX-License-Identifier: Apache-2.0
"""``dancepose twist``: learn a convention of twist from SMPL motion."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.printable_text import escaped

from .arguments import number
from .display import list_results
from .output_checks import TABLE, check_files

APART_M = 0.003
"""Poses closer than this count as one."""


def twist_command(
    folder: Annotated[Path, typer.Argument(help="Folder of AMASS .npz or AIST++ .pkl files, at any depth.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Write the model here, .json.")],
    fps: Annotated[
        float,
        typer.Option(
            metavar="F", parser=number("--fps", float, 0.01, 1000.0), help="Take F poses per second of motion."
        ),
    ] = 30.0,
) -> None:
    """Learn how bones are turned about themselves in a collection, for `--style FILE`."""
    from dancepose.trainer.mocap.poses import load_poses
    from dancepose.trainer.mocap.twist_of_poses import FEWEST_POSES, twist_of_poses

    check_files({"--out": (out, TABLE)}, (folder,))
    rest = load_body().rest_joints()
    poses = load_poses(folder, mirror=False, fps=fps, apart_m=APART_M, rest_joints_m=rest)
    own = np.array(poses.smpl, bool)[poses.clip]
    if own.sum() < FEWEST_POSES:
        raise InputError(
            f"{folder} holds {int(own.sum())} SMPL poses; at least {FEWEST_POSES} are needed. Give more AMASS or "
            "AIST++ motion, or raise --fps."
        )
    model = twist_of_poses(poses.pose_rotmat, own, sum(poses.smpl), rest)
    with replacing(out) as temporary:
        temporary.write_text(json.dumps(model.to_json()) + "\n", encoding="utf-8")
    print(escaped(f"Learned from {model.source}."))
    list_results({"twist model": out})
