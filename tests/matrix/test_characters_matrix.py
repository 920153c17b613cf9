# SPDX-License-Identifier: Apache-2.0
"""Driving a character in every version of Blender, by the panel's button."""

import numpy as np
import pytest

from tests.matrix.blenders import run_inside

pytestmark = pytest.mark.matrix

FRAME_COUNT = 357


@pytest.fixture(scope="module")
def driven(blender, best_zip, tmp_path_factory):
    from tests.matrix.blenders import make_home

    facts, printed = run_inside(blender, make_home(tmp_path_factory.mktemp("drive") / "home"), "drive.py", best_zip)
    assert facts["installed"], printed
    return facts


def test_the_button_drives_the_rig(driven):
    assert driven["refused"] is None
    assert driven["poll"]
    assert driven["driven"] == ["FINISHED"]
    keys = driven["keys"]
    assert keys['pose.bones["mixamorig:Hips"].location[2]'] == FRAME_COUNT
    assert keys['pose.bones["mixamorig:LeftForeArm"].rotation_quaternion[0]'] == FRAME_COUNT


def test_evaluated_limbs_point_as_the_dancers(driven):
    dancer, rig = (np.array(driven["limbs"][name]) for name in ("dancer", "rig"))
    angle_deg = np.degrees(np.arccos(np.clip((dancer * rig).sum(axis=-1), -1.0, 1.0)))
    # Arms are free; legs differ by what keeps the feet in their places, since the dancer's were not locked.
    assert angle_deg[:, [0, 1, 4, 5]].max() < 0.1
    assert np.median(angle_deg[:, [2, 3, 6, 7]]) < 3.0


def test_rigifys_deform_bones_point_as_the_dancers(driven):
    assert driven["rigify"] == ["FINISHED"]
    dancer, rig = (np.array(driven["limbs"][name]) for name in ("dancer", "rigify"))
    angle_deg = np.degrees(np.arccos(np.clip((dancer * rig).sum(axis=-1), -1.0, 1.0)))
    assert angle_deg[:, [0, 1, 4, 5]].max() < 0.1
    assert np.median(angle_deg[:, [2, 3, 6, 7]]) < 3.0


def test_rigifys_limbs_can_be_switched_to_ik(driven):
    """Hands and feet do not move at all; elbows and knees do only where the dance has them overextended."""
    away_m = np.linalg.norm(np.array(driven["fk"]) - np.array(driven["ik"]), axis=-1)
    joints = np.arange(12).reshape(2, 6)  # shoulder, elbow, wrist, hip, knee, ankle on each side
    assert away_m[:, joints[:, [0, 2, 3, 5]].ravel()].max() < 2e-3
    assert np.median(away_m[:, joints[:, [1, 4]].ravel()]) < 2e-3


def test_actions_have_layers_where_blender_has_them(driven, blender):
    layers = 0 if blender.name.startswith("bpy-4.2") else 1
    assert (driven["layers"], driven["rigify_layers"]) == (layers, layers)
