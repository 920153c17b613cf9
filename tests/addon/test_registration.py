# SPDX-License-Identifier: Apache-2.0
"""The extension as Blender loads it, and its panel's button."""

from pathlib import Path

import numpy as np
import pytest

import dancepose_addon


@pytest.fixture(scope="session")
def posed_model(body, tmp_path_factory) -> Path:
    pytest.importorskip("onnx")
    from tests.support.posed_model import write_posed_model

    return write_posed_model(tmp_path_factory.mktemp("model") / "posed.onnx", body)


def names_in(bpy) -> set[str]:
    return {name for name in dir(bpy.types) if "dancepose" in name.lower()}


def test_registering_twice_leaves_nothing(blender):
    before = names_in(blender), set(dir(blender.ops.dancepose)), hasattr(blender.types.Scene, "dancepose")
    for _ in range(2):
        dancepose_addon.register()
        assert {"DANCEPOSE_OT_import_fit", "DANCEPOSE_PT_source"} <= names_in(blender)
        assert blender.context.scene.dancepose.device == "auto"
        dancepose_addon.unregister()
    assert before == (names_in(blender), set(dir(blender.ops.dancepose)), hasattr(blender.types.Scene, "dancepose"))
    assert before[2] is False


def test_the_button_builds_the_rig_of_the_example(extension, posed_model, root):
    settings = extension.context.scene.dancepose
    settings.source = str(root / "examples" / "waltz")
    settings.regressor = str(posed_model)
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    scene = extension.context.scene
    armature = next(thing for thing in scene.objects if thing.type == "ARMATURE")
    body = next(thing for thing in scene.objects if thing.type == "MESH")
    assert body.parent == armature
    assert settings.result.startswith("357 frames at 25 fps")
    # Keys run at the scene's rate, from the scene's first frame.
    first, last = armature.animation_data.action.frame_range
    assert first == pytest.approx(scene.frame_start)
    assert last == pytest.approx(scene.frame_start + 356 / 25.0 * scene.render.fps, abs=0.01)
    scene.frame_set(200)
    points = np.array([body.matrix_world @ vertex.co for vertex in body.data.vertices])
    assert 1.4 < np.ptp(points[:, 2]) < 2.3


def test_a_wrong_choice_is_one_report_and_changes_nothing(extension, tmp_path):
    extension.context.scene.dancepose.source = str(tmp_path / "none")
    with pytest.raises(RuntimeError, match="does not exist") as caught:
        extension.ops.dancepose.import_fit()
    assert len(str(caught.value).strip().splitlines()) == 1
    assert len(extension.data.objects) == 0
    extension.context.scene.dancepose.source = ""
    with pytest.raises(RuntimeError, match="No motion is chosen"):
        extension.ops.dancepose.import_fit()


def test_nothing_is_imported_before_blender_asks(run_python):
    told = run_python("-c", "import sys, dancepose_addon; print('bpy' in sys.modules, 'numpy' in sys.modules)")
    assert told.stdout.split() == ["False", "False"]
