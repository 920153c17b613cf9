# SPDX-License-Identifier: GPL-3.0-or-later
"""Data-blocks of the open file: rollback after a failure, and removal of unused blocks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import bpy

COLLECTIONS: Final = (
    "objects",
    "collections",
    "meshes",
    "armatures",
    "cameras",
    "lights",
    "actions",
    "materials",
    "worlds",
    "images",
    "sounds",
    "scenes",
)
"""Collections of ``bpy.data`` that this extension adds to. Users come before what they use; shape keys are removed
with their mesh."""


@contextmanager
def rollback_on_failure() -> Iterator[None]:
    """Remove every data-block that was created in the ``with`` block if the block raises."""
    before = {name: {block.session_uid for block in getattr(bpy.data, name)} for name in COLLECTIONS}
    try:
        yield
    except BaseException:
        created = [
            block for name in COLLECTIONS for block in getattr(bpy.data, name) if block.session_uid not in before[name]
        ]
        bpy.data.batch_remove(created)
        raise


def remove_unused(blocks: Iterable[bpy.types.ID]) -> None:
    """Remove those of ``blocks`` that have no users left. Users must come before what they use."""
    for block in blocks:
        if block.users == 0 or (block.users == 1 and block.use_fake_user):
            bpy.data.batch_remove([block])


def referenced_files() -> list[Path]:
    """Return the existing files that the open file refers to or has packed: pictures, sounds, libraries."""
    named = {Path(name) for name in bpy.utils.blend_paths(absolute=True, packed=True)}
    return sorted(path for path in named if path.is_file())
