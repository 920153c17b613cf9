# SPDX-License-Identifier: Apache-2.0
"""Places in a picture are not taken for points in space, whatever is written in place of their depth."""

import json
from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import DoubtError
from dancepose_addon.core.skeleton.flat_points import find_flat
from dancepose_addon.core.skeleton.layouts import get_layout
from dancepose_addon.core.skeleton.readers import read
from dancepose_addon.core.skeleton.recording import Hints
from tests.support.samples import cut, points_of, waltz

POINTS = points_of(cut(waltz(), 60), "coco17")
PIXELS = POINTS[..., :2] * [200.0, -200.0] + [640.0, 500.0]
SCORES = np.random.default_rng(1).uniform(0.5, 1.0, (*POINTS.shape[:2], 1))


@pytest.mark.parametrize(
    ("places", "third"),
    [
        (PIXELS, SCORES),
        (PIXELS, 0.0 * SCORES),
        (PIXELS / [1280.0, 720.0], SCORES),
        (POINTS[..., :2], 0.0 * SCORES),
    ],
    ids=["pixels and scores", "pixels and zeros", "shares and scores", "metres and zeros"],
)
def test_pictures_are_refused(places: np.ndarray, third: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.concatenate([places, third], axis=-1))
    with pytest.raises(DoubtError, match="places in a picture, and 3D points are needed"):
        read(tmp_path / "a.npy", layout="coco17", fps=25.0)
    assert len(read(tmp_path / "a.npy", layout="coco17", fps=25.0, hints=Hints(accept_doubt=True))) == 60


def test_results_of_coco_detectors_are_refused(tmp_path: Path) -> None:
    flat = np.concatenate([PIXELS, SCORES], axis=-1).reshape(60, -1)
    rows = [
        {"image_id": f"{frame:06d}.jpg", "category_id": 1, "keypoints": row.tolist(), "score": 2.9}
        for frame, row in enumerate(flat)
    ]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with pytest.raises(DoubtError, match="places in a picture"):
        read(tmp_path / "a.json", fps=25.0)


@pytest.mark.parametrize("layout", ["coco17", "h36m17", "smpl24", "md23"])
def test_bodies_have_depth_from_every_side(layout: str) -> None:
    points = points_of(cut(waltz(), 60), layout).astype(np.float64)
    rest = load_body().rest_joints().astype(np.float64)[None]
    for degrees in range(0, 180, 15):
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turned = points @ np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
        assert find_flat(turned, get_layout(layout)) is None
        # Scaled to [0, 1] along each axis, with noise.
        low, high = turned.min(axis=(0, 1)), turned.max(axis=(0, 1))
        shares = (turned - low) / (high - low).max()
        noisy = shares + np.random.default_rng(0).normal(scale=0.003, size=shares.shape)
        assert find_flat(np.clip(noisy, 0.0, 1.0), get_layout(layout)) is None
    assert find_flat(rest, get_layout("smpl24")) is None
