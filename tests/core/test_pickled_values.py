# SPDX-License-Identifier: Apache-2.0
"""Pickles that are interpreted, against Python's own, and their arrays and tensors."""

from collections import OrderedDict, defaultdict
import io
import pickle
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.skeleton.readers import pickle_values
from dancepose_addon.core.skeleton.readers.pickle_arrays import (
    DamagedPickleError,
    Opaque,
    PlainValues,
    Storage,
    number_type,
    raw_array,
    scalar_of,
)
from dancepose_addon.core.skeleton.readers.pickle_values import PickleReader

SYSTEM = b"cposix\nsystem\n"
SHARED = [1, 2]
PLAIN = {
    "list": [1, -2, 300, 70_000, 2**40, -(2**100), 2**127 - 1], "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "text": ["", "a\u00e4\u4e2d", "x" * 300, "two\nlines"], "bytes": [b"\x00\xff", b"y" * 300], "none": None,
    "numbers": [1.5, -0.0, 1e300, True, False], "nested": {"a": {"b": [[], {}]}}, "shared": [SHARED, SHARED],
    7: "seven",
}  # fmt: skip


def interpret(data: bytes) -> Any:
    return PickleReader(io.BytesIO(data)).read()


def lists(value: Any) -> Any:
    """As ``PlainValues`` returns values: lists for tuples, text for keys."""
    if isinstance(value, dict):
        return {str(key): lists(item) for key, item in value.items()}
    return [lists(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_those_that_python_pickled(protocol: int) -> None:
    values = PlainValues()
    assert values.make(interpret(pickle.dumps(PLAIN, protocol))) == lists(PLAIN)
    assert values.unknown == []
    tables = [OrderedDict(a=1, b=[2]), defaultdict(list, c=[3])]
    made = PlainValues().make(interpret(pickle.dumps(tables, protocol)))
    assert made == [{"a": 1, "b": [2]}, {"c": [3]}]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6, dtype="i2").reshape(2, 3)),
        np.arange(4, dtype=">f4"), np.array([True, False]), np.zeros((0, 3)), np.float32(1.5), np.int64(-3),
    ],
    ids=["f8", "fortran", "big endian", "bool", "empty", "scalar", "integer"],
)  # fmt: skip
def test_arrays_are_those_that_numpy_pickled(array: Any, protocol: int) -> None:
    made = PlainValues().make(interpret(pickle.dumps({"a": array}, protocol)))["a"]
    np.testing.assert_array_equal(made, array)
    assert np.shape(made) == np.shape(array)
    objects = np.empty(2, object)
    objects[:] = [array, "text"]
    made = PlainValues().make(interpret(pickle.dumps(objects, protocol)))
    np.testing.assert_array_equal(made[0], array)
    assert made[1] == "text"
    table = PlainValues().make(interpret(pickle.dumps(np.array({"a": 1}, object), protocol)))
    assert table == {"a": 1}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"]q\x05h\x05.", []), (b"]p0\ng0\n.", []), (b"]p300000\n.", []), (b"](]1.", []), (b"]}0.", []), (b"0].", []),
        (b"]r\x00\x01\x00\x00j\x00\x01\x00\x00.", []), (b"]\x94h\x00.", []), (b"](K\x01K\x02e.", [1, 2]),
        (b"]K\x01a.", [1]), (b"(K\x01K\x02l.", [1, 2]), (b"(U\x01aK\x01U\x01bK\x02d.", {"a": 1, "b": 2}),
        (b"}U\x01aK\x01s.", {"a": 1}), (b"}(U\x01aK\x01u.", {"a": 1}),
        (b"}(" + SYSTEM + b"K\x01U\x01aK\x02u.", {"a": 2}),
        (b"](U\x01aK\x01u.", []), (b"}K\x01a.", {}), (b"S'a\\tb'\n.", "a\tb"), (b"S'ab'\n.", "ab"), (b"L123L\n.", 123),
        (b"I01\n.", 1), (b"\x88.", True), (b"\x89.", False), (b"N.", None), (b").", ()), (b"K\x05\x85.", (5,)),
        (b"K\x05K\x06\x86.", (5, 6)), (b"(K\x05K\x06K\x07K\x08t.", (5, 6, 7, 8)),
        (b"ccollections\nOrderedDict\n(](](U\x01aK\x01K\x09eetR.", {"a": 1}), (b"c__builtin__\ndict\n)R.", {}),
    ],
)  # fmt: skip
def test_instructions_one_by_one(data: bytes, value: Any) -> None:
    found = interpret(data)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("data", "name", "arguments", "state"),
    [
        (SYSTEM + b".", "posix.system", (), None), (b"\x8c\x05posix\x8c\x06system\x93.", "posix.system", (), None),
        (b"K\x01K\x02\x93.", "?.?", (), None), (SYSTEM + b"(S'x'\ntR.", "posix.system", ("x",), None),
        (SYSTEM + b"K\x01\x85\x81.", "posix.system", (1,), None),
        (SYSTEM + b"K\x01\x85}\x92.", "posix.system", (1,), None),
        (SYSTEM + b")\x81K\x07b.", "posix.system", (), 7), (b"(K\x01iposix\nsystem\n.", "posix.system", (1,), None),
        (b"(" + SYSTEM + b"K\x01K\x02o.", "posix.system", (1, 2), None), (b"(K\x01K\x02o.", "?", (2,), None),
        (b"\x8f(K\x01\x90.", "a set", (), None), (b"(K\x01\x91.", "a set", (), None),
        (b"K\x01Q.", "an object outside the file", (), None),
    ],
)  # fmt: skip
def test_calls_are_recorded_and_not_made(data: bytes, name: str, arguments: tuple[Any, ...], state: Any) -> None:
    assert interpret(data) == Opaque(name, arguments, state)


