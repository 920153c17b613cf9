# SPDX-License-Identifier: Apache-2.0
"""report.html: every clip with its picture and its figures, on one page that needs no network.

Styles and thumbnails are embedded; the clips are linked by relative paths, or embedded as well.
"""

import base64
from dataclasses import dataclass, field
import glob
from html import escape
import json
from pathlib import Path
import time
from typing import Any, Final

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.stored_tables import read_stored_table

from ..plan.ffmpeg_program import FfmpegProgram
from ..plan.jobs import file_hash, read_head, read_jobs
from ..plan.paths import StudyPaths
from ..plan.planning import Segment, segments_of
from ..plan.study_file import Study, parse_study
from ..plan.study_sources import without_music
from ..run.job_results import changed_result
from ..run.journal import Journal
from .status import Status, read_status

STYLE: Final = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")


@dataclass
class _Clip:
    """What is known about one clip.

    Attributes:
        system: Name of the system.
        song: Name of the song.
        segment: The part of the song.
        fit: Report of the fit.
        render_s: Seconds that its chunks took when they were last done.
        rendered: Frames that were rendered then.
        entry: Journal entry of its encoding, if it is finished.
        failure: Why it is missing.
    """

    system: str
    song: str
    segment: Segment
    fit: dict[str, Any] = field(default_factory=dict)
    render_s: float = 0.0
    rendered: int = 0
    entry: dict[str, Any] | None = None
    failure: str = ""


def write_report(root: Path, paths: StudyPaths, *, embed: bool = False) -> Path:
    """Write the report of a study as far as it is finished.

    Args:
        root: Folder of study.toml.
        paths: Files of the study.
        embed: Put the clips into the page as well.

    Returns:
        The page.

    Raises:
        MissingFileError: There is no plan.
        FormatError: It is of another version, or damaged.
        OutputError: The page cannot be written.
    """
    head = read_head(paths.plan)
    study = parse_study(head["study"], root=root, source="the plan")
    status, clips = read_status(paths), _collect(paths, head)
    page = _Page(study, paths, head, made=_made(paths), embed=embed)
    with replacing(paths.report) as temporary:
        temporary.write_text(page.html(status, clips), encoding="utf-8")
    return paths.report


def _made(paths: StudyPaths) -> frozenset[Path]:
    """Return the files that finished jobs of the plan made; files of earlier plans may be beside them."""
    journal = Journal.open(paths.journal)
    entries = filter(None, map(journal.finished, read_jobs(paths.plan)))
    return frozenset(paths.out / name for entry in entries for name in entry.get("detail", {}).get("files", {}))


def _collect(paths: StudyPaths, head: dict[str, Any]) -> list[_Clip]:
    journal = Journal.open(paths.journal)
    clips: dict[tuple[str, str, str], _Clip] = {}
    segments = {song: {entry.name: entry for entry in segments_of(head, song)} for song in head["segments"]}
    failures: dict[tuple[str, str], str] = {}
    for job in read_jobs(paths.plan):
        entry = journal.entries.get(job.id)
        if entry is not None and not entry["ok"] and "system" in job.what:
            failures[job.what["system"], job.song] = str(entry.get("message", ""))
        if job.kind not in ("render", "encode"):
            continue
        where = (job.what["system"], job.song, job.what["segment"])
        clip = clips.setdefault(where, _Clip(where[0], where[1], segments[job.song][where[2]]))
        if entry is not None and job.kind == "render":
            clip.render_s += float(entry.get("seconds", 0.0))
            clip.rendered += int(entry.get("detail", {}).get("rendered", 0))
        elif job.kind == "encode":
            clip.entry = journal.finished(job) if paths.clip(*where).is_file() else None
            clip.failure = "" if clip.entry else failures.get(where[:2], "not done yet")
            changed = changed_result(clip.entry.get("detail", {}), paths) if clip.entry else None
            if changed is not None:
                clip.entry, clip.failure = None, f"{changed.name} is not the file that this study made"
            fit = paths.fit_report(*where[:2])
            clip.fit = read_stored_table(fit) if fit.is_file() else {}
    return list(clips.values())


