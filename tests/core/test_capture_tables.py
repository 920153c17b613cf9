# SPDX-License-Identifier: Apache-2.0
"""Capture systems' tables, cell by cell."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.skeleton.readers import mocap_tables
from dancepose_addon.core.skeleton.recording import Head, Hints

AS_NAMED = Hints(as_named=True)


def written(folder: Path, *lines: str, name: str = "a.csv") -> Path:
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def motive(kinds: list[str], *, properties: str = "Length Units,Centimeters,Export Frame Rate,50") -> list[str]:
    """Columns X, Y, Z of a position for each kind, and before a bone's the four numbers of a rotation."""
    columns = [
        (kind, f"S:{number}", what, axis)
        for number, kind in enumerate(kinds)
        for what, letters in (("Rotation", "XYZW" if kind == "Bone" else ""), ("Position", "XYZ"))
        for axis in letters
    ]
    types, names, channels, letters = (",".join(row) for row in zip(*columns, strict=True))
    numbers = [f"{t},{t / 50}," + ",".join(str(t + n) for n in range(len(columns))) for t in range(2)]
    return [
        f"Format Version,1.23,{properties}", f",,{types}", f",Name,{names}", f",,{channels}", f"Frame,Time,{letters}",
        "", *numbers,
    ]  # fmt: skip


def test_motive_markers(tmp_path: Path) -> None:
    found = mocap_tables.open_motive(written(tmp_path, *motive(["Marker"] * 5)), AS_NAMED)
    assert found.points.tolist() == [[[t + 3 * p + a for a in range(3)] for p in range(5)] for t in range(2)]
    assert (found.names, found.unit, found.up, found.fps) == (tuple(f"S:{n}" for n in range(5)), "cm", "y", 50.0)
    assert found.form == "CSV of OptiTrack Motive, markers"
    with pytest.raises(FormatError, match="positions of 4 markers"):
        mocap_tables.open_motive(written(tmp_path, *motive(["Marker"] * 4)), AS_NAMED)
    both = mocap_tables.open_motive(written(tmp_path, *motive(["Marker"] * 2 + ["Bone Marker"] * 5)), AS_NAMED)
    assert both.names == tuple(f"S:{n}" for n in range(2, 7))
    for properties, rate, unit in (
        ("Capture Frame Rate,100", 100.0, None), ("Take Name,a", None, None),
        ("Capture Frame Rate,100,Export Frame Rate,25,Length Units,Meters", 25.0, "m"),
    ):  # fmt: skip
        said = mocap_tables.open_motive(written(tmp_path, *motive(["Marker"] * 5, properties=properties)), AS_NAMED)
        assert (said.fps, said.unit) == (rate, unit)


def test_motive_bones(tmp_path: Path) -> None:
    """Bones are taken from the fifth on, which makes 35 columns, and without their rotations."""
    kinds = ["Bone"] * 5 + ["Marker"] * 6
    found = mocap_tables.open_motive(written(tmp_path, *motive(kinds)), AS_NAMED)
    assert found.form == "CSV of OptiTrack Motive, bones"
    assert found.points[0].tolist() == [[7 * p + 4 + a for a in range(3)] for p in range(5)]
    found = mocap_tables.open_motive(written(tmp_path, *motive(kinds[1:])), AS_NAMED)
    assert found.names == tuple(f"S:{n}" for n in range(4, 10))


