# SPDX-License-Identifier: Apache-2.0
"""Which tests execute which lines: recorded once with coverage.py, for ``benchmarks.mutation``.

As a pytest plugin (``-p benchmarks.line_contexts``) it measures the tests of that process. Lines that only other
processes execute are not seen.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
import gzip
import json
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any, Final

import pytest

from dancepose_addon.core.atomic import replacing

TARGET: Final = "DANCEPOSE_LINE_CONTEXTS"
"""Environment variable: the file that the plugin writes."""
FOLDERS: Final = "DANCEPOSE_LINE_CONTEXTS_OF"
"""Environment variable: folders of the measured modules, joined by ``os.pathsep``."""


@dataclass
class Contexts:
    """Tests by the lines that they execute.

    Attributes:
        seconds: Duration of each test; all parameters of a test are one.
        lines: Module, relative to the project: line: tests. The empty name is the import.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def of_lines(self, path: str, lines: Sequence[int]) -> set[str]:
        """Return the tests that execute one of these lines of a module."""
        table = self.lines.get(path, {})
        return {test for line in lines for test in table.get(line, ())} - {""}

    def of_module(self, path: str) -> set[str]:
        """Return the tests that execute any line of a module, apart from its import."""
        return self.of_lines(path, list(self.lines.get(path, {})))

    def write(self, path: Path) -> None:
        """Write the table, compressed JSON."""
        names = sorted({test for table in self.lines.values() for tests in table.values() for test in tests})
        index = {name: number for number, name in enumerate(names)}
        rows = {
            module: {str(line): [index[test] for test in tests] for line, tests in table.items()}
            for module, table in self.lines.items()
        }
        text = json.dumps({"seconds": self.seconds, "tests": names, "lines": rows})
        with replacing(path) as temporary:
            temporary.write_bytes(gzip.compress(text.encode()))


def read_contexts(path: Path) -> Contexts:
    """Read what ``Contexts.write`` wrote."""
    table = json.loads(gzip.decompress(path.read_bytes()))
    names = table["tests"]
    rows = {
        module: {int(line): [names[number] for number in tests] for line, tests in found.items()}
        for module, found in table["lines"].items()
    }
    return Contexts(table["seconds"], rows)


def record(root: Path, folders: Sequence[str], tests: Sequence[str], out: Path) -> None:
    """Run tests and record which lines each executes.

    Args:
        root: The project.
        folders: Folders of the modules to measure, relative to the project.
        tests: Folders or files of tests, relative to the project.
        out: The table. A test that fails is in it too.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-p", "benchmarks.line_contexts"]
    environment = {
        **os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1",
        TARGET: str(out.resolve()), FOLDERS: os.pathsep.join(folders),
    }  # fmt: skip
    subprocess.run([*command, "-m", "not slow", "--timeout=900", *tests], cwd=root, env=environment, check=False)
    if not out.exists():
        raise SystemExit("The tests ended without a table of contexts.")


class _Recorder:
    def __init__(self, root: Path, folders: Sequence[str], out: Path) -> None:
        import coverage

        self.root, self.out = root, out
        self.seconds: dict[str, float] = defaultdict(float)
        self.coverage = coverage.Coverage(data_file=None, source=[str(root / folder) for folder in folders])
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        name = item.nodeid.split("[")[0]
        self.coverage.switch_context(name)
        began_s = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[name] += time.perf_counter() - began_s
            self.coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {}
        for name in data.measured_files():
            module = Path(name).resolve().relative_to(self.root.resolve()).as_posix()
            lines[module] = {line: sorted(tests) for line, tests in data.contexts_by_lineno(name).items()}
        Contexts({name: round(value, 3) for name, value in self.seconds.items()}, lines).write(self.out)


def pytest_configure(config: Any) -> None:
    """Measure this process's tests, if the environment says where to."""
    if TARGET in os.environ:
        recorder = _Recorder(config.rootpath, os.environ[FOLDERS].split(os.pathsep), Path(os.environ[TARGET]))
        config.pluginmanager.register(recorder, "line_contexts")
