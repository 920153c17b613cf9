# SPDX-License-Identifier: Apache-2.0
"""Brings answers from files and from the server's database into votes.jsonl and sessions.jsonl, once each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import FormatError, MissingFileError

from ..pack.pack_key import PackPaths, all_pack_keys, participant_hash, participant_secret
from ..record_checks import record_from
from ..record_files import RatingPaths, locked_rating, read_rating_plan, read_sessions, read_votes, write_lines
from ..records import RatingPlan
from ..server.vote_store import StoredSession, VoteStore
from ..vote_records import RaterSession, Vote, check_vote
from .answer_files import RaterAnswers, read_answer_file
from .public_votes import SkippedTrial

RANK = ("returned", "failed", "partial", "complete")
"""Statuses of a session, the strongest last: of two records of one session the stronger one stays."""


@dataclass(frozen=True)
class Collected:
    """What an import did.

    Attributes:
        new_votes: Votes that were not there before.
        known_votes: Votes that were there already.
        different_votes: Votes that were there with another answer; the first one stayed.
        votes: Votes in total.
        sessions: Sessions in total.
        declined: Visitors of the server who did not consent.
        notices: Sentences about what was passed over.
    """

    new_votes: int
    known_votes: int
    different_votes: int
    votes: int
    sessions: int
    declined: int
    notices: tuple[str, ...]


def import_answers(root: Path, files: Iterable[Path], *, database: str = "") -> Collected:
    """Merge answers into votes.jsonl and sessions.jsonl. Everything is read before anything is written.

    Args:
        root: The rating folder.
        files: Answer files; none to read the server's database.
        database: ``postgresql://...``; "" for SQLite in the rating folder.

    Raises:
        MissingFileError: There is nothing to read.
        FormatError: A file is damaged or belongs to another plan; nothing was changed.
    """
    with locked_rating(root):
        return _import_answers(root, list(files), database)


def _import_answers(root: Path, files: Sequence[Path], database: str) -> Collected:
    paths, packed = RatingPaths(root), PackPaths(root)
    plan = read_rating_plan(paths.plan)
    declined = 0
    if files:
        keys, secret = all_pack_keys(packed, plan), participant_secret(packed)
        answers = [one for path in files for one in read_answer_file(path, plan, keys, secret)]
    else:
        answers, declined = database_answers(packed, plan, database)
    votes, sessions, notices = existing_records(paths, plan)
    counts = _merge(answers, votes, sessions)
    write_lines(paths.sessions, sessions.values())
    write_lines(paths.votes, votes.values())
    return Collected(*counts, len(votes), len(sessions), declined, tuple(notices))


def existing_records(
    paths: RatingPaths, plan: RatingPlan
) -> tuple[dict[tuple[str, int], Vote], dict[str, RaterSession], list[str]]:
    """Read what was imported before: votes by session and trial, sessions by id, and sentences about both."""
    votes: list[Vote] = []
    sessions: list[RaterSession] = []
    notices: list[str] = []
    if paths.votes.exists():
        votes, said = read_votes(paths.votes, plan)
        notices += said
    if paths.sessions.exists():
        sessions, said = read_sessions(paths.sessions, plan)
        notices += said
    by_trial = {(vote.session, vote.trial): vote for vote in votes}
    return by_trial, {session.session: session for session in sessions}, notices


IN_DATABASE: Final = "A vote of the database"


def database_answers(paths: PackPaths, plan: RatingPlan, database: str) -> tuple[list[RaterAnswers], int]:
    """Read everything from the server's database.

    Returns:
        Answers by rater, and how many visitors did not consent.
    """
    if not database and not paths.database.exists():
        raise MissingFileError(
            f"{paths.database} does not exist. Give the answer files of raters, or collect with `dancepose rate serve`."
        )
    store = VoteStore(database or paths.database, plan)
    try:
        stored, votes, skipped = store.everything()
    finally:
        store.close()
    by_session: dict[str, list[Vote]] = {}
    for vote in (record_from(Vote, record, IN_DATABASE) for record in votes):
        check_vote(vote, plan, IN_DATABASE)
        by_session.setdefault(vote.session, []).append(vote)
    gaps: dict[str, list[SkippedTrial]] = {}
    for gap in (record_from(SkippedTrial, record, "A skipped trial of the database") for record in skipped):
        gaps.setdefault(gap.session, []).append(gap)
    answers = [
        RaterAnswers(_stored_session(one), tuple(by_session.get(one.session, ())), tuple(gaps.get(one.session, ())))
        for one in stored
        if one.slot is not None
    ]
    lost = set(by_session) - {one.session for one in stored}
    if lost:
        raise FormatError(
            f"The database has votes of {counted(len(lost), 'session')} without a record of it. Restore it from a "
            "copy; answer files of raters can be imported again."
        )
    return answers, sum(one.slot is None for one in stored)


def _stored_session(stored: StoredSession) -> RaterSession:
    table = {**stored.record, "status": stored.status}
    return record_from(RaterSession, table, "A session of the database")


def _merge(
    answers: Iterable[RaterAnswers], votes: dict[tuple[str, int], Vote], sessions: dict[str, RaterSession]
) -> tuple[int, int, int]:
    """Add answers; return how many votes were new, known and different."""
    new = known = different = 0
    for one in answers:
        for vote in one.votes:
            before = votes.setdefault((vote.session, vote.trial), vote)
            new += before is vote
            known += before is not vote and before.answer == vote.answer
            different += before is not vote and before.answer != vote.answer
        session = one.session
        if one.skipped:
            gaps = [{"trial": gap.trial, "reason": gap.reason} for gap in one.skipped]
            session = replace(session, checks={**session.checks, "skipped": gaps})
        before_session = sessions.get(session.session)
        if before_session is None or _rank(session) >= _rank(before_session):
            sessions[session.session] = session
    return new, known, different


def _rank(session: RaterSession) -> int:
    return RANK.index(session.status) if session.status in RANK else -1


def forget_rater(
    root: Path, *, session: str = "", platform: str = "", participant: str = "", database: str = ""
) -> tuple[int, int]:
    """Delete a rater's sessions and votes from databases, votes.jsonl and sessions.jsonl, also those of former plans.

    Args:
        root: The rating folder.
        session: Id of a session, or "".
        platform: Platform of the participant.
        participant: Id that the platform gave, or "".
        database: ``postgresql://...``; "" for SQLite in the rating folder.

    Returns:
        How many sessions and votes were deleted.
    """
    packed = PackPaths(root)
    hashed = ""
    if participant and packed.participant_key.exists():
        hashed = participant_hash(participant_secret(packed), platform, participant)
    replaced = [folder for folder in sorted(root.glob("replaced-*")) if RatingPaths(folder).plan.exists()]
    with locked_rating(root):
        found = [_forget_rater(folder, session, hashed, database * (folder == root)) for folder in (root, *replaced)]
    return sum(sessions for sessions, _ in found), sum(votes for _, votes in found)


def _forget_rater(root: Path, session: str, hashed: str, database: str) -> tuple[int, int]:
    paths, packed = RatingPaths(root), PackPaths(root)
    plan = read_rating_plan(paths.plan)
    forgotten: set[str] = set()
    deleted_votes = 0
    if database or packed.database.exists():
        store = VoteStore(database or packed.database, plan)
        try:
            stored, recorded, _skipped = store.everything()
            gone = {one.session for one in stored if one.session == session or (hashed and one.participant == hashed)}
            deleted_votes = sum(vote["session"] in gone for vote in recorded)
            store.forget(session=session, participant=hashed)
            forgotten |= gone
        finally:
            store.close()
    votes, sessions, _notices = existing_records(paths, plan)
    gone = {
        name
        for name, one in sessions.items()
        if name == session or name in forgotten or (hashed and one.participant == hashed)
    }
    if gone:
        kept = [vote for vote in votes.values() if vote.session not in gone]
        deleted_votes = max(deleted_votes, len(votes) - len(kept))
        write_lines(paths.votes, kept)
        write_lines(paths.sessions, [one for name, one in sessions.items() if name not in gone])
    return len(forgotten | gone), deleted_votes
