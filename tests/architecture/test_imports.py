# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, as ARCHITECTURE.md says, read from the syntax trees."""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
import sys
from typing import NamedTuple

import pytest

from tests.support.sources import nodes_of

ROOT = Path(__file__).parents[2]
ADDON = ROOT / "dancepose_addon"
INSTALLED = ("trainer", "export", "study", "raster", "rating", "plots", "cli")
"""Folders of the repository that are installed as subpackages of ``dancepose``."""
PROGRAMS = (*INSTALLED, "tools", "benchmarks")

# Rooms of the add-on, and the rooms each may import. A file at the add-on's top is a separate room.
MAY_IMPORT = {
    "core": {"core"},
    "inference": {"inference", "core"},
    "blender": {"blender", "core"},
    "ui": {"ui", "fitting", "blender", "inference", "core", "registration"},
    "registration": {"registration", "ui", "blender", "inference", "core"},
    "fitting": {"fitting", "inference", "core"},
    "headless_guard": {"headless_guard", "core"},
    "headless": {"headless", "headless_guard", "headless_arguments", "headless_report", "fitting", "blender", "core"},
    "headless_report": {"headless_report", "headless_guard", "blender", "core"},
    "headless_arguments": {"headless_arguments", "blender", "inference", "core"},
    "clip_fitting": {"clip_fitting", "fitting", "core"},
    "headless_study": {"headless_study", "clip_fitting", "blender", "core"},
    "headless_doctor": {"headless_doctor", "blender", "inference", "core"},
    "launch": {"launch"},
    "__init__": {"registration"},
}
PROGRAMS_MAY_IMPORT = {
    "trainer": {"dancepose.trainer", "dancepose_addon.core"},
    "export": {"dancepose.export", "dancepose.trainer", "dancepose_addon.core", "dancepose_addon.inference"},
    "study": {"dancepose.study", "dancepose.label_font", "dancepose_addon.core"},
    "rating": {"dancepose.rating", "dancepose.study", "dancepose_addon.core"},
    "raster": {"dancepose.raster", "dancepose.label_font", "dancepose_addon.core"},
    "plots": {"dancepose.plots", "dancepose_addon.core"},
    "cli": {
        "dancepose.cli", "dancepose.export", "dancepose.trainer", "dancepose.study", "dancepose.rating",
        "dancepose.plots", "dancepose.fast_render", "dancepose.film_request", "dancepose.blender_process",
        "dancepose.sequence_figure", "dancepose.web_viewer", "dancepose.label_font",
        "dancepose_addon.core", "dancepose_addon.fitting", "dancepose_addon.inference",
    },
}  # fmt: skip
FOUNDATIONS = {
    "arrays", "axes", "errors", "progress", "atomic", "options", "printable_text", "bounded_files", "output_paths",
    "file_locks", "counting", "frame_rates", "toml_text",
}  # fmt: skip
INSIDE_CORE = {
    "skeleton": {"skeleton", "body", *FOUNDATIONS},
    "body": {"body", "skeleton", *FOUNDATIONS},
    "fit": {"fit", "body", "skeleton", *FOUNDATIONS},
    "io": {"io", "fit", "body", "skeleton", *FOUNDATIONS},
    "retarget": {"retarget", "fit", "body", "skeleton", *FOUNDATIONS},
}
BPY = {"bpy", "mathutils", "bpy_extras", "aud", "gpu", "blf", "bmesh"}
BPY_ROOMS = {"blender", "ui", "registration", "headless", "headless_report", "headless_study", "headless_doctor"}
FREE_OF_OURS = {"core/arrays.py", "core/progress.py", "core/printable_text.py"}


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


class Import(NamedTuple):
    """line; name: absolute and dotted; top: whether it stands at module level."""

    line: int
    name: str
    top: bool


