# SPDX-License-Identifier: Apache-2.0
"""Films by the fast engine: from a fit to a video in this process, without Blender."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancepose.raster.body_surface import MaterialPart, material_parts
from dancepose.raster.film_poses import motion_at, posed_vertices
from dancepose.raster.gl_context import open_context
from dancepose.raster.overlays import LabelStamp, StickFigure, draw_skeleton
from dancepose.raster.picture_files import write_picture_sheet
from dancepose.raster.rasteriser import Rasteriser
from dancepose.study.media.ffmpeg import ONLY_AUDIO_FILES, SOUND_RATE_HZ, Ffmpeg
from dancepose.study.media.film_pipe import open_film
from dancepose.study.media.films import FilmFormat
from dancepose.study.plan.ffmpeg_program import find_ffmpeg
from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.looks import as_person
from dancepose_addon.core.body.model import MIRRORED_JOINTS, PARENTS, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import film_dance
from dancepose_addon.core.errors import DancePoseError, EngineError
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.picture_options import DEFAULT_FPS, DEFAULT_SIZE, PictureOptions
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.layout import Layout
from dancepose_addon.core.skeleton.sequence import AudioWindow

CRF = 18
SHEET_FRAMES = 12


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


@dataclass(frozen=True)
class FilmReport:
    """How a film was made.

    Attributes:
        renderer: Name of the OpenGL renderer.
        frames: Number of frames.
        has_music: Whether the film has music.
        notices: Sentences for the user.
        seconds: Time that drawing and encoding took.
    """

    renderer: str
    frames: int
    has_music: bool
    notices: tuple[str, ...]
    seconds: float

    def as_table(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "engine": "fast",
            "device": self.renderer,
            "frames": self.frames,
            "music": self.has_music,
            "notices": list(self.notices),
            "seconds": {"frames": round(self.seconds, 3)},
        }


def starts_here() -> bool:
    """Whether the fast engine can draw on this machine."""
    try:
        open_context().release()
    except EngineError:
        return False
    return True


def render_fast(
    request: FilmRequest, out: Path, *, sheet: Path | None = None, progress: Progress = silent
) -> FilmReport:
    """Render a film.

    Args:
        request: What to render.
        out: Film to write: .mp4 or .gif.
        sheet: Contact sheet to write, .png; None for none.
        progress: Called with the fraction done and the current step.

    Returns:
        How it was made.

    Raises:
        EngineError: OpenGL, moderngl or ffmpeg is missing.
        InputError: An option does not apply to the body.
        OutputError: A file cannot be written.
    """
    clock = time.perf_counter()
    program = find_ffmpeg()
    film = FilmFormat(request.count, request.fps, CRF)
    drawn = FilmFrames(request)
    chosen = set(np.linspace(0, request.count - 1, min(SHEET_FRAMES, request.count)).round().astype(int).tolist())
    kept: list[NDArray[np.uint8]] = []
    with _music(request, Ffmpeg(program)) as (sound, notices):
        with open_film(program, out, size=request.whole_size, film=film, sound=sound) as pipe:
            for index, pixels in enumerate(drawn):
                progress(index / request.count, f"Frame {index + 1} of {request.count}")
                pipe.write(pixels)
                if sheet is not None and index in chosen:
                    kept.append(pixels)
        has_music = sound is not None
    if sheet is not None:
        write_picture_sheet(sheet, kept)
    progress(1.0, f"Wrote {out}")
    return FilmReport(drawn.renderer, request.count, has_music, notices, time.perf_counter() - clock)


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


class FilmFrames:
    """The frames of a film, one after the other.

    All dancers are filmed by one camera, so that they can be compared.

    Args:
        request: What to render.
    """

    def __init__(self, request: FilmRequest) -> None:
        self._request = request
        picture, (width, height) = request.picture, request.size
        self._groups = [people_of(one, picture) for one in request.dancers]
        self._camera = film_dance(
            [(one.body, one.motion) for dancer in request.dancers for one in dancer.people],
            aspect=width / height,
            fps=request.fps,
            frames=request.count,
            choice=picture.camera,
        )
        # Dancers of one body share what draws it.
        shared: dict[int, Rasteriser] = {}
        context = open_context()
        for one, group in zip(request.dancers, self._groups, strict=True):
            if id(one.body) not in shared:
                shared[id(one.body)] = Rasteriser(
                    group.bodies[0], self._camera.shot, picture.stage(), size=request.size, context=context
                )
        self._rasters = [shared[id(one.body)] for one in request.dancers]
        self._labels = [LabelStamp(one.label, request.size) if one.label else None for one in request.dancers]
        self.renderer = self._rasters[0].renderer

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        times_s = np.arange(self._request.count) / self._request.fps
        poses = [group.poses(times_s) for group in self._groups]
        for index, frame in enumerate(zip(*poses, strict=True)):
            cells = [cell for number, people in enumerate(frame) for cell in self._cells(number, index, people)]
            yield cells[0] if len(cells) == 1 else np.concatenate(cells, axis=1)

    def _cells(self, number: int, index: int, people: tuple[F32, ...]) -> list[NDArray[np.uint8]]:
        """Return the pictures of the persons of one recording in one frame, from the left."""
        request, shot, raster = self._request, self._camera.shot, self._rasters[number]
        place = self._camera.position_m(index)
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


@contextmanager
def _music(request: FilmRequest, ffmpeg: Ffmpeg) -> Iterator[tuple[Path | None, tuple[str, ...]]]:
    """Cut the music of a film to a temporary file; yield None and a sentence where it cannot be read."""
    audio = request.audio
    if audio is None:
        yield None, ()
        return
    with TemporaryDirectory() as folder:
        wav = Path(folder) / "music.wav"
        length_s = min(audio.duration_s, request.count / request.fps)
        length = ["-t", f"{length_s:.6f}"]  # of what is read and of what is written: a packet may last an hour
        part = ["-ss", f"{audio.start_s:.6f}", *length]
        try:
            source = [*ONLY_AUDIO_FILES, *part, "-i", str(Path(audio.path).absolute()), "-map", "0:a:0"]
            ffmpeg.run([*source, *length, "-ac", "2", "-ar", str(SOUND_RATE_HZ), str(wav)])
        except DancePoseError as error:
            yield None, (f"The film has no music: {audio.path} cannot be read ({error}).",)
            return
        yield wav, ()