def test_storages_of_torch() -> None:
    start = b"(U\x07storagectorch\nHalfStorage\nU\x01kU\x03cpu"
    assert interpret(start + b"K\x04tQ.") == Storage("HalfStorage", "k", 4)
    outside = Opaque("an object outside the file")
    for other in (start + b"U\x014tQ.", start + b"tQ.", start.replace(b"storagec", b"sharingc") + b"K\x04tQ."):
        assert interpret(other) == outside


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends too early"), (b"]", "ends too early"), (b"\xff.", "not a pickle"), (b".", "more objects than"),
        (b"(.", "more objects than"), (b"l.", "did not begin"), (b"]l.", "did not begin"), (b"h\x05.", "does not hold"),
        (b"q\x05].", "numbers an object 5"), (b"]p-1\n.", "numbers an object -1"),
        (b"]p300001\n.", "numbers an object"),
        (b"K\x01)R.", "not a function"), (SYSTEM + b"]R.", "not a function"), (b"\x97.", "NEXT_BUFFER"),
        (b"\x8a\x12" + (2**128).to_bytes(18, "little") + b".", "more than 16 bytes"), (b"K\x01\x86.", "more objects"),
    ],
)  # fmt: skip
def test_impossible_instructions(data: bytes, reason: str) -> None:
    with pytest.raises(DamagedPickleError, match=reason):
        interpret(data)


def test_numbers_of_instructions_and_of_bytes_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interpret(b"\x8a\x11" + (2**128 - 1).to_bytes(17, "little") + b".") == 2**128 - 1
    monkeypatch.setattr(pickle_values, "MOST_INSTRUCTIONS", 5)
    assert interpret(b"NNNN.") is None
    with pytest.raises(DamagedPickleError, match="more than 5 instructions"):
        interpret(b"NNNNN.")


