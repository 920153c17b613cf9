# SPDX-License-Identifier: Apache-2.0
"""What is asked of a regressor, decision by decision: every how many frames, of which points, and in which style."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.fit import reference_poses as choices

PLAIN: dict[str, Any] = {"refine": 3, "smooth": 0.0, "adapt": False, "betas": None, "style": None}


class Asked:
    """Replaces what ``reference_poses`` calls, and remembers it."""

    def __init__(self, patch: pytest.MonkeyPatch, *, twist: bool, own: bool, bones: bool, decided: bool) -> None:
        self.points: Any = None
        self.stride = 0
        self.done: list[str] = []
        model = object() if twist else None
        patch.setattr(choices, "twist_of", lambda *_: (model, own))
        patch.setattr(choices, "seen_joints", lambda _: SimpleNamespace(any_bone=bones))
        patch.setattr(choices, "decided", lambda *_: decided)
        patch.setattr(choices, "_sparsely", self.sparsely)
        patch.setattr(choices, "for_table", self.keep("table"))
        patch.setattr(choices, "restyle", lambda _rest, reference, *_, **__: self.keep("restyled")(reference))
        patch.setattr(choices, "open_ends", lambda _: None)
        patch.setattr(choices, "smooth_prepared", lambda _raw, **_: SimpleNamespace(points_m="smoothed"))
        patch.setattr(choices, "blind_joints", lambda *_: None)
        patch.setattr(choices, "steady_reference", self.keep("steadied"))
        patch.setattr(choices, "_between", self.keep("between"))

    def keep(self, name: str) -> Any:
        def call(reference: Any, *_: Any, **__: Any) -> Any:
            self.done.append(name)
            return reference

        return call

    def sparsely(self, _regressor: Any, points: Any, stride: int) -> tuple[Any, Any]:
        self.points, self.stride = points, stride
        return "poses", np.arange(3)


def ask(
    patch: pytest.MonkeyPatch, *, noise_m: float = 0.001, gaps: bool = False, fps: float = 25.0, twist: bool = True,
    own: bool = False, bones: bool = False, decided: bool = False, **settings: Any,
) -> Asked:  # fmt: skip
    asked = Asked(patch, twist=twist, own=own, bones=bones, decided=decided)
    raw = SimpleNamespace(points_m=np.zeros((40, 5, 3)), noise_m=noise_m, gaps=gaps, seen=None)
    prepared = SimpleNamespace(points_m="prepared")
    body = SimpleNamespace(rest_joints=lambda: None)
    found, _ = choices.reference_poses(
        SimpleNamespace(info=SimpleNamespace(markers=None)), body, None, raw, prepared,
        SimpleNamespace(**{**PLAIN, **settings}), fps,
    )  # fmt: skip
    assert found == "poses"
    return asked


@pytest.mark.parametrize(
    "settings",
    [{"smooth": 0.5}, {"adapt": True}, {"betas": (1.0,)}, {"refine": 0}],
    ids=["smooth", "adapt", "betas", "alone"],
)
def test_where_points_decide_few_frames_are_asked(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    asked = ask(monkeypatch, decided=True)
    assert isinstance(asked.points, np.ndarray)
    assert (asked.stride, asked.done) == (choices.SPARSE_STRIDE, ["between"])
    other = ask(monkeypatch, decided=True, **settings)
    assert (other.points, "table" in other.done) == ("prepared", True)


@pytest.mark.parametrize(
    ("noise_m", "settings", "points"),
    [
        (0.0019, {}, "prepared"), (0.0021, {}, "smoothed"), (0.0021, {"smooth": 1.0}, "prepared"),
        (0.0021, {"refine": 0}, "prepared"),
    ],
)  # fmt: skip
def test_noisy_points_are_smoothed_for_the_regressor(
    monkeypatch: pytest.MonkeyPatch, noise_m: float, settings: dict[str, Any], points: str
) -> None:
    asked = ask(monkeypatch, noise_m=noise_m, **settings)
    assert asked.points == points
    assert ("steadied" in asked.done) is (noise_m > 0.002)
    assert ("between" in asked.done) is (noise_m < 0.002)


@pytest.mark.parametrize(
    ("fps", "stride"), [(5.0, 1), (25.0, round(choices.PRIOR_S * 25.0)), (1000.0, choices.PRIOR_STRIDE), (1.0, 1)]
)
def test_a_prior_is_asked_a_few_times_a_second(monkeypatch: pytest.MonkeyPatch, fps: float, stride: int) -> None:
    asked = ask(monkeypatch, fps=fps)
    assert asked.stride == max(1, min(choices.PRIOR_STRIDE, stride))
    assert asked.done == ["table", "restyled", "between"]


@pytest.mark.parametrize(
    "change", [{"refine": 0}, {"own": True}, {"twist": False}, {"gaps": True}, {"noise_m": 0.01}, {"bones": True}]
)
def test_otherwise_every_frame_is_asked(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    asked = ask(monkeypatch, **change)
    assert asked.stride == 1
    assert ("restyled" in asked.done) is not bool(change.get("own") or change.get("twist") is False)
    assert ("steadied" in asked.done) is bool(change.get("gaps") or change.get("noise_m"))
