# SPDX-License-Identifier: Apache-2.0
"""Skeletons and labels on pictures, drawn with Pillow."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose.label_font import font_for
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.camera_framing import Shot, project

FINE: Final = 2
"""Skeletons are drawn this many times larger and then reduced, since Pillow's lines have hard edges."""
BONE_SHARE: Final = 0.0065
"""Width of a bone as a share of the picture's height."""
LEFT_RGB: Final = (46, 134, 222)
RIGHT_RGB: Final = (230, 81, 63)
MIDDLE_RGB: Final = (245, 245, 245)
RIM_RGB: Final = (20, 20, 22)
LABEL_SHARE: Final = 0.04
LABEL_BOX: Final = (32, 33, 36, 190)


@dataclass(frozen=True)
class StickFigure:
    """A skeleton as lines.

    Attributes:
        edges: Pairs of points.
        sides: For each point -1 for the right side, 1 for the left, 0 for the middle.
    """

    edges: tuple[tuple[int, int], ...]
    sides: tuple[int, ...]

    @classmethod
    def from_mirrored(cls, edges: tuple[tuple[int, int], ...], mirrored: tuple[int, ...], rest_m: F32) -> "StickFigure":
        """Find the sides of a layout's points.

        Args:
            edges: Pairs of points.
            mirrored: For each point the index of its mirror image.
            rest_m: (K, 3), metres, points of a pose whose left is +x.
        """
        across = [float(rest_m[point, 0] - rest_m[twin, 0]) for point, twin in enumerate(mirrored)]
        return cls(edges, tuple(int(np.sign(value)) for value in across))

    def side_of(self, edge: tuple[int, int]) -> int:
        """Return the side of a bone; one that joins both sides is in the middle."""
        first, second = (self.sides[point] for point in edge)
        return 0 if first * second < 0 else first or second


def draw_skeleton(
    pixels: NDArray[np.uint8], figure: StickFigure, points_m: F32, shot: Shot, position_m: F64
) -> NDArray[np.uint8]:
    """Return a picture with a skeleton drawn over it.

    Args:
        pixels: (H, W, 4), sRGB with straight alpha.
        figure: Lines of the skeleton.
        points_m: (K, 3) metres, SMPL's axes; NaN where a point was not seen.
        shot: Shot of the camera.
        position_m: (3,) metres, the camera's position in this frame.

    Returns:
        (H, W, 4).
    """
    from PIL import Image, ImageDraw

    height, width = pixels.shape[:2]
    moved = points_m.astype(np.float64) - (position_m - shot.position_m)
    seen = project(shot, moved)
    place = (0.5 + 0.5 * seen[:, :2] * [1.0, -1.0]) * [width * FINE, height * FINE]
    fine = Image.new("RGBA", (width * FINE, height * FINE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(fine)
    thick = max(2, round(BONE_SHARE * height * FINE))
    rim = max(2, thick // 3)
    known = np.isfinite(place).all(axis=1)
    bones = [edge for edge in figure.edges if known[edge[0]] and known[edge[1]]]
    for grown, is_rim in ((2 * rim, True), (0, False)):
        for first, second in bones:
            colour = RIM_RGB if is_rim else {1: LEFT_RGB, -1: RIGHT_RGB, 0: MIDDLE_RGB}[figure.side_of((first, second))]
            ends = [tuple(place[first]), tuple(place[second])]
            pen.line(ends, fill=(*colour, 255), width=thick + grown)
            for x, y in ends:
                radius = (thick + grown) / 2.0 + (0 if is_rim else thick * 0.25)
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*colour, 255))
    layer = fine.resize((width, height), Image.Resampling.BOX)
    picture = Image.fromarray(pixels)
    picture.alpha_composite(layer)
    return np.asarray(picture)


class LabelStamp:
    """A label in the upper left corner of pictures of one size.

    Args:
        text: The label.
        size: (width, height) of the pictures, pixels.
    """

    def __init__(self, text: str, size: tuple[int, int]) -> None:
        from PIL import Image, ImageDraw

        width, height = size
        font = font_for(text, max(11, round(height * LABEL_SHARE)))
        pad = max(3, round(height * 0.012))
        left, top, right, bottom = font.getbbox(text)
        box = (round(min(right - left + 2 * pad, width - pad)), round(bottom - top + 2 * pad))
        picture = Image.new("RGBA", box, (0, 0, 0, 0))
        pen = ImageDraw.Draw(picture)
        pen.rounded_rectangle((0, 0, box[0] - 1, box[1] - 1), radius=pad, fill=LABEL_BOX)
        pen.text((pad - left, pad - top), text, font=font, fill=(255, 255, 255, 255))
        self._picture, self._pad = picture, pad

    def draw(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture, (H, W, 4), with the label."""
        from PIL import Image

        picture = Image.fromarray(pixels)
        picture.alpha_composite(self._picture, (self._pad, self._pad))
        return np.asarray(picture)
