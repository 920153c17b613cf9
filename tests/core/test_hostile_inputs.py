# SPDX-License-Identifier: Apache-2.0
"""Files made by hand to freeze, fill or crash a reader: refused in one sentence, quickly and in little memory."""

import io
from pathlib import Path
import pickle
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.io.opening import open_source
from dancepose_addon.core.skeleton.recording import Hints
from tests.support.samples import NAMINGS, bvh_text, cut, npz_bytes, waltz

MOST_BYTES = 200 << 20


class Bomb:
    """What a pickle must never do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def npy(shape: str) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def many_joints(count: int) -> str:
    joints = "\n".join("JOINT a\n{\nOFFSET 0 1 0\nCHANNELS 3 Xrotation Yrotation Zrotation" for _ in range(count))
    return (
        f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\n{joints}\n" + "}\n" * (count + 1) + "MOTION\nFrames: 1\nFrame Time: 1\n"
    )


def torch_of(pickled: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", b"\x00" * 64)
    return out.getvalue()


def tensor(shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """A tensor over 16 numbers."""
    head = b"\x80\x02}X\x04\x00\x00\x00posectorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
    head += b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x10tQK\x00"
    return head + pickle.dumps(shape, 2)[2:-1] + pickle.dumps(stride, 2)[2:-1] + b"\x89}tRs."


HOSTILE = {
    "never_allocated.npy": npy("(0, 9223372036854775807, 3)"),
    "bool_shape.npy": npy("(True, 22, 3)"),
    "no_channels.bvh": b"HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n}\nMOTION\nFrames: 999999999\nFrame Time: 0.03\n",
    "many_joints.bvh": many_joints(20_000).encode(),
    "long_title.csv": ("a" + "._:/-" * 20_000 + ",b" * 20 + "\n1,2\n").encode(),
    "huge_integer.json": ('{"length": 1, "center": [[0,0,1' + "0" * 4000 + ']], "skeletons": [[[1,2,3]]]}').encode(),
    "huge_integers.json": ("[[[" + "9" * 400 + ",1,2]]]").encode(),
    "deep.json": b"[" * 100_000,
    "zip_bomb.pkl": zlib.compress(b"\x80\x04" + b"\x00" * (64 << 20)),
    "wide_tensor.pt": torch_of(tensor((100_000, 100_000), (0, 0))),
    "tensor_beyond.pt": torch_of(tensor((40, 72), (72, 1))),
    "negative_stride.pt": torch_of(tensor((4, 4), (-4, 1))),
    "bomb.pt": torch_of(pickle.dumps(Bomb(), 2)),
    "bomb.joblib": zlib.compress(pickle.dumps(Bomb(), 4)),
    "doubled.pkl": b"\x80\x02]" + b"2\x86" * 60 + b".",
    "doubled.joblib": zlib.compress(b"\x80\x02K\x01" + b"2\x86" * 60 + b"K\x01s."),
    "deep_tuples.pkl": zlib.compress(b"\x80\x02)" + b"\x85" * 200_000 + b"."),
    "amc_without_asf.amc": b":FULLY-SPECIFIED\n1\nroot 0 0 0 0 0 0\n",
    "many_bodies.skeleton": b"99999\n99999\n",
    "motive.csv": b"Format Version,1.23\n" + b"," * 100_000 + b"\nFrame,Time\n",
    "nexus.csv": b"Trajectories\n100\n,,A,,\nFrame,Sub Frame,X,Y,Z\n,,mm,mm,mm\n",
    "all_nan.npy": b"",
    "layout_path.npz": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    data = HOSTILE[name]
    if name == "all_nan.npy":
        np.save(path, np.full((30, 72), np.nan))
    elif name == "layout_path.npz":
        path.write_bytes(npz_bytes({"keypoints_m": np.zeros((3, 22, 3)), "fps": 30, "layout": "/etc/passwd"}))
    else:
        path.write_bytes(data)
    body = load_body()
    begun = time.process_time()
    with pytest.raises(DancePoseError) as refusal:
        open_source(path, body=body, hints=Hints(fps=25.0))
    seconds = time.process_time() - begun
    # Tracing takes several times as long, so the memory of a second call is traced.
    tracemalloc.start()
    try:
        with pytest.raises(DancePoseError):
            open_source(path, body=body, hints=Hints(fps=25.0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < 2.0
    assert peak < 20 * len(data) + MOST_BYTES
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1500
    assert "executed" not in capsys.readouterr().out


def test_objects_beside_the_arrays_are_left_out_and_never_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    motion = cut(waltz(), 20)
    table = {"poses": np.zeros((20, 72)) + 0.01, "trans": motion.translation, "extra": Bomb()}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(table))
    assert len(open_source(tmp_path / "a.pkl", body=load_body(), hints=Hints(fps=25.0))) == 20
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("JOINT LeftUpLeg", "JOINT Left Up Leg"), ("End Site", "EndSite"), ("HIERARCHY", "\ufeffHIERARCHY"),
        ("MOTION", "# a comment\nMOTION"), ("CHANNELS 3 Z", "CHANNELS 6 Xscale Yscale Zscale Z"),
    ],
)  # fmt: skip
def test_dialects_of_bvh_are_read(tmp_path: Path, old: str, new: str) -> None:
    text = bvh_text(cut(waltz(), 5), NAMINGS["mixamo"], unit=100.0, order="ZXY")
    assert old in text
    if "scale" in new:  # every joint but the root has three more numbers
        head, _, tail = text.partition("Frame Time:")
        head = head.replace(old, new)
        time_text, *rows = tail.strip().splitlines()
        wide = []
        for row in rows:
            numbers = row.split()
            wide.append(
                " ".join(
                    [*numbers[:6], *(f"1 1 1 {' '.join(numbers[at : at + 3])}" for at in range(6, len(numbers), 3))]
                )
            )
        text = "\n".join([f"{head}Frame Time: {time_text}", *wide]) + "\n"
    else:
        text = text.replace(old, new)
    (tmp_path / "a.bvh").write_text(text, encoding="utf-8")
    opened = open_source(tmp_path / "a.bvh", body=load_body())
    assert len(opened) == 5
