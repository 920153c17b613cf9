# SPDX-License-Identifier: Apache-2.0
"""Pools of natural poses: a tensor in memory, or memory-mapped shards.

Shards are for collections such as AMASS, whose ten million frames would take 9 GB as matrices. On disk a pose is 24
rotation vectors in float16 (144 bytes; at most 0.1 degrees off), in .npy files that the operating system maps into
memory and may drop again. A batch reads only its own rows.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
import itertools
import json
from pathlib import Path
import re
from types import SimpleNamespace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import JOINT_COUNT
from dancepose_addon.core.body.rotation import rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.bounded_files import read_whole, require_regular
from dancepose_addon.core.errors import FormatError, InputError, OutputError
from dancepose_addon.core.printable_text import quoted

INDEX_NAME: Final = "shards.json"
FORMAT: Final = "dancepose-shards-1"
SHARD_ROWS: Final = 1_000_000
MOST_INDEX_BYTES: Final = 256 << 20
"""AMASS has some 20,000 clips, of about 100 bytes each."""
SHARD_NAME: Final = re.compile(r"poses_(\d+_)?\d{4,}\.npy")
DAMAGED: Final = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""What reading an index that somebody edited may raise."""


class PosePool(Protocol):
    """Poses that batches are drawn from."""

    def __len__(self) -> int:
        """Number of poses."""
        ...

    def rows(self, index: Tensor) -> Tensor:
        """Return poses by index: (N,), below the length of the pool, to local rotations (N, 24, 3, 3) on its device."""
        ...


@dataclass(frozen=True)
class TensorPool:
    """Poses in memory.

    Attributes:
        poses: (M, 24, 3, 3), local rotations.
    """

    poses: Tensor

    def __len__(self) -> int:
        return len(self.poses)

    def rows(self, index: Tensor) -> Tensor:
        """Return poses by index, as ``PosePool.rows``."""
        return self.poses[index]


@dataclass(frozen=True)
class ShardPool:
    """Poses in memory-mapped shards.

    Attributes:
        shards: Rotation vectors, (M, 24, 3) float16 each.
        starts: (S + 1,), first row of each shard among all rows.
        spans: (C, 2), first row and one past the last row of each clip that may be drawn.
        clip_names: Names of all clips.
    """

    shards: tuple[NDArray[np.float16], ...]
    starts: NDArray[np.int64]
    spans: NDArray[np.int64]
    clip_names: tuple[str, ...]

    def __len__(self) -> int:
        return int((self.spans[:, 1] - self.spans[:, 0]).sum())

    def rows(self, index: Tensor) -> Tensor:
        """Return poses by index, as ``PosePool.rows``."""
        wanted = index.cpu().numpy()
        ends = np.cumsum(self.spans[:, 1] - self.spans[:, 0])
        clip = np.searchsorted(ends, wanted, side="right")
        row = self.spans[clip, 1] - (ends[clip] - wanted)
        shard = np.searchsorted(self.starts, row, side="right") - 1
        rotvec = np.empty((len(row), JOINT_COUNT, 3), np.float32)
        for number in np.unique(shard):
            here = shard == number
            rotvec[here] = self.shards[number][row[here] - self.starts[number]]
        return torch.from_numpy(rotvec_to_rotmat(rotvec)).to(index.device)

    def without(self, clips: Sequence[int]) -> "ShardPool":
        """Return the pool without some clips."""
        kept = np.setdiff1d(np.arange(len(self.spans)), np.asarray(clips, np.int64))
        return ShardPool(self.shards, self.starts, self.spans[kept], self.clip_names)


