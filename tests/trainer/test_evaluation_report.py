# SPDX-License-Identifier: Apache-2.0
"""Text and pictures of an evaluation, from errors that are known."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dancepose.trainer.evaluation import evaluation_plot
from dancepose.trainer.evaluation.evaluation_plot import plot_errors, plot_frames
from dancepose.trainer.evaluation.evaluation_report import format_evaluation, write_evaluation
from dancepose.trainer.evaluation.regressor_metrics import ClipErrors
from dancepose_addon.core.body.model import JOINT_NAMES
from dancepose_addon.core.skeleton.layouts import SMPL24


def clip(name: str, frames_mm: list[float], *, rotation_deg: float | None = None) -> ClipErrors:
    """Each frame's error is the same in all points; the target's left is at +x, 1 m from the right."""
    error = np.repeat(np.array(frames_mm, np.float32)[:, None], 24, axis=1) / 1000.0
    target = np.zeros((len(error), 24, 3), np.float32)
    target[:, list(SMPL24.left), 0], target[:, list(SMPL24.right), 0] = 0.5, -0.5
    target[..., 1] = 1.0
    known = None if rotation_deg is None else np.full((len(error), 24), rotation_deg, np.float32)
    vertex = None if known is None else np.zeros(len(error), np.float32)
    return ClipErrors(name, 1.0, error, np.zeros(len(error), bool), target + 0.1, target, known, vertex)


def row(name: str, *, known: bool) -> dict[str, object]:
    table = {"frames": 40, "mean_mm": 1.5, "p95_frame_mm": 2.5, "worst_frame": 7, "worst_frame_mm": 3.5, "scale": 1.0}
    assert name
    return {**table, "rotation_deg": 4.5, "pve_mm": 5.5} if known else table


@pytest.mark.parametrize("known", [False, True])
def test_text(*, known: bool) -> None:
    part = {"frames": 1, "mean_mm": 6.5, "rotation_deg": 7.5, "pve_mm": 8.5}
    table = {
        **row("all", known=known),
        "by_clip": {"a": row("a", known=known), "longer": row("longer", known=known)},
        "forward": part,
        "backward": {**part, "frames": 39},
        "by_point_mm": {"low": 1.0, "high": 3.0, "middle": 2.0},
        "by_joint_deg": {"elbow": 1.0, "knee": 9.0},
    }
    lines = format_evaluation("known" if known else "recorded", table).splitlines()
    more = ["degrees", "PVE mm"] if known else []
    cells = ["4.5", "5.5"] if known else []
    assert lines[0] == f"{'Motion with known rotations' if known else 'Recorded key-points'}, regressor alone:"
    heads = ["clip", "frames", "mean mm", "95 % mm", "worst", "worst mm", *more]
    assert lines[1] == "  " + heads[0].ljust(6) + "".join(head.rjust(10) for head in heads[1:])
    for line, name, worst in zip(lines[2:5], ("a", "longer", "all"), ("7", "7", ""), strict=True):
        assert line == "  " + name.ljust(6) + "".join(
            cell.rjust(10) for cell in ("40", "1.5", "2.5", worst, "3.5", *cells)
        )
    said = ", 7.5 degrees, PVE 8.5 mm" if known else ""
    assert lines[5:8] == [
        f"  facing +z: 6.5 mm over 1 frame{said}",
        f"  facing away: 6.5 mm over 39 frames{said}",
        "  by point, mm: high 3.0, middle 2.0, low 1.0",
    ]
    assert lines[8:] == (["  by joint, degrees: knee 9.0, elbow 1.0"] if known else [])


def test_files(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    written = write_evaluation([clip("a", [1.0, 2.0])], {"some": 1}, SMPL24, folder, "known")
    assert written == {
        "known numbers": folder / "known.json",
        "known errors": folder / "known-errors.png",
        "known frames": folder / "known-frames.png",
    }
    assert json.loads((folder / "known.json").read_text(encoding="utf-8")) == {"some": 1}
    assert {path.name for path in folder.iterdir()} == {"known.json", "known-errors.png", "known-frames.png"}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures in place of the files that they would be written to."""
    figures: list[Figure] = []

    def keep(figure: Figure, path: Path) -> Path:
        figures.append(figure)
        return path

    monkeypatch.setattr(evaluation_plot, "save_figure", keep)
    return figures


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_worst_and_median_frames(shown: list[Figure]) -> None:
    clips = [clip("a", [1, 2, 3, 90, 80]), clip("b", [4, 5, 60, 6, 7]), clip("c", [8, 9, 10, 11, 50])]
    plot_frames(clips, SMPL24, Path("f.png"))
    assert titles(shown[0]) == [
        "worst: a, frame 3\n90.0 mm", "worst: b, frame 2\n60.0 mm", "worst: c, frame 4\n50.0 mm",
        # 15 frames in order: 1 2 3 4 5 6 7 8 ...; 49 to 51 % of 0 to 14 are 6.86, 7 and 7.14.
        "median: b, frame 4\n7.0 mm", "median: c, frame 0\n8.0 mm", "median: c, frame 0\n8.0 mm",
    ]  # fmt: skip
    plot_frames([clip("a", [1, 2, 3, 90, 80], rotation_deg=12.5), clip("b", [70, 3])], SMPL24, Path("f.png"))
    assert titles(shown[1])[:3] == [
        "worst: a, frame 3\n90.0 mm, 12.5 degrees", "worst: a, frame 4\n80.0 mm, 12.5 degrees",
        "worst: b, frame 0\n70.0 mm",
    ]  # fmt: skip


