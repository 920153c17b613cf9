"""Skeleton layouts as data: which points there are, how they connect, and what they mean on a body."""

from dataclasses import dataclass
from typing import Final

from ..body.model import JOINT_NAMES, MIRRORED_JOINTS, PARENTS
from ..errors import LayoutError


@dataclass(frozen=True)
class Layout:
    """One way of naming the points of a skeleton.

    keypoints: K names; edges: index pairs to draw and to measure; joints: for each point the SMPL joint whose bone
    it rides on; mirrored: index of the point's mirror image; left, right: the same number of points on either side
    of the trunk (shoulders and hips), for facing; top, bottom: points above and below each other when standing.
    """

    name: str
    title: str
    keypoints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    joints: tuple[int, ...]
    mirrored: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    top: tuple[int, ...]
    bottom: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of key-points, K."""
        return len(self.keypoints)


SMPL24: Final = Layout(
    name="smpl24",
    title="SMPL joints (24)",
    keypoints=JOINT_NAMES,
    edges=tuple((PARENTS[j], j) for j in range(1, 24)),
    joints=tuple(range(24)),
    mirrored=MIRRORED_JOINTS,
    left=(1, 16),
    right=(2, 17),
    top=(12, 15),
    bottom=(7, 8, 10, 11),
)

# The meaning of the points was lost by the authors of the data; these names follow from the geometry of the clips
# (points 7 to 16 lie from the dancer's right to the left, toes point forward). They behave like skin markers.
MD23: Final = Layout(
    name="md23",
    title="Music & dance markers (23)",
    keypoints=(
        "head_right", "head_left", "lower_spine", "right_shoulder", "right_elbow", "right_forearm", "right_wrist",
        "right_hip", "right_knee", "right_ankle", "right_heel", "right_toe", "left_shoulder", "left_elbow",
        "left_forearm", "left_wrist", "left_hip", "left_knee", "left_ankle", "left_heel", "left_toe",
        "left_forearm_2", "right_wrist_2",
    ),
    edges=(
        (0, 1), (0, 3), (1, 12), (3, 12), (3, 2), (12, 2), (3, 4), (4, 5), (5, 6), (6, 22), (12, 13), (13, 14),
        (14, 15), (14, 21), (2, 7), (2, 16), (7, 16), (7, 8), (8, 9), (9, 10), (10, 11), (9, 11), (16, 17),
        (17, 18), (18, 19), (19, 20), (18, 20),
    ),
    joints=(15, 15, 3, 17, 17, 19, 21, 2, 5, 8, 8, 11, 16, 16, 18, 20, 1, 4, 7, 7, 10, 18, 21),
    mirrored=(1, 0, 2, 12, 13, 21, 15, 16, 17, 18, 19, 20, 3, 4, 5, 6, 7, 8, 9, 10, 11, 5, 15),
    left=(12, 16),
    right=(3, 7),
    top=(0, 1),
    bottom=(9, 10, 11, 18, 19, 20),
)  # fmt: skip

LAYOUTS: Final = {layout.name: layout for layout in (MD23, SMPL24)}


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
