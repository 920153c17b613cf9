# SPDX-License-Identifier: Apache-2.0
"""State of a training run: networks, their average, optimisers, schedule and random numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from dancepose_addon.core.skeleton.layouts import Layout

from .body.layout_batch import LayoutBatch
from .checkpoint import Checkpoint, invalid, load_checkpoint
from .checkpoint_contents import STEPPERS, load_optimiser, load_schedule
from .config import Config, OptimConfig
from .device import multiplies_bfloat16
from .model.discriminator import PoseDiscriminator
from .model.generator import SmplRegressor, build_generator
from .training_errors import CheckpointError


@dataclass
class RunState:
    """State of a run.

    Attributes:
        config: Settings of the run.
        generator: The regressor.
        discriminator: The pose discriminator.
        average: Exponential moving average of the generator's weights, or None.
        optimiser_g: Optimiser of the generator.
        optimiser_d: Optimiser of the discriminator.
        schedule: Learning-rate schedule of the generator.
        rng: Source of random numbers.
        rank: Index of this process.
        step: Number of steps done.
    """

    config: Config
    generator: SmplRegressor
    discriminator: PoseDiscriminator
    average: dict[str, Tensor] | None
    optimiser_g: torch.optim.Optimizer
    optimiser_d: torch.optim.Optimizer
    schedule: LRScheduler
    rng: torch.Generator
    rank: int = 0
    step: int = 0

    def update_average(self) -> None:
        """Update the moving average; the decay is smaller in the first steps."""
        if self.average is None:
            return
        decay = min(self.config.optim.ema_decay, (self.step + 1) / (self.step + 10))
        state = self.generator.state_dict()
        moving = [key for key, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[key] for key in moving], [state[key] for key in moving], 1.0 - decay)
        for key in state.keys() - set(moving):
            self.average[key].copy_(state[key])

    def checkpoint(self, *, markers: list[dict[str, Any]], body: dict[str, str], summary: dict[str, Any]) -> Checkpoint:
        """Return everything that ``restore`` and an export need."""
        state = {key: getattr(self, key).state_dict() for key in STEPPERS} | {"rng": self.rng.get_state()}
        return Checkpoint(
            config=self.config,
            step=self.step,
            generator=self.generator.state_dict(),
            average=self.average,
            discriminator=self.discriminator.state_dict(),
            state=state,
            markers=markers,
            body=body,
            summary=summary,
        )

    def start_from(self, path: Path, layouts: Sequence[Layout]) -> None:
        """Load the weights of another run, and nothing else of it.

        Args:
            path: Folder or checkpoint of the other run.
            layouts: Layouts of this run, in order.

        Raises:
            CheckpointError: It is damaged, or its networks have another architecture or other layouts.
        """
        saved = load_checkpoint(path)
        if saved.config.model != self.config.model:
            raise CheckpointError(
                f"{path} has a network of another architecture ([model] in its config.json). Train without --start."
            )
        others = [markers.layout for markers in saved.marker_sets]
        if len(others) != len(layouts) or not all(map(_same_inputs, others, layouts)):
            before, now = ("+".join(layout.name for layout in some) for some in (others, layouts))
            raise CheckpointError(
                f"{path} was trained on layout {before}; this run has {now} (data.layout). Set data.layout to the "
                "same, or train without --start."
            )
        saved.load_weights(self.generator, saved.best)
        saved.load_weights(self.discriminator, "discriminator")
        if self.average is not None:
            for key, value in saved.best_weights.items():
                self.average[key].copy_(value)

    def restore(self, path: Path, *, body: dict[str, str], summary: dict[str, Any]) -> None:
        """Restore the state of a checkpoint.

        Args:
            path: The checkpoint.
            body: Name and fingerprint of the body that training continues with.
            summary: The data that it continues with, as ``TrainingData.summary``.

        Raises:
            CheckpointError: It is damaged, or of a run with other settings or data.
        """
        saved = load_checkpoint(path)
        if saved.config != self.config:
            raise CheckpointError(
                f"{path} was trained with other settings (see config.json beside it). Resume with the same preset, "
                "seed and --set, or choose another folder with --out."
            )
        other = _different(saved.summary | {"body": saved.body["fingerprint"]}, summary | {"body": body["fingerprint"]})
        if other:
            raise CheckpointError(
                f"{path} was trained on other data ({', '.join(other)}). Resume with the same --poses, --motion and "
                "--body, or choose another folder with --out."
            )
        saved.load_weights(self.generator, "generator")
        saved.load_weights(self.discriminator, "discriminator")
        if self.average is not None and saved.average is not None:
            saved.require_fit(self.average, "average")
            for key, value in saved.average.items():
                self.average[key].copy_(value)
        used = {"optimiser_g": saved.step > 0, "optimiser_d": saved.step > 0 and self.config.loss.lambda_adv > 0}
        try:
            for key, steps in used.items():
                load_optimiser(getattr(self, key), saved.state[key], key, used=steps)
        except ValueError as error:
            raise invalid(saved.source, error) from error
        load_schedule(self.schedule, saved.step)
        self.step = saved.step
        if self.rank:
            # Only the first process's state is in the file; others draw what no process has drawn.
            self.rng.manual_seed(self.config.seed + RANK_STRIDE * self.rank + self.step)
        else:
            self._restore_rng(saved)

    def _restore_rng(self, saved: Checkpoint) -> None:
        state = saved.state["rng"]
        try:
            self.rng.set_state(state)
        except RuntimeError as error:
            raise CheckpointError(
                f"{saved.source} is not a valid checkpoint for this device: its state of random numbers has "
                f"{state.numel()} bytes ({self.rng.get_state().numel()} expected) or is damaged. Resume on the kind of "
                "device that it was trained on, with --device."
            ) from error


def _same_inputs(first: Layout, second: Layout) -> bool:
    return first.same_points(second) and first.edges == second.edges


def _different(before: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return which entries of two summaries differ; those that earlier versions did not write are not compared."""
    keys = (before.keys() & given.keys()) | ({"motion_frames", "twist_model"} & (before.keys() | given.keys()))
    texts = [{key: json.dumps(table.get(key)) for key in keys} for table in (before, given)]
    return sorted(key.replace("_", " ") for key in keys if texts[0][key] != texts[1][key])


