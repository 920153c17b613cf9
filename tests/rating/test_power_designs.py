# SPDX-License-Identifier: Apache-2.0
"""Power of the designs other than pairs, against calculations by hand where no design effect is left."""

from dataclasses import replace
import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy.stats import nct, t as student

from dancepose.rating.design.power import power_of, power_table
from dancepose.rating.design.power_designs import power_design
from dancepose.rating.design.power_settings import PowerSettings
from dancepose_addon.core.errors import InputError

BASE = PowerSettings(systems=3, points=5, votes=30, comparisons=1, simulations=400)
QUIET = replace(BASE, sd_rater=0.0, sd_song=0.0)


def spread(settings: PowerSettings, raters: int, songs: int, votes: int) -> float:
    """Standard error of the simulated differences."""
    differences = power_design(settings).differences(raters, songs, votes, np.random.default_rng(4))
    assert abs(float(differences.mean())) < 0.2 * float(differences.std())
    return math.sqrt(float(np.mean(differences**2)))


def test_scores_without_spread_have_the_error_of_independent_votes() -> None:
    """Means of n scores: sqrt(2 / n) sd; rounding to whole points adds a variance of 1/12."""
    each = 12 * 9 // 3  # scores of a system
    acr = replace(QUIET, design="acr", sd_vote=0.5)
    expected = math.sqrt(2.0 / each * (0.5**2 + 1.0 / 12.0))
    assert spread(acr, 12, 6, 9) == pytest.approx(expected, rel=0.06)
    sliders = replace(QUIET, design="sliders", sd_vote=10.0)
    assert spread(sliders, 12, 6, 5) == pytest.approx(10.0 * math.sqrt(2.0 / 60), rel=0.06)


def test_levels_of_raters_and_songs_cancel_on_pages_of_sliders() -> None:
    """Only what raters and songs think of systems is left, with its own number of draws."""
    settings = replace(BASE, design="sliders", sd_rater=6.0, sd_song=4.0, sd_vote=1e-9)
    expected = math.sqrt(2.0 * (6.0**2 / 10 + 4.0**2 / 8))
    assert spread(settings, 10, 8, 8) == pytest.approx(expected, rel=0.08)
    assert power_design(settings).song_error(8) == pytest.approx(4.0 * math.sqrt(2.0 / 8))


def test_power_of_scores_is_that_of_the_noncentral_t() -> None:
    settings = replace(QUIET, design="sliders", sd_vote=10.0, effect=4.0)
    cell = power_of(settings, 12, 8)
    error = 10.0 * math.sqrt(2.0 / (12 * 8))
    assert cell.votes == 8  # one page a song
    assert cell.power == pytest.approx(nct.sf(student.ppf(0.975, 7), 7, 4.0 / error), abs=0.05)
    at_most = nct.sf(student.ppf(0.975, 7), 7, cell.detectable / error)
    assert at_most == pytest.approx(0.8, abs=0.05)
    assert cell.limit == 0.0


def test_mismatch_without_spread_is_a_share_of_decided_votes() -> None:
    """Forced answers: the share of n votes has the error 1 / (2 sqrt(n)); ties leave fewer votes."""
    forced = replace(QUIET, design="mismatch", points=2)
    each = 16 * 9 // 3
    assert spread(forced, 16, 6, 9) == pytest.approx(0.5 / math.sqrt(each), rel=0.06)
    ties = replace(QUIET, design="mismatch", points=3)
    tie_share = math.exp(-0.6) / (2.0 + math.exp(-0.6))  # Davidson's model between equals
    assert spread(ties, 16, 6, 9) == pytest.approx(0.5 / math.sqrt(each * (1.0 - tie_share)), rel=0.12)
    error = 0.5 / math.sqrt(16 * 18 / 3)  # every rater has the 18 pages that there are
    expected = nct.sf(student.ppf(0.975, 5), 5, 0.15 / error)
    assert power_of(replace(forced, effect=0.65), 16, 6).power == pytest.approx(expected, abs=0.05)


def test_best_worst_without_spread_has_the_information_of_the_logit() -> None:
    """Three equal systems: a vote has the information 2/9 + 1/6 on every worth, and half of it, negative, off it.

    The best gives the covariance of a multinomial with p = 1/3; the worst that of p = 1/2 among the two left, averaged
    over who is left: 2/3 of 1/4. The difference of two worths has the error sqrt(2 / (1.5 n (2/9 + 1/6))).
    """
    settings = replace(QUIET, design="best-worst", set_size=3)
    votes = 20 * 6
    diagonal = 2.0 / 9.0 + 2.0 / 3.0 * 0.25
    expected = math.sqrt(2.0 / (1.5 * votes * diagonal))
    assert spread(settings, 20, 6, 6) == pytest.approx(expected, rel=0.08)


def test_effects_of_raters_and_songs_shrink_logits_as_zeger_says() -> None:
    """With very many votes only the songs' effects are left in the estimates."""
    settings = replace(
        BASE, design="best-worst", set_size=3, sd_rater=1e-9, sd_song=1.0, simulations=200, systems=3, votes=4
    )
    assert spread(settings, 400, 4, 4) == pytest.approx(power_design(settings).song_error(4), rel=0.15)


@pytest.mark.parametrize("design", ["pair", "best-worst", "sliders", "acr", "mismatch"])
def test_songs_limit_every_design(design: str) -> None:
    settings = replace(BASE, design=design, simulations=60)
    few, many, more = (power_of(settings, raters, songs) for raters, songs in ((20, 4), (20, 16), (80, 16)))
    assert few.power < many.power < more.power
    for cell in (few, many, more):
        assert cell.limit < cell.detectable
    assert few.limit > many.limit == more.limit


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (replace(BASE, design="acr", effect=4.5), "above 0 and below 4"),
        (replace(BASE, design="sliders", effect=0.0), "above 0 and below 100"),
        (replace(BASE, design="mismatch", effect=0.5), "between .5 and 1"),
        (replace(BASE, design="best-worst", systems=2), "at least 3 systems; found 2"),
        (replace(BASE, design="sliders", systems=1), "at least 2 systems; found 1"),
        (replace(BASE, design="sliders", systems=30, simulations=100_000), "Choose fewer"),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(settings: PowerSettings, said: str) -> None:
    with pytest.raises(InputError, match=said):
        power_table(settings, [10, 20], [4, 8])
