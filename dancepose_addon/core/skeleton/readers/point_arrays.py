# SPDX-License-Identifier: Apache-2.0
"""Arrays of points without names: which of a file's arrays they are, and which of its axes is which."""

from collections.abc import Mapping
from typing import Any, Final
import warnings

import numpy as np
from numpy.typing import NDArray

from ...arrays import F64
from ...counting import counted
from ...errors import FormatError, InputError
from ..anatomy import measure_fit, sample
from ..layouts import layouts_with
from ..recording import Finding, Hints
from ..rigid_distances import rigid_share
from ..unnamed_models import unnamed_with
from .feature_rows import ROW_WIDTHS
from .numbers import as_numbers, describe

ARRAY: Final = "array"
"""The name of a file's only array, where it has none."""
POINTS: Final = "keypoints_m"
WORLD: Final = ("global", "world")
CAMERA: Final = ("incam", "camera", "_cam", "cam_")
"""Words in the names of arrays."""
KNOWN: Final = (
    "keypoints3d_optim", "keypoints3d", "keypoints_3d", "kp3d", "joints3d", "joints_3d", "joint3d", "joints", "S",
    "pose_3d", "positions", "joint_positions", "new_joints", "joints3D", "xyz", "points", "pred_position",
    "dance_array",
    "jointPositions", "smpl_joints", "keypoints",
)  # fmt: skip
"""Names that data sets and models give 3D points, in the order of preference."""
OTHER_CONTENTS: Final = (
    ({"state_dict"}, "is a checkpoint of a network, not a motion"),
    ({"v_template", "shapedirs"}, "is a body model, not a motion (give it with --body)"),
    ({"v_template", "weights"}, "is a body model, not a motion (give it with --body)"),
)
"""Members by which other files are known, and what these are."""
EXCHANGE_SIZES: Final = 0.15
"""Share of a person's size that both move at once, where they are exchanged."""
EXCHANGE_SHARE: Final = 0.5
"""Of what they move, what is left if the exchange is undone."""
LEAST_POINTS: Final = 5
MOST_PERSONS: Final = 8
MOST_AXES: Final = 12
PERSON: Final = 1.2
"""Cost below which an array looks like a person."""


def find_points(arrays: Mapping[str, Any], source: str, hints: Hints) -> tuple[str, F64, tuple[Finding, ...]]:
    """The array that holds the points: by its name, the only one of such a shape, or the one that looks like a person.

    Args:
        arrays: The file's arrays by name.
        source: The file, for messages.
        hints: ``take`` chooses one of several motions.

    Returns:
        Its name, its numbers, and what is doubtful about the choice.

    Raises:
        FormatError: There is none, or several look alike.
        InputError: There is no such motion.
    """
    for name in (POINTS, ARRAY):
        if name in arrays:
            return name, as_numbers(arrays[name], source), ()
    fitting = [name for name, array in arrays.items() if _may_be_points(array)]
    if not fitting:
        fitting = [name for name, array in arrays.items() if _may_be_rows(array)]
    fitting = _in_the_world(fitting)
    named = [name for name in KNOWN if name in fitting]
    if named:
        return named[0], as_numbers(arrays[named[0]], source), ()
    if len(fitting) == 1:
        return fitting[0], as_numbers(arrays[fitting[0]], source), ()
    ranked = sorted((_cost(arrays[name], source), name) for name in fitting)
    if ranked and ranked[0][0] < 0.6 * ranked[1][0] and np.isfinite(ranked[0][0]):
        name = ranked[0][1]
        others = ", ".join(str(other)[:24] for _, other in ranked[1:4])
        found = Finding("array", str(name)[:40], 0.8, f"it looks more like a person than {others}")
        return name, as_numbers(arrays[name], source), (found,)
    people = [name for name in fitting if any(cost < PERSON for cost, other in ranked if other == name)]
    if len(people) > 1 and len({arrays[name].shape[1:] for name in people}) == 1:
        return _one_clip(arrays, people, source, hints)
    other = next((what for names, what in OTHER_CONTENTS if names <= set(arrays)), "")
    raise FormatError(
        f"{source} {other or f'holds {describe(arrays)}'}; expected {POINTS} of shape (frames, points, 3), or the "
        "arrays "
        "of a known format (docs/formats.md)."
    )


def _in_the_world(names: list[str]) -> list[str]:
    """Leave out arrays in the axes of a camera where others are in the world's."""
    if not any(word in name.lower() for name in names for word in WORLD):
        return names
    return [name for name in names if not any(word in name.lower() for word in CAMERA)] or names


