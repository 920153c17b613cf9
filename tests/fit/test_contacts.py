# SPDX-License-Identifier: Apache-2.0
"""Floor, drift and contacts of bodies that stand, jump, step and lie as prescribed."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.fit.floor.contacts import (
    Ground,
    Soles,
    contact_spans,
    find_contacts,
    find_soles,
    find_supports,
    ground,
    sole_vertices,
    support_drift,
)

FPS = 25.0


def still(frames: int) -> np.ndarray:
    return np.broadcast_to(np.eye(3, dtype=np.float32), (frames, 24, 3, 3)).copy()


def place(height: np.ndarray) -> np.ndarray:
    translation = np.zeros((len(height), 3), np.float32)
    translation[:, 1] = height
    return translation


def bent(angle: np.ndarray) -> np.ndarray:
    """(T, 24, 3, 3): hips and knees bent so that the soles stay level. angle: (T,), radians."""
    pose = still(len(angle))
    turn = Rotation.from_rotvec(angle[:, None] * [1.0, 0.0, 0.0])
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        pose[:, hip], pose[:, knee] = turn.inv().as_matrix(), (turn * turn).as_matrix()
        pose[:, ankle] = turn.inv().as_matrix()
    return pose


def stand(body: BodyModel, pose: np.ndarray, *, scale: float = 1.0) -> np.ndarray:
    """Translations that put the lowest vertex of the whole skin at 0."""
    vertices = skin(body, pose, scale=scale, correctives=False)
    assert vertices is not None
    return place(-vertices[..., 1].min(axis=1))


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_floor_of_a_body_that_stands(body: BodyModel, scale: float) -> None:
    height = np.full(60, 2.0)
    height[20:28] += 0.4  # a jump
    soles = find_soles(body, still(60), place(height), scale=scale)
    found = ground(soles, fps=FPS)
    assert found.floor_m == pytest.approx(scale * float(body.v_template_m[:, 1].min()) + 2.0, abs=1e-4)
    assert found.contact[:19].all()
    assert not found.contact[20:28].any()


def test_floor_under_bent_knees_is_the_lowest_skin(body: BodyModel) -> None:
    pose = bent(np.full(4, 0.7))
    vertices = skin(body, pose[:1], correctives=False)
    assert vertices is not None
    found = ground(find_soles(body, pose, np.zeros((4, 3), np.float32), scale=1.0), fps=FPS)
    assert found.floor_m == pytest.approx(float(vertices[..., 1].min()), abs=0.003)


def test_soles_are_under_the_feet(body: BodyModel) -> None:
    soles = body.v_template_m[sole_vertices(body)]
    assert (soles[0, ..., 0] > 0).all()
    assert (soles[1, ..., 0] < 0).all()
    assert soles[..., 1].max() < body.v_template_m[:, 1].min() + 0.05
    assert (soles[:, 1, :, 2].mean(axis=1) > soles[:, 0, :, 2].mean(axis=1) + 0.05).all()  # toes before heels


@pytest.mark.parametrize("moves", ["stands", "bends its knees"])
def test_a_rising_floor_is_found(body: BodyModel, moves: str) -> None:
    time = np.arange(300) / FPS
    pose = still(300) if moves == "stands" else bent(0.4 + 0.3 * np.sin(1.5 * time))
    rise = 0.02 * time  # 24 cm over the clip
    supports = find_supports(body, pose, stand(body, pose) + place(rise), scale=1.0)
    drift = support_drift(supports, fps=FPS)
    assert drift is not None
    off = drift - rise
    assert np.abs(off[25:-25] - off[25:-25].mean()).max() < 0.01


def test_a_jump_is_no_drift(body: BodyModel) -> None:
    time = np.arange(200) / FPS
    height = np.maximum(0.0, 2.4 * (time % 2.0) - 4.9 * (time % 2.0) ** 2)  # half a second in the air, every two
    supports = find_supports(body, still(200), stand(body, still(200)) + place(height), scale=1.0)
    assert height.max() > 0.25
    assert support_drift(supports, fps=FPS) is None


def test_lying_down_is_no_drift(body: BodyModel) -> None:
    """Standing, lowered onto the back within a second, lying: feet rise, the floor does not."""
    share = np.clip((np.arange(250) - 100) / 25.0, 0.0, 1.0)
    pose = still(250)
    pose[:, 0] = Rotation.from_rotvec(-0.5 * np.pi * share[:, None] * [1.0, 0.0, 0.0]).as_matrix()
    supports = find_supports(body, pose, stand(body, pose), scale=1.0)
    assert support_drift(supports, fps=FPS) is None


def stepping() -> tuple[Soles, np.ndarray]:
    """Feet in turn 12 frames on the floor and 12 in the air, 15 cm high and 40 cm far; with what is true of them."""
    frames, period = 144, 24
    places = np.zeros((frames, 2, 2, 3), np.float32)
    stands = np.zeros((frames, 2), bool)
    for side in range(2):
        phase = (np.arange(frames) + 12 * side) % period
        count = (np.arange(frames) + 12 * side) // period
        air = np.clip((phase - 11) / 12.0, 0.0, 1.0)
        places[:, side, :, 2] = (0.4 * (count + air))[:, None]
        places[:, side, :, 1] = (0.15 * np.sin(np.pi * air))[:, None] + 0.3
        stands[:, side] = phase < 12
    return Soles(places, places[..., 1].copy()), stands


def test_contacts_of_known_steps() -> None:
    soles, stands = stepping()
    found = ground(soles, fps=FPS)
    assert found.floor_m == pytest.approx(0.3, abs=1e-3)
    for part in range(2):
        # A foot is slow for one frame more or less on either side of a step.
        assert (found.contact[:, :, part] != stands).mean() < 2 * 2 / 24 * 0.75
        inner = stands & np.roll(stands, 1, axis=0) & np.roll(stands, -1, axis=0)
        assert found.contact[1:-1, :, part][inner[1:-1]].all()
        middle = np.zeros_like(stands)
        for side in range(2):
            middle[:, side] = np.isin((np.arange(144) + 12 * side) % 24, np.arange(15, 21))
        assert not found.contact[:, :, part][middle].any()
    spans = contact_spans(found)
    assert len(spans["left"]) in (6, 7)
    assert all(last - first + 1 >= 10 for first, last in spans["left"][1:-1])


def test_sliding_and_hovering_are_no_contact() -> None:
    places = np.zeros((50, 2, 2, 3), np.float32)
    places[:, 0, :, 0] = (np.arange(50) * 0.5 / FPS)[:, None]  # half a metre a second
    places[:, 1, :, 1] = 0.06
    contact = find_contacts(Soles(places, places[..., 1].copy()), 0.0, fps=FPS)
    assert not contact.any()


def test_short_touches_and_short_lifts_do_not_count() -> None:
    lowest = np.full((60, 2, 2), 0.2, np.float32)
    lowest[10:12, 0] = 0.0  # 80 ms: passing by
    lowest[20:40, 1] = 0.0
    lowest[30, 1] = 0.05  # 40 ms: noise
    places = np.zeros((60, 2, 2, 3), np.float32)
    contact = find_contacts(Soles(places, lowest), 0.0, fps=FPS)
    assert not contact[:, 0].any()
    assert contact_spans(Ground(0.0, contact)) == {"left": [], "right": [(20, 39)]}


def test_one_frame_has_a_floor(body: BodyModel) -> None:
    found = ground(find_soles(body, still(1), place(np.array([1.0])), scale=1.0), fps=FPS)
    assert found.contact.any()
    assert support_drift(find_supports(body, still(1), place(np.array([1.0])), scale=1.0), fps=FPS) is None


def test_floor_is_the_median_height_of_standing_soles() -> None:
    """Most of the time soles are at 1.0 m; for a fifth of it each, noise holds them 2 cm above and 1 cm below."""
    lowest = np.full((100, 2, 2), 1.0, np.float32)
    lowest[20:40], lowest[60:80] = 1.02, 0.99
    places = np.zeros((100, 2, 2, 3), np.float32)
    places[..., 1] = 1.0
    found = ground(Soles(places, lowest), fps=FPS)
    assert found.floor_m == pytest.approx(1.0, abs=1e-6)
    assert found.contact.all()
