"""Reading skeleton files: a table of small readers, one module per format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import FormatError, MissingFileError
from ..sequence import Sequence
from . import array_file, music_dance

FrameRange = tuple[int, int | None]


@dataclass(frozen=True)
class Reader:
    """One format. recognises: whether a path looks like it (by its name, or what lies in the folder)."""

    title: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, str | None, float | None], Sequence]


READERS: Final = (
    Reader("M&D folder with skeletons.json, or that file", music_dance.recognises, music_dance.read),
    Reader(".npy or .npz with points (frames, points, 3)", array_file.recognises, array_file.read),
)


def read(
    path: Path, *, layout: str | None = None, fps: float | None = None, frames: FrameRange | None = None
) -> Sequence:
    """Read a skeleton motion: metres, y up, at its true rate, with its music where the format has any.

    layout: name of the layout, where the format leaves it open or for another than its own; fps: frames per second,
    instead of what the file says; frames: the first and the one after the last (None: to the end), of motion and
    music alike. The points are not validated: ``validate`` is the caller's, after it has chosen its frames.

    Raises:
        MissingFileError: no such path, or it cannot be read.
        FormatError: no reader knows the format, or the file is damaged.
        LayoutError: the number of points is not the layout's; the message names those which fit.
        InputError: no frame rate is known, or ``frames`` selects nothing.
    """
    if not path.exists():
        raise MissingFileError(f"{path} does not exist. Give the path of a skeleton file or of an M&D folder.")
    for reader in READERS:
        if reader.recognises(path):
            sequence = reader.read(path, layout, fps)
            return sequence if frames is None else sequence.between(*frames)
    kind = "a folder without skeletons.json" if path.is_dir() else "of no known format"
    known = "; ".join(reader.title for reader in READERS)
    raise FormatError(f"{path} is {kind}. Known formats: {known}.")
