# SPDX-License-Identifier: Apache-2.0
"""Names of the points of two persons in one file: the same names with another beginning or end."""

from collections import defaultdict
from collections.abc import Sequence
import re
from typing import Final

import numpy as np

from ..arrays import F64
from ..errors import InputError
from ..printable_text import quoted
from .bone_names import plain

FEWEST_SHARED: Final = 8
"""Names that two persons have in common."""
FEWEST_PAIRS: Final = 3
"""Of left and right among them: without any, the beginnings are the sides themselves."""
APART: Final = 0.08
"""Share of the size of the points beyond which points of one name are two: versions of a skeleton are nearer."""
LOOKED_AT: Final = 50
"""Frames."""
MOST_LOOKED_AT: Final = 64
"""Beginnings or ends of names."""
_FINGER: Final = re.compile(r"thumb|index|middle|ring|pinky|little|finger")
_FIRST: Final = re.compile(r"^(.{1,60}?)[ _:./|-]+(.+)$")
_LAST: Final = re.compile(r"^(.+?)[ _:./|-]+([^ _:./|-]{1,60})$")
_NUMBER: Final = re.compile(r"^(.*\D)(\d{1,3})$")


def require_one_person(names: Sequence[str], points: F64, source: str) -> None:
    """Refuse points of two persons whose names differ in their beginning or end.

    Args:
        names: Of the points, as the file has them.
        points: (T, K, 3), NaN where unseen.
        source: The file, for messages.

    Raises:
        InputError: There are two persons.
    """
    if len(names) < 2 * FEWEST_SHARED or len(points) == 0:
        return
    bare = [plain(name) for name in names]
    few = points[np.unique(np.linspace(0, len(points) - 1, LOOKED_AT).astype(int))]
    for parts in (_first, _last, _number):
        person = _person_among(bare, [parts(name) for name in names], few)
        if person is not None:
            raise InputError(
                f"{source} has points of several persons by their names ({quoted(person, 30)} and others). Give the "
                "points of one."
            )


def _first(name: str) -> tuple[str, str] | None:
    found = _FIRST.match(name[:200])
    return None if found is None else (found[1], plain(found[2]))


def _last(name: str) -> tuple[str, str] | None:
    found = _LAST.match(name[:200])
    return None if found is None else (found[2], plain(found[1]))


def _number(name: str) -> tuple[str, str] | None:
    found = _NUMBER.match(name[:200])
    return None if found is None else (found[2], plain(found[1]))


def _person_among(bare: Sequence[str], parts: Sequence[tuple[str, str] | None], few: F64) -> str | None:
    """Find a beginning or end without which names are those of other points, at different places.

    Args:
        bare: Names of the points, plain.
        parts: Beginning or end of each name, and the rest, plain; None for names without.
        few: (S, K, 3), points of some frames.

    Returns:
        It, or None.
    """
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for number, found in enumerate(parts):
        if found is not None:
            groups[found[0]].setdefault(found[1], number)
    large = [key for key, group in groups.items() if len(group) >= FEWEST_SHARED]
    for key in large[:MOST_LOOKED_AT]:
        group = groups[key]
        others: dict[str, int] = {}
        own = set(group.values())
        for number, found in enumerate(parts):
            if number not in own:
                others.setdefault(bare[number], number)
                others.setdefault(bare[number] if found is None else found[1], number)
        shared = [name for name in group if name in others and not _FINGER.search(name)]
        if len(shared) < FEWEST_SHARED or _pairs(shared) < FEWEST_PAIRS:
            continue
        one, other = (np.array([numbers[name] for name in shared]) for numbers in (group, others))
        if _are_apart(few[:, one], few[:, other]):
            return key
    return None


def _pairs(names: Sequence[str]) -> int:
    """How many names have a mirror image among them: left and right, or l and r, at their beginning or end."""
    have = set(names)
    return sum(
        any(mirror in have and mirror != name for mirror in (
            name.replace("left", "right"), re.sub("^l", "r", name), re.sub("l$", "r", name)
        ))
        for name in have
    )  # fmt: skip


def _are_apart(first: F64, second: F64) -> bool:
    """Whether points of the same names are at different places, by most of them. (S, N, 3) each."""
    apart = np.linalg.norm(first - second, axis=-1)
    seen = np.isfinite(apart)
    size = max(float(np.nanmax(one, initial=-np.inf) - np.nanmin(one, initial=np.inf)) for one in (first, second))
    return bool(seen.any()) and float(np.median(apart[seen])) > APART * size
