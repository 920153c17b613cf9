# SPDX-License-Identifier: GPL-3.0-or-later
"""Install a zip into a fresh user folder and use it: fit, fail, render, save, disable, enable.

python use.py ARCHIVE WORK-FOLDER FACTS.json
"""

from pathlib import Path
import sys
from typing import Any

import bpy
from mathutils import Vector
import numpy as np
from session import (
    MODULE,
    armatures,
    data_names,
    extension,
    files_under,
    fit,
    groups,
    install,
    is_enabled,
    joints_at,
    keys_of,
    onnxruntime_in_use,
    run,
    settings,
    traces,
)
from use_frames import FRAMES

DANCE_FRAMES = 40
FIRST_FINGER = 22
"""Index of SMPL+H's left_index1."""


def main(facts: dict[str, Any]) -> None:
    archive, folder = sys.argv[1], Path(sys.argv[2])
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    facts["before"] = traces()
    facts["installed"] = install(archive)
    if not facts["installed"]:
        return
    facts["enabled"] = traces()
    own_folder = Path(extension("core.errors").__file__).parents[1]
    facts["shipped"] = files_under(str(own_folder))

    facts["data_before"] = data_names()
    facts["refusal"] = fit(str(folder / "nothing.json"))
    facts["data_after_refusal"] = data_names()

    source = str(extension("core.io.example").example_folder())
    facts["source"] = source
    facts["refused"] = fit(source)
    facts["data_after_fit"] = data_names()
    facts["onnxruntime"] = onnxruntime_in_use()
    (armature,) = armatures()
    facts["keys"] = keys_of(armature)
    facts["frames"], facts["joints"] = FRAMES, joints_at(armature, FRAMES)
    _render_with_and_without(armature, folder)
    _change_settings()
    facts["settings"] = settings()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "dance.blend"))

    bpy.ops.preferences.addon_disable(module=MODULE)
    facts["disabled"], facts["still_enabled"] = traces(), is_enabled()
    bpy.ops.preferences.addon_enable(module=MODULE)
    facts["enabled_again"], facts["settings_again"] = traces(), settings()
    facts["refused_again"] = fit(source)
    facts["dancers_again"] = len(armatures())
    facts["fingers"], facts["finger_keys"], _ = _new_dancers(_fingers_file(folder))
    facts["duet"], facts["duet_keys"], facts["duet_apart_m"] = _new_dancers(_duet_file(folder))
    bpy.ops.preferences.addon_disable(module=MODULE)
    facts["disabled_again"] = traces()
    facts["shipped_after"] = files_under(str(own_folder))


def _fingers_file(folder: Path) -> str:
    """FineDance's array: a translation and 52 rotation vectors a frame. One finger closes."""
    rows = np.zeros((DANCE_FRAMES, 3 + 3 * 52))
    rows[:, 1] = 0.9
    rows[:, 3 + 3 * FIRST_FINGER + 2] = -np.linspace(0.1, 1.2, DANCE_FRAMES)
    rows[:, 3 + 3 * 16] = np.linspace(0.0, 0.5, DANCE_FRAMES)
    np.save(folder / "fingers.npy", rows)
    return str(folder / "fingers.npy")


def _duet_file(folder: Path) -> str:
    """SMPL parameters of two persons, a metre apart."""
    poses, trans = np.zeros((2, DANCE_FRAMES, 72)), np.zeros((2, DANCE_FRAMES, 3))
    poses[:, :, 48] = np.linspace(0.0, 0.7, DANCE_FRAMES)
    trans[:, :, 1], trans[1, :, 0] = 0.9, 1.0
    np.savez(folder / "duet.npz", smpl_poses=poses, root_trans=trans, fps=25.0)
    return str(folder / "duet.npz")


def _new_dancers(source: str) -> tuple[str | None, list[dict[str, int]], float]:
    """Import; what was refused, the keys of every new dancer, and how far the first and the last of them are apart."""
    bpy.ops.scene.new(type="NEW")  # with default settings, and no dancer that is replaced
    before = set(armatures())
    refused = fit(source)
    new = [armature for armature in armatures() if armature not in before]
    places = [joints_at(armature, [1])[0][0] for armature in new]
    apart = float(np.linalg.norm(np.subtract(places[0], places[-1]))) if places else 0.0
    return refused, [keys_of(armature) for armature in new], apart


def _render_with_and_without(armature: bpy.types.Object, folder: Path) -> None:
    """Two pictures of one frame: with the dancer, and with the dancer hidden."""
    scene = bpy.context.scene
    scene.frame_set(FRAMES[2])
    centre = armature.matrix_world @ armature.pose.bones["spine1"].head
    camera = scene.camera
    camera.location = centre + Vector((0.0, -4.0, 0.3))
    camera.rotation_euler = (centre - camera.location).to_track_quat("-Z", "Y").to_euler()
    render = scene.render
    render.engine, render.resolution_x, render.resolution_y = "CYCLES", 96, 96
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", 2, False
    render.image_settings.file_format = "PNG"
    dancer = [armature, *armature.children_recursive]
    for name, hidden in (("with", False), ("without", True)):
        for thing in dancer:
            thing.hide_render = hidden
        render.filepath = str(folder / f"{name}.png")
        bpy.ops.render.render(write_still=True)
    for thing in dancer:
        thing.hide_render = False


def _change_settings() -> None:
    """Plain settings away from their defaults, so that a saved file has something to keep."""
    for group in groups().values():
        for prop in group.bl_rna.properties:
            if prop.is_readonly or prop.is_hidden or getattr(prop, "is_array", False) or prop.identifier == "fps":
                continue
            if prop.type == "BOOLEAN":
                setattr(group, prop.identifier, not prop.default)
            elif prop.type == "FLOAT":
                setattr(group, prop.identifier, min(prop.default + 0.25, prop.hard_max))


run(main)
