"""What a skeleton layout is: which points there are, how they connect, and what they mean on a body."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """One way of naming the points of a skeleton.

    keypoints: K names; edges: index pairs to draw and to measure; joints: for each point the SMPL joint whose bone
    it rides on; mirrored: index of the point's mirror image; left, right: the same number of points on either side
    of the trunk (shoulders and hips), for facing; top, bottom: points above and below each other when standing.

    A user's own layout brings where its points ride: riding, for each point (joint, weight) pairs, and offsets_m,
    (K, 3) as tuples, metres, T-pose axes. Those of the project keep that in marker tables.
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
    riding: tuple[tuple[tuple[int, float], ...], ...] = ()
    offsets_m: tuple[tuple[float, float, float], ...] = ()

    @property
    def count(self) -> int:
        """Number of key-points, K."""
        return len(self.keypoints)

    @property
    def is_users(self) -> bool:
        """Whether it was read from a file."""
        return bool(self.riding)

    def same_points(self, other: "Layout") -> bool:
        """Whether both mean the same points in the same order, whatever file a user's layout came from."""
        return self.keypoints == other.keypoints and (self.name == other.name or self.is_users or other.is_users)
