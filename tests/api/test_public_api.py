# SPDX-License-Identifier: Apache-2.0
"""The public API: complete, documented, lazy, and the same results as the command line."""

from dataclasses import replace
import inspect
from pathlib import Path
import shutil

import numpy as np
import pytest

import dancepose
from dancepose_addon.core.errors import InputError, OutputError
from dancepose_addon.core.io.example import example_folder
from dancepose_addon.core.io.writers.aist import write_aist
from tools import build_api_docs

ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {"typer", "rich", "click", "bpy", "torch", "onnx", "onnxruntime", "matplotlib", "PIL", "scipy"}:
            raise ImportError(f"{name} is refused by this test")

sys.meta_path.insert(0, Refuse())
import dancepose
assert "numpy" not in sys.modules, "the import is not lazy"
result = dancepose.fit_file(sys.argv[1], frames=(0, 40))
result.save(sys.argv[2])
print(len(result.motion))
"""


def test_every_public_name_is_there_and_documented() -> None:
    assert set(build_api_docs.ORDER) == set(dancepose.__all__)
    for name in dancepose.__all__:
        value = getattr(dancepose, name)
        assert inspect.getdoc(value), name
        assert name in dir(dancepose)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        dancepose.nothing  # noqa: B018


def test_the_document_is_current() -> None:
    assert build_api_docs.OUT.read_text(encoding="utf-8") == build_api_docs.build(), (
        "docs/api.md differs from the docstrings; run `python -m tools.build_api_docs`"
    )


def test_functions_document_every_argument() -> None:
    for name in build_api_docs.ORDER:
        value = getattr(dancepose, name)
        if inspect.isfunction(value) and value.__module__ == "dancepose.api":
            for parameter in inspect.signature(value).parameters:
                assert f"    {parameter}: " in (value.__doc__ or ""), f"{name} does not document {parameter}"


def test_fitting_needs_numpy_alone(run_python, tmp_path: Path) -> None:
    done = run_python("-c", ALONE, str(example_folder()), str(tmp_path / "m.npz"), timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "40"


def test_reading_rotations_and_fitting_them_leaves_them_as_they_are(tmp_path: Path) -> None:
    result = dancepose.fit_file(example_folder(), frames=(0, 30))
    write_aist(result.motion, tmp_path / "clip.pkl")
    read = dancepose.read(tmp_path / "clip.pkl")
    assert isinstance(read, dancepose.BodyMotion)
    again = dancepose.fit(read)
    assert np.array_equal(again.motion.pose_rotmat, read.pose_rotmat)
    assert again.report["error_mm"] == {}
    body = dancepose.load_body()
    again.save(tmp_path / "motion.npz")
    loaded = dancepose.BodyMotion.load(tmp_path / "motion.npz")
    assert np.abs(loaded.vertices(body) - again.motion.vertices(body)).max() < 1e-4


def test_settings_that_do_not_apply_to_rotations_are_refused() -> None:
    motion = dancepose.fit_file(example_folder(), frames=(0, 30)).motion
    with pytest.raises(dancepose.DancePoseError, match="--smooth"):
        dancepose.fit(motion, settings=dancepose.FitSettings(smooth=1.0))


def test_betas_and_foot_lock_apply_to_rotations() -> None:
    body = dancepose.load_body()
    motion = dancepose.fit_file(example_folder(), frames=(0, 60)).motion
    result = dancepose.fit(motion, settings=dancepose.FitSettings(betas=(1.5, -1.0), foot_lock=True))
    assert result.motion.betas[:3].tolist() == [1.5, -1.0, 0.0]
    feet, before = result.report["feet"], result.report["feet_before_lock"]
    assert feet["standing_slide_mm_per_s"] < 0.5 * before["standing_slide_mm_per_s"]

    def leg_m(moving: dancepose.BodyMotion) -> float:
        joints = moving.joints(body)
        return float(
            np.linalg.norm(joints[:, 1] - joints[:, 4], axis=1).mean()
            + np.linalg.norm(joints[:, 4] - joints[:, 7], axis=1).mean()
        )

    # Another shape with the same legs, so that feet keep their steps.
    assert leg_m(result.motion) == pytest.approx(leg_m(motion), abs=1e-3)
    # Soles stay on the floor: the lowest vertex of a standing body.
    assert abs(float(np.median(result.motion.vertices(body)[..., 1].min(axis=1)))) < 0.01


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    for call in (dancepose.read, dancepose.fit_file, lambda path: dancepose.render(path, tmp_path / "v.mp4")):
        with pytest.raises(dancepose.DancePoseError, match=r"none\.npz does not exist"):
            call(tmp_path / "none.npz")


@pytest.mark.parametrize(("changes", "said"), [({"size": (3, 3)}, "not possible"), ({"fps": 0.0}, "not a frame rate")])
def test_render_refuses_sizes_and_rates_before_any_work(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    for engine in ("fast", "auto"):
        with pytest.raises(InputError, match=said):
            dancepose.render("no-file.npz", tmp_path / "a.mp4", engine=engine, **changes)


def test_render_replaces_no_input(tmp_path: Path) -> None:
    source, link, clip = tmp_path / "m.npz", tmp_path / "l.mp4", tmp_path / "clip"
    pose = np.tile(np.eye(3, dtype=np.float32), (5, 24, 1, 1))
    motion = dancepose.BodyMotion(pose, np.zeros((5, 3), np.float32), np.zeros(10, np.float32), 1.0, 30.0)
    motion.save(source, dancepose.load_body())
    link.symlink_to(source)
    clip.mkdir()
    (clip / "skeletons.json").write_text("[]")
    before = source.read_bytes()
    for given, out in ((source, source), (source, link), (clip, clip / "skeletons.json"), (source, tmp_path / "a.avi")):
        for engine in ("fast", "auto"):
            with pytest.raises(OutputError):
                dancepose.render(given, out, engine=engine, size=(64, 64))
    assert source.read_bytes() == before
    assert (clip / "skeletons.json").read_text() == "[]"
    with pytest.raises(InputError, match="NaN"):
        dancepose.render(
            replace(motion, translation_m=motion.translation_m * np.nan), tmp_path / "a.mp4", engine="fast"
        )


def test_a_fit_replaces_none_of_its_sources(tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    shutil.copytree(example_folder(), clip)
    before = {path.name: path.read_bytes() for path in clip.iterdir()}
    fitted = dancepose.fit_file(clip, frames=(0, 10))
    for name in before:
        with pytest.raises(OutputError):
            fitted.save_report(clip / name)
    source = tmp_path / "m.npz"
    fitted.save(source)
    content = source.read_bytes()
    (tmp_path / "link.npz").symlink_to(source)
    part = dancepose.fit_file(source, frames=(0, 3))
    for name in ("m.npz", "link.npz"):
        with pytest.raises(OutputError, match="input"):
            part.save(tmp_path / name)
    with pytest.raises(OutputError, match="json"):
        part.save_report(tmp_path / "report.txt")
    assert source.read_bytes() == content
    assert {path.name: path.read_bytes() for path in clip.iterdir()} == before
