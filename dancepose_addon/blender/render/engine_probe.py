"""Renders one small frame with one engine, in a process of its own: an engine that cannot start may abort it.

Run as a script by ``engines.probe``; stands alone, since a script has no package. Prints one line of JSON after
MARK: the device that rendered and whether a denoiser ran.
"""

import json
import os
from pathlib import Path
import sys
import tempfile

import bpy

MARK = "@probe "
DEVICE_KINDS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")


def use_gpu() -> str | None:
    """Switch Cycles to the first kind of GPU that this machine has; its name, or None."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    for kind in DEVICE_KINDS:
        try:
            preferences.compute_device_type = kind
        except TypeError:
            continue  # not a kind that this build knows
        devices = list(preferences.get_devices_for_type(kind) or ())
        if any(device.type == kind for device in devices):
            for device in devices:
                device.use = device.type == kind
            return kind
    return None


def use_denoiser(scene: bpy.types.Scene, path: Path) -> bool:
    """Render with OpenImageDenoise; False where the build lacks it, which some say only when they render."""
    try:
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
        scene.cycles.use_denoising = True
        render(scene, path)
    except (TypeError, RuntimeError):
        return False
    return True


def render(scene: bpy.types.Scene, path: Path) -> None:
    """Render one frame. Raises RuntimeError where nothing is written."""
    path.unlink(missing_ok=True)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    if not path.is_file():
        raise RuntimeError("no picture was written")


def main(engine: str, *, allow_gpu: bool) -> None:
    """engine: Blender's identifier."""
    scene = bpy.context.scene
    scene.render.engine = engine
    scene.render.resolution_x = scene.render.resolution_y = 32
    scene.render.resolution_percentage = 100
    found = {"device": "CPU", "denoiser": False}
    if engine == "CYCLES":
        scene.cycles.samples = 1
        kind = use_gpu() if allow_gpu else None
        if kind:
            scene.cycles.device = "GPU"
            found["device"] = kind
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.png"
        if engine == "CYCLES":
            found["denoiser"] = use_denoiser(scene, path)
            scene.cycles.use_denoising = bool(found["denoiser"])
        if not found["denoiser"]:
            render(scene, path)
    sys.stdout.write(MARK + json.dumps(found) + "\n")


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    main(arguments[0], allow_gpu="--no-gpu" not in arguments)
    sys.stdout.flush()
    os._exit(0)
