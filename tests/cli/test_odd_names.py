# SPDX-License-Identifier: Apache-2.0
"""Names of files that a format has another meaning for, or cannot hold."""

import os
from pathlib import Path
import shutil
import sys
import tomllib

import pytest

from dancepose_addon.core.toml_text import toml_string

from .conftest import Dancepose

ODD = ("a$b$c^{", "\U0001f57a\x7fx", "\u65e5", 'q"x\\', "plain")
NOT_UTF8 = os.fsdecode(b"caf\xe9")
needs_bytes = pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are UTF-8")


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import dancepose

    path = tmp_path_factory.mktemp("motion") / "waltz.npz"
    dancepose.fit_file(Path(__file__).parents[2] / "examples" / "waltz", frames=(0, 20)).save(path)
    return path


@pytest.mark.parametrize("text", [*ODD, "\x00\x1b\n\t", "\uffff\U0010ffff"])
def test_toml_strings_are_read_as_they_were(text: str) -> None:
    assert tomllib.loads(f"a = {toml_string(text)}") == {"a": text}


def test_studies_of_odd_names(dancepose: Dancepose, motion: Path, tmp_path: Path) -> None:
    for folder in ("ours", "\U0001f57a"):
        (tmp_path / folder).mkdir()
        for name in ODD:
            shutil.copy(motion, tmp_path / folder / f"{name}.npz")
    folders = (tmp_path / "ours", tmp_path / "\U0001f57a")
    assert dancepose("study", "init", *folders, "--out", tmp_path / "study.toml").code == 0
    done = dancepose("study", "check", tmp_path / "study.toml")
    assert (done.code, "2 systems, 5 songs: 10 clips" in done.out) == (0, True), done.err


@needs_bytes
def test_names_that_are_not_utf8(dancepose: Dancepose, motion: Path, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    source = tmp_path / "ours" / f"{NOT_UTF8}.npz"
    shutil.copy(motion, source)
    done = dancepose("study", "init", tmp_path / "ours", "--out", tmp_path / "study.toml")
    assert (done.code, "not valid UTF-8" in done.err, (tmp_path / "study.toml").exists()) == (1, True, False)
    done = dancepose("view", source, "--out", tmp_path / "page.html")
    assert done.code == 0, done.err
    assert "caf\\udce9" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [ODD[0], pytest.param(NOT_UTF8, marks=needs_bytes)])
def test_plots_of_odd_names(dancepose: Dancepose, motion: Path, tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    source = tmp_path / f"{name}.npz"
    shutil.copy(motion, source)
    done = dancepose("fit", source, "--out", tmp_path / "fit.npz", "--plot", tmp_path / "plot.png")
    assert done.code == 0, done.err
    assert (tmp_path / "plot.png").stat().st_size > 10_000


@needs_bytes
def test_a_motion_of_a_name_that_is_not_utf8_can_be_read_again(motion: Path, tmp_path: Path) -> None:
    import dancepose
    from dancepose_addon.core.body.motion import BodyMotion

    source = tmp_path / f"{NOT_UTF8}.npz"
    shutil.copy(motion, source)
    fitted = dancepose.fit_file(source)
    fitted.save(tmp_path / "again.npz")
    assert BodyMotion.load(tmp_path / "again.npz").provenance["source"].endswith("caf\\udce9.npz")
