# SPDX-License-Identifier: Apache-2.0
"""The study worker of the fast engine: fits and frames without Blender (``python -m dancepose.fast_worker``)."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
import hashlib
import json
import os
from pathlib import Path
import sys
from typing import TextIO

import numpy as np

from dancepose.raster.body_surface import material_parts
from dancepose.raster.film_poses import posed_frames
from dancepose.raster.frame_keys import frame_key
from dancepose.raster.gl_context import is_software, open_context, renderer_name
from dancepose.raster.picture_files import write_png
from dancepose.raster.rasteriser import Rasteriser
from dancepose_addon.clip_fitting import fit_clip
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.looks import as_person, dressed
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.people_file import load_people
from dancepose_addon.core.camera_framing import path_from_table
from dancepose_addon.core.errors import EngineError, InputError
from dancepose_addon.core.messages import DoneReply, FitRequest, ProbeRequest, RenderRequest, Request
from dancepose_addon.core.picture_options import parse_colours
from dancepose_addon.core.png import frame_stamp, stamp_of
from dancepose_addon.core.request_server import RequestServer, note_frame_key
from dancepose_addon.core.stage_design import StageSettings
from dancepose_addon.core.stored_tables import read_stored_table


def main(argv: Sequence[str]) -> int:
    """Serve requests until stdin ends.

    Args:
        argv: Arguments as ``--help`` lists them.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="dancepose.fast_worker")
    parser.add_argument("--log", type=Path, required=True, help="Write tracebacks here.")
    parser.add_argument("--threads", type=int, default=0, help="Limit rendering to this many threads; 0: no limit.")
    arguments = parser.parse_args(list(argv))
    if arguments.threads:
        os.environ["LP_NUM_THREADS"] = str(arguments.threads)
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    with arguments.log.open("a", encoding="utf-8") as log:
        # The stream of replies holds nothing else.
        stream, sys.stdout, sys.stderr = sys.stdout, log, log
        FastServer(stream).run()


class FastServer(RequestServer):
    """Serves requests, and keeps what draws the last clip because a clip's chunks mostly follow each other."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._clip: RenderRequest | None = None
        self._film: ClipFilm | None = None

    def done(self, request: Request) -> DoneReply:
        """Do what a request asks for."""
        if isinstance(request, ProbeRequest):
            return probe_fast_engine(request)
        if isinstance(request, FitRequest):
            return fit_clip(request)
        return self._render(request)

    def forget(self) -> None:
        """Discard what draws the last clip."""
        self._clip = self._film = None

    def _render(self, request: RenderRequest) -> DoneReply:
        clip = replace(request, id=0, first=0, count=0)
        if clip != self._clip or self._film is None:
            self.forget()
            self._film = ClipFilm(request)
            self._clip = clip
        film, parent = self._film, os.getppid()
        rendered = film.write_frames(
            request.folder,
            range(request.first, request.first + request.count),
            on_frame=lambda done: self.report_frames(request, parent, done),
        )
        note_frame_key(request.folder, film.key)
        return DoneReply(id=request.id, seconds=0.0, digest=film.key, rendered=rendered)


def probe_fast_engine(request: ProbeRequest) -> DoneReply:
    """Open a context and write the engine's description.

    Raises:
        EngineError: There is no OpenGL, or no GPU and one is required.
    """
    renderer = renderer_name(open_context())
    if request.device == "gpu" and is_software(renderer):
        raise EngineError(f'The study has device = "gpu", and OpenGL here draws on the CPU ({renderer}).')
    table = {"name": "fast", "device": renderer, "denoiser": False, "samples": 1}
    with replacing(request.out) as temporary:
        temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    digest = hashlib.blake2b(json.dumps(table).encode(), digest_size=8).hexdigest()
    return DoneReply(id=request.id, seconds=0.0, digest=digest)


class ClipFilm:
    """What draws the frames of one clip of a study.

    Args:
        request: The clip; its first frame and count do not matter.

    Raises:
        EngineError: OpenGL here is another one than the study was planned with.
        InputError: A colour does not apply to the body.
    """

    def __init__(self, request: RenderRequest) -> None:
        self._request = request
        if request.character is not None:
            raise InputError(
                'The fast engine draws the body, not a [stage] character. Choose engine = "workbench" or "cycles" in '
                "[picture]."
            )
        motions = load_people(request.motion)
        move_m = np.array(request.move_m, np.float32)
        self._motions = [replace(one, translation_m=one.translation_m + move_m) for one in motions]
        self._body = dressed(
            load_body(request.body), request.look, parse_colours(request.colours), figure=request.figure
        )
        self._path = path_from_table(read_stored_table(request.shot))
        stage = StageSettings(request.backdrop_rgb, request.light, request.transparent, floor=request.floor)
        self._size = (request.width, request.height)
        self._raster = Rasteriser(self._body, self._path.shot, stage, size=self._size)
        people = [as_person(self._body, person) for person in range(len(self._motions))]
        self._parts = [material_parts(body.shown) for body in people]
        if self._raster.renderer != request.engine.device:
            raise EngineError(
                f"OpenGL here is {self._raster.renderer}, and the study was begun with {request.engine.device}. Run it "
                "on machines of one kind, or begin it again in another folder."
            )
        keys = [
            frame_key(motion, body, self._path, stage, self._raster.renderer, size=self._size)
            for motion, body in zip(self._motions, people, strict=True)
        ]
        rest = json.dumps([keys, request.fps, request.start_s])
        self.key = hashlib.blake2b(rest.encode(), digest_size=8).hexdigest()

    def write_frames(self, folder: Path, frames: range, *, on_frame: Callable[[int], None]) -> int:
        """Draw the frames that are missing from a folder.

        Args:
            folder: Folder of the frames.
            frames: Which of them.
            on_frame: Called with the number of frames that are done, before each frame.

        Returns:
            The number of frames that were drawn.

        Raises:
            OutputError: A frame cannot be written.
        """
        width, height = self._size
        names = {index: folder / f"{index:06d}.png" for index in frames}
        todo = [
            i for i, path in names.items() if stamp_of(path, width=width, height=height) != frame_stamp(self.key, i)
        ]
        request = self._request
        channels = 4 if request.transparent else 3
        first = round(request.start_s * request.fps)
        if not todo:
            return 0
        film = {"fps": request.fps, "start_s": request.start_s}
        poses = [posed_frames(self._body, motion, todo, **film) for motion in self._motions]
        for number, (index, *people) in enumerate(zip(todo, *poses, strict=True)):
            on_frame(len(frames) - len(todo) + number)
            self._raster.set_camera(self._path.position_m(first + index), self._path.shot.rotmat)
            pixels = self._raster.draw(people, self._parts)[..., :channels]
            write_png(names[index], pixels, name=frame_stamp(self.key, index))
        return len(todo)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
