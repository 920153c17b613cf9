# SPDX-License-Identifier: Apache-2.0
"""Reloads, crashes, blocked or missing films, a server that goes away, two tabs, and raters who try to skip."""

from playwright.sync_api import expect
import pytest

from dancepose.rating.collect.collecting import import_answers
from dancepose.rating.pack.packing import PackOptions, make_pack
from dancepose.rating.record_files import RatingPaths, read_rating_plan, read_sessions, read_votes
from tests.browser.rater import LISTEN, Rater
from tests.support.rating_cases import small_plan


def collected(rating):
    import_answers(rating, [])
    plan = read_rating_plan(RatingPaths(rating).plan)
    return read_votes(RatingPaths(rating).votes, plan)[0], read_sessions(RatingPaths(rating).sessions, plan)[0]


class ReloadingRater(Rater):
    """Reloads the page before and after every step."""

    def consent(self) -> None:
        self.page.reload()
        super().consent()
        self.heading("Sound check")
        self.page.reload()

    def sound(self) -> None:
        super().sound()
        self.heading("Picture check")
        self.page.reload()

    def picture_check(self) -> None:
        super().picture_check()
        self.heading("Instructions")
        self.page.reload()

    def watch(self, trial) -> None:
        # Half watched and reloaded: the item is asked again from its beginning, since it was not answered.
        self.press("Play A")
        self.page.reload()
        self.page.locator(".clips button:enabled").first.wait_for()
        super().watch(trial)

    def leave(self) -> None:
        super().leave()
        self.page.reload()
        self.page.wait_for_function("() => Session.state")


def test_a_reload_at_every_step_asks_nothing_twice(page, serve, rating) -> None:
    page.goto(serve(rating).address)
    rater = ReloadingRater(page)
    rater.session()
    indices = [trial["index"] for trial in rater.answered]
    assert indices == sorted(set(indices))
    page.reload()
    expect(page.get_by_text("DONE-1")).to_be_visible()
    votes, (session,) = collected(rating)
    assert [vote.answer for vote in votes] == rater.answers()
    assert session.checks["visits"] > 2 * len(votes)


def test_a_crash_loses_no_answer(context, serve, rating) -> None:
    server = serve(rating)
    page = context.new_page()
    page.goto(server.address)
    rater = Rater(page)
    rater.before_items()
    rater.item()
    rater.item()
    page.close(run_before_unload=False)
    page = context.new_page()
    page.goto(server.address)
    again = Rater(page)
    page.wait_for_selector("form")
    assert again.trial()["index"] == 2


def test_votes_wait_for_a_server_that_went_away(page, serve, rating) -> None:
    server = serve(rating)
    page.goto(server.address)
    rater = Rater(page)
    rater.before_items()
    rater.item()
    page.wait_for_selector("form")
    page.evaluate("Films.prepare(Session.state.trials)")
    page.wait_for_function("() => Object.keys(Config.media).every((name) => Films.addresses.has(name))")
    server.stop()
    rater.item()
    rater.item()
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    server.start()
    while rater.item():
        page.wait_for_function("() => Session.state.stage === 'end' || document.querySelector('form')")
    expect(page.get_by_text("DONE-1")).to_be_visible(timeout=40000)
    votes, _ = collected(rating)
    assert len(votes) == len(rater.answered)


def test_a_blocked_play_is_said_and_can_be_repeated(page, serve, rating) -> None:
    page.add_init_script("""
        const start = HTMLMediaElement.prototype.play;
        let blocked = 0;
        HTMLMediaElement.prototype.play = function () {
            const isItem = this.tagName === "VIDEO" && window.isBlocking;
            if (isItem && blocked++ < 1) return Promise.reject(new DOMException("blocked", "NotAllowedError"));
            return start.call(this);
        };
    """)
    page.goto(serve(rating).address)
    rater = Rater(page)
    rater.before_items()
    page.locator(".clips button:enabled").first.wait_for()
    page.evaluate("window.isBlocking = true")
    rater.press("Play A")
    expect(page.get_by_text("The browser did not start the film.")).to_be_visible()
    rater.item()
    votes, _ = collected(rating)
    assert votes[0].problems == ("NotAllowedError",)


