# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an armature in the scene, from FBX, glTF, USD, BVH or made in Blender, as a skeleton motion."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import bpy
import numpy as np

from ..core.arrays import F64
from ..core.errors import InputError
from ..core.skeleton.conventions import interpret
from ..core.skeleton.readers import Examination, sequence_of
from ..core.skeleton.readers.named_points import arranged
from ..core.skeleton.recording import NO_HINTS, Hints, PointRecording
from ..core.skeleton.sequence import KeypointSequence
from . import compat
from .narrowing import action_of, frame_rate_of, present

TIP: Final = "_end"
"""Suffix of the points at the tips of bones without children."""
SAME_FRAME: Final = 1e-2
"""Keys whose spacing varies by less, in frames, are evenly spaced: Blender stores times as 32-bit floats."""
LONGEST_STEP: Final = 1.0 - SAME_FRAME
"""Evenly spaced keys closer than this are the frames of the source, at a higher rate than the scene's."""
KEYED_EVERY_FRAME_CONFIDENCE: Final = 0.8
"""Confidence in the scene's rate if there is one key per frame: importers that ignore the source's rate do this."""


@dataclass(frozen=True)
class _Timing:
    """Scene times at which an armature is sampled.

    Attributes:
        times: (T,) scene frames; may be fractional.
        fps: Samples per second of the scene's playback.
        why: Reason for the rate, as a clause.
        confidence: Confidence in the rate, in [0, 1].
    """

    times: F64
    fps: float
    why: str
    confidence: float = 1.0


def read_armature(
    armature: bpy.types.Object | None, scene: bpy.types.Scene, *, hints: Hints = NO_HINTS
) -> KeypointSequence:
    """Read the positions of an armature's bones in every frame of its action.

    The points are the heads of the bones, named after them, and the tips of bones without children, named with the
    suffix ``_end``. The current frame of the scene is restored.

    The rate is the scene's, checked against the keys: keys that are evenly spaced and less than a frame apart are the
    frames of the source, so the armature is sampled at the keys and the rate is that of the keys. With one key per
    frame the source's own rate is unknown (Blender's BVH importer ignores it by default), so the rate is reported as
    doubtful.

    Args:
        armature: Armature object.
        scene: Scene that the armature is animated in.
        hints: What the user says about the source.

    Returns:
        The motion of the bones.

    Raises:
        InputError: If the object is not an armature or is not animated.
        LayoutError: If the names of its bones are not recognised.
    """
    if armature is None or armature.type != "ARMATURE":
        raise InputError("No armature is selected. Select the armature whose motion is to be used.")
    timing = _timing(armature, scene)
    names, points = _sample_bones(armature, scene, timing.times)
    recording = PointRecording(
        points=points * present(scene.unit_settings).scale_length,
        form="an armature",
        source=armature.name,
        names=names,
        unit="m",
        up="z",
        fps=timing.fps,
        fps_why=timing.why,
        fps_confidence=timing.confidence,
    )
    recording = arranged(recording, hints, bones=True, in_order=True)
    understood = interpret(recording, hints)
    return sequence_of(Examination(recording, understood, (*recording.findings, *understood.findings)))


def _sample_bones(armature: bpy.types.Object, scene: bpy.types.Scene, times: F64) -> tuple[tuple[str, ...], F64]:
    """Return the names of the points, and their positions in Blender's world, (T, K, 3), in units of the scene."""
    bones = list(present(armature.pose).bones)
    tips = [bone for bone in bones if not bone.children]
    names = (*(bone.name for bone in bones), *(bone.name + TIP for bone in tips))
    points = np.empty((len(times), len(names), 3))
    shown, shown_subframe = scene.frame_current, scene.frame_subframe
    try:
        for row, time in enumerate(times.tolist()):
            frame = int(np.floor(time))
            scene.frame_set(frame, subframe=time - frame)
            world = np.array(armature.matrix_world)
            local = np.array([bone.head for bone in bones] + [bone.tail for bone in tips])
            points[row] = local @ world[:3, :3].T + world[:3, 3]
    finally:
        scene.frame_set(shown, subframe=shown_subframe)
    return names, points


def _timing(armature: bpy.types.Object, scene: bpy.types.Scene) -> _Timing:
    """Return the times at which to sample, from the keys of the action and the scene's rate."""
    action = action_of(armature)
    if action is None:
        raise InputError(f"{armature.name} has no action, so it does not move. Select the armature that is animated.")
    scene_fps = frame_rate_of(scene)
    keys = _key_times(compat.curves_of(action))
    step = _even_step(keys)
    if step is not None and step < LONGEST_STEP:
        why = f"its keys are {step:.4g} frames of the scene apart, at {scene_fps:g} fps"
        return _Timing(np.linspace(keys[0], keys[-1], len(keys)), scene_fps / step, why)
    if len(keys) > 1:
        first, last = round(float(keys[0])), round(float(keys[-1]))
    else:
        first = last = 0
    if last <= first:
        first, last = scene.frame_start, max(scene.frame_start, scene.frame_end)
    times = np.arange(first, last + 1, dtype=np.float64)
    if step is not None and abs(step - 1.0) < SAME_FRAME:
        why = (
            "it is the scene's and there is one key per frame, which importers also write for sources of another rate; "
            "if the source has another rate, set Rate"
        )
        return _Timing(times, scene_fps, why, KEYED_EVERY_FRAME_CONFIDENCE)
    return _Timing(times, scene_fps, "it is the scene's")


def _key_times(curves: Iterable[bpy.types.FCurve]) -> F64:
    """Return the distinct times of all keys in ascending order, in scene frames."""
    parts = [np.zeros(0, np.float32)]
    for curve in curves:
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        parts.append(points[0::2])
    times = np.unique(np.concatenate(parts).astype(np.float64))
    if len(times) < 2:
        return times
    return times[np.concatenate([[True], np.diff(times) > SAME_FRAME / 10.0])]


def _even_step(times: F64) -> float | None:
    """Return the spacing of evenly spaced times, (T,), or None."""
    if len(times) < 3:
        return None
    step = float(times[-1] - times[0]) / (len(times) - 1)
    even = np.abs(times - (times[0] + step * np.arange(len(times)))).max() < SAME_FRAME
    return step if even else None
