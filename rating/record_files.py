# SPDX-License-Identifier: Apache-2.0
"""Reading and writing plan.json, votes.jsonl and sessions.jsonl."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Final, TypeVar

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.bounded_files import parse_json, read_whole
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import FormatError, InputError, OutputError
from dancepose_addon.core.file_locks import locked
from dancepose_addon.core.output_links import odd_entries, require_plain, resolved

from .record_checks import plain_values, record_from
from .records import RatingPlan, plan_from
from .vote_records import RaterSession, Vote, check_vote

R = TypeVar("R", Vote, RaterSession)

PLAN_BYTES: Final = 512 << 20
"""A plan of 100,000 raters has some 100 MiB."""
RECORDS_BYTES: Final = 2 << 30
"""Of votes or sessions: some four million votes."""
DATABASE_NAME: Final = "rating.db"
PACK_NAME: Final = "pack"
WRITTEN_FOLDERS: Final = (PACK_NAME, "keys", "results")
"""Folders of a rating whose content is written by commands."""


@dataclass(frozen=True)
class RatingPaths:
    """The files of a rating.

    Attributes:
        root: The rating folder, which holds rating.toml.
    """

    root: Path

    @property
    def file(self) -> Path:
        """The rating file."""
        return self.root / "rating.toml"

    @property
    def plan(self) -> Path:
        """What every rater is shown."""
        return self.root / "plan.json"

    @property
    def votes(self) -> Path:
        """The votes, one a line."""
        return self.root / "votes.jsonl"

    @property
    def sessions(self) -> Path:
        """The sessions, one a line."""
        return self.root / "sessions.jsonl"

    @property
    def results(self) -> Path:
        """Folder of what the analysis writes."""
        return self.root / "results"


def locked_rating(root: Path) -> AbstractContextManager[None]:
    """Hold a rating folder against other commands that change it, so that none undoes what another one has written.

    Args:
        root: The rating folder.

    Raises:
        OutputError: Another process holds it.
    """
    return locked(root, purpose="changes", advice="Run the command again when it has finished.")


@contextmanager
def not_served(root: Path) -> Iterator[None]:
    """Hold the pack of a rating folder, so that no server shows it meanwhile.

    Args:
        root: The rating folder.

    Raises:
        OutputError: A server shows it.
    """
    if (root / PACK_NAME).is_dir():
        with locked(root / PACK_NAME, purpose="serves", advice="End `dancepose rate serve` first."):
            yield
    else:
        yield


def require_own_files(root: Path) -> None:
    """Require that no file which commands write is a link to a file outside the rating folder.

    Args:
        root: The rating folder.

    Raises:
        OutputError: One is.
    """
    paths = RatingPaths(root)
    require_plain((paths.plan, paths.votes, paths.sessions, root / DATABASE_NAME), root)
    for name in WRITTEN_FOLDERS:
        require_plain(odd_entries(root / name), root)


def require_films_outside(root: Path, films: Iterable[Path]) -> None:
    """Refuse films in folders whose content `dancepose rate` replaces.

    Args:
        root: The rating folder.
        films: The films.

    Raises:
        InputError: A film is in one of these folders.
    """
    folders = [resolved(root / name) for name in WRITTEN_FOLDERS]
    for film in films:
        if any(folder in resolved(film).parents for folder in folders):
            raise InputError(
                f"{film} is in a folder that `dancepose rate` writes ({', '.join(WRITTEN_FOLDERS)}). Move the films "
                "elsewhere, and plan again."
            )


def read_rating_plan(path: Path) -> RatingPlan:
    """Read plan.json.

    Raises:
        MissingFileError: It does not exist or cannot be read.
        FormatError: It is damaged, or was changed after it was written.
    """
    try:
        value = _parse(read_whole(path, limit_bytes=PLAN_BYTES, what="a plan (`dancepose rate plan` writes one)"))
    except ValueError as error:
        raise FormatError(
            f"{path} is damaged ({error}). Restore it, or write it with `dancepose rate plan`."
        ) from error
    return plan_from(value, path.name)


def set_plan_aside(paths: RatingPaths) -> Path:
    """Move the plan and its votes to a new folder, so that another plan can be written.

    Args:
        paths: The files of the rating.

    Returns:
        The folder: ``replaced-1``, or the next free number.

    Raises:
        OutputError: The files cannot be moved.
    """
    number = 1
    while (folder := paths.root / f"replaced-{number}").exists():
        number += 1
    try:
        folder.mkdir()
        database = [f"{DATABASE_NAME}{end}" for end in ("", "-wal", "-shm", "-journal")]
        for name in (paths.votes.name, paths.sessions.name, *database, paths.plan.name):
            path = paths.root / name
            if path.exists():
                path.rename(folder / name)
    except OSError as error:
        raise OutputError(
            f"The former plan cannot be moved to {folder} ({error.strerror}). Make the rating's folder writable, and "
            "run the command again."
        ) from error
    return folder


def write_rating_plan(path: Path, plan: RatingPlan) -> RatingPlan:
    """Write plan.json.

    Args:
        path: File to write.
        plan: The plan; its hash is computed here.

    Returns:
        The plan with its hash.
    """
    sealed = plan.sealed()
    with replacing(path) as temporary:
        text = json.dumps(plain_values(sealed), ensure_ascii=False, indent=1)
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")
    return sealed


def line_of(record: Vote | RaterSession) -> str:
    """Return the JSON line of a record, without the line's end."""
    return json.dumps(plain_values(record), ensure_ascii=False, separators=(",", ":"))


