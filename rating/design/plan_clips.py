# SPDX-License-Identifier: Apache-2.0
"""The films of a plan under ids that reveal nothing, with those that are made of others (gold items, wrong sound)."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Final

import numpy as np

from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import InputError

from ..records import RatingClip
from .rating_file import RatedSong, RatingFile

LENGTH_TOLERANCE_S: Final = 0.1
"""The sound of a film may be this much longer or shorter than its pictures."""


@dataclass(frozen=True)
class FoundFilm:
    """A film that was found.

    Attributes:
        file: Path relative to the rating folder.
        sha256: Hash of the film.
        duration_s: Length, seconds.
        fps: Frames per second, 0 where unknown.
    """

    file: str
    sha256: str
    duration_s: float
    fps: float = 0.0


Films = Mapping[tuple[str, str], FoundFilm]
"""Films by system and song."""


class ClipTable:
    """Gives out clips; each kind of clip of a film is listed once.

    Ids are given at the end, in random order.

    Args:
        films: The films.
        systems: Names of the systems, in order.
        songs: Names of the songs, in order.
    """

    def __init__(self, films: Films, systems: list[str], songs: list[str]) -> None:
        self._films = films
        self._order = {film: number for number, film in enumerate(product(systems, songs))}
        self._clips: dict[tuple[object, ...], RatingClip] = {}

    def plain(self, system: str, song: str, treatment: str = "none") -> str:
        """Return the provisional id of a film, or of a treated one."""
        return self._add(system, song, treatment, song, "", 0.0)

    def with_sound(self, system: str, song: str, sound_song: str, start_s: float) -> str:
        """Return the provisional id of a film with other sound."""
        file = self._films[system, sound_song].file
        return self._add(system, song, "none", sound_song, file, start_s)

    def _add(self, system: str, song: str, treatment: str, sound_song: str, sound_file: str, start_s: float) -> str:
        found = (system, song, treatment, sound_song, start_s)
        if found not in self._clips:
            film = self._films[system, song]
            self._clips[found] = RatingClip(
                id=f"new{len(self._clips)}",
                system=system,
                song=song,
                file=film.file,
                sha256=film.sha256,
                duration_s=film.duration_s,
                sound_song=sound_song,
                sound_file=sound_file,
                sound_start_s=start_s,
                treatment=treatment,
            )
        return self._clips[found].id

    def renamed(self, rng: np.random.Generator) -> tuple[tuple[RatingClip, ...], dict[str, str]]:
        """Return the clips by system and song under random ids, and the new id of each provisional one."""
        clips = sorted(self._clips.values(), key=lambda clip: self._order[clip.system, clip.song])
        width = max(3, len(str(len(clips))))
        ids = [f"c{int(number) + 1:0{width}d}" for number in rng.permutation(len(clips))]
        names = {clip.id: name for clip, name in zip(clips, ids, strict=True)}
        return tuple(replace(clip, id=names[clip.id]) for clip in clips), names


def rated_songs(file: RatingFile, films: Films) -> tuple[RatedSong, ...]:
    """Return the songs of the file, or all that the systems have.

    Raises:
        InputError: A system lacks a song, or there are fewer than two songs.
    """
    songs = file.song or tuple(RatedSong(name=name) for name in sorted({song for _, song in films}))
    missing = [
        (system.name, song.name) for system in file.system for song in songs if (system.name, song.name) not in films
    ]
    if missing:
        system, song = missing[0]
        raise InputError(
            f"System {system} has no film of song {song}; every system needs every song. Add the film, or list the "
            f"songs to use as [[song]] ({len(missing)} missing)."
        )
    if len(songs) < 2:
        raise InputError(
            f"There is {len(songs)} song; results from one song say nothing about other songs. Use at least two, "
            "better twelve (`dancepose rate power` shows what songs add)."
        )
    return songs


def length_notices(file: RatingFile, songs: tuple[RatedSong, ...], films: Films) -> list[str]:
    """Return sentences about lengths and frame rates that could reveal a system, and about equal films."""
    notices = []
    alike = Counter(
        pair
        for song in songs
        for pair in combinations([system.name for system in file.system], 2)
        if films[pair[0], song.name].sha256 == films[pair[1], song.name].sha256
    )
    for (first, second), count in alike.items():
        notices.append(
            f"The films of {first} and {second} are the same files for {counted(count, 'song')} of {len(songs)}. Check "
            "`files` of both."
        )
    for song in songs:
        lengths = [films[system.name, song.name].duration_s for system in file.system]
        if max(lengths) - min(lengths) > LENGTH_TOLERANCE_S:
            notices.append(
                f"The films of {song.name} last {min(lengths):.2f} to {max(lengths):.2f} s; raters can see the "
                "difference. Cut them to one length."
            )
    rates: dict[float, list[str]] = defaultdict(list)
    for system in file.system:
        rates[films[system.name, songs[0].name].fps].append(system.name)
    if len(rates) > 1:
        text = ", ".join(f"{rate:g} fps ({', '.join(names)})" for rate, names in sorted(rates.items()))
        notices.append(f"The systems' films have different frame rates: {text}; raters can see the difference.")
    return notices


def wrong_sounds(
    file: RatingFile, songs: tuple[RatedSong, ...], films: Films, rng: np.random.Generator
) -> dict[str, tuple[str, float]]:
    """Choose the wrong sound of every song.

    Returns:
        Song whose sound is heard, and where it starts in seconds, by song.

    Raises:
        InputError: A song has no other of its genre and length.
    """
    system = file.system[0].name
    lengths = {song.name: films[system, song.name].duration_s for song in songs}
    if file.rating.mismatch == "shift":
        return {song.name: (song.name, _shift_s(lengths[song.name], song.bpm)) for song in songs}
    groups: dict[tuple[str, int], list[str]] = defaultdict(list)
    for song in sorted(songs, key=lambda entry: lengths[entry.name]):
        number = next(
            (n for (genre, n), names in groups.items()
             if genre == song.genre and abs(lengths[names[0]] - lengths[song.name]) <= LENGTH_TOLERANCE_S),
            len(groups),
        )  # fmt: skip
        groups[song.genre, number].append(song.name)
    chosen: dict[str, tuple[str, float]] = {}
    for names in groups.values():
        if len(names) < 2:
            raise InputError(
                f"Song {names[0]} has no other song of its genre and length, whose sound could be the wrong one. Cut "
                'the films to one length, or use mismatch = "shift".'
            )
        order = [names[n] for n in rng.permutation(len(names))]
        chosen |= {name: (order[(n + 1) % len(order)], 0.0) for n, name in enumerate(order)}
    return chosen


def _shift_s(length_s: float, bpm: float) -> float:
    """Return a shift of about half the length that is half a beat off the beat."""
    if not bpm:
        return round(0.382 * length_s, 3)
    beat_s = 60.0 / bpm
    return round((int(0.5 * length_s / beat_s) + 0.5) * beat_s, 3)
