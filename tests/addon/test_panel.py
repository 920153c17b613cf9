# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's buttons, pressed as a script presses them; what a window adds is tested in one."""

import json
from pathlib import Path
import shutil

import numpy as np
import pytest

from dancepose_addon.core.skeleton.readers import read

KINDS = ("objects", "meshes", "armatures", "actions", "materials", "shape_keys", "collections", "cameras", "lights")


@pytest.fixture
def short_dance(root, tmp_path) -> Path:
    """Two seconds of the example, as an .npz."""
    sequence = read(root / "examples" / "waltz", frames=(0, 50))
    path = tmp_path / "short.npz"
    np.savez(path, keypoints=sequence.keypoints_m, fps=sequence.fps, layout="md23")
    return path


@pytest.fixture
def imported(extension, short_dance):
    extension.context.scene.dancepose.source = str(short_dance)
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    return extension.context.object


def counts(bpy) -> dict[str, int]:
    return {kind: len(getattr(bpy.data, kind)) for kind in KINDS}


def test_a_chosen_file_is_told_at_once(extension, root):
    settings = extension.context.scene.dancepose
    settings.source = str(root / "examples" / "waltz")
    told = dict(line.partition(": ")[::2] for line in settings.found.splitlines())
    assert told["layout"] == "md23"
    assert told["rate"].startswith("25")
    assert told["frames"] == "357, 14.28 s"
    assert told["music"].startswith("audio.mp3")
    settings.fps = 50.0
    assert "frames: 357, 7.14 s" in settings.found
    settings.source = str(root / "nothing")
    assert "does not exist" in settings.problem
    assert settings.found == ""


def test_a_dancer_keeps_its_settings_and_its_result(extension, imported):
    settings = imported.dancepose
    assert settings.source.endswith("short.npz")
    assert settings.result.startswith("50 frames at 25 fps")
    assert settings.height == pytest.approx(1.73, abs=0.15)
    extension.context.scene.dancepose.smooth = 2.0
    assert imported.dancepose.smooth == 0.0


def test_refit_needs_no_file_and_changes_only_what_it_has_to(extension, imported, short_dance):
    short_dance.unlink()
    imported.location = (1.0, 2.0, 0.0)
    before = counts(extension)
    first = imported.animation_data.action.name
    imported.dancepose.smooth = 1.0
    imported.dancepose.foot_lock = True
    assert extension.ops.dancepose.refit() == {"FINISHED"}
    assert counts(extension) == before
    assert tuple(imported.location) == (1.0, 2.0, 0.0)
    assert imported.animation_data.action.name != first or imported.animation_data.action.users == 1
    notices = json.loads(imported["dancepose_record"])["report"]["notices"]
    assert any("smoothed" in notice for notice in notices)
    assert any("locked" in notice for notice in notices)


def test_import_replaces_or_adds_as_chosen(extension, imported):
    assert imported.dancepose.on_import == "REPLACE"
    before = counts(extension)
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    assert counts(extension) == before
    imported.dancepose.on_import = "ADD"
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    assert counts(extension)["armatures"] == before["armatures"] + 1
    assert extension.context.object != imported


def test_several_files_become_several_dancers_side_by_side(extension, short_dance):
    shutil.copy(short_dance, short_dance.with_name("other.npz"))
    short_dance.with_name("bad.npz").write_bytes(b"PK\x03\x04 cut off")
    names = [{"name": name} for name in ("short.npz", "bad.npz", "other.npz")]
    told = extension.ops.dancepose.import_motions(directory=str(short_dance.parent), files=names, apart=2.0)
    assert told == {"FINISHED"}
    dancers = [thing for thing in extension.data.objects if thing.type == "ARMATURE"]
    assert len(dancers) == 2
    assert abs(dancers[0].location.x - dancers[1].location.x) == pytest.approx(2.0)
    assert "bad.npz" in extension.context.scene.dancepose.problem


