# SPDX-License-Identifier: Apache-2.0
"""Files that try to freeze, fill or mislead their reader, made from their specifications."""

from collections.abc import Iterator
import io
import json
import os
from pathlib import Path
import struct
from typing import Any
import zipfile

import numpy as np

PROTOCOL = b"\x80\x02"
REPEATS = 60
"""Doublings: two to the power of sixty is out of reach of any memory and any time."""


def pickles() -> Iterator[tuple[str, bytes]]:
    """Pickles that describe more than they hold, and that name what must not be called."""
    twice = b")" + b"2\x86" * REPEATS
    memo = b")q\x00" + b"".join(b"h%ch%c\x86q%c" % (i, i, i + 1) for i in range(REPEATS))
    lists = b"]q\x000" + b"](h\x00h\x00eq\x000" * REPEATS + b"h\x00"
    yield "key doubled on the stack", PROTOCOL + b"}" + twice + b"K\x01s."
    yield "key doubled in the memo", PROTOCOL + b"}" + memo + b"K\x01s."
    yield "set of doubled tuples", b"\x80\x04\x8f(" + twice + b"\x90."
    yield "frozen set of doubled tuples", b"\x80\x04(" + twice + b"\x91."
    yield "persistent id that is doubled", PROTOCOL + memo + b"Q."
    yield "encoding that is doubled", PROTOCOL + b"c_codecs\nencode\nU\x01x" + lists + b"\x86R."
    yield "type whose name is doubled", PROTOCOL + b"cnumpy\ndtype\n(" + lists + b"K\x00K\x01tR."
    yield "class whose name is doubled", b"\x80\x04" + lists + lists + b"\x93."
    yield "control characters in a name", PROTOCOL + b"cos\x1b]0;OWNED\x07\x1b[2J\nsystem\n."
    yield "name of a megabyte", PROTOCOL + b"c" + b"os" * 500_000 + b"\nsystem\n."
    yield "call of os.system", b"cos\nsystem\n(S'touch OWNED'\ntR."
    yield "call of eval", b"c__builtin__\neval\n(S'1'\ntR."
    yield "number of a megabit", PROTOCOL + b"}U\x01a\x8b" + struct.pack("<I", 1 << 17) + b"\x7f" * (1 << 17) + b"s."
    yield "tuples a million deep", PROTOCOL + b"}N" + b"\x85" * 1_000_000 + b"K\x01s."
    yield "string longer than the file", PROTOCOL + b"T\xff\xff\xff\x7fabc."
    yield "memo at two billion", PROTOCOL + b"}r\xff\xff\xff\x7f."


def bodies() -> Iterator[tuple[str, bytes]]:
    """Pickles of bodies besides those."""
    size = b"U\x06_shapeJ\x00\x00\x00\x10K\x01\x86"
    start = b"cscipy.sparse.csc\ncsc_matrix\n)\x81}("
    inner = start + size + b"U\x04dataK\x01U\x03rowK\x00U\x03colK\x00ub"
    outer = start + size + b"U\x04dataK\x01U\x07indicesK\x00U\x06indptr" + inner + b"ub"
    yield "sparse matrix in a sparse matrix", PROTOCOL + b"}U\x01a" + outer + b"s."
    square = b"U\x06_shapeJ\x00\x00\x00\x10J\x00\x00\x00\x10\x86"
    yield "sparse matrix of 2^56 elements", PROTOCOL + b"}U\x01a" + start + square + b"ubs."
    yield "expression of itself", PROTOCOL + b"}U\x01acchumpy.ch\nCh\n)\x81q\x01}(U\x01ah\x01U\x04idxsh\x01ubs."


