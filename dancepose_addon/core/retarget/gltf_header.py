# SPDX-License-Identifier: Apache-2.0
"""What a glTF file holds and refers to, checked before Blender opens it.

Blender's importer follows every link, reserves what an accessor's count says and walks nodes by recursion, so a small
file could make it read a device, fill the memory or fail without a reason. Format: Khronos Group, glTF 2.0.
"""

import base64
from contextlib import suppress
from io import BytesIO
from pathlib import Path
import re
import stat
import struct
from typing import Any, BinaryIO, Final

from ..bounded_files import parse_json, require_regular
from ..errors import DancePoseError, FormatError, MissingFileError
from ..printable_text import quoted
from .picture_header import picture_size

GLTF_SUFFIXES: Final = (".glb", ".gltf", ".vrm")
MAGIC: Final = b"glTF"
MOST_JSON_BYTES: Final = 64 << 20
MOST_ZERO_BYTES: Final = 64 << 20
"""Of accessors without data, which are zeros: all together."""
MOST_BUFFER_BYTES: Final = 2 << 30
MOST_DEPTH: Final = 256
"""Of nodes. Characters have some thirty; Blender's importer, which is recursive, fails at several hundred."""
MOST_NODES: Final = 20_000
MOST_SCENES: Final = 100
"""Blender's importer looks at every scene for every other one; characters have one."""
MOST_MESHES: Final = 2000
"""Nodes with a mesh; characters have some ten."""
MOST_REPEATED: Final = 1_000_000
"""Rows that surfaces and nodes have in common with others: copied, they take a few seconds."""
MOST_EXPANSION: Final = 64 << 20
"""Bytes of tables that are read beyond those of the file, since several surfaces or targets name the same ones."""
MOST_PIXELS: Final = 16_384
"""Along one side of a picture, and of a square that all pictures fit in; Blender needs four bytes a pixel."""
COMPONENT_BYTES: Final = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
COMPONENTS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
UNREADABLE: Final = {
    "EXT_meshopt_compression": "its meshes are compressed with EXT_meshopt_compression",
    "KHR_meshopt_compression": "its meshes are compressed with KHR_meshopt_compression",
}
"""Extensions that Blender's importer refuses, with the reason in words."""


def require_readable_gltf(path: Path) -> None:
    """Refuse a file that Blender's glTF importer cannot open, or must not.

    Args:
        path: A .glb, .gltf or .vrm file.

    Raises:
        MissingFileError: If the file cannot be read.
        FormatError: If it is no glTF file, is damaged, refers to files outside its folder, or needs an extension that
            Blender does not have.
    """
    table = _gltf_json(path)
    needed = table.get("extensionsRequired", [])
    for name in needed if isinstance(needed, list) else []:
        if name in UNREADABLE:
            raise FormatError(
                f"{path.name} cannot be opened by Blender: {UNREADABLE[name]}. Save it without compression, for "
                "example with `gltf-transform copy`."
            )
    try:
        lengths = _buffer_lengths(path, table)
        _check_accessors(table, _view_lengths(table, lengths))
        _check_nodes(table)
        _check_repeats(table)
        _check_expansion(table, sum(lengths))
        _check_pictures(path, table)
    except (TypeError, AttributeError, KeyError, IndexError, OverflowError, ValueError) as error:
        raise FormatError(f"{path.name} is damaged: its tables are not those of glTF 2.0. Save it again.") from error
    except _FlawError as flaw:
        raise FormatError(f"{path.name} is not read: {flaw}. Save it again from its program.") from None


def character_files(path: Path | None) -> tuple[Path, ...]:
    """Return a character's file and the buffers and pictures that it links, as far as they can be told.

    Args:
        path: The character, or None.

    Returns:
        The files; none without a character. What is wrong with the file is said where it is opened.
    """
    if path is None or path.suffix.lower() not in GLTF_SUFFIXES:
        return () if path is None else (path,)
    linked = []
    with suppress(DancePoseError, OSError, TypeError, AttributeError):
        require_regular(path)
        table = _gltf_json(path)
        for entry in [*table.get("buffers", []), *table.get("images", [])]:
            uri = entry.get("uri")
            if isinstance(uri, str) and not uri.startswith("data:"):
                with suppress(_FlawError):
                    linked.append(_linked(path, uri))
    return path, *linked


