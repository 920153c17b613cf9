# SPDX-License-Identifier: Apache-2.0
"""Stills of the default body and its figures for the documentation, by the fast engine.

    python -m benchmarks.figure_stills [--out docs/images]

Writes figures.webp (the body's own surface, then the neutral, female and male figure), figure-faces.webp (the same
faces) and figure-arms.webp (twisted and bent arms of the body's own surface, above, and of the neutral figure).
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from dancepose.raster.film_poses import posed_vertices
from dancepose.raster.gl_context import open_context
from dancepose.raster.rasteriser import Rasteriser
from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.figure_file import FIGURES
from dancepose_addon.core.body.looks import dressed
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import frame_points
from dancepose_addon.core.stage_design import StageSettings

Turns = dict[str, tuple[float, float, float]]
Pixels = NDArray[np.uint8]

AT_EASE: Turns = {
    "left_shoulder": (0, 0, -64), "right_shoulder": (0, 0, 64), "left_collar": (0, 0, -9), "right_collar": (0, 0, 9),
    "left_elbow": (0, -18, 0), "right_elbow": (0, 18, 0),
}  # fmt: skip
DANCING: Turns = {
    "left_shoulder": (0, -30, -20), "right_shoulder": (0, 50, 40), "left_elbow": (0, -70, 0), "right_elbow": (0, 95, 0),
    "left_hip": (-60, 15, 10), "left_knee": (80, 0, 0), "right_hip": (5, 0, -12), "spine1": (5, 10, 0),
    "spine2": (5, 10, 4), "neck": (-5, -10, 0), "head": (0, -10, 5), "left_wrist": (20, 10, -20),
}  # fmt: skip
ARMS: tuple[Turns, ...] = (
    {},
    {"left_wrist": (90, 0, 0)},
    {"left_elbow": (90, 0, 0)},
    {"left_elbow": (0, -90, 0)},
    {"left_elbow": (0, -140, 0)},
    {"left_shoulder": (90, 0, 0)},
)


def posed(body: BodyModel, turns: Turns) -> F32:
    """Return the vertices of a pose on the floor, (V, 3) metres; turns: degrees about x, then y, then z."""
    pose = np.tile(np.eye(3, dtype=np.float32), (1, 24, 1, 1))
    for name, angles in turns.items():
        pose[0, JOINT_INDEX[name]] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    motion = BodyMotion(pose, np.zeros((1, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0)
    vertices = next(iter(posed_vertices(body, motion)))
    return vertices - np.array([0.0, vertices[:, 1].min(), 0.0], np.float32)


def still(
    body: BodyModel,
    turns: Turns,
    *,
    front: tuple[float, float, float],
    size: tuple[int, int],
    part: Callable[[F32], NDArray[np.bool_]] | None = None,
) -> Pixels:
    """Draw one pose. front: direction to the camera; part: which vertices the picture holds."""
    vertices = posed(body, turns)
    held = vertices if part is None else vertices[part(vertices)]
    unit = np.array(front) / np.linalg.norm(front)
    shot = frame_points(held, front=unit, aspect=size[0] / size[1], margin=0.03)
    drawn = Rasteriser(body, shot, StageSettings(), size=size, context=open_context()).draw([vertices])
    return np.ascontiguousarray(drawn[..., :3])


def head(vertices_m: F32) -> NDArray[np.bool_]:
    """Return which vertices are near the top, (V,)."""
    return np.asarray(vertices_m[:, 1] > vertices_m[:, 1].max() - 0.27)


def left_arm(vertices_m: F32) -> NDArray[np.bool_]:
    """Return which vertices are of the left arm, (V,)."""
    return np.asarray((vertices_m[:, 0] > 0.10) & (vertices_m[:, 1] > 1.1))


def row(pictures: list[Pixels]) -> Pixels:
    """Return pictures side by side."""
    return np.concatenate(pictures, axis=1)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the stills.

    Args:
        argv: Command line without the program's name; None for ``sys.argv``.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figure_stills", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder to write to")
    out = parser.parse_args(argv).out
    own = load_body(None)
    bodies = [own, *(dressed(own, "casual", figure=name) for name in FIGURES)]
    size, square, oblique = (300, 520), (300, 300), (0.6, 0.0, 0.8)
    standing = [still(body, AT_EASE, front=(0.0, 0.0, 1.0), size=size) for body in bodies]
    dancing = [still(body, DANCING, front=oblique, size=size) for body in bodies]
    faces = [still(body, AT_EASE, front=oblique, size=square, part=head) for body in bodies]
    arms = [
        row([still(body, turns, front=(0.0, 0.0, 1.0), size=(300, 220), part=left_arm) for turns in ARMS])
        for body in bodies[:2]
    ]
    for name, picture in (
        ("figures", np.concatenate([row(standing), row(dancing)])),
        ("figure-faces", row(faces)),
        ("figure-arms", np.concatenate(arms)),
    ):
        Image.fromarray(picture).save(out / f"{name}.webp", quality=82, method=6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
