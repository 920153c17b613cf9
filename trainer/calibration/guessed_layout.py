# SPDX-License-Identifier: Apache-2.0
"""A guessed attachment as a layout file, from which a calibration then starts, and as text."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, BodyModel
from dancepose_addon.core.skeleton.layout_file import FORMAT
from dancepose_addon.core.skeleton.rigid_distances import rigid_tree

from .guess_bones import Guess

PAIRED_M: Final = 0.1
"""Two points whose positions mirror each other this closely are a pair, metres."""
MIDDLE_M: Final = 0.04
SHARE: Final = 0.8
UNCLEAR: Final = 0.8
SIDES: Final = ("left_hip", "left_shoulder", "left_collar")
ENDS: Final = 2
"""Number of points used as top and bottom of a layout."""


def layout_table(
    guess: Guess, names: tuple[str, ...], points: NDArray[np.floating], body: BodyModel, title: str
) -> dict[str, Any]:
    """Build the table of a layout file.

    Args:
        guess: The attachments.
        names: Names of the points.
        points: (T, K, 3), the recording, from which edges are inferred.
        body: The mean body.
        title: Title of the layout.

    Returns:
        The table, as ``write_layout`` expects it.
    """
    joints, mirror = body.rest_joints(), mirrored(guess.rest_m)
    rows = []
    for index, name in enumerate(names):
        first, second = int(guess.joints[index]), int(guess.second[index])
        shares = {first: 1.0} if first == second else {first: SHARE, second: 1.0 - SHARE}
        centre = sum(share * joints[joint] for joint, share in shares.items())
        rows.append(
            {
                "name": name,
                "rides_on": {JOINT_NAMES[joint]: round(share, 3) for joint, share in shares.items()},
                "offset_m": [round(float(value), 4) for value in guess.rest_m[index] - centre],
                "mirror": names[mirror[index]],
            }
        )
    edges = [[names[first], names[second]] for first, second in rigid_tree(points.astype(np.float64))]
    return {"format": FORMAT, "title": title, "edges": edges, **_sides(guess, names, mirror), "points": rows}


def mirrored(rest_m: NDArray[np.floating]) -> list[int]:
    """Return the mirror image of each point (mutual nearest across the middle) or itself. rest_m: (K, 3), metres."""
    flipped = rest_m * np.array([-1.0, 1.0, 1.0])
    away = np.linalg.norm(rest_m[:, None] - flipped[None], axis=-1)
    nearest = away.argmin(axis=1)
    result = list(range(len(rest_m)))
    for point, other in enumerate(nearest.tolist()):
        if point != other and nearest[other] == point and away[point, other] < PAIRED_M:
            result[point] = other
    return result


def _sides(guess: Guess, names: tuple[str, ...], mirror: list[int]) -> dict[str, list[str]]:
    rest = guess.rest_m
    trunk = [JOINT_INDEX[name] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    trunk += [JOINT_INDEX[name] for name in SIDES]
    left = [
        point for point in range(len(names))
        if mirror[point] != point and rest[point, 0] > MIDDLE_M and guess.joints[point] in trunk
    ]  # fmt: skip
    left = left or [point for point in range(len(names)) if mirror[point] != point and rest[point, 0] > MIDDLE_M]
    order = np.argsort(rest[:, 1]).tolist()
    return {
        "left": [names[point] for point in left],
        "right": [names[mirror[point]] for point in left],
        "top": [names[point] for point in order[-ENDS:]],
        "bottom": [names[point] for point in order[:ENDS]],
    }


def describe_guess(guess: Guess, names: tuple[str, ...]) -> str:
    """Format each point's bone and how far it moves; a question mark shows that the bone is unclear."""
    lines = [f"{'point':<18}{'attached to':<16}{'moves':>9}"]
    for name, joint, spread, doubt in zip(names, guess.joints, guess.spread_m, guess.doubt, strict=True):
        mark = "  ? another bone fits as well" if doubt > UNCLEAR else ""
        lines.append(f"{name:<18}{JOINT_NAMES[joint]:<16}{1000.0 * float(spread):>6.1f} mm{mark}")
    other = ""
    if np.isfinite(guess.runner_up_m):
        other = f"; the next best assignment leaves {1000.0 * guess.runner_up_m:.1f} mm"
    lines.append(f"Mean residual {1000.0 * guess.residual_m:.1f} mm{other}.")
    return "\n".join(lines)