def test_shape_sliders_move_the_body_and_can_be_taken_back(extension, imported):
    settings = imported.dancepose
    body = next(child for child in imported.children if child.type == "MESH")

    def tall() -> float:
        points = np.empty(3 * len(body.data.vertices), np.float32)
        body.data.vertices.foreach_get("co", points)
        return float(np.ptp(points[1::3]))

    before, fitted, height = tall(), tuple(settings.betas), settings.height
    settings.betas[0] += 2.0
    assert settings.give_betas
    assert abs(tall() - before) > 0.02
    # The height is the body's: without the hair, and with the sole under the trainers.
    assert settings.height - height == pytest.approx(tall() - before, abs=3e-3)
    assert 0.0 < tall() - settings.height < 0.025
    assert extension.ops.dancepose.reset_shape() == {"FINISHED"}
    assert tall() == pytest.approx(before, abs=1e-5)
    assert tuple(settings.betas) == pytest.approx(fitted, abs=1e-4)  # the report keeps four decimals
    assert not settings.give_betas


def test_look_and_figure_change_the_surface_and_nothing_else(extension, imported):
    stage = extension.context.scene.dancepose_stage

    def skin():
        return next(child for child in imported.children if child.type == "MESH")

    def places() -> np.ndarray:
        points = np.empty(3 * len(skin().data.vertices), np.float32)
        skin().data.vertices.foreach_get("co", points)
        return points

    bones = [bone.head_local.copy() for bone in imported.data.bones]
    clothes, neutral, record = len(skin().data.materials), places(), imported["dancepose_record"]
    stage.figure = "female"
    assert places().shape == neutral.shape
    assert np.abs(places() - neutral).max() > 0.01
    stage.look = "plain"
    assert len(skin().data.materials) == 1
    stage.look, stage.figure = "casual", "neutral"
    assert len(skin().data.materials) == clothes
    assert places() == pytest.approx(neutral, abs=1e-6)
    assert skin().data.uv_layers.active is not None
    assert [bone.head_local for bone in imported.data.bones] == bones
    assert imported["dancepose_record"] == record


def test_a_given_shape_is_kept_by_the_fit(extension, imported):
    imported.dancepose.betas[0] = 1.5
    assert extension.ops.dancepose.refit() == {"FINISHED"}
    assert imported.dancepose.betas[0] == pytest.approx(1.5)
    record = json.loads(imported["dancepose_record"])
    assert record["betas"][0] == pytest.approx(1.5)


def test_a_chosen_regressor_says_what_it_is(extension):
    settings = extension.context.scene.dancepose
    settings.device = "numpy"
    assert "on NumPy" in settings.regressor_found
    assert "md23" in settings.regressor_found
    assert "Licence" in settings.regressor_found
    settings.regressor = __file__
    assert settings.regressor_found == ""
    assert "ONNX" in settings.regressor_problem


def test_a_device_that_does_not_run_says_why_in_the_fit_panel(extension):
    from importlib.util import find_spec

    if find_spec("onnxruntime") is not None:
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("CUDA may run here")
    settings = extension.context.scene.dancepose
    settings.device = "cuda"
    assert settings.regressor_found == ""
    assert "CUDA" in settings.regressor_problem or "onnxruntime" in settings.regressor_problem
    settings.device = "numpy"
    assert settings.regressor_problem == ""
    assert "on NumPy" in settings.regressor_found


def test_scenes_of_earlier_releases_keep_their_engine(extension):
    """Saved files store the number of a choice: 0 was study and 1 was preview."""
    stage = extension.context.scene.dancepose_stage
    numbers = {item.identifier: item.value for item in stage.bl_rna.properties["engine"].enum_items}
    assert numbers == {"cycles": 0, "workbench": 1, "eevee": 2}
    if extension.app.version < (5, 0, 0):  # later versions do not give access to the stored number
        stage["engine"] = 1
        assert stage.engine == "workbench"
        stage["engine"] = 0
        assert stage.engine == "cycles"


def test_style_and_guesses_are_passed_on(extension):
    from dancepose_addon.ui.fitting_steps import fit_settings_of
    from dancepose_addon.ui.reading import hints_of

    settings = extension.context.scene.dancepose
    assert fit_settings_of(settings, 10).style is None
    settings.style = "MOSH"
    assert fit_settings_of(settings, 10).style == "mosh"
    assert not hints_of(settings).accept_doubt
    settings.accept_doubt = True
    assert hints_of(settings).accept_doubt


