"""The sidebar's buttons."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ..blender.pipeline import Imported, ImportOptions, import_and_fit
from ..blender.scene_reader import read_armature
from ..core.body.model import BodyModel
from ..core.body.model_io import load_body
from ..core.errors import DancePoseError, InputError
from ..core.exchange.opening import open_source
from ..core.fit.motion import BodyMotion
from ..core.fit.pose import REFINE_STEPS
from ..core.fit.settings import settings_from
from ..core.progress import Progress
from ..core.skeleton.recording import Hints
from ..core.skeleton.sequence import Sequence
from ..inference import open_for
from .preferences import preferred_body


class DANCEPOSE_OT_import_fit(bpy.types.Operator):
    """Read the skeleton motion, fit the body to it, and add the animated rig to the scene"""

    bl_idname = "dancepose.import_fit"
    bl_label = "Import & Fit"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012 (Blender reads a plain set)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Rigs are built in object mode."""
        return context.mode == "OBJECT"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this when the button is pressed."""
        settings = context.scene.dancepose
        try:
            with _cursor_progress(context.window_manager) as progress:
                imported = _import_and_fit(context, progress)
        except DancePoseError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        report = imported.fit.report
        for notice in report["notices"]:
            self.report({"WARNING"}, notice)
        mean_mm = report["final_error_mm"]
        distance = "as given" if mean_mm is None else f"{mean_mm:.1f} mm"
        settings.result = f"{report['frames']} frames at {report['fps']:.4g} fps, {distance}, {report['provider']}"
        self.report({"INFO"}, f"Fitted {settings.result}")
        return {"FINISHED"}


def _import_and_fit(context: bpy.types.Context, progress: Progress) -> Imported:
    scene, settings = context.scene, context.scene.dancepose
    layout = None if settings.layout == "AUTO" else settings.layout
    chosen_body = settings.body or preferred_body(context)
    body = load_body(_path(chosen_body) if chosen_body else None)
    source = _source(context, body, layout)
    model = _path(settings.regressor) if settings.regressor else None
    regressor = None
    if isinstance(source, Sequence):
        source, regressor = open_for(source, model, device=settings.device)
    imported = import_and_fit(
        source,
        scene=scene,
        view_layer=context.view_layer,
        collection=context.collection,
        regressor=regressor,
        body=body,
        options=ImportOptions(
            name=_path(settings.source).stem if settings.source else f"{context.object.name} avatar",
            first_frame=float(scene.frame_start),
            fit=settings_from(
                refine=REFINE_STEPS if settings.refine else 0,
                adapt=settings.adapt,
                smooth=settings.smooth,
                level=settings.level,
                foot_lock=settings.foot_lock,
            ),
        ),
        progress=progress,
    )
    rate = scene.render.fps / scene.render.fps_base
    scene.frame_end = max(scene.frame_end, scene.frame_start + int(imported.sequence.duration_s * rate))
    return imported


def _source(context: bpy.types.Context, body: BodyModel, layout: str | None) -> Sequence | BodyMotion:
    """The file that is chosen or, where none is, the selected armature's motion."""
    settings, chosen = context.scene.dancepose, context.object
    if settings.source:
        return open_source(_path(settings.source), body=body, layout=layout)
    if chosen is None or chosen.type != "ARMATURE" or not chosen.select_get():
        raise InputError(
            "No motion is chosen. Set Motion to a skeleton file or to an M&D folder, or select an animated armature."
        )
    return read_armature(chosen, context.scene, hints=Hints(layout=layout))


def _path(text: str) -> Path:
    return Path(bpy.path.abspath(text))


@contextmanager
def _cursor_progress(manager: bpy.types.WindowManager) -> Iterator[Progress]:
    manager.progress_begin(0.0, 1.0)
    try:
        yield lambda fraction, _message: manager.progress_update(fraction)
    finally:
        manager.progress_end()
