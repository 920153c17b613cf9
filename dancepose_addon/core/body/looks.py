# SPDX-License-Identifier: Apache-2.0
"""Looks of a body: the colours of its materials."""

from dataclasses import replace
from typing import Final

import numpy as np

from ..errors import InputError
from .model import BodyModel, Surface

LOOKS: Final = ("casual", "mannequin", "plain")
MANNEQUIN_RGBA: Final = (0.50, 0.47, 0.43, 1.0)
"""Scene-linear colour of a mannequin: a light warm grey."""
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
    surface = body.surface or Surface(np.zeros(len(body.faces), np.uint8), ("body",), np.full((1, 4), 0.5, np.float32))
    worn = [(name, PERSON_RGB[(person - 1) % len(PERSON_RGB)]) for name in WORN if name in surface.names]
    return dressed(replace(body, surface=surface), "casual", tuple(worn))


def dressed(body: BodyModel, look: str, colours: tuple[tuple[str, tuple[float, float, float]], ...] = ()) -> BodyModel:
    """Return a body with another look.

    Args:
        body: The body.
        look: ``casual`` for its own materials, ``mannequin`` for one light grey without eyes and clothes, ``plain``
            for the blue-grey of papers.
        colours: Material and scene-linear colour, for ``casual``.

    Returns:
        The body, or the same object where nothing changes.

    Raises:
        InputError: A colour names a material that the body does not have.
    """
    if look != "casual":
        rgba = np.array([MANNEQUIN_RGBA if look == "mannequin" else SMPL_RGBA], np.float32)
        return replace(body, surface=Surface(np.zeros(len(body.faces), np.uint8), ("body",), rgba))
    if not colours:
        return body
    surface = body.surface or Surface(np.zeros(len(body.faces), np.uint8), ("body",), np.full((1, 4), 0.5, np.float32))
    painted = surface.rgba.copy()
    for name, rgb in colours:
        if name not in surface.names:
            raise InputError(f"{body.name} has no material {name!r}. It has {', '.join(surface.names)}.")
        painted[surface.names.index(name), :3] = rgb
    return replace(body, surface=replace(surface, rgba=painted))
