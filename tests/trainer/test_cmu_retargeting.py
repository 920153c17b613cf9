# SPDX-License-Identifier: Apache-2.0
"""Retargeting of a small skeleton of CMU's kind, where every rotation is known by hand."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
import pytest
from scipy.spatial.transform import Rotation

from dancepose.trainer.mocap.cmu_retargeting import level, retarget
from dancepose.trainer.mocap.poses import load_poses
from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.skeleton.readers.bvh_grammar import BvhMotion, parse_bvh
from tests.support.bodies import person_joints

# Child: (parent, offset). Legs hang straight down and arms point straight out.
_TRUNK = {
    "LowerBack": ("Hips", (0, 0, 0)),
    "Spine": ("LowerBack", (0, 2, 0)),
    "Spine1": ("Spine", (0, 2, 0)),
    "Neck": ("Spine1", (0, 0, 0)),
    "Neck1": ("Neck", (0, 1.7, 0)),
    "Head": ("Neck1", (0, 1.7, 0)),
}
_LEFT = {
    "Shoulder": ("Spine1", (0, 0, 0)),
    "Arm": ("Shoulder", (3, 1, 0)),
    "ForeArm": ("Arm", (5, 0, 0)),
    "Hand": ("ForeArm", (3, 0, 0)),
    "FingerBase": ("Hand", (0, 0, 0)),
    "HandIndex1": ("FingerBase", (1, 0, 0)),
    "UpLeg": ("Hips", (1.5, -2, 0)),
    "Leg": ("UpLeg", (0, -7, 0)),
    "Foot": ("Leg", (0, -7, 0)),
    "ToeBase": ("Foot", (0, -0.5, 2)),
}
JOINTS = dict(_TRUNK)
for _name, (_parent, (_x, _y, _z)) in _LEFT.items():
    for _side, _sign in (("Left", 1), ("Right", -1)):
        JOINTS[_side + _name] = (_side + _parent if _parent in _LEFT else _parent, (_sign * _x, _y, _z))


def _straight_joints() -> NDArray[np.float32]:
    """A body whose limbs point exactly where the file's do, so that only twist has to be made up for."""
    rest = person_joints()
    for side in ("left", "right"):
        for joint, above in (("knee", "hip"), ("ankle", "knee")):
            rest[JOINT_INDEX[f"{side}_{joint}"]][[0, 2]] = rest[JOINT_INDEX[f"{side}_{above}"]][[0, 2]]
        for joint, inner in (("elbow", "shoulder"), ("wrist", "elbow"), ("hand", "wrist")):
            rest[JOINT_INDEX[f"{side}_{joint}"]][1:] = rest[JOINT_INDEX[f"{side}_{inner}"]][1:]
    return rest


REST = _straight_joints()


def _text(turns: dict[str, Rotation], frames: int = 1) -> str:
    """A BVH file: a T-pose, then ``frames`` frames with these joints turned ever further, up to ``turns``."""
    lines, columns = ["HIERARCHY"], []

    def write(name: str, offset: tuple[float, ...], word: str) -> None:
        columns.append(name)
        position = "6 Xposition Yposition Zposition" if word == "ROOT" else "3"
        lines.extend([f"{word} {name}", "{", "OFFSET {} {} {}".format(*offset)])
        lines.append(f"CHANNELS {position} Zrotation Yrotation Xrotation")
        children = [(child, place) for child, (parent, place) in JOINTS.items() if parent == name]
        for child, place in children:
            write(child, place, "JOINT")
        lines.extend(["}"] if children else ["End Site", "{", "OFFSET 0 0 1", "}", "}"])

    write("Hips", (0, 0, 0), "ROOT")
    lines.extend(["MOTION", f"Frames: {frames + 1}", "Frame Time: 0.008333"])
    for share in np.arange(frames + 1) / frames:
        values = [0.0, 17.0, 0.0]
        for name in columns:
            turn = turns.get(name, Rotation.identity())
            values += Rotation.from_rotvec(share * turn.as_rotvec()).as_euler("ZYX", degrees=True).tolist()
        lines.append(" ".join(f"{value:.6f}" for value in values))
    return "\n".join(lines) + "\n"


def _motion(folder: Path, turns: dict[str, Rotation]) -> BvhMotion:
    path = folder / "clip.bvh"
    path.write_text(_text(turns))
    return parse_bvh(path)


def _about(axis: str, degrees: float) -> Rotation:
    return Rotation.from_euler(axis, degrees, degrees=True)


def _joint(local: NDArray, name: str) -> NDArray:
    return local[-1, JOINT_INDEX[name]]


