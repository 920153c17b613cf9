# SPDX-License-Identifier: Apache-2.0
"""The built zip in a Blender that has never seen it: installed, used, saved, opened again, disabled, uninstalled."""

import numpy as np
from PIL import Image
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES, forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.fit.pipeline import fit
from dancepose_addon.core.fit.settings import FitSettings
from dancepose_addon.core.io.example import example_folder
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.inference import open_for

pytestmark = pytest.mark.matrix

FRAME_COUNT = 357
BLENDER_FROM_SMPL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""By hand: SMPL's up (y) is Blender's z, SMPL's front (z) is Blender's -y, left stays x."""


@pytest.fixture(scope="session")
def motion() -> BodyMotion:
    """The example fitted here, without Blender, with the settings that a new scene has."""
    body = load_body()
    sequence = open_source(example_folder(), body=body)
    assert isinstance(sequence, KeypointSequence)
    sequence, regressor = open_for(sequence, device="numpy")
    return fit(sequence, regressor=regressor, body=body, settings=FitSettings()).motion


def expected_joints(motion: BodyMotion, scene_frames: list[int]) -> np.ndarray:
    """World places in Blender of the joints at scene frames of 24 a second, key 0 at frame 1. (F, 22, 3), metres."""
    keys = [round((frame - 1) * 25 / 24) for frame in scene_frames]
    rest = np.float32(motion.scale) * load_body().rest_joints(motion.betas)
    _, joints = forward_kinematics(rest, motion.pose_rotmat[keys], motion.translation_m[keys])
    return joints[:, :22] @ BLENDER_FROM_SMPL.T


def test_it_is_enabled_and_its_example_fits(used):
    assert used.first["enabled"]["classes"]
    assert "import_fit" in used.first["enabled"]["operators"]
    assert used.first["refused"] is None
    assert used.first["source"].startswith(str(used.home.user))


def test_every_frame_has_its_keys(used):
    keys = used.first["keys"]
    wanted = {f'pose.bones["{name}"].rotation_quaternion[{index}]' for name in JOINT_NAMES[:22] for index in range(4)}
    wanted |= {f'pose.bones["pelvis"].location[{index}]' for index in range(3)}
    assert {path: keys.get(path) for path in wanted} == dict.fromkeys(wanted, FRAME_COUNT)
    assert keys.get('pose.bones["left_index1"].rotation_quaternion[0]') == 1  # the example has no fingers: they rest


def test_fingers_and_two_persons_are_imported(used):
    """A FineDance-like file has a key of every finger joint in every frame; persons keep their places."""
    assert used.first["fingers"] is None
    (keys,) = used.first["finger_keys"]
    assert keys['pose.bones["left_index1"].rotation_quaternion[0]'] == 40
    assert used.first["duet"] is None
    assert len(used.first["duet_keys"]) == 2
    assert all(keys['pose.bones["left_shoulder"].rotation_quaternion[0]'] == 40 for keys in used.first["duet_keys"])
    assert used.first["duet_apart_m"] == pytest.approx(1.0, abs=1e-3)


def test_evaluated_bones_stand_where_forward_kinematics_puts_them(used, motion):
    found = np.array(used.first["joints"])
    away_mm = 1e3 * np.linalg.norm(found - expected_joints(motion, used.first["frames"]), axis=-1)
    # Not the same NumPy nor the same runtime: the fit's steps round differently.
    assert away_mm.max() < 1.0


def test_the_bundled_onnxruntime_runs_or_numpy_does(used, has_wheels, root):
    if not has_wheels:
        assert used.first["onnxruntime"] is None
        assert "NumPy" in used.printed
        return
    pinned = next(
        line for line in (root / "constraints.txt").read_text().splitlines() if line.startswith("onnxruntime")
    )
    assert used.first["onnxruntime"]["version"] == pinned.partition("==")[2]
    assert used.first["onnxruntime"]["file"].startswith(str(used.home.user))


def test_the_dancer_is_in_the_picture(used):
    with_dancer, without = (
        np.asarray(Image.open(used.home.work / f"{name}.png").convert("RGB"), np.float64)
        for name in ("with", "without")
    )
    assert with_dancer.shape == (96, 96, 3)
    changed = np.abs(with_dancer - without).max(axis=-1) > 8.0
    # A person 1.7 m tall, seen from 4 m away with a lens of 50 mm, takes a tenth or so of the picture.
    assert 0.03 < changed.mean() < 0.5
    assert changed[20:76, 20:76].sum() > 0.8 * changed.sum()


def test_a_refusal_is_one_line_and_leaves_no_data(used):
    refusal = used.first["refusal"]
    assert "nothing.json does not exist" in refusal
    assert len(refusal.strip().splitlines()) == 1
    assert used.first["data_after_refusal"] == used.first["data_before"]


def test_a_fit_leaves_no_data_that_nothing_uses(used):
    def unused(names: dict[str, list[str]]) -> set[str]:
        return {f"{kind} {name}" for kind, found in names.items() for name in found if name.endswith("*")}

    assert unused(used.first["data_after_fit"]) <= unused(used.first["data_before"])


def test_a_saved_file_keeps_settings_and_animation(used):
    assert {path.partition(".")[0] for path in used.first["settings"]} == {"Scene", "waltz"}
    assert used.then["settings"] == used.first["settings"]
    assert used.then["keys"] == used.first["keys"]
    assert np.abs(np.array(used.then["joints"]) - np.array(used.first["joints"])).max() < 1e-5


def test_a_reopened_file_can_be_worked_on(used):
    assert used.then["refused"] is None
    assert used.then["dancers"] == used.first["dancers_again"]


def test_it_can_be_disabled_and_enabled_again(used):
    first = used.first
    assert first["disabled"] == first["before"]
    assert first["still_enabled"] is False
    assert first["enabled_again"] == first["enabled"]
    assert first["settings_again"] == first["settings"]
    assert first["refused_again"] is None
    assert first["disabled_again"] == first["before"]


def test_nothing_is_written_into_its_own_folder(used):
    assert used.first["shipped_after"] == used.first["shipped"]


def test_uninstalled_it_leaves_nothing(used):
    assert used.then["traces"] == used.first["before"]
    left = [path for path in used.then["user_files"] if "dancepose" in path or "onnxruntime" in path]
    assert left == []
    assert used.home.outside() == []


def test_nothing_is_complained_about(used):
    """Blender reports a bad registration, a leak or a missing property by printing."""
    bad = ("Traceback", "not freed", "rna_uiItemR", "Warning: class", "deprecat", "pyrna_")
    assert [line for line in used.printed.splitlines() if any(word in line for word in bad)] == []
