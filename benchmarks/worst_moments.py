# SPDX-License-Identifier: Apache-2.0
"""The worst moments of fitted motions by each criterion, before and after a change, in one picture of avatars.

    python -m benchmarks.worst_moments --before FOLDER --after FOLDER [--out docs/images/worst-moments.webp]

A folder holds motions (NAME.npz) and their errors (NAME.error.npz), as ``benchmarks.music_dance --motions`` keeps them.
For each criterion there are three rows: the worst moments of the motions before, the same moments after, and the worst
moments after. Moments of one clip are at least a second apart. Bodies are the default body, turned to the viewer; they
are drawn without Blender.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.music_dance import arms_deg, head_yaw_deg, turns_deg
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat

OUT: Final = Path(__file__).parents[1] / "docs" / "images" / "worst-moments.webp"
MOMENTS: Final = 12
APART: Final = 25
CELL_PX: Final = (100, 130)
SHARPER: Final = 3
"""Pictures are drawn this many times larger."""
SEEN_M: Final = 2.3
FLOOR_M: Final = -0.1
"""Height of a picture, and height of its lower border."""
LIGHT: Final = np.array([0.3, 0.6, 0.74], np.float32)
GAMMA: Final = 0.42
BACKGROUND: Final = (232, 232, 228)
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


def drawn(motion: BodyMotion, body: BodyModel) -> list[Image.Image]:
    """Draw every frame of a motion from the front: the avatar's skin, lit from above, by painter's algorithm."""
    pictures: list[Image.Image] = []
    size = (SHARPER * CELL_PX[0], SHARPER * CELL_PX[1])
    colour = _face_colours(body)

    def draw(_first: int, vertices_m: F32) -> None:
        for vertices in vertices_m:
            corners = vertices[body.faces[:, :3]]
            normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
            near = np.flatnonzero(normal[:, 2] > 0.0)
            near = near[np.argsort(corners[near, :, 2].mean(axis=1))]
            light = 0.35 + 0.65 * np.clip(normal[near] @ LIGHT, 0.0, 1.0)
            shade = np.clip(255.0 * (colour[near] * light[:, None]) ** GAMMA, 0.0, 255.0).astype(np.uint8)
            scale = size[1] / SEEN_M
            places = np.stack(
                [size[0] / 2 + scale * corners[near, :, 0], size[1] - scale * (corners[near, :, 1] - FLOOR_M)], axis=-1
            )
            picture = Image.new("RGB", size, BACKGROUND)
            brush = ImageDraw.Draw(picture)
            for polygon, fill in zip(places.reshape(len(near), -1).tolist(), shade.tolist(), strict=True):
                brush.polygon(polygon, fill=tuple(fill))
            pictures.append(picture.resize(CELL_PX, Image.Resampling.LANCZOS))

    skin(
        body, motion.pose_rotmat, betas=motion.betas, translation_m=motion.translation_m, scale=motion.scale, each=draw
    )
    return pictures


def _face_colours(body: BodyModel) -> F32:
    """Return the linear colour of each face, (F, 3); grey where the body has no materials."""
    if body.surface is None:
        return np.full((len(body.faces), 3), 0.5, np.float32)
    return np.asarray(body.surface.rgba[body.surface.face_material, :3], np.float32)


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
    cells = drawn(gathered([pair for _, _, moments in rows for pair in moments], body), body)
    sheet_of(rows, cells).save(arguments.out, quality=80)


if __name__ == "__main__":
    main()
