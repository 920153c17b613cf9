"""Which program makes a study: its version, and a name for all that a fit depends on."""

from functools import cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
import re
from typing import Final

from dancepose_addon.core import errors

ADDON: Final = Path(errors.__file__).resolve().parents[1]
DECIDES_A_FIT: Final = ("core", "inference", "assets", "fitting.py", "headless_study.py")


def program_version() -> str:
    """The version of ``blender_manifest.toml``, or of the installed package."""
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
    """Sixteen hex digits of the code and the assets that decide a fit."""
    digest = hashlib.blake2b(digest_size=8)
    for name in DECIDES_A_FIT:
        top = ADDON / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.relative_to(ADDON).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
