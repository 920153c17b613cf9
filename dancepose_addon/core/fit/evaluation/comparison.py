# SPDX-License-Identifier: Apache-2.0
"""Two motions held against each other, and each against the floor: the field's measures in one table."""

from typing import Any, Final

import numpy as np

from ...arrays import F32
from ...body.model import JOINT_INDEX, BodyModel, forward_kinematics, skin
from ...body.motion import BodyMotion
from ...errors import InputError
from ..floor.contacts import find_contacts, find_soles
from . import metrics
from .people_contact import people_contact

RATE_TOLERANCE: Final = 0.01
VERTEX_STEP: Final = 4
"""Of vertices, every so many count for PVE: they are spread evenly, and a quarter of thousands is plenty."""


def compare_motions(first: BodyMotion, second: BodyMotion, body: BodyModel) -> dict[str, Any]:
    """Figures between two motions over their common frames, and of each alone. Millimetres, degrees, shares.

    Raises:
        InputError: their frame rates differ.
    """
    if abs(first.fps / second.fps - 1.0) > RATE_TOLERANCE:
        raise InputError(
            f"The motions run at {first.fps:.4g} and {second.fps:.4g} fps; frames can be compared at one rate only. "
            "Resample one with `dancepose convert IN OUT --fps-out RATE`."
        )
    frames = min(len(first), len(second))
    notices = []
    if len(first) != len(second):
        notices.append(f"They have {len(first)} and {len(second)} frames: the first {frames} are compared.")
    posed = [_pose(motion, body, frames) for motion in (first, second)]
    joints, vertices, rotations = zip(*posed, strict=True)
    between = {
        "mpjpe_mm": metrics.mpjpe_mm(*joints),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(*joints),
        "pve_mm": metrics.pve_mm(*vertices),
        "local_rotation_error_deg": metrics.rotation_error_deg(*rotations),
        "global_rotation_error_deg": metrics.rotation_error_deg(*(metrics.global_rotations(r) for r in rotations)),
    }
    if frames > 3:
        between["acceleration_error_mm_per_frame2"] = metrics.acceleration_error_mm(*joints)
        between["jerk_error_mm_per_frame3"] = metrics.jerk_error_mm(*joints)
    each = {
        name: _alone(motion, body, place, frames)
        for name, motion, place in zip(("A", "B"), (first, second), joints, strict=True)
    }
    return {
        "frames": frames,
        "notices": notices,
        "between": {name: round(value, 4) for name, value in between.items()},
        "each": each,
    }


def compare_people(first: list[BodyMotion], second: list[BodyMotion], body: BodyModel) -> dict[str, Any]:
    """Compare the persons of two recordings, in their order, and the contact between them in each.

    Args:
        first: Motions of the persons of one recording, on one floor and time line.
        second: Those of the other.
        body: Body of everyone.

    Returns:
        As of ``compare_motions``, mean over the persons. For several persons ``each`` has also ``hand_contact`` (share
        of the frames), ``hand_distance_mm`` (median), means over the pairs, and ``overlap_mm`` (greatest).

    Raises:
        InputError: The numbers of persons or the frame rates differ.
    """
    if len(first) != len(second):
        raise InputError(
            f"A shows {len(first)} and B {len(second)} persons; they can be compared one by one only. Choose one of "
            "either with --read take=N, or give files of as many persons."
        )
    tables = [compare_motions(one, other, body) for one, other in zip(first, second, strict=True)]
    if len(tables) == 1:
        return tables[0]
    table = tables[0]
    mean = {name: _mean([one["between"].get(name) for one in tables]) for name in table["between"]}
    each = {}
    for name, motions in (("A", first), ("B", second)):
        pairs = people_contact(body, motions)
        each[name] = {key: _mean([one["each"][name].get(key) for one in tables]) for key in table["each"][name]}
        each[name] |= {
            "hand_contact": _mean([pair["hand_contact"] for pair in pairs]),
            "hand_distance_mm": _mean([1000.0 * pair["hands_m"][1] for pair in pairs]),
            "overlap_mm": max(pair["depth_mm"][1] for pair in pairs),
        }
    return {**table, "persons": len(first), "between": mean, "each": each}


def _mean(values: list[float | None]) -> float:
    return round(float(np.mean([value for value in values if value is not None])), 4)


def _pose(motion: BodyMotion, body: BodyModel, frames: int) -> tuple[F32, F32, F32]:
    pose, place = motion.pose_rotmat[:frames], motion.translation_m[:frames]
    rest = np.float32(motion.scale) * body.rest_joints(motion.betas)
    _, joints = forward_kinematics(rest, pose, place)
    vertices = skin(
        body,
        pose,
        betas=motion.betas,
        translation_m=place,
        scale=motion.scale,
        vertices=np.arange(0, len(body.v_template_m), VERTEX_STEP),
    )
    assert vertices is not None
    return joints, vertices, pose


def _alone(motion: BodyMotion, body: BodyModel, joints: F32, frames: int) -> dict[str, float]:
    soles = find_soles(
        body, motion.pose_rotmat[:frames], motion.translation_m[:frames], scale=motion.scale, betas=motion.betas
    )
    lowest = soles.lowest_m.min(axis=(1, 2))
    left, right = (joints[:, JOINT_INDEX[name]] for name in ("left_foot", "right_foot"))
    table = {
        "floating_mm": metrics.floating_mm(lowest),
        "penetration_mm": metrics.penetration_mm(lowest),
    }
    if frames > 2:
        toes = soles.places_m[:, :, 1].copy()
        toes[..., 1] = soles.lowest_m[:, :, 1]
        contact = find_contacts(soles, 0.0, fps=motion.fps)
        table["skating_ratio"] = metrics.skating_ratio(toes, motion.fps)
        table["standing_slide_mm_per_s"] = metrics.standing_slide_mm_per_s(soles.places_m, contact, motion.fps)
        table["physical_foot_contact"] = metrics.physical_foot_contact(joints[:, 0], left, right, motion.fps)
    return {name: round(value, 4) for name, value in table.items()}
