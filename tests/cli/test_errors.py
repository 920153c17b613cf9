# SPDX-License-Identifier: Apache-2.0
"""Expected failures: one sentence on stderr, exit code 1, nothing left behind. Usage: 2."""

from collections.abc import Callable
import json
from pathlib import Path
import pickle
import re
from typing import Any

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import DEFAULT_BODY
from dancepose_addon.core.fit.regressor import METADATA_KEY, RegressorInfo
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import joint_markers

from .conftest import Dancepose, Outcome

WriteDance = Callable[[Any], Path]


def assert_one_sentence(outcome: Outcome, out: Path, *words: str) -> None:
    """The contract of every expected failure."""
    assert outcome.code == 1, outcome
    assert "Traceback" not in outcome.err + outcome.out
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1, lines
    assert re.fullmatch(r"dancepose: \S.*[.]", lines[0])
    for word in words:
        assert word in lines[0]
    assert not out.exists()
    leftovers = [path.name for path in out.parent.iterdir() if ".part" in path.name]
    assert leftovers == []


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "motion.npz"


def test_missing_file(dancepose: Dancepose, out: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert_one_sentence(dancepose("fit", missing, "--out", out), out, str(missing), "does not exist")


def test_truncated_json(dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any]) -> None:
    folder = write_dance(json.dumps(dance_table)[:5000])
    assert_one_sentence(dancepose("fit", folder, "--out", out), out, "skeletons.json", "truncated")


def test_nan_frames_are_named(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any]
) -> None:
    """Holes are bridged; of more than a second without any point nothing can be known."""
    for frame in (0, *range(3, 29)):
        dance_table["skeletons"][frame] = [[float("nan")] * 3] * 23
    outcome = dancepose("fit", write_dance(dance_table), "--out", out)
    assert_one_sentence(outcome, out, "NaN", "27 of 30", "frames 0, 3-28")


def test_too_many_betas(dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any]) -> None:
    outcome = dancepose("fit", write_dance(dance_table), "--betas", ",".join(["0.5"] * 12), "--out", out)
    assert_one_sentence(outcome, out, "12 betas", "the body has 10")


def test_comparing_what_is_no_motion(dancepose: Dancepose, out: Path, tmp_path: Path) -> None:
    missing, other = tmp_path / "none.npz", tmp_path / "other.npz"
    np.savez(other, poses=np.zeros((4, 72)))
    assert_one_sentence(dancepose("compare", missing, other), out, "none.npz", "does not exist")
    assert_one_sentence(dancepose("compare", other, other), out, "other.npz", "frame rate")


def test_zero_frames(dancepose: Dancepose, out: Path, write_dance: WriteDance) -> None:
    folder = write_dance({"length": 0, "center": [], "skeletons": []})
    assert_one_sentence(dancepose("fit", folder, "--out", out), out, "zero frames")


def test_22_points_where_23_are_expected(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any]
) -> None:
    dance_table["skeletons"] = [frame[:22] for frame in dance_table["skeletons"]]
    outcome = dancepose("fit", write_dance(dance_table), "--out", out)
    assert_one_sentence(outcome, out, "22 key-points", "md23 needs 23")


def test_24_points_name_the_layout_that_fits(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any]
) -> None:
    dance_table["skeletons"] = [[*frame, [0.0, 0.0, 0.0]] for frame in dance_table["skeletons"]]
    outcome = dancepose("fit", write_dance(dance_table), "--out", out)
    assert_one_sentence(outcome, out, "24 key-points", "fits: smpl24")


def test_frames_outside_the_clip(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any]
) -> None:
    outcome = dancepose("fit", write_dance(dance_table), "--frames", "40:50", "--out", out)
    assert_one_sentence(outcome, out, "40:50", "30 frames")


