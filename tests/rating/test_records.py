# SPDX-License-Identifier: Apache-2.0
"""Plans, votes and sessions are read as they were written, and every fault is one sentence."""

from dataclasses import replace
import json

import pytest

from dancepose.rating.record_checks import plain_values
from dancepose.rating.record_files import (
    line_of,
    read_rating_plan,
    read_sessions,
    read_votes,
    write_lines,
    write_rating_plan,
)
from dancepose.rating.records import (
    ExclusionRules,
    RaterSlot,
    RatingClip,
    RatingPlan,
    RatingQuestion,
    RatingTexts,
    RatingTrial,
)
from dancepose.rating.vote_records import ConsentRecord, RaterSession, Vote
from dancepose_addon.core.errors import FormatError, MissingFileError

UTC = "2026-03-01T12:00:00Z"


def clip(name: str, system: str, song: str) -> RatingClip:
    return RatingClip(
        id=name, system=system, song=song, file=f"clips/{name}.mp4", sha256="ab" * 32, duration_s=10.0, sound_song=song
    )


@pytest.fixture
def plan() -> RatingPlan:
    trials = (
        RatingTrial(index=0, kind="training", question="real", clips=("c1", "c2")),
        RatingTrial(index=1, kind="main", question="real", clips=("c2", "c1")),
    )
    return RatingPlan(
        title="Dances",
        seed=1,
        design="pair",
        languages=("en", "de"),
        questions=(
            RatingQuestion(id="real", text={"en": "Which is better?", "de": "Welcher ist besser?"}, sound=False),
        ),
        clips=(clip("c1", "a", "waltz"), clip("c2", "b", "waltz")),
        slots=(RaterSlot(id="s1", trials=trials),),
        exclusion=ExclusionRules(),
        texts={"en": RatingTexts(consent="I agree.")},
        completion_codes={"complete": "C1"},
    ).sealed()


def vote(plan: RatingPlan, **changes) -> Vote:
    first = Vote(
        plan=plan.hash,
        session="one",
        slot="s1",
        trial=1,
        kind="main",
        question="real",
        clips=("c2", "c1"),
        answer=-2,
        response_ms=812.5,
        coverage=(1.0, 0.97),
        plays=(1, 2),
        viewport=(1280, 720),
        utc=UTC,
    )
    return replace(first, **changes)


def session(plan: RatingPlan, **changes) -> RaterSession:
    first = RaterSession(session="one", plan=plan.hash, slot="s1", language="de", started=UTC, status="partial")
    return replace(first, **changes)


def test_a_plan_is_read_as_it_was_written(tmp_path, plan: RatingPlan) -> None:
    path = tmp_path / "plan.json"
    assert write_rating_plan(path, plan) == plan
    assert read_rating_plan(path) == plan
    assert json.loads(path.read_text())["format"] == "dancepose-rating-plan"
    assert plan.systems == ("a", "b")
    assert plan.songs == ("waltz",)


def test_a_changed_plan_is_refused(tmp_path, plan: RatingPlan) -> None:
    path = tmp_path / "plan.json"
    write_rating_plan(path, plan)
    path.write_text(path.read_text().replace('"seed": 1', '"seed": 2'))
    with pytest.raises(FormatError, match="was changed after it was written"):
        read_rating_plan(path)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"format": "other"}', "[" * 10000, '{"seed": NaN}'])
def test_a_damaged_plan_is_one_sentence(tmp_path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"plan\.json"):
        read_rating_plan(path)
    with pytest.raises(MissingFileError, match="dancepose rate plan"):
        read_rating_plan(tmp_path / "none.json")


def test_votes_and_sessions_are_read_as_they_were_written(tmp_path, plan: RatingPlan) -> None:
    votes = [vote(plan), vote(plan, session="two", answer=0, problems=("rhythm", "größer"))]
    sessions = [session(plan, consent=ConsentRecord(sha256="cd" * 32, utc=UTC), checks={"sound": True, "width": 1280})]
    write_lines(tmp_path / "votes.jsonl", votes)
    write_lines(tmp_path / "sessions.jsonl", sessions)
    assert read_votes(tmp_path / "votes.jsonl", plan) == (votes, [])
    assert read_sessions(tmp_path / "sessions.jsonl", plan) == (sessions, [])


def test_votes_that_are_there_twice_count_once(tmp_path, plan: RatingPlan) -> None:
    path = tmp_path / "votes.jsonl"
    write_lines(path, [vote(plan), vote(plan, answer=1)])
    with path.open("a") as file:
        file.write(line_of(vote(plan, session="three"))[:-40])
    votes, notices = read_votes(path, plan)
    assert [one.answer for one in votes] == [-2]
    assert [notice.split()[0] for notice in notices] == ["The", "votes.jsonl"]


def test_the_last_line_of_a_session_counts(tmp_path, plan: RatingPlan) -> None:
    path = tmp_path / "sessions.jsonl"
    write_lines(path, [session(plan), session(plan, status="complete", finished=UTC)])
    assert [one.status for one in read_sessions(path, plan)[0]] == ["complete"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan": "0" * 64}, "belongs to another plan"),
        ({"slot": "s9"}, "which the plan does not have"),
        ({"trial": 7}, "which the plan does not have"),
        ({"clips": ["c1", "c2"]}, "shows other clips"),
        ({"answer": 3}, "does not offer"),
        ({"answer": True}, "expected a number, text or an object"),
        ({"answer": 1.5}, "does not offer"),
        ({"response_ms": -1}, "expected a number from 0"),
        ({"utc": "yesterday"}, "expected a time in UTC"),
        ({"utc": "2026-99-29T12:00:00Z"}, "expected a time in UTC"),
        ({"utc": "0000-01-01T00:00:00Z"}, "expected a time in UTC"),
        ({"utc": "2026-02-29T12:00:00Z"}, "expected a time in UTC"),
        ({"utc": "2026-03-01T24:01:00Z"}, "expected a time in UTC"),
        ({"address": "10.0.0.1"}, "unknown key 'address'"),
    ],
)
def test_a_wrong_vote_is_one_sentence(tmp_path, plan: RatingPlan, change: dict, said: str) -> None:
    values = plain_values(vote(plan)) | change
    path = tmp_path / "votes.jsonl"
    path.write_text(json.dumps(values) + "\n")
    with pytest.raises(FormatError, match=f"^votes.jsonl, line 1.*{said}"):
        read_votes(path, plan)
