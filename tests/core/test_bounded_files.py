# SPDX-License-Identifier: Apache-2.0
"""Files that are small on the disk and large in memory, and messages that quote them."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
import io
import os
from pathlib import Path
import pickle
import struct
import sys
import time
import tracemalloc
from types import ModuleType
import zipfile

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.bounded_files import NpzLimits, open_npz, parse_json
from dancepose_addon.core.errors import BodyFileError, DancePoseError, FormatError
from dancepose_addon.core.printable_text import printable, quoted
from dancepose_addon.core.skeleton.readers import open_recording

MAX_SECONDS = 2.0
MAX_BYTES = 200 << 20


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import what the readers import at their first call, which is not a matter of the file."""
    for name, content in (("a.pkl", pickle.dumps([1])), ("a.npy", b"\x93NUMPY"), ("a.npz", b"PK")):
        path = tmp_path_factory.mktemp("first") / name
        path.write_bytes(content)
        for read in (load_body, open_recording):
            with suppress(DancePoseError):
                read(path)


def bounded(read: Callable[[Path], object], path: Path) -> str:
    """The refusal of a file, which has to be quick, short, printable and without much memory."""
    started = time.process_time()
    with pytest.raises(DancePoseError) as caught:
        read(path)
    seconds = time.process_time() - started
    # Tracing takes several times as long, so the memory of a second call is traced.
    tracemalloc.start()
    try:
        with pytest.raises(DancePoseError):
            read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert seconds < MAX_SECONDS
    assert peak < MAX_BYTES
    assert len(message) < 600
    assert message.replace("\n", "").isprintable()
    return message


def doubled(pair: bytes, start: bytes, count: int = 60) -> bytes:
    """An object that holds the one before twice, ``count`` times over. pair: turns two objects into one."""
    return start + (b"2" + pair) * count


PROTOCOL = b"\x80\x02"
LISTS = b"]q\x000" + b"](h\x00h\x00eq\x000" * 60 + b"h\x00"
"""A list of two lists of two lists, sixty deep."""
PICKLES = {
    "a key that is a doubled tuple": PROTOCOL + b"}" + doubled(b"\x86", b")") + b"K\x01s.",
    "a key doubled by the memo": PROTOCOL + b"})q\x00" + b"".join(
        b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(60)
    ) + b"K\x01s.",
    "a key doubled, many at once": PROTOCOL + b"}(" + doubled(b"\x86", b")") + b"K\x01u.",
    "a key doubled, with a state of None": PROTOCOL + b"}" + doubled(b"\x86", b")").replace(b"2", b"q\x00h\x00")
    + b"NbK\x01s.",
    "a set": b"\x80\x04\x8f(" + doubled(b"\x86", b")") + b"\x90.",
    "a frozen set": b"\x80\x04(" + doubled(b"\x86", b")") + b"\x91.",
    "a persistent identifier": PROTOCOL + doubled(b"\x86", b")") + b"Q.",
    "the encoding of text": PROTOCOL + b"c_codecs\nencode\nU\x01x" + LISTS + b"\x86R.",
    "the name of a type": PROTOCOL + b"cnumpy\ndtype\n(" + LISTS + b"K\x00K\x01tR.",
    "the name of a class": b"\x80\x04" + LISTS + b"h\x00\x93.",
    "a number of a million bits": PROTOCOL + b"}U\x01a\x8b" + struct.pack("<I", 1 << 17) + b"\x7f" * (1 << 17) + b"s.",
    "control characters in a name": PROTOCOL + b"cos\x1b]0;OWNED\x07\x1b[2J\nsystem\n.",
    "a long name": PROTOCOL + b"c" + b"os" * 500_000 + b"\nsystem\n.",
}  # fmt: skip


