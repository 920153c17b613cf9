# SPDX-License-Identifier: Apache-2.0
"""Files of poses with one array changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose.trainer.mocap.poses import PoseDataset, load_poses
from dancepose_addon.core.errors import FormatError
from tests.support.posing import random_pose

Change = Callable[[Any], Any]


def nan_at(poses: Any) -> Any:
    poses[3, 2, 1] = np.nan
    return poses


CHANGES: dict[str, tuple[str, Change]] = {
    "all NaN": ("prior_poses", lambda poses: poses * np.nan),
    "one NaN": ("prior_poses", nan_at),
    "infinite": ("prior_poses", lambda poses: poses * np.inf),
    "huge": ("prior_poses", lambda poses: poses + 1e30),
    "few joints": ("prior_poses", lambda poses: poses[:, :20]),
    "flat": ("prior_poses", lambda poses: poses.ravel()),
    "a number": ("prior_poses", lambda _poses: np.float32(1.0)),
    "none": ("prior_poses", lambda poses: poses[:0]),
    "complex": ("prior_poses", lambda poses: poses + 0j),
    "whole": ("prior_poses", lambda poses: (10 * poses).astype(int)),
    "clips beyond": ("clip", lambda clip: clip + 1000),
    "clips below": ("clip", lambda clip: clip - 1),
    "clips with fractions": ("clip", lambda clip: clip + 0.5),
    "few clips": ("clip", lambda clip: clip[:5]),
    "few mirrored": ("mirrored", lambda mirrored: mirrored[:5]),
    "no flags": ("mirrored", lambda mirrored: mirrored.astype(float)),
    "few kinds": ("smpl", lambda smpl: smpl[:1]),
    "names are numbers": ("clip_names", lambda names: np.arange(len(names))),
    "no names": ("clip_names", lambda names: names[:0]),
    "table of names": ("clip_names", lambda names: names[None]),
    "notes are numbers": ("notes", lambda notes: np.arange(len(notes))),
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    clip = np.repeat(np.arange(3, dtype=np.int32), 4)
    mirrored = np.zeros(12, bool)
    PoseDataset(random_pose(5, 12), clip, ("a", "b", "c"), mirrored, ("one.", "two."), (True, False, True)).save(
        tmp_path / "poses.npz"
    )
    return tmp_path / "poses.npz"


def test_the_file_itself_is_read(saved: Path) -> None:
    found = load_poses(saved)
    assert (len(found), found.clip_names, found.smpl) == (12, ("a", "b", "c"), (True, False, True))
    bare = PoseDataset(found.pose_rotmat, found.clip, found.clip_names, found.mirrored)
    bare.save(saved)
    assert (load_poses(saved).notes, load_poses(saved).smpl) == ((), ())


@pytest.mark.parametrize("name", CHANGES)
def test_other_arrays_are_refused(saved: Path, name: str) -> None:
    key, change = CHANGES[name]
    with np.load(saved) as file:
        arrays = dict(file)
    arrays[key] = change(arrays[key])
    np.savez(saved, **arrays)
    with pytest.raises(FormatError, match=r"is not a file of saved poses .*Make one with `dancepose poses`"):
        load_poses(saved)
    del arrays[key]
    np.savez(saved, **arrays)
    with pytest.raises(FormatError, match="is not a file of saved poses"):
        load_poses(saved)
