# SPDX-License-Identifier: Apache-2.0
"""Reading SMPL-format bodies: our compact .npz, plain .npz, and the official .pkl without executing it."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..bounded_files import NpzLimits, open_npz
from ..errors import BodyFileError, FormatError, MissingFileError
from ..printable_text import escaped, shortened
from . import compact
from .model import JOINT_COUNT, PARENTS, BodyModel, Surface
from .pickles import load_smpl_pickle

DEFAULT_BODY: Final = Path(__file__).parents[2] / "assets" / "body.npz"
SMPL_LICENCE: Final = "the licence under which you obtained the file (SMPL: non-commercial research)"
BETA_LIMIT: Final = 10
"""Shape parameters that are kept of a file: official files hold 10 or 300, of which 10 are in general use."""
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
        The body.

    Raises:
        MissingFileError: There is no such file.
        BodyFileError: It is not an SMPL-format body; the message says what is missing or misshapen.
    """
    chosen = DEFAULT_BODY if path is None else path
    if not chosen.is_file():
        raise MissingFileError(
            f"{chosen} does not exist. Give the path of an SMPL-format .npz or .pkl, or leave it out."
        )
    stat = chosen.stat()
    return _load(chosen, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _load(path: Path, _modified_ns: int, _size: int) -> BodyModel:
    arrays = load_smpl_pickle(path) if path.suffix.lower() == ".pkl" else _load_npz(path)
    return body_from_arrays(arrays, source=str(path))


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
    posedirs = np.asarray(arrays["posedirs"]) if "posedirs" in arrays else None
    shapes: dict[str, tuple[Any, tuple[int | None, ...]]] = {
        "v_template": (template, (count, 3)),
        "f": (np.asarray(arrays["f"]), (None, 3)),
        "shapedirs": (np.asarray(arrays["shapedirs"]), (count, 3, None)),
        "J_regressor": (np.asarray(arrays["J_regressor"]), (JOINT_COUNT, count)),
        "weights": (np.asarray(arrays["weights"]), (count, JOINT_COUNT)),
        "kintree_table": (np.asarray(arrays["kintree_table"]), (2, JOINT_COUNT)),
    }
    if posedirs is not None:
        shapes["posedirs"] = (posedirs, (count, 3, 207))
    for key, (array, shape) in shapes.items():
        _require_numbers(key, array, shape, source)
    parents = np.asarray(arrays["kintree_table"])[0, 1:].astype(np.int64)
    if tuple(parents) != PARENTS[1:]:
        raise BodyFileError(f"{source} has another joint tree than SMPL: parents {parents.tolist()}.")
    faces = np.asarray(arrays["f"]).astype(np.int32)
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= count:
        raise BodyFileError(f"{source} is damaged: faces name vertices outside 0 to {count - 1}. Download it again.")
    return BodyModel(
        name=_text(arrays.get("name", Path(source).stem)),
        licence=_text(arrays.get("licence", SMPL_LICENCE)),
        v_template_m=template.astype(np.float32),
        faces=faces,
        shapedirs=np.asarray(arrays["shapedirs"])[:, :, :BETA_LIMIT].astype(np.float32),
        posedirs=None if posedirs is None else posedirs.astype(np.float32),
        joint_regressor=np.asarray(arrays["J_regressor"]).astype(np.float32),
        weights=np.asarray(arrays["weights"]).astype(np.float32),
        surface=_surface(arrays, len(faces), source),
        source=source,
    )


def _require_numbers(key: str, array: NDArray[Any], shape: tuple[int | None, ...], source: str) -> None:
    """Refuse an array of another shape, of anything but numbers, or with numbers that a float32 cannot hold."""
    fits = array.ndim == len(shape) and all(w is None or w == h for w, h in zip(shape, array.shape, strict=True))
    if not fits or array.dtype.kind not in "biuf":
        wanted = ", ".join("any" if w is None else str(w) for w in shape)
        raise BodyFileError(
            f"{source} is not an SMPL body of {JOINT_COUNT} joints: {key} has shape {array.shape}, expected "
            f"({wanted}) numbers. SMPL+H and SMPL-X files are other models; give SMPL's own."
        )
    # Written so that NaN fails as well.
    if array.dtype.kind == "f" and array.size and not np.max(np.abs(array)) <= MAX_NUMBER:
        raise BodyFileError(f"{source} is damaged: {key} holds NaN, infinite or huge values. Download it again.")


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
