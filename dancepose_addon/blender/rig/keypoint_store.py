# SPDX-License-Identifier: GPL-3.0-or-later
"""A dancer's keypoints, stored in the file for display and for fitting again.

They are stored as a mesh that no object shows, with one vertex per point and frame, because meshes are saved and
loaded in bulk.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, cast

import bpy
import numpy as np

from ...core.arrays import F32
from ...core.errors import InputError
from ...core.fit.pipeline import FitResult
from ...core.skeleton.layouts import get_layout
from ...core.skeleton.sequence import AudioWindow, KeypointSequence
from ..data_blocks import remove_unused
from ..narrowing import item_named
from .dancer import POINTS, read_record, stored_mesh

MEASURED: Final = "measured"
CONFIDENCE: Final = "confidence"
ERROR: Final = "error_m"


class _DataAttribute(Protocol):
    """An attribute of a mesh. The stubs declare ``data`` only on the subclasses of each type."""

    data: bpy.types.bpy_prop_collection


@dataclass(frozen=True)
class StoredPoints:
    """Keypoints of a dancer in its armature's axes (SMPL's).

    Attributes:
        shown_m: (T, K, 3) metres, gaps filled, relative to the body's floor.
        measured_m: (T, K, 3) metres, as they were read.
        confidence: (T, K) in [0, 1].
        error_m: (T, K) metres, distance from the body; NaN where a point was not seen.
    """

    shown_m: F32
    measured_m: F32
    confidence: F32
    error_m: F32


def store_points(armature: bpy.types.Object, sequence: KeypointSequence, result: FitResult) -> None:
    """Store the points of a fit with its dancer, replacing those stored before.

    Args:
        armature: Armature of the dancer.
        sequence: Keypoints as they were read.
        result: Result of the fit.
    """
    count = result.keypoints_m.shape[0] * result.keypoints_m.shape[1]
    before = stored_mesh(armature)
    mesh = bpy.data.meshes.new(f"{armature.name} keypoints")
    mesh.vertices.add(count)
    mesh.vertices.foreach_set("co", np.ascontiguousarray(result.keypoints_m, np.float32).ravel())
    _add_attribute(mesh, MEASURED, "FLOAT_VECTOR", sequence.keypoints_m)
    confidence = sequence.confidence
    if confidence is None:
        confidence = np.ones(sequence.keypoints_m.shape[:2], np.float32)
    _add_attribute(mesh, CONFIDENCE, "FLOAT", confidence)
    _add_attribute(mesh, ERROR, "FLOAT", result.error_m)
    armature[POINTS] = mesh
    if before is not None:
        remove_unused([before])


def _add_attribute(mesh: bpy.types.Mesh, name: str, kind: Literal["FLOAT", "FLOAT_VECTOR"], values: F32) -> None:
    attribute = cast("_DataAttribute", mesh.attributes.new(name, kind, "POINT"))
    key = "vector" if kind == "FLOAT_VECTOR" else "value"
    attribute.data.foreach_set(key, np.ascontiguousarray(values, np.float32).ravel())


def stored_points(armature: bpy.types.Object) -> StoredPoints | None:
    """Return the stored points of a dancer, or None if it has none: motions of rotations need none."""
    mesh, record = stored_mesh(armature), read_record(armature)
    if mesh is None or record.frames == 0 or len(mesh.vertices) % record.frames:
        return None
    count = len(mesh.vertices)
    shape = (record.frames, count // record.frames)
    shown = np.empty(3 * count, np.float32)
    mesh.vertices.foreach_get("co", shown)
    measured, confidence, error = (_read_attribute(mesh, name) for name in (MEASURED, CONFIDENCE, ERROR))
    if measured is None or confidence is None or error is None:
        return None
    return StoredPoints(
        shown.reshape(*shape, 3), measured.reshape(*shape, 3), confidence.reshape(shape), error.reshape(shape)
    )


def _read_attribute(mesh: bpy.types.Mesh, name: str) -> F32 | None:
    attribute = item_named(mesh.attributes, name)
    if attribute is None:
        return None
    data = cast("_DataAttribute", attribute).data
    if len(data) != len(mesh.vertices):
        return None
    vector = attribute.data_type == "FLOAT_VECTOR"
    values = np.empty(len(data) * (3 if vector else 1), np.float32)
    data.foreach_get("vector" if vector else "value", values)
    return values


def stored_sequence(armature: bpy.types.Object) -> KeypointSequence:
    """Return the keypoints of a dancer as they were read, to fit them again without the file.

    Raises:
        InputError: If the dancer has no stored keypoints.
        LayoutError: If the file of its layout does not exist.
    """
    points, record = stored_points(armature), read_record(armature)
    if points is None or record.report.get("final_error_mm") is None:
        raise InputError(
            f"{armature.name} has no stored keypoints, since its file held rotations. Import the file again to "
            "change it."
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
