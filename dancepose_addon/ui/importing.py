"""Import and fit, for files and folders, and again for dancers that there are."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeAlias

import bpy

from ..blender.import_motion import RigOptions, add_dancer, update_dancer
from ..blender.rig.dancer import body_of, dancer_of, read_record
from ..blender.rig.keypoint_store import stored_sequence
from ..blender.rig.vertex_cache import unbake
from ..blender.scene_reader import read_armature
from ..core.body.model import BodyModel
from ..core.body.motion import BodyMotion
from ..core.errors import InputError
from ..core.fit.pipeline import FitResult
from ..core.fit.pose.levenberg_marquardt import REFINE_STEPS
from ..core.fit.settings import FIT_OPTIONS, FitSettings
from ..core.progress import Progress, part_of
from ..core.skeleton.sequence import KeypointSequence
from ..fitting import fit_opened
from . import reading, update_callbacks
from .modal_task import ModalSteps, Task, waited_for
from .preferences import preferred
from .properties import active_dancer, copy_settings, settings_in
from .text_layout import told

Steps: TypeAlias = Generator[tuple[float, str], None, str]
Warn: TypeAlias = Callable[[str], None]

APART_M = 1.5
"""Between dancers that are imported together."""


def fit_settings_of(settings: Any, beta_count: int) -> FitSettings:
    """Return the settings of the fit that the panel shows."""
    # An option that the panel does not show keeps its default.
    values = {option.name: getattr(settings, option.name, option.default) for option in FIT_OPTIONS}
    # The panel has a switch instead of a number of steps, and a shape only where one is given.
    values["refine"] = REFINE_STEPS if settings.refine else 0
    values["betas"] = tuple(settings.betas[:beta_count]) if settings.give_betas else None
    return FitSettings(**values)


def fitting_steps(
    settings: Any,
    context: bpy.types.Context,
    body: BodyModel,
    motion: Path | KeypointSequence | BodyMotion,
    *,
    name: str = "",
) -> Generator[tuple[float, str], None, FitResult]:
    """Steps of reading and fitting in a thread. motion: Path for the settings' own file, which the thread reads."""
    fit_settings = fit_settings_of(settings, body.beta_count)
    device, own, folder = settings.device, update_callbacks.own_regressor(settings), preferred(context, "regressors")
    source = _Reading(settings) if isinstance(motion, Path) else None

    def work(progress: Progress) -> FitResult:
        progress(0.0, f"Reading {name}")
        opened = motion if source is None else reading.open_motion(source, body)
        assert not isinstance(opened, Path)
        regressor = None
        if isinstance(opened, KeypointSequence):
            regressor = update_callbacks.find_regressor(own, folder, opened.layout.name)
        inner = part_of(progress, 0.1, 1.0)
        return fit_opened(opened, body=body, regressor=regressor, device=device, settings=fit_settings, progress=inner)

    fitting: FitResult = yield from waited_for(Task(work))
    return fitting


class _Reading:
    """The settings that reading needs, as they were: a thread must not look at Blender's."""

    def __init__(self, settings: Any) -> None:
        for name in (
            "source", "layout", "layout_file", "fps", "unit", "up", "mirror", "values", "take", "first", "last",
            "audio", "audio_start",
        ):  # fmt: skip
            value = getattr(settings, name)
            setattr(self, name, bpy.path.abspath(value) if name in ("source", "layout_file", "audio") else value)


class DANCEPOSE_OT_import_fit(ModalSteps, bpy.types.Operator):
    """Read the skeleton motion, fit the body to it, and add the animated rig to the scene"""

    bl_idname = "dancepose.import_fit"
    bl_label = "Import & Fit"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Rigs are built in object mode."""
        return context.mode == "OBJECT"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Read, fit, place."""
        settings, chosen = settings_in(context), context.object
        body = update_callbacks.chosen_body(settings, context)
        motion: Path | KeypointSequence
        if settings.source:
            motion, name = reading.source_path(settings), reading.source_path(settings).stem
        elif chosen is not None and chosen.type == "ARMATURE" and chosen.select_get() and dancer_of(chosen) is None:
            motion = read_armature(chosen, context.scene, hints=reading.hints_of(settings))
            name = f"{chosen.name} avatar"
        else:
            raise InputError(
                "No motion is chosen. Set Motion to a skeleton file or to an M&D folder, or select an animated "
                "armature."
            )
        replaced = active_dancer(context) if settings.on_import == "REPLACE" else None
        fitting = yield from fitting_steps(settings, context, body, motion, name=name)
        yield 0.95, "Building the rig"
        if replaced is not None:
            return _refresh(context, replaced, fitting, settings, warn=self.warn)
        return _place(context, fitting, settings, name=name, warn=self.warn)


