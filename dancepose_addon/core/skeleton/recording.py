# SPDX-License-Identifier: Apache-2.0
"""What a reader finds in a file, before it is turned, scaled or named; and what was concluded about it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64
from ..errors import OptionError
from ..printable_text import quoted
from .sequence import AudioWindow

SURE: Final = 0.9
"""A conclusion of less confidence is doubtful, and reported to the user."""

FIRST_OF_SEVERAL: Final = 0.8
"""Confidence in the first motion or person of a file where nothing says which one is wanted."""


@dataclass(frozen=True)
class Hints:
    """What a user says about a file; whatever is None is found out.

    Attributes:
        layout: Name, or path of a user's .toml.
        fps: Frames a second.
        unit: ``m``, ``cm``, ``mm``, ``inch``, ``ft``, or metres per unit as a number.
        up: The file's axis that points up, such as ``z`` or ``-y``.
        mirror: ``none``, ``axes`` (the file's axes are left-handed) or ``names`` (left and right are exchanged).
        values: ``positions`` or ``rotations``.
        take: Which motion or person of a file that holds several.
        everyone: Whether all persons of a take are wanted; not so where ``take`` was given.
        as_named: Whether points stay in the file's order and under its names, whatever they mean.
        accept_doubt: Whether to continue where a conclusion is no more than a guess.
    """

    layout: str | None = None
    fps: float | None = None
    unit: str | None = None
    up: str | None = None
    mirror: str | None = None
    values: str | None = None
    take: int = 0
    everyone: bool = True
    as_named: bool = False
    accept_doubt: bool = False

    @property
    def take_confidence(self) -> float:
        """Confidence in the choice of one motion or person among several: sure where the user gave its number."""
        return FIRST_OF_SEVERAL if self.everyone else 1.0

    def confidence_in(self, name: str) -> float:
        """Confidence in the choice of a person whom the file calls ``name``: another number than asked for is said."""
        number = re.search(r"\d{1,9}$", name[-40:])
        is_other = number is not None and int(number[0]) != self.take
        return min(self.take_confidence, FIRST_OF_SEVERAL) if is_other else self.take_confidence

    def with_text(self, text: str | None) -> "Hints":
        """Add what a command line says in ``key=value`` pairs between commas.

        Args:
            text: Such as ``up=z,unit=cm``; None or empty for nothing.

        Returns:
            These hints with those of the text.

        Raises:
            OptionError: It is not of that form, or names nothing that can be said.
        """
        table: dict[str, str] = {}
        everyone = self.everyone
        for part in (text or "").split(","):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not key and not equals:
                continue
            if key not in SAYABLE or not value:
                known = ", ".join(SAYABLE)
                raise OptionError(f"{quoted(part)} is not KEY=VALUE with a key of {known}; write up=z,unit=cm.")
            if table.setdefault(key, value) != value:
                raise OptionError(f"{key} is {quoted(table[key])} and {quoted(value)}. Give it once.")
        everyone = everyone and "take" not in table
        take = table.pop("take", str(self.take))
        for key, choices in CHOICES.items():
            if table.get(key, choices[0]) not in choices:
                raise OptionError(f"{key}={quoted(table[key])} is not possible; choose one of {', '.join(choices)}.")
        if not take.isdecimal() or len(take) > MAX_TAKE_DIGITS:
            raise OptionError(f"{quoted(take)} is not the number of a motion; write take=0, take=1 and so on.")
        doubt = table.pop("doubt", "")
        if doubt not in ("", "accept"):
            raise OptionError(f"doubt={quoted(doubt)} is not possible; write doubt=accept to continue with guesses.")
        accept = self.accept_doubt or doubt == "accept"
        return replace(self, take=int(take), everyone=everyone, accept_doubt=accept, **table)  # type: ignore[arg-type]


CHOICES: Final = {"values": ("positions", "rotations"), "mirror": ("none", "axes", "names")}
MAX_TAKE_DIGITS: Final = 6
SAYABLE: Final = ("unit", "up", "mirror", "values", "take", "doubt")
NO_HINTS: Final = Hints()


@dataclass(frozen=True)
class Finding:
    """One conclusion about a file.

    Attributes:
        topic: Such as ``unit``.
        value: In words.
        confidence: In [0, 1].
        why: A clause.
        count: How many persons the file holds at the same time, for the topic ``person``.
    """

    topic: str
    value: str
    confidence: float
    why: str
    count: int = 1

    @property
    def doubtful(self) -> bool:
        """Whether the user needs to know."""
        return self.confidence < SURE

    def sentence(self, advice: str = "") -> str:
        """The conclusion as a note to the user, with ``advice`` at its end."""
        how = "A doubtful guess" if self.doubtful else "Found"
        return f"{how}: {self.topic} {self.value} ({self.confidence:.0%}), since {self.why}.{advice}"


@dataclass(frozen=True)
class PointRecording:
    """Points as a file has them.

    Attributes:
        points: (T, K, 3), the file's unit and axes, NaN where unseen.
        form: The format, in words.
        source: The file.
        layout: Name, where the file or its format says it.
        names: Of the points, where the file names them.
        unit: As in ``Hints``, where the file or its format says it.
        up: Likewise.
        fps: Likewise, frames a second.
        fps_why: Why that is the rate, a clause.
        fps_confidence: In [0, 1].
        confidence: (T, K), in [0, 1].
        hands: (T, 42, 3), points of both hands in the order of ``hand_points.HAND_NAMES``, NaN where unseen, or None.
        audio: The music.
        notes: What the user has to know, one sentence each.
        findings: Of the reader, about the file's form.
    """

    points: F64
    form: str
    source: str
    layout: str | None = None
    names: tuple[str, ...] | None = None
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    fps_why: str = ""
    fps_confidence: float = 1.0
    confidence: NDArray[np.float32] | None = None
    hands: F64 | None = None
    audio: AudioWindow | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class PoseDetail:
    """Fingers and face of SMPL+H or SMPL-X, as a file has them.

    Attributes:
        hands: (T, 30, 3), radians, rotation vectors of the left and the right fingers in SMPL+H's order, or None.
        face: (T, 3, 3), radians, of jaw, left and right eye, or None.
        expression: (T, E), SMPL-X's expression coefficients, or None.
    """

    hands: F64 | None = None
    face: F64 | None = None
    expression: F64 | None = None


@dataclass(frozen=True)
class PoseRecording:
    """SMPL parameters as a file has them: rotations of SMPL's joints, and where the body is.

    Attributes:
        rotvec: (T, 24, 3), radians, local to the parent.
        translation: (T, 3), file units.
        form: The format, in words.
        source: The file.
        model: Shape space of the betas: smpl, smplh, smplx or the fingerprint of a body.
        gender: ``neutral``, ``female`` or ``male``.
        is_pelvis: Whether the translation is the place of the pelvis, not SMPL's trans.
        betas: (B,), of the shape space of ``model``.
        rest_pelvis: (3,), metres, of the body that trans is relative to, or None for SMPL's.
        scale: Of the body.
        up: The file's up axis, where it is known.
        fps: Frames a second, where the file or its format says it.
        fps_why: Why that is the rate, a clause.
        fps_confidence: In [0, 1].
        joints: (T, 24, 3), positions that the file has besides.
        detail: Fingers and face, where the file has them.
        audio: The music.
        notes: What the user has to know, one sentence each.
        findings: Of the reader, about the file's form.
    """

    rotvec: F64
    translation: F64
    form: str
    source: str
    model: str = "smpl"
    gender: str = "neutral"
    is_pelvis: bool = False
    betas: F64 = field(default_factory=lambda: np.zeros(10))
    rest_pelvis: F64 | None = None
    scale: float = 1.0
    up: str | None = None
    fps: float | None = None
    fps_why: str = ""
    fps_confidence: float = 1.0
    joints: F64 | None = None
    detail: PoseDetail | None = None
    audio: AudioWindow | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


Recording = PointRecording | PoseRecording


def decoded(data: bytes) -> str:
    """Decode text as its byte-order mark says it; UTF-8 where there is none.

    Args:
        data: Of a file, or its start.

    Returns:
        The text; bytes that are none are replaced.
    """
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    return data.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Head:
    """What formats are recognised by.

    Attributes:
        path: Of the file or folder.
        start: The file's first bytes, empty for a folder.
    """

    path: Path
    start: bytes

    @property
    def text(self) -> str:
        """The start as text, without a byte-order mark."""
        return decoded(self.start)