@pytest.mark.parametrize("reader", ["body", "motion", "npy", "npz"])
@pytest.mark.parametrize("name", sorted(PICKLES))
def test_pickles_that_describe_more_than_they_hold(tmp_path: Path, name: str, reader: str) -> None:
    content, path = PICKLES[name], tmp_path / "small.pkl"
    if reader in ("npy", "npz"):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
        content, path = header.getvalue() + content, path.with_suffix("." + reader)
    if reader == "npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", content)
    else:
        path.write_bytes(content)
    bounded(load_body if reader == "body" else open_recording, path)


SPARSE = b"cscipy.sparse.csc\ncsc_matrix\n)\x81}("
SIZE = b"U\x06_shapeJ\x00\x00\x00\x10K\x01\x86"


@pytest.mark.parametrize("part", [b"indptr", b"indices", b"data"])
def test_a_sparse_matrix_inside_a_sparse_matrix(tmp_path: Path, part: bytes) -> None:
    inner = SPARSE + SIZE + b"U\x04dataK\x01U\x03rowK\x00U\x03colK\x00ub"
    outer = SPARSE + SIZE + b"U\x04dataK\x01U\x07indicesK\x00U\x06indptrK\x00U" + bytes([len(part)]) + part
    path = tmp_path / "a.pkl"
    path.write_bytes(PROTOCOL + b"}U\x01a" + outer + inner + b"ubs.")
    assert "matrix" in bounded(load_body, path)


class Ch:
    """Pickles under the name chumpy.ch.Ch."""

    def __init__(self, **state: object) -> None:
        self.__dict__.update(state)


