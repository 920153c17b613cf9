"""Training, top to bottom: data, discriminator step, generator step, log, checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import json
import math
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
from dancepose_addon.core.errors import Cancelled
from dancepose_addon.core.progress import Progress, silent
from dancepose_addon.core.skeleton.markers import markers_for

from .checkpoint import CHECKPOINT_NAME, save_checkpoint
from .config import Config
from .data.batches import TrainingData, draw_batch
from .distributed import Ranks
from .model.generator import predict
from .model.losses import generator_terms, l_discriminator
from .run_state import RunState, begin
from .tensorboard_log import Board, distances_m
from .training_errors import CheckpointError, TrainingError

LOG_NAME: Final = "log.jsonl"
ALONE: Final = Ranks()


def train(
    config: Config,
    data: TrainingData,
    body: BodyModel,
    out: Path,
    *,
    resume: bool = False,
    start: Path | None = None,
    command: str = "",
    limit_steps: int | None = None,
    ranks: Ranks = ALONE,
    board: Board | None = None,
    progress: Progress = silent,
) -> Path:
    """Train and leave ``run.pt``, ``config.json`` and ``log.jsonl`` in ``out``. Returns the path of the first.

    The same configuration, data and seed give the same weights on a processor, interrupted or not. limit_steps: stop
    after so many steps of this call; ``resume`` goes on; start: a run whose weights this one begins with; command:
    what was typed, to be kept with the run; ranks: which of several processes this is (the first one writes); board:
    shown losses as they are logged, and pictures at every checkpoint, which is what an epoch is where batches are
    drawn without end.

    Raises:
        CheckpointError: there is a run in ``out`` and ``resume`` is not set, or it has other settings.
        TrainingError: a loss is not a number. Cancelled: SIGINT; the state is saved first.
    """
    path = out / CHECKPOINT_NAME
    drawn = share_of(config, ranks, len(data.pack.layouts))
    run = begin(config, data.pack, data.pack.mask.device, rank=ranks.rank)
    if path.is_file():
        if not resume:
            raise CheckpointError(f"{path} is there already. Go on with --resume, or choose another folder with --out.")
        run.restore(path)
    elif start is not None:
        run.start_from(start)
    if ranks.first:
        _begin_files(out, config, {"command": command, "data": data.summary}, run.step, resume=resume)
    markers = [markers_for(layout).to_json() for layout in data.pack.layouts]
    identity = {"name": body.name, "fingerprint": body.fingerprint}
    first, last = run.step, config.optim.steps
    if limit_steps is not None:
        last = min(last, first + limit_steps)
    run.generator.train()
    begun = time.perf_counter()

    with interrupts_noted() as interrupted:
        while run.step < last:
            batch = draw_batch(data, drawn, run.rng)

            # P_3d(theta), in the frame of x: centred alike, and in its clip's scale.
            rotations = predict(run.generator, batch.points, data.pack, config.model)
            keypoints = data.pack.centred(data.pack.points_of(rotations.global_rotmat)) * batch.scale[:, None, None]

            # Discriminator step.
            loss_d, scores = torch.zeros(()), None
            if config.loss.lambda_adv:
                # It sees the tail: recorded frames where there are any, whose pose nothing else teaches.
                generated = rotations.local_rotmat[-len(batch.natural) :]
                loss_d = l_discriminator(run.discriminator(batch.natural), run.discriminator(generated.detach()))
                run.optimiser_d.zero_grad(set_to_none=True)
                loss_d.backward()  # type: ignore[no-untyped-call]
                ranks.average_gradients(run.discriminator)
                run.optimiser_d.step()
                # The generator's step needs gradients through it, not of it.
                run.discriminator.requires_grad_(requires_grad=False)
                scores = run.discriminator(generated)

            # Generator step.
            known = len(batch.local_rotmat)
            terms = generator_terms(
                config.loss,
                predicted=keypoints,
                keypoints=batch.target,
                scores=scores,
                predicted_rotmat=(rotations.local_rotmat[:known], rotations.global_rotmat[:known]),
                true_rotmat=(batch.local_rotmat, batch.global_rotmat),
            )
            run.optimiser_g.zero_grad(set_to_none=True)
            terms.total.backward()  # type: ignore[no-untyped-call]
            run.discriminator.requires_grad_(requires_grad=True)
            lost = not math.isfinite(terms.total.item() + loss_d.item())
            lost, stopping = ranks.average_gradients(run.generator, (lost, interrupted.is_set()))
            if lost:
                raise TrainingError(_not_a_number(run.step, {**vars(terms), "l_discriminator": loss_d}, path))
            if config.optim.clip:
                nn.utils.clip_grad_norm_(run.generator.parameters(), config.optim.clip)
            run.optimiser_g.step()
            run.schedule.step()
            ranks.average_statistics(run.generator)
            run.update_average()
            run.step += 1
            epoch = run.step % config.checkpoint_every == 0 or run.step == last

            # Log.
            if ranks.first and (run.step % config.log_every == 0 or run.step == last):
                distance_m = distances_m(keypoints, batch.target, batch.scale)
                record = _record(run, {**vars(terms), "l_discriminator": loss_d}, distance_m)
                record["steps_per_s"] = round((run.step - first) / (time.perf_counter() - begun), 3)
                _append_log(out / LOG_NAME, record)
                if board is not None:
                    board.losses(record)
                    board.points(run.step, distance_m)
                progress(run.step / config.optim.steps, _message(record, config.optim.steps))

            # Checkpoint.
            if ranks.first and (epoch or stopping):
                save_checkpoint(path, run.checkpoint(markers=markers, body=identity, summary=data.summary))
                if board is not None:
                    board.picture(run.step, batch.points, keypoints, rotations.local_rotmat)
            if stopping and run.step < last:
                raise Cancelled(f"Stopped at step {run.step} of {config.optim.steps}; go on with --resume ({path}).")
    return path


def share_of(config: Config, ranks: Ranks, layouts: int) -> Config:
    """The settings with this process's part of the batch. Raises ConfigError where it cannot be shared equally."""
    batch = ranks.share(config.optim.batch // layouts, "optim.batch of each layout") * layouts
    adversarial = max(1, config.optim.adversarial_batch // ranks.world)
    return replace(config, optim=replace(config.optim, batch=batch, adversarial_batch=adversarial))


@contextmanager
def interrupts_noted() -> Iterator[threading.Event]:
    """Within, the first SIGINT sets the event instead of interrupting; the second one interrupts."""
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return

    def note(_signal: int, _frame: FrameType | None) -> None:
        noted.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, previous)


def _begin_files(out: Path, config: Config, command: dict[str, Any], step: int, *, resume: bool) -> None:
    _write_json(out / "config.json", config.to_table())
    if command["command"] and not resume:
        _write_json(out / "command.json", command)
    _cut_log(out / LOG_NAME, step)


def _record(run: RunState, terms: dict[str, Tensor], distance_m: Tensor) -> dict[str, Any]:
    """A line of the log. distance_m: (B, P), zero at padding."""
    return {
        "step": run.step,
        **{name: round(value.item(), 6) for name, value in terms.items()},
        "error_mm": round(1000.0 * float(distance_m[distance_m > 0].mean()), 3),
        "rate": run.schedule.get_last_lr()[0],
    }


def _not_a_number(step: int, terms: dict[str, Tensor], path: Path) -> str:
    values = ", ".join(f"{name} {value.item():.4g}" for name, value in terms.items())
    kept = f"The last good checkpoint is {path}" if path.is_file() else "No checkpoint was written yet"
    return f"The loss is not a number at step {step} ({values}). {kept}. Try a lower optim.rate."


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


def _cut_log(path: Path, step: int) -> None:
    """Drop what was logged after the checkpoint that training goes on from."""
    if path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        with replacing(path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _write_json(path: Path, table: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
