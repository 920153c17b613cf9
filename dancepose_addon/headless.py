"""From a skeleton file to a film, without a window: what ``blender -b -P render.py`` and the bpy wheel both run.

``main`` owns the process's Blender file: it starts from an empty one.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import shutil
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Final, TextIO

import bpy
import numpy as np

from .blender import console, scene_export
from .blender.pipeline import Imported, ImportOptions, import_and_fit
from .blender.render import engines, rendering, video
from .blender.stage import camera, stage
from .core.atomic import output_error, replacing
from .core.body.model import BodyModel
from .core.body.model_io import load_body
from .core.camera_framing import frame_motions
from .core.errors import Cancelled, DancePoseError
from .core.fit.pose.levenberg_marquardt import REFINE_STEPS
from .core.fit.settings import parse_betas, settings_from
from .core.io.opening import open_source
from .core.progress import Progress, part_of
from .core.skeleton.recording import Hints
from .core.skeleton.sequence import KeypointSequence
from .inference import open_for

PROGRESS_PREFIX: Final = "@dancepose "
DEFAULT_SIZE: Final = (640, 640)
DEFAULT_FPS: Final = 25.0


def main(argv: Sequence[str]) -> int:
    """Run with arguments as ``--help`` lists them; returns the exit code: 0, 1 expected failure, 2 usage."""
    try:
        parser = build_parser()
        arguments = parser.parse_args(list(argv))
        if bool(arguments.out) == bool(arguments.export):
            parser.error("give either --out, for a film, or --export")
    except SystemExit as leaving:
        return int(leaving.code or 0)
    try:
        with _stopping_on_signals() as stopped:
            _run(arguments, stopped)
    except DancePoseError as error:
        print(f"dancepose: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="render.py",
        description="Fit a body to skeleton motion and render it, with its music.",
        epilog="A run that was stopped goes on where it was when the same command is given again.",
    )
    add = parser.add_argument
    add("source", type=Path, metavar="SOURCE", help="skeleton file, or an M&D folder")
    add("--out", type=Path, metavar="VIDEO.mp4", help="the film to write")
    export_help = "write the rig and no film, a key a frame at --fps-out: .fbx, .glb, .usd or .abc; repeatable"
    add("--export", type=Path, action="append", default=[], metavar="FILE", help=export_help)
    add("--frames", type=_frame_range, metavar="A:B", help="frames A up to but not including B of the source")
    add("--layout", help="skeleton layout, where the file leaves it open")
    add("--fps", type=float, help="frames per second of the source, instead of what the file says")
    add("--read", metavar="KEY=VALUE,...", help="what the source leaves open: unit, up, mirror, values, take")
    add("--regressor", type=Path, metavar="FILE.onnx", help="regressor, instead of the one shipped")
    add("--body", type=Path, metavar="FILE", help="SMPL-format body, instead of the one shipped")
    add("--device", choices=("auto", "cuda", "cpu", "numpy"), default="auto", help="what the regressor runs on")
    _add_fit_options(parser)
    add("--engine", choices=tuple(engines.ORDER), default="auto", help="study: Cycles; preview: Workbench")
    add("--engine-timeout", type=float, default=engines.PROBE_TIMEOUT_S, metavar="S", help="for an engine's test frame")
    add("--size", type=_size, default=DEFAULT_SIZE, metavar="WIDTHxHEIGHT", help="of the picture, in pixels")
    add("--fps-out", type=_rate, default=DEFAULT_FPS, metavar="F", help="frames per second of the film")
    add("--no-audio", action="store_true", help="leave the music out")
    add("--work", type=Path, metavar="DIR", help="folder for frames; beside the film by default")
    add("--keep-frames", action="store_true", help="keep the PNG frames")
    add("--motion", type=Path, metavar="OUT.npz", help="also write the fitted motion, AMASS-style")
    add("--blend", type=Path, metavar="OUT.blend", help="also write the scene")
    add("--sheet", type=Path, metavar="OUT.png", help="also write a contact sheet")
    add("--report", type=Path, metavar="OUT.json", help="also write errors, notices and timings")
    add("--progress", choices=("plain", "json"), default="plain", help="json: a line for programs at every step")
    return parser


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    steps_help = "steps that draw the pose onto the points; 0: the regressor alone"
    add("--refine", type=int, default=REFINE_STEPS, metavar="N", help=steps_help)
    add("--betas", type=parse_betas, metavar="B,B,...", help="the body's shape, instead of solving for it")
    add("--adapt", action="store_true", help="let the layout's points shift on this body by up to 4 cm")
    add("--smooth", type=float, default=0.0, metavar="S", help="0: none; 1: take out the points' own noise")
    add("--no-level", action="store_true", help="keep a drift of the recording's floor")
    add("--foot-lock", action="store_true", help="keep standing feet still and on the floor")


def _frame_range(text: str) -> tuple[int, int | None]:
    first, colon, last = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(last) if last else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of frames; write A:B, A: or :B") from None


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write 640x640") from None
    if min(width, height) < 16 or width % 2 or height % 2:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be filmed: H.264 needs even numbers, 16 or more")
    return width, height


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 1.0 <= rate <= 240.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame rate between 1 and 240")
    return rate


@contextmanager
def _stopping_on_signals() -> Iterator[threading.Event]:
    """SIGINT and SIGTERM set the event that is yielded; work stops where it is whole. A second one stops at once."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.set()
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            # Blender's own handler, set from C, cannot be named from here; and Blender is about to end.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@dataclass
class _Teller:
    """Tells the user how far the run is, and raises Cancelled where it was asked to stop."""

    stream: TextIO
    as_json: bool
    stopped: threading.Event
    told: set[str] = field(default_factory=set)

    def __call__(self, fraction: float, message: str) -> None:
        if self.stopped.is_set():
            raise Cancelled("Stopped. What is finished is kept: give the same command again to go on from there.")
        if self.as_json:
            self._say(PROGRESS_PREFIX + json.dumps({"fraction": round(fraction, 5), "message": message}))
        else:
            self._say(f"{fraction:4.0%}  {message}")

    def tell(self, notices: Sequence[str]) -> None:
        """Say each notice once."""
        for notice in notices:
            if notice not in self.told:
                self.told.add(notice)
                self._say(PROGRESS_PREFIX + json.dumps({"notice": notice}) if self.as_json else f"Notice: {notice}")

    def _say(self, line: str) -> None:
        print(line, file=self.stream, flush=True)


