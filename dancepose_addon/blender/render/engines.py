"""Render engines: which one starts on this machine, and how it is set up."""

from dataclasses import dataclass, replace
import json
import logging
from pathlib import Path
import subprocess
import sys
from typing import Final

import bpy

from ...core.camera_framing import Shot
from ...core.engine_defaults import SAMPLES_CPU_DENOISED, SAMPLES_CPU_PLAIN, SAMPLES_GPU
from ...core.errors import EngineError
from ..stage import stage
from .engine_probe import DEVICE_KINDS, MARK

LOGGER: Final = logging.getLogger(__name__)

PROBE: Final = Path(__file__).with_name("engine_probe.py")
PROBE_TIMEOUT_S: Final = 120.0

ORDER: Final = {"auto": ("study", "preview"), "study": ("study", "preview"), "preview": ("preview", "study")}
"""What is tried for what is asked for."""
IDENTIFIERS: Final = {"study": "CYCLES", "preview": "BLENDER_WORKBENCH"}
TITLES: Final = {"study": "study (Cycles)", "preview": "preview (Workbench)"}


@dataclass(frozen=True)
class Engine:
    """An engine that has rendered a test frame here. device: "CPU" or a kind of GPU; notices: what a user has to know
    about the choice, one sentence each."""

    name: str
    device: str = "CPU"
    denoiser: bool = False
    samples: int = 1
    notices: tuple[str, ...] = ()

    def settings_key(self) -> dict[str, str | int | bool]:
        """What of it decides how a picture looks."""
        return {"name": self.name, "gpu": self.device != "CPU", "denoiser": self.denoiser, "samples": self.samples}


def choose_engine(wanted: str, *, timeout_s: float = PROBE_TIMEOUT_S) -> Engine:
    """The wanted engine, or the other one where it does not start, with a notice. wanted: a key of ORDER.

    Raises:
        EngineError: none starts; the message says how each failed.
    """
    failures, slow = [], None
    for name in ORDER[wanted]:
        engine = probe(name, timeout_s=timeout_s)
        if isinstance(engine, str):
            failures.append(f"{TITLES[name]} {engine}")
        elif wanted == "auto" and name == "study" and engine.device == "CPU" and not engine.denoiser:
            failures.append(f"{TITLES[name]} has neither a GPU nor OpenImageDenoise here, and would take long")
            slow = engine
        elif failures:
            notice = f"Rendering with {TITLES[name]}, since {failures[0]}."
            return replace(engine, notices=(notice, *engine.notices))
        else:
            return engine
    if slow is not None:
        return slow
    raise EngineError(
        f"No render engine starts on this machine: {'; '.join(failures)}. Install libegl1 and libgl1 (Debian's names), "
        "or give slow machines more time with --engine-timeout."
    )


def probe(name: str, *, timeout_s: float = PROBE_TIMEOUT_S, gpu: bool = True) -> Engine | str:
    """Render one small frame in another process: the engine as it ran, or how it failed, for a sentence."""
    gpu = gpu and name == "study"
    result = _run_probe(name, [] if gpu else ["--no-gpu"], timeout_s)
    gpu_notice: tuple[str, ...] = ()
    if isinstance(result, str) and gpu:
        # A driver that is only half there must not take the CPU's engine with it.
        with_gpu, result = result, _run_probe(name, ["--no-gpu"], timeout_s)
        gpu_notice = (f"Cycles renders on the CPU: with the GPU it {with_gpu}.",)
    if isinstance(result, str):
        return result
    device, denoiser = str(result["device"]), bool(result["denoiser"])
    if name == "preview":
        return Engine("preview")
    if device != "CPU":
        return Engine("study", device, denoiser, SAMPLES_GPU)
    if denoiser:
        return Engine("study", "CPU", denoiser=True, samples=SAMPLES_CPU_DENOISED, notices=gpu_notice)
    slow = (
        f"This Blender has no OpenImageDenoise: Cycles renders {SAMPLES_CPU_PLAIN} samples a pixel instead of "
        f"{SAMPLES_CPU_DENOISED}, which takes longer and leaves some grain."
    )
    return Engine("study", "CPU", denoiser=False, samples=SAMPLES_CPU_PLAIN, notices=(*gpu_notice, slow))


def _run_probe(name: str, options: list[str], timeout_s: float) -> dict[str, object] | str:
    arguments = [IDENTIFIERS[name], *options]
    if bpy.app.binary_path:
        blender = [bpy.app.binary_path, "-b", "--factory-startup", "--python-exit-code", "1"]
        command = [*blender, "-P", str(PROBE), "--", *arguments]
    else:
        command = [sys.executable, str(PROBE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return f"did not render a test frame in {timeout_s:g} s"
    except OSError as error:
        return f"could not be started ({error.strerror})"
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode == 0 and lines:
        found: dict[str, object] = json.loads(lines[-1][len(MARK) :])
        return found
    LOGGER.info("probe of %s: code %s\n%s", name, done.returncode, done.stderr[-2000:])
    ended = f"was ended by signal {-done.returncode}" if done.returncode < 0 else f"ended with code {done.returncode}"
    return f"{ended} on a test frame"


def set_up_engine(scene: bpy.types.Scene, engine: Engine, shot: Shot) -> None:
    """Set the scene to render ``shot`` with ``engine``."""
    scene.render.engine = IDENTIFIERS[engine.name]
    if engine.name == "preview":
        _set_up_workbench(scene, shot)
    else:
        _set_up_cycles(scene, engine)


def _set_up_workbench(scene: bpy.types.Scene, shot: Shot) -> None:
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    scene.view_settings.exposure = 1.1
    scene.display.render_aa = "5"  # each sample redraws the shadows, which is most of the time
    x, y, z = stage.key_direction(shot)
    scene.display.light_direction = (x, z, -y)  # Workbench wants the light that casts shadows as y up, like SMPL
    scene.display.shadow_focus = 0.3
    shading = scene.display.shading
    shading.light = "STUDIO"
    shading.color_type = "MATERIAL"
    shading.show_shadows = True
    shading.shadow_intensity = 0.28
    shading.show_cavity = False
    shading.show_object_outline = False
    shading.show_specular_highlight = True


def _set_up_cycles(scene: bpy.types.Scene, engine: Engine) -> None:
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = 0.25
    cycles = scene.cycles
    cycles.device = "CPU"
    if engine.device != "CPU":
        _use_gpu(engine.device)
        cycles.device = "GPU"
    cycles.samples = engine.samples
    cycles.use_adaptive_sampling = False
    cycles.seed = 0
    cycles.use_light_tree = False  # three lights gain nothing by it, and it costs a fifth of the time
    cycles.max_bounces = 4
    cycles.diffuse_bounces = 2
    cycles.glossy_bounces = 2
    cycles.transmission_bounces = 0
    cycles.use_denoising = engine.denoiser
    if engine.denoiser:
        cycles.denoiser = "OPENIMAGEDENOISE"
        fast = engine.device == "CPU"
        cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
        cycles.denoising_prefilter = "FAST" if fast else "ACCURATE"
        cycles.denoising_quality = "FAST" if fast else "HIGH"
        cycles.denoising_use_gpu = not fast


def _use_gpu(kind: str) -> None:
    assert kind in DEVICE_KINDS
    preferences = bpy.context.preferences.addons["cycles"].preferences
    preferences.compute_device_type = kind
    for device in preferences.get_devices_for_type(kind):
        device.use = device.type == kind
