# SPDX-License-Identifier: GPL-3.0-or-later
"""Two persons of one recording in Blender: at their places, in different colours, in studies and in the panel."""

from pathlib import Path
import pickle

import numpy as np
import pytest

from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.people_file import load_people
from dancepose_addon.core.body.rotation import rotmat_to_rotvec
from dancepose_addon.core.io.rotation_fit import use_rotations
from dancepose_addon.core.messages import FitRequest

from .conftest import BLENDER_FROM_SMPL

FRAMES, APART_M = 10, 1.0


@pytest.fixture(scope="module")
def pair(body) -> list[BodyMotion]:
    """Two who stand facing each other, one metre apart."""
    motions = []
    for side in (0.5, -0.5):
        pose = np.tile(np.eye(3, dtype=np.float32), (FRAMES, 24, 1, 1))
        turn = np.sign(side)  # a quarter turn about y: one looks to -x, the other to +x
        pose[:, 0] = [[0.0, 0.0, -turn], [0.0, 1.0, 0.0], [turn, 0.0, 0.0]]
        place = np.tile(np.float32([side, -body.v_template_m[:, 1].min(), 0.0]), (FRAMES, 1))
        motions.append(BodyMotion(pose, place, np.zeros(10, np.float32), 1.0, 20.0))
    return motions


@pytest.fixture
def recording(pair, tmp_path) -> Path:
    """As InterHuman has it."""
    people = {}
    for number, motion in enumerate(pair):
        rotvec = rotmat_to_rotvec(motion.pose_rotmat).reshape(FRAMES, 72)
        person = {"root_orient": rotvec[:, :3], "pose_body": rotvec[:, 3:66], "trans": motion.translation_m}
        people[f"person{number + 1}"] = person
    path = tmp_path / "pair.pkl"
    path.write_bytes(pickle.dumps({**people, "mocap_framerate": 20.0}))
    return path


def pelvis_of(bpy, armature):
    posed = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(posed.matrix_world @ posed.pose.bones["pelvis"].head)


def top_of(mesh):
    return next(
        tuple(material.diffuse_color) for material in mesh.data.materials if material.name.startswith("DancePose top")
    )


def test_each_stands_at_its_place_in_its_colour(blender, body, pair):
    from dancepose_addon.blender.import_motion import add_dancers

    scene = blender.context.scene
    fits = [use_rotations(motion, body) for motion in pair]
    added = add_dancers(fits, scene=scene, view_layer=blender.context.view_layer, collection=scene.collection)
    scene.frame_set(0)
    assert [dancer.armature.name for dancer in added] == ["Dancer", "Dancer 2"]
    for dancer, motion in zip(added, pair, strict=True):
        truth = motion.joints(body)[0, 0] @ BLENDER_FROM_SMPL.T
        assert np.abs(pelvis_of(blender, dancer.armature) - truth).max() < 1e-4
    first, second = (top_of(dancer.mesh) for dancer in added)
    assert np.abs(np.subtract(first, second)).max() > 0.1
    assert first == pytest.approx(tuple(body.surface.rgba[body.surface.names.index("top")]), abs=1e-6)


def test_a_study_fits_both_and_frames_both(blender, body, recording, tmp_path):
    from dancepose_addon.headless_study import fit_clip

    request = FitRequest(
        source=recording, video_fps=20.0, motion=tmp_path / "motion.npz", report=tmp_path / "report.json"
    )
    once = fit_clip(request).digest
    motions = load_people(request.motion)
    assert len(motions) == 2
    pelvis = [motion.joints(body)[0, 0] for motion in motions]
    assert np.linalg.norm((pelvis[0] - pelvis[1])[[0, 2]]) == pytest.approx(APART_M, abs=0.02)
    assert '"other_persons"' in request.report.read_text(encoding="utf-8")
    assert fit_clip(request).digest == once


def test_the_panel_imports_both(extension, recording):
    settings = extension.context.scene.dancepose
    settings.source = str(recording)
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    names = sorted(thing.name for thing in extension.context.scene.objects if thing.type == "ARMATURE")
    assert names == ["pair 1", "pair 2"]
    assert extension.context.object.name == "pair 1"
    tops = [top_of(thing["dancepose_skin"]) for thing in map(extension.data.objects.get, names)]
    assert tops[0] != tops[1]


def test_the_panel_imports_one_where_a_take_is_wanted(extension, recording):
    settings = extension.context.scene.dancepose
    settings.source, settings.everyone, settings.take = str(recording), False, 1
    assert extension.ops.dancepose.import_fit() == {"FINISHED"}
    armatures = [thing for thing in extension.context.scene.objects if thing.type == "ARMATURE"]
    assert len(armatures) == 1
    assert pelvis_of(extension, armatures[0])[0] < 0.0
