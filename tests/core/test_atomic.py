# SPDX-License-Identifier: Apache-2.0
"""Files appear whole or not at all."""

import errno
import os
from pathlib import Path
import stat
import subprocess
import sys
import time

import pytest

from dancepose_addon.core.atomic import output_error, replacing
from dancepose_addon.core.errors import Cancelled, OutputError

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="/dev/full, a device that is always full, is Linux's")


def _contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.npz"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert temporary.parent == path.parent
        assert temporary.suffix == ".npz"
        assert not path.exists()
    assert _contents(path.parent) == {"b.npz": "half"}


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt(), ValueError("a bug")])
def test_what_stops_the_writing_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "b.json"
    path.write_text("old")
    with pytest.raises(type(error)), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert _contents(tmp_path) == {"b.json": "old"}


@needs_full
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    with pytest.raises(OutputError, match=r"disk is full: .*b\.json"), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        FULL.write_text("the other half")
    assert _contents(tmp_path) == {}


def test_a_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be written"), replacing(tmp_path / "file" / "b.json"):
        pytest.fail("there is nowhere to write")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(OutputError, match="could not be written"), replacing(tmp_path / "folder") as temporary:
        temporary.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_the_reason_is_said() -> None:
    assert "Permission denied" in str(output_error(Path("x"), PermissionError(errno.EACCES, "Permission denied")))
    assert "Free some space" in str(output_error(Path("x"), OSError(errno.ENOSPC, "No space left on device")))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_pipes_and_devices_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "pipe.json")
    for name in ("pipe.json", "link.json"):
        with (
            pytest.raises(OutputError, match="is a device, a pipe or a socket, which is not replaced"),
            replacing(tmp_path / name) as temporary,
        ):
            temporary.write_text("new")
    assert stat.S_ISFIFO((tmp_path / "pipe.json").stat().st_mode)


@pytest.mark.parametrize("name", ["", ".", "a\0b"])
def test_what_is_no_name_of_a_file_is_refused(name: str) -> None:
    with pytest.raises(OutputError, match="is not the name of a file"), replacing(Path(name)):
        pass


def test_names_that_are_too_long_are_one_sentence(tmp_path: Path) -> None:
    name = f"{'z' * 300}.json"
    with pytest.raises(OutputError, match="could not be written"), replacing(tmp_path / name) as temporary:
        temporary.write_text("new")


def _leftover(folder: Path, name: str, *, age_s: float = 3600.0) -> Path:
    path = folder / name
    path.write_text("half")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def _ended_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot be asked without harm whether a process runs")
def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    ended = _ended_process()
    _leftover(tmp_path, f".b.{ended}.part.npz")
    kept = [
        _leftover(tmp_path, f".b.{os.getppid()}.part.npz"),  # its process runs
        _leftover(tmp_path, f".a.{ended}.part.npz"),  # of another output
        _leftover(tmp_path, f".b.{ended}.part.json"),
        _leftover(tmp_path, f".b.c.{ended}.part.npz"),
        _leftover(tmp_path, f"b.{ended}.part.npz"),  # not a temporary name
    ]
    with replacing(tmp_path / "b.npz") as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "b.npz"])


def test_what_changed_a_moment_ago_is_kept(tmp_path: Path) -> None:
    kept = _leftover(tmp_path, f".b.{_ended_process()}.part.npz", age_s=0.0)
    with replacing(tmp_path / "b.npz") as temporary:
        temporary.write_text("whole")
    assert kept.exists()


def test_a_folder_of_many_files_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (read.append(str(folder)), scan(folder))[1])
    for number in range(5):
        with replacing(tmp_path / f"{number}.npz") as temporary:
            temporary.write_text("whole")
    assert read == [str(tmp_path)]
