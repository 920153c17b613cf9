# SPDX-License-Identifier: Apache-2.0
"""Options of the picture, looks, and the choice of the camera."""

from dataclasses import replace

import numpy as np
import pytest

from dancepose_addon.core.body.looks import dressed
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.camera_framing import film_dance, path_as_table, path_from_table, project
from dancepose_addon.core.errors import InputError, OptionError
from dancepose_addon.core.picture_options import MAX_SIDE_PX, PictureOptions, parse_colour, parse_colours, parse_size
from dancepose_addon.core.stage_design import TILE_M, tile_quads, tiles_end_m


def walking(distance_m: float, frames: int = 90) -> BodyMotion:
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (frames, 24, 3, 3)).copy()
    trans = np.zeros((frames, 3), np.float32)
    trans[:, 0], trans[:, 1] = np.linspace(0.0, distance_m, frames), 0.9
    return BodyMotion(pose, trans, np.zeros(10, np.float32), 1.0, 30.0)


def test_colours_are_decoded_from_srgb() -> None:
    # IEC 61966-2-1: 0x80 is 0.21586 of full light, 0x0a is on the straight part of the curve.
    assert parse_colour("#8000ff") == pytest.approx((0.21586, 0.0, 1.0), abs=1e-5)
    assert parse_colour("0a0a0a")[0] == pytest.approx(10 / 255 / 12.92)
    assert [name for name, _ in parse_colours("top=ffffff, skin=000000")] == ["top", "skin"]
    with pytest.raises(ValueError, match="'top' has two colours; give it once"):
        parse_colours("top=ffffff,top=000000")


@pytest.mark.parametrize("text", ["fff", "12345g", "", "top"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a colour"):
        parse_colour(text)


@pytest.mark.parametrize(
    ("text", "size"), [("640x480", (640, 480)), ("16X16", (16, 16)), (f"{MAX_SIDE_PX}x16", (MAX_SIDE_PX, 16))]
)
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["640", "641x480", "480x641", "8x8", "14x640", "640x14", "10000x640", "640x10000", f"{MAX_SIDE_PX + 2}x16", "axb"],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|possible|large"):
        parse_size(text)


@pytest.mark.parametrize(
    "options",
    [
        {"look": "plain", "colours": "top=ff0000"},
        {"look": "mannequin", "figure": "male"},
        {"floor": "none", "backdrop": "ff0000"},
    ],
)
def test_options_without_effect_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="Omit one of them"):
        PictureOptions(**options)
    for kept in options:
        PictureOptions(**{kept: options[kept]})


@pytest.mark.parametrize("options", [{"look": "plain"}, {"figure": "male"}, {"colours": "top=ff0000"}])
def test_characters_have_their_own_look(options: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="has no effect with --character"):
        PictureOptions(**options).require_fit_for_character()
    PictureOptions(floor="none", camera="follow").require_fit_for_character()


def test_looks_change_neither_joints_nor_shape_space(body) -> None:
    plain = dressed(body, "plain")
    assert plain.surface.names == ("body",)
    assert (plain.v_template_m == body.v_template_m).all()
    painted = dressed(body, "casual", (("top", (0.1, 0.2, 0.3)),))
    shown = painted.shown.surface
    assert shown.rgba[shown.names.index("top"), :3] == pytest.approx([0.1, 0.2, 0.3])
    assert shown.rgba[shown.names.index("band"), :3] == pytest.approx([0.078, 0.156, 0.234])
    assert (painted.v_template_m == body.v_template_m).all()
    assert painted.fingerprint == body.fingerprint
    with pytest.raises(InputError, match="no material 'hat'"):
        dressed(body, "casual", (("hat", (0.0, 0.0, 0.0)),))


def test_the_camera_follows_only_those_who_travel(body) -> None:
    def path(distance_m: float, choice: str = "auto"):
        motion = walking(distance_m)
        return film_dance([(body, motion)], aspect=16 / 9, fps=25.0, frames=75, choice=choice)

    assert path(0.2).way_m is None
    assert path(8.0, "still").way_m is None
    followed = path(8.0)
    assert followed.way_m is not None
    assert followed.way_m.shape == (75, 3)
    # Smooth: the way's acceleration is far below that of the steps that it averages.
    assert np.abs(np.diff(followed.way_m, 2, axis=0)).max() < 0.01
    for frame in (0, 37, 74):
        joints = walking(8.0).joints(body)[round(frame / 25 * 30)]
        moved = replace(followed.shot, position_m=followed.position_m(frame))
        assert np.abs(project(moved, joints)[:, :2]).max() < 1.0


def test_a_path_survives_its_file(body) -> None:
    path = film_dance([(body, walking(6.0))], aspect=1.5, fps=25.0, frames=30, choice="follow")
    again = path_from_table(path_as_table(path))
    assert again.way_m == pytest.approx(path.way_m, abs=1e-6)
    assert again.shot.rotmat == pytest.approx(path.shot.rotmat)
    assert again.shot.aspect == path.shot.aspect


def test_tiles_alternate_and_fade(body) -> None:
    shot = film_dance([(body, walking(1.0))], aspect=1.5, fps=25.0, frames=30, choice="still").shot
    vertices, quads, shades = tile_quads(shot)
    corners = vertices[quads]
    assert np.ptp(corners[..., 0], axis=1) == pytest.approx(TILE_M)
    places = np.round(corners[:, 0, :2] / TILE_M).astype(int)
    assert (np.sign(shades) == np.where(places.sum(axis=1) % 2 == 0, 1, -1)).all()
    distance = np.linalg.norm(corners.mean(axis=1)[:, :2], axis=1)
    assert np.abs(shades[distance < 0.4 * tiles_end_m(shot)]).min() == np.abs(shades).max()
    assert distance.max() < tiles_end_m(shot)
