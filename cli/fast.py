# SPDX-License-Identifier: Apache-2.0
"""What the commands that draw with the fast engine share."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Final

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.people import count_persons
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.picture_options import DEFAULT_FPS, DEFAULT_SIZE, PictureOptions, parse_size
from dancepose_addon.core.progress import part_of
from dancepose_addon.fitting import fit_file

from .display import Display

FAST: Final = "fast"
FIT_SHARE: Final = 0.3
"""Share of a film's progress that reading and fitting take."""


@dataclass(frozen=True)
class FastOutputs:
    """Files to write.

    Attributes:
        out: The film.
        sheet: Contact sheet, or None.
        motion: Fitted motion, or None.
        report: JSON report, or None.
    """

    out: Path
    sheet: Path | None = None
    motion: Path | None = None
    report: Path | None = None


def refuse_with_fast(options: Mapping[str, object | None]) -> None:
    """Refuse options that only Blender can fulfil.

    Raises:
        InputError: One of them is given.
    """
    found = [name for name, value in options.items() if value is not None]
    if found:
        raise InputError(f"{found[0]} needs Blender. Omit it, or choose --engine cycles or workbench.")


def size_of(text: str | None) -> tuple[int, int]:
    """Return the size that ``--size`` names.

    Raises:
        typer.BadParameter: It is not a size, which is a usage error (exit code 2).
    """
    if text is None:
        return DEFAULT_SIZE
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--size'") from None


def fit_for_film(
    source: Path,
    reading: ReadOptions,
    settings: FitSettings,
    *,
    body: Path | None,
    regressor: Path | None,
    device: str | None,
    display: Display,
) -> FitResult:
    """Read and fit a source, and report its notices; see ``dancepose_addon.fitting.fit_file``."""
    fit = fit_file(
        source,
        body=load_body(body),
        hints=reading.hints(),
        frames=reading.frame_range(),
        regressor=regressor,
        device=device or "auto",
        settings=settings,
        progress=part_of(display.progress, 0.0, FIT_SHARE),
    )
    for notice in fit.report["notices"]:
        display.notice(notice)
    persons = count_persons(source, reading.hints())
    if persons > 1:
        display.notice(f"The fast engine shows one of the {persons} persons; --engine workbench or cycles shows all.")
    return fit


def film_by_fast(
    fit: FitResult,
    outputs: FastOutputs,
    picture: PictureOptions,
    *,
    size: str | None,
    fps: float | None,
    has_audio: bool,
    display: Display,
) -> None:
    """Render a fit with the fast engine and write its files.

    Args:
        fit: The fit.
        outputs: Files to write.
        picture: What the picture shows besides the motion.
        size: Text of ``--size``, or None.
        fps: Frames per second of the film, or None.
        has_audio: Whether the film has the motion's music.
        display: Shows progress and notices.

    Raises:
        EngineError: OpenGL, moderngl or ffmpeg is missing.
        OutputError: A file cannot be written.
    """
    from dancepose.fast_render import FilmRequest, render_fast

    request = FilmRequest(
        body=fit.body,
        motion=fit.motion,
        duration_s=fit.sequence.duration_s,
        size=size_of(size),
        fps=fps or DEFAULT_FPS,
        audio=fit.sequence.audio if has_audio else None,
        picture=picture,
    )
    made = render_fast(request, outputs.out, sheet=outputs.sheet, progress=part_of(display.progress, FIT_SHARE, 1.0))
    for notice in made.notices:
        display.notice(notice)
    if outputs.motion is not None:
        fit.save(outputs.motion)
    if outputs.report is not None:
        table = {**fit.report, "render": {**made.as_table(), "size": list(request.size), "fps": request.fps}}
        with replacing(outputs.report) as temporary:
            temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
