# SPDX-License-Identifier: Apache-2.0
"""Hostile files and clumsy calls over all commands, signals, kills and full disks; prints a table.

    python -m benchmarks.faults [--quick] [--only TEXT] [--every N] [--kills 20] [--verbose]

Every call has to end with the right exit code and one sentence, within ten seconds of processor time and a gigabyte,
without a traceback or control characters, and must not change a file that it was not to write. ``--quick`` leaves out
what starts Blender. The full disk is a small tmpfs, which needs root.
"""

import argparse
from collections import Counter
from contextlib import redirect_stderr, suppress
import io
from pathlib import Path
import sys
import tempfile

from .all_calls import quick_calls
from .clumsy_calls import make_sandbox, odd_names
from .ends import full_disks, kills, signals
from .running import Verdict, run_call


def main() -> int:
    """Run everything; the exit code is 0 where nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Leave out what starts Blender.")
    parser.add_argument("--only", default="", metavar="TEXT", help="Only calls whose names hold this text.")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="Run only every Nth call of each group.")
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="Kill render and study so often.")
    parser.add_argument("--verbose", action="store_true", help="Print every call.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dancepose-faults-") as name:
        wrong = run_quick(Path(name), only=arguments.only, every=arguments.every, verbose=arguments.verbose)
        if not arguments.quick:
            for check in (signals, kills, full_disks):
                wrong += check(Path(name) / check.__name__, arguments.kills)
    print("\n".join(["", *wrong]) if wrong else "\nnothing was wrong")
    return 1 if wrong else 0


def run_quick(folder: Path, *, only: str = "", every: int = 1, verbose: bool = False) -> list[str]:
    """Run the calls that need no Blender, and print a table by group.

    Args:
        folder: For everything that is made.
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
    print(f"{'group':<28} {'calls':>5} {'wrong':>5} {'slowest':>8} {'largest':>9}")
    for group, (watched, calls) in groups.items():
        verdicts = []
        for call in calls[::every]:
            if only in call.name:
                verdicts.append(run_call(call, watched=watched, output=output))
                wrong += lines_of(group, verdicts[-1], verbose=verbose)
        slowest = max((verdict.seconds for verdict in verdicts), default=0.0)
        largest = max((verdict.rss_bytes for verdict in verdicts), default=0)
        bad = Counter(bool(verdict.wrong) for verdict in verdicts)[True]
        print(f"{group:<28} {len(verdicts):>5} {bad:>5} {slowest:>6.1f} s {largest >> 20:>5} MiB", flush=True)
    return wrong


def warm_up() -> None:
    """Import what the forked processes would otherwise import each: half of their time."""
    from dancepose.cli.main import main as dancepose
    import dancepose.study.run.running

    before = sys.argv
    for words in (["inspect", ""], ["fit", "--betas=a"]):
        sys.argv = ["dancepose", *words]
        with suppress(SystemExit), redirect_stderr(io.StringIO()):
            dancepose()
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
