# SPDX-License-Identifier: Apache-2.0
"""The compact body file: an SMPL-format body in a tenth of the bytes.

`encode` turns plain SMPL arrays into small ones, `decode` turns them back. An SMPL body is mostly smooth or
mostly zero, so lengths become whole multiples of a step, neighbours are stored as differences, and the pose
correctives as one 3 x 9 block for each vertex and joint that has any.

    key                  shape, type            what it holds
    format               () str                 "dancepose-body-1"
    name, licence        () str                 shown to the user
    v_template           (3, V) int16           differences along V, multiples of `v_step`
    shapedirs            (B, 3, V) int16        differences along V, multiples of `shape_step`
    f                    (3, F) uint16          differences along F
    weight_joints        (V, 4) uint8           joints that move a vertex
    weight_values        (V, 4) uint16          their weights, multiples of 1/65535; rows sum to 65535
    J_indptr, J_indices  (25,) / (K,) int32     sparse rows of J_regressor
    J_values             (K,) float32
    parents              (24,) int16            -1 for the root
    pose_joints          (N,) uint8             joint 1..23 of each block
    pose_vertices        (N,) uint16            its vertex
    pose_blocks          (27, N) int16          its values, differences along N, multiples of `pose_step`
    v_step, shape_step, pose_step  () float64   steps in metres
    face_material, material_names, material_rgba    as in the decoded body

Differences wrap round in 16 bits; summing them up wraps back. NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BodyFileError
from ..printable_text import quoted

FORMAT: Final = "dancepose-body-1"
JOINT_COUNT: Final = 24
POSE_FEATURES: Final = 9 * (JOINT_COUNT - 1)
ROOT_PARENT: Final = 4294967295
"""What SMPL's own files hold as the root's parent: -1 as an unsigned 32-bit number."""
INFLUENCES: Final = 4
MAX_VERTICES: Final = 65536
"""What 16 bits can number; decoded correctives take 2.5 kB for each."""
V_STEP_M: Final = 3e-5
SHAPE_STEP_M: Final = 1e-5
POSE_STEP_M: Final = 5e-5
"""Quantisation steps in metres; an entry is off by at most half of one."""

KEYS: Final = (
    "format", "name", "licence", "v_template", "shapedirs", "f", "weight_joints", "weight_values", "J_indptr",
    "J_indices", "J_values", "parents", "pose_joints", "pose_vertices", "pose_blocks", "v_step", "shape_step",
    "pose_step", "face_material", "material_names", "material_rgba",
)  # fmt: skip

Array = NDArray[Any]


def encode(body: Mapping[str, Any]) -> dict[str, Array]:
    """Turn a decoded body into compact arrays for ``numpy.savez``.

    Args:
        body: A table with the keys that ``decode`` returns.

    Returns:
        The compact arrays by key.

    Raises:
        ValueError: A value does not fit its type (more than 65,536 vertices, a corner beyond 0.98 m, more than four
            influences on a vertex).
    """
    v_template, shapedirs = np.asarray(body["v_template"]), np.asarray(body["shapedirs"])
    faces, weights = np.asarray(body["f"]), np.asarray(body["weights"], dtype=np.float64)
    if len(v_template) > MAX_VERTICES:
        raise ValueError(f"{len(v_template)} vertices; the compact format holds at most {MAX_VERTICES}")
    joints, values = _encode_weights(weights)
    regressor = np.asarray(body["J_regressor"], dtype=np.float32)
    rows, columns = np.nonzero(regressor)
    parents = np.asarray(body["kintree_table"])[0].astype(np.int64)
    parents[parents == ROOT_PARENT] = -1
    return {
        "format": np.array(FORMAT),
        "name": np.array(str(body["name"])),
        "licence": np.array(str(body["licence"])),
        "v_template": _differences(_quantise(v_template.T, V_STEP_M)),
        "shapedirs": _differences(_quantise(shapedirs.transpose(2, 1, 0), SHAPE_STEP_M)),
        "f": _differences(faces.T.astype(np.uint16)),
        "weight_joints": joints,
        "weight_values": values,
        "J_indptr": np.searchsorted(rows, np.arange(JOINT_COUNT + 1)).astype(np.int32),
        "J_indices": columns.astype(np.int32),
        "J_values": regressor[rows, columns],
        "parents": parents.astype(np.int16),
        **_encode_posedirs(np.asarray(body["posedirs"])),
        "v_step": np.array(V_STEP_M),
        "shape_step": np.array(SHAPE_STEP_M),
        "pose_step": np.array(POSE_STEP_M),
        "face_material": np.asarray(body["face_material"], dtype=np.uint8),
        "material_names": np.asarray(body["material_names"], dtype=np.str_),
        "material_rgba": np.asarray(body["material_rgba"], dtype=np.float32),
    }


def decode(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Turn the arrays of a compact file into a plain SMPL-format body.

    Args:
        arrays: The compact arrays by key.

    Returns:
        v_template (V, 3) float32, metres; f (F, 3) int32; shapedirs (V, 3, B) float32, metres per unit beta; posedirs
        (V, 3, 207) float32, metres; J_regressor (24, V) float32; weights (V, 24) float32; kintree_table (2, 24) int64;
        face_material (F,) uint8; material_names (M,) str; material_rgba (M, 4) float32; name, licence str.

    Raises:
        BodyFileError: The marker or an array is missing, or the sizes do not agree.
    """
    found = str(np.asarray(arrays["format"])) if "format" in arrays else "no format marker"
    if found != FORMAT:
        raise BodyFileError(
            f"The body file says {quoted(found)}; this version reads {FORMAT!r}. Update one of the two."
        )
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise BodyFileError(f"The body file lacks {', '.join(missing)}; it seems cut short. Install it again.")
    try:
        return _decode(arrays)
    except (ValueError, IndexError) as error:
        raise BodyFileError(f"The body file's arrays do not fit together ({error}). Install it again.") from error


