# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of the headless renderer."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .blender.render import engines
from .core.errors import EngineError
from .core.fit.settings import FitSettings
from .core.io.read_options import ReadOptions
from .core.options import options_of
from .core.picture_options import DEFAULT_FPS, DEFAULT_SIZE, PictureOptions, parse_size
from .inference.regressors import DEVICES


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="render.py",
        description="Fit a body to a motion file and render a video of it, with its music.",
        epilog="A stopped run resumes from its finished frames when the same command is run again.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("source", type=Path, metavar="SOURCE", help="Motion file, or folder of an M&D clip.")
    add("--out", type=Path, metavar="VIDEO.mp4", help="Write the video here.")
    export_help = "Write the rig without a video, one key per frame at --fps-out: .fbx, .glb, .usd or .abc; repeatable."
    add("--export", type=Path, action="append", default=[], metavar="FILE", help=export_help)
    add("--still", type=Path, metavar="FILE.png", help="Render one frame here instead of a video.")
    add("--at", type=_time, metavar="S", help="Render the still at this time; by default in the middle.")
    add_options(parser, ReadOptions)
    add("--regressor", type=Path, metavar="FILE.onnx", help="Use this regressor instead of the bundled one.")
    add("--body", type=Path, metavar="FILE", help="Use this SMPL-format body instead of the bundled one.")
    character_help = "Show this character instead of a body: .glb, .gltf, .vrm, .fbx or .blend."
    add("--character", type=Path, metavar="FILE", help=character_help)
    add("--character-map", type=Path, metavar="FILE.toml", help="Take the character's bones by part from here.")
    add("--device", choices=DEVICES, default="auto", help="Run the regressor on this device.")
    add_options(parser, FitSettings)
    add_options(parser, PictureOptions)
    add(
        "--engine", type=_engine, default="auto", metavar="cycles|workbench|eevee|auto", help="Render with this engine."
    )
    timeout_help = "Limit the test frame of an engine to this many seconds."
    add("--engine-timeout", type=float, default=engines.PROBE_TIMEOUT_S, metavar="S", help=timeout_help)
    add(
        "--size",
        type=_argument_type(parse_size),
        default=DEFAULT_SIZE,
        metavar="WIDTHxHEIGHT",
        help="Set the size of the video, pixels.",
    )
    add("--fps-out", type=_rate, default=DEFAULT_FPS, metavar="F", help="Set the frames per second of the video.")
    add("--no-audio", action="store_true", help="Leave out the music.")
    add("--work", type=Path, metavar="FOLDER", help="Keep unfinished frames here instead of beside the video.")
    add("--keep-frames", action="store_true", help="Keep the PNG frames.")
    add("--motion", type=Path, metavar="OUT.npz", help="Write the fitted motion here, AMASS-style.")
    add("--blend", type=Path, metavar="OUT.blend", help="Write the scene here.")
    add("--sheet", type=Path, metavar="OUT.png", help="Write a contact sheet here.")
    add("--report", type=Path, metavar="OUT.json", help="Write errors, notices and timings here.")
    add("--progress", choices=("plain", "json"), default="plain", help="Print progress for people or for programs.")
    return parser


def options_without_effect(arguments: argparse.Namespace) -> str:
    """Return why an option has no effect beside the output that is asked for, or ""."""
    video = {"--sheet": "sheet", "--report": "report", "--keep-frames": "keep_frames", "--no-audio": "no_audio"}
    drawn = {"--size": "size", "--engine": "engine", "--engine-timeout": "engine_timeout"}
    if arguments.still:
        wanted, names = "--still", video
    elif arguments.export:
        others = {f"--{name}": name for name in ("motion", "blend", "floor", "backdrop", "camera")}
        wanted, names = "--export", {**video, **drawn, **others}
    else:
        wanted, names = "--out", {}
    parser = build_parser()
    given = [flag for flag, name in names.items() if getattr(arguments, name) != parser.get_default(name)]
    if arguments.at is not None and not arguments.still:
        return "--at chooses the time of --still, which is not given"
    return f"{' and '.join(given)} would have no effect with {wanted}; omit it" if given else ""


def add_options(parser: argparse.ArgumentParser, kind: type) -> None:
    """Add one argument for each option of a dataclass of options.

    Args:
        parser: Parser to extend.
        kind: The dataclass, see ``core.options``.
    """
    for option in options_of(kind):
        if option.kind is bool:
            off_help = option.info.off_help and f" {option.off_flag}: {option.info.off_help}"
            # A flag that is off by default needs no counterpart.
            action = argparse.BooleanOptionalAction if option.default else "store_true"
            parser.add_argument(option.flag, action=action, default=option.default, help=option.info.help + off_help)
            continue
        metavar = "|".join(option.info.choices) or option.info.metavar or None
        converted = _argument_type(option.parse)
        parser.add_argument(option.flag, type=converted, default=option.default, metavar=metavar, help=option.info.help)


def options_from(arguments: argparse.Namespace, kind: type) -> Any:
    """Return a dataclass of options with the values of parsed arguments."""
    return kind(**{option.name: getattr(arguments, option.name) for option in options_of(kind)})


def _argument_type(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a parser of values whose message argparse shows."""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _engine(text: str) -> str:
    try:
        return engines.engine_named(text)
    except EngineError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _time(text: str) -> float:
    try:
        time_s = float(text)
    except ValueError:
        time_s = -1.0
    if not 0.0 <= time_s <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds")
    return time_s


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 1.0 <= rate <= 240.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame rate from 1 to 240")
    return rate
