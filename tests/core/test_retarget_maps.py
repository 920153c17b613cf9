# SPDX-License-Identifier: Apache-2.0
"""Maps of characters: names, shape, the user's own, and refusals."""

from dataclasses import replace
import json
import os
from pathlib import Path
import struct
import sys

import numpy as np
import pytest

from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.gltf_header import require_readable_gltf
from dancepose_addon.core.retarget.map_file import map_text, read_map_file
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.skeleton.layouts import LAYOUTS
from tests.support.rigs import FAMILIES, build_rig


@pytest.fixture(scope="module")
def rest(body) -> np.ndarray:
    return body.rest_joints().astype(np.float64)


def renamed(skeleton: RestSkeleton, names: dict[str, str]) -> RestSkeleton:
    return replace(skeleton, names=tuple(names.get(name, name) for name in skeleton.names))


@pytest.mark.parametrize("name", ["mixamo", "unreal", "vroid", "ready player me"])
def test_bones_without_names_are_found_by_shape(rest, name):
    family = FAMILIES[name]
    skeleton = build_rig(family, rest)
    known = find_character_map(skeleton)
    numbered = replace(skeleton, names=tuple(f"Bone.{number:03d}" for number in range(len(skeleton))))
    found = find_character_map(numbered)
    limbs = [f"{s}_{p}" for s in ("left", "right") for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]
    assert {part: found.bones[part] for part in limbs} == {part: known.bones[part] for part in limbs}
    assert any("from the shape" in doubt for doubt in found.doubts)


def test_one_unknown_name_is_completed_by_position(rest):
    skeleton = build_rig(FAMILIES["mixamo"], rest)
    odd = renamed(skeleton, {"mixamorig:LeftForeArm": "mixamorig:Xyz"})
    character = find_character_map(odd)
    assert odd.names[character.bones["left_elbow"][0]] == "mixamorig:Xyz"
    assert any("left forearm" in doubt for doubt in character.doubts)


def test_a_head_without_a_known_name_is_found_by_position(rest):
    skeleton = renamed(build_rig(FAMILIES["mixamo"], rest), {"mixamorig:Head": "mixamorig:Xyz"})
    character = find_character_map(skeleton)
    assert skeleton.names[character.bones["head"][0]] == "mixamorig:Xyz"
    assert any("head is taken to be" in doubt for doubt in character.doubts)


def test_exchanged_labels_are_reported_and_true_sides_used(rest):
    skeleton = build_rig(FAMILIES["swapped labels"], rest)
    character = find_character_map(skeleton)
    left = skeleton.heads[character.bones["left_hip"][0]]
    assert left[0] > 0.0  # the figure faces -Y, so its left is at +X
    assert any("exchanged" in doubt for doubt in character.doubts)


def test_segments_of_two_bones_and_twist_bones(rest):
    skeleton = build_rig(FAMILIES["unreal"], rest)
    character = find_character_map(skeleton)
    assert {(skeleton.names[twist.bone], twist.part) for twist in character.twists} == {
        ("upperarm_twist_01_l", "left_shoulder"), ("lowerarm_twist_01_l", "left_elbow"),
        ("upperarm_twist_01_r", "right_shoulder"), ("lowerarm_twist_01_r", "right_elbow"),
    }  # fmt: skip


def test_helpers_hair_and_inverse_kinematics_are_left_alone(rest):
    for name, bones in (("toy", ("IK-foot.l", "kneeIK.l", "root")), ("vroid", ("J_Sec_Hair1_01", "Root"))):
        skeleton = build_rig(FAMILIES[name], rest)
        driven = {skeleton.names[bone] for bone in find_character_map(skeleton).driven()}
        assert driven.isdisjoint(bones)


def test_missing_collars_are_mentioned(rest):
    doubts = find_character_map(build_rig(FAMILIES["toy"], rest)).doubts
    assert any("collar" in doubt for doubt in doubts)


def test_a_missing_limb_is_one_sentence(rest):
    skeleton = build_rig(FAMILIES["mixamo"], rest)
    kept = [bone for bone, name in enumerate(skeleton.names) if "RightArm" not in name]
    kept = [b for b in kept if not any("RightArm" in skeleton.names[a] for a in skeleton.ancestors(b))]
    with pytest.raises(InputError, match="right forearm") as refused:
        find_character_map(subset(skeleton, kept))
    assert "\n" not in str(refused.value)