def test_expressions_that_refer_to_one_array_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("chumpy.ch")
    module.Ch = Ch  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    monkeypatch.setattr(Ch, "__module__", "chumpy.ch")
    values, chosen = np.arange(50_000.0), np.zeros(100_000, np.int64)
    path = tmp_path / "a.pkl"
    few = {f"k{i}": Ch(a=values, idxs=chosen) for i in range(4)}
    path.write_bytes(pickle.dumps(few, protocol=2))
    with pytest.raises(BodyFileError, match="lacks v_template"):  # so that the refusal below has its own reason
        load_body(path)
    path.write_bytes(pickle.dumps({f"k{i}": Ch(a=values, idxs=chosen) for i in range(600)}, protocol=2))
    assert path.stat().st_size < 3 << 20
    with pytest.raises(BodyFileError, match="limit"):
        load_body(path)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive_of(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def claim_size(path: Path, size: int) -> None:
    """Let the directory of an archive of one member say another size than the member has."""
    data = bytearray(path.read_bytes())
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.rindex(magic) + place
        data[start : start + 4] = struct.pack("<I", size)
    path.write_bytes(data)


READERS = {"motion": open_recording, "body": load_body, "fitted": BodyMotion.load}
NAMES = {"motion": "keypoints_m.npy", "body": "v_template.npy", "fitted": "poses.npy"}


@cache
def bomb(kind: str, method: int) -> bytes:
    """An archive of 96 MB of zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(NAMES[kind], npy(np.zeros(12 << 20)))
    return file.getvalue()


@pytest.mark.parametrize("size", [None, 100, 0xFFFFFFF0], ids=["honest", "low", "high"])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("kind", sorted(READERS))
def test_archives_that_expand_a_thousand_times(tmp_path: Path, kind: str, method: int, size: int | None) -> None:
    path = tmp_path / "bomb.npz"
    path.write_bytes(bomb(kind, method))
    if size is not None:
        claim_size(path, size)
    assert path.stat().st_size < 300 << 10
    bounded(READERS[kind], path)


@pytest.mark.parametrize("kind", sorted(READERS))
def test_more_arrays_than_a_file_needs(tmp_path: Path, kind: str) -> None:
    members = {f"{i}.npy": npy(np.zeros(1)) for i in range(1000)}
    assert "1000" in bounded(READERS[kind], archive_of(tmp_path / "many.npz", members))


@pytest.mark.parametrize("shape", [(0, 2**63 - 1, 3), (True, 22, 3), (2**70, 3), (-1, 22, 3), (1,) * 65, (4.5, 3)])
def test_headers_with_impossible_shapes(tmp_path: Path, shape: tuple[object, ...]) -> None:
    text = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode()
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 1000)
    bounded(open_recording, path)


def test_arrays_of_a_body_that_are_no_numbers(tmp_path: Path) -> None:
    text = {key: np.array([["a"] * 3] * 4) for key in ("v_template", "f", "shapedirs", "J_regressor", "weights")}
    np.savez(tmp_path / "a.npz", kintree_table=np.zeros((2, 24)), **text)
    bounded(load_body, tmp_path / "a.npz")


def test_a_compact_body_of_ten_million_vertices(tmp_path: Path) -> None:
    with np.load(Path("dancepose_addon/assets/body.npz").absolute()) as stored:
        arrays = {**stored, "v_template": np.zeros((3, 10_000_000), np.int16)}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(BodyFileError, match="65536"):
        load_body(tmp_path / "a.npz")


def test_a_fitted_motion_with_deep_provenance(tmp_path: Path) -> None:
    arrays = {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "betas": np.zeros(10), "rest_pelvis": np.zeros(3)}
    np.savez(tmp_path / "a.npz", **arrays, scale=np.float32(1.0), mocap_framerate=25.0, provenance="[" * 200_000)
    with pytest.raises(FormatError, match="nested too deep"):
        BodyMotion.load(tmp_path / "a.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("name", ["a.npz", "a.pkl", "a.npy"])
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    bounded(load_body, tmp_path / name)
    if Path("/dev/zero").exists():
        (tmp_path / f"zero-{name}").symlink_to("/dev/zero")
        bounded(load_body, tmp_path / f"zero-{name}")


def test_messages_are_printable_and_short() -> None:
    hostile = "\x1b]0;OWNED\x07\x1b[2J\u202egpj.exe\udcff\x00"
    assert printable(hostile).isprintable()
    assert "\\x1b" in printable(hostile)
    assert len(printable("x" * 5_000_000)) == 1000
    assert printable("a\nb") == "a\nb"
    assert len(printable("x\n" * 100_000).splitlines()) == 41
    assert printable("Grüße, 你好, مرحبا") == "Grüße, 你好, مرحبا"
    assert len(quoted("y" * 10_000)) == 62
    assert quoted([[]]) == "a list"
    assert quoted(1 << 100_000) == "a number of 100001 bits"


@pytest.mark.skipif(sys.platform == "win32", reason="devices of POSIX")
def test_a_device_is_no_archive() -> None:
    with pytest.raises(FormatError, match="not a regular file"):
        open_npz(Path(os.devnull), limits=NpzLimits(arrays=1, expansion=1, small_bytes=1), wanted=())


@pytest.mark.parametrize(
    "text",
    [
        r'["\ud800"]',
        r'{"\uDfFf": 1}',
        r'["\ude00\ud83d"]',
        b'["\xed\xa0\x80"]',
        '["\ud800"]'.encode("utf-16", "surrogatepass"),
    ],
)
def test_texts_with_half_a_character_are_no_json(text: str | bytes) -> None:
    """They could be read, but neither printed nor written."""
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'["\ud83d\ude00"]', ["\U0001f600"]),
        (r'"\\ud800"', r"\ud800"),
        ('"\u00e9"'.encode("utf-16"), "\u00e9"),
        (b"[1, 2.5]", [1, 2.5]),
    ],
)
def test_whole_characters_are_read(text: str | bytes, value: object) -> None:
    assert parse_json(text) == value


def test_numbers_that_json_does_not_have() -> None:
    assert parse_json("[Infinity]") == [float("inf")]
    for name in ("NaN", "-Infinity"):
        with pytest.raises(ValueError, match=f"{name} is not a number of JSON"):
            parse_json(f"[{name}]", constants=False)