def test_motive_tables_that_are_refused(tmp_path: Path) -> None:
    lines = motive(["Marker"] * 5)
    for damaged, reason in (
        (lines[:4], "without a row that begins with Frame"), (lines[2:], "without a row that begins"),
        ([line.replace("Name", "Title") for line in lines], "without names and positions"),
        ([line.replace("Position", "Place") for line in lines], "without names and positions"),
        ([*lines[:-1], lines[-1].replace("1,0.02", "x,0.02")], "'x' where a number is expected"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=reason):
            mocap_tables.open_motive(written(tmp_path, *damaged), AS_NAMED)
    with pytest.raises(InputError, match="zero frames"):
        mocap_tables.open_motive(written(tmp_path, *lines[:-2]), AS_NAMED)
    with pytest.raises(FormatError, match="more than 8192 columns"):
        mocap_tables.open_motive(written(tmp_path, lines[0] + "," * 8193, *lines[1:]), AS_NAMED)


def nexus(names: str = "abcde", unit: str = "mm", before: int = 0) -> list[str]:
    columns = 3 * (len(names) + 1)
    return [
        *["Devices"] * min(before, 1), *["1,2"] * before, *[""] * min(before, 1), "Trajectories", "100",
        ",," + ",".join(f"S:{name},," for name in names) + ",S:KneeAngles,,",
        "Frame,Sub Frame," + ",".join(["X,y,Z"] * (len(names) + 1)), ",," + ",".join([unit] * columns),
        *(f"{t},0," + ",".join(str(t + n) for n in range(columns)) for t in range(2)), "", "Joints", "1,2,3",
    ]  # fmt: skip


@pytest.mark.parametrize("before", [0, 3])
def test_nexus(tmp_path: Path, before: int) -> None:
    found = mocap_tables.open_nexus(written(tmp_path, *nexus(before=before)), AS_NAMED)
    assert found.points.tolist() == [[[t + 3 * p + a for a in range(3)] for p in range(5)] for t in range(2)]
    assert (found.names, found.unit, found.up, found.fps) == (tuple("abcde"), "mm", "z", 100.0)
    assert mocap_tables.open_nexus(written(tmp_path, *nexus(unit="ell")), AS_NAMED).unit is None
    for damaged, reason in (
        (nexus("abcd"), "has 4 trajectories"), (nexus()[:5], "without Trajectories"), (nexus()[1:], "without Traj"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=reason):
            mocap_tables.open_nexus(written(tmp_path, *damaged), AS_NAMED)


def qualisys(*, lead: bool, names: str = "abcde", kind: str = "3D") -> list[str]:
    numbers = [[t + n for n in range(3 * len(names))] for t in range(1, 3)]
    numbers[1][3:6] = [0, 0, 0]
    before = [[t + 1, t / 100] if lead else [] for t in range(2)]
    return [
        "NO_OF_FRAMES\t2", "FREQUENCY\t100", f"DATA_INCLUDED\t{kind}", "MARKER_NAMES\t" + "\t".join(names),
        "EVENT\tjump\t1", *(["Frame\tTime\ta X"] if lead else []),
        *("\t".join(map(str, start + row)) for start, row in zip(before, numbers, strict=True)), "",
    ]  # fmt: skip


@pytest.mark.parametrize("lead", [True, False])
def test_qualisys(tmp_path: Path, *, lead: bool) -> None:
    found = mocap_tables.open_qualisys(written(tmp_path, *qualisys(lead=lead)), AS_NAMED)
    expected = [[[t + 3 * p + a for a in range(3)] for p in range(5)] for t in range(1, 3)]
    assert found.points[0].tolist() == expected[0]
    assert np.isnan(found.points[1]).all(axis=1).tolist() == [False, True, False, False, False]
    assert found.points[1, 2:].tolist() == expected[1][2:]
    assert (found.names, found.unit, found.up, found.fps) == (tuple("abcde"), "mm", "z", 100.0)
    for damaged, reason in (
        (qualisys(lead=lead, kind="6D"), "holds 6D data"), (qualisys(lead=lead, names="abcd"), "names 4 markers"),
        (qualisys(lead=lead)[:3], "without MARKER_NAMES"),
    ):  # fmt: skip
        with pytest.raises(FormatError, match=reason):
            mocap_tables.open_qualisys(written(tmp_path, *damaged), AS_NAMED)


def test_rows_that_are_left_out_are_lost_frames(tmp_path: Path) -> None:
    """Frames 0 to 29 without 12 to 16."""
    kept = [*range(12), *range(17, 30)]
    numbers = {t: [str(1000 * t + n) for n in range(15)] for t in kept}
    head = motive(["Marker"] * 5)[:6]
    tables = {
        mocap_tables.open_motive: [*head, "", *(",".join([str(t), str(t / 50), *numbers[t]]) for t in kept)],
        mocap_tables.open_nexus: [*nexus()[:5], *(",".join([str(t), "0", *numbers[t], "0,0,0"]) for t in kept), ""],
        mocap_tables.open_qualisys: [
            *qualisys(lead=True)[:6], *("\t".join([str(t + 1), str(t / 100), *numbers[t]]) for t in kept),
        ],
    }  # fmt: skip
    for reader, lines in tables.items():
        found = reader(written(tmp_path, *lines), AS_NAMED)
        assert len(found.points) == 30
        assert np.isnan(found.points[12:17]).all()
        assert found.points[kept, 0, 0].tolist() == [1000.0 * t for t in kept]
        assert [(one.topic, one.value) for one in found.findings] == [("lost frames", "5 of 30")]


@pytest.mark.parametrize(
    ("recognises", "start", "known"),
    [
        (mocap_tables.recognises_motive, "Format Version,1", True), (mocap_tables.recognises_motive, "Frame", False),
        (mocap_tables.recognises_nexus, '"Trajectories",\n100', True),
        (mocap_tables.recognises_nexus, "Devices\n", True),
        (mocap_tables.recognises_nexus, "x\nTrajectories", False),
        (mocap_tables.recognises_qualisys, "NO_OF_FRAMES", True),
        (mocap_tables.recognises_qualisys, "x\nNO_OF_FRAMES", False),
    ],
)  # fmt: skip
def test_capture_systems_by_their_first_words(recognises: Callable[[Head], bool], start: str, *, known: bool) -> None:
    assert recognises(Head(Path("a.csv"), start.encode())) is known
