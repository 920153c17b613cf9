# SPDX-License-Identifier: Apache-2.0
"""Retarget Carnegie Mellon's motion capture (as BVH) to SMPL rotations.

Source: mocap.cs.cmu.edu, in the BVH conversion whose frame 0 is a T-pose. The database was created with funding from
NSF EIA-0196217.

A bone's orientation relative to the T-pose, R(t) = G(t) G(0)^T, has the same meaning on both skeletons, twist included,
once the two T-poses are aligned: S(t) = R(t) A, where A rotates SMPL's resting bone (and, at the elbow, its hinge) to
the file's. The other differences between the two skeletons, measured on 58 clips:

- The file's elbow hinge is tilted by 30 degrees from the vertical; SMPL's is vertical.
- The file's ``Hand`` is the pronation of the forearm (it only rotates about the forearm) and ``FingerBase`` the wrist.
- Two neck joints zigzag (the lower one bends back what the upper one bends forward); their mean is SMPL's single neck.
- Frame 0 tips neck and head by -16 and +21 degrees; for these two the unrotated skeleton is the better rest pose.
- The pitch of the head at rest, and the bend of the wrists, depend on the marker placement of the subject: by up to 40
  degrees for the head and 30 for the wrists.
- Two markers define a foot, so its roll about its own length is free, and pointed feet often roll over sole up.
- The collars never move; those of people rise and protract with the arm.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32
from dancepose_addon.core.body.model import JOINT_COUNT, JOINT_INDEX, PARENTS, forward_kinematics
from dancepose_addon.core.body.rotation import geodesic_angle, rotmat_to_quat, rotmat_to_rotvec, rotvec_to_rotmat
from dancepose_addon.core.errors import FormatError
from dancepose_addon.core.fit.intervals import runs_of
from dancepose_addon.core.fit.pose.analytic_ik import minimal_turn
from dancepose_addon.core.skeleton.readers.bvh_grammar import BvhMotion

BONE_OF_JOINT: Final = {
    "pelvis": "Hips",
    "spine1": "LowerBack",
    "spine2": "Spine",
    "spine3": "Spine1",
    "neck": "Neck1",
    "head": "Head",
    "left_collar": "LeftShoulder",
    "left_shoulder": "LeftArm",
    "left_elbow": "LeftForeArm",
    "left_wrist": "LeftFingerBase",
    "left_hip": "LeftUpLeg",
    "left_knee": "LeftLeg",
    "left_ankle": "LeftFoot",
    "left_foot": "LeftToeBase",
    "right_collar": "RightShoulder",
    "right_shoulder": "RightArm",
    "right_elbow": "RightForeArm",
    "right_wrist": "RightFingerBase",
    "right_hip": "RightUpLeg",
    "right_knee": "RightLeg",
    "right_ankle": "RightFoot",
    "right_foot": "RightToeBase",
}
"""SMPL joint: the BVH joint whose global rotation it takes. Hands stay neutral."""
ALIGNED: Final = {
    "left_hip": ("left_knee", "LeftUpLeg", "LeftLeg"),
    "left_knee": ("left_ankle", "LeftLeg", "LeftFoot"),
    "left_shoulder": ("left_elbow", "LeftArm", "LeftForeArm"),
    "left_elbow": ("left_wrist", "LeftForeArm", "LeftHand"),
    "left_wrist": ("left_hand", "LeftFingerBase", "LeftHandIndex1"),
    "right_hip": ("right_knee", "RightUpLeg", "RightLeg"),
    "right_knee": ("right_ankle", "RightLeg", "RightFoot"),
    "right_shoulder": ("right_elbow", "RightArm", "RightForeArm"),
    "right_elbow": ("right_wrist", "RightForeArm", "RightHand"),
    "right_wrist": ("right_hand", "RightFingerBase", "RightHandIndex1"),
}
"""Limbs whose resting directions are aligned. SMPL joint: (its child, BVH joint, child of the BVH joint).

Trunk, head and feet are mapped T-pose to T-pose: their joint centres differ in meaning, and a flat sole stays flat.
"""
ELBOW_HINGE_TILT: Final = np.radians(30.0)
PRONATION_AT_ELBOW: Final = 0.5
"""Share of the forearm's rotation that SMPL's elbow takes; the wrist takes the rest, so that the skin is not wrung."""
COLLAR_RISE, COLLAR_PROTRACTION = 0.2, 0.12
"""Collar angle per angle of the upper arm: its elevation, and its forward rotation out of the frontal plane.

