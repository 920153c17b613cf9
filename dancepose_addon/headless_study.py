# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender process that serves many requests of a study, one after another.

It reads one request per line from stdin (``core.messages``), each with everything it needs, so that any machine may
serve it, and writes replies to stdout. The process ends when stdin does, and so with its parent.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
import hashlib
import json
import os
from pathlib import Path
import queue
import sys
import threading
import time
import traceback
from typing import Any, TextIO, TypeAlias

import bpy
import numpy as np

from .blender import console
from .blender.characters.add_character import CharacterChoice, add_character
from .blender.characters.measuring import measure_character
from .blender.narrowing import scene_of
from .blender.render import engine_probe, engines, rendering
from .blender.rig import dancer
from .blender.stage import camera, stage
from .core.atomic import replacing
from .core.body.model import BodyModel
from .core.body.model_io import load_body
from .core.body.motion import BodyMotion
from .core.camera_framing import Shot
from .core.engine_defaults import SAMPLES_TRANSPARENT
from .core.errors import DancePoseError, EngineError, InputError
from .core.fit.pipeline import FitResult
from .core.io.read_options import ReadOptions
from .core.messages import (
    DoneReply,
    FailedReply,
    FitRequest,
    FrameReply,
    ProbeRequest,
    RenderRequest,
    Reply,
    Request,
    error_kind,
    from_line,
    to_line,
)
from .fitting import fit_file

OnFrame: TypeAlias = Callable[[int], None]


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
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    with console.redirect_output(arguments.log) as stream:
        server = _Server(stream, arguments.threads)
        while True:
            message = from_line(lines.get())
            if isinstance(message, ProbeRequest | FitRequest | RenderRequest):
                server.serve(message)


