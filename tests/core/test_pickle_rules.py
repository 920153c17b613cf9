# SPDX-License-Identifier: Apache-2.0
"""What a pickle may hold: its instructions one by one, and the placeholders of the classes that it names."""

from collections.abc import Callable
import pickle
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body import pickle_opcodes, pickle_placeholders as given
from dancepose_addon.core.body.pickle_opcodes import RefusedPickleError, check_opcodes
from dancepose_addon.core.body.pickle_placeholders import (
    BODY_CLASSES,
    MOTION_CLASSES,
    PickledArray,
    PickledDtype,
    PickledText,
)


@pytest.mark.parametrize(
    "data",
    [
        b"N.", b"]q\x05h\x05.", b"]p0\ng0\n.", b"]p10000\n.", b"]\x94h\x00.", b"](K\x01K\x02e.", b"]K\x01a.",
        b"](]1.", b"]}0.",
        b"}U\x01aK\x01s.", b"}(U\x01aK\x01K\x02K\x03u.", b"(U\x01aK\x01d.", b"(K\x01K\x02l.", b"(K\x01t.",
        b"K\x01K\x02\x86.",
        b"}K\x01]s.", b"}G\x00\x00\x00\x00\x00\x00\x00\x00]s.", b"}N]s.", b"}\x88]s.", b"}C\x01a]s.",
        b"}X\x01\x00\x00\x00a]s.",
        b"}L5L\n]s.", b"}I5\n]s.", b"S'\xff'\n.", b"\x8a\x08" + (2**63 - 1).to_bytes(8, "little") + b".",
        b"\x8a\x09" + (2**64 - 1).to_bytes(9, "little") + b".", b"cnumpy\nndarray\n.", b"cnumpy\nndarray\n)R.",
        *(pickle.dumps({"a": [1, 2.5, "x", (1, 2, 3, 4), {"b": np.ones(3)}]}, protocol) for protocol in range(6)),
    ],
)  # fmt: skip
def test_instructions_that_are_needed(data: bytes) -> None:
    check_opcodes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "ends too early"), (b"]", "ends too early"), (b"\xff.", "not a pickle"),
        (b".", "more objects than there are"),
        (b"K\x01\x86.", "more objects"), (b"l.", "did not begin"), (b"]e.", "did not begin"),
        (b"h\x05.", "does not hold"),
        (b"q\x05].", "before there is one"), (b"]p-1\n.", "numbers an object -1"),
        (b"]p10001\n.", "numbers an object 10001"),
        (b"}]]s.", "neither text nor a number"), (b"}(]K\x01u.", "neither text"),
        (b"}(U\x01aK\x01]K\x02u.", "neither text"),
        (b"(]K\x01d.", "neither text"), (b"}(t]s.", "neither text"), (b"}cnumpy\nndarray\n]s.", "neither text"),
        (b"\x8a\x09" + (2**64).to_bytes(9, "little") + b".", "65 bits; 64 are enough"), (b"N2.", "an object twice"),
        (b"\x8f.", "holds a set"), (b"(\x91.", "a frozen set"), (b"Pa\n.", "outside the file"),
        (b"NQ.", "outside the file"),
        (b"\x82\x01.", "number of a registry"), (b"\x97.", "a buffer outside"), (b"N\x98.", "a buffer outside"),
        (b"}\x90.", "holds a set"),
    ],
)  # fmt: skip
def test_instructions_that_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(RefusedPickleError, match=reason):
        check_opcodes(data)


def test_instructions_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_opcodes, "MAX_OPCODES", 5)
    check_opcodes(b"NNNN.")
    with pytest.raises(RefusedPickleError, match="more than 5 instructions"):
        check_opcodes(b"NNNNN.")


def typed(name: Any, order: Any = "<") -> PickledDtype:
    found = PickledDtype(name)
    found.__setstate__((3, order, None))
    return found


def array(*, shape: Any = (2, 3), kind: Any = None, raw: Any = bytes(24), is_fortran: Any = False) -> PickledArray:
    found = PickledArray()
    found.__setstate__((1, shape, typed("f4") if kind is None else kind, is_fortran, raw))
    return found