Inman et al. 1944 measured a third of the arm's elevation for the whole girdle; SMPL's collar is the clavicle's part.
"""
HEAD_PITCH_RANGE: Final = (-5.0, 15.0)
"""Plausible pitch of the median head of an upright subject, degrees. The excess is attributed to marker placement."""
WRISTS: Final = ("left_wrist", "right_wrist")
WRIST_BEND: Final = np.radians(8.0)
"""Plausible mean bend of a subject's wrist, in either direction."""
FOOT_ROLL: Final = np.radians(25.0)
TOE_BEND: Final = np.radians(45.0)
"""Largest roll of a foot about its length and largest bend of the toes; larger values of the file are clipped."""
LIMIT: Final = {
    "spine1": 70, "spine2": 50, "spine3": 50, "neck": 65, "head": 60, "hip": 140, "knee": 160, "ankle": 95,
    "shoulder": 165, "elbow": 160, "wrist": 100,
}  # fmt: skip
"""Largest rotation from the T-pose, degrees, that counts as a pose and not as a flip of the solver."""
MOST_TURN_DEG_PER_S: Final = 2600.0
"""A joint that rotates faster between two frames is flipping; the fastest joints of dancers reach about half of it."""
LONGEST_GAP_S: Final = 0.1


def retarget(motion: BvhMotion, rest_joints_m: F32) -> F32:
    """Compute local rotations of an SMPL body.

    Args:
        motion: The clip, frame 0 being a T-pose.
        rest_joints_m: (24, 3), joints of the body in the T-pose, metres.

    Returns:
        (T, 24, 3, 3), frame 0 included.

    Raises:
        FormatError: Joints are missing, or frame 0 is not a T-pose.
    """
    index = {name: joint for joint, name in enumerate(motion.names)}
    wanted = {*BONE_OF_JOINT.values(), "Neck", "LeftHand", "RightHand", "LeftHandIndex1", "RightHandIndex1"}
    missing = sorted(wanted - index.keys())
    if missing:
        raise FormatError(f"{motion.source} lacks the joints {', '.join(missing)} of CMU's skeleton.")
    orientation, position = motion.forward_kinematics()
    _require_t_pose(motion.source, position[0], index)
    bones = [index[BONE_OF_JOINT.get(name, "Hips")] for name in JOINT_INDEX]
    rest = orientation[0].copy()
    for name in ("Neck", "Neck1", "Head"):
        rest[index[name]] = np.eye(3)
    relative = orientation @ np.swapaxes(rest, -1, -2)
    turned = np.ascontiguousarray(relative[:, bones])
    turned[:, JOINT_INDEX["neck"]] = interpolate_rotation(relative[:, index["Neck"]], relative[:, index["Neck1"]])
    turned = turned @ _alignment(position[0], index, rest_joints_m)
    for side in ("left", "right"):
        _share_pronation(turned, relative, position[0], index, side)
    for hand, wrist in (("left_hand", "left_wrist"), ("right_hand", "right_wrist")):
        turned[:, JOINT_INDEX[hand]] = turned[:, JOINT_INDEX[wrist]]
    _move_collars(turned)
    local = localise(turned)
    _hold_feet(local, rest_joints_m)
    return local


def localise(global_rotmat: F32) -> F32:
    """Convert global rotations to local ones: (T, 24, 3, 3) to (T, 24, 3, 3)."""
    local = global_rotmat.copy()
    local[:, 1:] = np.swapaxes(global_rotmat[:, list(PARENTS[1:])], -1, -2) @ global_rotmat[:, 1:]
    return local


def interpolate_rotation(first: F32, second: F32, share: float | F32 = 0.5) -> F32:
    """Interpolate between two rotations along the shortest path.

    Args:
        first: (..., 3, 3).
        second: (..., 3, 3).
        share: Position between the two, from 0 to 1.

    Returns:
        (..., 3, 3).
    """
    step = rotmat_to_rotvec(np.swapaxes(first, -1, -2) @ second)
    return (first @ rotvec_to_rotmat((step * share).astype(np.float32))).astype(np.float32)


def _require_t_pose(source: str, position: F32, index: dict[str, int]) -> None:
    expected = {
        ("LeftArm", "LeftHand"): (1, 0, 0),
        ("RightArm", "RightHand"): (-1, 0, 0),
        ("LeftUpLeg", "LeftFoot"): (0, -1, 0),
        ("RightUpLeg", "RightFoot"): (0, -1, 0),
    }
    for (start, end), direction in expected.items():
        bone = position[index[end]] - position[index[start]]
        if bone @ np.array(direction) < np.cos(np.radians(25.0)) * np.linalg.norm(bone):
            raise FormatError(
                f"{source} does not start with a T-pose (y up, facing z): {start} points in another direction."
            )