def _assert_is(found: NDArray, truth: Rotation) -> None:
    assert np.degrees((Rotation.from_matrix(found).inv() * truth).magnitude()) < 0.05


def test_legs_hips_and_spine_carry_over(tmp_path: Path) -> None:
    turns = {
        "Hips": _about("y", 120) * _about("x", 10),
        "LowerBack": _about("x", 20),
        "LeftUpLeg": _about("x", -70),
        "LeftLeg": _about("x", 90),
        "LeftFoot": _about("x", 25),
        "RightUpLeg": _about("z", -15) * _about("y", -20),
    }
    local = retarget(_motion(tmp_path, turns), REST)
    for joint, bone in {
        "pelvis": "Hips", "spine1": "LowerBack", "left_hip": "LeftUpLeg", "left_knee": "LeftLeg",
        "left_ankle": "LeftFoot", "right_hip": "RightUpLeg",
    }.items():  # fmt: skip
        _assert_is(_joint(local, joint), turns[bone])
    for joint in ("spine2", "spine3", "right_knee", "right_foot", "left_hand"):
        _assert_is(_joint(local, joint), Rotation.identity())


LIMB_BONES = {
    ("left_hip", "left_knee"): ("LeftUpLeg", "LeftLeg"),
    ("right_hip", "right_knee"): ("RightUpLeg", "RightLeg"),
    ("left_knee", "left_ankle"): ("LeftLeg", "LeftFoot"),
    ("right_knee", "right_ankle"): ("RightLeg", "RightFoot"),
    ("left_shoulder", "left_elbow"): ("LeftArm", "LeftForeArm"),
    ("right_shoulder", "right_elbow"): ("RightArm", "RightForeArm"),
    ("left_elbow", "left_wrist"): ("LeftForeArm", "LeftHand"),
    ("right_elbow", "right_wrist"): ("RightForeArm", "RightHand"),
    ("left_wrist", "left_hand"): ("LeftFingerBase", "LeftHandIndex1"),
    ("right_wrist", "right_hand"): ("RightFingerBase", "RightHandIndex1"),
}


def test_limbs_point_where_the_files_limbs_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every limb bone of the file slants its own way at rest, left and right differently, and every joint turns its
    own way; in space each SMPL limb has the direction of the file's."""
    random = np.random.default_rng(4)
    slanted = {name: (parent, tuple(np.add(offset, random.uniform(-0.4, 0.4, 3)))) for name, (parent, offset) in
               JOINTS.items() if name.startswith(("Left", "Right"))}  # fmt: skip
    monkeypatch.setitem(globals(), "JOINTS", JOINTS | slanted)
    turns = {name: Rotation.from_rotvec(random.uniform(-0.5, 0.5, 3)) for name in JOINTS}
    motion = _motion(tmp_path, turns)
    _, positions = motion.forward_kinematics()
    index = {name: joint for joint, name in enumerate(motion.names)}
    _, joints = forward_kinematics(person_joints(), retarget(motion, person_joints()))
    for (first, last), (start, end) in LIMB_BONES.items():
        found = joints[-1, JOINT_INDEX[last]] - joints[-1, JOINT_INDEX[first]]
        wanted = positions[-1, index[end]] - positions[-1, index[start]]
        cosine = found @ wanted / np.linalg.norm(found) / np.linalg.norm(wanted)
        assert np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) < 0.1, first


@pytest.mark.parametrize(("side", "sign"), [("left", 1.0), ("right", -1.0)])
def test_an_elbow_that_hinges_askew_hinges_upright(tmp_path: Path, side: str, sign: float) -> None:
    """The file's elbow turns about an axis 30 degrees off the vertical and its hand by 30 degrees about the forearm.
    SMPL's elbow turns about the vertical; rolled back by the 30 of the hinge, the forearm turns by 60 in all, half of
    it at the elbow and half at the wrist."""
    name = side.capitalize()
    hinge = sign * np.array([0.0, -np.cos(np.radians(30)), np.sin(np.radians(30))])
    turns = {
        f"{name}ForeArm": Rotation.from_rotvec(np.radians(60) * hinge),
        f"{name}Hand": _about("x", 30),
        f"{name}FingerBase": _about("z", 20),
    }
    local = retarget(_motion(tmp_path, turns), REST)
    _assert_is(_joint(local, f"{side}_collar"), Rotation.identity())
    _assert_is(_joint(local, f"{side}_shoulder"), _about("x", -30))
    _assert_is(_joint(local, f"{side}_elbow"), _about("y", -60 * sign) * _about("x", 30))
    _assert_is(_joint(local, f"{side}_wrist"), _about("x", 30) * _about("z", 20))


