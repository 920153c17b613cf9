"""Skeleton layouts by name and by number of points."""

from typing import Final

from ..errors import LayoutError
from .layout import Layout
from .layout_tables import BODY25, COCO17, H36M17, MD23, SMPL22, SMPL24

__all__ = [
    "BODY25", "COCO17", "H36M17", "LAYOUTS", "MD23", "SMPL22", "SMPL24", "Layout", "get_layout", "layouts_with",
    "require_count",
]  # fmt: skip

LAYOUTS: Final = {layout.name: layout for layout in (MD23, SMPL24, SMPL22, COCO17, BODY25, H36M17)}


def get_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
        LayoutError: no such layout; the message lists those there are.
    """
    try:
        return LAYOUTS[name]
    except KeyError:
        raise LayoutError(f"There is no layout {name!r}; known layouts: {', '.join(sorted(LAYOUTS))}.") from None


def layouts_with(count: int) -> tuple[Layout, ...]:
    """Every layout with that many key-points."""
    return tuple(layout for layout in LAYOUTS.values() if layout.count == count)


def require_count(layout: Layout, count: int, source: str) -> None:
    """Check that ``count`` points are what ``layout`` has.

    Raises:
        LayoutError: they are not; the message names the layouts that would fit.
    """
    if count == layout.count:
        return
    fitting = ", ".join(other.name for other in layouts_with(count))
    counts = ", ".join(f"{other.name} {other.count}" for other in LAYOUTS.values())
    advice = f"Choose another layout (fits: {fitting})" if fitting else f"No known layout has {count} ({counts})"
    raise LayoutError(f"{source} has {count} key-points; {layout.name} needs {layout.count}. {advice}.")
