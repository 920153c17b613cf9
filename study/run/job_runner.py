"""Doing one job of a plan, wherever it may be: in this process, or in a Blender that it keeps."""

from dataclasses import dataclass, replace
import json
import math
from pathlib import Path
import shutil
import time
from typing import Any, Final

from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.fit.options import FIT_OPTIONS, FitOptions
from dancepose_addon.core.messages import (
    EngineChoice,
    FitRequest,
    ProbeRequest,
    RenderRequest,
    Request,
    error_kind,
)
from dancepose_addon.core.png import stamp_of

from ..media import films, pictures, shots, sounds
from ..plan.jobs import IN_BLENDER, Job, Result, key_of, read_head
from ..plan.paths import Places
from ..plan.planning import Segment, segments_of
from ..plan.study_file import Study, parse_study
from .blender_worker import BlenderWorker, OnFrame

PROBE_TIMEOUT_S: Final = 240.0


@dataclass(frozen=True)
class Context:
    """What a job needs beside itself. root: the study's folder; out: its output folder; blender: a program, or the
    wheel; threads: processors of one worker, 0 for all."""

    root: Path
    out: Path
    blender: Path | None = None
    threads: int = 0

    @property
    def places(self) -> Places:
        """Where everything lies."""
        return Places(self.out)

    def read_study(self) -> tuple[Study, dict[str, Any]]:
        """The study and the head of the plan that lies in ``out``."""
        head = read_head(self.places.plan)
        return parse_study(head["study"], root=self.root, source="the plan"), head

    def new_worker(self) -> BlenderWorker:
        """A Blender of one's own."""
        return BlenderWorker(logs=self.places.logs, blender=self.blender, threads=self.threads)


