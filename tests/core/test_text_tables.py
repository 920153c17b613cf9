# SPDX-License-Identifier: Apache-2.0
"""Tables as text, cell by cell: titles, times, decimal commas, and vectors in cells."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import cell_tuples, csv_headers, text_tables
from dancepose_addon.core.skeleton.readers.cell_tuples import expanded
from dancepose_addon.core.skeleton.readers.csv_headers import columns_of, is_long, is_number, title_rows
from dancepose_addon.core.skeleton.recording import Head, Hints, PointRecording

AS_NAMED = Hints(as_named=True)
HERE = Path("it")


def axes(*names: str, form: str = "{}_{}") -> list[str]:
    return [form.format(name, axis) for name in names for axis in "xyz"]


def written(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def test_columns_of_points_times_and_confidences() -> None:
    found = columns_of(["time", *axes("head"), "head_confidence", *axes("hip", form="{}.{}"), "note"])
    assert (found.width, found.names, found.time, found.time_unit_s) == (9, ["head", "hip"], 0, 1.0)
    assert found.coordinates == {(0, 0): 1, (0, 1): 2, (0, 2): 3, (1, 0): 5, (1, 1): 6, (1, 2): 7}
    assert found.sureness == {0: 4}
    assert (columns_of(["a", "Time_ms"]).time, columns_of(["a", "Time_ms"]).time_unit_s) == (1, 1e-3)
    assert columns_of(["a"]).time is None


@pytest.mark.parametrize(
    ("form", "name"), [("{1} {0}", "head"), ("{0}{2}", "head"), ("{0} - {1}", "head"), ("{1}7", "7"), ("{1}_7", "7")]
)
def test_forms_of_titles(form: str, name: str) -> None:
    found = columns_of([form.format("head", axis, axis.upper()) for axis in "xyz"])
    assert found.names == [name]
    assert found.coordinates == {(0, 0): 0, (0, 1): 1, (0, 2): 2}


def test_incomplete_points_and_rotations_are_left_out() -> None:
    found = columns_of(["a_x", "a_y", "a_score", *axes("b"), "b_score", "q_x", "q_y", "q_z", "q_w"])
    assert (found.names, found.coordinates, found.sureness) == (
        ["b"], {(0, 0): 3, (0, 1): 4, (0, 2): 5}, {0: 6})  # fmt: skip
    assert columns_of(axes("Hips_position", "Hips_rotation", "LegVelocity")).names == ["Hips"]
    # Of positions beside plain titles the positions are taken where they are more than half.
    assert columns_of(axes("a_position", "b", "c")).names == ["a", "b", "c"]
    assert columns_of(axes("a_position", "b")).names == ["a", "b"]
    assert columns_of(axes("a_position", "b_position", "c")).names == ["a", "b"]
    assert columns_of(axes("position")).names == ["position"]
    # Velocities and accelerations of points are no points; a name that ends like one is.
    assert columns_of(["a_x", "a_y", "a_z", "a_vx", "a_vy", "a_vz", "b_x", "b_y", "b_z"]).names == ["a", "b"]
    assert columns_of(axes("a", "a_a", "a_v", "c_v")).names == ["a", "c_v"]


def test_rows_of_titles() -> None:
    numbers = ["1", "2,5", "3"]
    assert title_rows([["a_x", "b_x"], numbers]) == (["a_x", "b_x"], 1)
    assert title_rows([numbers]) == ([], 0)
    assert title_rows([]) == ([], 0)
    assert title_rows([["", *map(str, range(15))], ["0", *numbers]]) == ([], 1)
    assert title_rows([[str(n) for n in range(15)]]) == ([], 1)
    assert title_rows([["", *map(str, range(14))]]) == ([], 0)
    assert title_rows([["a", "b"], ["c", "d"], numbers]) == (["a", "b"], 1)
    assert title_rows([["a"]] * 7) == (["a"], 1)


def test_rows_of_titles_above_axes() -> None:
    names = [f"p{n}" for n in range(5)]
    lab = [["scorer", *["net"] * 15], ["bodyparts", *(n for n in names for _ in "xyz")], ["coords", *"xyz" * 5]]
    expected = axes(*names)
    assert title_rows([*lab, ["0"] * 16]) == (["bodyparts", *expected], 3)
    merged = [["", *(cell for n in names for cell in (n, "", ""))], ["frame", *"XYZ" * 5]]
    assert title_rows([*merged, ["0"] * 16]) == (["", *(f"{n}_{a}" for n in names for a in "XYZ")], 2)
    few = [["", *"aabbccddee"], ["", *"xyxyxyxyxy"]]
    assert title_rows([*few, ["0"] * 11]) == (few[0], 1)


def test_axes_are_most_of_a_row() -> None:
    assert csv_headers._are_axes(["x"] * 15)
    assert not csv_headers._are_axes(["x"] * 14)
    assert csv_headers._are_axes(["x"] * 15 + ["a"] * 9 + [""] * 9)
    assert not csv_headers._are_axes(["x"] * 15 + ["a"] * 10)
    assert csv_headers._is_numbers(["a", "1", "2", "3", "4", "5", ""])
    assert not csv_headers._is_numbers(["a", "1", "2", "3", "4"])
    assert not csv_headers._is_numbers(["", ""])


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1", True), ("-1.5e3", True), ("1,5", True), ("-1,5e-3", True), ("nan", True), ("", False), ("1,5,2", False),
     ("a", False), ("1" * 40, True), ("1" * 41, False)],
)  # fmt: skip
def test_cells_that_are_numbers(cell: str, *, number: bool) -> None:
    assert is_number(cell) is number


def test_decimal_commas_are_looked_for_in_twenty_rows() -> None:
    rows = [["1", "2"]] * 19
    assert csv_headers.has_decimal_commas([*rows, ["1", "2,5"]])
    assert not csv_headers.has_decimal_commas([*rows, ["1", "2"], ["1", "2,5"]])
    assert csv_headers.has_decimal_commas([["1," + "2" * 38]])
    assert not csv_headers.has_decimal_commas([["1," + "2" * 39]])


def test_titles_of_tables_with_a_line_for_each_point() -> None:
    assert is_long(["Frame", "landmark", "x", "y", "z", "visibility"]) == (0, 1, (2, 3, 4), 5)
    assert is_long(["world_x", "pos_y", "z ", "joint", "t"]) == (4, 3, (0, 1, 2), None)
    assert is_long(["landmark", "x", "y", "z"]) is None
    assert is_long(["frame", "x", "y", "z"]) is None
    assert is_long(["frame", "joint", "x", "y"]) is None
    assert is_long(["frame", "joint", "x", "world_x", "y", "z"]) is None


@pytest.mark.parametrize(
    ("name", "first", "known"),
    [
        ("a.csv", "", True), ("a.TSV", "", True), ("a.txt", "x", False), ("a.txt", " ".join(["1"] * 15), True),
        ("a.txt", " ".join(["1"] * 14), False), ("a.txt", "1;" * 14 + "x", True), ("a.txt", "x;" + "1;" * 14, False),
        ("a.txt", "t," + ",".join(axes(*"abcde")), True), ("a.txt", ",".join(axes(*"abcde")), False),
        ("a.txt", "t,u,v,w," + ",".join(axes(*"abcd")), False), ("a.txt", "t\t" + "\t".join(axes(*"abcde")), True),
        ("a.txt", "t;" + ";".join(axes(*"abcde")), True),
    ],
)  # fmt: skip
def test_csv_by_suffix_or_first_line(name: str, first: str, *, known: bool) -> None:
    assert text_tables.recognises_csv(Head(Path(name), f"{first}\nrest 1 2".encode())) is known


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_points(tmp_path: Path, delimiter: str) -> None:
    head = delimiter.join(["time", *axes(*"abcde"), "b_score"])
    rows = [[f"{0.04 * t:.2f}", *(f"{t + n / 4}" for n in range(15)), str(t)] for t in range(3)]
    rows[1][1], rows[1][5], rows[2][16] = "", "2e9", ""
    lines = [head, "# a comment", *(delimiter.join(row) for row in rows)]
    if delimiter == ";":
        lines = [line.replace(".", ",") for line in lines]
    found = text_tables.open_csv(written(tmp_path, *lines), AS_NAMED)
    assert isinstance(found, PointRecording)
    expected = (np.arange(3)[:, None] + np.arange(15) / 4).reshape(3, 5, 3)
    expected[1, 0, 0] = expected[1, 1, 1] = np.nan
    np.testing.assert_allclose(found.points, expected)
    assert (found.names, found.fps, found.form) == (tuple("abcde"), pytest.approx(25.0), "CSV")
    assert found.confidence is not None
    assert found.confidence[:, 1].tolist() == [0.0, 1.0, 0.0]
    assert (found.confidence[:, [0, 2, 3, 4]] == 1.0).all()
    said = text_tables.open_csv(written(tmp_path, *lines), Hints(as_named=True, fps=12.0))
    assert said.fps is None


def test_confidences_are_between_0_and_1(tmp_path: Path) -> None:
    lines = [",".join([*axes(*"abcde"), "a_conf"]), ",".join(["1"] * 15 + ["1.7"]), ",".join(["1"] * 15 + ["-3"])]
    found = text_tables.open_csv(written(tmp_path, *lines), AS_NAMED)
    assert isinstance(found, PointRecording)
    assert found.confidence is not None
    assert found.confidence[:, 0].tolist() == [1.0, 0.0]
    assert found.fps is None


def test_points_that_are_only_numbered_have_no_names(tmp_path: Path) -> None:
    lines = [",".join(f"{axis}{n}" for n in range(5) for axis in "xyz"), ",".join(["1"] * 15)]
    found = text_tables.open_csv(written(tmp_path, *lines), Hints())
    assert isinstance(found, PointRecording)
    assert found.names is None
    assert found.points.shape == (1, 5, 3)


def test_tables_that_are_refused(tmp_path: Path) -> None:
    head = ",".join(axes(*"abcde"))
    row = ",".join(["1"] * 15)
    for lines, error, reason in (
        ((head,), InputError, "zero frames"), (("#",), InputError, "is empty"),
        ((head, row, f"{row},1,2"), FormatError, "17 cells in line 3 of its table; its header has 15"),
        ((head, row, row.replace("1", "x", 1)), FormatError, "'x' where a number is expected, in line 3"),
        ((",".join(axes(*"abcd")), row), FormatError, r"its first are a_x, a_y, a_z, b_x, b_y, b_z\)"),
        ((",".join(f"p{n}_{axis}" for n in range(1366) for axis in "xyz"), row), FormatError, "4098 columns"),
    ):  # fmt: skip
        with pytest.raises(error, match=reason):
            text_tables.open_csv(written(tmp_path, *lines), AS_NAMED)
    # Empty cells behind the last are nothing; words in columns that are not needed neither.
    assert len(text_tables.open_csv(written(tmp_path, head, f"{row},,"), AS_NAMED).points) == 1  # type: ignore[union-attr]
    found = text_tables.open_csv(written(tmp_path, f"{head},note", f"{row},good"), AS_NAMED)
    assert isinstance(found, PointRecording)
    assert np.all(found.points == 1.0)


def test_a_line_for_each_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tables, "recording_of", lambda arrays, *_: arrays)
    rows = [f"{t},{name},{10 * t + n},{n},0.5,{n / 4}" for t in range(2) for n, name in enumerate("abc")]
    table: Any = text_tables.open_csv(written(tmp_path, "frame,joint,x,y,z,score", *rows[:-1]), Hints())
    assert table["joint_names"] == ["a", "b", "c"]
    assert table["array"][1, :2].tolist() == [[10.0, 0.0, 0.5], [11.0, 1.0, 0.5]]
    assert np.isnan(table["array"][1, 2]).all()
    assert table["confidence"].tolist() == [[0.0, 0.25, 0.5], [0.0, 0.25, 0.0]]
    rows = [f"{name};{t};{name};2;3" for t in range(2) for name in (10, 9, 2)]
    table = text_tables.open_csv(written(tmp_path, "id;frame;x;y;z", *rows), Hints())
    assert table["joint_names"] == []
    assert table["array"][0, :, 0].tolist() == [2.0, 9.0, 10.0]
    assert (table["confidence"] == 1.0).all()
    sparse = [f"{n},j{n},1,2,3" for n in range(5)]
    with pytest.raises(FormatError, match="5 points in 5 frames"):
        text_tables.open_csv(written(tmp_path, "frame,joint,x,y,z", *sparse), Hints())
    assert text_tables.open_csv(written(tmp_path, "frame,joint,x,y,z", *sparse[:4]), Hints())
    with pytest.raises(FormatError, match="2 cells in line 3"):
        text_tables.open_csv(written(tmp_path, "frame,joint,x,y,z", sparse[0], "0,j1"), Hints())
    with pytest.raises(FormatError, match="'q' where a number is expected, in line 2"):
        text_tables.open_csv(written(tmp_path, "frame,joint,x,y,z", "0,j1,q,1,1"), Hints())


def test_numbers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of numbers, also as pandas writes them, with a count of the columns and of the rows."""
    monkeypatch.setattr(text_tables, "recording_of", lambda arrays, *_: arrays)
    plain = [" ".join(str(t + n) for n in range(1, 17)) for t in range(2)]
    table: Any = text_tables.open_csv(written(tmp_path, *plain), Hints())
    assert table["array"].tolist() == [list(range(1, 17)), list(range(2, 18))]
    pandas = ["," + ",".join(map(str, range(16))), *(f"{t},{','.join(['7'] * 16)}" for t in range(2))]
    assert text_tables.open_csv(written(tmp_path, *pandas), Hints())["array"].tolist() == [[7.0] * 16] * 2  # type: ignore[index]


