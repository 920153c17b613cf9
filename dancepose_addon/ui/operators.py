"""The sidebar's buttons."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ..blender.pipeline import Imported, ImportOptions, import_and_fit
from ..core.body.model_io import load_body
from ..core.errors import DancePoseError, InputError
from ..core.fit.pose import REFINE_STEPS
from ..core.fit.settings import settings_from
from ..core.progress import Progress
from ..core.skeleton.readers import read
from ..inference import open_regressor
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
        settings.result = (
            f"{report['frames']} frames at {report['fps']:.4g} fps, {mean_mm:.1f} mm, {report['provider']}"
        )
        self.report({"INFO"}, f"Fitted {settings.result}")
        return {"FINISHED"}


def _import_and_fit(context: bpy.types.Context, progress: Progress) -> Imported:
    scene, settings = context.scene, context.scene.dancepose
    if not settings.source:
        raise InputError("No motion is chosen. Set Motion to a skeleton file or to an M&D folder.")
    layout = None if settings.layout == "AUTO" else settings.layout
    sequence = read(_path(settings.source), layout=layout)
    body = settings.body or preferred_body(context)
    model = _path(settings.regressor) if settings.regressor else None
    imported = import_and_fit(
        sequence,
        scene=scene,
        view_layer=context.view_layer,
        collection=context.collection,
        regressor=open_regressor(model, layout=sequence.layout.name, device=settings.device),
        body=load_body(_path(body) if body else None),
        options=ImportOptions(
            name=_path(settings.source).stem,
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


def _path(text: str) -> Path:
    return Path(bpy.path.abspath(text))


@contextmanager
def _cursor_progress(manager: bpy.types.WindowManager) -> Iterator[Progress]:
    manager.progress_begin(0.0, 1.0)
    try:
        yield lambda fraction, _message: manager.progress_update(fraction)
    finally:
        manager.progress_end()
