# SPDX-License-Identifier: Apache-2.0
"""Corrections of feet in contact: held, faded over 0.2 s, and limited, with numbers by hand."""

import numpy as np
import pytest

from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.fit.floor.foot_lock import _ease, _eased, faded, foot_moves, foot_turns

FRAMES, FPS = 60, 50.0


def contact(first: int, last: int, *, parts: tuple[int, ...] = (0, 1)) -> Ground:
    """The left foot is in contact in these frames."""
    flags = np.zeros((FRAMES, 2, 2), bool)
    for part in parts:
        flags[first : last + 1, 0, part] = True
    return Ground(0.0, flags)


def feet(heading_rad: np.ndarray) -> np.ndarray:
    """Heel at the origin and toes 20 cm ahead; a heading of 0 is along z."""
    places = np.zeros((FRAMES, 2, 3), np.float32)
    places[:, 1, 0], places[:, 1, 2] = 0.2 * np.sin(heading_rad), 0.2 * np.cos(heading_rad)
    return places


def test_a_standing_foot_keeps_the_median_heading() -> None:
    heading = np.where(np.arange(FRAMES) % 2, 0.1, -0.1) + 0.3
    heading[30] = 0.3
    turn = foot_turns(feet(heading), contact(20, 40), 0, fps=FPS)
    np.testing.assert_allclose(turn[22:39], np.median(heading[20:41]) - heading[22:39], atol=1e-6)
    # 0.2 s are ten frames on either side; farther away nothing turns.
    assert not turn[:9].any()
    assert not turn[52:].any()
    assert np.abs(turn[[12, 48]]).min() > 0.0


@pytest.mark.parametrize(("range_rad", "turns"), [(0.34, True), (0.36, False)])
def test_a_foot_that_pivots_may_turn(range_rad: float, *, turns: bool) -> None:
    heading = np.linspace(0.0, range_rad * (FRAMES - 1) / 20.0, FRAMES)
    assert foot_turns(feet(heading), contact(20, 40), 0, fps=FPS).any() == turns
    # Only a foot that stands on heel and toes has a heading.
    assert not foot_turns(feet(heading), contact(20, 40, parts=(0,)), 0, fps=FPS).any()
    assert not foot_turns(feet(heading), contact(20, 40), 1, fps=FPS).any()


def test_headings_beyond_half_a_turn_are_unwrapped() -> None:
    heading = np.pi + np.where(np.arange(FRAMES) % 2, 0.05, -0.05)
    turn = foot_turns(feet(heading), contact(20, 40), 0, fps=FPS)
    assert np.abs(turn).max() < 0.11


def test_a_sliding_foot_stays_at_its_median_place_on_the_floor() -> None:
    places = feet(np.zeros(FRAMES))
    places[:, :, 0] += 0.002 * np.arange(FRAMES)[:, None]
    lowest = np.full((FRAMES, 2), 0.01, np.float32)
    move = foot_moves(places, lowest, contact(20, 40), 0, fps=FPS)
    np.testing.assert_allclose(move[22:39, 0], 0.002 * (30 - np.arange(22, 39)), atol=1e-6)
    np.testing.assert_allclose(move[22:39, 1], -0.01, atol=1e-6)
    np.testing.assert_allclose(move[:, 2], 0.0, atol=1e-6)
    assert not move[:9].any()
    assert not move[52:].any()


def test_heel_and_toes_are_averaged_where_both_stand() -> None:
    """In frame 25, five before the middle, heel and toes are 1 and 2 cm before their median places."""
    places = feet(np.zeros(FRAMES))
    places[:, 0, 0] += 0.002 * np.arange(FRAMES)
    places[:, 1, 0] += 0.004 * np.arange(FRAMES)
    lowest = np.zeros((FRAMES, 2), np.float32)
    for parts, moved_m in (((0,), 0.01), ((1,), 0.02), ((0, 1), 0.015)):
        move = foot_moves(places, lowest, contact(20, 40, parts=parts), 0, fps=FPS)
        assert move[25].tolist() == pytest.approx([moved_m, 0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(("wanted_m", "moved_m"), [(0.1, 0.1), (0.3, 0.12)])
def test_moves_are_at_most_12_cm(wanted_m: float, moved_m: float) -> None:
    lowest = np.full((FRAMES, 2), wanted_m, np.float32)
    move = foot_moves(feet(np.zeros(FRAMES)), lowest, contact(20, 40), 0, fps=FPS)
    assert move[30].tolist() == pytest.approx([0.0, -moved_m, 0.0], abs=1e-6)


def test_feet_below_the_floor_are_lifted() -> None:
    lowest = np.full((FRAMES, 2), 0.1, np.float32)
    lowest[25:35, 1] = -0.03
    ground = Ground(0.0, np.zeros((FRAMES, 2, 2), bool))
    move = foot_moves(feet(np.zeros(FRAMES)), lowest, ground, 0, fps=FPS)
    np.testing.assert_allclose(move[26:34, 1], 0.03, atol=1e-6)
    np.testing.assert_allclose(move[[24, 25], 1], [0.0075, 0.0225], atol=1e-6)
    assert not move[:24].any()
    raised = Ground(0.05, ground.contact)
    assert foot_moves(feet(np.zeros(FRAMES)), lowest, raised, 0, fps=FPS)[30, 1] == pytest.approx(0.08)


def test_fades_are_smooth_steps() -> None:
    """One frame of contact with a fade of three frames: 27/32, 1/2 and 5/32 of it, then averaged 1 : 2 : 1."""
    move, flags = np.zeros((15, 1), np.float32), np.zeros((15, 1), bool)
    move[7], flags[7] = 1.0, True
    shares = np.zeros(15)
    shares[[4, 5, 6, 7, 8, 9, 10]] = [5 / 32, 1 / 2, 27 / 32, 1.0, 27 / 32, 1 / 2, 5 / 32]
    expected = np.convolve(shares, [0.25, 0.5, 0.25], mode="same")
    np.testing.assert_allclose(faded(move, flags, 3)[:, 0], expected, atol=1e-6)
    np.testing.assert_allclose(_ease(np.array([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])), [0, 0, 5 / 32, 0.5, 1, 1])
    np.testing.assert_allclose(_eased(np.float32([[4.0], [0.0], [8.0]]))[:, 0], [3.0, 3.0, 6.0])


def test_between_close_contacts_corrections_are_blended() -> None:
    move, flags = np.zeros((9, 1), np.float32), np.zeros((9, 1), bool)
    move[:3], flags[:3], move[6:], flags[6:] = 1.0, True, 3.0, True
    found = faded(move, flags, 30)[:, 0]
    assert np.diff(found).min() >= -1e-6
    assert found[4] == pytest.approx(2.0, abs=1e-5)
    assert (found[0], found[8]) == (1.0, 3.0)
