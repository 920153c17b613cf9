# SPDX-License-Identifier: Apache-2.0
"""Options of a picture's look, the same for every command and engine: one field for each."""

from dataclasses import dataclass
import re
from typing import Final

from .body.figure_file import FIGURES
from .body.looks import LOOKS, dressed
from .body.model import BodyModel
from .camera_framing import CAMERAS
from .errors import OptionError
from .options import OptionInfo, described
from .stage_design import BACKDROP_RGB, FLOORS, Rgb, StageSettings

DEFAULT_SIZE: Final = (640, 640)
DEFAULT_FPS: Final = 25.0
MAX_SIDE_PX: Final = 8192
"""Of a picture, as for studies: 8192 x 8192 take 1 GB as the floating-point pixels that are rendered."""
HEX: Final = re.compile(r"#?([0-9a-fA-F]{6})")


def parse_size(text: str) -> tuple[int, int]:
    """Convert the size of a film.

    Args:
        text: Width and height in pixels, such as ``640x640``.

    Returns:
        Width and height.

    Raises:
        ValueError: The text is not of that form, or H.264 has no films of that size.
    """
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise ValueError(f"{text!r} is not a size; write 640x640") from None
    if max(width, height) > MAX_SIDE_PX:
        raise ValueError(f"{text!r} is too large: a side has at most {MAX_SIDE_PX} pixels")
    if min(width, height) < 16 or width % 2 or height % 2:
        raise ValueError(f"{text!r} is not possible: H.264 needs even numbers of at least 16 pixels")
    return width, height


def parse_colour(text: str) -> Rgb:
    """Convert a colour as web pages write it to scene-linear light.

    Args:
        text: Six hex digits of sRGB, such as ``3a6ea5`` or ``#3a6ea5``.

    Returns:
        Scene-linear red, green and blue (IEC 61966-2-1).

    Raises:
        ValueError: The text is not of that form.
    """
    found = HEX.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a colour; write six hex digits, such as 3a6ea5.")
    shown = [int(found.group(1)[part : part + 2], 16) / 255.0 for part in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shown)
    return red, green, blue


def parse_colours(text: str) -> tuple[tuple[str, Rgb], ...]:
    """Convert ``material=colour`` pairs between commas.

    Args:
        text: Such as ``top=3a6ea5,trousers=222222``.

    Returns:
        Each material with its scene-linear colour.

    Raises:
        ValueError: The text is not of that form.
    """
    found: dict[str, Rgb] = {}
    for pair in filter(None, text.split(",")):
        name, equals, colour = pair.partition("=")
        name = name.strip()
        if not equals:
            raise ValueError(f"{pair!r} is not a material and its colour; write top=3a6ea5.")
        if found.setdefault(name, rgb := parse_colour(colour)) != rgb:
            raise ValueError(f"{name!r} has two colours; give it once.")
    return tuple(found.items())


def _checked_colour(text: str) -> str:
    parse_colour(text)
    return text


def _checked_colours(text: str) -> str:
    parse_colours(text)
    return text


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """What the picture shows besides the motion.

    Attributes:
        camera: ``still``, ``follow``, or ``auto`` for the former where the dancer travels little.
        floor: ``tiles`` of half a metre, ``plain``, or ``none``.
        look: ``casual``, ``mannequin`` or ``plain``.
        figure: ``neutral``, ``female`` or ``male``, for ``casual`` on the default body.
        colours: Colours of single materials as ``name=hex`` between commas, or None.
        backdrop: Colour of floor and wall in hex, or None for the default grey.

    Raises:
        OptionError: An option has no effect beside another one.
    """

    camera: str = described(
        "auto", OptionInfo("Keep the camera still, let it follow, or choose by the travel.", choices=CAMERAS)
    )
    floor: str = described(
        "plain", OptionInfo("Draw a floor with tiles of 0.5 m, a plain one, or none.", choices=FLOORS)
    )
    look: str = described("casual", OptionInfo("Dress the body, or show it in one colour.", choices=LOOKS))
    figure: str = described(
        "neutral",
        OptionInfo("Draw this figure where the look is casual; joints and motion stay the same.", choices=FIGURES),
    )
    colours: str | None = described(
        None,
        OptionInfo("Set colours of single materials, in sRGB.", metavar="NAME=RRGGBB,...", convert=_checked_colours),
    )
    backdrop: str | None = described(
        None, OptionInfo("Set the colour of floor and wall, in sRGB.", metavar="RRGGBB", convert=_checked_colour)
    )

    def __post_init__(self) -> None:
        """Refuse options that exclude each other."""
        if self.colours and self.look != "casual":
            raise OptionError(
                f"--colours sets the colours of clothes, which --look {self.look} does not show. Omit one of them."
            )
        if self.figure != FIGURES[0] and self.look != "casual":
            raise OptionError(
                f"--figure {self.figure} chooses a dressed figure, which --look {self.look} does not show. Omit one of "
                "them."
            )
        if self.backdrop and self.floor == "none":
            raise OptionError(
                "--backdrop sets the colour of floor and wall, which --floor none leaves out. Omit one of them."
            )

    def require_fit_for_character(self) -> None:
        """Refuse what has no effect on a character, which has its own materials.

        Raises:
            OptionError: Such an option is given.
        """
        given = {
            "--look": self.look != "casual",
            "--figure": self.figure != FIGURES[0],
            "--colours": bool(self.colours),
        }
        found = [name for name, is_given in given.items() if is_given]
        if found:
            raise OptionError(f"{found[0]} has no effect with --character. Omit one of them.")

    @property
    def material_colours(self) -> tuple[tuple[str, Rgb], ...]:
        """Colours of single materials, scene-linear."""
        return parse_colours(self.colours) if self.colours else ()

    def dress(self, body: BodyModel) -> BodyModel:
        """Return a body with the look that the options describe."""
        return dressed(body, self.look, self.material_colours, figure=self.figure)

    def stage(self, *, transparent: bool = False) -> StageSettings:
        """Return the stage that the options describe."""
        rgb = parse_colour(self.backdrop) if self.backdrop else BACKDROP_RGB
        return StageSettings(backdrop_rgb=rgb, transparent=transparent, floor=self.floor)
