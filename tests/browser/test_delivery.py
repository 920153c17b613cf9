# SPDX-License-Identifier: Apache-2.0
"""The pages without a server: by double click with the network off, and under JATOS; and the other designs."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
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
window.jatos = {
    urlQueryParameters: {PROLIFIC_PID: "JATOSPID"}, studyResultId: 4,
    onLoad: (start) => start(),
    submitResultData: async (data) => { window.submitted = data; },
    endStudy: () => { window.hasEnded = true; },
};
"""


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


def test_a_session_under_jatos(page, rating, tmp_path) -> None:
    index = unpacked(rating, "rating.jzip", tmp_path / "jatos")
    (index.parent / "jatos.js").write_text(JATOS)
    handler = partial(SimpleHTTPRequestHandler, directory=str(index.parent))
    handler.log_message = lambda *_words: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
        rater = Rater(page)
        rater.session()
        page.wait_for_function("() => window.hasEnded")
        (tmp_path / "results.txt").write_text(page.evaluate("window.submitted"), encoding="utf-8")
    finally:
        server.shutdown()
        server.server_close()
    assert import_answers(rating, [tmp_path / "results.txt"]).new_votes == len(rater.answered)
    plan = read_rating_plan(RatingPaths(rating).plan)
    (session,), _ = read_sessions(RatingPaths(rating).sessions, plan)
    assert (session.platform, session.slot, len(session.participant)) == ("prolific", "s002", 64)


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
