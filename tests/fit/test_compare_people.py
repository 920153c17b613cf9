# SPDX-License-Identifier: Apache-2.0
"""Comparing recordings of several persons: means over the persons, and the contact of each recording."""

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.fit.evaluation import comparison
from dancepose_addon.core.fit.evaluation.comparison import compare_motions, compare_people
from dancepose_addon.core.fit.evaluation.people_contact import (
    describe_people_contact,
    hand_distance,
    identity_exchanges,
    people_contact,
)


def standing(side_m: float, *, lower_m: float = 0.0, frames: int = 4) -> BodyMotion:
    pose = np.tile(np.eye(3, dtype=np.float32), (frames, 24, 1, 1))
    place = np.tile(np.float32([side_m, 1.0 - lower_m, 0.0]), (frames, 1))
    return BodyMotion(pose, place, np.zeros(10, np.float32), 1.0, 25.0)


def test_means_over_the_persons_and_contact(body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    contacts = {
        0.0: [{"hand_contact": 0.2, "hands_m": [0.01, 0.05], "depth_mm": [1.0, 7.0]},
              {"hand_contact": 0.4, "hands_m": [0.02, 0.07], "depth_mm": [2.0, 9.0]}],
        5.0: [{"hand_contact": 0.0, "hands_m": [0.5, 0.9], "depth_mm": [0.0, 0.0]}],
    }  # fmt: skip
    monkeypatch.setattr(comparison, "people_contact", lambda _body, motions: contacts[motions[0].translation_m[0, 0]])
    first = [standing(0.0), standing(2.0)]
    second = [standing(5.0, lower_m=0.01), standing(2.03)]
    table = compare_people(first, second, body)
    alone = [compare_motions(one, other, body) for one, other in zip(first, second, strict=True)]
    assert table["persons"] == 2
    assert table["between"]["mpjpe_mm"] == pytest.approx((np.hypot(5000.0, 10.0) + 30.0) / 2.0, rel=1e-3)
    assert table["between"]["mpjpe_mm"] == pytest.approx(
        np.mean([one["between"]["mpjpe_mm"] for one in alone]), abs=1e-3
    )
    for name in ("floating_mm", "penetration_mm"):
        assert table["each"]["B"][name] == pytest.approx(np.mean([one["each"]["B"][name] for one in alone]), abs=1e-3)
    assert table["each"]["A"]["hand_contact"] == pytest.approx(0.3)
    assert table["each"]["A"]["hand_distance_mm"] == pytest.approx(60.0)
    assert table["each"]["A"]["overlap_mm"] == 9.0
    assert table["each"]["B"]["overlap_mm"] == 0.0


def test_one_person_is_compared_as_one(body: BodyModel) -> None:
    assert compare_people([standing(0.0)], [standing(1.0)], body) == compare_motions(standing(0.0), standing(1.0), body)
    with pytest.raises(InputError, match="A shows 1 and B 2 persons"):
        compare_people([standing(0.0)], [standing(0.0)] * 2, body)


def test_the_mean_leaves_out_what_is_missing() -> None:
    assert comparison._mean([1.0, None, 2.00004]) == 1.5
    assert comparison._mean([1.0, 1.0004]) == 1.0002


def test_contact_of_two_who_stand_apart_and_inside_each_other(body: BodyModel) -> None:
    """Arms of the T-pose reach about 0.8 m to either side; bodies in one place are deep in each other."""
    (far,) = people_contact(body, [standing(0.0), standing(3.0)])
    assert far["persons"] == [1, 2]
    assert far["apart_m"] == [3.0, 3.0]
    joints = body.rest_joints()
    reach = joints[JOINT_INDEX["left_hand"], 0] - joints[JOINT_INDEX["right_hand"], 0]
    assert far["hands_m"] == pytest.approx([3.0 - reach] * 2, abs=1e-3)
    assert (far["hand_contact"], far["depth_mm"], far["overlap"]) == (0.0, [0.0, 0.0], 0.0)
    (near,) = people_contact(body, [standing(0.0), standing(0.05)])
    assert near["apart_m"] == [0.05, 0.05]
    assert near["hand_contact"] == 1.0
    assert near["overlap"] == 1.0
    assert 15.0 < near["depth_mm"][0] <= near["depth_mm"][1] < 60.0
    half = standing(0.05)
    half.translation_m[2:, 0] = 3.0
    (changing,) = people_contact(body, [standing(0.0), half])
    assert changing["apart_m"] == [0.05, 3.0]
    assert (changing["overlap"], changing["hand_contact"]) == (0.5, 0.5)
    # The mean is over the moments with an overlap.
    assert changing["depth_mm"] == near["depth_mm"]
    three = people_contact(body, [standing(0.0), standing(3.0), standing(6.0)])
    assert [pair["persons"] for pair in three] == [[1, 2], [1, 3], [2, 3]]


def test_the_distance_of_hands_is_the_least_of_four() -> None:
    first, second = np.zeros((2, 24, 3), np.float32), np.zeros((2, 24, 3), np.float32)
    left, right = JOINT_INDEX["left_hand"], JOINT_INDEX["right_hand"]
    first[:, left], first[:, right] = [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]
    second[:, left], second[:, right] = [0.0, 5.0, 0.0], [[-1.0, 0.5, 0.0], [1.0, 0.0, 0.25]]
    assert hand_distance(first, second).tolist() == [0.5, 0.25]


def test_tracks_that_exchange_persons() -> None:
    """Two who stand 2 m apart change their tracks in frame 5; moving 20 cm is no exchange."""
    places = [np.zeros((10, 3)), np.zeros((10, 3))]
    places[1][:, 0] = 2.0
    assert identity_exchanges(places) == []
    crossed = [one.copy() for one in places]
    crossed[0][5:], crossed[1][5:] = places[1][5:], places[0][5:]
    assert identity_exchanges(crossed) == [(0, 1, 5)]
    near = [one * 0.15 for one in crossed]  # 30 cm apart, of which each moves 30
    assert identity_exchanges(near) == [(0, 1, 5)]
    assert identity_exchanges([one * 0.12 for one in crossed]) == []  # 24 cm is no jump
    moved = [one.copy() for one in places]
    moved[0][5:, 2] = 0.2
    assert identity_exchanges(moved) == []


@pytest.mark.parametrize(
    ("contact", "overlap", "sentence"),
    [
        (0.25, 1.0, "hands touch in 25% of the frames; bodies overlap by up to 1.2 cm."),
        (0.0, 0.0, "hands come as near as 31 cm; bodies do not overlap."),
    ],
)
def test_contact_in_a_sentence(contact: float, overlap: float, sentence: str) -> None:
    pair = {
        "persons": [1, 3], "apart_m": [0.5, 2.345], "hand_contact": contact, "hands_m": [0.31, 0.9],
        "depth_mm": [3.0, 12.0], "overlap": overlap,
    }  # fmt: skip
    assert describe_people_contact(pair) == f"Persons 1 and 3: 0.50 to 2.35 m apart; {sentence}"
