# SPDX-License-Identifier: Apache-2.0
"""What would go wrong in a study, found before anything is rendered."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
import shutil
from typing import Final

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.fit.settings import require_settings

from ..media.ffmpeg import Ffmpeg
from ..plan.ffmpeg_program import find_ffmpeg
from ..plan.music_length import DIFFERENCE_S, likely_rate, require_music_until
from ..plan.paths import StudyPaths
from ..plan.planning import frame_estimate_s
from ..plan.study_file import Song, Study, System
from ..plan.study_sources import (
    Cache,
    SourceInfo,
    content_hash,
    files_of,
    find_sources,
    in_study_terms,
    look_into,
    without_music,
)
from ..plan.unused_keys import unused_values

BYTES_PER_PIXEL: Final = 0.55
"""Size of a frame as PNG."""
SHOWN_SONGS: Final = 6


@dataclass(frozen=True)
class Checked:
    """Result of a check.

    Attributes:
        problems: Clips or songs that cannot be made, or not as intended, one sentence each.
        notices: Further sentences for the user.
        clips: Number of clips that can be made.
        frames: Number of their frames.
        estimate_s: Estimated time on two cores, seconds.
        bytes: Estimated size of the frames.
    """

    problems: tuple[str, ...]
    notices: tuple[str, ...]
    clips: int
    frames: int
    estimate_s: float
    bytes: int


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    infos: dict[str, dict[str, SourceInfo]] = field(default_factory=dict)


def check_study(study: Study, paths: StudyPaths, *, shipped: Collection[str]) -> Checked:
    """Look into every file of a study.

    Args:
        study: The study.
        paths: Its files.
        shipped: Layouts for which a regressor is shipped.
    """
    found = _Findings(notices=list(study.notices), infos={song.name: {} for song in study.songs})
    ffmpeg = _check_programs(study, found)
    hashes, infos = Cache(paths.cache("hashes")), Cache(paths.cache("sources"))
    for system in study.systems:
        for name, source in find_sources(system, study.songs, study.root).items():
            if isinstance(source, DancePoseError):
                found.problems.append(f"missing: {source}")
                continue
            try:
                path = study.root / source
                info = look_into(path, system, content_hash(path, hashes), infos)
            except DancePoseError as error:
                found.problems.append(f"unreadable: {error}")
                continue
            _check_source(source, system, info, found, shipped)
            if not info.trouble:
                found.infos[name][system.name] = info
    hashes.save()
    infos.save()
    found.problems += _unshared_songs(study, found.infos)
    for song in study.songs:
        _check_lengths(study, song, found)
        _check_music(study, song, found, ffmpeg)
    for name, table in found.infos.items():
        for system_name, info in table.items():
            found.notices += [f"{system_name}/{name}: {note}" for note in without_music(info.notes)]
    found.notices += unused_values(study, {name: _spans(study, infos) for name, infos in found.infos.items()})
    return _estimate(study, paths, found)


def _check_programs(study: Study, found: _Findings) -> Ffmpeg | None:
    ffmpeg = None
    try:
        ffmpeg = Ffmpeg(find_ffmpeg())
    except DancePoseError as error:
        found.problems.append(f"cannot run: {error}")
    beta_count = None
    try:
        beta_count = load_body(study.path(study.stage.body)).beta_count
    except DancePoseError as error:
        found.problems.append(f"cannot run: {error}")
    for system in study.systems:
        try:
            if beta_count is not None:
                require_settings(study.fit_settings(system), beta_count)
        except DancePoseError as error:
            found.problems.append(f"cannot run: system {system.name}: {in_study_terms(str(error))}")
        missing = [(title, path) for title, path in files_of(study, system).items() if not path.is_file()]
        found.problems += [f"missing: {title} {path} of system {system.name}." for title, path in missing]
    return ffmpeg


def _unshared_songs(study: Study, infos: dict[str, dict[str, SourceInfo]]) -> list[str]:
    """Say which songs each system has, where no two systems have one in common."""
    if len(study.systems) < 2 or any(len(table) > 1 for table in infos.values()):
        return []
    had = []
    for system in study.systems:
        songs = [name for name, table in infos.items() if system.name in table]
        had.append(
            f"{system.name} has {', '.join(songs[:SHOWN_SONGS]) or 'none'}{', ...' * (len(songs) > SHOWN_SONGS)}"
        )
    return [f"no two systems share a song: {'; '.join(had)}. Name the files of one song alike, or set `match`."]


def _check_source(source: Path, system: System, info: SourceInfo, found: _Findings, shipped: Collection[str]) -> None:
    if info.trouble:
        found.problems.append(f"unreadable: {info.trouble}")
    elif info.rotations and system.regressor is not None:
        found.notices.append(f"{source} holds SMPL rotations: the regressor of system {system.name} is not used.")
    elif not info.rotations and system.regressor is None and info.layout not in shipped:
        found.notices.append(
            f"no regressor: none is shipped for layout {info.layout}, which {source} has, so its fit starts from "
            f"geometry alone, or from another layout's regressor whose points it has. `regressor` in the [[system]] "
            f"{system.name} names one."
        )


def _spans(study: Study, infos: dict[str, SourceInfo]) -> list[tuple[float, float]]:
    """Return the (start, end) of the segments of a song, seconds."""
    time = study.time
    if time.segments:
        return list(time.segments)
    if time.length_s is not None:
        return [(0.0, time.length_s)]
    return [(0.0, min(info.duration_s for info in infos.values()))] if infos else []


def _check_lengths(study: Study, song: Song, found: _Findings) -> None:
    infos = found.infos[song.name]
    if not infos:
        return
    spans = _spans(study, infos)
    needed_s = max(end for _, end in spans)
    shown_s = sum(end - start for start, end in spans)
    for system, info in infos.items():
        if info.duration_s + max(1.0 / info.fps, 1.0 / study.picture.fps) < needed_s:
            found.problems.append(
                f"too short: {system}/{song.name} lasts {info.duration_s:.2f} s; the clips show it until "
                f"{needed_s:.2f} s."
            )
    shortest = min(infos, key=lambda name: infos[name].duration_s)
    longest = max(infos, key=lambda name: infos[name].duration_s)
    difference = infos[longest].duration_s - infos[shortest].duration_s
    if difference > DIFFERENCE_S:
        found.notices.append(
            f"different length: {song.name} lasts {infos[shortest].duration_s:.2f} s by {shortest} and "
            f"{infos[longest].duration_s:.2f} s by {longest}; {shown_s:.2f} s of each are shown."
        )


def _check_music(study: Study, song: Song, found: _Findings, ffmpeg: Ffmpeg | None) -> None:
    path: Path | None = study.path(song.audio)
    if path is None:
        found.notices.append(f"{song.name} has no audio: its clips are silent.")
        return
    if not path.is_file():
        found.problems.append(f"missing: {path}, the audio of song {song.name}.")
        return
    if ffmpeg is None:
        return
    try:
        length_s = ffmpeg.sound_length_s(path)
    except DancePoseError as error:
        found.problems.append(f"unreadable: {error}")
        return
    start_s, end_s = song.window or (0.0, length_s)
    for system, info in found.infos[song.name].items():
        likely = likely_rate(info.fps, info.duration_s, end_s - start_s)
        if likely is not None:
            found.notices.append(
                f"rate: {system}/{song.name} lasts {info.duration_s:.2f} s at {info.fps:g} fps and its music "
                f"{end_s - start_s:.2f} s; at {likely:g} fps both would be as long. Set `fps` if that is the rate."
            )
    if end_s > length_s + DIFFERENCE_S:
        found.notices.append(f"{song.name}: its window ends at {end_s:.2f} s and the music at {length_s:.2f} s.")
    until_s = start_s + max((end for _, end in _spans(study, found.infos[song.name])), default=0.0)
    try:
        require_music_until(path, length_s, until_s, song=song.name)
    except InputError as error:
        found.problems.append(f"too short: {error}")
        return
    if until_s > end_s + DIFFERENCE_S:
        found.notices.append(f"{song.name}: its clips continue {until_s - end_s:.2f} s after the end of its window.")


def _estimate(study: Study, paths: StudyPaths, found: _Findings) -> Checked:
    clips = frames = 0
    for infos in found.infos.values():
        spans = _spans(study, infos)
        clips += len(spans) * len(infos)
        frames += len(infos) * sum(int((end - start) * study.picture.fps + 1e-6) for start, end in spans)
    width, height = study.picture.size
    needed = int(frames * width * height * BYTES_PER_PIXEL)
    folder = paths.out
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free and study.output.keep_frames:
        found.notices.append(
            f"disk: the frames may take {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; keep_frames = false "
            "deletes those of finished clips."
        )
    estimate_s = frames * frame_estimate_s(study)
    return Checked(tuple(found.problems), tuple(found.notices), clips, frames, estimate_s, needed)
