# SPDX-License-Identifier: Apache-2.0
"""Decisions of the refinement: which frames are refined, with how many steps, and what is coupled, one by one."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.fit import refinement
from dancepose_addon.core.fit.pose.pose_problem import RefineSettings
from dancepose_addon.core.fit.stages import FitState

FRAMES = 40


def prepared(*, noise_m: float = 0.001, gaps: tuple[Any, ...] = (), frames: int = FRAMES) -> Any:
    points = np.zeros((frames, 24, 3), np.float32)
    return SimpleNamespace(
        points_m=points,
        confidence=np.ones((frames, 24), np.float32),
        seen=np.ones((frames, 24), bool),
        noise_m=noise_m,
        gaps=gaps,
    )


@pytest.mark.parametrize(
    ("twist", "trunk", "gaps", "noise_m", "decided"),
    [
        (True, True, (), 0.0019, True), (False, True, (), 0.0019, False), (True, False, (), 0.0019, False),
        (True, True, (1,), 0.0019, False), (True, True, (), 0.002, False),
    ],
)  # fmt: skip
def test_when_every_rotation_is_decided(
    noise_m: float, gaps: tuple[Any, ...], *, twist: bool, trunk: bool, decided: bool
) -> None:
    seen: Any = SimpleNamespace(whole_trunk=trunk)
    model: Any = object() if twist else None
    assert refinement.decided(seen, prepared(noise_m=noise_m, gaps=gaps), model) is decided


class Asked:
    """Replaces the solvers, and remembers frames and settings."""

    def __init__(self, patch: pytest.MonkeyPatch, away_m: np.ndarray, *, bones: bool = False) -> None:
        self.refined: list[tuple[list[int], int, float]] = []
        self.coarse: list[float] = []
        self.swung = False
        self.bridged = False
        shape: Any = SimpleNamespace(
            rest_joints=lambda _: np.zeros((24, 3), np.float32), sized_markers=lambda: None, markers=None
        )
        self.state = FitState(
            shape, np.zeros((len(away_m), 24, 3, 3), np.float32), np.zeros((len(away_m), 3), np.float32)
        )
        patch.setattr(FitState, "keypoints", lambda *_: None)
        patch.setattr(refinement, "seen_joints", lambda _: SimpleNamespace(any_bone=bones, whole_trunk=True))
        patch.setattr(refinement, "per_point_error_m", lambda *_: np.repeat(away_m[:, None], 24, axis=1))
        patch.setattr(refinement, "_refined_at", self.refine)
        patch.setattr(refinement, "_coarse_to_fine", self.whole)
        patch.setattr(refinement, "_mended", lambda fitted, *_, **__: fitted)
        patch.setattr(refinement, "_held", lambda fitted, *_: fitted)
        patch.setattr(refinement, "swing", self.swing)
        patch.setattr(refinement, "open_ends", lambda _: None)
        patch.setattr(refinement, "blind_joints", lambda *_: None)
        patch.setattr(refinement, "bridge_corrections", self.bridge)

    def refine(
        self, frames: Any, fitted: Any, _body: Any, _reference: Any, _prepared: Any, settings: Any, _progress: Any
    ) -> Any:
        self.refined.append((frames.tolist(), settings.steps, settings.noise_m))
        return fitted

    def whole(self, fitted: Any, _body: Any, _reference: Any, _prepared: Any, settings: Any, *_: Any) -> Any:
        self.coarse.append(settings.noise_m)
        return fitted

    def swing(self, _rest: Any, pose: Any, translation: Any, *_: Any, **__: Any) -> Any:
        self.swung = True
        return pose, translation

    def bridge(self, pose: Any, *_: Any) -> Any:
        self.bridged = True
        return pose


def run(
    patch: pytest.MonkeyPatch, far: int, *, bones: bool = False, twist: Any = None, off_m: float = 0.0011, **more: Any
) -> Asked:
    away = np.zeros(FRAMES)
    away[:far] = off_m
    asked = Asked(patch, away, bones=bones)
    body: Any = None
    refinement.refine_to_keypoints(
        asked.state, body, asked.state.pose, prepared(**more), RefineSettings(noise_m=0.0005, limit_m_per_rad=0.0),
        fps=25.0, twist=twist,
    )  # fmt: skip
    return asked


def test_few_frames_are_refined_alone_and_many_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of the frames, of those that are more than a millimetre off; the noise is that of the points."""
    few = run(monkeypatch, 8, noise_m=0.003)
    assert few.refined == [(list(range(8)), refinement.STEPS_ALONE, 0.003)]
    assert few.coarse == []
    many = run(monkeypatch, 9, noise_m=0.0001)
    assert (many.refined, many.coarse) == ([], [0.0005])
    none = run(monkeypatch, 40, off_m=0.0009)
    assert (none.refined, none.coarse) == ([], [])


def test_bones_are_swung_where_points_are_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, 0, bones=True, noise_m=0.0019).swung
    assert not run(monkeypatch, 0, bones=True, noise_m=0.002).swung
    assert not run(monkeypatch, 0, noise_m=0.0019).swung
    assert run(monkeypatch, 0, gaps=(1,)).bridged
    assert not run(monkeypatch, 0).bridged


def test_frames_that_do_not_meet_their_points_get_a_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean over the points that are seen, 2 mm; unseen ones do not count."""
    away = np.full((4, 24), 0.0019)
    away[1] = 0.0021
    away[2, :12] = 0.05
    asked = Asked(monkeypatch, np.zeros(4))
    monkeypatch.setattr(refinement, "per_point_error_m", lambda *_: away)
    some = prepared(frames=4)
    some.seen[2, :12] = False
    some.seen[3] = False
    body: Any = None
    refinement._steadied(
        asked.state, body, some, RefineSettings(noise_m=0.0005, limit_m_per_rad=0.0, steps=3), lambda *_: None
    )
    assert asked.refined == [([1], 3, 0.002)]
