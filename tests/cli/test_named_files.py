# SPDX-License-Identifier: GPL-3.0-or-later
"""Files whose names a command chooses by itself, in a folder that is given, replace no input."""

import json
from pathlib import Path

import numpy as np
import pytest

from dancepose.cli.output_checks import EVALUATION_FILES, RUN_FILES, check_files
from dancepose_addon.core.errors import FormatError, OutputError
from dancepose_addon.core.retarget.gltf_header import character_files, require_readable_gltf
from dancepose_addon.headless_arguments import build_parser
from dancepose_addon.headless_guard import check_headless_files

from .conftest import Dancepose

WALTZ = Path(__file__).parents[2] / "examples" / "waltz"
NAMES = [*(f"{kind}{end}" for kind in ("recorded", "known") for end in EVALUATION_FILES), *RUN_FILES]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_in_the_folder_may_be_no_input(tmp_path: Path, name: str) -> None:
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_text("precious")
    check_files({}, (elsewhere,), folders={"--out": folder}, names={"--out": NAMES}, claims=False)
    (folder / name).write_text("precious")
    check_files({}, (elsewhere,), folders={"--out": folder}, names={"--out": NAMES}, claims=False)
    with pytest.raises(OutputError, match=f"In --out, {name}, .*which is never overwritten"):
        check_files({}, (folder / name,), folders={"--out": folder}, names={"--out": NAMES}, claims=False)
    (folder / name).unlink()
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(OutputError, match=f"{name} is a link, and would be written through"):
        check_files({}, (), folders={"--out": folder}, names={"--out": NAMES}, claims=False)


def test_evaluate_keeps_its_input(dancepose: Dancepose, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    clip = tmp_path / "recorded.json"
    clip.write_text(json.dumps({"fps": 25.0, "keypoints": np.zeros((5, 23, 3)).tolist()}))
    before = clip.read_bytes()
    done = dancepose("evaluate", "--motion", clip, "--out", tmp_path)
    assert (done.code, "In --out, recorded.json," in done.err, clip.read_bytes() == before) == (1, True, True)
    body = tmp_path / "body.npz"
    body.write_bytes(b"a body")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "recorded-errors.png").symlink_to(body)
    done = dancepose("evaluate", "--motion", WALTZ, "--body", body, "--out", tmp_path / "out")
    assert (done.code, "recorded-errors.png is a link" in done.err, body.read_bytes()) == (1, True, b"a body")


def test_train_keeps_its_poses(dancepose: Dancepose, tmp_path: Path) -> None:
    poses = tmp_path / "command.json"
    poses.write_bytes(b"poses")
    done = dancepose("train", "--preset", "smoke", "--poses", poses, "--out", tmp_path)
    assert (done.code, "In --out, command.json," in done.err, poses.read_bytes()) == (1, True, b"poses")


@pytest.fixture
def character(tmp_path: Path) -> Path:
    """A .gltf with a buffer and a picture in other files, spelled with escapes."""
    (tmp_path / "tex").mkdir()
    for name in ("a b.glb", "k.mp4", "k.json", "k.npz", "tex/t.png"):
        (tmp_path / name).write_bytes(b"data of the character")
    uris = ("%00.png", "a\0b", "a%20b.glb", "k.mp4", "k.json", "./k.npz", "../outside", "data:,x", 5, None)
    table = {"buffers": [{"uri": uri} for uri in uris], "images": [{"uri": "tex/t.png"}, {"bufferView": 0}]}
    (tmp_path / "k.gltf").write_text(json.dumps(table))
    return tmp_path / "k.gltf"


def test_files_of_a_character(character: Path) -> None:
    found = [path.relative_to(character.parent).as_posix() for path in character_files(character)]
    assert found == ["k.gltf", "a b.glb", "k.mp4", "k.json", "k.npz", "tex/t.png"]
    assert character_files(None) == ()
    for text in ("", "[", '{"buffers": 5}', '{"buffers": [5]}', '{"images": {}}', "\xff"):
        character.write_bytes(text.encode("latin-1"))
        assert character_files(character) == (character,)
    assert character_files(character.with_name("missing.glb")) == (character.with_name("missing.glb"),)


@pytest.mark.parametrize(("option", "name"), [("--out", "k.mp4"), ("--report", "k.json"), ("--motion", "k.npz")])
def test_renders_keep_what_a_character_links(dancepose: Dancepose, character: Path, option: str, name: str) -> None:
    target = character.with_name(name)
    out = () if option == "--out" else ("--out", character.with_name("film.mp4"))
    done = dancepose("render", WALTZ, "--engine", "workbench", "--character", character, *out, option, target)
    assert (done.code, "which is never overwritten" in done.err) == (1, True), done.err
    assert target.read_bytes() == b"data of the character"
    arguments = build_parser().parse_args(
        [str(WALTZ), "--character", str(character), f"{option}={target}", *([] if not out else [f"--out={out[1]}"])]
    )
    with pytest.raises(OutputError, match="never overwritten"):
        check_headless_files(arguments, character.with_name("work"))


def test_conversions_keep_what_a_character_links(dancepose: Dancepose, character: Path) -> None:
    target = character.with_name("a b.glb")
    done = dancepose("convert", WALTZ, target, "--character", character)
    assert (done.code, "which is never overwritten" in done.err) == (1, True), done.err
    assert target.read_bytes() == b"data of the character"


def test_results_in_folders_are_not_written_through_links(dancepose: Dancepose, tmp_path: Path) -> None:
    out, victim = tmp_path / "out", tmp_path / "victim"
    out.mkdir()
    victim.write_text("precious")
    for name, command in (
        ("waltz.bvh", ("convert", WALTZ, out, "--to", "bvh")),
        ("motion.npz", ("demo", "--out", out)),
        ("dance.blend", ("demo", "--out", out)),
        ("shards.json", ("poses", tmp_path, "--shards", "--out", out)),
    ):
        (out / name).symlink_to(victim)
        done = dancepose(*command)
        assert (done.code, f"{name} is a link, and would be written through" in done.err) == (1, True), done.err
        (out / name).unlink()
    assert victim.read_text() == "precious"
    assert not list(out.iterdir())


def test_a_link_with_a_null_character_is_one_sentence(character: Path) -> None:
    table = {"asset": {"version": "2.0"}, "images": [{"uri": "t%00.png"}]}
    character.write_text(json.dumps(table))
    with pytest.raises(FormatError, match="which is not a file beside it"):
        require_readable_gltf(character)


@pytest.mark.parametrize("name", ["known.json", "known-errors.png", "recorded-frames.png"])
def test_evaluations_keep_foreign_files(dancepose: Dancepose, tmp_path: Path, name: str) -> None:
    pytest.importorskip("torch")
    (tmp_path / name).write_text("mine")
    done = dancepose("evaluate", "--motion", WALTZ, "--known", WALTZ.parent, "--out", tmp_path)
    assert (done.code, f"{name} is of no evaluation" in done.err) == (1, True), done.err
    assert (tmp_path / name).read_text() == "mine"


def test_training_keeps_foreign_files(dancepose: Dancepose, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "command.json").write_text('{"command": "mine"}')
    done = dancepose("train", "--preset", "smoke", "--out", tmp_path)
    assert (done.code, "command.json is not of a run" in done.err) == (1, True), done.err
