# SPDX-License-Identifier: Apache-2.0
"""Build every zip and the index, each in a temporary place before it is moved to its own."""

from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import tempfile
import tomllib
from typing import Final
import zipfile

from dancepose_addon.core.atomic import output_error, replacing
from dancepose_addon.core.progress import Progress, silent

from .blender_tool import BlenderTool
from .staging import MANIFEST, ROOT, stage
from .wheels import WHEEL_PLATFORMS, fetch_wheels, pinned_version

SLIM: Final = "slim"
VARIANTS: Final = (*WHEEL_PLATFORMS, SLIM)
WHEEL_CACHE: Final = ROOT / "build" / "wheels"
INDEX_FILES: Final = ("index.json", "index.html")
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every file in a zip: equal sources give equal zips."""


@dataclass(frozen=True)
class Package:
    """A zip that was built.

    Attributes:
        path: The zip.
        wheels_bytes: Size of the wheels inside, as stored.
    """

    variant: str
    path: Path
    wheel_bytes: int

    @property
    def size_bytes(self) -> int:
        """Size of the zip."""
        return self.path.stat().st_size


def build_packages(
    out: Path,
    *,
    tool: BlenderTool,
    variants: Sequence[str] = VARIANTS,
    cache: Path = WHEEL_CACHE,
    progress: Progress = silent,
) -> list[Package]:
    """Build and validate zips, and their index if there are zips for platforms.

    Raises:
        PackagingError: A wheel is not available, or Blender refuses a zip.
        OutputError: The output folder cannot be written.
    """
    manifest = tomllib.loads((ROOT / MANIFEST).read_text(encoding="utf-8"))
    built = []
    for number, variant in enumerate(variants):
        progress(number / (len(variants) + 1), f"Building {variant}")
        path = out / f"{manifest['id']}-{manifest['version']}-{variant}.zip"
        built.append(_build(variant, path, tool, cache))
    if listed := [package for package in built if package.variant != SLIM]:
        progress(len(variants) / (len(variants) + 1), "Writing the index")
        _make_index([package.path for package in listed], out, tool)
    progress(1.0, f"{len(built)} zips")
    return built


def _build(variant: str, path: Path, tool: BlenderTool, cache: Path) -> Package:
    wheels = []
    if variant != SLIM:
        wheels = fetch_wheels(variant, version=pinned_version(ROOT / "constraints.txt"), cache=cache)
    with tempfile.TemporaryDirectory(prefix="dancepose-package-") as temporary, replacing(path) as unfinished:
        folder, raw = Path(temporary) / "dancepose", Path(temporary) / "raw.zip"
        stage(folder, platforms=() if variant == SLIM else (variant,), wheels=wheels)
        tool.build(folder, raw)
        write_sorted(raw, unfinished)
        tool.validate(unfinished)
    return Package(variant, path, sum(wheel.stat().st_size for wheel in wheels))


def write_sorted(source: Path, target: Path) -> None:
    """Copy an archive with files in order, one time stamp and one mode, so that equal contents give equal bytes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in sorted(old.infolist(), key=lambda info: info.filename):
            entry = zipfile.ZipInfo(info.filename, EPOCH)
            entry.compress_type, entry.create_system, entry.external_attr = info.compress_type, 3, 0o100644 << 16
            new.writestr(entry, old.read(info), compresslevel=9)


def _make_index(archives: Sequence[Path], out: Path, tool: BlenderTool) -> None:
    """Write the index.

    The slim zip is left out: it is for every platform, and would be offered beside each other zip.
    """
    with tempfile.TemporaryDirectory(prefix="dancepose-index-") as temporary:
        folder = Path(temporary)
        for archive in archives:
            _link(archive, folder / archive.name)
        tool.make_index(folder)
        for name in INDEX_FILES:
            with replacing(out / name) as unfinished:
                shutil.copy2(folder / name, unfinished)


def _link(archive: Path, link: Path) -> None:
    try:
        os.link(archive, link)
    except OSError:  # another disk
        try:
            shutil.copy2(archive, link)
        except OSError as error:
            raise output_error(link, error) from error
