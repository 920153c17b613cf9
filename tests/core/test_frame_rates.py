# SPDX-License-Identifier: Apache-2.0
"""Frame rates that no motion has are refused by every reader, in one sentence."""

from dataclasses import replace
import json
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.errors import FormatError, InputError
from dancepose_addon.core.frame_rates import require_frame_rate
from dancepose_addon.core.skeleton.readers import open_recording, read
from dancepose_addon.core.skeleton.recording import Hints
from dancepose_addon.core.skeleton.sequence import validate

BAD = (0.0, -25.0, 1e-300, 1e-10, 0.0099, 1.0001e5, 1e300, float("nan"), float("inf"), float("-inf"))


@pytest.mark.parametrize("fps", BAD)
def test_a_rate_that_no_motion_has_is_one_short_sentence(fps: float) -> None:
    with pytest.raises(
        InputError, match=r"^clip.npz: the frame rate .* is not usable; .* from 0.01 to 100,000"
    ) as raised:
        require_frame_rate(fps, "clip.npz")
    assert len(str(raised.value)) < 140


@pytest.mark.parametrize("fps", [0.01, 1.0, 23.976, 960.0, 1e5])
def test_other_rates_are_kept(fps: float) -> None:
    assert require_frame_rate(fps) == fps


@pytest.mark.parametrize("fps", [1e-300, 1e-3, 1e6])
def test_files_of_such_rates_are_refused(fps: float, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "amass.npz"
    np.savez(path, poses=np.zeros((8, 72)), trans=np.zeros((8, 3)), betas=np.zeros(10), mocap_framerate=fps)
    with pytest.raises(InputError, match="not usable"):
        open_recording(path, Hints())
    points = tmp_path / "points.npz"
    np.savez(points, keypoints3d=np.random.default_rng(1).normal(size=(8, 24, 3)), fps=fps)
    with pytest.raises(InputError, match="not usable"):
        open_recording(points, Hints())
    arrays = {
        "poses": np.zeros((4, 72)), "trans": np.zeros((4, 3)), "betas": np.zeros(10), "rest_pelvis": np.zeros(3),
        "scale": 1.0, "mocap_framerate": fps, "provenance": json.dumps({}),
    }  # fmt: skip
    np.savez(tmp_path / "motion.npz", **arrays)
    with pytest.raises(FormatError, match="frames a second"):
        BodyMotion.load(tmp_path / "motion.npz")


@pytest.mark.parametrize("seconds", ["1e-30", "1e30", "0.000001"])
def test_frame_times_that_no_motion_has(seconds: str, tmp_path: Path) -> None:
    joint = "OFFSET 0 1 0\nCHANNELS 3 Xrotation Yrotation Zrotation\n"
    path = tmp_path / "a.bvh"
    path.write_text(
        f"HIERARCHY\nROOT Hips\n{{\n{joint}JOINT Head\n{{\n{joint}End Site\n{{\nOFFSET 0 1 0\n}}\n}}\n}}\n"
        f"MOTION\nFrames: 2\nFrame Time: {seconds}\n0 0 0 0 0 0\n0 0 0 0 0 0\n"
    )
    with pytest.raises(InputError, match="frame rate"):
        open_recording(path)


@pytest.mark.parametrize("fps", ["25", None, True, [25.0], 10**400, np.array([25.0, 25.0])])
def test_rates_that_are_no_numbers_are_one_sentence(fps: object) -> None:
    with pytest.raises(InputError, match=r"^The frame rate (is .*; expected a number|inf is not usable)"):
        require_frame_rate(fps)  # type: ignore[arg-type]


@pytest.mark.parametrize("fps", [np.int64(25), np.float32(25.0), np.uint8(25)])
def test_numbers_of_numpy_can_be_reported(fps: float, root: Path) -> None:
    sequence = replace(read(root / "examples" / "waltz"), fps=fps)
    assert json.dumps(validate(sequence).fps) == "25.0"
