# SPDX-License-Identifier: Apache-2.0
"""Reading SMPL-format bodies: our compact .npz, plain .npz, and the official .pkl without executing it."""

from collections.abc import Mapping
from functools import lru_cache
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..bounded_files import NpzLimits, open_npz, require_regular
from ..errors import BodyFileError, FormatError, MissingFileError
from ..printable_text import escaped, shortened
from . import compact
from .fewer_joints import with_smpl_joints
from .hand_file import HANDS_FILE, with_fingers
from .joint_tree import SMPL_TREE, TREE_OF_COUNT, JointTree
from .model import JOINT_INDEX, JOINT_NAMES, MIRRORED_JOINTS, BodyModel, Surface
from .pickles import load_smpl_pickle

DEFAULT_BODY: Final = Path(__file__).parents[2] / "assets" / "body.npz"
SMPL_LICENCE: Final = "the licence under which you obtained the file (SMPL: non-commercial research)"
BETA_LIMIT: Final = 10
"""Shape parameters that are kept of a file: official files hold 10 or 300, of which 10 are in general use."""
SIZES_M: Final = (0.3, 4.0)
"""Of the mean body, height or span: from a newborn to twice a person."""
WEIGHTS_OFF: Final = 0.02
"""Largest error of a vertex' weights, as files of 16-bit numbers have."""
FEWEST_VERTICES: Final = 1000
"""Of a person; with fewer, the vertices of a limb show no side."""
REGRESSOR_OFF: Final = 0.05
"""Error of the sum of a row of J_regressor."""
LIMBS: Final = ("knee", "ankle", "elbow", "wrist")
"""Joints whose weights show the side."""
NEEDED_KEYS: Final = ("v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table")
READ_KEYS: Final = (
    *NEEDED_KEYS, "posedirs", "name", "licence", "face_material", "material_names", "material_rgba",
)  # fmt: skip
"""What is read of a file; whatever else it holds is not expanded."""
NPZ_LIMITS: Final = NpzLimits(arrays=64, expansion=12, small_bytes=64 << 20)
"""SMPL's arrays hold many zeros (weights, J_regressor), 3 MB of them in a body of 6,890 vertices."""
MAX_NAME: Final = 200
"""Characters of a body's name and licence, which are shown in the panel."""
MAX_NUMBER: Final = 1e30
"""Of a body's arrays, which are kept as float32."""
MAX_MATERIALS: Final = 256
"""What a face's number, a byte, can name."""


