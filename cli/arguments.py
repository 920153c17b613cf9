# SPDX-License-Identifier: Apache-2.0
"""Arguments that several commands share, so that they read and fail alike."""

from collections.abc import Callable
from functools import partial, wraps
import inspect
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from dancepose_addon.core.errors import OptionError
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.read_options import READ_OPTIONS, ReadOptions
from dancepose_addon.core.options import Option, OptionInfo, options_of
from dancepose_addon.core.picture_options import PictureOptions
from dancepose_addon.core.skeleton.layouts import LAYOUTS, SUFFIX, unknown_layout
from dancepose_addon.inference.regressors import DEVICES

OPTION_GROUPS: tuple[type, ...] = (ReadOptions, FitSettings, PictureOptions)
"""Dataclasses that ``with_options`` expands."""


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace parameters that are groups of options by one command-line option for each of their fields.

    Args:
        command: A function of which some parameters are annotated with one of ``OPTION_GROUPS``.

    Returns:
        The function that typer registers.
    """
    signature = inspect.signature(command, eval_str=True)
    groups = {name: p.annotation for name, p in signature.parameters.items() if p.annotation in OPTION_GROUPS}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        expanded = [_parameter(option) for option in options_of(groups[name])] if name in groups else [parameter]
        parameters += [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in expanded]

    @wraps(command)
    def run(**given: Any) -> None:
        for name, kind in groups.items():
            values = {option.name: _value(option, given.pop(option.name)) for option in options_of(kind)}
            given[name] = kind(**values)
        command(**given)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    return run


def _parameter(option: Option) -> inspect.Parameter:
    """Return the typer parameter of an option; all but flags are converted by ``_value``."""
    info, kind = option.info, option.kind
    flags = f"{option.flag}/{option.off_flag}" if kind is bool and option.default is True else option.flag
    metavar = "|".join(info.choices) or info.metavar or None
    declared: Any
    annotation: Any
    if kind is bool:
        declared, annotation = typer.Option(flags, help=info.help), bool
    elif kind in (int, float):
        declared = typer.Option(flags, metavar=metavar or "N", parser=partial(_value, option), help=info.help)
        annotation = kind if option.default is not None else kind | None
    else:
        declared, annotation = typer.Option(flags, metavar=metavar, help=info.help), str | None
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=option.default,
        annotation=Annotated[annotation, declared],
    )


def _value(option: Option, given: Any) -> Any:
    """Return the checked value of an option.

    Raises:
        typer.BadParameter: The text is not an allowed value, which is a usage error (exit code 2).
    """
    try:
        return option.parse(given) if isinstance(given, str) else option.check(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=f"'{option.flag}'") from None


def number(flag: str, kind: type[int] | type[float], least: float, most: float | None = None) -> Callable[[Any], Any]:
    """Return the parser of an option that is a number within limits.

    typer's own limits let NaN pass, and their messages are those of a library.

    Args:
        flag: The option, such as ``--seed``.
        kind: ``int`` or ``float``.
        least: Smallest allowed value.
        most: Largest allowed value, or None.

    Returns:
        A function for ``typer.Option(parser=...)``.
    """
    return partial(_value, Option(flag.removeprefix("--"), kind, None, OptionInfo("", least=least, most=most)))


def choice(flag: str, words: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return the parser of an option that is one of some words.

    Args:
        flag: The option, such as ``--device``.
        words: The allowed values.

    Returns:
        A function for ``typer.Option(parser=...)``.
    """
    return partial(_value, Option(flag.removeprefix("--"), str, None, OptionInfo("", choices=words)))


def known_layout(name: str) -> str:
    """Refuse the name of a layout that does not exist; a .toml file is looked at later.

    Args:
        name: Of a layout, or the path of a .toml file.

    Returns:
        The name.

    Raises:
        OptionError: There is no such layout.
    """
    if not name.endswith(SUFFIX) and name not in LAYOUTS:
        raise OptionError(unknown_layout(name))
    return name


MAX_SEED: Final = 2**32 - 1
"""Of a random seed; NumPy and torch take no more and no negative ones."""
READ_INFO = next(option.info for option in READ_OPTIONS if option.name == "read")
ReadOption: TypeAlias = Annotated[str | None, typer.Option("--read", metavar=READ_INFO.metavar, help=READ_INFO.help)]
SourceArgument: TypeAlias = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="Motion file, or folder of an M&D clip.")
]
SourcesArgument: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="SOURCE...", help="Motion files, folders of them, or glob patterns.")
]
RegressorOption: TypeAlias = Annotated[
    Path | None, typer.Option("--regressor", metavar="FILE", help="Use this ONNX regressor instead of the bundled one.")
]
CharacterOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Show this character instead of a body: .glb, .gltf, .vrm, .fbx or .blend."),
]
CharacterMapOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Take the character's bones by part from here, .toml.")
]
BodyOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--body", metavar="FILE", help="Use this SMPL-format body (.npz or .pkl) instead of the bundled one."),
]
DeviceOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="|".join(DEVICES),
        parser=choice("--device", DEVICES),
        help="Run the regressor on this device.",
    ),
]
BlenderOption: TypeAlias = Annotated[
    Path | None, typer.Option("--blender", metavar="FILE", help="Use this Blender program instead of the bpy wheel.")
]
