# SPDX-License-Identifier: Apache-2.0
"""Training on a collection as large as AMASS: time and peak memory.

    python -m benchmarks.large_poses [--frames 10000000] [--steps 100]

Procedural poses, perturbed and repeated to the wanted number, are written as shards. Another process then trains the
best preset on them and reports its own peak memory (resident set, mapped pages included). All files are removed.
"""

import argparse
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

from dancepose.trainer.mocap.pose_pool import ShardWriter, open_shards
from dancepose.trainer.mocap.procedural_poses import procedural_poses
from dancepose_addon.core.body.rotation import rotmat_to_rotvec

CLIP = 5000


def generate(folder: Path, frames: int) -> None:
    """Write shards with this many poses."""
    base = rotmat_to_rotvec(procedural_poses(CLIP, seed=0))
    random, writer = np.random.default_rng(0), ShardWriter(folder)
    for number in range(frames // CLIP):
        noise = random.standard_normal(base.shape, np.float32)
        writer.add_rotvec(f"clip_{number:05d}", base + np.float32(0.1) * noise)
    writer.close()


def peak_gb() -> float:
    """Return the peak memory of this process so far, gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def train_on(folder: Path, steps: int) -> None:
    """Train on the shards; run by the second process."""
    from dancepose.trainer.config import load_config
    from dancepose.trainer.data.batches import load_data
    from dancepose.trainer.device import choose_device
    from dancepose.trainer.loop import train
    from dancepose_addon.core.body.model_io import load_body

    choose_device("cpu", 1)
    body = load_body(None)
    config = load_config("best", (f"optim.steps={steps}", "augment.mirror=0.5", "data.procedural_poses=5000"))
    data = load_data(config, body, motion=(), poses=folder)
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        train(config, data, body, Path(out))
    seconds = time.perf_counter() - began_s
    # Every row that training could draw is looked at once, so that the peak is what a long run reaches.
    total = sum(float(np.abs(shard[first : first + CLIP]).sum(dtype=np.float64)) for shard in open_shards(folder).shards
                for first in range(0, len(shard), CLIP))  # fmt: skip
    step_ms = 1000 * seconds / steps
    print(f"training, {len(data.natural)} poses: {step_ms:.0f} ms a step, peak {peak_gb():.2f} GB ({total:.3g})")


def main() -> None:
    """Generate, train and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        train_on(arguments.child, arguments.steps)
        return
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        generate(Path(folder), arguments.frames)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(
            f"writing, {arguments.frames} poses: {time.perf_counter() - began_s:.0f} s, {size / 1e9:.2f} GB on disk, "
            f"peak {peak_gb():.2f} GB",
            flush=True,
        )
        command = [sys.executable, "-m", "benchmarks.large_poses", "--child", folder, "--steps", str(arguments.steps)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
