# SPDX-License-Identifier: Apache-2.0
"""Text files that are sparse, filled with zeros, or of an impossible size are refused before they are read."""

from pathlib import Path
import resource
import tracemalloc

import pytest

from dancepose_addon.core.errors import FormatError, MissingFileError
from dancepose_addon.core.skeleton.readers import motion_text, open_recording
from dancepose_addon.core.skeleton.readers.motion_text import read_motion_text

HEADS = {
    "bvh": b"HIERARCHY\nROOT Hips\n{\n", "csv": b"frame,hips_x,hips_y\n", "trc": b"PathFileType\t4\t(X/Y/Z)\tt.trc\n",
    "skeleton": b"12\n", "amc": b"#!OML:ASF F:x\n:FULLY-SPECIFIED\n", "tsv": b"NO_OF_FRAMES\t12\n",
}  # fmt: skip


@pytest.mark.parametrize("head", [b"", "whole"])
@pytest.mark.parametrize("suffix", HEADS)
def test_sparse_files_are_refused_at_once(suffix: str, head: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / f"sparse.{suffix}"
    for each in (path, path.with_suffix(".asf")):  # the skeleton of an .amc
        with each.open("wb") as file:
            file.write(HEADS[suffix] if head == "whole" else b"")
            file.truncate(3 << 30)
    before_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            open_recording(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before_s < 1.0


def test_zeros_and_sizes_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a" * (1 << 17) + b"\0")
    with pytest.raises(FormatError, match="bytes of zero, which no text has"):
        read_motion_text(path, "a table")
    monkeypatch.setattr(motion_text, "MAX_TEXT_BYTES", 1 << 20)
    path.write_bytes(b"a" * ((1 << 20) + 1))
    with pytest.raises(FormatError, match="a table has at most 1 MiB"):
        read_motion_text(path, "a table")
    with pytest.raises(MissingFileError, match="Give a table"):
        read_motion_text(tmp_path / "none.csv", "a table")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_of_every_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("x,ü\n1,2\n".encode(encoding))
    assert read_motion_text(path, "a table") == "x,ü\n1,2\n"


def test_line_ends_of_old_programs(tmp_path: Path) -> None:
    for ends in ("\r", "\r\n", "\n"):
        (tmp_path / "a.bvh").write_bytes(ends.join(["HIERARCHY", "ROOT Hips", "{"]).encode())
        assert read_motion_text(tmp_path / "a.bvh", "a file").splitlines() == ["HIERARCHY", "ROOT Hips", "{"]
    (tmp_path / "a.bvh").write_bytes(b"HIERARCHY\rROOT")
    assert read_motion_text(tmp_path / "a.bvh", "a file") == "HIERARCHY\nROOT"
