# SPDX-License-Identifier: Apache-2.0
"""Means over processes: two processes, of which the other one has known numbers."""

import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer import distributed as module
from dancepose.trainer.config import ConfigError
from dancepose.trainer.distributed import Ranks, join_ranks, leave_ranks


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The other process adds 10, 11, 12 ... to what this one sends."""
    sent: dict[str, object] = {}

    def all_reduce(flat: object) -> None:
        sent["size"] = len(flat)  # type: ignore[arg-type]
        flat += torch.arange(len(flat)) + 10.0  # type: ignore[arg-type, operator, misc]

    monkeypatch.setattr(module.distributed, "all_reduce", all_reduce)
    return sent


def test_tensors_of_several_shapes_are_averaged(other: dict[str, object]) -> None:
    first, second, third = torch.zeros(2, 2), torch.ones(3), torch.tensor(4.0)
    module._average([first, second, third], 2)
    assert other["size"] == 8
    assert first.tolist() == [[5.0, 5.5], [6.0, 6.5]]
    assert second.tolist() == [7.5, 8.0, 8.5]
    assert third.item() == pytest.approx((4.0 + 17.0) / 2.0)


def test_gradients_are_averaged_and_flags_of_any_process_count(monkeypatch: pytest.MonkeyPatch) -> None:
    model = torch.nn.Linear(2, 1)
    model.weight.grad, model.bias.grad = torch.tensor([[2.0, 4.0]]), None

    def all_reduce(flat: object) -> None:
        flat += torch.tensor([4.0, 0.0, 0.0, 1.0, 0.0])[: len(flat)]  # type: ignore[arg-type, operator, misc]

    monkeypatch.setattr(module.distributed, "all_reduce", all_reduce)
    assert Ranks(0, 2).average_gradients(model, (False, False, True)) == (False, True, True)
    assert model.weight.grad.tolist() == [[3.0, 2.0]]
    assert model.bias.grad is None


def test_one_process_averages_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.distributed, "all_reduce", None)
    model = torch.nn.BatchNorm1d(2)
    assert Ranks().average_gradients(model, (True, False)) == (True, False)
    Ranks().average_statistics(model)


def test_statistics_are_averaged_and_counters_are_not(other: dict[str, object]) -> None:
    model = torch.nn.BatchNorm1d(2)
    Ranks(1, 2).average_statistics(model)
    assert other["size"] == 4
    assert model.running_mean.tolist() == [5.0, 5.5]
    assert model.running_var.tolist() == [6.5, 7.0]
    assert model.num_batches_tracked.item() == 0


def test_shares() -> None:
    assert Ranks(1, 3).share(12, "it") == 4
    assert Ranks().share(7, "it") == 7
    with pytest.raises(ConfigError, match="it is 13, which 3 processes cannot share equally"):
        Ranks(0, 3).share(13, "it")
    assert Ranks(0, 2).first
    assert not Ranks(1, 2).first


def test_joining_and_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []
    monkeypatch.setattr(module.distributed, "init_process_group", began.append)
    monkeypatch.setattr(module.distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(module.distributed, "get_world_size", lambda: 4)
    monkeypatch.setattr(module.distributed, "barrier", lambda: began.append("barrier"))
    monkeypatch.setattr(module.os, "_exit", lambda code: began.append(f"exit {code}"))
    for world in (None, "1"):
        monkeypatch.delenv("WORLD_SIZE", raising=False)
        if world is not None:
            monkeypatch.setenv("WORLD_SIZE", world)
        assert join_ranks(torch.device("cpu")) == Ranks()
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert join_ranks(torch.device("cpu")) == Ranks(1, 4)
    assert join_ranks(torch.device("cuda")) == Ranks(1, 4)
    assert began == ["gloo", "nccl"]
    leave_ranks(Ranks())
    assert began == ["gloo", "nccl"]
    leave_ranks(Ranks(1, 4))
    assert began[2:] == ["barrier", "exit 0"]
