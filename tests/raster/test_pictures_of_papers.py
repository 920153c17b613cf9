# SPDX-License-Identifier: Apache-2.0
"""Sequence figures, skeletons, side by side, and the viewer's page."""

import base64
from dataclasses import replace
import json
import re

import numpy as np
from PIL import Image
import pytest

from dancepose import sequence_figure
from dancepose.film_frames import FilmFrames, people_of
from dancepose.film_request import Dancer, FilmRequest
from dancepose.raster.overlays import LEFT_RGB, RIGHT_RGB, StickFigure, draw_skeleton
from dancepose.sequence_figure import FigureOptions, over, spaced, write_figure
from dancepose.web_viewer import write_viewer
from dancepose_addon.core.body.looks import FOLLOWERS, PERSON_RGB
from dancepose_addon.core.body.model import MIRRORED_JOINTS, PARENTS, skin
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.camera_framing import project
from dancepose_addon.core.errors import InputError
from dancepose_addon.core.picture_options import PictureOptions

BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)


def test_opacity_follows_porter_and_duff() -> None:
    upper, lower = np.full((1, 1, 4), 200, np.uint8), np.full((1, 1, 4), 100, np.uint8)
    alpha = 200 / 255 * 0.5
    whole = alpha + 100 / 255 * (1 - alpha)
    rgb = (200 * alpha + 100 * 100 / 255 * (1 - alpha)) / whole
    assert over(upper, 0.5, lower)[0, 0] == pytest.approx([rgb, rgb, rgb, 255 * whole], abs=1)
    assert over(upper, 1.0, None)[0, 0] == pytest.approx([200] * 4, abs=1)


def test_poses_are_evenly_spaced_to_the_right() -> None:
    front = np.array([0.0, 0.0, 1.0])
    poses = [np.random.default_rng(n).normal(size=(50, 3)).astype(np.float32) for n in range(4)]
    moved = [people[0] for people in spaced([[pose] for pose in poses], front, 1.5)]
    middles = np.array([(pose.min(axis=0) + pose.max(axis=0)) / 2.0 for pose in moved])
    assert np.diff(middles[:, 0]) == pytest.approx([1.5] * 3, abs=1e-5)
    assert [pose[:, 1].min() for pose in moved] == pytest.approx([pose[:, 1].min() for pose in poses], abs=1e-6)


def test_a_figure_shows_every_pose_apart(context, tmp_path, body, standing) -> None:
    options = FigureOptions(poses=3, spacing_m=2.2, width_px=360)
    size = write_figure(tmp_path / "f.png", [Dancer(body, standing)], options)
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.size == size
        assert picture.mode == "RGBA"
        solid = (np.asarray(picture)[: size[1] // 2, :, 3] > 200).any(axis=0)
        solid = np.convolve(solid, np.ones(5), "same") > 0.0  # thin fingers may leave a column between them
    assert np.count_nonzero(np.diff(solid.astype(int)) == 1) + int(solid[0]) == 3


def test_times_outside_the_motion_are_refused(context, tmp_path, body, standing) -> None:
    with pytest.raises(InputError, match="outside the motion"):
        write_figure(tmp_path / "f.png", [Dancer(body, standing)], FigureOptions(times_s=(9.0,)))
    assert not (tmp_path / "f.png").exists()


def test_rows_of_different_widths_are_centred(context, tmp_path, body, standing) -> None:
    folded = replace(standing, pose_rotmat=standing.pose_rotmat.copy())
    folded.pose_rotmat[:, [16, 17]] = rotvec_to_rotmat(np.array([[0.0, 0.0, -1.2], [0.0, 0.0, 1.2]], np.float32))
    options = FigureOptions(poses=1, width_px=200, transparent=False)
    alone = [write_figure(tmp_path / "one.png", [Dancer(body, motion)], options) for motion in (standing, folded)]
    assert alone[0][0] != alone[1][0]
    size = write_figure(tmp_path / "two.png", [Dancer(body, standing), Dancer(body, folded)], options)
    assert size == (max(one[0] for one in alone), sum(one[1] for one in alone))
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        left = (size[0] - alone[1][0]) // 2
        assert np.array_equal(np.asarray(two)[alone[0][1] :, left : left + alone[1][0]], np.asarray(one))
        assert (np.asarray(two)[-1, 0] == np.asarray(one)[0, 0]).all()


def test_figures_of_too_many_pixels_are_refused_before_drawing(tmp_path, body, standing, monkeypatch) -> None:
    monkeypatch.setattr(sequence_figure, "Rasteriser", None)
    with pytest.raises(InputError, match=r"figure of 9 rows would be .* at most 67 million"):
        write_figure(tmp_path / "f.png", [Dancer(body, standing)] * 9, FigureOptions(poses=1, width_px=8192))
    assert not (tmp_path / "f.png").exists()


def test_a_skeleton_is_drawn_where_its_points_are(body, standing, shot) -> None:
    joints = standing.joints(body)[0]
    figure = StickFigure.from_mirrored(BONES, MIRRORED_JOINTS, body.rest_joints())
    empty = np.zeros((400, 240, 4), np.uint8)
    drawn = draw_skeleton(empty, figure, joints, shot, shot.position_m).astype(int)
    for joint, colour in ((18, LEFT_RGB), (19, RIGHT_RGB)):  # left and right elbow
        x, y, _ = project(shot, joints[joint])
        pixel = drawn[int((0.5 - 0.5 * y) * 400), int((0.5 + 0.5 * x) * 240)]
        assert pixel[3] > 200
        assert pixel[:3] == pytest.approx(colour, abs=40)
    lost = joints.copy()
    lost[18:] = np.nan
    assert (draw_skeleton(empty, figure, lost, shot, shot.position_m)[..., 3] > 0).sum() < (drawn[..., 3] > 0).sum()


def test_side_by_side_films_all_dancers_by_one_camera(context, body, standing) -> None:
    lifted = replace(standing, translation_m=standing.translation_m + np.array([0.0, 0.3, 0.0], np.float32))
    request = FilmRequest((Dancer(body, standing, "A"), Dancer(body, lifted, "B")), 0.1, (96, 96), 10.0)
    (frame,) = list(FilmFrames(replace(request, skeleton="beside")).draw(range(1)))
    assert frame.shape == (96, 4 * 96, 4)
    (pair,) = list(FilmFrames(request).draw(range(1)))
    left, right = pair[:, :96].astype(int), pair[:, 96:].astype(int)
    heads = []
    for cell in (left, right):
        dark = np.abs(cell[:, 40:56, :3] - cell[:, :1, :3]).sum(axis=2).max(axis=1) > 60
        heads.append(int(np.flatnonzero(dark)[0]))
    assert heads[1] < heads[0]


def test_the_viewer_holds_the_skinned_motion(tmp_path, body, standing) -> None:
    out = tmp_path / "v.html"
    assert write_viewer(out, [Dancer(body, standing, "A < B")], title="x") == ()
    page = out.read_text(encoding="utf-8")
    assert "A &lt; B" in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    table = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])

    def array(text: str, kind: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(text), kind)

    one = table["cells"][0]["people"][0]
    rest = array(one["rest"], "<f4").reshape(-1, 3)
    joints, weights = (array(table[key], np.uint8).reshape(-1, 4) for key in ("joints", "weights"))
    bones = array(one["motion"], "<f4").reshape(one["frames"], one["joints"], 3, 4)
    share = weights / weights.sum(axis=1, keepdims=True)
    blended = (share[..., None, None] * bones[7][joints]).sum(axis=1)
    posed = np.einsum("vij,vj->vi", blended[..., :3], rest) + blended[..., 3]
    shown = PictureOptions().dress(body).shown
    wanted = skin(
        shown,
        standing.pose_in(shown.tree)[7:8],
        translation_m=standing.translation_m[7:8],
        betas=standing.betas,
        correctives=False,
    )
    assert posed == pytest.approx(wanted[0], abs=2e-3)
    assert sum(part["count"] for part in one["parts"]) == table["count"] == shown.faces.size


