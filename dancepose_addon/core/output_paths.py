# SPDX-License-Identifier: Apache-2.0
"""What a command will write, checked before it does any work.

A long job that fails at its last step, or that overwrites what it was made from, is worse than one that is refused at
once. So every command lists its outputs and its inputs first; files are compared by what they are on the disk, so that
links and different spellings of one path are found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import tempfile
from typing import Final

from .atomic import MAX_NAME_BYTES, output_error
from .errors import OutputError
from .printable_text import quoted

CLIP_FILE: Final = "skeletons.json"
"""The file of a clip's folder: this name refers to the whole folder, with the music beside it."""


@dataclass(frozen=True)
class Output:
    """One file or folder that a command writes.

    Attributes:
        option: What the user calls it, such as ``--out``.
        path: Where it is written, or None where it is not wanted.
        suffixes: Endings that fit the format, in lower case with the dot; any where there are none.
        is_folder: Whether it is a folder.
    """

    option: str
    path: Path | None
    suffixes: tuple[str, ...] = ()
    is_folder: bool = False


def require_outputs(outputs: Iterable[Output], inputs: Iterable[Path | None] = ()) -> None:
    """Refuse outputs that cannot be written, or that would replace an input or each other.

    Args:
        outputs: Everything that the command writes.
        inputs: Everything that it reads: files, and folders whose files are read. None is passed over.

    Raises:
        OutputError: One sentence about the first output that is impossible.
    """
    wanted = [output for output in outputs if output.path is not None]
    for output in wanted:
        _require_name(output)
        _require_place(output)
    _require_apart(wanted)
    kept = [(path, found) for path in inputs if path is not None for found in _files_of(path)]
    for output in wanted:
        _require_no_input(output, kept)


def _require_name(output: Output) -> None:
    path, text = output.path, str(output.path)
    assert path is not None
    if text == "." and not output.is_folder:  # An empty name has become this one.
        raise OutputError(f"{output.option} is empty, or the current folder. Give the name of a file.")
    try:
        name = text.encode("utf-8")
    except UnicodeEncodeError:
        raise OutputError(f"{output.option} {quoted(text, 200)} is not valid UTF-8. Choose another name.") from None
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise OutputError(f"{output.option} {quoted(text, 200)} has control characters. Choose another name.")
    if os.name == "posix" and name.startswith(b"//"):
        raise OutputError(f"{output.option} {text} begins with two slashes, which Blender reads otherwise. Write one.")
    if text.startswith("~") and not path.exists():
        raise OutputError(f"{output.option} {text} begins with ~, which the shell did not expand. Write it in full.")
    if len(path.name.encode()) > MAX_NAME_BYTES:
        raise OutputError(
            f"{output.option} has a name of {len(path.name.encode())} bytes; file systems allow {MAX_NAME_BYTES}. "
            "Choose a shorter one."
        )
    if output.suffixes and path.suffix.lower() not in output.suffixes:
        allowed = " or ".join(output.suffixes)
        raise OutputError(f"{output.option} {quoted(text, 200)} does not end in {allowed}. Choose such a name.")


def _require_place(output: Output) -> None:
    """Refuse what is there and cannot be replaced, and folders that nothing can be written to."""
    path = output.path
    assert path is not None
    _require_steps(output.option, path)
    try:
        if path.is_dir() and not output.is_folder:
            raise OutputError(f"{output.option} {quoted(str(path), 200)} is a folder. Give the name of a file.")
        if path.exists() and not path.is_dir():
            if output.is_folder:
                raise OutputError(f"{output.option} {path} is a file. Give the name of a folder.")
            if not path.is_file():
                raise OutputError(f"{output.option} {path} is not a regular file. Give the name of a file.")
        folder = path if output.is_folder else Path(os.path.realpath(path)).parent
        existing = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
        if not existing.is_dir():
            raise OutputError(f"{output.option} {path} cannot be written: {existing} is not a folder.")
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".dancepose-"):
            pass
    except OSError as error:
        raise output_error(path, error) from error


def _require_steps(option: str, path: Path) -> None:
    """Refuse ``..`` behind a folder that does not exist: once it is made, the path leads to another file."""
    parts = path.parts
    for place, part in enumerate(parts):
        if part == ".." and place and not os.path.lexists(Path(*parts[:place])):
            raise OutputError(
                f"{option} {quoted(str(path), 200)} has .. behind {quoted(str(Path(*parts[:place])), 100)}, which does "
                "not exist. Write the path without it."
            )


def _require_apart(outputs: Sequence[Output]) -> None:
    """Refuse two outputs of one name."""
    seen: dict[str, Output] = {}
    for output in outputs:
        assert output.path is not None
        place = os.path.normcase(os.path.realpath(output.path))
        if place in seen:
            raise OutputError(
                f"{seen[place].option} and {output.option} are both {output.path}. Give them different names."
            )
        seen[place] = output


def _files_of(path: Path) -> Iterator[os.stat_result]:
    """What an input is on the disk: a file, or the files of a folder or of a clip's file."""
    folder = path.parent if path.name == CLIP_FILE else path
    try:
        yield path.stat()
        entries = list(os.scandir(folder)) if folder.is_dir() else []
    except OSError:  # Whoever reads it says so.
        return
    for entry in entries:
        try:
            if entry.is_file():
                yield os.stat(entry.path)  # noqa: PTH116 - DirEntry.stat() has no inode on Windows
        except OSError:
            continue


def _require_no_input(output: Output, inputs: Sequence[tuple[Path, os.stat_result]]) -> None:
    path = output.path
    assert path is not None
    try:
        found = path.stat()
    except OSError:
        return
    for source, existing in inputs:
        if os.path.samestat(found, existing):
            is_source = source.is_file() or output.is_folder
            what = "is the input" if is_source else "is a file of the input"
            raise OutputError(
                f"{output.option} {path} {what} {source}, which is never overwritten. Choose another name."
            )
    if output.is_folder:
        return
    above = [os.path.normcase(parent) for parent in Path(os.path.realpath(path)).parents]
    for source, _ in inputs:
        if source.is_dir() and os.path.normcase(os.path.realpath(source)) in above:
            raise OutputError(
                f"{output.option} {path} is a file of the input {source}, which is never overwritten. Choose another "
                "name."
            )
