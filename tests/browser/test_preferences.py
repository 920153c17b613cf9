# SPDX-License-Identifier: Apache-2.0
"""Twenty simulated raters with known preferences rate through the page and the server; the analysis finds them."""

import numpy as np
import pytest

from dancepose.rating.collect.collecting import import_answers
from dancepose.rating.pack.pack_key import PackPaths, current_pack_key
from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.record_files import RatingPaths, read_rating_plan, read_votes
from dancepose.rating.statistics.pair_estimates import estimate_pairs, link_for
from dancepose.rating.statistics.pair_tables import PairVotes
from tests.browser.rater import LISTEN, Rater
from tests.support.rating_cases import SONGS, SYSTEMS, small_plan

RATERS = 20
WORTHS = {"amber": 1.2, "birch": 0.0, "cedar": -1.2}
"""Log worths of the systems on the scale of Bradley and Terry."""


@pytest.mark.timeout(3600)
def test_known_preferences_are_found(browser, serve, tmp_path) -> None:
    plan = small_plan(tmp_path, slots=RATERS, length_s=0.4)
    make_pack(tmp_path, PackOptions())
    clips = current_pack_key(PackPaths(tmp_path), plan).clip_ids()
    server = serve(tmp_path)
    generator = np.random.default_rng(5)

    def decide(trial):
        if "check" in trial:
            return "blue" if trial["check"]["answer"] == "text" else "7"
        first, second = (WORTHS[plan.clip(clips[name]).system] for name in trial["clips"])
        # A latent preference with logistic noise, cut into five answers.
        latent = second - first + generator.logistic()
        return int(np.digitize(latent, [-1.5, -0.4, 0.4, 1.5])) - 2

    for number in range(RATERS):
        context = browser.new_context(locale="en-GB")
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.goto(f"{server.address}?PROLIFIC_PID=rater{number}")
        Rater(page, decide).session()
        page.get_by_text("DONE-1").wait_for(timeout=30000)
        context.close()
    import_answers(tmp_path, [])
    plan = read_rating_plan(RatingPaths(tmp_path).plan)
    votes, notices = read_votes(RatingPaths(tmp_path).votes, plan)
    assert notices == []
    assert len(votes) == sum(len(slot.trials) for slot in plan.slots)
    main = [vote for vote in votes if vote.kind == "main"]
    estimate = estimate_pairs(pair_votes(plan, main), link_for(5))
    worths = estimate.worths - estimate.worths.mean()
    # Errors of the estimate from 120 votes are about .25; the thresholds of the simulation do not change the worths.
    assert worths == pytest.approx(list(WORTHS.values()), abs=0.75)
    # An estimate that owes nothing to the project's statistics: shares of wins.
    wins = np.zeros((3, 3))
    for vote in main:
        one, other = (SYSTEMS.index(plan.clip(clip).system) for clip in vote.clips)
        share = 0.5 - vote.answer / 4
        wins[one, other] += share
        wins[other, one] += 1 - share
    strength = wins.sum(axis=1) / (wins + wins.T).sum(axis=1)
    assert strength[0] > 0.6 > strength[1] > 0.4 > strength[2]
    assert list(np.argsort(-worths)) == [0, 1, 2]
    print("worths", worths.round(2), "shares", strength.round(2))


def pair_votes(plan, votes) -> PairVotes:
    shown = [[plan.clip(clip) for clip in vote.clips] for vote in votes]
    sessions = sorted({vote.session for vote in votes})
    return PairVotes(
        SYSTEMS,
        np.array([SYSTEMS.index(one.system) for one, _ in shown]),
        np.array([SYSTEMS.index(other.system) for _, other in shown]),
        np.array([vote.answer + 2 for vote in votes]),
        np.array([sessions.index(vote.session) for vote in votes]),
        np.array([SONGS.index(one.song) for one, _ in shown]),
    )
