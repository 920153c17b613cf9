# SPDX-License-Identifier: Apache-2.0
"""The outputs of each command, checked before it works."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dancepose_addon.core.errors import InputError
from dancepose_addon.core.io.people import person_path
from dancepose_addon.core.output_claims import claim_outputs
from dancepose_addon.core.output_links import require_plain
from dancepose_addon.core.output_paths import Output, require_outputs

MOTION: Final = (".npz",)
VIDEO: Final = (".mp4",)
FILM: Final = (".mp4", ".gif")
SCENE: Final = (".blend",)
TABLE: Final = (".json",)
PICTURE: Final = (".png",)
PAGE: Final = (".html",)
PLOT: Final = (".png", ".pdf", ".svg", ".jpg")
LAYOUT: Final = (".toml",)
SHARDS_INDEX: Final = "shards.json"
"""What `poses --shards` replaces in its folder; shards have new names."""
EVALUATION_FILES: Final = (".json", "-errors.png", "-frames.png")
"""What `evaluate` writes, after the kind of motion."""
RUN_FILES: Final = ("run.pt", "config.json", "command.json", "log.jsonl")
"""What `train` writes to its folder. No module that knows them is imported before torch is found."""


def check_files(
    outputs: Mapping[str, tuple[Path | None, tuple[str, ...]]],
    inputs: Iterable[Path | str | None],
    *,
    folders: Mapping[str, Path | None] | None = None,
    names: Mapping[str, Iterable[str]] | None = None,
    claims: bool = True,
) -> None:
    """Refuse outputs that cannot be written, that would replace an input, or that another command is writing.

    Args:
        outputs: Path and allowed suffixes by option; a path of None is not wanted.
        inputs: Files and folders that are read. Text is the name of a layout, which is a file if it ends in .toml.
        folders: Folders that are written to, by option. ``--work`` may be shared: names of its files do not clash.
        names: Files that are written to these folders, by option. They may be no links to files elsewhere.
        claims: Whether outputs are held until this process ends; False where its processes share them.

    Raises:
        OutputError: See ``core.output_paths.require_outputs`` and ``core.output_claims.claim_outputs``.
        InputError: A plot is wanted and matplotlib is not installed.
    """
    files = [Output(option, path, suffixes) for option, (path, suffixes) in outputs.items()]
    files += [Output(option, path, is_folder=True) for option, path in (folders or {}).items()]
    inside = {option: path for option, path in (folders or {}).items() if path is not None and path.is_dir()}
    for option, folder in inside.items():
        written = [folder / name for name in (names or {}).get(option, ())]
        require_plain(written, folder)
        files += [Output(f"In {option}, {name.name},", name) for name in written]
    read = [Path(given) if given is not None and str(given).endswith(".toml") else given for given in inputs]
    require_outputs(files, [given for given in read if not isinstance(given, str)])
    for option, (path, suffixes) in outputs.items():
        if path is not None and suffixes == PLOT and find_spec("matplotlib") is None:
            raise InputError(f"{option} needs matplotlib. Install it with `pip install matplotlib`, or omit {option}.")
    if claims:
        whole = [path for option, path in (folders or {}).items() if option != "--work"]
        claim_outputs([*(path for path, _ in outputs.values()), *whole])


def person_check(
    option: str,
    path: Path | None,
    others: Mapping[str, tuple[Path | None, tuple[str, ...]]],
    inputs: Sequence[Path | str | None],
) -> Callable[[int], None]:
    """Return a check of the motions of several persons, whose number is known once a file was read.

    Args:
        option: The option that names the motions.
        path: Its value.
        others: Further outputs, as of ``check_files``.
        inputs: Files and folders that are read.
    """

    def check(count: int) -> None:
        if path is not None and count > 1:
            each = {f"{option}, person {n + 1}:": (person_path(path, n, count), MOTION) for n in range(count)}
            check_files({**others, **each}, inputs)

    return check