def _decode(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Do the work of ``decode``, without its checks."""
    v_template = _sums(arrays["v_template"]).T * np.float32(arrays["v_step"])
    count = len(v_template)
    if count > MAX_VERTICES:
        raise ValueError(f"{count} vertices; the compact format holds at most {MAX_VERTICES}")
    shapedirs = _sums(arrays["shapedirs"]).transpose(2, 1, 0) * np.float32(arrays["shape_step"])
    weights = np.zeros((count, JOINT_COUNT), dtype=np.float32)
    scaled = arrays["weight_values"].astype(np.float32) / np.float32(65535.0)
    for column in range(INFLUENCES):  # unused places hold joint 0 with weight 0
        weights[np.arange(count), arrays["weight_joints"][:, column]] += scaled[:, column]
    regressor = np.zeros((JOINT_COUNT, count), dtype=np.float32)
    rows = np.repeat(np.arange(JOINT_COUNT), np.diff(arrays["J_indptr"]))
    regressor[rows, arrays["J_indices"]] = arrays["J_values"]
    parents = arrays["parents"].astype(np.int64)
    kintree = np.stack([np.where(parents < 0, ROOT_PARENT, parents), np.arange(JOINT_COUNT)])
    return {
        "v_template": np.ascontiguousarray(v_template),
        "f": np.ascontiguousarray(_sums(arrays["f"]).T.astype(np.int32)),
        "shapedirs": np.ascontiguousarray(shapedirs),
        "posedirs": _decode_posedirs(arrays, count),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": kintree,
        "face_material": arrays["face_material"],
        "material_names": arrays["material_names"],
        "material_rgba": arrays["material_rgba"],
        "name": str(arrays["name"]),
        "licence": str(arrays["licence"]),
    }


def _quantise(values_m: Array, step_m: float) -> NDArray[np.int16]:
    """Return values in metres as whole multiples of ``step_m``, and raise ValueError where 16 bits are too few."""
    whole = np.rint(np.asarray(values_m, dtype=np.float64) / step_m)
    if whole.size and np.abs(whole).max() > 32767:
        raise ValueError(f"a length of {np.abs(values_m).max():.3f} m does not fit 16 bits at {step_m} m a step")
    return whole.astype(np.int16)


def _differences(values: Array) -> Array:
    """Return differences along the last axis of 16-bit integers, with the first one kept; they wrap round."""
    return np.diff(values, axis=-1, prepend=np.zeros_like(values[..., :1]))


def _sums(differences: Array) -> Array:
    """Undo `_differences`."""
    return np.cumsum(differences, axis=-1, dtype=differences.dtype)


def _encode_weights(weights: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return joints (V, 4) and integer weights (V, 4) that sum to 65535, heaviest first, of weights (V, 24)."""
    if (np.count_nonzero(weights, axis=1) > INFLUENCES).any():
        raise ValueError(f"a vertex has more than {INFLUENCES} influences")
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    whole = np.rint(np.take_along_axis(weights, joints, axis=1) * 65535.0).astype(np.int64)
    whole[:, 0] += 65535 - whole.sum(axis=1)
    joints[whole == 0] = 0
    return joints.astype(np.uint8), whole.astype(np.uint16)


def _encode_posedirs(posedirs: Array) -> dict[str, Array]:
    """Return the blocks of posedirs (V, 3, 207), metres, that are not zero, sorted by joint and then by vertex."""
    whole = _quantise(posedirs, POSE_STEP_M).reshape(len(posedirs), 3, JOINT_COUNT - 1, 9)
    joints, vertices = np.nonzero(whole.any(axis=(1, 3)).T)
    blocks = whole[vertices, :, joints].reshape(-1, 27).T
    return {
        "pose_joints": (joints + 1).astype(np.uint8),
        "pose_vertices": vertices.astype(np.uint16),
        "pose_blocks": _differences(blocks),
    }


def _decode_posedirs(arrays: Mapping[str, Array], count: int) -> NDArray[np.float32]:
    """Return posedirs (count, 3, 207), metres, of the blocks of ``arrays``."""
    posedirs = np.zeros((count, 3, JOINT_COUNT - 1, 9), dtype=np.float32)
    blocks = _sums(arrays["pose_blocks"]).T.reshape(-1, 3, 9) * np.float32(arrays["pose_step"])
    posedirs[arrays["pose_vertices"], :, arrays["pose_joints"].astype(np.intp) - 1] = blocks
    return posedirs.reshape(count, 3, POSE_FEATURES)
