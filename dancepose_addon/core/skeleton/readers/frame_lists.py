# SPDX-License-Identifier: Apache-2.0
"""Containers with an entry for each frame: persons are followed through them, and become tables of arrays.

[{"joints": [[x, y, z], ...]}, ...]                     a table for each frame
[{"people": [{"pose_keypoints_3d": [...]}, ...]}, ...]  OpenPose, MMPose (instances), EasyMocap (annots)
[[{"id": 0, "keypoints3d": [...]}, ...], ...]           EasyMocap: a list of persons for each frame
[{"LeftHand": [x, y, z], ...}, ...]                     named points
[{"landmarks": [{"x": ..., "y": ..., "z": ...}]}, ...]  MediaPipe
[[{"x": ..., "y": ..., "z": ...}, ...], ...]            the same without keys, of one person or several
{"world_landmarks": [[{"x": ...}], ...]}                and a list of frames under such a key
{"000001.jpg": {"tid": [1, 2], "smpl": [{...}, {...}]}} PHALP (4D-Humans), ROMP
"""

from collections.abc import Mapping, Sequence
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frame_times import entries_at, places_of
from .rotation_forms import BODY_COUNTS, ROTATION_COUNTS
from .tidy_values import as_array

PEOPLE: Final = ("people", "instances", "annots", "persons", "bodies", "body_list")
"""Where a frame lists its persons."""
IDENTITIES: Final = (
    "id", "tid", "person_id", "track_id", "personID", "pid", "body_id", "person", "subject", "subject_id", "actor",
    "track", "dancer", "dancer_id", "performer", "performer_id", "user_id", "skeleton_id", "human_id",
)  # fmt: skip
WORLD_LANDMARKS: Final = ("world_landmarks", "worldLandmarks", "pose_world_landmarks", "poseWorldLandmarks")
"""MediaPipe's points in metres; those of its other keys are places in a picture."""
PICTURE_KEYS: Final = ("pose_keypoints_2d", "pose_landmarks", "poseLandmarks")
POINT_KEYS: Final = (
    "keypoints3d", "keypoints3D", "keypoints_3d", "pose_keypoints_3d", "joints19", "joints15", "keypoints",
    "joints3d", "joints_3d", "3d_joints", "joints",
    "points", *WORLD_LANDMARKS, "landmarks",
    "positions", "joint_positions", "keypoint", "pose", "skeleton",
)  # fmt: skip
"""Where a person's entry has its points."""
POSE_KEYS: Final = (
    "body_pose", "pose_body", "poses", "pose", "fullpose", "thetas", "smpl_thetas", "pose_aa", "smpl_pose",
    "pose_params",
    "pred_thetas", "pred_pose",
)  # fmt: skip
SCORES: Final = ("visibility", "confidence", "score", "likelihood", "presence", "conf")
FRAMES: Final = "frames"
"""The name of a file's only list."""
NAMES: Final = "joint_names"
FEWEST_POINTS: Final = 5
MOST_PEOPLE: Final = 64
Seen = list[tuple[str | None, Mapping[str, Any]]]
"""Persons of a frame, each with what identifies it."""
MOST_FRAMES: Final = 200_000
_FRAME_NAME: Final = re.compile(r"\d+(?:\.\w{1,5})?$")
_EASYMOCAP: Final = (78, 87)
"""Widths of EasyMocap's poses of SMPL+H and SMPL-X, whose hands are components."""
_SINGLE: Final = frozenset(size * count for count in (*ROTATION_COUNTS, *BODY_COUNTS) for size in (3, 4, 6, 9))


def frames_in(value: Any, source: str = "The file") -> list[Any] | None:
    """The frames of a container, or None where it has no entry for each frame.

    Args:
        value: A list or a table.
        source: The file, for messages.

    Returns:
        Entries in their order.

    Raises:
        InputError: Most frames would be lost by the numbers that are the keys of a table.
    """
    if isinstance(value, list):
        entries = value
    elif isinstance(value, Mapping) and any(isinstance(value.get(key), list) for key in PEOPLE):
        entries = [value]
    elif isinstance(value, Mapping) and any(isinstance(value.get(key), list) for key in WORLD_LANDMARKS):
        entries = next(value[key] for key in WORLD_LANDMARKS if isinstance(value.get(key), list))
    elif isinstance(value, Mapping) and all(map(_is_frame_name, value)):
        entries = list(value.values())
    else:
        return None
    if not 0 < len(entries) <= MOST_FRAMES or not any(persons_seen(entry) for entry in entries[:200]):
        return None
    if not all(isinstance(entry, Mapping | list) or entry is None for entry in entries):
        return None
    is_numbered = isinstance(value, Mapping) and len(value) == len(entries) and all(map(_is_frame_name, value))
    return _by_number(value, source) if is_numbered else entries