def _run(arguments: argparse.Namespace, stopped: threading.Event) -> None:
    first_out = arguments.out or arguments.export[0]
    work = arguments.work or first_out.with_name(f"{first_out.stem}.work")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(work, error) from error
    log = work / "blender.log"
    try:
        with console.chatter_into(log) as stream:
            teller = _Teller(stream, arguments.progress == "json", stopped)
            if arguments.export:
                _export(arguments, teller)
            else:
                _make_film(arguments, work, teller)
    except DancePoseError:
        _remove_log(log)
        raise
    _remove_log(log)


def _export(arguments: argparse.Namespace, teller: _Teller) -> None:
    for number, path in enumerate(arguments.export):
        scene = _empty_scene(arguments)
        progress = part_of(teller, number / len(arguments.export), (number + 1) / len(arguments.export))
        imported, _ = _import(arguments, scene, progress, correctives=path.suffix.lower() in scene_export.CACHES)
        teller.tell(imported.fit.report["notices"])
        scene.frame_start = 0
        scene.frame_end = max(0, round((len(imported.sequence) - 1) / imported.sequence.fps * arguments.fps_out))
        scene_export.export_rig(path, (imported.armature, imported.mesh), scene)
    teller(1.0, f"Wrote {', '.join(map(str, arguments.export))}")


@dataclass(frozen=True)
class _Take:
    """What is filmed, and how: everything that stands before the first frame is rendered."""

    scene: bpy.types.Scene
    imported: Imported
    engine: engines.Engine
    count: int
    frames: Path


def _make_film(arguments: argparse.Namespace, work: Path, teller: _Teller) -> None:
    clock = time.perf_counter()
    take = _prepare(arguments, work, teller)
    rendering_clock = time.perf_counter()
    progress = part_of(teller, 0.08, 0.95)
    rendered = rendering.render_frames(take.scene, folder=take.frames, count=take.count, progress=progress)
    seconds = {"frames": time.perf_counter() - rendering_clock}

    teller(0.95, "Writing the film")
    width, height = arguments.size
    audio = None if arguments.no_audio else take.imported.sequence.audio
    trouble = video.encode(
        arguments.out,
        frames=take.frames,
        count=take.count,
        width=width,
        height=height,
        fps=arguments.fps_out,
        audio=audio,
        work=work,
    )
    teller.tell([trouble] if trouble else [])
    if arguments.sheet:
        video.write_contact_sheet(arguments.sheet, frames=take.frames, count=take.count)
    if arguments.report:
        seconds["total"] = time.perf_counter() - clock
        report = {
            **_engine_report(take.engine),
            "size": [width, height],
            "fps": arguments.fps_out,
            "frames": take.count,
            "frames_rendered": rendered,
            "music": audio is not None and trouble is None,
            "notices": [*take.engine.notices, *([trouble] if trouble else [])],
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
        }
        _write_report(arguments.report, take.imported, report)
    if not arguments.keep_frames:
        shutil.rmtree(take.frames, ignore_errors=True)
    teller(1.0, f"Wrote {arguments.out}")


