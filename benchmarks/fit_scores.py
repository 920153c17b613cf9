# SPDX-License-Identifier: Apache-2.0
"""What a fitted motion is scored by: positions, rotations, surface, and what no mean error shows."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dancepose_addon.core.arrays import F32, F64
from dancepose_addon.core.body.model import JOINT_INDEX, JOINT_NAMES, BodyModel, forward_kinematics, skin
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.fit.evaluation.metrics import global_rotations
from dancepose_addon.core.fit.pose.joint_limits import twist_about
from dancepose_addon.core.fit.pose.twist import CHILD

VERTEX_STEP: Final = 8
"""Every so many vertices count, each with its area."""
ENDS: Final = ("left_foot", "right_foot", "head", "left_wrist", "right_wrist", "left_hand", "right_hand")
CORE: Final = np.array([j for j, name in enumerate(JOINT_NAMES) if name not in ENDS])
BODY_JOINTS: Final = 22
"""All joints but the hands, which no source poses."""
MOST_TWIST_DEG: Final = {"hip": 60.0, "knee": 45.0, "shoulder": 100.0, "elbow": 100.0, "wrist": 60.0}
"""Twist about the bone beyond which no living joint turns."""
BACKWARD_DEG: Final = 100.0
SUDDEN_DEG: Final = (40.0, 60.0)


@dataclass(frozen=True)
class Score:
    """Of one motion; means over frames.

    Attributes:
        mpjpe_mm: Joint position error.
        core_deg: Local rotation error over the 17 joints without toes, head, wrists and hands.
        all_deg: The same over 22 joints.
        pve_mm: Area-weighted vertex error.
        pve_headless_mm: The same without the head's vertices.
        turns_40: Joints that turn by more than 40 degrees between frames where the truth does not, per 1,000 frames.
        turns_60: The same for 60 degrees.
        twisted: Share of limb joints (hips, knees, shoulders, elbows, wrists) twisted beyond anatomy, percent.
        backward: Share of frames with the head turned beyond 100 degrees against the chest, percent.
    """

    mpjpe_mm: float
    core_deg: float
    all_deg: float
    pve_mm: float
    pve_headless_mm: float
    turns_40: float
    turns_60: float
    twisted: float
    backward: float


COLUMNS: Final = (
    "MPJPE mm", "core deg", "all deg", "PVE mm", "PVE without head mm", "turns > 40 /1000", "turns > 60 /1000",
    "twist beyond anatomy %", "backward heads %",
)  # fmt: skip


def score(truth: BodyMotion, motion: BodyMotion, body: BodyModel) -> tuple[Score, F64]:
    """A motion against the truth, aligned to the same place.

    Returns:
        The score, and the rotation error of each joint, (24,), degrees.
    """
    joints = [_joints(m, body) for m in (truth, motion)]
    angle = np.degrees(geodesic_angle(motion.pose_rotmat, truth.pose_rotmat))
    far = np.linalg.norm(_vertices(motion, body) - _vertices(truth, body), axis=-1) * 1000.0
    area, headless = _areas(body)
    turns = [np.degrees(geodesic_angle(m.pose_rotmat[:-1], m.pose_rotmat[1:])) for m in (truth, motion)]
    sudden = [float(((turns[1] > most) & (turns[0] <= most)).sum() * 1000.0 / len(angle)) for most in SUDDEN_DEG]
    found = Score(
        mpjpe_mm=float(np.linalg.norm(joints[0] - joints[1], axis=-1).mean() * 1000.0),
        core_deg=float(angle[:, CORE].mean()),
        all_deg=float(angle[:, :BODY_JOINTS].mean()),
        pve_mm=float((far @ area).mean() / area.sum()),
        pve_headless_mm=float((far @ headless).mean() / headless.sum()),
        turns_40=sudden[0],
        turns_60=sudden[1],
        twisted=twisted_share(motion.pose_rotmat, body) * 100.0,
        backward=backward_share(motion.pose_rotmat) * 100.0,
    )
    return found, angle.mean(axis=0)


def twisted_share(pose_rotmat: F32, body: BodyModel) -> float:
    """Share of limb joints that are twisted beyond MOST_TWIST_DEG. pose_rotmat: (T, 24, 3, 3)."""
    beyond = [np.abs(twist) > MOST_TWIST_DEG[name.split("_")[1]] for name, twist in limb_twists(pose_rotmat, body)]
    return float(np.mean(beyond))


def limb_twists(pose_rotmat: F32, body: BodyModel) -> list[tuple[str, F32]]:
    """Twist of each limb joint about its bone, degrees, (T,)."""
    rest = body.rest_joints()
    found = []
    for kind in MOST_TWIST_DEG:
        for side in ("left", "right"):
            joint = JOINT_INDEX[f"{side}_{kind}"]
            bone = rest[CHILD[joint]] - rest[joint]
            twist = np.degrees(twist_about(pose_rotmat[:, joint], bone / np.float32(np.linalg.norm(bone))))
            found.append((f"{side}_{kind}", twist))
    return found


def backward_share(pose_rotmat: F32) -> float:
    """Share of frames whose head faces away from where the chest faces. pose_rotmat: (T, 24, 3, 3)."""
    world = global_rotations(pose_rotmat)
    turn = np.swapaxes(world[:, JOINT_INDEX["spine3"]], -1, -2) @ world[:, JOINT_INDEX["head"]]
    yaw = np.degrees(np.arctan2(turn[:, 0, 2], turn[:, 2, 2]))
    return float((np.abs(yaw) > BACKWARD_DEG).mean())


def sudden_turns(pose_rotmat: F32, most_deg: float) -> float:
    """Joints that turn by more than so many degrees between frames, per 1,000 frames."""
    turns = np.degrees(geodesic_angle(pose_rotmat[:-1], pose_rotmat[1:]))
    return float((turns > most_deg).sum() * 1000.0 / len(pose_rotmat))


def mean_score(scores: list[Score], weights: list[float]) -> Score:
    """Weighted mean of every figure."""
    total = np.average([[getattr(s, f.name) for f in fields(Score)] for s in scores], axis=0, weights=weights)
    return Score(*total.tolist())


@lru_cache(maxsize=2)
def _areas(body: BodyModel) -> tuple[F64, F64]:
    """Area of the mean body's surface at each chosen vertex, m^2, and the same with zeros on the head."""
    vertices, faces = body.v_template_m.astype(np.float64), body.faces
    cross = np.cross(vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]])
    area = np.zeros(len(vertices))
    for corner in range(faces.shape[1]):
        np.add.at(area, faces[:, corner], np.linalg.norm(cross, axis=1) / 6.0)
    area = area[_chosen(body)]
    return area, area * (body.weights[_chosen(body), JOINT_INDEX["head"]] <= 0.5)


def _chosen(body: BodyModel) -> NDArray[np.intp]:
    return np.arange(0, len(body.v_template_m), VERTEX_STEP)


def _joints(motion: BodyMotion, body: BodyModel) -> F32:
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    return forward_kinematics(rest, motion.pose_rotmat, motion.translation_m)[1]


def _vertices(motion: BodyMotion, body: BodyModel) -> F32:
    found = skin(
        body, motion.pose_rotmat, betas=motion.betas, translation_m=motion.translation_m, scale=motion.scale,
        vertices=_chosen(body),
    )  # fmt: skip
    assert found is not None
    return found
