# SPDX-License-Identifier: Apache-2.0
"""Limbs of a layout, listed by hand from SMPL's tree."""

from dataclasses import replace

from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.skeleton.layouts import SMPL24
from dancepose_addon.core.skeleton.point_groups import lie_beside, limbs


def both(*parts: str) -> tuple[int, ...]:
    return tuple(sorted(JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in parts))


def test_limbs_of_smpl() -> None:
    """Each joint with all below it, of both sides; a hand or foot of two points is too few."""
    expected = {
        both("hip", "knee", "ankle", "foot"),
        both("knee", "ankle", "foot"),
        both("ankle", "foot"),
        both("collar", "shoulder", "elbow", "wrist", "hand"),
        both("shoulder", "elbow", "wrist", "hand"),
        both("elbow", "wrist", "hand"),
        both("wrist", "hand"),
    }
    assert limbs(SMPL24) == tuple(sorted(expected))


def test_points_that_do_not_mirror_each_other_belong_to_no_limb() -> None:
    mirrored = list(SMPL24.mirrored)
    mirrored[JOINT_INDEX["left_foot"]] = JOINT_INDEX["right_ankle"]
    found = limbs(replace(SMPL24, name="changed", mirrored=tuple(mirrored)))
    assert not any(JOINT_INDEX["left_foot"] in limb for limb in found)
    assert both("wrist", "hand") in found


def test_points_beside_each_other() -> None:
    """Two markers 5 cm apart on one bone; not 6 cm apart, not on two bones, not mirror images."""
    offsets = [(0.0, 0.0, 0.0)] * 24
    attached = [((joint, 1.0),) for joint in range(24)]
    head, neck = JOINT_INDEX["head"], JOINT_INDEX["neck"]
    for distance_m, beside in ((0.05, True), (0.06, False)):
        attached[neck], offsets[neck] = ((head, 1.0),), (0.0, distance_m, 0.0)
        joints = tuple(head if point == neck else point for point in range(24))
        layout = replace(
            SMPL24, name=f"beside{distance_m}", joints=joints, attached_to=tuple(attached), offsets_m=tuple(offsets)
        )
        assert lie_beside(layout, head, neck) is beside
    close = replace(layout, name="close", offsets_m=tuple((0.0, 0.0, 0.0) for _ in range(24)))
    assert lie_beside(close, head, neck)
    assert not lie_beside(replace(close, name="other", joints=tuple(range(24))), head, neck)
    pair = tuple({head: neck, neck: head}.get(point, other) for point, other in enumerate(close.mirrored))
    assert not lie_beside(replace(close, name="pair", mirrored=pair), head, neck)
