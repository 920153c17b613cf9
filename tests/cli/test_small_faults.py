# SPDX-License-Identifier: Apache-2.0
"""Small things that people do: files with a byte order mark, paths with dots, addresses in use."""

import ast
import inspect
from pathlib import Path
import socket

import numpy as np
import pytest

from dancepose.cli.commands import app
from dancepose.cli.convert import _out_names
from dancepose.cli.main import CLIP_COMMANDS, doubt_sentence
from dancepose.rating.server.serving import ServeOptions, require_free_address
from dancepose_addon.core.errors import DancePoseError, DoubtError
from dancepose_addon.core.skeleton.layout_file import read_layout, table_of, write_layout
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import layout_with, markers_for

from .conftest import Dancepose

ROOT = Path(__file__).parents[2]


def test_a_layout_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_layout(path, table_of(layout_with(markers_for(get_layout("md23")))))
    table = table_of(read_layout(path))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert table_of(read_layout(path)) == table


def test_equal_names_get_their_folders_whatever_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "two")
    paths = [tmp_path / "one" / "w.npz", Path("w.npz"), Path("../two/../one/w.npz")]
    names = _out_names(paths, Path("out"), "pkl")
    assert [names[path].name for path in paths] == ["one_w.pkl", "two_w.pkl", "one_w_2.pkl"]


def test_an_address_in_use_is_refused_before_it_is_printed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(DancePoseError, match=rf"cannot listen at '127.0.0.1', port {port} .*--port"):
            require_free_address(ServeOptions(port=port))
    require_free_address(ServeOptions(port=0))
    for host in ("", "no such host", "203.0.113.1"):
        with pytest.raises(DancePoseError, match="cannot listen at"):
            require_free_address(ServeOptions(host=host, port=0))


def test_calibrate_refuses_before_it_reads_the_clips(dancepose: Dancepose, tmp_path: Path) -> None:
    for name in ("one.npy", "two.npy"):
        (tmp_path / name).write_bytes(b"not an array")
    done = dancepose("calibrate", str(tmp_path), "--test-clip", "three")
    assert (done.code, done.err) == (
        1, "dancepose: --test-clip three: no such clip. There are: one.npy, two.npy.\n"
    )  # fmt: skip
    done = dancepose("calibrate", str(tmp_path), "--test-clip", "one.npy", "--test-clip", "two.npy")
    assert "none is left to learn from" in done.err
    (tmp_path / "start.json").write_text("{", encoding="utf-8")
    done = dancepose("calibrate", str(tmp_path), "--start", str(tmp_path / "start.json"))
    assert "start.json is not valid JSON" in done.err


def test_train_refuses_before_it_reads_the_data(dancepose: Dancepose, tmp_path: Path) -> None:
    data = ("--motion", str(tmp_path / "no-clips"))
    (tmp_path / "no-clips").mkdir()
    done = dancepose("train", "--out", str(tmp_path / "new"), "--preset", "smoke", *data, "--resume")
    assert (done.code, "there is nothing to resume" in done.err) == (1, True)
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.pt").write_bytes(b"a run")
    done = dancepose("train", "--out", str(tmp_path / "old"), "--preset", "smoke", *data)
    assert (done.code, "Continue it with --resume" in done.err) == (1, True)
    done = dancepose("train", "--out", str(tmp_path / "old"), "--preset", "smoke", *data, "--resume", "--start", "old")
    assert (done.code, "--start has no effect" in done.err) == (1, True)
    assert (tmp_path / "old" / "run.pt").read_bytes() == b"a run"


def test_a_name_that_no_disk_takes_is_one_sentence(dancepose: Dancepose, root: Path, tmp_path: Path) -> None:
    waltz, name = root / "examples" / "waltz", f"{'z' * 300}.npz"
    for command in (("convert", waltz, tmp_path / name), ("fit", waltz, "--out", tmp_path / "a.npz", "--body", name)):
        done = dancepose(*command)
        assert (done.code, len(done.err.strip().splitlines()[-1]) < 400) == (1, True)
        assert "Traceback" not in done.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["config.json", "log.jsonl"])
def test_a_run_replaces_no_file_of_a_folder_that_is_none(dancepose: Dancepose, tmp_path: Path, name: str) -> None:
    """Such as the config.json of a music & dance clip."""
    (tmp_path / name).write_text('{"mine": 1}')
    done = dancepose("train", "--out", tmp_path, "--preset", "smoke", "--limit-batches", "1")
    assert (done.code, f"{name} is not of a run" in done.err) == (1, True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: '{"mine": 1}'}


def test_limits_of_numbers_with_a_point_refuse_nan() -> None:
    """typer's own ``min`` and ``max`` let NaN pass; ``arguments.number`` does not."""
    loose = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "cli").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Annotated" and "float" in ast.unparse(node)
        if "parser=number(" not in ast.unparse(node)
    ]
    assert loose == []


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize("option", ["--effect", "--sd-rater", "--sd-song", "--sd-vote"])
def test_options_of_power_are_numbers(dancepose: Dancepose, option: str, value: str) -> None:
    done = dancepose("rate", "power", f"{option}={value}")
    assert (done.code, f"{value} is not a number" in done.err) == (2, True)


def test_advice_names_options_that_the_command_has() -> None:
    """A guess is settled by options of the same command, or by those of convert."""
    commands = {
        command.name: set(inspect.signature(command.callback).parameters)
        for command in app.registered_commands
        if command.name is not None and command.callback is not None
    }
    assert set(CLIP_COMMANDS) <= set(commands)
    assert not any("accept_doubt" in commands[name] or "reading" in commands[name] for name in CLIP_COMMANDS)
    error = DoubtError("a.csv: it is a guess.")
    assert doubt_sentence(error, "fit") == "a.csv: it is a guess."
    assert "convert the file with them first" in doubt_sentence(error, "train")


def test_a_guess_in_a_command_for_many_files(dancepose: Dancepose, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    points = np.random.default_rng(1).normal(size=(60, 23, 3))
    np.savez(clips / "noise.npz", points=points, fps=25.0)
    result = dancepose("calibrate", str(clips), "--layout", "md23", "--out", str(tmp_path / "out.toml"))
    assert result.code == 1
    assert "convert the file with them first" in result.err
    assert result.err.count("\n") == 1
