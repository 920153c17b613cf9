# SPDX-License-Identifier: Apache-2.0
"""The pages without a server: by double click with the network off, and under JATOS; and the other designs."""

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import threading
import zipfile

from playwright.sync_api import expect
import pytest

from dancepose.rating.collect.collecting import import_answers
from dancepose.rating.pack.pack_key import PackPaths
from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.record_files import RatingPaths, read_rating_plan, read_sessions, read_votes
from tests.browser.rater import Rater
from tests.support.rating_cases import small_plan

JATOS = """
const given = new URLSearchParams(location.search);
window.submissions = [];
window.jatos = {
    urlQueryParameters: given.has("who") ? {PROLIFIC_PID: given.get("who")} : {},
    studyResultId: Number(given.get("run")),
    onLoad: (start) => start(),
    submitResultData: async (data) => { window.submissions.push(data); },
    endStudy: () => { window.hasEnded = true; },
};
"""
"""What the page uses of jatos.js, with the behaviour that its reference describes: data that is submitted replaces the
data before."""


def unpacked(rating: Path, name: str, out: Path) -> Path:
    with zipfile.ZipFile(PackPaths(rating).pack / name) as archive:
        archive.extractall(out)
    return next(out.rglob("index.html"))


def test_a_session_by_double_click_without_a_network(page, context, rating, tmp_path, pictures) -> None:
    context.set_offline(True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    index = unpacked(rating, "rating.zip", tmp_path / "rater")
    page.goto(index.as_uri())
    page.get_by_role("textbox", name="Your number").fill("2")
    page.screenshot(path=pictures / "file-consent.png")
    rater = Rater(page)
    rater.session()
    assert {address.split(":")[0] for address in asked} <= {"file", "blob"}
    with page.expect_download() as download:
        rater.press("Save the answers file")
    page.screenshot(path=pictures / "file-thanks.png")
    answers = tmp_path / download.value.suggested_filename
    download.value.save_as(answers)
    page.reload()  # and again after a reload
    with page.expect_download() as download:
        rater.press("Save the answers file")
    download.value.save_as(tmp_path / "again.jsonl")
    done = import_answers(rating, [answers, tmp_path / "again.jsonl"])
    assert (done.new_votes, done.known_votes) == (len(rater.answered), len(rater.answered))
    plan = read_rating_plan(RatingPaths(rating).plan)
    votes, _ = read_votes(RatingPaths(rating).votes, plan)
    assert [vote.answer for vote in votes] == rater.answers()
    assert {vote.slot for vote in votes} == {"s002"}
    assert min(min(vote.coverage) for vote in votes) >= 0.95
    rater.press("Start for another person")
    expect(page.get_by_role("heading", name="Consent")).to_be_visible()


def test_a_reload_without_a_server_continues(page, rating, tmp_path) -> None:
    page.goto(unpacked(rating, "rating.zip", tmp_path / "rater").as_uri())
    rater = Rater(page)
    rater.before_items()
    rater.item()
    rater.item()
    page.reload()
    page.wait_for_selector("form")
    assert rater.trial()["index"] == 2


@pytest.fixture
def jatos(rating, tmp_path) -> Iterator[str]:
    """The address of the study archive under an interface like JATOS."""
    index = unpacked(rating, "rating.jzip", tmp_path / "jatos")
    (index.parent / "jatos.js").write_text(JATOS)
    handler = partial(SimpleHTTPRequestHandler, directory=str(index.parent))
    handler.log_message = lambda *_words: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/index.html"
    server.shutdown()
    server.server_close()


def submitted(page, tmp_path) -> Path:
    """The result of the run, as JATOS exports it."""
    path = tmp_path / "results.txt"
    path.write_text(page.evaluate("window.submissions.at(-1)"), encoding="utf-8")
    return path


def test_a_session_under_jatos(page, rating, jatos, tmp_path) -> None:
    page.goto(f"{jatos}?run=4&who=JATOSPID")
    rater = Rater(page)
    rater.session()
    page.wait_for_function("() => window.hasEnded")
    assert import_answers(rating, [submitted(page, tmp_path)]).new_votes == len(rater.answered)
    plan = read_rating_plan(RatingPaths(rating).plan)
    (session,), _ = read_sessions(RatingPaths(rating).sessions, plan)
    assert (session.platform, session.slot, len(session.participant)) == ("prolific", "s002", 64)


def test_jatos_has_the_answers_of_raters_who_leave_early(page, rating, jatos, tmp_path) -> None:
    page.goto(f"{jatos}?run=4")
    rater = Rater(page)
    rater.before_items()
    assert page.evaluate("window.submissions") == []
    for count in (1, 2):
        rater.item()
        page.wait_for_function("(count) => window.submissions.length === count", arg=count)
    done = import_answers(rating, [submitted(page, tmp_path)])
    assert (done.new_votes, done.sessions) == (2, 1)
    # The next rater at the same computer has another run, and is another person.
    page.goto(f"{jatos}?run=5")
    expect(page.get_by_role("heading", name="Consent")).to_be_visible()
    # A reload of the first run continues it.
    page.goto(f"{jatos}?run=4")
    page.wait_for_selector("form")
    assert rater.trial()["index"] == 2


class Receiver(BaseHTTPRequestHandler):
    """Stores what is posted, as it is; is busy at first."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        is_busy = self.server.requests == 1
        self.send_response(503 if is_busy else 204)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        if not is_busy:
            self.server.stored.append(body)

    def log_message(self, *_words: object) -> None:
        pass


def test_the_zip_posts_its_answers_to_an_address(page, tmp_path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.requests, server.stored = 0, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        small_plan(tmp_path, length_s=0.6)
        make_pack(tmp_path, PackOptions(post_url=f"http://127.0.0.1:{server.server_address[1]}/answers"))
        page.goto(unpacked(tmp_path, "rating.zip", tmp_path / "rater").as_uri())
        rater = Rater(page)
        rater.session()
        expect(page.get_by_text("All your answers are stored.")).to_be_visible()
        assert page.get_by_role("button", name="Save the answers file").count() == 0
    finally:
        server.shutdown()
        server.server_close()
    (body,) = server.stored
    assert server.requests == 2  # the first answer was that it is busy; nothing else was asked
    (tmp_path / "posted").write_bytes(body)
    assert import_answers(tmp_path, [tmp_path / "posted"]).new_votes == len(rater.answered)


@pytest.mark.parametrize("design", ["acr", "best-worst", "sliders"])
def test_sessions_of_other_designs(page, serve, tmp_path, pictures, design) -> None:
    small_plan(tmp_path, design=design, length_s=0.6)
    make_pack(tmp_path, PackOptions())
    page.goto(serve(tmp_path).address)

    def decide(trial):
        clips = trial["clips"]
        return {"acr": 4, "best-worst": {"best": clips[1 % len(clips)], "worst": clips[0]},
                "sliders": {clip: 30 * place + 10 for place, clip in enumerate(clips)}}[design]  # fmt: skip

    rater = Rater(page, decide)
    rater.before_items()
    page.wait_for_selector("form")
    rater.item()
    page.wait_for_selector("form")
    page.screenshot(path=pictures / f"design-{design}.png", full_page=True)
    while rater.item():
        page.wait_for_function("() => Session.state.stage === 'end' || document.querySelector('form')")
    expect(page.get_by_text("You have reached the end.")).to_be_visible()
    import_answers(tmp_path, [])
    plan = read_rating_plan(RatingPaths(tmp_path).plan)
    votes, _ = read_votes(RatingPaths(tmp_path).votes, plan)
    for vote in votes:
        expected = {
            "acr": 4,
            "best-worst": {"best": vote.clips[1 % len(vote.clips)], "worst": vote.clips[0]},
            "sliders": {clip: 30 * place + 10 for place, clip in enumerate(vote.clips)},
        }[design]
        assert vote.answer == expected
