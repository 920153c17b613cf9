# SPDX-License-Identifier: Apache-2.0
"""What each rater did, and which raters and votes the rules of the plan leave out."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
import math
from statistics import median
from typing import Final

import numpy as np

from ..records import RatingPlan, RatingTrial
from ..vote_records import RaterSession, Vote
from .screening import fit_rater_model, rater_correlations
from .sliders import fails_hidden_reference

NO_RECORD: Final = "no record of the session"
SAME_ANSWERS: Final = 10
"""Answers from which the share of one of them is judged."""


@dataclass(frozen=True)
class RaterRecord:
    """What a rater did.

    Attributes:
        session: Id of the session.
        slot: Id of the slot.
        participant: HMAC of the platform's id, or "".
        platform: Where the rater came from.
        language: Language of the page.
        status: Status of the session, "" without a session.
        main_votes: Number of main votes.
        failed_checks: Attention checks that were failed.
        failed_gold: Gold items that were failed.
        median_ms: Median response time of main votes.
        fast_share: Share of fast votes.
        same_answer_share: Share of the most frequent answer; 0 with fewer than ten answers that can be equal.
        first_share: Share of decided votes for the left clip; NaN where there are no sides.
        retest_same: Share of repeats with the same direction; NaN without repeats.
        correlation: With the mean of the others (P.910).
        bias: Offset of the rater (P.910), for single scores.
        inconsistency: Standard deviation of the rater (P.910), for single scores.
        dropped_frames: Frames that were not shown, in all votes.
        stalls: Interruptions of playing, in all votes.
        reasons: Why the rater is left out; () if not.
    """

    session: str
    slot: str = ""
    participant: str = ""
    platform: str = ""
    language: str = ""
    status: str = ""
    main_votes: int = 0
    failed_checks: int = 0
    failed_gold: int = 0
    median_ms: float = math.nan
    fast_share: float = 0.0
    same_answer_share: float = 0.0
    first_share: float = math.nan
    retest_same: float = math.nan
    correlation: float = math.nan
    bias: float = math.nan
    inconsistency: float = math.nan
    dropped_frames: int = 0
    stalls: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def cluster(self) -> str:
        """Whom the votes are of: the participant if known, otherwise the session."""
        return self.participant or self.session


@dataclass(frozen=True)
class Screened:
    """Votes after screening.

    Attributes:
        raters: All raters with what they did.
        kept: Main votes that count.
        all_main: All main votes of raters who gave consent.
        repeats: (main vote, repeat) of raters who are kept.
        excluded_votes: Votes of kept raters that are left out, with the reason.
    """

    raters: tuple[RaterRecord, ...]
    kept: tuple[Vote, ...]
    all_main: tuple[Vote, ...]
    repeats: tuple[tuple[Vote, Vote], ...] = ()
    excluded_votes: tuple[tuple[Vote, str], ...] = field(default=())


def screen(plan: RatingPlan, votes: list[Vote], sessions: list[RaterSession]) -> Screened:
    """Apply the exclusion rules of a plan.

    Args:
        plan: The plan.
        votes: All votes.
        sessions: All sessions.
    """
    by_session: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_session[vote.session].append(vote)
    known = {session.session: session for session in sessions}
    names = list(dict.fromkeys([*known, *by_session]))
    raters = [_record(plan, name, by_session.get(name, []), known.get(name)) for name in names]
    raters = _with_screening(plan, raters, by_session)
    raters = [replace(rater, reasons=_reasons(plan, rater, by_session.get(rater.session, []))) for rater in raters]
    kept: list[Vote] = []
    every: list[Vote] = []
    left_out: list[tuple[Vote, str]] = []
    repeats: list[tuple[Vote, Vote]] = []
    for rater in raters:
        if rater.status in ("", "no-consent", "returned"):
            continue
        main = [vote for vote in by_session.get(rater.session, []) if vote.kind == "main"]
        every += main
        if rater.reasons:
            continue
        repeats += repeated_votes(by_session.get(rater.session, []))
        for vote in main:
            if len(vote.coverage) < len(vote.clips) and plan.exclusion.coverage_least > 0.0:
                left_out.append((vote, "no record of what was watched"))
            elif vote.coverage and min(vote.coverage) < plan.exclusion.coverage_least:
                # Rounded down, so that the share is below the limit as it is printed.
                left_out.append((vote, f"watched {math.floor(1000.0 * min(vote.coverage)) / 10.0:g}% of a clip"))
            else:
                kept.append(vote)
    return Screened(tuple(raters), tuple(kept), tuple(every), tuple(repeats), tuple(left_out))


def repeated_votes(votes: list[Vote]) -> list[tuple[Vote, Vote]]:
    """Return main votes of a session with the votes on their repeats."""
    main = {(vote.question, frozenset(vote.clips)): vote for vote in votes if vote.kind == "main"}
    found = []
    for vote in votes:
        first = main.get((vote.question, frozenset(vote.clips)))
        if vote.kind == "repeat" and first is not None:
            found.append((first, vote))
    return found


def direction(vote: Vote) -> float:
    """Return the answer of a pair in the direction of the alphabetical order of its clips: positive for the first."""
    return float(-vote.answer if vote.clips[0] <= vote.clips[-1] else vote.answer)


def passes_check(trial: RatingTrial, vote: Vote, plan: RatingPlan) -> bool:
    """Whether an attention check or a gold item was answered as expected."""
    assert trial.check is not None
    expected = trial.check.expected
    if trial.kind == "check":
        return _normal(vote.answer) == _normal(expected)
    if plan.design in ("pair", "mismatch"):
        return bool(vote.answer > 0) if trial.clips[0] == expected else bool(vote.answer < 0)
    if plan.design == "acr":
        return bool(vote.answer <= 2)
    if plan.design == "best-worst":
        return bool(vote.answer["worst"] == expected)
    others = [value for clip, value in vote.answer.items() if clip != expected]
    return bool(vote.answer[expected] < np.mean(others))


def _normal(answer: object) -> str:
    try:
        return f"{float(str(answer).strip()):g}"
    except ValueError:
        return str(answer).strip().casefold()


def _record(plan: RatingPlan, name: str, votes: list[Vote], session: RaterSession | None) -> RaterRecord:
    main = [vote for vote in votes if vote.kind == "main"]
    failed: Counter[str] = Counter()
    slot = plan.slot(votes[0].slot) if votes else None
    for vote in votes:
        if slot is not None and vote.kind in ("check", "gold"):
            failed[vote.kind] += not passes_check(slot.trials[vote.trial], vote, plan)
    has_sides = plan.design in ("pair", "mismatch")
    decided = [vote for vote in main if has_sides and vote.answer != 0]
    answers = Counter(str(answer) for vote in main for answer in _comparable_answers(plan, vote))
    retests = (
        [np.sign(direction(one)) == np.sign(direction(two)) for one, two in repeated_votes(votes)] if has_sides else []
    )
    return RaterRecord(
        session=name,
        slot=session.slot if session else (votes[0].slot if votes else ""),
        participant=session.participant if session else "",
        platform=session.platform if session else "",
        language=session.language if session else "",
        status=session.status if session else "",
        main_votes=len(main),
        failed_checks=failed["check"],
        failed_gold=failed["gold"],
        median_ms=median([vote.response_ms for vote in main]) if main else math.nan,
        fast_share=float(np.mean([vote.response_ms < plan.exclusion.fastest_ms for vote in main])) if main else 0.0,
        same_answer_share=max(answers.values()) / answers.total() if answers.total() >= SAME_ANSWERS else 0.0,
        first_share=float(np.mean([vote.answer < 0 for vote in decided])) if decided else math.nan,
        retest_same=float(np.mean(retests)) if retests else math.nan,
        dropped_frames=sum(vote.dropped_frames for vote in votes),
        stalls=sum(vote.stalls for vote in votes),
    )


def _comparable_answers(plan: RatingPlan, vote: Vote) -> list[object]:
    """Return the answers of a page that can equal those of other pages; in best-worst they are the page's own clips."""
    if plan.design == "best-worst":
        return []
    return list(vote.answer.values()) if plan.design == "sliders" else [vote.answer]


