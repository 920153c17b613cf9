# SPDX-License-Identifier: Apache-2.0
"""Expected failures, as a tree.

    DancePoseError            anything a user can cause or correct; shown as one sentence, exit code 1
    +-- InputError            the skeleton data cannot be used as it is
    |   +-- OptionError       a value of an option is wrong whatever the files are; exit code 2
    |   +-- MissingFileError  a path does not exist or cannot be read
    |   +-- FormatError       truncated, not what its name says, or unsafe to open
    |   +-- LayoutError       the number or meaning of the points does not fit the layout
    |   +-- DoubtError        what a file means is no more than a guess, so the user has to say it or accept it
    +-- BodyFileError         the body file is not SMPL-shaped, or unsafe to open
    +-- RegressorError        the ONNX file breaks the contract, or is for another layout or schema
    +-- EngineError           no render engine of the wanted kind starts on this machine
    +-- OutputError           a result cannot be written (disk full, no permission)
    +-- Cancelled             the user asked to stop; nothing half-written is left

A message says what was found, what was expected, and what to do. Bugs raise other types and keep their traceback.
"""

from typing import ClassVar

from .printable_text import printable


class DancePoseError(Exception):
    """Base of every expected failure.

    ``str(error)`` is one readable sentence or two. Whatever it quotes of a file is printable and cut to a length, so
    that terminals, panels and reports can show it as it is.

    Attributes:
        exit_code: Of a command that fails with it.
    """

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(DancePoseError):
    """The skeleton data cannot be used as it is."""


class OptionError(InputError):
    """A value of an option is wrong whatever the files are: a usage error."""

    exit_code: ClassVar[int] = 2


class MissingFileError(InputError):
    """A path does not exist or cannot be read."""


class FormatError(InputError):
    """A file is truncated, is not what its name says, or is unsafe to open."""


class LayoutError(InputError):
    """The number or the meaning of the points does not fit the layout."""


class DoubtError(InputError):
    """What a file means is no more than a guess; the user has to say it, or accept the doubt."""


class BodyFileError(DancePoseError):
    """A body file is not SMPL-shaped, or is unsafe to open."""


class RegressorError(DancePoseError):
    """An ONNX file breaks the contract of ``core.fit.regressor``, or is for another layout."""


class EngineError(DancePoseError):
    """No render engine of the wanted kind starts on this machine."""


class OutputError(DancePoseError):
    """A result cannot be written."""


class ReportError(OutputError):
    """Standard output cannot be written, so that nothing more can be reported."""


class Cancelled(DancePoseError):  # noqa: N818 - asked for, so not an error
    """The user asked to stop."""
