# SPDX-License-Identifier: Apache-2.0
"""Cost of the installed extension: Blender's start-up time and the size of a saved file.

    python -m benchmarks.extension

The slim zip is built and installed into a separate user folder. Starts with and without it alternate, each in its own
process, and differ in nothing else; bytecode exists already, as on every start but a user's first. The file contains
one dancer with 2,000 frames, a key on each, and is saved with and without Blender's compression.
"""

import argparse
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import numpy as np

from tools.build_extension.blender_tool import find_tool
from tools.build_extension.building import SLIM, build_packages

START_GOAL_S = 0.3
SIZE_GOAL_MB = 15.0
MODULE = "bl_ext.user_default.dancepose"
INSTALL = f"""
import os, sys, bpy
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
assert "{MODULE}" in bpy.context.preferences.addons
os._exit(0)
"""
START = """
import os, bpy
os._exit(0)
"""
START_WITH = f"""
import os, bpy, addon_utils
assert addon_utils.enable("{MODULE}", default_set=True)
os._exit(0)
"""
SAVE = f"""
import importlib, os, sys, bpy, numpy as np, addon_utils
assert addon_utils.enable("{MODULE}", default_set=True)
part = lambda name: importlib.import_module("{MODULE}." + name)
BodyMotion = part("core.body.motion").BodyMotion
importing = part("blender.import_motion")
turns = np.cumsum(np.random.default_rng(0).normal(0.0, 0.03, (2000, 24, 3)), axis=0)
motion = BodyMotion(
    part("core.body.rotation").rotvec_to_rotmat(turns).astype(np.float32),
    np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, (2000, 3)), axis=0).astype(np.float32),
    np.zeros(10, np.float32), 1.0, 25.0,
)
bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
scene = bpy.context.scene
fit = part("core.io.rotation_fit").use_rotations(motion, part("core.body.model_io").load_body())
importing.add_dancer(
    fit, scene=scene, view_layer=scene.view_layers[0], collection=scene.collection,
    options=importing.RigOptions(correctives=sys.argv[2] == "1"),
)
for name, compress in (("plain", False), ("packed", True)):
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(sys.argv[1], name + ".blend"), compress=compress)
sys.stdout.flush()
os._exit(0)
"""


def main() -> int:
    """Print both; the exit code states whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (package,) = build_packages(folder / "dist", tool=find_tool(None), variants=[SLIM])
        (folder / "user").mkdir()
        _seconds(folder, INSTALL, str(package.path))
        pairs = np.array([[_seconds(folder, START), _seconds(folder, START_WITH)] for _ in range(rounds + 1)][1:])
        # Medians of pairs: what else the machine does falls on both.
        added_s = float(np.median(pairs[:, 1] - pairs[:, 0]))
        alone_s, with_s = np.median(pairs, axis=0)
        print(f"start of Blender alone {alone_s:.3f} s, with the extension {with_s:.3f} s, medians of {rounds}")
        print(f"added: {added_s:.3f} s, {added_s / alone_s:.2f} of the start   (goal: under {START_GOAL_S:g} s)")
        sizes = {correctives: _sizes(folder, correctives=correctives) for correctives in (True, False)}
        for correctives, (plain_mb, packed_mb) in sizes.items():
            print(
                f"one dancer, 2,000 frames, {'with' if correctives else 'without'} pose correctives: "
                f"{packed_mb:.1f} MB compressed, {plain_mb:.1f} MB not"
            )
        print(f"goal: under {SIZE_GOAL_MB:g} MB, compressed")
    return 0 if added_s < START_GOAL_S and sizes[True][1] < SIZE_GOAL_MB else 1


def _sizes(folder: Path, *, correctives: bool) -> tuple[float, float]:
    _seconds(folder, SAVE, str(folder), "1" if correctives else "0")
    plain, packed = ((folder / f"{name}.blend").stat().st_size / 1e6 for name in ("plain", "packed"))
    return plain, packed


def _seconds(folder: Path, code: str, *arguments: str) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"BLENDER_USER_RESOURCES": str(folder / "user")}
    clock = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=120
    )
    seconds = time.perf_counter() - clock
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
