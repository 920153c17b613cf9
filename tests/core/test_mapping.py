# SPDX-License-Identifier: Apache-2.0
"""Points of one layout from another's: against the body, on which the points of every layout are known."""

import numpy as np
import pytest

from dancepose_addon.core.errors import LayoutError
from dancepose_addon.core.skeleton.layouts import LAYOUTS, get_layout
from dancepose_addon.core.skeleton.mapping import MIDDLE_M, NEAR_M, for_one_of, mapping_between, to_layout
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from tests.support.samples import cut, points_of, waltz


def clip_of(layout: str) -> KeypointSequence:
    return KeypointSequence(
        points_of(cut(waltz(), 40), layout).astype(np.float32), 25.0, get_layout(layout), source="a clip"
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("smplh52", "smpl22"), ("smplx55", "smpl24"), ("smplx55", "smplh52"), ("azure32", "coco17"),
        ("body25", "coco17"), ("smpl24", "smpl22"), ("azure32", "kinect25"), ("coco17", "h36m17"),
    ],
)  # fmt: skip
def test_points_lie_where_the_target_has_them(source: str, target: str) -> None:
    mapping = mapping_between(get_layout(source), get_layout(target))
    found, truth = to_layout(clip_of(source), get_layout(target)), points_of(cut(waltz(), 40), target)
    away = np.linalg.norm(found.keypoints_m - truth, axis=-1)
    for point, name in enumerate(found.layout.keypoints):
        expected = mapping.away_m[point]
        if not mapping.sources[point]:
            assert np.isnan(away[:, point]).all(), name
            assert found.confidence is not None
            assert found.confidence[:, point].max() == 0.0
        elif expected <= MIDDLE_M:
            # Middles of two joints leave their place a little when shoulders or hips move.
            assert np.median(away[:, point]) < 0.03, name
        else:
            assert np.median(away[:, point]) < NEAR_M + 0.02, name


def test_smplh_holds_smpl22_whole_and_nothing_is_said() -> None:
    found = to_layout(clip_of("smplh52"), get_layout("smpl22"))
    assert found.confidence is None
    assert found.notes == ()
    np.testing.assert_array_equal(found.keypoints_m, clip_of("smplh52").keypoints_m[:, :22])


def test_missing_points_are_named() -> None:
    found = to_layout(clip_of("coco17"), get_layout("h36m17"))
    assert any("without" in note and "head_top" in note for note in found.notes)


def test_a_regressor_s_layout_is_chosen_by_its_points() -> None:
    shipped = ("md23", "coco17", "smpl22", "body25")
    assert for_one_of(clip_of("md23"), shipped).layout.name == "md23"
    assert for_one_of(clip_of("smplx55"), shipped).layout.name == "smpl22"
    assert for_one_of(clip_of("azure32"), ("coco17", "md23")).layout.name == "coco17"
    chosen = for_one_of(clip_of("azure32"), ("coco17",))
    assert any("coco17" in note for note in chosen.notes)
    alone = clip_of("h36m17")
    assert for_one_of(alone, ("md23",)) is alone
    assert for_one_of(alone, ()) is alone


def test_layouts_with_nothing_in_common() -> None:
    with pytest.raises(LayoutError, match="too few are points of smpl24"):
        to_layout(clip_of("md23"), get_layout("smpl24"))


def test_every_layout_is_itself() -> None:
    for layout in LAYOUTS.values():
        mapping = mapping_between(layout, layout)
        assert mapping.share == 1.0
        assert mapping.missing == ()


@pytest.mark.parametrize(("source", "target"), [("azure32", "coco17"), ("coco17", "h36m17"), ("smpl24", "smpl22")])
def test_points_that_lie_a_little_off_are_named(source: str, target: str) -> None:
    mapping = mapping_between(get_layout(source), get_layout(target))
    near = [name for name, off in zip(mapping.target.keypoints, mapping.away_m, strict=True) if off > MIDDLE_M]
    notes = " ".join(to_layout(clip_of(source), get_layout(target)).notes)
    assert ("only nearly" in notes) == bool(near)
    assert all(name in notes for name in near[:5])
