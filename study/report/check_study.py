"""What would go wrong in a study, told before anything is rendered."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
import shutil
from typing import Final

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError

from ..media.ffmpeg import find_ffmpeg, sound_length_s
from ..plan.paths import Places
from ..plan.planning import frame_estimate_s
from ..plan.study_file import Song, Study
from ..plan.study_sources import Cache, SourceInfo, content_hash, find_sources, look_into, without_music

BYTES_PER_PIXEL: Final = 0.55
"""Of a frame as PNG."""
DIFFERENCE_S: Final = 0.1


@dataclass(frozen=True)
class Checked:
    """problems: clips or songs that cannot be made, or not as meant; notices: what one should know."""

    problems: tuple[str, ...]
    notices: tuple[str, ...]
    clips: int
    frames: int
    estimate_s: float
    bytes: int


def check_study(study: Study, places: Places, *, shipped: Collection[str]) -> Checked:
    """Look into every file of a study. shipped: layouts that a regressor comes with."""
    problems: list[str] = []
    notices: list[str] = []
    _check_programs(study, problems)
    hashes, infos = Cache(places.cache("hashes")), Cache(places.cache("sources"))
    found: dict[str, dict[str, SourceInfo]] = {song.name: {} for song in study.songs}
    for system in study.systems:
        for name, source in find_sources(system, study.songs, study.root).items():
            if isinstance(source, DancePoseError):
                problems.append(f"missing: {source}")
                continue
            try:
                path = study.root / source
                info = look_into(path, system, content_hash(path, hashes), infos)
            except DancePoseError as error:
                problems.append(f"unreadable: {error}")
                continue
            if info.trouble:
                problems.append(f"unreadable: {info.trouble}")
                continue
            found[name][system.name] = info
            if system.regressor is None and info.layout not in shipped:
                problems.append(f"no regressor: none is shipped for {info.layout}, which {source} has; name one.")
    hashes.save()
    infos.save()
    for song in study.songs:
        _check_lengths(study, song, found[song.name], problems, notices)
        _check_music(study, song, found[song.name], problems, notices)
    for name, table in found.items():
        for system_name, info in table.items():
            notices += [f"{system_name}/{name}: {note}" for note in without_music(info.notes)]
    return _estimate(study, places, found, problems, notices)


def _check_programs(study: Study, problems: list[str]) -> None:
    for check in (find_ffmpeg, lambda: load_body(study.path(study.stage.body))):
        try:
            check()
        except DancePoseError as error:
            problems.append(f"cannot run: {error}")
    for system in study.systems:
        regressor = study.path(system.regressor)
        if regressor is not None and not regressor.is_file():
            problems.append(f"missing: regressor {regressor} of system {system.name}.")


def _spans(study: Study, infos: dict[str, SourceInfo]) -> list[tuple[float, float]]:
    time = study.time
    if time.segments:
        return list(time.segments)
    if time.length_s is not None:
        return [(0.0, time.length_s)]
    return [(0.0, min(info.duration_s for info in infos.values()))] if infos else []


def _check_lengths(
    study: Study, song: Song, infos: dict[str, SourceInfo], problems: list[str], notices: list[str]
) -> None:
    if not infos:
        return
    needed = max(end for _, end in _spans(study, infos))
    for system, info in infos.items():
        if info.duration_s + max(1.0 / info.fps, 1.0 / study.picture.fps) < needed:
            problems.append(
                f"too short: {system}/{song.name} lasts {info.duration_s:.2f} s; {needed:.2f} s of it are wanted."
            )
    shortest = min(infos, key=lambda name: infos[name].duration_s)
    longest = max(infos, key=lambda name: infos[name].duration_s)
    difference = infos[longest].duration_s - infos[shortest].duration_s
    if difference > DIFFERENCE_S:
        notices.append(
            f"different length: {song.name} lasts {infos[shortest].duration_s:.2f} s by {shortest} and "
            f"{infos[longest].duration_s:.2f} s by {longest}; {needed:.2f} s of each are shown."
        )


def _check_music(
    study: Study, song: Song, infos: dict[str, SourceInfo], problems: list[str], notices: list[str]
) -> None:
    path: Path | None = study.path(song.audio)
    if path is None:
        notices.append(f"{song.name} has no audio: its clips are silent.")
        return
    if not path.is_file():
        problems.append(f"missing: {path}, the audio of song {song.name}.")
        return
    try:
        length_s = sound_length_s(path)
    except DancePoseError as error:
        problems.append(f"unreadable: {error}")
        return
    spans = _spans(study, infos)
    start_s, end_s = song.window or (0.0, length_s)
    needed = max((end for _, end in spans), default=0.0)
    if start_s + needed > length_s + DIFFERENCE_S:
        problems.append(
            f"too short: {path} ends after {length_s:.2f} s; song {song.name} needs it until {start_s + needed:.2f} s."
        )
    elif start_s + needed > end_s + DIFFERENCE_S:
        notices.append(f"{song.name}: its clips go on {start_s + needed - end_s:.2f} s after its window's end.")


def _estimate(
    study: Study,
    places: Places,
    found: dict[str, dict[str, SourceInfo]],
    problems: list[str],
    notices: list[str],
) -> Checked:
    clips = frames = 0
    for infos in found.values():
        spans = _spans(study, infos)
        clips += len(spans) * len(infos)
        frames += len(infos) * sum(int((end - start) * study.picture.fps + 1e-6) for start, end in spans)
    width, height = study.picture.size
    needed = int(frames * width * height * BYTES_PER_PIXEL)
    folder = places.out
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if needed > free and study.output.keep_frames:
        notices.append(
            f"disk: the frames may take {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; keep_frames = false "
            "removes those of finished clips."
        )
    return Checked(tuple(problems), tuple(notices), clips, frames, frames * frame_estimate_s(study), needed)