def test_a_missing_film_is_said_repeated_or_skipped(page, serve, rating) -> None:
    server = serve(rating)
    page.goto(server.address)
    rater = Rater(page)
    rater.before_items()
    first = rater.trial()
    # The films of the last item are not loaded yet.
    last = page.evaluate("Session.state.trials.at(-1)")
    later = next(name for name in page.evaluate("Session.state.trials[3].clips") if name not in first["clips"])
    page.route(f"**/media/{later}.mp4", lambda route: route.fulfill(status=404))
    page.evaluate("(name) => { Films.loading.delete(name); Films.addresses.delete(name); }", later)
    while later not in rater.trial()["clips"]:
        rater.item()
        page.wait_for_selector("form")
    lost = rater.trial()
    expect(page.get_by_text("could not be loaded")).to_be_visible(timeout=20000)
    rater.press("Try again")
    expect(page.get_by_text("could not be loaded")).to_be_visible(timeout=20000)
    rater.press("Continue without this item")
    page.wait_for_function("(index) => Session.state.done.includes(index)", arg=lost["index"])
    page.unroute(f"**/media/{later}.mp4")
    page.wait_for_selector("form")
    while rater.item():
        page.wait_for_function("() => Session.state.stage === 'end' || document.querySelector('form')")
    expect(page.get_by_text("Your completion code:")).to_be_visible()
    votes, (session,) = collected(rating)
    assert [gap["trial"] for gap in session.checks["skipped"]] == [lost["index"]]
    assert "404" in session.checks["skipped"][0]["reason"]
    assert lost["index"] not in {vote.trial for vote in votes}
    assert last["index"] in {vote.trial for vote in votes}


def test_two_tabs_do_not_work_at_once(context, serve, rating) -> None:
    server = serve(rating)
    one = context.new_page()
    one.goto(server.address)
    rater = Rater(one)
    rater.before_items()
    rater.item()
    two = context.new_page()
    two.goto(server.address)
    expect(two.get_by_text("already open in another tab")).to_be_visible()
    two.get_by_role("button", name="Continue here").click()
    expect(one.get_by_text("in another tab or window")).to_be_visible()
    other = Rater(two)
    two.wait_for_selector("form")
    assert other.trial()["index"] == 1
    other.item()
    votes, sessions = collected(rating)
    assert len(sessions) == 1
    assert [vote.trial for vote in votes] == [0, 1]


TRICK = """async (n) => {
    const video = document.querySelectorAll("video")[n];
    const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
    const started = performance.now();
    document.querySelectorAll("figure button")[n].click();
    await wait(300);
    (() => { HERE; })();
    await wait(700);
    const speed = video.playbackRate;
    video.pause();
    await wait(50);
    const share = document.querySelectorAll("figcaption progress")[n].value;
    return { share, speed, passed_s: (performance.now() - started) / 1000, duration_s: video.duration };
}"""


@pytest.mark.parametrize(
    "trick",
    [
        "video.currentTime = video.duration - 0.05",
        "video.playbackRate = 16",
        "video.dispatchEvent(new Event('ended'))",
        "video.currentTime = 2; video.currentTime = 4; video.currentTime = video.duration",
    ],
)
def test_films_cannot_be_skipped(page, serve, tmp_path, trick) -> None:
    small_plan(tmp_path, length_s=6.0)
    make_pack(tmp_path, PackOptions())
    page.goto(serve(tmp_path).address)
    rater = Rater(page)
    rater.before_items()
    page.locator(".clips button:enabled").first.wait_for()
    for n in range(2):
        found = page.evaluate(TRICK.replace("HERE", trick), n)
        assert found["speed"] == 1
        # No more was counted than can have been seen in that time.
        assert found["share"] <= (found["passed_s"] + 0.2) / (found["duration_s"] - 0.1)
        assert found["share"] < 0.95
    assert page.locator("fieldset.answers:disabled").count() == 1
    assert page.get_by_role("button", name="Next").is_disabled()
    # Watched to the end, with a second look at what the trick left out, the same films can be judged.
    for n in range(2):
        while page.evaluate("(n) => document.querySelectorAll('figcaption')[n].className", n) != "full":
            page.evaluate("(n) => document.querySelectorAll('figure button')[n].click()", n)
            page.wait_for_function("(n) => document.querySelectorAll('video')[n].ended", arg=n, timeout=40000)
    expect(page.locator("fieldset.answers:enabled")).to_have_count(1)


