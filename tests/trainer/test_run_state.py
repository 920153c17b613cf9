# SPDX-License-Identifier: Apache-2.0
"""A new run: optimisers, averages, random numbers and number formats, by hand."""

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer import run_state
from dancepose.trainer.config import load_config
from dancepose.trainer.data.batches import TrainingData, load_data
from dancepose.trainer.run_state import RANK_STRIDE, RunState, new_run_state
from tests.support.bodies import synthetic_body

SMALL = ("data.procedural_poses=64", "model.width=32", "optim.batch=32", "optim.steps=12")


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return load_data(load_config("smoke", SMALL), synthetic_body(3), motion=(), poses=None)


def run(data: TrainingData, *overrides: str, rank: int = 0) -> RunState:
    return new_run_state(load_config("smoke", (*SMALL, *overrides)), data.layout_batch, "cpu", rank=rank)


def test_the_average_follows_faster_at_first(data: TrainingData) -> None:
    """The decay is (step + 1) / (step + 10), at most that of the settings."""
    state = run(data, "optim.ema_decay=0.9")
    assert state.average is not None
    weights = state.generator.state_dict()
    key = next(name for name, value in weights.items() if value.is_floating_point())
    count = next((name for name, value in weights.items() if not value.is_floating_point()), None)
    before = weights[key].clone()
    torch.testing.assert_close(state.average[key], before)
    with torch.no_grad():
        for value in weights.values():
            value += 1
    for step, decay in ((0, 0.1), (8, 0.5), (71, 72 / 81), (90, 0.9), (1000, 0.9)):
        state.average[key].copy_(before)
        state.step = step
        state.update_average()
        torch.testing.assert_close(state.average[key], before + (1.0 - decay))
    if count is not None:
        assert torch.equal(state.average[count], weights[count])
    none = run(data, "optim.ema_decay=0.0")
    assert none.average is None
    none.update_average()


def test_optimisers(data: TrainingData) -> None:
    state = run(
        data, "optim.optimiser=adam", "optim.lr=0.002", "optim.lr_discriminator=0.003", "optim.schedule=constant"
    )
    assert isinstance(state.optimiser_g, torch.optim.Adam)
    assert [group["lr"] for group in state.optimiser_g.param_groups] == [0.002]
    assert [group["lr"] for group in state.optimiser_d.param_groups] == [0.003]
    state = run(data, "optim.optimiser=adamw", "optim.weight_decay=0.5", "optim.lr=0.002", "optim.schedule=constant")
    assert isinstance(state.optimiser_g, torch.optim.AdamW)
    first, second = state.optimiser_g.param_groups
    assert (first["weight_decay"], second["weight_decay"]) == (0.5, 0.0)
    assert all(one.ndim >= 2 for one in first["params"])
    assert all(one.ndim == 1 for one in second["params"])
    known = {id(one) for group in (first, second) for one in group["params"]}
    assert known == {id(one) for one in state.generator.parameters()}


def test_random_numbers_of_each_process(data: TrainingData) -> None:
    for rank in (0, 2):
        state = run(data, "seed=11", rank=rank)
        expected = torch.rand(4, generator=torch.Generator().manual_seed(11 + RANK_STRIDE * rank))
        assert torch.equal(torch.rand(4, generator=state.rng), expected)
    first, second = run(data, "seed=11"), run(data, "seed=11", rank=2)
    for one, other in zip(first.generator.parameters(), second.generator.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("able", [False, True])
def test_bfloat16_where_it_is_wanted_and_there(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch, *, wanted: bool, able: bool
) -> None:
    monkeypatch.setattr(run_state, "multiplies_bfloat16", lambda _device: able)
    state = run(data, f"optim.bf16_matmul={str(wanted).lower()}")
    used = {module.bf16_matmul for module in state.generator.modules() if hasattr(module, "bf16_matmul")}
    assert used == {wanted and able}


@pytest.mark.parametrize("steps", [1, 2, 5, 8, 9, 10, 13, 14, 15, 40])
def test_the_schedule_rises_and_falls_for_any_number_of_steps(data: TrainingData, steps: int) -> None:
    """torch divided by zero at nine steps."""
    state = run(data, f"optim.steps={steps}", "optim.schedule=onecycle", "optim.lr=0.004")
    rates = []
    for _ in range(steps + 1):
        rates.append(state.optimiser_g.param_groups[0]["lr"])
        if len(rates) <= steps:
            state.optimiser_g.step()
            state.schedule.step()
    assert all(0.0 < rate <= 0.004 + 1e-9 for rate in rates)
    assert rates[0] < max(rates) or steps == 1
    assert rates[-1] < 0.001 * 0.004
