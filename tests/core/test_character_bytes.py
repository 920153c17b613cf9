# SPDX-License-Identifier: Apache-2.0
"""Character files that lie, refer to other files or become large: refused before Blender opens them."""

import base64
import copy
import gzip
import io
import json
import os
from pathlib import Path
import struct
from typing import Any
import zlib

import pytest

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.retarget.gltf_header import MOST_DEPTH, require_readable_gltf
from dancepose_addon.core.retarget.picture_header import picture_size
from dancepose_addon.core.retarget.unpacked_size import require_bounded_blend, require_bounded_fbx

POINTS = struct.pack("<9f", *range(9))
MEBI = 1 << 20
HUGE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 20_000, 30_000)


def gltf() -> dict[str, Any]:
    """A triangle on a chain of two nodes."""
    uri = "data:application/octet-stream;base64," + base64.b64encode(POINTS).decode()
    return {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": 36, "uri": uri}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"children": [1]}, {"mesh": 0}],
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """The file with one entry replaced."""
    table = copy.deepcopy(gltf())
    place: Any = table
    *parts, last = path.split("/")
    for part in parts:
        place = place[int(part)] if part.isdigit() else place[part]
    place[int(last) if last.isdigit() else last] = value
    return table


def chain(depth: int) -> list[dict[str, Any]]:
    return [{"children": [number + 1]} for number in range(depth - 1)] + [{}]


def test_a_whole_file_passes(tmp_path: Path) -> None:
    (tmp_path / "points.bin").write_bytes(POINTS)
    for table in (gltf(), changed("buffers/0/uri", "points.bin"), changed("nodes", chain(MOST_DEPTH))):
        (tmp_path / "a.gltf").write_text(json.dumps(table))
        require_readable_gltf(tmp_path / "a.gltf")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("buffers/0/uri", "/dev/zero", "not a file beside it"),
        ("buffers/0/uri", "../a.bin", "not a file beside it"),
        ("buffers/0/uri", "%2e%2e/a.bin", "not a file beside it"),
        ("buffers/0/uri", "https://example.org/a.bin", "not a file beside it"),
        ("buffers/0/uri", "pipe", "not a regular file"),
        ("buffers/0/uri", "link", "not a regular file"),
        ("buffers/0/uri", "missing.bin", "does not exist"),
        ("images", [{"uri": "/etc/passwd"}], "not a file beside it"),
        ("images", [{"uri": "huge.png"}], "20,000 x 30,000 pixels"),
        ("images", [{"uri": "data:image/png;base64," + base64.b64encode(HUGE).decode()}], "20,000 x 30,000 pixels"),
        ("buffers/0/byteLength", 1 << 40, "longer than its data"),
        ("bufferViews/0/byteLength", 37, "outside it"),
        ("bufferViews/0/byteOffset", -1, "outside it"),
        ("accessors/0/count", 4, "4 rows is longer"),
        ("accessors/0/count", -1, "without data"),
        ("accessors", [{"componentType": 5126, "count": 3_000_000_000, "type": "VEC3"}], "rows without data"),
        ("accessors/0/type", "VEC5", "tables are not those of glTF"),
        ("nodes", {"0": 1}, "tables are not those of glTF"),
        ("nodes", [{"children": [1]}, {"children": [0]}], "in a circle"),
        ("nodes", [{"children": [0]}], "no tree"),
        ("nodes", [{"children": [2]}, {"children": [2]}, {}], "no tree"),
        ("nodes", [{"children": [5]}], "no tree"),
        ("nodes", chain(MOST_DEPTH + 1), "256 deep"),
        ("nodes", [{"mesh": 0}] * 2001, "shows 2,001 meshes"),
        ("meshes/0/primitives", [{"attributes": {"POSITION": 0}}] * 400_000, "repeat tables to 1,200,000 rows"),
        ("meshes/0/primitives", [{"attributes": {"POSITION": 0}, "indices": 9}], "tables are not those of glTF"),
    ],
)
def test_a_flaw_of_a_gltf_file_is_named(tmp_path: Path, path: str, value: object, reason: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "huge.png").write_bytes(HUGE)
    (tmp_path / "a.gltf").write_text(json.dumps(changed(path, value)))
    with pytest.raises(FormatError, match=reason):
        require_readable_gltf(tmp_path / "a.gltf")


def test_an_embedded_picture_is_measured(tmp_path: Path) -> None:
    table = gltf() | {"images": [{"bufferView": 0, "mimeType": "image/png"}]}
    data = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 16_385, 1) + bytes(12)
    table["buffers"] = [{"byteLength": 36}]
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + 36
    whole = b"glTF" + struct.pack("<IIII", 2, length, len(text), 0x4E4F534A) + text
    (tmp_path / "a.glb").write_bytes(whole + struct.pack("<II", 36, 0x4E4942) + data)
    with pytest.raises(FormatError, match="16,385 x 1 pixels"):
        require_readable_gltf(tmp_path / "a.glb")