def _listen(lines: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        if line.strip():
            lines.put(line)
    # The parent has ended. A frame in progress has a temporary name, so nothing is half written.
    os._exit(0)


class _Server:
    """Serves requests, and keeps the scene of the last clip because a clip's chunks mostly follow each other."""

    def __init__(self, stream: TextIO, threads: int) -> None:
        self._stream, self._threads = stream, threads
        self._clip: RenderRequest | None = None
        self._key = ""

    def serve(self, request: Request) -> None:
        """Serve one request and reply; no failure ends the process."""
        clock = time.perf_counter()
        try:
            done = self._done(request)
        except DancePoseError as error:
            kind = error_kind(error)
            if kind == "expected":
                self._forget()
            self._reply(FailedReply(id=request.id, kind=kind, message=str(error)))
        except Exception as error:  # a bug in one clip must not stop the others; its traceback is in the log
            self._forget()
            self._reply(FailedReply(id=request.id, kind="bug", message=f"{type(error).__name__}: {error}"))
        else:
            self._reply(replace(done, seconds=round(time.perf_counter() - clock, 3)))

    def _done(self, request: Request) -> DoneReply:
        if isinstance(request, ProbeRequest):
            return probe_engine(request)
        if isinstance(request, FitRequest):
            return fit_clip(request)
        return self._render(request)

    def _forget(self) -> None:
        """Log the traceback, and discard the scene so that the next request builds it."""
        traceback.print_exc()
        sys.stderr.flush()
        self._clip = None

    def _reply(self, reply: Reply) -> None:
        self._stream.write(to_line(reply) + "\n")
        self._stream.flush()

    def _render(self, request: RenderRequest) -> DoneReply:
        clip = replace(request, id=0, first=0, count=0)
        if clip != self._clip:
            self._clip = None
            self._key = build_clip(request, self._threads)
            self._clip = clip
        parent = os.getppid()

        def progress(fraction: float, _message: str) -> None:
            if os.getppid() != parent:
                os._exit(0)
            self._reply(FrameReply(id=request.id, frame=round(fraction * request.count)))

        rendered = rendering.render_frames(
            scene_of(bpy.context),
            folder=request.folder,
            start=request.first,
            count=request.count,
            key=self._key,
            progress=progress,
        )
        note = request.folder / "key.txt"
        if not note.is_file() or note.read_text(encoding="ascii") != self._key:
            with replacing(note) as temporary:
                temporary.write_text(self._key, encoding="ascii")
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


def fit_clip(request: FitRequest) -> DoneReply:
    """Fit one clip and write its motion and report.

    Raises:
        InputError: The source cannot be used, or is too short.
    """
    result = fit_file(
        request.source,
        body=load_body(request.body),
        hints=ReadOptions(layout=request.layout, fps=request.fps, read=request.read).hints(),
        regressor=request.regressor,
        device=request.device,
        settings=request.settings,
    )
    duration_s, fps = result.sequence.duration_s, result.sequence.fps
    # The last key may lie one frame of either rate before the end.
    if duration_s + max(1.0 / fps, 1.0 / request.video_fps) < request.min_duration_s:
        raise InputError(
            f"{request.source} lasts {duration_s:.2f} s; the study needs {request.min_duration_s:.2f} s of it. "
            "Shorten length_s or segments, or give a longer clip."
        )
    standing = result.ground.contact.any(axis=(1, 2)).mean()
    result.report["contact_share"] = round(float(standing), 4)
    result.save(request.motion)
    result.save_report(request.report)
    return DoneReply(id=request.id, seconds=0.0, digest=_digest_of(result), notices=tuple(result.report["notices"]))


def _digest_of(result: FitResult) -> str:
    motion = result.motion
    digest = hashlib.blake2b(digest_size=8)
    for array in (motion.pose_rotmat, motion.translation_m, motion.betas):
        digest.update(np.ascontiguousarray(array).data)
    digest.update(json.dumps([motion.scale, motion.fps, result.report["floor_m"]]).encode())
    return digest.hexdigest()


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
    body, motion = load_body(request.body), BodyMotion.load(request.motion)
    motion = replace(motion, translation_m=motion.translation_m + np.array(request.move_m, np.float32))
    shot = read_shot(json.loads(request.shot.read_text(encoding="utf-8"))["shot"])
    engine = engines.Engine(**asdict(request.engine))
    settings = stage.StageSettings(request.backdrop_rgb, request.light, request.transparent)
    choice = _add_to_scene(request, motion, body, scene)
    engines.set_up_engine(scene, engine, shot)
    if engines.IDENTIFIERS[engine.name] == "CYCLES":
        engine_probe.cycles_of(scene).seed = request.seed
    stage.build_stage(scene, scene.collection, shot, settings)
    camera.create_camera(scene, scene.collection, shot)
    for thing in scene.objects if choice is None else ():
        # There is no window: posing the body for a viewport would take a thirtieth of a Workbench frame's time.
        thing.hide_viewport = thing.type in ("ARMATURE", "MESH")
    key = rendering.render_key(motion, body, shot, engine, width=width, height=height, fps=fps)
    rest = [key, request.start_s, request.seed, asdict(settings), *([choice.key()] if choice is not None else [])]
    return hashlib.blake2b(json.dumps(rest).encode(), digest_size=8).hexdigest()


def _add_to_scene(
    request: RenderRequest, motion: BodyMotion, body: BodyModel, scene: bpy.types.Scene
) -> CharacterChoice | None:
    """Add the body or the character of a clip; return the choice of the character."""
    first_frame = -request.start_s * request.fps
    if request.character is not None:
        choice = CharacterChoice(request.character, request.character_map, first_frame, as_measured=True)
        add_character(motion, body, choice, scene=scene)
        return choice
    dancer.build_dancer(
        motion,
        body,
        scene=scene,
        view_layer=scene.view_layers[0],
        collection=scene.collection,
        first_frame=first_frame,
    )
    return None


def read_shot(table: dict[str, Any]) -> Shot:
    """Return a shot from the numbers of its JSON."""
    numbers: dict[str, Any] = {k: np.array(value) if isinstance(value, list) else value for k, value in table.items()}
    return Shot(**numbers)