def most_equal_answers(plan: RatingPlan) -> int:
    """Return how many answers of a rater can equal one another, at most."""
    pages = [[len(trial.clips) for trial in slot.trials if trial.kind == "main"] for slot in plan.slots]
    return {"best-worst": 0, "sliders": max(map(sum, pages))}.get(plan.design, max(map(len, pages)))


def _with_screening(
    plan: RatingPlan, raters: list[RaterRecord], by_session: dict[str, list[Vote]]
) -> list[RaterRecord]:
    """Add correlation, bias and inconsistency."""
    if plan.design == "best-worst":
        return raters
    items: dict[tuple[str, str], int] = {}
    rows: list[tuple[int, int, float]] = []
    for number, rater in enumerate(raters):
        for vote in by_session.get(rater.session, []):
            if vote.kind != "main":
                continue
            for name, value in _scores(plan, vote):
                rows.append((items.setdefault((vote.question, name), len(items)), number, value))
    if not rows:
        return raters
    item, rater_index, score = (np.array(column) for column in zip(*rows, strict=True))
    is_signed = plan.design in ("pair", "mismatch")
    correlations = rater_correlations(item, rater_index, score, is_signed=is_signed)
    found = [
        replace(rater, correlation=float(r)) for rater, r in zip(raters[: len(correlations)], correlations, strict=True)
    ]
    found += raters[len(correlations) :]
    if plan.design not in ("acr", "sliders"):
        return found
    model = fit_rater_model(item, rater_index, score)
    for number in range(len(model.bias)):
        if np.any(rater_index == number):
            bias, noise = float(model.bias[number]), float(model.inconsistency[number])
            found[number] = replace(found[number], bias=bias, inconsistency=noise)
    return found


