# SPDX-License-Identifier: Apache-2.0
"""Reports that can be sent to others say nothing of who made them."""

from pathlib import Path

import pytest

from dancepose_addon.core import checklist
from dancepose_addon.core.checklist import BAD, NOTE, OK, Check, masked, report_of


def test_home_folders_and_names_are_masked(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/someone"))
    monkeypatch.setattr(checklist.getpass, "getuser", lambda: "someone")
    text = "at /home/someone/x, /home/another/y, C:\\Users\\Third One\\z by someone, but not by nosomeoneelse"
    told = masked(text)
    assert "/home/someone" not in told
    assert "another" not in told
    assert "Third" not in told
    assert told.startswith("at ~/x, /home/<user>/y")
    assert "by <user>" in told
    assert "nosomeoneelse" in told


@pytest.mark.parametrize("name", ["root", "me", "x"])
def test_names_that_are_words_too_stay(monkeypatch, name):
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    monkeypatch.setattr(checklist.getpass, "getuser", lambda: name)
    assert masked(f"the {name} of a file") == f"the {name} of a file"


def test_a_system_without_names_is_no_obstacle(monkeypatch):
    def fail():
        raise OSError("no user")

    monkeypatch.setattr(checklist.getpass, "getuser", fail)
    assert masked("as it is") == "as it is"


def test_lines_tell_what_is_wrong_and_what_to_do():
    report = report_of(
        [Check("one", OK, "fine"), Check("two", NOTE, "so so.", "Look."), Check("three", BAD, "not.", "Do this.")]
    )
    assert report.splitlines() == [
        "ok   one            fine",
        "note two            so so. Look.",
        "BAD  three          not. Do this.",
    ]
