# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the GPU of this machine, how exactly and how fast.

    python -m benchmarks.gpu [--part NAME] [--blender PATH] [--timeout SECONDS] [--out FILE.json]

Four parts, each on its own, so that one that fails leaves the others alone:

    regressor   the shipped regressor with onnxruntime on CUDA: largest difference from the CPU, milliseconds per clip
    training    one step of the `best` preset on CUDA, in float32 and with bfloat16 products, against the CPU:
                difference of the loss, cosine between the gradients, milliseconds per step
    cycles      one frame with Cycles on the GPU, in a Blender process
    eevee       one frame with EEVEE, in a Blender process

A part that cannot run here says why in one sentence, which is no error: the exit code is 0. It is 1 where a part breaks
off with an exception, or a result is outside of its tolerance.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import time
import traceback
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.markers import keypoints_from_pose, markers_for
from dancepose_addon.inference import open_regressor

if TYPE_CHECKING:
    import torch

LAYOUT: Final = "md23"
FRAMES: Final = 1890
"""Length of a recorded dance: 63 s at 30 frames per second."""
ROUNDS: Final = 10
SETTINGS: Final = ("data.procedural_poses=4000", "optim.bf16_matmul=false")
"""Of the training step, on top of the `best` preset."""
REGRESSOR_TOLERANCE: Final = 5e-3
"""Largest difference of an entry of a rotation matrix. CUDA multiplies in TF32 by default: 10 bits of mantissa."""
FLOAT32_COSINE: Final = 0.9999
BF16_COSINE: Final = 0.99
"""Smallest cosine between the gradients of CUDA and those of the CPU. bfloat16 has 8 bits of mantissa."""
EEVEE_SCRIPT: Final = """
import json, os, sys, tempfile
import bpy
scene = bpy.context.scene
for engine in ("BLENDER_EEVEE_NEXT", "BLENDER_EEVEE"):
    try:
        scene.render.engine = engine
    except TypeError:
        continue
    break
scene.render.resolution_x = scene.render.resolution_y = 32
path = os.path.join(tempfile.mkdtemp(), "frame.png")
scene.render.filepath = path
bpy.ops.render.render(write_still=True)
renderer = ""
try:
    import gpu
    renderer = gpu.platform.renderer_get()
except Exception:
    pass
sys.stdout.write("@probe " + json.dumps({"device": renderer, "written": os.path.isfile(path)}) + "\\n")
"""
MARK: Final = "@probe "


class UnavailableError(Exception):
    """A part cannot run here; the message is the reason, one sentence."""


@dataclass(frozen=True)
class Result:
    """What a part found.

    Attributes:
        text: One line for people.
        values: JSON values.
        passed: Whether every value is within its tolerance.
    """

    text: str
    values: dict[str, Any] = field(default_factory=dict)
    passed: bool = True


@dataclass(frozen=True)
class Options:
    """Options of a run.

    Attributes:
        blender: Blender executable, or None for the bpy package of this Python.
        timeout_s: Seconds that a Blender process may take.
    """

    blender: Path | None = None
    timeout_s: float = 180.0


def require_graphics_device() -> None:
    """Raise UnavailableError on Linux without a graphics device: engines may wait for one without end."""
    nodes = [*Path("/dev").glob("dri/*"), *Path("/dev").glob("nvidia[0-9]*"), *Path("/dev").glob("dxg")]
    if sys.platform == "linux" and not nodes:
        raise UnavailableError("this machine has no graphics device (none of /dev/dri, /dev/nvidia*, /dev/dxg).")


def best_ms(run: Callable[[], object]) -> float:
    """Return the fastest of several runs after a first one that is not timed, milliseconds."""
    run()
    best_s = float("inf")
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        run()
        best_s = min(best_s, time.perf_counter() - began_s)
    return 1e3 * best_s


def made_up_clip() -> np.ndarray:
    """Return key-points of a dancer who walks about, (FRAMES, K, 3), metres; the same in every run."""
    random = np.random.default_rng(0)
    from dancepose.trainer.mocap.procedural_poses import procedural_poses

    pose = procedural_poses(FRAMES, seed=0)
    place = random.normal(scale=(3.0, 0.3, 3.0), size=(FRAMES, 3)).astype(np.float32)
    return keypoints_from_pose(markers_for(get_layout(LAYOUT)), load_body().rest_joints(), pose, place)


