# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for other programs, imported again by Blender itself; and armatures in the scene as motions."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.spatial import cKDTree

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.io.theta import joints_of
from dancepose_addon.core.io.writers.bvh import write_bvh
from tests.support.samples import NAMINGS, body_motion, bvh_text, cut, points_of, waltz

from .conftest import place

FRAMES = 16
LOOKED_AT = (0, 7, 15)
SKELETAL = (".fbx", ".glb", ".usdc")
# Blender's BVH importer does not close the file.
LEAVES_FILES_OPEN = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
LEAVES_FILES_OPEN_2 = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def motion(body: BodyModel) -> BodyMotion:
    return body_motion(cut(waltz(), FRAMES), body, scale=1.04)


def empty_scene(blender: ModuleType) -> object:
    blender.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = blender.context.scene
    scene.render.fps, scene.render.fps_base = 25, 1.0
    return scene


def vertices(blender: ModuleType, frame: int) -> np.ndarray:
    """Every vertex of every mesh that is shown, world axes; glTF's importer adds a shape for bones, which is none."""
    blender.context.scene.frame_set(frame)
    graph = blender.context.evaluated_depsgraph_get()
    found = []
    for thing in blender.context.scene.objects:
        if thing.type != "MESH" or thing.name.startswith("Icosphere"):
            continue
        evaluated = thing.evaluated_get(graph)
        mesh = evaluated.to_mesh()
        local = np.empty(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", local)
        world = np.array(evaluated.matrix_world)
        found.append(local.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
        evaluated.to_mesh_clear()
    return np.concatenate(found)


def bring_in(blender: ModuleType, path: Path) -> None:
    importers = {
        ".fbx": lambda: blender.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0),
        ".glb": lambda: blender.ops.import_scene.gltf(filepath=str(path)),
        ".usdc": lambda: blender.ops.wm.usd_import(filepath=str(path)),
        ".abc": lambda: blender.ops.wm.alembic_import(filepath=str(path), as_background_job=False),
    }
    importers[path.suffix]()


@pytest.mark.parametrize("suffix", [".fbx", ".glb", ".usdc", ".abc"])
def test_vertices_come_back_within_a_millimetre(
    blender: ModuleType, body: BodyModel, motion: BodyMotion, tmp_path: Path, suffix: str
) -> None:
    from dancepose_addon.blender.scene_export import export_dancer

    scene = empty_scene(blender)
    imported = place(blender, motion, body, fps=25, correctives=True)
    scene.frame_start, scene.frame_end = 0, FRAMES - 1
    if suffix in SKELETAL:  # others would take correctives for morph targets, so the file is of plain skinning
        for key in imported.mesh.data.shape_keys.key_blocks[1:]:
            key.mute = True
    truth = {frame: vertices(blender, frame) for frame in LOOKED_AT}
    assert np.ptp(truth[15] - truth[0], axis=0).max() > 0.1  # it moves
    path = tmp_path / f"dance{suffix}"
    for key in imported.mesh.data.shape_keys.key_blocks[1:]:
        key.mute = False
    other = blender.data.objects.new("not exported", blender.data.meshes.new("not exported"))
    scene.collection.objects.link(other)
    export_dancer(path, imported.armature, scene)
    assert len(imported.mesh.data.shape_keys.key_blocks) > 100
    empty_scene(blender)
    bring_in(blender, path)
    assert not [thing for thing in blender.data.objects if "not exported" in thing.name]
    for frame, expected in truth.items():
        found = vertices(blender, frame)
        if len(found) == len(expected):
            away = np.linalg.norm(found - expected, axis=1)
        else:  # glTF splits vertices at seams: each has to lie on one of ours, and each of ours has to be met
            assert suffix == ".glb"
            away = np.concatenate([cKDTree(expected).query(found)[0], cKDTree(found).query(expected)[0]])
        assert away.max() < 1e-3, f"frame {frame}: {1000 * away.max():.3f} mm"


def test_unknown_format_is_refused(blender: ModuleType, tmp_path: Path) -> None:
    from dancepose_addon.blender.scene_export import export_rig

    with pytest.raises(InputError, match=r"\.fbx"):
        export_rig(tmp_path / "a.max", (), empty_scene(blender))


@LEAVES_FILES_OPEN
@LEAVES_FILES_OPEN_2
def test_blender_s_own_importer_reads_our_bvh(
    blender: ModuleType, body: BodyModel, motion: BodyMotion, tmp_path: Path
) -> None:
    write_bvh(motion, body, tmp_path / "a.bvh")
    scene = empty_scene(blender)
    blender.ops.import_anim.bvh(
        filepath=str(tmp_path / "a.bvh"), global_scale=0.01, frame_start=0, update_scene_fps=True,
        axis_forward="-Z", axis_up="Y",
    )  # fmt: skip
    assert scene.render.fps / scene.render.fps_base == pytest.approx(25.0)
    armature = next(thing for thing in scene.objects if thing.type == "ARMATURE")
    truth = joints_of(motion, body).keypoints_m
    for frame in LOOKED_AT:
        scene.frame_set(frame + 1)  # the importer keeps its first frame for the rest pose
        world = np.array(armature.matrix_world)
        for index, name in enumerate(joints_of(motion, body).layout.keypoints):
            at = world @ np.array([*armature.pose.bones[name].head, 1.0])
            x, y, z = truth[frame, index]
            assert np.linalg.norm(at[:3] - [x, -z, y]) < 1e-3, f"{name} in frame {frame}"


@LEAVES_FILES_OPEN
@LEAVES_FILES_OPEN_2
@pytest.mark.parametrize("naming", ["mixamo", "unreal"])
def test_an_armature_in_the_scene_is_a_motion(blender: ModuleType, tmp_path: Path, naming: str) -> None:
    from dancepose_addon.blender.scene_reader import read_armature

    (tmp_path / "a.bvh").write_text(bvh_text(cut(waltz(), FRAMES), NAMINGS[naming], unit=100.0))
    scene = empty_scene(blender)
    blender.ops.import_anim.bvh(
        filepath=str(tmp_path / "a.bvh"), global_scale=0.01, frame_start=1, use_fps_scale=False,
        update_scene_fps=True, axis_forward="-Z", axis_up="Y",
    )  # fmt: skip
    armature = next(thing for thing in scene.objects if thing.type == "ARMATURE")
    clip = read_armature(armature, scene)
    layout = {"mixamo": "smpl24", "unreal": "smpl22"}[naming]
    assert (clip.layout.name, clip.fps, len(clip)) == (layout, pytest.approx(25.0), FRAMES)
    np.testing.assert_allclose(clip.keypoints_m, points_of(cut(waltz(), FRAMES), layout), atol=1e-3)
    still = blender.data.objects.new("Still", blender.data.armatures.new("Still"))
    with pytest.raises(InputError, match="no action"):
        read_armature(still, scene)
    with pytest.raises(InputError, match="No armature"):
        read_armature(None, scene)
