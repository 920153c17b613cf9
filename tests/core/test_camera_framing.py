# SPDX-License-Identifier: Apache-2.0
"""The shot against constraints that any picture has to meet, and against a case solved by hand."""

from dataclasses import replace
import math

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from dancepose_addon.core.body.model import skin
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.camera_framing import (
    FIELD_RAD,
    MARGIN,
    PITCH_RAD,
    facing_vector,
    follow,
    frame_motions,
    frame_points,
    outline_points,
    project,
)
from dancepose_addon.core.camera_orbit import orbit, orbited

FORWARD = np.array([0.0, 0.0, 1.0])


def standing(turns_rad, travel_m=None):
    """A T-pose that turns about the vertical, and travels."""
    from dancepose_addon.core.body.motion import BodyMotion

    rotvec = np.zeros((len(turns_rad), 24, 3))
    rotvec[:, 0, 1] = turns_rad
    place = np.zeros((len(turns_rad), 3)) if travel_m is None else travel_m
    return BodyMotion(rotvec_to_rotmat(rotvec).astype(np.float32), np.float32(place), np.zeros(10, np.float32), 1.0, 25)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.floats(0.3, 3.0),
    st.floats(-math.pi, math.pi),
    st.floats(0.3, 8.0),
)
def test_every_point_is_inside_and_one_side_is_tight(seed, aspect, heading, spread):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1.0, 1.0, (40, 3)) * (spread, 1.0, spread) + (3.0, 1.0, -2.0)
    front = np.array([math.sin(heading), 0.0, math.cos(heading)])
    seen = project(frame_points(points, front=front, aspect=aspect), points)
    free = 1.0 - 2.0 * MARGIN
    assert (seen[:, 2] > 0.5).all()
    assert np.abs(seen[:, :2]).max() <= free + 1e-6
    spans = [(seen[:, axis].max(), -seen[:, axis].min()) for axis in (0, 1)]
    tight = [math.isclose(high, free, rel_tol=1e-6) and math.isclose(low, free, rel_tol=1e-6) for high, low in spans]
    assert any(tight) or math.isclose(seen[:, 2].min(), 1.0, rel_tol=1e-6)


def test_a_single_upright_pole_by_hand():
    pole = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    shot = frame_points(pole, front=FORWARD, aspect=1.0, margin=0.0)
    half = FIELD_RAD / 2.0
    # The rays to foot and head leave the camera at pitch + half and pitch - half below the level.
    down, up = math.tan(PITCH_RAD + half), math.tan(PITCH_RAD - half)
    distance = 2.0 / (down - up)
    assert shot.position_m == pytest.approx([0.0, distance * down, distance])


def test_the_camera_stands_where_the_chest_points():
    turned = standing(np.full(10, math.radians(70.0)))
    facing = facing_vector(turned.pose_rotmat)
    assert facing == pytest.approx([math.sin(math.radians(70.0)), 0.0, math.cos(math.radians(70.0))], abs=1e-5)


def test_a_dancer_who_turns_all_round_has_no_side(body):
    spin = standing(np.linspace(0.0, 2.0 * math.pi, 72, endpoint=False))
    assert np.linalg.norm(facing_vector(spin.pose_rotmat)) < 1e-5
    assert frame_motions([(body, spin)], aspect=1.0).front == pytest.approx(FORWARD)


def test_all_vertices_of_a_travelling_dancer_are_in_the_picture(body):
    way = np.linspace(-3.0, 3.0, 9)
    dancer = standing(0.4 * way, np.stack([way, 0.0 * way, 0.7 * way], axis=1))
    shot = frame_motions([(body, dancer)], aspect=16.0 / 9.0)
    points = skin(body, dancer.pose_rotmat, translation_m=dancer.translation_m, correctives=False)
    assert np.abs(project(shot, points)[..., :2]).max() < 1.0 - MARGIN


def test_outline_reaches_as_far_as_the_body(body):
    dancer = standing(np.zeros(1))
    outline = outline_points(body, dancer)[0]
    # Hands are at rest, so fingers reach less far than those of the template.
    rest_pose = dancer.pose_in(body.full.tree)
    shown = skin(body.full, rest_pose, translation_m=dancer.translation_m, correctives=False)[0]
    # The vertices of the outline are the extremes of the template; bent fingers reach 1.3 mm further with another.
    assert outline.min(axis=0) == pytest.approx(shown.min(axis=0), abs=2e-3)
    assert outline.max(axis=0) == pytest.approx(shown.max(axis=0), abs=2e-3)
    assert outline[:, 1:].min(axis=0) == pytest.approx(body.v_template_m[:, 1:].min(axis=0), abs=1e-2)


