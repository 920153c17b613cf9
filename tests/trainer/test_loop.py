# SPDX-License-Identifier: Apache-2.0
"""Training: it learns, it repeats, it resumes where it stopped, and it stops when it should."""

from dataclasses import replace
import json
import math
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.checkpoint import CHECKPOINT_NAME, load_checkpoint
from dancepose.trainer.config import Config, load_config
from dancepose.trainer.data.batches import TrainingData, load_data
from dancepose.trainer.loop import LOG_NAME, TrainOptions, train
from dancepose.trainer.mocap.pose_pool import TensorPool
from dancepose.trainer.run_state import RunState
from dancepose.trainer.training_errors import CheckpointError, TrainingError
from dancepose_addon.core.errors import Cancelled
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)
SMALL = (
    "data.procedural_poses=256",
    "model.width=64",
    "optim.batch=32",
    "optim.steps=12",
    "log_every=1",
    "optim.ema_decay=0.9",
)


@pytest.fixture(autouse=True)
def one_thread():
    """Small products in many threads are slow, and their sums may depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def setting(*overrides: str) -> tuple[Config, TrainingData]:
    config = load_config("smoke", (*SMALL, *overrides))
    return config, load_data(config, BODY, motion=(), poses=None)


def weights(path: Path) -> "torch.Tensor":
    saved = load_checkpoint(path)
    parts = [*saved.best_weights.values(), *saved.discriminator.values()]
    return torch.cat([value.flatten().float() for value in parts])


def losses(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / LOG_NAME).read_text(encoding="utf-8").splitlines()]


def one_cycle_lr(step: int, steps: int, peak: float) -> float:
    """Smith and Topin 2018 with cosines: from a 25th of the peak up to it within a tenth of the run, then down to
    a 10,000th of where it started."""
    top = 0.1 * (steps + 1) - 1.0
    first, last = peak / 25.0, peak / 25.0 / 1e4
    start, end, share = (first, peak, step / top) if step <= top else (peak, last, (step - top) / (steps - top))
    return end + (start - end) * (1.0 + math.cos(math.pi * share)) / 2.0


def test_learning_rate_follows_the_schedule(tmp_path: Path) -> None:
    config, data = setting("optim.steps=30", "optim.lr=0.004", "optim.schedule=onecycle")
    train(config, data, BODY, tmp_path)
    found = [record["lr"] for record in losses(tmp_path)]
    assert found == pytest.approx([one_cycle_lr(step, 30, 0.004) for step in range(1, 31)], rel=1e-6)
    config, data = setting("optim.steps=3", "optim.schedule=constant", "optim.lr=0.004")
    train(config, data, BODY, tmp_path / "constant")
    assert [record["lr"] for record in losses(tmp_path / "constant")] == [0.004] * 3


def test_training_learns(tmp_path: Path) -> None:
    config, data = setting("optim.steps=150", "model.width=256")
    train(config, data, BODY, tmp_path)
    log = losses(tmp_path)
    early, late = (sum(row["error_mm"] for row in part) / 10 for part in (log[:10], log[-10:]))
    assert late < 0.6 * early
    assert json.loads((tmp_path / "config.json").read_text(encoding="utf-8")) == config.to_table()


def test_the_average_follows_faster_in_the_first_steps() -> None:
    """Its decay is (step + 1) / (step + 10), up to the setting of 0.9: 0.1 at step 0, 0.5 at step 8."""
    generator = torch.nn.Linear(1, 1, bias=False)
    for step, decay in ((0, 0.1), (8, 0.5), (71, 72 / 81), (80, 0.9), (1000, 0.9)):
        torch.nn.init.constant_(generator.weight, 3.0)
        average = {"weight": torch.tensor([[1.0]])}
        config = SimpleNamespace(optim=SimpleNamespace(ema_decay=0.9))
        RunState(config, generator, None, average, None, None, None, None, step=step).update_average()
        assert average["weight"].item() == pytest.approx(decay * 1.0 + (1.0 - decay) * 3.0)
    RunState(config, generator, None, None, None, None, None, None).update_average()


def test_same_seed_same_weights_another_seed_others(tmp_path: Path) -> None:
    results = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        config, data = setting(f"seed={seed}")
        results[name] = weights(train(config, data, BODY, tmp_path / name))
    assert torch.equal(results["a"], results["b"])
    assert not torch.allclose(results["a"], results["c"])


def test_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    config, data = setting()
    whole = weights(train(config, data, BODY, tmp_path / "whole"))
    stopped = train(config, data, BODY, tmp_path / "parts", TrainOptions(limit_steps=5))
    assert load_checkpoint(stopped).step == 5
    resumed = weights(train(config, data, BODY, tmp_path / "parts", TrainOptions(resume=True)))
    assert torch.equal(whole, resumed)
    assert [row["step"] for row in losses(tmp_path / "parts")] == list(range(1, 13))


def test_a_log_that_a_kill_cut_short_does_not_prevent_resuming(tmp_path: Path) -> None:
    config, data = setting("checkpoint_every=5")
    path = train(config, data, BODY, tmp_path, TrainOptions(limit_steps=5))
    with (tmp_path / LOG_NAME).open("ab") as file:
        file.write(b'{"step": 6, "l_3d": 0.5}\n{"step": 7, "l_\xff')
    train(config, data, BODY, tmp_path, TrainOptions(resume=True))
    assert load_checkpoint(path).step == 12
    assert [row["step"] for row in losses(tmp_path)] == list(range(1, 13))


def test_a_run_started_from_another_begins_where_that_ended(tmp_path: Path) -> None:
    config, data = setting("optim.steps=150", "model.width=256")
    first = train(config, data, BODY, tmp_path / "first")
    short, _ = setting("optim.steps=3", "model.width=256")
    train(short, data, BODY, tmp_path / "second", TrainOptions(start=first))
    assert losses(tmp_path / "second")[0]["error_mm"] < 0.7 * losses(tmp_path / "first")[0]["error_mm"]
    other, _ = setting()
    with pytest.raises(CheckpointError, match="another architecture"):
        train(other, data, BODY, tmp_path / "third", TrainOptions(start=first))


def test_a_run_is_not_overwritten_nor_resumed_with_other_settings(tmp_path: Path) -> None:
    config, data = setting()
    train(config, data, BODY, tmp_path, TrainOptions(limit_steps=1))
    with pytest.raises(CheckpointError, match="--resume"):
        train(config, data, BODY, tmp_path)
    other, _ = setting("optim.lr=0.5")
    with pytest.raises(CheckpointError, match="other settings"):
        train(other, data, BODY, tmp_path, TrainOptions(resume=True))
    (tmp_path / CHECKPOINT_NAME).write_bytes((tmp_path / CHECKPOINT_NAME).read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="not a valid checkpoint"):
        train(config, data, BODY, tmp_path, TrainOptions(resume=True))


def test_a_checkpoint_with_a_changed_weight_is_refused(tmp_path: Path) -> None:
    config, data = setting()
    path = train(config, data, BODY, tmp_path, TrainOptions(limit_steps=1))
    weight = load_checkpoint(path).generator["decoder.weight"].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(weight[:64]) + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged: the checksum of its part"):
        load_checkpoint(path)


def test_a_run_is_not_resumed_with_other_data(tmp_path: Path) -> None:
    config, data = setting()
    train(config, data, BODY, tmp_path, TrainOptions(limit_steps=1))
    before = (tmp_path / CHECKPOINT_NAME).read_bytes()
    for change, said in (
        ({"natural_fingerprint": "0" * 16}, "natural fingerprint"),
        ({"natural_poses": 5, "natural_source": "3 clips"}, "natural poses, natural source"),
        ({"motion_frames": 7}, "motion frames"),
    ):
        other = replace(data, summary=data.summary | change)
        with pytest.raises(CheckpointError, match=rf"trained on other data \({said}\).*same --poses"):
            train(config, other, BODY, tmp_path, TrainOptions(resume=True))
    with pytest.raises(CheckpointError, match=r"trained on other data \(body\)"):
        train(config, data, synthetic_body(4), tmp_path, TrainOptions(resume=True))
    with pytest.raises(CheckpointError, match="--start has no effect"):
        train(config, data, BODY, tmp_path, TrainOptions(resume=True, start=tmp_path))
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == before
    with pytest.raises(CheckpointError, match="nothing to resume"):
        train(config, data, BODY, tmp_path / "typo", TrainOptions(resume=True))


def test_the_fingerprint_of_poses_follows_the_poses() -> None:
    _, data = setting()
    again = setting()[1].summary["natural_fingerprint"]
    other = setting("seed=1")[1].summary["natural_fingerprint"]
    assert data.summary["natural_fingerprint"] == again != other


def test_a_run_may_start_from_anothers_weights_if_they_fit(tmp_path: Path) -> None:
    config, data = setting()
    first = load_checkpoint(train(config, data, BODY, tmp_path / "first"))
    # A step of nearly no length leaves the weights where they began, and only the weights: it is step 1 of a new run.
    other, _ = setting("optim.steps=1", "optim.lr=1e-12", "optim.ema_decay=0")
    second = load_checkpoint(train(other, data, BODY, tmp_path / "second", TrainOptions(start=tmp_path / "first")))
    assert second.step == 1
    for name, value in first.best_weights.items():
        if "weight" in name or "bias" in name:
            assert torch.allclose(second.generator[name], value, atol=1e-6), name
    wider, _ = setting("model.width=32")
    with pytest.raises(CheckpointError, match="another architecture"):
        train(wider, data, BODY, tmp_path / "third", TrainOptions(start=tmp_path / "first"))


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    config, data = setting("checkpoint_every=2")
    train(config, data, BODY, tmp_path, TrainOptions(limit_steps=4))
    data = replace(data, natural=TensorPool(torch.full((4, 24, 3, 3), float("nan"))))
    data.procedural[:] = float("nan")
    with pytest.raises(TrainingError, match=r"not finite at step 4 .*last good checkpoint"):
        train(config, data, BODY, tmp_path, TrainOptions(resume=True))
    assert load_checkpoint(tmp_path).step == 4
    assert torch.isfinite(weights(tmp_path)).all()


@pytest.mark.usefixtures("foreground_signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["ctrl-c", "kill", "hangup"])
def test_interrupt_saves_and_leaves(number: signal.Signals, tmp_path: Path) -> None:
    """A real signal to a real process."""
    script = (
        "import sys; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from tests.support.bodies import synthetic_body; from dancepose.trainer.config import load_config\n"
        "from dancepose.trainer.data.batches import load_data; from dancepose.trainer.loop import train\n"
        "from dancepose_addon.core.errors import Cancelled\n"
        f"config = load_config('smoke', ({SMALL[:3]!r}) + ('optim.steps=1000000', 'log_every=1'))\n"
        "body = synthetic_body(3); data = load_data(config, body, motion=(), poses=None)\n"
        "try: train(config, data, body, Path(sys.argv[1]), progress=lambda *_: print('step', flush=True))\n"
        "except Cancelled as error: print(error, flush=True); sys.exit(7)\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "step\n"
        time.sleep(0.2)
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 7
    assert "continue with --resume" in said.splitlines()[-1]
    assert load_checkpoint(tmp_path).step >= 1


def test_interrupt_in_the_last_step_is_not_a_failure(tmp_path: Path) -> None:
    config, data = setting("optim.steps=2")

    def interrupt(fraction: float, _message: str) -> None:
        if fraction == 1.0:
            signal.raise_signal(signal.SIGINT)

    try:
        train(config, data, BODY, tmp_path, progress=interrupt)
    except Cancelled:
        pytest.fail("the run was complete")
    assert load_checkpoint(tmp_path).step == 2
