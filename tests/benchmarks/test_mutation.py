# SPDX-License-Identifier: Apache-2.0
"""The mutation tool: its faults are faults, its choice repeats, and killed and surviving mutants are distinguished."""

import ast
from dataclasses import asdict, replace
import json
from pathlib import Path
import shutil

import pytest

from benchmarks import mutation, mutation_faults, mutation_tests
from benchmarks.line_contexts import Contexts, read_contexts, record

SOURCE = '''"""Text with 5 > 3."""
LIMIT: int = 4


def area(width, height, log):
    """Area of what is larger."""
    log.info("width " + str(width))
    if width > height and height is not None:
        raise ValueError(f"{width} > {height + 1}")
    total = 0.5
    total += max(width, height)
    check(width, timeout=30)
    return width * height
'''


def changes(tmp_path: Path) -> set[tuple[str, str, str]]:
    path = tmp_path / "module.py"
    path.write_text(SOURCE, encoding="utf-8")
    return {(mutant.kind, mutant.before, mutant.after) for mutant in mutation_faults.mutants_of(path, tmp_path)}


def test_faults_of_a_module(tmp_path: Path) -> None:
    assert changes(tmp_path) == {
        ("constant", "4", "5"),
        ("boolean", "width > height and height is not None", "width > height or height is not None"),
        ("comparison", "width > height", "width <= height"),
        ("comparison", "height is not None", "height is None"),
        ("constant", "0.5", "1.0"),
        ("statement", "total += max(width, height)", "pass"),
        ("extreme", "max(width, height)", "min(width, height)"),
        ("statement", "check(width, timeout=30)", "pass"),
        ("operator", "width * height", "width / height"),
    }


def test_mutated_source_differs_in_one_place(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE, encoding="utf-8")
    plain = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in mutation_faults.mutants_of(path, tmp_path):
        lines = mutation_faults.mutated_source(SOURCE, mutant.number).splitlines()
        different = [(old, new) for old, new in zip(plain, lines, strict=True) if old != new]
        assert len(different) == 1
        assert mutant.after in different[0][1]


def test_choice_repeats_and_spreads_over_kinds(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE, encoding="utf-8")
    mutants = mutation_faults.mutants_of(path, tmp_path)
    chosen = mutation_faults.choose(mutants, 6, seed=3)
    assert chosen == mutation_faults.choose(mutants, 6, seed=3)
    assert len(set(chosen)) == 6
    assert len(mutation_faults.choose(mutants, 99, seed=3)) == len(mutants)


MODULE = """LEFT = 2

def double(x):
    return LEFT * x

def unused(x):
    return x + 7

def halve(x):
    return x / LEFT
"""
TESTS = """import pytest
from room import module

@pytest.mark.parametrize("x", [1.0, 2.0])
def test_double(x):
    assert module.double(x) == 2.0 * x

def test_halve():
    module.halve(3.0)

def test_broken():
    module.halve(3.0)
    raise ValueError
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    for name in ("room", "checks", "benchmarks"):
        (root / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\nmarkers = ["slow"]\n')
    (root / "room" / "module.py").write_text(MODULE, encoding="utf-8")
    (root / "checks" / "test_other.py").write_text(TESTS, encoding="utf-8")
    monkeypatch.setattr(mutation_tests, "AREAS", {"room": ("checks",)})
    return root


def fault(project: Path, before: str) -> mutation_faults.Mutant:
    mutants = mutation_faults.mutants_of(project / "room" / "module.py", project)
    return next(mutant for mutant in mutants if mutant.before == before)


CONTEXTS = Contexts(
    {"checks/test_other.py::test_double": 0.2, "checks/test_other.py::test_halve": 0.1},
    {
        "room/module.py": {
            1: [""],
            4: ["checks/test_other.py::test_double"],
            10: ["checks/test_other.py::test_halve", "checks/test_other.py::test_broken"],
        }
    },
)


@pytest.mark.parametrize(
    ("before", "tests"),
    [
        ("LEFT * x", ["test_double"]),
        ("x / LEFT", ["test_halve", "test_broken"]),
        # The constant is used in both functions.
        ("2", ["test_halve", "test_double", "test_broken"]),
        ("x + 7", []),
    ],
)
def test_tests_of_a_fault_are_those_that_execute_it(project: Path, before: str, tests: list[str]) -> None:
    (project / "checks" / "test_other.py").write_text(TESTS.replace("from room import", "from rooms import"))
    chosen, executed = mutation_tests.chosen_tests(fault(project, before), project, CONTEXTS, 60.0)
    assert chosen == [f"checks/test_other.py::{name}" for name in tests]
    assert executed == bool(tests)


def test_tests_of_a_fault_keep_within_the_limit(project: Path) -> None:
    chosen, _ = mutation_tests.chosen_tests(fault(project, "2"), project, CONTEXTS, 0.75)
    assert chosen == ["checks/test_other.py::test_halve", "checks/test_other.py::test_double"]


@pytest.mark.parametrize(
    ("before", "result", "killer"),
    [
        ("LEFT * x", "killed", "checks/test_other.py::test_double"),
        # The broken test fails without the fault, too.
        ("x / LEFT", "survived", ""),
        ("x + 7", "not executed", ""),
    ],
)
def test_judging(project: Path, before: str, result: str, killer: str) -> None:
    judge = mutation.Judge(project, CONTEXTS, 60.0)
    outcome = judge.judge(fault(project, before))
    assert (outcome.result, outcome.killer) == (result, killer)
    assert (project / "room" / "module.py").read_text(encoding="utf-8") == MODULE


def test_outcomes_are_kept_and_counted(tmp_path: Path) -> None:
    mutant = mutation_faults.Mutant("study/a.py", 3, "constant", "1", "2", 0)
    outcome = mutation.Outcome(mutant, "killed", 1.5, 2, "tests/study/test_a.py::test_a")
    out = tmp_path / "out.jsonl"
    out.write_text(json.dumps(asdict(outcome)) + "\n", encoding="utf-8")
    assert mutation.read_outcomes(out) == {mutant: outcome}
    assert mutation.measure([mutant], Contexts(), 1.0, out) == [outcome]
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1
    assert mutation.summary([outcome, replace(outcome, result="survived")]).endswith("1 of 2 killed (50 %)")


def test_recorded_contexts(project: Path) -> None:
    """The lines that the two passing tests execute are those of their functions."""
    pytest.importorskip("coverage")
    benchmarks = Path(mutation.__file__).parent
    shutil.copy(benchmarks / "line_contexts.py", project / "benchmarks")
    (project / "dancepose_addon").symlink_to(benchmarks.parent / "dancepose_addon")
    out = project.parent / "contexts.json.gz"
    record(project, ["room"], ["checks"], out)
    found = read_contexts(out)
    assert set(found.seconds) == {f"checks/test_other.py::test_{name}" for name in ("double", "halve", "broken")}
    assert found.lines["room/module.py"][4] == ["checks/test_other.py::test_double"]
    assert 7 not in found.lines["room/module.py"]
    assert found.of_lines("room/module.py", [1, 10]) == {
        "checks/test_other.py::test_broken",
        "checks/test_other.py::test_halve",
    }
