# SPDX-License-Identifier: Apache-2.0
"""Layouts beside each other in one batch, against each of them alone in NumPy."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.body.layout_batch import LayoutBatch, build_layout_batch, feature_count, meetings
from dancepose.trainer.body.torch_smpl import local_to_global_rotmat
from dancepose.trainer.config import AugmentConfig, load_config
from dancepose.trainer.data.augmentation import synthesise
from dancepose.trainer.data.batches import configured_layouts, draw_batch, load_data
from dancepose.trainer.mocap.pose_pool import TensorPool
from dancepose.trainer.model.generator import build_generator, facing_rotmat, predict
from dancepose.trainer.training_errors import ConfigError
from dancepose_addon.core.fit.normalise import edge_lengths
from dancepose_addon.core.skeleton.layouts import COCO17, LAYOUTS, MD23, SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers, keypoints_from_pose, markers_for
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
EACH = 7


def spread_markers(seed: int) -> MarkerSet:
    """Every point is attached to three bones, away from them."""
    random = np.random.default_rng(seed)
    weights = np.zeros((23, 24), np.float32)
    for row in weights:
        row[random.choice(24, 3, replace=False)] = random.dirichlet((2, 2, 2))
    return MarkerSet(MD23, weights, random.normal(scale=0.05, size=(23, 3)).astype(np.float32))


TABLES = [spread_markers(1), joint_markers(SMPL24), markers_for(COCO17)]
POSES = torch.tensor(random_pose(2, EACH * len(TABLES)))


def layout_batch() -> LayoutBatch:
    return build_layout_batch(BODY, TABLES, POSES)


def test_points_of_the_mean_body_are_those_of_core() -> None:
    posed = layout_batch().points_of(local_to_global_rotmat(POSES)).numpy()
    for row, table in enumerate(TABLES):
        part = slice(EACH * row, EACH * (row + 1))
        expected = keypoints_from_pose(table, BODY.rest_joints(), POSES[part].numpy()) - BODY.rest_joints()[0]
        assert np.abs(posed[part, : table.layout.count] - expected).max() < 1e-5
        assert not posed[part, table.layout.count :].any()


def test_points_of_many_bodies_are_those_of_core_one_by_one() -> None:
    random = torch.Generator().manual_seed(3)
    betas = torch.randn(len(POSES), 10, generator=random)
    moved = 0.02 * torch.randn(len(POSES), 24, 3, generator=random)
    posed, rest = layout_batch().points_of_bodies(local_to_global_rotmat(POSES), betas, moved)
    for index in range(0, len(POSES), 4):
        table = TABLES[index // EACH]
        count, joints = table.layout.count, BODY.rest_joints(betas[index].numpy())
        shifted = MarkerSet(table.layout, table.weights, table.offsets_m + moved[index, :count].numpy())
        expected = keypoints_from_pose(shifted, joints, POSES[index : index + 1].numpy())[0] - joints[0]
        assert np.abs(posed[index, :count].numpy() - expected).max() < 1e-5
        assert np.abs(rest[index, :count].numpy() - shifted.rest_points(joints)).max() < 1e-5


def test_edges_sizes_and_facing_are_each_layouts_own() -> None:
    together = layout_batch()
    points = together.points_of(local_to_global_rotmat(POSES))
    sums, turns = together.edge_sum(points), facing_rotmat(points, together)
    for row, table in enumerate(TABLES):
        part, layout = slice(EACH * row, EACH * (row + 1)), table.layout
        own = points[part, : layout.count]
        assert np.allclose(sums[part].numpy(), edge_lengths(own.numpy(), layout).sum(-1), atol=1e-4)
        turned = own @ turns[part]
        across = turned[:, list(layout.left)].mean(1) - turned[:, list(layout.right)].mean(1)
        assert (across[:, 0] > 0).all()
        assert across[:, 2].abs().max() < 1e-5


def test_planes_are_cross_products_of_the_edges_that_meet() -> None:
    together = layout_batch().only(1)
    points = together.points_of(local_to_global_rotmat(POSES[:4]))
    shown = together.features(points, "planes")
    assert shown.shape[1] == together.edge_count + together.pair_count
    assert feature_count(SMPL24, "planes") == 24 + 23 + len(meetings(SMPL24))
    # The knee is where the thigh's edge and the shin's meet: left hip 1, knee 4, ankle 7.
    thigh, shin = (points[:, end] - points[:, start] for start, end in ((1, 4), (4, 7)))
    expected = torch.linalg.cross(*(v / v.norm(dim=-1, keepdim=True) for v in (thigh, shin)), dim=-1)
    pair = meetings(SMPL24).index(tuple(sorted((SMPL24.edges.index((1, 4)), SMPL24.edges.index((4, 7))))))
    assert torch.allclose(shown[:, together.edge_count + pair], expected, atol=1e-4)


def test_padding_stays_zero_and_a_layouts_place_in_the_batch_does_not_matter() -> None:
    together = layout_batch()
    made = synthesise(
        together, POSES, AugmentConfig(noise_m=0.01, gap=0.5), torch.Generator().manual_seed(4), kind="size"
    )
    assert not made.points_norm[together.by_sample(together.mask, len(POSES)) == 0].any()
    config = load_config("smoke", ("model.width=32", "model.frame=global", "model.features=planes"))
    torch.manual_seed(5)
    generator = build_generator(config, together).eval()
    model = config.model
    found = predict(generator, made.points_norm, together, model).local_rotmat
    for row in range(len(TABLES)):
        others = [other for other in range(len(TABLES)) if other != row]
        changed = made.points_norm.clone()
        for other in others:
            changed[EACH * other : EACH * (other + 1)] *= 1.5
        again = predict(generator, changed, together, model).local_rotmat
        part = slice(EACH * row, EACH * (row + 1))
        assert torch.allclose(again[part], found[part], atol=1e-6)


def test_every_layout_gets_poses_of_every_kind() -> None:
    config = load_config(
        "smoke",
        ("data.layout=all", f"optim.batch={60 * len(LAYOUTS)}", "data.procedural_share=0.5", "data.procedural_poses=30",
         "augment.yaw=false", "augment.mirror=0"),
    )  # fmt: skip
    loaded = load_data(config, BODY, motion=(), poses=None)
    data = replace(loaded, natural=TensorPool(torch.eye(3).repeat(30, 24, 1, 1)))
    assert [layout.name for layout in configured_layouts(config)] == list(LAYOUTS)
    batch = draw_batch(data, config, torch.Generator().manual_seed(6))
    # The natural poses stand still here, and those made by code do not.
    still = (batch.local_rotmat - torch.eye(3)).abs().flatten(1).amax(1) < 1e-6
    shares = still.reshape(len(LAYOUTS), -1).float().mean(1)
    assert ((shares > 0.2) & (shares < 0.8)).all()


def test_layouts_that_cannot_be_trained_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="each layout once"):
        configured_layouts(load_config("smoke", ("data.layout=md23+md23",)))
    with pytest.raises(ConfigError, match="cannot share equally"):
        configured_layouts(load_config("smoke", ("data.layout=md23+smpl24+coco17", "optim.batch=128")))
    with pytest.raises(ConfigError, match="name one layout"):
        load_data(
            load_config("smoke", ("data.layout=md23+smpl24", "data.motion_share=0.5", "data.procedural_poses=8")),
            BODY,
            motion=(),
            poses=None,
        )
