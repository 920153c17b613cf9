# SPDX-License-Identifier: Apache-2.0
"""Rates at which a dance would last as long as its music: every common rate is found from every other."""

import pytest

from dancepose.study.plan.music_length import COMMON_FPS, likely_rate

USUAL = (12.5, 15.0, 20.0, 24.0, 25.0, 30.0, 50.0, 60.0, 100.0, 120.0)


@pytest.mark.parametrize("true", USUAL)
def test_common_rates_are_found(true: float) -> None:
    """A dance of 600 frames to music of its length, declared at another rate."""
    for declared in USUAL:
        found = likely_rate(declared, 600.0 / declared, 600.0 / true)
        assert found == (None if abs(true / declared - 1.0) < 0.05 else true), declared


def test_film_rates_are_known() -> None:
    assert sorted(COMMON_FPS) == list(COMMON_FPS)
    assert set(COMMON_FPS) == {*USUAL, 29.97}
    assert likely_rate(60.0, 10.0, 60.0 / 29.97 * 10.0) == 29.97


@pytest.mark.parametrize(
    ("music_s", "doubted"), [(10.0, False), (9.3, False), (10.7, False), (20.0, True), (5.0, True)]
)
def test_a_rate_that_nearly_fits_is_not_doubted(music_s: float, *, doubted: bool) -> None:
    """Lengths that differ by less than 8 percent."""
    assert (likely_rate(60.0, 10.0, music_s) is not None) is doubted


@pytest.mark.parametrize(("factor", "found"), [(1.015, True), (1.03, False)])
def test_lengths_agree_within_two_percent(factor: float, *, found: bool) -> None:
    assert (likely_rate(60.0, 10.0, 20.0 * factor) is not None) is found


@pytest.mark.parametrize("values", [(0.0, 1.0, 2.0), (25.0, 0.0, 2.0), (25.0, 1.0, 0.0), (-25.0, 1.0, 2.0)])
def test_without_a_length_or_a_rate_there_is_none(values: tuple[float, float, float]) -> None:
    assert likely_rate(*values) is None
