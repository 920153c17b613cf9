"""From skeleton data to an animated rig: the functions behind the panel and the headless renderer.

``import_and_fit`` does all. Its two halves can be had alone: ``read_and_fit`` touches nothing of Blender, so it can run
in a thread while the window stays alive; ``place`` and ``refresh`` then build or change a rig at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
import time

import bpy

from ..core.body.model import BodyModel
from ..core.body.model_io import DEFAULT_BODY
from ..core.body.motion import BodyMotion
from ..core.errors import RegressorError
from ..core.fit.pipeline import FitResult, fit
from ..core.fit.regressor import PoseRegressor
from ..core.fit.settings import FitSettings
from ..core.io.opening import open_source
from ..core.io.theta import as_fitted, joints_of
from ..core.progress import Progress, part_of, silent
from ..core.skeleton.sequence import KeypointSequence
from .blocks import taken_back_on_failure
from .rig.actions import animate
from .rig.dancer import DancerRecord, build_rig, replace_motion, write_record
from .rig.keypoint_store import store_points


@dataclass(frozen=True)
class ImportOptions:
    """What may be said about a source, and about the rig.

    layout: name, where the format leaves it open; fps: instead of what the file says; frames: first and one after
    the last (None: to the end); fit: how; name: of the rig; first_frame: scene
    frame of the first key; correctives: exact SMPL skinning at the price of slower playback.
    """

    layout: str | None = None
    fps: float | None = None
    frames: tuple[int, int | None] | None = None
    fit: FitSettings = FitSettings()
    name: str = "Dancer"
    first_frame: float = 0.0
    correctives: bool = True


@dataclass(frozen=True)
class Fitting:
    """A fit that is not in Blender yet. seconds: spent by stage."""

    fit: FitResult
    sequence: KeypointSequence
    body: BodyModel
    seconds: dict[str, float]


@dataclass(frozen=True)
class Imported:
    """What import_and_fit made. seconds: spent by stage, beside the fit's own in ``fit.report``."""

    armature: bpy.types.Object
    mesh: bpy.types.Object
    fit: FitResult
    sequence: KeypointSequence
    seconds: dict[str, float]


def import_and_fit(
    source: Path | KeypointSequence | BodyMotion,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    regressor: PoseRegressor | None,
    body: BodyModel,
    options: ImportOptions = ImportOptions(),
    progress: Progress = silent,
) -> Imported:
    """Read ``source``, fit ``body`` to it, and build the animated rig in ``collection``, at the scene's frame rate.

    Nothing is made in Blender before the fit has succeeded, and nothing stays where building fails. Where ``source``
    is a KeypointSequence or a BodyMotion, the options that concern reading do not apply; theta needs no fit, and so no
    regressor.

    Raises:
        InputError: the source cannot be used. RegressorError: the regressor is for another layout.
    """
    fitting = read_and_fit(
        source, regressor=regressor, body=body, options=options, progress=part_of(progress, 0.0, 0.6)
    )
    return place(
        fitting,
        scene=scene,
        view_layer=view_layer,
        collection=collection,
        options=options,
        progress=part_of(progress, 0.6, 1.0),
    )


def read_and_fit(
    source: Path | KeypointSequence | BodyMotion,
    *,
    regressor: PoseRegressor | None,
    body: BodyModel,
    options: ImportOptions = ImportOptions(),
    progress: Progress = silent,
) -> Fitting:
    """The half that needs no Blender; arguments and errors as of ``import_and_fit``."""
    clock = time.perf_counter()
    progress(0.0, "Reading")
    opened = source
    if isinstance(opened, Path):
        opened = open_source(opened, body=body, layout=options.layout, fps=options.fps, frames=options.frames)
    seconds = {"read": time.perf_counter() - clock}

    clock = time.perf_counter()
    if isinstance(opened, BodyMotion):
        result, sequence = as_fitted(opened, body), joints_of(opened, body)
    elif regressor is None:
        raise RegressorError(f"{opened.source} holds points, and there is no regressor for them. Choose one.")
    else:
        sequence, inner = opened, part_of(progress, 0.1, 1.0)
        result = fit(sequence, regressor=regressor, body=body, settings=options.fit, progress=inner)
    seconds["fit"] = time.perf_counter() - clock
    return Fitting(result, sequence, body, seconds)


def place(
    fitting: Fitting,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    options: ImportOptions = ImportOptions(),
    progress: Progress = silent,
) -> Imported:
    """Build the animated rig of a fit in ``collection``, at the scene's frame rate."""
    motion, body, seconds = fitting.fit.motion, fitting.body, dict(fitting.seconds)
    with taken_back_on_failure():
        progress(0.0, "Building the rig")
        with _timed(seconds, "rig"):
            armature, mesh = build_rig(
                motion,
                body,
                view_layer=view_layer,
                collection=collection,
                name=options.name,
                correctives=options.correctives,
            )
        progress(0.5, "Writing the animation")
        with _timed(seconds, "animate"):
            scene_fps = scene.render.fps / scene.render.fps_base
            animate(armature, motion, scene_fps=scene_fps, first_frame=options.first_frame)
            _keep(armature, fitting, scene_fps=scene_fps, first_frame=options.first_frame)
    progress(1.0, f"Fitted {len(motion)} frames")
    return Imported(armature, mesh, fitting.fit, fitting.sequence, seconds)


def refresh(
    armature: bpy.types.Object,
    fitting: Fitting,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    first_frame: float,
) -> None:
    """Give a dancer the motion and shape of another fit of the same body; place, materials and name stay.

    Raises:
        InputError: the rig was made from another body, or was taken apart.
    """
    scene_fps = scene.render.fps / scene.render.fps_base
    with taken_back_on_failure():
        replace_motion(
            armature,
            fitting.fit.motion,
            fitting.body,
            scene_fps=scene_fps,
            first_frame=first_frame,
            view_layer=view_layer,
        )
        _keep(armature, fitting, scene_fps=scene_fps, first_frame=first_frame)


def _keep(armature: bpy.types.Object, fitting: Fitting, *, scene_fps: float, first_frame: float) -> None:
    """What the file has to know of the fit later."""
    motion, body, sequence = fitting.fit.motion, fitting.body, fitting.sequence
    audio = sequence.audio
    record = DancerRecord(
        source=sequence.source,
        layout=sequence.layout.name,
        fps=motion.fps,
        frames=len(motion),
        betas=tuple(float(beta) for beta in motion.betas),
        scale=float(motion.scale),
        body=body.fingerprint,
        body_name=body.name,
        body_file="" if body.source == str(DEFAULT_BODY) else body.source,
        first_frame=first_frame,
        scene_fps=scene_fps,
        audio=None if audio is None else (str(audio.path), audio.start_s, audio.duration_s),
        notes=sequence.notes,
        report=fitting.fit.report,
    )
    write_record(armature, record)
    store_points(armature, sequence, fitting.fit)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    clock = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - clock
