# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of unfinished frames of a render."""

import os
from pathlib import Path
import sys

import pytest

from dancepose_addon.core.errors import OutputError
from dancepose_addon.headless_guard import work_folder


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("kind", ["link", "device", "pipe", "log"])
def test_frames_that_are_links_or_pipes_are_refused(tmp_path: Path, kind: str) -> None:
    """A link would be written through, and a pipe or device read without end."""
    victim, work = tmp_path / "victim.txt", tmp_path / "work"
    victim.write_text("kept")
    frames = work / "frames-0123"
    frames.mkdir(parents=True)
    odd = work / "blender.log" if kind == "log" else frames / "000001.png"
    if kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to("/dev/zero" if kind == "device" else victim)
    with pytest.raises(OutputError, match=f"{odd.name} is (a link|not a regular file)"):
        work_folder(work, leftovers=("blender.log",)).__enter__()
    assert victim.read_text() == "kept"
    odd.unlink()
    with work_folder(work, leftovers=("blender.log",)):
        pass


def test_a_frames_folder_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    work.mkdir()
    elsewhere.mkdir()
    (work / "frames-1").symlink_to(elsewhere)
    with pytest.raises(OutputError, match="frames-1 is a link, and frames would be written through it"):
        work_folder(work).__enter__()
    (work / "frames-1").unlink()
    with work_folder(work):
        pass


def test_the_panel_writes_through_no_link_in_a_folder_of_frames(tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    from dancepose_addon.ui.output_operators import _require_no_input

    victim, frames = tmp_path / "victim.txt", tmp_path / "frames"
    victim.write_text("precious")
    frames.mkdir()
    _require_no_input(frames, [], is_folder=True)
    (frames / "000001.png").symlink_to(victim)
    with pytest.raises(OutputError, match="is a link, and would be written through"):
        _require_no_input(frames, [], is_folder=True)
