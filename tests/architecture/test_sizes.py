# SPDX-License-Identifier: Apache-2.0
"""Modules and functions stay small enough to be read at one go."""

import ast
from pathlib import Path

from tests.support.sources import nodes_of, source_of

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "dancepose_addon", "trainer", "export", "cli", "study", "raster", "rating", "plots", "tools", "benchmarks",
    "tests",
)  # fmt: skip
MODULE_LINES = 400
FUNCTION_LINES = 60


def sources() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def test_modules_are_at_most_400_lines() -> None:
    lengths = {path: len(source_of(path).splitlines()) for path in sources()}
    assert len(lengths) > 30  # the folders were found
    too_long = {str(path.relative_to(ROOT)): count for path, count in lengths.items() if count > MODULE_LINES}
    assert too_long == {}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end; what documents it does not count."""
    assert function.end_lineno is not None
    count = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        assert docstring.end_lineno is not None
        count -= docstring.end_lineno - docstring.lineno + 1
    return count


def test_functions_are_at_most_60_lines() -> None:
    lengths = {
        f"{path.relative_to(ROOT)} {node.name}": code_lines(node)
        for path in sources()
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in lengths.items() if count > FUNCTION_LINES} == {}
