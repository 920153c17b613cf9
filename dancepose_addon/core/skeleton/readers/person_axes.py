# SPDX-License-Identifier: Apache-2.0
"""SMPL parameters whose arrays have an axis of persons: (P, T, ...) or (T, P, ...)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...arrays import F64
from ...counting import counted
from ...errors import InputError
from ..recording import Finding, Hints


def one_person(
    table: Mapping[str, Any], whole: Any, places: Any, source: str, hints: Hints
) -> tuple[Mapping[str, Any], tuple[Finding, ...]]:
    """Choose one person of arrays that have an axis of persons.

    Args:
        table: Arrays by name.
        whole: The rotations among them, or None.
        places: The translation among them, or None.
        source: The file, for messages.
        hints: ``take`` chooses the person.

    Returns:
        Arrays without that axis, and who was chosen; the table as it is where it has none.

    Raises:
        InputError: There is no such person.
    """
    if not isinstance(places, np.ndarray) or places.ndim != 3 or whole is None or 1 in places.shape[:2]:
        return table, ()
    if _has_time_first(places, whole):
        shape = places.shape[:2]
        table = {
            key: np.swapaxes(value, 0, 1) if isinstance(value, np.ndarray) and value.shape[:2] == shape else value
            for key, value in table.items()
        }
        whole, places = np.swapaxes(whole, 0, 1), np.swapaxes(places, 0, 1)
    people = places.shape[0]
    last = places.shape[2] if places.shape[1] == 3 and whole.shape[-1] == places.shape[2] else 0  # (P, 3, T) of MDM
    if whole.ndim < 3 or len(whole) != people or not (last or whole.shape[1] == places.shape[1]):
        return table, ()
    if hints.take >= people:
        raise InputError(
            f"{source} holds {counted(people, 'person')}; there is no number {hints.take}. Give --read take=0."
        )
    one = {
        key: value[hints.take] if isinstance(value, np.ndarray) and value.ndim > 1 and len(value) == people else value
        for key, value in table.items()
    }
    why = f"the file holds {people}, and --read take=N chooses another"
    return one, (Finding("person", f"number {hints.take}", hints.take_confidence, why, people),)


def _has_time_first(places: F64, whole: F64) -> bool:
    """Whether arrays are (T, P, ...): there are more of the first, and along it the places run on smoothly."""
    if whole.ndim < 3 or places.shape[2] != 3 or whole.shape[:2] != places.shape[:2]:
        return False
    if places.shape[0] <= places.shape[1]:
        return False
    steps = [float(np.nanmedian(np.linalg.norm(np.diff(places, axis=axis), axis=-1))) for axis in (0, 1)]
    return steps[0] < steps[1]
