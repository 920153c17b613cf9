"""From skeleton data to an animated rig: the one function behind the panel and the headless renderer."""

from dataclasses import dataclass
from pathlib import Path
import time

import bpy

from ..core.body.model import BodyModel
from ..core.errors import RegressorError
from ..core.exchange.opening import open_source
from ..core.exchange.theta import as_fitted, joints_of
from ..core.fit.motion import BodyMotion
from ..core.fit.regressor import PoseRegressor
from ..core.fit.settings import FitSettings
from ..core.fit.solve import FitResult, fit
from ..core.progress import Progress, part_of, silent
from ..core.skeleton.sequence import Sequence
from .actions import animate
from .dancer import build_rig


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
class Imported:
    """What import_and_fit made. seconds: spent by stage, beside the fit's own in ``fit.report``."""

    armature: bpy.types.Object
    mesh: bpy.types.Object
    fit: FitResult
    sequence: Sequence
    seconds: dict[str, float]


def import_and_fit(
    source: Path | Sequence | BodyMotion,
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

    Nothing is made in Blender before the fit has succeeded. Where ``source`` is a Sequence or a BodyMotion, the options
    that concern reading do not apply; theta needs no fit, and so no regressor.

    Raises:
        InputError: the source cannot be used. RegressorError: the regressor is for another layout.
    """
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
        sequence, inner = opened, part_of(progress, 0.1, 0.6)
        result = fit(sequence, regressor=regressor, body=body, settings=options.fit, progress=inner)
    seconds["fit"] = time.perf_counter() - clock

    clock = time.perf_counter()
    motion = result.motion
    progress(0.6, "Building the rig")
    armature, mesh = build_rig(
        motion, body, view_layer=view_layer, collection=collection, name=options.name, correctives=options.correctives
    )
    seconds["rig"], clock = time.perf_counter() - clock, time.perf_counter()

    progress(0.8, "Writing the animation")
    render = scene.render
    animate(armature, motion, scene_fps=render.fps / render.fps_base, first_frame=options.first_frame)
    seconds["animate"] = time.perf_counter() - clock
    progress(1.0, f"Fitted {len(motion)} frames")
    return Imported(armature, mesh, result, sequence, seconds)