def beside(standing, by_m: float):
    step = np.array([by_m, 0.0, 0.0], np.float32)
    return replace(standing, translation_m=standing.translation_m + step)


def test_partners_are_in_one_picture_in_other_colours(context, body, standing) -> None:
    pair = Dancer(body, standing, partners=(Dancer(body, beside(standing, 2.2)),))
    request = FilmRequest((pair,), 0.1, (192, 96), 10.0)
    film = FilmFrames(request)
    (both,) = list(film.draw(range(1)))
    assert both.shape == (96, 192, 4)
    parts = people_of(pair, request.picture).parts
    tops = [{part.rgb for part in one} for one in parts]
    # Bands of the garment are a darker shade of its colour.
    band, top = sorted(tops[1] - tops[0])
    assert top == pytest.approx(PERSON_RGB[0])
    assert band == pytest.approx(FOLLOWERS["band"][1] * np.array(PERSON_RGB[0]))
    # Two figures with the backdrop between them.
    empty = film._rasters[0].draw([]).astype(int)
    seen = (np.abs(both.astype(int) - empty)[:48, :, :3].sum(axis=2) > 60).any(axis=0)
    wide = np.convolve(seen, np.ones(3), "same") > 0.0
    assert np.count_nonzero(np.diff(wide.astype(int)) == 1) == 2


def test_a_figure_of_two_persons_shows_both_at_every_moment(context, tmp_path, body, standing) -> None:
    pair = Dancer(body, standing, partners=(Dancer(body, beside(standing, 1.9)),))
    size = write_figure(tmp_path / "f.png", [pair], FigureOptions(poses=2, spacing_m=2.2, width_px=480))
    with Image.open(tmp_path / "f.png") as picture:
        solid = (np.asarray(picture)[: size[1] // 2, :, 3] > 200).any(axis=0)
    solid = np.convolve(solid, np.ones(5), "same") > 0.0
    assert np.count_nonzero(np.diff(solid.astype(int)) == 1) + int(solid[0]) == 4


def test_persons_keep_their_distance_in_a_row() -> None:
    front = np.array([0.0, 0.0, 1.0])
    one = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    other = one + np.array([0.8, 0.0, 0.3], np.float32)
    moved = spaced([[one, other], [one, other]], front, 1.5)
    for first, second in moved:
        assert second - first == pytest.approx(np.tile([0.8, 0.0, 0.3], (50, 1)), abs=1e-5)
    assert moved[1][0] - moved[0][0] == pytest.approx(np.tile([2.3, 0.0, 0.0], (50, 1)), abs=1e-5)


def test_the_viewer_shows_partners_in_one_cell(tmp_path, body, standing) -> None:
    out = tmp_path / "v.html"
    pair = Dancer(body, standing, "pair", partners=(Dancer(body, beside(standing, 1.0)),))
    write_viewer(out, [pair, Dancer(body, standing, "one")], title="x")
    page = out.read_text(encoding="utf-8")
    table = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert [len(cell["people"]) for cell in table["cells"]] == [2, 1]
    middle = np.frombuffer(base64.b64decode(table["cells"][0]["middle"]), "<f4").reshape(-1, 3)
    assert middle == pytest.approx(standing.joints(body)[:, 0] + [0.5, 0.0, 0.0], abs=1e-5)
    assert table["cells"][0]["people"][0]["joints"] == len(body.full.tree)
