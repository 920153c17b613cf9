# SPDX-License-Identifier: Apache-2.0
"""Votes and sessions as records: the lines of votes.jsonl and sessions.jsonl."""

from dataclasses import dataclass
from typing import Any, Final

from dancepose.study.plan.values import number_from, one_of, whole_from
from dancepose_addon.core.errors import FormatError

from .record_checks import (
    check_any_text,
    check_hex,
    check_identifier,
    check_language,
    check_utc,
    is_real,
    is_utc,
    is_whole,
    key,
    list_of,
    one_of_checks,
    record_of,
    table_of_values,
)
from .records import KINDS, RatingPlan, RatingTrial

STATUSES: Final = ("complete", "partial", "no-consent", "failed", "returned")

_check_count: Final = whole_from(0, 10**6)
_check_ms: Final = number_from(0.0, 1e9)
_check_share: Final = number_from(0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One line of votes.jsonl.

    Attributes:
        plan: Hash of the plan.
        session: Random id of the session.
        slot: Id of the slot.
        trial: Index of the trial.
        kind: Kind of the trial.
        question: Id of the question.
        clips: Ids of the clips in displayed order.
        answer: Pairs and mismatch: -2 to 2 (3 points: -1 to 1; forced: -1 or 1), negative where the first clip is
            better. ACR: 1 to 5. Best-worst: {"best": id, "worst": id}. Sliders: {id: 0 to 100}. Checks: text or number.
        response_ms: Time from the end of watching to the vote, milliseconds.
        coverage: Share of each clip that was watched.
        plays: How often each clip was started.
        stalls: Interruptions of playing.
        dropped_frames: Frames that the browser did not show.
        hidden: How often the page was hidden, by another tab for example.
        problems: What failed while the clips played, as the browser names it.
        viewport: (width, height) of the window, CSS pixels.
        utc: Time of the vote.
    """

    plan: str = key(check_hex)
    session: str = key(check_identifier)
    slot: str = key(check_identifier)
    trial: int = key(_check_count)
    kind: str = key(one_of(*KINDS))
    question: str = key(check_identifier)
    clips: tuple[str, ...] = key(list_of(check_identifier, least=1, most=16))
    answer: Any = key(
        one_of_checks("a number, text or an object", is_real, lambda value: isinstance(value, str | dict))
    )
    response_ms: float = key(_check_ms)
    coverage: tuple[float, ...] = key(list_of(_check_share, most=16), ())
    plays: tuple[int, ...] = key(list_of(_check_count, most=16), ())
    stalls: int = key(_check_count, 0)
    dropped_frames: int = key(_check_count, 0)
    hidden: int = key(_check_count, 0)
    problems: tuple[str, ...] = key(list_of(check_any_text, most=50), ())
    viewport: tuple[int, ...] = key(list_of(_check_count, most=2), ())
    utc: str = key(check_utc)


@dataclass(frozen=True, kw_only=True)
class ConsentRecord:
    """Consent that was given.

    Attributes:
        sha256: Hash of the text that was agreed to, UTF-8.
        utc: When.
    """

    sha256: str = key(check_hex)
    utc: str = key(check_utc)


@dataclass(frozen=True, kw_only=True)
class RaterSession:
    """One line of sessions.jsonl; the last line of a session counts.

    Attributes:
        session: Random id.
        plan: Hash of the plan.
        slot: Id of the slot.
        platform: ``prolific``, ``mturk``, ``file`` or another word.
        participant: HMAC of the platform's id, hexadecimal, or "".
        language: Language of the page.
        browser: Name and version of the browser.
        os: Name of the operating system.
        consent: Consent; null where it was not given.
        checks: Results of sound, size and playback checks, by name.
        started: UTC.
        finished: UTC; "" while the session is open.
        status: ``complete``, ``partial``, ``no-consent``, ``failed`` or ``returned``.
    """

    session: str = key(check_identifier)
    plan: str = key(check_hex)
    slot: str = key(check_identifier)
    platform: str = key(check_any_text, "")
    participant: str = key(check_any_text, "")
    language: str = key(check_language)
    browser: str = key(check_any_text, "")
    os: str = key(check_any_text, "")
    consent: ConsentRecord | None = key(record_of(ConsentRecord, optional=True), None)
    checks: dict[str, Any] = key(table_of_values(lambda value, _where: value), {})
    started: str = key(check_utc)
    finished: str = key(one_of_checks("a time in UTC or nothing", is_utc, lambda value: value == ""), "")
    status: str = key(one_of(*STATUSES))


def check_vote(vote: Vote, plan: RatingPlan, where: str) -> None:
    """Check a vote against its plan.

    Raises:
        FormatError: It belongs to another plan, to no trial of its slot, or its answer is not possible.
    """
    if vote.plan != plan.hash:
        raise FormatError(f"{where} belongs to another plan ({vote.plan[:12]}, expected {plan.hash[:12]}).")
    slot = plan.slot(vote.slot)
    if slot is None or vote.trial >= len(slot.trials):
        raise FormatError(f"{where} answers trial {vote.trial} of slot {vote.slot}, which the plan does not have.")
    trial = slot.trials[vote.trial]
    if (vote.kind, vote.question, vote.clips) != (trial.kind, trial.question, trial.clips):
        raise FormatError(f"{where} shows other clips than trial {vote.trial} of slot {vote.slot} of the plan.")
    if not is_possible_answer(vote.answer, trial, plan):
        raise FormatError(f"{where} has the answer {vote.answer!r:.100}, which its question does not offer.")


def is_possible_answer(answer: Any, trial: RatingTrial, plan: RatingPlan) -> bool:
    """Whether a trial could have been answered so."""
    if trial.kind == "check":
        return is_real(answer) or isinstance(answer, str)
    if plan.design in ("pair", "mismatch"):
        most = 2 if plan.points == 5 else 1
        return is_whole(answer) and abs(answer) <= most and (plan.points != 2 or answer != 0)
    if plan.design == "acr":
        return is_whole(answer) and 1 <= answer <= 5
    if not isinstance(answer, dict):
        return False
    if plan.design == "best-worst":
        picked = [answer.get("best"), answer.get("worst")]
        return set(answer) == {"best", "worst"} and set(picked) <= set(trial.clips) and picked[0] != picked[1]
    return set(answer) == set(trial.clips) and all(is_real(value) and 0 <= value <= 100 for value in answer.values())
