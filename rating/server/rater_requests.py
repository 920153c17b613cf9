# SPDX-License-Identifier: Apache-2.0
"""What the page of a rater asks of the server: a slot, storing a vote, the end."""

from collections.abc import Callable
from dataclasses import dataclass
import time
from typing import Any, Final

from dancepose_addon.core.errors import FormatError

from ..collect.collection_status import check_is_passed
from ..collect.public_votes import SkippedTrial, session_from_page, vote_from_page
from ..pack.pack_key import PackKey, participant_hash
from ..pack.page_text import PageSource, consent_hashes, public_slot
from ..record_checks import IDENTIFIER, plain_values
from ..records import RatingPlan
from .vote_store import StoredSession, VoteStore

PLATFORM_NAMES: Final = ("prolific", "mturk")
LONGEST_ID: Final = 200


class RefusedError(Exception):
    """A request that is not served.

    Args:
        status: HTTP status.
        reason: A word that the page knows, or a sentence.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class RaterDesk:
    """Answers raters' requests; knows nothing of HTTP.

    Attributes:
        plan: The plan.
        key: Key of the pack that is shown.
        source: What pages are made of.
        store: The database.
        secret: With which ids of platforms are hashed.
        lease_s: After this time without a vote a slot is given to another rater.
        clock: Time of the day, seconds.
    """

    plan: RatingPlan
    key: PackKey
    source: PageSource
    store: VoteStore
    secret: bytes
    lease_s: float
    clock: Callable[[], float] = time.time

    def resume(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the session that a participant of a platform has begun, or null."""
        _platform, participant = self._participant(body)
        known = self.store.find(participant=participant) if participant else None
        if known is None or known.slot is None:
            return {"session": None}
        return {**self._course(known), "consent": known.record.get("consent"), "language": known.record.get("language"),
                "status": known.status, "said": self._said(known)}  # fmt: skip

    def begin(self, body: dict[str, Any]) -> dict[str, Any]:
        """Lease a slot."""
        platform, participant = self._participant(body)
        # The slot is chosen below; one is needed for the check of everything else.
        record = session_from_page({**body, "slot": self.plan.slots[0].id}, self.plan, platform, participant)
        if record.status != "partial":
            raise FormatError("A session begins with the status partial.")
        if record.language not in self.plan.languages:
            raise FormatError("A session has a language that the page does not have.")
        if record.consent is None or record.consent.sha256 not in consent_hashes(self.plan).values():
            raise FormatError("A session begins with the consent to the text that the page shows.")
        found = self.store.lease(plain_values(record), self.plan, now_s=self.clock(), lease_s=self.lease_s)
        if isinstance(found, str):
            raise RefusedError(409, found)
        return self._course(found)

    def vote(self, body: dict[str, Any]) -> dict[str, Any]:
        """Store a vote."""
        vote = vote_from_page(body, self.plan, self.key)
        session = self._session(vote.session)
        if session.slot != vote.slot:
            raise FormatError("A vote names another slot than its session has.")
        if isinstance(vote, SkippedTrial):
            record: dict[str, Any] = {"session": vote.session, "slot": vote.slot, "trial": vote.trial,
                                      "reason": vote.reason}  # fmt: skip
        else:
            record = plain_values(vote)
        is_new = self.store.add_vote(
            vote.session, vote.trial, record, is_skipped=isinstance(vote, SkippedTrial), now_s=self.clock()
        )
        return {"stored": True, "new": is_new}

    def finish(self, body: dict[str, Any]) -> dict[str, Any]:
        """Store the end of a session; return its completion code."""
        platform, _participant = self._participant(body)
        status = body.get("status")
        if status == "no-consent":
            session = body.get("session")
            if not isinstance(session, str) or not IDENTIFIER.fullmatch(session):
                raise FormatError("A session has no id.")
            self.store.decline({"session": session, "platform": platform}, now_s=self.clock())
            return self._code("no-consent")
        known = self._session(body.get("session"))
        if known.status in ("complete", "failed"):  # sent twice
            return self._said(known)
        record = session_from_page({**body, "slot": known.slot}, self.plan, known.platform, known.participant)
        if record.status not in ("complete", "failed"):
            raise FormatError("A session ends with the status complete or failed.")
        slot = self.plan.slot(record.slot)
        if record.status == "complete" and slot and len(self.store.trials_done(record.session)) < len(slot.trials):
            raise RefusedError(409, "Some votes of this session have not arrived yet.")
        is_excluded = record.status == "complete" and self._has_failed_checks(record.session, record.slot)
        self.store.finish(record.session, plain_values(record), is_excluded=is_excluded, now_s=self.clock())
        return self._said(self._session(record.session))

    def _participant(self, body: dict[str, Any]) -> tuple[str, str]:
        platform, identity = body.get("platform", ""), body.get("participant", "")
        if platform == "" and identity == "":
            return "", ""
        if platform not in PLATFORM_NAMES or not isinstance(identity, str) or not 0 < len(identity) <= LONGEST_ID:
            raise FormatError("A session names its platform or participant in a way that no platform does.")
        return platform, participant_hash(self.secret, platform, identity)

    def _session(self, name: Any) -> StoredSession:
        known = self.store.find(session=name) if isinstance(name, str) and IDENTIFIER.fullmatch(name) else None
        if known is None or known.slot is None:
            raise RefusedError(404, "There is no such session. It may have been deleted.")
        return known

    def _course(self, session: StoredSession) -> dict[str, Any]:
        slot = self.plan.slot(session.slot or "")
        if slot is None:
            raise RefusedError(404, "The slot of this session is not in the plan.")
        shown = public_slot(self.source, slot)
        return {"session": session.session, "slot": slot.id, "trials": shown["trials"],
                "done": self.store.trials_done(session.session)}  # fmt: skip

    def _said(self, session: StoredSession) -> dict[str, Any]:
        if session.status == "complete" and self._has_failed_checks(session.session, session.slot):
            return self._code("checks", "complete")
        return self._code(session.status)

    def _code(self, *names: str) -> dict[str, Any]:
        codes = self.plan.completion_codes
        return {"code": next((codes[name] for name in names if name in codes), "")}

    def _has_failed_checks(self, session: str, slot_id: str | None) -> bool:
        votes = {vote["trial"]: vote for vote in self.store.votes_of(session)}
        slot = self.plan.slot(slot_id or "")
        failed = 0
        for trial in slot.trials if slot else ():
            if trial.kind == "check" and trial.check is not None:
                vote = votes.get(trial.index)
                failed += vote is None or not check_is_passed(vote["answer"], trial.check.expected)
        return failed > self.plan.exclusion.failed_checks_most