RANK_STRIDE: Final = 1_000_003


def new_run_state(config: Config, layout_batch: LayoutBatch, device: torch.device | str, *, rank: int = 0) -> RunState:
    """Return the state of a run before its first step.

    Args:
        config: Settings of the run. All random numbers follow from its seed.
        layout_batch: The layouts.
        device: Device to train on.
        rank: Index of this process; it also seeds what the process draws.

    Returns:
        The state.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        generator = build_generator(config, layout_batch).to(device)
        if config.optim.bf16_matmul and multiplies_bfloat16(device):
            generator.use_bf16_matmul()
        discriminator = PoseDiscriminator().to(device)
    optimiser_g = _optimiser(config.optim, generator, config.optim.lr)
    average = {key: value.clone() for key, value in generator.state_dict().items()} if config.optim.ema_decay else None
    return RunState(
        config=config,
        generator=generator,
        discriminator=discriminator,
        average=average,
        optimiser_g=optimiser_g,
        optimiser_d=_optimiser(config.optim, discriminator, config.optim.lr_discriminator),
        schedule=_schedule(config.optim, optimiser_g),
        rank=rank,
        rng=torch.Generator(device).manual_seed(config.seed + RANK_STRIDE * rank),
    )


def _optimiser(config: OptimConfig, model: nn.Module, rate: float) -> torch.optim.Optimizer:
    if config.optimiser == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    # Only matrices decay; biases and batch-norm factors should not shrink towards zero.
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, fused=True)


def _schedule(config: OptimConfig, optimiser: torch.optim.Optimizer) -> LRScheduler:
    if config.schedule == "constant":
        return LambdaLR(optimiser, _constant)
    # One step more than is made: the schedule is stepped after the last update as well.
    total = config.steps + 1
    # Below 15 steps a tenth of them is no rise, or one that torch divides by.
    rise = max(0.1, 1.5 / total)
    return OneCycleLR(optimiser, max_lr=config.lr, total_steps=total, pct_start=rise, cycle_momentum=False)


def _constant(_step: int) -> float:
    return 1.0
