# SPDX-License-Identifier: Apache-2.0
"""Progress and quality of a collection. Nothing here is by system, so that watching it cannot bias anything."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
import statistics
from typing import Any

from dancepose_addon.core.counting import counted

from ..records import RatingPlan


@dataclass(frozen=True)
class CollectionStatus:
    """Numbers of a collection.

    Attributes:
        slots: Slots of the plan.
        sessions: Sessions by status.
        slots_complete: Slots that somebody finished.
        votes: Votes of all kinds.
        votes_planned: Votes of the plan.
        cells: How many cells (question and set of clips) of the plan have how many main votes.
        response_median_s: Median time from the end of watching to the vote, seconds; None without votes.
        session_median_min: Median length of finished sessions, minutes; None without any.
        second_side_share: Share of the second side among pair answers that are no ties; .5 is unbiased.
        stalled_share: Share of votes during which a film stalled.
        dropped_mean: Dropped frames per vote.
        hidden_share: Share of votes during which the page was hidden.
        checks: Attention checks that were passed, and all of them.
        skipped: Trials that were skipped because a film did not load.
    """

    slots: int
    sessions: Mapping[str, int]
    slots_complete: int
    votes: int
    votes_planned: int
    cells: Mapping[int, int]
    response_median_s: float | None
    session_median_min: float | None
    second_side_share: float | None
    stalled_share: float | None
    dropped_mean: float | None
    hidden_share: float | None
    checks: tuple[int, int]
    skipped: int


def collection_status(
    plan: RatingPlan, sessions: Iterable[Mapping[str, Any]], votes: Iterable[Mapping[str, Any]], skipped: int = 0
) -> CollectionStatus:
    """Count.

    Args:
        plan: The plan.
        sessions: Records of sessions.
        votes: Records of votes.
        skipped: Trials that were skipped.
    """
    sessions, votes = list(sessions), list(votes)
    signs = [
        vote["answer"] > 0
        for vote in votes
        if plan.design in ("pair", "mismatch")
        and vote["kind"] in ("main", "repeat")
        and isinstance(vote["answer"], int)
        and vote["answer"] != 0
    ]
    response_ms = [vote["response_ms"] for vote in votes if vote["kind"] == "main"]
    return CollectionStatus(
        slots=len(plan.slots),
        sessions=dict(Counter(session["status"] for session in sessions)),
        slots_complete=len({session["slot"] for session in sessions if session["status"] == "complete"}),
        votes=len(votes),
        votes_planned=sum(len(slot.trials) for slot in plan.slots),
        cells=_cells(plan, votes),
        response_median_s=statistics.median(response_ms) / 1000 if response_ms else None,
        session_median_min=_session_length_min(sessions),
        second_side_share=_mean(signs),
        stalled_share=_mean([vote.get("stalls", 0) > 0 for vote in votes]),
        dropped_mean=_mean([vote.get("dropped_frames", 0) for vote in votes]),
        hidden_share=_mean([vote.get("hidden", 0) > 0 for vote in votes]),
        checks=_checks(plan, votes),
        skipped=skipped,
    )


def missing_sessions(count: int, name: str) -> str:
    """Return what to say about sessions that have votes and no record.

    Args:
        count: Number of them.
        name: File that should have the records.
    """
    return (
        f"{name} has no record of {counted(count, 'session')} with votes, which are left out. Restore the file, or "
        "import the answers again."
    )


def _mean(values: list[Any]) -> float | None:
    return sum(values) / len(values) if values else None


def _cells(plan: RatingPlan, votes: list[Mapping[str, Any]]) -> dict[int, int]:
    planned = {
        (trial.question, frozenset(trial.clips)) for slot in plan.slots for trial in slot.trials if trial.kind == "main"
    }
    counts = Counter((vote["question"], frozenset(vote["clips"])) for vote in votes if vote["kind"] == "main")
    return dict(sorted(Counter(counts[cell] for cell in planned).items()))


def _session_length_min(sessions: list[Mapping[str, Any]]) -> float | None:
    lengths = []
    for session in sessions:
        if session["status"] == "complete" and session.get("finished"):
            with suppress(ValueError):  # of a record of an earlier version, which took any text
                start, end = (datetime.fromisoformat(session[name]) for name in ("started", "finished"))
                lengths.append((end - start).total_seconds() / 60)
    return statistics.median(lengths) if lengths else None


def _checks(plan: RatingPlan, votes: list[Mapping[str, Any]]) -> tuple[int, int]:
    passed = asked = 0
    for vote in votes:
        slot = plan.slot(vote["slot"])
        check = slot.trials[vote["trial"]].check if slot else None
        if vote["kind"] == "check" and check is not None:
            asked += 1
            passed += check_is_passed(vote["answer"], check.expected)
    return passed, asked


def check_is_passed(answer: Any, expected: Any) -> bool:
    """Whether an attention check was passed; words are compared without regard to case and spaces around them."""
    if isinstance(answer, str) or isinstance(expected, str):
        return str(answer).strip().casefold() == str(expected).strip().casefold()
    return bool(answer == expected)


def status_lines(status: CollectionStatus) -> list[tuple[str, str]]:
    """Return names and values to print or to show."""

    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.0f} %"

    def number(value: float | None, unit: str) -> str:
        return "-" if value is None else f"{value:.1f} {unit}".strip()

    sessions = ", ".join(f"{count} {name}" for name, count in sorted(status.sessions.items())) or "none"
    cells = ", ".join(f"{count} with {votes}" for votes, count in status.cells.items())
    passed, asked = status.checks
    return [
        ("Slots finished", f"{status.slots_complete} of {status.slots}"),
        ("Sessions", sessions),
        ("Votes", f"{status.votes} of {status.votes_planned}"),
        ("Cells by votes", cells),
        ("Response time, median", number(status.response_median_s, "s")),
        ("Session, median", number(status.session_median_min, "min")),
        ("Attention checks passed", f"{passed} of {asked}"),
        ("Answers for the second side", share(status.second_side_share)),
        ("Votes with stalled films", share(status.stalled_share)),
        ("Dropped frames per vote", number(status.dropped_mean, "")),
        ("Votes with the page hidden", share(status.hidden_share)),
        ("Items skipped", str(status.skipped)),
    ]
