# SPDX-License-Identifier: Apache-2.0
"""The folder that becomes a zip: the add-on, its example and licences, wheels, and a manifest that lists them."""

from pathlib import Path
import shutil
import tomllib
from typing import Any, Final

from dancepose_addon.core.io.example import EXAMPLE

from .packaging_errors import PackagingError

ROOT: Final = Path(__file__).parents[2]
MANIFEST: Final = "blender_manifest.toml"
LEGAL_FILES: Final = ("LICENSE", "LICENSE-APACHE", "NOTICE")
NOT_SHIPPED: Final = ("__pycache__", "*.pyc", ".*", "*.part*")


def stage(folder: Path, *, platforms: tuple[str, ...] = (), wheels: list[Path] | None = None) -> None:
    """Fill a folder with the contents of one zip.

    Args:
        folder: Folder to fill; what it contains is removed.
        platforms: Blender's names of the platforms; none for every platform.
        wheels: Wheels to include.

    Raises:
        PackagingError: This is no checkout.
    """
    missing = [name for name in (MANIFEST, *LEGAL_FILES, str(EXAMPLE)) if not (ROOT / name).exists()]
    if missing:
        raise PackagingError(f"{ROOT} has no {', '.join(missing)}. Run this from a checkout of the project.")
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns(*NOT_SHIPPED)
    shutil.copytree(ROOT / "dancepose_addon", folder, ignore=ignored)
    shutil.copytree(ROOT / EXAMPLE, folder / "assets" / EXAMPLE, ignore=ignored)
    for name in LEGAL_FILES:
        shutil.copy2(ROOT / name, folder / name)
    names = []
    for wheel in wheels or ():
        (folder / "wheels").mkdir(exist_ok=True)
        shutil.copy2(wheel, folder / "wheels" / wheel.name)
        names.append(f"./wheels/{wheel.name}")
    text = (ROOT / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(fill_manifest(text, platforms=platforms, wheels=names), encoding="utf-8")


def fill_manifest(text: str, *, platforms: tuple[str, ...], wheels: list[str]) -> str:
    """Add the lists of platforms and wheels, which differ between zips, to the manifest.

    Args:
        text: The manifest.
        platforms: Blender's names of the platforms.
        wheels: Paths of the wheels inside the zip.

    Returns:
        The manifest with the lists.

    Raises:
        PackagingError: The manifest contains such lists already.
    """
    before: dict[str, Any] = tomllib.loads(text)
    lists = {key: list(values) for key, values in (("platforms", platforms), ("wheels", wheels)) if values}
    if taken := {"platforms", "wheels"} & before.keys():
        raise PackagingError(
            f"{MANIFEST} must not contain {' and '.join(sorted(taken))}: tools/build_extension adds them."
        )
    lines = text.splitlines(keepends=True)
    # Top-level keys have to stand before the first table.
    table = next((number for number, line in enumerate(lines) if line.startswith("[")), len(lines))
    added = "".join(f"{key} = [{', '.join(map(_quoted, values))}]\n" for key, values in lists.items())
    filled = "".join(lines[:table]) + added + ("\n" if added else "") + "".join(lines[table:])
    assert tomllib.loads(filled) == before | lists
    return filled


def _quoted(text: str) -> str:
    return f'"{text}"'