class _FlawError(Exception):
    """What is wrong with the file, a clause."""


def _buffer_lengths(path: Path, table: dict[str, Any]) -> list[int]:
    """Lengths of the buffers, each within the file that holds it."""
    lengths = []
    for buffer in table.get("buffers", []):
        length, uri = int(buffer["byteLength"]), buffer.get("uri")
        if uri is None:
            found = path.stat().st_size
        elif uri.startswith("data:"):
            found = len(uri)
        else:
            found = _linked(path, uri).stat().st_size
        if not 0 <= length <= min(found, MOST_BUFFER_BYTES):
            raise _FlawError(f"a buffer of {length:,} bytes is longer than its data, {found:,} bytes")
        lengths.append(length)
    return lengths


def _linked(path: Path, uri: str) -> Path:
    """The file that a link names, beside or below the file."""
    name = _unquoted(uri)
    target = path.parent / name
    if ":" in name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise _FlawError(f"it refers to {quoted(name, 100)}, which is not a file beside it")
    try:
        status = target.stat()
    except OSError:
        raise _FlawError(f"it refers to {quoted(name, 100)}, which does not exist") from None
    if not stat.S_ISREG(status.st_mode):
        raise _FlawError(f"it refers to {quoted(name, 100)}, which is not a regular file")
    return target


def _unquoted(text: str) -> str:
    """Replace %XX by the bytes they mean (RFC 3986); urllib counts as use of the network in extensions."""
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode())
    return data.decode(errors="replace")


def _view_lengths(table: dict[str, Any], buffers: list[int]) -> list[int]:
    lengths = []
    for view in table.get("bufferViews", []):
        start, length = int(view.get("byteOffset", 0)), int(view["byteLength"])
        buffer = int(view["buffer"])
        if not 0 <= buffer < len(buffers) or start < 0 or length < 0 or start + length > buffers[buffer]:
            raise _FlawError("a part of a buffer lies outside it")
        lengths.append(length)
    return lengths


def _check_accessors(table: dict[str, Any], views: list[int]) -> None:
    """Numbers that are read have to be there."""
    zeros = 0
    for accessor in table.get("accessors", []):
        count = int(accessor["count"])
        size = COMPONENT_BYTES[accessor["componentType"]] * COMPONENTS[accessor["type"]]
        start, view = int(accessor.get("byteOffset", 0)), accessor.get("bufferView")
        if view is None:
            zeros += count * size
        elif not 0 <= view < len(views) or start < 0 or (count > 0 and start + count * size > views[view]):
            # Interleaved numbers need more than this, never less.
            raise _FlawError(f"a table of {count:,} rows is longer than its data")
        if count < 0 or zeros > MOST_ZERO_BYTES:
            raise _FlawError(f"a table has {count:,} rows without data")


def _check_nodes(table: dict[str, Any]) -> None:
    """Nodes are trees of a limited depth."""
    nodes, scenes = table.get("nodes", []), table.get("scenes", [])
    if len(scenes) > MOST_SCENES or sum(len(scene.get("nodes", [])) for scene in scenes) > MOST_NODES:
        raise _FlawError(f"it has {len(scenes):,} scenes, more than {MOST_SCENES}, or scenes of too many nodes")
    if len(nodes) > MOST_NODES:
        raise _FlawError(f"it has {len(nodes):,} nodes, more than {MOST_NODES:,}")
    parents = [-1] * len(nodes)
    for number, node in enumerate(nodes):
        for child in node.get("children", []):
            if not 0 <= child < len(nodes) or parents[child] >= 0 or child == number:
                raise _FlawError("its nodes are no tree")
            parents[child] = number
    for number in range(len(nodes)):
        depth, above = 0, number
        while above >= 0:
            depth, above = depth + 1, parents[above]
            if depth > MOST_DEPTH:
                raise _FlawError(f"its nodes are nested more than {MOST_DEPTH} deep, or in a circle")


