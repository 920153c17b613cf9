"""The plan: every job of a study, a pure function of study.toml, of the inputs' content and of this program.

Order: song by song, so that whole songs are finished early; and within a song fits, shot, sound, then clip by clip its
chunks of frames and its encoding, then the comparisons.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from dancepose_addon.core.errors import DancePoseError, InputError

from .jobs import Job, key_of, write_plan
from .paths import Places
from .program import code_hash, program_version
from .study_file import Song, Study, System
from .study_sources import Cache, content_hash, find_sources, look_into

PREVIEW_S: Final = (0.18, 0.38)
"""Seconds of one frame by Workbench on two cores: of any, and for a megapixel (``benchmarks.study_cost pace``). Only
the size of chunks and the first estimate of time hang on this and the next."""
SAMPLE_S, DENOISING_SAMPLES = 0.78, 0.75
"""Seconds for a megapixel of a sample by Cycles on two cores, and what denoising costs in samples."""
SAMPLES: Final = {"stage": 2, "transparent": 16}
"""What Cycles takes on a processor where a study names none."""
CHUNK_S: Final = 30.0
"""Starting a chunk of another clip costs up to half a second: under 5 % of this."""
CHUNK_FRAMES: Final = (10, 500)


@dataclass(frozen=True)
class Segment:
    """A cut of a song's dance. name: "" where it is the only one; start_s: into the dance; frames: of the video."""

    name: str
    start_s: float
    frames: int


@dataclass(frozen=True)
class Planned:
    """What a planning came to. missing: sentences on clips that cannot be made."""

    jobs: int
    clips: int
    frames: int
    missing: tuple[str, ...]


def make_plan(study: Study, places: Places) -> Planned:
    """Write the plan of a study to ``places.plan``, and return what is in it.

    Raises:
        OutputError: it cannot be written. InputError: not one clip can be made.
    """
    planner = _Planner(study, places)
    songs = planner.segments()
    head = {
        "program": {"version": program_version(), "code": code_hash()},
        "study": as_table(study),
        "segments": {name: [list(asdict(cut).values()) for cut in cuts] for name, cuts in songs.items()},
    }
    clips = sum(len(cuts) for name, cuts in songs.items() for system in study.systems if planner.usable(system, name))
    if clips == 0:
        reasons = "; ".join(planner.missing()[:3])
        raise InputError(f"Not one clip of this study can be made: {reasons}")
    jobs = write_plan(places.plan, head, planner.jobs(songs))
    planner.save()
    return Planned(jobs, clips, planner.frames, tuple(planner.missing()))


def as_table(study: Study) -> dict[str, Any]:
    """The study as ``config.parse_study`` reads it, defaults written out."""
    table = {key: value for key, value in asdict(study).items() if key not in ("root", "systems", "songs")}
    table["system"], table["song"] = [asdict(entry) for entry in study.systems], [asdict(song) for song in study.songs]

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(entry) for key, entry in value.items() if entry is not None and entry != ""}
        return [strip(entry) for entry in value] if isinstance(value, list | tuple) else value

    return dict(strip(table))


def segments_of(head: dict[str, Any], song: str) -> list[Segment]:
    """The cuts of a song, from a plan's head."""
    return [Segment(*entry) for entry in head["segments"][song]]


def chunk_frames(study: Study) -> int:
    """Frames of a chunk."""
    if study.run.chunk_frames:
        return study.run.chunk_frames
    wanted = CHUNK_S / frame_estimate_s(study)
    return int(min(max(wanted, CHUNK_FRAMES[0]), CHUNK_FRAMES[1]))


def frame_estimate_s(study: Study) -> float:
    """Seconds that a frame may take, before any has been rendered."""
    picture = study.picture
    samples = picture.samples or SAMPLES[picture.background]
    megapixels = picture.size[0] * picture.size[1] / 1e6
    if picture.engine == "preview":
        return PREVIEW_S[0] + PREVIEW_S[1] * megapixels
    return SAMPLE_S * (samples + DENOISING_SAMPLES) * megapixels


