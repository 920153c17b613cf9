# SPDX-License-Identifier: Apache-2.0
"""One name means one thing: modules, classes and public functions are unique over all installed code."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.sources import tree_of

ROOT = Path(__file__).parents[2]
FOLDERS = ("dancepose_addon", "trainer", "export", "study", "raster", "rating", "plots", "cli")
TWINS = {"trainer/body/torch_rotations.py", "trainer/body/torch_smpl.py"}
"""Torch versions of NumPy functions keep the names of the originals."""
INTERFACES = {"main", "register", "unregister", "recognises", "open_file", "draw"}
"""Functions that several modules provide under one agreed name."""


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def definitions(path: Path) -> Iterator[str]:
    for node in tree_of(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name


def test_modules_have_different_names() -> None:
    places = defaultdict(list)
    for path in sources():
        if path.name not in ("__init__.py", "__main__.py") and path.parent.name != "cli":  # verbs name CLI modules
            places[path.name].append(path.relative_to(ROOT).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_classes_and_functions_have_different_names() -> None:
    places = defaultdict(list)
    for path in sources():
        place = path.relative_to(ROOT).as_posix()
        for name in definitions(path):
            if place not in TWINS and name not in INTERFACES:
                places[name].append(place)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
