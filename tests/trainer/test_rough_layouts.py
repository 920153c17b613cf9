# SPDX-License-Identifier: Apache-2.0
"""Calibration of skin markers that a layout attaches to joints without saying where: the body keeps its size."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dancepose.trainer.calibration.solve import CalibrationSettings, calibrate
from dancepose_addon.core.body.model import JOINT_INDEX, BodyModel, skin
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.support.samples import waltz

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MARKERS = {
    "LSHO": ("left_shoulder", (0.03, 0.06, 0.0)),
    "LELB": ("left_elbow", (0.0, 0.0, -0.05)),
    "LWRA": ("left_wrist", (0.0, 0.02, 0.03)),
    "C7": ("neck", (0.0, -0.02, -0.08)),
    "STRN": ("spine3", (0.0, -0.05, 0.12)),
    "LASI": ("pelvis", (0.1, 0.03, 0.1)),
    "SACR": ("pelvis", (0.0, 0.03, -0.13)),
    "LKNE": ("left_knee", (0.06, 0.0, 0.02)),
    "LANK": ("left_ankle", (0.05, 0.0, 0.0)),
    "LTOE": ("left_foot", (0.02, 0.02, 0.05)),
    "LHEA": ("head", (0.08, 0.1, 0.0)),
    "LTHI": ("left_hip", (0.1, -0.2, 0.03)),
}
EDGES = ("LSHO-LELB", "LELB-LWRA", "LSHO-C7", "C7-STRN", "C7-SACR", "SACR-LASI", "LASI-LTHI", "LTHI-LKNE", "LKNE-LANK",
         "LANK-LTOE", "C7-LHEA")  # fmt: skip


def other(text: str) -> str:
    return text.replace("left_", "right_") if "_" in text else "R" + text[1:] if text.startswith("L") else text


def both_sides() -> dict[str, tuple[str, np.ndarray]]:
    left = {name: (joint, np.array(offset)) for name, (joint, offset) in MARKERS.items()}
    return (
        left
        | {other(name): (other(joint), offset * [-1, 1, 1]) for name, (joint, offset) in left.items()}
        | {name: left[name] for name in left if other(name) == name}
    )


def layout_text(markers: dict[str, tuple[str, np.ndarray]]) -> str:
    edges = dict.fromkeys(edge for pair in EDGES for edge in (pair, "-".join(map(other, pair.split("-")))))
    pairs = ", ".join(str(edge.split("-")).replace("'", '"') for edge in edges)
    head = [
        'format = "dancepose-layout-1"', 'title = "Studio"', f"edges = [{pairs}]", 'left = ["LSHO", "LASI"]',
        'right = ["RSHO", "RASI"]', 'top = ["LHEA", "RHEA"]', 'bottom = ["LTOE", "RTOE"]',
    ]  # fmt: skip
    points = []
    for name, (joint, _) in markers.items():
        mirror = "L" + name[1:] if name.startswith("R") else other(name)
        points.append(f'[[points]]\nname = "{name}"\nattached_to = "{joint}"\nmirror = "{mirror}"')
    return "\n".join([*head, *points])


def test_bodies_keep_their_size(body: BodyModel, tmp_path: Path) -> None:
    markers = both_sides()
    (tmp_path / "studio.toml").write_text(layout_text(markers))
    rest = body.rest_joints()
    places = [rest[JOINT_INDEX[joint]] + offset for joint, offset in markers.values()]
    chosen = np.array([np.argmin(np.linalg.norm(body.v_template_m - place, axis=1)) for place in places])
    motion = waltz()
    pose, place = motion.pose.astype(np.float32), motion.translation.astype(np.float32)
    points = skin(body, pose, translation_m=place, vertices=chosen)
    assert points is not None
    points = points + np.random.default_rng(0).normal(scale=0.001, size=points.shape)
    clip = KeypointSequence(points.astype(np.float32), 25.0, get_layout(str(tmp_path / "studio.toml")), source="clip")
    found = calibrate([clip], body, CalibrationSettings(frames=100, steps=200))
    assert float(found.learned.poses.log_scale[0].exp()) == pytest.approx(1.0, abs=0.1)
    assert float(found.learned.poses.betas.abs().max()) < 1.5
    error_m = np.linalg.norm(found.markers.rest_points(rest) - body.v_template_m[chosen], axis=1)
    started_m = np.linalg.norm([offset for _, offset in markers.values()], axis=1)
    assert error_m.mean() < 0.6 * started_m.mean()
