# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames: which files are whole, and what a run that continues does with them."""

from pathlib import Path
import struct
import zlib

import numpy as np
import pytest

from dancepose_addon.core.camera_framing import frame_points
from dancepose_addon.core.errors import Cancelled


def png(width: int, height: int, grey: int = 90) -> bytes:
    """A PNG by hand, after the specification (ISO/IEC 15948)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes([grey]) * 3 * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def tiny_scene(blender):
    """A scene that Cycles renders in no time: 16 pixels square."""
    from dancepose_addon.blender.render import engines, rendering

    shot = frame_points(np.zeros((1, 3)), front=np.array([0.0, 0.0, 1.0]), aspect=1.0)
    scene = blender.context.scene
    scene.camera = blender.data.objects.new("Eye", blender.data.cameras.new("Eye"))
    scene.collection.objects.link(scene.camera)
    rendering.set_up_picture(scene, width=16, height=16, fps=25.0)
    engines.set_up_engine(scene, engines.Engine("cycles"), shot)
    return scene


def test_whole_pictures_are_told_from_damaged_ones(blender, tmp_path: Path):
    from dancepose_addon.blender.render.rendering import is_whole_png

    good, path = png(20, 10), tmp_path / "a.png"
    path.write_bytes(good)
    assert is_whole_png(path, width=20, height=10)
    assert not is_whole_png(path, width=10, height=20)
    assert not is_whole_png(tmp_path / "none.png", width=20, height=10)
    damaged = bytearray(good)
    damaged[45] ^= 1
    longer_by_hand = good[:-12] + b"\x00"
    for wrong in (b"", good[:8], good[:30], good[:-1], good[:-12], good + b"\x00", bytes(damaged), longer_by_hand):
        path.write_bytes(wrong)
        assert not is_whole_png(path, width=20, height=10), len(wrong)


def test_a_run_renders_what_is_missing_and_nothing_else(tiny_scene, tmp_path: Path):
    from dancepose_addon.blender.render.rendering import frame_path, is_whole_png, render_frames

    assert render_frames(tiny_scene, folder=tmp_path, count=4) == 4
    kept = frame_path(tmp_path, 0)
    kept.write_bytes(png(16, 16, grey=200))
    frame_path(tmp_path, 2).write_bytes(frame_path(tmp_path, 2).read_bytes()[:-5])
    frame_path(tmp_path, 3).unlink()
    assert render_frames(tiny_scene, folder=tmp_path, count=4) == 2
    assert kept.read_bytes() == png(16, 16, grey=200)
    assert all(is_whole_png(frame_path(tmp_path, index), width=16, height=16) for index in range(4))
    assert len(list(tmp_path.iterdir())) == 4


def test_a_run_that_is_stopped_keeps_whole_frames_only(tiny_scene, tmp_path: Path):
    from dancepose_addon.blender.render.rendering import render_frames

    def stop(fraction: float, _message: str) -> None:
        if fraction >= 0.5:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        render_frames(tiny_scene, folder=tmp_path, count=4, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.png", "000001.png"]


def test_the_key_names_what_a_picture_depends_on(blender, body, wild_motion):
    from dataclasses import replace

    from dancepose_addon.blender.render.engines import Engine
    from dancepose_addon.blender.render.rendering import render_key
    from dancepose_addon.core.camera_framing import CameraPath, frame_motions

    cycles = Engine("cycles")

    def key(motion=wild_motion, model=body, engine=cycles, width=640, fps=25.0):
        shot = frame_motions([(body, wild_motion)], aspect=1.0)
        return render_key([motion], model, CameraPath(shot), engine, width=width, height=640, fps=fps)

    moved = wild_motion.translation_m.copy()
    moved[3, 1] += 1e-3
    painted = replace(body.surface, rgba=body.surface.rgba * np.float32(0.9))
    keys = {
        key(),
        key(motion=replace(wild_motion, translation_m=moved)),
        key(motion=replace(wild_motion, scale=1.0)),
        key(model=replace(body, surface=painted)),
        key(engine=Engine("workbench")),
        key(engine=Engine("cycles", samples=8)),
        key(width=320),
        key(fps=30.0),
    }
    assert len(keys) == 8
    assert key() == key()
    assert key(engine=Engine("cycles", notices=("said",))) == key()
