# SPDX-License-Identifier: Apache-2.0
"""Tables of glTF files at their limits, one by one."""

import base64
import json
from pathlib import Path
import struct
from typing import Any

import pytest

from dancepose_addon.core.errors import FormatError, MissingFileError
from dancepose_addon.core.retarget import gltf_header as gltf

FLAW = gltf._FlawError


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + bytes(9)


def glb(table: dict[str, Any], binary: bytes = b"", *, longer: int = 0) -> bytes:
    text = json.dumps(table).encode()
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks) + longer) + chunks


@pytest.mark.parametrize(
    ("kind", "form", "size"),
    [
        (5120, "SCALAR", 1),
        (5121, "VEC2", 2),
        (5122, "VEC3", 6),
        (5123, "VEC4", 8),
        (5125, "MAT2", 16),
        (5126, "MAT3", 36),
        (5126, "MAT4", 64),
    ],
)
def test_tables_are_as_long_as_their_data(kind: int, form: str, size: int) -> None:
    table = {"componentType": kind, "type": form, "count": 5, "bufferView": 0}
    gltf._check_accessors({"accessors": [table]}, [5 * size])
    gltf._check_accessors({"accessors": [{**table, "byteOffset": 3}]}, [5 * size + 3])
    gltf._check_accessors({"accessors": [{**table, "count": 0, "byteOffset": 99}]}, [1])
    for changed, views in (({}, [5 * size - 1]), ({"byteOffset": 1}, [5 * size]), ({"bufferView": 1}, [999]),
    ({"bufferView": -1}, [999]), ({"byteOffset": -1}, [999]), ({"count": -1}, [999])):  # fmt: skip
        with pytest.raises(FLAW, match="rows"):
            gltf._check_accessors({"accessors": [{**table, **changed}]}, views)


def test_pictures_of_all_together(tmp_path: Path) -> None:
    """One of 16,384 pixels a side, or as many pixels in several; the same file counts each time."""
    (tmp_path / "t.png").write_bytes(png(8192, 16384))
    (tmp_path / "a.gltf").write_text("{}")
    image = {"uri": "t.png"}
    gltf._check_pictures(tmp_path / "a.gltf", {"images": [image] * 2})
    with pytest.raises(FLAW, match="more than 268 million pixels together"):
        gltf._check_pictures(tmp_path / "a.gltf", {"images": [image] * 3})


def test_tables_without_data() -> None:
    """Zeros of all tables together, 64 MiB at most."""
    rows = (64 << 20) // 12
    table = {"componentType": 5126, "type": "VEC3", "count": rows}
    gltf._check_accessors({"accessors": [table]}, [])
    for tables in ([{**table, "count": rows + 1}], [table, {**table, "count": 1}]):
        with pytest.raises(FLAW, match="rows without data"):
            gltf._check_accessors({"accessors": tables}, [])


def test_parts_of_buffers() -> None:
    def lengths(**view: int) -> list[int]:
        return gltf._view_lengths({"bufferViews": [{"buffer": 0, "byteLength": 6, **view}]}, [10])

    assert lengths() == lengths(byteOffset=4) == [6]
    for wrong in (
        {"byteOffset": 5},
        {"byteLength": 11},
        {"byteOffset": -1},
        {"byteLength": -1},
        {"buffer": 1},
        {"buffer": -1},
    ):
        with pytest.raises(FLAW, match="lies outside it"):
            lengths(**wrong)


def test_buffers_and_their_links(tmp_path: Path) -> None:
    path = tmp_path / "a.gltf"
    path.write_bytes(bytes(50))
    (tmp_path / "b c.bin").write_bytes(bytes(20))
    (tmp_path / "folder").mkdir()

    def lengths(length: int, uri: str | None) -> list[int]:
        return gltf._buffer_lengths(
            path, {"buffers": [{"byteLength": length, **({} if uri is None else {"uri": uri})}]}
        )

    data = "data:application/octet-stream;base64," + base64.b64encode(bytes(9)).decode()
    for length, uri in ((50, None), (20, "b%20c.bin"), (9, data)):
        assert lengths(length, uri) == [length]
    for length, uri in ((51, None), (21, "b%20c.bin"), (-1, None), (len(data) + 1, data)):
        with pytest.raises(FLAW, match="longer than its data"):
            lengths(length, uri)
    for uri, reason in (
        ("../b.bin", "not a file beside it"), ("/b.bin", "not a file beside it"),
        ("http://a/b", "not a file beside it"),
        ("none.bin", "does not exist"), ("folder", "not a regular file"),
    ):  # fmt: skip
        with pytest.raises(FLAW, match=reason):
            lengths(1, uri)
    assert gltf._unquoted("a%20b%C3%A4%zz") == "a b\u00e4%zz"


def test_trees_of_nodes() -> None:
    gltf._check_nodes({"nodes": [{}] * 20_000})
    chain: list[dict[str, Any]] = [{"children": [number + 1]} for number in range(255)]
    gltf._check_nodes({"nodes": [*chain, {}]})
    for nodes, reason in (
        ([{}] * 20_001, "20,001 nodes"), ([*chain, {"children": [256]}, {}], "more than 256 deep"),
        ([{"children": [0]}], "no tree"), ([{"children": [1]}], "no tree"), ([{"children": [-1]}], "no tree"),
        ([{"children": [2]}, {"children": [2]}, {}], "no tree"),
        ([{"children": [1]}, {"children": [0]}], "in a circle"),
    ):  # fmt: skip
        with pytest.raises(FLAW, match=reason):
            gltf._check_nodes({"nodes": nodes})