def load_body(path: Path | None = None) -> BodyModel:
    """Read the body of a file, or the default body. A file is read once: a body is never changed.

    Args:
        path: An SMPL-format .npz or .pkl; None for the body that ships.

    Returns:
        The body, in SMPL's 24 joints. A file of SMPL+H or SMPL-X has all of its joints in ``full``.

    Raises:
        MissingFileError: There is no such file.
        BodyFileError: It is not an SMPL-format body; the message says what is missing or misshapen.
    """
    chosen = DEFAULT_BODY if path is None else path
    try:
        require_regular(chosen)
        stat = chosen.stat()
    except FormatError as error:
        raise BodyFileError(str(error)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        found = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({reason})"
        raise MissingFileError(
            f"{shortened(str(chosen), 200)} {found}. Give the path of an SMPL-format .npz or .pkl, or leave it out."
        ) from error
    return _load(chosen, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _load(path: Path, _modified_ns: int, _size: int) -> BodyModel:
    arrays = load_smpl_pickle(path) if path.suffix.lower() == ".pkl" else _load_npz(path)
    body = body_from_arrays(arrays, source=str(path))
    is_default = os.path.realpath(path) == os.path.realpath(DEFAULT_BODY)
    return with_fingers(body, path.with_name(HANDS_FILE)) if is_default else body


def _load_npz(path: Path) -> Mapping[str, Any]:
    try:
        arrays = open_npz(path, limits=NPZ_LIMITS, wanted=(*READ_KEYS, *compact.KEYS))
    except (FormatError, OSError) as error:
        raise BodyFileError(
            f"{path} cannot be read as an SMPL-format body ({error}). Give an .npz or .pkl with v_template, f, "
            "shapedirs, J_regressor, weights and kintree_table."
        ) from error
    return compact.decode(arrays) if "format" in arrays else arrays


def body_from_arrays(arrays: Mapping[str, Any], *, source: str) -> BodyModel:
    """Check and convert the arrays of an SMPL-format file.

    Args:
        arrays: By the keys of SMPL's files.
        source: Name of the file, for messages.

    Returns:
        The body.

    Raises:
        BodyFileError: A key is missing or an array has another shape than SMPL's.
    """
    missing = [key for key in NEEDED_KEYS if key not in arrays]
    if missing:
        raise BodyFileError(f"{source} is not an SMPL-format body: it lacks {', '.join(missing)}.")
    template = np.asarray(arrays["v_template"])
    count = template.shape[0] if template.ndim == 2 else 0
    tree = _tree_of(arrays, source)
    _require_shapes(arrays, template, count, tree, source)
    _require_person(template, np.asarray(arrays["weights"]), source)
    faces = np.asarray(arrays["f"]).astype(np.int32)
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= count:
        raise BodyFileError(f"{source} is damaged: faces name vertices outside 0 to {count - 1}. Download it again.")
    posedirs = arrays.get("posedirs")
    body = BodyModel(
        name=_text(arrays.get("name", Path(source).stem)),
        licence=_text(arrays.get("licence", SMPL_LICENCE)),
        v_template_m=template.astype(np.float32),
        faces=faces,
        shapedirs=np.asarray(arrays["shapedirs"])[:, :, :BETA_LIMIT].astype(np.float32),
        posedirs=None if posedirs is None else np.asarray(posedirs).astype(np.float32),
        joint_regressor=np.asarray(arrays["J_regressor"]).astype(np.float32),
        weights=np.asarray(arrays["weights"]).astype(np.float32),
        surface=_surface(arrays, len(faces), source),
        source=source,
        tree=tree,
    )
    whole = body if tree is SMPL_TREE else with_smpl_joints(body)
    _require_axes(whole, source)
    _require_attached(whole, source)
    return whole


def _tree_of(arrays: Mapping[str, Any], source: str) -> JointTree:
    """The tree of SMPL's family that a file has."""
    kintree = np.asarray(arrays["kintree_table"])
    count = kintree.shape[1] if kintree.ndim == 2 else 0
    tree = TREE_OF_COUNT.get(count, SMPL_TREE)
    _require_numbers("kintree_table", kintree, (2, len(tree)), source)
    parents = kintree[0, 1:].astype(np.int64)
    if tuple(parents) != tree.parents[1:]:
        at = int(np.flatnonzero(parents != np.array(tree.parents[1:]))[0]) + 1
        raise BodyFileError(
            f"{source} has {count} joints in another tree than {tree.name.upper()}: the parent of joint {at} is "
            f"{parents[at - 1]}, expected {tree.parents[at]}. Give a body with the joints of SMPL, SMPL+H or SMPL-X."
        )
    return tree


def _require_shapes(
    arrays: Mapping[str, Any], template: NDArray[Any], count: int, tree: JointTree, source: str
) -> None:
    """Refuse arrays that do not fit each other. count: number of vertices."""
    shapes: dict[str, tuple[int | None, ...]] = {
        "v_template": (count, 3),
        "f": (None, 3),
        "shapedirs": (count, 3, None),
        "J_regressor": (len(tree), count),
        "weights": (count, len(tree)),
    }
    if "posedirs" in arrays:
        shapes["posedirs"] = (count, 3, 9 * (len(tree) - 1))
    for key, shape in shapes.items():
        _require_numbers(key, template if key == "v_template" else np.asarray(arrays[key]), shape, source)


def _require_numbers(key: str, array: NDArray[Any], shape: tuple[int | None, ...], source: str) -> None:
    """Refuse an array of another shape, of anything but numbers, or with numbers that a float32 cannot hold."""
    fits = array.ndim == len(shape) and all(w is None or w == h for w, h in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "biuf":
        wanted = ", ".join("any" if w is None else str(w) for w in shape)
        raise BodyFileError(
            f"{source} is not a body of SMPL (24 joints), SMPL+H (52) or SMPL-X (55): {key} has shape {array.shape}, "
            f"expected ({wanted}) numbers."
        )
    # Written so that NaN fails as well.
    if array.dtype.kind == "f" and array.size and not np.max(np.abs(array)) <= MAX_NUMBER:
        raise BodyFileError(f"{source} is damaged: {key} holds NaN, infinite or huge values. Download it again.")


def _require_person(template: NDArray[Any], weights: NDArray[Any], source: str) -> None:
    """Refuse a body in another unit than metres, and weights that move no vertex."""
    size_m = float(np.ptp(template.astype(np.float64), axis=0).max(initial=0.0))
    if not SIZES_M[0] <= size_m <= SIZES_M[1]:
        raise BodyFileError(
            f"{source} has a v_template {size_m:.3g} m in size; expected a person of {SIZES_M[0]:g} to {SIZES_M[1]:g} "
            "m. Store it in metres."
        )
    total = weights.sum(axis=1, dtype=np.float64)
    if weights.min(initial=0.0) < -WEIGHTS_OFF or np.abs(total - 1.0).max(initial=0.0) > WEIGHTS_OFF:
        worst = float(total[np.abs(total - 1.0).argmax()])
        raise BodyFileError(
            f"{source} is damaged: the weights of every vertex have to be positive and add up to 1; found a sum of "
            f"{worst:.3g}. Download it again."
        )


def _require_axes(body: BodyModel, source: str) -> None:
    """Refuse a body in other axes than SMPL's (y up, facing +z), or with left and right exchanged."""
    joints = body.rest_joints()
    pelvis, head, left, right = (joints[JOINT_INDEX[name]] for name in ("pelvis", "head", "left_hip", "right_hip"))
    if not head[1] - pelvis[1] > 0.5 * np.linalg.norm(head - pelvis):
        found = "its head is not above its pelvis"
    elif not left[0] > right[0]:
        found = "its left hip is on the side of -x, so that it faces -z or is mirrored"
    else:
        return
    raise BodyFileError(f"{source} is not in SMPL's axes (y up, left at +x, facing +z): {found}. Turn v_template.")


def _require_attached(body: BodyModel, source: str) -> None:
    """Refuse joints that are no mean of vertices, and weights of limbs that move the vertices of the other side."""
    if len(body.v_template_m) < FEWEST_VERTICES:
        return
    total = body.joint_regressor.sum(axis=1, dtype=np.float64)
    if np.abs(total - 1.0).max() > REGRESSOR_OFF:
        worst = int(np.abs(total - 1.0).argmax())
        found = f"{total[worst]:.3g} in row {worst}"
        raise BodyFileError(
            f"{source} is damaged: each row of J_regressor has to add up to 1; found {found}. Download it again."
        )
    joints = body.rest_joints()
    for joint, mirrored in enumerate(MIRRORED_JOINTS):
        weights = body.weights[:, joint]
        if mirrored == joint or not JOINT_NAMES[joint].endswith(LIMBS) or not weights.any():
            continue
        middle = weights @ body.v_template_m / weights.sum()
        if np.linalg.norm(middle - joints[joint]) > np.linalg.norm(middle - joints[mirrored]):
            found = f"the weights of {JOINT_NAMES[joint]} move vertices at {JOINT_NAMES[mirrored]}"
            raise BodyFileError(f"{source} is damaged: {found}. Put the columns of weights in the order of the joints.")


def _surface(arrays: Mapping[str, Any], face_count: int, source: str) -> Surface | None:
    if "face_material" not in arrays:
        return None
    material, rgba = np.asarray(arrays["face_material"]), np.asarray(arrays.get("material_rgba", ()))
    names = np.asarray(arrays.get("material_names", ()))
    _require_numbers("face_material", material, (face_count,), source)
    _require_numbers("material_rgba", rgba, (names.size, 4), source)
    if names.ndim != 1 or not 0 <= material.min() <= material.max() < min(names.size, MAX_MATERIALS):
        raise BodyFileError(
            f"{source} is damaged: face_material does not number its {names.size} material_names. Download it again."
        )
    return Surface(material.astype(np.uint8), tuple(_text(name) for name in names), rgba.astype(np.float32))


def _text(value: Any) -> str:
    """Text of a file, as it may be shown."""
    return shortened(escaped(str(value)[: 4 * MAX_NAME]), MAX_NAME)