class DANCEPOSE_OT_refit(ModalSteps, bpy.types.Operator):
    """Fit the selected dancer again with the settings as they are now, without reading its file"""

    bl_idname = "dancepose.refit"
    bl_label = "Refit"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There has to be a dancer."""
        return context.mode == "OBJECT" and active_dancer(context) is not None

    def steps(self, context: bpy.types.Context) -> Steps:
        """Fit, and give the dancer what came out."""
        dancer = active_dancer(context)
        if dancer is None:
            raise InputError("No dancer is selected. Select one, by its body or its bones.")
        settings = dancer.dancepose
        sequence, body = stored_sequence(dancer), body_of(read_record(dancer))
        fitting = yield from fitting_steps(settings, context, body, sequence, name=dancer.name)
        yield 0.95, "Changing the rig"
        return _refresh(context, dancer, fitting, settings, warn=self.warn)


class DANCEPOSE_OT_import_motions(ModalSteps, bpy.types.Operator):
    """Import skeleton motions, a dancer for each file, with the settings of the sidebar"""

    bl_idname = "dancepose.import_motions"
    bl_label = "Import Skeleton Motion"

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(
        default="*.json;*.npy;*.npz;*.pkl;*.bvh;*.c3d;*.trc;*.csv", options={"HIDDEN"}
    )
    apart: bpy.props.FloatProperty(
        name="Apart", description="Distance between dancers that are imported together", default=APART_M, unit="LENGTH"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Rigs are built in object mode."""
        return context.mode == "OBJECT"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Dropped files are taken at once; else they are asked for."""
        if self.directory:
            return super().invoke(context, event)
        self._was_asked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        """The file browser calls this as scripts do; behind it there is a window that has to stay alive."""
        if getattr(self, "_was_asked", False) and context.window is not None:
            return self.begin(context)
        return super().execute(context)

    def problem_owner(self, context: bpy.types.Context) -> Any:
        """Where the panel looks for what went wrong."""
        return context.scene.dancepose

    def steps(self, context: bpy.types.Context) -> Steps:
        """Each file in turn; one that cannot be read does not keep the others out."""
        folder = Path(self.directory)
        paths = [folder / element.name for element in self.files if element.name] or [folder]
        settings, wrong, made = context.scene.dancepose, [], 0
        body = update_callbacks.chosen_body(settings, context)
        for number, path in enumerate(paths):
            with update_callbacks.quiet():
                settings.source = str(path)
                settings.first = settings.last = 0
            try:
                steps = fitting_steps(settings, context, body, path, name=path.name)
                fitting = yield from _scaled(steps, number, len(paths))
            except InputError as error:
                if len(paths) == 1:
                    raise
                wrong.append(str(error))
                self.warn(str(error))
                continue
            place_m = (made - (len(paths) - 1) / 2.0) * self.apart if len(paths) > 1 else 0.0
            _place(
                context,
                fitting,
                settings,
                name=path.stem,
                warn=self.warn,
                aside=place_m,
            )
            made += 1
        if wrong:
            settings.problem = " ".join(wrong)
        return told("Imported {} of {} motions").format(made, len(paths))


def _scaled(
    steps: Generator[tuple[float, str], None, FitResult], number: int, count: int
) -> Generator[tuple[float, str], None, FitResult]:
    """The steps of one of several, as part of them all."""
    while True:
        try:
            fraction, message = next(steps)
        except StopIteration as ended:
            fitting: FitResult = ended.value
            return fitting
        try:
            yield (number + fraction) / count, message
        except GeneratorExit:
            steps.close()
            raise


def _place(
    context: bpy.types.Context, fitting: FitResult, settings: Any, *, name: str, warn: Warn, aside: float = 0.0
) -> str:
    scene = context.scene
    imported = add_dancer(
        fitting,
        scene=scene,
        view_layer=context.view_layer,
        collection=context.collection,
        options=RigOptions(name=name, first_frame=float(scene.frame_start), correctives=settings.correctives),
    )
    dancer = imported.armature
    dancer.location.x += aside
    copy_settings(settings, dancer.dancepose)
    with update_callbacks.quiet():
        dancer.dancepose.on_import = "REPLACE"
    _show(context, dancer)
    result = _describe(dancer, fitting, warn)
    settings.result = result
    return told("Fitted {}").format(result)


def _refresh(
    context: bpy.types.Context, dancer: bpy.types.Object, fitting: FitResult, settings: Any, *, warn: Warn
) -> str:
    record = read_record(dancer)
    if fitting.body.fingerprint != record.body:
        raise InputError(
            f"{dancer.name} was made from {record.body_name}, and the Body panel names {fitting.body.name}. Choose Add "
            "for a dancer with another body."
        )
    unbake(dancer)
    update_dancer(dancer, fitting, scene=context.scene, view_layer=context.view_layer, first_frame=record.first_frame)
    if dancer.dancepose != settings:
        copy_settings(settings, dancer.dancepose)
    return told("Fitted {}").format(_describe(dancer, fitting, warn))


def _show(context: bpy.types.Context, dancer: bpy.types.Object) -> None:
    """Select the dancer alone, and let the scene be long enough for it."""
    for thing in context.view_layer.objects:
        thing.select_set(thing == dancer, view_layer=context.view_layer)
    context.view_layer.objects.active = dancer
    scene, record = context.scene, read_record(dancer)
    scene.frame_end = max(scene.frame_end, round(record.last_frame))


def _describe(dancer: bpy.types.Object, fitting: FitResult, warn: Warn) -> str:
    """Say how it went, in the panel and in one line."""
    report, settings, record = fitting.report, dancer.dancepose, read_record(dancer)
    for notice in report["notices"]:
        warn(notice)
    mean_mm = report["final_error_mm"]
    distance = told("as given") if mean_mm is None else f"{mean_mm:.1f} mm"
    frames, runs = told("{} frames at {:.4g} fps").format(report["frames"], report["fps"]), report["provider"]
    spent = report["seconds"].get("regress")
    time_ms = f", {1000.0 * spent:.0f} ms" if spent is not None else ""
    with update_callbacks.quiet():
        if not settings.give_betas:
            settings.betas = update_callbacks.padded(record.betas)
        settings.height = update_callbacks.height_of(fitting.body, record.betas, record.scale)
        settings.body_found = f"{fitting.body.name}: {fitting.body.licence}"
        settings.problem = ""
        if runs:
            settings.regressor_found = told("{}, on {}").format(report["regressor"], runs) + time_ms
        settings.result = f"{frames}, {distance}, {runs}" if runs else f"{frames}, {distance}"
    return str(settings.result)


CLASSES = (
    DANCEPOSE_OT_import_fit,
    DANCEPOSE_OT_refit,
    DANCEPOSE_OT_import_motions,
)
