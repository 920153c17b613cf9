# SPDX-License-Identifier: GPL-3.0-or-later
"""Render engines: which of them start on this machine, and their settings."""

from dataclasses import dataclass, replace
import json
import logging
from pathlib import Path
import subprocess
import sys
from typing import Final

import bpy

from ...core.camera_framing import Shot
from ...core.engine_defaults import FORMER_NAMES, SAMPLES_CPU_DENOISED, SAMPLES_CPU_PLAIN, SAMPLES_EEVEE, SAMPLES_GPU
from ...core.errors import EngineError
from ..narrowing import present, render_of, view_settings_of
from ..stage import stage
from .engine_probe import DEVICE_KINDS, MARK, cycles_of, cycles_preferences

LOGGER: Final = logging.getLogger(__name__)

PROBE: Final = Path(__file__).with_name("engine_probe.py")
PROBE_TIMEOUT_S: Final = 120.0

ORDER: Final = {
    "auto": ("cycles", "workbench"),
    "cycles": ("cycles", "workbench"),
    "workbench": ("workbench", "cycles"),
    "eevee": ("eevee", "cycles", "workbench"),
}
"""Engines to try, in order, for each choice of the user."""
IDENTIFIERS: Final = {
    "cycles": "CYCLES",
    "workbench": "BLENDER_WORKBENCH",
    "eevee": "BLENDER_EEVEE" if bpy.app.version >= (5, 0, 0) else "BLENDER_EEVEE_NEXT",
}
TITLES: Final = {"cycles": "Cycles", "workbench": "Workbench", "eevee": "EEVEE"}


@dataclass(frozen=True)
class Engine:
    """An engine that has rendered a test frame on this machine.

    Attributes:
        name: ``cycles``, ``workbench`` or ``eevee``.
        device: ``CPU`` or a kind of GPU; of EEVEE, the name of its renderer.
        denoiser: Whether OpenImageDenoise runs.
        samples: Samples per pixel.
        notices: Sentences for the user about the choice.
    """

    name: str
    device: str = "CPU"
    denoiser: bool = False
    samples: int = 1
    notices: tuple[str, ...] = ()

    def settings_key(self) -> dict[str, str | int | bool]:
        """Return the settings that determine the appearance of a picture."""
        return {"name": self.name, "gpu": self.device != "CPU", "denoiser": self.denoiser, "samples": self.samples}


def engine_named(text: str) -> str:
    """Return the current name of an engine, also for a former name.

    Raises:
        EngineError: If there is no such engine.
    """
    name = FORMER_NAMES.get(text, text)
    if name not in ORDER:
        raise EngineError(f"{text!r} is not a render engine. Use one of {', '.join(ORDER)}.")
    return name


def choose_engine(wanted: str, *, timeout_s: float = PROBE_TIMEOUT_S) -> Engine:
    """Return the wanted engine or, if it does not start, another one with a notice.

    Args:
        wanted: A key of ``ORDER``, or a former name.
        timeout_s: Time limit for each test frame, seconds.

    Returns:
        The engine to use.

    Raises:
        EngineError: If no engine starts; the message says how each failed.
    """
    wanted = engine_named(wanted)
    failures: list[str] = []
    slow = None
    for name in ORDER[wanted]:
        engine = probe(name, timeout_s=timeout_s)
        if isinstance(engine, str):
            failures.append(f"{TITLES[name]} {engine}")
        elif wanted == "auto" and name == "cycles" and engine.device == "CPU" and not engine.denoiser:
            failures.append(f"{TITLES[name]} has neither a GPU nor OpenImageDenoise here and would be slow")
            slow = engine
        elif failures:
            notice = f"Rendering with {TITLES[name]}, because {failures[0]}."
            return replace(engine, notices=(notice, *engine.notices))
        else:
            return engine
    if slow is not None:
        return slow
    raise EngineError(
        f"No render engine starts on this machine: {'; '.join(failures)}. Install the packages libegl1 and libgl1 "
        "(Debian's names), or raise the time limit with --engine-timeout."
    )


