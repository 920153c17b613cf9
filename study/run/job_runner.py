# SPDX-License-Identifier: Apache-2.0
"""Does one job of a plan: in this process, or in a Blender process that it keeps."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from pathlib import Path
import shutil
import time
from typing import Any, Final

from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.messages import EngineChoice, FitRequest, ProbeRequest, RenderRequest, Request, error_kind
from dancepose_addon.core.png import frame_stamp, stamp_of
from dancepose_addon.core.stored_tables import read_stored_table

from ..media import films, pictures, song_camera, sounds
from ..media.ffmpeg import Ffmpeg
from ..plan.ffmpeg_program import program_of
from ..plan.jobs import IN_BLENDER, Job, Result, key_of, read_head
from ..plan.music_length import require_music_until
from ..plan.paths import StudyPaths
from ..plan.planning import Segment, segments_of
from ..plan.study_file import Study, parse_study
from ..plan.study_folder import require_no_input
from ..plan.study_sources import Cache, content_hash, files_of, in_study_terms, stage_paths
from .blender_worker import BlenderWorker, OnFrame
from .job_results import FRAME_KEY, comparisons_of, stills_of

PROBE_TIMEOUT_S: Final = 240.0


@dataclass(frozen=True)
class RunContext:
    """What a job needs besides itself.

    Attributes:
        root: Folder of study.toml.
        out: The output folder.
        blender: A Blender program; None for the bpy wheel.
        threads: Processors of one worker; 0 for all.
    """

    root: Path
    out: Path
    blender: Path | None = None
    threads: int = 0

    @property
    def paths(self) -> StudyPaths:
        """Files of the study."""
        return StudyPaths(self.out)

    def read_study(self) -> tuple[Study, dict[str, Any]]:
        """Return the study and the head of the plan in ``out``."""
        head = read_head(self.paths.plan)
        return parse_study(head["study"], root=self.root, source="the plan"), head

    def new_worker(self, engine: str) -> BlenderWorker:
        """Return a new worker for an engine: Blender, or the fast engine's own."""
        return BlenderWorker(
            logs=self.paths.logs, blender=self.blender, threads=self.threads, without_blender=engine == "fast"
        )


