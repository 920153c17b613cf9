""".npy and .npz: points (T, K, 3), metres, y up.

An .npz holds them as ``keypoints_m`` (or as its only array of that shape) and may hold ``fps`` and ``layout``.
"""

from pathlib import Path
from typing import Any, Final
import zipfile

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError, InputError, LayoutError, MissingFileError
from ..axes import to_smpl
from ..layouts import LAYOUTS, Layout, get_layout, layouts_with, require_count
from ..sequence import Sequence

POINTS: Final = "keypoints_m"
FPS: Final = "fps"
LAYOUT: Final = "layout"


def recognises(path: Path) -> bool:
    """A file whose name ends in .npy or .npz."""
    return path.suffix.lower() in (".npy", ".npz") and not path.is_dir()


def read(path: Path, layout: str | None, fps: float | None) -> Sequence:
    """Read points from an array file; see ``readers.read``."""
    arrays = _load(path)
    points = _points(path, arrays)
    stored_layout = arrays.get(LAYOUT)
    named = layout or (None if stored_layout is None else str(stored_layout))
    chosen = _layout_of(points.shape[1], str(path)) if named is None else get_layout(named)
    require_count(chosen, points.shape[1], str(path))
    notes = () if named else (f"{points.shape[1]} points were taken for {chosen.title}; --layout would say otherwise.",)
    return Sequence(
        keypoints_m=to_smpl(points.astype(np.float64), axes="y_up", unit="m"),
        fps=_rate(path, arrays, fps),
        layout=chosen,
        source=str(path),
        notes=notes,
    )


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # Opened here, since numpy.load leaves damaged archives open.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {POINTS: loaded}
            with loaded:
                return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise MissingFileError(
            f"{path} cannot be read ({error.strerror or error}). Give an .npy or .npz file."
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError, AttributeError) as error:
        raise FormatError(
            f"{path} is truncated or not an array file without pickled objects ({error}). Write it again with "
            "numpy.save or numpy.savez."
        ) from error


def _points(path: Path, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    found = arrays.get(POINTS)
    if found is None:
        fitting = [name for name, array in arrays.items() if array.ndim == 3 and array.shape[2] == 3]
        if len(fitting) != 1:
            named = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
            raise FormatError(f"{path} holds {named}; expected {POINTS} of shape (frames, points, 3), metres, y up.")
        found = arrays[fitting[0]]
    if found.ndim != 3 or found.shape[2] != 3 or found.dtype.kind not in "fiu":
        raise FormatError(
            f"{path} has points of shape {found.shape} and type {found.dtype}; expected numbers (frames, points, 3), "
            "metres, y up."
        )
    if len(found) == 0:
        raise InputError(f"{path} has zero frames. Check that the file was written completely.")
    return found


def _layout_of(count: int, source: str) -> Layout:
    fitting = layouts_with(count)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(layout.name for layout in fitting)
        raise LayoutError(f"{source} has {count} key-points, which fits several layouts. Say which: --layout {names}.")
    counts = ", ".join(f"{layout.name} {layout.count}" for layout in LAYOUTS.values())
    raise LayoutError(f"{source} has {count} key-points, and no known layout has that many ({counts}).")


def _rate(path: Path, arrays: dict[str, NDArray[Any]], fps: float | None) -> float:
    stored = arrays.get(FPS)
    if fps is None and stored is None:
        raise InputError(
            f"{path} does not say at which frame rate it was recorded. Give --fps, or store `fps` in an .npz."
        )
    try:
        rate = float(np.asarray(stored).reshape(())) if fps is None else float(fps)
    except (TypeError, ValueError):
        raise FormatError(f"{path} has a frame rate of {stored!r}; expected one number. Give --fps.") from None
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(f"{path}: a frame rate of {rate:g} is not usable. Give a positive --fps.")
    return rate
