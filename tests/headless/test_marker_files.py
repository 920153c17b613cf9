# SPDX-License-Identifier: Apache-2.0
"""C3D and TRC files of Plug-in Gait, OpenCap and Pose2Sim, generated here, from ``inspect`` to a video."""

from pathlib import Path

import pytest

from dancepose.cli.inspect import _interpreted, _next_step
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.readers import examine
from dancepose_addon.core.skeleton.recording import NO_HINTS
from tests.conftest import RunPython
from tests.support.samples import FPS, c3d_bytes, cut, points_of, trc_text, waltz

FRAMES = 8
OPENPOSE = {
    "nose": "Nose", "neck": "Neck", "mid_hip": "midHip", "big_toe": "BigToe", "small_toe": "SmallToe", "heel": "Heel",
    "shoulder": "Shoulder", "elbow": "Elbow", "wrist": "Wrist", "hip": "Hip", "knee": "Knee", "ankle": "Ankle",
}  # fmt: skip


def openpose_trc(*, unit: str, has_mid_hip: bool) -> str:
    """OpenCap's (metres, midHip) and Pose2Sim's (Hip) tables: OpenPose's names without separators, no face."""
    layout = get_layout("body25")
    titles, columns = [], []
    for point, name in enumerate(layout.keypoints):
        side, _, part = name.partition("_")
        sided = side in ("left", "right")
        own = OPENPOSE.get(part if sided else name)
        if own is not None:
            titles.append(f"{side[0].upper()}{own}" if sided else own if has_mid_hip or own != "midHip" else "Hip")
            columns.append(point)
    points = points_of(cut(waltz(), FRAMES), "body25")[:, columns] * (1000.0 if unit == "mm" else 1.0)
    count = len(columns)
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tclip.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"{FPS:g}\t{FPS:g}\t{FRAMES}\t{count}\t{unit}\t{FPS:g}\t1\t{FRAMES}",
        "Frame#\tTime\t" + "\t\t\t".join(titles) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{number + 1}" for number in range(count) for axis in "XYZ"),
    ]
    for frame, at in enumerate(points):
        cells = [str(frame + 1), f"{frame / FPS:.4f}", *(f"{value:.6f}" for value in at.ravel())]
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def content(name: str) -> bytes:
    if name == "gait.c3d":
        return c3d_bytes(cut(waltz(), FRAMES), "plugingait39")
    if name == "gait.trc":
        return trc_text(cut(waltz(), FRAMES), "plugingait39").encode()
    return openpose_trc(unit="m", has_mid_hip=name == "opencap.trc").encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layout"),
    [("gait.c3d", "plugingait39"), ("gait.trc", "plugingait39"), ("opencap.trc", "body25"), ("pose2sim.trc", "body25")],
)
def test_marker_files_become_a_video(tmp_path: Path, run_bpy: RunPython, root: Path, name: str, layout: str) -> None:
    if name.endswith(".c3d"):
        pytest.importorskip("c3d", reason="the extra `formats` is not installed")
    path = tmp_path / name
    path.write_bytes(content(name))
    examination = examine(path)
    assert examination.interpretation is not None
    assert examination.interpretation.layout.name == layout
    findings, _ = _interpreted(examination, NO_HINTS)
    assert f"dancepose render {path}" in _next_step(path, examination, findings, NO_HINTS)
    out = tmp_path / "out.mp4"
    done = run_bpy(root / "render.py", path, f"--out={out}", "--engine=workbench", "--size=64x64", timeout=300)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 1000
