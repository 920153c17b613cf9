# SPDX-License-Identifier: Apache-2.0
"""Fonts for names in pictures: Pillow's own for ASCII, else one of this machine's that has the letters."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

CANDIDATES: Final = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf", "DroidSansFallbackFull.ttf", "wqy-zenhei.ttc", "wqy-microhei.ttc", "ipag.ttf",
    "Arial.ttf", "Arial Unicode.ttf", "segoeui.ttf", "msyh.ttc", "msgothic.ttc", "malgun.ttf", "PingFang.ttc",
)  # fmt: skip
"""Names that Pillow looks for in the font folders of the system; the first ones have Latin, Greek and Cyrillic."""
TEST_SIZE: Final = 20
NO_LETTER: Final = "\uffff"
"""A character that no font has, so that it is drawn as a missing one."""


def font_for(text: str, size: int) -> "FreeTypeFont | ImageFont":
    """Return a font that has the letters of a text.

    Args:
        text: To be drawn.
        size: Of the font, pixels.

    Returns:
        Pillow's own font where it has them all, or no font has.
    """
    from PIL import ImageFont

    name = _name_for(frozenset(text))
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


def missing_letters(texts: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence on the letters of texts that no font of this machine has, or none.

    Args:
        texts: To be drawn.
    """
    letters = "".join(
        dict.fromkeys(
            letter for text in texts if _name_for(frozenset(text)) is None for letter in text if not _has(None, letter)
        )
    )
    if not letters:
        return ()
    found = f"No font of this machine has the letters {letters[:40]}, so they are boxes in the pictures."
    return (f"{found} Install one (such as the package fonts-noto-cjk), or use other names.",)


@lru_cache(maxsize=256)
def _name_for(letters: frozenset[str]) -> str | None:
    """File of a font that has the letters, an empty name for Pillow's own, or None."""
    return next((name for name in ("", *CANDIDATES) if all(_has(name or None, letter) for letter in letters)), None)


@lru_cache(maxsize=10_000)
def _has(name: str | None, letter: str) -> bool:
    font = _opened(name)
    return font is not None and (letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask(NO_LETTER)))


@lru_cache(maxsize=len(CANDIDATES) + 1)
def _opened(name: str | None) -> "FreeTypeFont | ImageFont | None":
    from PIL import ImageFont

    try:
        return ImageFont.load_default(TEST_SIZE) if name is None else ImageFont.truetype(name, TEST_SIZE)
    except OSError:
        return None
