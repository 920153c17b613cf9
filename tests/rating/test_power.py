# SPDX-License-Identifier: Apache-2.0
"""Power of a simulated plan: songs limit what any number of raters can show."""

from dataclasses import replace
import tomllib

import numpy as np
import pytest

pytest.importorskip("scipy")

from dancepose.rating.design.power import PowerSettings, power_of, power_table
from dancepose.rating.design.rating_file import DesignOptions, load_rating, parse_rating
from dancepose.rating.design.rating_template import draft_from_folders
from dancepose.rating.records import AnalysisPlan, ExclusionRules
from dancepose_addon.core.errors import InputError, MissingFileError

SETTINGS = PowerSettings(systems=6, points=5, votes=30, comparisons=1, effect=0.65, simulations=100)


def test_few_songs_limit_any_number_of_raters() -> None:
    """Another simulation found .49, .56 and .68 for the first three plans."""
    plans = ((120, 6), (30, 12), (60, 12), (30, 24))
    cells = [power_of(SETTINGS, raters, songs) for raters, songs in plans]
    assert [cell.power for cell in cells[:3]] == pytest.approx([0.49, 0.56, 0.68], abs=0.06)
    assert cells[0].power < cells[1].power < cells[3].power
    for cell in cells:
        assert 0.5 < cell.limit < cell.detectable < 1.0
    assert cells[0].limit > cells[1].limit > cells[3].limit


def test_without_an_effect_power_is_half_of_alpha_in_either_direction() -> None:
    tiny = power_of(replace(SETTINGS, effect=0.5001), 30, 12)
    assert tiny.power == pytest.approx(0.025, abs=0.001)
    alone = power_of(replace(SETTINGS, sd_rater=0.0, sd_song=0.0), 30, 12)
    assert alone.limit == pytest.approx(0.5, abs=1e-6)
    assert alone.power > power_of(SETTINGS, 30, 12).power


@pytest.mark.parametrize(
    ("raters", "songs", "effect", "said"), [([30], [1], 0.6, "two raters and two songs"), ([30], [6], 1.2, "--effect")]
)
def test_impossible_numbers_are_one_sentence(raters: list[int], songs: list[int], effect: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        power_table(replace(SETTINGS, effect=effect), raters, songs)


@pytest.fixture
def folders(tmp_path):
    for system in ("ours", "edge"):
        (tmp_path / system).mkdir()
        for song in ("waltz", "tango"):
            (tmp_path / system / f"{song}.mp4").touch()
    (tmp_path / "edge" / "samba.mp4").touch()
    return [tmp_path / "ours", tmp_path / "edge"]


def test_the_drafted_file_is_valid_and_names_every_key(folders, tmp_path) -> None:
    text = draft_from_folders(folders, tmp_path / "rating")
    file = parse_rating(tomllib.loads(text), root=tmp_path / "rating")
    assert [system.files for system in file.system] == ["../ours", "../edge"]
    assert [song.name for song in file.song] == ["tango", "waltz"]
    assert file.exclusion == ExclusionRules()
    assert file.analysis == AnalysisPlan()
    names = [*DesignOptions.__dataclass_fields__, *ExclusionRules.__dataclass_fields__]
    names += [name for name in AnalysisPlan.__dataclass_fields__ if name not in ("seed", "file_sha256")]
    assert [name for name in names if f"{name} = " not in text] == []


def test_folders_without_a_common_song_are_refused(folders, tmp_path) -> None:
    for song in ("waltz", "tango"):
        (folders[0] / f"{song}.mp4").rename(folders[0] / f"{song}_1.mp4")
    with pytest.raises(InputError, match="no song in common"):
        draft_from_folders(folders, tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        draft_from_folders([tmp_path / "none"], tmp_path)


def test_texts_may_be_files(tmp_path) -> None:
    (tmp_path / "consent.txt").write_text("Ich stimme zu. ü\n", encoding="utf-8")
    head = '[[system]]\nname = "a"\nfiles = "a"\n[[question]]\nid = "q"\ntext.en = "?"\n[texts.en]\n'
    path = tmp_path / "rating.toml"
    path.write_text(head + 'consent_file = "consent.txt"\n', encoding="utf-8")
    assert load_rating(path).texts["en"].consent == "Ich stimme zu. ü\n"
    path.write_text(head + 'consent_file = "other.txt"\n', encoding="utf-8")
    with pytest.raises(MissingFileError, match="Give a text file as consent_file"):
        load_rating(path)


def test_the_plan_of_one_seed_is_simulated_again_exactly() -> None:
    first, second = (power_of(replace(SETTINGS, simulations=20), 10, 4) for _ in range(2))
    assert first == second
    assert np.isfinite(first.power)


@pytest.mark.parametrize("design", ["pair", "acr", "sliders"])
def test_one_system_has_no_power(design: str) -> None:
    with pytest.raises(InputError, match="at least 2 systems; found 1"):
        power_table(replace(SETTINGS, systems=1, design=design), [10], [6])
