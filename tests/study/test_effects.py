# SPDX-License-Identifier: Apache-2.0
"""Keys of a study that would have no effect beside others are refused, and only those."""

from types import SimpleNamespace

import pytest

from dancepose.study.plan.unused_keys import require_effects
from dancepose_addon.core.engine_defaults import FORMER_NAMES
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.stage_design import BACKDROP_RGB

OTHER_RGB = (0.9, 0.1, 0.1)


def study(
    *,
    look: str = "casual",
    colours: tuple[object, ...] = (),
    floor: str = "plain",
    background: str = "stage",
    rgb: tuple[float, float, float] = BACKDROP_RGB,
    character: str | None = None,
) -> SimpleNamespace:
    return SimpleNamespace(
        picture=SimpleNamespace(look=look, colours=colours, floor=floor, background=background),
        stage=SimpleNamespace(backdrop_rgb=rgb, character=character),
    )


@pytest.mark.parametrize(
    "given",
    [
        study(),
        study(colours=(1,)),
        study(look="plain"),
        study(rgb=OTHER_RGB),
        study(floor="none"),
        study(floor="none", background="transparent", rgb=OTHER_RGB),
        study(character="a.glb"),
        study(character="a.glb", rgb=OTHER_RGB),
    ],
)
def test_keys_that_have_an_effect(given: SimpleNamespace) -> None:
    require_effects(given, "it")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (study(look="plain", colours=(1,)), r'colours of clothes, which look = "plain" does not show'),
        (study(floor="none", rgb=OTHER_RGB), r"backdrop_rgb is the colour of floor and wall"),
        (study(character="a.glb", look="plain"), r"\[picture\] look has no effect"),
        (study(character="a.glb", colours=(1,)), r"\[picture\] colours has no effect"),
    ],
)
def test_keys_without_effect(given: SimpleNamespace, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        require_effects(given, "it")


def test_former_names_of_engines_are_no_present_ones() -> None:
    assert not set(FORMER_NAMES) & set(FORMER_NAMES.values())
