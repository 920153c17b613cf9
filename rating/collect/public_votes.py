# SPDX-License-Identifier: Apache-2.0
"""Votes and sessions as the page sends them, checked and translated into the plan's own names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.printable_text import quoted

from ..pack.pack_key import PackKey
from ..record_checks import IDENTIFIER, check_any_text, check_identifier, is_whole, key, one_of_checks, record_from
from ..records import RatingPlan, RatingTrial
from ..vote_records import RaterSession, Vote, check_vote

PASSED_ON: Final = (
    "plan", "session", "slot", "trial", "question", "response_ms", "coverage", "plays", "stalls", "dropped_frames",
    "hidden", "problems", "viewport", "utc",
)  # fmt: skip
PUBLIC_KEYS: Final = {*PASSED_ON, "clips", "answer"}
SESSION_KEYS: Final = (
    "session", "plan", "slot", "language", "browser", "os", "consent", "checks", "started", "finished", "status",
)  # fmt: skip
MOST_CHECKS: Final = 4000
"""Characters of the results of sound and picture checks."""


@dataclass(frozen=True)
class SkippedTrial:
    """A trial that could not be answered, because a film did not load.

    Attributes:
        session: Id of the session.
        slot: Id of the slot.
        trial: Index of the trial.
        reason: What the browser said.
    """

    session: str = key(check_identifier)
    slot: str = key(check_identifier)
    trial: int = key(one_of_checks("a whole number", is_whole))
    reason: str = key(check_any_text)


def vote_from_page(value: Any, plan: RatingPlan, key: PackKey) -> Vote | SkippedTrial:
    """Translate one vote of the page.

    Args:
        value: JSON value that the page sent.
        plan: The plan.
        key: Key of the pack that the page belongs to.

    Returns:
        The vote with the names of the plan, or the trial that was skipped.

    Raises:
        FormatError: It is damaged, belongs to another plan, or answers what was not asked.
    """
    if not isinstance(value, Mapping):
        raise FormatError("A vote is no JSON object.")
    unknown = set(value) - PUBLIC_KEYS
    if unknown:
        raise FormatError(f"A vote has the unknown key {quoted(sorted(map(str, unknown))[0])}.")
    trial = _trial_of(value, plan)
    if value.get("clips") != [key.films[clip] for clip in trial.clips]:
        raise FormatError(f"A vote shows other clips than trial {trial.index} of slot {value.get('slot')} of the plan.")
    if value.get("answer") is None:
        return _skipped(value, trial)
    record = {name: value[name] for name in PASSED_ON if name in value}
    record |= {"kind": trial.kind, "clips": list(trial.clips), "answer": _answer(value["answer"], plan, key)}
    vote = record_from(Vote, record, "A vote")
    check_vote(vote, plan, "A vote")
    if len(vote.coverage) != len(vote.clips):
        raise FormatError(
            f"A vote has the coverage of {counted(len(vote.coverage), 'clip')}, expected {len(vote.clips)}."
        )
    return vote


def _trial_of(value: Mapping[str, Any], plan: RatingPlan) -> RatingTrial:
    if value.get("plan") != plan.hash:
        raise FormatError(
            f"A vote belongs to another plan ({quoted(value.get('plan'))}, expected {plan.hash[:12]}...)."
        )
    slot = plan.slot(value["slot"]) if isinstance(value.get("slot"), str) else None
    index = value.get("trial")
    if slot is None or not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(slot.trials):
        raise FormatError(
            f"A vote answers trial {quoted(index)} of slot {quoted(value.get('slot'))}, which the plan does not have."
        )
    return slot.trials[index]


def _skipped(value: Mapping[str, Any], trial: RatingTrial) -> SkippedTrial:
    session, slot, problems = value.get("session"), value.get("slot"), value.get("problems")
    if not isinstance(session, str) or not IDENTIFIER.fullmatch(session) or not isinstance(slot, str):
        raise FormatError("A vote names no session.")
    reason = str(problems[-1])[:200] if isinstance(problems, list) and problems else "no answer"
    return SkippedTrial(session, slot, trial.index, reason)


def _answer(answer: Any, plan: RatingPlan, key: PackKey) -> Any:
    """Return an answer with the clips' ids; what names no clip stays as it is, and fails the check of the vote."""
    if not isinstance(answer, Mapping):
        return answer
    ids = key.clip_ids()
    if plan.design == "best-worst":
        return {str(name): ids.get(str(clip), clip) for name, clip in answer.items()}
    return {ids.get(str(clip), str(clip)): value for clip, value in answer.items()}


def session_from_page(value: Any, plan: RatingPlan, platform: str, participant: str) -> RaterSession:
    """Translate the session of the page.

    Args:
        value: JSON value that the page sent.
        plan: The plan.
        platform: Where the rater comes from.
        participant: HMAC of the platform's id, or "".

    Raises:
        FormatError: It is damaged or belongs to another plan.
    """
    if not isinstance(value, Mapping):
        raise FormatError("A session is no JSON object.")
    if value.get("plan") != plan.hash:
        raise FormatError(
            f"A session belongs to another plan ({quoted(value.get('plan'))}, expected {plan.hash[:12]}...)."
        )
    record = {name: value[name] for name in SESSION_KEYS if name in value}
    record |= {"platform": platform, "participant": participant, "finished": record.get("finished") or ""}
    session = record_from(RaterSession, record, "A session")
    if plan.slot(session.slot) is None:
        raise FormatError(f"A session has the slot {quoted(session.slot)}, which the plan does not have.")
    if len(str(session.checks)) > MOST_CHECKS or max(map(len, (session.browser, session.os))) > 100:
        raise FormatError("A session describes its browser and checks at a length that the page never does.")
    return session
