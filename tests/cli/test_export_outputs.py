# SPDX-License-Identifier: Apache-2.0
"""What `dancepose export` writes beside its model replaces no input, and options without effect are refused."""

from pathlib import Path
import zipfile

import pytest

pytest.importorskip("torch")

from dancepose.cli.export import outputs_of
from dancepose.export.exported_files import require_exported_files
from dancepose.trainer.checkpoint import load_checkpoint
from dancepose_addon.core.errors import DancePoseError, OutputError

from .conftest import Dancepose


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.pt", "config.json", "command.json", "log.jsonl"):
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize("name", ["skeletons.onnx", "SKELETONS/../skeletons.onnx"])
def test_a_report_does_not_replace_a_recording(dancepose: Dancepose, run: Path, tmp_path: Path, name: str) -> None:
    recording = tmp_path / "clip"
    (recording / "SKELETONS").mkdir(parents=True)
    for file in ("skeletons.json", "config.json"):
        (recording / file).write_text('{"a": 1}')
    outcome = dancepose("export", run, "--out", recording / name, "--verify", recording)
    assert outcome.code == 1
    assert "The report beside --out" in outcome.err
    assert (recording / "skeletons.json").read_text() == '{"a": 1}'


@pytest.mark.parametrize("name", ["config.onnx", "command.onnx"])
def test_a_report_does_not_replace_a_file_of_the_run(dancepose: Dancepose, run: Path, name: str) -> None:
    outcome = dancepose("export", run, "--out", run / name)
    assert outcome.code == 1
    assert "which is never overwritten" in outcome.err
    assert (run / name).with_suffix(".json").read_text() == "{}"


def test_all_that_is_written_is_known_before() -> None:
    several = outputs_of(Path("a/m.onnx"), ["md23", "smpl24"])
    assert [str(path) for path, _ in several.values()] == ["a/m.onnx", "a/m.json", "a/md23.md", "a/smpl24.md"]
    one = outputs_of(Path("a/m.onnx"), ["md23"])
    assert [str(path) for path, _ in one.values()] == ["a/m.onnx", "a/m.json", "a/m.md"]
    assert outputs_of(None, ["md23"]) == {}


@pytest.mark.parametrize("option", [("--verify", "x"), ("--licence", "none"), ("--layout", "md23"), ("--known", "x")])
def test_options_of_runs_are_refused_for_models(dancepose: Dancepose, tmp_path: Path, option: tuple[str, str]) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    outcome = dancepose("export", tmp_path / "m.onnx", "--out", tmp_path / "n.onnx", *option)
    assert outcome.code != 0
    assert f"{option[0]} has no effect on an .onnx file" in outcome.err


def test_a_compressed_checkpoint_is_not_expanded(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "run.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/data.pkl", bytes(50_000_000))
    with pytest.raises(DancePoseError, match="is compressed"):
        load_checkpoint(tmp_path / "run.pt")


@pytest.mark.parametrize("name", ["m.json", "m.md"])
def test_files_beside_a_model_that_are_of_something_else_are_kept(tmp_path: Path, name: str) -> None:
    model, file = tmp_path / "m.onnx", tmp_path / name
    require_exported_files(model, ["md23"])
    for text in ("# My notes\n", "{}", "[" * 5000, "\xff"):
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(OutputError, match=f"{name} is of no export"):
            require_exported_files(model, ["md23"])
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputError, match=f"{name} is of no export"):
        require_exported_files(model, ["md23"])
