# SPDX-License-Identifier: Apache-2.0
"""The server: slots, votes once each, codes, the board, and what hostile clients send."""

import asyncio
import json
import re
import shutil

import pytest

pytest.importorskip("starlette")

from dancepose.rating.collect.collecting import forget_rater, import_answers
from dancepose.rating.pack.pack_key import PackPaths
from dancepose.rating.record_files import RatingPaths, read_sessions, read_votes
from dancepose.rating.server.request_limits import Rate
from dancepose.rating.server.serving import ServeOptions, prepare_server
from dancepose_addon.core.errors import FormatError
from tests.support.rating_server import UTC, Served


def test_a_session_from_slot_to_code(served) -> None:
    assert served.complete("a1") == {"code": "DONE-1"}
    done = import_answers(served.root, [])
    plan = served.plan
    votes, notices = read_votes(RatingPaths(served.root).votes, plan)
    sessions, _ = read_sessions(RatingPaths(served.root).sessions, plan)
    assert notices == []
    assert done.new_votes == len(votes) == len(plan.slots[0].trials)
    assert [vote.kind for vote in votes] == [trial.kind for trial in plan.slots[0].trials]
    assert [vote.clips for vote in votes] == [trial.clips for trial in plan.slots[0].trials]
    assert [session.status for session in sessions] == ["complete"]
    again = import_answers(served.root, [])
    assert (again.new_votes, again.known_votes) == (0, len(votes))
    for path in (RatingPaths(served.root).votes, RatingPaths(served.root).sessions):
        path.unlink()


def test_the_first_vote_of_a_trial_stays(served) -> None:
    course = served.begin("a1")
    vote = served.vote(course, course["trials"][0], 1)
    assert served.post("/api/vote", vote) == {"stored": True, "new": True}
    assert served.post("/api/vote", vote) == {"stored": True, "new": False}
    assert served.post("/api/vote", {**vote, "answer": -2})["new"] is False
    assert [stored["answer"] for stored in served.desk.store.votes_of("a1")] == [1]


def test_slots_are_leased_expire_and_are_not_given_twice(served) -> None:
    first, second, third = (served.begin(name) for name in ("a1", "a2", "a3"))
    assert {course["slot"] for course in (first, second, third)} == {"s001", "s002", "s003"}
    assert served.begin("a1") == first  # asked again, as after a lost answer
    assert served.post("/api/session", served.session("a4"), 409) == {"error": "full"}
    served.now_s += 59 * 60
    served.post("/api/vote", served.vote(second, second["trials"][0]))
    served.now_s += 2 * 60
    assert served.begin("a4")["slot"] == "s001"
    # A rater who comes back late still has the slot and can continue; nothing is lost.
    assert served.begin("a1")["slot"] == "s001"
    # A clock that jumps back only lengthens leases.
    served.now_s -= 10 * 86400
    assert served.begin("a3")["slot"] == "s003"


def test_slots_without_a_vote_are_given_away_where_no_other_is_free(served) -> None:
    """One visitor who begins sessions and rates nothing keeps others out for five minutes at most."""
    first = served.begin("a1")
    served.post("/api/vote", served.vote(first, first["trials"][0]))
    served.now_s += 1.0
    idle = [served.begin(name)["slot"] for name in ("a2", "a3")]
    served.now_s += 299.0
    assert served.post("/api/session", served.session("b1"), 409) == {"error": "full"}
    served.now_s += 2.0
    assert [served.begin(name)["slot"] for name in ("b1", "b2")] == idle  # the oldest first
    assert served.post("/api/session", served.session("b3"), 409) == {"error": "full"}
    # Those who come back late can still continue.
    assert served.begin("a2")["slot"] == idle[0]
    for name in ("b1", "b2"):
        served.complete(name)
    served.now_s += 400.0
    assert served.post("/api/session", served.session("b3"), 409) == {"error": "full"}


def test_finished_slots_stay_taken(served) -> None:
    assert served.complete("a1") == {"code": "DONE-1"}
    served.now_s += 86400
    assert served.begin("a2")["slot"] == "s002"


def test_a_participant_resumes_from_another_browser(served) -> None:
    who = {"platform": "prolific", "participant": "5f0a"}
    course = served.begin("a1", **who)
    served.post("/api/vote", served.vote(course, course["trials"][0]))
    found = served.post("/api/resume", who)
    assert (found["session"], found["slot"], found["done"]) == ("a1", course["slot"], [0])
    assert served.begin("other", **who)["session"] == "a1"
    assert served.post("/api/resume", {"platform": "mturk", "participant": "5f0a"}) == {"session": None}


def test_ids_of_platforms_are_never_stored(served) -> None:
    served.complete("a1", platform="prolific", participant="SECRETPID")
    served.desk.store.close()
    stored = b"".join(path.read_bytes() for path in served.root.glob("rating.db*"))
    assert b"SECRETPID" not in stored
    assert b"testclient" not in stored  # the address of the client
    (session,) = served.desk.store.everything()[0]
    assert re.fullmatch("[0-9a-f]{64}", session.participant)


