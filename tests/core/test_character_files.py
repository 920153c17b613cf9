# SPDX-License-Identifier: Apache-2.0
"""A character's dance as BVH, its record, and names that are made readable."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.camera_framing import film_points, frame_points, height_share, project
from dancepose_addon.core.errors import FormatError, InputError, MissingFileError
from dancepose_addon.core.fit.floor.contacts import Ground
from dancepose_addon.core.retarget.character_bvh import write_character_bvh
from dancepose_addon.core.retarget.character_map import CharacterMap
from dancepose_addon.core.retarget.character_record import CharacterRecord, stage_placement
from dancepose_addon.core.retarget.find_map import find_character_map
from dancepose_addon.core.retarget.pose_keys import BoneKeys
from dancepose_addon.core.retarget.readable_names import readable_names, rigify_controls
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton
from dancepose_addon.core.retarget.target_feet import FootPoints
from dancepose_addon.core.retarget.transfer import SourceMotion, transfer_motion
from tests.support.rigs import FAMILIES, Z_UP, build_rig, in_smpl_axes, pose_rig

FRAMES = 5
RANDOM = np.random.default_rng(0)


def turns(count: int) -> np.ndarray:
    return Rotation.from_rotvec(RANDOM.normal(0.0, 0.6, (count, 3))).as_matrix()


SKELETON = RestSkeleton(
    name="hero",
    names=("root bone", "spine", "middle", "head", "arm"),
    parents=np.array([-1, 0, 1, 2, 1]),
    heads=np.array([[1.0, 2.0, 90.0], [0.0, 0.0, 110.0], [3.0, 1.0, 130.0], [0.0, -2.0, 160.0], [20.0, 0.0, 140.0]]),
    tails=np.array([[0.0, 0.0, 110.0], [3.0, 1.0, 130.0], [0.0, -2.0, 160.0], [0.0, 4.0, 180.0], [50.0, 1.0, 140.0]]),
    rotmat=turns(5),
    world_rotmat=turns(1)[0],
    world_scale=0.01,
    world_origin_m=np.array([1.0, -2.0, 0.5]),
    inherits=np.ones(5, bool),
    connected=np.zeros(5, bool),
)
DELTAS = {bone: turns(FRAMES) for bone in (0, 1, 3)}
LOCATIONS = {bone: RANDOM.normal(size=(FRAMES, 3)) for bone in (0, 4)}
KEYS = BoneKeys((0, 1, 3), np.zeros((FRAMES, 3, 4)), LOCATIONS, DELTAS, {}, 1.0)
MAP = CharacterMap({"pelvis": (1,)})


def read_bvh(path: Path) -> tuple[list[str], dict[str, np.ndarray], dict[str, np.ndarray], float]:
    """Names, positions (T, 3) and rotations of all joints, and the frame time, by SciPy's Euler angles."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    motion = lines.index(["MOTION"])
    assert lines[motion + 1] == ["Frames:", str(FRAMES)]
    rows = np.array([[float(word) for word in line] for line in lines[motion + 3 :]])
    stack: list[str] = []
    parent: dict[str, str] = {}
    offset: dict[str, np.ndarray] = {}
    channels: dict[str, int] = {}
    for words in lines[1:motion]:
        if words[0] in ("ROOT", "JOINT", "End"):
            name = "end of " + stack[-1] if words[0] == "End" else words[1]
            assert (words[0] == "ROOT") == (not stack)
            parent[name] = stack[-1] if stack else ""
            stack.append(name)
        elif words[0] == "OFFSET":
            offset[stack[-1]] = np.array([float(word) for word in words[1:]])
        elif words[0] == "CHANNELS":
            channels[stack[-1]] = int(words[1])
            assert words[-3:] == ["Zrotation", "Xrotation", "Yrotation"]
            assert words[2:-3] in ([], ["Xposition", "Yposition", "Zposition"])
        elif words[0] == "}":
            stack.pop()
    assert stack == []
    place: dict[str, np.ndarray] = {}
    turn: dict[str, np.ndarray] = {}
    column = 0
    for name, above in parent.items():
        moved, local = np.tile(offset[name], (FRAMES, 1)), np.tile(np.eye(3), (FRAMES, 1, 1))
        if channels.get(name) == 6:
            moved, column = rows[:, column : column + 3], column + 3
        if name in channels:
            local = Rotation.from_euler("ZXY", rows[:, column : column + 3], degrees=True).as_matrix()
            column += 3
        place[name] = place[above] + np.einsum("tij,tj->ti", turn[above], moved) if above else moved
        turn[name] = turn[above] @ local if above else local
    assert column == rows.shape[1]
    return list(parent), place, turn, float(lines[motion + 2][2])