def test_arrays_in_the_making() -> None:
    assert array().state == ((2, 3), np.dtype("<f4"), False, bytes(24))
    assert array(shape=[2, 3], is_fortran=1).state == ((2, 3), np.dtype("<f4"), True, bytes(24))
    assert array(raw="\xff" * 24).state is not None
    assert array(raw=PickledText("\xff" * 24)).state is not None
    assert array(shape=(1,) * 32, raw=bytes(4)).state is not None
    assert array(shape=(), raw=bytes(4)).state is not None
    assert array(shape=(0, 5), raw=b"").state is not None
    objects = array(kind=typed("O8", "|"), raw=[1, 2])
    assert (objects.objects, objects.state) == ([1, 2], None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "f4"}, "no number type"), ({"raw": [1]}, "holds objects"), ({"raw": 5}, "holds objects"),
        ({"kind": typed("O8", "|")}, "not of numbers"), ({"shape": 6}, "no usable shape"),
        ({"shape": (2.0,)}, "no usable"),
        ({"shape": (-2, 3)}, "no usable shape"), ({"shape": (True,)}, "no usable shape"),
        ({"shape": (1,) * 33}, "33 axes"),
        ({"raw": bytes(23)}, "has 23 bytes"), ({"raw": PickledText("x" * 25)}, "has 25 bytes"),
        ({"kind": typed("f8")}, "24 bytes"),
    ],
)  # fmt: skip
def test_arrays_that_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedPickleError, match=reason):
        array(**change)


def test_number_types() -> None:
    for name, order in (("f4", "<"), ("f8", ">"), ("i2", "="), ("u1", "|"), ("b1", "|"), ("f16", "<")):
        assert typed(name, order).number() == np.dtype(name).newbyteorder(order)  # type: ignore[arg-type]
    assert PickledDtype("f4").number() == np.dtype("=f4")
    for name, order in (("c8", "<"), ("O8", "|"), ("V4", "|"), ("f4", "x"), ("f164", "<"), ("S3", "|")):
        with pytest.raises(RefusedPickleError, match="not of numbers"):
            typed(name, order).number()
    with pytest.raises(RefusedPickleError, match="is not text"):
        PickledDtype(4)
    for state in ([3, "<"], (3,), (3, 4), None):
        with pytest.raises(RefusedPickleError, match="byte order"):
            PickledDtype("f4").__setstate__(state)


def test_functions_that_make_arrays() -> None:
    named = {name: MOTION_CLASSES[f"numpy.{core}.{module}", name] for core in ("core", "_core") for module, name in (
        ("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))}  # fmt: skip
    make: dict[str, Callable[..., Any]] = dict(named)
    assert make["scalar"](typed("f8"), bytes(8)).state == ((), np.dtype("<f8"), False, bytes(8))
    for order, is_fortran in (("C", False), ("F", True)):
        state = make["_frombuffer"](bytes(24), typed("f4"), (2, 3), order).state
        assert state == ((2, 3), np.dtype("<f4"), is_fortran, bytes(24))
    assert isinstance(make["_reconstruct"](PickledArray, (0,), b"b"), PickledArray)
    with pytest.raises(RefusedPickleError, match="unknown class"):
        make["_reconstruct"](dict, (0,), b"b")


def test_text_and_objects() -> None:
    assert PickledText("a").text == PickledText("a", "latin-1").text == "a"
    for wrong in ((b"a", "latin1"), ("a", "utf-8"), ("a", 5)):
        with pytest.raises(RefusedPickleError, match="encoding"):
            PickledText(*wrong)
    rebuild: Callable[..., Any] = BODY_CLASSES["copy_reg", "_reconstructor"]
    plain = BODY_CLASSES["__builtin__", "object"]
    for kind in (given.PickledChumpy, given.PickledSparse, given.PickledCsc):
        made = rebuild(kind, plain, None)
        assert isinstance(made, kind)
        made.__setstate__({"x": 1})
        assert made.state == {"x": 1}
        with pytest.raises(RefusedPickleError, match="without a table"):
            made.__setstate__([1])
    for wrong in ((dict, plain, None), (PickledArray, plain, None), (given.PickledCsc, dict, None),
    (given.PickledCsc, plain, 1), ("x", plain, None)):  # fmt: skip
        with pytest.raises(RefusedPickleError, match="unknown class"):
            rebuild(*wrong)


def test_none_of_them_takes_a_state_that_it_has_not() -> None:
    kinds = {kind for kind in BODY_CLASSES.values() if kind not in (
        PickledArray, PickledDtype, given.PickledChumpy, given.PickledSparse, given.PickledCsc)}  # fmt: skip
    assert len(kinds) == 6
    for kind in kinds:
        with pytest.raises(RefusedPickleError, match="state"):
            kind.__setstate__(object.__new__(kind), {})  # type: ignore[attr-defined]


def test_names_of_sparse_matrices() -> None:
    names = {name for module, name in BODY_CLASSES if module.startswith("scipy")}
    assert names == {f"{form}_{kind}" for form in ("csc", "csr", "coo") for kind in ("matrix", "array")}
    for (module, name), kind in BODY_CLASSES.items():
        if module.startswith("scipy"):
            assert module.rpartition(".")[2].lstrip("_") == name[:3]
            assert (kind is given.PickledCsc) == name.startswith("csc")