def wrapped(inner: bytes) -> bytes:
    """joblib's description of an array of objects, followed by them."""
    head = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(U\x05dtypecnumpy\ndtype\n(U\x02O8tRub"
    return head + inner + b"."


def test_objects_behind_their_description() -> None:
    data = pickle.dumps([1, 2], 2)
    for _ in range(4):
        data = wrapped(data)
        assert PickleReader(io.BytesIO(data), has_raw_arrays=True).read() == [1, 2]
    with pytest.raises(DamagedPickleError, match="more than 4 deep"):
        PickleReader(io.BytesIO(wrapped(data)), has_raw_arrays=True).read()
    assert isinstance(PickleReader(io.BytesIO(wrapped(b""))).read(), Opaque)


def dtype(name: str, order: str | None = "<") -> Opaque:
    return Opaque("numpy.dtype", (name, False, True), None if order is None else (3, order, None))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("padding", [None, 0, 3])
def test_raw_arrays(order: str, padding: int | None) -> None:
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    data = array.tobytes(order=order)  # type: ignore[arg-type]
    table: dict[str, Any] = {"dtype": dtype("f4"), "shape": (2, 3), "order": order}
    if padding is not None:
        data = bytes([padding]) + b"x" * padding + data
        table["numpy_array_alignment_bytes"] = 16
    file = io.BytesIO(data + b"rest")
    np.testing.assert_array_equal(raw_array(file, table), array)
    assert file.read() == b"rest"
    with pytest.raises(DamagedPickleError, match="cut short"):
        raw_array(io.BytesIO(data[:-1]), table)


@pytest.mark.parametrize(
    ("shape", "good"),
    [
        ((), True), ((0, 3), True), ([2], True), ((1,) * 8, True), ((1,) * 9, False), ((-1,), False), ((2.0,), False),
        ((True,), False), ((1 << 40,), False), (2, False), (None, False),
    ],
)  # fmt: skip
def test_shapes_of_raw_arrays(shape: Any, *, good: bool) -> None:
    table = {"dtype": dtype("u1"), "shape": shape}
    if good:
        assert raw_array(io.BytesIO(b"ab"), table).shape == tuple(shape)
    else:
        with pytest.raises(DamagedPickleError, match="usable shape"):
            raw_array(io.BytesIO(b"ab"), table)


def test_types_of_numbers() -> None:
    assert number_type("f4") == np.dtype("<f4")
    assert number_type("i2", ">") == np.dtype(">i2")
    assert number_type("float64", "|") == np.dtype("f8")
    assert number_type("b1", "=") == np.dtype(bool)
    for name, order in (
        ("O", "<"),
        ("U3", "<"),
        ("M8", "<"),
        ("c8", "<"),
        ("f4", "x"),
        (4, "<"),
        ("z", "<"),
        ("f" * 9, "<"),
    ):
        with pytest.raises(DamagedPickleError, match="type"):
            number_type(name, order)


def test_scalars() -> None:
    for module in ("numpy.core", "numpy._core"):
        scalar = Opaque(f"{module}.multiarray.scalar", (dtype("f8"), np.float64(2.5).tobytes()))
        assert scalar_of(scalar) == 2.5
        assert PlainValues().make(scalar) == 2.5
    text = Opaque("_codecs.encode", ("\x00\x00 A", "latin1"))
    assert (
        scalar_of(Opaque("numpy.core.multiarray.scalar", (dtype("f4", ">"), text)))
        == np.frombuffer(b"\0\0 A", ">f4")[0]
    )
    short = Opaque("numpy.core.multiarray.scalar", (dtype("f8"), b"1234"))
    assert scalar_of(short) is short
    assert PlainValues().make(short) is None


def test_entries_and_depth_are_limited() -> None:
    assert PlainValues(left=3).make([1, 2]) == [1, 2]
    with pytest.raises(DamagedPickleError, match="entries"):
        PlainValues(left=2).make([1, 2])
    value: Any = 1
    for _ in range(12):
        value = [value]
    assert PlainValues().make(value) == value
    for deeper in ([value], {"a": value}):
        with pytest.raises(DamagedPickleError, match="nests more than 12"):
            PlainValues().make(deeper)
    assert list(PlainValues().make({"k" * 300: 1})) == ["k" * 200]
    assert PlainValues().make(Storage("FloatStorage", "0", 1)) is None


def test_what_is_left_out_is_named() -> None:
    values = PlainValues()
    array = Opaque("numpy.core.multiarray._reconstruct", (), (1, (2,)))
    bad = Opaque("numpy.core.multiarray._reconstruct", (), (1, (2,), dtype("O"), False, b"12"))
    assert values.make([Opaque("a.b"), array, bad]) == [None, None, None]
    assert values.unknown == ["a.b", "an array without numbers", "an array is of type 'O', not of numbers"]
    short = Opaque("numpy.core.multiarray._reconstruct", (), (1, (2,), dtype("f4"), False, b"1234"))
    with pytest.raises(DamagedPickleError, match=r"shape \(2,\) has 4 bytes"):
        values.make(short)


def tensor(values: PlainValues, offset: Any, size: Any, stride: Any, kind: str = "FloatStorage") -> Any:
    arguments = (Storage(kind, "0", 6), offset, size, stride, False, None)
    return values.make(Opaque("torch._utils._rebuild_tensor_v2", arguments))


def test_tensors_look_at_their_storage() -> None:
    numbers = np.arange(7, dtype="<f4")
    values = PlainValues({"0": numbers.tobytes()})
    np.testing.assert_array_equal(tensor(values, 1, (2, 3), (1, 2)), [[1, 3, 5], [2, 4, 6]])
    np.testing.assert_array_equal(tensor(values, 0, (2, 3), (3, 1)), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensor(values, 6, (), ()), 6.0)
    np.testing.assert_array_equal(tensor(values, 2, (3, 2), (0, 1)), [[2, 3]] * 3)
    assert tensor(values, 7, (0, 3), (3, 1)).shape == (0, 3)
    for offset, size, stride in (
        (2, (2, 3), (1, 2)),
        (7, (), ()),
        (-1, (2,), (1,)),
        (0.0, (2,), (1,)),
        (0, (8,), (1,)),
    ):
        with pytest.raises(DamagedPickleError, match="reaches beyond"):
            tensor(values, offset, size, stride)
    parameter = Opaque("torch._utils._rebuild_parameter", (Opaque("torch._utils._rebuild_tensor_v2", (
        Storage("FloatStorage", "0", 7), 5, (2,), (1,))), True))  # fmt: skip
    np.testing.assert_array_equal(values.make(parameter), [5, 6])
    assert PlainValues().make(parameter) is None


def test_repeated_numbers_of_tensors_are_limited() -> None:
    values = PlainValues({"0": b"\x01\x02"}, left=100_000)
    assert tensor(values, 0, (2, 2_000_001), (0, 0), "ByteStorage").shape == (2, 2_000_001)
    assert values.left == 100_000 - 1 - 4_000_002 // 64
    with pytest.raises(DamagedPickleError, match="repeats its 2 numbers"):
        tensor(values, 0, (3, 1_333_335), (0, 0), "ByteStorage")


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("FloatStorage", "<f4", 1.5), ("DoubleStorage", "<f8", 1.5), ("HalfStorage", "<f2", 1.5),
        ("LongStorage", "<i8", -3),
        ("IntStorage", "<i4", -3), ("ShortStorage", "<i2", -3), ("CharStorage", "i1", -3), ("ByteStorage", "u1", 200),
        ("BoolStorage", "?", True),
    ],
)  # fmt: skip
def test_kinds_of_storages(kind: str, data: str, expected: Any) -> None:
    values = PlainValues({"0": np.array([expected, 0], data).tobytes()})
    assert tensor(values, 0, (2,), (1,), kind).tolist() == [expected, 0]


def test_half_floats_of_the_brain_kind() -> None:
    """bfloat16 has the upper 16 bits of a float32; an odd byte at the end is no number."""
    upper = (np.array([1.5, -2.0, 3.140625], "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    for data in (upper, upper + b"x"):
        assert tensor(PlainValues({"0": data}), 0, (3,), (1,), "BFloat16Storage").tolist() == [1.5, -2.0, 3.140625]
    values = PlainValues({"0": bytes(9)})
    assert tensor(values, 0, (2,), (1,)).tolist() == [0.0, 0.0]
    with pytest.raises(DamagedPickleError, match="of type QuantStorage"):
        tensor(values, 0, (2,), (1,), "QuantStorage")
