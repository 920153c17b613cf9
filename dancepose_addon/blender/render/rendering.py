# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a scene as PNG files.

A frame file is always complete, and an interrupted run continues with the missing frames.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
import hashlib
import json
import os
from pathlib import Path
import time
from typing import Any, Final

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.atomic import output_error, replacing
from ...core.body.model import BodyModel
from ...core.body.motion import BodyMotion
from ...core.camera_framing import CameraPath
from ...core.counting import counted
from ...core.errors import OutputError
from ...core.png import frame_stamp, is_whole_png, stamp, stamp_of
from ...core.progress import Progress, silent
from ...core.stage_design import LIGHTS, STAGE_VERSION, StageSettings
from .. import compat
from ..narrowing import action_of, components, present, render_of
from ..rig.dancer import RECORD
from .engines import Engine

ENOSPC: Final = 28
LOW_SPACE_BYTES: Final = 1 << 20


def set_up_picture(scene: bpy.types.Scene, *, width: int, height: int, fps: float) -> None:
    """Set size, frame rate and format (PNG) of a scene's output.

    Args:
        scene: Scene to change.
        width: Width in pixels.
        height: Height in pixels.
        fps: Frames per second; may be fractional, such as 29.97.
    """
    render = render_of(scene)
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    set_rate(scene, fps)
    render.film_transparent = False
    render.use_compositing = False
    render.use_sequencer = False
    render.use_file_extension = False
    render.use_overwrite = True
    render.dither_intensity = 0.0
    compat.choose_png(present(render.image_settings))


def set_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Set a scene's frame rate, which Blender stores as an integer over a base: 29.97 is 30 / 1.001."""
    render = render_of(scene)
    render.fps = max(1, round(fps))
    render.fps_base = render.fps / fps


def render_key(
    motions: Sequence[BodyMotion],
    body: BodyModel,
    path: CameraPath,
    engine: Engine,
    *,
    width: int,
    height: int,
    fps: float,
    stage: StageSettings = StageSettings(),
) -> str:
    """Return sixteen hex digits that identify everything a picture depends on. Frames of one key belong together.

    Args:
        motions: Motion of each dancer.
        body: Body of the dancers.
        path: Shot of the camera, and how it moves.
        engine: Engine and its settings.
        width: Width in pixels.
        height: Height in pixels.
        fps: Frames per second of the film.
        stage: Appearance of the stage.

    Returns:
        The key.
    """
    digest = hashlib.blake2b(digest_size=8)
    body = body.shown
    arrays: list[NDArray[Any]] = [path.shot.position_m, path.shot.rotmat]
    arrays += [] if path.way_m is None else [path.way_m]
    for motion in motions:
        arrays += [motion.pose_in(body.tree), motion.translation_m, motion.betas]
    arrays += [body.v_template_m, body.faces, body.shapedirs, body.weights]
    arrays += [] if body.posedirs is None else [body.posedirs]
    arrays += [] if body.surface is None else [body.surface.face_material, body.surface.rgba]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    lights = [asdict(light) for light in LIGHTS]
    settings = [
        [[motion.scale, motion.fps] for motion in motions],
        width,
        height,
        fps,
        STAGE_VERSION,
        lights,
        engine.settings_key(),
        asdict(stage),
    ]
    digest.update(json.dumps([*settings, bpy.app.version[:2]], sort_keys=True).encode())
    return digest.hexdigest()


def scene_key(
    scene: bpy.types.Scene,
    dancers: Iterable[bpy.types.Object],
    others: Iterable[bpy.types.Object],
    engine: Engine,
    stage_key: Mapping[str, object],
) -> str:
    """Return a key as ``render_key`` does, for a scene that users edit.

    Args:
        scene: Scene to render.
        dancers: Armatures of the dancers; their keys and records count.
        others: Other visible objects; their names, positions and the viewport colours of their materials count.
        engine: Engine and its settings.
        stage_key: Settings of the stage, as JSON values.

    Returns:
        The key.
    """
    digest = hashlib.blake2b(digest_size=8)
    for thing in sorted(others, key=lambda thing: str(thing.name)):
        shown = [components(slot.material.diffuse_color) for slot in thing.material_slots if slot.material is not None]
        place = np.array(thing.matrix_world).tolist()
        digest.update(json.dumps([thing.name, thing.hide_render, place, shown]).encode())
    for dancer in dancers:
        action = action_of(dancer)
        for curve in compat.curves_of(action) if action is not None else ():
            points = np.empty(2 * len(curve.keyframe_points), np.float32)
            curve.keyframe_points.foreach_get("co", points)
            digest.update(points.data)
        digest.update(str(dancer.get(RECORD)).encode())
    render = render_of(scene)
    settings: list[object] = [render.resolution_x, render.resolution_y, render.fps, render.fps_base]
    settings += [STAGE_VERSION, engine.settings_key(), dict(stage_key), bpy.app.version[:2]]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()


