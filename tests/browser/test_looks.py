# SPDX-License-Identifier: Apache-2.0
"""Small and large windows, languages, and axe-core's rules on every page."""

from pathlib import Path
import subprocess
import tarfile

from playwright.sync_api import expect
import pytest

from dancepose.rating.pack.packing import PackOptions, make_pack
from tests.browser.rater import LISTEN, Rater
from tests.support.rating_cases import small_plan

BUILD = Path(__file__).parents[2] / "build"
AXE = "axe-core@4.14.1"


class CheckedRater(Rater):
    """Runs a check on every page."""

    check = None

    def picture(self, name: str) -> None:
        super().picture(name)
        if self.check:
            self.check(name)


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from npm; kept in build/, never committed."""
    folder = BUILD / "axe-core"
    source = folder / "package" / "axe.min.js"
    if not source.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", AXE, "--silent"], cwd=folder, capture_output=True, text=True, timeout=120
        )
        if packed.returncode != 0:
            pytest.skip(f"axe-core could not be fetched: {packed.stderr[-200:]}")
        with tarfile.open(folder / packed.stdout.strip().splitlines()[-1]) as archive:
            archive.extract("package/axe.min.js", folder, filter="data")
    return source.read_text(encoding="utf-8")


def violations(page, axe: str) -> list[str]:
    """What axe-core finds on the page as it is."""
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {node['html'][:120]}" for one in result["violations"] for node in one["nodes"]]


def test_axe_finds_nothing_on_any_page(page, serve, rating, axe) -> None:
    page.goto(serve(rating).address)
    rater = CheckedRater(page, pictures=None)
    found: dict[str, list[str]] = {}

    def check(name: str) -> None:
        found[name] = violations(page, axe)

    rater.check = check
    rater.session()
    assert len(found) >= 8
    assert {name: problems for name, problems in found.items() if problems} == {}


RARE = {
    "other-tab": "Pages.otherTab()",
    "moved": "Pages.end(Config.title, say('moved'))",
    "declined": "Pages.end(Config.title, say('declined'), {code: 'NO-2'}, 'prolific')",
    "failed": "Pages.end(say('failed_title'), say('failed_text'), {code: 'FAIL-3'})",
    "full": "Pages.end(Config.title, say('full'))",
    "sending": "Delivery.isFailing = true; Pages.sending(Session.record())",
    "undelivered": "Pages.undelivered(Session.record(), say('not_taken', {count: 2}))",
    "thanks-file": "Config.mode = 'file'; Pages.thanks(Session.record(), {}, () => {})",
    "thanks-code": "Config.mode = 'server'; Pages.thanks({platform: 'prolific'}, {code: 'C1ABCDEF'}, () => {})",
}
"""Pages that few raters see, and how to draw them."""


@pytest.mark.parametrize(("width", "height"), [(320, 568), (1280, 720)])
def test_pages_that_few_see_are_clean_at_every_width(browser, serve, rating, axe, pictures, width, height) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
    page = context.new_page()
    page.goto(serve(rating).address)
    page.wait_for_selector("button.main")
    (pictures / f"{width}").mkdir(exist_ok=True)
    found = {}
    for name, draw in RARE.items():
        page.evaluate(f"() => {{ {draw}; }}")
        page.wait_for_timeout(50)
        page.screenshot(path=pictures / f"{width}" / f"{name}.png", full_page=True)
        excess = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        found[name] = [*violations(page, axe), *(["too wide"] if excess > 0 else [])]
    context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("design", ["acr", "best-worst", "sliders"])
def test_other_designs_are_clean_and_fit_a_phone(browser, serve, tmp_path, axe, pictures, design) -> None:
    small_plan(tmp_path, design=design, length_s=0.6)
    make_pack(tmp_path, PackOptions())
    server = serve(tmp_path)
    for width, height in ((320, 568), (1280, 720)):
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.goto(server.address)
        rater = Rater(page)
        rater.before_items()
        page.locator(".clips button:enabled").first.wait_for()
        rater.watch(rater.trial())
        page.locator("fieldset.answers:enabled").wait_for(timeout=20000)
        page.screenshot(path=pictures / f"{width}" / f"design-{design}.png", full_page=True)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        context.close()


def test_a_clip_is_not_the_best_and_the_worst(page, serve, tmp_path) -> None:
    small_plan(tmp_path, design="best-worst", length_s=0.6)
    make_pack(tmp_path, PackOptions())
    page.goto(serve(tmp_path).address)
    rater = Rater(page)
    rater.before_items()
    page.locator(".clips button:enabled").first.wait_for()
    rater.watch(rater.trial())
    page.locator("fieldset.answers:enabled").wait_for(timeout=20000)
    page.locator("input[name=best]").nth(0).check()
    page.locator("input[name=worst]").nth(1).check()
    expect(page.get_by_role("button", name="Next")).to_be_enabled()
    page.locator("input[name=worst]").nth(0).check()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    assert page.locator("input[name=best]:checked").count() == 0


def test_the_board_is_clean(page, serve, rating, axe, pictures) -> None:
    page.goto(serve(rating).prepared.board_address)
    page.wait_for_selector("table")
    page.screenshot(path=pictures / "board.png", full_page=True)
    assert violations(page, axe) == []


@pytest.mark.parametrize(("width", "height"), [(320, 568), (3840, 2160), (1280, 720)])
def test_windows_of_every_size(browser, serve, rating, pictures, width, height) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
    context.add_init_script(LISTEN)
    page = context.new_page()
    page.goto(serve(rating).address)
    folder = pictures / f"{width}"
    folder.mkdir(exist_ok=True)
    rater = CheckedRater(page, pictures=folder)
    wide: dict[str, int] = {}

    def check(name: str) -> None:
        wide[name] = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        small = page.evaluate("""() => [...document.querySelectorAll("button, label, select, input[type=text]")]
            .filter((one) => one.offsetParent && !one.closest("label.field") && one.getBoundingClientRect().height < 24)
            .map((one) => one.outerHTML)""")
        assert small == []

    rater.check = check
    rater.before_items()
    rater.item()
    rater.item()
    assert {name: excess for name, excess in wide.items() if excess > 0} == {}
    if height >= 720:  # everything of an item fits without scrolling
        page.locator(".clips button:enabled").first.wait_for()
        assert page.evaluate("document.documentElement.scrollHeight - window.innerHeight") <= 0
    context.close()


@pytest.mark.parametrize("language", ["en", "zh", "ja", "de", "fr", "es"])
def test_every_language_is_shown(page, serve, rating, pictures, language) -> None:
    page.goto(serve(rating).address + f"?lang={language}")
    expect(page.locator("html")).to_have_attribute("lang", language)
    buttons = page.locator("button.main")
    words = page.evaluate("Words[Language.current]")
    expect(buttons).to_have_text(words["consent_agree"])
    page.screenshot(path=pictures / f"language-{language}.png")
    buttons.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(words["sound_title"])


def test_the_language_can_be_changed_at_the_beginning(page, serve, rating) -> None:
    page.goto(serve(rating).address)
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", name="Einwilligung")).to_be_visible()
    page.get_by_role("button", name="Ich willige ein und möchte teilnehmen").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tonprüfung")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tonprüfung")


def test_reduced_motion_has_no_transitions(browser, serve, rating) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(serve(rating).address)
    page.wait_for_selector("button")
    assert page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") == "0s"
    context.close()
