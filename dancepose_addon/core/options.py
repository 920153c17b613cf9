# SPDX-License-Identifier: Apache-2.0
"""Options described once: fields of a dataclass whose metadata says what command lines, files and panels need.

``core.fit.settings.FitSettings`` and ``core.io.read_options.ReadOptions`` are such dataclasses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Final, get_type_hints

from .printable_text import quoted, shown_name

METADATA_KEY: Final = "option"


@dataclass(frozen=True)
class OptionInfo:
    """Description of one option, without its name and type.

    Attributes:
        help: What the option does, in one clause.
        title: Short name for panels.
        metavar: Placeholder of the value in usage texts; empty for flags.
        least: Smallest allowed value of a number, or None.
        most: Largest allowed value of a number, or None.
        choices: Allowed words of a text option; empty for any.
        off_help: For a flag that is on by default: what switching it off does. Empty otherwise.
        convert: Converts the text of a command line, and raises ValueError with what was expected; None for the type.
        for_rotations: Whether the option also applies to files of SMPL rotations, which need no fit.
    """

    help: str
    title: str = ""
    metavar: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    off_help: str = ""
    convert: Callable[[str], Any] | None = None
    for_rotations: bool = False


def described(default: Any, info: OptionInfo) -> Any:
    """Return a dataclass field with a default and a description."""
    return field(default=default, metadata={METADATA_KEY: info})


@dataclass(frozen=True)
class Option:
    """One row of a table of options.

    Attributes:
        name: Field of the dataclass, and key in study files.
        kind: ``bool``, ``int``, ``float`` or ``str``; ``tuple`` for a list of numbers.
        default: Value if the option is not given.
        info: Help text, range and choices.
    """

    name: str
    kind: type
    default: Any
    info: OptionInfo

    @property
    def flag(self) -> str:
        """Option on a command line, such as ``--foot-lock``."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def off_flag(self) -> str:
        """Option that switches a flag off, such as ``--no-level``."""
        return f"--no-{self.name.replace('_', '-')}"

    @property
    def expected(self) -> str:
        """The allowed values, in words."""
        info = self.info
        if info.choices:
            return f"one of {', '.join(info.choices)}"
        words = {bool: "true or false", int: "a whole number", float: "a number", tuple: "a list of numbers"}
        word = words.get(self.kind, "text")
        each = " separated by commas, each" if self.kind is tuple else ""
        if info.least is None and info.most is None:
            return word + each.removesuffix(", each")
        if info.most is None:
            return f"{word}{each} of at least {info.least:.10g}"
        return f"{word}{each} from {info.least:.10g} to {info.most:.10g}"

    def parse(self, text: str) -> Any:
        """Convert the text of a command line to a value.

        Args:
            text: What the user wrote.

        Returns:
            The value.

        Raises:
            ValueError: The text is not an allowed value. The message is a sentence for the user.
        """
        if self.info.convert is not None:
            return self.info.convert(text)
        try:
            value = tuple(float(part) for part in text.split(",")) if self.kind is tuple else self.kind(text)
        except ValueError:
            raise ValueError(f"{quoted(text)} is not {self.expected}.") from None
        return self.check(value)

    def check(self, value: Any) -> Any:
        """Return a value that is allowed.

        Args:
            value: A value of the option's type, or None where that is the default.

        Raises:
            ValueError: It is out of range or not one of the choices. The message is a sentence for the user.
        """
        info = self.info
        numbers = value if isinstance(value, tuple) else (value,) if self.kind in (int, float) else ()
        fine = all(
            (info.least is None or n >= info.least) and (info.most is None or n <= info.most) and n - n == 0
            for n in numbers
            if n is not None
        )
        if not fine or (info.choices and value is not None and value not in info.choices):
            raise ValueError(f"{_shown_value(value)} is not {self.expected}.")
        return value


def _shown_value(value: Any) -> str:
    """Show a value as it is written on a command line."""
    if isinstance(value, tuple):
        return shown_name(",".join(f"{number:.10g}" for number in value[:20]))
    return f"{value:.10g}" if isinstance(value, float) else quoted(value)


def options_of(kind: type) -> tuple[Option, ...]:
    """Return the table of options of a dataclass, in the order of its fields."""
    hints = get_type_hints(kind)
    return tuple(
        Option(item.name, _kind_of(hints[item.name]), item.default, item.metadata[METADATA_KEY])
        for item in fields(kind)
        if METADATA_KEY in item.metadata
    )


def _kind_of(annotation: Any) -> type:
    words = str(annotation)
    if annotation is bool:
        return bool
    if "tuple" in words:
        return tuple
    return next((kind for kind in (int, float) if annotation is kind or words.startswith(kind.__name__)), str)


def arguments_of(options: Any) -> list[str]:
    """Return the command-line arguments that select the values of a dataclass of options; defaults are left out."""
    found: list[str] = []
    for option in options_of(type(options)):
        value = getattr(options, option.name)
        if value == option.default:
            continue
        if option.kind is bool:
            found.append(option.flag if value else option.off_flag)
        else:
            # `--name=value`, so that a value may begin with a minus sign.
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            found.append(f"{option.flag}={text}")
    return found
