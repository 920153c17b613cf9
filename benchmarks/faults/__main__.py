# SPDX-License-Identifier: Apache-2.0
"""Hostile files and clumsy calls over all commands, signals, kills and full disks; prints a table.

    python -m benchmarks.faults [--quick] [--part PART] [--only TEXT] [--every N] [--kills 20] [--out FILE] [--verbose]

Every call has to end with the right exit code and one sentence, within ten seconds of processor time and a gigabyte,
without a traceback or control characters, and must not change a file that it was not to write. ``--quick`` leaves out
what starts Blender. The full disk is a small tmpfs, which needs root.
Memory is that of a process which was forked with all commands imported. On a machine that other work keeps busy, the
times until a signal ends a command say nothing.
"""

import argparse
from contextlib import redirect_stderr, suppress
import io
from pathlib import Path
import sys
import tempfile
from typing import Final

from .all_calls import quick_calls
from .clumsy_calls import make_sandbox, odd_names
from .ends import full_disks, kills, signals
from .running import Verdict, run_call
from .table import FaultTable, Row

PARTS: Final = {"signals": signals, "kills": kills, "disks": full_disks}


def main() -> int:
    """Run everything; the exit code is 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Leave out what starts Blender; the same as --part calls.")
    parser.add_argument("--part", choices=("calls", *PARTS), action="append", help="Run only this; repeatable.")
    parser.add_argument("--only", default="", metavar="TEXT", help="Only calls whose names hold this text.")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="Run only every Nth call of each group.")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="Kill render and study so often.")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Write the table here, .md.")
    parser.add_argument("--verbose", action="store_true", help="Print every call.")
    arguments = parser.parse_args()
    parts = ["calls"] if arguments.quick else arguments.part or ["calls", *PARTS]
    table, wrong = FaultTable(), []
    with tempfile.TemporaryDirectory(prefix="dancepose-faults-") as name:
        Path(name).chmod(0o755)  # One group of calls is another user's.
        if "calls" in parts:
            wrong += run_calls(Path(name), table, only=arguments.only, every=arguments.every, verbose=arguments.verbose)
        for part, check in PARTS.items():
            if part in parts:
                wrong += check(Path(name) / part, arguments.kills, table)
    if arguments.out is not None:
        command = " ".join(["python -m benchmarks.faults", *sys.argv[1:]])
        table.write(arguments.out, command=command, wrong=wrong)
    print("\n".join(["", *wrong]) if wrong else "\nnothing was wrong")
    return 1 if wrong else 0


def run_calls(folder: Path, table: FaultTable, *, only: str = "", every: int = 1, verbose: bool = False) -> list[str]:
    """Run the calls that need no Blender.

    Args:
        folder: For everything that is made.
        table: A row is added for each group.
        only: Run only calls whose names hold this text.
        every: Run one of so many calls of each group.
        verbose: Whether to print every call.

    Returns:
        What was wrong, in lines.
    """
    warm_up()
    sandbox, output = folder / "sandbox", folder / "printed"
    sandbox.mkdir(parents=True)
    output.mkdir()
    box = make_sandbox(sandbox)
    odd_names(box)
    groups = quick_calls(box, folder / "hostile")
    wrong: list[str] = []
    for group, (watched, calls) in groups.items():
        verdicts = []
        for call in calls[::every]:
            if only in call.name:
                verdicts.append(run_call(call, watched=watched, output=output))
                wrong += lines_of(group, verdicts[-1], verbose=verbose)
        if verdicts:
            slowest = max(verdict.seconds for verdict in verdicts)
            largest = max(verdict.rss_bytes for verdict in verdicts)
            bad = sum(bool(verdict.wrong) for verdict in verdicts)
            table.add(Row(group, len(verdicts), bad, slowest, largest))
    return wrong


def warm_up() -> None:
    """Import what the forked processes would otherwise import each: half of their time."""
    from dancepose.cli.main import main as command_line

    with suppress(ImportError):
        import torch  # noqa: F401
    before = sys.argv
    for words in (["inspect", ""], ["fit", "--betas=a"]):
        sys.argv = ["dancepose", *words]
        with suppress(SystemExit), redirect_stderr(io.StringIO()):
            command_line()
    sys.argv = before


def lines_of(group: str, verdict: Verdict, *, verbose: bool) -> list[str]:
    """What was wrong with a call, in lines."""
    said = ascii(verdict.said)[1:200]
    if verbose:
        print(f"  {verdict.code:>4} {verdict.seconds:5.1f} s  {verdict.call.name}: {said}", flush=True)
    if verbose and verdict.wrong:
        print(f"       WRONG: {'; '.join(verdict.wrong)[:600]}", flush=True)
    return [f"WRONG {group}: {verdict.call.name}: {'; '.join(verdict.wrong)[:600]} | {said}"] if verdict.wrong else []


if __name__ == "__main__":
    raise SystemExit(main())
