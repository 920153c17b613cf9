# SPDX-License-Identifier: Apache-2.0
"""What a skeleton layout is: which points there are, how they connect, and what they mean on a body."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """One way of naming the points of a skeleton.

    Attributes:
        name: Of a built-in layout, or the path of the file that a user's layout was read from.
        title: In words.
        keypoints: K names.
        edges: Index pairs to draw and to measure.
        joints: For each point the SMPL joint whose bone it is attached to.
        mirrored: For each point the index of its mirror image.
        left: Points on the left of the trunk (shoulders and hips), for facing.
        right: The same number of points on the right.
        top: Points that are above those of ``bottom`` when standing.
        bottom: Points of the feet.
        attached_to: For each point (joint, weight) pairs, where the layout itself says how its points are attached;
            other built-in layouts have that in marker tables.
        offsets_m: (K, 3) as tuples, from the weighted mean of the joints, metres, T-pose axes; with ``attached_to``.
        is_builtin: Whether ``get_layout`` finds it by its name although it has ``attached_to``.
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
    attached_to: tuple[tuple[tuple[int, float], ...], ...] = ()
    offsets_m: tuple[tuple[float, float, float], ...] = ()
    is_builtin: bool = False

    @property
    def count(self) -> int:
        """Number of key-points, K."""
        return len(self.keypoints)

    @property
    def is_users(self) -> bool:
        """Whether it was read from a user's file."""
        return bool(self.attached_to) and not self.is_builtin

    def same_points(self, other: "Layout") -> bool:
        """Whether both have the same points in the same order.

        Args:
            other: Another layout. A user's layout may come from any file.

        Returns:
            True where they do.
        """
        return self.keypoints == other.keypoints and (self.name == other.name or self.is_users or other.is_users)
