# SPDX-License-Identifier: Apache-2.0
"""Installs a zip in the Debian made by ``tools/window/debian``, runs its Blender, and collects the pictures."""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil
import subprocess
from typing import Any, Final

import numpy as np
from PIL import Image

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.io.example import example_folder
from tools.build_extension.packaging_errors import PackagingError

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
DEBIAN: Final = ROOT / "build" / "window" / "debian"
INSIDE: Final = Path("tmp") / "dancepose"
SCREEN: Final = (1280, 800)
TIMEOUT_S: Final = 2400.0
COLOURS: Final = 224
"""Number of colours of a saved picture: flat surfaces and letters need few."""
MARGIN_PX: Final = 8
EDGE_PX: Final = 8
"""Rows at the bottom of the sidebar that its rounded border darkens."""


@dataclass(frozen=True)
class Session:
    """Results of a session.

    Attributes:
        facts: What the script in Blender recorded.
        folder: Folder of the pictures.
        printed: Output of Blender.
    """

    facts: dict[str, Any]
    folder: Path
    printed: str

    def screen(self, name: str) -> Image.Image:
        """Return a picture of the whole screen."""
        return Image.open(self.folder / self.facts["pictures"][name]["file"]).convert("RGB")

    def sidebar(self, name: str) -> Image.Image:
        """Return a picture of the sidebar, cropped below its last panel and, for an inner panel, above it."""
        box = self.facts["pictures"][name]
        left, top, width, height = (box[key] for key in ("left", "top", "width", "height"))
        picture = self.screen(name).crop((left, top, left + width, top + height))
        return picture.crop((0, box.get("from", top) - top, width, min(height, _last_row(picture) + MARGIN_PX)))


def _last_row(picture: Image.Image) -> int:
    """Return the last row of the panels. The bottom of the sidebar is assumed to show the plain background."""
    pixels = np.asarray(picture, np.int16)[:-EDGE_PX, 20:200]
    differs = np.abs(pixels - pixels[-1, :1]).max(axis=(1, 2)) > 6
    rows = np.flatnonzero(differs)
    return int(rows[-1]) + 1 if len(rows) and len(rows) < len(differs) else picture.height


def make_debian() -> None:
    """Install Debian, unless it is there.

    Raises:
        PackagingError: If it cannot be installed on this machine.
    """
    done = subprocess.run([HERE / "debian", DEBIAN], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise PackagingError(f"Debian for the window test cannot be installed: {' '.join(done.stderr.split())[-500:]}")


def run_session(archive: Path, results: Path) -> Session:
    """Install the zip and run the session, which takes some minutes.

    Args:
        archive: Zip of the extension.
        results: Folder for pictures and facts.

    Returns:
        The results.

    Raises:
        PackagingError: If Blender did not finish the session.
    """
    place = DEBIAN / INSIDE
    shutil.rmtree(place, ignore_errors=True)
    for name in ("home", "run", "user"):
        (place / name).mkdir(parents=True)
    example = example_folder()
    assert example is not None
    shutil.copytree(example, place / "example" / "waltz")
    shutil.copy2(archive, place / "extension.zip")
    (place / "tools").mkdir()
    shutil.copytree(HERE, place / "tools" / "window", ignore=shutil.ignore_patterns("__pycache__", "debian"))
    inside = f"/{INSIDE}"
    screen = f"-screen 0 {SCREEN[0]}x{SCREEN[1]}x24 +extension GLX"
    blender = ["blender", "--factory-startup", "--window-geometry", "0", "0", *map(str, SCREEN)]
    blender += ["--python-use-system-env", "--python-exit-code", "1"]
    blender += ["--python", f"{inside}/tools/window/drive.py", "--", inside]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": f"{inside}/home",
        "XDG_RUNTIME_DIR": f"{inside}/run",
        "BLENDER_USER_RESOURCES": f"{inside}/user",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": inside,
    }
    environment |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    command = ["chroot", str(DEBIAN), "xvfb-run", "--auto-servernum", f"--server-args={screen}", *blender]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise PackagingError(f"The Blender with a window did not finish within {TIMEOUT_S:.0f} s.") from error
    printed = done.stdout + done.stderr
    if done.returncode != 0 or not (place / "facts.json").is_file():
        raise PackagingError(f"The Blender with a window exited with code {done.returncode}: {printed[-3000:]}")
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    for path in [*place.glob("*.png"), place / "facts.json"]:
        shutil.copy2(path, results / path.name)
    return Session(json.loads((results / "facts.json").read_text(encoding="utf-8")), results, printed)


def save_small(picture: Image.Image, path: Path) -> None:
    """Save a picture as PNG with few colours."""
    # Maximum coverage keeps small spots of colour; one step of k-means then restores neutral greys.
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    with replacing(path) as temporary:
        few.save(temporary, optimize=True)
