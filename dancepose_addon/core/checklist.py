# SPDX-License-Identifier: Apache-2.0
"""Findings about a machine, as a list that can be copied without revealing who uses it."""

from collections.abc import Iterable
from dataclasses import dataclass
import getpass
from pathlib import Path
import re
from typing import Final

OK: Final = "ok"
NOTE: Final = "note"
BAD: Final = "bad"
MARKS: Final = {OK: "ok  ", NOTE: "note", BAD: "BAD "}


@dataclass(frozen=True)
class Check:
    """One property of the machine that was checked.

    Attributes:
        topic: What was checked.
        state: ``OK``; ``NOTE`` if it works and a user should know more; ``BAD`` if it does not work.
        found: What was found.
        advice: What to do, for the latter two.
    """

    topic: str
    state: str
    found: str
    advice: str = ""

    def line(self) -> str:
        """Return the check as a line of a report."""
        advice = f" {self.advice}" if self.advice else ""
        return f"{MARKS[self.state]} {self.topic:<14} {self.found}{advice}"


def report_of(checks: Iterable[Check]) -> str:
    """Return a report for a mail or an issue, with home folders and the user's name masked."""
    return masked("\n".join(check.line() for check in checks))


def masked(text: str) -> str:
    """Return ``text`` with the home folder as ``~``, and other home folders and the user's name as ``<user>``."""
    home = str(Path.home())
    if len(home) > 1:
        text = text.replace(home, "~")
    text = re.sub(r"((?:/home|/Users|[A-Za-z]:\\Users)[/\\])[^/\\\s]+", r"\1<user>", text)
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such entry, or no such module on this system
        return text
    return re.sub(rf"\b{re.escape(name)}\b", "<user>", text) if len(name) > 2 and name != "root" else text