def _check_repeats(table: dict[str, Any]) -> None:
    """Meshes that nodes and surfaces share are copied by the importer, so a small file can ask for any number."""
    counts = [int(accessor["count"]) for accessor in table.get("accessors", [])]
    used: set[int] = set()
    rows = []
    for mesh in table.get("meshes", []):
        tables = [
            index
            for surface in mesh["primitives"]
            for index in (surface["attributes"].get("POSITION"), surface.get("indices"))
            if index is not None
        ]
        used.update(tables)
        rows.append(sum(counts[index] for index in tables))
    shown = [node["mesh"] for node in table.get("nodes", []) if "mesh" in node]
    total = sum(rows[mesh] for mesh in shown)
    if len(shown) > MOST_MESHES:
        raise _FlawError(f"it shows {len(shown):,} meshes, more than {MOST_MESHES:,}")
    if total - sum(counts[index] for index in used) > MOST_REPEATED:
        raise _FlawError(f"its surfaces repeat tables to {total:,} rows, more than {MOST_REPEATED:,} beyond its own")


def _check_expansion(table: dict[str, Any], buffer_bytes: int) -> None:
    """Every attribute and morph target that names a table gets a copy of it, so few tables could fill the memory."""
    accessors = table.get("accessors", [])
    sizes = [
        int(accessor["count"]) * COMPONENT_BYTES[accessor["componentType"]] * COMPONENTS[accessor["type"]]
        for accessor in accessors
    ]
    without_data = sum(size for size, one in zip(sizes, accessors, strict=True) if one.get("bufferView") is None)
    total = 0
    for mesh in table.get("meshes", []):
        for surface in mesh["primitives"]:
            for tables in (surface["attributes"], *surface.get("targets", [])):
                total += sum(sizes[index] for index in tables.values())
    if total - buffer_bytes - without_data > MOST_EXPANSION:
        raise _FlawError(
            f"its attributes and morph targets repeat tables to {total >> 20:,} MiB, more than {MOST_EXPANSION >> 20} "
            "MiB beyond its own"
        )


def _check_pictures(path: Path, table: dict[str, Any]) -> None:
    """Links of pictures, and the sizes of embedded ones."""
    views, binary, total = table.get("bufferViews", []), _binary_start(path), 0
    for image in table.get("images", []):
        uri, view = image.get("uri"), image.get("bufferView")
        if uri is None and view is None:
            continue
        if uri is None:
            uri = table["buffers"][views[view].get("buffer", 0)].get("uri")
        start = 0 if view is None else int(views[view].get("byteOffset", 0))
        with _opened(path, uri) as file:
            width, height = picture_size(file, start + (binary if uri is None else 0))
        if max(width, height) > MOST_PIXELS:
            raise _FlawError(f"a picture of {width:,} x {height:,} pixels is larger than {MOST_PIXELS:,} along a side")
        total += width * height
        if total > MOST_PIXELS**2:
            raise _FlawError(f"its pictures have more than {MOST_PIXELS**2 / 1e6:.0f} million pixels together")


def _opened(path: Path, uri: str | None) -> BinaryIO:
    """What a link names; without one, the file itself."""
    if uri is not None and uri.startswith("data:"):
        head, _, text = uri.partition(",")
        return BytesIO(base64.b64decode(text) if head.endswith(";base64") else _unquoted(text).encode())
    return (path if uri is None else _linked(path, uri)).open("rb")


def _binary_start(path: Path) -> int:
    """Where the second chunk of a .glb begins; 0 for a .gltf."""
    with path.open("rb") as file:
        start = file.read(20)
    if start[:4] != MAGIC or len(start) < 20:
        return 0
    return 20 + int(struct.unpack("<I", start[12:16])[0]) + 8


def _gltf_json(path: Path) -> dict[str, Any]:
    damaged = f"{path.name} is not a glTF file, or is damaged. Give a .glb, .gltf or .vrm file."
    try:
        with path.open("rb") as file:
            start = file.read(20)
            if start[:4] == MAGIC and len(start) == 20:
                length = struct.unpack("<I", start[12:16])[0]
                text = file.read(min(length, MOST_JSON_BYTES))
                if struct.unpack("<I", start[8:12])[0] > path.stat().st_size:
                    raise FormatError(damaged)
            else:
                text = start + file.read(MOST_JSON_BYTES)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give a character's file.") from error
    try:
        table = parse_json(text)
    except ValueError as error:
        raise FormatError(damaged) from error
    if not isinstance(table, dict):
        raise FormatError(damaged)
    return table
