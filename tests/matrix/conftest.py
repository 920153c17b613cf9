# SPDX-License-Identifier: Apache-2.0
"""The Blenders of the matrix, the zip that is installed into them, and what became of it."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.matrix.blenders import Blender, Home, find_blender, make_home, matrix_pythons, run_inside
from tools.build_extension.blender_tool import BlenderTool, find_tool
from tools.build_extension.building import SLIM, WHEEL_CACHE, build_packages
from tools.build_extension.wheels import cached_wheels, pinned_version


class Used(NamedTuple):
    """What was seen while an installed zip was used. first: facts of use.py; then: of reopen.py, another process."""

    first: dict[str, Any]
    then: dict[str, Any]
    printed: str
    home: Home


@pytest.fixture(scope="session")
def tool() -> BlenderTool:
    if find_spec("bpy") is None:
        pytest.skip("the bpy wheel is not installed")
    return find_tool(None)


@pytest.fixture(scope="session", params=matrix_pythons(), ids=lambda python: python.parents[1].name)
def blender(request, tool, tmp_path_factory) -> Blender:
    return find_blender(request.param, tmp_path_factory.mktemp("packages") / "links")


@pytest.fixture(scope="session")
def has_wheels(root) -> bool:
    """Whether the Linux wheels are in the build cache, where `make package` puts them; tests download nothing."""
    version = pinned_version(root / "constraints.txt")
    return cached_wheels("linux-x64", version=version, cache=WHEEL_CACHE) is not None


@pytest.fixture(scope="session")
def slim_zip(tool, tmp_path_factory) -> Path:
    (built,) = build_packages(tmp_path_factory.mktemp("slim"), tool=tool, variants=[SLIM])
    return built.path


@pytest.fixture(scope="session")
def full_zip(has_wheels, tool, tmp_path_factory) -> Path:
    """The zip with onnxruntime inside."""
    if not has_wheels:
        pytest.skip("build/wheels has no onnxruntime; `make package` fetches it")
    (built,) = build_packages(tmp_path_factory.mktemp("full"), tool=tool, variants=["linux-x64"])
    return built.path


@pytest.fixture(scope="session")
def best_zip(has_wheels, request) -> Path:
    """The zip with onnxruntime where it can be had, else the slim one."""
    return request.getfixturevalue("full_zip" if has_wheels else "slim_zip")


@pytest.fixture(scope="session")
def used(blender, best_zip, tmp_path_factory) -> Used:
    """The zip installed, used, saved, opened again in another process, uninstalled."""
    home = make_home(tmp_path_factory.mktemp("user") / "home")
    first, printed = run_inside(blender, home, "use.py", best_zip, home.work)
    assert first["installed"], printed
    then, printed_then = run_inside(blender, home, "reopen.py", home.work)
    return Used(first, then, printed + printed_then, home)


@pytest.fixture
def home(tmp_path) -> Home:
    return make_home(tmp_path / "home")


@pytest.fixture
def older_wheel(blender, root) -> Path:
    """An onnxruntime of another version for this Blender's Python, where `make test-matrix` has fetched one."""
    folder = root / "build" / "matrix" / "wheels"
    found = sorted(folder.glob(f"onnxruntime-*-cp{blender.python_tag}-*.whl"))
    if not found:
        pytest.skip(f"{folder} has no other onnxruntime; `make test-matrix` fetches one")
    return found[0]
