# SPDX-License-Identifier: Apache-2.0
"""Commands that end with the process that started them, even where that one is killed.

An ffmpeg that reads a file would otherwise continue to the end of that file. Linux ends a process with its parent where
the process has asked for it (prctl(2), PR_SET_PDEATHSIG). ``preexec_fn`` of ``subprocess`` could ask, but may deadlock
in a program with threads. So a small Python starts first, asks, and then becomes the command.
"""

import os
import sys
from typing import Final

LAUNCHER: Final = """
import os, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
except (ImportError, OSError, AttributeError):
    pass
if os.getppid() != int(sys.argv[1]):  # It has ended meanwhile.
    os._exit(1)
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError as error:
    os.write(2, f"{sys.argv[2]} could not be run ({error.strerror})\\n".encode())
    os._exit(127)
"""


def ending_with_caller(command: list[str]) -> list[str]:
    """Return a command whose process is killed when the thread that starts it ends, on Linux; elsewhere the same one.

    The thread has to wait for the process: the system counts the end of the thread, not that of its process.

    Args:
        command: A program, by its path, and its arguments.
    """
    if sys.platform != "linux" or not sys.executable:
        return command
    return [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command]
