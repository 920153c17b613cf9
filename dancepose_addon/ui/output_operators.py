"""Stage, render, export, and the check of the preferences."""

from collections.abc import Generator
from dataclasses import asdict
import math
from pathlib import Path
import shutil
import time
from typing import Any, TypeAlias

import bpy

from ..blender.render import rendering, video
from ..blender.render.engines import Engine, choose_engine, set_up_engine
from ..blender.rig.dancer import DancerRecord, dancers_of, read_record
from ..blender.rig.vertex_cache import write_cache
from ..blender.scene_export import export_dancer
from ..blender.self_check import check_blender
from ..blender.stage.stage import StageSettings
from ..blender.stage.studio import StudioSettings, build_studio, clear_studio, not_staged
from ..core.checklist import Check, report_of
from ..core.errors import InputError
from ..core.skeleton.sequence import AudioWindow
from ..inference import check_runtime
from .modal_task import ModalSteps, Task, waited_for
from .preferences import preferences_of, preferred, working_folder
from .properties import active_dancer
from .text_layout import told

Steps: TypeAlias = Generator[tuple[float, str], None, str]


def studio_settings_of(stage: Any) -> StudioSettings:
    """The stage that the panel asks for."""
    return StudioSettings(
        camera=stage.camera,
        aspect=stage.width / stage.height,
        stage=StageSettings(
            backdrop_rgb=tuple(stage.background),
            light=stage.light,
            transparent=stage.transparent,
            round=stage.camera == "ORBIT",
            floor=stage.floor,
        ),
    )


class _OnStage(ModalSteps):
    """Operators of the stage's panels tell their problems there."""

    def problem_owner(self, context: bpy.types.Context) -> Any:
        """Where the panel looks for what went wrong."""
        return context.scene.dancepose_stage


class DANCEPOSE_OT_build_stage(_OnStage, bpy.types.Operator):
    """Put floor, lights and camera around all dancers of the scene, instead of those from before"""

    bl_idname = "dancepose.build_stage"
    bl_label = "Build Stage"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Quick enough for one step."""
        yield 0.0, "Building the stage"
        stage = context.scene.dancepose_stage
        _set_picture(context.scene, stage)
        build_studio(context.scene, context.view_layer, studio_settings_of(stage))
        return told("Built the stage")


class DANCEPOSE_OT_clear_stage(_OnStage, bpy.types.Operator):
    """Remove the stage that Build Stage made"""

    bl_idname = "dancepose.clear_stage"
    bl_label = "Remove Stage"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Quick enough for one step."""
        yield 0.0, "Removing the stage"
        world = context.scene.world
        if world is not None and world.name.startswith("DancePose"):
            context.scene.world = None
        clear_studio(context.scene)
        return told("Removed the stage")


def _set_picture(scene: bpy.types.Scene, stage: Any) -> None:
    if stage.width % 2 or stage.height % 2:
        raise InputError(f"A picture of {stage.width} by {stage.height} cannot be filmed: give even numbers.")
    render = scene.render
    fps = render.fps / render.fps_base
    rendering.set_up_picture(scene, width=stage.width, height=stage.height, fps=fps)


class DANCEPOSE_OT_render(_OnStage, bpy.types.Operator):
    """Render the dance to a video with its music, or to PNG frames. Esc stops between frames; what is finished stays,
    and rendering again goes on from there"""

    bl_idname = "dancepose.render"
    bl_label = "Render"
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender reads a plain set)

    def steps(self, context: bpy.types.Context) -> Steps:
        """Engine, stage, a step for each frame, film."""
        scene, stage = context.scene, context.scene.dancepose_stage
        records = [read_record(dancer) for dancer in dancers_of(scene)]
        out = _output(stage)
        yield 0.0, "Trying the render engine"
        engine: Engine = yield from waited_for(Task(lambda _progress: choose_engine(stage.engine)))
        for notice in engine.notices:
            self.warn(notice)
        shown = scene.frame_current
        _set_picture(scene, stage)
        shot = build_studio(scene, context.view_layer, studio_settings_of(stage))
        set_up_engine(scene, engine, shot)
        first, last = _range(scene, stage, records)
        folder = out if stage.form == "FRAMES" else working_folder(context) / f"{out.stem} frames"
        try:
            settings = asdict(studio_settings_of(stage))
            if stage.start_over:
                settings["at"] = time.time()
            key = rendering.scene_key(scene, dancers_of(scene), not_staged(scene), engine, settings)
            yield from _frames(scene, folder, first, last - first + 1, key)
        finally:
            scene.frame_set(shown)
        if stage.form == "FRAMES":
            return self._finished(stage, told("{} frames in {}").format(last - first + 1, out))
        yield 0.97, "Writing the film"
        trouble = video.encode(
            out,
            frames=folder,
            count=last - first + 1,
            width=stage.width,
            height=stage.height,
            fps=scene.render.fps / scene.render.fps_base,
            audio=_music(context, first) if stage.with_audio else None,
            work=folder,
        )
        if trouble:
            self.warn(trouble)
        shutil.rmtree(folder, ignore_errors=True)
        return self._finished(stage, str(out))

    def _finished(self, stage: Any, what: str) -> str:
        stage.rendered = what
        return told("Wrote {}").format(what)


