# SPDX-License-Identifier: Apache-2.0
"""What `dancepose train` on a user's own AMASS folder is worth: fits of clips of the same source, not trained on.

    python -m benchmarks.user_training [--data FOLDER] [--group omomo] [--steps N] [--out FILE.md]

Every second clip of a group of FOLDER/smpl is written as AMASS .npz files, as a user has them; `dancepose train
--poses` learns from them and `dancepose export` writes the regressor. The other clips are fitted with the shipped
regressor in the style ``mosh`` and with the new one, whose twist model is that of its data. Nothing that is learned
here ships.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
from collections.abc import Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.fit_cases import by_fit, measure
from benchmarks.fit_scores import COLUMNS
from benchmarks.real_clips import DATA, RealClip, load_real_clips
from dancepose_addon.core.axes import turn_root
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.skeleton.layouts import COCO17, SMPL24
from dancepose_addon.inference import open_regressor

POSE_VALUES = 156
"""Values of a pose of SMPL+H, which AMASS has: 52 joints."""


def write_amass(clips: Sequence[RealClip], folder: Path) -> None:
    """Write clips as AMASS .npz files, z up."""
    for clip in clips:
        pose = clip.motion.pose_rotmat.copy()
        pose[:, 0] = turn_root(pose[:, 0], axes="z_up", inward=False)
        values = np.zeros((len(pose), POSE_VALUES), np.float32)
        values[:, :66] = rotmat_to_rotvec(pose[:, :22]).reshape(len(pose), 66)
        path = folder / f"{clip.name}_poses.npz"
        np.savez(path, poses=values, trans=clip.motion.translation_m, mocap_framerate=clip.motion.fps)


def run(*arguments: str) -> float:
    """Run a command of dancepose and return its seconds."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dancepose.cli.main", *arguments], check=True)
    return time.perf_counter() - begun


def _settings(style: str | None, _clip: RealClip) -> FitSettings:
    return FitSettings(level=False, style=style)


def main() -> None:
    """Train, export, fit and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--group", default="omomo", help="group of clips in the index")
    parser.add_argument("--steps", type=int, default=300, help="training steps")
    parser.add_argument("--most", type=int, default=16, help="fit at most so many clips")
    parser.add_argument("--out", type=Path, help="Markdown file to write")
    arguments = parser.parse_args()
    body = load_body()
    clips = [clip for clip in load_real_clips(arguments.data / "smpl", body) if clip.group == arguments.group]
    learning, others = clips[::2], clips[1::2][: arguments.most]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "amass").mkdir()
        write_amass(learning, folder / "amass")
        settings = (
            "--preset", "smoke", "--set", "data.procedural_share=0.0", "--set", "data.layout=smpl24+coco17",
            "--set", "loss.lambda_adv=0.0", "--set", f"optim.steps={arguments.steps}",
        )  # fmt: skip
        trained, exported = folder / "run", folder / "own.onnx"
        poses = ("--poses", str(folder / "amass"))
        seconds = run("train", *poses, "--out", str(trained), "--device", "cpu", *settings)
        run("export", str(trained), "--out", str(exported))
        for layout in (SMPL24, COCO17):
            for title, path, style in (
                ("shipped regressor, style mosh", None, "mosh"),
                ("trained on the folder", exported, None),
            ):
                regressor = open_regressor(path, layout=layout.name, device="cpu")
                found = measure(others, body, by_fit(layout, regressor, partial(_settings, style)))
                cells = " | ".join(f"{value:.2f}" for value in astuple(found.mean))
                rows.append(f"| {layout.name}, {title} | {cells} |")
    head = (
        f"# A user's own folder\n\nWritten by `python -m benchmarks.user_training`: {len(learning)} clips of "
        f"{arguments.group} as AMASS .npz files, `dancepose train --poses FOLDER --preset smoke --set "
        f"data.procedural_share=0.0 --set optim.steps={arguments.steps} --set data.layout=smpl24+coco17 "
        f"--set loss.lambda_adv=0.0` ({seconds:.0f} s on a busy processor), measured on {len(others)} other clips of "
        "the same source.\n\n"
    )
    table = ["|  | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (1 + len(COLUMNS)), *rows]
    text = head + "\n".join(table) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