def check_regressor(_options: Options) -> Result:
    """Run the shipped regressor on CUDA and on the CPU."""
    points = made_up_clip()
    try:
        on_gpu = open_regressor(None, layout=LAYOUT, device="cuda")
    except DancePoseError as error:
        raise UnavailableError(str(error)) from error
    on_cpu = open_regressor(None, layout=LAYOUT, device="cpu")
    difference = float(np.abs(on_gpu(points) - on_cpu(points)).max())
    gpu_ms, cpu_ms = best_ms(lambda: on_gpu(points)), best_ms(lambda: on_cpu(points))
    text = (
        f"{on_gpu.provider} {gpu_ms:.1f} ms, {on_cpu.provider} {cpu_ms:.1f} ms per clip of {FRAMES} frames; largest "
        f"difference {difference:.1e}, allowed {REGRESSOR_TOLERANCE:g}."
    )
    values = {"provider": on_gpu.provider, "gpu_ms": gpu_ms, "cpu_ms": cpu_ms, "max_abs_difference": difference}
    return Result(text, values, difference <= REGRESSOR_TOLERANCE)


def check_training(_options: Options) -> Result:
    """Compare loss and gradients of one training step, and time it."""
    if find_spec("torch") is None:
        raise UnavailableError("torch is not installed; install it with `pip install torch`.")
    import torch

    if not torch.cuda.is_available():
        built = f"this torch ({torch.__version__}) is built without CUDA" if torch.version.cuda is None else ""
        raise UnavailableError(f"torch finds no CUDA device: {built or 'there is no usable GPU or driver'}.")
    reference, cpu_ms = training_step("cpu", bf16=False)
    values: dict[str, Any] = {"device": torch.cuda.get_device_name(), "cpu": {"ms": cpu_ms, "loss": reference[0]}}
    parts, passed = [f"CPU float32 {cpu_ms:.0f} ms"], True
    for bf16, least in ((False, FLOAT32_COSINE), (True, BF16_COSINE)):
        (loss, gradient), ms = training_step("cuda", bf16=bf16)
        cosine = float(torch.nn.functional.cosine_similarity(gradient, reference[1], dim=0))
        name = "bfloat16" if bf16 else "float32"
        change = abs(loss - reference[0]) / abs(reference[0])
        parts.append(f"CUDA {name} {ms:.1f} ms, loss off by {change:.1e}, cosine of gradients {cosine:.6f}")
        values[name] = {"ms": ms, "loss": loss, "gradient_cosine": cosine}
        passed = passed and cosine >= least
    return Result("; ".join(parts) + f" (at least {FLOAT32_COSINE:g} and {BF16_COSINE:g}).", values, passed)


def training_step(device: str, *, bf16: bool) -> "tuple[tuple[float, torch.Tensor], float]":
    """Compute loss and gradients of one step of the `best` preset and time whole steps.

    Weights and batch are drawn on the CPU and copied, so that they are the same on every device.

    Args:
        device: ``cpu`` or ``cuda``.
        bf16: Whether the blocks' matrices are multiplied in bfloat16.

    Returns:
        The loss and the gradient of all weights in one vector on the CPU, and milliseconds per step.
    """
    import torch

    from dancepose.trainer.config import load_config
    from dancepose.trainer.data.batches import draw_batch, load_data
    from dancepose.trainer.model.generator import predict
    from dancepose.trainer.model.losses import generator_losses
    from dancepose.trainer.run_state import new_run_state

    torch.backends.cuda.matmul.allow_tf32 = False
    config = load_config("best", SETTINGS)
    body = load_body()
    cpu = load_data(config, body, motion=(), poses=None)
    data = cpu if device == "cpu" else load_data(config, body, motion=(), poses=None, device=device)
    batch = draw_batch(cpu, config, torch.Generator().manual_seed(0))
    batch = replace(batch, **{name: value.to(device) for name, value in vars(batch).items()})
    run = new_run_state(config, data.layout_batch, device)
    if bf16:
        run.generator.use_bf16_matmul()

    def backward() -> "torch.Tensor":
        rotations = predict(run.generator, batch.points_norm, data.layout_batch, config.model)
        posed = data.layout_batch.centred(data.layout_batch.points_of(rotations.global_rotmat))
        losses = generator_losses(
            config.loss,
            predicted=posed * batch.norm_per_m[:, None, None],
            keypoints=batch.target_norm,
            scores=None,
            predicted_rotmat=(rotations.local_rotmat, rotations.global_rotmat),
            true_rotmat=(batch.local_rotmat, batch.global_rotmat),
        )
        run.optimiser_g.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        return losses.total.detach()

    def whole_step() -> None:
        backward()
        run.optimiser_g.step()
        if device == "cuda":
            torch.cuda.synchronize()

    loss = float(backward())
    gradients = [parameter.grad for parameter in run.generator.parameters() if parameter.grad is not None]
    gradient = torch.cat([part.flatten().float().cpu() for part in gradients])
    return (loss, gradient), best_ms(whole_step)


