# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts of this folder share.

They run inside a Blender of any version, with nothing of the checkout available, and write what they saw as JSON: tests
judge it.
"""

from collections.abc import Callable
import importlib
import json
import os
from pathlib import Path
import sys
import traceback
from typing import Any

import bpy

REPOSITORY = "user_default"
MODULE = f"bl_ext.{REPOSITORY}.dancepose"
JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
KINDS = ("actions", "armatures", "cameras", "collections", "curves", "images", "lights", "materials", "meshes")
KINDS += ("objects", "scenes", "shape_keys", "sounds", "texts", "worlds")


def run(script: Callable[[dict[str, Any]], None]) -> None:
    """Run ``script`` with an empty dict of facts, write it to the last argument, and leave.

    A class that is still registered at exit makes some versions crash or hang: they are not waited for.
    """
    facts: dict[str, Any] = {"blender": bpy.app.version_string, "python": list(sys.version_info[:2])}
    code = 0
    try:
        script(facts)
    except BaseException:
        traceback.print_exc()
        code = 1
    Path(sys.argv[-1]).write_text(json.dumps(facts), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def install(archive: str) -> bool:
    """Install a zip as a user would; True where the extension is then enabled."""
    try:
        bpy.ops.extensions.package_install_files(
            filepath=archive, repo=REPOSITORY, enable_on_install=True, overwrite=True
        )
    except RuntimeError as error:
        sys.stderr.write(f"{error}\n")
    return is_enabled()


def is_enabled() -> bool:
    return MODULE in bpy.context.preferences.addons


def extension(name: str) -> Any:
    """A module of the installed extension."""
    return importlib.import_module(f"{MODULE}.{name}")


def traces() -> dict[str, list[str]]:
    """Whatever Blender holds of the extension, by kind."""
    return {
        "classes": [name for name in dir(bpy.types) if "dancepose" in name.lower()],
        "operators": dir(bpy.ops.dancepose),
        "properties": [f"{name}.{key}" for name, cls in _types() for key in _keys(cls) if "dancepose" in key.lower()],
        "handlers": [
            f"{name} {function.__module__}"
            for name in dir(bpy.app.handlers)
            if isinstance(functions := getattr(bpy.app.handlers, name), list)
            for function in functions
            if _is_ours(function)
        ],
        "menus": [
            f"{name} {function.__qualname__}"
            for name, cls in _types()
            for function in getattr(getattr(cls, "draw", None), "_draw_funcs", ())
            if _is_ours(function)
        ],
        "keys": [
            f"{keymap.name} {item.idname}"
            for configuration in bpy.context.window_manager.keyconfigs
            for keymap in configuration.keymaps
            for item in keymap.keymap_items
            if item.idname.startswith("dancepose.")
        ],
        "translations": _translations(),
    }


def _types() -> list[tuple[str, Any]]:
    return [(name, getattr(bpy.types, name)) for name in dir(bpy.types) if hasattr(bpy.types, name)]


def _keys(cls: Any) -> list[str]:
    return list(cls.bl_rna.properties.keys()) if hasattr(cls, "bl_rna") else []


def _is_ours(function: Any) -> bool:
    return "dancepose" in getattr(function, "__module__", "")


def _translations() -> list[str]:
    """Blender reveals a dictionary only by refusing another of the same name."""
    found = []
    for name in (MODULE, f"{MODULE}.registration", f"{MODULE}.ui.translations"):
        try:
            bpy.app.translations.register(name, {"en_US": {}})
        except ValueError:
            found.append(name)
        else:
            bpy.app.translations.unregister(name)
    return found


def data_names() -> dict[str, list[str]]:
    """Names of the file's data-blocks, by kind; those that nothing uses with an asterisk."""
    return {
        kind: sorted(block.name + ("" if block.users else "*") for block in getattr(bpy.data, kind))
        for kind in KINDS
        if hasattr(bpy.data, kind)
    }


def groups() -> dict[str, Any]:
    """The extension's groups of settings in the file, by owner: of the scene and of each dancer."""
    return {
        f"{owner.name}.{name}": getattr(owner, name)
        for owner in (bpy.context.scene, *armatures())
        for name in _keys(type(owner))
        if name.startswith("dancepose")
    }


def settings() -> dict[str, Any]:
    """Every setting of the extension in the file, by path."""
    found: dict[str, Any] = {}
    for name, group in groups().items():
        _collect(group, f"{name}.", found)
    return found


def _collect(group: Any, path: str, found: dict[str, Any]) -> None:
    for prop in group.bl_rna.properties:
        if prop.identifier == "rna_type":
            continue
        value, name = getattr(group, prop.identifier), f"{path}{prop.identifier}"
        if prop.type == "COLLECTION":
            for number, item in enumerate(value):
                _collect(item, f"{name}[{number}].", found)
        elif prop.type == "POINTER":
            if isinstance(value, bpy.types.PropertyGroup):
                _collect(value, f"{name}.", found)
            else:
                found[name] = None if value is None else value.name
        else:
            found[name] = list(value) if getattr(prop, "is_array", False) else value
            if isinstance(found[name], set):
                found[name] = sorted(found[name])


def fit(source: str) -> str | None:
    """Press Import & Fit; what it refused with, if it did."""
    bpy.context.scene.dancepose.source = source
    try:
        result = bpy.ops.dancepose.import_fit()
    except RuntimeError as error:
        return str(error)
    return None if result == {"FINISHED"} else str(result)


def armatures() -> list[bpy.types.Object]:
    return [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]


def keys_of(armature: bpy.types.Object) -> dict[str, int]:
    """Number of keys of every F-curve, by path and index."""
    action = armature.animation_data.action
    if hasattr(action, "layers") and len(action.layers):
        slot = armature.animation_data.action_slot
        curves = action.layers[0].strips[0].channelbag(slot).fcurves
    else:
        curves = action.fcurves
    return {f"{curve.data_path}[{curve.array_index}]": len(curve.keyframe_points) for curve in curves}


def joints_at(armature: bpy.types.Object, frames: list[int]) -> list[list[list[float]]]:
    """World places of the joints at some frames, as the dependency graph evaluates them."""
    scene, places = bpy.context.scene, []
    for frame in frames:
        scene.frame_set(frame)
        evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        places.append([list(evaluated.matrix_world @ evaluated.pose.bones[name].head) for name in JOINTS])
    return places


def files_under(folder: str) -> list[str]:
    """Relative paths of all files but Python's caches."""
    top = Path(folder)
    paths = (path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file())
    return sorted(path for path in paths if "__pycache__" not in path)


def onnxruntime_in_use() -> dict[str, str] | None:
    """Which onnxruntime has been loaded, if one that can run anything was."""
    module = sys.modules.get("onnxruntime")
    if module is None or not hasattr(module, "InferenceSession"):
        return None
    return {"version": module.__version__, "file": str(module.__file__)}
