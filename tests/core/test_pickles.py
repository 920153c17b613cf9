# SPDX-License-Identifier: Apache-2.0
"""SMPL pickles: the official form, written here without chumpy or scipy, and hostile ones."""

import collections
from collections.abc import Callable, Iterator
import io
import os
from pathlib import Path
import pickle
import struct
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.pickles import load_smpl_pickle
from dancepose_addon.core.errors import BodyFileError, MissingFileError
from tests.support.bodies import synthetic_arrays


class Ch:
    """Pickles under the name chumpy.ch.Ch, with the state that chumpy gives."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


class Select(Ch):
    """Pickles under the name chumpy.reordering.Select."""


class Csc:
    """Pickles under the name scipy.sparse.csc.csc_matrix, as scipy of Python 2's days did."""

    def __init__(self, dense: np.ndarray) -> None:
        matrix = scipy.sparse.csc_matrix(dense)
        self.__dict__.update(
            format="csc", maxprint=50, _shape=matrix.shape, data=matrix.data, indices=matrix.indices,
            indptr=matrix.indptr,
        )  # fmt: skip


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The classes under the names that they have in official files."""
    names = {Ch: "chumpy.ch.Ch", Select: "chumpy.reordering.Select", Csc: "scipy.sparse.csc.csc_matrix"}
    own = {kind: (kind.__module__, kind.__qualname__, kind.__name__) for kind in names}
    for kind, full in names.items():
        module, _, name = full.rpartition(".")
        stand_in = ModuleType(module)
        setattr(stand_in, name, kind)
        monkeypatch.setitem(sys.modules, module, stand_in)
        if module.startswith("chumpy"):
            monkeypatch.setitem(sys.modules, "chumpy", ModuleType("chumpy"))
        kind.__module__, kind.__qualname__, kind.__name__ = module, name, name
    yield
    for kind, (module, qualname, name) in own.items():
        kind.__module__, kind.__qualname__, kind.__name__ = module, qualname, name


def person() -> dict[str, np.ndarray]:
    """SMPL-shaped arrays of 60 vertices."""
    rng = np.random.default_rng(1)
    upright = synthetic_arrays(1, vertices=60)
    parents = [4294967295, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    return {
        "v_template": upright["v_template"],
        "f": rng.integers(0, 60, (100, 3)).astype(np.uint32),
        "shapedirs": rng.normal(size=(60, 3, 10)),
        "posedirs": rng.normal(size=(60, 3, 207)),
        "J_regressor": upright["J_regressor"],
        "weights": rng.dirichlet(np.ones(24), 60),
        "kintree_table": np.array([parents, range(24)], np.int64),
    }


def official(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arrays wrapped as in official files."""
    dirs = arrays["shapedirs"]
    shuffled = np.random.default_rng(2).permutation(dirs.size)
    scrambled = np.empty(dirs.size)
    scrambled[shuffled] = dirs.ravel()
    return {
        **arrays,
        "v_template": Ch(x=arrays["v_template"], dterms=("x",), _depends={}),
        "shapedirs": Select(a=Ch(x=scrambled), idxs=shuffled, preferred_shape=dirs.shape),
        "posedirs": np.asfortranarray(arrays["posedirs"]),
        "weights": Ch(x=arrays["weights"].astype(">f8")),
        "J_regressor": Csc(arrays["J_regressor"]),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
        "J": None,
    }


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_an_official_file_gives_its_arrays(foreign: None, tmp_path: Path, protocol: int) -> None:
    arrays, path = person(), tmp_path / "SMPL_NEUTRAL.pkl"
    wrapped = official(arrays)
    path.write_bytes(pickle.dumps(wrapped, protocol))
    found = load_smpl_pickle(path)
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array, err_msg=key)
        assert found[key].dtype.kind == array.dtype.kind
    assert str(found["bs_type"]) == "lrotmin"
    assert "J" not in found
    body = load_body(path)
    np.testing.assert_allclose(body.rest_joints(), arrays["J_regressor"] @ arrays["v_template"], atol=1e-4)