def check_cycles(options: Options) -> Result:
    """Render one frame with Cycles on the GPU."""
    require_graphics_device()
    from dancepose_addon.blender.render import __file__ as package

    probe = Path(package).with_name("engine_probe.py").read_text(encoding="utf-8")
    found, seconds = run_blender(probe, ["CYCLES"], options)
    if found["device"] == "CPU":
        raise UnavailableError("Cycles finds no GPU that it supports; it rendered the frame on the CPU.")
    return Result(f"a frame on {found['device']} within {seconds:.1f} s, start included.", {**found, "s": seconds})


def check_eevee(options: Options) -> Result:
    """Render one frame with EEVEE."""
    require_graphics_device()
    found, seconds = run_blender(EEVEE_SCRIPT, [], options)
    if not found["written"]:
        raise UnavailableError("EEVEE wrote no picture; it needs a GPU driver with OpenGL or Vulkan.")
    where = f" on {found['device']}" if found["device"] else ""
    return Result(f"a frame{where} within {seconds:.1f} s, start included.", {**found, "s": seconds})


def run_blender(script: str, arguments: list[str], options: Options) -> tuple[dict[str, Any], float]:
    """Run a script in a separate Blender process: an engine that cannot start may abort it.

    Args:
        script: Python source that prints one line of JSON after MARK.
        arguments: Arguments of the script.
        options: Which Blender, and for how long.

    Returns:
        The JSON values, and the seconds from start to end.

    Raises:
        UnavailableError: There is no Blender, or it ended without a result.
    """
    if options.blender is None and find_spec("bpy") is None:
        raise UnavailableError("there is no Blender; install the bpy package or name one with --blender.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.py"
        path.write_text(script, encoding="utf-8")
        command = [sys.executable, str(path), *arguments]
        if options.blender is not None:
            command = [str(options.blender), "-b", "--factory-startup", "--python-exit-code", "1"]
            command += ["-P", str(path), "--", *arguments]
        began_s = time.perf_counter()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=options.timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"the Blender process did not end within {options.timeout_s:g} s.") from error
        except OSError as error:
            raise UnavailableError(f"{options.blender} could not be started ({error.strerror}).") from error
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if done.returncode != 0 or not lines:
        said = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise UnavailableError(f"the Blender process ended with code {done.returncode} ({said[:200]}).")
    found: dict[str, Any] = json.loads(lines[-1][len(MARK) :])
    return found, time.perf_counter() - began_s


PARTS: Final[dict[str, Callable[[Options], Result]]] = {
    "regressor": check_regressor,
    "training": check_training,
    "cycles": check_cycles,
    "eevee": check_eevee,
}


def run_part(name: str, options: Options) -> tuple[dict[str, Any], bool]:
    """Run a part and print its line; return JSON values and whether the part passed or is unavailable."""
    try:
        result = PARTS[name](options)
    except UnavailableError as error:
        print(f"{name}: does not run: {error}", flush=True)
        return {"unavailable": str(error)}, True
    except Exception:
        print(f"{name}: failed with an exception:\n{traceback.format_exc()}", flush=True)
        return {"exception": traceback.format_exc()}, False
    print(f"{name}: {'' if result.passed else 'OUT OF TOLERANCE: '}{result.text}", flush=True)
    return {**result.values, "passed": result.passed}, result.passed


def main() -> int:
    """Run the parts; return 0, or 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part; repeatable")
    parser.add_argument("--blender", type=Path, help="Blender executable, instead of the bpy package")
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds for each Blender process")
    parser.add_argument("--out", type=Path, help="also write the values here, .json")
    arguments = parser.parse_args()
    options = Options(arguments.blender, arguments.timeout)
    outcomes = {name: run_part(name, options) for name in arguments.part or PARTS}
    if arguments.out is not None:
        with replacing(arguments.out) as temporary:
            table = {name: values for name, (values, _) in outcomes.items()}
            temporary.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 0 if all(passed for _, passed in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