def frame_path(folder: Path, index: int) -> Path:
    """Return the path of frame ``index`` of a clip."""
    return folder / f"{index:06d}.png"


def missing_frames(folder: Path, indices: range, *, width: int, height: int, key: str | None = None) -> list[int]:
    """Return the frames that are missing, incomplete, of another size, or stamped with another key.

    Args:
        folder: Folder of the frames.
        indices: Frames to look for.
        width: Width in pixels.
        height: Height in pixels.
        key: Key that the frames must be stamped with; None accepts all.

    Returns:
        Indices of the frames to render.
    """
    if key is None:
        return [i for i in indices if not is_whole_png(frame_path(folder, i), width=width, height=height)]
    return [i for i in indices if stamp_of(frame_path(folder, i), width=width, height=height) != frame_stamp(key, i)]


def render_frames(
    scene: bpy.types.Scene,
    *,
    folder: Path,
    count: int,
    progress: Progress = silent,
    first_frame: int = 0,
    start: int = 0,
    key: str | None = None,
) -> int:
    """Render the frames of a clip that are missing from a folder.

    Args:
        scene: Scene to render.
        folder: Folder for the frames.
        count: Number of frames.
        progress: Progress callback, called before each frame.
        first_frame: Scene frame of frame 0 of the clip.
        start: First frame of the clip to render.
        key: Key to stamp every frame with; frames with another key are rendered again.

    Returns:
        The number of frames that were rendered.

    Raises:
        OutputError: If a frame cannot be written. Earlier frames are complete and are kept.
        Cancelled: If ``progress`` cancels the run.
    """
    width, height = render_of(scene).resolution_x, render_of(scene).resolution_y
    todo = missing_frames(folder, range(start, start + count), width=width, height=height, key=key)
    done, begun = count - len(todo), time.monotonic()
    for number, index in enumerate(todo):
        left = (time.monotonic() - begun) / number * (len(todo) - number) if number > 1 else 0.0
        progress((done + number) / count, f"Frame {done + number + 1} of {count}{_time_left(left)}")
        scene.frame_set(first_frame + index)
        with replacing(frame_path(folder, index)) as temporary:
            render_still(scene, temporary)
            if not is_whole_png(temporary, width=width, height=height):
                raise write_error(frame_path(folder, index), "Blender wrote an incomplete picture")
            if key is not None:
                temporary.write_bytes(stamp(temporary.read_bytes(), frame_stamp(key, index)))
    progress(1.0, f"{counted(count, 'frame')}")
    return len(todo)


def _time_left(seconds: float) -> str:
    return f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left" if seconds > 2 else ""


def render_still(scene: bpy.types.Scene, path: Path) -> None:
    """Render the current frame of a scene.

    Args:
        scene: Scene to render.
        path: Picture to write.

    Raises:
        OutputError: If Blender cannot write it.
    """
    render_of(scene).filepath = str(path.absolute())  # Blender 5 takes no path without a folder
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise write_error(path, str(error).strip().splitlines()[-1]) from error


def write_error(path: Path, reason: str) -> OutputError:
    """Return the error for a failed write. Blender gives no error code: a full disk is detected by its free space."""
    try:
        room = os.statvfs(path.parent)
        full = room.f_bavail * room.f_frsize < LOW_SPACE_BYTES
    except (AttributeError, OSError):
        full = False
    if full or "No space left" in reason:
        return output_error(path, OSError(ENOSPC, "No space left on device"))
    return OutputError(f"{path} could not be written ({reason}). Choose another folder with --out or --work.")
