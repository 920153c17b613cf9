# SPDX-License-Identifier: Apache-2.0
"""Metrics of motions as the field defines them. Inputs are metres, results millimetres."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import PARENTS
from ...body.rotation import geodesic_angle

CONTACT_HEIGHT_M: Final = 0.05
SKATING_SPEED_M_S: Final = 0.5
BEAT_SPREAD_S: Final = 0.15


def per_point_error_m(first_m: F32, second_m: F32) -> F32:
    """Return the distance of corresponding points, metres. (T, K, 3) each -> (T, K)."""
    return np.linalg.norm(first_m - second_m, axis=-1)


def mpjpe_mm(first_m: F32, second_m: F32) -> float:
    """Return the mean per-joint position error without alignment (Ionescu et al. 2014, Human3.6M).

    Args:
        first_m: (T, K, 3), metres.
        second_m: (T, K, 3), metres.
    """
    return float(per_point_error_m(first_m, second_m).mean(dtype=np.float64) * 1000.0)


def pa_mpjpe_mm(first_m: F32, second_m: F32) -> float:
    """Return the MPJPE after similarity alignment of each frame (Umeyama 1991).

    Args:
        first_m: Points that are aligned, (T, K, 3), metres.
        second_m: Points that stay, (T, K, 3), metres.
    """
    first = first_m.astype(np.float64) - first_m.mean(axis=1, keepdims=True, dtype=np.float64)
    second = second_m.astype(np.float64) - second_m.mean(axis=1, keepdims=True, dtype=np.float64)
    u, singular, vt = np.linalg.svd(np.swapaxes(second, 1, 2) @ first)
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    singular[:, 2] *= sign
    scale = singular.sum(axis=1) / np.maximum((first**2).sum(axis=(1, 2)), 1e-12)
    aligned = scale[:, None, None] * (first @ np.swapaxes(u @ vt, 1, 2))
    return float(np.linalg.norm(aligned - second, axis=-1).mean() * 1000.0)


def pve_mm(first_vertices_m: F32, second_vertices_m: F32) -> float:
    """Return the mean per-vertex error (Pavlakos et al. 2018, Learning to Estimate 3D Human Pose and Shape).

    Args:
        first_vertices_m: (T, V, 3), metres.
        second_vertices_m: (T, V, 3), metres.
    """
    return mpjpe_mm(first_vertices_m, second_vertices_m)


def rotation_error_deg(first_rotmat: F32, second_rotmat: F32) -> float:
    """Return the mean geodesic distance of rotations, degrees (Huynh 2009, metric Phi_6).

    Position errors do not show twist; this does.

    Args:
        first_rotmat: Local or global rotations, (..., 3, 3).
        second_rotmat: The same of the other motion, (..., 3, 3).
    """
    return float(np.degrees(geodesic_angle(first_rotmat, second_rotmat).mean(dtype=np.float64)))


def global_rotations(pose_rotmat: F32) -> F32:
    """Compose local rotations to global ones. (T, 24, 3, 3) -> (T, 24, 3, 3)."""
    result = pose_rotmat.copy()
    for joint in range(1, pose_rotmat.shape[1]):
        result[:, joint] = result[:, PARENTS[joint]] @ pose_rotmat[:, joint]
    return result


def acceleration_error_mm(first_m: F32, second_m: F32) -> float:
    """Return the mean difference of second differences, mm per frame squared (Kanazawa et al. 2019, HMMR).

    Args:
        first_m: (T, K, 3), metres.
        second_m: (T, K, 3), metres.
    """
    return mpjpe_mm(np.diff(first_m, n=2, axis=0), np.diff(second_m, n=2, axis=0))


def jerk_error_mm(first_m: F32, second_m: F32) -> float:
    """Return the mean difference of third differences, mm per frame cubed. (T, K, 3) each, metres."""
    return mpjpe_mm(np.diff(first_m, n=3, axis=0), np.diff(second_m, n=3, axis=0))


def skating_ratio(toes_m: F32, fps: float, *, floor_m: float = 0.0) -> float:
    """Return the share of frames in which a foot slides (Karunratanakul et al. 2023, GMD).

    A toe slides if it is below 5 cm in this frame and the next and moves faster than 0.5 m/s along the floor.

    Args:
        toes_m: (T, F, 3), metres, y up.
        fps: Frames per second.
        floor_m: Height of the floor, metres.

    Returns:
        The share, in [0, 1]; 0 for a single frame, in which nothing slides.
    """
    if len(toes_m) < 2:
        return 0.0
    near = toes_m[..., 1] - floor_m < CONTACT_HEIGHT_M
    speed = np.linalg.norm(np.diff(toes_m[..., [0, 2]], axis=0), axis=-1) * fps
    return float(((near[:-1] & near[1:]) & (speed > SKATING_SPEED_M_S)).any(axis=1).mean())


def standing_slide_mm_per_s(soles_m: F32, contact: NDArray[np.bool_], fps: float) -> float:
    """Return the mean horizontal speed of soles in contact, mm/s; 0 without contacts.

    Unlike the skating ratio it does not count feet that glide low over the floor on purpose.

    Args:
        soles_m: (T, ..., 3), metres, y up.
        contact: (T, ...).
        fps: Frames per second.
    """
    both = contact[:-1] & contact[1:]
    speed = np.linalg.norm(np.diff(soles_m[..., [0, 2]], axis=0), axis=-1) * fps * 1000.0
    return float(speed[both].mean(dtype=np.float64)) if both.any() else 0.0


def beat_alignment(
    points_m: F32, beats_s: NDArray[np.floating], fps: float, *, spread_s: float = BEAT_SPREAD_S
) -> float:
    """Return how close kinematic beats are to given beats (Li et al. 2021, AI Choreographer, BeatAlign).

    Kinematic beats are local minima of the mean speed of all points after a moving average of 0.2 s.

    Args:
        points_m: (T, K, 3), metres.
        beats_s: (B,), seconds.
        fps: Frames per second.
        spread_s: Standard deviation of the Gaussian, seconds.

    Returns:
        A number from 0 to 1; NaN without beats or minima.
    """
    found = kinematic_beats_s(points_m, fps)
    if not len(found) or not len(beats_s):
        return float("nan")
    nearest = np.abs(np.asarray(beats_s)[:, None] - found).min(axis=1)
    return float(np.exp(-(nearest**2) / (2.0 * spread_s**2)).mean())


def kinematic_beats_s(points_m: F32, fps: float) -> NDArray[np.float64]:
    """Return the times of local minima of the points' mean speed.

    Args:
        points_m: (T, K, 3), metres.
        fps: Frames per second.

    Returns:
        Times, (B,), seconds.
    """
    speed = np.linalg.norm(np.diff(points_m.astype(np.float64), axis=0), axis=-1).mean(axis=1)
    width = max(1, round(0.2 * fps))
    smooth = np.convolve(speed, np.ones(width) / width, mode="same")
    minima = np.flatnonzero((smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] <= smooth[2:])) + 1
    return (minima + 0.5) / fps


def physical_foot_contact(root_m: F32, left_foot_m: F32, right_foot_m: F32, fps: float) -> float:
    """Return the physical foot contact score (PFC; Tseng et al. 2023, EDGE, section 4.3).

    It is the product of the root's acceleration (upward part kept where positive) and both feet's speeds, averaged over
    frames and divided by the largest acceleration: a body accelerates only while a foot is in contact.

    Args:
        root_m: (T, 3), metres, y up.
        left_foot_m: (T, 3), metres.
        right_foot_m: (T, 3), metres.
        fps: Frames per second.
    """
    acceleration = np.diff(root_m.astype(np.float64), n=2, axis=0) * fps**2
    acceleration[:, 1] = np.maximum(acceleration[:, 1], 0.0)
    size = np.linalg.norm(acceleration, axis=1)
    speeds = [
        np.linalg.norm(np.diff(f.astype(np.float64), axis=0)[:-1] * fps, axis=1) for f in (left_foot_m, right_foot_m)
    ]
    return float((size * speeds[0] * speeds[1]).mean() / max(float(size.max()), 1e-12))


def floating_mm(lowest_m: F32, *, floor_m: float = 0.0) -> float:
    """Return the mean height of the lowest point above the floor; frames below it count as zero. (T,), metres."""
    return float(np.maximum(lowest_m - floor_m, 0.0).mean(dtype=np.float64) * 1000.0)


def penetration_mm(lowest_m: F32, *, floor_m: float = 0.0) -> float:
    """Return the mean depth of the lowest point below the floor; frames above it count as zero. (T,), metres."""
    return float(np.maximum(floor_m - lowest_m, 0.0).mean(dtype=np.float64) * 1000.0)
