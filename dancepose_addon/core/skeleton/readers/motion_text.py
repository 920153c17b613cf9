# SPDX-License-Identifier: Apache-2.0
"""Whole text files of motion, of a bounded size."""

from pathlib import Path
from typing import Final

from ...bounded_files import read_whole, require_regular
from ...errors import FormatError, MissingFileError
from ..recording import decoded

MAX_TEXT_BYTES: Final = 1 << 30
"""An hour of 200 columns at 120 frames per second. As text it takes several times its size in memory."""
START_BYTES: Final = 1 << 16
BYTE_ORDERS: Final = (b"\xff\xfe", b"\xfe\xff")
"""Marks of UTF-16, whose characters have bytes of zero."""


def read_motion_text(path: Path, what: str) -> str:
    """Read a text file of motion.

    Args:
        path: Of the file.
        what: What the file is to be, for messages, such as "a table of points".

    Returns:
        Its text.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is too large, or holds NUL characters.
    """
    try:
        require_regular(path)
        with path.open("rb") as file:
            start = file.read(START_BYTES)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror or error}). Give {what}.") from error
    text = "" if _has_zeros(start) else decoded(read_whole(path, limit_bytes=MAX_TEXT_BYTES, what=what))
    if _has_zeros(start) or "\0" in text:
        raise FormatError(
            f"{path} holds bytes of zero, which no text has: it is damaged, or was not copied completely. Fetch it "
            "again."
        )
    if "\n" not in text:
        text = text.replace("\r", "\n")  # of old Macintosh programs
    return text


def _has_zeros(start: bytes) -> bool:
    return b"\0" in start and not start.startswith(BYTE_ORDERS)
