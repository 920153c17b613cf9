"""What a skeleton layout is: which points there are, how they connect, and what they mean on a body."""

from dataclasses import dataclass


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