class _Page:
    def __init__(
        self, study: Study, paths: StudyPaths, head: dict[str, Any], *, made: frozenset[Path], embed: bool
    ) -> None:
        self._study, self._paths, self._head, self._made, self._embed = study, paths, head, made, embed
        self._labels = {system.name: system.label for system in study.systems}

    def html(self, status: Status, clips: list[_Clip]) -> str:
        """Return the whole page."""
        title = escape(self._study.name)
        done, planned = sum(clip.entry is not None for clip in clips), len(clips)
        parts = [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}: study report</title><style>{STYLE}</style></head><body>",
            f"<header><h1>{title}</h1><p>{done} of {planned} clips, {time.strftime('%d %B %Y, %H:%M')}</p></header>",
            "<main>",
            self._overview(clips),
            self._failures(status),
        ]
        for song in self._study.songs:
            own = [clip for clip in clips if clip.song == song.name]
            if own:
                parts.append(self._song(song.name, own))
        parts += [self._versions(), "</main></body></html>"]
        return "\n".join(parts)

    def _overview(self, clips: list[_Clip]) -> str:
        rows = []
        for system in self._study.systems:
            own = [clip for clip in clips if clip.system == system.name]
            numbers = [_figures(clip, self._study.picture.fps) for clip in own if clip.fit]
            cells = [escape(system.label), f"{sum(clip.entry is not None for clip in own)} of {len(own)}"]
            for name, (_, form) in COLUMNS.items():
                values = [value for row in numbers if (value := row.get(name)) is not None]
                cells.append(form.format(sum(values) / len(values)) if values else "")
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        titles = ["system", "clips", *(title for title, _ in COLUMNS.values())]
        header = "".join(f"<th>{title}</th>" for title in titles)
        return f"<section><h2>Systems</h2><table><tr>{header}</tr>{''.join(rows)}</table>{LEGEND}</section>"

    def _failures(self, status: Status) -> str:
        if not status.failed:
            return ""
        entries = "".join(f"<li><b>{escape(job)}</b> {escape(why)}</li>" for job, why in status.failed.items())
        return f'<section class="failures"><h2>Failed</h2><ul>{entries}</ul></section>'

    def _song(self, song: str, clips: list[_Clip]) -> str:
        parts = [f'<section><h2 id="{escape(song)}">{escape(song)}</h2>']
        for segment in segments_of(self._head, song):
            if segment.name:
                parts.append(f"<h3>{escape(segment.name)}</h3>")
            own = [self._clip(clip) for clip in clips if clip.segment.name == segment.name]
            parts.append(f'<div class="clips">{"".join(own)}</div>')
            links = self._comparisons(song, segment)
            parts.append(f"<p>Side by side: {links}</p>" if links else "")
        return "".join([*parts, "</section>"])

    def _clip(self, clip: _Clip) -> str:
        label = escape(self._labels[clip.system])
        if clip.entry is None:
            return (
                f'<figure class="missing"><figcaption><b>{label}</b><p>{escape(clip.failure)}</p></figcaption></figure>'
            )
        where = (clip.system, clip.song, clip.segment.name)
        path = self._paths.clip(*where)
        numbers = _figures(clip, self._study.picture.fps)
        rows = "".join(
            f"<tr><th>{title}</th><td>{form.format(numbers[name])}</td></tr>"
            for name, (title, form) in COLUMNS.items()
            if numbers.get(name) is not None
        )
        rows += f"<tr><th>file</th><td>{path.stat().st_size / 1e6:.2f} MB</td></tr>"
        rows += f'<tr><th>hash</th><td class="hash">{file_hash(path)}</td></tr>'
        source = _data_uri(path, "video/mp4") if self._embed else self._link(path)
        width, height = self._study.picture.size
        notices = "".join(f"<li>{escape(text)}</li>" for text in without_music(clip.fit.get("notices", [])))
        return (
            f'<figure><video controls preload="none" width="{width}" height="{height}" playsinline '
            f'poster="{self._thumbnail(where)}" src="{source}"></video>'
            f"<figcaption><b>{label}</b><table>{rows}</table>{f'<ul>{notices}</ul>' if notices else ''}"
            f"{self._extras(where)}</figcaption></figure>"
        )

    def _extras(self, where: tuple[str, str, str]) -> str:
        files = [("contact sheet", self._paths.sheet(*where)), ("with alpha", self._paths.clip(*where, ".webm"))]
        files += [(f"still {path.stem}", path) for path in sorted(self._paths.stills(*where).glob("*.png"))]
        shown = [(name, path) for name, path in files if path in self._made and path.is_file()]
        links = [f'<a href="{self._link(path)}">{escape(name)}</a>' for name, path in shown]
        return f"<p>{', '.join(links)}</p>" if links else ""

    def _comparisons(self, song: str, segment: Segment) -> str:
        links = []
        for style in ("labelled", "unlabelled"):
            folder = self._paths.comparison(song, segment.name, "x", labels=style == "labelled").parent
            stem = self._paths.clip("x", song, segment.name).stem
            films = sorted(self._made.intersection(folder.glob(f"{glob.escape(stem)}.*.mp4")))
            links += [f'<a href="{self._link(path)}">{style} {escape(path.suffixes[-2][1:])}</a>' for path in films]
        return ", ".join(links)

    def _thumbnail(self, where: tuple[str, str, str]) -> str:
        path = self._paths.thumbnail(*where)
        return _data_uri(path, "image/jpeg") if path.is_file() else ""

    def _link(self, path: Path) -> str:
        return escape(path.relative_to(self._paths.out).as_posix())

    def _versions(self) -> str:
        engine: dict[str, Any] = {}
        if self._paths.engine.is_file():
            engine = read_stored_table(self._paths.engine)
        picture, program = self._study.picture, self._head["program"]
        plan = file_hash(self._paths.plan)
        rows = {
            "DancePose": f"{program['version']} (code {program['code']})",
            "Blender": engine.get("blender", ""),
            "engine": _engine_text(picture.engine, engine),
            "ffmpeg": str(FfmpegProgram(**self._head["ffmpeg"])),
            "picture": f"{picture.size[0]} x {picture.size[1]}, {picture.fps:g} frames per second, H.264 4:2:0, AAC",
            "loudness": f"{self._study.output.loudness_lufs:g} LUFS (EBU R128)",
            "plan": plan,
        }
        cells = "".join(f"<tr><th>{name}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items())
        settings = escape(json.dumps(self._head["study"], indent=1))
        return (
            f"<section><h2>Versions and settings</h2><table>{cells}</table>"
            f"<details><summary>Settings</summary><pre>{settings}</pre></details></section>"
        )


COLUMNS: Final = {
    "error_mm": ("fit error, mm", "{:.1f}"),
    "contact": ("foot contact", "{:.0%}"),
    "skating": ("foot skating", "{:.1%}"),
    "slide": ("sliding in contact, mm/s", "{:.0f}"),
    "floating_mm": ("floating, mm", "{:.0f}"),
    "penetration_mm": ("penetration, mm", "{:.1f}"),
    "hand_contact": ("hands of persons in contact", "{:.0%}"),
    "overlap_mm": ("overlap of persons, mm", "{:.0f}"),
    "floor_mm": ("floor, mm", "{:.0f}"),
    "seconds": ("length, s", "{:.2f}"),
    "render_s": ("rendering, s", "{:.0f}"),
}
LEGEND: Final = (
    "<p class='legend'>Fit error: mean distance between the body's keypoints and those of the file (none for files of "
    "SMPL rotations). Foot contact: share of frames with a heel or toes at rest on the floor. Foot skating: share of "
    "frames with toes below 5 cm and faster than 0.5 m/s. Sliding in contact: mean speed of feet in contact. Floating "
    "and penetration: mean distance of the lowest sole above and below the clip's own floor. For several persons: "
    "share of frames in which their hands touch, and the greatest depth by which bodies overlap. Floor: its height in "
    "the file. Length: of the clip.</p>"
)


def _figures(clip: _Clip, fps: float) -> dict[str, float | None]:
    """Return the values of COLUMNS; ``fps`` is that of the films."""
    fit = clip.fit
    errors, feet = fit.get("error_mm", {}), fit.get("feet", {})
    last = errors[list(errors)[-1]]["mean"] if errors else None
    floor, pairs = fit.get("floor_m"), fit.get("people", [])
    return {
        "error_mm": last,
        "contact": fit.get("contact_share"),
        "skating": feet.get("skating_ratio"),
        "slide": feet.get("standing_slide_mm_per_s"),
        "floating_mm": feet.get("floating_mm"),
        "penetration_mm": feet.get("penetration_mm"),
        "hand_contact": sum(pair["hand_contact"] for pair in pairs) / len(pairs) if pairs else None,
        "overlap_mm": max(pair["depth_mm"][1] for pair in pairs) if pairs else None,
        "floor_mm": None if floor is None else 1000.0 * floor,
        "seconds": clip.segment.frames / fps,
        "render_s": _rendering_s(clip),
    }


def _engine_text(name: str, engine: dict[str, Any]) -> str:
    """Describe the engine as it was probed; the others have no samples per pixel."""
    parts = [name]
    if name == "cycles" and engine:
        samples = engine.get("samples", 0)
        parts += [str(engine.get("device", "")), f"{samples} sample{'s' * (samples != 1)} per pixel"]
        parts += ["denoised"] if engine.get("denoiser") else []
    if name == "fast" and engine:
        parts += [str(engine.get("device", ""))]
    return ", ".join(parts)


def _rendering_s(clip: _Clip) -> float | None:
    """Extrapolate the seconds for all frames from those that were rendered when the chunks were last done.

    Frames that existed before cost nothing then, so None is returned where they are most of the clip.
    """
    if clip.rendered < clip.segment.frames / 2:
        return None
    return clip.render_s * clip.segment.frames / clip.rendered


def _data_uri(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
