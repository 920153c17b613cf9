# SPDX-License-Identifier: Apache-2.0
"""The table of what was tried and what became of it."""

from dataclasses import dataclass, field
from pathlib import Path
import platform
from typing import Final

WHAT: Final = {
    "motions, inspected": "damaged, lying and huge motion files through `inspect`",
    "motions, fitted": "some of them through `fit`",
    "motions, converted": "some of them through `convert`",
    "bodies": "pickles and archives as --body",
    "regressors": "ONNX files that lie or ask for all memory, on NumPy and onnxruntime",
    "outputs that are inputs": "every output of every command on an input, also by links, or on another output",
    "outputs that cannot be": "folders, missing permission, suffixes, names",
    "options that cannot work": "values outside type, range or choices",
    "odd surroundings": "names that are not UTF-8, /dev/full, names with a dash",
    "studies": "output folders that hold inputs, damaged study files",
    "special files as inputs": "sparse files of a terabyte, pipes, devices and links to themselves at every input",
    "limits and users": "file size, umask, streams, HOME, PATH, TMPDIR, open files; another user without permission",
    "files that change": "files that grow, shrink or are replaced while they are read",
    "extreme clips": "0, 1 and 2 frames, rates and coordinates of an impossible size",
    "odd layouts": "layout files of an impossible size or form",
    "odd folders": "loops, pipes, patterns, equal names, names of options",
    "odd studies": "edited plans and journals, pipes in the output folder, impossible settings",
    "ratings": "ratings whose files are damaged, lie or are none; TOML files that take long",
    "signals": "SIGINT and SIGTERM at five moments; end within 2 s, one sentence, 130 or 143, nothing left",
    "render, killed": "SIGKILL for one or all processes at random moments, then resumed",
    "study, killed": "likewise",
    "full disks": "fit, convert and render; then again with room",
}


@dataclass(frozen=True)
class Row:
    """One group of calls.

    Attributes:
        group: Its name, a key of ``WHAT``.
        tried: Number of calls.
        wrong: How many of them did something that they should not.
        slowest_s: Largest processor time of a call, or time until the end after a signal, seconds; None if unknown.
        largest_bytes: Largest memory of a call; None if unknown.
    """

    group: str
    tried: int
    wrong: int
    slowest_s: float | None = None
    largest_bytes: int | None = None

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as text."""
        slowest = "" if self.slowest_s is None else f"{self.slowest_s:.1f} s"
        largest = "" if self.largest_bytes is None else f"{self.largest_bytes >> 20} MiB"
        return self.group, str(self.tried), str(self.wrong), slowest, largest


@dataclass
class FaultTable:
    """Rows, printed as they come.

    Attributes:
        rows: So far.
    """

    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Print a row and keep it."""
        if not self.rows:
            self._print(("group", "calls", "wrong", "slowest", "largest"), "what was done")
        self.rows.append(row)
        self._print(row.cells(), WHAT.get(row.group, ""))

    def _print(self, cells: tuple[str, str, str, str, str], what: str) -> None:
        group, tried, wrong, slowest, largest = cells
        print(f"{group:<25} {tried:>5} {wrong:>5} {slowest:>8} {largest:>9}  {what}", flush=True)

    def write(self, path: Path, *, command: str, wrong: list[str]) -> None:
        """Write the table as Markdown.

        Args:
            path: Of the file.
            command: What was run.
            wrong: What was wrong, in lines.
        """
        lines = ["# Hostile files, clumsy calls, signals, kills and full disks", "", f"Measured by `{command}`", ""]
        lines[-2] += f" under {platform.system()}, Python {platform.python_version()}."
        lines += ["| group | calls | wrong | slowest | largest | what was done |", "|---|---|---|---|---|---|"]
        lines += ["| " + " | ".join((*row.cells(), WHAT.get(row.group, ""))) + " |" for row in self.rows]
        total, bad = sum(row.tried for row in self.rows), sum(row.wrong for row in self.rows)
        lines += ["", f"{total} calls, {bad} of them wrong.", *("- " + line for line in wrong)]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
