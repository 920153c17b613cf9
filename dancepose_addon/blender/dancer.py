"""A fitted motion as an animated rig with its skin."""

import bpy

from ..core.body.model import BodyModel
from ..core.fit.motion import BodyMotion
from .actions import animate
from .armature import create_armature
from .mesh import create_body_mesh


def build_rig(
    motion: BodyMotion,
    body: BodyModel,
    *,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    name: str,
    correctives: bool,
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Build armature and mesh of a motion's body in ``collection``, not animated yet."""
    armature = create_armature(
        name, body, betas=motion.betas, scale=motion.scale, collection=collection, view_layer=view_layer
    )
    mesh = create_body_mesh(
        f"{name} body",
        body,
        betas=motion.betas,
        scale=motion.scale,
        armature=armature,
        collection=collection,
        correctives=correctives,
    )
    view_layer.update()
    return armature, mesh


def build_dancer(
    motion: BodyMotion,
    body: BodyModel,
    *,
    scene: bpy.types.Scene,
    view_layer: bpy.types.ViewLayer,
    collection: bpy.types.Collection,
    name: str = "Dancer",
    first_frame: float = 0.0,
    correctives: bool = True,
) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Build armature and mesh in ``collection`` and animate them at the scene's rate, the first key at
    ``first_frame``."""
    armature, mesh = build_rig(
        motion, body, view_layer=view_layer, collection=collection, name=name, correctives=correctives
    )
    animate(armature, motion, scene_fps=scene.render.fps / scene.render.fps_base, first_frame=first_frame)
    return armature, mesh
