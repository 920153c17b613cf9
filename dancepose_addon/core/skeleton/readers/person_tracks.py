# SPDX-License-Identifier: Apache-2.0
"""Persons followed through the frames of a file: by what identifies them, else by where they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .frame_lists import FEWEST_POINTS, Seen, named_places, persons_seen, place_of, points_in
from .frame_times import longest_run_of

NO_PLACE: Final = np.full(3, np.nan)
PLACES: Final = ("transl", "trans", "cam_trans", "translation", "Th", "root_translation")
MOST_PEOPLE: Final = 64
"""In one frame, beyond which persons without a name are in the order of the file."""
MOST_FOLLOWED: Final = 256
"""Tracks, those seen last, among which a person is looked for."""
JUMP: Final = 1.0
"""Sizes of a person by which a track may move between frames, and for each further frame that it is not seen."""
FURTHER_JUMP: Final = 0.25


@dataclass(frozen=True)
class Track:
    """One person in the frames of a file.

    Attributes:
        name: As the file identifies the person.
        frames: Numbers of the frames that show the person.
        entries: The person's entry in each of them.
        total: Frames of the file.
    """

    name: str
    frames: list[int]
    entries: list[Mapping[str, Any]]
    total: int


@dataclass
class _Followed:
    """A person without a name, where last seen.

    Attributes:
        place: (3,), of the file's unit.
        size: Of the person, likewise.
        frame: Number of the last frame that shows the person.
    """

    place: NDArray[np.float64]
    size: float
    frame: int


def tracks_in(entries: Sequence[Any]) -> list[Track]:
    """Follow persons through frames.

    Args:
        entries: As ``frame_lists.frames_in`` returns them.

    Returns:
        Persons, the one seen in most frames first.
    """
    seen = [persons_seen(entry) for entry in entries]
    together = [[name for name, _ in persons] for persons in seen if len(persons) > 1]
    if together and all(len(set(names)) == 1 for names in together):  # names that distinguish no persons
        seen = [[(None, person) for _, person in persons] for persons in seen]
    seen = [_each_once(persons) for persons in seen]
    found: dict[str, tuple[list[int], list[Mapping[str, Any]]]] = {}
    for number, persons in enumerate(_named_by_place(seen)):
        for name, person in persons:
            frames, tables = found.setdefault(name, ([], []))
            if not frames or frames[-1] != number:
                frames.append(number)
                tables.append(person)
    if _number_the_frames(found):
        found = {"0": ([number for (number,), _ in found.values()], [table for _, (table,) in found.values()])}
    tracks = [Track(name, frames, tables, len(entries)) for name, (frames, tables) in found.items()]
    return sorted(tracks, key=lambda track: -len(track.frames))


def _each_once(persons: Seen) -> Seen:
    """Persons of a frame of which a second one of the same name has none."""
    names: set[str] = set()
    result: Seen = []
    for name, person in persons:
        result.append((None if name in names else name, person))
        names |= set() if name is None else {name}
    return result


def _number_the_frames(found: Mapping[str, tuple[list[int], list[Mapping[str, Any]]]]) -> bool:
    """Whether names that are all different number the frames, not persons."""
    if len(found) < 2 or any(len(frames) > 1 for frames, _ in found.values()):
        return False
    return len({frames[0] for frames, _ in found.values()}) == len(found)


def _named_by_place(seen: Sequence[Seen]) -> list[list[tuple[str, Mapping[str, Any]]]]:
    """Names for the persons of each frame; those without one are followed by where they are."""
    unnamed = [[person for name, person in persons if name is None] for persons in seen]
    most = max(map(len, unnamed), default=0)
    followed: dict[int, _Followed] = {}
    taken = {name for persons in seen for name, _ in persons}
    free = [str(number) for number in range(len(taken) + sum(map(len, unnamed))) if str(number) not in taken]
    result = []
    for number, (persons, without) in enumerate(zip(seen, unnamed, strict=True)):
        places = [_place_and_size(person) for person in without] if 1 < most <= MOST_PEOPLE else []
        if places and all(np.isfinite(place).all() for place, _ in places):
            tracks = _matched(places, followed, number)
        else:
            tracks = list(range(len(without)))  # in the order of the file
        names = iter(tracks)
        result.append([(free[next(names)] if name is None else name, person) for name, person in persons])
    return result


def _matched(places: list[tuple[NDArray[np.float64], float]], followed: dict[int, _Followed], number: int) -> list[int]:
    """The track of each person of a frame, nearest pairs first; new tracks for persons that are near none.

    Args:
        places: Place and size of each person.
        followed: Tracks, those seen last at the end; brought up to date.
        number: Of the frame.
    """
    recent = list(islice(reversed(followed), MOST_FOLLOWED))
    chosen: dict[int, int] = {}
    if recent and places:
        at, sizes = np.array([place for place, _ in places]), np.array([size for _, size in places])
        last = np.array([followed[track].place for track in recent])
        gaps = number - 1 - np.array([followed[track].frame for track in recent])
        largest = np.maximum(sizes[:, None], [followed[track].size for track in recent])
        apart = np.linalg.norm(at[:, None] - last, axis=-1)
        persons, tracks = np.nonzero(apart <= largest * (JUMP + FURTHER_JUMP * gaps))
        taken: set[int] = set()
        for pair in np.argsort(apart[persons, tracks], kind="stable"):
            person, track = int(persons[pair]), recent[tracks[pair]]
            if person not in chosen and track not in taken:
                chosen[person] = track
                taken.add(track)
    for person, (place, size) in enumerate(places):
        track = chosen.setdefault(person, len(followed))
        followed.pop(track, None)
        followed[track] = _Followed(place, size, number)
    return [chosen[person] for person in range(len(places))]


def _place_and_size(person: Mapping[str, Any]) -> tuple[NDArray[np.float64], float]:
    """The middle of a person's points and their extent, or the translation and 1 m; NaN without either."""
    points = points_in(person)
    if not len(points):
        points = np.array([place_of(item) for item in named_places(person).values()]).reshape(-1, 4)
    points = points[np.isfinite(points).all(axis=1) & (points[:, 3] > 0.0), :3]
    if len(points) >= FEWEST_POINTS:
        return np.median(points, axis=0), float(np.ptp(points, axis=0).max())
    place = next((person[key] for key in PLACES if isinstance(person.get(key), np.ndarray)), None)
    if place is None or place.size != 3 or place.dtype.kind not in "fiu":
        return NO_PLACE, 0.0
    return place.reshape(3).astype(np.float64), 1.0


def longest_run(track: Track) -> tuple[int, int]:
    """The longest stretch of frames without a gap.

    Args:
        track: Of a person.

    Returns:
        First and one past the last index into the track's entries.
    """
    return longest_run_of(np.array(track.frames))
