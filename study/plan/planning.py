# SPDX-License-Identifier: Apache-2.0
"""The plan: every job of a study, a pure function of study.toml, the content of the inputs and this program.

The order is song by song, so that whole songs finish early. Within a song: fits, camera, sound, then clip by clip its
chunks of frames and its encoding, then the comparisons.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from dancepose.label_font import missing_letters
from dancepose_addon.core.engine_defaults import SAMPLES_CPU_DENOISED, SAMPLES_TRANSPARENT
from dancepose_addon.core.errors import DancePoseError, InputError

from .ffmpeg_program import FfmpegProgram
from .jobs import ENGINE_JOB, Job, key_of, read_head, write_plan
from .paths import StudyPaths
from .program import code_hash, program_version
from .study_file import Song, Study, System
from .study_sources import Cache, character_paths, content_hash, files_of, find_sources, look_into, stage_paths
from .unused_keys import unused_values

WORKBENCH_S: Final = (0.18, 0.38)
"""Seconds per frame of Workbench on two cores, and per megapixel of it (``benchmarks.study_cost pace``). This and the
next two affect only the size of chunks and the first estimate of time."""
FAST_S: Final = (0.03, 0.03)
"""The same of the fast engine (``benchmarks.renderers``)."""
CYCLES_S: Final = 0.78
"""Seconds per megapixel and sample of Cycles on two cores."""
DENOISING_SAMPLES: Final = 0.75
"""Cost of denoising, in samples."""
SAMPLES: Final = {"stage": SAMPLES_CPU_DENOISED, "transparent": SAMPLES_TRANSPARENT}
CHUNK_S: Final = 30.0
"""Starting a chunk of another clip costs up to half a second: less than 5 % of this."""
CHUNK_FRAMES: Final = (10, 500)


@dataclass(frozen=True)
class Segment:
    """A part of a song's dance.

    Attributes:
        name: Name in file names, "" where the song has one segment.
        start_s: Start in the dance, seconds.
        frames: Frames of the film.
    """

    name: str
    start_s: float
    frames: int


@dataclass(frozen=True)
class Planned:
    """What a plan contains.

    Attributes:
        jobs: Number of jobs.
        clips: Number of clips.
        frames: Number of frames of all clips.
        missing: Sentences about clips that cannot be made.
        notices: Further sentences for the user.
    """

    jobs: int
    clips: int
    frames: int
    missing: tuple[str, ...]
    notices: tuple[str, ...] = ()


def make_plan(study: Study, paths: StudyPaths, ffmpeg: FfmpegProgram, *, file: Path | None = None) -> Planned:
    """Write the plan of a study to ``paths.plan``.

    Args:
        study: The study.
        paths: Its files.
        ffmpeg: The program that encodes all films.
        file: The study's file, so that another one does not use its output folder.

    Returns:
        What the plan contains.

    Raises:
        OutputError: The plan cannot be written.
        InputError: No clip can be made.
    """
    notices = (*study.notices, *_changed_ffmpeg(paths, ffmpeg))
    planner = _Planner(study, paths, ffmpeg)
    songs = planner.segments()
    head = {
        "program": {"version": program_version(), "code": code_hash()},
        "ffmpeg": ffmpeg.as_table(),
        "file": None if file is None else str(file.absolute()),
        "study": as_table(study),
        "stage_files": planner.stage_hashes(),
        "segments": {name: [list(asdict(entry).values()) for entry in entries] for name, entries in songs.items()},
    }
    clips = sum(len(found) for name, found in songs.items() for system in study.systems if planner.usable(system, name))
    if clips == 0:
        reasons = "; ".join(planner.missing()[:3])
        raise InputError(f"No clip of this study can be made: {reasons}")
    jobs = write_plan(paths.plan, head, planner.jobs(songs))
    planner.save()
    fps = study.picture.fps
    spans = {
        name: [(one.start_s, one.start_s + one.frames / fps) for one in entries] for name, entries in songs.items()
    }
    notices += tuple(unused_values(study, spans))
    if study.output.compare and "with" in study.output.labels:
        notices += missing_letters(system.label for system in study.systems)
    return Planned(jobs, clips, planner.frames, tuple(planner.missing()), notices)


def _changed_ffmpeg(paths: StudyPaths, ffmpeg: FfmpegProgram) -> list[str]:
    try:
        before = FfmpegProgram(**read_head(paths.plan)["ffmpeg"])
    except (DancePoseError, KeyError, TypeError):
        return []
    if before.as_key() == ffmpeg.as_key():
        return []
    return [f"ffmpeg was {before} and is now {ffmpeg}: all sounds and films are made again with the latter."]


def as_table(study: Study) -> dict[str, Any]:
    """Return the study in the form that ``study_file.parse_study`` reads, with all defaults."""
    left_out = ("root", "systems", "songs", "notices")
    table = {key: value for key, value in asdict(study).items() if key not in left_out}
    systems = []
    for system in study.systems:
        entry = asdict(system)
        fit = {key: value for key, value in entry.pop("fit").items() if key != "betas"}
        systems.append({**entry, **fit})
    table["system"], table["song"] = systems, [asdict(song) for song in study.songs]

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(entry) for key, entry in value.items() if entry is not None and entry != ""}
        return [strip(entry) for entry in value] if isinstance(value, list | tuple) else value

    return dict(strip(table))


def segments_of(head: dict[str, Any], song: str) -> list[Segment]:
    """Return the segments of a song from the head of a plan."""
    return [Segment(*entry) for entry in head["segments"][song]]


def chunk_frames(study: Study) -> int:
    """Return the number of frames per render job."""
    if study.run.chunk_frames:
        return study.run.chunk_frames
    wanted = CHUNK_S / frame_estimate_s(study)
    return int(min(max(wanted, CHUNK_FRAMES[0]), CHUNK_FRAMES[1]))


def frame_estimate_s(study: Study) -> float:
    """Estimate the seconds per frame before any has been rendered."""
    picture = study.picture
    samples = picture.samples or SAMPLES[picture.background]
    megapixels = picture.size[0] * picture.size[1] / 1e6
    if picture.engine == "fast":
        return FAST_S[0] + FAST_S[1] * megapixels
    if picture.engine == "workbench":
        return WORKBENCH_S[0] + WORKBENCH_S[1] * megapixels
    return CYCLES_S * (samples + DENOISING_SAMPLES) * megapixels


def split_evenly(count: int, most: int) -> list[tuple[int, int]]:
    """Divide ``count`` frames into (first, count) chunks of at most ``most``, as equal as possible."""
    parts = -(-count // most)
    edges = [count * part // parts for part in range(parts + 1)]
    return [(first, stop - first) for first, stop in pairwise(edges)]


class _Planner:
    def __init__(self, study: Study, paths: StudyPaths, ffmpeg: FfmpegProgram) -> None:
        self.study = study
        self.ffmpeg = ffmpeg.as_key()
        self.hashes = Cache(paths.cache("hashes"))
        self.infos = Cache(paths.cache("sources"))
        self.sources = {system.name: find_sources(system, study.songs, study.root) for system in study.systems}
        self.contents: dict[tuple[str, str], str] = {}
        self.troubles: dict[tuple[str, str], str] = {}
        self.frames = 0
        for system in study.systems:
            for song in study.songs:
                self._hash(system, song)

    def _hash(self, system: System, song: Song) -> None:
        key, source = (system.name, song.name), self.sources[system.name][song.name]
        if isinstance(source, DancePoseError):
            self.troubles[key] = str(source)
            return
        try:
            self.contents[key] = content_hash(self.study.root / source, self.hashes)
        except DancePoseError as error:
            self.troubles[key] = str(error)

    def save(self) -> None:
        self.hashes.save()
        self.infos.save()

    def stage_hashes(self) -> list[str | None]:
        """Return the hash of each of ``stage_paths``."""
        return [self._file_hash(path) for path in stage_paths(self.study)]

    def usable(self, system: System, song: str) -> bool:
        return (system.name, song) not in self.troubles

    def missing(self) -> list[str]:
        return [f"{system}/{song}: {trouble}" for (system, song), trouble in self.troubles.items()]

    def segments(self) -> dict[str, list[Segment]]:
        """Return the segments of each song; with neither length nor segments, as long as its shortest clip."""
        time, fps = self.study.time, self.study.picture.fps
        spans = time.segments or (((0.0, time.length_s),) if time.length_s is not None else None)
        found = {}
        for song in self.study.songs:
            chosen = spans
            if chosen is None:
                shortest = self._shortest_s(song)
                chosen = () if shortest is None else ((0.0, shortest),)
            names = [f"{start:g}-{end:g}s" if len(chosen) > 1 else "" for start, end in chosen]
            found[song.name] = [
                # A clip never lasts longer than its dance, so a part of a frame is dropped.
                Segment(name, start, max(1, int((end - start) * fps + 1e-6)))
                for name, (start, end) in zip(names, chosen, strict=True)
            ]
        return found

    def _shortest_s(self, song: Song) -> float | None:
        lengths = []
        for system in self.study.systems:
            key = (system.name, song.name)
            if key in self.troubles:
                continue
            source = self.sources[system.name][song.name]
            assert isinstance(source, Path)
            info = look_into(self.study.root / source, system, self.contents[key], self.infos)
            if info.trouble:
                self.troubles[key] = info.trouble
            else:
                lengths.append(info.duration_s)
        return min(lengths, default=None)

    def jobs(self, songs: dict[str, list[Segment]]) -> Iterator[Job]:
        """Yield every job, each after those that it needs."""
        picture = self.study.picture
        chosen = (picture.engine, picture.device, picture.samples, picture.background)
        character = [self._file_hash(path) for path in character_paths(self.study)]
        what = {"character": True} if character else {}
        engine = Job(ENGINE_JOB, "probe", key_of("probe", *chosen, *character), (), what)
        yield engine
        for song in self.study.songs:
            if songs[song.name]:
                yield from self._song_jobs(song, songs[song.name], engine)
            else:
                yield from (self._fit_job(system, song, 0.0) for system in self.study.systems)

    def _song_jobs(self, song: Song, segments: list[Segment], engine: Job) -> Iterator[Job]:
        study = self.study
        needs_s = max(segment.start_s + segment.frames / study.picture.fps for segment in segments)
        fits = {system.name: self._fit_job(system, song, needs_s) for system in study.systems}
        yield from fits.values()
        spans = [[segment.start_s, segment.frames] for segment in segments]
        before = [*fits.values()] if study.stage.character is None else [*fits.values(), engine]
        camera_key = [asdict(study.camera), study.picture.camera, study.picture.size, study.picture.fps]
        camera = Job(
            f"camera:{song.name}",
            "camera",
            key_of("camera", [job.key for job in before], camera_key, study.stage.floor, spans),
            tuple(job.id for job in before),
            {"song": song.name},
        )
        yield camera
        sounds = {segment.name: self._audio_job(song, segment) for segment in segments}
        yield from sounds.values()
        encodes: dict[str, list[Job]] = {segment.name: [] for segment in segments}
        for system in study.systems:
            for segment in segments:
                chunks = list(self._chunk_jobs(system, song, segment, [engine, camera, fits[system.name]]))
                yield from chunks
                encode = self._encode_job(system, song, segment, chunks, sounds[segment.name])
                encodes[segment.name].append(encode)
                yield encode
        if study.output.compare and len(study.systems) > 1:
            yield from (self._compare_job(song, segment, encodes[segment.name]) for segment in segments)

    def _fit_job(self, system: System, song: Song, needs_s: float) -> Job:
        key = (system.name, song.name)
        what: dict[str, Any] = {"system": system.name, "song": song.name, "needs_s": round(needs_s, 6)}
        if key in self.troubles:
            return Job(f"fit:{system.name}/{song.name}", "fit", "", (), {**what, "trouble": self.troubles[key]})
        study, options = self.study, asdict(system)
        for name in ("name", "files", "label"):
            del options[name]
        used = files_of(study, system)
        if "layout" in used:  # Its path is absolute; the content counts.
            del options["layout"]
        files = {title: self._file_hash(path) for title, path in {**used, "body": study.path(study.stage.body)}.items()}
        hashed = key_of("fit", self.contents[key], options, files, study.stage.betas, needs_s, code_hash())
        what |= {"source": str(self.sources[system.name][song.name]), "content": self.contents[key], "files": files}
        return Job(f"fit:{system.name}/{song.name}", "fit", hashed, (), what)

    def _audio_job(self, song: Song, segment: Segment) -> Job:
        content = self._file_hash(self.study.path(song.audio))
        rest = [song.window, asdict(segment), self.study.picture.fps, self.study.output.loudness_lufs, self.ffmpeg]
        what = {"song": song.name, "segment": segment.name, "content": content}
        return Job(f"audio:{song.name}/{segment.name}", "audio", key_of("audio", content, *rest), (), what)

    def _file_hash(self, path: Path | None) -> str | None:
        """Return None without a path, and "" for a file that cannot be read, which its job will report."""
        if path is None:
            return None
        try:
            return content_hash(path, self.hashes)
        except DancePoseError:
            return ""

    def _chunk_jobs(self, system: System, song: Song, segment: Segment, needs: list[Job]) -> Iterator[Job]:
        study = self.study
        if not self.usable(system, song.name):
            return
        self.frames += segment.frames
        settings = [asdict(study.picture), asdict(study.stage), asdict(segment)]
        key = key_of("render", [job.key for job in needs], settings)
        clip = {"system": system.name, "song": song.name, "segment": segment.name}
        ids = tuple(job.id for job in needs)
        for first, count in split_evenly(segment.frames, chunk_frames(study)):
            name = f"render:{system.name}/{song.name}/{segment.name}:{first}-{first + count - 1}"
            yield Job(name, "render", key, ids, {**clip, "first": first, "count": count})

    def _encode_job(self, system: System, song: Song, segment: Segment, chunks: list[Job], sound: Job) -> Job:
        output = self.study.output
        rest = [output.crf, output.sheets, output.stills_s, output.still_beats, song.bpm, song.first_beat_s]
        render_key = chunks[0].key if chunks else ""
        # A clip that cannot be fitted has no chunks; it needs its fit, so that the failure is passed on.
        before = tuple(job.id for job in chunks) or (f"fit:{system.name}/{song.name}",)
        return Job(
            f"encode:{system.name}/{song.name}/{segment.name}",
            "encode",
            key_of("encode", render_key, sound.key, rest, self.ffmpeg),
            (*before, sound.id),
            {"system": system.name, "song": song.name, "segment": segment.name},
        )

    def _compare_job(self, song: Song, segment: Segment, encodes: list[Job]) -> Job:
        study = self.study
        labels = [system.label for system in study.systems]
        rest = [study.output.compare, study.output.labels, labels, study.output.crf]
        return Job(
            f"compare:{song.name}/{segment.name}",
            "compare",
            key_of("compare", [job.key for job in encodes], rest),
            tuple(job.id for job in encodes),
            {"song": song.name, "segment": segment.name},
        )