def _is_frame_name(key: Any) -> bool:
    return _FRAME_NAME.search(str(key)[-40:]) is not None


def _by_number(table: Mapping[str, Any], source: str) -> list[Any]:
    """Values in the order of the numbers that their keys end in, with nothing where numbers are missing."""
    times = _times_of(table)
    if times is not None:
        return [table[key] for _, key in sorted(zip(times, table, strict=True))]
    numbers = [int(re.findall(r"\d+", _FRAME_NAME.search(str(key)[-40:])[0])[0]) for key in table]  # type: ignore[index]
    if len(set(numbers)) < len(numbers):
        return list(table.values())
    in_order = sorted(zip(numbers, table.values(), strict=True), key=lambda pair: pair[0])
    return with_gaps([number for number, _ in in_order], [value for _, value in in_order], source)


def _times_of(table: Mapping[str, Any]) -> list[float] | None:
    """Keys as numbers with a point, each another one, or None."""
    try:
        times = [float(key) for key in table]
    except (TypeError, ValueError):
        return None
    return times if any("." in str(key) for key in table) and len(set(times)) == len(times) else None


def with_gaps(numbers: list[int], entries: list[Any], source: str) -> list[Any]:
    """Put frames at the places that their numbers give them, with nothing in between.

    Args:
        numbers: In increasing order; others give no places.
        entries: One for each.
        source: The file, for messages.

    Returns:
        An entry for each frame.

    Raises:
        InputError: Most frames would be lost.
    """
    steps = np.diff(numbers)
    if not len(steps) or not (steps > 0).all():
        return entries
    places = places_of(np.array(numbers, np.float64))
    if places is None:  # uneven steps: whole multiples of a common one
        places = (np.array(numbers) - numbers[0]) // np.gcd.reduce(steps)
    if places[-1] + 1 == len(places):
        return entries
    return entries_at(entries, places, source)[0]


def persons_seen(entry: Any) -> Seen:
    """Find the persons that one frame shows.

    Args:
        entry: Of a frame.

    Returns:
        Each with what identifies it, or None.
    """
    if isinstance(entry, list):
        listed = [person for person in entry if isinstance(person, Mapping) and _is_person(person)]
        return [(_identity(person), person) for person in listed] or _landmark_lists(entry)
    if not isinstance(entry, Mapping):
        return []
    key = next((key for key in PEOPLE if isinstance(entry.get(key), list)), None)
    if key is not None:
        return persons_seen(entry[key])
    if isinstance(entry.get("smpl"), list):
        return _phalp(entry)
    lists: list[Any] = next((entry[key] for key in WORLD_LANDMARKS if isinstance(entry.get(key), list)), [])
    if lists and isinstance(lists[0], list):
        return _landmark_lists(lists)
    if _is_person(entry):
        return [(_identity(entry), entry)]
    named: Seen = [
        (str(name)[:24], person) for name, person in entry.items() if isinstance(person, Mapping) and _is_person(person)
    ]
    return named[:MOST_PEOPLE]


def _landmark_lists(entry: list[Any]) -> Seen:
    """A frame that is the list of the points of one person, as tables with x, y and z, or a list of such lists."""
    if len(points_of_entry(entry)) >= FEWEST_POINTS:
        return [(None, {"points": entry})]
    persons = [points for points in entry if isinstance(points, list) and len(points_of_entry(points)) >= FEWEST_POINTS]
    return [(None, {"points": points}) for points in persons[:MOST_PEOPLE]]


def _phalp(entry: Mapping[str, Any]) -> Seen:
    """PHALP's entry of a frame: a list for each property, in the order of ``tid``."""
    names = np.asarray(entry.get("tid", entry.get("tracked_ids", []))).ravel().tolist()
    persons = [person for person in entry["smpl"] if isinstance(person, Mapping)]
    return [
        (str(names[number])[:24] if number < len(names) else str(number), person)
        for number, person in enumerate(persons)
        if _is_person(person)
    ]


def _identity(person: Mapping[str, Any]) -> str | None:
    """What identifies a person, or None; -1, as OpenPose writes it, does not."""
    for key in IDENTITIES:
        value = person.get(key)
        if isinstance(value, str | int | float) or (isinstance(value, np.ndarray) and value.size == 1):
            name = str(np.asarray(value).reshape(-1)[0])[:24]
            return None if name.startswith("-") or not name else name
    return None


