# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that import and fit files and folders, and fit existing dancers again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import bpy

from ..blender.import_motion import RigOptions, add_dancer, update_dancer
from ..blender.narrowing import present, scene_of, view_layer_of
from ..blender.rig.clothes import dress
from ..blender.rig.dancer import (
    HANDS_FROM_FILE,
    HANDS_RELAXED,
    NO_HANDS,
    body_of,
    dancer_of,
    read_record,
    skin_of,
)
from ..blender.rig.keypoint_store import stored_sequence
from ..blender.rig.vertex_cache import unbake
from ..blender.scene_reader import read_armature
from ..core.body.looks import PERSON_RGB
from ..core.errors import InputError
from ..core.fit.pipeline import FitResult
from ..core.skeleton.readers import MOTION_SUFFIXES
from ..core.skeleton.sequence import KeypointSequence
from . import reading, update_callbacks
from .blender_types import OperatorResult
from .fitting_steps import FittingSteps, fitting_steps, people_steps
from .modal_task import ModalSteps, Steps
from .properties import (
    NO_DANCER,
    DANCEPOSE_PG_settings,
    active_dancer,
    copy_settings,
    settings_in,
    settings_of,
)
from .text_layout import translate

Warn: TypeAlias = Callable[[str], None]

APART_M = 1.5
"""Default distance between dancers that are imported together."""


class DANCEPOSE_OT_import_fit(ModalSteps):
    """Imports one motion and fits the body to it."""

    bl_idname = "dancepose.import_fit"
    bl_label = "Import & Fit"
    bl_description = "Read the skeleton motion, fit the body to it, and add the animated rig to the scene"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether Blender is in object mode, in which rigs are built."""
        return context.mode == "OBJECT"

    def steps(self, context: bpy.types.Context) -> Steps:
        """Read, fit and build the rig."""
        settings, chosen = settings_in(context), context.object
        body = update_callbacks.chosen_body(settings, context)
        motion: KeypointSequence | None = None
        if settings.source:
            name = reading.source_path(settings).stem
        elif chosen is not None and chosen.type == "ARMATURE" and chosen.select_get() and dancer_of(chosen) is None:
            motion = read_armature(chosen, scene_of(context), hints=reading.hints_of(settings))
            name = f"{chosen.name} avatar"
        else:
            raise InputError(
                "No motion is chosen. Set Motion to a skeleton file or an M&D folder, or select an animated armature."
            )
        replaced = active_dancer(context) if settings.on_import == "REPLACE" else None
        fits = yield from people_steps(settings, context, body, motion, name=name, everyone=True)
        yield 0.95, "Building the rig"
        if len(fits) > 1:
            return _add_people(context, fits, settings, name=name, warn=self.warn)
        fitting = fits[0]
        if replaced is not None:
            return _update(context, replaced, fitting, settings, warn=self.warn)
        return _add(context, fitting, settings, name=name, warn=self.warn)


class DANCEPOSE_OT_refit(ModalSteps):
    """Fits a dancer again."""

    bl_idname = "dancepose.refit"
    bl_label = "Refit"
    bl_description = "Fit the selected dancer again with the current settings, without reading its file"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether a dancer is selected in object mode."""
        return context.mode == "OBJECT" and active_dancer(context) is not None

    def steps(self, context: bpy.types.Context) -> Steps:
        """Fit and update the dancer."""
        dancer = active_dancer(context)
        if dancer is None:
            raise InputError(NO_DANCER)
        settings = settings_of(dancer)
        sequence, body = stored_sequence(dancer), body_of(read_record(dancer))
        fitting = yield from fitting_steps(settings, context, body, sequence, name=dancer.name)
        yield 0.95, "Updating the rig"
        return _update(context, dancer, fitting, settings, warn=self.warn)


