# SPDX-License-Identifier: Apache-2.0
"""The hash of the code that decides a fit, against one made file by file, and the version."""

import hashlib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from dancepose.study.plan import program


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small add-on with a cache of bytecode, a file beside the hashed ones, and a manifest."""
    addon = tmp_path / "addon"
    for name, text in {
        "core/b.py": "b", "core/a/c.py": "c", "core/__pycache__/b.pyc": "old", "inference/i.py": "i",
        "assets/x.bin": "x",
        "fitting.py": "f", "clip_fitting.py": "k", "other.py": "o",
    }.items():  # fmt: skip
        (addon / name).parent.mkdir(parents=True, exist_ok=True)
        (addon / name).write_text(text)
    monkeypatch.setattr(program, "ADDON", addon)
    program.code_hash.cache_clear()
    yield addon
    program.code_hash.cache_clear()


def test_the_hash_is_that_of_names_and_bytes(tree: Path) -> None:
    expected = hashlib.blake2b(
        b"core/a/c.py\0ccore/b.py\0binference/i.py\0iassets/x.bin\0xfitting.py\0fclip_fitting.py\0k",
        digest_size=8,
    )
    assert program.code_hash() == expected.hexdigest()
    assert len(program.code_hash()) == 16


@pytest.mark.parametrize(
    ("name", "changes"),
    [("core/__pycache__/b.pyc", False), ("other.py", False), ("core/b.py", True), ("fitting.py", True)],
)
def test_what_changes_the_hash(tree: Path, name: str, *, changes: bool) -> None:
    before = program.code_hash()
    (tree / name).write_text("new")
    program.code_hash.cache_clear()
    assert (program.code_hash() != before) is changes


def test_the_version_is_the_manifests_or_the_packages(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(program, "version", lambda name: f"{name} 9")
    assert program.program_version() == "dancepose 9"
    manifest = tree.parent / "blender_manifest.toml"
    manifest.write_text('schema_version = "1.0"\nid = "x"\n')
    assert program.program_version() == "dancepose 9"
    monkeypatch.setattr(program, "version", missing)
    assert program.program_version() == "unknown"
    manifest.write_text('schema_version = "1.0"\nversion = "3.2.1"\n')
    assert program.program_version() == "3.2.1"


def test_the_hashed_parts_are_those_of_the_addon() -> None:
    assert program.ADDON.name == "dancepose_addon"
    assert all((program.ADDON / name).exists() for name in program.FIT_SOURCES)
