# SPDX-License-Identifier: Apache-2.0
"""Pipes, devices and sockets that an .fbx or .blend file names, found before Blender opens them and waits for ever.

The paths are those among the texts of the unpacked file: texts with a slash, from it or from their beginning on, and
names of special files beside the character or in the current folder. Linked .blend files are searched as well.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
import fnmatch
import os
from pathlib import Path
import re
import stat
from typing import BinaryIO, Final
import zlib

from ..errors import FormatError
from ..printable_text import shown_name
from .unpacked_size import GZIP, fbx_texts, require_bounded_blend

PIECE_BYTES: Final = 4 << 20
LONGEST_PATH: Final = 1023
"""Bytes of a path in a .blend file."""
MOST_LIBRARIES: Final = 32
MOST_ENTRIES: Final = 20_000
"""Files of the folders that are searched for textures by name."""
FEWEST_LETTERS: Final = 3
"""Of a name besides its numbers."""
ZSTD: Final = b"\x28\xb5\x2f\xfd"
_FROM_SLASH: Final = re.compile(rb"[/\\][^\x00-\x1f]*")
_COUNTED: Final = re.compile(r"<[A-Za-z]+>|#+|\d+")
"""Parts of a name in whose place Blender puts the number of a tile or frame."""


def require_ordinary_files(path: Path) -> None:
    """Refuse a .fbx or .blend file that names a file that is a pipe, a device or a socket.

    Args:
        path: The file; it is known to unpack to a bounded size.

    Raises:
        FormatError: It names one, or a linked file becomes too large.
    """
    seen = {path.resolve()}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file != path:
            require_bounded_blend(file)
        base = str(file.parent.absolute())
        special = _SpecialFiles()
        beside = {*special.in_folder(base), *special.in_folder(".")}
        searched = set(_special_below(file.parent)) if file.suffix.lower() == ".fbx" else set()
        for text in _texts_of(file, beside):
            name = text.replace("\\", "/")
            targets = _targets(name, base)
            if _last(name) in searched or any(map(special.is_named_by, targets)):
                raise FormatError(
                    f"{path.name} is not read: it refers to {shown_name(text, 200)}, which is not a regular file. "
                    "Replace the reference, or pack its files."
                )
            if file.suffix.lower() == ".blend" and name.lower().endswith(".blend") and len(seen) < MOST_LIBRARIES:
                found = {Path(target).resolve() for target in targets if Path(target).is_file()} - seen
                seen |= found
                waiting += found


class _SpecialFiles:
    """Pipes, devices and sockets by folder."""

    def __init__(self) -> None:
        self._by_folder: dict[str, list[str]] = {}

    def in_folder(self, folder: str) -> list[str]:
        """Their names in a folder, which need not exist."""
        if folder not in self._by_folder:
            self._by_folder[folder] = _special_in(Path(folder))
        return self._by_folder[folder]

    def is_named_by(self, target: str) -> bool:
        """Whether a path is one of them, or becomes one when it has the number of a tile or frame."""
        folder, _, name = target.rpartition("/")
        there = self.in_folder(folder or "/")
        if not there:
            return False
        if name in there:
            return True
        pattern = _COUNTED.sub("*", name)
        is_clear = len(pattern) - pattern.count("*") >= FEWEST_LETTERS
        return is_clear and pattern != name and any(fnmatch.fnmatch(one, pattern) for one in there)


def _targets(name: str, base: str) -> list[str]:
    """Where a text may lead: below the folder of its file for //, else as it is, and beside the file."""
    return [f"{base}/{name.lstrip('/')}", f"{base}/{_last(name)}", name if name.startswith("/") else f"./{name}"]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _texts_of(file: Path, beside: Iterable[str]) -> Iterator[str]:
    """Texts as of ``_paths_in``. Raises FormatError where the file cannot be unpacked."""
    try:
        yield from _paths_in(file, beside)
    except (zlib.error, ValueError) as error:
        raise FormatError(f"{file.name} is damaged: it cannot be unpacked. Save it again.") from error


def _paths_in(file: Path, beside: Iterable[str]) -> Iterator[str]:
    """Texts of a file that may be paths; of a .blend those with a slash, and names without one that are ``beside``."""
    if file.suffix.lower() == ".fbx":
        yield from {text.decode("utf-8", "replace") for text in fbx_texts(file) if len(text) <= LONGEST_PATH}
        return
    names = [os.fsencode(name) for name in beside if len(name) >= FEWEST_LETTERS]
    seen: set[bytes] = set()
    rest = b""
    with file.open("rb") as opened:
        for piece in _unpacked(opened):
            data = rest + piece
            found = [name for name in names if _is_text_in(name, data)]
            for match in _FROM_SLASH.finditer(data):
                end = match.end()
                if end - match.start() <= LONGEST_PATH:
                    start = _start_of_text(data, match.start())
                    found += [data[match.start() : end], data[start:end]]
            for text in found:
                if text not in seen and len(text) <= LONGEST_PATH:
                    seen.add(text)
                    with suppress(UnicodeDecodeError):  # numbers, not text
                        yield text.decode("utf-8")
            rest = data[-2 * LONGEST_PATH :]


def _is_text_in(name: bytes, data: bytes) -> bool:
    """Whether a name is a text by itself, between control characters."""
    at = data.find(name + b"\0")
    while at > 0 and data[at - 1] >= 0x20:
        at = data.find(name + b"\0", at + 1)
    return at >= 0


def _start_of_text(data: bytes, slash: int) -> int:
    """First byte of the text in which a slash is: after the last control character before it."""
    start = slash
    while start > 0 and slash - start < LONGEST_PATH and data[start - 1] >= 0x20:
        start -= 1
    return start


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    """Content of a file in pieces, unpacked where it is gzip or Zstandard."""
    head = file.read(4)
    file.seek(0)
    if head.startswith(GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        while (packed := file.read(PIECE_BYTES)) and not unpacker.eof:
            while packed:
                yield unpacker.decompress(packed, PIECE_BYTES)
                packed = unpacker.unconsumed_tail
        return
    if head == ZSTD:
        try:
            import zstandard  # Blender's Python has it, and the bpy wheel requires it
        except ImportError:
            return
        try:
            with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
                while piece := reader.read(PIECE_BYTES):
                    yield piece
        except zstandard.ZstdError as error:
            raise ValueError("no Zstandard") from error
        return
    while piece := file.read(PIECE_BYTES):
        yield piece


def _special_in(folder: Path) -> list[str]:
    """Names of the pipes, devices and sockets in a folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if _is_special(entry)]
    except (OSError, ValueError):  # ValueError: a zero byte, as names in FBX have
        return []


def _special_below(folder: Path) -> Iterator[str]:
    """Names of the pipes, devices and sockets in a folder and below it."""
    count = 0
    for place, _, files in os.walk(folder):
        count += len(files)
        if count > MOST_ENTRIES:
            return
        yield from _special_in(Path(place))


def _is_special(entry: "os.DirEntry[str]") -> bool:
    try:
        mode = entry.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
