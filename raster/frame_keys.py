# SPDX-License-Identifier: Apache-2.0
"""Keys that name everything that a frame depends on."""

from dataclasses import asdict
import hashlib
import json

import numpy as np

from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import CameraPath
from dancepose_addon.core.stage_design import LIGHTS, STAGE_VERSION, StageSettings

from .rasteriser import ENGINE_VERSION


def frame_key(
    motion: BodyMotion,
    body: BodyModel,
    path: CameraPath,
    stage: StageSettings,
    renderer: str,
    *,
    size: tuple[int, int],
) -> str:
    """Return sixteen hex digits that identify what a clip's frames depend on, except their times.

    Args:
        motion: Motion of the dancer.
        body: Body of the dancer.
        path: Shot of the camera, and how it moves.
        stage: Appearance of the stage.
        renderer: Name of the OpenGL renderer.
        size: (width, height), pixels.

    Returns:
        The key.
    """
    digest = hashlib.blake2b(digest_size=8)
    body = body.shown
    arrays = [motion.pose_rotmat, motion.translation_m, motion.betas, path.shot.position_m, path.shot.rotmat]
    arrays += [path.shot.centre_m, path.shot.reach_m]
    arrays += [] if path.way_m is None else [path.way_m]
    arrays += [body.v_template_m, body.faces, body.shapedirs, body.weights]
    arrays += [] if body.posedirs is None else [body.posedirs]
    arrays += [] if body.surface is None else [body.surface.face_material, body.surface.rgba]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    settings = [motion.scale, motion.fps, list(size), asdict(stage), [asdict(light) for light in LIGHTS]]
    digest.update(json.dumps([*settings, STAGE_VERSION, ENGINE_VERSION, renderer], sort_keys=True).encode())
    return digest.hexdigest()
