# SPDX-License-Identifier: Apache-2.0
"""Hands of files of pose estimators and body models: points of real clips in each order, read and fitted."""

from pathlib import Path
import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.hands import parts_of_pose
from dancepose_addon.core.body.joint_tree import BODY_JOINTS, FINGERS, SMPLH_TREE
from dancepose_addon.core.body.model import BodyModel, forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.io.writers.bvh import write_bvh
from dancepose_addon.core.skeleton.hand_points import FINGER_ORDER, HAND_NAMES, hand_columns, hand_names
from dancepose_addon.core.skeleton.layouts import BODY25
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.unnamed_models import MODELS
from dancepose_addon.core.skeleton.unnamed_skeletons import HOLISTIC75, MHR70, WHOLEBODY133
from dancepose_addon.fitting import fit_file

FRAMES = 60
TIP_M = 0.022
CLIPS = ("soma_mosh_stageii", "amass_dmpl_sample")
SIZE_OF_MODELS = {skeleton.title: skeleton for skeleton in MODELS}
ORDERS = {
    "holistic": HOLISTIC75,
    "mhr70": MHR70,
    "wholebody": WHOLEBODY133,
    "easymocap": SIZE_OF_MODELS["EasyMocap body and hands (67)"],
    "smplx127": SIZE_OF_MODELS["SMPL-X (127)"],
}


@pytest.fixture(scope="module")
def figure() -> BodyModel:
    return load_body()


def truth_of(name: str, folder: Path) -> BodyMotion:
    with np.load(folder / "smpl" / f"{name}.npz") as file:
        rotvec, place = file["poses_rotvec"][:FRAMES].astype(np.float64), file["trans"][:FRAMES]
    rotmat = Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(*rotvec.shape, 3)
    pose = np.concatenate([rotmat[:, :BODY_JOINTS], rotmat[:, -30:]], axis=1).astype(np.float32)
    short, hands, _ = parts_of_pose(pose, SMPLH_TREE)
    return BodyMotion(short, place.astype(np.float32), np.zeros(10, np.float32), 1.0, 30.0, {}, hands)


def joints_of(motion: BodyMotion, body: BodyModel) -> np.ndarray:
    """SMPL+H's joints (T, 52, 3), and tips (T, 10, 3) behind them, in the order left, right of its fingers."""
    rest = motion.scale * body.full.rest_joints(motion.betas)
    world, at = forward_kinematics(rest, motion.pose_in(SMPLH_TREE), motion.translation_m, tree=SMPLH_TREE)
    last = BODY_JOINTS + np.arange(2, 30, 3)
    bones = rest[last] - rest[last - 1]
    bones *= TIP_M / np.linalg.norm(bones, axis=-1, keepdims=True)
    return np.concatenate([at, at[:, last] + (world[:, last] @ bones[..., None])[..., 0]], axis=1)


def named_points(motion: BodyMotion, body: BodyModel) -> dict[str, np.ndarray]:
    """Every point by name, (T, 3), metres."""
    joints = joints_of(motion, body)
    points = dict(zip(SMPLH_TREE.names, np.swapaxes(joints, 0, 1), strict=False))
    seen = keypoints_from_pose(
        markers_for(BODY25), body.rest_joints(motion.betas), motion.pose_rotmat, motion.translation_m
    )
    points |= dict(zip(BODY25.keypoints, np.swapaxes(seen, 0, 1), strict=True))
    for side, first in (("left", 0), ("right", 5)):
        points[f"{side}_hand_wrist"] = points[f"{side}_wrist"]
        for number, finger in enumerate(FINGERS):
            points[f"{side}_{finger}4"] = joints[:, 52 + first + number]
    return points


def written(motion: BodyMotion, body: BodyModel, names: tuple[str, ...], path: Path) -> Path:
    """A file of points in an order; what the order has besides is beside the nose."""
    points, random = named_points(motion, body), np.random.default_rng(1)
    beside = points["nose"] + random.normal(0.0, 0.03, (len(names), 1, 3))
    np.savez(path, keypoints=np.stack([points.get(name, beside[n]) for n, name in enumerate(names)], axis=1), fps=30.0)
    return path


def finger_error_mm(found: BodyMotion, truth: BodyMotion, body: BodyModel) -> float:
    """Mean distance of the finger joints with the wrists laid on each other."""
    places = []
    for motion in (found, truth):
        joints = joints_of(motion, body)
        places.append(joints[:, BODY_JOINTS:52].reshape(len(joints), 2, 15, 3) - joints[:, 20:22, None])
    return 1000.0 * float(np.linalg.norm(places[0] - places[1], axis=-1).mean())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", CLIPS[:1])
def test_fingers_of_each_order_are_fitted(name, order, data_folder, figure, tmp_path):
    truth = truth_of(name, data_folder)
    path = written(truth, figure, ORDERS[order].names, tmp_path / "points.npz")
    fit = fit_file(path, body=figure)
    assert fit.report["hands"] == "fitted"
    assert fit.report["hands_seen"] == 1.0
    assert finger_error_mm(fit.motion, truth, figure) < 3.0


def test_hands_are_on_their_sides_whichever_is_first(data_folder, figure, tmp_path):
    truth = truth_of(CLIPS[1], data_folder)
    names = HOLISTIC75.names
    turned = (*names[:33], *names[54:], *names[33:54])
    paths = [written(truth, figure, order, tmp_path / f"{len(order)}{order[40]}.npz") for order in (names, turned)]
    first, second = (read(path) for path in paths)
    assert first.hands_m is not None
    assert second.hands_m is not None
    np.testing.assert_allclose(first.hands_m, second.hands_m, atol=1e-6)
    part = first.between(10, 20)
    np.testing.assert_array_equal(part.hands_m, first.hands_m[10:20])


