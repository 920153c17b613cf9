# SPDX-License-Identifier: Apache-2.0
"""A user's own layout: read, checked, written, and used wherever a layout is named."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.errors import LayoutError, MissingFileError
from dancepose_addon.core.skeleton.layout_file import (
    layout_from_table,
    layout_template,
    table_of,
    write_layout,
)
from dancepose_addon.core.skeleton.layout_names import guess_joint, other_sides, side_of_name, sides_that_differ
from dancepose_addon.core.skeleton.layouts import LAYOUTS, get_layout
from dancepose_addon.core.skeleton.markers import MarkerSet, layout_with, markers_for
from dancepose_addon.core.skeleton.readers import read
from tests.support.samples import cut, points_of, waltz

SMALL = """
format = "dancepose-layout-1"
title = "Six"
edges = [["LSHO", "RSHO"], ["LSHO", "HEAD"], ["LSHO", "LHIP"], ["LHIP", "RHIP"], ["LHIP", "LTOE"], ["RHIP", "RTOE"]]

[[points]]
name = "HEAD"
attached_to = "head"
offset_m = [0.0, 0.1, 0.05]

[[points]]
name = "LSHO"
attached_to = { left_shoulder = 3, spine3 = 1 }

[[points]]
name = "RSHO"
attached_to = "right_shoulder"

[[points]]
name = "LHIP"
attached_to = "left_hip"

[[points]]
name = "RHIP"
attached_to = "right_hip"

[[points]]
name = "LTOE"
attached_to = "left_foot"

[[points]]
name = "RTOE"
attached_to = "right_foot"
"""


def write(folder: Path, text: str) -> str:
    (folder / "six.toml").write_text(text)
    return str(folder / "six.toml")


def test_a_small_layout(tmp_path: Path) -> None:
    layout = get_layout(write(tmp_path, SMALL))
    assert (layout.count, layout.title) == (7, "Six")
    assert layout.mirrored == (0, 2, 1, 4, 3, 6, 5)
    assert (layout.left, layout.right, layout.top, layout.bottom) == ((1, 3), (2, 4), (0,), (5, 6))
    joints = load_body().rest_joints()
    points = markers_for(layout).rest_points(joints)
    np.testing.assert_allclose(points[0], joints[15] + [0.0, 0.1, 0.05], atol=1e-6)
    np.testing.assert_allclose(points[1], 0.75 * joints[16] + 0.25 * joints[9], atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dancepose-layout-1", "dancepose-layout-2", "dancepose-layout-2"),
        ('title = "Six"', 'title = "Six"\nleft = { LSHO = 1 }\nright = ["RSHO"]', "not a list of points"),
        ('title = "Six"', 'title = "Six"\ntop = []', "not a list of points"),
        ('name = "HEAD"', 'name = "LSHO"', "a unique name"),
        ('attached_to = "head"', 'attached_to = "skull"', "attached to 'skull'"),
        ("left_shoulder = 3", "left_shoulder = -3", "not positive"),
        ("[0.0, 0.1, 0.05]", "[0.0, 100.0]", "three numbers in metres"),
        ('["LSHO", "HEAD"]', '["LSHO", "NOSE"]', "does not name two points"),
        ('["LSHO", "HEAD"], ', "", "do not join LSHO"),
        ("title = ", "top = []\ntitle = ", "top is .* not a list of points"),
        ('title = "Six"', 'title = "Six"\nlefts = []', "unknown keys lefts"),
        ('title = "Six"', 'left = ["LSHO"]\nright = ["RSHO", "RHIP"]', "same number"),
        ("edges = [", "edges = ", "not TOML"),
        ('name = "HEAD"', 'name = "HEAD"\nmirror = "NOSE"', "mirrored by 'NOSE'"),
    ],
)
def test_complaints_say_what_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    with pytest.raises(LayoutError, match=said):
        get_layout(write(tmp_path, SMALL.replace(old, new)))
    with pytest.raises(MissingFileError, match="cannot be read"):
        get_layout(str(tmp_path / "none.toml"))


@pytest.mark.parametrize("name", LAYOUTS)
def test_known_layouts_survive_as_files(tmp_path: Path, name: str) -> None:
    known = LAYOUTS[name]
    path = tmp_path / "copy.toml"
    write_layout(path, table_of(layout_with(markers_for(known))))
    copy = get_layout(str(path))
    assert copy.same_points(known)
    for key in ("keypoints", "edges", "left", "right", "top", "bottom"):
        assert getattr(copy, key) == getattr(known, key)
    joints = load_body().rest_joints()
    np.testing.assert_allclose(markers_for(copy).rest_points(joints), markers_for(known).rest_points(joints), atol=3e-5)


def test_a_file_is_a_layout_wherever_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    write_layout(path, table_of(layout_with(markers_for(LAYOUTS["coco17"]))))
    truth = points_of(cut(waltz(), 20), "coco17")
    np.save(tmp_path / "a.npy", truth)
    clip = read(tmp_path / "a.npy", layout=str(path), fps=25.0)
    assert clip.layout.name == str(path)
    np.testing.assert_allclose(clip.keypoints_m, truth, atol=1e-5)
    # A marker table takes the layout along, for a place where the file is not.
    markers = markers_for(clip.layout)
    path.unlink()
    again = MarkerSet.from_json(markers.to_json())
    assert again.layout.keypoints == LAYOUTS["coco17"].keypoints
    np.testing.assert_allclose(again.offsets_m, markers.offsets_m, atol=1e-5)


def test_a_template_of_names_proposes_joints_and_sides(tmp_path: Path) -> None:
    names = ("LFHD", "RFHD", "C7", "LSHO", "RSHO", "LASI", "RASI", "LKNE", "RKNE", "LTOE", "RTOE")
    write_layout(tmp_path / "vicon.toml", layout_template(names, "Vicon"))
    layout = get_layout(str(tmp_path / "vicon.toml"))
    riding = dict(zip(layout.keypoints, layout.joints, strict=True))
    assert (riding["RKNE"], riding["LTOE"], riding["LASI"], riding["RFHD"]) == (5, 10, 0, 15)
    assert layout.mirrored[names.index("LKNE")] == names.index("RKNE")
    assert "Hand.R" in other_sides("Hand.L")


def test_sides_are_those_of_the_names() -> None:
    names = ("LANK", "RANK", "LANK_2", "RANK_2", "midHip", "Larm", "Rarm", "Right Knee", "hand_l", "Root", "Larynx")
    sides = [side_of_name(name, names) for name in names]
    assert sides == ["left", "right", "left", "right", "", "left", "right", "right", "left", "", ""]
    assert guess_joint("RANK", names) == "right_ankle"
    assert guess_joint("midHip", names) == "pelvis"
    table = layout_template(("LANK", "RANK", "LSHO", "RSHO", "HEAD"), "Mine")
    table["points"][1]["attached_to"] = {"left_ankle": 1.0}
    warnings = sides_that_differ(layout_from_table(table, name="mine", source="mine"))
    assert warnings == ("RANK is right by its name and attached to left_ankle.",)
    assert not any(sides_that_differ(layout) for layout in LAYOUTS.values())
