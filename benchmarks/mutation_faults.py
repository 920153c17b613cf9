# SPDX-License-Identifier: Apache-2.0
"""Random faults ("mutants") in Python modules: which nodes allow one, and the source with one of them."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
import random
from typing import Final

ROOT: Final = Path(__file__).parents[1]
COMPARISONS: Final = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: Final = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
}  # fmt: skip
EXTREMES: Final = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax", "argmax": "argmin",
    "any": "all", "all": "any", "median": "max",
}  # fmt: skip
LEAST_CONSTANT: Final = 1e-5
"""Smaller constants only prevent divisions by zero; twice as large they do the same."""
SILENT: Final = ("progress", "debug", "info", "warning", "error", "note", "append_note")
"""Calls that only report."""
EQUIVALENT_ARGUMENTS: Final = (
    # Assertions and limits of time: never reached while all is well.
    "timeout", "strict",
    # Memory and speed, not values: NumPy's and PyTorch's copies, PyTorch's kernels.
    "copy", "set_to_none", "fused", "non_blocking", "pin_memory",
    # The size of a picture file, not its pixels.
    "optimize",
    # The look of text and figures. Their content is mutated.
    "indent", "fontsize", "labelsize", "dpi",
    # The length of a hash, and the line to which a warning is attributed.
    "digest_size", "stacklevel",
)  # fmt: skip
"""Keyword arguments whose other values do the same."""


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        path: Module, relative to the project.
        line: Line of the fault.
        kind: ``comparison``, ``operator``, ``constant``, ``extreme``, ``boolean`` or ``statement``.
        before: Source of the node, as ``ast.unparse`` writes it.
        after: Source of what replaces it.
        number: Index of the node among all mutable ones of the module.
    """

    path: str
    line: int
    kind: str
    before: str
    after: str
    number: int


def replacement(node: ast.AST) -> tuple[str, ast.AST] | None:
    """Return the kind of fault that a node allows and the node with the fault, or None."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        swapped = COMPARISONS[type(node.ops[0])]()
        return "comparison", ast.Compare(node.left, [swapped], node.comparators)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return "operator", ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    if isinstance(node, ast.BoolOp):
        return "boolean", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return "boolean", ast.Constant(not node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return "constant", ast.Constant(node.value + 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        if 0.0 < abs(node.value) < LEAST_CONSTANT:
            return None
        return "constant", ast.Constant(2.0 * node.value if node.value else 1.0)
    if isinstance(node, ast.Call):
        return _swapped_extreme(node)
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return "statement", ast.Pass()
    return None


def _swapped_extreme(node: ast.Call) -> tuple[str, ast.AST] | None:
    function = node.func
    if isinstance(function, ast.Name) and function.id in EXTREMES and function.id != "median":
        return "extreme", ast.Call(ast.Name(EXTREMES[function.id], ast.Load()), node.args, node.keywords)
    if isinstance(function, ast.Attribute) and function.attr in EXTREMES:
        swapped = ast.Attribute(function.value, EXTREMES[function.attr], ast.Load())
        return "extreme", ast.Call(swapped, node.args, node.keywords)
    return None


def mutable_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may be mutated, in a fixed order; messages, reports and annotations are skipped."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "msg"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.JoinedStr | ast.Assert):
                continue
            if isinstance(child, ast.keyword) and child.arg in EQUIVALENT_ARGUMENTS:
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Call) and _reports(child.value):
                continue
            if replacement(child) is not None:
                yield child
            yield from mutable_nodes(child)


def _reports(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in SILENT


def mutants_of(path: Path, root: Path = ROOT) -> list[Mutant]:
    """Return every fault that can be put into a module."""
    found = []
    for number, node in enumerate(mutable_nodes(ast.parse(path.read_text(encoding="utf-8")))):
        made = replacement(node)
        assert made is not None
        kind, after = made
        line = getattr(node, "lineno", 0)
        name = path.relative_to(root).as_posix()
        found.append(Mutant(name, line, kind, ast.unparse(node), ast.unparse(after), number))
    return found


def mutated_source(source: str, number: int) -> str:
    """Return a module's source with one fault.

    Args:
        source: The module as it is.
        number: Index of the node, as ``Mutant.number``.

    Returns:
        The module without its comments and with the fault.
    """
    tree = ast.parse(source)
    node = list(mutable_nodes(tree))[number]
    made = replacement(node)
    assert made is not None
    faulty = made[1]

    class Swap(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> ast.AST:
            return faulty if visited is node else self.generic_visit(visited)

    return ast.unparse(ast.fix_missing_locations(Swap().visit(tree)))


def choose(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Draw mutants: each kind alike often, and each module of a kind alike often, so that tables do not dominate."""
    chance = random.Random(seed)
    chosen: list[Mutant] = []
    taken: set[Mutant] = set()
    kinds = sorted({mutant.kind for mutant in mutants})
    while len(chosen) < min(count, len(mutants)):
        kind = chance.choice(kinds)
        of_kind = [mutant for mutant in mutants if mutant.kind == kind and mutant not in taken]
        if of_kind:
            module = chance.choice(sorted({mutant.path for mutant in of_kind}))
            chosen.append(chance.choice([mutant for mutant in of_kind if mutant.path == module]))
            taken.add(chosen[-1])
    return chosen
