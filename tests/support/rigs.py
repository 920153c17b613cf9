# SPDX-License-Identifier: Apache-2.0
"""Rest skeletons in the manner of common character families, built from SMPL's joints, and a pose evaluator.

Each family has the names and the oddities that its files have: rest pose, axes of the bones, scale, hierarchy, labels.
A figure of SMPL's own proportions has to take SMPL's own joint positions, whatever its rest pose and its axes.
"""

from dataclasses import dataclass, field
import math

import numpy as np

from dancepose_addon.core.body.joint_tree import FINGERS, SMPLH_TREE, TREE_OF_COUNT, JointTree
from dancepose_addon.core.body.model import JOINT_INDEX
from dancepose_addon.core.body.rotation import rotvec_to_rotmat
from dancepose_addon.core.retarget.pose_keys import BoneKeys
from dancepose_addon.core.retarget.rest_skeleton import RestSkeleton

SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist", "hand")
CENTRAL = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""By hand: SMPL's up (y) is z, its front (z) is -y, left stays x."""


@dataclass(frozen=True)
class Family:
    """How the files of one program name and build a figure.

    Attributes:
        central: Names of pelvis, spine1, spine2, spine3, neck and head; empty for none.
        sided: Names of ``SIDED`` with {} for the side; empty for none.
        sides: What {} is for left and right.
        arms_down_deg: Angle of the arms below the horizontal in rest.
        legs_ahead_deg: Angle of the left thigh to the front in rest, and of the right one to the back.
        axes: ``limb`` for bones with Y along the limb, ``across`` for 90 degrees off, ``up`` for vertical tails.
        scale: Metres per unit of the armature.
        size: Height relative to SMPL's.
        turn_deg: Rotation of the figure about the vertical within the armature: 180 for one that faces +Y.
        y_up: Whether the armature's own axes are y up, and its object is turned.
        parents: Parent of bones that hang elsewhere than in SMPL's tree, by joint.
        extra: Other bones: name, parent, and place relative to the joint of the parent's name or to the origin.
        fingers: Names of the three bones of index, middle, little, ring finger and thumb, with {} for the side.
        curl_deg: Bend of each finger joint in rest.
    """

    central: tuple[str, ...]
    sided: tuple[str, ...]
    sides: tuple[str, str] = ("Left", "Right")
    arms_down_deg: float = 0.0
    legs_ahead_deg: float = 0.0
    axes: str = "limb"
    scale: float = 1.0
    size: float = 1.0
    turn_deg: float = 0.0
    y_up: bool = False
    parents: dict[str, str] = field(default_factory=dict)
    extra: tuple[tuple[str, str, tuple[float, float, float]], ...] = ()
    fingers: tuple[tuple[str, ...], ...] = ()
    curl_deg: float = 8.0

    def names(self) -> dict[str, str]:
        """Name of the bone of every SMPL joint that the family has."""
        found = dict(zip(CENTRAL, self.central, strict=True))
        for part, pattern in zip(SIDED, self.sided, strict=True):
            for side, label in zip(("left", "right"), self.sides, strict=True):
                found[f"{side}_{part}"] = pattern.format(label)
        return {joint: name for joint, name in found.items() if name}

    def names_with_fingers(self) -> dict[str, str]:
        """Name of the bone of every SMPL+H joint that the family has."""
        found = {joint: name for joint, name in self.names().items() if not joint.endswith("_hand")}
        for finger, patterns in zip(FINGERS, self.fingers, strict=True):
            for number, pattern in enumerate(patterns, 1):
                for side, label in zip(("left", "right"), self.sides, strict=True):
                    found[f"{side}_{finger}{number}"] = pattern.format(label)
        return found


