# SPDX-License-Identifier: Apache-2.0
"""What a glTF file needs, read before Blender opens it."""

import json
from pathlib import Path
import struct
from typing import Any, Final

from ..errors import FormatError, MissingFileError

MAGIC: Final = b"glTF"
MOST_JSON_BYTES: Final = 64 << 20
UNREADABLE: Final = {
    "EXT_meshopt_compression": "its meshes are compressed with EXT_meshopt_compression",
    "KHR_meshopt_compression": "its meshes are compressed with KHR_meshopt_compression",
}
"""Extensions that Blender's importer refuses, with the reason in words."""


def require_readable_gltf(path: Path) -> None:
    """Refuse a file that Blender's glTF importer cannot open.

    Args:
        path: A .glb, .gltf or .vrm file.

    Raises:
        MissingFileError: If the file cannot be read.
        FormatError: If it is no glTF file or needs an extension that Blender does not have.
    """
    table = _gltf_json(path)
    needed = table.get("extensionsRequired", [])
    for name in needed if isinstance(needed, list) else []:
        if name in UNREADABLE:
            raise FormatError(
                f"{path.name} cannot be opened by Blender: {UNREADABLE[name]}. Save it without compression, for "
                "example with `gltf-transform copy`."
            )


def _gltf_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            start = file.read(20)
            if start[:4] == MAGIC and len(start) == 20:
                length = struct.unpack("<I", start[12:16])[0]
                text = file.read(min(length, MOST_JSON_BYTES))
            else:
                text = start + file.read(MOST_JSON_BYTES)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror}). Give a character's file.") from error
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path.name} is not a glTF file, or is damaged. Give a .glb, .gltf or .vrm file.") from error
    if not isinstance(table, dict):
        raise FormatError(f"{path.name} is not a glTF file, or is damaged. Give a .glb, .gltf or .vrm file.")
    return table