def test_a_hidden_page_pauses_and_is_counted(page, serve, rating) -> None:
    page.goto(serve(rating).address)
    rater = Rater(page)
    rater.before_items()
    page.locator(".clips button:enabled").first.wait_for()
    rater.press("Play A")
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    assert page.evaluate("document.querySelector('video').paused")
    page.evaluate("() => { delete document.hidden; }")
    rater.item()
    assert collected(rating)[0][0].hidden == 1


def test_both_silent_films_play_in_step(page, serve, tmp_path) -> None:
    small_plan(tmp_path, length_s=3.0)
    make_pack(tmp_path, PackOptions())
    page.goto(serve(tmp_path).address)
    rater = Rater(page)
    rater.before_items()
    page.locator(".clips button:enabled").first.wait_for()
    rater.press("Play both")
    times = """() => {
        const [one, other] = document.querySelectorAll("video");
        return [one.currentTime, other.currentTime, one.muted && other.muted];
    }"""
    for _ in range(6):
        page.wait_for_timeout(300)
        one, other, muted = page.evaluate(times)
        assert muted
        assert abs(one - other) < 0.35
    page.wait_for_function("() => [...document.querySelectorAll('video')].every((video) => video.ended)", timeout=20000)
    rater.choose(1)
    rater.leave()
    page.wait_for_function("() => Session.state.done.length === 1")
    # With sound only one may be heard at a time.
    assert page.get_by_role("button", name="Play both").count() == 0
    rater.press("Play A")
    page.wait_for_timeout(300)
    rater.press("Play B")
    page.wait_for_timeout(300)
    assert page.evaluate("[...document.querySelectorAll('video')].map((video) => video.paused)") == [True, False]


@pytest.mark.parametrize(("end", "code"), [("decline", "NO-2"), ("deaf", "FAIL-3"), ("blind", "FAIL-3")])
def test_other_ends_have_their_codes(page, serve, rating, end, code) -> None:
    page.goto(serve(rating).address)
    rater = Rater(page)
    if end == "decline":
        rater.press("I do not agree")
    else:
        rater.consent()
        if end == "deaf":
            rater.press("I cannot hear the tones")
        else:
            rater.sound()
            rater.press("I cannot see the film")
    expect(page.get_by_text(code)).to_be_visible()


def test_a_wrong_number_of_tones_is_asked_again(page, serve, rating) -> None:
    page.goto(serve(rating).address)
    rater = Rater(page)
    rater.consent()
    rater.press("Check")  # without a number: that is no try
    expect(page.get_by_role("alert")).to_have_count(0)
    rater.press("Play the tones")
    rater.fill("99")
    rater.press("Check")
    expect(page.get_by_role("alert")).to_contain_text("not the number of tones")
    page.evaluate("window.heard = null")
    rater.sound()
    rater.heading("Picture check")
    assert page.evaluate("Session.state.checks.sound") == {"passed": True, "tries": 2}


def test_another_browser_of_the_same_participant_continues(browser, serve, rating) -> None:
    server = serve(rating)
    address = server.address + "?PROLIFIC_PID=same"
    seen = []
    for number in range(2):
        context = browser.new_context(locale="en-GB")
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.goto(address)
        rater = Rater(page)
        if number == 0:
            rater.before_items()
        else:  # consent was given already; sound and picture are another machine's
            rater.sound()
            rater.picture_check()
            rater.instructions()
        seen.append(rater.trial()["index"])
        rater.item()
        page.wait_for_function(
            "async () => (await Store.votes(Session.state.session)).every((entry) => entry.acknowledged)"
        )
        context.close()
    assert seen == [0, 1]
