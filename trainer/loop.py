# SPDX-License-Identifier: Apache-2.0
"""The training loop: data, discriminator step, generator step, log, checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
import json
import math
import os
from pathlib import Path
import signal
import threading
import time
from types import FrameType
from typing import Any, Final

import torch
from torch import Tensor, nn

from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.bounded_files import parse_json
from dancepose_addon.core.errors import Cancelled
from dancepose_addon.core.interruption import more_grace
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.markers import markers_for
from dancepose_addon.core.stored_tables import has_keys

from .checkpoint import CHECKPOINT_NAME, save_checkpoint
from .config import Config
from .data.batches import TrainingBatch, TrainingData, draw_batch
from .distributed import Ranks
from .model.generator import Rotations, predict
from .model.losses import generator_losses, l_discriminator
from .run_state import RunState, new_run_state
from .tensorboard_log import TensorBoardLog, distances_m
from .training_errors import CheckpointError, TrainingError

LOG_NAME: Final = "log.jsonl"
CONFIG_NAME: Final = "config.json"
COMMAND_NAME: Final = "command.json"
SAVING_S: Final = 60.0
"""Time for the step at work and the checkpoint after a signal."""
SINGLE_PROCESS: Final = Ranks()


@dataclass(frozen=True)
class TrainOptions:
    """Options of one call of ``train`` that do not change what is learned.

    Attributes:
        resume: Continue the run in the output folder.
        start: Folder of a run whose weights initialise this one, or None.
        command: Command line to keep with the run.
        limit_steps: Stop after this many steps of this call, or None.
        ranks: This process among several; the first one writes the files.
        board: TensorBoard log, or None. It gets losses as they are logged, and pictures at every checkpoint: batches
            are drawn without end, so a checkpoint interval takes the place of an epoch.
    """

    resume: bool = False
    start: Path | None = None
    command: str = ""
    limit_steps: int | None = None
    ranks: Ranks = SINGLE_PROCESS
    board: TensorBoardLog | None = None


@dataclass(frozen=True)
class StepResult:
    """Outcome of one step, for log and pictures.

    Attributes:
        batch: The batch.
        rotations: Predicted rotations, local and global, (B, 24, 3, 3) each.
        keypoints_norm: P_3d of them in the frame of the batch, (B, P, 3).
        losses: Loss terms by name, scalars.
        interrupted: Whether any process was asked to stop.
    """

    batch: TrainingBatch
    rotations: Rotations
    keypoints_norm: Tensor
    losses: dict[str, Tensor]
    interrupted: bool


def train(
    config: Config,
    data: TrainingData,
    body: BodyModel,
    out: Path,
    options: TrainOptions = TrainOptions(),
    *,
    progress: Progress = silent,
) -> Path:
    """Train a regressor.

    The same configuration, data and seed give the same weights on a CPU, whether the run was interrupted or not.

    Args:
        config: Settings of the run.
        data: What batches are drawn from.
        body: The body of P_3d.
        out: Folder for ``run.pt``, ``config.json``, ``command.json`` and ``log.jsonl``.
        options: Everything that does not change what is learned.
        progress: Called with the fraction done and a message at every line of the log.

    Returns:
        The path of ``run.pt``.

    Raises:
        CheckpointError: There is a run in ``out`` and ``resume`` is not set, or its settings or data differ, or there
            is none to resume.
        TrainingError: A loss is not finite; the last good checkpoint is kept.
        Cancelled: SIGINT, SIGTERM or SIGHUP was received; the state is saved first.
    """
    check_run(out, options)
    path, ranks = out / CHECKPOINT_NAME, options.ranks
    step_config = per_process_config(config, ranks, len(data.layout_batch.layouts))
    identity = {"name": body.name, "fingerprint": body.fingerprint}
    run = _open_run(config, data, identity, path, options)
    first, last = run.step, config.optim.steps
    if options.limit_steps is not None:
        last = min(last, first + options.limit_steps)
    markers = [markers_for(layout).to_json() for layout in data.layout_batch.layouts]
    began_s = time.perf_counter()

    with more_grace(SAVING_S), deferred_interrupt() as interrupt:
        while run.step < last:
            result = train_step(run, step_config, data, ranks, interrupt, path)

            # Log.
            if ranks.first and (run.step % config.log_every == 0 or run.step == last):
                distance_m = distances_m(result.keypoints_norm, result.batch.target_norm, result.batch.norm_per_m)
                record = _record(run, result.losses, distance_m)
                record["steps_per_s"] = round((run.step - first) / (time.perf_counter() - began_s), 3)
                _append_log(out / LOG_NAME, record)
                if options.board is not None:
                    options.board.losses(record)
                    options.board.points(run.step, distance_m)
                progress(run.step / config.optim.steps, _message(record, config.optim.steps))

            # Checkpoint.
            due = run.step % config.checkpoint_every == 0 or run.step == last
            if ranks.first and (due or result.interrupted):
                save_checkpoint(path, run.checkpoint(markers=markers, body=identity, summary=data.summary))
                if options.board is not None:
                    points, local = result.batch.points_norm, result.rotations.local_rotmat
                    options.board.picture(run.step, points, result.keypoints_norm, local)
            if result.interrupted and run.step < last:
                raise Cancelled(f"Stopped at step {run.step} of {config.optim.steps}; continue with --resume ({path}).")
    return path


def check_run(out: Path, options: TrainOptions) -> None:
    """Refuse to replace a run, to resume one that does not exist, and options without effect on one.

    Args:
        out: Folder of the run.
        options: How it is trained.

    Raises:
        CheckpointError: The options do not agree with what is in the folder.
    """
    path = out / CHECKPOINT_NAME
    if options.resume and not path.is_file():
        raise CheckpointError(f"{path} does not exist, so there is nothing to resume. Omit --resume, or check --out.")
    if options.resume and options.start is not None:
        raise CheckpointError(f"--start has no effect on the run in {out}, which is resumed. Omit --start.")
    if not options.resume and path.is_file():
        raise CheckpointError(f"{path} exists. Continue it with --resume, or choose another folder with --out.")
    foreign = next((name for name in (CONFIG_NAME, LOG_NAME, COMMAND_NAME) if os.path.lexists(out / name)), None)
    if foreign is not None and not path.is_file() and not has_keys(out / COMMAND_NAME, "command", "data"):
        raise CheckpointError(
            f"{out / foreign} is not of a run, and would be replaced. Choose an empty or new folder with --out."
        )


def train_step(
    run: RunState, config: Config, data: TrainingData, ranks: Ranks, interrupt: threading.Event, path: Path
) -> StepResult:
    """Draw a batch and update discriminator and generator once.

    Args:
        run: Networks and optimisers; updated in place.
        config: Settings, with this process's part of the batch.
        data: What batches are drawn from.
        ranks: This process among several.
        interrupt: Set when the user asked to stop.
        path: The checkpoint, for the message of a failure.

    Returns:
        The batch, the prediction and the losses.

    Raises:
        TrainingError: A loss is not finite in some process.
    """
    batch, layouts = draw_batch(data, config, run.rng), data.layout_batch

    # P_3d(theta) in the frame of the input: centred likewise, and in the scale of its clip.
    rotations = predict(run.generator, batch.points_norm, layouts, config.model)
    keypoints = layouts.centred(layouts.points_of(rotations.global_rotmat)) * batch.norm_per_m[:, None, None]

    # Discriminator step.
    loss_d, scores = torch.zeros(()), None
    if config.loss.lambda_adv:
        loss_d, scores = _discriminator_step(run, batch, rotations.local_rotmat, ranks)

    # Generator step.
    known = len(batch.local_rotmat)
    terms = generator_losses(
        config.loss,
        predicted=keypoints,
        keypoints=batch.target_norm,
        scores=scores,
        predicted_rotmat=(rotations.local_rotmat[:known], rotations.global_rotmat[:known]),
        true_rotmat=(batch.local_rotmat, batch.global_rotmat),
    )
    run.optimiser_g.zero_grad(set_to_none=True)
    terms.total.backward()  # type: ignore[no-untyped-call]
    run.discriminator.requires_grad_(requires_grad=True)
    losses = {**vars(terms), "l_discriminator": loss_d}
    diverged = not math.isfinite(terms.total.item() + loss_d.item())
    # All processes stop in the same step, or the others would wait for this one forever.
    diverged, interrupted = ranks.average_gradients(run.generator, (diverged, interrupt.is_set()))
    if diverged:
        raise TrainingError(_divergence_message(run.step, losses, path))
    if config.optim.grad_clip:
        nn.utils.clip_grad_norm_(run.generator.parameters(), config.optim.grad_clip)
    run.optimiser_g.step()
    run.schedule.step()
    ranks.average_statistics(run.generator)
    run.update_average()
    run.step += 1
    return StepResult(batch, rotations, keypoints, losses, interrupted)


def _discriminator_step(
    run: RunState, batch: TrainingBatch, local_rotmat: Tensor, ranks: Ranks
) -> tuple[Tensor, Tensor]:
    """Update the discriminator; return its loss and its scores (A, 24) of the generated poses.

    Gradients of its weights are off on return: the generator's step needs those through it only.
    """
    # The discriminator gets the last samples of the batch: recorded frames if there are any, which have no
    # ground-truth pose.
    generated = local_rotmat[-len(batch.natural_rotmat) :]
    loss = l_discriminator(run.discriminator(batch.natural_rotmat), run.discriminator(generated.detach()))
    run.optimiser_d.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    ranks.average_gradients(run.discriminator)
    run.optimiser_d.step()
    run.discriminator.requires_grad_(requires_grad=False)
    return loss, run.discriminator(generated)


def _open_run(config: Config, data: TrainingData, body: dict[str, str], path: Path, options: TrainOptions) -> RunState:
    """Return a new run, or the one at ``path``, and write the files that describe it."""
    run = new_run_state(config, data.layout_batch, data.layout_batch.mask.device, rank=options.ranks.rank)
    if path.is_file():
        run.restore(path, body=body, summary=data.summary)
    elif options.start is not None:
        run.start_from(options.start, data.layout_batch.layouts)
    if options.ranks.first:
        out = path.parent
        # The command is first: other processes of this run take a folder without it for something else.
        if options.command and not options.resume:
            _write_json(out / COMMAND_NAME, {"command": options.command, "data": data.summary})
        _write_json(out / CONFIG_NAME, config.to_table())
        _truncate_log(out / LOG_NAME, run.step)
    run.generator.train()
    return run


def per_process_config(config: Config, ranks: Ranks, layouts: int) -> Config:
    """Return the settings with this process's part of the batch.

    Args:
        config: Settings of the run.
        ranks: This process among several.
        layouts: Number of layouts in a batch.

    Returns:
        The settings with smaller batches.

    Raises:
        ConfigError: The processes cannot share the batch equally.
    """
    batch = ranks.share(config.optim.batch // layouts, "optim.batch of each layout") * layouts
    adversarial = max(1, config.optim.adversarial_batch // ranks.world)
    return replace(config, optim=replace(config.optim, batch=batch, adversarial_batch=adversarial))


@contextmanager
def deferred_interrupt() -> Iterator[threading.Event]:
    """Set the yielded event on the first SIGINT, SIGTERM or SIGHUP; a second one interrupts as usual."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield requested
        return

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def request(_signal: int, _frame: FrameType | None) -> None:
        requested.set()
        restore()

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handled = [number for number in numbers if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    previous = {number: signal.signal(number, request) for number in handled}
    try:
        yield requested
    finally:
        restore()


def _record(run: RunState, losses: dict[str, Tensor], distance_m: Tensor) -> dict[str, Any]:
    """Return a line of the log. distance_m: (B, P), metres, zero at padding."""
    return {
        "step": run.step,
        **{name: round(value.item(), 6) for name, value in losses.items()},
        "error_mm": round(1000.0 * float(distance_m[distance_m > 0].mean()), 3),
        "lr": run.schedule.get_last_lr()[0],
    }


def _divergence_message(step: int, losses: dict[str, Tensor], path: Path) -> str:
    values = ", ".join(f"{name} {value.item():.4g}" for name, value in losses.items())
    kept = f"The last good checkpoint is {path}" if path.is_file() else "No checkpoint was written yet"
    return f"The loss is not finite at step {step} ({values}). {kept}. Try a lower optim.lr."


def _message(record: dict[str, Any], steps: int) -> str:
    left_s = (steps - record["step"]) / max(record["steps_per_s"], 1e-6)
    return (
        f"step {record['step']}/{steps}  3d {record['l_3d']:.3f}  adv {record['l_adv']:.2f}  "
        f"rotation {record['l_rotation']:.2f}  D {record['l_discriminator']:.2f}  {record['error_mm']:.1f} mm  "
        f"{left_s / 60.0:.0f} min left"
    )


def _append_log(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _truncate_log(path: Path, step: int) -> None:
    """Drop lines logged after the checkpoint that training continues from, and those that a kill cut short."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _step_of(line: str) -> float:
    """Return the step of a line of the log, or infinity for a damaged line."""
    try:
        return float(parse_json(line)["step"])
    except (ValueError, TypeError, KeyError):
        return math.inf


def _write_json(path: Path, table: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
