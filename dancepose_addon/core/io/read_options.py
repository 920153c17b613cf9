# SPDX-License-Identifier: Apache-2.0
"""The options of reading a motion file: one table for every command line.

To add an option, add one field to ``ReadOptions`` and use it in ``hints``.
"""

from dataclasses import dataclass
from typing import Final

from ..errors import OptionError
from ..options import OptionInfo, described, options_of
from ..skeleton.layouts import LAYOUTS, SUFFIX, unknown_layout
from ..skeleton.recording import Hints


def parse_frames(text: str) -> tuple[int, int | None]:
    """Parse a range of frames.

    Args:
        text: ``A:B``, ``A:`` or ``:B``.

    Returns:
        The first frame, and one past the last or None for the end.

    Raises:
        ValueError: The text is not of that form, or the range is empty.
    """
    first, colon, last = text.partition(":")
    advice = f"{text!r} is not a range of frames; write A:B, A: or :B."
    if not colon:
        raise ValueError(advice)
    try:
        start, end = int(first or 0), int(last) if last else None
    except ValueError:
        raise ValueError(advice) from None
    if end is not None and 0 <= end <= start:
        raise ValueError(f"{text!r} holds no frame: its end is not after its start.")
    return start, end


def _checked_frames(text: str) -> str:
    parse_frames(text)
    return text


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Options of reading a motion file as plain values.

    Attributes:
        frames: Range of frames as ``A:B``, or None for all.
        layout: Skeleton layout: a name or the path of a .toml file; None to detect it.
        fps: Frames per second, or None for what the file says.
        read: Further hints as ``key=value`` pairs between commas; see ``Hints.with_text``.
        accept_doubt: Whether to continue where the reading of a file is only a guess.
    """

    frames: str | None = described(
        None,
        OptionInfo("Use frames A up to but not including B.", metavar="A:B", convert=_checked_frames),
    )
    layout: str | None = described(
        None,
        OptionInfo("Set the skeleton layout instead of detecting it: a name or a .toml file.", metavar="NAME"),
    )
    fps: float | None = described(
        None,
        OptionInfo(
            "Set the frames per second instead of taking them from the file.", metavar="F", least=0.001, most=1e4
        ),
    )
    read: str | None = described(
        None,
        OptionInfo(
            "Set what the file leaves open: unit=cm (m, mm, inch, ft or metres per unit), up=z (x, -y, ...), "
            "mirror=none (axes, names), values=positions (rotations), take=N (a person or motion of several), "
            "doubt=accept (as --accept-doubt).",
            metavar="KEY=VALUE,...",
        ),
    )

    accept_doubt: bool = described(
        False,
        OptionInfo("Continue where the reading of a file is only a guess, instead of stopping."),
    )

    def hints(self) -> Hints:
        """Return the hints for the readers.

        Raises:
            OptionError: ``read`` is not of the right form, or there is no such layout.
        """
        if self.layout == "":
            raise OptionError("The layout has no name. Give --layout a name, or omit it.")
        if self.layout is not None and not self.layout.endswith(SUFFIX) and self.layout not in LAYOUTS:
            raise OptionError(unknown_layout(self.layout))
        return Hints(layout=self.layout, fps=self.fps, accept_doubt=self.accept_doubt).with_text(self.read)

    def frame_range(self) -> tuple[int, int | None] | None:
        """Return the first frame and one past the last (None for the end), or None for all frames."""
        return None if self.frames is None else parse_frames(self.frames)


READ_OPTIONS: Final = options_of(ReadOptions)
"""The options in the order in which they are listed everywhere."""
