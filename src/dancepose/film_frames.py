# SPDX-License-Identifier: Apache-2.0
"""Draws the frames of a film with the fast engine, without Blender."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import hashlib

import numpy as np
from numpy.typing import NDArray

from dancepose.raster.body_surface import MaterialPart, material_parts
from dancepose.raster.film_poses import BLOCK_FRAMES, motion_at, posed_frames, posed_vertices
from dancepose.raster.gl_context import open_context
from dancepose.raster.overlays import LabelStamp, StickFigure, draw_skeleton
from dancepose.raster.rasteriser import Rasteriser
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.looks import as_person
from dancepose_addon.core.body.model import MIRRORED_JOINTS, PARENTS, BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import CameraPath, film_dance
from dancepose_addon.core.picture_options import PictureOptions

from .film_request import Dancer, FilmRequest


@dataclass(frozen=True)
class PeopleInColour:
    """The persons of one recording, in distinct colours.

    Attributes:
        bodies: Body of each.
        motions: Motion of each.
        parts: Colours of each.
    """

    bodies: tuple[BodyModel, ...]
    motions: tuple[BodyMotion, ...]
    parts: tuple[tuple[MaterialPart, ...], ...]

    def poses(self, times_s: F64) -> Iterator[tuple[F32, ...]]:
        """Yield the vertices of everyone, (V, 3) metres each, at each time."""
        pairs = zip(self.bodies, self.motions, strict=True)
        return zip(*(posed_vertices(body, motion_at(motion, times_s)) for body, motion in pairs), strict=True)

    def frames(self, frames: range, fps: float) -> Iterator[tuple[F32, ...]]:
        """Yield the vertices of everyone, (V, 3) metres each, in each of these frames of a film."""
        pairs = zip(self.bodies, self.motions, strict=True)
        return zip(*(posed_frames(body, motion, frames, fps=fps) for body, motion in pairs), strict=True)


def people_of(dancer: Dancer, picture: PictureOptions) -> PeopleInColour:
    """Dress the persons of a recording.

    Args:
        dancer: The first person, with the partners.
        picture: Look and colours.

    Returns:
        The persons.

    Raises:
        InputError: A colour names a material that a body does not have.
    """
    bodies = tuple(as_person(picture.dress(one.body), person) for person, one in enumerate(dancer.people))
    parts = tuple(material_parts(body.shown) for body in bodies)
    return PeopleInColour(bodies, tuple(one.motion for one in dancer.people), parts)


def camera_of(request: FilmRequest) -> CameraPath:
    """Return the one camera that films all dancers, so that they can be compared."""
    width, height = request.size
    return film_dance(
        [(one.body, one.motion) for dancer in request.dancers for one in dancer.people],
        aspect=width / height,
        fps=request.fps,
        frames=request.count,
        choice=request.picture.camera,
    )


class FilmFrames:
    """Draws the frames of a film.

    Args:
        request: What to render.
        camera: Camera of the film; None for ``camera_of`` the request.
    """

    def __init__(self, request: FilmRequest, camera: CameraPath | None = None) -> None:
        self._request = request
        picture = request.picture
        self._groups = [people_of(one, picture) for one in request.dancers]
        self.camera = camera_of(request) if camera is None else camera
        # Dancers of one body share what draws it.
        shared: dict[int, Rasteriser] = {}
        context = open_context()
        for one, group in zip(request.dancers, self._groups, strict=True):
            if id(one.body) not in shared:
                shared[id(one.body)] = Rasteriser(
                    group.bodies[0], self.camera.shot, picture.stage(), size=request.size, context=context
                )
        self._rasters = [shared[id(one.body)] for one in request.dancers]
        self._labels = [LabelStamp(one.label, request.size) if one.label else None for one in request.dancers]
        self.renderer = self._rasters[0].renderer

    def fingerprint(self) -> str:
        """Return a hash of the first block's vertices, whose last bits depend on the number of BLAS's threads."""
        digest = hashlib.blake2b(self.renderer.encode(), digest_size=8)
        for raster, group in zip(self._rasters, self._groups, strict=True):
            for people in group.frames(range(BLOCK_FRAMES), self._request.fps):
                for vertices in people:
                    digest.update(raster.placed(vertices).data)
        return digest.hexdigest()

    def draw(self, frames: range) -> Iterator[NDArray[np.uint8]]:
        """Draw frames.

        Args:
            frames: Their numbers.

        Yields:
            The picture of each, (H, W, 4), the top row first.
        """
        poses = [group.frames(frames, self._request.fps) for group in self._groups]
        for index, frame in zip(frames, zip(*poses, strict=True), strict=True):
            cells = [cell for number, people in enumerate(frame) for cell in self._cells(number, index, people)]
            yield cells[0] if len(cells) == 1 else np.concatenate(cells, axis=1)

    def _cells(self, number: int, index: int, people: tuple[F32, ...]) -> list[NDArray[np.uint8]]:
        """Return the pictures of the persons of one recording in one frame, from the left."""
        request, shot, raster = self._request, self.camera.shot, self._rasters[number]
        place = self.camera.position_m(index)
        raster.set_camera(place, shot.rotmat)
        pixels = raster.draw(list(people), self._groups[number].parts)
        cells = [pixels]
        if request.skeleton != "none":
            drawn = raster.draw([]) if request.skeleton == "beside" else pixels
            for one in request.dancers[number].people:
                points, figure = self._skeleton(one, index)
                drawn = draw_skeleton(drawn, figure, points, shot, place)
            cells = [pixels, drawn] if request.skeleton == "beside" else [drawn]
        stamp = self._labels[number]
        return cells if stamp is None else [stamp.draw(cells[0]), *cells[1:]]

    def _skeleton(self, one: Dancer, index: int) -> tuple[F32, StickFigure]:
        frame = min(round(index / self._request.fps * one.motion.fps), len(one.motion) - 1)
        if one.points_m is not None and one.figure is not None:
            return one.points_m[frame], one.figure
        joints = replace(
            one.motion,
            pose_rotmat=one.motion.pose_rotmat[frame : frame + 1],
            translation_m=one.motion.translation_m[frame : frame + 1],
        ).joints(one.body)[0]
        edges = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)
        return joints, StickFigure.from_mirrored(edges, MIRRORED_JOINTS, one.body.rest_joints())