class JobRunner:
    """Does jobs of one plan, one at a time, with one Blender process for all of them."""

    def __init__(self, context: RunContext) -> None:
        self._paths = context.paths
        self._study, self._head = context.read_study()
        self._worker = context.new_worker(self._study.picture.engine)
        self._ffmpeg = Ffmpeg(program_of(self._head))
        self._systems = {system.name: system for system in self._study.systems}
        self._songs = {song.name: song for song in self._study.songs}
        self._hashes = Cache(context.paths.cache("hashes"))
        self._requests: dict[str, Callable[[Job], Request]] = {
            "probe": self._probe_request,
            "fit": self._fit_request,
            "render": self._render_request,
        }
        self._jobs: dict[str, Callable[[Job], Result]] = {
            "camera": self._camera,
            "audio": self._audio,
            "encode": self._encode,
            "compare": self._compare,
        }

    def close(self) -> None:
        """End the idle Blender process."""
        self._worker.close()

    def stop(self) -> None:
        """Kill Blender and ffmpeg; called from another thread."""
        self._ffmpeg.stop()
        self._worker.close(kill=True)

    def run(self, job: Job, on_frame: OnFrame | None = None) -> Result:
        """Do one job. Expected failures are in the result; bugs keep their traceback.

        Args:
            job: The job.
            on_frame: Called with the number of frames that are rendered.
        """
        clock = time.perf_counter()
        try:
            if job.kind in IN_BLENDER:
                request = self.request(job)
                timeout_s = PROBE_TIMEOUT_S if job.kind == "probe" else self._study.run.timeout_s
                result = self._worker.run(job.id, request, timeout_s=timeout_s, on_frame=on_frame)
                return replace(result, message=in_study_terms(result.message))
            result = self._jobs[job.kind](job)
        except DancePoseError as error:
            result = Result(job.id, False, error_kind(error), str(error))
        return replace(result, seconds=round(time.perf_counter() - clock, 3))

    def request(self, job: Job) -> Request:
        """Return the request to Blender for a job.

        Raises:
            InputError: The job's input is known to be bad.
        """
        return self._requests[job.kind](job)

    def _segment(self, job: Job) -> Segment:
        return next(entry for entry in segments_of(self._head, job.song) if entry.name == job.what["segment"])

    def _probe_request(self, _job: Job) -> ProbeRequest:
        picture, stage = self._study.picture, self._study.stage
        return ProbeRequest(
            engine=picture.engine,
            device=picture.device,
            samples=picture.samples,
            transparent=picture.background == "transparent",
            timeout_s=PROBE_TIMEOUT_S / 2,
            out=self._paths.engine,
            character=self._study.path(stage.character),
            character_map=self._study.path(stage.character_map),
            record=self._paths.character if stage.character is not None else None,
        )

    def _require_same(self, path: Path | None, digest: str | None) -> None:
        """Refuse an input that is not the one of the plan; one that the plan could not read is left to its job."""
        if path is not None and digest and content_hash(path, self._hashes) != digest:
            raise InputError(f"{path} has changed since the plan. Run `dancepose study run`, which takes the new file.")

    def _fit_request(self, job: Job) -> FitRequest:
        if "trouble" in job.what:
            raise InputError(job.what["trouble"])
        system, study = self._systems[job.what["system"]], self._study
        source = study.root / job.what["source"]
        self._require_same(source, job.what.get("content"))
        for title, path in {**files_of(study, system), "body": study.path(study.stage.body)}.items():
            self._require_same(path, job.what.get("files", {}).get(title))
        return FitRequest(
            source=source,
            layout=system.layout,
            fps=system.fps,
            read=system.read,
            settings=study.fit_settings(system),
            device=system.device,
            regressor=study.path(system.regressor),
            body=study.path(study.stage.body),
            min_duration_s=job.what["needs_s"],
            video_fps=study.picture.fps,
            motion=self._paths.motion(system.name, job.song),
            report=self._paths.fit_report(system.name, job.song),
        )

    def _render_request(self, job: Job) -> RenderRequest:
        study, paths, what = self._study, self._paths, job.what
        for path, digest in zip(stage_paths(study), self._head.get("stage_files", ()), strict=False):
            self._require_same(path, digest)
        engine = read_stored_table(paths.engine)
        segment, camera = self._segment(job), paths.camera(job.song)
        x, y, z = song_camera.read_song_camera(camera)["move_m"][what["system"]]
        return RenderRequest(
            motion=paths.motion(what["system"], job.song),
            shot=camera,
            move_m=(x, y, z),
            body=study.path(study.stage.body),
            character=study.path(study.stage.character),
            character_map=study.path(study.stage.character_map),
            width=study.picture.size[0],
            height=study.picture.size[1],
            fps=study.picture.fps,
            start_s=segment.start_s,
            seed=study.picture.seed,
            transparent=study.picture.background == "transparent",
            backdrop_rgb=study.stage.backdrop_rgb,
            light=study.stage.light,
            floor=study.picture.floor,
            look=study.picture.look,
            figure=study.picture.figure,
            colours=study.picture.colours,
            engine=EngineChoice(**{key: engine[key] for key in ("name", "device", "denoiser", "samples")}),
            folder=paths.frames(what["system"], job.song, segment.name),
            first=what["first"],
            count=what["count"],
        )

    def _camera(self, job: Job) -> Result:
        segments = segments_of(self._head, job.song)
        digest = song_camera.write_song_camera(self._study, self._paths, job.song, job.what["systems"], segments)
        return Result(job.id, True, digest=digest)

    def _audio(self, job: Job) -> Result:
        song, segment = self._songs[job.song], self._segment(job)
        out = self._paths.audio(job.song, segment.name)
        require_no_input(self._study, out)
        self._require_same(self._study.path(song.audio), job.what.get("content"))
        start_s = (song.window[0] if song.window else 0.0) + segment.start_s
        duration_s, audio = segment.frames / self._study.picture.fps, self._study.path(song.audio)
        if audio is not None and audio.is_file():
            require_music_until(audio, self._ffmpeg.sound_length_s(audio), start_s + duration_s, song=song.name)
        loudness = sounds.write_sound(
            self._ffmpeg,
            out,
            audio,
            start_s=start_s,
            duration_s=duration_s,
            loudness_lufs=self._study.output.loudness_lufs,
        )
        measured = loudness if math.isfinite(loudness) else None
        return Result(job.id, True, digest=job.key, detail={"loudness_before_lufs": measured})

    def _film(self, segment: Segment) -> films.FilmFormat:
        return films.FilmFormat(segment.frames, self._study.picture.fps, self._study.output.crf)

    def _encode(self, job: Job) -> Result:
        study, paths, segment = self._study, self._paths, self._segment(job)
        clip = (job.what["system"], job.song, segment.name)
        frames = paths.frames(*clip)
        key, bad = check_frames(frames, segment.frames, study.picture.size, job.what.get("frame_key", ""))
        if bad:
            message = f"{len(bad)} of {segment.frames} frames are missing or damaged"
            return Result(job.id, False, "frames", message, detail={"bad": bad})
        for leftover in frames.glob(".*.part*"):
            leftover.unlink(missing_ok=True)
        film, sound = self._film(segment), paths.audio(job.song, segment.name)
        transparent = study.picture.background == "transparent"
        films.encode_clip(
            self._ffmpeg,
            paths.clip(*clip),
            frames=frames,
            film=film,
            sound=sound,
            size=study.picture.size,
            backdrop=study.stage.backdrop_rgb if transparent else None,
        )
        if transparent:
            webm = paths.clip(*clip, ".webm")
            films.encode_transparent(self._ffmpeg, webm, frames=frames, film=film, sound=sound)
        made = [path.relative_to(paths.out).as_posix() for path in self._write_pictures(clip, segment, frames)]
        if not study.output.keep_frames:
            shutil.rmtree(frames, ignore_errors=True)
        size = paths.clip(*clip).stat().st_size
        detail = {"bytes": size, "frame_key": key, "pictures": made}
        return Result(job.id, True, digest=key_of(job.key, key), detail=detail)

    def _write_pictures(self, clip: tuple[str, str, str], segment: Segment, frames: Path) -> list[Path]:
        paths = self._paths
        made = [paths.thumbnail(*clip)]
        pictures.write_thumbnail(made[0], pictures.frame_file(frames, segment.frames // 2))
        if self._study.output.sheets:
            made.append(paths.sheet(*clip))
            pictures.write_sheet(made[-1], frames=frames, count=segment.frames)
        for name, index in stills_of(self._study, self._songs[clip[1]], segment):
            made.append(paths.stills(*clip) / f"{name}.png")
            pictures.copy_still(made[-1], pictures.frame_file(frames, index))
        return made

    def _compare(self, job: Job) -> Result:
        study, segment = self._study, self._segment(job)
        names: list[str] = job.what["systems"]
        made = []
        for kind, chosen, columns in comparisons_of(study.output.compare, names):
            for style in study.output.labels:
                grid = films.Grid(columns, films.cell_size(study.picture.size, columns))
                self._combine(job.song, segment, kind, chosen, grid=grid, labels=style == "with")
            made.append(kind)
        return Result(job.id, True, digest=job.key, detail={"made": made, "systems": names})

    def _combine(
        self, song: str, segment: Segment, kind: str, chosen: list[str], *, grid: films.Grid, labels: bool
    ) -> None:
        paths = self._paths
        out = paths.comparison(song, segment.name, kind, labels=labels)
        overlay = out.with_suffix(".labels.png") if labels else None
        try:
            if overlay is not None:
                names = [self._systems[name].label for name in chosen]
                pictures.write_labels(overlay, names, columns=grid.columns, cell=grid.cell)
            films.combine_clips(
                self._ffmpeg,
                out,
                [paths.clip(name, song, segment.name) for name in chosen],
                grid=grid,
                film=self._film(segment),
                sound=paths.audio(song, segment.name),
                overlay=overlay,
            )
        finally:
            if overlay is not None:
                overlay.unlink(missing_ok=True)


def check_frames(folder: Path, count: int, size: tuple[int, int], expected: str = "") -> tuple[str, list[int]]:
    """Check the frames of a clip.

    Args:
        folder: Folder of the frames.
        count: Number of frames that there should be.
        size: (width, height) that they should have, pixels.
        expected: The key that they should carry, or "" for that of the folder.

    Returns:
        The key that all frames of the clip carry, and the frames that are missing, damaged or of another key.
    """
    try:
        key = (folder / FRAME_KEY).read_text(encoding="ascii")
    except OSError:
        key = ""
    width, height = size
    bad = [
        index
        for index in range(count)
        if not key
        or key != (expected or key)
        or stamp_of(pictures.frame_file(folder, index), width=width, height=height) != frame_stamp(key, index)
    ]
    return key, bad
