# SPDX-License-Identifier: Apache-2.0
"""Skeleton layouts by name and by number of points."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from ..counting import counted
from ..errors import LayoutError
from ..printable_text import quoted
from .layout import Layout
from .layout_file import read_layout
from .layout_tables import BODY25, COCO17, H36M17, MD23, SMPL22, SMPL24
from .layout_tables_markers import CMU42, MARKER_SETS, MOTIVE37, PLUGINGAIT39
from .layout_tables_more import AZURE32, KINECT25, SMPLH52, SMPLX55

__all__ = [
    "AZURE32", "BODY25", "CMU42", "COCO17", "H36M17", "KINECT25", "LAYOUTS", "MARKER_SETS", "MD23", "MOTIVE37",
    "PLUGINGAIT39", "SMPL22", "SMPL24", "SMPLH52", "SMPLX55", "Layout", "get_layout", "layouts_with", "require_count",
    "unknown_layout",
]  # fmt: skip

LAYOUTS: Final = {
    layout.name: layout
    for layout in (MD23, SMPL24, SMPL22, COCO17, BODY25, H36M17, KINECT25, AZURE32, SMPLH52, SMPLX55, *MARKER_SETS)
}
SUFFIX: Final = ".toml"


def get_layout(name: str) -> Layout:
    """Find a layout.

    Args:
        name: Of a built-in layout, or the path of a user's .toml file. A user's layout is called by its path, so that
            its name alone finds it again.

    Returns:
        The layout.

    Raises:
        LayoutError: There is no such layout, or the file describes none; the message lists the known ones.
        MissingFileError: The file cannot be read.
    """
    if name in LAYOUTS:
        return LAYOUTS[name]
    if name.endswith(SUFFIX):
        path = Path(name)
        modified = path.stat().st_mtime_ns if path.is_file() else 0
        return _read(path, modified)
    raise LayoutError(unknown_layout(name))


def unknown_layout(name: str) -> str:
    """Return the sentence about a name that no layout has."""
    known = ", ".join(sorted(LAYOUTS))
    return f"There is no layout {quoted(name)}; known layouts: {known}, or the path of a {SUFFIX} file."


@lru_cache(maxsize=8)
def _read(path: Path, _modified_ns: int) -> Layout:
    return read_layout(path)


def layouts_with(count: int) -> tuple[Layout, ...]:
    """Find every built-in layout with that many key-points."""
    return tuple(layout for layout in LAYOUTS.values() if layout.count == count)


def require_count(layout: Layout, count: int, source: str) -> None:
    """Check that a layout has as many points as a file.

    Args:
        layout: To check.
        count: Points of the file.
        source: The file, for messages.

    Raises:
        LayoutError: The numbers differ; the message names the layouts that would fit.
    """
    if count == layout.count:
        return
    fitting = ", ".join(other.name for other in layouts_with(count))
    counts = ", ".join(f"{other.name} {other.count}" for other in LAYOUTS.values())
    advice = f"Choose another layout (fits: {fitting})" if fitting else f"No known layout has {count} ({counts})"
    raise LayoutError(f"{source} has {counted(count, 'key-point')}; {layout.name} needs {layout.count}. {advice}.")
