# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics and skinning against two other implementations; reading of body files."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.model import (
    JOINT_COUNT,
    JOINT_NAMES,
    MIRRORED_JOINTS,
    PARENTS,
    TREE_LEVELS,
    BodyModel,
    forward_kinematics,
    skin,
)
from dancepose_addon.core.body.model_io import body_from_arrays, load_body
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.errors import BodyFileError, MissingFileError
from tests.support.bodies import synthetic_arrays, synthetic_body
from tests.support.posing import random_pose, slow_skin, slow_transforms


def test_every_joint_stands_once_in_the_tree_below_its_parent() -> None:
    placed = {0}
    for joints, parents in TREE_LEVELS:
        assert tuple(PARENTS[joint] for joint in joints) == parents
        assert set(parents) <= placed
        assert placed.isdisjoint(joints)
        placed |= set(joints)
    assert placed == set(range(JOINT_COUNT))


def test_mirrored_joints_swap_left_and_right() -> None:
    for joint, other in enumerate(MIRRORED_JOINTS):
        swapped = JOINT_NAMES[joint].replace("left", "?").replace("right", "left").replace("?", "right")
        assert JOINT_NAMES[other] == swapped


def test_forward_kinematics_against_4x4_matrices() -> None:
    body, pose = synthetic_body(), random_pose(1, 5)
    translation = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    orientation, joints = forward_kinematics(body.rest_joints(), pose, translation)
    for frame in range(5):
        world = slow_transforms(body.rest_joints().astype(np.float64), pose[frame].astype(np.float64))
        assert np.abs(joints[frame] - world[:, :3, 3] - translation[frame]).max() < 1e-5
        assert np.abs(orientation[frame] - world[:, :3, :3]).max() < 1e-5
    own = np.stack([body.rest_joints() * size for size in (0.9, 1.0, 1.1)])
    _, each = forward_kinematics(own, pose[:3])
    _, second = forward_kinematics(own[2], pose[2:3])
    assert np.array_equal(each[2:], second)


@pytest.mark.parametrize("without", ["", "posedirs"])
def test_skinning_against_the_equations(without: str) -> None:
    arrays = synthetic_arrays(3)
    arrays.pop(without, None)
    body, pose = body_from_arrays(arrays, source="synthetic"), random_pose(4, 3)
    random = np.random.default_rng(5)
    betas, translation = random.normal(size=10).astype(np.float32), random.normal(size=(3, 3)).astype(np.float32)
    posed = skin(body, pose, betas=betas, translation_m=translation, batch=2)
    assert posed is not None
    for frame in range(3):
        truth = slow_skin(arrays, pose[frame].astype(np.float64), betas, translation[frame])
        assert np.abs(posed[frame] - truth).max() < 1e-5


