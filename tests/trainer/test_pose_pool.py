# SPDX-License-Identifier: Apache-2.0
"""Shards against the poses that were put in, and what a damaged folder says."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.config import load_config
from dancepose.trainer.data.batches import draw_batch, load_data
from dancepose.trainer.mocap import pose_pool as pool_module
from dancepose.trainer.mocap.pose_pool import ShardWriter, open_shards
from dancepose.trainer.mocap.write_shards import write_shards
from dancepose_addon.core.body.rotation import geodesic_angle, rotmat_to_rotvec
from dancepose_addon.core.errors import FormatError, InputError, MissingFileError, OutputError
from tests.support.bodies import synthetic_body
from tests.support.posing import random_pose

BODY = synthetic_body(3)
SIZES = {"a": 40, "b": 25, "c": 60, "d": 10}


@pytest.fixture
def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, np.ndarray]]:
    """Four clips in shards of 50 poses or a little more."""
    monkeypatch.setattr(pool_module, "SHARD_ROWS", 50)
    writer, poses = ShardWriter(tmp_path / "shards"), {}
    for seed, (name, size) in enumerate(SIZES.items()):
        poses[name] = random_pose(seed, size)
        writer.add(name, poses[name])
    writer.close()
    return tmp_path / "shards", poses


def test_every_row_comes_back_within_what_float16_holds(shards: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, poses = shards
    pool = open_shards(folder)
    assert len(pool.shards) > 1
    assert isinstance(pool.shards[0], np.memmap)
    together = np.concatenate(list(poses.values()))
    order = torch.randperm(len(together), generator=torch.Generator().manual_seed(0))
    found = pool.rows(order).numpy()
    assert np.degrees(geodesic_angle(found, together[order.numpy()])).max() < 0.15


def test_clips_held_out_are_never_drawn(shards: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, poses = shards
    pool = open_shards(folder).without([1, 3])
    assert len(pool) == SIZES["a"] + SIZES["c"]
    expected = np.concatenate([poses["a"], poses["c"]])
    assert np.degrees(geodesic_angle(pool.rows(torch.arange(len(pool))).numpy(), expected)).max() < 0.15


def test_training_draws_from_shards(shards: tuple[Path, dict[str, np.ndarray]]) -> None:
    config = load_config("smoke", ("data.procedural_share=0", "data.holdout=0.25", "data.procedural_poses=8"))
    data = load_data(config, BODY, motion=(), poses=shards[0])
    assert data.summary["natural_poses"] == sum(SIZES.values()) - SIZES[data.summary["natural_held_out"][0]]  # type: ignore[index]
    assert torch.isfinite(draw_batch(data, config, torch.Generator().manual_seed(0)).points_norm).all()


def test_amass_files_become_shards_one_by_one(tmp_path: Path) -> None:
    source = tmp_path / "amass"
    source.mkdir()
    for seed in range(3):
        poses = np.zeros((50, 156), np.float32)
        poses[:, :66] = rotmat_to_rotvec(random_pose(seed, 50))[:, :22].reshape(50, 66)
        np.savez(source / f"walk_{seed}.npz", poses=poses, mocap_framerate=30.0)
    (source / "broken.npz").write_bytes(b"no")
    index, notes = write_shards(source, tmp_path / "out", rest_joints_m=BODY.rest_joints(), rebalance=False)
    assert index.is_file()
    assert sum(note.startswith("Skipped") for note in notes) == 1
    pool = open_shards(tmp_path / "out")
    assert pool.clip_names == ("walk_0", "walk_1", "walk_2")
    # AMASS is z up; below the root nothing changes. A clip begins where it has left its first pose, and ends likewise.
    first = pool.rows(torch.arange(int(pool.spans[0, 1])))[:, 1:22].numpy()
    assert np.degrees(geodesic_angle(first, random_pose(0, 50)[1:-1, 1:22])).max() < 0.15


def test_folders_that_hold_no_whole_shards(shards: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    folder, _ = shards
    with pytest.raises(MissingFileError, match="does not exist"):
        write_shards(tmp_path / "none", tmp_path / "out", rest_joints_m=BODY.rest_joints())
    with pytest.raises(InputError, match="no pose to write"):
        ShardWriter(tmp_path / "empty").close()
    index = folder / "shards.json"
    table = json.loads(index.read_text(encoding="utf-8"))
    index.write_text(json.dumps(table | {"clips": table["clips"][:-1]}), encoding="utf-8")
    with pytest.raises(FormatError, match="in its shards and"):
        open_shards(folder)
    index.write_text(json.dumps(table | {"files": ["poses_9999.npy"]}), encoding="utf-8")
    with pytest.raises(FormatError, match="does not contain complete shards"):
        open_shards(folder)


@pytest.mark.parametrize(("batch", "adversarial", "natural"), [(12, 5, 5), (12, 12, 12), (12, 40, 12)])
def test_sizes_of_a_batch(
    shards: tuple[Path, dict[str, np.ndarray]], batch: int, adversarial: int, natural: int
) -> None:
    config = load_config(
        "smoke",
        (
            f"optim.batch={batch}",
            f"optim.adversarial_batch={adversarial}",
            "data.procedural_poses=8",
            "data.holdout=0.25",
        ),
    )
    data = load_data(config, BODY, motion=(), poses=shards[0])
    drawn = draw_batch(data, config, torch.Generator().manual_seed(0))
    assert len(drawn.natural_rotmat) == natural
    assert [len(part) for part in (drawn.points_norm, drawn.target_norm, drawn.norm_per_m)] == [batch] * 3


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("damage", ["type", "shape", "format"])
def test_one_damaged_shard_is_enough(shards: tuple[Path, dict[str, np.ndarray]], number: int, damage: str) -> None:
    folder, _ = shards
    table = json.loads((folder / "shards.json").read_text(encoding="utf-8"))
    file = folder / table["files"][number]
    rows = np.load(file)
    if damage == "format":
        (folder / "shards.json").write_text(json.dumps(table | {"format": "other"}), encoding="utf-8")
    else:
        np.save(file, rows.astype(np.float32) if damage == "type" else rows[:, :23])
    with pytest.raises(FormatError):
        open_shards(folder)


def _named(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_former_shards_stay_until_the_new_ones_are_whole(shards: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = shards
    before = {path: path.read_bytes() for path in folder.iterdir()}
    writer = ShardWriter(folder)
    writer.add("new", random_pose(9, 70))
    assert {path: path.read_bytes() for path in before} == before
    writer.discard()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    for size in (70, 30, 120):
        writer = ShardWriter(folder)
        writer.add("new", random_pose(9, size))
        writer.close()
        pool = open_shards(folder)
        assert (len(pool), pool.clip_names) == (size, ("new",))
        assert len(_named(folder)) == 2  # index and one shard


def test_reading_that_ends_early_keeps_former_shards(shards: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, poses = shards
    before = _named(folder)
    (folder.parent / "none").mkdir()
    with pytest.raises(InputError, match="no pose"):
        write_shards(folder.parent / "none", folder, rest_joints_m=BODY.rest_joints())
    assert _named(folder) == before
    assert len(open_shards(folder)) == sum(map(len, poses.values()))


@pytest.mark.parametrize(
    "text", ['{"results": 1}', "[]", "no", '{"format": "dancepose-shards-1", "files": ["/a.npy"]}']
)
def test_a_file_that_is_no_index_is_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "shards.json").write_text(text)
    with pytest.raises(OutputError, match="not an index of shards"):
        ShardWriter(tmp_path)
    assert (tmp_path / "shards.json").read_text() == text
    assert _named(tmp_path) == {"shards.json"}


@pytest.mark.parametrize(
    "change",
    [
        {"files": ["../poses_0000.npy"]},
        {"files": ["empty.npy"]},
        {"files": ["poses_0000.npy/../x.npy"]},
        {"files": 3},
        {"clips": [{"name": "a", "frames": float("inf")}]},
        {"clips": [{"name": "a", "frames": -5}, {"name": "b", "frames": 140}]},
    ],
)
def test_an_edited_index_is_refused(shards: tuple[Path, dict[str, np.ndarray]], change: dict[str, object]) -> None:
    folder, _ = shards
    index = folder / "shards.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), **change}))
    with pytest.raises(FormatError):
        open_shards(folder)


def test_an_empty_shard_is_refused(shards: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = shards
    next(folder.glob("*.npy")).write_bytes(b"")
    with pytest.raises(FormatError, match="complete shards"):
        open_shards(folder)
