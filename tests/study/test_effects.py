# SPDX-License-Identifier: Apache-2.0
"""Keys of a study that would have no effect beside others are refused, and only those."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dancepose.study.plan.study_file import load_study
from dancepose.study.plan.unused_keys import require_effects, unused_values
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
    character_map: str | None = None,
    engine: str = "cycles",
    samples: int = 0,
    seed: int = 0,
) -> SimpleNamespace:
    return SimpleNamespace(
        picture=SimpleNamespace(
            look=look,
            colours=colours,
            floor=floor,
            background=background,
            engine=engine,
            samples=samples,
            seed=seed,
        ),
        stage=SimpleNamespace(backdrop_rgb=rgb, character=character, character_map=character_map),
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
        study(samples=8, seed=3),
        study(engine="fast"),
        study(character="a.glb", character_map="a.toml"),
    ],
)
def test_keys_that_have_an_effect(given: SimpleNamespace) -> None:
    require_effects(given, "it")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (study(look="plain", colours=(1,)), r'colours of clothes, which look = "plain" does not show'),
        (study(floor="none", rgb=OTHER_RGB), r"backdrop_rgb is the colour of floor and wall"),
        (study(character_map="a.toml"), r"character_map has no effect without character"),
        (study(engine="fast", samples=8), r'\[picture\] samples is of engine = "cycles" .* with "fast"'),
        (study(engine="workbench", seed=3), r'\[picture\] seed is of engine = "cycles" .* with "workbench"'),
        (study(character="a.glb", look="plain"), r"\[picture\] look has no effect"),
        (study(character="a.glb", colours=(1,)), r"\[picture\] colours has no effect"),
    ],
)
def test_keys_without_effect(given: SimpleNamespace, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        require_effects(given, "it")


def test_former_names_of_engines_are_no_present_ones() -> None:
    assert not set(FORMER_NAMES) & set(FORMER_NAMES.values())


def test_stills_that_no_clip_shows_and_systems_that_are_the_same_are_named(make_study) -> None:
    file = make_study(songs=("s1", "s2"))
    text = file.read_text().replace("[output]", "[output]\nstills_s = [0.0, 0.5, 1.5, 9.0]")
    file.write_text(text)
    spans = {"s1": [(0.0, 1.0)], "s2": [(1.0, 1.5)]}
    first, second = unused_values(load_study(file), spans)
    assert first.startswith("[output] stills_s has 1.5 s, which no clip shows")
    assert second.startswith("[output] stills_s has 9 s, which no clip shows")
    assert unused_values(load_study(file), {"s1": [(0.0, 9.5)]}) == []
    file.write_text(
        file.read_text().replace('files = "far"', 'files = "near"').replace("[0.0, 0.5, 1.5, 9.0]", "[0.5]")
    )
    study = load_study(file)
    (only,) = unused_values(study, spans)
    assert only == "systems near and far have the same files: their clips are the same."
    other = replace(study.systems[1], fps=30.0)
    assert unused_values(replace(study, systems=(study.systems[0], other)), spans) == []
