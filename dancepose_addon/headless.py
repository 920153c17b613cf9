# SPDX-License-Identifier: GPL-3.0-or-later
"""From a motion file to a video without a window: what ``blender -b -P render.py`` and the bpy wheel both run.

``main`` owns the process's Blender file: it starts from an empty one.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import sys
import threading
import time
from typing import Final

import bpy

from .blender import console, scene_export
from .blender.characters.add_character import (
    AddedCharacter,
    CharacterChoice,
    add_character,
    film_character,
    write_driven_bvh,
)
from .blender.data_blocks import referenced_files
from .blender.import_motion import ImportedDancer, RigOptions, add_dancers
from .blender.narrowing import scene_of
from .blender.render import engines, rendering, video
from .blender.stage import camera, stage
from .core.atomic import replacing
from .core.body.model_io import load_body
from .core.camera_framing import CameraPath, film_dance
from .core.errors import DancePoseError, InputError
from .core.fit.pipeline import FitResult
from .core.fit.settings import FitSettings
from .core.interruption import signal_exit_code
from .core.io.people import person_path
from .core.io.read_options import ReadOptions
from .core.picture_options import PictureOptions
from .core.png import remove_frames
from .core.printable_text import printable
from .core.progress import Progress, part_of
from .core.retarget.map_file import require_character
from .core.skeleton.resampling import MOST_FRAMES
from .fitting import fit_people, require_used
from .headless_arguments import build_parser, options_from, options_without_effect
from .headless_guard import (
    FRAMES_PREFIX,
    check_headless_files,
    check_person_files,
    check_scene_files,
    stopping,
    work_folder,
)
from .headless_report import Reporter, engine_report, write_video_report

FIT_SHARE: Final = 0.6
"""Share of importing that fitting takes; building the rig takes the rest."""


def main(argv: Sequence[str]) -> int:
    """Run the headless renderer.

    Args:
        argv: Arguments as ``--help`` lists them.

    Returns:
        The exit code: 0, 1 for an expected failure, 2 for a usage error, 130 and 143 for SIGINT and SIGTERM.
    """
    try:
        parser = build_parser()
        arguments = parser.parse_args(list(argv))
        if sum(map(bool, (arguments.out, arguments.export, arguments.still))) != 1:
            parser.error("give one of --out, for a video, --still, for a picture, and --export")
        if unused := options_without_effect(arguments):
            parser.error(unused)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    # Objects whose file could not be written complain a second time when they are removed.
    sys.unraisablehook = lambda _unraisable: None
    try:
        with stopping() as (stopped, interruption):
            _run(arguments, stopped)
    except DancePoseError as error:
        print(f"dancepose: {printable(error)}", file=sys.stderr, flush=True)
        return signal_exit_code(interruption.number) if interruption.number else error.exit_code
    return 0


def _run(arguments: argparse.Namespace, stopped: threading.Event) -> None:
    picture = options_from(arguments, PictureOptions)
    if arguments.character:
        picture.require_fit_for_character()
    require_character(arguments.character, arguments.character_map)
    first_out = arguments.out or arguments.still or arguments.export[0]
    work = arguments.work or first_out.parent / f"{first_out.stem}.work"
    check_headless_files(arguments, work)
    with work_folder(work, leftovers=("blender.log", "music.wav")):
        log = work / "blender.log"
        try:
            with console.redirect_output(log) as stream:
                reporter = Reporter(stream, arguments.progress == "json", stopped)
                if arguments.export:
                    _export(arguments, reporter)
                elif arguments.still:
                    _make_still(arguments, work, reporter)
                else:
                    _make_video(arguments, work, reporter)
        except DancePoseError:
            _remove_log(log)
            raise
        _remove_log(log)


def _export(arguments: argparse.Namespace, reporter: Reporter) -> None:
    fits = _fit(arguments, part_of(reporter, 0.0, 0.5))
    reporter.notices([notice for fit in fits for notice in fit.report["notices"]])
    fit = fits[0]
    for number, path in enumerate(arguments.export):
        count = len(arguments.export)
        progress = part_of(reporter, 0.5 + 0.5 * number / count, 0.5 + 0.5 * (number + 1) / count)
        scene = _empty_scene(arguments)
        if arguments.character:
            _export_character(arguments, path, _only(fits), scene, reporter, progress)
            continue
        added = _add(fits, scene, progress, correctives=path.suffix.lower() in scene_export.CACHES)
        scene.frame_start = 0
        scene.frame_end = max(0, round((len(fit.motion) - 1) / fit.motion.fps * arguments.fps_out))
        things = [thing for dancer in added for thing in (dancer.armature, dancer.mesh)]
        scene_export.export_rig(path, things, scene)
    reporter(1.0, f"Wrote {', '.join(map(str, arguments.export))}")


def _export_character(
    arguments: argparse.Namespace,
    path: Path,
    fit: FitResult,
    scene: bpy.types.Scene,
    reporter: Reporter,
    progress: Progress,
) -> None:
    """Write the dance of a character with its own bones."""
    added = add_character(fit.motion, fit.body, _choice(arguments), scene=scene, progress=progress)
    check_scene_files(arguments, referenced_files())
    reporter.notices(added.notices)
    if path.suffix.lower() == ".bvh":
        write_driven_bvh(added, path)
        return
    scene.frame_start = 0
    scene.frame_end = max(0, round((len(fit.motion) - 1) / fit.motion.fps * arguments.fps_out))
    shown = [thing for thing in added.objects.meshes if not thing.hide_render]
    scene_export.export_rig(path, (added.objects.armature, *shown), scene)


def _only(fits: Sequence[FitResult]) -> FitResult:
    """Return the only person of a source, since one character is shown."""
    if len(fits) > 1:
        raise InputError(f"The source holds {len(fits)} persons; --character shows one. Give a file of one person.")
    return fits[0]


def _choice(arguments: argparse.Namespace) -> CharacterChoice:
    return CharacterChoice(arguments.character, arguments.character_map)


@dataclass(frozen=True)
class _Take:
    """Everything that is known before the first frame is rendered.

    Attributes:
        scene: The scene.
        imported: The dancers; the first one's music is played.
        engine: Render engine.
        count: Number of frames.
        frames: Folder of the frames.
    """

    scene: bpy.types.Scene
    imported: list[ImportedDancer]
    engine: engines.Engine
    count: int
    frames: Path


def _make_video(arguments: argparse.Namespace, work: Path, reporter: Reporter) -> None:
    clock = time.perf_counter()
    take = _prepare(arguments, work, reporter)
    rendering_clock = time.perf_counter()
    progress = part_of(reporter, 0.08, 0.95)
    key = take.frames.name.removeprefix(FRAMES_PREFIX)
    rendered = rendering.render_frames(take.scene, folder=take.frames, count=take.count, progress=progress, key=key)
    seconds = {"frames": time.perf_counter() - rendering_clock}

    reporter(0.95, "Writing the video")
    width, height = arguments.size
    audio = None if arguments.no_audio else take.imported[0].fit.sequence.audio
    trouble = video.encode_video(
        arguments.out,
        frames=take.frames,
        count=take.count,
        width=width,
        height=height,
        fps=arguments.fps_out,
        audio=audio,
        work=work,
    )
    reporter.notices([trouble] if trouble else [])
    if arguments.sheet:
        video.write_contact_sheet(arguments.sheet, frames=take.frames, count=take.count)
    if arguments.report:
        seconds["total"] = time.perf_counter() - clock
        report = {
            **engine_report(take.engine),
            "size": [width, height],
            "fps": arguments.fps_out,
            "frames": take.count,
            "frames_rendered": rendered,
            "music": audio is not None and trouble is None,
            "notices": [*take.engine.notices, *([trouble] if trouble else [])],
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
        }
        write_video_report(arguments.report, take.imported, report)
    if not arguments.keep_frames:
        remove_frames(take.frames)
    reporter(1.0, f"Wrote {arguments.out}")


def _make_still(arguments: argparse.Namespace, work: Path, reporter: Reporter) -> None:
    take = _prepare(arguments, work, reporter)
    duration_s = take.imported[0].fit.sequence.duration_s
    if arguments.at is not None and arguments.at > duration_s:
        raise InputError(
            f"{arguments.at:g} s is outside the motion, which lasts {duration_s:.2f} s. Give --at a time within it."
        )
    reporter(0.5, "Rendering the picture")
    wanted = take.count // 2 if arguments.at is None else round(arguments.at * arguments.fps_out)
    take.scene.frame_set(min(wanted, take.count - 1))
    with replacing(arguments.still) as temporary:
        rendering.render_still(take.scene, temporary)
    reporter(1.0, f"Wrote {arguments.still}")


def _prepare(arguments: argparse.Namespace, work: Path, reporter: Reporter) -> _Take:
    fits = _fit(arguments, part_of(reporter, 0.0, 0.05 * FIT_SHARE))
    fit = fits[0]
    reporter.notices([notice for one in fits for notice in one.report["notices"]])
    scene = _empty_scene(arguments)
    progress = part_of(reporter, 0.05 * FIT_SHARE, 0.05)
    added = None
    if arguments.character:
        only = _only(fits)
        added = add_character(only.motion, only.body, _choice(arguments), scene=scene, progress=progress)
        check_scene_files(arguments, referenced_files())
    reporter.notices(added.notices if added else ())
    if added:
        imported = [ImportedDancer(added.objects.armature, added.objects.meshes[0], fit, added.seconds)]
    else:
        imported = _add(fits, scene, progress)
    if arguments.motion:
        for number, one in enumerate(fits):
            one.save(person_path(arguments.motion, number, len(fits)))

    reporter(0.05, "Testing the render engine")
    engine = engines.choose_engine(arguments.engine, timeout_s=arguments.engine_timeout)
    reporter.notices(engine.notices)
    width, height = arguments.size
    count = max(1, round(fit.sequence.duration_s * arguments.fps_out))
    if count > MOST_FRAMES:
        raise InputError(
            f"The motion lasts {fit.sequence.duration_s:.0f} s, {count} frames of video; at most {MOST_FRAMES} are "
            "rendered (limit). Check the frame rate of the file (--fps), or choose --frames."
        )
    picture = options_from(arguments, PictureOptions)
    path = _film(arguments, scene, fits, added, count)
    engines.set_up_engine(scene, engine, path.shot)
    scene.frame_start, scene.frame_end = 0, count - 1
    scene.frame_set(0)
    if arguments.blend:
        audio = None if arguments.no_audio else fit.sequence.audio
        problem = None if audio is None else video.add_music_strip(scene, audio, first_frame=0.0)
        reporter.notices([problem] if problem else [])
        _save_blend(scene, arguments.blend)
    motions, fps, settings = [one.motion for one in fits], arguments.fps_out, picture.stage()
    key = rendering.render_key(motions, fit.body, path, engine, width=width, height=height, fps=fps, stage=settings)
    if arguments.character:
        key = f"{key}-{_choice(arguments).key()}"
    return _Take(scene, imported, engine, count, work / f"{FRAMES_PREFIX}{key}")


def _film(
    arguments: argparse.Namespace,
    scene: bpy.types.Scene,
    fits: list[FitResult],
    added: AddedCharacter | None,
    count: int,
) -> CameraPath:
    """Add the stage and the camera; return how the camera is moved."""
    picture = options_from(arguments, PictureOptions)
    aspect = arguments.size[0] / arguments.size[1]
    if added:
        path = film_character(added, frames=count, fps=arguments.fps_out, aspect=aspect, choice=picture.camera)
    else:
        dancers = [(one.body, one.motion) for one in fits]
        path = film_dance(dancers, aspect=aspect, fps=arguments.fps_out, frames=count, choice=picture.camera)
    stage.build_stage(scene, scene.collection, path.shot, picture.stage())
    filming = camera.create_camera(scene, scene.collection, path.shot)
    if path.way_m is not None:
        camera.film_along(filming, path, first_frame=0, view_layer=scene.view_layers[0])
    return path


def _fit(arguments: argparse.Namespace, progress: Progress) -> list[FitResult]:
    progress(0.0, "Reading")
    reading = options_from(arguments, ReadOptions)
    picture = options_from(arguments, PictureOptions)
    settings = options_from(arguments, FitSettings)
    fits = fit_people(
        arguments.source,
        body=picture.dress(load_body(arguments.body)),
        hints=reading.hints(),
        frames=reading.frame_range(),
        regressor=arguments.regressor,
        device=arguments.device,
        settings=settings,
        progress=progress,
        on_count=lambda count: check_person_files(arguments, count),
    )
    require_used(fits, regressor=arguments.regressor, device=arguments.device, keep_contacts=settings.keep_contacts)
    return fits


def _empty_scene(arguments: argparse.Namespace) -> bpy.types.Scene:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = scene_of(bpy.context)
    width, height = arguments.size
    rendering.set_up_picture(scene, width=width, height=height, fps=arguments.fps_out)
    return scene


def _add(
    fits: list[FitResult], scene: bpy.types.Scene, progress: Progress, *, correctives: bool = True
) -> list[ImportedDancer]:
    return add_dancers(
        fits,
        scene=scene,
        view_layer=scene.view_layers[0],
        collection=scene.collection,
        options=RigOptions(correctives=correctives),
        progress=progress,
    )


def _save_blend(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.filepath = "//"
    with replacing(path) as temporary:
        try:
            bpy.ops.wm.save_as_mainfile(
                filepath=str(temporary.absolute()), copy=True, compress=True, check_existing=False
            )
        except RuntimeError as error:
            raise rendering.write_error(path, str(error).strip().splitlines()[-1]) from error


def _remove_log(log: Path) -> None:
    """Remove Blender's log, which only a bug leaves behind."""
    log.unlink(missing_ok=True)


def leave(code: int) -> None:
    """End the process at once, since Blender can crash or hang at exit if an add-on registered a Python callback."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
