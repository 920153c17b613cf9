# SPDX-License-Identifier: Apache-2.0
"""The owner's board as HTML: progress and quality, nothing by system."""

import html
from typing import Any, Final, Protocol

from dancepose_addon.core.printable_text import escaped

from ..pack.page_text import source_hash
from ..records import RatingPlan
from .collection_status import collection_status, status_lines

BOARD_STYLE: Final = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1a1d21; }
table { border-collapse: collapse; margin-bottom: 2rem; } th, td { text-align: left; padding: .3rem 1rem .3rem 0;
border-bottom: 1px solid #d5d9de; vertical-align: top; } button { font: inherit; padding: .3rem 1rem; }
"""
BOARD_POLICY: Final = (
    f"default-src 'none'; style-src {source_hash(BOARD_STYLE)}; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Collection(Protocol):
    """What the board reads of a database."""

    @property
    def is_closed(self) -> bool:
        """Whether new raters are turned away."""

    def everything(self) -> tuple[list[Any], list[dict[str, Any]], list[dict[str, Any]]]:
        """Return sessions, votes and skipped trials."""


def board_html(plan: RatingPlan, store: Collection) -> str:
    """Build the page.

    Args:
        plan: The plan.
        store: The database.
    """
    sessions, votes, skipped = store.everything()
    held = [session for session in sessions if session.slot is not None]
    records = [{**session.record, "status": session.status} for session in sessions]
    status = collection_status(plan, records, votes, len(skipped))
    rows = "".join(f"<tr><th>{_shown(name)}</th><td>{_shown(value)}</td></tr>" for name, value in status_lines(status))
    done: dict[str, int] = {}
    for vote in votes:
        done[vote["session"]] = done.get(vote["session"], 0) + 1
    slots = "".join(_slot_row(plan, session, done.get(session.session, 0)) for session in held)
    is_closed = store.is_closed
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Board</title><style>{BOARD_STYLE}</style></head><body><main>
<h1>{html.escape(plan.title)}</h1>
<p>The study is {"closed for new raters" if is_closed else "open"}. Reload the page for its present state. Results by
system are computed by <code>dancepose rate analyse</code>, after the collection.</p>
<form method="post" action="board/close"><button>{"Open again" if is_closed else "Close for new raters"}</button></form>
<h2>Progress and quality</h2><table>{rows}</table>
<h2>Sessions</h2><table><tr><th>Slot</th><th>Status</th><th>Votes</th><th>Platform</th><th>Place</th></tr>{slots}</table>
</main></body></html>
"""


def _slot_row(plan: RatingPlan, session: Any, votes: int) -> str:
    slot = plan.slot(session.slot)
    total = len(slot.trials) if slot else 0
    give = (
        "given to another rater"
        if session.is_excluded
        else f'<form method="post" action="board/return?slot={html.escape(session.slot)}">'
        "<button>Give to another rater</button></form>"
    )
    values = (session.slot, session.status, f"{votes} of {total}", session.platform or "-")
    return "<tr>" + "".join(f"<td>{_shown(value)}</td>" for value in values) + f"<td>{give}</td></tr>"


def _shown(text: str) -> str:
    return html.escape(escaped(text))
