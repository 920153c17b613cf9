# SPDX-License-Identifier: Apache-2.0
"""Persons in a file of one frame: a table of SMPL parameters or of points for each.

    ROMP, BEV          results: smpl_thetas (P, 72), cam_trans (P, 3), track_ids (P,)
    PARE, PyMAF        pred_pose (P, 24, 3, 3), pred_shape (P, 10)
    HMR 2.0            pred_smpl_params: global_orient (P, 1, 3, 3), body_pose (P, 23, 3, 3), betas (P, 10)
    SMPLer-X           global_orient (1, 3), body_pose (21, 3), transl (1, 3)
    points             one array (K, 3), (K, 4) or (P, K, 3)

Arrays may have persons as their first axis. A file of many rows, or one that states a frame rate, is a motion.
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frame_lists import FEWEST_POINTS, IDENTITIES, POINT_KEYS, points_of_entry
from .numbers import RATE_KEYS
from .rotation_forms import BODY_COUNTS, ROTATION_COUNTS
from .smpl_tables import BETAS, BODIES, HANDS, ROOTS, TRANSLATIONS, WHOLES, Candidate
from .tidy_values import tidied

Person = dict[str, Any]
MOST_PERSONS: Final = 16
"""In one frame; more rows are a motion."""
MOST_POINTS: Final = 300
MOST_DEPTH: Final = 3
TRACKS: Final = ("track_ids", "tracked_ids", "person_ids", "ids", *IDENTITIES)
JOINTS: Final = ("pred_keypoints_3d", "smpl_joints3d", "pred_joints", "kp_3d", "j3d", "joints_3d", *POINT_KEYS)
_BODY: Final = frozenset(size * count for count in BODY_COUNTS for size in (3, 6, 9))
_WHOLE: Final = frozenset(size * count for count in ROTATION_COUNTS for size in (3, 6, 9))
_ROOT: Final = frozenset((3, 4, 6, 9))


def persons_of_frame(value: Any) -> list[Person] | None:
    """Find the persons of one frame.

    Args:
        value: Content of a file.

    Returns:
        A table for each, with arrays under the names of the smplx library, or ``joints`` (K, 4); an empty list where
        the file shows no person; None where it is no frame but a motion, or holds neither.
    """
    value = tidied(value)
    if value is None or (isinstance(value, Mapping | list) and not value):
        return []
    if isinstance(value, list):
        found = [persons_of_frame(item) if isinstance(item, Mapping) else None for item in value[: MOST_PERSONS + 1]]
        if len(found) > MOST_PERSONS or any(persons is None for persons in found):
            return None
        return [person for persons in found for person in persons or []]
    if not isinstance(value, Mapping):
        value = {"joints": value}
    tables = list(_tables(value, "", {}, 0))
    posed = [table for table in tables if _pose_in(table.table)]
    if posed:
        return _posed(max(posed, key=lambda table: table.rank).table)
    return next((persons for table in tables if (persons := _pointed(table.table)) is not None), None)


def _tables(value: Mapping[str, Any], path: str, above: Mapping[str, Any], depth: int) -> Iterator[Candidate]:
    """The tables of a file, each with what stands above it."""
    table = {**above, **{str(key): item for key, item in value.items() if isinstance(item, np.ndarray)}}
    yield Candidate(path, table)
    if depth < MOST_DEPTH:
        for key, item in value.items():
            if isinstance(item, Mapping):
                yield from _tables(item, f"{path}.{key}", table, depth + 1)


def _pose_in(table: Mapping[str, Any]) -> tuple[str, frozenset[int]] | None:
    """Name of the array with a person's pose, and the sizes that it may have."""
    for names, sizes in ((BODIES, _BODY), (WHOLES, _WHOLE)):
        for name in names:
            if name in table and table[name].dtype.kind in "fiu" and _rows(table[name], sizes):
                return name, sizes
    return None


def _rows(array: NDArray[Any], sizes: frozenset[int]) -> int:
    """Number of persons in an array of poses: its first axis, 1 where it is one pose, or 0 where it is none."""
    array = _without_ones(array)
    if array.ndim > 1 and prod(array.shape[1:]) in sizes:
        return len(array)
    return int(array.size in sizes)