def _prepare(arguments: argparse.Namespace, work: Path, teller: _Teller) -> _Take:
    scene = _empty_scene(arguments)
    imported, body = _import(arguments, scene, part_of(teller, 0.0, 0.05))
    teller.tell(imported.fit.report["notices"])
    motion = imported.fit.motion
    if arguments.motion:
        pelvis = np.float32(motion.scale) * body.rest_joints(motion.betas)[0]
        motion.save(arguments.motion, rest_pelvis_m=pelvis)

    teller(0.05, "Trying the render engine")
    engine = engines.choose_engine(arguments.engine, timeout_s=arguments.engine_timeout)
    teller.tell(engine.notices)
    width, height = arguments.size
    shot = frame_motions([(body, motion)], aspect=width / height)
    stage.build_stage(scene, scene.collection, shot)
    camera.create_camera(scene, scene.collection, shot)
    engines.set_up_engine(scene, engine, shot)
    count = max(1, round(imported.sequence.duration_s * arguments.fps_out))
    scene.frame_start, scene.frame_end = 0, count - 1
    scene.frame_set(0)
    if arguments.blend:
        _save_blend(scene, arguments.blend)
    key = rendering.render_key(motion, body, shot, engine, width=width, height=height, fps=arguments.fps_out)
    return _Take(scene, imported, engine, count, work / f"frames-{key}")


def _empty_scene(arguments: argparse.Namespace) -> bpy.types.Scene:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    width, height = arguments.size
    rendering.set_up_picture(scene, width=width, height=height, fps=arguments.fps_out)
    return scene


def _import(
    arguments: argparse.Namespace, scene: bpy.types.Scene, progress: Progress, *, correctives: bool = True
) -> tuple[Imported, BodyModel]:
    # The layout decides which regressor is opened, so the source is read first.
    progress(0.0, "Reading")
    body = load_body(arguments.body)
    hints = Hints(layout=arguments.layout, fps=arguments.fps).with_text(arguments.read)
    source = open_source(arguments.source, body=body, frames=arguments.frames, hints=hints)
    regressor = None
    if isinstance(source, KeypointSequence):
        source, regressor = open_for(source, arguments.regressor, device=arguments.device)
    imported = import_and_fit(
        source,
        scene=scene,
        view_layer=scene.view_layers[0],
        collection=scene.collection,
        regressor=regressor,
        body=body,
        options=ImportOptions(
            fit=settings_from(
                refine=arguments.refine,
                betas=arguments.betas,
                adapt=arguments.adapt,
                smooth=arguments.smooth,
                level=not arguments.no_level,
                foot_lock=arguments.foot_lock,
            ),
            correctives=correctives,
        ),
        progress=progress,
    )
    return imported, body


def _engine_report(engine: engines.Engine) -> dict[str, Any]:
    return {
        "engine": engine.name,
        "device": engine.device,
        "samples": engine.samples,
        "denoised": engine.denoiser,
        "blender": bpy.app.version_string,
    }


def _save_blend(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.filepath = "//"
    with replacing(path) as temporary:
        try:
            bpy.ops.wm.save_as_mainfile(
                filepath=str(temporary.absolute()), copy=True, compress=True, check_existing=False
            )
        except RuntimeError as error:
            raise rendering.write_error(path, str(error).strip().splitlines()[-1]) from error


def _write_report(path: Path, imported: Imported, render_report: dict[str, Any]) -> None:
    report = {**imported.fit.report, "import_seconds": imported.seconds, "render": render_report}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _remove_log(log: Path) -> None:
    """Only a bug leaves Blender's log behind; the folder goes where nothing else is in it."""
    log.unlink(missing_ok=True)
    with suppress(OSError):
        log.parent.rmdir()


def leave(code: int) -> None:
    """End the process at once: with a Python callback of any add-on registered, leaving Blender can crash or hang."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
