# SPDX-License-Identifier: Apache-2.0
"""Keys of study.toml that would have no effect beside others: they are refused."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.stage_design import BACKDROP_RGB

if TYPE_CHECKING:
    from .study_file import Study


def require_effects(study: "Study", source: str) -> None:
    """Refuse keys that have no effect beside others.

    Args:
        study: The study.
        source: Name of its file, for messages.

    Raises:
        FormatError: There is such a key.
    """
    picture, stage = study.picture, study.stage
    if picture.colours and picture.look != "casual":
        raise FormatError(
            f'{source}: [picture] colours sets the colours of clothes, which look = "{picture.look}" does not show. '
            "Remove one of them."
        )
    is_hidden = picture.floor == "none" and picture.background == "stage"
    if is_hidden and stage.backdrop_rgb != BACKDROP_RGB:
        raise FormatError(
            f'{source}: [stage] backdrop_rgb is the colour of floor and wall, which [picture] floor = "none" leaves '
            "out. Remove one of them."
        )
    if stage.character_map is not None and stage.character is None:
        raise FormatError(
            f"{source}: [stage] character_map has no effect without character. Remove it, or add character."
        )
    for key, value in (("samples", picture.samples), ("seed", picture.seed)):
        if value and picture.engine != "cycles":
            raise FormatError(
                f'{source}: [picture] {key} is of engine = "cycles" and has no effect with "{picture.engine}". Remove '
                "one of them."
            )
    for key, is_given in (("look", picture.look != "casual"), ("colours", bool(picture.colours))):
        if stage.character is not None and is_given:
            raise FormatError(f"{source}: [picture] {key} has no effect on a [stage] character. Remove one of them.")


def unused_values(study: "Study", spans: Mapping[str, Iterable[tuple[float, float]]]) -> list[str]:
    """Return sentences about values that have no effect on the clips there are.

    Args:
        study: The study.
        spans: (start, end) of the segments of each song, seconds.
    """
    shown = [span for found in spans.values() for span in found]
    found = [
        f"[output] stills_s has {seconds:g} s, which no clip shows: there is no still of it."
        for seconds in study.output.stills_s
        if shown and not any(start <= seconds < end for start, end in shown)
    ]
    for one, other in combinations(study.systems, 2):
        if replace(one, name="", label="") == replace(other, name="", label=""):
            found.append(f"systems {one.name} and {other.name} have the same files: their clips are the same.")
    return found
