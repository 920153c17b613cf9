# SPDX-License-Identifier: Apache-2.0
"""Locks of outputs: of one user, one for each file, given up with the process."""

import os
from pathlib import Path
import stat
import sys

import pytest

from dancepose_addon.core import output_claims
from dancepose_addon.core.errors import OutputError
from dancepose_addon.core.output_claims import claim_outputs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX's users and links")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of locks below a temporary one, and no claims before."""
    monkeypatch.setattr(output_claims.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(output_claims, "_claims", claims := {})
    monkeypatch.setattr(output_claims.atexit, "register", lambda *_: None)
    yield tmp_path / f"dancepose-outputs-{os.getuid()}"
    for descriptor in claims.values():
        os.close(descriptor)


def test_a_file_is_claimed_once_by_whatever_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "out.npz")
    claim_outputs([tmp_path / "out.npz", None, tmp_path / "a" / ".." / "out.npz", tmp_path / "link"])
    (lock,) = folder.iterdir()
    assert len(lock.name) == 32
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    claim_outputs([tmp_path / "other.npz"])
    assert len(list(folder.iterdir())) == 2


def test_a_file_that_another_process_holds_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").exists() else set()
    monkeypatch.setattr(output_claims, "try_lock", lambda _descriptor: False)
    with pytest.raises(OutputError, match=r"Another command is writing '.*out.npz'"):
        claim_outputs([tmp_path / "out.npz"])
    assert output_claims._claims == {}
    if before:
        assert set(Path("/proc/self/fd").iterdir()) == before


def test_of_more_than_64_files_the_first_are_held(folder: Path, tmp_path: Path) -> None:
    claim_outputs([tmp_path / f"{number}.npz" for number in range(70)])
    assert len(output_claims._claims) == len(list(folder.iterdir())) == 64


def test_a_folder_of_somebody_else_is_not_used(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.getuid()
    folder.mkdir()
    monkeypatch.setattr(output_claims.os, "getuid", lambda: user + 1)
    folder.rename(tmp_path / f"dancepose-outputs-{user + 1}")
    claim_outputs([tmp_path / "out.npz"])
    assert output_claims._claims == {}
    assert list((tmp_path / f"dancepose-outputs-{user + 1}").iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_file_or_a_link_in_place_of_the_folder_is_not_used(folder: Path, tmp_path: Path, kind: str) -> None:
    if kind == "file":
        folder.write_text("")
    else:
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    claim_outputs([tmp_path / "out.npz"])
    assert output_claims._claims == {}


def test_locks_are_removed_when_the_process_ends(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[tuple[object, Path]] = []
    monkeypatch.setattr(output_claims.atexit, "register", lambda *call: registered.append(call))
    claim_outputs([tmp_path / "out.npz"])
    ((forget, path),) = registered
    assert path.exists()
    for _ in range(2):
        forget(path)
        assert not path.exists()
