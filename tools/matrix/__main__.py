# SPDX-License-Identifier: Apache-2.0
"""Prepare `make test-matrix`: ``python -m tools.matrix``. A second run does nothing.

It creates an environment with only the bpy wheel and its NumPy for every version, and fetches the wheels that the zip
bundles and an older onnxruntime for each Python, for the test with another extension that bundles one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import Final

from dancepose_addon.core.errors import DancePoseError
from tools.build_extension.building import WHEEL_CACHE
from tools.build_extension.packaging_errors import PackagingError
from tools.build_extension.wheels import PYTHONS, fetch_wheels, pinned_version

ROOT: Final = Path(__file__).parents[2]
MATRIX: Final = ROOT / "build" / "matrix"
OLDER_ONNXRUNTIME: Final = "1.24.4"


@dataclass(frozen=True)
class Version:
    """A Blender of the matrix.

    Attributes:
        bpy: Version of the wheel.
        python: Python version that it embeds.
        numpy: NumPy version that it is built against.
    """

    bpy: str
    python: str
    numpy: str


VERSIONS: Final = (
    Version("4.2.23", "3.11", "1.26.4"),
    Version("4.5.15", "3.11", "1.26.4"),
    Version("5.0.1", "3.11", "1.26.4"),
    Version("5.2.3", "3.13", "2.5.5"),
)


def main() -> int:
    """Create every environment.

    Returns:
        The exit code: 1 if one cannot be created.
    """
    try:
        fetch_wheels("linux-x64", version=pinned_version(ROOT / "constraints.txt"), cache=WHEEL_CACHE)
        _fetch_older()
        for version in VERSIONS:
            _make(version)
    except DancePoseError as error:
        print(f"tools.matrix: {error}", file=sys.stderr)
        return 1
    return 0


def _make(version: Version) -> None:
    folder = MATRIX / f"bpy-{version.bpy}"
    stamp = folder / ".complete"
    wanted = f"{version}\n"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    python = find_python(version.python)
    print(
        f"Installing Blender {version.bpy} for Python {version.python} into {folder} (350 MB to fetch) ...", flush=True
    )
    shutil.rmtree(folder, ignore_errors=True)
    _run([str(python), "-m", "venv", str(folder)], f"{python} cannot create an environment")
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "install", "--quiet", f"bpy=={version.bpy}", f"numpy=={version.numpy}"], "pip cannot install Blender")
    stamp.write_text(wanted, encoding="utf-8")


def _fetch_older() -> None:
    folder = MATRIX / "wheels"
    for python in PYTHONS:
        tag = "cp" + python.replace(".", "")
        if list(folder.glob(f"onnxruntime-{OLDER_ONNXRUNTIME}-{tag}-*.whl")):
            continue
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", "--abi", tag]
        for platform in ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64"):
            command += ["--platform", platform]
        command += ["--dest", str(folder), f"onnxruntime=={OLDER_ONNXRUNTIME}"]
        _run(command, f"onnxruntime {OLDER_ONNXRUNTIME} cannot be downloaded")


def find_python(version: str) -> Path:
    """Return a Python of a version that can create environments.

    Raises:
        PackagingError: If there is none.
    """
    home = Path(os.environ.get("HOME", "/"))
    candidates = [Path(sys.executable), *map(Path, filter(None, [shutil.which(f"python{version}")]))]
    candidates += sorted(home.glob(f".pyenv/versions/{version}.*/bin/python"))
    candidates += sorted(home.glob(f".local/share/uv/python/cpython-{version}*/bin/python3"))
    for candidate in candidates:
        done = subprocess.run(
            [candidate, "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode == 0 and done.stdout.strip() == version:
            return candidate
    raise PackagingError(
        f"No Python {version} was found, which a Blender of the matrix needs. Install it (with uv: `uv python install "
        f"{version}`) and run this again."
    )


def _run(command: Sequence[str | Path], problem: str) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if re.match("ERROR|Error", line)] or [done.stderr.strip()]
        raise PackagingError(f"{problem}: {lines[-1]}. Check the network and that 2 GB of disk are free.")


if __name__ == "__main__":
    sys.exit(main())
