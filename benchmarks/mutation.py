# SPDX-License-Identifier: Apache-2.0
"""Share of random faults in the code that its tests notice.

    python -m benchmarks.mutation --seed N --count 40 [--limit 120] [--out mutation.json]

Faults ("mutants") are put into ``dancepose_addon/core``, ``trainer`` and ``study`` of a temporary copy of the working
tree, one at a time: a comparison, operator, constant, Boolean or minimum/maximum replaced, a statement dropped. The
tests of the room, slow ones excepted, run in that copy until one fails, those that name the module first; without a
fault they must pass. A mutant is killed when a test fails. It survives when all pass; a run that takes longer than the
limit is reported on its own and counts as survived. Tests with recordings run where ``DANCEPOSE_DATA`` names them.
Messages, logs, annotations and progress reports are not mutated: a changed wording is no fault. Neither are time limits
and ``zip(strict=True)``, which is an assertion.
"""

import argparse
import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Final

from dancepose_addon.core.atomic import replacing

ROOT: Final = Path(__file__).parents[1]
AREAS: Final = {
    "dancepose_addon/core/fit": ("tests/fit", "tests/core"),
    "dancepose_addon/core": ("tests/core", "tests/fit"),
    "trainer": ("tests/trainer", "tests/export"),
    "study": ("tests/study",),
}
"""Folder: the folders of its tests. The first that matches is taken."""
MUTATED: Final = ("dancepose_addon/core", "study", "trainer")
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


@dataclass(frozen=True)
class Outcome:
    """What the tests made of a mutant.

    Attributes:
        mutant: The fault.
        result: ``killed``, ``survived`` or ``timed out``.
        seconds: Duration of the tests.
    """

    mutant: Mutant
    result: str
    seconds: float


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
            if isinstance(child, ast.keyword) and child.arg in ("timeout", "strict"):
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
    kinds = sorted({mutant.kind for mutant in mutants})
    while len(chosen) < min(count, len(mutants)):
        kind = chance.choice(kinds)
        of_kind = [mutant for mutant in mutants if mutant.kind == kind and mutant not in chosen]
        if of_kind:
            module = chance.choice(sorted({mutant.path for mutant in of_kind}))
            chosen.append(chance.choice([mutant for mutant in of_kind if mutant.path == module]))
    return chosen


def area_of(path: str) -> str:
    """Return the room of a module, as ``AREAS`` names it."""
    return next(area for area in AREAS if path.startswith(f"{area}/"))


def test_files(path: str, root: Path) -> list[str]:
    """Return the test modules of a module's room, those that import the module or are named after it first."""
    files = [file for folder in AREAS[area_of(path)] for file in sorted((root / folder).glob("test_*.py"))]
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    package, name = re.escape(".".join(parts[:-1])), parts[-1]
    imported = re.compile(rf"{package}\.{name} import|{package} import .*\b{name}\b")
    named = [file for file in files if name in file.stem or imported.search(file.read_text(encoding="utf-8"))]
    ordered = [*named, *(file for file in files if file not in named)]
    return [file.relative_to(root).as_posix() for file in ordered]


def judge(mutant: Mutant, root: Path, limit_s: float) -> Outcome:
    """Put a fault into the copy at ``root``, run the tests, and take it out again."""
    path = root / mutant.path
    source = path.read_text(encoding="utf-8")
    path.write_text(mutated_source(source, mutant.number), encoding="utf-8")
    try:
        return Outcome(mutant, *run_tests(mutant.path, root, limit_s))
    finally:
        path.write_text(source, encoding="utf-8")


def copy_tree(target: Path) -> None:
    """Copy the files that git tracks, as they are in the working tree, symbolic links as links."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def run_tests(path: str, root: Path, limit_s: float | None) -> tuple[str, float]:
    """Run the tests of a module's room in the copy at ``root`` until one fails.

    Args:
        path: Module, relative to the project.
        root: The copy.
        limit_s: Time after which the tests are stopped, seconds; None for no limit.

    Returns:
        ``killed``, ``survived`` or ``timed out``, and the duration in seconds.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n0", "-m", "not slow"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    began_s = time.perf_counter()
    with (root.parent / "pytest.txt").open("wb") as log:
        process = subprocess.Popen(
            [*command, *test_files(path, root)],
            cwd=root,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        result = "survived" if process.wait(timeout=limit_s) == 0 else "killed"
    except subprocess.TimeoutExpired:
        # The whole group, or Blender processes of a test would continue.
        os.killpg(process.pid, 9)
        process.wait()
        result = "timed out"
    return result, round(time.perf_counter() - began_s, 1)


def measure(mutants: Sequence[Mutant], limit_s: float, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Judge all mutants in one temporary copy; ``report`` is called after each.

    Raises:
        SystemExit: The tests of a room fail without a fault, so that every mutant would count as killed.
    """
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        copy_tree(root)
        areas = {frozenset(AREAS[area]): area for area in sorted({area_of(mutant.path) for mutant in mutants})}
        for area in areas.values():
            result, seconds = run_tests(f"{area}/none.py", root, None)
            if result != "survived":
                printed = (root.parent / "pytest.txt").read_text(encoding="utf-8", errors="replace")
                raise SystemExit(f"{printed[-2000:]}The tests of {area} fail without a fault.")
            print(f"{area}: tests pass without a fault in {seconds} s", flush=True)
        for mutant in mutants:
            outcomes.append(judge(mutant, root, limit_s))
            report(outcomes[-1])
    return outcomes


def _print(outcome: Outcome) -> None:
    mutant = outcome.mutant
    before, after = (text.splitlines()[0][:90] for text in (mutant.before, mutant.after))
    print(f"{outcome.result:<10}{outcome.seconds:>6} s  {mutant.path}:{mutant.line}  {before}  ->  {after}", flush=True)


def main() -> None:
    """Draw mutants, judge them and print the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of mutants")
    parser.add_argument("--count", type=int, default=40, help="number of mutants")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for the tests of one mutant")
    parser.add_argument("--only", default="", help="only modules whose path starts with this")
    parser.add_argument("--out", type=Path, help="also write the outcomes here, .json")
    arguments = parser.parse_args()
    modules = [path for folder in MUTATED for path in sorted((ROOT / folder).rglob("*.py"))]
    mutants = [mutant for path in modules for mutant in mutants_of(path) if mutant.path.startswith(arguments.only)]
    outcomes = measure(choose(mutants, arguments.count, arguments.seed), arguments.limit, _print)
    killed = sum(outcome.result == "killed" for outcome in outcomes)
    print(f"{killed} of {len(outcomes)} killed ({100.0 * killed / max(1, len(outcomes)):.0f} %), seed {arguments.seed}")
    if arguments.out is not None:
        with replacing(arguments.out) as temporary:
            table = [asdict(outcome) for outcome in outcomes]
            temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
