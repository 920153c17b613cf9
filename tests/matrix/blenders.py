# SPDX-License-Identifier: Apache-2.0
"""Blenders that the matrix runs in, and how a script is run in one of them with a separate user folder."""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from typing import Any, Final

INSIDE: Final = Path(__file__).parent / "inside"
TIMEOUT_S: Final = 600.0
"""Time limit of one script. It is generous, because Blender may hang but a busy machine is only slow."""
HIDDEN: Final = ("onnxruntime",)
"""Packages of the environment that an installed extension has to do without."""
OF_BLENDER: Final = ("tmp/blender_", "home/.cache/thumbnails/")
"""Its temporary folder, and pictures of saved files."""


@dataclass(frozen=True)
class Blender:
    """A Python with the bpy wheel. packages: links to its packages, but for those that are hidden; python_tag: 311."""

    name: str
    python: Path
    packages: Path
    python_tag: str


@dataclass(frozen=True)
class Home:
    """The folders of a made-up user. work: what of the user's files."""

    top: Path

    @property
    def user(self) -> Path:
        """Where Blender keeps settings and extensions."""
        return self.top / "user"

    @property
    def work(self) -> Path:
        return self.top / "work"

    def outside(self) -> list[str]:
        """Files outside Blender's user folder and the user's own, but for those that Blender itself makes there."""
        found = (path for name in ("home", "tmp") for path in (self.top / name).rglob("*") if path.is_file())
        names = (path.relative_to(self.top).as_posix() for path in found)
        return sorted(name for name in names if not name.startswith(OF_BLENDER))


def make_home(top: Path) -> Home:
    for name in ("user", "work", "home", "tmp"):
        (top / name).mkdir(parents=True)
    return Home(top)


def find_blender(python: Path, links: Path) -> Blender:
    """The Blender of a Python. links: a new folder for links to its packages."""
    told = subprocess.run(
        [python, "-c", "import sys, sysconfig; print(sysconfig.get_path('purelib')); print(sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    folder, python_version = told.stdout.strip().splitlines()
    packages = Path(folder)
    links.mkdir()
    for path in packages.iterdir():
        if not path.name.startswith((*HIDDEN, "__editable__", "_dancepose", "dancepose")) and path.suffix != ".pth":
            (links / path.name).symlink_to(path)
    (version,) = (path.name for path in packages.glob("bpy-*.dist-info"))
    return Blender(version.removesuffix(".dist-info"), python, links, "".join(re.findall(r"\d+", python_version)))


def run_inside(blender: Blender, home: Home, script: str, *arguments: str | Path) -> tuple[dict[str, Any], str]:
    """Run a script of ``inside``; what it saw, and what was printed.

    Without ``site`` Python has no packages but the linked ones, in whatever environment it is.
    """
    facts = home.top / f"{Path(script).stem}.json"
    facts.unlink(missing_ok=True)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        "PYTHONPATH": str(blender.packages),
        "BLENDER_USER_RESOURCES": str(home.user),
        "HOME": str(home.top / "home"),
        "TMPDIR": str(home.top / "tmp"),
        "LC_ALL": "C.UTF-8",
    }
    # What a machine needs for its linear algebra to be right, it needs here as well.
    environment |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    done = subprocess.run(
        [blender.python, "-S", INSIDE / script, *map(str, arguments), facts],
        cwd=home.work,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, f"{blender.name}: {script} left with {done.returncode}:\n{printed[-6000:]}"
    return json.loads(facts.read_text(encoding="utf-8")), printed


def matrix_pythons() -> list[Path]:
    """Of the environments that DANCEPOSE_MATRIX names, a folder; else this Python."""
    named = os.environ.get("DANCEPOSE_MATRIX")
    if not named:
        return [Path(sys.executable)]
    found = sorted(Path(named).absolute().glob("bpy-*/bin/python"))
    assert found, f"DANCEPOSE_MATRIX is {named}, where there are no environments: run tools/matrix first."
    return found
