# SPDX-License-Identifier: Apache-2.0
"""The tests that may notice a fault: those that execute its line, and those of its module."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
import re
from typing import Final

from .line_contexts import Contexts
from .mutation_faults import Mutant, mutable_nodes

AREAS: Final = {
    "dancepose_addon/core/fit": ("tests/fit", "tests/core"),
    "dancepose_addon/core": ("tests/core", "tests/fit"),
    "trainer": ("tests/trainer", "tests/export"),
    "study": ("tests/study",),
}
"""Folder: the folders of its tests. The first that matches is taken."""
UNKNOWN_S: Final = 1.0
"""Assumed duration of a test that was written after the contexts were recorded, seconds."""
FILE_S: Final = 0.4
"""Duration of the import of a test file, seconds."""


def area_of(path: str) -> str:
    """Return the room of a module, as ``AREAS`` names it."""
    return next(area for area in AREAS if path.startswith(f"{area}/"))


def named_files(path: str, root: Path) -> tuple[list[str], list[str]]:
    """Return the test modules of a module's room: those that import it or are named after it, and the others."""
    files = [file for folder in AREAS[area_of(path)] for file in sorted((root / folder).glob("test_*.py"))]
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    package, name = re.escape(".".join(parts[:-1])), parts[-1]
    imported = re.compile(rf"{package}\.{name} import|{package} import .*\b{name}\b")
    named = [file for file in files if name in file.stem or imported.search(file.read_text(encoding="utf-8"))]
    others = [file for file in files if file not in named]
    return tuple([file.relative_to(root).as_posix() for file in group] for group in (named, others))  # type: ignore[return-value]


@cache
def tests_in(file: Path) -> frozenset[str]:
    """Return the names of the test functions in a file, those of classes as ``Class::function``."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body if file.exists() else ():
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{child.name}" for child in node.body if isinstance(child, ast.FunctionDef)}
    return frozenset(name for name in names if name.rpartition(":")[2].startswith("test_"))


def executing(mutant: Mutant, root: Path, contexts: Contexts) -> set[str]:
    """Return the tests that execute a fault.

    Args:
        mutant: The fault.
        root: The project.
        contexts: Tests by line.

    Returns:
        Tests that execute its line or the start of its statement. Of a name that is assigned while the module is
        imported, those that execute a line with this name in any module. Of other lines of the import, those that
        execute any line of the module.
    """
    source = (root / mutant.path).read_text(encoding="utf-8")
    tree = ast.parse(source)
    node = list(mutable_nodes(tree))[mutant.number]
    first, last = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
    around = [
        statement
        for statement in ast.walk(tree)
        if isinstance(statement, ast.stmt) and statement.lineno <= first and (statement.end_lineno or 0) >= last
    ]
    statement = max(around, key=lambda found: found.lineno)
    found = contexts.of_lines(mutant.path, [*range(first, last + 1), statement.lineno])
    if found or not _runs_at_import(statement, tree):
        return found
    users = {test for name in _assigned(statement) for test in _users(name, root, contexts)}
    return users or contexts.of_module(mutant.path)


def _runs_at_import(statement: ast.stmt, tree: ast.Module) -> bool:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return not any(statement is child for function in functions for line in function.body for child in ast.walk(line))


def _assigned(statement: ast.stmt) -> Iterable[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _users(name: str, root: Path, contexts: Contexts) -> set[str]:
    found: set[str] = set()
    pattern = re.compile(rf"\b{re.escape(name)}\b")
    for module in contexts.lines:
        if (root / module).exists():
            lines = (root / module).read_text(encoding="utf-8").splitlines()
            found |= contexts.of_lines(module, [number for number, line in enumerate(lines, 1) if pattern.search(line)])
    return found


def chosen_tests(mutant: Mutant, root: Path, contexts: Contexts, limit_s: float) -> tuple[list[str], bool]:
    """Return the tests to run against a fault.

    Args:
        mutant: The fault.
        root: The project.
        contexts: Tests by line.
        limit_s: What these tests may take together, seconds, as they took without a fault. The first is always in.

    Returns:
        Tests of the files that are named after the module or import it, those that execute the fault first, then the
        other tests that execute it, each group from short to long; and whether any is known to execute it.
    """
    hits = {test for test in executing(mutant, root, contexts) if _exists(test, root)}
    named = {
        f"{file}::{test}" for file in named_files(mutant.path, root)[0] for test in tests_in(root / file)
    }  # fmt: skip
    groups = (hits & named, named - hits, hits - named)
    taken: list[str] = []
    files: set[str] = set()
    spent_s = 0.0
    for group in groups:
        for test in sorted(group, key=lambda name: (contexts.seconds.get(name, UNKNOWN_S), name)):
            cost_s = contexts.seconds.get(test, UNKNOWN_S) + FILE_S * (test.partition("::")[0] not in files)
            if not taken or spent_s + cost_s <= limit_s:
                taken.append(test)
                files.add(test.partition("::")[0])
                spent_s += cost_s
    return taken, bool(hits)


def _exists(test: str, root: Path) -> bool:
    file, _, name = test.partition("::")
    return name in tests_in(root / file)
