# SPDX-License-Identifier: Apache-2.0
"""Map files of characters: what is read, refused and written."""

from pathlib import Path

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.retarget.character_map import CharacterMap, TwistBone
from dancepose_addon.core.retarget.map_file import bones_of_map, map_text, read_map_file
from dancepose_addon.core.retarget.pose_keys import _bodily_parents
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton

NAMES = ("Hips", "Spine", "Spine1", 'odd "name" \\', "Hand", "Thumb")


def skeleton() -> RestSkeleton:
    count = len(NAMES)
    heads = np.arange(3.0 * count).reshape(count, 3)
    flags = np.ones(count, bool)
    return RestSkeleton(
        "toy", NAMES, np.arange(-1, count - 1), heads, heads + 1.0, np.tile(np.eye(3), (count, 1, 1)), np.eye(3), 1.0,
        np.zeros(3), flags, ~flags,
    )  # fmt: skip


def test_a_map_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    character = CharacterMap({"pelvis": (0,), "spine": (1, 2), "head": (3,), "left_thumb": (5,), "right_foot": (4,)})
    path.write_text(map_text(character, skeleton()), encoding="utf-8")
    assert read_map_file(path, skeleton()) == dict(character.bones)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert 'pelvis = "Hips"' in lines
    assert 'spine = ["Spine", "Spine1"]' in lines
    assert 'right_foot = ["Hand"]' in lines


def test_an_empty_name_is_no_bone(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[bones]\nleft_collar = ""\nspine = ["Spine", ""]\n', encoding="utf-8")
    assert read_map_file(path, skeleton()) == {"left_collar": (), "spine": (1,)}


@pytest.mark.parametrize(
    ("text", "error", "part"),
    [
        ("bones = 3\n", FormatError, "needs one table"),
        ("[bones]\n[other]\n", FormatError, "needs one table"),
        ("[other]\n", FormatError, "needs one table"),
        ("[bones\n", FormatError, "not valid TOML"),
        ("[bones]\npelvis = 3\n", FormatError, "must be the name of a bone"),
        ('[bones]\nspine = ["Spine", 3]\n', FormatError, "must be the name of a bone"),
        ('[bones]\ntail = "Hips"\n', InputError, "which does not exist"),
        ('[bones]\npelvis = ""\n', InputError, "gives the pelvis no bone"),
        ('[bones]\npelvis = "Hip"\n', InputError, "names the bone 'Hip'"),
        ('[bones]\npelvis = ["Hips", "Spine"]\n', InputError, "2 bones for pelvis, which is one bone"),
        ('[bones]\npelvis = "Hips"\nspine = "Hips"\n', InputError, "more than once (for pelvis, spine)"),
        ('[bones]\nspine = ["Spine", "Spine"]\n', InputError, "more than once (for spine)"),
    ],
)
def test_what_is_no_map(tmp_path: Path, text: str, error: type[Exception], part: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=r".*") as caught:
        read_map_file(path, skeleton())
    assert part in str(caught.value)


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(MissingFileError):
            read_map_file(path, skeleton())


def test_devices_are_not_read() -> None:
    with pytest.raises(FormatError, match="not a regular file"):
        read_map_file(Path("/dev/zero"), skeleton())


def test_maps_have_at_most_a_mebibyte(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    start = '[bones]\npelvis = "Hips"\n#'
    path.write_text(start + "x" * (2**20 - len(start)), encoding="utf-8")
    assert read_map_file(path, skeleton()) == {"pelvis": (0,)}
    path.write_text(start + "x" * (2**20 - len(start) + 1), encoding="utf-8")
    with pytest.raises(FormatError, match="has at most 1 MiB"):
        read_map_file(path, skeleton())


def test_maps_are_utf8(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_bytes(b'[bones]\npelvis = "\xff"\n')
    with pytest.raises(FormatError):
        read_map_file(path, skeleton())


def test_single_bones_of_several() -> None:
    assert bones_of_map({"left_foot": ["Hand", "Thumb"], "pelvis": ["Hips"]}, skeleton()) == {
        "left_foot": (4, 5), "pelvis": (0,),
    }  # fmt: skip


def test_bodily_parents_of_a_whole_character() -> None:
    """Two pelvis bones, two of the spine, neck and head; one arm with two forearm bones and a thumb; one leg."""
    bones = {
        "pelvis": (0, 1), "spine": (2, 3), "neck": (4,), "head": (5,), "left_collar": (6,), "left_shoulder": (7,),
        "left_elbow": (8, 9), "left_wrist": (10,), "left_thumb": (11, 12), "left_index": (13,), "right_hip": (14,),
        "right_knee": (15,), "right_ankle": (16,), "right_foot": (17, 18),
    }  # fmt: skip
    found = _bodily_parents(CharacterMap(bones, twists=(TwistBone(19, "left_elbow", 0.5),)))
    assert found == {
        1: 0, 2: 0, 3: 2, 4: 3, 5: 4, 6: 3, 7: 6, 8: 7, 9: 8, 10: 9, 11: 10, 12: 11, 13: 10, 14: 0, 15: 14, 16: 15,
        17: 16, 18: 16, 19: 8,
    }  # fmt: skip


def test_bodily_parents_without_spine_neck_and_collar() -> None:
    found = _bodily_parents(CharacterMap({"pelvis": (0,), "head": (1,), "right_shoulder": (2,), "right_elbow": (3,)}))
    assert found == {1: 0, 2: 0, 3: 2}
