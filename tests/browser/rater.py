# SPDX-License-Identifier: Apache-2.0
"""Drives the rating page in a real browser as a rater would: by the mouse, or by the keyboard only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

# Sound cannot be heard in a test, so the length of the file says how many tones it has.
LISTEN = """
    window.heard = null;
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
        if (this.tagName === "AUDIO") window.heard = this;
        return play.call(this);
    };
"""
COUNT = """
    async () => {
        while (!window.heard || !window.heard.duration) await new Promise((done) => setTimeout(done, 20));
        return Math.round((window.heard.duration - 0.3) / 0.6);
    }
"""
TRIAL = """
    () => Session.state.trials.find((one) => !Session.state.done.includes(one.index)) ?? null
"""

Decide = Callable[[dict[str, Any]], Any]


def first_is_better(trial: dict[str, Any]) -> Any:
    """Answer every check as it asks, everything else by the first clip."""
    if "check" in trial:
        return "blue" if trial["check"]["answer"] == "text" else "7"
    return -1


class Rater:
    """A rater with a mouse.

    Args:
        page: Browser page, with `LISTEN` as its initial script.
        decide: Returns the answer to a trial as the page knows it.
        pictures: Folder for screenshots, or None.
    """

    def __init__(self, page: Page, decide: Decide = first_is_better, pictures: Path | None = None) -> None:
        self.page = page
        self.decide = decide
        self.pictures = pictures
        self.answered: list[dict[str, Any]] = []

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def heading(self, name: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(name, timeout=20000)

    def picture(self, name: str) -> None:
        if self.pictures:
            self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)

    def consent(self) -> None:
        expect(self.page.get_by_role("heading", name="Consent")).to_be_visible()
        self.picture("consent")
        self.press("I agree and want to take part")

    def sound(self) -> None:
        self.heading("Sound check")
        self.picture("sound")
        self.press("Play the tones")
        self.fill(str(self.page.evaluate(COUNT)))
        self.press("Check")

    def fill(self, words: str) -> None:
        self.page.get_by_role("textbox").fill(words)

    def picture_check(self) -> None:
        self.heading("Picture check")
        self.press("Play")
        self.page.get_by_role("button", name="Continue").and_(self.page.locator(":enabled")).wait_for(timeout=20000)
        self.picture("picture")
        self.press("Continue")

    def instructions(self) -> None:
        self.heading("Instructions")
        self.picture("instructions")
        self.press("Start")

    def trial(self) -> dict[str, Any] | None:
        """The item that is shown."""
        return self.page.evaluate(TRIAL)

    def watch(self, trial: dict[str, Any]) -> None:
        for n in range(len(trial["clips"])):
            name = f"Play {chr(65 + n)}" if len(trial["clips"]) > 1 else "Play"
            self.press(name)
            self.page.wait_for_function("(n) => document.querySelectorAll('video')[n].ended", arg=n, timeout=20000)

    def choose(self, answer: Any) -> None:
        self.page.locator("fieldset.answers:enabled").wait_for(timeout=20000)
        if isinstance(answer, str):
            self.fill(answer)
        elif isinstance(answer, dict) and "best" in answer:
            for kind, clip in answer.items():
                self.page.locator(f"input[name={kind}][value='{clip}']").check()
        elif isinstance(answer, dict):
            for slider, value in zip(self.page.get_by_role("slider").all(), answer.values(), strict=True):
                slider.fill(str(value))
        else:
            self.page.locator(f"input[name=answer][value='{answer}']").check()

    def leave(self) -> None:
        self.press("Next")

    def item(self) -> bool:
        """Answer the item that is shown; returns whether there was one."""
        trial = self.trial()
        if trial is None:
            return False
        self.page.locator(".clips button:enabled").first.wait_for(timeout=20000)
        self.watch(trial)
        answer = self.decide(trial)
        self.choose(answer)
        self.picture(f"item-{trial['index']}")
        self.leave()
        self.answered.append({**trial, "answer": answer})
        self.page.wait_for_function("(index) => Session.state.done.includes(index)", arg=trial["index"], timeout=20000)
        return True

    def answers(self) -> list[Any]:
        """What the votes should hold: a typed number is one."""
        return [7 if trial["answer"] == "7" else trial["answer"] for trial in self.answered]

    def before_items(self) -> None:
        self.consent()
        self.sound()
        self.picture_check()
        self.instructions()

    def session(self) -> None:
        self.before_items()
        self.page.wait_for_selector("form")
        while self.item():
            self.page.wait_for_function("() => Session.state.stage === 'end' || document.querySelector('form')")
        self.heading("Thank you")
        self.picture("thanks")


class KeyboardRater(Rater):
    """A rater who has a keyboard only."""

    def press(self, name: str) -> None:
        self.tab_to(lambda: self.page.evaluate("document.activeElement.textContent") == name, name)
        self.page.keyboard.press("Space")

    def tab_to(self, is_there: Callable[[], bool], name: str) -> None:
        for _ in range(40):
            if is_there():
                outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                ring = self.page.evaluate("document.activeElement.matches(':focus-visible')")
                assert (outline != "none", ring) == (True, True), f"no focus is visible on {name}"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the Tab key does not reach {name}")

    def fill(self, words: str) -> None:
        self.tab_to(lambda: self.page.evaluate("document.activeElement.type") == "text", "the text field")
        self.page.keyboard.type(words)

    def choose(self, answer: Any) -> None:
        self.page.locator("fieldset.answers:enabled").wait_for(timeout=20000)
        if isinstance(answer, str):
            self.fill(answer)
            return
        self.tab_to(lambda: self.page.evaluate("document.activeElement.type") == "radio", "the answers")
        self.page.keyboard.press("Space")
        for _ in range(8):
            if self.page.evaluate("document.activeElement.value") == str(answer):
                return
            self.page.keyboard.press("ArrowRight")
        raise AssertionError(f"the arrow keys do not reach the answer {answer}")

    def leave(self) -> None:
        self.page.keyboard.press("Enter")