def test_onnx_file_of_another_layout(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any], tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    info = RegressorInfo(SMPL24, joint_markers(SMPL24), "", "none", "matrix", "CC0", "joints")
    tensors = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["T", 24, 3])
        for name in ("keypoints", "pose_rotmat")
    ]
    node = onnx.helper.make_node("Identity", ["keypoints"], ["pose_rotmat"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", tensors[:1], tensors[1:]))
    onnx.helper.set_model_props(model, {METADATA_KEY: info.to_json()})
    path = tmp_path / "joints.onnx"
    onnx.save(model, path)
    outcome = dancepose("fit", write_dance(dance_table), "--regressor", path, "--out", out)
    assert_one_sentence(outcome, out, "smpl24", "md23")


@pytest.mark.parametrize("content", [b"", b"not protobuf at all, by any reading of it"])
def test_file_that_is_no_onnx(
    content: bytes,
    dancepose: Dancepose,
    out: Path,
    write_dance: WriteDance,
    dance_table: dict[str, Any],
    tmp_path: Path,
) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    outcome = dancepose("fit", write_dance(dance_table), "--regressor", path, "--out", out)
    assert_one_sentence(outcome, out, "broken.onnx")


def test_body_that_is_not_smpl_shaped(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any], tmp_path: Path
) -> None:
    body = tmp_path / "body.npz"
    np.savez(body, v_template=np.zeros((10, 3)), f=np.zeros((4, 3), int))
    outcome = dancepose("fit", write_dance(dance_table), "--body", body, "--out", out)
    assert_one_sentence(outcome, out, "not an SMPL-format body", "shapedirs", "kintree_table")


def test_body_with_other_joints(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any], tmp_path: Path
) -> None:
    count, joints = 20, 52  # SMPL+H
    body = tmp_path / "smplh.npz"
    np.savez(
        body,
        v_template=np.zeros((count, 3)),
        f=np.zeros((4, 3), int),
        shapedirs=np.zeros((count, 3, 10)),
        J_regressor=np.zeros((joints, count)),
        weights=np.zeros((count, joints)),
        kintree_table=np.zeros((2, joints), int),
    )
    outcome = dancepose("fit", write_dance(dance_table), "--body", body, "--out", out)
    assert_one_sentence(outcome, out, "52 joints", "SMPLH", "parent of joint 4 is 0, expected 1")


class Hostile:
    """Unpickling an instance creates the file of its name."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_hostile_pickle_runs_nothing(
    dancepose: Dancepose, out: Path, write_dance: WriteDance, dance_table: dict[str, Any], tmp_path: Path
) -> None:
    mark = tmp_path / "executed"
    body = tmp_path / "SMPL_NEUTRAL.pkl"
    body.write_bytes(pickle.dumps({"v_template": Hostile(mark)}))
    outcome = dancepose("fit", write_dance(dance_table), "--body", body, "--out", out)
    assert_one_sentence(outcome, out, "SMPL_NEUTRAL.pkl")
    assert not mark.exists()
    pickle.loads(body.read_bytes())  # the file is indeed hostile
    assert mark.exists()


def test_result_that_cannot_be_written(
    dancepose: Dancepose, write_dance: WriteDance, dance_table: dict[str, Any], tmp_path: Path
) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    out = blocker / "motion.npz"
    outcome = dancepose("fit", write_dance(dance_table), "--out", out)
    assert outcome.code == 1
    assert outcome.err.count("dancepose: ") == 1
    assert str(out) in outcome.err
    assert "--out" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("fit",), "SOURCE"),
        (("fit", "x", "--out", "y.npz", "--frames", "five"), "A:B"),
        (("fit", "x", "--out", "y.npz", "--fps", "-1"), "fps"),
        (("fit", "x", "--out", "y.npz", "--betas", "tall"), "betas"),
        (("fit", "x", "--out", "y.npz", "--betas", "0.5,nan"), "betas"),
        (("fit", "x", "--out", "y.npz", "--smooth", "-1"), "smooth"),
        (("compare", "a.npz"), "B"),
        (("render", "x", "--out", "y.mp4", "--frames", "1-5"), "A:B"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_usage_mistakes_leave_with_2(arguments: tuple[str, ...], word: str, dancepose: Dancepose) -> None:
    outcome = dancepose(*arguments)
    assert outcome.code == 2
    assert word in outcome.err


def test_version_is_the_manifests(dancepose: Dancepose, root: Path) -> None:
    outcome = dancepose("--version")
    manifest = (root / "blender_manifest.toml").read_text(encoding="utf-8")
    assert outcome.code == 0
    assert re.fullmatch(r"dancepose (\d+\.\d+\.\d+)\n", outcome.out)
    assert f'version = "{outcome.out.split()[1]}"' in manifest


def test_default_body_is_where_errors_say(root: Path) -> None:
    assert DEFAULT_BODY.is_file()
    assert DEFAULT_BODY.is_relative_to(root)


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "x", "--out", "y.npz", "--refine", "1e9"),
        ("fit", "x", "--out", "y.npz", "--refine", "101"),
        ("fit", "x", "--out", "y.npz", "--device", "tpu"),
        ("fit", "x", "--out", "y.npz", "--read", "values=maybe"),
        ("fit", "x", "--out", "y.npz", "--layout", "zzz"),
        ("layout", "check", "zzz"),
        ("poses", "x", "--out", "y.npz", "--apart", "nan"),
        ("study", "run", "x.toml", "--executor", "zzz"),
        ("study", "run", "x.toml", "--workers", "a"),
        ("convert", "x"),
        ("fit", "--nonsense"),
        ("study",),
    ],
)
def test_usage_errors_are_one_sentence_in_plain_words(
    arguments: tuple[str, ...], dancepose: Dancepose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "skeletons.json").write_text("{}", encoding="utf-8")
    outcome = dancepose(*arguments)
    assert outcome.code == 2, outcome
    assert outcome.err.strip().splitlines()[-1].startswith("dancepose: ")
    assert "Input should" not in outcome.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]