def test_a_python_2_pickle_byte_by_byte(tmp_path: Path) -> None:
    # What Python 2 wrote at protocol 0: arrays as `str` with latin-1 bytes, classes through copy_reg.
    values = np.array([[1.5, -2.0], [np.pi, 1e-300]])
    raw = "".join(chr(byte) for byte in values.tobytes())
    text = ascii(raw)  # Python 2 wrote bytes above 127 as escapes
    array = (
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        "(I1\n(I2\nI2\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS" + text + "\ntb"
    )
    chumpy = "ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR(dS'x'\n" + array + "sb"
    path = tmp_path / "two.pkl"
    path.write_bytes(("(dS'a'\n" + array + "sS'b'\n" + chumpy + "s.").encode("latin1"))
    found = load_smpl_pickle(path)
    np.testing.assert_array_equal(found["a"], values)
    np.testing.assert_array_equal(found["b"], values)


@pytest.mark.parametrize("form", ["csc", "csr", "coo"])
def test_sparse_matrices_of_todays_scipy_come_dense(tmp_path: Path, form: str) -> None:
    dense = person()["J_regressor"]
    path = tmp_path / "a.pkl"
    for make in (f"{form}_matrix", f"{form}_array"):
        path.write_bytes(pickle.dumps({"J_regressor": getattr(scipy.sparse, make)(dense)}, protocol=2))
        np.testing.assert_array_equal(load_smpl_pickle(path)["J_regressor"], dense)


def test_numpy_scalars_and_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"a": np.float32(2.5), "b": np.int64(-3), "c": 7}, protocol=2))
    found = load_smpl_pickle(path)
    assert (found["a"], found["b"], found["c"]) == (2.5, -3, 7)
    assert found["a"].dtype == np.float32


class Reduced:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


