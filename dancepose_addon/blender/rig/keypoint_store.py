"""The key-points of a dancer, kept in the file: what they are drawn from, and what a refit needs.

A mesh that no object shows holds a vertex per point and frame, so that they are saved and loaded in bulk.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import bpy
import numpy as np

from ...core.arrays import F32
from ...core.errors import InputError
from ...core.fit.pipeline import FitResult
from ...core.skeleton.layouts import get_layout
from ...core.skeleton.sequence import AudioWindow, KeypointSequence
from ..blocks import remove_unused
from .dancer import POINTS, read_record

MEASURED: Final = "measured"
CONFIDENCE: Final = "confidence"
ERROR: Final = "error_m"


@dataclass(frozen=True)
class StoredPoints:
    """Key-points of a dancer in its armature's axes (SMPL's), metres.

    shown_m: (T, K, 3), holes bridged, on the body's floor; measured_m: (T, K, 3), as they were read; confidence:
    (T, K); error_m: (T, K), distance from the body, NaN where a point was not seen.
    """

    shown_m: F32
    measured_m: F32
    confidence: F32
    error_m: F32


def store_points(armature: bpy.types.Object, sequence: KeypointSequence, result: FitResult) -> None:
    """Keep the points of a fit with its dancer, instead of those it had."""
    count = result.keypoints_m.shape[0] * result.keypoints_m.shape[1]
    before = armature.get(POINTS)
    mesh = bpy.data.meshes.new(f"{armature.name} key-points")
    mesh.vertices.add(count)
    mesh.vertices.foreach_set("co", np.ascontiguousarray(result.keypoints_m, np.float32).ravel())
    _add(mesh, MEASURED, "FLOAT_VECTOR", sequence.keypoints_m)
    confidence = sequence.confidence
    if confidence is None:
        confidence = np.ones(sequence.keypoints_m.shape[:2], np.float32)
    _add(mesh, CONFIDENCE, "FLOAT", confidence)
    _add(mesh, ERROR, "FLOAT", result.error_m)
    armature[POINTS] = mesh
    if before is not None:
        remove_unused([before])


def _add(mesh: bpy.types.Mesh, name: str, kind: str, values: F32) -> None:
    attribute = mesh.attributes.new(name, kind, "POINT")
    field = "vector" if kind == "FLOAT_VECTOR" else "value"
    attribute.data.foreach_set(field, np.ascontiguousarray(values, np.float32).ravel())


def stored_points(armature: bpy.types.Object) -> StoredPoints | None:
    """The points that a dancer has, or None where the file holds none (theta needs none)."""
    mesh, record = armature.get(POINTS), read_record(armature)
    if mesh is None or record.frames == 0 or len(mesh.vertices) % record.frames:
        return None
    count = len(mesh.vertices)
    shape = (record.frames, count // record.frames)
    shown = np.empty(3 * count, np.float32)
    mesh.vertices.foreach_get("co", shown)
    measured, confidence, error = (_get(mesh, name) for name in (MEASURED, CONFIDENCE, ERROR))
    if measured is None or confidence is None or error is None:
        return None
    return StoredPoints(
        shown.reshape(*shape, 3), measured.reshape(*shape, 3), confidence.reshape(shape), error.reshape(shape)
    )


def _get(mesh: bpy.types.Mesh, name: str) -> F32 | None:
    attribute = mesh.attributes.get(name)
    if attribute is None or len(attribute.data) != len(mesh.vertices):
        return None
    vector = attribute.data_type == "FLOAT_VECTOR"
    values = np.empty(len(attribute.data) * (3 if vector else 1), np.float32)
    attribute.data.foreach_get("vector" if vector else "value", values)
    return values


def stored_sequence(armature: bpy.types.Object) -> KeypointSequence:
    """A dancer's motion as it was read, for another fit without the file.

    Raises:
        InputError: the dancer keeps no points. LayoutError: its layout's file is gone.
    """
    points, record = stored_points(armature), read_record(armature)
    if points is None or "regressor" not in record.report or record.report["regressor"] is None:
        raise InputError(
            f"{armature.name} keeps no key-points, since its file held rotations. Import it again to change it."
        )
    audio = None if record.audio is None else AudioWindow(Path(record.audio[0]), record.audio[1], record.audio[2])
    return KeypointSequence(
        keypoints_m=points.measured_m,
        fps=record.fps,
        layout=get_layout(record.layout),
        confidence=points.confidence,
        audio=audio,
        source=record.source,
        notes=record.notes,
    )
