"""Training, top to bottom: data, discriminator step, generator step, log, checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from dancepose_addon.core.fit.solve import markers_for
from dancepose_addon.core.progress import Progress, silent

from .checkpoint import CHECKPOINT_NAME, save_checkpoint
from .config import Config
from .data import TrainingData, draw_batch
from .errors import CheckpointError, TrainingError
from .generator import predict
from .losses import generator_terms, l_discriminator
from .state import begin

LOG_NAME: Final = "log.jsonl"


def train(
    config: Config,
    data: TrainingData,
    body: BodyModel,
    out: Path,
    *,
    resume: bool = False,
    start: Path | None = None,
    limit_steps: int | None = None,
    progress: Progress = silent,
) -> Path:
    """Train and leave ``run.pt``, ``config.json`` and ``log.jsonl`` in ``out``. Returns the path of the first.

    The same configuration, data and seed give the same weights on a processor, interrupted or not. limit_steps: stop
    after so many steps of this call; ``resume`` goes on; start: a run whose weights this one begins with.

    Raises:
        CheckpointError: there is a run in ``out`` and ``resume`` is not set, or it has other settings.
        TrainingError: a loss is not a number. Cancelled: SIGINT; the state is saved first.
    """
    path = out / CHECKPOINT_NAME
    run = begin(config, data.pack, data.natural.device)
    if path.is_file():
        if not resume:
            raise CheckpointError(f"{path} is there already. Go on with --resume, or choose another folder with --out.")
        run.restore(path)
    elif start is not None:
        run.start_from(start)
    _write_json(out / "config.json", config.to_table())
    _cut_log(out / LOG_NAME, run.step)
    markers = [markers_for(layout).to_json() for layout in data.pack.layouts]
    identity = {"name": body.name, "fingerprint": body.fingerprint}
    first, last = run.step, config.optim.steps
    if limit_steps is not None:
        last = min(last, first + limit_steps)
    run.generator.train()
    begun = time.perf_counter()

    with interrupts_noted() as interrupted:
        while run.step < last:
            batch = draw_batch(data, config, run.rng)

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
                run.optimiser_d.step()
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
            if not math.isfinite(terms.total.item() + loss_d.item()):
                raise TrainingError(_not_a_number(run.step, {**vars(terms), "l_discriminator": loss_d}, path))
            if config.optim.clip:
                nn.utils.clip_grad_norm_(run.generator.parameters(), config.optim.clip)
            run.optimiser_g.step()
            run.schedule.step()
            run.update_average()
            run.step += 1

            # Log.
            if run.step % config.log_every == 0 or run.step == last:
                distance_m = (keypoints.detach() - batch.target).norm(dim=-1) / batch.scale[:, None]
                distance_m = distance_m[data.pack.by_sample(data.pack.mask, len(distance_m)) > 0]
                record = {
                    "step": run.step,
                    **{name: round(value.item(), 6) for name, value in vars(terms).items()},
                    "l_discriminator": round(loss_d.item(), 6),
                    "error_mm": round(1000.0 * float(distance_m.mean()), 3),
                    "rate": run.schedule.get_last_lr()[0],
                    "steps_per_s": round((run.step - first) / (time.perf_counter() - begun), 3),
                }
                _append_log(out / LOG_NAME, record)
                progress(run.step / config.optim.steps, _message(record, config.optim.steps))

            # Checkpoint.
            stopping = interrupted.is_set()
            if run.step % config.checkpoint_every == 0 or run.step == last or stopping:
                save_checkpoint(path, run.checkpoint(markers=markers, body=identity, summary=data.summary))
            if stopping and run.step < last:
                raise Cancelled(f"Stopped at step {run.step} of {config.optim.steps}; go on with --resume ({path}).")
    return path


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