class Tasks:
    """Does jobs of one plan, one at a time, with one Blender for them all."""

    def __init__(self, context: Context) -> None:
        self._places = context.places
        self._study, self._head = context.read_study()
        self._worker = context.new_worker()
        self._systems = {system.name: system for system in self._study.systems}
        self._songs = {song.name: song for song in self._study.songs}

    @property
    def worker(self) -> BlenderWorker:
        """The Blender."""
        return self._worker

    def close(self) -> None:
        """End the Blender."""
        self._worker.close()

    def run(self, job: Job, on_frame: OnFrame | None = None) -> Result:
        """Do one job; what goes wrong is in the result. Bugs keep their traceback."""
        clock = time.perf_counter()
        try:
            if job.kind in IN_BLENDER:
                request = self.request(job)
                timeout_s = PROBE_TIMEOUT_S if job.kind == "probe" else self._study.run.timeout_s
                return self._worker.run(job.id, request, timeout_s=timeout_s, on_frame=on_frame)
            result: Result = getattr(self, f"_{job.kind}")(job)
        except DancePoseError as error:
            result = Result(job.id, False, error_kind(error), str(error))
        return replace(result, seconds=round(time.perf_counter() - clock, 3))

    def request(self, job: Job) -> Request:
        """What a Blender is told to do for a job.

        Raises:
            InputError: the job's input is known to be bad.
        """
        if job.kind == "probe":
            return self._probe_request()
        return self._fit_request(job) if job.kind == "fit" else self._render_request(job)

    def _cut(self, job: Job) -> Segment:
        return next(cut for cut in segments_of(self._head, job.song) if cut.name == job.what["segment"])

    def _probe_request(self) -> ProbeRequest:
        picture = self._study.picture
        return ProbeRequest(
            engine=picture.engine,
            device=picture.device,
            samples=picture.samples,
            transparent=picture.background == "transparent",
            timeout_s=PROBE_TIMEOUT_S / 2,
            out=self._places.engine,
        )

    def _fit_request(self, job: Job) -> FitRequest:
        if "trouble" in job.what:
            raise InputError(job.what["trouble"])
        system, study = self._systems[job.what["system"]], self._study
        values = {option.name: getattr(system, option.name) for option in FIT_OPTIONS if option.name != "betas"}
        return FitRequest(
            source=study.root / job.what["source"],
            layout=system.layout,
            fps=system.fps,
            options=FitOptions(**values, betas=study.stage.betas or None),
            device=system.device,
            regressor=study.path(system.regressor),
            body=study.path(study.stage.body),
            min_duration_s=job.what["needs_s"],
            video_fps=study.picture.fps,
            motion=self._places.motion(system.name, job.song),
            report=self._places.fit_report(system.name, job.song),
        )

    def _render_request(self, job: Job) -> RenderRequest:
        study, places, what = self._study, self._places, job.what
        engine = json.loads(places.engine.read_text(encoding="utf-8"))
        width, height = study.picture.size
        x, y, z = shots.read_shot_table(places.shot(job.song))["move_m"][what["system"]]
        cut = self._cut(job)
        return RenderRequest(
            motion=places.motion(what["system"], job.song),
            shot=places.shot(job.song),
            move_m=(float(x), float(y), float(z)),
            body=study.path(study.stage.body),
            width=width,
            height=height,
            fps=study.picture.fps,
            start_s=cut.start_s,
            seed=study.picture.seed,
            transparent=study.picture.background == "transparent",
            backdrop_rgb=study.stage.backdrop_rgb,
            light=study.stage.light,
            engine=EngineChoice(**{key: engine[key] for key in ("name", "device", "denoiser", "samples")}),
            folder=places.frames(what["system"], job.song, cut.name),
            first=what["first"],
            count=what["count"],
        )

    def _shot(self, job: Job) -> Result:
        cuts = segments_of(self._head, job.song)
        done = shots.make_shot(self._study, self._places, job.song, job.what["systems"], cuts)
        return Result(job.id, True, digest=done["digest"])

    def _audio(self, job: Job) -> Result:
        song, cut, fps = self._songs[job.song], self._cut(job), self._study.picture.fps
        start_s = (song.window[0] if song.window else 0.0) + cut.start_s
        loudness = sounds.write_sound(
            self._places.audio(job.song, cut.name),
            self._study.path(song.audio),
            start_s=start_s,
            duration_s=cut.frames / fps,
            loudness_lufs=self._study.output.loudness_lufs,
        )
        heard = loudness if math.isfinite(loudness) else None
        return Result(job.id, True, digest=job.key, detail={"loudness_before_lufs": heard})

    def _encode(self, job: Job) -> Result:
        study, places, cut = self._study, self._places, self._cut(job)
        where = (job.what["system"], job.song, cut.name)
        frames = places.frames(*where)
        key, bad = check_frames(frames, cut.frames, study.picture.size)
        if bad:
            message = f"{len(bad)} of {cut.frames} frames are missing or damaged"
            return Result(job.id, False, "frames", message, detail={"bad": bad})
        for leftover in frames.glob(".*.part*"):
            leftover.unlink(missing_ok=True)
        picture, sound = study.picture, places.audio(job.song, cut.name)
        transparent = picture.background == "transparent"
        films.encode_clip(
            places.clip(*where),
            frames=frames,
            count=cut.frames,
            size=picture.size,
            fps=picture.fps,
            sound=sound,
            crf=study.output.crf,
            backdrop=study.stage.backdrop_rgb if transparent else None,
        )
        if transparent:
            out = places.clip(*where, ".webm")
            films.encode_transparent(
                out, frames=frames, count=cut.frames, fps=picture.fps, sound=sound, crf=study.output.crf
            )
        self._write_pictures(job, where, cut, frames)
        if not study.output.keep_frames:
            shutil.rmtree(frames, ignore_errors=True)
        size = places.clip(*where).stat().st_size
        return Result(job.id, True, digest=key_of(job.key, key), detail={"bytes": size, "frame_key": key})

    def _write_pictures(self, job: Job, where: tuple[str, str, str], cut: Segment, frames: Path) -> None:
        places, output = self._places, self._study.output
        pictures.write_thumbnail(places.thumbnail(*where), pictures.frame_file(frames, cut.frames // 2))
        if output.sheets:
            pictures.write_sheet(places.sheet(*where), frames=frames, count=cut.frames)
        for name, index in self.stills(job.song, cut):
            pictures.copy_still(places.stills(*where) / f"{name}.png", pictures.frame_file(frames, index))

    def stills(self, song: str, cut: Segment) -> list[tuple[str, int]]:
        """(name, frame) of the stills that fall into a segment."""
        chosen = self._songs[song]
        wanted = [(f"{seconds:g}s", seconds) for seconds in self._study.output.stills_s]
        if chosen.bpm is not None:
            beats = self._study.output.still_beats
            wanted += [(f"beat-{beat}", chosen.first_beat_s + 60.0 / chosen.bpm * beat) for beat in beats]
        found = [(name, round((at - cut.start_s) * self._study.picture.fps)) for name, at in wanted]
        return [(name, index) for name, index in found if 0 <= index < cut.frames]

    def _compare(self, job: Job) -> Result:
        study, cut = self._study, self._cut(job)
        names: list[str] = job.what["systems"]
        made = []
        for kind, chosen, columns in comparisons(study.output.compare, names):
            for style in study.output.labels:
                self._combine(job.song, cut, kind, chosen, columns, labelled=style == "with")
            made.append(kind)
        return Result(job.id, True, digest=job.key, detail={"made": made, "systems": names})

    def _combine(self, song: str, cut: Segment, kind: str, chosen: list[str], columns: int, *, labelled: bool) -> None:
        study, places = self._study, self._places
        cell = films.cell_size(study.picture.size, columns)
        out = places.comparison(song, cut.name, kind, labels=labelled)
        overlay = out.with_suffix(".labels.png") if labelled else None
        if overlay is not None:
            labels = [self._systems[name].label for name in chosen]
            pictures.write_labels(overlay, labels, columns=columns, cell=cell)
        films.combine_clips(
            out,
            [places.clip(name, song, cut.name) for name in chosen],
            columns=columns,
            cell=cell,
            count=cut.frames,
            fps=study.picture.fps,
            sound=places.audio(song, cut.name),
            crf=study.output.crf,
            overlay=overlay,
        )
        if overlay is not None:
            overlay.unlink(missing_ok=True)


def comparisons(wanted: tuple[str, ...], names: list[str]) -> list[tuple[str, list[str], int]]:
    """(name, systems, columns) of each combined picture."""
    found: list[tuple[str, list[str], int]] = []
    if len(names) < 2:
        return found
    if "row" in wanted:
        found.append(("row", names, len(names)))
    if "grid" in wanted:
        found.append(("grid", names, math.ceil(math.sqrt(len(names)))))
    if "pairs" in wanted:
        found += [(f"{a}-vs-{b}", [a, b], 2) for n, a in enumerate(names) for b in names[n + 1 :]]
    return found


def check_frames(folder: Path, count: int, size: tuple[int, int]) -> tuple[str, list[int]]:
    """The key that all frames of a clip carry, and the frames that are missing, damaged, or of another key."""
    try:
        key = (folder / "key.txt").read_text(encoding="ascii")
    except OSError:
        key = ""
    width, height = size
    bad = [
        index
        for index in range(count)
        if stamp_of(pictures.frame_file(folder, index), width=width, height=height) != key or not key
    ]
    return key, bad
