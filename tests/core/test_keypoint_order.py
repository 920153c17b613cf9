# SPDX-License-Identifier: Apache-2.0
"""Exchanged points are noticed: those that passed silently on recordings, repeated with the bundled dance."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.errors import LayoutError
from dancepose_addon.core.skeleton.conventions import CLOSE_GAIN, interpret
from dancepose_addon.core.skeleton.keypoint_order import judge_order
from dancepose_addon.core.skeleton.layouts import LAYOUTS, MD23, get_layout
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.recording import PointRecording
from tests.support.samples import Motion, cut, points_of, waltz

NOISE_M = 0.005
FRAMES = 200


def danced(layout: str, *, still: tuple[str, ...] = (), bent_deg: float = 0.0) -> np.ndarray:
    """The dance with noise. still: joints that are held; bent_deg: how elbows are bent, where they are held."""
    motion = cut(waltz(), FRAMES)
    pose = motion.pose.copy()
    for name in still:
        side = -1.0 if name.startswith("left") else 1.0
        bend = side * np.radians(bent_deg) * np.array([0.0, 1.0, 0.0])
        pose[:, JOINT_INDEX[name]] = rotvec_to_rotmat(bend if name.endswith("elbow") else np.zeros(3))
    points = points_of(Motion(pose, motion.translation), layout)
    return points + np.random.default_rng(2).normal(scale=NOISE_M, size=points.shape)


def exchanged(points: np.ndarray, layout: str, *names: str) -> np.ndarray:
    """Each of the named points in the next one's place."""
    order = np.arange(points.shape[1])
    index = [get_layout(layout).keypoints.index(name) for name in names]
    for here, there in pairwise((*index, index[0])):
        order[here] = there
    return points[:, order]


def doubt(points: np.ndarray) -> str:
    """What is said against the order of the points, or nothing."""
    try:
        findings = interpret(PointRecording(points, "array", "clip.npy")).findings
    except LayoutError as refused:
        return str(refused)
    return "; ".join(f.why for f in findings if f.doubtful and f.topic in ("order of the points", "layout"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_other_order_fits_the_dance_as_well(layout: str) -> None:
    """So whichever two points a file has exchanged, the order that is not its own fits better and it is doubted."""
    assert judge_order(danced(layout), get_layout(layout)).gain < CLOSE_GAIN


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("smplh52", ("right_middle3", "left_pinky3")),
        ("smplh52", ("right_pinky2", "right_middle3")),
        ("smplx55", ("right_index2", "right_ring2")),
        ("smplx55", ("head", "jaw")),
        ("smpl22", ("right_ankle", "right_foot")),
        ("md23", ("right_heel", "right_toe")),
        ("md23", ("right_wrist", "right_wrist_2")),
        ("md23", ("left_forearm", "left_forearm_2")),
        ("body25", ("left_big_toe", "left_heel", "left_ankle")),
        ("azure32", ("left_hand_tip", "right_foot")),
    ],
)
def test_what_passed_silently_is_said(layout: str, names: tuple[str, ...]) -> None:
    points = danced(layout)
    assert not doubt(points)
    assert names[0] in doubt(exchanged(points, layout, *names))


@pytest.mark.parametrize("layout", ["coco17", "h36m17", "smpl22"])
def test_arms_that_stay_bent_as_a_runners_still_show_which_point_is_the_elbow(layout: str) -> None:
    points = danced(layout, still=("left_elbow", "right_elbow"), bent_deg=100.0)
    assert not doubt(points)
    assert "left_elbow" in doubt(exchanged(points, layout, "left_elbow", "left_wrist"))


@pytest.mark.parametrize("layout", ["smpl24", "coco17", "body25", "kinect25"])
@pytest.mark.parametrize(
    "parts", [("shoulder", "elbow", "wrist"), ("elbow", "wrist"), ("hip", "knee", "ankle", "foot")]
)
def test_a_limb_on_the_other_side_is_said(layout: str, parts: tuple[str, ...]) -> None:
    points, names = danced(layout), get_layout(layout).keypoints
    wrong = points
    for part in parts:
        if f"left_{part}" in names:
            wrong = exchanged(wrong, layout, f"left_{part}", f"right_{part}")
    assert doubt(wrong)


@pytest.mark.parametrize("layout", ["md23", "smpl24", "azure32"])
def test_axes_unit_and_mirrored_files_change_nothing(layout: str) -> None:
    points = danced(layout)
    turn = 1000.0 * rotvec_to_rotmat(np.array([0.4, -1.1, 2.0])) @ np.diag([-1.0, 1.0, 1.0])
    plain, turned = (judge_order(each, get_layout(layout)) for each in (points, points @ turn.T))
    assert turned.moved == plain.moved
    assert turned.gain == pytest.approx(plain.gain, abs=1e-6)
    assert turned.surprise == pytest.approx(plain.surprise, abs=1e-6)


@pytest.mark.parametrize("layout", ["md23", "smpl24", "body25"])
def test_points_that_are_never_seen_raise_no_doubt(layout: str) -> None:
    points = danced(layout)
    arm = [
        p
        for p, joint in enumerate(get_layout(layout).joints)
        if joint in (JOINT_INDEX["left_elbow"], JOINT_INDEX["left_wrist"])
    ]
    points[:, arm] = np.nan
    assert not doubt(points)


def test_a_clip_without_a_single_seen_pair_is_judged_as_unknown() -> None:
    points = np.full((5, 17, 3), np.nan)
    points[:, 0] = 1.0
    assert judge_order(points, get_layout("coco17")).gain == -np.inf


def test_recordings_are_in_their_order_and_exchanged_ones_are_not(data_folder: Path) -> None:
    folders = sorted((data_folder / "md").glob("DANCE_*"))
    if not folders:
        pytest.skip(f"{data_folder} holds no music & dance")
    names = MD23.keypoints
    for number, folder in enumerate(folders):
        sequence = read(folder)
        assert not any("order of the points" in note for note in sequence.notes), folder.name
        points = sequence.keypoints_m.astype(np.float64)
        assert not doubt(points), folder.name
        pair = np.random.default_rng(number).choice(len(names), 2, replace=False)
        assert doubt(exchanged(points, "md23", *(names[point] for point in pair))), (folder.name, pair)