def subset(skeleton: RestSkeleton, kept: list[int]) -> RestSkeleton:
    number = {bone: index for index, bone in enumerate(kept)}
    return replace(
        skeleton,
        names=tuple(skeleton.names[bone] for bone in kept),
        parents=np.array([number.get(int(skeleton.parents[bone]), -1) for bone in kept]),
        **{key: getattr(skeleton, key)[kept] for key in ("heads", "tails", "rotmat", "inherits", "connected")},
    )


def test_what_is_not_human_is_refused(rest):
    skeleton = build_rig(FAMILIES["mixamo"], rest)
    tail = subset(skeleton, list(range(5)))
    with pytest.raises(InputError, match="not recognised as a person"):
        find_character_map(tail)


def test_a_map_file_overrides_what_is_found(rest, tmp_path):
    skeleton = build_rig(FAMILIES["mixamo"], rest)
    odd = renamed(skeleton, {"mixamorig:LeftLeg": "piston", "mixamorig:LeftFoot": "block"})
    path = tmp_path / "map.toml"
    path.write_text('[bones]\nleft_knee = "piston"\nleft_ankle = "block"\nleft_collar = ""\n', encoding="utf-8")
    character = find_character_map(odd, overrides=read_map_file(path, odd))
    assert odd.names[character.bones["left_knee"][0]] == "piston"
    assert odd.names[character.bones["left_ankle"][0]] == "block"
    assert "left_collar" not in character.bones
    assert "right_collar" in character.bones


def test_a_written_map_is_read_back(rest, tmp_path):
    skeleton = build_rig(FAMILIES["biped"], rest)
    character = find_character_map(skeleton)
    path = tmp_path / "map.toml"
    path.write_text(map_text(character, skeleton), encoding="utf-8")
    again = find_character_map(skeleton, overrides=read_map_file(path, skeleton))
    assert again.bones == character.bones


@pytest.mark.skipif(sys.platform == "win32", reason="devices of POSIX")
def test_a_device_is_no_map(rest):
    """Reading it might never end."""
    with pytest.raises(FormatError, match="not a regular file"):
        read_map_file(Path(os.devnull), build_rig(FAMILIES["toy"], rest))


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("[bones]\nleft_knee = 'mixamorig:Spine'\nleft_hip = 'mixamorig:Spine'", InputError, "more than once"),
        ("[bones]\nleft_knee = 'mixamorig:RightLeg'", InputError, "more than once"),
        ("[bones]\nleft_knee = 'nothing'", InputError, "does not have"),
        ("[bones]\ntail = 'mixamorig:Spine'", InputError, "does not exist"),
        ("[bones]\nhead = ['mixamorig:Head', 'mixamorig:Neck']", InputError, "one bone"),
        ("[bones]\nhead = 3", FormatError, "name of a bone"),
        ("bones = 3", FormatError, "one table"),
        ("[bones", FormatError, "not valid TOML"),
    ],
)
def test_wrong_maps_are_refused(rest, tmp_path, text, kind, message):
    skeleton = build_rig(FAMILIES["mixamo"], rest)
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(kind, match=message) as refused:
        find_character_map(skeleton, overrides=read_map_file(path, skeleton))
    assert "\n" not in str(refused.value)


def test_a_map_file_that_does_not_exist(rest, tmp_path):
    with pytest.raises(MissingFileError):
        read_map_file(tmp_path / "none.toml", build_rig(FAMILIES["toy"], rest))


def glb(table: dict) -> bytes:
    text = json.dumps(table).encode()
    return b"glTF" + struct.pack("<II", 2, 20 + len(text)) + struct.pack("<I4s", len(text), b"JSON") + text


def test_compressed_meshes_are_refused_in_one_sentence(tmp_path):
    path = tmp_path / "avatar.glb"
    path.write_bytes(glb({"asset": {"version": "2.0"}, "extensionsRequired": ["EXT_meshopt_compression"]}))
    with pytest.raises(FormatError, match="EXT_meshopt_compression"):
        require_readable_gltf(path)
    path.write_bytes(glb({"asset": {"version": "2.0"}, "extensionsRequired": ["KHR_texture_transform"]}))
    require_readable_gltf(path)


def test_layouts_are_untouched_by_new_words():
    assert "md23" in LAYOUTS