def npy(array: np.ndarray) -> bytes:
    """An .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape: Any, descr: str = "<f8") -> bytes:
    """An .npy file that claims a shape and holds a kilobyte."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 1000


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, *, claimed: int | None = None) -> bytes:
    """A zip archive. claimed: the size that its directory gives for its only member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    data = bytearray(file.getvalue())
    if claimed is not None:
        for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            start = data.rindex(magic) + place
            data[start : start + 4] = struct.pack("<I", claimed)
    return bytes(data)


def arrays() -> Iterator[tuple[str, bytes]]:
    """.npy and .npz: the suffix follows from the first bytes."""
    yield "shape beyond 64 bits", header((0, 2**63 - 1, 3))
    yield "shape of a truth value", header((True, 22, 3))
    yield "shape of 65 axes", header((1,) * 65)
    yield "negative shape", header((-1, 22, 3))
    yield "more than the file holds", header((10**6, 22, 3))
    yield "type of 2^40 bytes", header((1,), "|V1099511627776")
    yield "text", npy(np.array(["\x1b[2J"] * 40))
    yield "NaN alone", npy(np.full((40, 22, 3), np.nan))
    yield "largest integers", npy(np.full((40, 22, 3), np.iinfo(np.int64).max))
    zeros = npy(np.zeros(12 << 20))
    for word, method in (("deflate", zipfile.ZIP_DEFLATED), ("bz2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        yield f"100 MB of zeros in {word}", archive({"keypoints_m.npy": zeros}, method)
        yield f"100 MB that say 100 bytes in {word}", archive({"poses.npy": zeros}, method, claimed=100)
    yield "a thousand arrays", archive({f"{i}.npy": npy(np.zeros(1)) for i in range(1000)})
    yield "a member outside", archive({"../../x.npy": npy(np.zeros(3))})
    yield "an archive cut short", archive({"a.npy": zeros})[:1000]


def bvhs() -> Iterator[tuple[str, bytes]]:
    """BVH files."""
    bare = "HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\n}}\nMOTION\nFrames: {}\nFrame Time: 0.01\n"
    yield "60 million frames of nothing", bare.format(60_000_000).encode()
    yield "a billion frames of nothing", bare.format(999_999_999).encode()
    yield "frames without end", bare.format("9" * 5000).encode()
    joint = "JOINT j{}\n{{\nOFFSET 0 1 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    names = "".join(joint.format(i) for i in range(100_000))
    yield "a hundred thousand joints", ("HIERARCHY\n" + names.replace("JOINT", "ROOT", 1) + "}" * 100_000).encode()
    yield "a word of five megabytes", b"HIERARCHY\nROOT " + b"a" * 5_000_000
    yield "control characters", b"HIERARCHY\nROOT \x1b[2J\x1b]0;OWNED\x07\n{\nOFFSET a b c\n}"
    yield "channels without end", b"HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 999999999 Xposition\n}\n"


def texts() -> Iterator[tuple[str, str, bytes]]:
    """Text formats: name, suffix, content."""
    title = "._:/-" * 5000
    yield "two titles of 24 kB", ".csv", (f"frame,{title},{title}\n" + "1,2,3\n" * 30).encode()
    yield "forty titles of 24 kB", ".csv", (",".join(["frame"] + [title] * 40) + "\n").encode()
    yield "rows of different lengths", ".csv", b"frame,a_x,a_y,a_z\n1,2\n1,2,3,4,5,6\n"
    yield "UTF-16", ".csv", "frame,a_x,a_y,a_z\n1,2,3,4\n".encode("utf-16")
    yield "a table without numbers", ".trc", b"PathFileType\t4\t(X/Y/Z)\n" + b"\t" * 100_000
    yield "brackets without end", ".json", b"[" * 1_000_000
    yield "an integer of 4000 digits", ".json", _dance(9 * 10**3999)
    yield "keys repeated", ".json", b'{"skeletons": [], ' + b'"a": 1,' * 100_000 + b'"length": 0}'
    yield "control characters", ".json", json.dumps({"skeletons": "\x1b[2J", "length": 3}).encode()
    yield "a C3D header alone", ".c3d", b"\x02\x50" + b"\xff" * 510
    yield "C3D of zeros", ".c3d", b"\x02\x50" + b"\0" * 510


def _dance(value: int) -> bytes:
    frame = [[0.0, float(i), 1.0] for i in range(23)]
    table = {"length": 3, "center": [[0.0] * 3] * 3, "skeletons": [frame, frame, frame]}
    return json.dumps(table).replace("22.0", str(value), 1).encode()


def special(folder: Path) -> Iterator[tuple[str, Path]]:
    """Paths that are not files: made in ``folder``."""
    for suffix in (".npz", ".npy", ".pkl", ".bvh", ".csv", ".trc", ".c3d", ".json"):
        empty = folder / f"empty{suffix}"
        empty.touch()
        yield f"an empty file {suffix}", empty
    (folder / "folder.npz").mkdir()
    yield "a folder called .npz", folder / "folder.npz"
    for suffix in (".npz", ".pkl", ".bvh"):
        (folder / f"zero{suffix}").symlink_to("/dev/zero")
        yield f"/dev/zero as {suffix}", folder / f"zero{suffix}"
        os.mkfifo(folder / f"pipe{suffix}")
        yield f"a pipe as {suffix}", folder / f"pipe{suffix}"
    (folder / "loop.npz").symlink_to("loop.npz")
    yield "a link to itself", folder / "loop.npz"
    yield "a file that is not there", folder / "none.npz"


def write_all(folder: Path) -> dict[str, list[tuple[str, Path]]]:
    """Write every hostile file.

    Args:
        folder: An empty folder.

    Returns:
        Names and paths by kind: ``motion`` and ``body``.
    """
    motions: list[tuple[str, Path]] = []
    found: list[tuple[str, Path]] = []

    def write(kind: list[tuple[str, Path]], name: str, suffix: str, content: bytes) -> None:
        path = folder / f"{len(motions) + len(found):03d}{suffix}"
        path.write_bytes(content)
        kind.append((f"{name}, {suffix}", path))

    for name, content in pickles():
        write(motions, name, ".pkl", content)
        write(found, name, ".pkl", content)
    for name, content in bodies():
        write(found, name, ".pkl", content)
    for name, content in arrays():
        suffix = ".npz" if content.startswith(b"PK") else ".npy"
        write(motions, name, suffix, content)
        write(found, name, ".npz", content)
    for name, content in bvhs():
        write(motions, name, ".bvh", content)
    for name, suffix, content in texts():
        write(motions, name, suffix, content)
    others = folder / "special"
    others.mkdir()
    motions += special(others)
    return {"motion": motions, "body": found}
