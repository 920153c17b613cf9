# SPDX-License-Identifier: Apache-2.0
"""Running one call in a separate process, and judging what became of it."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import resource
import signal
import stat
import sys
import time
import traceback
from typing import Final

MAX_SECONDS: Final = 10.0
"""Of processor time, which does not depend on what else the machine does."""
WALL_FACTOR: Final = 6.0
"""Wall time after which a call is killed, as a multiple of its processor time."""
MAX_RSS_BYTES: Final = 1 << 30
ADDRESS_SPACE: Final = 6 << 30
MAX_LINE: Final = 1200
FAILED: Final = (1, 2)


@dataclass(frozen=True)
class Call:
    """One call of the command line.

    Attributes:
        name: What is tried.
        argv: Arguments after ``dancepose``.
        codes: Exit codes that are right.
        made: Files that have to be there afterwards; nothing else may be made.
        scratch: Folder that the call may write to.
        cwd: Folder to run in.
        stdout: File that the output goes to, instead of being kept.
        seconds: Limit of processor time.
        before: Called in the process before the command, to change its surroundings.
    """

    name: str
    argv: tuple[str, ...]
    codes: tuple[int, ...] = FAILED
    made: tuple[Path, ...] = ()
    scratch: Path | None = None
    cwd: Path | None = None
    stdout: Path | None = None
    seconds: float = MAX_SECONDS
    before: Callable[[], object] | None = None


@dataclass
class Verdict:
    """What became of a call.

    Attributes:
        call: The call.
        wrong: What was wrong, in words; empty where all was right.
        code: Exit code; negative for a signal.
        seconds: Processor time, with that of its children.
        rss_bytes: Largest resident memory.
        said: Last line of standard error.
    """

    call: Call
    wrong: list[str] = field(default_factory=list)
    code: int = 0
    seconds: float = 0.0
    rss_bytes: int = 0
    said: str = ""


def fingerprint(folder: Path) -> dict[str, str]:
    """Every entry of a folder; a file with its number, size and time of change, which any writing changes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        what = (state.st_ino, state.st_size, state.st_mtime_ns) if stat.S_ISREG(state.st_mode) else ()
        found[str(path)] = f"{stat.S_IFMT(state.st_mode)} {what}"
    return found


def run_call(call: Call, *, watched: Path, output: Path) -> Verdict:
    """Run a call and judge it.

    Args:
        call: The call.
        watched: Folder whose files must not change.
        output: Folder for what is printed; outside ``watched``.

    Returns:
        The verdict.
    """
    before = fingerprint(watched)
    out, err = output / "stdout", output / "stderr"
    verdict = Verdict(call)
    started = time.perf_counter()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _be_the_command(call, out, err)
    verdict.code, verdict.rss_bytes, verdict.seconds = _wait(pid, started + WALL_FACTOR * call.seconds)
    said = err.read_bytes().decode("utf-8", errors="surrogateescape")
    lines = [line for line in said.splitlines() if line.strip()]
    verdict.said = lines[-1] if lines else ""
    printed = said if call.stdout is not None else said + out.read_bytes().decode("utf-8", errors="surrogateescape")
    verdict.wrong += _faults_of_text(call, printed, lines)
    if verdict.seconds > call.seconds:
        verdict.wrong.append(f"over {call.seconds:.0f} s")
    if verdict.code not in call.codes:
        verdict.wrong.append(f"exit code {verdict.code}, expected {' or '.join(map(str, call.codes))}")
    if verdict.rss_bytes > MAX_RSS_BYTES:
        verdict.wrong.append(f"{verdict.rss_bytes >> 20} MiB of memory")
    after = fingerprint(watched)
    old, new = ({n: what for n, what in found.items() if not _is_below(n, call.scratch)} for found in (before, after))
    verdict.wrong += changes(old, new, call.made)
    for name in sorted(after.keys() - before.keys(), reverse=True):  # what is in a folder first
        _remove(Path(name))
    return verdict


def _be_the_command(call: Call, out: Path, err: Path) -> None:
    """In the forked process: become ``dancepose`` with these arguments. Never returns."""
    code = 70
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        os.dup2(os.open(call.stdout or out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        out.touch()
        os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # Forked from a test, these may be those of its runner.
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
            for number, mode, errors in ((0, "r", "strict"), (1, "w", "strict"), (2, "w", "backslashreplace"))
        )
        if call.cwd is not None:
            os.chdir(call.cwd)
        if call.before is not None:
            call.before()
        sys.argv = ["dancepose", *call.argv]
        from dancepose.cli.main import main

        main()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(bool(leaving.code))
    except BaseException:
        traceback.print_exc()
        code = 71
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _wait(pid: int, deadline: float) -> tuple[int, int, float]:
    """Exit code, largest memory and processor time of a process, which is killed with its children at the deadline."""
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if not done and time.perf_counter() > deadline:
            os.killpg(pid, signal.SIGKILL)
            done, status, usage = os.wait4(pid, 0)
        if done:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime
        time.sleep(0.005)


def _faults_of_text(call: Call, printed: str, lines: Sequence[str]) -> Iterable[str]:
    if "Traceback" in printed:
        yield "a traceback"
    if re.search(r"\BWarning:", printed):
        yield "a warning of Python"
    if not printed.replace("\n", "").replace("\r", "").isprintable():
        yield "control characters"
    if any(len(line) > MAX_LINE for line in printed.splitlines()):
        yield "a line of over a thousand characters"
    if set(call.codes) <= set(FAILED) and not any(line.startswith("dancepose: ") for line in lines):
        yield "not a sentence"


def changes(before: dict[str, str], after: dict[str, str], made: Iterable[Path]) -> list[str]:
    """What a call changed that it should not have, and what it should have made."""
    allowed = {str(path) for path in made} | {str(parent) for path in made for parent in path.parents}
    wrong = [f"destroyed or changed {name}" for name in before if after.get(name) != before[name]]
    wrong += [f"left {name}" for name in after.keys() - before.keys() - allowed]
    return wrong + [f"did not make {path}" for path in made if str(path) not in after]


def _is_below(name: str, folder: Path | None) -> bool:
    return folder is not None and Path(name).is_relative_to(folder)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
