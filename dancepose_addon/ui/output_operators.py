# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators for stage, render and export, and the check of the preferences."""

from collections.abc import Generator
from dataclasses import asdict
import math
from pathlib import Path
import shutil
import time

import bpy

from ..blender.data_blocks import referenced_files
from ..blender.narrowing import frame_rate_of, present, scene_of, view_layer_of
from ..blender.render import rendering, video
from ..blender.render.engines import choose_engine, set_up_engine
from ..blender.rig.dancer import DancerRecord, dancers_of, read_record
from ..blender.rig.vertex_cache import write_cache
from ..blender.scene_export import export_dancer
from ..blender.self_check import check_blender
from ..blender.stage.studio import StudioSettings, build_studio, clear_studio, not_staged
from ..core.checklist import Check, report_of
from ..core.errors import InputError
from ..core.fit.settings import FILE_SETTINGS
from ..core.output_links import odd_entries, require_plain
from ..core.output_paths import Output, require_outputs
from ..core.skeleton.sequence import AudioWindow
from ..core.stage_design import StageSettings
from ..inference import check_runtime
from .blender_types import OperatorResult
from .modal_task import ModalSteps, Steps, Task, wait_for
from .preferences import preferences_of, preferred_path, working_folder
from .properties import NO_DANCER, DANCEPOSE_PG_stage, active_dancer, stage_of
from .text_layout import translate


def studio_settings_of(stage: DANCEPOSE_PG_stage) -> StudioSettings:
    """Return the camera and stage that the panel describes."""
    red, green, blue = stage.background
    return StudioSettings(
        camera=stage.camera,
        aspect=stage.width / stage.height,
        stage=StageSettings(
            backdrop_rgb=(red, green, blue),
            light=stage.light,
            transparent=stage.transparent,
            round=stage.camera == "ORBIT",
            floor=stage.floor,
        ),
    )


class _StageOperator(ModalSteps):
    """Base of the operators that report problems in the Stage, Render and Export panels."""

    def problem_owner(self, context: bpy.types.Context) -> DANCEPOSE_PG_stage:
        """Return the settings of the stage."""
        return stage_of(scene_of(context))


class DANCEPOSE_OT_build_stage(_StageOperator):
    """Builds floor, lights and camera."""

    bl_idname = "dancepose.build_stage"
    bl_label = "Build Stage"
    bl_description = "Build floor, lights and a camera for all dancers of the scene, replacing the previous stage"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Do the work; fast enough for one step."""
        yield 0.0, "Building the stage"
        scene = scene_of(context)
        _set_picture(scene, stage_of(scene))
        build_studio(scene, view_layer_of(context), studio_settings_of(stage_of(scene)))
        return translate("Built the stage")


class DANCEPOSE_OT_clear_stage(_StageOperator):
    """Removes floor, lights and camera."""

    bl_idname = "dancepose.clear_stage"
    bl_label = "Remove Stage"
    bl_description = "Remove the floor, lights and camera made by Build Stage"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Do the work; fast enough for one step."""
        yield 0.0, "Removing the stage"
        scene = scene_of(context)
        if scene.world is not None and scene.world.name.startswith("DancePose"):
            scene.world = None
        clear_studio(scene)
        return translate("Removed the stage")


def _set_picture(scene: bpy.types.Scene, stage: DANCEPOSE_PG_stage) -> None:
    if stage.width % 2 or stage.height % 2:
        raise InputError(f"Width and height must be even numbers for H.264 video, got {stage.width} x {stage.height}.")
    rendering.set_up_picture(scene, width=stage.width, height=stage.height, fps=frame_rate_of(scene))


class DANCEPOSE_OT_render(_StageOperator):
    """Renders the dance to a video or to PNG frames."""

    bl_idname = "dancepose.render"
    bl_label = "Render"
    bl_description = (
        "Render the dance to a video with its music, or to PNG frames. Esc stops between frames; finished frames are "
        "kept, and rendering again continues from there"
    )
    bl_options = {"REGISTER"}

    def steps(self, context: bpy.types.Context) -> Steps:
        """Choose the engine, build the stage, render frame by frame, encode the film."""
        scene = scene_of(context)
        stage = stage_of(scene)
        records = [read_record(dancer) for dancer in dancers_of(scene)]
        out = _output(stage)
        _require_no_input(out, records, is_folder=stage.form == "FRAMES")
        yield 0.0, "Testing the render engine"
        engine = yield from wait_for(Task(lambda _progress: choose_engine(stage.engine)))
        for notice in engine.notices:
            self.warn(notice)
        shown = scene.frame_current
        _set_picture(scene, stage)
        shot = build_studio(scene, view_layer_of(context), studio_settings_of(stage))
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
            return self._finished(stage, translate("{} frames in {}").format(last - first + 1, out))
        yield 0.97, "Writing the film"
        problem = video.encode_video(
            out,
            frames=folder,
            count=last - first + 1,
            width=stage.width,
            height=stage.height,
            fps=frame_rate_of(scene),
            audio=_music(context, first) if stage.with_audio else None,
            work=folder,
        )
        if problem:
            self.warn(problem)
        shutil.rmtree(folder, ignore_errors=True)
        return self._finished(stage, str(out))

    def _finished(self, stage: DANCEPOSE_PG_stage, what: str) -> str:
        stage.rendered = what
        return translate("Wrote {}").format(what)


