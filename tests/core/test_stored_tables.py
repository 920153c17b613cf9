# SPDX-License-Identifier: Apache-2.0
"""Tables of DancePose's own that a crash damaged are one sentence."""

from pathlib import Path

import pytest

from dancepose.cli.export import recorded_commands
from dancepose_addon.core.errors import FormatError, MissingFileError
from dancepose_addon.core.stored_tables import read_stored_table


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\x00", b"[1]", b"3", b"[" * 5000])
def test_damaged_tables_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "command.json"
    path.write_bytes(content)
    for read in (lambda: read_stored_table(path), lambda: recorded_commands(tmp_path)):
        with pytest.raises(FormatError, match=r"command\.json.* is (damaged|not text)"):
            read()


def test_whole_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    path.write_text('{"name": "fast", "samples": 1}')
    assert read_stored_table(path) == {"name": "fast", "samples": 1}
    with pytest.raises(MissingFileError):
        read_stored_table(tmp_path / "other.json")
