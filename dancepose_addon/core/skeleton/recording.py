"""What a reader finds in a file, before anything is turned, scaled or named; and what was concluded about it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F64
from ..errors import InputError
from .sequence import AudioWindow

SURE: Final = 0.9
"""A conclusion of less confidence is doubtful, and said aloud."""


@dataclass(frozen=True)
class Hints:
    """What a user says about a file; whatever is None is found out.

    layout: name, or path of a user's .toml; fps: frames a second; unit: ``m``, ``cm``, ``mm``, ``inch``, ``ft``, or
    metres per unit as a number; up: the file's axis that points up, such as ``z`` or ``-y``; mirror: ``none``,
    ``axes`` (the file's axes are left-handed) or ``names`` (left and right are exchanged); values: ``positions`` or
    ``rotations``; take: which motion of a file that holds several; as_named: points stay in the file's own order and
    under its own names, whatever they mean.
    """

    layout: str | None = None
    fps: float | None = None
    unit: str | None = None
    up: str | None = None
    mirror: str | None = None
    values: str | None = None
    take: int = 0
    as_named: bool = False

    def with_text(self, text: str | None) -> "Hints":
        """These, and what a command line says in ``key=value`` pairs between commas: ``up=z,unit=cm``.

        Raises:
            InputError: it is not of that form, or names nothing that can be said.
        """
        table: dict[str, str] = {}
        for part in (text or "").split(","):
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not key and not equals:
                continue
            if key not in SAYABLE or not value:
                raise InputError(
                    f"{part!r} says nothing of a source; write one of {', '.join(SAYABLE)}, as up=z,unit=cm."
                )
            table[key] = value
        take = table.pop("take", str(self.take))
        if not take.isdecimal():
            raise InputError(f"{take!r} is not the number of a motion; write take=0, take=1 and so on.")
        return replace(self, take=int(take), **table)  # type: ignore[arg-type]


SAYABLE: Final = ("unit", "up", "mirror", "values", "take")
NO_HINTS: Final = Hints()


@dataclass(frozen=True)
class Finding:
    """One conclusion about a file. topic: such as ``unit``; value: in words; confidence: in [0, 1]; why: a clause."""

    topic: str
    value: str
    confidence: float
    why: str

    @property
    def doubtful(self) -> bool:
        """Whether it has to be said aloud."""
        return self.confidence < SURE

    def sentence(self, advice: str = "") -> str:
        """As a note to the user."""
        how = "A doubtful guess" if self.doubtful else "Found"
        return f"{how}: {self.topic} {self.value} ({self.confidence:.0%}), since {self.why}.{advice}"


@dataclass(frozen=True)
class PointRecording:
    """Points as a file has them.

    points: (T, K, 3), the file's unit and axes, NaN where unseen; form: the format, in words; layout: name, where
    the file or its format says it; names: of the points, where the file names them; unit, up: likewise, as in Hints;
    fps: likewise, with fps_why; confidence: (T, K) in [0, 1]; notes: what the user has to
    know; findings: of the reader, about the file's form.
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
    audio: AudioWindow | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class PoseRecording:
    """Theta as a file has it: rotations of SMPL's joints, and where the body is.

    rotvec: (T, 24, 3), radians, local to the parent; translation: (T, 3), metres; is_pelvis: whether the translation
    is the pelvis's own place, not SMPL's trans; betas: (B,), of the shape space of ``model`` (smpl, smplh, smplx or
    the fingerprint of a body); rest_pelvis: (3,), metres, of the body that trans is relative to, or None for SMPL's;
    scale: of the body; up: the file's up axis, where it is known; joints: (T, 24, 3), the file's own positions.
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
    audio: AudioWindow | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


Recording = PointRecording | PoseRecording


@dataclass(frozen=True)
class Head:
    """What is looked at to tell formats apart. start: the file's first bytes, empty for a folder."""

    path: Path
    start: bytes

    @property
    def text(self) -> str:
        """The start as text."""
        return self.start.decode("utf-8", errors="replace")
