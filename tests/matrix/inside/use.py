# SPDX-License-Identifier: GPL-3.0-or-later
"""Install a zip into a fresh user folder and use it: fit, fail, render, save, disable, enable.

python use.py ARCHIVE WORK-FOLDER FACTS.json
"""

from pathlib import Path
import sys
from typing import Any

import bpy
from mathutils import Vector
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
    bpy.ops.preferences.addon_disable(module=MODULE)
    facts["disabled_again"] = traces()
    facts["shipped_after"] = files_under(str(own_folder))


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
