# SPDX-License-Identifier: Apache-2.0
"""SIGINT, SIGTERM and SIGHUP while the program is being imported: imported first, and importing nearly nothing itself.

Before it, only the interpreter's own start is left, which no program can shorten.
"""

# The built-in half of `signal`: the other half imports `enum`, which takes longer than all else before the handlers.
import _signal  # type: ignore[import-not-found]
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def is_program() -> bool:
    """Whether this process is the ``dancepose`` command, and not a program that imports it."""
    name = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119 - pathlib takes a tenth of a second
    return name in ("dancepose", "dancepose.exe", "dancepose-script.py") or "dancepose.cli.main" in sys.orig_argv[:4]


def end_at_once(number: int, _frame: "FrameType | None") -> "NoReturn":
    """End before anything was done."""
    os.write(2, b"dancepose: Stopped before anything was done.\n")
    os._exit(128 + number)


if is_program():
    _signal.signal(_signal.SIGINT, end_at_once)
    _signal.signal(_signal.SIGTERM, end_at_once)
    if hasattr(_signal, "SIGHUP") and _signal.getsignal(_signal.SIGHUP) != _signal.SIG_IGN:  # as nohup asks for
        _signal.signal(_signal.SIGHUP, end_at_once)
