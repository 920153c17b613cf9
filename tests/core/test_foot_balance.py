# SPDX-License-Identifier: Apache-2.0
"""The least squares problem that distributes the moves of feet, against a dense solution of the same residuals."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.retarget import foot_balance as weights
from dancepose_addon.core.retarget.foot_balance import FreeFeet, balance_feet


def feet_of(count: int, seed: int = 0) -> FreeFeet:
    rng = np.random.default_rng(seed)
    places = np.cumsum(rng.normal(0.0, 0.002, (count, 2, 2, 3)), axis=0)
    across = rng.normal(0.0, 1.0, (count, 3))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return FreeFeet(
        places, rng.normal(0.02, 0.02, (count, 2, 2)), rng.random((count, 2, 2)) < 0.6, across, 0.1, True, 25.0
    )


def dense(feet: FreeFeet, axis: int) -> np.ndarray:
    """Displacements along one axis by NumPy's least squares of every residual divided by its standard deviation."""
    count, step_s = len(feet.places_m), 1.0 / feet.fps
    rows, values = [], []

    def add(terms: dict[tuple[int, int], float], value: float, deviation: float) -> None:
        row = np.zeros((count, 4))
        for place, factor in terms.items():
            row[place] = factor
        weight = np.sqrt(step_s) / deviation
        rows.append(weight * row.ravel())
        values.append(weight * value)

    def foot(frame: int, side: int, factor: float) -> dict[tuple[int, int], float]:
        return {(frame, 0): factor, (frame, 1): factor * (1 - 2 * side), (frame, 2 + side): factor}

    for side in range(2):
        for part in range(2):
            for frame in range(count):
                height = feet.lowest_m[frame, side, part]
                if axis == 1 and (feet.contact[frame, side, part] or height < 0.0):
                    add(foot(frame, side, 1.0), -height, weights.HEIGHT_M)
                if axis != 1 and frame and feet.contact[frame - 1 : frame + 1, side, part].all():
                    step = np.diff(feet.places_m[frame - 1 : frame + 1, side, part], axis=0)[0] / step_s
                    slides = max(1.0, np.linalg.norm(step[[0, 2]]) / weights.SLIDING_M_S)
                    terms = {**foot(frame, side, 1.0 / step_s), **foot(frame - 1, side, -1.0 / step_s)}
                    add(terms, -step[axis], weights.SLIDE_M_S * np.sqrt(slides))
    leg = weights.LEG_HEIGHT_M if axis == 1 else weights.LEG_M
    for frame in range(count):
        lean = feet.half_m * weights.LEAN_RAD * np.sqrt(max(1.0 - feet.across[frame, axis] ** 2, weights.ALONG))
        for unknown, size in enumerate((weights.HIPS_M, lean, leg, leg)):
            add({(frame, unknown): 1.0}, 0.0, size)
    for frame in range(1, count - 1):
        for unknown in range(4):
            terms = {(frame + step, unknown): factor / step_s**2 for step, factor in ((-1, 1.0), (0, -2.0), (1, 1.0))}
            add(terms, 0.0, weights.HIPS_M_S2 if unknown < 2 else weights.LEG_M_S2)
    return np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].reshape(count, 4)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 15])
def test_the_blocks_give_the_dense_solution(count):
    feet = feet_of(count)
    found = balance_feet(feet, np.zeros((count, 4, 3)))
    for axis in range(3):
        np.testing.assert_allclose(found[..., axis], dense(feet, axis), atol=1e-9)


def test_a_chest_on_the_pelvis_keeps_it_from_turning():
    feet = replace(feet_of(20), can_lean=False)
    assert np.abs(balance_feet(feet, np.zeros((20, 4, 3)))[:, 1]).max() < 1e-5


def test_still_feet_on_the_floor_need_nothing():
    feet = feet_of(10)
    still = replace(feet, places_m=np.zeros_like(feet.places_m), lowest_m=np.zeros_like(feet.lowest_m))
    np.testing.assert_allclose(balance_feet(still, np.zeros((10, 4, 3))), 0.0, atol=1e-12)
