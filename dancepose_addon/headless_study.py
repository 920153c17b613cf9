"""One Blender for many small jobs: reads a job a line from stdin, writes what became of it to stdout.

A job is one JSON object with everything it needs, so that any machine may do it: ``{"do": "fit" | "render" | "probe",
"id": ..., ...}``. Answers are lines that begin with PREFIX: ``{"id", "frame"}`` while it renders, then ``{"id",
"done": {...}}`` or ``{"id", "failed": {"kind", "message"}}``. The process ends when its stdin does: with its parent.
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
from typing import Any, Final, TextIO

import bpy
import numpy as np

from .blender import console
from .blender.render import engines, rendering
from .blender.rig import dancer
from .blender.stage import camera, stage
from .core.atomic import replacing
from .core.body.model_io import load_body
from .core.body.motion import BodyMotion
from .core.camera_framing import Shot
from .core.errors import BodyFileError, DancePoseError, EngineError, InputError, OutputError, RegressorError
from .core.fit.pipeline import fit
from .core.fit.settings import settings_from
from .core.skeleton.readers import read
from .core.skeleton.sequence import validate
from .inference.regressors import open_for

PREFIX: Final = "@job "
BAD_INPUT: Final = (InputError, BodyFileError, RegressorError)

Tell = Callable[[dict[str, Any]], None]
Job = dict[str, Any]


def main(argv: Sequence[str]) -> int:
    """Work until stdin ends; returns the exit code."""
    parser = argparse.ArgumentParser(prog="render.py study-worker")
    parser.add_argument("--log", type=Path, required=True, help="where Blender's own chatter goes")
    parser.add_argument("--threads", type=int, default=0, help="processors that a render may use; 0: all")
    arguments = parser.parse_args(list(argv))
    jobs: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    with console.chatter_into(arguments.log) as stream:
        worker = _Worker(stream, arguments.threads)
        while True:
            worker.work(json.loads(jobs.get()))


def _listen(jobs: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        if line.strip():
            jobs.put(line)
    # Nobody is left to work for. A frame in progress lies under a temporary name, so nothing is half done.
    os._exit(0)


class _Worker:
    """Keeps the scene of the last clip, since a clip's chunks mostly follow each other."""

    def __init__(self, stream: TextIO, threads: int) -> None:
        self._stream, self._threads = stream, threads
        self._clip: str | None = None
        self._key = ""

    def work(self, job: Job) -> None:
        """Do one job and tell what became of it; no failure of a job ends the process."""

        def tell(answer: dict[str, Any]) -> None:
            self._stream.write(PREFIX + json.dumps({"id": job["id"], **answer}) + "\n")
            self._stream.flush()

        clock = time.perf_counter()
        try:
            done = {"fit": self._fit, "render": self._render, "probe": self._probe}[job["do"]](job, tell)
        except BAD_INPUT as error:
            tell({"failed": {"kind": "input", "message": str(error)}})
        except EngineError as error:
            tell({"failed": {"kind": "engine", "message": str(error)}})
        except OutputError as error:
            tell({"failed": {"kind": "output", "message": str(error)}})
        except Exception as error:  # a bug in one clip must not take the others with it; its traceback is in the log
            kind = "expected" if isinstance(error, DancePoseError) else "bug"
            traceback.print_exc()
            sys.stderr.flush()
            self._clip = None
            tell({"failed": {"kind": kind, "message": f"{type(error).__name__}: {error}"}})
        else:
            tell({"done": {**done, "seconds": round(time.perf_counter() - clock, 3)}})

    def _probe(self, job: Job, _tell: Tell) -> dict[str, Any]:
        found = engines.probe(job["engine"], timeout_s=job["timeout_s"], gpu=job["device"] != "cpu")
        if isinstance(found, str):
            raise EngineError(f"{engines.TITLES[job['engine']]} {found}. Choose another engine, or mend this machine.")
        if job["device"] == "gpu" and found.device == "CPU":
            raise EngineError('The study asks for device = "gpu" and this machine has none that Cycles can use.')
        if job["samples"]:
            found = replace(found, samples=job["samples"])
        elif job["transparent"] and found.name == "study":
            found = replace(found, samples=max(found.samples, engines.SAMPLES_TRANSPARENT))
        with replacing(Path(job["out"])) as temporary:
            table = {**asdict(found), "blender": bpy.app.version_string}
            temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
        return {"digest": hashlib.blake2b(json.dumps(table).encode(), digest_size=8).hexdigest()}

    def _fit(self, job: Job, _tell: Tell) -> dict[str, Any]:
        sequence = validate(read(Path(job["source"]), layout=job["layout"], fps=job["fps"]))
        # The last key may lie a frame of either rate before the end.
        if sequence.duration_s + max(1.0 / sequence.fps, 1.0 / job["fps_out"]) < job["needs_s"]:
            raise InputError(
                f"{job['source']} lasts {sequence.duration_s:.2f} s; the study needs {job['needs_s']:.2f} s of it. "
                "Shorten length_s or segments, or give a longer clip."
            )
        body = load_body(_path(job["body"]))
        sequence, regressor = open_for(sequence, _path(job["regressor"]), device=job["device"])
        betas = tuple(job["betas"]) if job["betas"] else None
        result = fit(sequence, regressor=regressor, body=body, settings=settings_from(betas=betas, **job["fit"]))
        motion = result.motion
        pelvis = np.float32(motion.scale) * body.rest_joints(motion.betas)[0]
        motion.save(Path(job["motion"]), rest_pelvis_m=pelvis)
        standing = result.ground.contact.any(axis=(1, 2)).mean()
        report = {**result.report, "contact_share": round(float(standing), 4)}
        with replacing(Path(job["report"])) as temporary:
            temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        digest = hashlib.blake2b(digest_size=8)
        for array in (motion.pose_rotmat, motion.translation_m, motion.betas):
            digest.update(np.ascontiguousarray(array).data)
        digest.update(json.dumps([motion.scale, motion.fps, report["floor_m"]]).encode())
        return {"digest": digest.hexdigest(), "notices": report["notices"]}

    def _render(self, job: Job, tell: Tell) -> dict[str, Any]:
        scene_key = json.dumps({k: v for k, v in job.items() if k not in ("id", "first", "count")}, sort_keys=True)
        if scene_key != self._clip:
            self._clip = None
            self._key = build_clip(job, self._threads)
            self._clip = scene_key
        parent = os.getppid()

        def progress(fraction: float, _message: str) -> None:
            if os.getppid() != parent:
                os._exit(0)
            tell({"frame": round(fraction * job["count"])})

        rendered = rendering.render_frames(
            bpy.context.scene,
            folder=Path(job["folder"]),
            start=job["first"],
            count=job["count"],
            key=self._key,
            progress=progress,
        )
        note = Path(job["folder"]) / "key.txt"
        if not note.is_file() or note.read_text(encoding="ascii") != self._key:
            with replacing(note) as temporary:
                temporary.write_text(self._key, encoding="ascii")
        return {"rendered": rendered, "digest": self._key}


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def build_clip(job: Job, threads: int) -> str:
    """Build the scene of a clip, its frame 0 at ``start_s``; returns the key of its frames."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    width, height, fps = job["width"], job["height"], job["fps"]
    rendering.set_up_picture(scene, width=width, height=height, fps=fps)
    scene.render.threads_mode = "FIXED" if threads else "AUTO"
    if threads:
        scene.render.threads = threads
    body, motion = load_body(_path(job["body"])), BodyMotion.load(Path(job["motion"]))
    motion = replace(motion, translation_m=motion.translation_m + np.array(job["move_m"], np.float32))
    table = json.loads(Path(job["shot"]).read_text(encoding="utf-8"))
    shot = read_shot(table["shot"])
    engine = engines.Engine(**job["engine"])
    settings = stage.StageSettings(tuple(job["stage"]["backdrop_rgb"]), job["stage"]["light"], job["transparent"])
    dancer.build_dancer(
        motion,
        body,
        scene=scene,
        view_layer=scene.view_layers[0],
        collection=scene.collection,
        first_frame=-job["start_s"] * fps,
    )
    engines.set_up_engine(scene, engine, shot)
    if engine.name == "study":
        scene.cycles.seed = job["seed"]
    stage.build_stage(scene, scene.collection, shot, settings)
    camera.create_camera(scene, scene.collection, shot)
    for thing in scene.objects:
        # Nobody looks on: posing the body for a viewport too would take a thirtieth of a preview's time.
        thing.hide_viewport = thing.type in ("ARMATURE", "MESH")
    key = rendering.render_key(motion, body, shot, engine, width=width, height=height, fps=fps)
    rest = [key, job["start_s"], job["seed"], asdict(settings)]
    return hashlib.blake2b(json.dumps(rest).encode(), digest_size=8).hexdigest()


def read_shot(table: dict[str, Any]) -> Shot:
    """A shot from the numbers of its JSON."""
    numbers: dict[str, Any] = {k: np.array(value) if isinstance(value, list) else value for k, value in table.items()}
    return Shot(**numbers)