def _smplx(body: BodyModel, pose: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints as the package smplx poses the same arrays."""
    torch = pytest.importorskip("torch")
    lbs = pytest.importorskip("smplx.lbs").lbs
    assert body.posedirs is not None
    vertices, joints = lbs(
        torch.tensor(np.broadcast_to(betas, (len(pose), len(betas))).copy()),
        torch.tensor(rotmat_to_rotvec(pose).reshape(len(pose), 72)),
        torch.tensor(body.v_template_m),
        torch.tensor(body.shapedirs),
        torch.tensor(body.posedirs.reshape(-1, 207).T.copy()),
        torch.tensor(body.joint_regressor),
        torch.tensor(PARENTS),
        torch.tensor(body.weights),
    )
    return vertices.numpy(), joints.numpy()


@pytest.mark.parametrize("which", ["synthetic", "default"])
def test_skinning_against_smplx(which: str, request: pytest.FixtureRequest) -> None:
    body = synthetic_body(6) if which == "synthetic" else request.getfixturevalue("body")
    pose, betas = random_pose(7, 4), np.random.default_rng(8).normal(size=body.beta_count).astype(np.float32)
    vertices, joints = _smplx(body, pose, betas)
    posed = skin(body, pose, betas=betas)
    assert posed is not None
    assert np.abs(posed - vertices).max() < 1e-5
    assert np.abs(forward_kinematics(body.rest_joints(betas), pose)[1] - joints).max() < 1e-5


def test_scale_is_about_the_origin_and_before_the_translation() -> None:
    body, pose = synthetic_body(), random_pose(9, 2)
    translation = np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 0.5]], np.float32)
    plain, scaled = skin(body, pose), skin(body, pose, translation_m=translation, scale=1.3)
    assert plain is not None
    assert scaled is not None
    assert np.allclose(scaled, 1.3 * plain + translation[:, None], atol=1e-5)


def test_chosen_vertices_and_batches_handed_over() -> None:
    body, pose = synthetic_body(), random_pose(10, 5)
    whole = skin(body, pose)
    chosen = np.array([3, 100, 7])
    taken: dict[int, np.ndarray] = {}
    assert skin(body, pose, vertices=chosen, batch=2, each=taken.__setitem__) is None
    assert sorted(taken) == [0, 2, 4]
    assert whole is not None
    assert np.allclose(np.concatenate([taken[first] for first in sorted(taken)]), whole[:, chosen], atol=1e-6)


def test_fewer_betas_are_the_first_ones() -> None:
    body = synthetic_body()
    few, padded = np.array([1.0, -2.0], np.float32), np.zeros(10, np.float32)
    padded[:2] = few
    assert np.allclose(body.rest_joints(few), body.rest_joints(padded))
    assert np.allclose(body.rest_vertices(few), body.rest_vertices(padded))
    assert np.abs(body.rest_vertices(few) - body.rest_vertices()).max() > 1e-3


def test_default_body_is_a_person_in_a_t_pose(body: BodyModel) -> None:
    joints = dict(zip(JOINT_NAMES, body.rest_joints(), strict=True))
    assert 1.5 < body.height_m < 1.95
    assert joints["head"][1] > joints["neck"][1] > joints["pelvis"][1] > joints["left_knee"][1] > joints["left_foot"][1]
    assert joints["left_foot"][2] > joints["left_ankle"][2] + 0.05
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for outer, inner in (("hand", "wrist"), ("wrist", "elbow"), ("elbow", "shoulder")):
            bone = joints[f"{side}_{outer}"] - joints[f"{side}_{inner}"]
            assert sign * bone[0] > 0.97 * np.linalg.norm(bone)
    assert np.abs(body.rest_joints()[list(MIRRORED_JOINTS)] * [-1, 1, 1] - body.rest_joints()).max() < 0.005
    assert np.allclose(body.weights.sum(axis=1), 1.0, atol=1e-4)
    assert np.allclose(body.joint_regressor.sum(axis=1), 1.0, atol=1e-4)


def test_npz_gives_the_same_body(tmp_path: Path) -> None:
    arrays = synthetic_arrays(11)
    np.savez(tmp_path / "body.npz", **arrays)
    body = load_body(tmp_path / "body.npz")
    assert np.array_equal(body.weights, arrays["weights"].astype(np.float32))
    assert body.fingerprint == synthetic_body(11).fingerprint != synthetic_body(12).fingerprint


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("weights", None, "lacks weights"),
        ("weights", np.zeros((240, 52)), r"weights has shape \(240, 52\), expected \(240, 24\)"),
        ("posedirs", np.zeros((240, 3, 459)), r"posedirs has shape \(240, 3, 459\)"),
        ("v_template", np.full((240, 3), np.nan), "v_template holds NaN"),
        ("f", np.full((2, 3), 240), "faces name vertices outside 0 to 239"),
        ("kintree_table", np.zeros((2, 24)), "24 joints in another tree than SMPL"),
        ("v_template", np.zeros(3), "v_template has shape"),
    ],
)
def test_misshapen_files_are_refused_in_words(tmp_path: Path, key: str, value: Any, said: str) -> None:
    arrays = synthetic_arrays()
    if value is None:
        del arrays[key]
    else:
        arrays[key] = value
    np.savez(tmp_path / "body.npz", **arrays)
    with pytest.raises(BodyFileError, match=said):
        load_body(tmp_path / "body.npz")


def test_files_that_are_no_bodies(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="does not exist"):
        load_body(tmp_path / "none.npz")
    with pytest.raises(MissingFileError, match="directory"):
        load_body(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.npz")
        with pytest.raises(BodyFileError, match="not a regular file"):
            load_body(tmp_path / "pipe.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(BodyFileError, match="cannot be read"):
        load_body(tmp_path / "text.npz")
    np.savez(tmp_path / "whole.npz", **synthetic_arrays())
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:2000])
    with pytest.raises(BodyFileError, match="cannot be read"):
        load_body(tmp_path / "cut.npz")


@pytest.mark.parametrize(
    ("key", "factor", "said"),
    [
        ("v_template", 1000.0, r"m in size; expected a person .* Store it in metres"),
        ("v_template", 0.0, "0 m in size"),
        ("v_template", 1e-20, "expected a person"),
        ("weights", 0.0, "add up to 1; found a sum of 0"),
        ("weights", -5.0, "add up to 1; found a sum of -5"),
    ],
)
def test_bodies_of_no_person_are_refused(key: str, factor: float, said: str) -> None:
    arrays = synthetic_arrays(3)
    body_from_arrays(arrays, source="b.npz")
    arrays[key] = arrays[key] * factor
    with pytest.raises(BodyFileError, match=said):
        body_from_arrays(arrays, source="b.npz")


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ([[1, 0, 0], [0, 0, 1], [0, -1, 0]], "its head is not above its pelvis"),
        ([[1, 0, 0], [0, -1, 0], [0, 0, -1]], "its head is not above its pelvis"),
        ([[-1, 0, 0], [0, 1, 0], [0, 0, 1]], "its left hip is on the side of -x"),
        ([[-1, 0, 0], [0, 1, 0], [0, 0, -1]], "its left hip is on the side of -x"),
    ],
    ids=["z up", "upside down", "mirrored", "facing -z"],
)
def test_bodies_in_other_axes_are_refused(turn: list[list[int]], said: str) -> None:
    arrays = synthetic_arrays(3)
    arrays["v_template"] = arrays["v_template"] @ np.array(turn, np.float32)
    with pytest.raises(BodyFileError, match=said):
        body_from_arrays(arrays, source="b.npz")


def test_weights_and_regressors_of_other_joints_are_refused(body: BodyModel) -> None:
    parents = np.array(body.tree.parents, np.int64)
    arrays = {
        "v_template": body.v_template_m, "f": body.faces, "shapedirs": body.shapedirs, "weights": body.weights,
        "J_regressor": body.joint_regressor, "kintree_table": np.stack([parents, np.arange(len(parents))]),
    }  # fmt: skip
    body_from_arrays(arrays, source="b.npz")
    order = [body.tree.names.index(other_side(name)) for name in body.tree.names]
    for key, value, said in (
        ("weights", body.weights[:, order], r"the weights of left_knee move vertices at right_knee"),
        ("J_regressor", 2.0 * body.joint_regressor, r"each row of J_regressor has to add up to 1; found 2 in row"),
    ):
        with pytest.raises(BodyFileError, match=said):
            body_from_arrays({**arrays, key: value}, source="b.npz")


def other_side(name: str) -> str:
    return name.replace("left", "?").replace("right", "left").replace("?", "right")
