# SPDX-License-Identifier: GPL-3.0-or-later
"""What the headless renderer checks before it works, and how it ends when it is asked to."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
import threading
from typing import Final

from .core.atomic import UNFINISHED, output_error
from .core.errors import InputError, OutputError
from .core.file_locks import locked
from .core.fit.settings import FILE_SETTINGS
from .core.interruption import Interruption, ending_with_parent
from .core.io.people import person_path
from .core.output_links import odd_entries, require_plain
from .core.output_paths import Output, require_outputs
from .core.printable_text import quoted
from .core.retarget.gltf_header import character_files

FRAMES_PREFIX: Final = "frames-"
"""Of the folder of unfinished frames; a hash of what they show follows."""
GRACE_S: Final = 0.7
"""Time to end between two frames; the caller waits a little longer."""
EXPORTS: Final = (".fbx", ".glb", ".usd", ".usda", ".usdc", ".abc")
"""And .bvh for a character."""
STOPPED: Final = "Stopped. Finished work is kept: run the same command again to resume."


def check_headless_files(arguments: argparse.Namespace, work: Path) -> None:
    """Refuse outputs that cannot be written or that would replace an input, and names that Blender cannot take.

    Args:
        arguments: Of the command line.
        work: Folder of unfinished frames.

    Raises:
        OutputError: See ``core.output_paths.require_outputs``.
        InputError: The name of the source is not UTF-8.
    """
    outputs = [*_outputs_of(arguments), Output("--work", work, is_folder=True)]
    require_outputs(outputs, _inputs_of(arguments))
    try:
        str(arguments.source).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"The name {quoted(str(arguments.source), 200)} is not valid UTF-8, which Blender needs for the music. "
            "Rename it."
        ) from None


def check_scene_files(arguments: argparse.Namespace, used: Iterable[Path]) -> None:
    """Refuse outputs that would replace a file that the scene refers to, such as the pictures of a character.

    Args:
        arguments: Of the command line.
        used: The files.

    Raises:
        OutputError: One would be replaced.
    """
    require_outputs(_outputs_of(arguments), used)


def check_person_files(arguments: argparse.Namespace, count: int) -> None:
    """Refuse motions of several persons that cannot be written or that would replace an input.

    Args:
        arguments: Of the command line.
        count: Number of persons.

    Raises:
        OutputError: See ``core.output_paths.require_outputs``.
    """
    if arguments.motion and count > 1:
        paths = [person_path(arguments.motion, number, count) for number in range(count)]
        outputs = [Output(f"--motion, person {number}:", path) for number, path in enumerate(paths, 1)]
        require_outputs(outputs, _inputs_of(arguments))


def _outputs_of(arguments: argparse.Namespace) -> list[Output]:
    return [
        Output("--out", arguments.out, (".mp4",)),
        Output("--still", arguments.still, (".png",)),
        *(Output("--export", path, (*EXPORTS, *([".bvh"] * bool(arguments.character)))) for path in arguments.export),
        Output("--motion", arguments.motion, (".npz",)),
        Output("--blend", arguments.blend, (".blend",)),
        Output("--sheet", arguments.sheet, (".png",)),
        Output("--report", arguments.report, (".json",)),
    ]


def _inputs_of(arguments: argparse.Namespace) -> tuple[Path | None, ...]:
    layout = Path(arguments.layout) if str(arguments.layout).endswith(".toml") else None
    character = (*character_files(arguments.character), arguments.character_map)
    named = (getattr(arguments, key) for key in FILE_SETTINGS)
    fit = (Path(name) for name in named if name)
    return arguments.source, arguments.body, arguments.regressor, layout, *character, *fit


@contextmanager
def work_folder(path: Path, *, leftovers: Iterable[str] = ()) -> Iterator[None]:
    """Make the folder of unfinished frames, and hold it against other renderers.

    Args:
        path: The folder; removed at the end where nothing is left in it.
        leftovers: Names in it that are removed where the process is ended without delay.

    Raises:
        OutputError: It cannot be made, another process renders into it, or a frame in it is a device, a pipe or a link
            to a file elsewhere.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from error
    try:
        with locked(path, purpose="renders into"):
            require_plain((path / name for name in leftovers), path)
            for frames in path.glob(f"{FRAMES_PREFIX}*"):
                require_plain(odd_entries(frames), path)
                if frames.is_symlink():
                    raise OutputError(f"{frames} is a link, and frames would be written through it. Remove it.")
            UNFINISHED.update(path / name for name in leftovers)
            yield
    finally:
        UNFINISHED.difference_update(path / name for name in leftovers)
        with suppress(OSError):
            path.rmdir()


@contextmanager
def stopping() -> Iterator[tuple[threading.Event, Interruption]]:
    """Yield an event that a signal or the end of the calling process sets, so that work stops between steps.

    Work that does not stop in time is ended; its temporary files are removed.

    Yields:
        The event, and what was received.
    """
    stopped = threading.Event()
    interruption = Interruption(lambda _number: stopped.set(), grace_s=GRACE_S, sentence=STOPPED)
    with ExitStack() as stack:
        stack.enter_context(ending_with_parent(stopped.set, grace_s=GRACE_S))
        yield stopped, stack.enter_context(interruption)