def test_a_doubtful_file_stops_with_the_panels_own_way_on(extension, tmp_path):
    """Points that are no person: noise in a box."""
    path = tmp_path / "noise.npy"
    np.save(path, np.random.default_rng(3).uniform(-1.0, 1.0, (40, 23, 3)))
    settings = extension.context.scene.dancepose
    settings.source = str(path)
    settings.fps = 25.0
    with pytest.raises(RuntimeError, match="Accept Guesses"):
        extension.ops.dancepose.import_fit()
    assert "Accept Guesses" in settings.problem


def test_presets_set_the_whole_fit(extension):
    settings = extension.context.scene.dancepose
    settings.adapt = True
    extension.ops.dancepose.fit_preset(preset="ANIMATION")
    assert (settings.refine, settings.adapt, settings.smooth, settings.foot_lock) == (True, False, 1.0, True)
    extension.ops.dancepose.fit_preset(preset="REGRESSOR")
    assert (settings.refine, settings.smooth, settings.foot_lock) == (False, 0.0, False)


def test_own_presets_are_kept_and_put_back(extension, imported, tmp_path, monkeypatch):
    monkeypatch.setenv("BLENDER_USER_SCRIPTS", str(tmp_path))
    # Blender puts the name of the chosen preset on the menu; here it is put back.
    menu = extension.types.DANCEPOSE_PT_fit_presets
    monkeypatch.setattr(menu, "bl_label", menu.bl_label)
    imported.dancepose.smooth, imported.dancepose.foot_lock = 0.75, True
    extension.ops.dancepose.add_fit_preset(name="mine")
    kept = list(tmp_path.rglob("mine.py"))
    if not kept:
        pytest.skip("this Blender reads its folders once, at its start")
    imported.dancepose.smooth, imported.dancepose.foot_lock = 0.0, False
    extension.ops.script.execute_preset(filepath=str(kept[0]), menu_idname="DANCEPOSE_PT_fit_presets")
    assert imported.dancepose.smooth == 0.75
    assert imported.dancepose.foot_lock
    assert extension.context.scene.dancepose.smooth == 0.0


def test_every_setting_has_a_tooltip(extension):
    for group in (extension.context.scene.dancepose, extension.context.scene.dancepose_stage):
        for name, prop in group.bl_rna.properties.items():
            if name not in ("rna_type", "name") and not prop.is_hidden:
                assert prop.description, name


def test_a_saved_file_is_opened_again_with_everything(extension, imported, tmp_path):
    imported.dancepose.smooth = 0.5
    extension.context.scene.dancepose_stage.width = 1000
    path = tmp_path / "dancers.blend"
    extension.ops.wm.save_as_mainfile(filepath=str(path))
    extension.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    extension.ops.wm.open_mainfile(filepath=str(path))
    again = extension.context.object
    assert again.dancepose.smooth == 0.5
    assert again.dancepose.source.endswith("short.npz")
    assert extension.context.scene.dancepose_stage.width == 1000
    assert extension.ops.dancepose.refit() == {"FINISHED"}
    assert extension.ops.dancepose.build_stage() == {"FINISHED"}


def test_stop_leaves_the_file_as_it_was(extension, short_dance):
    from dancepose_addon.ui.importing import DANCEPOSE_OT_import_fit

    class Pressed:
        """Replaces the operator that Blender makes: steps ask nothing of it but to report."""

        def report(self, *_told):
            pass

        warn = report

    settings = extension.context.scene.dancepose
    settings.source = str(short_dance)
    before = counts(extension)
    steps = DANCEPOSE_OT_import_fit.steps(Pressed(), extension.context)
    fraction, message = next(steps)
    assert 0.0 <= fraction <= 1.0
    assert message
    steps.close()
    assert counts(extension) == before


