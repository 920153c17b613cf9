# SPDX-License-Identifier: Apache-2.0
"""Main votes as arrays for the estimators."""

from collections.abc import Sequence

import numpy as np

from ..records import RatingPlan
from ..vote_records import Vote
from .best_worst import SetVotes
from .mean_scores import ScoreVotes
from .pair_tables import Ints, PairVotes
from .sliders import centred_scores


def indices(names: Sequence[object]) -> Ints:
    """Return the index of each name among the names in order of appearance."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def shown_systems(plan: RatingPlan, vote: Vote) -> list[str]:
    """Return the scale item of every clip of a vote: its system, or system and treatment."""
    clips = [plan.clip(name) for name in vote.clips]
    return [clip.system if clip.treatment == "none" else f"{clip.system} ({clip.treatment})" for clip in clips]


def scale_items(plan: RatingPlan, votes: Sequence[Vote]) -> tuple[str, ...]:
    """Return all scale items of votes: systems in the order of the plan, then treated ones."""
    found = {name for vote in votes for name in shown_systems(plan, vote)}
    return (*(name for name in plan.systems if name in found), *sorted(found.difference(plan.systems)))


def pair_votes(plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str], systems: tuple[str, ...]) -> PairVotes:
    """Return votes on pairs.

    Args:
        plan: The plan.
        votes: Main votes of one question.
        raters: Whom the votes of a session are of.
        systems: The systems of the scale; votes on others are passed over.
    """
    place = {name: number for number, name in enumerate(systems)}
    used = [vote for vote in votes if set(shown_systems(plan, vote)) <= set(place)]
    shown = np.array([[place[name] for name in shown_systems(plan, vote)] for vote in used])
    most = 2 if plan.points == 5 else 1
    answer = np.array([int(vote.answer) for vote in used]) + most
    outcome = answer // 2 if plan.points == 2 else answer
    return PairVotes(systems, shown[:, 0], shown[:, 1], outcome, *_clusters(plan, used, raters))


def score_votes(plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str]) -> ScoreVotes:
    """Return scores of single clips: of ACR as they are, of sliders centred on each page."""
    systems = scale_items(plan, votes)
    place = {name: number for number, name in enumerate(systems)}
    rows = [
        (vote, place[name], float(vote.answer if plan.design == "acr" else vote.answer[clip]))
        for vote in votes
        for name, clip in zip(shown_systems(plan, vote), vote.clips, strict=True)
    ]
    used = [vote for vote, _, _ in rows]
    score = np.array([value for _, _, value in rows])
    if plan.design == "sliders":
        score = centred_scores(score, indices([(vote.session, vote.trial) for vote in used]))
    return ScoreVotes(systems, np.array([number for _, number, _ in rows]), score, *_clusters(plan, used, raters))


def set_votes(plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str], systems: tuple[str, ...]) -> SetVotes:
    """Return best-worst votes."""
    place = {name: number for number, name in enumerate(systems)}
    used = [vote for vote in votes if set(shown_systems(plan, vote)) <= set(place)]
    shown = np.zeros((len(used), len(systems)), dtype=bool)
    picked = np.zeros((len(used), 2), dtype=np.int64)
    for row, vote in enumerate(used):
        by_clip = dict(zip(vote.clips, shown_systems(plan, vote), strict=True))
        shown[row, [place[name] for name in by_clip.values()]] = True
        picked[row] = [place[by_clip[vote.answer[which]]] for which in ("best", "worst")]
    return SetVotes(systems, shown, picked[:, 0], picked[:, 1], *_clusters(plan, used, raters))


def mismatch_votes(
    plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str]
) -> tuple[tuple[str, ...], Ints, Ints, Ints, Ints]:
    """Return systems, and system, preference for the right sound, rater and song of every vote."""
    systems = scale_items(plan, votes)
    place = {name: number for number, name in enumerate(systems)}
    system = np.array([place[plan.clip(vote.clips[0]).system] for vote in votes])
    # An answer is negative where the first clip is better.
    signs = np.array([1 if plan.clip(vote.clips[0]).is_mismatched else -1 for vote in votes])
    preference = signs * np.array([int(vote.answer) for vote in votes])
    return (systems, system, preference, *_clusters(plan, votes, raters))


def _clusters(plan: RatingPlan, votes: Sequence[Vote], raters: dict[str, str]) -> tuple[Ints, Ints]:
    rater = indices([raters.get(vote.session, vote.session) for vote in votes])
    return rater, indices([plan.clip(vote.clips[0]).song for vote in votes])
