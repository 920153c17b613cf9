# SPDX-License-Identifier: Apache-2.0
"""What a film of the fast engine is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dancepose.raster.overlays import StickFigure
from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.picture_options import DEFAULT_FPS, DEFAULT_SIZE, PictureOptions
from dancepose_addon.core.skeleton.layout import Layout
from dancepose_addon.core.skeleton.sequence import AudioWindow


@dataclass(frozen=True)
class Dancer:
    """One motion of a film.

    Attributes:
        body: The body.
        motion: Its motion.
        label: Name in the picture; empty for none.
        points_m: (T, K, 3), metres, the skeleton that it was fitted to; None for the body's own joints.
        figure: How ``points_m`` are drawn; None for the body's own joints.
        partners: Further persons of the same recording, who are in the same picture.
    """

    body: BodyModel
    motion: BodyMotion
    label: str = ""
    points_m: F32 | None = None
    figure: StickFigure | None = None
    partners: tuple["Dancer", ...] = ()

    @property
    def people(self) -> tuple["Dancer", ...]:
        """All persons of the recording."""
        return (self, *self.partners)


def group_of(fits: Sequence[FitResult], *, label: str = "") -> Dancer:
    """Return the persons of a recording as one dancer with partners."""
    first, *others = fits
    return replace(dancer_of(first, label=label), partners=tuple(dancer_of(fit) for fit in others))


def dancer_of(fit: FitResult, *, label: str = "") -> Dancer:
    """Return a fit as a dancer of a film, with its skeleton."""
    points = fit.keypoints_m
    if not points.size:
        return Dancer(fit.body, fit.motion, label)
    layout = fit.sequence.layout
    rest = mean_attachment_m(layout)
    return Dancer(fit.body, fit.motion, label, points, StickFigure.from_mirrored(layout.edges, layout.mirrored, rest))


def mean_attachment_m(layout: Layout) -> F32:
    """Return the joint that each point of a layout is attached to on the default body, (K, 3) metres."""
    return load_body(None).rest_joints()[list(layout.joints)]


@dataclass(frozen=True)
class FilmRequest:
    """What a film is made from.

    Attributes:
        dancers: The motions, side by side from the left; partners are in the same picture.
        duration_s: Length of the film, seconds.
        size: (width, height) of each picture, pixels, even numbers.
        fps: Frames per second of the film.
        audio: Music, or None for a silent film.
        picture: What the picture shows besides the motion.
        skeleton: ``over`` draws the skeleton on the body, ``beside`` in a picture to its right, ``none`` omits it.
    """

    dancers: tuple[Dancer, ...]
    duration_s: float
    size: tuple[int, int] = DEFAULT_SIZE
    fps: float = DEFAULT_FPS
    audio: AudioWindow | None = None
    picture: PictureOptions = PictureOptions()
    skeleton: str = "none"

    @property
    def count(self) -> int:
        """Number of frames."""
        return max(1, round(self.duration_s * self.fps))

    @property
    def whole_size(self) -> tuple[int, int]:
        """(width, height) of the film, pixels."""
        columns = len(self.dancers) * (2 if self.skeleton == "beside" else 1)
        return columns * self.size[0], self.size[1]