def write_lines(path: Path, records: Iterable[Vote | RaterSession]) -> None:
    """Write votes or sessions, one a line."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line_of(record) + "\n" for record in records)


def read_votes(path: Path, plan: RatingPlan) -> tuple[list[Vote], list[str]]:
    """Read votes.jsonl.

    Args:
        path: The file.
        plan: The plan that the votes have to belong to.

    Returns:
        The votes, one for each trial of a session, and sentences about what was passed over: votes that are there
        twice, and a last line that was cut off.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FormatError: A line is damaged, or belongs to another plan.
    """
    found: dict[tuple[str, int], Vote] = {}
    doubled = differing = 0
    notices: list[str] = []
    for number, vote in _read_lines(path, Vote, notices.append):
        check_vote(vote, plan, f"{path.name}, line {number}")
        known = found.setdefault((vote.session, vote.trial), vote)
        doubled += known is not vote
        differing += known.answer != vote.answer
    if doubled:
        contrary = f", {differing} of them with another answer" if differing else ""
        notices.append(f"{path.name} has {counted(doubled, 'vote')} twice{contrary}; the first of each counts.")
    return list(found.values()), notices


def read_sessions(path: Path, plan: RatingPlan) -> tuple[list[RaterSession], list[str]]:
    """Read sessions.jsonl; of several lines of a session the last counts.

    Args:
        path: The file.
        plan: The plan that the sessions have to belong to.

    Returns:
        The sessions, and sentences about what was passed over.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FormatError: A line is damaged, or belongs to another plan.
    """
    found: dict[str, RaterSession] = {}
    notices: list[str] = []
    for number, session in _read_lines(path, RaterSession, notices.append):
        if session.plan != plan.hash:
            raise FormatError(
                f"{path.name}, line {number}, belongs to another plan ({session.plan[:12]}, expected {plan.hash[:12]})."
            )
        if plan.slot(session.slot) is None:
            raise FormatError(f"{path.name}, line {number}, has the slot {session.slot}, which the plan does not have.")
        found[session.session] = session
    return list(found.values()), notices


def _read_lines(path: Path, kind: type[R], on_notice: Callable[[str], None]) -> Iterator[tuple[int, R]]:
    what = "a file of collected votes (`dancepose rate import` writes it)"
    lines = read_whole(path, limit_bytes=RECORDS_BYTES, what=what).split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = _parse(line)
        except ValueError as error:
            if number == len(lines):  # complete lines end with a line break
                on_notice(f"The last line of {path.name} was cut off and is passed over.")
                return
            raise FormatError(
                f"{path.name}, line {number}, is damaged ({error}). Restore the file, or remove that line."
            ) from error
        yield number, record_from(kind, value, f"{path.name}, line {number}")


def _parse(data: bytes) -> Any:
    return parse_json(data.decode("utf-8"), constants=False)