def test_a_joint_that_is_not_seen_leaves_the_others_in_place(data_folder, figure, tmp_path):
    truth = truth_of(CLIPS[0], data_folder)
    path = written(truth, figure, MHR70.names, tmp_path / "points.npz")
    with np.load(path) as file:
        points = file["keypoints"]
    points[:, MHR70.names.index("right_middle2")] = 0.0  # as such tools mark what they do not see
    np.savez(path, keypoints=points, fps=30.0)
    fit = fit_file(path, body=figure)
    assert fit.report["hands_seen"] == pytest.approx(0.9)
    joints = [joints_of(motion, figure) for motion in (fit.motion, truth)]
    last = BODY_JOINTS + 15 + 3 + 2
    away = (joints[0][:, last] - joints[0][:, 21]) - (joints[1][:, last] - joints[1][:, 21])
    assert 1000.0 * np.linalg.norm(away, axis=-1).mean() < 4.0


def test_names_of_hands_are_found():
    mediapipe = [f"left_hand_{finger}_{part}" for finger in ("index_finger",) for part in ("mcp", "pip", "dip", "tip")]
    mediapipe += ["left_hand_thumb_cmc", "left_hand_thumb_mcp", "left_hand_thumb_ip", "left_hand_thumb_tip"]
    columns = hand_columns([*mediapipe, "left_wrist"])
    assert columns is not None
    at = dict(zip(HAND_NAMES, columns, strict=True))
    assert [at[f"left_index{part}"] for part in (1, 2, 3, 4)] == [0, 1, 2, 3]
    assert [at[f"left_thumb{part}"] for part in (1, 2, 3, 4)] == [4, 5, 6, 7]
    assert at["left_wrist"] == 8
    assert at["right_thumb1"] == -1
    assert hand_columns(["left_index", "left_thumb", "left_pinky"]) is None
    assert len(HAND_NAMES) == 2 * (1 + 4 * len(FINGER_ORDER))


def renamed(text: str, rig: str) -> str:
    """A BVH file of DancePose with the names of fingers and hands that another rig has."""
    for side, letter in (("left", "L"), ("right", "R")):
        for number, finger in enumerate(("thumb", "index", "middle", "ring", "pinky")):
            for part in (1, 2, 3):
                new = {
                    "mixamo": f"mixamorig:{side.title()}Hand{finger.title()}{part}",
                    "3ds max": f"Bip01_{letter}_Finger{number}{part - 1 or ''}",
                    "makehuman": f"finger{number + 1}-{part}.{letter}",
                    "unreal": f"{finger}_0{part}_{letter.lower()}",
                    "from zero": f"b_{letter.lower()}_{finger}{part - 1}",
                    "unity": f"{side.title()}{finger.title()}{('Proximal', 'Intermediate', 'Distal')[part - 1]}",
                }[rig]
                text = re.sub(rf"\b{side}_{finger}{part}\b", new, text)
        text = re.sub(rf"\b{side}_wrist\b", f"{side.title()}Hand", text)
    return text


@pytest.mark.parametrize("rig", ["mixamo", "3ds max", "makehuman", "unreal", "from zero", "unity"])
def test_fingers_of_bvh_files_are_fitted(rig, data_folder, figure, tmp_path):
    truth = truth_of(CLIPS[0], data_folder)
    write_bvh(truth, figure, tmp_path / "own.bvh")
    (tmp_path / "rig.bvh").write_text(renamed((tmp_path / "own.bvh").read_text(), rig))
    fit = fit_file(tmp_path / "rig.bvh", body=figure)
    assert fit.report["hands"] == "fitted"
    assert fit.report["hands_seen"] == 1.0
    assert finger_error_mm(fit.motion, truth, figure) < 3.0


@pytest.mark.parametrize(
    "name", ["LeftHand", "LeftInHandIndex", "thumb_metacarpal_l", "LHIPS", "ThumbFinger1", "RThumb"]
)
def test_other_names_are_no_finger_joints(name):
    assert hand_columns([name, "LeftHandIndex1", "LeftHandIndex2", "LeftHandIndex3"]) is None


@pytest.mark.parametrize(("sides", "said"), [(("left",), "a hand"), (("right", "left"), "two hands")])
@pytest.mark.parametrize("name", CLIPS)
def test_hands_without_a_body_are_refused_as_what_they_are(sides, said, name, data_folder, figure, tmp_path):
    names = tuple(point for side in sides for point in hand_names(side))
    points = named_points(truth_of(name, data_folder), figure)
    stacked = 100.0 * np.stack([points[name] for name in names], axis=1)
    np.save(tmp_path / "hands.npy", stacked)
    with pytest.raises(InputError, match=f"holds points of {said} .* no body") as raised:
        read(tmp_path / "hands.npy")
    assert "(frames, 75, 3)" in str(raised.value)
    # In another order they are not taken for hands.
    np.save(tmp_path / "mixed.npy", stacked[:, np.random.default_rng(2).permutation(len(names))])
    with pytest.raises(Exception, match=r"^(?!.*no body: without)"):
        read(tmp_path / "mixed.npy")
