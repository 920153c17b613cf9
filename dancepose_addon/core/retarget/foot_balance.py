# SPDX-License-Identifier: Apache-2.0
"""Distributes what feet in contact need over the hips, the pelvis and the legs.

Unknown in every frame are the displacement of the hips, half the displacement of the left hip joint against the right
one (a turn of the pelvis), and the displacement of each ankle by its leg. Soles in contact shall not slide and shall be
on the floor, soles without contact not below it; displacements shall be small, those of the legs above all, and their
accelerations too. Nothing else decides when a correction begins or ends, so it has no edges. That is a linear least
squares problem (Tikhonov regularisation), whose equations couple a frame with the next two; they are solved by block
elimination.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import F64, Flags

EFFECT: Final = np.array([[1.0, 1.0, 1.0, 0.0], [1.0, -1.0, 0.0, 1.0]])
"""Effect of the unknowns on the left and the right foot: hips, pelvis, left leg, right leg."""
SLIDE_M_S: Final = 0.01
SLIDING_M_S: Final = 0.1
"""A sole that is faster than this in spite of the correction slides: it counts less (Huber's weights)."""
HEIGHT_M: Final = 0.005
HIPS_M: Final = 0.12
LEAN_RAD: Final = 0.07
LEG_M: Final = 0.02
LEG_HEIGHT_M: Final = 0.005
"""Standard deviation of an ankle's height: near a straight knee, a centimetre bends the leg by ten degrees."""
HIPS_M_S2: Final = 4.0
LEG_M_S2: Final = 6.0
ALONG: Final = 0.02
"""Least square of the sine between an axis and the line of the hips: a turn moves no hip joint along the line."""
UP: Final = 1


@dataclass(frozen=True, eq=False)
class FreeFeet:
    """Both feet before their correction.

    Attributes:
        places_m: Mean position of each sole (left, right; heel, toes), (T, 2, 2, 3), metres.
        lowest_m: Height of the lowest point of each sole above the floor, (T, 2, 2), metres.
        contact: Whether heel and toes are in contact, (T, 2, 2).
        across: Unit vector from the right to the left hip joint, (T, 3).
        half_m: Half the distance of the hip joints, metres.
        can_lean: Whether the pelvis can turn without the chest.
        fps: Frames per second.
    """

    places_m: F64
    lowest_m: F64
    contact: Flags
    across: F64
    half_m: float
    can_lean: bool
    fps: float


def balance_feet(feet: FreeFeet, before: F64) -> F64:
    """Find the displacements that keep feet in their places.

    Args:
        feet: The feet.
        before: Displacements of an earlier pass, (T, 4, 3); from them follows which soles slide or are below the floor.

    Returns:
        Displacements of the hips, of the left hip joint against the middle, of the left and of the right ankle by the
        legs, (T, 4, 3), metres.
    """
    moved = np.einsum("fu,tuc->tfc", EFFECT, before)
    step_s = 1.0 / feet.fps
    both = feet.contact[1:] & feet.contact[:-1]
    speed = np.linalg.norm(np.diff(feet.places_m + moved[:, :, None], axis=0)[..., [0, 2]], axis=-1) / step_s
    still = both * np.minimum(1.0, SLIDING_M_S / np.maximum(speed, 1e-9)) / (SLIDE_M_S**2 * step_s)
    held = (feet.contact | (feet.lowest_m + moved[:, :, None, UP] < 0.0)) * step_s / HEIGHT_M**2
    equations = _prior(feet)
    rise, steps = feet.lowest_m, np.diff(feet.places_m, axis=0)
    for foot, effect in enumerate(EFFECT):
        outer = np.outer(effect, effect)
        stiffness = still[:, foot].sum(axis=1)
        pull = np.einsum("tp,tpc->tc", still[:, foot], steps[:, foot])
        for axis in (0, 2):
            equations.diagonal[:-1, axis] += stiffness[:, None, None] * outer
            equations.diagonal[1:, axis] += stiffness[:, None, None] * outer
            equations.next[:-1, axis] -= stiffness[:, None, None] * outer
            equations.right[:-1, axis] += pull[:, axis, None] * effect
            equations.right[1:, axis] -= pull[:, axis, None] * effect
        equations.diagonal[:, UP] += held[:, foot].sum(axis=1)[:, None, None] * outer
        equations.right[:, UP] -= (held[:, foot] * rise[:, foot]).sum(axis=1)[:, None] * effect
    return np.swapaxes(equations.solve(), 1, 2)


@dataclass(frozen=True, eq=False)
class _Equations:
    """D_t x_t + N_(t-1) x_(t-1) + N_t x_(t+1) + S_(t-2) x_(t-2) + S_t x_(t+2) = r_t, for each axis.

    All blocks are symmetric. diagonal, next, second: (T, 3, 4, 4), D, N and S; right: (T, 3, 4).
    """

    diagonal: F64
    next: F64
    second: F64
    right: F64

    def solve(self) -> F64:
        """Return x, (T, 3, 4). Two frames make one block, so that each block is coupled with the next one only."""
        count = len(self.right)
        if count % 2:
            rest = _Equations(*(np.concatenate([part, np.zeros_like(part[:1])]) for part in self._parts()))
            rest.diagonal[-1] = np.eye(4)
            return rest.solve()[:count]
        blocks = np.block([[self.diagonal[::2], self.next[::2]], [self.next[::2], self.diagonal[1::2]]])
        coupling = np.block([[self.second[::2], np.zeros_like(self.next[::2])], [self.next[1::2], self.second[1::2]]])
        right = np.concatenate([self.right[::2], self.right[1::2]], axis=-1)[..., None]
        both = np.concatenate([coupling, right], axis=-1)
        solved = [np.linalg.solve(blocks[0], both[0])]
        for block, joined, given in zip(blocks[1:], coupling[:-1], both[1:], strict=True):
            carried = np.swapaxes(joined, -1, -2) @ solved[-1]
            given[..., -1] -= carried[..., -1]
            solved.append(np.linalg.solve(block - carried[..., :-1], given))
        found = np.stack(solved)
        solution = found[..., -1]
        for place in range(len(found) - 2, -1, -1):
            solution[place] -= (found[place, ..., :-1] @ solution[place + 1, ..., None])[..., 0]
        return np.stack([solution[..., :4], solution[..., 4:]], axis=1).reshape(count, 3, 4)

    def _parts(self) -> tuple[F64, F64, F64, F64]:
        return self.diagonal, self.next, self.second, self.right


def _prior(feet: FreeFeet) -> _Equations:
    """Return the equations of small displacements with small accelerations."""
    count, step_s = len(feet.places_m), 1.0 / feet.fps
    size = np.empty((count, 3, 4))
    size[..., 0] = HIPS_M
    size[..., 1] = feet.half_m * LEAN_RAD * np.sqrt(np.maximum(1.0 - feet.across**2, ALONG))
    size[..., 2:] = LEG_M
    size[:, UP, 2:] = LEG_HEIGHT_M
    if not feet.can_lean:
        size[..., 1] *= 1e-3
    diagonal, following, second = (np.zeros((count, 3, 4, 4)) for _ in range(3))
    unknown = np.arange(4)
    diagonal[..., unknown, unknown] = step_s / size**2
    bend = 1.0 / (np.array([HIPS_M_S2, HIPS_M_S2, LEG_M_S2, LEG_M_S2]) ** 2 * step_s**3)
    for shift, weight in ((0, 1.0), (1, 4.0), (2, 1.0)):
        diagonal[shift : shift + max(count - 2, 0), :, unknown, unknown] += weight * bend
    if count > 2:
        following[: count - 2, :, unknown, unknown] -= 2.0 * bend
        following[1 : count - 1, :, unknown, unknown] -= 2.0 * bend
        second[: count - 2, :, unknown, unknown] += bend
    return _Equations(diagonal, following, second, np.zeros((count, 3, 4)))