def _without_ones(array: NDArray[Any]) -> NDArray[Any]:
    while array.ndim > 1 and len(array) == 1:
        array = array[0]
    return array


def _posed(table: Mapping[str, Any]) -> list[Person] | None:
    """Persons with SMPL's parameters."""
    name, sizes = _pose_in(table) or ("", _WHOLE)
    count = _rows(table[name], sizes)
    if not _is_frame(table, count):
        return None
    persons: list[Person] = []
    for number in range(count):
        person = {key: _of_person(item, number, count) for key, item in table.items() if item.dtype.kind in "fiu"}
        found: Person = {}
        for key, names in (("transl", TRANSLATIONS), ("betas", BETAS)):
            array = next((person[name] for name in names if name in person and person[name].size), None)
            if array is not None and (array.size == 3 if key == "transl" else array.size <= 400):
                found[key] = array.ravel().astype(np.float64)
        found |= {key: person[key] for key in HANDS if key in person}
        root = next((person[name] for name in ROOTS if name in person and person[name].size in _ROOT), None)
        if sizes is _BODY and root is not None:
            found |= {"global_orient": _joints_of(root, 1), "body_pose": _joints_of(person[name])}
        else:
            found["body_pose" if sizes is _BODY else "poses"] = _joints_of(person[name])
        persons.append(found | _identity_of(person))
    return persons


def _joints_of(pose: NDArray[Any], count: int = 0) -> NDArray[np.float64]:
    """(J, 3), (J, 6) or (J, 3, 3) of one pose in any shape."""
    count = count or next(n for n in (*ROTATION_COUNTS, *BODY_COUNTS) if pose.size in {3 * n, 6 * n, 9 * n})
    size = pose.size // count
    return pose.astype(np.float64).reshape((count, 3, 3) if size == 9 else (count, size))


def _of_person(array: NDArray[Any], number: int, count: int) -> NDArray[Any]:
    if array.ndim > 0 and len(array) == count and (count > 1 or array.ndim > 1):
        return np.asarray(array[number])
    return array


def _identity_of(person: Mapping[str, Any]) -> Person:
    name = next((name for name in TRACKS if name in person and person[name].size == 1), None)
    return {} if name is None else {"id": person[name].reshape(-1)}


def _pointed(table: Mapping[str, Any]) -> list[Person] | None:
    """Persons with points."""
    arrays = {key: item for key, item in table.items() if item.dtype.kind in "fiu"}
    named = next((arrays[key] for key in JOINTS if key in arrays and _count_of(arrays[key])), None)
    if named is None:
        alone = [item for item in arrays.values() if item.ndim > 1 and _count_of(item)]
        if len(alone) != 1:
            return None
        named = alone[0]
    count = _count_of(named)
    if not _is_frame(table, count):
        return None
    people = named.reshape(count, -1, named.shape[-1]) if named.ndim > 1 else named[None]
    persons = [
        {"joints": points_of_entry(points)} | _identity_of({k: _of_person(v, n, count) for k, v in arrays.items()})
        for n, points in enumerate(people)
    ]
    return persons if all(FEWEST_POINTS <= len(person["joints"]) <= MOST_POINTS for person in persons) else None


def _count_of(array: NDArray[Any]) -> int:
    """Number of persons in an array of points, 0 where it is none."""
    array = _without_ones(array)
    if array.ndim == 1:
        return int(3 * FEWEST_POINTS <= array.size <= 4 * MOST_POINTS and len(points_of_entry(array)) > 0)
    if array.ndim > 3 or array.shape[-1] not in (3, 4) or not FEWEST_POINTS <= array.shape[-2] <= MOST_POINTS:
        return 0
    return len(array) if array.ndim == 3 else 1


def _is_frame(table: Mapping[str, Any], count: int) -> bool:
    return count <= MOST_PERSONS and (count == 1 or not any(key in table for key in RATE_KEYS))
