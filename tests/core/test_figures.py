# SPDX-License-Identifier: Apache-2.0
"""Figures: the drawn surface against the body that it follows."""

from collections.abc import Mapping
from pathlib import Path
import shutil
import sys

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.figure_file import ASSETS, FIGURES, MANNEQUIN, figure_of
from dancepose_addon.core.body.figure_uv import figure_uv, part_of_faces
from dancepose_addon.core.body.model import BodyModel, skin
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import BodyFileError


@pytest.fixture(scope="module", params=(*FIGURES, MANNEQUIN))
def figure(request: pytest.FixtureRequest) -> BodyModel:
    found = figure_of(load_body(None), request.param)
    assert found is not None
    return found


def used(body: BodyModel) -> np.ndarray:
    return np.unique(body.faces)


def test_joints_are_those_of_the_body(figure: BodyModel) -> None:
    body = load_body(None)
    betas = np.random.default_rng(1).normal(size=10).astype(np.float32)
    for shown, own in ((figure, body), (figure.full, body.full)):
        assert shown.tree is own.tree
        assert shown.rest_joints() == pytest.approx(own.rest_joints(), abs=1e-5)
        assert shown.rest_joints(betas) == pytest.approx(own.rest_joints(betas), abs=1e-5)


def test_the_surface_stays_near_the_body_in_any_pose_and_shape(figure: BodyModel) -> None:
    body = load_body(None)
    rng = np.random.default_rng(2)
    turns = Rotation.from_rotvec(rng.normal(0.0, 0.35, (3 * 24, 3))).as_matrix().reshape(3, 24, 3, 3)
    betas = rng.normal(size=10).astype(np.float32)
    own = skin(body, turns.astype(np.float32), betas=betas)
    drawn = skin(figure, turns.astype(np.float32), betas=betas)
    assert own is not None
    assert drawn is not None
    for inner, outer in zip(own, drawn, strict=True):
        away = cKDTree(inner).query(outer[used(figure)])[0]
        assert np.percentile(away, 98) < 0.055  # the bun, 1.2 % of the vertices, is farther off
        assert away.max() < 0.12
        # The soles are on the floor that the body stands on.
    rest = figure.v_template_m[used(figure), 1].min() - body.v_template_m[:, 1].min()
    assert abs(rest) < 0.004


def test_weights_and_materials_are_valid(figure: BodyModel) -> None:
    for shown in (figure, figure.full):
        assert np.allclose(shown.weights.sum(axis=1), 1.0, atol=1e-4)
        assert shown.surface is not None
        assert len(shown.surface.face_material) == len(shown.faces)
    assert figure.surface is not None
    present = {figure.surface.names[number] for number in np.unique(figure.surface.face_material)}
    if figure.figure == MANNEQUIN:
        assert present == {"body"}
        return
    assert {"skin", "hair", "brows", "lips", "lashes", "top", "trousers", "shoes", "soles", "iris"} <= present


def test_clothes_cover_the_joints_that_they_should(figure: BodyModel) -> None:
    """A ray from each joint to the front meets cloth, or skin on the hands."""
    surface = figure.surface
    assert surface is not None
    if figure.figure == MANNEQUIN:
        pytest.skip("a mannequin has no clothes")
    rest = figure.rest_joints().astype(np.float64)
    points = figure.v_template_m.astype(np.float64)
    for joint, wanted in ((1, "trousers"), (4, "trousers"), (9, "top"), (18, "top"), (22, "skin")):
        corners = points[figure.faces] - rest[joint] - np.array([0.003, 0.0, 0.0])
        axis = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
        signs = [
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] for a, b in ((corners[:, i], corners[:, i - 2]) for i in range(3))
        ]
        hit = (np.all(np.array(signs) > 0, axis=0) | np.all(np.array(signs) < 0, axis=0)) & (axis > 0)
        hit &= corners[:, :, 2].mean(axis=1) > 0
        first = np.flatnonzero(hit)[corners[hit][:, :, 2].mean(axis=1).argmax()]
        assert surface.names[surface.face_material[first]] in (wanted, "band"), joint


