# SPDX-License-Identifier: Apache-2.0
"""A checkpoint that can be read but whose contents cannot be used is refused with a sentence."""

from collections.abc import Callable
import copy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from dancepose.export.to_onnx import Truths, export_run
from dancepose.trainer.checkpoint import CHECKPOINT_NAME, load_checkpoint
from dancepose.trainer.config import load_config
from dancepose.trainer.data.batches import TrainingData, load_data
from dancepose.trainer.loop import TrainOptions, train
from dancepose.trainer.run_state import new_run_state
from dancepose.trainer.training_errors import CheckpointError
from tests.support.bodies import synthetic_body

BODY = synthetic_body(3)
IDENTITY = {"name": BODY.name, "fingerprint": BODY.fingerprint}
CONFIG = load_config(
    "smoke", ("data.procedural_poses=64", "model.width=32", "optim.batch=32", "optim.steps=12", "optim.ema_decay=0.9")
)
WRONG: tuple[Any, ...] = (None, "x", 5, {}, [])
KEYS = ("config", "step", "generator", "average", "discriminator", "state", "markers", "body", "summary")
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return load_data(CONFIG, BODY, motion=(), poses=None)


@pytest.fixture(scope="module")
def table(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = train(CONFIG, data, BODY, tmp_path_factory.mktemp("run"), TrainOptions(limit_steps=1))
    return dict(torch.load(path, weights_only=True))


def resume(path: Path, data: TrainingData) -> None:
    new_run_state(CONFIG, data.layout_batch, "cpu").restore(path, body=IDENTITY, summary=data.summary)


def start(path: Path, data: TrainingData) -> None:
    new_run_state(CONFIG, data.layout_batch, "cpu").start_from(path, data.layout_batch.layouts)


def export(path: Path, _data: TrainingData) -> None:
    export_run(load_checkpoint(path), BODY, path.with_suffix(".onnx"), truths=Truths())


def changed(table: dict[str, Any], folder: Path, change: Change) -> Path:
    other = copy.deepcopy(table)
    change(other)
    path = folder / CHECKPOINT_NAME
    torch.save(other, path)
    return path


def replaced(path: tuple[Any, ...], value: object) -> Change:
    """Replace the value at a path of keys."""

    def change(table: dict[str, Any]) -> None:
        for key in path[:-1]:
            table = table[key]
        table[path[-1]] = value

    return change


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_its_type(key: str, table: dict[str, Any], data: TrainingData, tmp_path: Path) -> None:
    for value in WRONG:
        path = changed(table, tmp_path, replaced((key,), value))
        for use in (resume, start, export):
            with pytest.raises(CheckpointError, match=r"run\.pt is not a valid checkpoint \(.*\)\. Train again\."):
                use(path, data)
    path = changed(table, tmp_path, lambda other: other.pop(key))
    with pytest.raises(CheckpointError, match=rf"is not a valid checkpoint \(it has no {key}\)"):
        load_checkpoint(path)


NESTED = {
    "a name in markers": ("markers", 0),
    "points of markers": ("markers", 0, "points"),
    "layout of markers": ("markers", 0, "layout"),
    "name of the body": ("body", "name"),
    "fingerprint of the body": ("body", "fingerprint"),
    "poses of the summary": ("summary", "natural_poses"),
    "source of the summary": ("summary", "natural_source"),
    "notes of the summary": ("summary", "natural_notes"),
    "held out of the summary": ("summary", "natural_held_out"),
    "twist of the summary": ("summary", "twist_model"),
    "another entry of the summary": ("summary", "other"),
    "a weight": ("generator", "decoder.weight"),
    "an averaged weight": ("average", "decoder.weight"),
}


@pytest.mark.parametrize("path", NESTED.values(), ids=NESTED)
def test_every_entry_has_its_type(
    path: tuple[Any, ...], table: dict[str, Any], data: TrainingData, tmp_path: Path
) -> None:
    holder = table
    for key in path[:-1]:
        holder = holder[key]
    sound = holder.get(path[-1], torch.zeros(3)) if isinstance(holder, dict) else holder[path[-1]]
    wrong = [value for value in (*WRONG, torch.zeros(3)) if type(value) is not type(sound)]
    for value in [torch.zeros(3)] if path[-1] == "other" else wrong:
        file = changed(table, tmp_path, replaced(path, value))
        for use in (resume, start, export):
            with pytest.raises(CheckpointError, match="is not a valid checkpoint"):
                use(file, data)


STATE = {
    "optimiser": ("optimiser_g",),
    "groups": ("optimiser_g", "param_groups"),
    "a group": ("optimiser_g", "param_groups", 0),
    "a rate": ("optimiser_g", "param_groups", 0, "lr"),
    "moments": ("optimiser_g", "state"),
    "moments of the discriminator": ("optimiser_d", "state"),
    "an entry": ("optimiser_d", "state", 0),
    "steps": ("optimiser_g", "state", 0, "step"),
    "a moment": ("optimiser_g", "state", 0, "exp_avg"),
    "another moment": ("optimiser_d", "state", 0, "exp_avg_sq"),
    "schedule": ("schedule",),
    "step of the schedule": ("schedule", "last_epoch"),
    "random numbers": ("rng",),
}


@pytest.mark.parametrize("path", STATE.values(), ids=STATE)
def test_the_state_of_a_resumed_run(
    path: tuple[Any, ...], table: dict[str, Any], data: TrainingData, tmp_path: Path
) -> None:
    for value in (*WRONG, torch.zeros(3), torch.zeros(3, dtype=torch.uint8), -1.0, float("nan")):
        if path[-1] != "lr" or not isinstance(value, int):
            file = changed(table, tmp_path, replaced(("state", *path), value))
            with pytest.raises(CheckpointError, match="is not a valid checkpoint"):
                resume(file, data)
    noise = torch.full_like(table["state"]["rng"], 255)
    with pytest.raises(CheckpointError, match=r"for this device: .* or is damaged\. Resume"):
        resume(changed(table, tmp_path, replaced(("state", "rng"), noise)), data)


@pytest.mark.parametrize("part", ["generator", "average", "discriminator"])
def test_weights_fit_the_networks(part: str, table: dict[str, Any], data: TrainingData, tmp_path: Path) -> None:
    key = next(iter(table[part]))
    weight = table[part][key]
    changes: dict[str, Change] = {
        "is not there": lambda other: other[part].pop(key),
        "of shape (3, 3)": replaced((part, key), torch.zeros(3, 3)),
        "float64": replaced((part, key), weight.double()),
        "is not an array": replaced((part, key), weight.to_sparse()),
        "not a weight of this": replaced((part, "more"), weight),
    }
    # The average is what other runs begin with and what is exported.
    uses = {"generator": (resume,), "average": (resume, start, export), "discriminator": (resume, start)}[part]
    for said, change in changes.items():
        path = changed(table, tmp_path, change)
        for use in uses:
            with pytest.raises(CheckpointError, match="is not a valid checkpoint") as refusal:
                use(path, data)
            assert f"{part}." in str(refusal.value)
            assert said in str(refusal.value)


@pytest.mark.parametrize("content", [[], {}, None, torch.zeros(3), {"format": None}, {"format": [1] * 999}])
def test_other_contents(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / CHECKPOINT_NAME)
    with pytest.raises(CheckpointError, match=r"is not a valid checkpoint|has format .{1,80}; expected") as refusal:
        load_checkpoint(tmp_path)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("layout", ["smpl24", "md23+smpl24"])
def test_weights_of_other_layouts_are_no_start(layout: str, table: dict[str, Any], tmp_path: Path) -> None:
    path = changed(table, tmp_path, lambda _: None)
    other = load_config(
        "smoke", ("data.procedural_poses=64", "model.width=32", "optim.batch=32", f"data.layout={layout}")
    )
    with pytest.raises(CheckpointError) as refusal:
        train(other, load_data(other, BODY, motion=(), poses=None), BODY, tmp_path / "b", TrainOptions(start=path))
    assert str(refusal.value) == (
        f"{path} was trained on layout md23; this run has {layout} (data.layout). Set data.layout to the same, or "
        "train without --start."
    )