Judgement = Callable[[Path, Import], bool]


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Everything a file imports.

    A name imported from a package is followed to it, so that `from . import x` counts as an import of x. Imports
    under `if TYPE_CHECKING` count like any other: they are dependencies as well.
    """
    return tuple(_each_import(path))


def _each_import(path: Path) -> Iterator[Import]:
    in_functions = {
        id(node)
        for function in nodes_of(path)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    if package and package[0] in INSTALLED:
        package = ("dancepose", *package)
    for node in nodes_of(path):
        top = id(node) not in in_functions
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(node.lineno, name.name, top)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield Import(node.lineno, f"{module}.{name.name}", top)


def within(name: str, allowed: set[str]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in allowed)


def room_of(path: Path) -> str:
    parts = path.relative_to(ADDON).parts
    return parts[0].removesuffix(".py")


def violations(files: list[Path], wrong: Judgement) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{found.line} imports {found.name}"
        for path in files
        for found in imports(path)
        if wrong(path, found)
    ]


def test_rooms_of_the_addon_import_only_what_they_may() -> None:
    def wrong(path: Path, found: Import) -> bool:
        if not found.name.startswith("dancepose_addon."):
            return False
        return not within(found.name.removeprefix("dancepose_addon."), MAY_IMPORT[room_of(path)])

    assert violations(python_files(ADDON), wrong) == []


def test_addon_imports_itself_relatively() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files(ADDON)
        for node in nodes_of(path)
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("dancepose_addon"))
        or (isinstance(node, ast.Import) and any(name.name.startswith("dancepose_addon") for name in node.names))
    ]
    assert found == []


def test_addon_imports_none_of_the_programs() -> None:
    assert violations(python_files(ADDON), lambda _path, found: within(found.name, {"dancepose", *PROGRAMS})) == []


def test_core_needs_numpy_and_the_standard_library_only() -> None:
    """But for two readers of binary formats, which ask for their libraries when they are used."""
    allowed = {"numpy", "dancepose_addon", *sys.stdlib_module_names}
    lazily = {"core/skeleton/readers/c3d_file.py": "c3d", "core/retarget/special_files.py": "zstandard"}

    def wrong(path: Path, found: Import) -> bool:
        package = found.name.split(".")[0]
        may = package == lazily.get(path.relative_to(ADDON).as_posix()) and not found.top
        return package not in allowed and not may

    assert violations(python_files(ADDON / "core"), wrong) == []


def test_inside_core_data_flows_one_way() -> None:
    def wrong(path: Path, found: Import) -> bool:
        room = path.relative_to(ADDON / "core").parts[0]
        if room not in INSIDE_CORE or not found.name.startswith("dancepose_addon.core."):
            return False
        return not within(found.name.removeprefix("dancepose_addon.core."), INSIDE_CORE[room])

    assert violations(python_files(ADDON / "core"), wrong) == []


@pytest.mark.parametrize("file", sorted(FREE_OF_OURS))
def test_foundations_import_nothing_of_ours(file: str) -> None:
    assert violations([ADDON / file], lambda _path, found: found.name.startswith("dancepose_addon")) == []


def test_blender_stays_in_its_rooms() -> None:
    def wrong(path: Path, found: Import) -> bool:
        return found.name.split(".")[0] in BPY and not (path.is_relative_to(ADDON) and room_of(path) in BPY_ROOMS)

    programs = [ROOT / name for name in PROGRAMS if name not in ("tools", "benchmarks")]
    assert violations(python_files(ADDON, *programs), wrong) == []


def test_torch_stays_in_trainer_and_export() -> None:
    def wrong(path: Path, found: Import) -> bool:
        return found.name.split(".")[0] in ("torch", "smplx") and path.relative_to(ROOT).parts[0] not in (
            "trainer",
            "export",
        )

    folders = [ROOT / name for name in PROGRAMS if name not in ("tools", "benchmarks")]
    assert violations(python_files(ADDON, *folders), wrong) == []


def test_onnxruntime_is_imported_lazily_and_only_by_inference() -> None:
    def wrong(path: Path, found: Import) -> bool:
        if found.name.split(".")[0] != "onnxruntime":
            return False
        return found.top or not path.is_relative_to(ADDON / "inference")

    assert violations(python_files(ADDON, ROOT / "cli", ROOT / "trainer"), wrong) == []


@pytest.mark.parametrize("program", sorted(PROGRAMS_MAY_IMPORT))
def test_programs_import_only_what_they_may(program: str) -> None:
    ours = {"dancepose", "dancepose_addon", "tests", *PROGRAMS}

    def wrong(_path: Path, found: Import) -> bool:
        return found.name.split(".")[0] in ours and not within(found.name, PROGRAMS_MAY_IMPORT[program])

    assert violations(python_files(ROOT / program), wrong) == []


def test_command_line_starts_without_optional_packages() -> None:
    """A verb that needs an extra imports it when it is called, so that the others work without."""
    optional = {"torch", "onnx", "onnxruntime", "scipy", "smplx", "bpy", "trainer", "export"}

    def wrong(_path: Path, found: Import) -> bool:
        return found.top and found.name.split(".")[0] in optional

    assert violations(python_files(ROOT / "cli"), wrong) == []


def test_addon_entry_imports_nothing_at_module_level() -> None:
    assert [found.name for found in imports(ADDON / "__init__.py") if found.top] == []


def test_tests_run_without_what_not_every_machine_has() -> None:
    """Torch's CPU build is missing from some machines, anny from most: a test module asks with importorskip."""
    optional = {"torch", "anny", "smplx"}

    def wrong(_path: Path, found: Import) -> bool:
        return found.top and found.name.split(".")[0] in optional

    assert violations(python_files(ROOT / "tests"), wrong) == []