def trc(*, names: str = "abcde", unit: str = "m", rate: str = "50", numbered: bool = True) -> list[str]:
    return [
        "PathFileType\t4\t(X/Y/Z)\ta.trc", "DataRate\tCameraRate\tNumFrames\tUnits", f"{rate}\t50\t2\t{unit}",
        "Frame#\tTime\t" + "\t\t\t".join(names), *(["\t\tX1\tY1\tZ1\tX2"] if numbered else []),
        *("\t".join([str(t + 1), f"{t / 50}", *(str(t + n) for n in range(3 * len(names)))]) + "\t" for t in range(2)),
    ]  # fmt: skip


@pytest.mark.parametrize("numbered", [True, False])
def test_trc(tmp_path: Path, *, numbered: bool) -> None:
    path = written(tmp_path, *trc(numbered=numbered), name="a.trc")
    found = text_tables.open_trc(path, AS_NAMED)
    assert found.points.tolist() == [[[t + 3 * p + a for a in range(3)] for p in range(5)] for t in range(2)]
    assert (found.names, found.fps, found.unit, found.form) == (tuple("abcde"), 50.0, "m", "TRC")
    for unit, known in (("inches", "inch"), ("MM", "mm"), ("furlong", None)):
        assert text_tables.open_trc(written(tmp_path, *trc(unit=unit)), AS_NAMED).unit == known
    for lines, reason in (
        (trc()[:4], "4 lines"), (trc(names="abcd"), "names 4 markers"), (trc(rate="x"), "its header lacks"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=reason):
            text_tables.open_trc(written(tmp_path, *lines), AS_NAMED)
    short = [line.replace("\t2\tm", "\t500\tm") for line in trc()]
    [lost] = text_tables.open_trc(written(tmp_path, *short), AS_NAMED).findings
    assert (lost.value, lost.why) == (
        "498 of 500", "its header announces 500 frames and 2 are there. The file may be incomplete"
    )  # fmt: skip
    commas = [line.rstrip("\t").replace("\t", ",") for line in trc()]
    assert text_tables.open_trc(written(tmp_path, *commas), AS_NAMED).points.tolist() == found.points.tolist()
    for name, start, known in (("a.trc", b"", True), ("a.x", b" PathFileType", True), ("a.x", b"x", False)):
        assert text_tables.recognises_trc(Head(Path(name), start)) is known


def test_cells_and_their_numbers() -> None:
    cells = cell_tuples._cells('0.1,"(1, 2, 3)", [4 5 6] ,text,(7;8),', ",")
    assert cells == [["0.1"], ["1", "2", "3"], ["4", "5", "6"], ["text"], ["7", "8"], [""]]
    assert cell_tuples._cells("(1, 2) rest,3", ",") == [["(1"], ["2) rest"], ["3"]]
    assert cell_tuples._numbers("1,5, 2,5, 3") == ["1.5", "2.5", "3"]
    assert cell_tuples._numbers(" 1,2,3 ") == ["1", "2", "3"]
    assert cell_tuples._numbers("1, 2, 3") == ["1", "2", "3"]
    assert cell_tuples._size_of([[["1", "2"]], [["1", "2"]], [["1"]], [[""]], [["nan"]], []], 0) == 2
    assert cell_tuples._size_of([[[""]], [["null"]]], 0) == 1


@pytest.mark.parametrize(
    ("last", "unit"), [(1.0, True), (1.11, True), (1.13, False), (0.89, True), (0.87, False), ("x", False)]
)
def test_quaternions_have_length_1(last: float | str, *, unit: bool) -> None:
    assert cell_tuples._are_unit([[["0", "0", "0", str(last)]]], [0]) is unit
    assert not cell_tuples._are_unit([[["0", "1"]]], [0])
    # One of ten may be of another length.
    rows = [[["0", "0", "0", "1"]]] * 19
    assert cell_tuples._are_unit([*rows, [["0", "0", "0", "9"]]], [0])
    assert not cell_tuples._are_unit([*rows[:6], *[[["0", "0", "0", "9"]]] * 3], [0])


def table_of_cells(count: int, cell: str, *, above: int = 1) -> list[str]:
    titles = ",".join(["t", *(f"j{n}" for n in range(count))])
    return [*["a comment"] * (above - 1), titles, *(f"0.{t}," + ",".join([cell] * count) for t in range(2))]


def test_vectors_get_a_column_for_each_number() -> None:
    found = expanded(table_of_cells(5, "(1, 2, 3)"), ",", HERE)
    assert found[0] == ",".join(["t", *axes(*(f"j{n}" for n in range(5)))])
    assert found[1:] == [f"0.{t}," + ",".join(["1,2,3"] * 5) for t in range(2)]
    four = table_of_cells(4, "(1, 2, 3)")
    assert expanded(four, ",", HERE) is four
    assert expanded(table_of_cells(5, "(1, 2, 3)", above=7), ",", HERE)[0].startswith("t,j0_x")
    late = table_of_cells(5, "(1, 2, 3)", above=8)
    assert expanded(late, ",", HERE) is late
    assert expanded(table_of_cells(5, "(1, 2)"), ",", HERE)[0] == "t," + ",".join(
        f"j{n}_{a}" for n in range(5) for a in "xy"
    )
    assert expanded(table_of_cells(5, "(1, 2, 3, 0.5)"), ",", HERE)[0].startswith("t,j0_x,j0_y,j0_z,j0_confidence,")
    assert expanded([*table_of_cells(5, "(1, 2, 3)"), "0.3"], ",", HERE)[-1] == "0.3" + "," * 15


def test_rotations_in_cells() -> None:
    def lines(quaternions: int, places: int) -> list[str]:
        titles = ",".join([*(f"q{n}" for n in range(quaternions)), *(f"p{n}" for n in range(places))])
        return [titles, ",".join(["(0, 0, 0, 1)"] * quaternions + ["(1, 2, 3)"] * places)]

    assert expanded(lines(5, 5), ",", HERE)[0].startswith("q0_x,q0_y,q0_z,q0_w,")
    assert expanded(lines(4, 4), ",", HERE)[1] == "0,0,0,1," * 4 + "1,2,3,1,2,3,1,2,3,1,2,3"
    for quaternions, places in ((5, 4), (5, 0)):
        with pytest.raises(FormatError, match="of 5 joints and no places"):
            expanded(lines(quaternions, places), ",", HERE)


def test_cells_that_do_not_correspond() -> None:
    lines = table_of_cells(5, "(1, 2, 3)", above=2)
    with pytest.raises(FormatError, match="6 cells in line 3 and 5 titles above"):
        expanded([lines[0], "t,a,b,c,d", *lines[2:]], ",", HERE)
    with pytest.raises(FormatError, match="2 numbers in a cell of line 5; expected 3"):
        expanded([*lines, lines[2].replace("(1, 2, 3)", "(1, 2)", 1)], ",", HERE)
