# SPDX-License-Identifier: Apache-2.0
"""joblib's compressions, and containers of arrays."""

import bz2
import gzip
import lzma
from pathlib import Path
import pickle
from typing import Any
import zipfile
import zlib

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.skeleton.readers.array_file import (
    _holds_arrays,
    contents_of,
    pickle_contents_of,
    recognises,
    recognises_pickle,
)
from dancepose_addon.core.skeleton.readers.frame_lists import FRAMES
from dancepose_addon.core.skeleton.readers.joblib_file import expand, is_compressed, load_joblib
from dancepose_addon.core.skeleton.readers.pickle_arrays import (
    refused,
)
from dancepose_addon.core.skeleton.readers.point_arrays import ARRAY
from dancepose_addon.core.skeleton.recording import Head

SYSTEM = b"cposix\nsystem\n"


COMPRESSIONS = {
    "gzip": gzip.compress, "bz2": lambda data: bz2.compress(data, 1), "xz": lambda data: lzma.compress(data, preset=0),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE, preset=0),
    **{f"zlib{level}": lambda data, level=level: zlib.compress(data, level) for level in (0, 1, 3, 6, 9)},
}  # fmt: skip


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_compressions(name: str) -> None:
    data = np.random.default_rng(0).bytes(300_000)
    packed = COMPRESSIONS[name](data)
    assert is_compressed(packed[:4096])
    assert expand(packed, Path("a.pkl")) == data
    assert expand(COMPRESSIONS[name](b""), Path("a.pkl")) == b""
    for damaged in (packed[:-30], packed[:40]):
        with pytest.raises(FormatError, match=r"a\.pkl is damaged or not a compressed pickle"):
            expand(damaged, Path("a.pkl"))


def test_what_is_not_compressed_and_what_expands_too_far() -> None:
    for start in (b"x^2 + y^2", b"\x80\x04", b"", b"PK\x03\x04", b"x\x9c is no stream"):
        assert not is_compressed(start)
    assert len(expand(zlib.compress(bytes(16 << 20)), Path("a"))) == 16 << 20
    with pytest.raises(FormatError, match="expands to more than 16 MiB"):
        expand(zlib.compress(bytes(18 << 20)), Path("a"))


def test_names_of_foreign_objects() -> None:
    data = b"(" + SYSTEM + b")R" + SYSTEM + b")RcA\nb\n)RK\x05t."
    assert load_joblib(data, "it") == ([None, None, None, 5], ("A.b", "posix.system"))
    with pytest.raises(FormatError, match="it is damaged or not a pickle of joblib"):
        load_joblib(b"]", "it")
    said = str(refused("it", "a file", ValueError("x " * 200)))
    assert said.startswith("it is damaged or not a file (x x ")
    assert len(said) < 300
    assert "(ValueError)" in str(refused("it", "a file", ValueError()))


@pytest.mark.parametrize(
    ("name", "start", "array", "pickled"),
    [
        ("a.bin", b"\x93NUMPY\x01", True, False), ("a.bin", b"PK\x03\x04", True, False), ("a.NPY", b"", True, False),
        ("a.npz", b"", True, False), ("a.smpl", b"", True, False), ("a.bin", b"\x80\x02", False, True),
        ("a.bin", b"\x80\x05", False, True), ("a.bin", b"\x80\x06", False, False), ("a.bin", b"\x80\x01", False, False),
        ("a.pkl", b"(lp0", False, True), ("a.PT", b"x", False, True), ("a.joblib", b"x", False, True),
        ("a.bin", gzip.compress(b"x", mtime=0), False, True), ("a.bin", b"(lp0", False, False),
    ],
)  # fmt: skip
def test_containers_by_their_start(name: str, start: bytes, *, array: bool, pickled: bool) -> None:
    head = Head(Path(name), start)
    assert recognises(head) is array
    assert recognises_pickle(head) is pickled


def test_contents_of_containers(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(contents_of(tmp_path / "a.npy")[ARRAY], array)
    np.save(tmp_path / "b.npy", np.array({"poses": array}, object), allow_pickle=True)
    np.testing.assert_array_equal(contents_of(tmp_path / "b.npy")["poses"], array)
    frames = [{"poses": array}, {"poses": array}]
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(frames))
    assert len(pickle_contents_of(tmp_path / "c.pkl")[FRAMES]) == 2
    (tmp_path / "d.pkl").write_bytes(zlib.compress(pickle.dumps({"poses": array})))
    np.testing.assert_array_equal(pickle_contents_of(tmp_path / "d.pkl")["poses"], array)
    (tmp_path / "e.npy.gz").write_bytes(gzip.compress((tmp_path / "a.npy").read_bytes()))
    np.testing.assert_array_equal(pickle_contents_of(tmp_path / "e.npy.gz")[ARRAY], array)
    (tmp_path / "f.csv.gz").write_bytes(gzip.compress(b"time,a_x,a_y,a_z\n0,1,2,3\n"))
    with pytest.raises(FormatError, match=r"is compressed\. Unpack it"):
        pickle_contents_of(tmp_path / "f.csv.gz")
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr("a.bvh", "HIERARCHY")
    with pytest.raises(FormatError, match=r"is an archive \(a.bvh\)"):
        contents_of(tmp_path / "g.zip")
    (tmp_path / "h.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(FormatError, match=r"truncated or not an \.npz"):
        contents_of(tmp_path / "h.npz")


def test_foreign_objects_are_left_out_where_arrays_remain(tmp_path: Path) -> None:
    start = b"}(U\x05otherccustom\nThing\n)RU\x05poses"
    for rest, kept in ((pickle.dumps(np.ones((2, 3)), 2)[2:-1], True), (b"](](K\x01K\x02ee", True), (b"K\x05", False)):
        (tmp_path / "a.pkl").write_bytes(b"\x80\x02" + start + rest + b"u.")
        if kept:
            assert set(pickle_contents_of(tmp_path / "a.pkl")) == {"other", "poses"}
        else:
            with pytest.raises(FormatError, match=r"custom\.Thing"):
                pickle_contents_of(tmp_path / "a.pkl")


def test_arrays_are_looked_for_to_a_depth_of_six() -> None:
    assert _holds_arrays(np.ones((2, 3)))
    assert not _holds_arrays(np.ones(3))
    assert _holds_arrays([[1.0, 2.0], [3.0, 4.0]])
    assert not _holds_arrays([1.0, 2.0])
    assert _holds_arrays([{"a": np.ones((2, 3))}])
    for value in (5, None, "text", [], {}):
        assert not _holds_arrays(value)
    value: Any = np.ones((2, 3))
    for _ in range(6):
        value = {"a": 1, "b": value}
        assert _holds_arrays(value)
    assert not _holds_arrays({"b": value})
