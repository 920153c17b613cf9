# SPDX-License-Identifier: Apache-2.0
"""Parts of the guess of bones with answers by hand: rigid pairs, votes, neighbours, and the layout made of a guess."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.calibration import guess_bones
from dancepose.trainer.calibration.frame_fitting import Attachment
from dancepose.trainer.calibration.guess_bones import Guess
from dancepose.trainer.calibration.guessed_layout import describe_guess, layout_table, mirrored
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel

HIP, KNEE, ANKLE, HEAD = (JOINT_INDEX[name] for name in ("left_hip", "left_knee", "left_ankle", "head"))


def attached(joints: list[int], rest_m: float = 0.0) -> Attachment:
    return Attachment(np.array(joints, np.int64), np.full((len(joints), 3), rest_m, np.float32))


def test_pairs_that_keep_their_distance() -> None:
    frames = np.zeros((40, 3, 3), np.float32)
    frames[:, 1, 0] = 0.3
    frames[:, 2, 1] = np.linspace(0.5, 1.5, 40)
    first, second, away = guess_bones._rigid_pairs(frames)
    assert (first.tolist(), second.tolist()) == ([0], [1])
    assert away.tolist() == pytest.approx([0.3])


def test_stretch_is_the_mean_difference_up_to_30_cm() -> None:
    place = Attachment(np.zeros(3, np.int64), np.float32([[0, 0, 0], [0.2, 0, 0], [0, 5, 0]]))
    rigid = (np.array([0, 0]), np.array([1, 2]), np.float32([0.3, 1.0]))
    # 10 cm too short, and 4 m too long, which counts as 30 cm.
    assert guess_bones._stretch(place, rigid) == pytest.approx((0.1 + 0.3) / 2.0)
    assert guess_bones._stretch(place, (np.array([], int), np.array([], int), np.float32([]))) == 0.0


def test_votes_of_those_that_agree() -> None:
    """The first three agree on five of six points; the fourth is of another opinion altogether."""
    first, second, third = (
        attached([1, 2, 3, 4, 5, 6], 0.0),
        attached([1, 2, 3, 4, 5, 7], 3.0),
        attached([1, 2, 3, 4, 5, 7], 6.0),
    )
    other = attached([9] * 6, 100.0)
    found = guess_bones._voted([first, second, third, other])
    # Votes are 1/3, 1/4 and 1/5: the second and third together outvote the first.
    assert found[0].joints.tolist() == [1, 2, 3, 4, 5, 7]
    weights = np.array([1 / 3, 1 / 4, 1 / 5])
    assert found[0].rest_m[0, 0] == pytest.approx(weights @ [0.0, 3.0, 6.0] / weights.sum(), rel=1e-6)
    assert found[0].rest_m[5, 0] == pytest.approx(weights[1:] @ [3.0, 6.0] / weights[1:].sum(), rel=1e-6)
    assert found[3].joints.tolist() == [9] * 6
    assert found[3].rest_m[0, 0] == pytest.approx(100.0)


def test_candidates_that_differ_in_a_fifth() -> None:
    one, nearly, other = attached([1] * 10), attached([1] * 9 + [2]), attached([1] * 7 + [2] * 3)
    assert guess_bones._different([one, nearly, other, attached([5] * 10)], 2) == [one, other]
    assert len(guess_bones._different([one, nearly, other, attached([5] * 10)], 9)) == 3
    edge = attached([1] * 8 + [2] * 2)
    assert guess_bones._different([one, edge], 9) == [one]


def test_neighbours_of_a_knee() -> None:
    assert sorted(guess_bones._neighbours(KNEE)) == [HIP, ANKLE]
    assert sorted(guess_bones._neighbours(0)) == sorted(
        JOINT_INDEX[name] for name in ("left_hip", "right_hip", "spine1")
    )


@pytest.mark.parametrize(("ankle", "second"), [(0.019, ANKLE), (0.021, KNEE)])
def test_the_second_bone_is_a_neighbour_that_is_less_than_twice_as_far(ankle: float, second: int) -> None:
    spread = np.full((1, 24), 0.001, np.float32)  # other bones do not count
    spread[0, [HIP, KNEE, ANKLE]] = 0.5, 0.01, ankle
    assert guess_bones._second(spread, np.array([KNEE])).tolist() == [second]


def test_doubt_is_the_ratio_to_the_best_bone_far_from_it() -> None:
    spread = np.full((2, 24), 0.5, np.float32)
    spread[:, [HIP, KNEE, ANKLE]] = 0.001, 0.02, 0.001
    spread[0, HEAD] = 0.1
    spread[1, HEAD] = 0.0
    assert guess_bones._doubt(spread, np.array([KNEE, KNEE])).tolist() == pytest.approx([0.2, 0.02 / 1e-6])


def test_mirror_images_are_mutual_and_closer_than_10_cm() -> None:
    rest = np.float32([[0.3, 1, 0], [-0.3, 1, 0.09], [0.5, 0, 0], [-0.5, 0.11, 0], [0, 2, 0], [-0.33, 1, 0]])
    # 0 and 5 are nearer to each other than 0 and 1; 2 and 3 are too far; 4 is in the middle.
    assert mirrored(rest) == [5, 1, 2, 3, 4, 0]
    assert mirrored(rest[:2]) == [1, 0]
    assert mirrored(np.float32([[0.3, 1, 0], [-0.3, 1, 0.11]])) == [0, 1]


NAMES = ("ls", "rs", "lh", "rh", "top", "toe", "wide_l", "wide_r")


def a_guess(body: BodyModel) -> Guess:
    joints = [JOINT_INDEX[name] for name in (
        "left_shoulder", "right_shoulder", "left_hip", "right_hip", "head", "left_foot", "left_wrist", "right_wrist",
    )]  # fmt: skip
    second = list(joints)
    second[0] = JOINT_INDEX["left_collar"]
    rest = np.float32(
        [[0.2, 0.4, 0], [-0.2, 0.4, 0], [0.05, -0.1, 0], [-0.05, -0.1, 0], [0, 0.7, 0], [0.1, -1.2, 0.1],
         [0.7, 0.5, 0], [-0.7, 0.5, 0]]
    )  # fmt: skip
    count = len(joints)
    return Guess(
        np.array(joints), np.array(second), rest, np.linspace(0.001, 0.008, count).astype(np.float32),
        np.float32([0.1, 0.79, 0.81, 0.1, 0.1, 0.1, 0.1, 0.1]), 0.0123, float("inf"),
    )  # fmt: skip


def test_a_layout_of_a_guess(body: BodyModel) -> None:
    points = np.repeat(a_guess(body).rest_m[None], 5, axis=0)
    table = layout_table(a_guess(body), NAMES, points, body, "made up")
    # Hands are no trunk; shoulders and hips are.
    assert (table["left"], table["right"]) == (["ls", "lh"], ["rs", "rh"])
    assert table["top"] == ["wide_r", "top"] or table["top"] == ["wide_l", "top"]
    assert table["bottom"][0] == "toe"
    assert table["bottom"][1] in ("lh", "rh")
    rows = {row["name"]: row for row in table["points"]}
    assert rows["ls"]["rides_on"] == {"left_shoulder": 0.8, "left_collar": 0.2}
    joints = body.rest_joints()
    centre = 0.8 * joints[JOINT_INDEX["left_shoulder"]] + 0.2 * joints[JOINT_INDEX["left_collar"]]
    assert rows["ls"]["offset_m"] == pytest.approx((np.array([0.2, 0.4, 0.0]) - centre).tolist(), abs=6e-5)
    assert rows["rs"]["rides_on"] == {"right_shoulder": 1.0}
    assert rows["rs"]["offset_m"] == [
        round(float(value), 4) for value in np.float32([-0.2, 0.4, 0]) - joints[JOINT_INDEX["right_shoulder"]]
    ]
    assert [rows[name]["mirror"] for name in NAMES] == ["rs", "ls", "rh", "lh", "top", "toe", "wide_r", "wide_l"]
    assert len(table["edges"]) == len(NAMES) - 1


def test_points_closer_than_4_cm_to_the_middle_give_no_side(body: BodyModel) -> None:
    guess = a_guess(body)
    guess.rest_m[2:4, 0] = 0.039, -0.039
    table = layout_table(guess, NAMES, np.repeat(guess.rest_m[None], 5, axis=0), body, "made up")
    assert (table["left"], table["right"]) == (["ls"], ["rs"])
    # Without a trunk all pairs count.
    guess.joints[:4] = JOINT_INDEX["left_wrist"]
    table = layout_table(guess, NAMES, np.repeat(guess.rest_m[None], 5, axis=0), body, "made up")
    assert table["left"] == ["ls", "wide_l"]


def test_the_description_of_a_guess(body: BodyModel) -> None:
    lines = describe_guess(a_guess(body), NAMES).splitlines()
    assert len(lines) == 1 + len(NAMES) + 1
    assert lines[1].split() == ["ls", "left_shoulder", "1.0", "mm"]
    assert [line.split()[0] for line in lines if "?" in line] == ["lh"]
    assert lines[-1] == "Mean residual 12.3 mm."