def test_the_uv_map_keeps_parts_apart_and_turns_no_outer_face_over(figure: BodyModel) -> None:
    if figure.figure == MANNEQUIN:
        pytest.skip("a mannequin has no UV map")
    uv = figure_uv(figure)
    assert uv.shape == (len(figure.faces), 3, 2)
    assert 0.0 <= uv.min() <= uv.max() <= 1.0
    square = np.floor(uv * [5, 4]).astype(int)
    assert (square == square[:, :1]).all()
    assert (square[:, 0] @ [1, 5] == part_of_faces(figure)).all()
    a, b, c = (uv[:, corner].astype(np.float64) for corner in range(3))
    signed = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    for part in (0, 2, 4, 15):  # torso, sleeve, leg, hair: hems that are folded inwards are the exception
        here = signed[part_of_faces(figure) == part]
        usual = np.sign(np.median(here))
        assert np.abs(here[np.sign(here) != usual]).sum() < 0.12 * np.abs(here).sum()


def test_another_body_has_no_figure(tmp_path) -> None:
    path = tmp_path / "body.npz"
    path.write_bytes(load_body_path().read_bytes())
    assert figure_of(load_body(path), "neutral") is None


def load_body_path():
    from dancepose_addon.core.body.model_io import DEFAULT_BODY

    return DEFAULT_BODY


def test_a_damaged_file_is_refused(tmp_path, monkeypatch) -> None:
    from dancepose_addon.core.body import figure_file

    monkeypatch.setattr(figure_file, "ASSETS", tmp_path)
    np.savez(tmp_path / "figures.npz", format="dancepose-figures-1", vertex_count=3)
    body = load_body(None)
    with pytest.raises(BodyFileError, match="does not hold the figures"):
        figure_file._figure_of(body, tmp_path / "figures.npz", "neutral")


def _followed_places_m(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Where on the body the vertices of a figure are fastened, (N, 3) metres."""
    corners = np.cumsum(arrays["corners"], axis=-1, dtype=np.uint16)
    first, second = arrays["shares"] / 65535.0
    return np.einsum("kn,knc->nc", np.stack([first, second, 1.0 - first - second]), load_body().v_template_m[corners])


def test_the_script_builds_this_very_file(tmp_path) -> None:
    from dancepose_addon.core.body.figure_file import ASSETS, FIGURES_FILE, MANNEQUIN_FILE
    from tools.build_figures.__main__ import main

    assert main(["--out", str(tmp_path / FIGURES_FILE)]) == 0
    for name in (FIGURES_FILE, MANNEQUIN_FILE):
        with np.load(tmp_path / name) as built, np.load(ASSETS / name) as shipped:
            assert sorted(built.files) == sorted(shipped.files)
            for key in built.files:
                if key == "offsets":  # rounding of one step differs between processors
                    one, other = (
                        np.cumsum(each[key], axis=-1, dtype=np.int16).astype(int) for each in (built, shipped)
                    )
                    assert np.abs(one - other).max() <= 2
                elif key == "shares":  # of two vertices at one place, any shares are the same
                    one, other = (_followed_places_m(each) for each in (built, shipped))
                    assert np.abs(one - other).max() < 2e-5
                else:
                    assert np.array_equal(built[key], shipped[key]), key


@pytest.mark.skipif(sys.platform == "win32", reason="links need a permission there")
def test_the_default_body_has_figures_by_any_path(tmp_path: Path) -> None:
    """An editable installation is a link to the checkout."""
    (tmp_path / "link").symlink_to(ASSETS, target_is_directory=True)
    body = load_body(tmp_path / "link" / "body.npz")
    worn = figure_of(body, "neutral")
    assert worn is not None
    assert len(worn.v_template_m) == len(figure_of(load_body(None), "neutral").v_template_m)
    assert body.full.tree is load_body(None).full.tree
    shutil.copy(ASSETS / "body.npz", tmp_path / "body.npz")
    assert figure_of(load_body(tmp_path / "body.npz"), "neutral") is None