def test_collar_rises_with_the_arm_and_the_arm_stays(tmp_path: Path) -> None:
    local = retarget(_motion(tmp_path, {"LeftArm": _about("z", 60), "RightArm": _about("y", 80)}), REST)
    left, right = Rotation.from_matrix(local[-1, [JOINT_INDEX["left_collar"], JOINT_INDEX["right_collar"]]])
    assert np.degrees(left.as_rotvec()) == pytest.approx([0, 0, 12], abs=0.1)
    assert 5 < np.degrees(right.as_rotvec())[1] < 15
    arm = left.as_matrix() @ _joint(local, "left_shoulder") @ [1.0, 0.0, 0.0]
    assert np.allclose(arm, [0.5, np.sqrt(0.75), 0.0], atol=1e-4)


def test_two_necks_become_one(tmp_path: Path) -> None:
    turns = {"Neck": _about("x", -10), "Neck1": _about("x", 30), "Head": _about("y", 25)}
    local = retarget(_motion(tmp_path, turns), REST)
    _assert_is(_joint(local, "neck"), _about("x", 5))
    _assert_is(_joint(local, "head"), _about("x", 15) * _about("y", 25))


def test_a_foot_rolled_sole_up_is_set_right(tmp_path: Path) -> None:
    along = REST[JOINT_INDEX["left_foot"]] - REST[JOINT_INDEX["left_ankle"]]
    roll = Rotation.from_rotvec(np.radians(170) * along / np.linalg.norm(along))
    turns = {"LeftFoot": _about("x", 40) * roll, "LeftToeBase": _about("x", 40)}
    local = retarget(_motion(tmp_path, turns), REST)
    assert np.allclose(_joint(local, "left_ankle") @ along, _about("x", 40).apply(along), atol=1e-4)
    assert (_joint(local, "left_ankle") @ [0.0, 1.0, 0.0])[1] > 0.5, "the sole faces down"
    _assert_is(_joint(local, "left_foot"), Rotation.identity())


def test_heads_and_wrists_lose_what_markers_put_in() -> None:
    clip = np.broadcast_to(np.eye(3, dtype=np.float32), (50, 24, 3, 3)).copy()
    clip[:, JOINT_INDEX["head"]] = (_about("x", 40)).as_matrix()
    clip[:, JOINT_INDEX["left_wrist"]] = (_about("z", 25)).as_matrix()
    first, second = level([clip[:20], clip[20:]])
    for local in (first, second):
        _assert_is(_joint(local, "head"), _about("x", 15))
        _assert_is(_joint(local, "left_wrist"), _about("z", 8))
        _assert_is(_joint(local, "right_wrist"), Rotation.identity())
    clip[:, JOINT_INDEX["head"]] = (_about("x", 10)).as_matrix()
    _assert_is(_joint(level([clip])[0], "head"), _about("x", 10))


def test_other_skeletons_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(_text({}).replace("LowerBack", "Abdomen"))
    with pytest.raises(FormatError, match="lacks the joints LowerBack of CMU's skeleton"):
        retarget(parse_bvh(path), REST)
    lines = _text({"LeftArm": _about("z", -70)}).splitlines()
    path.write_text("\n".join([*lines[:-2], lines[-1], lines[-1]]))
    with pytest.raises(FormatError, match=r"does not start with a T-pose.*LeftArm"):
        retarget(parse_bvh(path), REST)


def test_a_folder_of_bvh_becomes_poses(tmp_path: Path) -> None:
    (tmp_path / "lift.bvh").write_text(_text({"LeftArm": _about("z", 80), "LeftLeg": _about("x", 90)}, frames=120))
    prior = load_poses(tmp_path, mirror=False, fps=30.0, rebalance=False, rest_joints_m=REST)
    # A second at 30 poses a second, less the still ends, of which 5 degrees at 90 a second are six frames each.
    assert 25 <= len(prior) <= 30
    knee = Rotation.from_matrix(prior.pose_rotmat[:, JOINT_INDEX["left_knee"]]).as_rotvec(degrees=True)
    assert np.diff(knee[:, 0]) == pytest.approx(3.0, abs=0.05)
    # Twice as many at 60 a second, of which fewer stay the farther apart they have to be.
    every, near, far = (
        len(load_poses(tmp_path, mirror=False, rebalance=apart > 0.0, apart_m=apart, rest_joints_m=REST))
        for apart in (0.0, 0.009, 0.035)
    )
    assert every == pytest.approx(2 * len(prior), abs=4)
    assert far < near < every
