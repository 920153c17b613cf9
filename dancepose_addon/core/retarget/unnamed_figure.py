# SPDX-License-Identifier: Apache-2.0
"""Joints of a figure from the shape of its rest skeleton, for bones whose names are not known.

Arms and legs are pairs of mirrored chains: legs end lowest, arms reach furthest to the sides. In each chain the two
long bones that follow each other are the limb's segments.
"""

from itertools import pairwise
from typing import Final

import numpy as np

from ..arrays import F64
from .rest_skeleton import RestSkeleton

SAME_PLACE: Final = 0.03
"""Mirrored bones differ by less than this share of the figure's height."""
LEAST_BONES: Final = 13
CENTRAL: Final = 0.03
"""Bones nearer to the middle than this share of the height are in the middle."""

Chain = list[int]


def joints_by_shape(skeleton: RestSkeleton) -> dict[str, int] | None:
    """Find the joints of a standing figure.

    Args:
        skeleton: Rest skeleton.

    Returns:
        Index of the bone of each SMPL joint that was found; None for a skeleton that has no two arms and two legs.
    """
    if len(skeleton) < LEAST_BONES:
        return None
    best: dict[str, int] | None = None
    for up in (2, 1, 0):
        for across in (axis for axis in (0, 1, 2) if axis != up):
            found = _standing(skeleton, up, across)
            if found is not None and (best is None or len(found) > len(best)):
                best = found
    return best


def _standing(skeleton: RestSkeleton, up: int, across: int) -> dict[str, int] | None:
    """Return the joints of a figure that is upright along one axis and symmetric across another."""
    heads = skeleton.heads
    height = float(np.ptp(heads[:, up]))
    if height < 1e-6:
        return None
    middle = float(np.median(heads[:, across]))
    pairs = _mirrored_ends(skeleton, across, middle, SAME_PLACE * height)
    if len(pairs) < 2:
        return None
    legs = min(pairs, key=lambda pair: heads[pair[0], up])
    others = [pair for pair in pairs if _apart(skeleton, pair, legs)]
    if not others:
        return None
    arms = max(others, key=lambda pair: heads[pair[0], across] - middle)
    joints: dict[str, int] = {}
    for number, pair in enumerate((legs, arms)):
        top = skeleton.common_ancestor(list(pair))
        for place, end in enumerate(pair):
            chain = [*skeleton.path(top, end), end] if top is not None else skeleton.ancestors(end)[::-1]
            limb = _limb(heads, chain)
            if limb is None:
                return None
            side = ("left", "right")[place]
            names = ("hip", "knee", "ankle") if number == 0 else ("shoulder", "elbow", "wrist")
            joints |= {f"{side}_{name}": chain[limb + step] for step, name in enumerate(names)}
            if number == 0 and limb + 3 < len(chain):
                joints[f"{side}_foot"] = chain[limb + 3]
            if number == 1 and limb > 0:
                joints[f"{side}_collar"] = chain[limb - 1]
    if heads[joints["left_hip"], up] > heads[joints["left_shoulder"], up]:
        return None
    joints |= _head(skeleton, joints, up, across, middle, CENTRAL * height)
    return _with_true_sides(heads, joints, up)


def _mirrored_ends(skeleton: RestSkeleton, across: int, middle: float, near: float) -> list[tuple[int, int]]:
    """Return pairs of bones without children that mirror each other, the one with the greater coordinate first."""
    ends = [bone for bone in range(len(skeleton)) if not skeleton.children[bone]]
    heads = skeleton.heads
    pairs = []
    for bone in ends:
        if heads[bone, across] - middle < near:
            continue
        mirrored = heads[bone].copy()
        mirrored[across] = 2.0 * middle - mirrored[across]
        distance = [float(np.linalg.norm(heads[other] - mirrored)) for other in ends]
        nearest = int(np.argmin(distance))
        if distance[nearest] < near:
            pairs.append((bone, ends[nearest]))
    return pairs


def _apart(skeleton: RestSkeleton, pair: tuple[int, int], legs: tuple[int, int]) -> bool:
    """Whether a pair of chains shares no limb with the legs."""
    together = skeleton.common_ancestor([pair[0], legs[0]])
    both = skeleton.common_ancestor(list(legs))
    return together is None or both is None or together in skeleton.ancestors(both)


def _limb(heads: F64, chain: Chain) -> int | None:
    """Return the place in a chain of the first of the two long bones that follow each other."""
    if len(chain) < 3:
        return None
    lengths = [float(np.linalg.norm(heads[b] - heads[a])) for a, b in pairwise(chain)]
    return int(np.argmax([min(pair) for pair in pairwise(lengths)]))


def _head(
    skeleton: RestSkeleton, joints: dict[str, int], up: int, across: int, middle: float, near: float
) -> dict[str, int]:
    """Return the head: the second bone above the arms in the middle, or the only one."""
    top = skeleton.common_ancestor([joints["left_shoulder"], joints["right_shoulder"]])
    if top is None:
        return {}
    central = [bone for bone in skeleton.descendants(top) if abs(skeleton.heads[bone, across] - middle) < near]
    if not central:
        return {}
    highest = max(central, key=lambda bone: skeleton.heads[bone, up])
    above = [*skeleton.path(top, highest), highest]
    return {"head": above[1] if len(above) > 1 else above[0]}


def _with_true_sides(heads: F64, joints: dict[str, int], up: int) -> dict[str, int]:
    """Exchange the sides where the toes show that the figure faces the other way."""
    if "left_foot" not in joints or "right_foot" not in joints:
        return joints
    upward = np.eye(3)[up]
    if heads[joints["left_shoulder"], up] < heads[joints["left_hip"], up]:
        upward = -upward
    ahead = sum(heads[joints[f"{side}_foot"]] - heads[joints[f"{side}_ankle"]] for side in ("left", "right"))
    left = np.cross(upward, ahead)
    if left @ (heads[joints["left_hip"]] - heads[joints["right_hip"]]) >= 0.0:
        return joints
    return {
        part.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right"): bone
        for part, bone in joints.items()
    }