def _output(stage: Any) -> Path:
    if not stage.output:
        raise InputError("No place for the output is chosen. Set File in the Render panel.")
    if stage.output.startswith("//") and not bpy.data.filepath:
        raise InputError(
            f"{stage.output} lies beside the .blend file, and that is not saved yet. Save it first, or choose another "
            "place in the Render panel."
        )
    path = Path(bpy.path.abspath(stage.output))
    if stage.form == "VIDEO" and path.suffix.lower() != ".mp4":
        path = path.with_name(f"{path.name}.mp4")
    return path.with_suffix("") if stage.form == "FRAMES" and path.suffix.lower() == ".mp4" else path


def _range(scene: bpy.types.Scene, stage: Any, records: list[DancerRecord]) -> tuple[int, int]:
    if stage.range == "SCENE" or not records:
        return scene.frame_start, scene.frame_end
    first = math.floor(min(record.first_frame for record in records))
    return first, max(first, math.floor(max(record.last_frame for record in records)))


def _frames(
    scene: bpy.types.Scene, folder: Path, first: int, count: int, key: str
) -> Generator[tuple[float, str], None, None]:
    """Render one after another what the folder lacks under this key."""
    for index in range(count):
        yield 0.02 + 0.95 * index / count, f"Frame {index + 1} of {count}"
        rendering.render_frames(scene, folder=folder, count=1, start=index, first_frame=first, key=key)


def _music(context: bpy.types.Context, first: int) -> AudioWindow | None:
    """The music of the selected dancer or of the first that has any, from the frame on with which the film begins."""
    scene, chosen = context.scene, active_dancer(context)
    dancers = ([chosen] if chosen is not None else []) + dancers_of(scene)
    for record in map(read_record, dancers):
        if record.audio is not None:
            path, start_s, duration_s = record.audio
            ahead_s = (first - record.first_frame) / record.scene_fps
            return AudioWindow(Path(path), max(0.0, start_s + ahead_s), duration_s)
    return None


class DANCEPOSE_OT_export(_OnStage, bpy.types.Operator):
    """Write the selected dancer over its clip for other programs"""

    bl_idname = "dancepose.export"
    bl_label = "Export Dancer"
    bl_options = {"REGISTER"}  # noqa: RUF012 (Blender reads a plain set)

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be a dancer."""
        return context.mode == "OBJECT" and active_dancer(context) is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask where to."""
        dancer = active_dancer(context)
        suffix = context.scene.dancepose_stage.export_format
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        self.filepath = str(folder / f"{bpy.path.clean_name(dancer.name if dancer else 'dancer')}{suffix}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def steps(self, context: bpy.types.Context) -> Steps:
        """Quick enough for one step."""
        dancer = active_dancer(context)
        if dancer is None or not self.filepath:
            raise InputError("Nothing to export: select a dancer and give a file.")
        path = Path(bpy.path.abspath(self.filepath))
        if not path.suffix:
            path = path.with_suffix(context.scene.dancepose_stage.export_format)
        yield 0.0, f"Writing {path.name}"
        if path.suffix.lower() == ".pc2":
            write_cache(dancer, path)
        else:
            export_dancer(path, dancer, context.scene)
        return told("Wrote {}").format(path)


class DANCEPOSE_OT_check(bpy.types.Operator):
    """Find out what works here: Blender, engines, onnxruntime and what it truly runs on, body, regressors, folders"""

    bl_idname = "dancepose.check"
    bl_label = "Check"
    bl_options = {"INTERNAL"}  # noqa: RUF012 (Blender reads a plain set)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this when the button is pressed."""
        report = report_of(checks_of(context))
        preferences = preferences_of(context)
        if preferences is not None:
            preferences.report = report
        else:
            context.window_manager.clipboard = report
        self.report({"INFO"}, told("Checked; {} things do not work").format(report.count("BAD ")))
        return {"FINISHED"}


def checks_of(context: bpy.types.Context) -> list[Check]:
    """Everything that Check finds out."""
    folder = working_folder(context)
    return [
        *check_blender({"cache folder": folder}),
        *check_runtime(preferred(context, "body"), preferred(context, "regressors")),
    ]


class DANCEPOSE_OT_copy_report(bpy.types.Operator):
    """Copy the report, in which user names and home folders are masked"""

    bl_idname = "dancepose.copy_report"
    bl_label = "Copy Report"
    bl_options = {"INTERNAL"}  # noqa: RUF012 (Blender reads a plain set)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Blender calls this when the button is pressed."""
        preferences = preferences_of(context)
        if preferences is None or not preferences.report:
            self.report({"ERROR"}, "There is no report yet. Press Check first.")
            return {"CANCELLED"}
        context.window_manager.clipboard = preferences.report
        return {"FINISHED"}


CLASSES = (
    DANCEPOSE_OT_build_stage,
    DANCEPOSE_OT_clear_stage,
    DANCEPOSE_OT_render,
    DANCEPOSE_OT_export,
    DANCEPOSE_OT_check,
    DANCEPOSE_OT_copy_report,
)
