# SPDX-License-Identifier: Apache-2.0
"""Signals end a process in time, also where its main thread does not answer."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time

import pytest

from dancepose_addon.core import interruption as interruption_module
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.interruption import (
    SIGNALS,
    Interruption,
    SignalRaised,
    end_now,
    last_words_on,
    raise_in_main,
    signal_exit_code,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

BUSY = """
import sys, time
from pathlib import Path
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.interruption import Interruption
with Interruption(lambda number: None, grace_s=0.3), replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    while True:
        time.sleep(0.01)  # the handler runs, and nothing heeds it
"""

ORPHAN = """
import os, subprocess, sys
from dancepose_addon.core.interruption import PARENT
code = "import time\\n" \\
    "from dancepose_addon.core.interruption import ending_with_parent\\n" \\
    "with ending_with_parent(lambda: None, grace_s=0.1):\\n" \\
    "    print('ready', flush=True)\\n" \\
    "    time.sleep(120)\\n"
child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, PARENT: str(os.getpid())})
print(child.pid, flush=True)
child.wait()
"""


def test_handlers_are_set_and_put_back() -> None:
    """Within, a signal calls the function given last, and the first is remembered; afterwards all is as before."""
    before = [signal.getsignal(number) for number in SIGNALS]
    calls: list[tuple[str, int]] = []
    with Interruption(lambda number: calls.append(("first", number)), grace_s=60.0) as interruption:
        assert interruption.number == 0
        os.kill(os.getpid(), signal.SIGTERM)
        interruption.handle_by(lambda number: calls.append(("second", number)))
        os.kill(os.getpid(), signal.SIGINT)
        wakeup = signal.set_wakeup_fd(-1)
        assert wakeup >= 0
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    assert calls == [("first", signal.SIGTERM), ("second", signal.SIGINT)]
    assert interruption.number == signal.SIGTERM
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1
    assert interruption._thread is not None
    assert not interruption._thread.is_alive()


def test_other_threads_handle_nothing() -> None:
    found: list[object] = []

    def enter() -> None:
        before = [signal.getsignal(number) for number in SIGNALS]
        with Interruption(found.append):
            found.append([signal.getsignal(number) for number in SIGNALS] == before)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [True]


@pytest.mark.usefixtures("foreground_signals")
def test_a_hangup_is_handled_unless_it_is_ignored() -> None:
    """As ``nohup`` does it."""
    found: list[int] = []
    with Interruption(found.append):
        os.kill(os.getpid(), signal.SIGHUP)
    assert found == [signal.SIGHUP]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption(found.append):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert found == [signal.SIGHUP]


def test_a_signal_is_raised_once() -> None:
    """Further ones are ignored while the process is put in order."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with pytest.raises(SignalRaised) as raised:
            raise_in_main(signal.SIGTERM)
        assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_IGN] * len(SIGNALS)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert raised.value.number == signal.SIGTERM
    assert raised.value.args == (signal.SIGTERM,)


def test_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They go to the real standard error, also where 2 is redirected; unfinished files are removed."""
    codes: list[int] = []
    monkeypatch.setattr(interruption_module.os, "_exit", codes.append)
    reading, writing = os.pipe()
    with last_words_on(writing), replacing(tmp_path / "out") as temporary:
        temporary.write_text("half")
        end_now(signal.SIGINT, "Stopped.")
        assert list(tmp_path.iterdir()) == []
        temporary.write_text("whole")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"dancepose: Stopped.\n"
    assert codes == [130]
    assert interruption_module._STANDARD_ERROR == [2]


@pytest.mark.usefixtures("foreground_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_main_thread_that_goes_on_is_ended(root: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", BUSY, str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as busy:
        assert busy.stdout is not None
        assert busy.stdout.readline() == "ready\n"
        assert len(list(tmp_path.iterdir())) == 1
        busy.send_signal(number)
        _, said = busy.communicate(timeout=60)
    assert busy.returncode == 128 + number
    assert said == "dancepose: Stopped. Files that were finished are kept.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_process_ends_with_the_one_that_started_it(root: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        child = int(next(line for line in lines if line.isdecimal()))
        assert "ready" in lines
        parent.kill()
        deadline = time.monotonic() + 60.0
        while alive(child) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not alive(child)


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and ") Z " in stat.read_text())


def test_last_words_reach_the_real_standard_error(root: Path) -> None:
    """Blender's messages are redirected to a log; the sentence that a process ends with is not."""
    code = (
        "import os, time\n"
        "from dancepose_addon.core.interruption import Interruption, last_words_on\n"
        "kept = os.dup(2)\n"
        "os.dup2(os.open(os.devnull, os.O_WRONLY), 2)\n"
        "with last_words_on(kept), Interruption(lambda number: None, grace_s=0.1):\n"
        "    os.kill(os.getpid(), 15)\n"
        "    time.sleep(60)\n"
        "    time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=60)
    assert done.returncode == 143
    assert done.stderr == "dancepose: Stopped. Files that were finished are kept.\n"


def test_the_time_for_the_main_thread_leaves_the_command_below_two_seconds() -> None:
    """The parent of a process is looked for every 0.25 s; starting and ending take a third of a second."""
    assert 1.0 < interruption_module.GRACE_S < 2.0 - 0.25 - 0.3
    assert 0.1 < interruption_module.WATCH_EVERY_S < 0.3
    assert [signal_exit_code(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == [130, 143, 129]
    assert SignalRaised(15).args == (15,)


class Parents:
    """The number of the parent process, which changes after some calls."""

    def __init__(self, number: int, calls: int) -> None:
        self.number, self.calls = number, calls

    def __call__(self) -> int:
        self.calls -= 1
        return self.number if self.calls >= 0 else 1


@pytest.mark.parametrize(
    ("named", "calls", "stops"),
    [("77", 3, True), ("77", 10**6, False), ("78", 10**6, False), ("78", 0, False), ("", 0, False), ("x", 0, False)],
)
def test_a_process_watches_the_parent_that_it_is_told(
    monkeypatch: pytest.MonkeyPatch, named: str, calls: int, *, stops: bool
) -> None:
    monkeypatch.setenv(interruption_module.PARENT, named)
    monkeypatch.setattr(interruption_module, "WATCH_EVERY_S", 0.005)
    monkeypatch.setattr(interruption_module.os, "getppid", Parents(77, calls))
    stopped, ended = threading.Event(), list[tuple[int, str]]()
    monkeypatch.setattr(interruption_module, "end_now", lambda *words: ended.append(words))
    before = threading.active_count()
    with interruption_module.ending_with_parent(stopped.set, grace_s=0.02):
        assert interruption_module.PARENT not in os.environ
        assert (threading.active_count() > before) is (named == "77")
        assert stopped.wait(5.0 if stops else 0.05) is stops
        deadline = time.monotonic() + 5.0
        while stops and not ended and time.monotonic() < deadline:
            time.sleep(0.005)
    assert len(ended) == stops
    assert not stops or ended[0][0] == signal.SIGTERM


def test_a_process_that_stops_in_time_is_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interruption_module.PARENT, "77")
    monkeypatch.setattr(interruption_module, "WATCH_EVERY_S", 0.005)
    monkeypatch.setattr(interruption_module.os, "getppid", Parents(77, 2))
    stopped, ended = threading.Event(), list[object]()
    monkeypatch.setattr(interruption_module, "end_now", lambda *words: ended.append(words))
    with interruption_module.ending_with_parent(stopped.set, grace_s=60.0):
        assert stopped.wait(5.0)
    time.sleep(0.05)
    assert ended == []
