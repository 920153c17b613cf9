# SPDX-License-Identifier: Apache-2.0
"""Motions of several persons in one file: the first as ``BodyMotion.save`` writes it, the others beside it.

The arrays of the second person have the prefix ``person2_``, and so on, so that who reads one motion finds the first.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ..atomic import replacing
from ..bounded_files import NpzLimits, brief, open_npz
from ..errors import FormatError, MissingFileError
from .model import BodyModel
from .motion import KEYS, NEEDED, BodyMotion

MOST: Final = 16
"""Persons of one file."""
LIMITS: Final = NpzLimits(arrays=256, expansion=12, small_bytes=32 << 20)


def _prefix(person: int) -> str:
    return "" if person == 0 else f"person{person + 1}_"


def save_people(motions: Sequence[BodyMotion], body: BodyModel, path: Path) -> None:
    """Write the motions of persons who dance together.

    Args:
        motions: At least one; one alone gives the file of ``BodyMotion.save``.
        body: Body of all of them.
        path: File to write.

    Raises:
        OutputError: The file cannot be written.
    """
    arrays = {
        _prefix(person) + key: value
        for person, motion in enumerate(motions)
        for key, value in motion.arrays(body).items()
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_people(path: Path) -> list[BodyMotion]:
    """Read the motions that ``save_people`` wrote.

    Args:
        path: The file.

    Returns:
        One motion for each person.

    Raises:
        MissingFileError: The file does not exist or cannot be read.
        FormatError: It is no such file.
    """
    wanted = {_prefix(person) + key for person in range(MOST) for key in KEYS}
    try:
        arrays = open_npz(path, limits=LIMITS, wanted=wanted)
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error.strerror or error}). Fit the motion again.") from error
    motions = []
    for person in range(MOST):
        own = {key: arrays[_prefix(person) + key] for key in KEYS if _prefix(person) + key in arrays}
        if person and not any(key in own for key in NEEDED):
            break
        try:
            motions.append(BodyMotion.from_arrays(own))
        except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise FormatError(f"{path} is not a DancePose motion ({brief(error)}). Fit it again.") from error
    return motions
