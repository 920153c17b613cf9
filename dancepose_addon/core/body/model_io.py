"""Reading SMPL-format bodies: our compact .npz, plain .npz, and the official .pkl without executing it."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
import zipfile

import numpy as np

from ..errors import BodyFileError, MissingFileError
from . import compact
from .model import JOINT_COUNT, PARENTS, BodyModel, Surface
from .pickles import load_smpl_pickle

DEFAULT_BODY: Final = Path(__file__).parents[2] / "assets" / "body.npz"
SMPL_LICENCE: Final = "the licence under which you obtained the file (SMPL: non-commercial research)"
BETA_LIMIT: Final = 10
"""Shape parameters that are kept of a file: official files hold 10 or 300, of which 10 are in general use."""


def load_body(path: Path | None = None) -> BodyModel:
    """The body of a file, or the default body. Read once: a body is never changed.

    Raises:
        MissingFileError: no such file.
        BodyFileError: it is not an SMPL-format body; the message says what is missing or misshapen.
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
        # Opened here because NumPy leaves its own file open where the archive is broken.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files if archive[key].dtype != object}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError, KeyError) as error:
        raise BodyFileError(
            f"{path} cannot be read as an SMPL-format body ({error}). Give an .npz or .pkl with v_template, f, "
            "shapedirs, J_regressor, weights and kintree_table."
        ) from error
    return compact.decode(arrays) if "format" in arrays else arrays


def body_from_arrays(arrays: Mapping[str, Any], *, source: str) -> BodyModel:
    """Check and convert the arrays of an SMPL-format file.

    Raises:
        BodyFileError: a key is missing or an array has another shape than SMPL's.
    """
    needed = ("v_template", "f", "shapedirs", "J_regressor", "weights", "kintree_table")
    missing = [key for key in needed if key not in arrays]
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
        fits = array.ndim == len(shape) and all(w is None or w == h for w, h in zip(shape, array.shape, strict=True))
        if not fits or array.dtype == object:
            wanted = ", ".join("any" if w is None else str(w) for w in shape)
            raise BodyFileError(
                f"{source} is not an SMPL body of {JOINT_COUNT} joints: {key} has shape {array.shape}, expected "
                f"({wanted}). SMPL+H and SMPL-X files are other models; give SMPL's own."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BodyFileError(f"{source} is damaged: {key} holds NaN or infinite values. Download it again.")
    parents = np.asarray(arrays["kintree_table"])[0, 1:].astype(np.int64)
    if tuple(parents) != PARENTS[1:]:
        raise BodyFileError(f"{source} has another joint tree than SMPL: parents {parents.tolist()}.")
    faces = np.asarray(arrays["f"]).astype(np.int32)
    if len(faces) == 0 or faces.min() < 0 or faces.max() >= count:
        raise BodyFileError(f"{source} is damaged: faces name vertices outside 0 to {count - 1}. Download it again.")
    return BodyModel(
        name=str(arrays.get("name", Path(source).stem)),
        licence=str(arrays.get("licence", SMPL_LICENCE)),
        v_template_m=template.astype(np.float32),
        faces=faces,
        shapedirs=np.asarray(arrays["shapedirs"])[:, :, :BETA_LIMIT].astype(np.float32),
        posedirs=None if posedirs is None else posedirs.astype(np.float32),
        joint_regressor=np.asarray(arrays["J_regressor"]).astype(np.float32),
        weights=np.asarray(arrays["weights"]).astype(np.float32),
        surface=_surface(arrays),
        source=source,
    )


def _surface(arrays: Mapping[str, Any]) -> Surface | None:
    if "face_material" not in arrays:
        return None
    return Surface(
        np.asarray(arrays["face_material"]).astype(np.uint8),
        tuple(str(name) for name in arrays["material_names"]),
        np.asarray(arrays["material_rgba"]).astype(np.float32),
    )