def probe(name: str, *, timeout_s: float = PROBE_TIMEOUT_S, gpu: bool = True) -> Engine | str:
    """Render a test frame in a separate process.

    Args:
        name: ``cycles``, ``workbench`` or ``eevee``.
        timeout_s: Time limit, seconds.
        gpu: Whether Cycles may use a GPU.

    Returns:
        The engine as it ran, or the second half of a sentence that says how it failed.
    """
    name = engine_named(name)
    gpu = gpu and name == "cycles"
    result = _run_probe(name, [] if gpu else ["--no-gpu"], timeout_s)
    gpu_notice: tuple[str, ...] = ()
    if isinstance(result, str) and gpu:
        # A broken GPU driver must not exclude rendering on the CPU.
        gpu_failure, result = result, _run_probe(name, ["--no-gpu"], timeout_s)
        gpu_notice = (f"Cycles renders on the CPU: with the GPU it {gpu_failure}.",)
    if isinstance(result, str):
        return result
    device, denoiser = str(result["device"]), bool(result["denoiser"])
    if name == "workbench":
        return Engine("workbench")
    if name == "eevee":
        if not device:
            return "has no GPU here, and in software takes several times as long as Cycles"
        return Engine("eevee", device, samples=SAMPLES_EEVEE)
    if device != "CPU":
        return Engine("cycles", device, denoiser, SAMPLES_GPU)
    if denoiser:
        return Engine("cycles", "CPU", denoiser=True, samples=SAMPLES_CPU_DENOISED, notices=gpu_notice)
    slow = (
        f"This Blender has no OpenImageDenoise: Cycles renders {SAMPLES_CPU_PLAIN} samples per pixel instead of "
        f"{SAMPLES_CPU_DENOISED}, which takes longer and leaves some noise."
    )
    return Engine("cycles", "CPU", denoiser=False, samples=SAMPLES_CPU_PLAIN, notices=(*gpu_notice, slow))


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
    ended = f"was killed by signal {-done.returncode}" if done.returncode < 0 else f"exited with code {done.returncode}"
    return f"{ended} on a test frame"


def set_up_engine(scene: bpy.types.Scene, engine: Engine, shot: Shot) -> None:
    """Set a scene up to render a shot with an engine.

    Args:
        scene: Scene to change.
        engine: Engine returned by ``choose_engine``.
        shot: Shot to render.
    """
    identifier = IDENTIFIERS[engine.name]
    render_of(scene).engine = identifier  # type: ignore[assignment] # the stubs list the built-in EEVEE only
    if engine.name == "workbench":
        _set_up_workbench(scene, shot)
    elif engine.name == "eevee":
        _set_up_eevee(scene, engine)
    else:
        _set_up_cycles(scene, engine)


def _set_up_workbench(scene: bpy.types.Scene, shot: Shot) -> None:
    view, display = view_settings_of(scene), present(scene.display)
    view.view_transform = "Standard"
    view.look = "None"
    view.exposure = 1.1
    display.render_aa = "5"  # each sample redraws the shadows, which takes most of the time
    x, y, z = stage.key_direction(shot)
    display.light_direction = (x, z, -y)  # Workbench expects the shadow-casting light as y up, like SMPL
    display.shadow_focus = 0.3
    shading = present(display.shading)
    shading.light = "STUDIO"
    shading.color_type = "MATERIAL"
    shading.show_shadows = True
    shading.shadow_intensity = 0.28
    shading.show_cavity = False
    shading.show_object_outline = False
    shading.show_specular_highlight = True


def _set_up_view(scene: bpy.types.Scene) -> None:
    """Set the tone curve of the engines that compute light."""
    view = view_settings_of(scene)
    view.view_transform = "AgX"
    view.look = "AgX - Medium High Contrast"
    view.exposure = 0.25


def _set_up_eevee(scene: bpy.types.Scene, engine: Engine) -> None:
    _set_up_view(scene)
    eevee = present(scene.eevee)
    eevee.taa_render_samples = engine.samples
    eevee.use_shadows = True
    eevee.use_raytracing = False  # the stage has no mirrors
    eevee.use_taa_reprojection = False  # a frame must not depend on the one before it


def _set_up_cycles(scene: bpy.types.Scene, engine: Engine) -> None:
    _set_up_view(scene)
    cycles = cycles_of(scene)
    cycles.device = "CPU"
    if engine.device != "CPU":
        _use_gpu(engine.device)
        cycles.device = "GPU"
    cycles.samples = engine.samples
    cycles.use_adaptive_sampling = False
    cycles.seed = 0
    cycles.use_light_tree = False  # no gain with three lights, and 20 % slower
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
    preferences = cycles_preferences()
    preferences.compute_device_type = kind
    for device in preferences.get_devices_for_type(kind) or ():
        device.use = device.type == kind