class ShardWriter:
    """Writes poses clip by clip. Nothing is visible before ``close``, which writes the index last.

    Shards that the folder has already stay until then, and are removed afterwards.

    Args:
        folder: Where to write.

    Raises:
        OutputError: A file cannot be written, or the folder has an index that is not of shards.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._former = _former_files(folder)
        self._series = _free_series(folder)
        self._rows: list[NDArray[np.float16]] = []
        self._waiting = 0
        self._files: list[str] = []
        self._clips: list[dict[str, Any]] = []
        self._total = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, pose_rotmat: NDArray[np.float32]) -> None:
        """Append local rotations (T, 24, 3, 3) of a clip."""
        self.add_rotvec(name, rotmat_to_rotvec(pose_rotmat))

    def add_rotvec(self, name: str, rotvec: NDArray[np.floating]) -> None:
        """Append rotation vectors (T, 24, 3), radians, of a clip."""
        self._rows.append(rotvec.astype(np.float16))
        self._clips.append({"name": name, "frames": len(rotvec)})
        self._waiting += len(rotvec)
        self._total += len(rotvec)
        if self._waiting >= SHARD_ROWS:
            self._flush()

    def close(self, notes: Sequence[str] = ()) -> Path:
        """Write the remaining poses and the index.

        Args:
            notes: Sentences on the sources, kept in the index.

        Returns:
            The path of the index.

        Raises:
            InputError: There is no pose.
        """
        if self._waiting:
            self._flush()
        if not self._total:
            raise InputError("There is no pose to write. Give a folder of CMU .bvh or AMASS .npz files.")
        path = self._folder / INDEX_NAME
        table = {"format": FORMAT, "files": self._files, "clips": self._clips, "notes": list(notes)}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(table) + "\n", encoding="utf-8")
        self._remove(self._former)
        return path

    def discard(self) -> None:
        """Remove what has been written; shards that the folder had before stay."""
        self._remove(self._files)

    def _remove(self, names: Sequence[str]) -> None:
        for name in names:
            with suppress(OSError):  # They are not used any more.
                (self._folder / name).unlink()

    def _flush(self) -> None:
        name = f"{self._series}{len(self._files):04d}.npy"
        with replacing(self._folder / name) as temporary, temporary.open("wb") as file:
            # Straight to a file, NumPy hides the reason of a failed write, such as a full disk.
            np.save(SimpleNamespace(write=file.write), np.concatenate(self._rows))
        self._files.append(name)
        self._rows, self._waiting = [], 0


def _former_files(folder: Path) -> list[str]:
    """Return the names of the shards that a folder has."""
    path = folder / INDEX_NAME
    if not path.exists():
        return []
    try:
        return _read_index(path)["files"]
    except (OSError, FormatError, *DAMAGED) as error:
        raise OutputError(
            f"{path} is not an index of shards, so it is not replaced. Give another folder with --out, or remove it."
        ) from error


def _free_series(folder: Path) -> str:
    """Return the beginning of file names that the folder does not have yet."""
    names = [path.name for path in folder.glob("poses_*.npy")]
    series = ("poses_" if number == 1 else f"poses_{number}_" for number in itertools.count(1))
    return next(start for start in series if not any(name.startswith(start) for name in names))


def _read_index(path: Path) -> dict[str, Any]:
    """Read an index.

    Raises:
        OSError: It cannot be read.
        FormatError: It is none of this format, or names a file elsewhere.
        ValueError, KeyError, TypeError, OverflowError, RecursionError: It is damaged.
    """
    table = json.loads(read_whole(path, limit_bytes=MOST_INDEX_BYTES, what="an index of shards"))
    if table["format"] != FORMAT:
        raise FormatError(f"{path} has format {quoted(str(table['format']))}; expected {FORMAT!r}.")
    for name in table["files"]:
        if not SHARD_NAME.fullmatch(name):
            raise FormatError(f"{path} names {quoted(str(name))}, which is not a shard beside it.")
    return {**table, "files": list(table["files"])}


def open_shards(folder: Path) -> ShardPool:
    """Map the shards that ``ShardWriter`` wrote.

    Args:
        folder: Folder of the index.

    Returns:
        The pool.

    Raises:
        FormatError: The index or a shard is damaged.
    """
    try:
        table = _read_index(folder / INDEX_NAME)
        for name in table["files"]:
            require_regular(folder / name)
        shards = tuple(np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in table["files"])
        frames = [int(clip["frames"]) for clip in table["clips"]]
        names = tuple(str(clip["name"]) for clip in table["clips"])
        sizes = [len(shard) for shard in shards]
    except (OSError, EOFError, *DAMAGED) as error:
        raise FormatError(
            f"{folder} does not contain complete shards ({error}). Make them again: `dancepose poses`."
        ) from error
    if (
        min(frames, default=0) < 0
        or sum(sizes) != sum(frames)
        or any(s.shape[1:] != (JOINT_COUNT, 3) or s.dtype != np.float16 for s in shards)
    ):
        raise FormatError(
            f"{folder} has {sum(sizes)} poses in its shards and {sum(frames)} in its index. Make them again: "
            "`dancepose poses`."
        )
    ends = np.cumsum(frames)
    spans = np.stack([ends - frames, ends], axis=1).astype(np.int64)
    return ShardPool(shards, np.cumsum([0, *sizes]).astype(np.int64), spans, names)