def test_a_dance_as_bvh_is_where_the_armature_has_it(tmp_path: Path) -> None:
    """Positions in centimetres with y up, from the rotations of the bones from rest."""
    write_character_bvh(SKELETON, MAP, KEYS, tmp_path / "dance.bvh", fps=24.0)
    names, place, turn, frame_s = read_bvh(tmp_path / "dance.bvh")
    assert names == ["root_bone", "spine", "middle", "head", "end of head", "arm", "end of arm"]
    assert frame_s == pytest.approx(1.0 / 24.0, abs=1e-9)
    # Bones without keys turn with the nearest bone above that has some.
    delta = {0: DELTAS[0], 1: DELTAS[1], 2: DELTAS[1], 3: DELTAS[3], 4: DELTAS[1]}
    at = {0: SKELETON.heads[0] + LOCATIONS[0] @ SKELETON.rotmat[0].T}
    for bone in range(1, 5):
        above = int(SKELETON.parents[bone])
        step = SKELETON.heads[bone] - SKELETON.heads[above] + np.zeros((FRAMES, 3))
        if bone in LOCATIONS:
            step = step + LOCATIONS[bone] @ SKELETON.rotmat[bone].T
        at[bone] = at[above] + np.einsum("tij,tj->ti", delta[above], step)
    to_smpl = Z_UP.T @ SKELETON.world_rotmat
    for bone, name in enumerate(("root_bone", "spine", "middle", "head", "arm")):
        world_m = 0.01 * at[bone] @ SKELETON.world_rotmat.T + SKELETON.world_origin_m
        assert place[name] == pytest.approx(100.0 * world_m @ Z_UP, abs=2e-3)
        assert turn[name] == pytest.approx(to_smpl @ delta[bone] @ to_smpl.T, abs=1e-5)
    tip = at[3] + np.einsum("tij,j->ti", delta[3], SKELETON.tails[3] - SKELETON.heads[3])
    world_m = 0.01 * tip @ SKELETON.world_rotmat.T + SKELETON.world_origin_m
    assert place["end of head"] == pytest.approx(100.0 * world_m @ Z_UP, abs=2e-3)


def test_bones_above_the_root_of_the_pelvis_only(tmp_path: Path) -> None:
    """Another root, such as that of a prop, is left out."""
    two = replace(
        SKELETON, names=(*SKELETON.names[:4], "  "), parents=np.array([-1, 0, 1, 2, -1]), world_rotmat=np.eye(3)
    )
    keys = replace(KEYS, locations={})
    write_character_bvh(two, MAP, keys, tmp_path / "dance.bvh", fps=24.0)
    names, place, _, _ = read_bvh(tmp_path / "dance.bvh")
    assert names == ["root_bone", "spine", "middle", "head", "end of head"]
    at_m = [1.0 + 0.01, 0.5 + 0.9, 2.0 - 0.02]  # (x, z, -y) of origin and head
    assert place["root_bone"] == pytest.approx(np.tile(100.0 * np.array(at_m), (FRAMES, 1)), abs=1e-4)
    write_character_bvh(two, CharacterMap({"pelvis": (4,)}), keys, tmp_path / "prop.bvh", fps=24.0)
    assert read_bvh(tmp_path / "prop.bvh")[0] == ["bone", "end of bone"]


