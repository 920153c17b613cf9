# SPDX-License-Identifier: Apache-2.0
"""Looks of a body: its clothes, and the colours of its materials."""

from dataclasses import replace
from typing import Final

import numpy as np

from ..errors import InputError
from .figure_file import FIGURES, MANNEQUIN, figure_of
from .model import BodyModel, Surface

LOOKS: Final = ("casual", "mannequin", "plain")
MANNEQUIN_RGBA: Final = (0.50, 0.47, 0.43, 1.0)
"""Scene-linear colour of a mannequin: a light warm grey."""
FOLLOWERS: Final = {"band": ("top", 0.78), "brows": ("hair", 1.3), "lashes": ("hair", 0.7)}
"""Materials that take a share of another's colour where they have none chosen for them."""
SMPL_RGBA: Final = (0.30, 0.42, 0.56, 1.0)
"""Scene-linear colour of the blue-grey bodies in papers."""

PERSON_RGB: Final = (
    (0.30, 0.11, 0.09),
    (0.36, 0.27, 0.07),
    (0.10, 0.27, 0.16),
    (0.27, 0.13, 0.32),
    (0.05, 0.30, 0.36),
)
"""Scene-linear colours of the tops of the second and further persons. They are about as dark as the body's own top, so
that no dancer attracts the eye by lightness."""
WORN: Final = ("top", "body")
"""Materials that take the colour: the default body's top, or the whole of a body without materials."""


def as_person(body: BodyModel, person: int) -> BodyModel:
    """Return a body in the colour of one of several persons.

    Args:
        body: The body.
        person: Number of the person from 0; the first keeps the body's own colours.

    Returns:
        The body, or the same object for the first person.
    """
    if person == 0:
        return body
    shown = body.drawn or body
    names = shown.surface.names if shown.surface is not None else ("body",)
    worn = tuple((name, PERSON_RGB[(person - 1) % len(PERSON_RGB)]) for name in WORN if name in names)
    painted = _painted(shown, worn)
    return painted if body.drawn is None else replace(body, drawn=painted)


def dressed(
    body: BodyModel,
    look: str,
    colours: tuple[tuple[str, tuple[float, float, float]], ...] = (),
    *,
    figure: str = FIGURES[0],
) -> BodyModel:
    """Return a body with another look.

    Args:
        body: The body.
        look: ``casual`` for clothes, face and hair, or a file's own materials; ``mannequin`` for one light grey without
            face and clothes; ``plain`` for the blue-grey of papers.
        colours: Material and scene-linear colour, for ``casual``.
        figure: ``neutral``, ``female`` or ``male``, for ``casual`` on the default body.

    Returns:
        The body, whose ``shown`` has the look. Its joints and its shape space stay.

    Raises:
        InputError: A colour names a material that the body does not have.
        BodyFileError: The file of figures is damaged.
    """
    if look != "casual":
        rgba = np.array([MANNEQUIN_RGBA if look == "mannequin" else SMPL_RGBA], np.float32)
        surface = Surface(np.zeros(len(body.faces), np.uint8), ("body",), rgba)
        smooth = figure_of(body, MANNEQUIN) if look == "mannequin" else None
        return replace(body, surface=surface, drawn=smooth)
    worn = figure_of(body, figure)
    if worn is not None:
        return replace(body, drawn=_painted(worn, colours))
    return _painted(body, colours)


def _painted(body: BodyModel, colours: tuple[tuple[str, tuple[float, float, float]], ...]) -> BodyModel:
    if not colours:
        return body
    surface = body.surface or Surface(np.zeros(len(body.faces), np.uint8), ("body",), np.full((1, 4), 0.5, np.float32))
    painted = surface.rgba.copy()
    chosen = dict(colours)
    for name in chosen:
        if name not in surface.names:
            raise InputError(f"{body.name} has no material {name!r}. It has {', '.join(surface.names)}.")
    for follower, (leader, share) in FOLLOWERS.items():
        if leader in chosen and follower in surface.names:
            red, green, blue = chosen[leader]
            chosen.setdefault(follower, (share * red, share * green, share * blue))
    for name, rgb in chosen.items():
        painted[surface.names.index(name), :3] = rgb
    return replace(body, surface=replace(surface, rgba=painted))
