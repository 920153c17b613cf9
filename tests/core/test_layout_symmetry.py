# SPDX-License-Identifier: Apache-2.0
"""Tables of layouts against the body: edges are mirror images, joints are those named, markers are on the skin."""

from itertools import pairwise

import numpy as np
import pytest

from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, PARENTS, BodyModel
from dancepose_addon.core.skeleton.anatomy import template_of
from dancepose_addon.core.skeleton.layout_tables_markers import MARKER_SETS
from dancepose_addon.core.skeleton.layout_tables_more import SMPLH52, SMPLX55
from dancepose_addon.core.skeleton.layouts import AZURE32, KINECT25, LAYOUTS, Layout, get_layout

EVERY = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
MIDDLE = ("Chest", "WaistLFront")
"""The one edge that a marker set has on one side only."""
ELBOWS_OF_MARKERS = {("md23", "left_elbow"), ("md23", "right_elbow"), ("body25", "neck")}
"""Points that are called after a joint but attached to the bone above."""


@EVERY
def test_edges_of_one_side_are_those_of_the_other(layout: Layout) -> None:
    edges = {frozenset(edge) for edge in layout.edges}
    assert len(edges) == len(layout.edges)
    for edge in edges:
        image = frozenset(layout.mirrored[point] for point in edge)
        names = {layout.keypoints[point] for point in edge}
        # Forearms and wrists of md23 have different numbers of points left and right.
        if not any("forearm" in name or "wrist" in name for name in names) and names != set(MIDDLE):
            assert image in edges, names


@EVERY
def test_edges_are_no_longer_than_a_thigh_and_a_half(layout: Layout, body: BodyModel) -> None:
    rest = template_of(layout).rest_points
    for first, second in layout.edges:
        assert np.linalg.norm(rest[first] - rest[second]) < 0.6, (layout.keypoints[first], layout.keypoints[second])


@EVERY
def test_points_called_after_a_joint_are_attached_to_it(layout: Layout) -> None:
    for name, joint in zip(layout.keypoints, layout.joints, strict=True):
        if name in JOINT_NAMES and (layout.name, name) not in ELBOWS_OF_MARKERS:
            assert JOINT_NAMES[joint] == name


@EVERY
def test_top_is_above_the_chest_and_bottom_at_the_feet(layout: Layout, body: BodyModel) -> None:
    rest = template_of(layout).rest_points
    joints = body.rest_joints()
    assert rest[list(layout.top), 1].min() > joints[JOINT_INDEX["spine3"], 1] + 0.1
    assert rest[list(layout.bottom), 1].max() < joints[JOINT_INDEX["left_knee"], 1] - 0.2
    left, right = rest[list(layout.left)], rest[list(layout.right)]
    assert (left[:, 0] - right[:, 0]).min() > 0.1
    # A shoulder and a hip.
    assert np.ptp(left[:, 1]) > 0.3


PARTS_OF_CAMERAS = {
    "spine_base": "pelvis", "pelvis": "pelvis", "spine_mid": "spine2", "spine_navel": "spine1", "spine_chest": "spine2",
    "spine_shoulder": "spine3", "nose": "head", "eye": "head", "ear": "head", "clavicle": "collar", "hand_tip": "hand",
    "thumb": "wrist",
}  # fmt: skip


@pytest.mark.parametrize("layout", [KINECT25, AZURE32], ids=lambda layout: layout.name)
def test_points_of_depth_cameras_are_on_the_bones_of_their_names(layout: Layout) -> None:
    for name, joint in zip(layout.keypoints, layout.joints, strict=True):
        side, _, part = name.partition("_") if name.startswith(("left_", "right_")) else ("", "", name)
        known = PARTS_OF_CAMERAS.get(part, part)
        assert JOINT_NAMES[joint] == (f"{side}_{known}" if side and known != "head" else known), name


@pytest.mark.parametrize("layout", [SMPLH52, SMPLX55], ids=lambda layout: layout.name)
def test_fingers_are_chains_below_the_wrists(layout: Layout) -> None:
    at = {name: point for point, name in enumerate(layout.keypoints)}
    edges = set(layout.edges)
    for side in ("left", "right"):
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            chain = [at[f"{side}_wrist"], *(at[f"{side}_{finger}{number}"] for number in (1, 2, 3))]
            assert set(pairwise(chain)) <= edges
            owner = "wrist" if finger == "thumb" else "hand"
            assert JOINT_NAMES[layout.joints[chain[1]]] == f"{side}_{owner}"
            assert {JOINT_NAMES[layout.joints[point]] for point in chain[2:]} == {f"{side}_hand"}
    body_edges = {(PARENTS[joint], joint) for joint in range(1, 22)}
    assert body_edges <= edges
    assert len(edges) == layout.count - 1
    for name in ("jaw", "left_eye", "right_eye"):
        if name in at:
            assert (JOINT_INDEX["head"], at[name]) in edges
            assert JOINT_NAMES[layout.joints[at[name]]] == "head"


@pytest.mark.parametrize("layout", MARKER_SETS, ids=lambda layout: layout.name)
def test_markers_are_on_the_skin(layout: Layout, body: BodyModel) -> None:
    """Within 2.2 cm of the default body's skin, over which a marker stands by about one, on hair by two."""
    rest = template_of(layout).rest_points
    away = np.array([np.linalg.norm(body.v_template_m - point, axis=1).min() for point in rest])
    assert dict(zip(layout.keypoints, away.round(3), strict=True)) == pytest.approx(
        dict.fromkeys(layout.keypoints, 0.0), abs=SKIN_M
    )


SKIN_M = 0.022


@pytest.mark.parametrize("layout", MARKER_SETS, ids=lambda layout: layout.name)
def test_markers_of_the_two_sides_are_mirror_images(layout: Layout) -> None:
    rest = template_of(layout).rest_points
    for point, other in enumerate(layout.mirrored):
        if point != other:
            np.testing.assert_allclose(rest[point], rest[other] * [-1.0, 1.0, 1.0], atol=5e-3)


@EVERY
def test_built_in_layouts_are_found_by_name_and_are_no_users(layout: Layout) -> None:
    assert get_layout(layout.name) == layout
    assert not layout.is_users


@pytest.mark.parametrize("layout", MARKER_SETS, ids=lambda layout: layout.name)
def test_markers_are_attached_to_one_joint(layout: Layout) -> None:
    assert layout.attached_to == tuple(((joint, 1.0),) for joint in layout.joints)


def test_cmus_set_is_plug_in_gaits_under_other_names() -> None:
    """LASI is LFWT, RPSI is RBWT, LWRA is LIWR, RWRB is ROWR, LTIB is LSHN, RBAK is RBAC; three more are its own."""
    by_name = {layout.name: layout for layout in MARKER_SETS}
    gait, cmu = by_name["plugingait39"], by_name["cmu42"]
    places = {
        layout.name: {
            name: (joint, offset)
            for name, joint, offset in zip(layout.keypoints, layout.joints, layout.offsets_m, strict=True)
        }
        for layout in (gait, cmu)
    }
    others = {
        "LASI": "LFWT",
        "RPSI": "RBWT",
        "LWRA": "LIWR",
        "RWRB": "ROWR",
        "LTIB": "LSHN",
        "RBAK": "RBAC",
        "C7": "C7",
    }
    for name, other in others.items():
        assert places["plugingait39"][name] == places["cmu42"][other]
    assert {"ARIEL", "LMT5", "RMT5"} <= set(cmu.keypoints)
    assert not {"ASI", "PSI", "RBAK", "LASI"} & set(cmu.keypoints)
    assert len(cmu.keypoints) == len(gait.keypoints) + 3