def _alignment(position: F32, index: dict[str, int], rest_joints_m: F32) -> F32:
    """Compute the alignment A of the module's docstring, (24, 3, 3). position: (J, 3), joints of the file's T-pose."""
    aligned = np.broadcast_to(np.eye(3, dtype=np.float32), (JOINT_COUNT, 3, 3)).copy()
    for joint, (child, start, end) in ALIGNED.items():
        j, bone = JOINT_INDEX[joint], position[index[end]] - position[index[start]]
        aligned[j] = minimal_turn(rest_joints_m[JOINT_INDEX[child]] - rest_joints_m[j], bone)
        if joint.endswith(("shoulder", "elbow")):
            # Both hinge axes are perpendicular to the bone, so a rotation about the bone aligns them.
            along = bone / np.linalg.norm(bone) * (-1.0 if joint.startswith("left") else 1.0)
            aligned[j] = rotvec_to_rotmat((along * ELBOW_HINGE_TILT).astype(np.float32)) @ aligned[j]
    return aligned


def _share_pronation(turned: F32, relative: F32, position: F32, index: dict[str, int], side: str) -> None:
    """Move part of the forearm's rotation about its own axis to the elbow, in place."""
    name, elbow = side.capitalize(), JOINT_INDEX[f"{side}_elbow"]
    forearm, hand = relative[:, index[f"{name}ForeArm"]], relative[:, index[f"{name}Hand"]]
    bone = position[index[f"{name}Hand"]] - position[index[f"{name}ForeArm"]]
    along = bone / np.linalg.norm(bone)
    # Palms are down in both T-poses, so the roll that was given to SMPL's elbow for its hinge is turned back here.
    roll = rotmat_to_rotvec(np.swapaxes(forearm, -1, -2) @ hand) @ along
    roll += ELBOW_HINGE_TILT if side == "left" else -ELBOW_HINGE_TILT
    shared = rotvec_to_rotmat((PRONATION_AT_ELBOW * roll[:, None] * along).astype(np.float32))
    turned[:, elbow] = forearm @ shared @ np.swapaxes(forearm, -1, -2) @ turned[:, elbow]


def _move_collars(turned: F32) -> None:
    """Make the collars follow the arms, in place; the global rotations of the arms are kept."""
    chest = turned[:, JOINT_INDEX["spine3"]]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = np.array([sign, 0.0, 0.0], np.float32)
        arm = np.swapaxes(chest, -1, -2) @ turned[:, JOINT_INDEX[f"{side}_shoulder"]] @ out
        turned[:, JOINT_INDEX[f"{side}_collar"]] = chest @ collar_of_arm(arm, sign)


def collar_of_arm(arm: F32, sign: float) -> F32:
    """Compute the collar's rotation from the direction of the upper arm.

    Args:
        arm: (T, 3), unit direction of the upper arm relative to the chest.
        sign: 1 for the left side, -1 for the right.

    Returns:
        (T, 3, 3), relative to the chest.
    """
    # For strided arrays NumPy's last digit depends on the memory layout; equal recordings have to give equal poses.
    out, up, ahead = np.ascontiguousarray(arm.T)
    elevation = np.arcsin(np.clip(up, -1.0, 1.0))
    # An arm that points behind the back counts as little: collars hardly retract.
    forward = np.arctan2(ahead, np.maximum(sign * out, 0.0)) * np.cos(elevation)
    turn = np.zeros((len(arm), 3), np.float32)
    turn[:, 2] = sign * COLLAR_RISE * elevation
    turn[:, 1] = -sign * COLLAR_PROTRACTION * np.maximum(forward, -0.5)
    return rotvec_to_rotmat(turn)


def _hold_feet(local: F32, rest_joints_m: F32) -> None:
    """Clip the roll of the feet and the bend of the toes, in place."""
    for side in ("left", "right"):
        ankle, foot = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        along = rest_joints_m[foot] - rest_joints_m[ankle]
        roll = twist_angle(local[:, ankle], along)
        excess = roll - np.clip(roll, -FOOT_ROLL, FOOT_ROLL)
        along = along / np.linalg.norm(along)
        local[:, ankle] = local[:, ankle] @ rotvec_to_rotmat((-excess[:, None] * along).astype(np.float32))
        bend = rotmat_to_rotvec(local[:, foot])
        angle = np.linalg.norm(bend, axis=-1)
        # Toes of a foot that was rolled over bend the wrong way, and how far they did is lost.
        kept = np.where(np.abs(excess) > np.pi / 4, 0.0, np.minimum(angle, TOE_BEND) / np.maximum(angle, 1e-6))
        local[:, foot] = rotvec_to_rotmat((bend * kept[:, None]).astype(np.float32))


