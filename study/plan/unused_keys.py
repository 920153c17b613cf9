# SPDX-License-Identifier: Apache-2.0
"""Keys of study.toml that would have no effect beside others: they are refused."""

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
    for key, is_given in (("look", picture.look != "casual"), ("colours", bool(picture.colours))):
        if stage.character is not None and is_given:
            raise FormatError(f"{source}: [picture] {key} has no effect on a [stage] character. Remove one of them.")