def test_a_set_of_clips_gets_one_shot_that_holds_them_all(body):
    left = standing(np.zeros(2), np.array([[2.0, 0.0, 0.0]] * 2))
    right = standing(np.zeros(2), np.array([[-2.0, 0.0, 0.0]] * 2))
    shot = frame_motions([(body, left), (body, right)], aspect=1.0)
    for dancer in (left, right):
        assert np.abs(project(shot, outline_points(body, dancer))[..., :2]).max() <= 1.0 - 2.0 * MARGIN + 1e-5


def walk() -> np.ndarray:
    """A box of a dancer's size that walks 8 m to the side with a sway of half a metre, (200, 8, 3)."""
    box = np.array([[x, y, z] for x in (-0.4, 0.4) for y in (0.0, 1.8) for z in (-0.3, 0.3)])
    time = np.linspace(0.0, 8.0, 200)
    way = np.stack([time, np.zeros(200), 0.25 * np.sin(6.0 * time)], axis=1)
    return box + way[:, None]


def test_a_following_camera_is_nearer_holds_all_and_does_not_shake():
    points, front = walk(), np.array([0.0, 0.0, 1.0])
    shot, way = follow(points, front=front, aspect=1.5, fps=25.0)
    still = frame_points(points.reshape(-1, 3), front=front, aspect=1.5)
    assert shot.position_m[2] < 0.6 * still.position_m[2]
    for frame in range(200):
        seen = project(replace(shot, position_m=shot.position_m + way[frame]), points[frame])
        assert np.abs(seen[:, :2]).max() < 1.0
    assert (way[:, 1] == 0.0).all()
    # The sway of the body, 6 rad a second, hardly reaches the camera.
    assert np.abs(np.diff(way[:, 2])).max() < 0.2 * np.abs(np.diff(points[:, 0, 2])).max()
    np.testing.assert_allclose(shot.reach_m, still.reach_m)


def test_an_orbit_holds_all_from_everywhere_and_turns_about_the_middle():
    points = walk().reshape(-1, 3)
    shot, centre = orbit(points, front=np.array([0.0, 0.0, 1.0]), aspect=1.5)
    distances = []
    for angle in np.linspace(0.0, 2.0 * np.pi, 57):
        place, rotmat = orbited(shot, centre, float(angle))
        seen = project(replace(shot, position_m=place, rotmat=rotmat), points)
        assert np.abs(seen[:, :2]).max() < 1.0
        distances.append(np.linalg.norm((place - centre)[[0, 2]]))
    assert np.ptp(distances) < 1e-9
    quarter, _ = orbited(shot, np.zeros(3), np.pi / 2.0)
    # By hand: a quarter turn about +y takes +z to +x.
    np.testing.assert_allclose(quarter, shot.position_m[[2, 1, 0]] * (1.0, 1.0, -1.0), atol=1e-9)


def test_an_orbit_is_about_the_middle_of_the_dances_box_on_the_floor():
    points = np.array([[1.0, 0.5, -4.0], [5.0, 2.5, 2.0], [4.5, 1.0, 1.5]])
    shot, centre = orbit(points, front=np.array([0.0, 0.0, 1.0]), aspect=1.0)
    np.testing.assert_allclose(centre, [3.0, 0.0, -1.0])
    # The circle that the furthest point goes round is in the picture, and touches its edge nearly.
    furthest = np.linalg.norm((points - centre)[:, [0, 2]], axis=1).max()
    ring = centre + [[furthest * np.cos(a), 1.5, furthest * np.sin(a)] for a in np.linspace(0.0, 2.0 * np.pi, 25)]
    assert 0.8 < np.abs(project(shot, ring)[:, 0]).max() < 1.0


def test_a_following_camera_moves_about_the_shots_own_place():
    """Two metres to and fro, 20 m from the origin: the shot stands at the mean of the way."""
    x = 20.0 + np.sin(np.arange(500) / 50.0)
    points = np.stack([x[:, None] + [-0.3, 0.3], np.array([[0.0, 1.8]] * 500), np.zeros((500, 2))], axis=-1)
    shot, way = follow(points, front=np.array([0.0, 0.0, 1.0]), aspect=1.5, fps=25.0)
    assert way.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert shot.position_m[0] == pytest.approx(x.mean(), abs=0.3)
    assert (shot.position_m + way)[:, 0] == pytest.approx(x, abs=0.5)
