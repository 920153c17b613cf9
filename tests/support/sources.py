# SPDX-License-Identifier: Apache-2.0
"""Syntax trees of the project's files, parsed once per test process."""

import ast
from functools import cache
from pathlib import Path


@cache
def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(source_of(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(path)))