@pytest.mark.parametrize(
    "changes",
    [{"consent": None}, {"consent": {"sha256": "00" * 32, "utc": UTC}}, {"language": "xx"}],
    ids=["no consent", "consent to another text", "another language"],
)
def test_a_session_begins_with_the_consent_that_the_page_shows(served, changes: dict) -> None:
    served.post("/api/session", served.session("s", **changes), 422)
    assert served.desk.store.everything()[0] == []


def test_codes_of_every_end(served) -> None:
    assert served.post("/api/finish", served.session("n", status="no-consent", consent=None)) == {"code": "NO-2"}
    served.begin("f")
    failed = served.session("f", status="failed", checks={"sound": {"passed": False, "tries": 3}})
    assert served.post("/api/finish", failed) == {"code": "FAIL-3"}
    assert served.post("/api/finish", failed) == {"code": "FAIL-3"}
    course = served.begin("c")
    assert course["slot"] == "s001"  # the slot of the failed session is free again
    for trial in course["trials"]:
        served.post(
            "/api/vote", served.vote(course, trial, "red" if trial.get("check", {}).get("answer") == "text" else -1)
        )
    done = served.session("c", status="complete", finished=UTC)
    assert served.post("/api/finish", done) == {"code": "CHECK-4"}
    assert served.begin("d")["slot"] == "s001"  # and that of the one who failed the checks
    sessions, _votes, _skipped = served.desk.store.everything()
    assert {session.session: session.status for session in sessions} == {
        "n": "no-consent", "f": "failed", "c": "complete", "d": "partial",
    }  # fmt: skip
    declined = next(session for session in sessions if session.session == "n")
    assert (declined.participant, declined.slot, set(declined.record)) == (
        "", None, {"session", "slot", "platform", "participant", "status"},
    )  # fmt: skip


def test_no_code_before_all_votes_are_there(served) -> None:
    course = served.begin("a1")
    done = served.session("a1", status="complete", finished=UTC)
    assert "not arrived" in served.post("/api/finish", done, 409)["error"]
    for trial in course["trials"]:
        served.post("/api/vote", served.vote(course, trial, None, problems=["missing: 404"]))
    assert served.post("/api/finish", done)["code"] == "CHECK-4"
    import_answers(served.root, [])
    (session,), _ = read_sessions(RatingPaths(served.root).sessions, served.plan)
    assert len(session.checks["skipped"]) == len(course["trials"])
    assert session.checks["skipped"][0] == {"trial": 0, "reason": "missing: 404"}
    for path in (RatingPaths(served.root).votes, RatingPaths(served.root).sessions):
        path.unlink()


WRONG_VOTES = {
    "another plan": {"plan": "ab" * 32},
    "no such trial": {"trial": 99},
    "a negative trial": {"trial": -1},
    "another slot": {"slot": "s002"},
    "other clips": {"clips": ["0" * 20, "1" * 20]},
    "an answer beyond the scale": {"answer": 3},
    "a truth value": {"answer": True},
    "a text": {"answer": "1; DROP TABLE votes"},
    "an unknown key": {"kind": "main"},
    "a wrong time": {"utc": "yesterday"},
    "too long": {"problems": ["x" * 70_000]},
    "a number that is none": {"response_ms": "fast"},
    "negative time": {"response_ms": -5},
    "coverage above one": {"coverage": [2.0, 1.0]},
    "coverage of one clip": {"coverage": [1.0]},
    "no coverage": {"coverage": []},
}


@pytest.mark.parametrize("name", WRONG_VOTES)
def test_impossible_votes_are_refused_and_not_stored(served, name) -> None:
    course = served.begin("a1")
    answer = served.client.post("/api/vote", json={**served.vote(course, course["trials"][0]), **WRONG_VOTES[name]})
    assert answer.status_code in (413, 422)
    assert answer.json()["error"]
    assert served.desk.store.votes_of("a1") == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"nan", b'{"a": NaN}', b"\xff", b"[" * 60_000, b"x" * 70_000, rb'{"browser": "\ud800"}'],
)
@pytest.mark.parametrize("path", ["/api/vote", "/api/session", "/api/finish", "/api/resume"])
def test_damaged_bodies_are_refused(served, path, body) -> None:
    answer = served.client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)


