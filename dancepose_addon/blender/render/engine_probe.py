# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders one small frame with one engine, in a separate process: an engine that cannot start may abort its process.

``engines.probe`` runs this file as a script, so it imports nothing of the package. It prints one line of JSON after
``MARK``: the device that rendered (none for EEVEE in software), and whether a denoiser ran.
"""

import json
import os
from pathlib import Path
import sys
import tempfile
from typing import Protocol, cast

import bpy
import gpu

MARK = "@probe "
DEVICE_KINDS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")


class CyclesSettings(Protocol):
    """The settings of Cycles used here. Cycles is an add-on, so Blender's stubs do not describe it."""

    device: str
    samples: int
    seed: int
    denoiser: str
    denoising_input_passes: str
    denoising_prefilter: str
    denoising_quality: str
    denoising_use_gpu: bool
    use_adaptive_sampling: bool
    use_denoising: bool
    use_light_tree: bool
    max_bounces: int
    diffuse_bounces: int
    glossy_bounces: int
    transmission_bounces: int


class CyclesDevice(Protocol):
    """A device in the preferences of Cycles."""

    type: str
    use: bool


class CyclesPreferences(Protocol):
    """The preferences of Cycles used here."""

    compute_device_type: str

    def get_devices_for_type(self, compute_device_type: str) -> list[CyclesDevice] | None:
        """List the devices of one kind."""


class _CyclesScene(Protocol):
    cycles: CyclesSettings


def cycles_of(scene: bpy.types.Scene) -> CyclesSettings:
    """Return the Cycles settings of a scene."""
    return cast("_CyclesScene", scene).cycles


def cycles_preferences() -> CyclesPreferences:
    """Return the preferences of Cycles."""
    preferences = bpy.context.preferences
    if preferences is None:
        raise RuntimeError("Blender has no preferences")
    return cast("CyclesPreferences", preferences.addons["cycles"].preferences)


def use_gpu() -> str | None:
    """Switch Cycles to the first kind of GPU found. Return its name, or None if there is no GPU."""
    preferences = cycles_preferences()
    for kind in DEVICE_KINDS:
        try:
            preferences.compute_device_type = kind
        except TypeError:
            continue  # this build does not support the kind
        devices = list(preferences.get_devices_for_type(kind) or ())
        if any(device.type == kind for device in devices):
            for device in devices:
                device.use = device.type == kind
            return kind
    return None


def use_denoiser(scene: bpy.types.Scene, path: Path) -> bool:
    """Render with OpenImageDenoise. Return False if the build lacks it, which some builds report only at render."""
    try:
        cycles_of(scene).denoiser = "OPENIMAGEDENOISE"
        cycles_of(scene).use_denoising = True
        render(scene, path)
    except (TypeError, RuntimeError):
        return False
    return True


def render(scene: bpy.types.Scene, path: Path) -> None:
    """Render one frame.

    Args:
        scene: Scene to render.
        path: Picture to write.

    Raises:
        RuntimeError: If no picture is written.
    """
    path.unlink(missing_ok=True)
    scene.render.filepath = str(path.absolute())
    bpy.ops.render.render(write_still=True)
    if not path.is_file():
        raise RuntimeError("no picture was written")


def opengl_gpu(scene: bpy.types.Scene, path: Path) -> str:
    """Return the name of the GPU that Blender's viewport engines use, or an empty text if they run in software.

    Blender answers only after an engine has drawn. Workbench does, since it also starts in software; EEVEE would need
    minutes there.
    """
    scene.render.engine = "BLENDER_WORKBENCH"  # type: ignore[assignment] # the stubs list the built-in EEVEE only
    render(scene, path)
    if gpu.platform.device_type_get() == "SOFTWARE":
        return ""
    return gpu.platform.renderer_get()


def run_probe(engine: str, *, allow_gpu: bool) -> None:
    """Render a test frame and print what was found.

    Args:
        engine: Blender's identifier of the engine, such as ``CYCLES``.
        allow_gpu: Whether Cycles may use a GPU.
    """
    scene = cast("bpy.types.Scene", bpy.context.scene)
    settings = scene.render
    settings.engine = engine  # type: ignore[assignment] # the stubs list the built-in EEVEE only
    settings.resolution_x = settings.resolution_y = 32
    settings.resolution_percentage = 100
    device, denoised = "CPU", False
    if engine == "CYCLES":
        cycles_of(scene).samples = 1
        kind = use_gpu() if allow_gpu else None
        if kind:
            cycles_of(scene).device = "GPU"
            device = kind
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.png"
        if "EEVEE" in engine:
            device = opengl_gpu(scene, path)
            settings.engine = engine  # type: ignore[assignment] # the stubs list the built-in EEVEE only
        if engine == "CYCLES":
            denoised = use_denoiser(scene, path)
            cycles_of(scene).use_denoising = denoised
        if device and not denoised:
            render(scene, path)
    sys.stdout.write(MARK + json.dumps({"device": device, "denoiser": denoised}) + "\n")


if __name__ == "__main__":
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    run_probe(arguments[0], allow_gpu="--no-gpu" not in arguments)
    sys.stdout.flush()
    os._exit(0)