def test_meshes_that_are_repeated() -> None:
    """A mesh of 600 + 400 rows on many nodes: a million rows may be repeated beyond its own."""
    table: dict[str, Any] = {
        "accessors": [{"count": 600}, {"count": 400}, {"count": 10**9}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
    }
    gltf._check_repeats({**table, "nodes": [{"mesh": 0}] * 1001 + [{}] * 5000})
    with pytest.raises(FLAW, match=r"repeat tables to 1,002,000 rows"):
        gltf._check_repeats({**table, "nodes": [{"mesh": 0}] * 1002})
    surfaces = [{"primitives": [{"attributes": {"POSITION": 0}}] * count} for count in (1667, 1668)]
    gltf._check_repeats({**table, "meshes": surfaces[:1], "nodes": [{"mesh": 0}]})
    with pytest.raises(FLAW, match="repeat tables"):
        gltf._check_repeats({**table, "meshes": surfaces[1:], "nodes": [{"mesh": 0}]})
    light = {"accessors": [{"count": 3}], "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}]}
    gltf._check_repeats({**light, "nodes": [{"mesh": 0}] * 2000})
    with pytest.raises(FLAW, match="2,001 meshes"):
        gltf._check_repeats({**light, "nodes": [{"mesh": 0}] * 2001})


@pytest.mark.parametrize(("width", "height", "good"), [(16_384, 16, True), (16_385, 16, False), (16, 16_385, False)])
def test_pictures_in_files_and_links(tmp_path: Path, width: int, height: int, *, good: bool) -> None:
    data = png(width, height)
    (tmp_path / "a.png").write_bytes(data)
    path = tmp_path / "a.glb"
    views = [{"buffer": 0, "byteOffset": 7, "byteLength": len(data)}]
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    for table in (
        {"images": [{"uri": "a.png"}]}, {"images": [{"uri": uri}, {}]},
        {"images": [{"bufferView": 0}], "bufferViews": views, "buffers": [{"byteLength": 99}]},
    ):  # fmt: skip
        path.write_bytes(glb(table, bytes(7) + data))
        if good:
            gltf._check_pictures(path, table)
        else:
            with pytest.raises(FLAW, match="pixels is larger than 16,384"):
                gltf._check_pictures(path, table)


def test_chunks_of_binary_files(tmp_path: Path) -> None:
    path = tmp_path / "a.glb"
    path.write_bytes(glb({"a": 1}, b"rest"))
    assert gltf._gltf_json(path) == {"a": 1}
    assert path.read_bytes()[gltf._binary_start(path) :] == b"rest"
    path.write_bytes(glb({"a": 1}, b"rest", longer=1))
    with pytest.raises(FormatError, match="or is damaged"):
        gltf._gltf_json(path)
    for text, table in (('{"b": 2}', {"b": 2}), ('{"a long text": "of more than twenty bytes"}', None)):
        path.write_text(text)
        assert gltf._gltf_json(path) == (json.loads(text) if table is None else table)
        assert gltf._binary_start(path) == 0
    for text in ("[1]", "{", "glTF"):
        path.write_text(text)
        with pytest.raises(FormatError, match="is not a glTF file"):
            gltf._gltf_json(path)
    with pytest.raises(MissingFileError):
        gltf._gltf_json(tmp_path / "none.glb")
    path.write_text(json.dumps({"extensionsRequired": ["EXT_meshopt_compression"]}))
    with pytest.raises(FormatError, match="compressed with EXT_meshopt_compression"):
        gltf.require_readable_gltf(path)


@pytest.mark.parametrize("kind", ["targets", "attributes"])
@pytest.mark.parametrize("has_data", [True, False])
def test_tables_that_are_named_often(kind: str, *, has_data: bool) -> None:
    """Tables of 12 MB: as many more as fit into 64 MiB beside those of the file."""
    rows = 1_000_000
    accessor = {"count": rows, "componentType": 5126, "type": "VEC3"} | ({"bufferView": 0} if has_data else {})
    for extra, good in ((5, True), (6, False)):
        named = {"POSITION": 0} | ({f"_A{n}": 0 for n in range(extra)} if kind == "attributes" else {})
        targets = [{"POSITION": 0}] * extra if kind == "targets" else []
        table = {
            "accessors": [accessor],
            "meshes": [{"primitives": [{"attributes": named, "targets": targets}]}],
        }
        if good:
            gltf._check_expansion(table, 12 * rows if has_data else 0)
        else:
            with pytest.raises(FLAW, match="repeat tables to 80 MiB, more than 64 MiB beyond its own"):
                gltf._check_expansion(table, 12 * rows if has_data else 0)


@pytest.mark.parametrize(("scenes", "good"), [(100, True), (101, False)])
def test_scenes_have_a_limit(scenes: int, *, good: bool) -> None:
    if good:
        gltf._check_nodes({"nodes": [{}], "scenes": [{}] * scenes})
    else:
        with pytest.raises(FLAW, match="it has 101 scenes, more than 100"):
            gltf._check_nodes({"nodes": [{}], "scenes": [{}] * scenes})
    with pytest.raises(FLAW, match="scenes of too many nodes"):
        gltf._check_nodes({"nodes": [{}], "scenes": [{"nodes": [0] * 20_001}]})