def test_forms_of_other_sites_are_refused(served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = served.client.post("/api/finish", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415


def test_unknown_sessions_and_odd_values_are_refused(served) -> None:
    course = served.begin("a1")
    stranger = {**served.vote(course, course["trials"][0]), "session": "x' OR '1'='1"}
    assert served.client.post("/api/vote", json=stranger).status_code == 422
    assert served.client.post("/api/vote", json={**stranger, "session": "b2"}).status_code == 404
    odd = [
        {"session": "a b"},
        {"status": "complete"},
        {"language": "<b>"},
        {"checks": {"x": "y" * 9000}},
        {"platform": "me", "participant": "x"},
        {"participant": "x" * 300, "platform": "prolific"},
    ]
    for changes in odd:
        assert served.client.post("/api/session", json=served.session("zz", **changes)).status_code in (413, 422)
    assert [session.session for session in served.desk.store.everything()[0]] == ["a1"]


def test_films_have_ranges_and_are_cached(served) -> None:
    name = next(iter(served.desk.key.digests))
    data = (PackPaths(served.root).site / "media" / name).read_bytes()
    whole = served.client.get(f"/media/{name}")
    assert whole.content == data
    assert whole.headers["content-type"] == "video/mp4"
    assert "immutable" in whole.headers["cache-control"]
    part = served.client.get(f"/media/{name}", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, data[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(data)}"


@pytest.mark.parametrize("path", [
    "/media/..%2f..%2fPACK", "/media/../index.html", "/media/%2e%2e/PACK", "/media/..%5cPACK", "/keys/", "/plan.json",
    "/media/", "/media/index.html", "/rating.db", "/media//etc/passwd", "/static/../../plan.json", "/docs", "/api/vote",
])  # fmt: skip
def test_nothing_else_is_shown(served, path) -> None:
    assert served.client.get(path).status_code in (404, 405)


def test_headers_are_strict(served) -> None:
    page = served.client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for answer in (page, served.client.get("/nothing"), served.client.post("/api/vote", json={})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "content-security-policy" in answer.headers
        assert answer.headers["cache-control"] == "no-store"


def test_the_board_needs_the_token_and_names_no_system(served) -> None:
    served.complete("a1")
    client = served.client
    assert client.get("/board").status_code == 403
    assert client.get("/board?token=wrong").status_code == 403
    assert client.post("/board/close").status_code == 403
    moved = client.get("/board?token=owner")
    assert moved.status_code == 303
    assert "token" not in moved.headers["location"]
    cookie = moved.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page = client.get("/board").text
    assert "1 of 3" in page
    assert "2 of 2" in page
    plan = served.plan
    assert [word for word in (*plan.systems, *plan.songs, *(clip.id for clip in plan.clips)) if word in page] == []
    assert client.post("/board/return?slot=s001").status_code == 303
    assert client.post("/board/return?slot=nothing").status_code == 404
    assert served.begin("a2")["slot"] == "s001"
    client.post("/board/close")
    assert served.post("/api/session", served.session("a3"), 409) == {"error": "closed"}
    assert served.begin("a2")["slot"] == "s001"  # those who have begun can finish
    client.post("/board/close")
    assert served.begin("a3")["slot"] == "s002"


def test_too_many_requests_are_turned_away(packed) -> None:
    served = Served(packed, votes=Rate(0.0, 3.0), visits=Rate(0.0, 2.0))
    course = served.begin("a1")
    codes = [
        served.client.post("/api/vote", json=served.vote(course, course["trials"][0])).status_code for _ in range(5)
    ]
    assert codes == [200, 200, 200, 429, 429]
    assert served.client.post("/api/session", json=served.session("a2")).status_code == 200
    assert served.client.post("/api/session", json=served.session("a3")).status_code == 429
    served.desk.store.close()


def test_a_rater_is_forgotten_everywhere(served) -> None:
    served.complete("a1", platform="prolific", participant="P1")
    served.complete("a2", platform="prolific", participant="P2")
    import_answers(served.root, [])
    count = len(served.plan.slots[0].trials)
    assert forget_rater(served.root, platform="prolific", participant="P1") == (1, count)
    assert forget_rater(served.root, platform="prolific", participant="P1") == (0, 0)
    votes, _ = read_votes(RatingPaths(served.root).votes, served.plan)
    sessions, _ = read_sessions(RatingPaths(served.root).sessions, served.plan)
    assert {vote.session for vote in votes} == {session.session for session in sessions} == {"a2"}
    served.desk.store.close()
    stored = b"".join(path.read_bytes() for path in served.root.glob("rating.db*"))
    assert b'"a1"' not in stored
    assert b'"a2"' in stored
    for path in (RatingPaths(served.root).votes, RatingPaths(served.root).sessions):
        path.unlink()


def test_changed_films_are_not_served(packed, tmp_path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(packed, root)
    film = next((PackPaths(root).site / "media").iterdir())
    film.write_bytes(film.read_bytes()[:-1] + b"x")
    with pytest.raises(FormatError, match="changed after packing"):
        prepare_server(root, ServeOptions())


def test_what_the_page_is_given_reveals_no_kind(served) -> None:
    text = json.dumps(served.begin("a1"))
    assert not re.search(r"repeat|gold|main|expected|c00\d", text)


def test_a_client_that_leaves_within_its_request_is_no_error(served) -> None:
    """As a telephone that loses its network: the owner's terminal showed a traceback."""
    received = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[dict] = []

    async def receive() -> dict:
        return next(received)

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/api/vote", "raw_path": b"/api/vote", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/json"), (b"content-length", b"500")],
        "client": ("127.0.0.1", 5), "server": ("testserver", 80),
    }  # fmt: skip
    asyncio.run(served.client.app(scope, receive, send))
    assert sent[0]["status"] == 400
