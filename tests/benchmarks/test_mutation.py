# SPDX-License-Identifier: Apache-2.0
"""The mutation tool: its faults are faults, its choice repeats, and killed and surviving mutants are distinguished."""

import ast
from pathlib import Path

import pytest

from benchmarks import mutation

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
    return {(mutant.kind, mutant.before, mutant.after) for mutant in mutation.mutants_of(path, tmp_path)}


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
    for mutant in mutation.mutants_of(path, tmp_path):
        lines = mutation.mutated_source(SOURCE, mutant.number).splitlines()
        different = [(old, new) for old, new in zip(plain, lines, strict=True) if old != new]
        assert len(different) == 1
        assert mutant.after in different[0][1]


def test_choice_repeats_and_spreads_over_kinds(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE, encoding="utf-8")
    mutants = mutation.mutants_of(path, tmp_path)
    chosen = mutation.choose(mutants, 6, seed=3)
    assert chosen == mutation.choose(mutants, 6, seed=3)
    assert len(set(chosen)) == 6
    assert len(mutation.choose(mutants, 99, seed=3)) == len(mutants)


@pytest.mark.parametrize(("source", "result"), [("def f(x):\n    return x + 1\n", "killed"), ("Y = 1\n", "survived")])
def test_judging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, result: str) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "checks").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\nmarkers = ["slow"]\n')
    module = tmp_path / "room" / "module.py"
    module.write_text(source, encoding="utf-8")
    test = (
        "from room import module\n\ndef test_f():\n    f = getattr(module, 'f', None)\n    assert not f or f(1) == 2\n"
    )
    (tmp_path / "checks" / "test_module.py").write_text(test, encoding="utf-8")
    monkeypatch.setattr(mutation, "AREAS", {"room": ("checks",)})
    mutant = mutation.mutants_of(module, tmp_path)[0]
    assert mutation.judge(mutant, tmp_path, limit_s=120.0).result == result
    assert module.read_text(encoding="utf-8") == source