def test_control_rigs_have_no_bvh(tmp_path: Path) -> None:
    rig = CharacterMap({"pelvis": (0,)}, settings={"a": 1.0})
    with pytest.raises(InputError, match=r"control rig.*Export \.fbx"):
        write_character_bvh(SKELETON, rig, KEYS, tmp_path / "dance.bvh", fps=24.0)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def dance(body) -> SourceMotion:
    rotvec = np.random.default_rng(3).normal(0.0, 0.3, (FRAMES, 24, 3))
    path = np.random.default_rng(4).normal(0.0, 0.3, (FRAMES, 3)) + np.array([0.0, 1.2, 0.0])
    rest = body.rest_joints().astype(np.float64)
    return SourceMotion(rest, rotvec_to_rotmat(rotvec), path, 0.08, Ground(0.0, np.zeros((FRAMES, 2, 2), bool)), 30.0)


def record_of(name: str, rest_m: np.ndarray) -> CharacterRecord:
    """Of a rig away from the origin."""
    skeleton = replace(build_rig(FAMILIES[name], rest_m), world_origin_m=np.array([0.5, -1.0, 0.25]))
    character = find_character_map(skeleton)
    below = skeleton.world_rotmat.T @ np.array([0.0, 0.0, -0.08]) / skeleton.world_scale
    soles = {part: skeleton.heads[character.first(part)][None] + below for part in ("left_ankle", "right_ankle")}
    reach = {character.first(part): 0.1 * (number + 1) for number, part in enumerate(("head", "left_wrist"))}
    return CharacterRecord(skeleton, character, FootPoints(soles), reach)


@pytest.mark.parametrize("name", ["mixamo", "unreal"])
def test_the_outline_reaches_around_heads_of_bones(name: str, dance: SourceMotion) -> None:
    record = record_of(name, dance.rest_joints_m)
    placement = stage_placement(record.skeleton)
    keys = transfer_motion(
        record.skeleton, record.character, dance, feet=record.feet, placement=placement, lock_feet=False
    )
    _, heads = pose_rig(record.skeleton, keys)
    points = record.outline(dance).reshape(FRAMES, 2, 6, 3).swapaxes(0, 1)
    # The rig has SMPL's proportions: its hip is where the motion has it.
    thigh = in_smpl_axes(heads[:, record.character.first("left_hip")], record.skeleton)
    hip = np.einsum("tij,j->ti", dance.pose_rotmat[:, 0], dance.rest_joints_m[1] - dance.rest_joints_m[0])
    assert thigh == pytest.approx(dance.translation_m + dance.rest_joints_m[0] + hip, abs=1e-3)
    for (bone, distance), found in zip(record.reach.items(), points, strict=True):
        middle = in_smpl_axes(heads[:, bone], record.skeleton)
        radius = distance * record.skeleton.world_scale
        for axis in range(3):
            step = radius * np.eye(3)[axis]
            assert found[:, axis] == pytest.approx(middle + step, abs=1e-6)
            assert found[:, 3 + axis] == pytest.approx(middle - step, abs=1e-6)


def test_the_camera_follows_a_character_that_travels(dance: SourceMotion) -> None:
    """As it follows a body: the character stays in the picture, and is larger than for a still camera."""
    record = record_of("mixamo", dance.rest_joints_m)
    away_m = np.linspace(0.0, 9.0, FRAMES)[:, None] * np.array([1.0, 0.0, 0.0])
    points = record.outline(replace(dance, translation_m=dance.translation_m + away_m))
    front = np.array([0.0, 0.0, 1.0])
    still = frame_points(points.reshape(-1, 3), front=front, aspect=1.5)
    path = film_points(lambda: points, still=still, height_m=record.height_m, fps=1.0)
    assert path.way_m is not None
    for frame, shown in enumerate(points):
        moved = replace(path.shot, position_m=path.position_m(frame))
        assert np.abs(project(moved, shown)[:, :2]).max() < 1.0
    assert height_share(path.shot, record.height_m) > 1.5 * height_share(still, record.height_m)
    assert film_points(lambda: points, still=still, height_m=record.height_m, fps=1.0, choice="still").way_m is None