class DANCEPOSE_OT_import_motions(ModalSteps):
    """Imports several motions as one dancer each."""

    bl_idname = "dancepose.import_motions"
    bl_label = "Import Skeleton Motion"
    bl_description = "Import skeleton motions, one dancer per file, with the settings of the sidebar"

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(
        default=";".join(f"*{suffix}" for suffix in sorted(MOTION_SUFFIXES)), options={"HIDDEN"}
    )
    apart: bpy.props.FloatProperty(
        name="Spacing",
        description="Distance between dancers that are imported together",
        default=APART_M,
        unit="LENGTH",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Return whether Blender is in object mode, in which rigs are built."""
        return context.mode == "OBJECT"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorResult:
        """Import dropped files at once; otherwise ask for files."""
        if self.directory:
            return super().invoke(context, event)
        self._was_asked = True
        present(context.window_manager).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Run the steps: with a timer after the file browser, at once from scripts."""
        if getattr(self, "_was_asked", False) and context.window is not None:
            return self.begin(context)
        return super().execute(context)

    def problem_owner(self, context: bpy.types.Context) -> DANCEPOSE_PG_settings:
        """Return the settings of the next import."""
        return settings_of(scene_of(context))

    def steps(self, context: bpy.types.Context) -> Steps:
        """Import each file; one that cannot be read does not stop the others."""
        folder = Path(self.directory)
        paths = [folder / element.name for element in self.files if element.name] or [folder]
        settings, made = settings_of(scene_of(context)), 0
        problems: list[str] = []
        body = update_callbacks.chosen_body(settings, context)
        for number, path in enumerate(paths):
            with update_callbacks.suppressed():
                settings.source = str(path)
                settings.first = settings.last = 0
            try:
                steps = fitting_steps(settings, context, body, None, name=path.name)
                fitting = yield from _scaled(steps, number, len(paths))
            except InputError as error:
                if len(paths) == 1:
                    raise
                problems.append(reading.panel_message(error))
                self.warn(reading.panel_message(error))
                continue
            offset_m = (made - (len(paths) - 1) / 2.0) * self.apart if len(paths) > 1 else 0.0
            _add(context, fitting, settings, name=path.stem, warn=self.warn, offset_m=offset_m)
            made += 1
        if problems:
            settings.problem = " ".join(problems)
        return translate("Imported {} of {} motions").format(made, len(paths))


def _scaled(steps: FittingSteps, number: int, count: int) -> FittingSteps:
    """Map the progress of one of several fits to that of all."""
    while True:
        try:
            fraction, message = next(steps)
        except StopIteration as ended:
            return cast("FitResult", ended.value)
        try:
            yield (number + fraction) / count, message
        except GeneratorExit:
            steps.close()
            raise


def _add(
    context: bpy.types.Context,
    fitting: FitResult,
    settings: DANCEPOSE_PG_settings,
    *,
    name: str,
    warn: Warn,
    offset_m: float = 0.0,
) -> str:
    """Add the dancer of a fit to the scene and return the report."""
    scene = scene_of(context)
    imported = add_dancer(
        replace(fitting, body=update_callbacks.worn_body(fitting.body, context)),
        scene=scene,
        view_layer=view_layer_of(context),
        collection=present(context.collection),
        options=RigOptions(name=name, first_frame=float(scene.frame_start), correctives=settings.correctives),
    )
    dancer = imported.armature
    dancer.location.x += offset_m
    copy_settings(settings, settings_of(dancer))
    with update_callbacks.suppressed():
        settings_of(dancer).on_import = "REPLACE"
    _select(context, dancer)
    result = _show_result(dancer, fitting, warn)
    settings.result = result
    return translate("Fitted {}").format(result)


def _add_people(
    context: bpy.types.Context, fits: list[FitResult], settings: DANCEPOSE_PG_settings, *, name: str, warn: Warn
) -> str:
    """Add the persons of one recording, each in another colour, and return the report on the first."""
    report = ""
    for person in reversed(range(len(fits))):  # the first is selected in the end
        report = _add(context, fits[person], settings, name=f"{name} {person + 1}", warn=warn)
        dancer = active_dancer(context)
        if person and dancer is not None:
            dress(skin_of(dancer), PERSON_RGB[(person - 1) % len(PERSON_RGB)])
    return report


def _update(
    context: bpy.types.Context,
    dancer: bpy.types.Object,
    fitting: FitResult,
    settings: DANCEPOSE_PG_settings,
    *,
    warn: Warn,
) -> str:
    """Give a fit to an existing dancer and return the report."""
    record = read_record(dancer)
    if fitting.body.fingerprint != record.body:
        raise InputError(
            f"{dancer.name} was made from {record.body_name}, but {fitting.body.name} is chosen in the Body panel. Set "
            "On Import to Add for a dancer with another body."
        )
    unbake(dancer)
    first_frame = record.first_frame
    update_dancer(dancer, fitting, scene=scene_of(context), view_layer=view_layer_of(context), first_frame=first_frame)
    if settings_of(dancer) != settings:
        copy_settings(settings, settings_of(dancer))
    return translate("Fitted {}").format(_show_result(dancer, fitting, warn))


def _select(context: bpy.types.Context, dancer: bpy.types.Object) -> None:
    """Select only the dancer, and extend the scene's frame range to its clip."""
    view_layer = view_layer_of(context)
    for thing in view_layer.objects:
        thing.select_set(thing == dancer, view_layer=view_layer)
    view_layer.objects.active = dancer
    scene, record = scene_of(context), read_record(dancer)
    scene.frame_end = max(scene.frame_end, round(record.last_frame))


def _show_result(dancer: bpy.types.Object, fitting: FitResult, warn: Warn) -> str:
    """Store the result for the panels and return it as one line."""
    report, settings, record = fitting.report, settings_of(dancer), read_record(dancer)
    for notice in report["notices"]:
        warn(notice)
    mean_mm = report["final_error_mm"]
    distance = translate("imported directly") if mean_mm is None else f"{mean_mm:.1f} mm"
    frames, runs = translate("{} frames at {:.4g} fps").format(report["frames"], report["fps"]), report["provider"]
    spent = report["seconds"].get("regress")
    time_ms = f", {1000.0 * spent:.0f} ms" if spent is not None else ""
    with update_callbacks.suppressed():
        if not settings.give_betas:
            settings.betas = update_callbacks.padded(record.betas)
        settings.height = update_callbacks.height_of(fitting.body, record.betas, record.scale)
        settings.body_found = f"{fitting.body.name}: {fitting.body.licence}"
        settings.hands_found = _hands_text(record.hands, report)
        settings.problem = ""
        if runs:
            settings.regressor_found = translate("{}, on {}").format(report["regressor"], runs) + time_ms
        settings.result = f"{frames}, {distance}, {runs}" if runs else f"{frames}, {distance}"
    return str(settings.result)


def _hands_text(hands: str, report: dict[str, Any]) -> str:
    """Say in one line where a dancer's fingers come from."""
    if report.get("hands") == "fitted":
        return translate("Hands: fitted, {:.0%} seen").format(report["hands_seen"])
    texts = {HANDS_FROM_FILE: "Hands: from the file", HANDS_RELAXED: "Hands: relaxed", NO_HANDS: "Hands: no fingers"}
    return translate(texts[hands])


CLASSES = (
    DANCEPOSE_OT_import_fit,
    DANCEPOSE_OT_refit,
    DANCEPOSE_OT_import_motions,
)
