# SPDX-License-Identifier: Apache-2.0
"""Characters that name a pipe or a device are refused before Blender opens it, in every form of the file."""

from collections.abc import Callable
import gzip
import os
from pathlib import Path
import struct

import pytest

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.retarget.special_files import require_ordinary_files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")


def blend(*texts: str, folded: int = 0) -> bytes:
    """Texts among numbers, in fields of 1024 bytes as in .blend files, at an odd place."""
    fields = [b"\x07\x2f\x01" + text.encode().ljust(1024, b"\0") for text in texts]
    return b"BLENDER-v405" + bytes(folded) + b"".join(fields) + bytes(range(256))


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    return zstandard.ZstdCompressor().compress(data)


def fbx(text: str) -> bytes:
    """A record with one text, whose end is not marked."""
    value = b"S" + struct.pack("<I", len(text)) + text.encode()
    start = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", 7400)
    end = len(start) + 14 + len(value)
    return start + struct.pack("<IIIB", end, 1, len(value), 1) + b"A" + value + bytes(13)


def refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(FormatError, match=rf"^{path.name} is not read: it refers to .*, which is not a regular file"):
        require_ordinary_files(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with pipes in it and beside it, which is not the current one."""
    (tmp_path / "here" / "tex").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("here/pipe.png", "here/tex/skin.png", "here/tile.1001.png", "elsewhere/other.png"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "here" / "link.png").symlink_to("/dev/zero")
    (tmp_path / "here" / "real.png").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "here"


@pytest.mark.parametrize("packed", [lambda data: data, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize(
    "name",
    ["/dev/zero", "//pipe.png", "//tex/skin.png", "//../elsewhere/other.png", "other.png", "//link.png",
     "//tile.<UDIM>.png", "//tile.0001.png", "C:\\textures\\pipe.png", "../here/pipe.png"],
)  # fmt: skip
def test_blend_files_that_name_a_pipe_or_device(folder: Path, name: str, packed: Callable[[bytes], bytes]) -> None:
    refused(folder / "a.blend", packed(blend("//real.png", name)))


def test_paths_across_pieces_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dancepose_addon.core.retarget.special_files.PIECE_BYTES", 4096)
    for folded in range(3060, 4110, 50):
        refused(folder / "a.blend", blend("//tex/skin.png", folded=folded))


@pytest.mark.parametrize("name", ["/dev/zero", "pipe.png", "tex\\skin.png", "/gone/skin.png", "skin.png"])
def test_fbx_files_that_name_a_pipe_or_device(folder: Path, name: str) -> None:
    refused(folder / "a.fbx", fbx(name))


def test_linked_files_are_searched(folder: Path) -> None:
    (folder / "library.blend").write_bytes(blend("//second.blend"))
    (folder / "second.blend").write_bytes(blend("//library.blend", "/dev/zero"))
    refused(folder / "a.blend", blend("//library.blend"))
    (folder / "second.blend").write_bytes(gzip.compress(bytes(200 << 20)))
    (folder / "a.blend").write_bytes(blend("//library.blend"))
    with pytest.raises(FormatError, match="unpacks to more than"):
        require_ordinary_files(folder / "a.blend")


def test_ordinary_and_missing_files_pass(folder: Path) -> None:
    for data in (blend("//real.png", "//gone.png", "/tmp", "//7.txt", "/x"), gzip.compress(blend("//real.png"))):
        (folder / "a.blend").write_bytes(data)
        require_ordinary_files(folder / "a.blend")
    for name in ("real.png", "a/b\0\1Model", "\0/x", "/"):
        (folder / "a.fbx").write_bytes(fbx(name))
        require_ordinary_files(folder / "a.fbx")


def test_damaged_files_are_named(folder: Path) -> None:
    for data in (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 99, zstd(b"x")[:4] + b"\xff" * 40):
        (folder / "a.blend").write_bytes(data)
        with pytest.raises(FormatError, match=r"a\.blend is damaged: it cannot be unpacked"):
            require_ordinary_files(folder / "a.blend")


def test_real_characters_pass(data_folder: Path) -> None:
    files = [path for path in (data_folder / "characters").iterdir() if path.suffix in (".fbx", ".blend")]
    assert len(files) >= 3
    for path in files:
        require_ordinary_files(path)
