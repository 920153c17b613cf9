# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender as a module, with an empty file for every test."""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import dancepose_addon
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.io.rotation_fit import use_rotations

BLENDER_FROM_SMPL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""By hand: SMPL's up (y) is Blender's z, SMPL's front (z) is Blender's -y, left stays x."""


def place(bpy: ModuleType, motion: BodyMotion, body: BodyModel, *, fps: int, **options: Any) -> Any:
    """A motion as a dancer in the scene, at that many scene frames a second; options: of the import."""
    from dancepose_addon.blender.import_motion import RigOptions, add_dancer

    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps, 1.0
    return add_dancer(
        use_rotations(motion, body),
        scene=scene,
        view_layer=bpy.context.view_layer,
        collection=scene.collection,
        options=RigOptions(**options),
    )


def shown_vertices(bpy: ModuleType, mesh: Any) -> np.ndarray:
    """Vertices as Blender shows them now, (V, 3), metres, in the world."""
    shown = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(shown.data.vertices), np.float32)
    shown.data.vertices.foreach_get("co", points)
    world = np.array(shown.matrix_world)
    return points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


@pytest.fixture
def blender() -> ModuleType:
    """bpy with an empty file."""
    bpy = pytest.importorskip("bpy", reason="the bpy wheel is not installed")
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return bpy


@pytest.fixture
def extension(blender: ModuleType) -> Iterator[ModuleType]:
    """bpy with an empty file, and the extension enabled."""
    dancepose_addon.register()
    yield blender
    # A class still registered when Python ends can crash or hang this wheel.
    if hasattr(blender.types.Scene, "dancepose"):
        dancepose_addon.unregister()


@pytest.fixture(scope="session")
def flexible_body(body: BodyModel) -> BodyModel:
    """The shipped body with correctives that move every vertex for every feature but one, as no real body's do."""
    rng = np.random.default_rng(5)
    posedirs = rng.normal(0.0, 0.003, (len(body.v_template_m), 3, 207)).astype(np.float32)
    posedirs[:, :, 17] = 0.0
    return replace(body, posedirs=posedirs, detailed=None)


@pytest.fixture(scope="session")
def wild_motion() -> BodyMotion:
    """Every joint turning far and fast, another shape and size, and a rate that is not the scene's."""
    rng = np.random.default_rng(7)
    rotvec = np.cumsum(rng.normal(0.0, 0.25, (30, 24, 3)), axis=0)
    path = np.cumsum(rng.normal(0.0, 0.05, (30, 3)), axis=0)
    return BodyMotion(
        pose_rotmat=rotvec_to_rotmat(rotvec).astype(np.float32),
        translation_m=path.astype(np.float32),
        betas=rng.normal(0.0, 1.0, 10).astype(np.float32),
        scale=1.07,
        fps=20.0,
    )