def test_the_size_of_a_jpeg_follows_its_other_segments() -> None:
    segments = b"\xff\xe0\x00\x04ab" + b"\xff\xc4\x00\x02" + b"\xff\xc2\x00\x0b\x08" + struct.pack(">HH", 480, 640)
    assert picture_size(io.BytesIO(b"xyz\xff\xd8" + segments + bytes(6)), 3) == (640, 480)
    assert picture_size(io.BytesIO(b"\xff\xd8\xff\xe0\x00\x00")) == (0, 0)


def fbx(array: bytes, number: int, *, encoding: int = 1, version: int = 7400) -> bytes:
    """One record "A" with an array of doubles, inside a record "B"."""
    form, head = ("<QQQB", 25) if version >= 7500 else ("<IIIB", 13)
    value = b"d" + struct.pack("<III", number, encoding, len(array)) + array
    start = b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", version)
    inner_end = len(start) + 2 * (head + 1) + len(value)
    outer = struct.pack(form, inner_end + head, 0, 0, 1) + b"B"
    inner = struct.pack(form, inner_end, 1, len(value), 1) + b"A" + value
    return start + outer + inner + bytes(head) + bytes(head)


@pytest.mark.parametrize("version", [7400, 7500])
def test_fbx_arrays_are_as_long_as_they_say(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.fbx"
    path.write_bytes(fbx(zlib.compress(bytes(800)), 100, version=version))
    require_bounded_fbx(path)
    path.write_bytes(fbx(bytes(800), 100, encoding=0, version=version))
    require_bounded_fbx(path)
    path.write_bytes(fbx(zlib.compress(bytes(200 * MEBI)), 25 * MEBI, version=version))
    with pytest.raises(FormatError, match="unpacks to more than"):
        require_bounded_fbx(path)
    path.write_bytes(fbx(zlib.compress(bytes(200 * MEBI)), 100, version=version))
    with pytest.raises(FormatError, match="unpacks to more than"):
        require_bounded_fbx(path)


def test_damaged_fbx_files_are_refused(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.fbx", fbx(zlib.compress(bytes(800)), 100)
    for length in (0, 20, 27, 30, 60, len(whole) - 14):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"damaged|not a binary FBX"):
            require_bounded_fbx(path)
    for data in (fbx(bytes(799), 100, encoding=0), fbx(b"no zlib", 100), whole.replace(b"Ad", b"A?")):
        path.write_bytes(data)
        with pytest.raises(FormatError, match="damaged"):
            require_bounded_fbx(path)


def zstd(blocks: list[tuple[int, int, bytes]]) -> bytes:
    """A frame of blocks (kind, size, content), with a window descriptor and no content size."""
    data = struct.pack("<I", 0xFD2FB528) + bytes([0, 0x70])
    for number, (kind, size, content) in enumerate(blocks):
        data += ((size << 3) | (kind << 1) | (number == len(blocks) - 1)).to_bytes(3, "little") + content
    return data


def test_compressed_blend_files_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.blend"
    skipped = struct.pack("<II", 0x184D2A5E, 4) + b"seek"
    for data in (b"BLENDER-v405", gzip.compress(b"BLENDER" + bytes(MEBI)), zstd([(0, 3, b"abc")]) + skipped):
        path.write_bytes(data)
        require_bounded_blend(path)
    repeated = [(1, 128 << 10, b"\0")] * 2000  # 250 MiB of zeros in 8 kB
    for data in (
        gzip.compress(bytes(200 * MEBI)),
        zstd(repeated),
        zstd([(2, 1, b"x")] * 2000),
        skipped + zstd(repeated),
    ):
        path.write_bytes(data if data.startswith((b"\x1f", b"(\xb5")) else data[12:])
        with pytest.raises(FormatError, match="unpacks to more than"):
            require_bounded_blend(path)
    path.write_bytes(zstd([(0, 3, b"abc")])[:-6])
    with pytest.raises(FormatError, match="cannot be unpacked"):
        require_bounded_blend(path)


def test_real_characters_pass(data_folder: Path) -> None:
    checks = {".fbx": require_bounded_fbx, ".blend": require_bounded_blend}
    files = [path for path in (data_folder / "characters").iterdir() if path.suffix != ".json"]
    assert len(files) > 5
    for path in files:
        checks.get(path.suffix, require_readable_gltf)(path)
