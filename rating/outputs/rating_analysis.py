# SPDX-License-Identifier: Apache-2.0
"""The analysis of a rating: exclusions, then every question with and without them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
import hashlib
from importlib.metadata import version
from typing import Final

import numpy as np

from dancepose.study.plan.program import program_version
from dancepose_addon.core.bounded_files import MAX_DOCUMENT_BYTES, read_whole
from dancepose_addon.core.counting import counted
from dancepose_addon.core.errors import DancePoseError, InputError
from dancepose_addon.core.progress import Progress, silent

from ..collect.collection_status import missing_sessions
from ..record_files import RatingPaths, read_rating_plan, read_sessions, read_votes
from ..records import RatingPlan
from ..statistics.agreement import retest_agreement
from ..statistics.exclusions import Screened, direction, screen
from ..vote_records import Vote
from .question_analysis import AnalysisOptions, analyse_question
from .results import AnalysisResult, QuestionResult

LEAST_RATERS: Final = 2
THOROUGH: Final = AnalysisOptions()


@dataclass(frozen=True)
class Analysed:
    """An analysis with what it was made from.

    Attributes:
        plan: The plan.
        result: What was found.
        screened: Raters and votes.
    """

    plan: RatingPlan
    result: AnalysisResult
    screened: Screened


def analyse_rating(paths: RatingPaths, options: AnalysisOptions = THOROUGH, progress: Progress = silent) -> Analysed:
    """Analyse the votes in a rating folder.

    Args:
        paths: The files.
        options: How thorough the analysis is.
        progress: Called with the fraction done.

    Raises:
        InputError: There are no votes that can be analysed.
    """
    plan = read_rating_plan(paths.plan)
    found_votes, notices = read_votes(paths.votes, plan)
    found_sessions, more = read_sessions(paths.sessions, plan)
    # The bootstrap draws raters and songs by their number: results must not depend on the order of lines.
    votes = sorted(found_votes, key=lambda vote: (vote.session, vote.trial))
    sessions = sorted(found_sessions, key=lambda session: session.session)
    notices = [*notices, *more]
    progress(0.05, "votes read")
    screened = screen(plan, votes, sessions)
    raters = {rater.session: rater.cluster for rater in screened.raters}
    results: list[QuestionResult] = []
    every: list[QuestionResult] = []
    quick = AnalysisOptions(resamples=0, has_mixed_model=False)
    for number, question in enumerate(plan.questions):
        notices += _without_votes(plan, _of_question(screened.kept, question.id), question.id)
        progress(0.1 + 0.85 * number / len(plan.questions), f"question {question.id}")
        kept = _of_question(screened.kept, question.id)
        _require_clusters(plan, kept, screened, question.id)
        found = analyse_question(plan, question.id, kept, raters, options)
        results += [replace(entry, details=entry.details | _retest(plan, screened, question.id)) for entry in found]
        every += analyse_question(plan, question.id, _of_question(screened.all_main, question.id), raters, quick)
    reasons = _changes(paths, plan)
    lost = sum(not rater.status for rater in screened.raters)
    if lost:
        notices.append(missing_sessions(lost, paths.sessions.name))
    excluded = [rater for rater in screened.raters if rater.reasons]
    result = AnalysisResult(
        plan=plan.hash,
        title=plan.title,
        design=plan.design,
        alpha=plan.analysis.alpha,
        margin=plan.analysis.margin,
        is_exploratory=bool(reasons),
        reasons=reasons,
        counts={
            "raters": len(set(raters.values())),
            "raters_kept": len({rater.cluster for rater in screened.raters if not rater.reasons}),
            "sessions": len(screened.raters),
            "sessions_kept": len(screened.raters) - len(excluded),
            "raters_without_record": lost,
            "main_votes": len([vote for vote in votes if vote.kind == "main"]),
            "main_votes_kept": len(screened.kept),
            "votes_left_out_for_coverage": len(screened.excluded_votes),
        },
        exclusions=dict(Counter(_kind(reason) for rater in excluded for reason in rater.reasons)),
        results=results,
        without_exclusions=every,
        notices=notices,
        versions={"dancepose": program_version(), **{name: version(name) for name in ("numpy", "scipy")}},
    )
    progress(1.0, "analysed")
    return Analysed(plan, result, screened)


def _retest(plan: RatingPlan, screened: Screened, question: str) -> dict[str, float]:
    """Return the agreement of votes with those on repeated pages."""
    pairs = [(one, two) for one, two in screened.repeats if one.question == question]
    if plan.design not in ("pair", "mismatch") or not pairs:
        return {}
    first, second = (np.array([direction(pair[n]) for pair in pairs]) for n in (0, 1))
    found = retest_agreement(first, second)
    if found is None:
        return {}
    return {"retest_count": found.count, "retest_same": found.same_side, "retest_kappa": found.kappa}


def _of_question(votes: Sequence[Vote], question: str) -> list[Vote]:
    return [vote for vote in votes if vote.question == question]


def _without_votes(plan: RatingPlan, votes: Sequence[Vote], question: str) -> list[str]:
    """Name the planned systems and songs that no vote that counts is about: they are missing from all results."""
    shown = [plan.clip(name) for vote in votes for name in vote.clips]
    found = []
    for what, planned, rated in (
        ("system", list(plan.systems), {clip.system for clip in shown}),
        ("song", list(plan.songs), {clip.song for clip in shown}),
    ):
        missing = [name for name in planned if name not in rated]
        if missing:
            found.append(
                f"Question {question} has no vote that counts on {what} {', '.join(missing)}, which the results leave "
                "out. See excluded.csv for the reasons."
            )
    return found


def _require_clusters(plan: RatingPlan, votes: list[Vote], screened: Screened, question: str) -> None:
    """Refuse votes from which no interval follows."""
    raters = {rater.session: rater.cluster for rater in screened.raters}
    reasons = Counter(_kind(reason) for rater in screened.raters for reason in rater.reasons)
    left_out = "; ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
    found = {raters[vote.session] for vote in votes}
    songs = {plan.clip(vote.clips[0]).song for vote in votes}
    for count, what in ((len(found), "rater"), (len(songs), "song")):
        if count < LEAST_RATERS:
            raise InputError(
                f"Question {question} has votes of {counted(count, what)} that count; an interval needs at least two. "
                f"Left out of {counted(len(screened.raters), 'rater')}: {left_out or 'none'}. Collect more votes. "
                "The rules are those of the plan: a change of the rating file has no effect on votes that were planned."
            )


def _changes(paths: RatingPaths, plan: RatingPlan) -> list[str]:
    """Return why the analysis is exploratory: the rating file is no longer that of the plan."""
    if not plan.analysis.file_sha256:
        return ["the plan does not name the rating file that it was made from"]
    try:
        data = read_whole(paths.file, limit_bytes=MAX_DOCUMENT_BYTES, what="a rating file")
    except DancePoseError:
        return [f"{paths.file.name} cannot be read, so it cannot be compared with the plan"]
    if hashlib.sha256(data).hexdigest() != plan.analysis.file_sha256:
        return [f"{paths.file.name} was changed after the plan was made; the rules and values used here are the plan's"]
    return []


def _kind(reason: str) -> str:
    """Return a reason without its numbers, for counting."""
    words = [word for word in reason.split() if not any(letter.isdigit() for letter in word)]
    return " ".join(words)