def _one_clip(
    arrays: Mapping[str, Any], names: list[str], source: str, hints: Hints
) -> tuple[str, F64, tuple[Finding, ...]]:
    """One of several arrays that are all persons: motions, in the order of the file."""
    if hints.take >= len(names):
        raise InputError(
            f"{source} holds {counted(len(names), 'motion')}; there is no number {hints.take}. Give --read take=0 "
            "or more."
        )
    name = names[hints.take]
    others = ", ".join(str(other)[:24] for other in names[:4])
    why = f"the file holds {len(names)} ({others}), and --read take=N chooses another"
    return name, as_numbers(arrays[name], source), (Finding("motion", str(name)[:40], hints.take_confidence, why),)


def _may_be_points(array: Any) -> bool:
    return (
        isinstance(array, np.ndarray)
        and array.dtype.kind in "fiu"
        and array.ndim in (3, 4)
        and array.shape[-1] in (3, 4)
        and array.shape[-2] >= LEAST_POINTS
    )


def _may_be_rows(array: Any) -> bool:
    """Whether an array has a row for each frame with as many numbers as a layout's points or a known format."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or array.size == 0:
        return False
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        return False
    width = array.shape[1]
    return width in ROW_WIDTHS or (width % 3 == 0 and bool(layouts_with(width // 3) or unnamed_with(width // 3)))


def _cost(array: Any, source: str) -> float:
    if array.shape[-1] not in (3, 4) and array.shape[-1] in ROW_WIDTHS:
        return 0.0
    numbers = as_numbers(array, source)
    if numbers.shape[-1] not in (3, 4):
        numbers = numbers.reshape(-1, numbers.shape[-1] // 3, 3)
    points = sample(numbers[..., :3].reshape(-1, *numbers.shape[-2:-1], 3))
    return min((measure_fit(points, layout).cost for layout in layouts_with(points.shape[1])), default=np.inf)


def shaped(array: F64, source: str, hints: Hints) -> tuple[F64, F64 | None, tuple[Finding, ...]]:
    """Bring an array into the order (frames, points, axes).

    Args:
        array: Of any shape.
        source: The file, for messages.
        hints: ``take`` chooses one of several persons or motions.

    Returns:
        Points (T, K, 3), confidence (T, K) or None, and what is doubtful about the shape.

    Raises:
        FormatError: It has no shape that points have.
        InputError: There is no such person or motion.
    """
    stored = array.shape
    notes: tuple[Finding, ...] = ()
    array = _without_batch(array)
    if array.ndim == 4 and array.shape[2:] == (4, 4) and _are_transforms(array):
        array = array[..., :3, 3]
    if _has_axes_first(array):
        array = array.transpose(3, 1, 2, 0)  # graph networks: (axes, frames, points, persons)
        array, notes = taken(array, source, hints, persons_first=True)
    elif array.ndim == 4 and array.shape[3] in (3, 4):
        array, notes = taken(array, source, hints)
    if array.ndim == 3 and array.shape[2] > MOST_AXES and layouts_with(array.shape[2] // 3) and array.shape[2] % 3 == 0:
        array, notes = taken(array, source, hints)
    if array.ndim == 3 and array.shape[2] == 7 and array.shape[1] >= LEAST_POINTS:
        array, found = _without_orientations(array)
        notes += found
    if array.ndim == 3 and array.shape[2] == 3 and array.shape[1] >= LEAST_POINTS:
        return array, None, notes
    if array.ndim == 3 and array.shape[2] == 4 and array.shape[1] >= LEAST_POINTS:
        if np.all((array[..., 3] >= 0.0) & (array[..., 3] <= 1.0)):
            return array[..., :3], array[..., 3], notes
        raise FormatError(f"{source} has four numbers for a point; expected x, y, z, and a confidence in [0, 1].")
    if array.ndim == 3 and array.shape[1] == 3 and array.shape[2] >= LEAST_POINTS:
        if array.shape[0] < array.shape[2]:
            shape = Finding(
                "shape", "(points, 3, frames)", 0.8, f"{array.shape} has more of the last than of the first"
            )
            return array.transpose(2, 0, 1), None, (*notes, shape)
        shape = Finding("shape", "(frames, 3, points)", 0.8, f"of {array.shape} the first is the longest")
        return array.transpose(0, 2, 1), None, (*notes, shape)
    if array.ndim == 2 and _has_fourths(array):
        rows = array.reshape(len(array), -1, 4)
        return rows[..., :3], rows[..., 3], notes
    if array.ndim == 2 and array.shape[1] % 3 == 0 and array.shape[1] >= 3 * LEAST_POINTS:
        return array.reshape(len(array), -1, 3), None, notes
    flat = "; two numbers a point are a place in a picture, and 3D points are needed" if stored[-1:] == (2,) else ""
    raise FormatError(
        f"{source} has numbers of shape {stored}; expected (frames, points, 3), (frames, 3 x points), or what a "
        f"known format has (docs/formats.md){flat}."
    )


def _has_fourths(rows: F64) -> bool:
    """Whether flat rows have a confidence after each three coordinates."""
    width = rows.shape[1]
    if width % 4 or width < 4 * LEAST_POINTS or len(rows) == 0:
        return False
    is_share = ((rows >= 0.0) & (rows <= 1.0)).reshape(len(rows), -1, 4).all(axis=(0, 1))
    return bool(is_share[3]) and (not is_share[:3].any() or width % 3 != 0 or not layouts_with(width // 3))


def _has_axes_first(array: F64) -> bool:
    """Whether an array is (axes, frames, points, persons), as of graph networks; three persons may be first as well."""
    if array.ndim != 4 or array.shape[0] != 3 or array.shape[2] < LEAST_POINTS or array.shape[3] > MOST_PERSONS:
        return False
    if array.shape[3] != 3:
        return True
    first, last = sample(array[0]), sample(array.transpose(3, 1, 2, 0)[0])
    return rigid_share(last) > rigid_share(first)


def _without_batch(array: F64) -> F64:
    """An array without leading axes of length 1: (1, T, 72), (1, 1, T, K, 3)."""
    while array.ndim > 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 4 and array.shape[0] == 1 and array.shape[3] in (3, 4) and array.shape[2:] != (4, 4):
        return array[0]
    if array.ndim == 3 and array.shape[0] == 1 and array.shape[2] > MOST_AXES:
        return array[0]
    return array


def _are_transforms(array: F64) -> bool:
    """Whether (..., 4, 4) are matrices of rigid motions, whose last row is 0, 0, 0, 1."""
    return bool(np.allclose(array[:50, :, 3], [0.0, 0.0, 0.0, 1.0], atol=1e-4))


def _without_orientations(array: F64) -> tuple[F64, tuple[Finding, ...]]:
    """The places of (T, K, 7): a place and a quaternion, in either order."""
    for start, place in ((3, 0), (0, 4)):
        length = np.linalg.norm(array[..., start : start + 4], axis=-1)
        if np.nanpercentile(np.abs(length - 1.0), 90) < 0.02:
            found = Finding("orientations", "not used", 0.95, "each point has a place and a quaternion")
            return array[..., place : place + 3], (found,)
    return array, ()


def taken(
    array: NDArray[np.float64], source: str, hints: Hints, *, persons_first: bool = False
) -> tuple[F64, tuple[Finding, ...]]:
    """One person or motion of several.

    Args:
        array: (P, T, ...) or (T, P, ...). The axis along which the numbers run on smoothly is the time.
        source: The file, for messages.
        hints: ``take`` is its number.
        persons_first: Whether the first axis is known to be that of persons or motions.

    Returns:
        (T, ...), and a note where there was a choice.

    Raises:
        InputError: There is no such number.
    """
    if not persons_first and _time_is_first(array):
        array = np.swapaxes(array, 0, 1)
        what = "person"
    else:
        what = "motion"
    if not 0 <= hints.take < len(array):
        raise InputError(
            f"{source} holds {len(array)} {what}s; there is no number {hints.take}. Give --read take=0 or more."
        )
    if len(array) == 1:
        return array[0], ()
    why = f"the file holds {len(array)}, and --read take=N chooses another"
    count = len(array) if what == "person" else 1
    chosen = Finding(what, f"number {hints.take}", hints.take_confidence, why, count)
    return array[hints.take], (chosen, *(_exchanges(array, hints.take) if what == "person" else ()))


def _exchanges(array: F64, take: int) -> tuple[Finding, ...]:
    """Frames from which a person is where another one was, and the other way around. array: (P, T, ...)."""
    if array.ndim != 4 or array.shape[3] not in (3, 4) or array.shape[1] < 2:
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # frames without any point
        places = np.nanmedian(array[..., :3], axis=2)
        size = float(np.nanmedian(np.ptp(array[take, ..., :3], axis=1).max(axis=-1)))
    steps = np.linalg.norm(places[:, 1:] - places[:, :-1], axis=-1)
    for other in range(len(array)):
        across = [np.linalg.norm(places[b, 1:] - places[a, :-1], axis=-1) for a, b in ((take, other), (other, take))]
        far = np.minimum(steps[take], steps[other]) > EXCHANGE_SIZES * size
        at = np.flatnonzero(far & (across[0] + across[1] < EXCHANGE_SHARE * (steps[take] + steps[other])))
        if other != take and len(at):
            why = f"they jump to each other's place after frame {at[0]}; correct the file, or choose frames"
            return (Finding("person", f"exchanged with number {other}", 0.6, why),)
    return ()


def _time_is_first(array: F64) -> bool:
    """Whether the first of two axes is the time: numbers differ less along it than along the second."""
    first, second = array.shape[:2]
    if 1 in (first, second):
        return second == 1 and first > 1
    few = array[:200, :200]
    along = [np.abs(np.diff(few, axis=axis)) for axis in (0, 1)]
    steps = [float(part[np.isfinite(part)].mean()) if np.isfinite(part).any() else np.inf for part in along]
    if 0.0 in steps:
        return steps[1] == 0.0  # copies of one person
    return steps[0] < steps[1]
