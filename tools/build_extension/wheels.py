# SPDX-License-Identifier: Apache-2.0
"""The bundled wheels: onnxruntime for CPUs, one per platform and Python version of Blender.

onnxruntime's wheel declares flatbuffers, packaging and protobuf as requirements. Running a graph imports only NumPy,
which Blender contains, so nothing else is bundled.
"""

import hashlib
from pathlib import Path
import re
import subprocess
import sys
from typing import Final

from .packaging_errors import PackagingError

PACKAGE: Final = "onnxruntime"
PYTHONS: Final = ("3.11", "3.13")
"""Python of Blender 4.2 to 5.0, and of 5.1 and later."""
WHEEL_PLATFORMS: Final = {
    "linux-x64": "manylinux_2_28_x86_64",
    "windows-x64": "win_amd64",
    "macos-arm64": "macosx_14_0_arm64",
}
"""Blender's name of a platform: the name in the wheel."""
SHA256: Final = {
    "onnxruntime-1.32.0-cp311-cp311-macosx_14_0_arm64.whl":
        "366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c",
    "onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl":
        "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
    "onnxruntime-1.32.0-cp311-cp311-win_amd64.whl":
        "d7e0c45cc5f456ad7805e6dd256a7662736cda9c2fd17becae194eb3c2f6df72",
    "onnxruntime-1.32.0-cp313-cp313-macosx_14_0_arm64.whl":
        "27bf5dad46355a8a435c9c4e1556464d99ca834ea44e0f452909712068b8821b",
    "onnxruntime-1.32.0-cp313-cp313-manylinux_2_28_x86_64.whl":
        "02ea12a28c069ea8510093d95a7f6ff8126bfd9fc5c0d3381c03b80fb2b424ba",
    "onnxruntime-1.32.0-cp313-cp313-win_amd64.whl":
        "c7f9aa98036ba2a47aa041a4a8c6d0a1f7bfe1bde44c131dcd15ce334f2f148d",
}  # fmt: skip
DOWNLOAD_TIMEOUT_S: Final = 900.0


def pinned_version(constraints: Path) -> str:
    """Return the version of onnxruntime that ``constraints.txt`` pins.

    Args:
        constraints: The file.

    Returns:
        The version.

    Raises:
        PackagingError: It pins none.
    """
    found = re.search(rf"(?m)^{PACKAGE}==(\S+)", constraints.read_text(encoding="utf-8"))
    if found is None:
        raise PackagingError(f"{constraints} pins no {PACKAGE}. Add a line {PACKAGE}==VERSION.")
    return found.group(1)


def wheel_name(version: str, platform: str, python: str) -> str:
    """Return the file name of a wheel. platform: Blender's name."""
    tag = "cp" + python.replace(".", "")
    return f"{PACKAGE}-{version}-{tag}-{tag}-{WHEEL_PLATFORMS[platform]}.whl"


def cached_wheels(platform: str, *, version: str, cache: Path) -> list[Path] | None:
    """Return a platform's wheels if all of them are complete in the cache, else None."""
    wheels = [cache / wheel_name(version, platform, python) for python in PYTHONS]
    return wheels if all(_is_whole(wheel) for wheel in wheels) else None


def fetch_wheels(platform: str, *, version: str, cache: Path) -> list[Path]:
    """Return a platform's wheels in the cache; download missing ones with pip.

    Args:
        platform: Blender's name.
        version: Version of onnxruntime.
        cache: Folder of the wheels.

    Returns:
        Paths of the wheels.

    Raises:
        PackagingError: pip cannot get a wheel, or its hash is not the one in this module.
    """
    wheels = []
    for python in PYTHONS:
        wheel = cache / wheel_name(version, platform, python)
        if wheel.name not in SHA256:
            raise PackagingError(
                f"constraints.txt pins {PACKAGE} {version}, but tools/build_extension/wheels.py has no hash for "
                f"{wheel.name}. Add the hashes of that version, as `pip hash` prints them."
            )
        if not _is_whole(wheel):
            _download(wheel, version, platform, python)
        if not _is_whole(wheel):
            raise PackagingError(
                f"{wheel} does not have the hash listed in tools/build_extension/wheels.py. Remove it and run this "
                "again; if that does not help, do not use this package index."
            )
        wheels.append(wheel)
    return wheels


def _is_whole(wheel: Path) -> bool:
    return wheel.is_file() and hashlib.sha256(wheel.read_bytes()).hexdigest() == SHA256.get(wheel.name)


def _download(wheel: Path, version: str, platform: str, python: str) -> None:
    wheel.parent.mkdir(parents=True, exist_ok=True)
    wheel.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--retries", "1", "--timeout", "30", "--dest", str(wheel.parent)]
    command += ["--platform", WHEEL_PLATFORMS[platform], "--python-version", python]
    command += ["--implementation", "cp", "--abi", "cp" + python.replace(".", ""), f"{PACKAGE}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT_S)
        reason = "" if done.returncode == 0 and wheel.is_file() else _last_error(done.stderr)
    except subprocess.TimeoutExpired:
        reason = f"no answer within {DOWNLOAD_TIMEOUT_S:.0f} s"
    if reason:
        raise PackagingError(
            f"{wheel.name} could not be downloaded ({reason}). Check the network connection, use --only slim for the "
            f"zip without wheels, or put the file into {wheel.parent}."
        )


def _last_error(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()
    return lines[-1].removeprefix("ERROR: ") if lines else "pip printed no reason"
