# SPDX-License-Identifier: Apache-2.0
"""What removing files and folders of a study leaves."""

from pathlib import Path

import pytest

from dancepose.study.report.cleaning import _names_in, _remove_empty, _remove_file
from dancepose_addon.core.errors import DancePoseError


def test_a_removed_file_counts_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert _remove_file(file) == 5
    assert not file.exists()
    assert _remove_file(file) == 0


def test_folders_stay_and_links_to_them_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inside").write_bytes(b"12")
    assert _remove_file(folder) == 0
    assert folder.is_dir()
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert _remove_file(link) == len(str(folder))
    assert not link.is_symlink()
    assert (folder / "inside").exists()


def test_what_cannot_be_removed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "file"
    file.write_bytes(b"12345")
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DancePoseError, match=r"cannot be removed \(Permission denied\)"):
        _remove_file(file)


def test_names_of_files_and_of_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_text("")
        (tmp_path / f"folder_{name}").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder_a")
    assert _names_in(tmp_path) == ["a", "b", "link"]
    assert _names_in(tmp_path, folders=True) == ["folder_a", "folder_b"]
    assert _names_in(tmp_path / "none") == []


def test_empty_folders_are_removed_from_the_deepest(tmp_path: Path) -> None:
    out = tmp_path / "out"
    deep = out / "a" / "b" / "c"
    deep.mkdir(parents=True)
    full = out / "full" / "empty"
    full.mkdir(parents=True)
    (out / "full" / "file").write_text("")
    _remove_empty([out, out / "a", deep, out / "a" / "b", out / "full", full], out)
    assert sorted(path.name for path in out.rglob("*")) == ["file", "full"]
    assert out.is_dir()
    (out / "full" / "file").unlink()
    _remove_empty([out / "full", out], out)
    assert list(out.iterdir()) == []
    assert out.is_dir()