def _scores(plan: RatingPlan, vote: Vote) -> list[tuple[str, float]]:
    if plan.design in ("pair", "mismatch"):
        return [("|".join(sorted(vote.clips)), direction(vote))]
    if plan.design == "acr":
        return [(vote.clips[0], float(vote.answer))]
    return [(clip, float(value)) for clip, value in vote.answer.items()]


def _reasons(plan: RatingPlan, rater: RaterRecord, votes: list[Vote]) -> tuple[str, ...]:
    rules = plan.exclusion
    reasons = []
    if rater.status in ("", "no-consent", "returned"):
        reasons.append({"": NO_RECORD, "no-consent": "no consent"}.get(rater.status, "returned"))
    if rater.status != "complete" and not rules.keeps_partial:
        reasons.append("not finished")
    if rater.main_votes < rules.votes_least:
        reasons.append(f"{rater.main_votes} main votes")
    if rater.failed_checks > rules.failed_checks_most:
        reasons.append(f"failed {rater.failed_checks} attention checks")
    if rater.failed_gold > rules.failed_gold_most:
        reasons.append(f"failed {rater.failed_gold} gold items")
    if rater.fast_share > rules.fast_share_most:
        reasons.append(f"{rater.fast_share:.0%} fast votes")
    if rater.same_answer_share > rules.same_answer_share_most:
        reasons.append(f"{rater.same_answer_share:.0%} equal answers")
    if rules.correlation_least is not None and rater.correlation < rules.correlation_least:
        reasons.append(f"correlation {rater.correlation:.2f} with the others")
    if plan.design == "sliders" and plan.hidden_reference:
        scores = [
            float(value)
            for vote in votes
            if vote.kind == "main"
            for clip, value in vote.answer.items()
            if plan.clip(clip).system == plan.hidden_reference and plan.clip(clip).treatment == "none"
        ]
        if fails_hidden_reference(np.array(scores), rules.hidden_reference_least):
            reasons.append("scored the hidden reference too low too often")
    return tuple(reasons)