def test_the_height_is_that_of_the_skin_above_the_feet(dance: SourceMotion) -> None:
    record = record_of("unreal", dance.rest_joints_m)
    head, foot = record.character.first("head"), record.character.first("left_ankle")
    places_m = in_smpl_axes(record.skeleton.heads[[head, foot]], record.skeleton)
    reach = {head: 0.2 / record.skeleton.world_scale, foot: 0.1 / record.skeleton.world_scale}
    expected = places_m[0, 1] + 0.2 - places_m[1, 1]
    assert replace(record, reach=reach).height_m == pytest.approx(expected, abs=1e-9)


def test_a_record_is_read_as_it_was_saved(dance: SourceMotion, tmp_path: Path) -> None:
    record = record_of("mixamo", dance.rest_joints_m)
    record.save(tmp_path / "hero.npz")
    found = CharacterRecord.load(tmp_path / "hero.npz")
    assert found.character == record.character
    assert found.reach == record.reach
    assert found.skeleton.names == record.skeleton.names
    assert found.outline(dance) == pytest.approx(record.outline(dance), abs=1e-12)
    assert list(found.feet.points) == ["left_ankle", "right_ankle"]
    np.savez(tmp_path / "other.npz", parents=[1])
    with pytest.raises(FormatError, match=r"not the record of a character"):
        CharacterRecord.load(tmp_path / "other.npz")
    with pytest.raises(MissingFileError, match="cannot be read"):
        CharacterRecord.load(tmp_path / "none.npz")


def test_names_of_miku_miku_dance() -> None:
    names = ["センター", "左ひざ", "右足首", "左人指１", "右腕捩", "上半身２", "spine"]
    assert readable_names(names) == [
        "Center root", "Left knee", "Right ankle", "Left index 1", "Right upperarm twist",
        "spine 2", "spine",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["hip_JNT", "spine_JNT", "head_JNT", "arm_JNT", "root"], ["hip", "spine", "head", "arm", "root"]),
        (["hip_JNT", "spine_JNT", "head_JNT", "arm"], ["hip_JNT", "spine_JNT", "head_JNT", "arm"]),  # too few bones
        (["a_JNT", "b_JNT", "c_JNT", "d", "e", "f"], ["a_JNT", "b_JNT", "c_JNT", "d", "e", "f"]),  # half of them
        (["a_left", "b_left", "c_left", "d_left", "e_left"], ["a_left", "b_left", "c_left", "d_left", "e_left"]),
        (["a_JN", "b_JN", "c_JN", "d_JN", "e_JN"], ["a_JN", "b_JN", "c_JN", "d_JN", "e_JN"]),  # as short as a side
    ],
)
def test_an_ending_that_most_names_share_is_removed(names: list[str], expected: list[str]) -> None:
    assert readable_names(names) == expected


def test_controls_of_rigify() -> None:
    controls = {
        "upper_arm_fk.L": "upper_arm.L", "upper_arm_fk.R": "upper_arm.R", "thigh_fk.L": "thigh.L",
        "thigh_fk.R": "thigh.R", "torso": "pelvis", "neck": "neck", "head": "head", "spine_fk.001": "spine_fk.001",
        "shoulder.L": "shoulder.L", "f_index.01.R": "f_index.01.R", "thumb.03.L": "thumb.03.L", "toe_fk.L": "toe.L",
        "upper_arm_ik.L": "", "shoulder": "", "palm.L": "", "toe_fk": "", "f_index.01.R.001": "", "hips": "",
    }  # fmt: skip
    assert rigify_controls(list(controls)) == list(controls.values())
    assert rigify_controls([name for name in controls if name != "thigh_fk.R"]) is None