HOSTILE = {
    "posix.system": Reduced(os.system, "touch {mark}"),
    "builtins.eval": Reduced(eval, "open({mark!r}, 'w')"),
    "builtins.exec": Reduced(exec, "open({mark!r}, 'w')"),
    "builtins.getattr": Reduced(getattr, np.zeros(1), "tofile"),
    "builtins.open": Reduced(open, "{mark}", "w"),
    "collections.OrderedDict": collections.OrderedDict(a=np.zeros(1)),
    "numpy.testing": Reduced(np.testing.assert_equal, 1, 1),
    "numpy.load": Reduced(np.load, "{mark}"),
    "numpy.fromfile": Reduced(np.fromfile, "{mark}"),
    "pickle.loads": Reduced(pickle.loads, b"cposix\nsystem\n(S'touch {mark}'\ntR."),
    "os._exit": Reduced(os._exit, 3),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_names_are_refused_by_name_and_nothing_runs(tmp_path: Path, name: str, protocol: int) -> None:
    mark, path = tmp_path / "mark", tmp_path / "evil.pkl"
    hostile = HOSTILE[name]
    if isinstance(hostile, Reduced):
        marked = [a.replace("{mark}", str(mark)) if isinstance(a, str) else a for a in hostile.call[1]]
        hostile = Reduced(hostile.call[0], *(a.replace("{mark!r}", repr(str(mark))) if isinstance(a, str) else a
                                             for a in marked))  # fmt: skip
    path.write_bytes(pickle.dumps({"v_template": np.zeros((2, 3)), "f": hostile}, protocol))
    with pytest.raises(BodyFileError) as caught:
        load_smpl_pickle(path)
    assert not mark.exists()
    assert "asks for" in str(caught.value)
    assert name.split(".")[-1] in str(caught.value)


def written(*opcodes: bytes) -> bytes:
    return b"\x80\x02" + b"".join(opcodes) + b"."


NDARRAY, DTYPE = b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
EMPTY = RECONSTRUCT + b"(" + NDARRAY + b"K\x00\x85U\x01btR"
F8 = DTYPE + b"(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def array_of(shape: bytes, raw: bytes) -> bytes:
    return EMPTY + b"(K\x01" + shape + F8 + b"\x89U" + bytes([len(raw)]) + raw + b"tb"


CRAFTED = {
    "a lie about the size": written(b"}U\x01a", array_of(b"\x8a\x06\x00\x00\x00\x00\x00\x10\x85", b"12345678"), b"s"),
    "a negative size": written(b"}U\x01a", array_of(b"J\xff\xff\xff\xff\x85", b""), b"s"),
    "an array of objects": written(
        b"}U\x01a", EMPTY + b"(K\x01K\x01\x85", F8.replace(b"f8", b"O8"), b"\x89]K\x01atb", b"s"
    ),
    "a text type": written(b"}U\x01a", array_of(b"K\x01\x85", b"12345678").replace(b"f8", b"S8"), b"s"),
    "an array without content": written(b"}U\x01a", EMPTY, b"s"),
    "a state for a class": written(b"cchumpy.ch\nCh\n}U\x0c__setstate__cchumpy.ch\nCh\nsb"),
    "attributes of a class": written(b"cchumpy.ch\nCh\nN}U\x03fooK\x01s\x86b"),
    "a state for a function": written(b"c_codecs\nencode\nN}U\x0c__defaults__)s\x86b"),
    "a dotted name": written(b"cnumpy\nndarray.tofile\n"),
    "another base class": written(b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR"),
    "an object outside": written(b"U\x01xQ"),
    "a registered extension": written(b"\x82\x01"),
    "a huge memo": written(b"}r\xff\xff\xff\x7f"),
    "a string longer than the file": written(b"T\xff\xff\xff\x7fabc"),
    "bytes longer than the file": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"abc.",
    "tuples nested a million deep": written(b"}N", b"\x85" * 1_000_000, b"K\x01s"),
    "an expression that holds itself": written(
        b"}U\x01acchumpy.ch\nCh\n)\x81q\x01}(U\x01ah\x01U\x04idxsh\x01ubs"
    ),
    "an unknown expression": written(b"}U\x01acchumpy.ch_ops\nadd\n)\x81}(U\x01bK\x01ubs"),
    "a list": written(b"]"),
    "nothing": b"",
    "text": b"this is not a pickle",
    "an end before its time": pickle.dumps({"a": np.arange(100.0)})[:-50],
    "a huge sparse matrix": written(
        b"}U\x01acscipy.sparse.csc\ncsc_matrix\n)\x81}U\x06_shapeJ\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86sbs"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CRAFTED))
def test_crafted_files_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "crafted.pkl"
    path.write_bytes(CRAFTED[name])
    with pytest.raises(BodyFileError) as caught:
        load_smpl_pickle(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_sparse_matrix_whose_indices_lie_outside(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    good = scipy.sparse.csc_matrix(np.eye(4))
    for part, value in (("indices", [0, 1, 2, 9]), ("indices", [0, 1, 2, -1]), ("indptr", [0, 1, 2, 3, 9]),
                        ("indptr", [0, 2, 1, 3, 4]), ("data", [1.0])):  # fmt: skip
        bad = good.copy()
        setattr(bad, part, np.array(value, getattr(bad, part).dtype))
        path.write_bytes(pickle.dumps({"a": bad}, protocol=2))
        with pytest.raises(BodyFileError, match="do not fit"):
            load_smpl_pickle(path)


def test_the_crafted_array_is_fine_when_it_tells_the_truth(tmp_path: Path) -> None:
    # So that the refusals above are for their own reasons.
    path = tmp_path / "a.pkl"
    path.write_bytes(written(b"}U\x01a", array_of(b"K\x01\x85", struct.pack("<d", 2.5)), b"s"))
    np.testing.assert_array_equal(load_smpl_pickle(path)["a"], [2.5])


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        load_smpl_pickle(tmp_path / "nowhere.pkl")


def test_the_reader_agrees_with_a_full_unpickler_on_plain_arrays(tmp_path: Path) -> None:
    arrays = person()
    for protocol in (0, 2, 4):
        data = pickle.dumps(arrays, protocol)
        (tmp_path / "a.pkl").write_bytes(data)
        found, full = load_smpl_pickle(tmp_path / "a.pkl"), pickle.load(io.BytesIO(data))
        for key in arrays:
            np.testing.assert_array_equal(found[key], full[key])
            assert found[key].dtype == full[key].dtype
