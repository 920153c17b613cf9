# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines on a machine where one of them truly cannot start."""

import numpy as np
import pytest

from dancepose_addon.core.camera_framing import frame_points
from dancepose_addon.core.errors import EngineError


@pytest.fixture
def without_egl(monkeypatch: pytest.MonkeyPatch) -> None:
    """No OpenGL for processes started from here: Workbench aborts there, Cycles does not need it."""
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent")
    monkeypatch.delenv("DISPLAY", raising=False)


def test_an_engine_that_aborts_is_passed_over_with_a_notice(blender, without_egl):
    from dancepose_addon.blender.render.engines import choose_engine

    engine = choose_engine("workbench")
    assert engine.name == "cycles"
    assert engine.notices[0].startswith("Rendering with Cycles, because Workbench was killed by signal")
    assert choose_engine("cycles").notices == tuple(engine.notices[1:])


def test_former_names_of_engines_stay_readable(blender):
    from dancepose_addon.blender.render.engines import engine_named

    assert [engine_named(name) for name in ("study", "preview")] == ["cycles", "workbench"]
    names = ["auto", "cycles", "workbench", "eevee"]
    assert [engine_named(name) for name in names] == names
    with pytest.raises(EngineError, match=r"'unreal' is not a render engine\. Use one of auto, cycles, workbench"):
        engine_named("unreal")


def test_eevee_runs_on_a_gpu_only(blender):
    """Where OpenGL is software, Cycles renders instead; where there is a GPU, its name is the device."""
    from dancepose_addon.blender.render.engines import choose_engine

    engine = choose_engine("eevee")
    if engine.name == "eevee":
        assert "llvmpipe" not in engine.device
    else:
        assert engine.name == "cycles"
        assert engine.notices[0].startswith("Rendering with Cycles, because EEVEE has no GPU here")


def test_eevee_is_known_to_this_blender(blender):
    from dancepose_addon.blender.render.engines import IDENTIFIERS, Engine, set_up_engine

    scene = blender.context.scene
    shot = frame_points(np.zeros((1, 3)), front=np.array([0.0, 0.0, 1.0]), aspect=1.0)
    set_up_engine(scene, Engine("eevee", "some GPU", samples=8), shot)
    assert scene.render.engine == IDENTIFIERS["eevee"]
    assert scene.eevee.taa_render_samples == 8


def test_no_engine_in_time(blender):
    from dancepose_addon.blender.render.engines import choose_engine

    with pytest.raises(EngineError, match=r"Cycles did not render.*Workbench did not render"):
        choose_engine("auto", timeout_s=0.01)


def test_fewer_samples_only_where_a_denoiser_ran(blender):
    from dancepose_addon.blender.render.engines import (
        SAMPLES_CPU_DENOISED,
        SAMPLES_CPU_PLAIN,
        choose_engine,
        set_up_engine,
    )

    engine = choose_engine("cycles")
    scene = blender.context.scene
    shot = frame_points(np.zeros((1, 3)), front=np.array([0.0, 0.0, 1.0]), aspect=1.0)
    set_up_engine(scene, engine, shot)
    assert scene.cycles.use_denoising == engine.denoiser
    if engine.device == "CPU":
        assert scene.cycles.samples == (SAMPLES_CPU_DENOISED if engine.denoiser else SAMPLES_CPU_PLAIN)
        assert scene.cycles.device == "CPU"