def markers(axes: Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    return [line.get_data() for line in axes.lines if line.get_marker() == "o"]


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, 200.0])
def test_the_dancer_is_drawn_from_its_own_front_and_left(shown: list[Figure], turn_deg: float) -> None:
    """However it faces, its left is on the right of the picture; seen from its left, its front is on the left."""
    one = clip("a", [1.0, 1.0, 1.0])
    nose = np.array([0.0, 1.3, 0.4], np.float32)
    one.target_m[:, 15] = nose
    sine, cosine = np.sin(np.radians(turn_deg)), np.cos(np.radians(turn_deg))
    turn = np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]], np.float32)
    turned = ClipErrors("a", 1.0, one.error_m, one.backward, one.target_m @ turn.T, one.target_m @ turn.T)
    plot_frames([turned], SMPL24, Path("f.png"))
    front, left = shown[0].axes[0], shown[0].axes[3]
    assert (front.get_xlabel(), left.get_xlabel()) == ("from the front", "from its left")
    centre = one.target_m[0].mean(axis=0)
    moved = one.target_m[0] - centre
    for x, y in markers(front):
        assert x == pytest.approx(moved[:, 0], abs=1e-5)
        assert y == pytest.approx(moved[:, 1], abs=1e-5)
    for x, y in markers(left):
        assert x == pytest.approx(-moved[:, 2], abs=1e-5)
        assert y == pytest.approx(moved[:, 1], abs=1e-5)
    assert len(markers(front)) == 2
    assert len(front.lines) == 2 * (len(SMPL24.edges) + 1)
    first, second = SMPL24.edges[0]
    assert front.lines[0].get_xdata() == pytest.approx(moved[[first, second], 0], abs=1e-5)
    assert [front.lines[0].get_color(), front.lines[-1].get_color()] == ["0.6", "tab:red"]
    assert len(shown[0].axes) == 12
    assert front.get_xlim() == (-1.1, 1.1)
    assert front.get_ylim() == (-1.2, 1.2)


def test_bars_of_errors(shown: list[Figure]) -> None:
    first, second = clip("a", [1.0, 3.0], rotation_deg=2.0), clip("b", [8.0], rotation_deg=5.0)
    first.error_m[:, 4] += 0.003
    plot_errors([first, second], SMPL24, Path("f.png"))
    by_clip, spread, by_point, by_joint = shown[0].axes
    assert [bar.get_width() for bar in by_clip.patches] == pytest.approx([2.125, 8.0])
    assert sum(bar.get_height() for bar in spread.patches) == 3
    assert len(spread.patches) == 60
    points = [bar.get_width() for bar in by_point.patches]
    assert points[3:6] == pytest.approx([4.0, 6.0, 4.0])
    assert [bar.get_width() for bar in by_joint.patches] == pytest.approx([3.0] * len(JOINT_NAMES))
    assert by_joint.axison
    plot_errors([first, clip("b", [8.0])], SMPL24, Path("f.png"))
    assert not shown[1].axes[3].axison
    assert not shown[1].axes[3].patches