def cut_evenly(count: int, most: int) -> list[tuple[int, int]]:
    """Chunks (first, count) of at most ``most`` frames, as equal as they can be."""
    parts = -(-count // most)
    edges = [count * part // parts for part in range(parts + 1)]
    return [(first, stop - first) for first, stop in pairwise(edges)]


class _Planner:
    def __init__(self, study: Study, places: Places) -> None:
        self.study = study
        self.hashes = Cache(places.cache("hashes"))
        self.infos = Cache(places.cache("sources"))
        self.sources = {system.name: find_sources(system, study.songs, study.root) for system in study.systems}
        self.contents: dict[tuple[str, str], str] = {}
        self.troubles: dict[tuple[str, str], str] = {}
        self.frames = 0
        for system in study.systems:
            for song in study.songs:
                self._hash(system, song)

    def _hash(self, system: System, song: Song) -> None:
        where, source = (system.name, song.name), self.sources[system.name][song.name]
        if isinstance(source, DancePoseError):
            self.troubles[where] = str(source)
            return
        try:
            self.contents[where] = content_hash(self.study.root / source, self.hashes)
        except DancePoseError as error:
            self.troubles[where] = str(error)

    def save(self) -> None:
        self.hashes.save()
        self.infos.save()

    def usable(self, system: System, song: str) -> bool:
        return (system.name, song) not in self.troubles

    def missing(self) -> list[str]:
        return [f"{system}/{song}: {trouble}" for (system, song), trouble in self.troubles.items()]

    def segments(self) -> dict[str, list[Segment]]:
        """The cuts of each song; with neither length nor segments, as long as its shortest clip."""
        time, fps = self.study.time, self.study.picture.fps
        spans = time.segments or (((0.0, time.length_s),) if time.length_s is not None else None)
        found = {}
        for song in self.study.songs:
            cuts = spans
            if cuts is None:
                shortest = self._shortest_s(song)
                cuts = () if shortest is None else ((0.0, shortest),)
            names = [f"{start:g}-{end:g}s" if len(cuts) > 1 else "" for start, end in cuts]
            found[song.name] = [
                # A clip of the study never outlasts its dance, so parts of a frame are dropped.
                Segment(name, start, max(1, int((end - start) * fps + 1e-6)))
                for name, (start, end) in zip(names, cuts, strict=True)
            ]
        return found

    def _shortest_s(self, song: Song) -> float | None:
        lengths = []
        for system in self.study.systems:
            where = (system.name, song.name)
            if where in self.troubles:
                continue
            source = self.sources[system.name][song.name]
            assert isinstance(source, Path)
            info = look_into(self.study.root / source, system, self.contents[where], self.infos)
            if info.trouble:
                self.troubles[where] = info.trouble
            else:
                lengths.append(info.duration_s)
        return min(lengths, default=None)

    def jobs(self, songs: dict[str, list[Segment]]) -> Iterator[Job]:
        """Every job, each after those that it needs."""
        picture = self.study.picture
        chosen = (picture.engine, picture.device, picture.samples, picture.background)
        engine = Job("engine", "probe", key_of("probe", *chosen))
        yield engine
        for song in self.study.songs:
            if songs[song.name]:
                yield from self._song_jobs(song, songs[song.name], engine)
            else:
                yield from (self._fit_job(system, song, 0.0) for system in self.study.systems)

    def _song_jobs(self, song: Song, cuts: list[Segment], engine: Job) -> Iterator[Job]:
        study = self.study
        needs_s = max(cut.start_s + cut.frames / study.picture.fps for cut in cuts)
        fits = {system.name: self._fit_job(system, song, needs_s) for system in study.systems}
        yield from fits.values()
        spans = [[cut.start_s, cut.frames] for cut in cuts]
        shot = Job(
            f"shot:{song.name}",
            "shot",
            key_of("shot", [fit.key for fit in fits.values()], asdict(study.camera), study.stage.floor, spans),
            tuple(fit.id for fit in fits.values()),
            {"song": song.name},
        )
        yield shot
        sounds = {cut.name: self._audio_job(song, cut) for cut in cuts}
        yield from sounds.values()
        encodes: dict[str, list[Job]] = {cut.name: [] for cut in cuts}
        for system in study.systems:
            for cut in cuts:
                chunks = list(self._chunk_jobs(system, song, cut, [engine, shot, fits[system.name]]))
                yield from chunks
                encode = self._encode_job(system, song, cut, chunks, sounds[cut.name])
                encodes[cut.name].append(encode)
                yield encode
        if study.output.compare and len(study.systems) > 1:
            yield from (self._compare_job(song, cut, encodes[cut.name]) for cut in cuts)

    def _fit_job(self, system: System, song: Song, needs_s: float) -> Job:
        where = (system.name, song.name)
        what: dict[str, Any] = {"system": system.name, "song": song.name, "needs_s": round(needs_s, 6)}
        if where in self.troubles:
            return Job(f"fit:{system.name}/{song.name}", "fit", "", (), {**what, "trouble": self.troubles[where]})
        study, options = self.study, asdict(system)
        for name in ("name", "files", "label"):
            del options[name]
        files = [self._file_hash(study.path(text)) for text in (system.regressor, study.stage.body)]
        key = key_of("fit", self.contents[where], options, files, study.stage.betas, needs_s, code_hash())
        what["source"] = str(self.sources[system.name][song.name])
        return Job(f"fit:{system.name}/{song.name}", "fit", key, (), what)

    def _audio_job(self, song: Song, cut: Segment) -> Job:
        content = self._file_hash(self.study.path(song.audio))
        rest = [song.window, asdict(cut), self.study.picture.fps, self.study.output.loudness_lufs]
        key = key_of("audio", content, *rest)
        return Job(f"audio:{song.name}/{cut.name}", "audio", key, (), {"song": song.name, "segment": cut.name})

    def _file_hash(self, path: Path | None) -> str | None:
        """None for a file that is not named; "" for one that cannot be read, which its job will say."""
        if path is None:
            return None
        try:
            return content_hash(path, self.hashes)
        except DancePoseError:
            return ""

    def _chunk_jobs(self, system: System, song: Song, cut: Segment, needs: list[Job]) -> Iterator[Job]:
        study = self.study
        if not self.usable(system, song.name):
            return
        self.frames += cut.frames
        settings = [asdict(study.picture), asdict(study.stage), asdict(cut)]
        key = key_of("render", [job.key for job in needs], settings)
        where = {"system": system.name, "song": song.name, "segment": cut.name}
        ids = tuple(job.id for job in needs)
        for first, count in cut_evenly(cut.frames, chunk_frames(study)):
            name = f"render:{system.name}/{song.name}/{cut.name}:{first}-{first + count - 1}"
            yield Job(name, "render", key, ids, {**where, "first": first, "count": count})

    def _encode_job(self, system: System, song: Song, cut: Segment, chunks: list[Job], sound: Job) -> Job:
        output = self.study.output
        rest = [output.crf, output.sheets, output.stills_s, output.still_beats, song.bpm, song.first_beat_s]
        render_key = chunks[0].key if chunks else ""
        # A clip that cannot be fitted has no chunks; it hangs on its fit, whose failure passes on.
        before = tuple(job.id for job in chunks) or (f"fit:{system.name}/{song.name}",)
        return Job(
            f"encode:{system.name}/{song.name}/{cut.name}",
            "encode",
            key_of("encode", render_key, sound.key, rest),
            (*before, sound.id),
            {"system": system.name, "song": song.name, "segment": cut.name},
        )

    def _compare_job(self, song: Song, cut: Segment, encodes: list[Job]) -> Job:
        study = self.study
        labels = [system.label for system in study.systems]
        rest = [study.output.compare, study.output.labels, labels, study.output.crf]
        return Job(
            f"compare:{song.name}/{cut.name}",
            "compare",
            key_of("compare", [job.key for job in encodes], rest),
            tuple(job.id for job in encodes),
            {"song": song.name, "segment": cut.name},
        )
