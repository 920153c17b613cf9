# SPDX-License-Identifier: Apache-2.0
"""Share of random faults in the code that its tests notice.

    python -m benchmarks.mutation --seed N --count 40 [--contexts FILE] [--limit 60] [--out mutation.jsonl]

Faults ("mutants") are put into ``dancepose_addon/core``, ``trainer`` and ``study`` of a temporary copy of the working
tree, one at a time: a comparison, operator, constant, Boolean or minimum/maximum replaced, a statement dropped. Those
tests run in that copy, slow ones excepted, that execute the line of the fault, or whose file imports the module or is
named after it, until one fails. ``--contexts`` is the record of which test executes which line; it is made first where
there is none, which takes as long as the tests take with coverage.py.

A mutant is killed when a test fails that passes without the fault. It survives when all pass. Tests that do not end in
time are reported on their own, and so are mutants that no test is known to execute; both count as survived. Tests with
recordings run where ``DANCEPOSE_DATA`` names them. Messages, logs, annotations and progress reports are not mutated: a
changed wording is no fault.

Each outcome is a line of ``--out`` as soon as it is known. Mutants that the file already has are not judged again.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Final

from .line_contexts import Contexts, read_contexts, record
from .mutation_faults import ROOT, Mutant, choose, mutants_of, mutated_source
from .mutation_tests import AREAS, area_of, chosen_tests

MUTATED: Final = ("dancepose_addon/core", "study", "trainer")
RESULTS: Final = ("killed", "survived", "timed out", "not executed")
PATIENCE_S: Final = 300.0
SLOWER: Final = 4.0
"""Tests are stopped after as many times their duration without a fault and ``PATIENCE_S``. A single test that hangs
fails before, by the suite's own limit."""
NO_TESTS: Final = 5
"""Exit status of pytest when every test was left out."""


@dataclass(frozen=True)
class Outcome:
    """What the tests made of a mutant.

    Attributes:
        mutant: The fault.
        result: One of ``RESULTS``.
        seconds: Duration of the tests.
        tests: Number of tests that were chosen.
        killer: The test that failed, or the file that cannot be collected.
    """

    mutant: Mutant
    result: str
    seconds: float
    tests: int = 0
    killer: str = ""


@dataclass
class Judge:
    """Runs tests in a copy of the project.

    Attributes:
        root: The copy.
        contexts: Tests by line.
        limit_s: What the tests of a mutant may take together, seconds, as they took without a fault.
        passing: Tests that failed with a fault, and whether they pass without.
        writes: Number of times that a module was written.
    """

    root: Path
    contexts: Contexts
    limit_s: float
    passing: dict[str, bool] = field(default_factory=dict)
    writes: int = 0

    def judge(self, mutant: Mutant) -> Outcome:
        """Put a fault into the copy, run the tests, and take it out again.

        A test that also fails without the fault proves nothing: it is left out, and the others run again.
        """
        tests, executed = chosen_tests(mutant, self.root, self.contexts, self.limit_s)
        path = self.root / mutant.path
        source = path.read_text(encoding="utf-8")
        seconds = 0.0
        while True:
            tests = [test for test in tests if self.passing.get(test, True) and self.passing.get(_file(test), True)]
            if not tests:
                return Outcome(mutant, "not executed", seconds)
            self._write(path, mutated_source(source, mutant.number))
            try:
                status, took_s, killer = self.run(tests)
            finally:
                self._write(path, source)
            seconds = round(seconds + took_s, 1)
            if status is None:
                return Outcome(mutant, "timed out", seconds, len(tests))
            if status in (0, NO_TESTS):
                result = "survived" if executed and status == 0 else "not executed"
                return Outcome(mutant, result, seconds, len(tests))
            if self.passes(killer):
                return Outcome(mutant, "killed", seconds, len(tests), killer)
            print(f"{killer} also fails without a fault and is left out", flush=True)

    def _write(self, path: Path, source: str) -> None:
        """Write a module with a new time, in whole seconds, by which Python recognises outdated bytecode."""
        self.writes += 1
        path.write_text(source, encoding="utf-8")
        os.utime(path, (self.writes, self.writes))

    def passes(self, test: str) -> bool:
        """Return whether a test, or all tests of a file, pass without a fault."""
        if test not in self.passing:
            # A file that could not be collected must only be collected.
            status, _, _ = self.run([test], ("--collect-only",) if test == _file(test) else ())
            self.passing[test] = status == 0
        return self.passing[test]

    def run(self, tests: Sequence[str], options: Sequence[str] = ()) -> tuple[int | None, float, str]:
        """Run tests until one fails.

        Returns:
            Exit status of pytest, None if it was stopped; the duration in seconds; and the failed test without its
            parameters, or its file.
        """
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-n0", "-m", "not slow"]
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        known_s = sum(self.contexts.seconds.get(test, 1.0) for test in tests)
        log = self.root.parent / "pytest.txt"
        began_s = time.perf_counter()
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, *options, *tests],
                cwd=self.root,
                env={**os.environ, **one_thread},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        status: int | None
        try:
            status = process.wait(timeout=PATIENCE_S + SLOWER * known_s)
        except subprocess.TimeoutExpired:
            # The whole group, or Blender processes of a test would continue.
            os.killpg(process.pid, 9)
            process.wait()
            status = None
        text = log.read_text(encoding="utf-8", errors="replace")
        failed = re.findall(r"^(?:FAILED|ERROR) ([\w./-]+\.py[^\s\[]*)", text, re.MULTILINE)
        return status, time.perf_counter() - began_s, failed[-1] if failed else _file(tests[0])


