# SPDX-License-Identifier: Apache-2.0
"""What a user may get wrong: one sentence, exit code 1, nothing left behind."""

from pathlib import Path
import pickle

import numpy as np
import pytest


def check(outcome, *said: str) -> None:
    assert outcome.code == 1
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, outcome.err
    assert lines[0].startswith("dancepose: ")
    for words in said:
        assert words in lines[0]


@pytest.fixture
def out(tmp_path: Path):
    """The film's path; nothing but what the test itself made may lie beside it afterwards."""
    folder = tmp_path / "results"
    folder.mkdir()
    yield folder / "film.mp4"
    assert list(folder.iterdir()) == []


def test_missing_file(headless, out, tmp_path):
    check(headless(tmp_path / "none", "--out", out), "does not exist")


def test_truncated_json(headless, out, write_dance):
    folder = write_dance()
    file = folder / "skeletons.json"
    file.write_text(file.read_text()[:200])
    check(headless(folder, "--out", out), "skeletons.json")


def test_nan_frames_are_named(headless, out, write_dance, posed_model):
    bad = np.zeros((40, 3))
    bad[4:35] = np.nan
    folder = write_dance(frames=40, center=bad.tolist())
    check(headless(folder, "--out", out, "--regressor", posed_model), "NaN", "31 of 40", "4-34")


def test_zero_frames(headless, out, write_dance, posed_model):
    folder = write_dance(length=0, center=[], skeletons=[])
    check(headless(folder, "--out", out, "--regressor", posed_model), "zero frames")


def test_22_points(headless, out, write_dance):
    check(headless(write_dance(points=22), "--out", out), "22", "md23")


def test_a_regressor_of_another_layout(headless, out, write_dance, body, tmp_path):
    pytest.importorskip("onnx")
    from tests.support.posed_model import write_posed_model

    other = write_posed_model(tmp_path / "other.onnx", body, layout="smpl24")
    check(headless(write_dance(), "--out", out, "--regressor", other), "md23", "smpl24")


def test_a_body_that_is_not_smpls(headless, out, write_dance, posed_model, tmp_path):
    file = tmp_path / "body.npz"
    np.savez(file, v_template=np.zeros((5, 3)), f=np.zeros((2, 3), int))
    check(headless(write_dance(), "--out", out, "--regressor", posed_model, "--body", file), "body.npz", "shapedirs")


def test_a_hostile_body_is_not_executed(headless, out, write_dance, posed_model, tmp_path):
    trace = tmp_path / "executed"

    class Hostile:
        def __reduce__(self):
            return Path.touch, (trace,)

    file = tmp_path / "body.pkl"
    file.write_bytes(pickle.dumps(Hostile()))
    check(headless(write_dance(), "--out", out, "--regressor", posed_model, "--body", file), "body.pkl")
    assert not trace.exists()


def test_no_engine_starts(headless, out, write_dance, posed_model):
    arguments = ("--regressor", posed_model, "--engine-timeout", "0.01")
    outcome = headless(write_dance(), "--out", out, *arguments)
    check(outcome, "No render engine", "Cycles", "Workbench", "0.01 s")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "641x640"],
        ["--size", "wide"],
        ["--frames", "7"],
        ["--fps-out", "0"],
        ["--engine", "unreal"],
        ["--still", "still.png"],
        ["--at", "1"],
        ["--at", "-1"],
        [],
    ],
)
def test_usage(headless, arguments, tmp_path):
    asked = ["--out", tmp_path / "film.mp4", *arguments] if arguments else []
    outcome = headless(tmp_path, *asked)
    assert outcome.code == 2
    assert "usage:" in outcome.err


@pytest.mark.parametrize("suffix", [".gltf", ".blend", ".fbx"])
def test_pictures_of_a_character_are_not_replaced(headless, write_dance, posed_model, tmp_path, suffix: str):
    pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    from tests.support.rig_files import main

    source, hero = write_dance(), tmp_path / f"hero{suffix}"
    main("mixamo", hero, tmp_path / "skin.png")
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*")}
    assert tmp_path / "skin.png" in before
    arguments = (source, "--regressor", posed_model, "--character", hero, "--size", "64x64")
    outcome = headless(*arguments, "--out", tmp_path / "film.mp4", "--sheet", tmp_path / "skin.png")
    assert outcome.code == 1
    assert "skin.png is the input" in outcome.err
    outcome = headless(*arguments, "--still", tmp_path / "skin.png")
    assert (outcome.code, "skin.png is the input" in outcome.err) == (1, True)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.*")} == before


def test_files_of_the_settings_are_not_replaced(headless, write_dance, posed_model, tmp_path):
    """The body of another motion, through a link."""
    body = tmp_path / "body.npz"
    body.write_bytes(b"of another motion")
    (tmp_path / "link.npz").symlink_to(body)
    outcome = headless(
        write_dance(), "--regressor", posed_model, "--body-from", body,
        "--out", tmp_path / "film.mp4", "--motion", tmp_path / "link.npz",
    )  # fmt: skip
    check(outcome, "link.npz is the input")
    assert body.read_bytes() == b"of another motion"