MIXAMO = Family(
    tuple(f"mixamorig:{name}" for name in ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head")),
    tuple(
        f"mixamorig:{{}}{name}"
        for name in ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand", "HandMiddle1")
    ),
    scale=0.01,
    y_up=True,
)
UNREAL = Family(
    ("pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head"),
    (
        "thigh_{}",
        "calf_{}",
        "foot_{}",
        "ball_{}",
        "clavicle_{}",
        "upperarm_{}",
        "lowerarm_{}",
        "hand_{}",
        "middle_01_{}",
    ),
    ("l", "r"),
    arms_down_deg=50.0,
    axes="across",
    scale=0.01,
    extra=(
        ("root", "", (0.0, 0.0, 0.0)),
        ("ik_foot_root", "", (0.0, 0.0, 0.0)),
        ("ik_hand_root", "", (0.0, 0.0, 0.0)),
        ("ik_foot_l", "ik_foot_root", (0.1, 0.0, 0.1)),
        ("ik_foot_r", "ik_foot_root", (-0.1, 0.0, 0.1)),
        ("upperarm_twist_01_l", "upperarm_l", (0.0, 0.0, 0.0)),
        ("lowerarm_twist_01_l", "lowerarm_l", (0.0, 0.0, 0.0)),
        ("upperarm_twist_01_r", "upperarm_r", (0.0, 0.0, 0.0)),
        ("lowerarm_twist_01_r", "lowerarm_r", (0.0, 0.0, 0.0)),
    ),
    parents={"pelvis": "root"},
)
FAMILIES = {
    "mixamo": MIXAMO,
    "unreal": UNREAL,
    "ethan": Family(
        tuple(f"Ethan{name}" for name in ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head")),
        tuple(
            f"Ethan{{}}{name}"
            for name in ("UpLeg", "Leg", "Foot", "Toe1", "Shoulder", "Arm", "ForeArm", "Hand", "HandMiddle1")
        ),
        arms_down_deg=40.0,
        axes="across",
        scale=0.01,
        parents={"left_hip": "EthanSpine", "right_hip": "EthanSpine"},
    ),
    "unity": Family(
        tuple(f"Character1_{name}" for name in ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head")),
        tuple(
            f"Character1_{{}}{name}"
            for name in ("UpLeg", "Leg", "Foot", "ToeBase", "Shoulder", "Arm", "ForeArm", "Hand", "HandMiddle1")
        ),
        axes="across",
        scale=0.01,
    ),
    "ready player me": Family(
        ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head"),
        ("{}UpLeg", "{}Leg", "{}Foot", "{}ToeBase", "{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand", "{}HandMiddle1"),
        arms_down_deg=45.0,
    ),
    "vroid": Family(
        ("J_Bip_C_Hips", "J_Bip_C_Spine", "J_Bip_C_Chest", "J_Bip_C_UpperChest", "J_Bip_C_Neck", "J_Bip_C_Head"),
        tuple(
            f"J_Bip_{{}}_{name}"
            for name in (
                "UpperLeg", "LowerLeg", "Foot", "ToeBase", "Shoulder", "UpperArm", "LowerArm", "Hand", "Middle1",
            )
        ),
        ("L", "R"),
        axes="up",
        turn_deg=180.0,
        extra=(("J_Sec_Hair1_01", "J_Bip_C_Head", (0.0, -0.05, 0.1)), ("Root", "", (0.0, 0.0, 0.0))),
        parents={"pelvis": "Root"},
    ),
    "quaternius": Family(
        ("Hips", "Abdomen", "Torso", "Chest", "Neck", "Head"),
        (
            "UpperLeg.{}", "LowerLeg.{}", "Foot.{}", "", "Shoulder.{}", "UpperArm.{}", "LowerArm.{}", "Palm.{}",
            "Middle1.{}",
        ),
        ("L", "R"),
        scale=100.0,
        extra=(("Root", "", (0.0, 0.0, 0.0)), ("Body", "Root", (0.0, 0.0, 0.9))),
        parents={
            "left_ankle": "Root", "right_ankle": "Root", "left_hip": "Body", "right_hip": "Body", "pelvis": "Body",
        },
    ),
    "character creator": Family(
        ("CC_Base_Hip", "CC_Base_Waist", "CC_Base_Spine01", "CC_Base_Spine02", "CC_Base_NeckTwist01", "CC_Base_Head"),
        tuple(
            f"CC_Base_{{}}_{name}"
            for name in ("Thigh", "Calf", "Foot", "ToeBase", "Clavicle", "Upperarm", "Forearm", "Hand", "Mid1")
        ),
        ("L", "R"),
        arms_down_deg=30.0,
        scale=0.01,
        extra=(
            ("CC_Base_BoneRoot", "", (0.0, 0.0, 0.0)),
            ("CC_Base_L_ThighTwist01", "CC_Base_L_Thigh", (0.0, 0.0, 0.0)),
            ("CC_Base_L_RibsTwist", "CC_Base_Spine02", (0.05, 0.0, 0.0)),
        ),
        parents={"pelvis": "CC_Base_BoneRoot"},
    ),
    "daz": Family(
        ("hip", "abdomenLower", "abdomenUpper", "chestLower", "neckLower", "head"),
        ("{}ThighBend", "{}Shin", "{}Foot", "{}Toe", "{}Collar", "{}ShldrBend", "{}ForearmBend", "{}Hand", "{}Mid1"),
        ("l", "r"),
        arms_down_deg=35.0,
        scale=0.01,
    ),
    "auto-rig pro": Family(
        ("root.x", "spine_01.x", "spine_02.x", "spine_03.x", "neck.x", "head.x"),
        (
            "thigh_stretch.{}", "leg_stretch.{}", "foot.{}", "toes_01.{}", "shoulder.{}", "arm_stretch.{}",
            "forearm_stretch.{}", "hand.{}", "c_middle1.{}",
        ),
        ("l", "r"),
        arms_down_deg=45.0,
    ),
    "biped": Family(
        tuple(f"Bip01 {name}" for name in ("Pelvis", "Spine", "Spine1", "Spine2", "Neck", "Head")),
        tuple(
            f"Bip01 {{}} {name}"
            for name in ("Thigh", "Calf", "Foot", "Toe0", "Clavicle", "UpperArm", "Forearm", "Hand", "Finger2")
        ),
        ("L", "R"),
        arms_down_deg=45.0,
        axes="across",
        scale=0.0254,
        extra=(("Bip01", "", (0.0, 0.0, 0.95)),),
        parents={"left_hip": "Bip01 Spine", "right_hip": "Bip01 Spine", "pelvis": "Bip01"},
    ),
    "mikumikudance": Family(
        ("下半身", "上半身", "上半身2", "上半身3", "首", "頭"),
        ("{}足", "{}ひざ", "{}足首", "{}つま先", "{}肩", "{}腕", "{}ひじ", "{}手首", "{}中指１"),
        ("左", "右"),
        arms_down_deg=38.0,
        scale=0.08,
        axes="up",
        extra=(
            ("全ての親", "", (0.0, 0.0, 0.0)),
            ("センター", "全ての親", (0.0, 0.0, 0.6)),
            ("左足ＩＫ", "全ての親", (0.1, 0.0, 0.1)),
            ("右足ＩＫ", "全ての親", (-0.1, 0.0, 0.1)),
        ),
        parents={"pelvis": "センター", "spine1": "センター"},
    ),
    "swapped labels": Family(
        ("pubis", "waist", "spine", "chest", "neck", "head"),
        ("upleg.{}", "lowleg.{}", "foot.{}", "toe.{}", "collar.{}", "uparm.{}", "lowarm.{}", "hand.{}", "fingers.{}"),
        ("R", "L"),
        arms_down_deg=20.0,
        size=4.0,
    ),
    "rigify metarig": Family(
        ("spine", "spine.001", "spine.002", "spine.003", "spine.004", "spine.006"),
        (
            "thigh.{}", "shin.{}", "foot.{}", "toe.{}", "shoulder.{}", "upper_arm.{}", "forearm.{}", "hand.{}",
            "f_middle.01.{}",
        ),
        ("L", "R"),
        arms_down_deg=15.0,
        extra=(("pelvis.L", "spine", (0.05, -0.05, 0.0)), ("breast.L", "spine.003", (0.08, -0.1, 0.0))),
    ),
    "toy": Family(
        ("hips", "spine", "", "chest", "", "head"),
        ("upperleg.{}", "lowerleg.{}", "foot.{}", "toes.{}", "", "upperarm.{}", "lowerarm.{}", "wrist.{}", "hand.{}"),
        ("l", "r"),
        axes="limb",
        extra=(
            ("root", "", (0.0, 0.0, 0.0)),
            ("IK-foot.l", "root", (0.1, 0.0, 0.05)),
            ("kneeIK.l", "root", (0.1, -0.3, 0.5)),
        ),
        parents={"pelvis": "root"},
    ),
    "mid-stride": Family(
        ("pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head"),
        (
            "thigh.{}", "calf.{}", "foot.{}", "ball.{}", "clavicle.{}", "upperarm.{}", "lowerarm.{}", "hand.{}",
            "middle_01.{}",
        ),
        ("l", "r"),
        arms_down_deg=10.0,
        legs_ahead_deg=40.0,
    ),
}  # fmt: skip


def rest_places(family: Family, rest_joints_m: np.ndarray) -> np.ndarray:
    """Joints of SMPL (24) or SMPL+H (52) in the family's rest pose, SMPL's axes, metres, (J, 3)."""
    tree = TREE_OF_COUNT[len(rest_joints_m)]
    pose = np.broadcast_to(np.eye(3), (len(tree), 3, 3)).copy()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        down = math.radians(family.arms_down_deg) * -sign
        pose[JOINT_INDEX[f"{side}_shoulder"]] = rotvec_to_rotmat(np.array([0.0, 0.0, down]))
        ahead = math.radians(family.legs_ahead_deg) * -sign
        pose[JOINT_INDEX[f"{side}_hip"]] = rotvec_to_rotmat(np.array([ahead, 0.0, 0.0]))
        if tree is SMPLH_TREE:
            curl = rotvec_to_rotmat(np.array([0.0, 0.0, -sign * math.radians(family.curl_deg)]))
            for finger in FINGERS:
                for number in (1, 2, 3):
                    pose[tree.index[f"{side}_{finger}{number}"]] = curl
    turned, places = np.empty((len(tree), 3, 3)), np.empty((len(tree), 3))
    for joint, parent in enumerate(tree.parents):
        turned[joint] = pose[joint] if parent < 0 else turned[parent] @ pose[joint]
        offset = rest_joints_m[joint] - (rest_joints_m[parent] if parent >= 0 else 0.0)
        places[joint] = offset if parent < 0 else places[parent] + turned[parent] @ offset
    return places * family.size


def build_rig(family: Family, rest_joints_m: np.ndarray, *, seed: int = 0) -> RestSkeleton:
    """A rest skeleton of the family; bones in the order of the hierarchy, with random rolls.

    rest_joints_m: (24, 3) of SMPL, or (52, 3) of SMPL+H for a rig with fingers.
    """
    rng = np.random.default_rng(seed)
    # The soles of the family's figure are at height 0.
    places = rest_places(family, np.asarray(rest_joints_m, np.float64))
    places[:, 1] -= places[[7, 8, 10, 11], 1].min() - 0.02
    yaw = math.radians(family.turn_deg)
    turn = rotvec_to_rotmat(np.array([0.0, 0.0, yaw])) @ Z_UP
    world = places @ turn.T
    tree = TREE_OF_COUNT[len(places)]
    names = family.names() if tree is not SMPLH_TREE else family.names_with_fingers()
    heads = {name: world[tree.index[joint]] for joint, name in names.items()}
    parent_of: dict[str, str] = {}
    for joint, name in names.items():
        parent_of[name] = family.parents.get(joint, _parent_name(tree, joint, names))
    for name, parent, offset in family.extra:
        base = heads[parent] if parent in heads and parent not in {extra[0] for extra in family.extra} else np.zeros(3)
        heads[name], parent_of[name] = base + np.array(offset), parent
    order: list[str] = []
    while len(order) < len(heads):
        order += [name for name in heads if name not in order and (not parent_of[name] or parent_of[name] in order)]
    children: dict[str, list[str]] = {name: [c for c in order if parent_of[c] == name] for name in order}
    into = (np.eye(3) if not family.y_up else Z_UP) / family.scale
    rotmat, tails = [], []
    for name in order:
        below = [
            heads[child] - heads[name] for child in children[name] if np.linalg.norm(heads[child] - heads[name]) > 1e-6
        ]
        along = below[0] if below else np.array([0.0, 0.0, 0.1])
        frame = _axes(along, family.axes, float(rng.uniform(-3.0, 3.0)))
        rotmat.append((np.eye(3) if not family.y_up else Z_UP.T) @ frame)
        tails.append(heads[name] + 0.1 * frame[:, 1])
    local = into if not family.y_up else Z_UP.T / family.scale
    return RestSkeleton(
        name="rig",
        names=tuple(order),
        parents=np.array([order.index(parent_of[name]) if parent_of[name] else -1 for name in order]),
        heads=np.array([heads[name] for name in order]) @ local.T,
        tails=np.array(tails) @ local.T,
        rotmat=np.array(rotmat),
        world_rotmat=Z_UP if family.y_up else np.eye(3),
        world_scale=family.scale,
        world_origin_m=np.zeros(3),
        inherits=np.ones(len(order), bool),
        connected=np.zeros(len(order), bool),
    )


def _parent_name(tree: JointTree, joint: str, names: dict[str, str]) -> str:
    """Name of the nearest bone above a joint that the family has, empty for none."""
    above = tree.parents[tree.index[joint]]
    while above >= 0 and tree.names[above] not in names:
        above = tree.parents[above]
    return names[tree.names[above]] if above >= 0 else ""


def _axes(along: np.ndarray, kind: str, roll: float) -> np.ndarray:
    """Axes of a bone, columns, with Y along the limb, across it, or vertical."""
    y = np.array([0.0, 0.0, 1.0]) if kind == "up" else along / np.linalg.norm(along)
    other = np.array([1.0, 0.0, 0.0]) if abs(y[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(y, other)
    x /= np.linalg.norm(x)
    frame = np.stack([x, y, np.cross(x, y)], axis=1)
    if kind == "across":
        frame = frame[:, [1, 0, 2]] * np.array([1.0, 1.0, -1.0])
    return frame @ rotvec_to_rotmat(np.array([0.0, roll, 0.0]))


def pose_rig(skeleton: RestSkeleton, keys: BoneKeys) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and heads of all bones as Blender evaluates them: M = M_parent R_parent^-1 R T(location) Q.

    Written with matrices of four rows, independently of the code under test.

    Returns:
        (T, N, 3, 3) and (T, N, 3), in the armature's axes and units.
    """
    count, bones = len(keys), len(skeleton)
    rest = np.broadcast_to(np.eye(4), (bones, 4, 4)).copy()
    rest[:, :3, :3], rest[:, :3, 3] = skeleton.rotmat, skeleton.heads
    posed = np.empty((count, bones, 4, 4))
    column = {bone: index for index, bone in enumerate(keys.bones)}
    for bone in range(bones):
        basis = np.broadcast_to(np.eye(4), (count, 4, 4)).copy()
        if bone in column:
            w, x, y, z = keys.quats[:, column[bone]].T
            basis[:, 0, :3] = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], axis=-1)
            basis[:, 1, :3] = np.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], axis=-1)
            basis[:, 2, :3] = np.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], axis=-1)
        if bone in keys.locations:
            basis[:, :3, 3] = keys.locations[bone]
        parent = int(skeleton.parents[bone])
        above = posed[:, parent] @ np.linalg.inv(rest[parent]) if parent >= 0 else np.eye(4)
        posed[:, bone] = above @ rest[bone] @ basis
    return posed[..., :3, :3], posed[..., :3, 3]


def in_smpl_axes(points: np.ndarray, skeleton: RestSkeleton) -> np.ndarray:
    """Points of the armature in the world, in SMPL's axes, metres."""
    return (points @ skeleton.world_rotmat.T * skeleton.world_scale + skeleton.world_origin_m) @ Z_UP
