"""Points without names are put on the right bones, on motion that core's own kinematics made."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.samples import cut, waltz  # noqa: E402
from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, PARENTS, BodyModel, skin  # noqa: E402
from dancepose_addon.core.errors import InputError  # noqa: E402
from dancepose_addon.core.skeleton.layout_file import layout_from_table  # noqa: E402
from dancepose_addon.core.skeleton.recording import Hints  # noqa: E402
from trainer.assignment import Guess, guess_assignment  # noqa: E402
from trainer.assignment_layout import describe_guess, layout_table, mirrored  # noqa: E402
from trainer.unlabelled import find_up, read_unlabelled  # noqa: E402

BONES = (
    "pelvis", "spine3", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_foot",
    "right_foot",
)  # fmt: skip


def markers(body: BodyModel, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two places on the skin of each bone, shuffled: vertices, and the joint that moves each most."""
    rng = np.random.default_rng(seed)
    owner = body.weights.argmax(axis=1)
    firm = body.weights.max(axis=1) > 0.9
    chosen = np.concatenate([rng.choice(np.flatnonzero((owner == JOINT_INDEX[name]) & firm), 2) for name in BONES])
    rng.shuffle(chosen)
    return chosen, owner[chosen]


@pytest.fixture(scope="module")
def made(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    dance = cut(waltz(), 357)
    chosen, truth = markers(body, 4)
    points = skin(
        body,
        dance.pose[::3].astype(np.float32),
        translation_m=dance.translation[::3].astype(np.float32),
        vertices=chosen,
    )
    return points + np.random.default_rng(2).normal(0.0, 0.003, points.shape).astype(np.float32), truth


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_shuffled_markers_find_their_bones(made, body):
    points, truth = made
    guess = guess_assignment(1000.0 * points, body)  # in millimetres: the unit is not told
    near = [
        joint == true or PARENTS[joint] == true or PARENTS[true] == joint
        for joint, true in zip(guess.joints.tolist(), truth.tolist(), strict=True)
    ]
    wrong = [(JOINT_NAMES[j], JOINT_NAMES[t]) for j, t, ok in zip(guess.joints, truth, near, strict=True) if not ok]
    assert wrong == []
    assert (guess.joints == truth).mean() > 0.7
    swapped = [
        (JOINT_NAMES[j], JOINT_NAMES[t])
        for j, t in zip(guess.joints, truth, strict=True)
        if {JOINT_NAMES[j].split("_")[0], JOINT_NAMES[t].split("_")[0]} == {"left", "right"}
    ]
    assert swapped == []
    assert guess.residual_m < 0.6 * guess.runner_up_m
    names = tuple(f"p{index}" for index in range(len(truth)))
    layout = layout_from_table(layout_table(guess, names, points, body, "made"), name="made.toml", source="made")
    assert layout.count == len(truth)
    assert "Mean residual" in describe_guess(guess, names)


def test_the_axis_that_is_up_is_found_from_the_floor(made):
    points, _ = made
    assert find_up(points) == "y"
    assert find_up(points[..., [0, 2, 1]]) == "z"
    assert find_up(points * [1.0, -1.0, 1.0]) == "-y"
    assert find_up(points[..., [1, 0, 2]]) == "x"


def test_mirror_images_are_mutual():
    rest = np.array([[0.2, 1.0, 0.0], [-0.21, 1.01, 0.0], [0.0, 1.5, 0.1], [0.3, 0.2, 0.0], [-0.05, 0.4, 0.0]])
    assert mirrored(rest) == [1, 0, 2, 3, 4]


def test_files_of_any_axis_become_upright(made, tmp_path):
    points, _ = made
    np.save(tmp_path / "z.npy", points[..., [0, 2, 1]] * [1.0, -1.0, 1.0])
    names, read = read_unlabelled(tmp_path / "z.npy", Hints())
    assert names[0] == "point_00"
    assert np.ptp(read[..., 1], axis=1).mean() == pytest.approx(np.ptp(points[..., 1], axis=1).mean(), rel=0.02)
    # It was turned, not mirrored: distances from a plane of three points keep their sides.
    triple = [np.linalg.det(np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0], p[:, 3] - p[:, 0]], -1)) for p in
              (points * 1.0, read * 1.0)]  # fmt: skip
    np.testing.assert_allclose(triple[0][: len(triple[1])], triple[1], atol=1e-4)


def test_too_few_points_and_none_that_stand_are_refused(body):
    with pytest.raises(InputError, match="at least 8"):
        guess_assignment(np.zeros((10, 5, 3), np.float32), body)
    with pytest.raises(InputError, match="no height"):
        guess_assignment(np.zeros((10, 12, 3), np.float32), body)


def test_a_layout_of_one_bone_a_point_needs_no_second(body):
    joints = np.array([JOINT_INDEX[name] for name in BONES])
    guess = Guess(
        joints, joints.copy(), body.rest_joints()[joints], np.zeros(len(joints), np.float32),
        np.zeros(len(joints), np.float32), 0.0, float("inf"),
    )  # fmt: skip
    points = np.repeat(body.rest_joints()[joints][None], 3, axis=0)
    table = layout_table(guess, BONES, points, body, "bones")
    assert [row["rides_on"] for row in table["points"]] == [{name: 1.0} for name in BONES]
    assert all(np.abs(row["offset_m"]).max() < 1e-4 for row in table["points"])
    assert {row["name"]: row["mirror"] for row in table["points"]}["left_knee"] == "right_knee"
