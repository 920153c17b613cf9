# SPDX-License-Identifier: Apache-2.0
"""Messages between processes: frozen dataclasses, each written as one line of JSON.

The headless renderer reports to the command line, and the study worker receives requests and replies to them. A line
that begins with ``PREFIX`` is a message; everything else on the stream is output of Blender. Values are checked when a
line is read, so that both sides can rely on the types.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
import json
from pathlib import Path
import types
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

from .bounded_files import parse_json
from .errors import BodyFileError, DancePoseError, EngineError, FormatError, InputError, OutputError, RegressorError
from .fit.settings import FitSettings

PREFIX: Final = "@dancepose "
ERROR_KINDS: Final = (
    ((InputError, BodyFileError, RegressorError), "input"),
    ((EngineError,), "engine"),
    ((OutputError,), "output"),
    ((DancePoseError,), "expected"),
)


def error_kind(error: BaseException) -> str:
    """Return the kind of a failure, which decides whether a job is tried again.

    Args:
        error: The exception that ended the job.

    Returns:
        ``input``, ``engine``, ``output`` or ``expected`` for failures that a user can correct, else ``bug``.
    """
    return next((kind for types_, kind in ERROR_KINDS if isinstance(error, types_)), "bug")


@dataclass(frozen=True, kw_only=True)
class ProgressMessage:
    """Progress of the headless renderer.

    Attributes:
        fraction: Share of the work that is done, in [0, 1].
        message: Current step.
    """

    fraction: float
    message: str


@dataclass(frozen=True, kw_only=True)
class NoticeMessage:
    """One sentence that the user has to know.

    Attributes:
        notice: The sentence.
    """

    notice: str


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """A render engine and the settings that decide how its frames look.

    Attributes:
        name: Engine, as ``blender.render.engines`` calls it.
        device: ``CPU`` or a kind of GPU.
        denoiser: Whether frames are denoised.
        samples: Samples per pixel.
    """

    name: str
    device: str = "CPU"
    denoiser: bool = False
    samples: int = 1


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """Find a render engine that works on this machine.

    Attributes:
        id: Number of the request, repeated in every reply.
        engine: Engine to try.
        device: ``cpu``, ``gpu`` or ``auto``.
        samples: Samples per pixel, 0 for the engine's default.
        transparent: Whether the background will be transparent.
        timeout_s: Time limit of the test frame, seconds.
        out: JSON file to write the engine to.
        character: A character to measure, or None.
        character_map: The user's map of its bones, or None.
        record: File to write its record to, or None.
    """

    id: int = 0
    engine: str
    device: str
    samples: int
    transparent: bool
    timeout_s: float
    out: Path
    character: Path | None = None
    character_map: Path | None = None
    record: Path | None = None


@dataclass(frozen=True, kw_only=True)
class FitRequest:
    """Fit one clip: keypoints through a regressor, SMPL rotations as they are.

    Attributes:
        id: Number of the request, repeated in every reply.
        source: Motion file or folder.
        layout: Skeleton layout, or None to detect it.
        fps: Frames per second of the source, or None to detect them.
        read: Further hints for the reader, as of ``--read``, or None.
        settings: Settings of the fit.
        device: What the regressor runs on.
        regressor: ONNX file, or None for the default.
        body: SMPL-format body file, or None for the default.
        min_duration_s: Shortest duration that is accepted, seconds.
        video_fps: Frames per second of the video; the source may end one frame early.
        motion: Motion file to write.
        report: JSON report to write.
    """

    id: int = 0
    source: Path
    layout: str | None = None
    fps: float | None = None
    read: str | None = None
    settings: FitSettings = field(default_factory=FitSettings)
    device: str = "cpu"
    regressor: Path | None = None
    body: Path | None = None
    min_duration_s: float = 0.0
    video_fps: float
    motion: Path
    report: Path


@dataclass(frozen=True, kw_only=True)
class RenderRequest:
    """Render consecutive frames of one clip.

    Attributes:
        id: Number of the request, repeated in every reply.
        motion: Motion file.
        shot: JSON file with camera and floor of the song.
        move_m: Translation of the dancer, metres, (x, y, z).
        body: SMPL-format body file, or None for the default.
        character: A character that is shown instead of the body, or None.
        character_map: The user's map of its bones, or None.
        width: Width of the frames, pixels.
        height: Height of the frames, pixels.
        fps: Frames per second of the video.
        start_s: Time of frame 0 in the motion, seconds.
        seed: Seed of the render noise.
        transparent: Whether the background is transparent.
        backdrop_rgb: Backdrop colour, linear, each in [0, 1].
        light: Strength of the lights, 1 for the default.
        floor: ``tiles``, ``plain`` or ``none``.
        look: Look of the body.
        figure: Figure of a casual look.
        colours: Colours of single materials, see ``core.picture_options``.
        engine: Render engine.
        folder: Folder of the frames.
        first: First frame of the request.
        count: Number of frames.
    """

    id: int = 0
    motion: Path
    shot: Path
    move_m: tuple[float, float, float]
    body: Path | None
    character: Path | None = None
    character_map: Path | None = None
    width: int
    height: int
    fps: float
    start_s: float
    seed: int
    transparent: bool
    backdrop_rgb: tuple[float, float, float]
    light: float
    floor: str = "plain"
    look: str = "casual"
    figure: str = "neutral"
    colours: str = ""
    engine: EngineChoice
    folder: Path
    first: int
    count: int


@dataclass(frozen=True, kw_only=True)
class FrameReply:
    """Progress of a render request.

    Attributes:
        id: Number of the request.
        frame: Frames that are done.
    """

    id: int
    frame: int


@dataclass(frozen=True, kw_only=True)
class DoneReply:
    """A request that succeeded.

    Attributes:
        id: Number of the request.
        seconds: Time that it took.
        digest: Hash of what was made.
        rendered: Frames that were rendered; frames that existed already do not count.
        notices: Sentences for the user.
    """

    id: int
    seconds: float
    digest: str
    rendered: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FailedReply:
    """A request that failed.

    Attributes:
        id: Number of the request.
        kind: See ``error_kind``.
        message: What was wrong, in a sentence.
    """

    id: int
    kind: str
    message: str


Request: TypeAlias = ProbeRequest | FitRequest | RenderRequest
Reply: TypeAlias = FrameReply | DoneReply | FailedReply
Message: TypeAlias = ProgressMessage | NoticeMessage | Request | Reply
MESSAGES: Final[dict[str, type]] = {kind.__name__: kind for kind in get_args(Message)}


def to_line(message: Message) -> str:
    """Return a message as one line, without the line break."""
    table = {"type": type(message).__name__, **asdict(message)}
    return PREFIX + json.dumps(table, default=str)


def from_line(line: str) -> Message | None:
    """Read a message from a line of output.

    Args:
        line: One line, with or without its line break.

    Returns:
        The message, or None for a line that is not a message.

    Raises:
        FormatError: The line begins as a message and is damaged or of an unknown type.
    """
    if not line.startswith(PREFIX):
        return None
    try:
        table = parse_json(line.removeprefix(PREFIX))
        kind = MESSAGES[table.pop("type")]
        message: Message = _from_table(kind, table)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"A message between DancePose processes is damaged ({error}): {line.rstrip()[:200]}. Check that both use "
            "the same version."
        ) from error
    return message


def _from_table(kind: type, table: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    unknown = table.keys() - hints.keys()
    if unknown:
        raise ValueError(f"unknown field {', '.join(sorted(unknown))}")
    required = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    if missing := required - table.keys():
        raise ValueError(f"missing field {', '.join(sorted(missing))}")
    return kind(**{name: _from_json(hints[name], value) for name, value in table.items()})


def _from_json(wanted: Any, value: Any) -> Any:
    """Convert a JSON value to an annotated type.

    Raises:
        ValueError: The value is not of that type.
    """
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (types.UnionType, Union):
        return None if value is None else _from_json(next(kind for kind in inner if kind is not types.NoneType), value)
    if origin is tuple and isinstance(value, list):
        if inner[-1] is Ellipsis:
            return tuple(_from_json(inner[0], entry) for entry in value)
        return tuple(_from_json(kind, entry) for kind, entry in zip(inner, value, strict=True))
    if wanted is Path and isinstance(value, str):
        return Path(value)
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if wanted in (int, str, bool) and type(value) is wanted:
        return value
    if isinstance(value, Mapping) and hasattr(wanted, "__dataclass_fields__"):
        return _from_table(wanted, value)
    raise ValueError(f"{value!r} is not of type {getattr(wanted, '__name__', wanted)}")
