# SPDX-License-Identifier: Apache-2.0
"""Whole sessions in a real browser."""

from playwright.sync_api import expect

from dancepose.rating.collect.collecting import import_answers
from dancepose.rating.record_files import RatingPaths, read_rating_plan, read_sessions, read_votes
from tests.browser.rater import KeyboardRater, Rater
from tests.support.rating_cases import WORDS


def test_a_session_by_mouse(page, serve, rating, pictures) -> None:
    server = serve(rating)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url + (request.post_data or "")))
    page.goto(server.address + "?PROLIFIC_PID=abc123&STUDY_ID=s&SESSION_ID=t")
    rater = Rater(page, pictures=pictures)
    rater.session()
    expect(page.get_by_text("DONE-1")).to_be_visible()
    assert "cc=DONE-1" in page.get_by_role("link").get_attribute("href")
    assert page.url == server.address  # the platform's id has left the address
    plan = read_rating_plan(RatingPaths(rating).plan)
    import_answers(rating, [])
    votes, _ = read_votes(RatingPaths(rating).votes, plan)
    sessions, _ = read_sessions(RatingPaths(rating).sessions, plan)
    slot = plan.slot(votes[0].slot)
    assert [vote.trial for vote in votes] == [trial.index for trial in slot.trials]
    assert [vote.answer for vote in votes] == rater.answers()
    assert all(min(vote.coverage) >= 0.95 for vote in votes)
    assert {plays for vote in votes for plays in vote.plays} == {1}
    assert all(0 <= vote.response_ms < 60000 for vote in votes)
    (session,) = sessions
    assert (session.status, session.platform, session.os) == ("complete", "prolific", "Linux")
    assert len(session.participant) == 64
    assert "abc123" not in RatingPaths(rating).sessions.read_text()
    assert session.checks["sound"] == {"passed": True, "tries": 1}
    # Nothing that was sent or received names a system or a song.
    seen = " ".join(asked) + page.content()
    assert [word for word in WORDS if word in seen] == []
    assert not any(clip.id in seen for clip in plan.clips)


def test_a_session_by_keyboard_only(page, serve, rating) -> None:
    page.goto(serve(rating).address)
    KeyboardRater(page).session()
    expect(page.get_by_text("DONE-1")).to_be_visible()
