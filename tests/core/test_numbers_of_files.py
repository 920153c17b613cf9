# SPDX-License-Identifier: Apache-2.0
"""Numbers, rates and text of files; JSON; NTU skeletons; files that are no motion: by hand."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.skeleton.readers import ntu_skeleton
from dancepose_addon.core.skeleton.readers.foreign_files import describe_foreign
from dancepose_addon.core.skeleton.readers.json_points import _parsed, _without_gaps, read_json
from dancepose_addon.core.skeleton.readers.numbers import as_numbers, describe, stored_rate, text_of, usable_rate
from dancepose_addon.core.skeleton.recording import Hints


def test_absurd_numbers_are_unseen() -> None:
    found = as_numbers(np.array([1.0, -9.9e8, 1e9, -1.1e9, np.inf, np.nan]), "it")
    assert np.isnan(found).tolist() == [False, False, True, True, True, True]
    assert found[:2].tolist() == [1.0, -9.9e8]


@pytest.mark.parametrize("kind", ["f4", "i2", "u1"])
def test_numbers_become_doubles(kind: str) -> None:
    assert as_numbers(np.arange(3, dtype=kind), "it").dtype == np.float64


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([True]), np.array([1j]), [1.0], None])
def test_other_values_are_no_numbers(value: Any) -> None:
    with pytest.raises(FormatError, match="where numbers are expected"):
        as_numbers(value, "it")


@pytest.mark.parametrize(
    ("stored", "rate"), [(25, 25.0), (np.array([[29.97]]), 29.97), ("30", 30.0), (0.01, 0.01), (100_000, 1e5)]
)
def test_rates(stored: Any, rate: float) -> None:
    assert usable_rate(stored, "it") == rate


@pytest.mark.parametrize("stored", [0.0, -1.0, 0.009, 100_001.0, np.nan, np.inf])
def test_rates_that_are_not_usable(stored: float) -> None:
    with pytest.raises(InputError, match="is not usable"):
        usable_rate(stored, "it")


@pytest.mark.parametrize("stored", [[25.0, 30.0], "fast", None, []])
def test_rates_that_are_no_number(stored: Any) -> None:
    with pytest.raises((FormatError, InputError)):
        usable_rate(stored, "it")


def test_a_rate_has_several_names() -> None:
    assert stored_rate({"poses": 1, "mocap_framerate": 120.0}, "it") == 120.0
    assert stored_rate({"frameRate": 24.0, "fps": 25.0}, "it") == 25.0
    assert stored_rate({"poses": 1}, "it") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"), (b"a\xe9", "a\u00e9"), (np.array("ab"), "ab"), (np.array([b"ab"]), "ab"),
        (np.array(["a", "b"]), ""), (np.array(1.0), ""), (None, ""), (np.array("ab", dtype="U9"), "ab"),
    ],
)  # fmt: skip
def test_text(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_description_names_twelve_arrays() -> None:
    assert describe({}) == "nothing"
    assert describe({"a": np.zeros((2, 3)), "b": "text"}) == "a (2, 3), b (str)"
    assert describe({f"k{number}": 1 for number in range(13)}).count("k") == 12
    assert describe({"n" * 50: 1}) == f"{'n' * 40} (int)"


def test_lines_of_json_are_a_list() -> None:
    assert _parsed(b'{"a": 1}\n{"a": 2}\n\n') == [{"a": 1}, {"a": 2}]
    assert _parsed(b"[1, 2]") == [1, 2]
    for damaged in (b"[1, 2", b"[1] x", b"", b"{} {}"):
        with pytest.raises(json.JSONDecodeError):
            _parsed(damaged)


def test_json_files_that_are_damaged_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("[" * 100_000)
    with pytest.raises(FormatError, match="not JSON"):
        read_json(file)
    with pytest.raises(MissingFileError):
        read_json(tmp_path / "none.json")


def test_frames_that_are_null_are_unseen() -> None:
    one = np.ones((2, 3))
    found = _without_gaps([None, one, None])
    assert found.shape == (3, 2, 3)
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [True, False, True]
    for other in (np.ones((3, 3)), [1.0], "text"):
        frames = [one, None, other]
        assert _without_gaps(frames) is frames


def ntu(frames: list[dict[str, float]], *, joints: int = 25) -> str:
    """Each body's joints are in one place, (value, 2 value, 3 value) metres."""
    lines = [str(len(frames))]
    for frame in frames:
        lines.append(str(len(frame)))
        for name, value in frame.items():
            lines += [f"{name} 0 1 1 1 1 0 0.1 0.2 2", str(joints)]
            lines += [f"{value} {2 * value} {3 * value} 0 0 0 0 0 0 0 0 2"] * joints
    return "\n".join(lines) + "\n"


