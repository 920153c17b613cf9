# SPDX-License-Identifier: Apache-2.0
"""Outputs that would destroy an input, or that cannot be written, are refused before any work."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

from dancepose_addon.core.atomic import replacing, temporary_name
from dancepose_addon.core.errors import OutputError
from dancepose_addon.core.file_locks import LOCK_NAME, locked
from dancepose_addon.core.output_paths import Output, require_outputs


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "clip"
    folder.mkdir()
    for name in ("skeletons.json", "audio.mp3", "config.json"):
        (folder / name).write_text(name)
    return folder


def refused(*outputs: Output, inputs: tuple[Path | None, ...] = ()) -> str:
    with pytest.raises(OutputError) as caught:
        require_outputs(outputs, inputs)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_ordinary_outputs_are_fine(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "old.npz").write_text("from the last run")
    outputs = (
        Output("--out", tmp_path / "old.npz", (".npz",)),
        Output("--report", tmp_path / "new" / "deep" / "r.json", (".json",)),
        Output("--plot", None, (".png",)),
        Output("--work", tmp_path / "old.work", is_folder=True),
    )
    require_outputs(outputs, (clip, None, tmp_path / "missing.npz"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip", "old.npz"]


@pytest.mark.parametrize("spelling", ["{clip}/audio.mp3", "{clip}/../clip/audio.mp3", "hard.mp3", "soft.mp3"])
@pytest.mark.parametrize("given", ["", "skeletons.json", "audio.mp3"])
def test_inputs_are_found_by_what_they_are(clip: Path, tmp_path: Path, spelling: str, given: str) -> None:
    (tmp_path / "hard.mp3").hardlink_to(clip / "audio.mp3")
    (tmp_path / "soft.mp3").symlink_to(clip / "audio.mp3")
    out = tmp_path / spelling.format(clip=clip)
    assert "input" in refused(Output("--out", out), inputs=(None, clip / given if given else clip))
    assert (clip / "audio.mp3").read_text() == "audio.mp3"


def test_an_empty_name_is_named_so() -> None:
    # pathlib makes a dot of it.
    assert "--out is empty, or the current folder" in refused(Output("--out", Path(), (".npz",)))


def test_two_outputs_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    message = refused(Output("--out", tmp_path / "a.npz"), Output("--report", tmp_path / "link" / "a.npz"))
    assert "--out and --report" in message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "folder"), (".", "folder"), ("clip", "folder"), ("clip/audio.mp3/x.npz", "not a folder"),
        ("o.avi", "npz"), ("o", "npz"), ("o.npz.bak", "npz"),
        ("x" * 252 + ".npz", "256 bytes"), ("é" * 130 + ".npz", "bytes"),
        ("a\n.npz", "control"), ("a\x1b[2J.npz", "control"), ("bad\udcff.npz", "UTF-8"), ("//x.npz", "slashes"),
        ("~/x.npz", "~"), ("/dev/null", "regular"), ("/proc/nothing/x.npz", "written"),
    ],
)  # fmt: skip
def test_impossible_names(clip: Path, tmp_path: Path, name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    suffixes = () if name == "/dev/null" else (".npz",)
    if said == "folder":
        suffixes = ()
    assert said in refused(Output("--out", Path(name), suffixes), inputs=(clip,))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "written" in refused(Output("--out", tmp_path / "x.npz"))
    tmp_path.chmod(0o700)


def test_a_file_where_a_folder_should_be(clip: Path) -> None:
    assert "is a file" in refused(Output("--work", clip / "audio.mp3", is_folder=True))


@pytest.mark.parametrize("name", ["take #3.mp4", "x####.mp4", "y" * 251 + ".mp4", "é" * 125 + ".mp4", "a." + "b" * 240])
def test_temporary_names_are_short_and_plain(tmp_path: Path, name: str) -> None:
    short = temporary_name(tmp_path / name)
    assert len(short.encode()) <= 255
    assert "#" not in short
    with replacing(tmp_path / name) as temporary:
        temporary.write_text("done")
    assert (tmp_path / name).read_text() == "done"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link.npz").symlink_to(tmp_path / "target" / "x.npz")
    with replacing(tmp_path / "link.npz") as temporary:
        temporary.write_text("done")
    assert (tmp_path / "link.npz").is_symlink()
    assert (tmp_path / "target" / "x.npz").read_text() == "done"


HOLD = """
import sys, time
from pathlib import Path
from dancepose_addon.core.file_locks import locked
with locked(Path(sys.argv[1]), purpose="renders into"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_ends_with_its_owner(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="Another process renders into"), locked(tmp_path, purpose="renders into"):
            pass
        owner.kill()
        owner.wait()
    with locked(tmp_path, purpose="renders into"):
        assert (tmp_path / LOCK_NAME).exists()
    assert not (tmp_path / LOCK_NAME).exists()


@pytest.mark.parametrize("given", ["new/../a.npz", "new/sub/../../a.npz", "../x/new/../a.npz", "new/../new/../a.npz"])
def test_two_dots_behind_a_folder_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """The folder is made before the file is written, and then the path is that of the input."""
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    Path("a.npz").write_bytes(b"input")
    assert "has .. behind" in refused(Output("--out", Path(given)), inputs=(Path("a.npz"),))
    assert "has .. behind" in refused(Output("--out", Path("new/.."), is_folder=True))
    require_outputs([Output("--out", Path("../other/new.npz"))], (Path("a.npz"),))
    assert [path.name for path in Path().iterdir()] == ["a.npz"]