def _is_person(table: Mapping[str, Any]) -> bool:
    """Whether a table holds the pose or the points of one person at one moment."""
    for key in POSE_KEYS:
        value = table.get(key)
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            continue
        if value.size in _SINGLE or ("Rh" in table and value.size in _EASYMOCAP):
            return True
    if any(len(points_of_entry(table.get(key))) >= FEWEST_POINTS for key in POINT_KEYS):
        return True
    return sum(is_place(item) for item in named_places(table).values()) >= FEWEST_POINTS


def named_places(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The table of named points.

    Args:
        table: Of a person at one moment.

    Returns:
        The entry, or what it has under a usual key.
    """
    return next((table[key] for key in POINT_KEYS if isinstance(table.get(key), Mapping)), table)


def points_in(person: Mapping[str, Any]) -> NDArray[np.float64]:
    """The points of a person's entry.

    Args:
        person: At one moment.

    Returns:
        (K, 4), as of ``points_of_entry``, under the first key that has some.
    """
    found = (points_of_entry(person.get(key)) for key in POINT_KEYS)
    return next((points for points in found if len(points) >= FEWEST_POINTS), np.zeros((0, 4)))


def is_place(item: Any) -> bool:
    """Tell the place of a point: three or four numbers, or a table with x, y and z.

    Args:
        item: Any.

    Returns:
        Whether it is one.
    """
    if isinstance(item, Mapping):
        return {"x", "y", "z"} <= {str(key).lower() for key in item}
    return isinstance(item, np.ndarray) and item.shape in ((3,), (4,)) and item.dtype.kind in "fiu"


def place_of(item: Any) -> NDArray[np.float64]:
    """A point's place and confidence.

    Args:
        item: As ``is_place`` accepts.

    Returns:
        (4,): x, y, z and a confidence; NaN and 0 where it is no place.
    """
    nothing = np.array([np.nan, np.nan, np.nan, 0.0])
    if isinstance(item, Mapping):
        low = {str(key).lower(): part for key, part in item.items()}
        score = next((low[key] for key in SCORES if key in low), 1.0)
        item = as_array([low.get("x"), low.get("y"), low.get("z"), score])
    if not isinstance(item, np.ndarray) or item.ndim != 1 or not 3 <= item.size <= 4 or item.dtype.kind not in "fiu":
        return nothing
    place = nothing.copy()
    place[:3] = item[:3]
    place[3] = item[3] if item.size == 4 else float(np.isfinite(place[:3]).all())
    return place


def points_of_entry(value: Any) -> NDArray[np.float64]:
    """The points of one person at one moment.

    Args:
        value: (K, 3) or (K, 4); a flat list of these; or a list of tables with x, y and z.

    Returns:
        (K, 4), x, y, z and confidence; (0, 4) where it is nothing of that kind.
    """
    nothing = np.zeros((0, 4))
    if isinstance(value, list) and value and all(is_place(item) for item in value):
        return np.array([place_of(item) for item in value])
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        return nothing
    array = value.astype(np.float64)
    while array.ndim > 2 and len(array) == 1:
        array = array[0]
    if array.ndim == 1 and array.size >= 3 * FEWEST_POINTS:
        array = _in_rows(array)
    if array.ndim != 2 or array.shape[1] not in (3, 4):
        return nothing
    if array.shape[1] == 4:
        return array
    return np.column_stack([array, np.isfinite(array).all(axis=1).astype(np.float64)])


def _in_rows(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flat numbers as rows of four where every fourth may be a confidence, else of three."""
    if flat.size % 4 == 0:
        fourth = flat[3::4]
        if flat.size % 3 or bool(np.all((fourth >= 0.0) & (fourth <= 1.0))):
            return flat.reshape(-1, 4)
    return flat.reshape(-1, 3) if flat.size % 3 == 0 else flat


def has_flat_points(entries: Sequence[Any]) -> bool:
    """Tell frames that have points in the picture alone, by OpenPose's key or by their two coordinates.

    Args:
        entries: Of a list of frames.

    Returns:
        Whether a frame has such points.
    """
    for entry in entries[:200]:
        key = next((key for key in PEOPLE if isinstance(entry, Mapping) and isinstance(entry.get(key), list)), None)
        listed = entry[key] if key else entry if isinstance(entry, list) else [entry]
        for person in listed:
            if not isinstance(person, Mapping):
                continue
            if any(person.get(key) is not None for key in PICTURE_KEYS):
                return True
            values = [person.get(key) for key in POINT_KEYS]
            if any(isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 2 for value in values):
                return True
    return False