def test_a_film_and_its_frames(extension, imported, tmp_path):
    stage = extension.context.scene.dancepose_stage
    stage.engine, stage.width, stage.height = "workbench", 64, 48
    extension.context.scene.render.fps = 25
    stage.range = "SCENE"
    extension.context.scene.frame_start, extension.context.scene.frame_end = 1, 5
    stage.output = str(tmp_path / "film")
    assert extension.ops.dancepose.render() == {"FINISHED"}
    assert (tmp_path / "film.mp4").stat().st_size > 500
    stage.form, stage.output = "FRAMES", str(tmp_path / "frames")
    assert extension.ops.dancepose.render() == {"FINISHED"}
    assert sorted(path.name for path in (tmp_path / "frames").glob("*.png")) == [f"{n:06d}.png" for n in range(5)]
    times = [path.stat().st_mtime_ns for path in sorted((tmp_path / "frames").glob("*.png"))]
    assert extension.ops.dancepose.render() == {"FINISHED"}  # nothing changed: nothing is rendered again
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "frames").glob("*.png"))] == times
    imported.children[0].data.materials[0].dancepose_colour = (0.9, 0.1, 0.1)
    assert extension.ops.dancepose.render() == {"FINISHED"}
    assert all(
        new != old
        for new, old in zip(
            [path.stat().st_mtime_ns for path in sorted((tmp_path / "frames").glob("*.png"))], times, strict=True
        )
    )


def test_output_beside_an_unsaved_file_is_refused_in_one_sentence(extension, imported):
    stage = extension.context.scene.dancepose_stage
    with pytest.raises(RuntimeError, match="not saved yet"):
        extension.ops.dancepose.render()
    assert "Save it first" in stage.problem


def test_outputs_replace_no_source(extension, imported, tmp_path):
    source = tmp_path / "source.npz"
    source.write_bytes(b"precious")
    record = json.loads(imported["dancepose_record"])
    imported["dancepose_record"] = json.dumps({**record, "source": str(source)})
    with pytest.raises(RuntimeError, match="source"):
        extension.ops.dancepose.export(filepath=str(source))
    stage = extension.context.scene.dancepose_stage
    (tmp_path / "film.mp4").symlink_to(source)
    stage.output = str(tmp_path / "film.mp4")
    with pytest.raises(RuntimeError, match="source"):
        extension.ops.dancepose.render()
    assert source.read_bytes() == b"precious"


@pytest.mark.parametrize("suffix", [".npz", ".bvh", ".pc2"])
def test_exports_without_blenders_own_writers(extension, imported, tmp_path, suffix):
    path = tmp_path / f"dancer{suffix}"
    assert extension.ops.dancepose.export(filepath=str(path)) == {"FINISHED"}
    if suffix == ".npz":
        with np.load(path) as arrays:
            assert arrays["poses"].shape == (50, 72)
            assert float(arrays["mocap_framerate"]) == pytest.approx(25.0)
    assert path.stat().st_size > 1000


def test_a_body_that_was_swapped_under_a_saved_scene_is_told(extension, imported):
    record = json.loads(imported["dancepose_record"])
    imported["dancepose_record"] = json.dumps({**record, "body": "0123456789abcdef"})
    with pytest.raises(RuntimeError, match="Restore that file"):
        extension.ops.dancepose.refit()
    assert "0123456789abcdef" in imported.dancepose.problem


def test_check_reports_what_runs(extension):
    from dancepose_addon.blender.render import engines
    from dancepose_addon.ui.output_operators import checks_of

    found = {check.topic: check for check in checks_of(extension.context)}
    assert found["NumPy"].found == np.__version__
    assert found["workbench"].found.startswith(engines.TITLES["workbench"])
    assert "ms for" in found["on NumPy"].found
    assert found["regressors"].found.endswith("smpl24")


def test_the_panel_offers_the_suffixes_that_folders_are_searched_for() -> None:
    from dancepose_addon.core.skeleton.readers import MOTION_SUFFIXES
    from dancepose_addon.ui.file_handler import DANCEPOSE_FH_motions
    from dancepose_addon.ui.importing import DANCEPOSE_OT_import_motions

    dropped = DANCEPOSE_FH_motions.bl_file_extensions.split(";")
    keywords = DANCEPOSE_OT_import_motions.__annotations__["filter_glob"].keywords
    assert set(dropped) == {suffix.removeprefix("*") for suffix in keywords["default"].split(";")} == MOTION_SUFFIXES
