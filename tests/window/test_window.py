# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar in a real Blender, with a display and a mouse: ``make test-gui``, as root.

Pictures of the panels are left in build/window/pictures, from where ``make test-gui`` takes them into docs/images.
"""

import os
from pathlib import Path
import shutil

import numpy as np
from PIL import Image
import pytest

from dancepose_addon.ui.translations import LANGUAGES, TRANSLATIONS
from tools.build_extension.blender_tool import find_tool
from tools.build_extension.building import WHEEL_CACHE, build_packages
from tools.build_extension.wheels import cached_wheels, pinned_version
from tools.window.run import SCREEN, Session, make_debian, run_session, save_small

pytestmark = [
    pytest.mark.skipif(os.environ.get("DANCEPOSE_GUI") != "1", reason="opens a window: run `make test-gui`, as root"),
    pytest.mark.timeout(1800),
]

PANELS = ("source", "body", "fit", "result", "character", "stage", "render", "export")
LARGEST_KB = 80
WIDTHS_PX = {"label": 88.0, "choice": 117.0, "checkbox": 110.0}
"""What Blender shows whole of each in a sidebar of its default width, 291 pixels; seen with texts of rising length."""


@pytest.fixture(scope="module")
def session(root, tmp_path_factory) -> Session:
    make_debian()
    version = pinned_version(root / "constraints.txt")
    with_wheels = cached_wheels("linux-x64", version=version, cache=WHEEL_CACHE) is not None
    variant = "linux-x64" if with_wheels else "slim"
    (built,) = build_packages(tmp_path_factory.mktemp("dist"), tool=find_tool(None), variants=[variant])
    return run_session(built.path, root / "build" / "window" / "screens")


@pytest.fixture(scope="module")
def kept(session, root) -> Path:
    """Small pictures: of each panel, open alone, and of the window."""
    folder = root / "build" / "window" / "pictures"
    shutil.rmtree(folder, ignore_errors=True)
    for name in session.facts["pictures"]:
        if name.startswith("panel-"):
            save_small(session.sidebar(name), folder / f"{name}.png")
    save_small(session.screen("window"), folder / "window.png")
    return folder


def test_the_zip_is_enabled_and_the_tab_is_found(session):
    assert session.facts["blender"].startswith("4.")
    assert session.facts["enabled"] is True
    assert session.facts["tab"] == "DancePose"


def test_a_typed_path_is_the_source(session):
    assert session.facts["source"].endswith("/example/waltz")


def test_import_and_fit_makes_a_dancer(session):
    fitted = session.facts["fitted"]
    assert fitted["dancers"] == ["waltz"]
    assert fitted["keys"] == [357]
    assert fitted["problem"] == ""
    assert session.facts["result"].startswith("357 frames at 25 fps")


def test_undo_takes_it_back_in_one_step_and_redo_brings_it_again(session):
    assert session.facts["undone"]["dancers"] == []
    assert session.facts["undone"]["data"]["actions"] == 0
    assert session.facts["redone"] == session.facts["fitted"]


def test_escape_ends_a_fit_and_leaves_the_file_as_it_was(session):
    assert session.facts["running"] == ["DANCEPOSE_OT_import_fit"]
    assert session.facts["escaped"]["data"] == session.facts["before_escape"]["data"]
    assert session.facts["escaped"]["dancers"] == ["waltz"]


def test_the_button_drives_the_selected_armature_and_one_undo_returns_the_file_as_it_was(session):
    before, driven, undone = (session.facts[name] for name in ("before_drive", "driven", "drive_undone"))
    assert driven["problem"] == ""
    assert driven["keys"] == 357
    assert driven["result"].startswith("357 frames of waltz")
    assert driven["data"]["actions"] == before["data"]["actions"] + 1
    assert driven["pose"] != before["pose"]
    assert undone == before


def test_panels_stand_in_the_order_of_the_work(session):
    assert tuple(session.facts["panels"]) == PANELS
    assert {f"panel-{name}" for name in (*PANELS, "reading")} <= set(session.facts["pictures"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_panels_have_our_words_also_where_blender_has_others(session, language):
    table = {text: told for (_, text), told in TRANSLATIONS[language].items()}
    assert session.facts["words"][language] == table
    own = session.facts["own_words"][language]
    assert {text for text in own if own[text] != text} >= {"Median", "Fit"}  # so Blender has its own tables here
    assert own["Median"] != table["Median"]
    assert set(session.facts["words"]["en_US"].items()) == {(text, text) for text in table}


@pytest.mark.parametrize("language", ["en_US", *LANGUAGES])
def test_no_label_or_choice_is_cut_off(session, language):
    assert session.facts["pictures"]["closed"]["width"] >= 291
    widths = session.facts["widths"][language]
    assert widths["label source"][1] > 20.0
    assert {what: told for what, told in widths.items() if told[1] > WIDTHS_PX[what.split()[0]]} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_panel_is_seen_in_each_language(session, language):
    for panel in (*PANELS, "reading"):
        english, other = (session.sidebar(f"{prefix}-{panel}") for prefix in ("panel", language))
        height = min(english.height, other.height)
        pair = [np.asarray(picture.crop((0, 0, 200, height)), np.int16) for picture in (english, other)]
        assert (np.abs(pair[0] - pair[1]).max(axis=-1) > 40).mean() > 0.002, panel


def test_screens_are_not_black(session):
    for name in session.facts["pictures"]:
        screen = np.asarray(session.screen(name), np.float64)
        assert screen.shape == (SCREEN[1], SCREEN[0], 3), name
        assert screen.mean() > 20.0, name
        assert screen.std() > 10.0, name


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_opens_below_its_header(session, panel):
    """Closed, the panels are 28 pixels apart; an open one pushes those below it down and shows what it holds."""
    closed, opened = (np.asarray(session.sidebar(name), np.int16) for name in ("closed", f"panel-{panel}"))
    number = PANELS.index(panel)
    assert len(opened) > len(closed) + 40
    above = 28 * number
    assert np.abs(opened[:above, :250] - closed[:above, :250]).max(initial=0) < 12
    content = opened[28 * (number + 1) + 8 : len(opened) - len(closed) + 28 * (number + 1), 10:250]
    assert (np.abs(content - np.median(content, axis=(0, 1))).max(axis=-1) > 40).mean() > 0.02


def test_the_dancer_is_in_the_window(session):
    """In its blue top, left of the sidebar."""
    view = np.asarray(session.screen("window"), np.int16)[90:600, 200:740]
    assert ((view[..., 2] - view[..., 0]) > 20).mean() > 0.02


def test_pictures_are_small_enough_to_keep(kept):
    sizes = {path.name: path.stat().st_size / 1e3 for path in kept.iterdir()}
    assert {f"panel-{name}.png" for name in (*PANELS, "reading")} | {"window.png"} <= set(sizes)
    assert {name: size for name, size in sizes.items() if size > LARGEST_KB} == {}
    for name in sizes:
        assert np.asarray(Image.open(kept / name).convert("RGB")).std() > 10.0


def test_kept_pictures_look_like_the_screen(session, kept):
    small = np.asarray(Image.open(kept / "window.png").convert("RGB"), np.float64)
    assert np.abs(small - np.asarray(session.screen("window"), np.float64)).mean() < 2.0


def test_nothing_is_complained_about(session):
    bad = ("Traceback", "rna_uiItemR", "Error:", "pyrna_", "deprecat")
    assert [line for line in session.printed.splitlines() if any(word in line for word in bad)] == []