def twist_angle(rotmat: F32, axis: F32) -> F32:
    """Compute the twist of rotations about an axis (swing-twist decomposition, Dobrowolski 2015).

    Args:
        rotmat: (T, 3, 3).
        axis: (3,), of any length.

    Returns:
        (T,), radians in [-pi, pi].
    """
    quat = rotmat_to_quat(rotmat)
    return 2.0 * np.arctan2(quat[:, 1:] @ (axis / np.linalg.norm(axis)), quat[:, 0])


def repair_flips(local: F32, fps: float) -> tuple[F32, NDArray[np.bool_], float]:
    """Detect flips of the capture solver and interpolate over short ones.

    Args:
        local: (T, 24, 3, 3), local rotations.
        fps: Frame rate.

    Returns:
        Repaired rotations (T, 24, 3, 3), usable frames (T,), and the share of joint-frames that were bad.
    """
    bad = np.zeros(local.shape[:2], bool)
    angle = geodesic_angle(np.broadcast_to(np.eye(3, dtype=np.float32), local.shape), local)
    for name, joint in JOINT_INDEX.items():
        limit = LIMIT.get(name.removeprefix("left_").removeprefix("right_"))
        if limit is not None:
            bad[:, joint] = angle[:, joint] > np.radians(limit)
    fast = geodesic_angle(local[:-1], local[1:]) > np.radians(MOST_TURN_DEG_PER_S) / fps
    bad[1:] |= fast
    bad[:-1] |= fast
    repaired, usable = local.copy(), np.ones(len(local), bool)
    longest = round(LONGEST_GAP_S * fps)
    for joint in range(JOINT_COUNT):
        for first, last in runs_of(bad[:, joint]):
            count = last - first + 1
            if first == 0 or last == len(local) - 1 or count > longest:
                usable[first : last + 1] = False
                continue
            share = (np.arange(1, count + 1) / (count + 1)).astype(np.float32)[:, None]
            before, after = local[first - 1, joint], local[last + 1, joint]
            repaired[first : last + 1, joint] = interpolate_rotation(
                np.broadcast_to(before, (count, 3, 3)), after, share
            )
    return repaired, usable, float(bad.mean())


def level(clips: list[F32]) -> list[F32]:
    """Remove the effect of marker placement on head and wrists from the clips of one subject.

    The median pitch of the head and the mean bend of the wrists are reduced to their plausible ranges.

    Args:
        clips: Local rotations, (T, 24, 3, 3) each.

    Returns:
        The clips with head and wrists corrected.
    """
    together = np.concatenate(clips)
    turns = {"head": _head_excess(together)} | {name: _wrist_excess(together, name) for name in WRISTS}
    levelled = [local.copy() for local in clips]
    for name, excess in turns.items():
        undo = rotvec_to_rotmat(-excess)
        for local in levelled:
            local[:, JOINT_INDEX[name]] = local[:, JOINT_INDEX[name]] @ undo
    return levelled


def _head_excess(local: F32) -> F32:
    """Return the rotation vector (3,) by which the median head of upright frames exceeds HEAD_PITCH_RANGE."""
    turned, _ = forward_kinematics(np.zeros((JOINT_COUNT, 3), np.float32), local)
    # Pitch is the angle of the forward axis below the horizontal, in degrees.
    pitch = np.degrees(np.arcsin(np.clip(-turned[:, :, 1, 2], -1.0, 1.0)))
    upright = np.abs(pitch[:, JOINT_INDEX["spine3"]]) < 25.0
    if not upright.any():
        return np.zeros(3, np.float32)
    median = np.median(pitch[upright, JOINT_INDEX["head"]])
    return np.array([np.radians(median - np.clip(median, *HEAD_PITCH_RANGE)), 0.0, 0.0], np.float32)


def _wrist_excess(local: F32, name: str) -> F32:
    """Return the rotation vector (3,) by which the mean wrist exceeds WRIST_BEND, up or down and sideways."""
    mean = rotmat_to_rotvec(local[:, JOINT_INDEX[name]]).mean(axis=0)
    excess = mean - np.clip(mean, -WRIST_BEND, WRIST_BEND)
    # About the forearm there is pronation, which the file measures well.
    return (excess * [0.0, 1.0, 1.0]).astype(np.float32)
