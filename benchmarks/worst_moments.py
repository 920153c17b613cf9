# SPDX-License-Identifier: Apache-2.0
"""The worst moments of fitted motions by each criterion, before and after a change, in one picture of avatars.

    python -m benchmarks.worst_moments --before FOLDER --after FOLDER [--out docs/images/worst-moments.webp]

A folder holds motions (NAME.npz) and their errors (NAME.error.npz), as ``benchmarks.music_dance --motions`` keeps them.
For each criterion there are three rows: the worst moments of the motions before, the same moments after, and the worst
moments after. Moments of one clip are at least a second apart. Bodies are the default body, turned to the camera.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
import os
from pathlib import Path
import subprocess
import sys
import tempfile
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.music_dance import arms_deg, head_yaw_deg, turns_deg
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat

OUT: Final = Path(__file__).parents[1] / "docs" / "images" / "worst-moments.webp"
MOMENTS: Final = 12
APART: Final = 25
FRAME_PX: Final = (200, 260)
CELL_PX: Final = (100, 130)
TITLE_PX: Final = 16
ROWS: Final = ("before, worst", "the same, after", "after, worst")


@dataclass(frozen=True)
class Clip:
    """A fitted clip.

    Attributes:
        name: Of the clip.
        motion: The motion.
        error_mm: Mean distance of the points from the body, by frame, (T,), millimetres.
    """

    name: str
    motion: BodyMotion
    error_mm: F64


@dataclass(frozen=True)
class Moment:
    """A frame of a clip and its value of a criterion."""

    name: str
    frame: int
    value: float


Criterion = Callable[[Clip, BodyModel], F64]
CRITERIA: Final[dict[str, tuple[str, Criterion]]] = {
    "elbow twist": ("deg", lambda clip, body: np.abs(arms_deg(clip.motion.pose_rotmat, body)[0]).max(axis=1)),
    "wrist twist": ("deg", lambda clip, body: np.abs(arms_deg(clip.motion.pose_rotmat, body)[1]).max(axis=1)),
    "wrist bend": ("deg", lambda clip, body: arms_deg(clip.motion.pose_rotmat, body)[2].max(axis=1)),
    "head away from chest": ("deg", lambda clip, _body: head_yaw_deg(clip.motion.pose_rotmat)),
    "turn since last frame": (
        "deg",
        lambda clip, _body: np.append(0.0, turns_deg(clip.motion.pose_rotmat).max(axis=1)),
    ),
    "residual": ("mm", lambda clip, _body: clip.error_mm),
}


def load_clips(folder: Path) -> dict[str, Clip]:
    """Read the motions of a folder, by name."""
    clips = {}
    for path in sorted(folder.glob("*.error.npz")):
        name = path.name.removesuffix(".error.npz")
        with np.load(path, allow_pickle=False) as arrays:
            error_mm = 1000.0 * np.nanmean(arrays["error_m"], axis=1)
        clips[name] = Clip(name, BodyMotion.load(folder / f"{name}.npz"), error_mm.astype(np.float64))
    return clips


def worst(clips: dict[str, Clip], criterion: Criterion, body: BodyModel) -> list[Moment]:
    """Return the MOMENTS moments with the largest values, at least APART frames from each other."""
    values = {name: criterion(clip, body) for name, clip in clips.items()}
    found: list[Moment] = []
    while len(found) < MOMENTS:
        name = max(values, key=lambda name: values[name].max())
        frame = int(values[name].argmax())
        found.append(Moment(name, frame, float(values[name][frame])))
        values[name] = values[name].copy()
        values[name][max(0, frame - APART) : frame + APART + 1] = -np.inf
    return found


def moments_of(
    before: dict[str, Clip], after: dict[str, Clip], body: BodyModel
) -> list[tuple[str, str, list[tuple[Clip, Moment]]]]:
    """Return title, unit and moments of each row."""
    rows = []
    for name, (unit, criterion) in CRITERIA.items():
        old, new = worst(before, criterion, body), worst(after, criterion, body)
        values = {clip: criterion(after[clip], body) for clip in {moment.name for moment in old}}
        same = [Moment(moment.name, moment.frame, float(values[moment.name][moment.frame])) for moment in old]
        for title, clips, moments in zip(ROWS, (before, after, after), (old, same, new), strict=True):
            rows.append((f"{name}: {title}", unit, [(clips[moment.name], moment) for moment in moments]))
    return rows


def gathered(moments: list[tuple[Clip, Moment]], body: BodyModel) -> BodyMotion:
    """Return a motion whose frames are the moments, each turned to the camera at the same place."""
    pose, place = [], []
    for clip, moment in moments:
        local = clip.motion.pose_rotmat[moment.frame].copy()
        forward = (local[0] @ local[3] @ local[6] @ local[9])[:, 2]
        yaw = np.array([0.0, -np.arctan2(forward[0], forward[2]), 0.0], np.float32)
        local[0] = rotvec_to_rotmat(yaw) @ local[0]
        pose.append(local)
        place.append([0.0, float(clip.motion.translation_m[moment.frame, 1]), 0.0])
    betas: F32 = np.zeros(body.beta_count, np.float32)
    return BodyMotion(np.stack(pose), np.array(place, np.float32), betas, 1.0, 25.0, {})


def rendered(motion: BodyMotion, body: BodyModel, folder: Path) -> list[Image.Image]:
    """Render every frame of a motion with the avatar."""
    motion.save(folder / "moments.npz", body)
    command = [sys.executable, "-c", "from dancepose.cli.main import main; main()", "render"]
    options = [f"--out={folder / 'moments.mp4'}", f"--size={FRAME_PX[0]}x{FRAME_PX[1]}", "--engine=workbench"]
    options += [f"--work={folder / 'work'}", "--keep-frames", "--no-audio"]
    subprocess.run([*command, str(folder / "moments.npz"), *options], check=True, env=os.environ)
    frames = sorted((folder / "work").rglob("*.png"))
    if len(frames) != len(motion):
        raise RuntimeError(f"{len(frames)} frames were rendered of {len(motion)}")
    return [Image.open(path).convert("RGB").resize(CELL_PX, Image.Resampling.LANCZOS) for path in frames]


def sheet_of(rows: list[tuple[str, str, list[tuple[Clip, Moment]]]], cells: list[Image.Image]) -> Image.Image:
    """Lay the cells out in rows with titles and values."""
    height = CELL_PX[1] + TITLE_PX
    sheet = Image.new("RGB", (MOMENTS * CELL_PX[0], len(rows) * height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for index, (title, unit, moments) in enumerate(rows):
        top = index * height
        draw.text((4, top + 1), title, fill="black", font=font)
        for column, (clip, moment) in enumerate(moments):
            left = column * CELL_PX[0]
            sheet.paste(cells[index * MOMENTS + column], (left, top + TITLE_PX))
            name = f"{clip.name.removeprefix('DANCE_')} {moment.frame}"
            draw.text((left + 3, top + TITLE_PX + 2), name, fill="black", font=font)
            value = f"{moment.value:.0f} {unit}"
            draw.text((left + 3, top + height - 14), value, fill="black", font=font)
    return sheet


def main() -> None:
    """Choose the moments, render them and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="folder of the motions before")
    parser.add_argument("--after", type=Path, required=True, help="folder of the motions after")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    body, before, after = load_body(), load_clips(arguments.before), load_clips(arguments.after)
    rows = moments_of(before, {name: after[name] for name in before}, body)
    for title, unit, moments in rows:
        print(title, ", ".join(f"{m.name} {m.frame}: {m.value:.0f} {unit}" for _, m in moments))
    with tempfile.TemporaryDirectory() as folder:
        cells = rendered(gathered([pair for _, _, moments in rows for pair in moments], body), body, Path(folder))
        sheet_of(rows, cells).save(arguments.out, quality=80)


if __name__ == "__main__":
    main()
