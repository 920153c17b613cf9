# SPDX-License-Identifier: Apache-2.0
"""Table and picture of a calibration, from a solution that is known."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from dancepose.trainer.calibration.calibration_plot import VIEWS, _draw, plot_markers
from dancepose.trainer.calibration.calibration_report import calibration_report, format_calibration, provenance, split
from dancepose.trainer.calibration.frame_fitting import unknowns_at
from dancepose.trainer.calibration.solve import Calibration, CalibrationSettings, CalibrationSolution
from dancepose.trainer.calibration.unknowns import PoseUnknowns
from dancepose.trainer.training_errors import ConfigError
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.markers import MarkerSet, joint_markers
from dancepose_addon.core.skeleton.sequence import KeypointSequence


def sequence(name: str) -> KeypointSequence:
    points = np.random.default_rng(0).normal(size=(4, 24, 3)).astype(np.float32)
    return KeypointSequence(points, 25.0, SMPL24, source=f"folder/{name}")


def solution(error_m: np.ndarray, clip: list[int]) -> CalibrationSolution:
    clips, count = max(clip) + 1, len(clip)
    nothing = torch.zeros(count, 24, 3)
    scale = torch.log(torch.tensor([1.1, 0.9])[:clips])
    poses = PoseUnknowns(
        torch.tensor(clip), torch.eye(3).expand(count, 3, 3), nothing, nothing[:, 0], scale,
        torch.tensor([[0.5, -0.25], [1.0, 0.0]])[:clips],
    )  # fmt: skip
    places = unknowns_at(np.zeros((24, 3), np.float32), np.eye(24, dtype=np.float32))
    return CalibrationSolution(places, poses, error_m.astype(np.float32), np.array(clip))


@pytest.fixture
def found() -> Calibration:
    """Residuals of 1 mm in clip a, 3 mm in clip b; 6 mm held out; the head 10 mm more. Heads are 7 mm off the skin."""
    learned = np.repeat([[0.001], [0.003], [0.003], [0.003]], 24, axis=1)
    held = np.full((2, 24), 0.006)
    learned[:, 15] += 0.010
    held[:, 15] += 0.010
    weights = np.eye(24, dtype=np.float32)
    weights[15, [12, 15]] = 0.25, 0.75
    skin = np.zeros(24, np.float32)
    skin[15] = 0.007
    markers = MarkerSet(SMPL24, weights, np.zeros((24, 3), np.float32), "print")
    return Calibration(markers, solution(learned, [0, 1, 1, 1]), solution(held, [0, 0]), skin)


LEARNING, CHECKING = [sequence("a"), sequence("b")], [sequence("c")]
MEAN = (1 + 3 * 3) / 4 + 10 / 24


def test_report(found: Calibration) -> None:
    report = calibration_report(found, LEARNING, CHECKING, CalibrationSettings(seed=5))
    assert {key: report[key] for key in ("layout", "body_fingerprint", "seed", "frames")} == {
        "layout": "smpl24", "body_fingerprint": "print", "seed": 5, "frames": 4,
    }  # fmt: skip
    assert report["mean_residual_mm"] == pytest.approx(MEAN, abs=2e-3)
    assert report["held_out_mean_residual_mm"] == pytest.approx(6.0 + 10 / 24, abs=2e-3)
    assert report["points"]["head"] == {
        "residual_mm": 12.5, "held_out_mm": 16.0, "outside_skin_mm": 7.0, "rides_on": {"neck": 0.25, "head": 0.75},
    }  # fmt: skip
    assert report["points"]["pelvis"]["residual_mm"] == 2.5
    assert report["clips"] == {
        "a": {"residual_mm": pytest.approx(1 + 10 / 24, abs=2e-3), "scale": 1.1, "betas": [0.5, -0.25]},
        "b": {"residual_mm": pytest.approx(3 + 10 / 24, abs=2e-3), "scale": 0.9, "betas": [1.0, 0.0]},
    }
    assert list(report["held_out_clips"]) == ["c"]
    text = format_calibration(report).splitlines()
    assert text[0] == "point              residual  held out  off skin  mm; attached to"
    assert "head                   12.5      16.0       7.0  neck 0.25, head 0.75" in text
    assert text[-1] == f"Mean residual {MEAN:.2f} mm over 4 frames; 6.42 mm on held-out clips (c)."
    said = provenance(found, LEARNING, CalibrationSettings(seed=5))
    assert said == (
        f"dancepose calibrate, seed 5: 4 frames of 2 clips, mean residual {MEAN:.2f} mm, 6.42 mm on held-out clips"
    )


def test_unusual_results_are_named(found: Calibration) -> None:
    found.learned.poses.log_scale[0] = float(np.log(1.4))
    found.learned.poses.betas[1, 0] = -5.5
    found.skin_m[[4, 15]] = 0.07, 0.13
    report = calibration_report(found, LEARNING, CHECKING, CalibrationSettings())
    first, second, third = report["notices"]
    assert first.startswith(
        f"a gave a body of {1.4 * load_body().height_m:.2f} m with betas up to 0.5, which is unusual"
    )
    assert second.startswith(f"b gave a body of {0.9 * load_body().height_m:.2f} m with betas up to 5.5")
    assert third.startswith("Points far outside the skin: left_knee by 70 mm, head by 130 mm.")
    assert format_calibration(report).splitlines()[-3:] == [f"Note: {notice}" for notice in report["notices"]]


def test_report_with_none_held_out(found: Calibration) -> None:
    alone = Calibration(found.markers, found.learned, None, found.skin_m)
    report = calibration_report(alone, LEARNING, [], CalibrationSettings())
    assert (report["held_out_mean_residual_mm"], report["held_out_clips"]) == (None, {})
    assert report["points"]["head"]["held_out_mm"] is None
    text = format_calibration(report).splitlines()
    assert "head                   12.5                 7.0  neck 0.25, head 0.75" in text
    assert text[-1] == f"Mean residual {MEAN:.2f} mm over 4 frames."
    assert provenance(alone, LEARNING, CalibrationSettings()).endswith(f"mean residual {MEAN:.2f} mm")


def test_clips_are_held_out_by_name() -> None:
    clips = [sequence(name) for name in "abc"]
    learning, checking = split(clips, ("b",))
    assert [Path(clip.source).name for clip in learning] == ["a", "c"]
    assert [Path(clip.source).name for clip in checking] == ["b"]
    assert split(clips, ()) == (clips, [])
    with pytest.raises(ConfigError, match=r"q, z: no such clip\. There are: a, b, c\."):
        split(clips, ("z", "a", "q"))
    with pytest.raises(ConfigError, match="Every clip is held out"):
        split(clips, ("a", "b", "c"))


def test_points_are_drawn_on_the_body(body: BodyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All joints from the front, of the close-ups those within reach; a point inside is hollow, one before it not."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, _path, **_options: figures.append(figure))
    markers = joint_markers(SMPL24)
    offsets = markers.offsets_m.copy()
    offsets[15] = [0.0, 0.0, 0.4]  # the head's point is before the face
    plot_markers(MarkerSet(SMPL24, markers.weights, offsets, body.fingerprint), body, tmp_path / "some.png")
    axes = figures[0].axes
    assert [each.get_title() for each in axes] == [view.title for view in VIEWS]
    joints = body.rest_joints() + np.eye(24)[:, [15]] * [0.0, 0.0, 0.4]
    middle = (body.v_template_m.min(axis=0) + body.v_template_m.max(axis=0)) / 2
    front = {text.get_text(): text.xy for text in axes[0].texts}
    assert list(front) == [str(index) for index in range(24)]
    for index in range(24):
        assert front[str(index)] == pytest.approx((joints[index] - middle)[:2], abs=1e-5)
    from_left = {text.get_text(): text.xy for text in axes[1].texts}
    assert from_left["15"] == pytest.approx([middle[2] - joints[15, 2], joints[15, 1] - middle[1]], abs=1e-5)
    back = {text.get_text(): text.xy for text in axes[2].texts}
    assert back["16"] == pytest.approx([middle[0] - joints[16, 0], joints[16, 1] - middle[1]], abs=1e-5)
    top = axes[5]
    centre = body.rest_joints()[JOINT_INDEX["left_elbow"]]
    near = [index for index in range(24) if np.abs(joints[index] - centre).max() <= 0.35]
    assert [text.get_text() for text in top.texts] == [f"{index} {SMPL24.keypoints[index]}" for index in near]
    seen = {text.get_text(): text.xy for text in top.texts}
    assert seen["20 left_wrist"] == pytest.approx([joints[20, 0] - centre[0], centre[2] - joints[20, 2]], abs=1e-5)
    assert top.get_xlim() == pytest.approx((-0.35, 0.35))
    hollow = [line.get_markerfacecolor() == "none" for line in axes[0].lines]
    assert hollow == [index != 15 for index in range(24)]
    faces = axes[0].collections[0].get_paths()
    triangle = body.v_template_m[body.faces]
    normal = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
    facing = (normal[:, 2] > 0) & (np.abs((triangle - middle)[..., :2]).max(axis=(1, 2)) < 1.3)
    assert len(faces) == facing.sum()
    # Nearer faces are drawn later, and brighter if they face the viewer.
    unit = normal[facing] / np.linalg.norm(normal[facing], axis=1, keepdims=True)
    flat = (triangle[facing] - middle)[..., :2].reshape(-1, 6).round(4)
    known = {row.tobytes(): index for index, row in enumerate(flat)}
    drawn = [known[path.vertices[:3].astype(np.float32).reshape(6).round(4).tobytes()] for path in faces]
    depth = triangle[facing, :, 2].mean(axis=1)[drawn]
    assert (np.diff(depth) > -1e-6).all()
    shades = axes[0].collections[0].get_facecolor()[:, 0]
    assert shades == pytest.approx(0.45 + 0.5 * unit[drawn, 2], abs=1e-4)


def test_points_up_to_3_cm_behind_the_skin_are_not_hidden(body: BodyModel) -> None:
    """Before the skin's nearest corner within 3 cm, 2 cm and 4 cm behind it; and beyond the picture's edge."""
    ends = body.v_template_m.min(axis=0), body.v_template_m.max(axis=0)
    middle = (ends[0] + ends[1]) / 2
    triangle = body.v_template_m[body.faces]
    facing = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])[:, 2] > 0
    chest = body.rest_joints()[JOINT_INDEX["spine3"]]
    corners = triangle[facing].reshape(-1, 3)
    beside = np.linalg.norm(corners[:, :2] - chest[:2], axis=1) < 0.03
    front = corners[beside, 2].max()
    points = np.full((24, 3), 5.0, np.float32)
    points[:4] = chest
    points[:4, 2] = front + np.array([0.1, -0.02, -0.04, 0.0])
    points[3, 0] = middle[0] + 1.001
    axes = Figure().subplots()
    _draw(axes, VIEWS[0], joint_markers(SMPL24), points, body)
    assert [line.get_markerfacecolor() == "none" for line in axes.lines] == [False, False, True]
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2"]