def _output(stage: DANCEPOSE_PG_stage) -> Path:
    if not stage.output:
        raise InputError("No output file is chosen. Set File in the Render panel.")
    if stage.output.startswith("//") and not bpy.data.filepath:
        raise InputError(
            f"{stage.output} is relative to the .blend file, which is not saved yet. Save it first, or choose another "
            "file in the Render panel."
        )
    path = Path(bpy.path.abspath(stage.output))
    if stage.form == "VIDEO" and path.suffix.lower() != ".mp4":
        path = path.with_name(f"{path.name}.mp4")
    return path.with_suffix("") if stage.form == "FRAMES" and path.suffix.lower() == ".mp4" else path


def _require_no_input(path: Path, records: list[DancerRecord], *, is_folder: bool = False) -> None:
    """Refuse an output that cannot be written, or that is the scene's file or what a dancer was made from."""
    names = [bpy.data.filepath]
    for record in records:
        names += [record.source, record.body_file, record.audio[0] if record.audio else ""]
        names += _files_of_fit(record)
    inputs = [*(Path(name) for name in names if name), *referenced_files()]
    require_outputs([Output("File", path, is_folder=is_folder)], [given for given in inputs if given.exists()])
    if is_folder:
        require_plain(odd_entries(path), path)


def _files_of_fit(record: DancerRecord) -> list[str]:
    """Return the files that the settings of a fit name."""
    settings = record.report.get("settings")
    return [str(settings.get(key) or "") for key in FILE_SETTINGS] if isinstance(settings, dict) else []


def _range(scene: bpy.types.Scene, stage: DANCEPOSE_PG_stage, records: list[DancerRecord]) -> tuple[int, int]:
    if stage.range == "SCENE" or not records:
        return scene.frame_start, scene.frame_end
    first = math.floor(min(record.first_frame for record in records))
    return first, max(first, math.floor(max(record.last_frame for record in records)))


def _frames(
    scene: bpy.types.Scene, folder: Path, first: int, count: int, key: str
) -> Generator[tuple[float, str], None, None]:
    """Render the missing frames one by one."""
    for index in range(count):
        yield 0.02 + 0.95 * index / count, f"Frame {index + 1} of {count}"
        rendering.render_frames(scene, folder=folder, count=1, start=index, first_frame=first, key=key)


def _music(context: bpy.types.Context, first: int) -> AudioWindow | None:
    """Return the music of the selected dancer, or of the first that has any, starting at scene frame ``first``."""
    scene, chosen = scene_of(context), active_dancer(context)
    dancers = ([chosen] if chosen is not None else []) + dancers_of(scene)
    for record in map(read_record, dancers):
        if record.audio is not None:
            path, start_s, duration_s = record.audio
            ahead_s = (first - record.first_frame) / record.scene_fps
            return AudioWindow(Path(path), max(0.0, start_s + ahead_s), duration_s)
    return None


class DANCEPOSE_OT_export(_StageOperator):
    """Exports the selected dancer."""

    bl_idname = "dancepose.export"
    bl_label = "Export Dancer"
    bl_description = "Export the selected dancer over its clip for other programs"
    bl_options = {"REGISTER"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether a dancer is selected."""
        return context.mode == "OBJECT" and active_dancer(context) is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        """Ask for the file."""
        dancer = active_dancer(context)
        suffix = stage_of(scene_of(context)).export_format
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        self.filepath = str(folder / f"{bpy.path.clean_name(dancer.name if dancer else 'dancer')}{suffix}")
        present(context.window_manager).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def steps(self, context: bpy.types.Context) -> Steps:
        """Do the work; fast enough for one step."""
        dancer = active_dancer(context)
        if dancer is None:
            raise InputError(NO_DANCER)
        if not self.filepath:
            raise InputError("No file to export to is chosen.")
        path = Path(bpy.path.abspath(self.filepath))
        if not path.suffix:
            path = path.with_suffix(stage_of(scene_of(context)).export_format)
        _require_no_input(path, [read_record(dancer)])
        yield 0.0, f"Writing {path.name}"
        if path.suffix.lower() == ".pc2":
            write_cache(dancer, path)
        else:
            export_dancer(path, dancer, scene_of(context))
        return translate("Wrote {}").format(path)


class DANCEPOSE_OT_check(bpy.types.Operator):
    """Checks this installation."""

    bl_idname = "dancepose.check"
    bl_label = "Check"
    bl_description = (
        "Check what works on this machine: Blender, render engines, onnxruntime and its devices, body, regressors and "
        "folders"
    )
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Run the checks."""
        report = report_of(checks_of(context))
        preferences = preferences_of(context)
        if preferences is not None:
            preferences.report = report
        else:
            present(context.window_manager).clipboard = report
        self.report({"INFO"}, translate("Check finished. Problems: {}").format(report.count("BAD ")))
        return {"FINISHED"}


def checks_of(context: bpy.types.Context) -> list[Check]:
    """Return all checks of this installation."""
    folder = working_folder(context)
    return [
        *check_blender({"cache folder": folder}),
        *check_runtime(preferred_path(context, "body"), preferred_path(context, "regressors")),
    ]


class DANCEPOSE_OT_copy_report(bpy.types.Operator):
    """Copies the report of the check."""

    bl_idname = "dancepose.copy_report"
    bl_label = "Copy Report"
    bl_description = "Copy the report. User names and home folders are masked"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Copy the report."""
        preferences = preferences_of(context)
        if preferences is None or not preferences.report:
            self.report({"ERROR"}, "There is no report yet. Press Check first.")
            return {"CANCELLED"}
        present(context.window_manager).clipboard = preferences.report
        return {"FINISHED"}


CLASSES = (
    DANCEPOSE_OT_build_stage,
    DANCEPOSE_OT_clear_stage,
    DANCEPOSE_OT_render,
    DANCEPOSE_OT_export,
    DANCEPOSE_OT_check,
    DANCEPOSE_OT_copy_report,
)
