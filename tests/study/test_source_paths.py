# SPDX-License-Identifier: Apache-2.0
"""Sources of a system: by placeholder, folder and glob."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from dancepose.study.plan.study_sources import find_sources, folder_of
from dancepose_addon.core.errors import FormatError, MissingFileError

SONGS = [SimpleNamespace(name="waltz", match="waltz"), SimpleNamespace(name="samba", match="samba_01")]


def system(files: str) -> SimpleNamespace:
    return SimpleNamespace(name="ours", files=files)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "in/waltz.npz",
        "in/samba_01.npy",
        "in/.waltz.npz",
        "in/waltz.wav",
        "deep/a/waltz.npz",
        "deep/b/samba_01",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "waltz", "samba"),
    [
        ("in", "in/waltz.npz", "in/samba_01.npy"),
        ("in/*", "in/waltz.npz", "in/samba_01.npy"),
        ("in/waltz.np?", "in/waltz.npz", None),
        ("in/{song}.npz", "in/waltz.npz", None),
        ("deep/*/*", "deep/a/waltz.npz", "deep/b/samba_01"),
        ("deep/[b]/*", None, "deep/b/samba_01"),
    ],
)
def test_sources_of_songs(root: Path, files: str, waltz: str | None, samba: str | None) -> None:
    found = find_sources(system(files), SONGS, root)
    for name, expected in (("waltz", waltz), ("samba", samba)):
        if expected is None:
            assert isinstance(found[name], MissingFileError)
            assert "System ours has no" in str(found[name])
        else:
            assert found[name] == Path(expected)
    whole = find_sources(system(str(root / files)), SONGS, Path("elsewhere"))
    assert whole["waltz"] == root / waltz if waltz is not None else isinstance(whole["waltz"], MissingFileError)


def test_several_files_of_a_song_are_refused(root: Path) -> None:
    for number in range(5):
        (root / "in" / f"waltz.{number}").write_text("")
    found = find_sources(system("in"), SONGS, root)
    assert isinstance(found["waltz"], FormatError)
    assert "(waltz.0, waltz.1, waltz.2, waltz.3)" in str(found["waltz"])


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ("in", "in"), ("in/waltz.npz", "in"), ("in/*.npz", "in"), ("deep/*/waltz.npz", "deep"), ("deep/a?/x", "deep"),
        ("deep/[ab]/x", "deep"), ("deep/{song}/x.npz", "deep"), ("none/file", "none"), ("*", "."),
    ],
)  # fmt: skip
def test_the_folder_of_a_system(root: Path, files: str, folder: str) -> None:
    assert folder_of(system(files), root) == root / folder
