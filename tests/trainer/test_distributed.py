# SPDX-License-Identifier: Apache-2.0
"""Several processes, as ``torchrun`` starts them, against one."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.config import load_config
from dancepose.trainer.distributed import Ranks
from dancepose.trainer.loop import per_process_config
from dancepose.trainer.training_errors import ConfigError

ROOT = Path(__file__).parents[2]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

AVERAGING = """
import torch
from torch import nn
from dancepose.trainer.distributed import join_ranks, leave_ranks
ranks = join_ranks(torch.device("cpu"))
model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.BatchNorm1d(2))
model[0].weight.grad = torch.full((2, 2), 1.0 + 2.0 * ranks.rank)
model[1].running_mean.fill_(4.0 * ranks.rank)
flags = ranks.average_gradients(model, (ranks.rank == 1, False))
ranks.average_statistics(model)
assert flags == (True, False), flags
assert torch.equal(model[0].weight.grad, torch.full((2, 2), 2.0)), model[0].weight.grad
assert torch.equal(model[1].running_mean, torch.full((2,), 2.0)), model[1].running_mean
assert model[1].num_batches_tracked == 0
leave_ranks(ranks)
"""


def run(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_means_and_flags_over_two_processes(tmp_path: Path) -> None:
    """Gradients 1 and 3 have the mean 2; a flag that one process raises is raised for both."""
    script = tmp_path / "averaging.py"
    script.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{AVERAGING}", encoding="utf-8")
    run(*TORCHRUN, script)


def test_a_batch_is_shared_equally_or_not_at_all() -> None:
    config = load_config("smoke", ("data.layout=md23+smpl24", "optim.batch=120", "optim.adversarial_batch=30"))
    shared = per_process_config(config, Ranks(1, 2), layouts=2)
    assert (shared.optim.batch, shared.optim.adversarial_batch) == (60, 15)
    assert per_process_config(config, Ranks(), layouts=2).optim == config.optim
    with pytest.raises(ConfigError, match="7 processes cannot share equally"):
        per_process_config(config, Ranks(0, 7), layouts=2)


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    """The same batch in two parts: the error ends within what another seed makes of it."""
    settings = (
        "--preset", "smoke", "--set", "model.width=128", "--set", "data.procedural_poses=500",
        "--set", "optim.steps=120", "--device", "cpu", "--threads", "1",
    )  # fmt: skip
    errors = {}
    for name, launcher, seed in (("one", (), 0), ("other", (), 1), ("two", TORCHRUN, 0)):
        out = tmp_path / name
        run(*launcher, "-m", "dancepose.cli.main", "train", "--out", out, "--seed", str(seed), *settings)
        log = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        assert log[-1]["step"] == 120
        errors[name] = sum(row["error_mm"] for row in log[-5:]) / 5
        first = log[0]["error_mm"]
        assert errors[name] < 0.7 * first
    noise = abs(errors["one"] - errors["other"])
    assert abs(errors["two"] - errors["one"]) < max(3.0 * noise, 0.1 * errors["one"])
