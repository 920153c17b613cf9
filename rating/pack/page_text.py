# SPDX-License-Identifier: Apache-2.0
"""The rating page as one HTML file: style, scripts, words and configuration are inside it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import html
import json
from pathlib import Path
import re
from typing import Any, Final

from ..record_checks import is_real
from ..records import AttentionCheck, RaterSlot, RatingPlan, RatingTrial

PAGE_FOLDER: Final = Path(__file__).parents[1] / "page"
SCRIPTS: Final = (
    "language.js", "store.js", "tabs.js", "delivery.js", "films.js", "clip.js", "stage.js", "answers.js", "pages.js",
    "item.js", "session.js",
)  # fmt: skip
MODES: Final = ("server", "file", "jatos")


@dataclass(frozen=True)
class PackedMedia:
    """What the page has to know of a packed file.

    Attributes:
        file: Path, relative to the page.
        bytes: Size.
    """

    file: str
    bytes: int


@dataclass(frozen=True)
class PageSource:
    """What a page is made of.

    Attributes:
        plan: The plan.
        pack: Id of the pack.
        films: Anonymous name of every clip, by its id.
        media: Packed files, by anonymous name.
        spoken: Names of spoken prompts, by prompt in the default language, then by language.
    """

    plan: RatingPlan
    pack: str
    films: Mapping[str, str]
    media: Mapping[str, PackedMedia]
    spoken: Mapping[str, Mapping[str, str]]


def page_languages() -> tuple[str, ...]:
    """Return the languages that the page has words for."""
    return tuple(_words())


def _words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = json.loads((PAGE_FOLDER / "words.json").read_text(encoding="utf-8"))
    return words


def public_trial(source: PageSource, trial: RatingTrial) -> dict[str, Any]:
    """Return what the page may know of a trial: neither its kind nor any right answer, and clips by anonymous name."""
    shown: dict[str, Any] = {
        "index": trial.index,
        "training": trial.kind == "training",
        "question": trial.question,
        "clips": [source.films[clip] for clip in trial.clips],
    }
    if trial.kind == "check" and trial.check is not None:
        shown["check"] = {"prompt": dict(trial.check.prompt), "answer": answer_kind(trial.check)}
        if trial.check.spoken:
            shown["check"]["spoken"] = dict(source.spoken[prompt_id(trial.check)])
    return shown


def prompt_id(check: AttentionCheck) -> str:
    """Return the identity of a prompt."""
    return json.dumps(dict(check.prompt), sort_keys=True)


def answer_kind(check: AttentionCheck) -> str:
    """Return how a check is answered: as a ``number`` or as ``text``, typed in place of an answer on the scale."""
    return "number" if is_real(check.expected) else "text"


def public_slot(source: PageSource, slot: RaterSlot) -> dict[str, Any]:
    """Return what the page may know of a slot."""
    return {"id": slot.id, "trials": [public_trial(source, trial) for trial in slot.trials]}


def consent_hashes(plan: RatingPlan) -> dict[str, str]:
    """Return SHA-256 of the consent text of every language."""
    return {
        language: hashlib.sha256(_text(plan, language, "consent").encode("utf-8")).hexdigest()
        for language in plan.languages
    }


def _text(plan: RatingPlan, language: str, name: str) -> str:
    texts = plan.texts.get(language) or plan.texts.get(plan.languages[0])
    return str(getattr(texts, name)) if texts else ""


def page_config(source: PageSource, mode: str, *, post_url: str = "") -> dict[str, Any]:
    """Return the configuration of a page.

    Args:
        source: What the page is made of.
        mode: One of `MODES`. Only a page without a server holds the slots.
        post_url: Where a page without a server posts its answers; "" for a file to send.
    """
    plan = source.plan
    known = page_languages()
    return {
        "mode": mode,
        "pack": source.pack,
        "plan": plan.hash,
        "title": plan.title,
        "design": plan.design,
        "points": plan.points,
        "languages": [language for language in plan.languages if language in known] or ["en"],
        "questions": [
            {"id": question.id, "text": dict(question.text), "sound": question.sound} for question in plan.questions
        ],
        "texts": {
            name: {language: _text(plan, language, name) for language in plan.languages}
            for name in ("consent", "instructions")
        },
        "consent_sha256": consent_hashes(plan),
        "media": {name: {"file": media.file, "bytes": media.bytes} for name, media in sorted(source.media.items())},
        "slots": [public_slot(source, slot) for slot in plan.slots] if mode != "server" else [],
        "post_url": post_url,
    }


def page_html(config: Mapping[str, Any]) -> str:
    """Build the page.

    Args:
        config: From `page_config`.

    Returns:
        The HTML text. Its policy (CSP) is in a meta element and names the hashes of its style and script, so that
        nothing else can run.
    """
    read = {name: (PAGE_FOLDER / name).read_text(encoding="utf-8") for name in ("index.html", "style.css", *SCRIPTS)}
    scripts = "\n" + "\n".join(read[name] for name in SCRIPTS)
    words = {language: table for language, table in _words().items() if language in (*config["languages"], "en")}
    policy = page_policy(read["style.css"], scripts, config)
    values = {
        "title": html.escape(config["title"]),
        "policy": f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">' if policy else "",
        "style": read["style.css"],
        "config": _inside_script(config),
        "words": _inside_script(words),
        "host": '<script src="jatos.js"></script>\n' if config["mode"] == "jatos" else "",
        "scripts": scripts,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found.group(1)], read["index.html"])


def _inside_script(value: object) -> str:
    """Return JSON in which no sequence can end a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def page_policy(style: str, scripts: str, config: Mapping[str, Any]) -> str:
    """Return the content security policy of a page; "" for JATOS, which brings its own scripts."""
    if config["mode"] == "jatos":
        return ""
    post = re.match(r"https?://[^/;\s]+", config["post_url"])
    connect = {"server": "'self'", "file": "'self'" + (f" {post.group(0)}" if post else "")}[config["mode"]]
    # A page opened by double click has no origin, so that 'self' does not match its films.
    media = "'self' blob:" if config["mode"] == "server" else "'self' blob: file:"
    return (
        f"default-src 'none'; script-src {source_hash(scripts)}; style-src {source_hash(style)}; media-src {media}; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def source_hash(text: str) -> str:
    """Return the hash of an inline script or style, as a policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
