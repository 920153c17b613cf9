"""Layout tables: their own consistency, and what is said when points do not fit."""

import pytest

from dancepose_addon.core.body.model import JOINT_NAMES, MIRRORED_JOINTS
from dancepose_addon.core.errors import LayoutError
from dancepose_addon.core.skeleton.layouts import LAYOUTS, MD23, SMPL24, Layout, get_layout, layouts_with, require_count

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
def test_a_mirror_swaps_sides_and_rides_on_the_other_side_s_joint(layout: Layout) -> None:
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
                assert side in name


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
