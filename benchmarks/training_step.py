# SPDX-License-Identifier: Apache-2.0
"""Speed of a training step compared with plain float32 matrix products on the same CPU.

    python -m benchmarks.training_step [--preset paper|best] [--steps N] [--threads N] [--set KEY=VALUE]

Operations are counted from the weights of the networks alone: two per weight and frame forward, twice that backward.
The discriminator gets natural and generated poses in its own step, and the generated ones once more, without gradients
of its weights, in the generator's. Everything else (drawing, posing, losses, optimisers, averages) counts as zero.
Rounds of steps and of products alternate; the best round of each is taken.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import tempfile
import time

import torch
from torch import nn

from dancepose.trainer.config import Config, load_config
from dancepose.trainer.data.batches import TrainingData, load_data
from dancepose.trainer.data.recordings import MotionSet
from dancepose.trainer.device import choose_device
from dancepose.trainer.loop import TrainOptions, train
from dancepose.trainer.mocap.pose_pool import TensorPool
from dancepose.trainer.model.generator import LayoutLinear
from dancepose.trainer.run_state import new_run_state
from dancepose_addon.core.body.model_io import load_body


def operations(config: Config, data: TrainingData) -> int:
    """Return the operations of one step, counted as described above."""
    run = new_run_state(config, data.layout_batch, "cpu")
    per_frame = 0
    for module in run.generator.modules():
        if isinstance(module, nn.Linear):
            per_frame += 6 * module.weight.numel()
    encoder = run.generator.encoder
    if isinstance(encoder, LayoutLinear):
        per_frame += 6 * encoder.weight[0].numel()
    total = per_frame * config.optim.batch
    if config.loss.lambda_adv:
        head = sum(m.weight.numel() for m in run.discriminator.pose_head if isinstance(m, nn.Linear))
        joints = 23 * sum(m.weight.numel() for m in run.discriminator.convolutions if isinstance(m, nn.Conv1d))
        seen = min(config.optim.adversarial_batch, config.optim.batch)
        # Two batches with all gradients (6 a weight), one without gradients of the weights (4).
        total += (6 * 2 + 4) * (head + joints) * seen
    return total


def products_per_second(size: int = 1024) -> float:
    """Return operations per second of a float32 product."""
    first, second = torch.randn(size, size), torch.randn(size, size)
    began_s = time.perf_counter()
    for _ in range(10):
        first @ second
    return 10 * 2 * size**3 / (time.perf_counter() - began_s)


def stepper(config: Config, data: TrainingData, steps: int) -> Callable[[], float]:
    """Return a function that measures seconds per step with the real training loop."""
    body = load_body(None)
    timed = replace(
        config, log_every=10**6, checkpoint_every=10**6, optim=replace(config.optim, steps=10**6)
    )  # fmt: skip

    def run() -> float:
        def seconds(count: int) -> float:
            with tempfile.TemporaryDirectory() as folder:
                began_s = time.perf_counter()
                train(timed, data, body, Path(folder), TrainOptions(limit_steps=count))
                return time.perf_counter() - began_s

        # The difference of two lengths leaves out what happens once: setting up, logging, the checkpoint.
        return (seconds(steps + 2) - seconds(2)) / steps

    return run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", dest="settings", action="append", default=[], help="As for `dancepose train`.")
    arguments = parser.parse_args()
    choose_device("cpu", arguments.threads)
    config = load_config(arguments.preset, ("data.procedural_poses=5000", *arguments.settings))
    body = load_body(None)
    still = replace(config, data=replace(config.data, motion_share=0.0))
    data = load_data(still, body, motion=(), poses=None)
    if config.data.motion_share:
        # Recordings of any kind take the same time.
        points = 0.3 * torch.randn(4000, data.layout_batch.width, 3)
        data = replace(data, motion=MotionSet(points, torch.ones(len(points)), (), ()))
    assert isinstance(data.natural, TensorPool)
    step, work = stepper(config, data, arguments.steps), operations(config, data)
    best_s, best_rate = float("inf"), 0.0
    for _ in range(arguments.rounds):
        best_rate = max(best_rate, products_per_second())
        best_s = min(best_s, step())
    rate = work / best_s
    print(f"Preset {config.name}, batch {config.optim.batch}, {arguments.threads} threads, layout {config.data.layout}")
    print(f"  a step: {best_s * 1000:.1f} ms, {work / 1e9:.2f} GFLOP, {rate / 1e9:.1f} GFLOP/s")
    print(f"  float32 matrix product, 1024 x 1024 x 1024: {best_rate / 1e9:.1f} GFLOP/s")
    print(f"  share: {rate / best_rate:.2f}")


if __name__ == "__main__":
    main()
