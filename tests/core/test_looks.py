# SPDX-License-Identifier: Apache-2.0
"""Colours of bodies: what is chosen, what follows, and persons that differ in hue but not in lightness."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body import looks
from dancepose_addon.core.body.model import BodyModel, Surface
from dancepose_addon.core.errors import InputError


@pytest.fixture
def painted(body: BodyModel) -> BodyModel:
    """The default body's faces in four materials of one grey, without a drawn surface."""
    names = ("top", "band", "hair", "brows")
    part = np.arange(len(body.faces), dtype=np.uint8) % 4
    return replace(body, surface=Surface(part, names, np.full((4, 4), 0.25, np.float32)), drawn=None)


def colours(body: BodyModel) -> dict[str, list[float]]:
    surface = (body.drawn or body).surface
    assert surface is not None
    return {name: rgba.tolist() for name, rgba in zip(surface.names, surface.rgba, strict=True)}


def test_followers_take_a_share_of_their_leader(painted: BodyModel) -> None:
    found = colours(looks._painted(painted, (("top", (0.5, 0.1, 0.2)), ("hair", (0.1, 0.2, 0.3)))))
    assert found["top"] == pytest.approx([0.5, 0.1, 0.2, 0.25])
    assert found["band"] == pytest.approx([0.39, 0.078, 0.156, 0.25])
    # Brows are darker or lighter than hair by 1.3; lashes, which this body has not, are left out.
    assert found["brows"] == pytest.approx([0.13, 0.26, 0.39, 0.25])


def test_a_colour_of_its_own_does_not_follow(painted: BodyModel) -> None:
    found = colours(looks._painted(painted, (("top", (0.5, 0.1, 0.2)), ("band", (0.9, 0.9, 0.9)))))
    assert found["band"] == pytest.approx([0.9, 0.9, 0.9, 0.25])
    assert found["hair"] == found["brows"] == [0.25] * 4


def test_without_colours_nothing_changes(painted: BodyModel) -> None:
    assert looks._painted(painted, ()) is painted


def test_unknown_materials_are_refused(painted: BodyModel) -> None:
    with pytest.raises(InputError, match=r"no material 'shoes'. It has top, band, hair, brows"):
        looks._painted(painted, (("shoes", (0.0, 0.0, 0.0)),))


def test_a_body_without_materials_is_painted_whole(painted: BodyModel) -> None:
    plain = replace(painted, surface=None)
    assert colours(looks._painted(plain, (("body", (0.1, 0.2, 0.3)),)))["body"] == pytest.approx([0.1, 0.2, 0.3, 0.5])
    assert colours(looks.as_person(plain, 1))["body"][:3] == pytest.approx(looks.PERSON_RGB[0])


def test_persons_have_tops_of_their_own(painted: BodyModel) -> None:
    assert looks.as_person(painted, 0) is painted
    tops = [colours(looks.as_person(painted, person))["top"][:3] for person in range(1, 7)]
    assert tops[0] == pytest.approx(looks.PERSON_RGB[0])
    assert tops[4] == pytest.approx(looks.PERSON_RGB[4])
    assert tops[5] == tops[0]
    assert colours(looks.as_person(painted, 1))["band"][:3] == pytest.approx([0.78 * part for part in tops[0]])


def test_a_drawn_surface_is_painted_and_the_body_stays(body: BodyModel) -> None:
    dressed = looks.dressed(body, "casual", figure="female")
    assert dressed.drawn is not None
    shown = looks.as_person(dressed, 2)
    assert colours(shown)["top"][:3] == pytest.approx(looks.PERSON_RGB[1])
    assert shown.surface is dressed.surface


def test_persons_are_equally_light_and_of_different_hues() -> None:
    """Relative luminance (ITU-R BT.709) within a fourth of its mean; no two are closer than 0.1 in any channel."""
    rgb = np.array(looks.PERSON_RGB)
    light = rgb @ [0.2126, 0.7152, 0.0722]
    assert np.abs(light / light.mean() - 1.0).max() < 0.6
    for first in range(len(rgb)):
        for second in range(first):
            assert np.abs(rgb[first] - rgb[second]).max() >= 0.1


@pytest.mark.parametrize(("look", "rgba"), [("plain", looks.SMPL_RGBA), ("mannequin", looks.MANNEQUIN_RGBA)])
def test_plain_looks_have_one_material(body: BodyModel, look: str, rgba: tuple[float, ...]) -> None:
    shown = looks.dressed(body, look)
    assert shown.surface is not None
    assert shown.surface.names == ("body",)
    assert not shown.surface.face_material.any()
    assert shown.surface.rgba.tolist() == [pytest.approx(rgba)]
    assert (shown.drawn is not None) is (look == "mannequin")
    assert rgba[3] == 1.0


def test_the_two_plain_colours_are_a_warm_grey_and_a_blue_grey() -> None:
    red, green, blue, _ = looks.MANNEQUIN_RGBA
    assert 1.0 <= red / green < 1.1
    assert 1.0 < green / blue < 1.15
    red, green, blue, _ = looks.SMPL_RGBA
    assert red < green < blue < 2.0 * red
