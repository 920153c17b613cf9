# SPDX-License-Identifier: Apache-2.0
"""Answer files that raters saved, alone, in a zip, or as JATOS exports them: each has a head and a body line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any, Final
import zipfile
import zlib

from dancepose_addon.core.bounded_files import brief, parse_json, require_regular
from dancepose_addon.core.errors import FormatError, MissingFileError

from ..pack.pack_key import PackKey, participant_hash
from ..records import RatingPlan
from ..vote_records import RaterSession, Vote
from .public_votes import SkippedTrial, session_from_page, vote_from_page

ANSWERS_FORMAT: Final = "dancepose-rating-answers"
ANSWERS_VERSION: Final = 1
VOTES: Final = re.compile(rb'"votes":\s*\[')
MOST_BYTES: Final = 64 << 20
"""Of one file: hundreds of raters in one export of JATOS."""
MOST_MEMBERS: Final = 10_000


@dataclass(frozen=True)
class RaterAnswers:
    """The answers of one rater.

    Attributes:
        session: The session.
        votes: Its votes.
        skipped: Trials that could not be answered.
    """

    session: RaterSession
    votes: tuple[Vote, ...]
    skipped: tuple[SkippedTrial, ...]


def read_answer_file(
    path: Path, plan: RatingPlan, keys: Mapping[str, PackKey], secret: bytes
) -> tuple[RaterAnswers, ...]:
    """Read a file of answers.

    Args:
        path: A file that a rater saved, a zip of such files, or an export of JATOS.
        plan: The plan.
        keys: Keys of the packs of the plan, by id.
        secret: With which ids of platforms are hashed.

    Raises:
        MissingFileError: It cannot be read.
        FormatError: It is damaged, holds no answers, or belongs to another plan.
    """
    found = []
    for name, data in _texts(path):
        found += [_answers(name, head, body, plan, keys, secret) for head, body in _records(name, data)]
    if not found:
        raise FormatError(f"{path} holds no answers. Give a file that the rating page saved, or a zip of such files.")
    return tuple(found)


def _texts(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if require_regular(path) > MOST_BYTES:
            raise FormatError(f"{path} has {path.stat().st_size} bytes, more than any file of answers.")
        if not zipfile.is_zipfile(path):
            yield str(path), path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            if len(members) > MOST_MEMBERS or sum(item.file_size for item in members) > MOST_BYTES:
                raise FormatError(f"{path} unpacks to more than {MOST_BYTES >> 20} MB or {MOST_MEMBERS} files.")
            for item in members:
                if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise FormatError(f"{path} is compressed in a way that is not read. Pack it as a plain zip.")
                if item.filename.lower().endswith((".txt", ".json", ".jsonl")):
                    yield f"{path}, {item.filename}", archive.read(item)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror or error}). Check its name.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise FormatError(f"{path} is a damaged archive ({error}). Ask for it again.") from error


def _records(name: str, data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield heads with the lines after them; other lines are passed over, since exports have texts of their program."""
    lines = [line.strip() for line in data.split(b"\n")]
    body = -1
    for number, line in enumerate(lines):
        if ANSWERS_FORMAT.encode() not in line[:200]:
            if number != body and line.startswith(b"{") and VOTES.search(line):
                raise FormatError(
                    f"{name} has answers in line {number + 1} whose first line, with their checksum, is missing. "
                    "Ask the rater for the file again."
                )
            continue
        body = number + 1
        try:
            head = parse_json(line)
        except ValueError as error:
            raise FormatError(f"{name} is damaged in line {number + 1}. Ask the rater for the file again.") from error
        if not isinstance(head, dict) or head.get("version") != ANSWERS_VERSION:
            raise FormatError(f"{name} was written by another version of the page. Use the dancepose that packed it.")
        yield head, lines[number + 1] if number + 1 < len(lines) else b""


def _answers(
    name: str, head: Mapping[str, Any], body: bytes, plan: RatingPlan, keys: Mapping[str, PackKey], secret: bytes
) -> RaterAnswers:
    if head.get("crc32") != f"{zlib.crc32(body):08x}":
        raise FormatError(
            f"{name} is damaged or incomplete: its checksum is another. Ask the rater for the file again."
        )
    try:
        value = parse_json(body)
        session, votes, pack, hashed = dict(value["session"]), list(value["votes"]), value["pack"], value["plan"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{name} is damaged ({brief(error)}). Ask the rater for the file again.") from error
    if hashed != plan.hash:
        raise FormatError(f"{name} belongs to another plan ({hashed!s:.12}, expected {plan.hash[:12]}).")
    if pack not in keys:
        raise FormatError(f"{name} belongs to a pack whose key is not in the folder keys. Restore it from a copy.")
    try:
        platform, identity = str(session.get("platform") or ""), str(session.get("participant") or "")
        record = session_from_page(session, plan, platform or "file", participant_hash(secret, platform, identity))
        translated = [vote_from_page(vote, plan, keys[pack]) for vote in votes]
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    if any(vote.session != record.session or vote.slot != record.slot for vote in translated):
        raise FormatError(f"{name} mixes votes of several sessions. Ask the rater for the file again.")
    return RaterAnswers(
        record,
        tuple(vote for vote in translated if isinstance(vote, Vote)),
        tuple(vote for vote in translated if isinstance(vote, SkippedTrial)),
    )
