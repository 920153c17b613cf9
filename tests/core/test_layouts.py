# SPDX-License-Identifier: Apache-2.0
"""Layout tables: their own consistency, and what is said when points do not fit."""

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_NAMES, MIRRORED_JOINTS
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import LayoutError
from dancepose_addon.core.skeleton.layouts import (
    BODY25,
    COCO17,
    H36M17,
    LAYOUTS,
    MD23,
    SMPL24,
    Layout,
    get_layout,
    layouts_with,
    require_count,
)
from dancepose_addon.core.skeleton.markers import markers_for

EVERY = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


@EVERY
def test_tables_agree_in_length_and_range(layout: Layout) -> None:
    count = layout.count
    assert len(layout.joints) == len(layout.mirrored) == count == len(set(layout.keypoints))
    assert set(layout.joints) <= set(range(24))
    named = {point for edge in layout.edges for point in edge}
    named |= {*layout.mirrored, *layout.left, *layout.right, *layout.top, *layout.bottom}
    assert named <= set(range(count))
    assert len(layout.left) == len(layout.right) > 0


@EVERY
def test_edges_join_all_points_into_one_skeleton(layout: Layout) -> None:
    reached, edges = {0}, set(layout.edges)
    while grown := {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}:
        if grown <= reached:
            break
        reached |= grown
    assert reached == set(range(layout.count))
    assert all(first != second for first, second in layout.edges)


@EVERY
def test_a_mirror_swaps_sides_and_is_attached_to_the_other_side_s_joint(layout: Layout) -> None:
    for point, other in enumerate(layout.mirrored):
        name, mirrored = layout.keypoints[point], layout.keypoints[other]
        assert ("left" in name, "right" in name) == ("right" in mirrored, "left" in mirrored)
        assert layout.joints[other] == MIRRORED_JOINTS[layout.joints[point]]
    assert tuple(layout.mirrored[point] for point in layout.left) == layout.right


@EVERY
def test_sides_are_the_dancer_s_own(layout: Layout) -> None:
    for point, name in enumerate(layout.keypoints):
        joint = JOINT_NAMES[layout.joints[point]]
        for side in ("left", "right"):
            if joint.startswith(side):
                assert side in name or name.startswith(side[0].upper())


def test_smpl24_is_the_body_s_own_joints() -> None:
    assert SMPL24.keypoints == JOINT_NAMES
    assert SMPL24.joints == tuple(range(24))


def test_lookup_by_name_and_count() -> None:
    assert get_layout("md23") is MD23
    assert MD23 in layouts_with(23)
    with pytest.raises(LayoutError, match=r"no layout 'md32'; known layouts: .*md23.*smpl24"):
        get_layout("md32")


def test_a_wrong_count_names_what_would_fit() -> None:
    require_count(MD23, 23, "a.npy")
    with pytest.raises(LayoutError, match=r"a\.npy has 24 key-points; md23 needs 23\. .*fits: smpl24"):
        require_count(MD23, 24, "a.npy")
    with pytest.raises(LayoutError, match=r"No known layout has 5 .*md23 23"):
        require_count(MD23, 5, "a.npy")


def test_points_of_face_and_feet_sit_where_anatomy_has_them() -> None:
    body = load_body()
    joints = dict(zip(JOINT_NAMES, body.rest_joints(), strict=True))
    floor_m = float(body.v_template_m[:, 1].min())
    for layout in (COCO17, BODY25, H36M17):
        points = dict(zip(layout.keypoints, markers_for(layout).rest_points(body.rest_joints()), strict=True))
        for name, point in points.items():
            if name in joints and layout.joints[layout.keypoints.index(name)] == JOINT_NAMES.index(name):
                assert np.allclose(point, joints[name], atol=1e-5), name
            elif "toe" in name or "heel" in name:
                assert 0.0 < point[1] - floor_m < 0.05, name
        mirrored = np.stack(list(points.values()))[list(layout.mirrored)] * [-1, 1, 1]
        assert np.allclose(mirrored, np.stack(list(points.values())), atol=2e-3)
        if layout is H36M17:
            assert points["head_top"][1] - floor_m == pytest.approx(body.height_m, abs=1e-3)
            assert points["hip"][1] < joints["pelvis"][1] < points["spine"][1] < points["thorax"][1]
        else:
            assert points["left_ear"][0] > points["left_eye"][0] > points["nose"][0] == pytest.approx(0.0, abs=2e-3)
            assert points["nose"][2] > points["left_eye"][2] > points["left_ear"][2]
    feet = markers_for(BODY25).rest_points(body.rest_joints())
    heel, big, small = (feet[BODY25.keypoints.index(f"left_{part}")] for part in ("heel", "big_toe", "small_toe"))
    assert big[2] > small[2] > joints["left_ankle"][2] > heel[2]
    assert small[0] > big[0]
