"""The options of a fit: one table for the command line, the headless script, study files and the panel.

Adding an option takes one field of ``FitOptions`` here and, under the same name, one field of ``FitSettings``.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Final, get_type_hints

from ..errors import InputError
from .pose.levenberg_marquardt import REFINE_STEPS, RefineSettings
from .settings import FitSettings, parse_betas

MOST_BETA: Final = 10.0
"""Largest magnitude of a shape coefficient that is accepted; SMPL's are in units of standard deviations."""


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
        for_rotations: Whether the option also applies to files of SMPL rotations, which need no fit.
    """

    help: str
    title: str = ""
    metavar: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    off_help: str = ""
    for_rotations: bool = False


def _option(default: Any, info: OptionInfo) -> Any:
    return field(default=default, metadata={"option": info})


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """Options of a fit as plain values, which JSON, TOML and command lines can hold.

    Attributes:
        refine: Refinement steps after the regressor; 0 keeps the regressor's poses.
        betas: Shape coefficients, or None to solve for them.
        adapt: Whether the layout's points may move on the body.
        smooth: Smoothing strength; 0 for none, 1 for the strength that the measured noise calls for.
        level: Whether to remove a drift of the floor.
        foot_lock: Whether to keep standing feet still and on the floor.
    """

    refine: int = _option(
        REFINE_STEPS,
        OptionInfo(
            "Refinement steps that move the pose onto the keypoints; 0 uses the regressor alone.",
            title="Refine",
            metavar="N",
            least=0,
            most=100,
        ),
    )
    betas: tuple[float, ...] | None = _option(
        None,
        OptionInfo(
            "Use these shape coefficients instead of solving for them.",
            title="Betas",
            metavar="B,B,...",
            least=-MOST_BETA,
            most=MOST_BETA,
            for_rotations=True,
        ),
    )
    adapt: bool = _option(
        False,
        OptionInfo("Let the layout's points move on this body by up to 4 cm.", title="Adapt Points"),
    )
    smooth: float = _option(
        0.0,
        OptionInfo(
            "Smooth the motion: 0 is off, 1 removes the noise measured in the keypoints.",
            title="Smooth",
            metavar="S",
            least=0.0,
            most=100.0,
        ),
    )
    level: bool = _option(
        True,
        OptionInfo(
            "Remove a drift of the recording's floor, if there is one.",
            title="Level Floor",
            off_help="Keep a drift of the recording's floor.",
        ),
    )
    foot_lock: bool = _option(
        False,
        OptionInfo("Keep standing feet still and on the floor.", title="Lock Feet", for_rotations=True),
    )

    def settings(self) -> FitSettings:
        """Return the settings of ``core.fit.pipeline.fit``."""
        values = {option.name: getattr(self, option.name) for option in FIT_OPTIONS if option.name != "refine"}
        return FitSettings(refine=RefineSettings(steps=self.refine) if self.refine else None, **values)

    def arguments(self) -> list[str]:
        """Return the command-line arguments that select these values; defaults are left out."""
        found: list[str] = []
        for option in FIT_OPTIONS:
            value = getattr(self, option.name)
            if value == option.default:
                continue
            if option.kind is bool:
                found.append(option.flag if value else option.off_flag)
            else:
                # `--name=value`, so that a value may begin with a minus sign.
                text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
                found.append(f"{option.flag}={text}")
        return found

    def require_for_rotations(self, source: str) -> None:
        """Refuse options that cannot apply to a file of SMPL rotations.

        Args:
            source: Name of the file, for the message.

        Raises:
            InputError: One of these options has a value other than its default and applies to keypoints only.
        """
        wrong = [
            option
            for option in FIT_OPTIONS
            if not option.info.for_rotations and getattr(self, option.name) != option.default
        ]
        if wrong:
            # A flag that is on by default can only differ by being off.
            named = ", ".join(option.off_flag if option.default is True else option.flag for option in wrong)
            raise InputError(
                f"{source} holds SMPL rotations, which are used as they are; {named} applies to keypoints only. "
                "Remove the option."
            )


@dataclass(frozen=True)
class FitOption:
    """One row of the table of options.

    Attributes:
        name: Field of ``FitOptions`` and key in study files.
        kind: ``bool``, ``int``, ``float``, ``str``, or ``tuple`` for a list of numbers.
        default: Value when the option is not given.
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

    def parse(self, text: str) -> Any:
        """Convert the text of a command line to a value.

        Args:
            text: What the user wrote.

        Returns:
            The value, of type ``kind``.

        Raises:
            ValueError: The text is not a value in the allowed range. The message states what was expected.
        """
        return self.check(self._converted(text))

    def check(self, value: Any) -> Any:
        """Return a value of the right type, or raise ValueError if it is out of range or not one of the choices."""
        info = self.info
        numbers = value if isinstance(value, tuple) else (value,) if self.kind in (int, float) else ()
        inside = all((info.least is None or info.least <= n) and (info.most is None or n <= info.most) for n in numbers)
        if not inside or (info.choices and value is not None and value not in info.choices):
            raise ValueError(f"expected {self.expected}")
        return value

    @property
    def expected(self) -> str:
        """The allowed values, in words."""
        info = self.info
        if info.choices:
            return f"one of {', '.join(info.choices)}"
        if self.kind is bool:
            return "true or false"
        words = {int: "a whole number", float: "a number", tuple: "numbers separated by commas, each"}
        if info.least is None or info.most is None:
            return words.get(self.kind, "text")
        return f"{words[self.kind]} from {info.least:g} to {info.most:g}"

    def _converted(self, text: str) -> Any:
        try:
            return parse_betas(text) if self.kind is tuple else self.kind(text)
        except ValueError:
            raise ValueError(f"expected {self.expected}") from None


def _kind_of(annotation: Any) -> type:
    if annotation in (bool, int, float, str):
        return annotation  # type: ignore[no-any-return]
    return tuple if "tuple" in str(annotation) else str


def _table() -> tuple[FitOption, ...]:
    hints = get_type_hints(FitOptions)
    return tuple(
        FitOption(item.name, _kind_of(hints[item.name]), item.default, item.metadata["option"])
        for item in fields(FitOptions)
    )


FIT_OPTIONS: Final = _table()
"""The options in the order in which they are listed everywhere."""
