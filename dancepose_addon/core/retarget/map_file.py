# SPDX-License-Identifier: Apache-2.0
"""A user's map of a character's bones, in a TOML file.

    [bones]
    pelvis = "Hips"
    spine = ["Spine", "Spine1", "Spine2"]
    left_collar = ""             # the character has none

Parts that are not in the file are found from names and shape.
"""

from collections import Counter
from pathlib import Path
from typing import Final

from ..bounded_files import read_document
from ..errors import FormatError, InputError, OptionError
from ..toml_text import parse_toml
from .character_map import CHAINS, PARTS_OF_MAP, SPREAD, CharacterMap
from .rest_skeleton import RestSkeleton

MOST_BYTES: Final = 1 << 20
SEVERAL: Final = (*CHAINS, *SPREAD)


def require_character(character: Path | None, map_file: Path | None) -> None:
    """Refuse a map without the character that it describes.

    Raises:
        OptionError: There is a map and no character.
    """
    if map_file is not None and character is None:
        raise OptionError("--character-map has no effect without --character. Add the character, or omit the map.")


def read_map_file(path: Path, skeleton: RestSkeleton) -> dict[str, tuple[int, ...]]:
    """Read a map file for a skeleton.

    Args:
        path: The TOML file.
        skeleton: Rest skeleton of the character.

    Returns:
        Bones by part; empty for parts that the character does not have.

    Raises:
        MissingFileError: If the file cannot be read.
        FormatError: If it is not a map.
        InputError: If it names an unknown part, an unknown bone, or a bone twice.
    """
    text = read_document(path, what="a map file in .toml", limit_bytes=MOST_BYTES)
    try:
        table = parse_toml(text)
    except ValueError as error:
        raise FormatError(f"{path.name} is not valid TOML ({error}). Correct it.") from error
    bones = table.get("bones")
    if not isinstance(bones, dict) or set(table) != {"bones"}:
        raise FormatError(f"{path.name} needs one table, [bones], with bones by part. Add it.")
    return bones_of_map({str(part): _names(path.name, part, value) for part, value in bones.items()}, skeleton)


def _names(source: str, part: str, value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(f"{source}: {part} must be the name of a bone or a list of names.")
    return [name for name in names if name]


def bones_of_map(names: dict[str, list[str]], skeleton: RestSkeleton) -> dict[str, tuple[int, ...]]:
    """Find the bones that a user's map names.

    Args:
        names: Names of bones by part.
        skeleton: Rest skeleton of the character.

    Returns:
        Bones by part.

    Raises:
        InputError: If a part or a bone is not known, or a bone is named twice.
    """
    for part, chosen in names.items():
        if part not in PARTS_OF_MAP:
            raise InputError(f"The map has the part {part!r}, which does not exist. Use {', '.join(PARTS_OF_MAP)}.")
        for name in chosen:
            if name not in skeleton.index:
                raise InputError(f"The map names the bone {name!r} for {part}, which {skeleton.name} does not have.")
        if part == "pelvis" and not chosen:
            raise InputError("The map gives the pelvis no bone, and without it the character cannot move. Name one.")
        if len(chosen) > 1 and part not in SEVERAL:
            raise InputError(f"The map names {len(chosen)} bones for {part}, which is one bone. Name one.")
    twice = [name for name, count in Counter(name for chosen in names.values() for name in chosen).items() if count > 1]
    if twice:
        parts = ", ".join(part for part, chosen in names.items() if twice[0] in chosen)
        raise InputError(f"The map names the bone {twice[0]!r} more than once (for {parts}). Name each bone once.")
    return {part: tuple(skeleton.index[name] for name in chosen) for part, chosen in names.items()}


def map_text(character: CharacterMap, skeleton: RestSkeleton) -> str:
    """Return a map as the text of a map file."""
    lines = ["# Bones of the character by part; parts that are missing are found by DancePose.", "[bones]"]
    for part, names in character.names(skeleton).items():
        quoted = ", ".join(_quoted(name) for name in names)
        lines.append(f"{part} = [{quoted}]" if part in SEVERAL else f"{part} = {quoted}")
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
