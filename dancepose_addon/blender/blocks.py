"""Data-blocks of a file: taking back what was made, and removing what nothing uses any more."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import bpy

KINDS: Final = (
    "objects", "collections", "meshes", "armatures", "cameras", "lights", "actions", "materials", "worlds",
    "images", "sounds", "scenes",
)  # fmt: skip
"""Collections of ``bpy.data`` that this extension adds to, users before what they use; shape keys go with
their mesh."""


@contextmanager
def taken_back_on_failure() -> Iterator[None]:
    """Remove every data-block that was made inside, if what is inside fails."""
    before = {kind: {block.session_uid for block in getattr(bpy.data, kind)} for kind in KINDS}
    try:
        yield
    except BaseException:
        made = [block for kind in KINDS for block in getattr(bpy.data, kind) if block.session_uid not in before[kind]]
        bpy.data.batch_remove(made)
        raise


def remove_unused(blocks: Iterable[bpy.types.ID]) -> None:
    """Remove those of ``blocks`` that nothing uses any more; users have to come before what they use."""
    for block in blocks:
        if block.users == 0 or (block.users == 1 and block.use_fake_user):
            bpy.data.batch_remove([block])
