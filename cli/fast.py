# SPDX-License-Identifier: Apache-2.0
"""What the commands that draw with the fast engine share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Final

import typer

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import OptionError
from dancepose_addon.core.fit.pipeline import FitResult
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.people import person_path
from dancepose_addon.core.io.read_options import ReadOptions
from dancepose_addon.core.picture_options import DEFAULT_FPS, DEFAULT_SIZE, PictureOptions, parse_size
from dancepose_addon.core.printable_text import escaped
from dancepose_addon.core.progress import part_of
from dancepose_addon.fitting import fit_people, require_used

from .display import Display

FAST: Final = "fast"
SKELETONS: Final = ("none", "over", "beside")
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


def one_of_skeletons(value: str) -> str:
    """Refuse a value of ``--skeleton`` that is none.

    Raises:
        typer.BadParameter: It is not one of the choices.
    """
    if value not in SKELETONS:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(SKELETONS)}.")
    return value


def uses_fast(engine: str | None, sources: list[Path], out: Path, *, skeleton: str, labels: str | None) -> bool:
    """Return whether the fast engine draws: it was chosen, or only it can draw what is wanted.

    Raises:
        OptionError: A Blender engine was chosen, and it cannot.
    """
    reasons = {
        "A video of several sources": len(sources) > 1,
        "--skeleton": skeleton != "none",
        "--labels": labels is not None,
        "A GIF": out.suffix.lower() == ".gif",
    }
    wanted = [name for name, is_wanted in reasons.items() if is_wanted]
    if wanted and engine not in (None, "auto", FAST):
        raise OptionError(f"{wanted[0]} needs the fast engine. Choose --engine fast, or omit it.")
    return engine == FAST or bool(wanted)


def wants_audio(audio: bool | None, out: Path) -> bool:
    """Return whether the film has the music.

    Args:
        audio: Value of ``--audio``, or None where it is not given.
        out: The film.

    Raises:
        OptionError: It is wanted in a file that has no sound.
    """
    if audio and out.suffix.lower() == ".gif":
        raise OptionError("A GIF has no sound, so --audio has no effect. Write an .mp4, or omit it.")
    return audio is not False


def refuse_with_several(sources: Sequence[Path], options: Mapping[str, object]) -> None:
    """Refuse options whose file describes one motion.

    Args:
        sources: The motions.
        options: Values by name; None where an option is not given.

    Raises:
        OptionError: One of them is given with several sources.
    """
    found = [name for name, value in options.items() if value is not None]
    if len(sources) > 1 and found:
        raise OptionError(f"{found[0]} describes one motion, but {len(sources)} sources are given. Omit it.")


def refuse_with_fast(options: Mapping[str, object | None]) -> None:
    """Refuse options that only Blender can fulfil.

    Raises:
        OptionError: One of them is given.
    """
    found = [name for name, value in options.items() if value is not None]
    if found:
        raise OptionError(f"{found[0]} needs Blender. Omit it, or choose --engine cycles or workbench.")


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


@dataclass(frozen=True)
class FilmFitter:
    """How sources are read and fitted before they are drawn.

    Attributes:
        reading: Options of reading.
        settings: Options of the fit.
        body: Body to fit.
        regressor: ONNX file, or None for the bundled one.
        device: What the regressor runs on, or None.
    """

    reading: ReadOptions
    settings: FitSettings
    body: BodyModel
    regressor: Path | None = None
    device: str | None = None

    def fit_all(
        self, sources: list[Path], display: Display, *, on_count: Callable[[int], object] = lambda _count: None
    ) -> list[list[FitResult]]:
        """Read and fit sources, and report their notices; for each source one fit for each person.

        Args:
            sources: The files.
            display: Shows progress and notices.
            on_count: Called with the number of persons of each source before they are fitted.

        Returns:
            The fits of each source.
        """
        fits = []
        for number, source in enumerate(sources):
            span = (FIT_SHARE * number / len(sources), FIT_SHARE * (number + 1) / len(sources))
            people = fit_people(
                source,
                body=self.body,
                hints=self.reading.hints(),
                frames=self.reading.frame_range(),
                regressor=self.regressor,
                device=self.device or "auto",
                settings=self.settings,
                progress=part_of(display.progress, *span),
                on_count=on_count,
            )
            for notice in dict.fromkeys(notice for fit in people for notice in fit.report["notices"]):
                display.notice(f"{source.name}: {notice}" if len(sources) > 1 else notice)
            fits.append(people)
        require_used(
            (fit for people in fits for fit in people),
            regressor=self.regressor,
            device=self.device,
            keep_contacts=self.settings.keep_contacts,
        )
        return fits


@dataclass(frozen=True)
class FilmOptions:
    """How a film is drawn.

    Attributes:
        picture: What the picture shows besides the motion.
        size: (width, height) of each picture, pixels.
        fps: Frames per second of the film, or None.
        skeleton: ``over``, ``beside`` or ``none``.
        labels: Name of each source in the picture; empty for none.
        has_audio: Whether the film has the music of the first source that has any.
    """

    picture: PictureOptions
    size: tuple[int, int]
    fps: float | None
    skeleton: str
    labels: list[str]
    has_audio: bool = True


def film_by_fast(fits: list[list[FitResult]], outputs: FastOutputs, film: FilmOptions, display: Display) -> list[Path]:
    """Render fits side by side with the fast engine and write the files.

    Args:
        fits: The fits of each source, from the left, one for each person.
        outputs: Files to write; motion and report are those of the first source.
        film: How the film is drawn.
        display: Shows progress and notices.

    Returns:
        The motion files that were written, one for each person of the first source.

    Raises:
        EngineError: OpenGL, moderngl or ffmpeg is missing.
        OutputError: A file cannot be written.
    """
    from dancepose.fast_render import render_fast
    from dancepose.film_request import FilmRequest, group_of
    from dancepose.label_font import missing_letters

    for sentence in missing_letters(film.labels):
        display.notice(sentence)
    audios = [fit.sequence.audio for fit, *_ in fits if fit.sequence.audio is not None]
    request = FilmRequest(
        dancers=tuple(group_of(people, label=label) for people, label in zip(fits, film.labels, strict=True)),
        duration_s=min(fit.sequence.duration_s for fit, *_ in fits),
        size=film.size,
        fps=film.fps or DEFAULT_FPS,
        audio=audios[0] if film.has_audio and audios else None,
        picture=film.picture,
        skeleton=film.skeleton,
    )
    longest_s = max(fit.sequence.duration_s for fit, *_ in fits)
    if longest_s - request.duration_s > 1.0 / request.fps:
        display.notice(
            f"The motions last {request.duration_s:.2f} to {longest_s:.2f} s; the film ends with the shortest one."
        )
    made = render_fast(request, outputs.out, sheet=outputs.sheet, progress=part_of(display.progress, FIT_SHARE, 1.0))
    for notice in made.notices:
        display.notice(notice)
    people, motions = fits[0], []
    if outputs.motion is not None:
        motions = [person_path(outputs.motion, person, len(people)) for person in range(len(people))]
    for fit, path in zip(people, motions, strict=False):
        fit.save(path)
    if outputs.report is not None:
        render = {**made.as_table(), "size": list(request.whole_size), "fps": request.fps}
        table = {**people[0].report, "render": render}
        if len(people) > 1:
            table["other_persons"] = [fit.report for fit in people[1:]]
        with replacing(outputs.report) as temporary:
            temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    return motions


def labels_of(text: str | None, sources: list[Path]) -> list[str]:
    """Return the names in the picture: those given, or the names of the files if there are several.

    Raises:
        typer.BadParameter: The number of names is not that of the sources.
    """
    if text is None:
        return [escaped(source.stem) for source in sources] if len(sources) > 1 else [""]
    labels = [escaped(label.strip()) for label in text.split(",")]
    if len(labels) != len(sources):
        found, wanted = counted(len(labels), "name"), counted(len(sources), "source")
        raise typer.BadParameter(f"{found} for {wanted}. Give one for each.", param_hint="'--labels'")
    return labels
