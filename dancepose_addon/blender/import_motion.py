# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitted motions as dancers in the scene: the functions behind the panel and the headless renderer.

Fitting (``dancepose_addon.fitting``) touches nothing of Blender, so it can run in a thread while the window stays
responsive. ``add_dancer`` and ``update_dancer`` then build or change a rig in one step.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
import time

import bpy

from ..core.body.looks import PERSON_RGB
from ..core.body.model_io import DEFAULT_BODY
from ..core.counting import counted
from ..core.fit.pipeline import FitResult
from ..core.progress import Progress, part_of, silent
from .data_blocks import rollback_on_failure
from .narrowing import frame_rate_of
from .rig.actions import animate
from .rig.clothes import dress
from .rig.dancer import DancerRecord, build_rig, hands_of, replace_motion, write_record
from .rig.keypoint_store import store_points


@dataclass(frozen=True)
class RigOptions:
    """Options of a new dancer.

    Attributes:
        name: Name of the rig.
        first_frame: Scene frame of the first key.
        correctives: Whether to add SMPL's pose correctives, which make skinning exact and playback slower.
    """

    name: str = "Dancer"
    first_frame: float = 0.0
    correctives: bool = True


@dataclass(frozen=True)
class ImportedDancer:
    """A dancer that was added to a scene.

    Attributes:
        armature: The armature object.
        mesh: The body's mesh object.
        fit: The fit that it shows.
        seconds: Seconds spent in Blender, by stage.
    """

    armature: bpy.types.Object
    mesh: bpy.types.Object
    fit: FitResult
    seconds: dict[str, float]


def add_dancer(
    fit: FitResult,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    options: RigOptions = RigOptions(),
    progress: Progress = silent,
) -> ImportedDancer:
    """Build the animated rig of a fit. If building fails, nothing is left in the file.

    Args:
        fit: The fitted motion.
        scene: Scene whose frame rate the keys follow.
        view_layer: View layer in which the rig is edited.
        collection: Collection that receives the rig.
        options: Options of the rig.
        progress: Called with the fraction done and the current step.

    Returns:
        The new dancer.
    """
    seconds: dict[str, float] = {}
    with rollback_on_failure():
        progress(0.0, "Building the rig")
        with _timed(seconds, "rig"):
            armature, mesh = build_rig(
                fit.motion,
                fit.body,
                view_layer=view_layer,
                collection=collection,
                name=options.name,
                correctives=options.correctives,
            )
        progress(0.5, "Writing the animation")
        with _timed(seconds, "animate"):
            scene_fps = frame_rate_of(scene)
            animate(armature, fit.motion, scene_fps=scene_fps, first_frame=options.first_frame)
            _store_fit(armature, fit, scene_fps=scene_fps, first_frame=options.first_frame)
    progress(1.0, f"Fitted {counted(len(fit.motion), 'frame')}")
    return ImportedDancer(armature, mesh, fit, seconds)


def add_dancers(
    fits: Sequence[FitResult],
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    options: RigOptions = RigOptions(),
    progress: Progress = silent,
) -> list[ImportedDancer]:
    """Build the rigs of persons who were recorded together: at their places, and dressed in different colours.

    Args:
        fits: The fitted motions; the first keeps the body's own colours.
        scene: Scene whose frame rate the keys follow.
        view_layer: View layer in which the rigs are edited.
        collection: Collection that receives the rigs.
        options: Options of the rigs; further persons are numbered.
        progress: Called with the fraction done and the current step.

    Returns:
        The new dancers.
    """
    added = []
    for person, fit in enumerate(fits):
        dancer = add_dancer(
            fit,
            scene=scene,
            view_layer=view_layer,
            collection=collection,
            options=replace(options, name=options.name if person == 0 else f"{options.name} {person + 1}"),
            progress=part_of(progress, person / len(fits), (person + 1) / len(fits)),
        )
        if person:
            dress(dancer.mesh, PERSON_RGB[(person - 1) % len(PERSON_RGB)])
        added.append(dancer)
    return added


def update_dancer(
    armature: bpy.types.Object,
    fit: FitResult,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    first_frame: float,
) -> None:
    """Give a dancer the motion and shape of another fit of the same body; place, materials and name stay.

    Args:
        armature: The dancer's armature.
        fit: The fitted motion.
        scene: Scene whose frame rate the keys follow.
        view_layer: View layer in which the rig is edited.
        first_frame: Scene frame of the first key.

    Raises:
        InputError: The rig was made from another body, or parts of it are missing.
    """
    scene_fps = frame_rate_of(scene)
    with rollback_on_failure():
        replace_motion(
            armature,
            fit.motion,
            fit.body,
            scene_fps=scene_fps,
            first_frame=first_frame,
            view_layer=view_layer,
        )
        _store_fit(armature, fit, scene_fps=scene_fps, first_frame=first_frame)


def _store_fit(armature: bpy.types.Object, fit: FitResult, *, scene_fps: float, first_frame: float) -> None:
    """Store in the file what a later refit, export or measurement needs."""
    motion, body, sequence = fit.motion, fit.body, fit.sequence
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
        hands=hands_of(motion, armature),
        report=fit.report,
    )
    write_record(armature, record)
    store_points(armature, sequence, fit)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    clock = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - clock