def _file(test: str) -> str:
    return test.partition("::")[0]


def copy_tree(target: Path) -> None:
    """Copy the files that git tracks, as they are in the working tree, symbolic links as links."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def read_outcomes(path: Path | None) -> dict[Mutant, Outcome]:
    """Return the outcomes in a file of lines of JSON; none where there is no file."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else ():
        table = json.loads(line)
        mutant = Mutant(**table.pop("mutant"))
        found[mutant] = Outcome(mutant, **table)
    return found


def measure(mutants: Sequence[Mutant], contexts: Contexts, limit_s: float, out: Path | None) -> list[Outcome]:
    """Judge mutants in one temporary copy; print each outcome and append it to ``out``."""
    known = read_outcomes(out)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        copy_tree(root)
        judge = Judge(root, contexts, limit_s)
        for mutant in mutants:
            outcome = known.get(mutant) or judge.judge(mutant)
            outcomes.append(outcome)
            _print(outcome)
            if out is not None and mutant not in known:
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(outcome)) + "\n")
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return a table of the results by room, with the share that was killed."""
    counts = Counter((area_of(outcome.mutant.path), outcome.result) for outcome in outcomes)
    lines = [f"{'':<26}" + "".join(f"{result:>14}" for result in RESULTS)]
    lines += [
        f"{area:<26}" + "".join(f"{counts[area, result]:>14}" for result in RESULTS)
        for area in AREAS
        if any(counts[area, result] for result in RESULTS)
    ]
    killed = sum(outcome.result == "killed" for outcome in outcomes)
    lines.append(f"{killed} of {len(outcomes)} killed ({100.0 * killed / max(1, len(outcomes)):.0f} %)")
    return "\n".join(lines)


def _print(outcome: Outcome) -> None:
    mutant = outcome.mutant
    before, after = (text.splitlines()[0][:90] for text in (mutant.before, mutant.after))
    print(f"{outcome.result:<13}{outcome.seconds:>6} s  {mutant.path}:{mutant.line}  {before}  ->  {after}", flush=True)


def main() -> None:
    """Draw mutants, judge them and print the share that was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice of mutants")
    parser.add_argument("--count", type=int, default=40, help="number of mutants")
    parser.add_argument("--contexts", type=Path, help="tests by line; recorded here if absent, .json.gz")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for the tests of one mutant")
    parser.add_argument("--only", default="", help="only modules whose path starts with this")
    parser.add_argument("--out", type=Path, help="append each outcome here, .jsonl")
    arguments = parser.parse_args()
    contexts = arguments.contexts or Path(tempfile.gettempdir()) / "dancepose-contexts.json.gz"
    if not contexts.exists():
        folders = sorted({folder for chosen in AREAS.values() for folder in chosen})
        record(ROOT, MUTATED, folders, contexts)
    modules = [path for folder in MUTATED for path in sorted((ROOT / folder).rglob("*.py"))]
    mutants = [mutant for path in modules for mutant in mutants_of(path) if mutant.path.startswith(arguments.only)]
    chosen = choose(mutants, arguments.count, arguments.seed)
    print(summary(measure(chosen, read_contexts(contexts), arguments.limit, arguments.out)))


if __name__ == "__main__":
    main()
