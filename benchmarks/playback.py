# SPDX-License-Identifier: GPL-3.0-or-later
"""Playback speed of one dancer without rendering, as ``frame_set``.

    python -m benchmarks.playback

Compares in one run: the bare rig, driven correctives (exact SMPL), the same baked to a vertex cache, and plain linear
blend skinning. Prints milliseconds and frames per second of each, and where the time of the correctives goes.
"""

from pathlib import Path
import tempfile
import time

import bpy
import numpy as np

from dancepose_addon.blender.import_motion import RigOptions, add_dancer
from dancepose_addon.blender.narrowing import mesh_of, present, render_of, scene_of, view_layer_of
from dancepose_addon.blender.rig.vertex_cache import bake
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.io.rotation_fit import use_rotations
from dancepose_addon.headless import leave
from tests.support.samples import body_motion, cut, waltz

GOAL_FPS = 60.0
FRAMES = 240
RUNS = 3


def main() -> int:
    """Print a line per variant; the exit code states whether the correctives reach the goal."""
    rows = {
        "bones alone": _play(correctives=False, skin=False),
        "linear blend skinning": _play(correctives=False),
        "driven correctives": _play(correctives=True),
        "drivers muted, keys kept": _play(correctives=True, mute="drivers"),
        "keys muted, drivers kept": _play(correctives=True, mute="keys"),
        "vertex cache": _play(correctives=True, cache=True),
    }
    vertices = len(load_body().v_template_m)
    print(f"Blender {bpy.app.version_string}, {vertices} vertices, {FRAMES} frames, best of {RUNS}")
    for name, spent in rows.items():
        print(f"{name:<26} {1000.0 * spent:7.2f} ms  {1.0 / spent:6.0f} frames/s")
    reached = 1.0 / rows["driven correctives"]
    print(f"goal: correctives at {GOAL_FPS:.0f} frames/s or more")
    return 0 if reached >= GOAL_FPS else 1


def _play(*, correctives: bool, skin: bool = True, mute: str = "", cache: bool = False) -> float:
    """Return seconds per frame."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene, body = scene_of(bpy.context), load_body()
    render_of(scene).fps = 25
    imported = add_dancer(
        use_rotations(body_motion(cut(waltz(), FRAMES), body), body),
        scene=scene,
        view_layer=view_layer_of(bpy.context),
        collection=scene.collection,
        options=RigOptions(correctives=correctives),
    )
    mesh = imported.mesh
    if not skin:
        bpy.data.objects.remove(mesh)
    elif mute == "keys":
        for key in list(present(mesh_of(mesh).shape_keys).key_blocks)[1:]:
            key.mute = True
    elif mute == "drivers":
        for driver in present(present(mesh_of(mesh).shape_keys).animation_data).drivers:
            driver.mute = True
    best = np.inf
    with tempfile.TemporaryDirectory() as folder:
        if cache:
            bake(imported.armature, Path(folder) / "dancer.pc2")
        for _ in range(RUNS):
            clock = time.perf_counter()
            for frame in range(FRAMES):
                scene.frame_set(frame)
            best = min(best, (time.perf_counter() - clock) / FRAMES)
    return float(best)


if __name__ == "__main__":
    leave(main())
