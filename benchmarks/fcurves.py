# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys set in bulk compared with ``keyframe_insert``: 24 bones x 2,000 frames.

python -m benchmarks.fcurves
"""

import argparse
import time

import bpy
import numpy as np

from dancepose_addon.blender import compat
from dancepose_addon.blender.narrowing import action_of, present, scene_of, view_layer_of
from dancepose_addon.blender.rig.actions import animate
from dancepose_addon.blender.rig.armature import create_armature
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import continuous_quat, rotmat_to_quat, rotvec_to_rotmat
from dancepose_addon.headless import leave

GOAL = 100.0


def main() -> int:
    """Print both times and their ratio; the exit code states whether the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2000)
    frames: int = parser.parse_args().frames
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    motion = _motion(frames)
    bulk, slow = _armature("bulk", motion), _armature("slow", motion)

    clock = time.perf_counter()
    animate(bulk, motion, scene_fps=25.0)
    bulk_s = time.perf_counter() - clock

    quats = continuous_quat(rotmat_to_quat(motion.pose_rotmat)).tolist()
    places = motion.translation_m.tolist()
    clock = time.perf_counter()
    for frame in range(frames):
        present(slow.pose).bones["pelvis"].location = places[frame]
        present(slow.pose).bones["pelvis"].keyframe_insert("location", frame=frame)
        for joint, name in enumerate(JOINT_NAMES):
            bone = present(slow.pose).bones[name]
            bone.rotation_quaternion = quats[frame][joint]
            bone.keyframe_insert("rotation_quaternion", frame=frame)
    slow_s = time.perf_counter() - clock

    worst = _difference(bulk, slow)
    ratio = slow_s / bulk_s
    print(f"Blender {bpy.app.version_string}, 24 bones x {frames} frames, {24 * 4 + 3} curves")
    print(f"keyframe_insert   {slow_s:8.3f} s")
    print(f"bulk              {bulk_s:8.3f} s, the turn into quaternions included")
    print(f"ratio             {ratio:8.0f}   (goal: {GOAL:.0f})")
    print(f"largest difference between the two actions: {worst:.1e}")
    return 0 if ratio >= GOAL and worst < 1e-5 else 1


def _motion(frames: int) -> BodyMotion:
    rng = np.random.default_rng(0)
    steps = rng.normal(0.0, 0.03, (frames, 24, 3))
    pose = rotvec_to_rotmat(np.cumsum(steps, axis=0)).astype(np.float32)
    place = np.cumsum(rng.normal(0.0, 0.01, (frames, 3)), axis=0).astype(np.float32)
    return BodyMotion(pose, place, np.zeros(10, np.float32), 1.0, 25.0)


def _armature(name: str, motion: BodyMotion) -> bpy.types.Object:
    collection, layer = scene_of(bpy.context).collection, view_layer_of(bpy.context)
    armature = create_armature(
        name, load_body(), betas=motion.betas, scale=motion.scale, collection=collection, view_layer=layer
    )
    layer.update()
    return armature


def _difference(first: bpy.types.Object, second: bpy.types.Object) -> float:
    curves = [
        {(curve.data_path, curve.array_index): _keys(curve) for curve in compat.curves_of(present(action_of(thing)))}
        for thing in (first, second)
    ]
    assert curves[0].keys() == curves[1].keys()
    return max(float(np.abs(keys - curves[1][name]).max()) for name, keys in curves[0].items())


def _keys(curve: bpy.types.FCurve) -> np.ndarray:
    keys = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", keys)
    return keys


if __name__ == "__main__":
    leave(main())
