# SPDX-License-Identifier: Apache-2.0
"""``dancepose``: the entry point, which turns failures and signals into one sentence and an exit code.

Only what handles signals is imported here, so that Ctrl-C is answered in a sentence while the rest is being imported.
"""

from dancepose.cli import early_signals

# isort: split
from contextlib import suppress
import errno
import os
import re
import sys
from typing import Any, Final, TextIO

from dancepose_addon.core.errors import Cancelled, DancePoseError, DoubtError, InputError, OutputError, ReportError
from dancepose_addon.core.interruption import (
    GRACE_S,
    STOPPED,
    Interruption,
    SignalRaised,
    ignore_signals,
    leave_now,
    raise_in_main,
    signal_exit_code,
)
from dancepose_addon.core.printable_text import escaped, printable, quoted

USAGE: Final = 2
CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\x1b(?!\[[0-9;]*m)"
)
"""Control characters but for line breaks, tabs and the colours of help texts."""
EXTRAS: Final = {"matplotlib": "plots", "scipy": "rating", "starlette": "rating", "uvicorn": "rating"} | {
    "moderngl": "fast", "imageio_ffmpeg": "fast", "torch": "train", "onnx": "train", "ml_dtypes": "train",
    "tensorboard": "tensorboard", "c3d": "formats", "psycopg": "rating-postgres",
}  # fmt: skip
"""Optional modules, and the extra of dancepose that brings each."""
CLIP_COMMANDS: Final = ("train", "export", "evaluate", "poses", "prior", "calibrate")
"""Commands that take many files, without the options by which the reading of one is chosen."""
GRACES_S: Final = {"study": 4.0}
"""Commands that need more time after a signal: a study ends its workers."""


def main() -> None:
    """Run the command line.

    The exit code is 0 for success, 1 for an expected failure, 2 for a usage error, 130 for SIGINT and 143 for SIGTERM;
    bugs keep their traceback. A usage error is one that the words of the command line show without any file: an
    unknown command or option, a missing argument, a value outside its type, range or choices, or options that exclude
    each other.
    """
    streams = sys.stdout, sys.stderr
    # Objects whose file could not be written complain a second time when they are removed.
    hook_before, sys.unraisablehook = sys.unraisablehook, lambda _unraisable: None
    with Interruption(
        lambda number: early_signals.end_at_once(number, None), grace_s=GRACES_S.get(_verb(), GRACE_S)
    ) as interruption:
        # Windows programs may have none.
        sys.stdout = streams[0] and GuardedStream(streams[0])
        sys.stderr = streams[1] and GuardedStream(streams[1], is_silent=True)
        try:
            code = _run(interruption)
            code = _flush(code)
        finally:
            sys.stdout, sys.stderr = streams
            sys.unraisablehook = hook_before
    if interruption.number and code == signal_exit_code(interruption.number) and early_signals.is_program():
        leave_now(code)  # Python's own end can take seconds, in which torch gives its memory back.
    if early_signals.is_program():
        # The result is there and said. Python gives up its handlers while it ends, but leaves ignored signals ignored.
        ignore_signals()
    sys.exit(code)


def _run(interruption: Interruption) -> int:
    """Import the commands, run one, and return the exit code."""
    try:
        from .commands import app

        interruption.handle_by(raise_in_main)
        try:
            code = app(prog_name="dancepose", standalone_mode=False)
        except DoubtError as error:
            raise InputError(doubt_sentence(error, _verb())) from error
        finally:
            interruption.handle_by(lambda _number: None)
        # The command line's own library turns a KeyboardInterrupt into a code.
        if interruption.number and code in (1, 130):
            _say(STOPPED)
            return signal_exit_code(interruption.number)
        return code if isinstance(code, int) else 0
    except SignalRaised as raised:
        _say(STOPPED)
        return signal_exit_code(raised.number)
    except Cancelled as error:
        _say(error)
        return signal_exit_code(interruption.number) if interruption.number else 1
    except DancePoseError as error:
        _say(error)
        return error.exit_code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRAS:
            raise
        _say(f"This command needs {module}, which is not installed. Install the extra `{EXTRAS[module]}` of dancepose.")
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            _say(f"A path has a name that is too long for the disk: {quoted(str(error.filename), 100)}. Shorten it.")
            return 1
        sentence = usage_sentence(error)
        if sentence is None:
            raise
        _say(sentence)
        # That library looks at permissions too, which depend on files.
        return 1 if " is not readable" in sentence else USAGE


def doubt_sentence(error: DoubtError, verb: str) -> str:
    """Return what to say about a file whose reading is a guess.

    Args:
        error: What was raised.
        verb: The command; some have none of the options that the sentence names.
    """
    if verb not in CLIP_COMMANDS:
        return str(error)
    return f"{error} `dancepose {verb}` has no such options: convert the file with them first (`dancepose convert`)."


def _verb() -> str:
    """The command that was typed, or nothing."""
    return next((word for word in sys.argv[1:] if not word.startswith("-")), "")


def usage_sentence(error: Exception) -> str | None:
    """Return what to say about an error of the command line's own library; None for any other error.

    Args:
        error: What was raised.
    """
    import typer

    # typer's module that defines it has changed its place; a bad parameter is a usage error in all of them.
    usage_error = typer.BadParameter.__mro__[1]
    if not isinstance(error, usage_error):
        return "Stopped, because a question was not answered." if isinstance(error, typer.Abort) else None
    context: Any = getattr(error, "ctx", None)
    command = "dancepose" if context is None else context.command_path
    text = " ".join(error.format_message().split())  # type: ignore[attr-defined]
    text = re.sub(r"^Invalid value(?: for '?([^':]+)'?)?: ", lambda found: f"{found[1]}: " if found[1] else "", text)
    text = text.removeprefix("argument ").rstrip(".")
    return f"{text}. See `{command} --help`." if text else "Choose one of these commands."


def _flush(code: int) -> int:
    """Write what is left of the output, so that a failure is not found by the interpreter after the last line."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OutputError as error:
        _say(error)
        code = code or 1
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def _say(message: object) -> None:
    """Print the one sentence that a command ends with."""
    if sys.stderr is not None:
        print(f"dancepose: {printable(message)}", file=sys.stderr, flush=True)


class GuardedStream:
    """A standard stream that takes any text, and whose failure is an expected one.

    Args:
        stream: The stream.
        is_silent: Whether failures are passed over: there is no other place to report those of standard error.
    """

    def __init__(self, stream: TextIO, *, is_silent: bool = False) -> None:
        self._stream = stream
        self._is_silent = is_silent

    def write(self, text: str) -> int:
        """Write text; what the stream cannot encode, and what a terminal would obey, is written as escapes."""
        if not self._is_silent:  # Standard error has the progress bar, which moves the cursor.
            text = CONTROLS.sub(lambda found: escaped(found[0]), text)
        try:
            try:
                return self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "utf-8"
                return self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except OSError as error:
            self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self._is_silent:
            return
        # A reader that has seen enough, such as head, is no failure of the command; its exit code still says it.
        reason = "its reader ended" if error.errno == errno.EPIPE else error.strerror or str(error)
        raise ReportError(f"The report of the command could not be written ({reason}). Its files are complete.")

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


if __name__ == "__main__":
    main()
