# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender process that serves many requests of a study, one after another.

It reads one request per line from stdin (``core.messages``), each with everything it needs, so that any machine may
serve it, and writes replies to stdout. The process ends when stdin does, and so with its parent.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
import hashlib
import json
import os
from pathlib import Path
from typing import TextIO

import bpy
import numpy as np

from .blender import console
from .blender.characters.add_character import CharacterChoice, add_character
from .blender.characters.measuring import measure_character
from .blender.narrowing import scene_of
from .blender.render import engine_probe, engines, rendering
from .blender.rig import dancer
from .blender.rig.clothes import dress
from .blender.stage import camera, stage
from .clip_fitting import fit_clip
from .core.atomic import replacing
from .core.body.looks import PERSON_RGB, dressed
from .core.body.model import BodyModel
from .core.body.model_io import load_body
from .core.body.motion import BodyMotion
from .core.body.people_file import load_people
from .core.camera_framing import path_from_table
from .core.engine_defaults import SAMPLES_TRANSPARENT
from .core.errors import EngineError, InputError
from .core.interruption import PARENT
from .core.messages import DoneReply, FitRequest, ProbeRequest, RenderRequest, Request
from .core.picture_options import parse_colours
from .core.request_server import RequestServer, note_frame_key
from .core.stage_design import StageSettings
from .core.stored_tables import read_stored_table


def main(argv: Sequence[str]) -> int:
    """Serve requests until stdin ends.

    Args:
        argv: Arguments as ``--help`` lists them.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="render.py study-worker")
    parser.add_argument("--log", type=Path, required=True, help="Write the output of Blender here.")
    parser.add_argument("--threads", type=int, default=0, help="Limit rendering to this many threads; 0: no limit.")
    arguments = parser.parse_args(list(argv))
    os.environ.pop(PARENT, None)  # From here on, the end of stdin says that the parent has ended.
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    with console.redirect_output(arguments.log) as stream:
        _Server(stream, arguments.threads).run()


class _Server(RequestServer):
    """Serves requests, and keeps the scene of the last clip because a clip's chunks mostly follow each other."""

    def __init__(self, stream: TextIO, threads: int) -> None:
        super().__init__(stream)
        self._threads = threads
        self._clip: RenderRequest | None = None
        self._key = ""

    def done(self, request: Request) -> DoneReply:
        """Do what a request asks for."""
        if isinstance(request, ProbeRequest):
            return probe_engine(request)
        if isinstance(request, FitRequest):
            return fit_clip(request)
        return self._render(request)

    def forget(self) -> None:
        """Discard the scene so that the next request builds it."""
        self._clip = None

    def _render(self, request: RenderRequest) -> DoneReply:
        clip = replace(request, id=0, first=0, count=0)
        if clip != self._clip:
            self._clip = None
            self._key = build_clip(request, self._threads)
            self._clip = clip
        parent = os.getppid()

        def progress(fraction: float, _message: str) -> None:
            self.report_frames(request, parent, round(fraction * request.count))

        rendered = rendering.render_frames(
            scene_of(bpy.context),
            folder=request.folder,
            start=request.first,
            count=request.count,
            key=self._key,
            progress=progress,
        )
        note_frame_key(request.folder, self._key)
        return DoneReply(id=request.id, seconds=0.0, digest=self._key, rendered=rendered)


def probe_engine(request: ProbeRequest) -> DoneReply:
    """Render a test frame and write the engine that rendered it.

    Raises:
        EngineError: The engine does not start, or there is no GPU and one is required.
    """
    found = engines.probe(request.engine, timeout_s=request.timeout_s, gpu=request.device != "cpu")
    if isinstance(found, str):
        title = engines.TITLES[request.engine]
        raise EngineError(f"{title} {found}. Choose another engine, or repair this machine's graphics libraries.")
    if request.device == "gpu" and found.device == "CPU":
        raise EngineError('The study has device = "gpu", and this machine has no GPU that Cycles can use.')
    if request.samples:
        found = replace(found, samples=request.samples)
    elif request.transparent and engines.IDENTIFIERS[found.name] == "CYCLES":
        found = replace(found, samples=max(found.samples, SAMPLES_TRANSPARENT))
    if request.character is not None and request.record is not None:
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        choice = CharacterChoice(request.character, request.character_map)
        measure_character(choice, request.record, scene=scene_of(bpy.context))
    table = {**asdict(found), "blender": bpy.app.version_string}
    with replacing(request.out) as temporary:
        temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    digest = hashlib.blake2b(json.dumps(table).encode(), digest_size=8).hexdigest()
    return DoneReply(id=request.id, seconds=0.0, digest=digest)


def build_clip(request: RenderRequest, threads: int) -> str:
    """Build the scene of a clip, with its frame 0 at ``request.start_s``.

    Args:
        request: The clip.
        threads: Threads that rendering may use, 0 for no limit.

    Returns:
        The key of its frames, a hash of everything that decides how they look.
    """
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = scene_of(bpy.context)
    width, height, fps = request.width, request.height, request.fps
    rendering.set_up_picture(scene, width=width, height=height, fps=fps)
    scene.render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        scene.render.threads = threads
    body = dressed(load_body(request.body), request.look, parse_colours(request.colours), figure=request.figure)
    move_m = np.array(request.move_m, np.float32)
    motions = [replace(one, translation_m=one.translation_m + move_m) for one in load_people(request.motion)]
    path = path_from_table(read_stored_table(request.shot))
    shot = path.shot
    engine = engines.Engine(**asdict(request.engine))
    settings = StageSettings(request.backdrop_rgb, request.light, request.transparent, floor=request.floor)
    choice = _add_to_scene(request, motions, body, scene)
    engines.set_up_engine(scene, engine, shot)
    if engines.IDENTIFIERS[engine.name] == "CYCLES":
        engine_probe.cycles_of(scene).seed = request.seed
    stage.build_stage(scene, scene.collection, shot, settings)
    filming = camera.create_camera(scene, scene.collection, shot)
    # The camera's way begins with the song, like the motion.
    camera.film_along(filming, path, first_frame=-round(request.start_s * fps), view_layer=scene.view_layers[0])
    for thing in scene.objects if choice is None else ():
        # There is no window: posing the body for a viewport would take a thirtieth of a Workbench frame's time.
        thing.hide_viewport = thing.type in ("ARMATURE", "MESH")
    key = rendering.render_key(motions, body, path, engine, width=width, height=height, fps=fps)
    rest = [key, request.start_s, request.seed, asdict(settings), *([choice.key()] if choice is not None else [])]
    return hashlib.blake2b(json.dumps(rest).encode(), digest_size=8).hexdigest()


def _add_to_scene(
    request: RenderRequest, motions: list[BodyMotion], body: BodyModel, scene: bpy.types.Scene
) -> CharacterChoice | None:
    """Add the bodies or the character of a clip; return the choice of the character."""
    first_frame = -request.start_s * request.fps
    if request.character is not None:
        if len(motions) > 1:
            raise InputError(
                f"The clip holds {len(motions)} persons; [stage] character shows one. Give clips of one person."
            )
        choice = CharacterChoice(request.character, request.character_map, first_frame, as_measured=True)
        add_character(motions[0], body, choice, scene=scene)
        return choice
    for person, motion in enumerate(motions):
        _, mesh = dancer.build_dancer(
            motion,
            body,
            scene=scene,
            view_layer=scene.view_layers[0],
            collection=scene.collection,
            first_frame=first_frame,
        )
        if person:
            dress(mesh, PERSON_RGB[(person - 1) % len(PERSON_RGB)])
    return None
