# SPDX-License-Identifier: Apache-2.0
"""Identity of the program that makes a study: its version, and a hash of everything a fit depends on."""

from functools import cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
import re
from typing import Final

from dancepose_addon.core import errors

ADDON: Final = Path(errors.__file__).resolve().parents[1]
FIT_SOURCES: Final = ("core", "inference", "assets", "fitting.py", "clip_fitting.py")
"""Parts of the add-on whose content decides a fit."""


def program_version() -> str:
    """Return the version in ``blender_manifest.toml``, or that of the installed package."""
    manifest = ADDON.parent / "blender_manifest.toml"
    if manifest.is_file():
        found = re.search(r'(?m)^version = "([^"]+)"', manifest.read_text(encoding="utf-8"))
        if found:
            return found.group(1)
    try:
        return version("dancepose")
    except PackageNotFoundError:
        return "unknown"


@cache
def code_hash() -> str:
    """Hash the code and the assets that decide a fit to 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name in FIT_SOURCES:
        top = ADDON / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.relative_to(ADDON).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
