# SPDX-License-Identifier: Apache-2.0
"""What a checkpoint must hold. Every function raises a ValueError whose text says what is wrong."""

from collections.abc import Mapping
import json
import math
from typing import Any, Final

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from dancepose_addon.core.fit.pose.twist import TwistModel
from dancepose_addon.core.printable_text import shown_name
from dancepose_addon.core.skeleton.markers import MarkerSet

STEPPERS: Final = ("optimiser_g", "optimiser_d", "schedule")
"""Keys of ``state`` besides the random numbers."""
MOMENTS: Final = ("exp_avg", "exp_avg_sq")
"""What Adam keeps of each weight, besides the number of its steps."""


def require_contents(table: Mapping[str, Any]) -> None:
    """Check that every key is present and of its type.

    Args:
        table: The contents but for the settings.

    Raises:
        ValueError: A value is of another type, or cannot be used.
        FormatError: A marker table or the twist model is damaged.
        LayoutError: A marker table is of an unknown layout.
    """
    step, state = table["step"], table["state"]
    _require(_is_whole(step) and step >= 0, "step", "a number of steps")
    for name in ("generator", "average", "discriminator"):
        if table[name] is not None or name != "average":
            _require_weights(table[name], name)
    _require(isinstance(state, dict), "state", "a table")
    for name in STEPPERS:
        _require(isinstance(state.get(name), dict), f"state.{name}", "a table")
    reached = state["schedule"].get("last_epoch")
    _require(_is_whole(reached) and reached == step, "state.schedule.last_epoch", f"step {step}")
    rng = state.get("rng")
    _require(_is_dense(rng) and rng.dtype == torch.uint8, "state.rng", "a state of random numbers")
    for name in ("markers", "body", "summary"):
        _require_plain(table[name], name)
    _require(isinstance(table["markers"], list) and table["markers"], "markers", "a list of marker tables")
    for markers in table["markers"]:
        MarkerSet.from_json(markers, "markers")
    _require(isinstance(table["body"], dict), "body", "a table")
    for key in ("name", "fingerprint"):
        _require(isinstance(table["body"].get(key), str), f"body.{key}", "a text")
    _require_summary(table["summary"])


def require_fit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], name: str) -> None:
    """Check that weights fit a network.

    Args:
        expected: Weights of the network.
        found: Weights of the checkpoint.
        name: Their key, for messages.

    Raises:
        ValueError: A weight is missing, unknown, or of another shape or number format.
    """
    for key in (*expected, *found):
        where = f"{name}.{shown_name(key)}"
        _require(key in found, where, "there")
        _require(key in expected, where, "a weight of this network")
        shape, wanted = tuple(found[key].shape), tuple(expected[key].shape)
        if shape != wanted or found[key].dtype != expected[key].dtype:
            raise ValueError(f"{where} is {found[key].dtype} of shape {shape}, not {expected[key].dtype} of {wanted}")


def load_optimiser(optimiser: torch.optim.Optimizer, saved: Mapping[str, Any], name: str, *, used: bool) -> None:
    """Load the moments and the learning rates of an Adam optimiser. All else of it follows from the settings.

    Args:
        optimiser: Of the run that continues.
        saved: Its ``state_dict`` in the checkpoint.
        name: Its key, for messages.
        used: Whether it has made a step, so that every weight has moments.

    Raises:
        ValueError: The moments or learning rates do not fit the weights.
    """
    own = optimiser.state_dict()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    groups, moments = saved.get("param_groups"), saved.get("state")
    matches = isinstance(groups, list) and len(groups) == len(own["param_groups"])
    _require(matches, f"{name}.param_groups", f"a list of {len(own['param_groups'])} groups")
    for group, stored in zip(own["param_groups"], groups or (), strict=True):
        rate: Any = stored.get("lr") if isinstance(stored, dict) else None
        _require(_is_number(rate) and 0.0 <= rate < math.inf, f"{name}.param_groups.lr", "a learning rate")
        group["lr"] = rate
    _require(isinstance(moments, dict), f"{name}.state", "a table")
    assert moments is not None
    complete = set(moments) == set(range(len(parameters)))
    _require(complete or not (used or moments), f"{name}.state", f"a table of {len(parameters)} weights")
    for index, entry in moments.items():
        where = f"{name}.state.{index}"
        _require(isinstance(entry, dict) and set(entry) == {"step", *MOMENTS}, where, f"step, {' and '.join(MOMENTS)}")
        _require(_is_dense(entry["step"]) and entry["step"].shape == (), f"{where}.step", "one number")
        for key in MOMENTS:
            fits = _is_dense(entry[key]) and entry[key].shape == parameters[index].shape
            _require(fits and entry[key].is_floating_point(), f"{where}.{key}", "numbers for each entry of the weight")
    optimiser.load_state_dict({"state": moments, "param_groups": own["param_groups"]})


def load_schedule(schedule: LRScheduler, step: int) -> None:
    """Set a schedule to a step. All else of it follows from the settings and its optimiser, which is loaded before.

    Args:
        schedule: Of the run that continues.
        step: Number of steps done.
    """
    rates = [group["lr"] for group in schedule.optimizer.param_groups]
    schedule.load_state_dict(schedule.state_dict() | {"last_epoch": step, "_step_count": step + 1, "_last_lr": rates})


def _require(holds: object, key: str, expected: str) -> None:
    if not holds:
        raise ValueError(f"{key} is not {expected}")


def _require_weights(value: Any, name: str) -> None:
    _require(isinstance(value, dict) and value, name, "a table of weights")
    for key, weight in value.items():
        _require(isinstance(key, str), name, "a table of names")
        _require(_is_dense(weight), f"{name}.{shown_name(key)}", "an array")


def _require_summary(summary: Any) -> None:
    _require(isinstance(summary, dict), "summary", "a table")
    kinds: dict[str, Any] = {
        "natural_poses": int,
        "natural_source": str,
        "natural_notes": list,
        "natural_held_out": list,
    }
    kinds |= {"motion_frames": int, "train_clips": list, "procedural_share": (int, float), "twist_model": dict}
    needed = {"natural_poses", "natural_source"} | ({"train_clips"} if "motion_frames" in summary else set())
    for key, kind in kinds.items():
        if key in needed or key in summary:
            _require(isinstance(summary.get(key), kind), f"summary.{key}", "of its type")
        if kind is list:
            _require(all(isinstance(text, str) for text in summary.get(key, ())), f"summary.{key}", "a list of texts")
    if "twist_model" in summary:
        TwistModel.from_json(summary["twist_model"], "summary.twist_model")


def _require_plain(value: Any, name: str) -> None:
    try:
        json.dumps(value, sort_keys=True)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"{name} is not made of texts and numbers") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_dense(value: object) -> bool:
    """Whether a value is a tensor in memory that another can be filled from."""
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and not value.is_complex()
    )