def test_ntu_skeletons(tmp_path: Path) -> None:
    file = tmp_path / "S001.skeleton"
    file.write_text(ntu([{"a": 1.0, "b": 5.0}, {"b": 6.0}, {}, {"b": 2e9}]))
    found = ntu_skeleton.open_file(file, Hints())
    assert found.points.shape == (4, 25, 3)
    assert found.points[:2, 24].tolist() == [[5.0, 10.0, 15.0], [6.0, 12.0, 18.0]]
    assert np.isnan(found.points[2:]).all()
    assert (found.fps, found.unit, found.up, found.layout) == (30.0, "m", "y", "kinect25")
    assert [(item.topic, item.value, item.count) for item in found.findings] == [("person", "number 0", 2)]
    other = ntu_skeleton.open_file(file, Hints(take=1))
    assert other.points[0, 0].tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(other.points[1:]).all()
    with pytest.raises(InputError, match="shows 2 persons; there is no number 2"):
        ntu_skeleton.open_file(file, Hints(take=2))
    file.write_text(ntu([{"a": 1.0}]))
    assert ntu_skeleton.open_file(file, Hints()).findings == ()


def test_two_bodies_of_one_number_in_ntu_skeletons(tmp_path: Path) -> None:
    """Neither overwrites the other."""
    file = tmp_path / "S001.skeleton"
    file.write_text(ntu([{"7": 1.0, "8": 5.0}, {"7": 2.0, "8": 6.0}]).replace("\n8 0 1", "\n7 0 1"))
    for take, places in ((0, [1.0, 2.0]), (1, [5.0, 6.0])):
        found = ntu_skeleton.open_file(file, Hints(take=take))
        assert found.points[:, 0, 0].tolist() == places
        assert [item.count for item in found.findings] == [2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it ends early"),
        (ntu([{"a": 1.0}])[:-200], "inhomogeneous|ends early|three"),
        (ntu([{"a": 1.0}], joints=20), "20 joints where Kinect v2 has 25"),
        ("0\n", "0 frames"),
        ("100001\n", "100001 frames"),
        ("1\n17\n", "17 persons in a frame"),
        ("1\n-1\n", "-1 persons"),
        ("x\n", "invalid literal"),
    ],
)
def test_ntu_skeletons_that_are_damaged(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "S001.skeleton"
    file.write_text(text)
    with pytest.raises(FormatError, match=f"truncated or not a .skeleton file \\(.*({reason})"):
        ntu_skeleton.open_file(file, Hints())


def test_ntu_skeletons_without_a_person(tmp_path: Path) -> None:
    file = tmp_path / "S001.skeleton"
    file.write_text(ntu([{}, {}]))
    with pytest.raises(InputError, match="shows no person"):
        ntu_skeleton.open_file(file, Hints())
    with pytest.raises(MissingFileError):
        ntu_skeleton.open_file(tmp_path / "none.skeleton", Hints())


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", "is empty"), (b"glTF\x02", "a glTF"), (b"\0\0\0 ftypmp42", "a video file"), (b"RIFFxxxxWAVE", "sound"),
        (b"version https://git-lfs.github.com", "Git LFS"), (b"\xef\xbb\xbf  <!DOCTYPE html>", "a web page"),
        (b'<?xml version="1.0"?><html>', "a web page"), (b'<?xml version="1.0"?><mvnx>', "MVNX"),
        (b'<?xml version="1.0"?><other>', "an XML file"), (b"ply\nformat", "is a mesh"),
        (b"# x\nv 1.0 2 3\n", "a mesh"),
        (b"Coordinates\nversion=1\ninDegrees=yes\nendheader\n", "angles of an OpenSim model"),
    ],
)  # fmt: skip
def test_what_foreign_files_are(start: bytes, part: str) -> None:
    assert part in describe_foreign(start)


@pytest.mark.parametrize("start", [b"inDegrees=yes\n", b"endheader\n", b"1 2 3\n", b"xxxyfty", b"vertex 1 2"])
def test_files_that_are_not_known(start: bytes) -> None:
    assert describe_foreign(start) == ""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.skeleton", "103\n1\n", True), ("a.SKELETON", " 7 ", True), ("a.skeleton", "x\n1\n", False),
        ("a.skeleton", "", False), ("a.txt", "103\n1\n", False),
    ],
)  # fmt: skip
def test_ntu_skeletons_are_known_by_suffix_and_first_line(name: str, text: str, *, expected: bool) -> None:
    assert ntu_skeleton.recognises(SimpleNamespace(path=Path(name), text=text)) is expected
