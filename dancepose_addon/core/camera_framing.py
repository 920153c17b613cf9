# SPDX-License-Identifier: Apache-2.0
"""Camera and floor for a clip, or for a set of clips: pure geometry.

The shot is decided once from everything that is danced, so scale and floor stay constant over the clip and every
part of it, rendered anywhere, agrees to the pixel. The floor is y = 0: the fit puts it there.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import F32, F64
from .body.model import JOINT_COUNT, JOINT_INDEX, BodyModel, forward_kinematics, skin
from .body.motion import BodyMotion

FIELD_RAD: Final = math.radians(18.0)
"""Vertical angle of view: a long lens, so that a dancer who comes nearer hardly grows, and hands are not stretched."""
PITCH_RAD: Final = math.radians(9.0)
"""The camera looks down by this much, so that the floor is seen as a plane and contact can be read."""
MARGIN: Final = 0.07
"""Of the picture's width and height, left free on every side."""
NEAREST_M: Final = 1.0
CAMERAS: Final = ("auto", "still", "follow")
STILL_SHARE: Final = 0.55
"""A still camera is chosen where the dancer's height fills at least this share of the picture's."""
FOLLOW_S: Final = 1.0
"""Standard deviation of the window over which a following camera's way is averaged, seconds."""


@dataclass(frozen=True)
class Shot:
    """A camera, and the space that is danced in. SMPL axes, metres, floor at y = 0.

    Attributes:
        position_m: (3,), metres.
        rotmat: (3, 3), whose columns are the camera's right, up and backward.
        field_rad: Vertical angle of view.
        aspect: Width over height.
        front: (3,), horizontal unit vector from the dancer to the camera.
        centre_m: (3,), metres, middle of the danced space, on the floor.
        reach_m: (2,), metres, half of its width across the picture and of its depth along ``front``.
    """

    position_m: F64
    rotmat: F64
    field_rad: float
    aspect: float
    front: F64
    centre_m: F64
    reach_m: F64


@dataclass(frozen=True)
class CameraSettings:
    """How the camera looks at the dance.

    Attributes:
        field_rad: Vertical angle of view.
        pitch_rad: Angle by which the camera looks down.
        margin: Share of the picture's width and height that is left free on every side.
    """

    field_rad: float = FIELD_RAD
    pitch_rad: float = PITCH_RAD
    margin: float = MARGIN


def frame_motions(
    bodies: list[tuple[BodyModel, BodyMotion]], *, aspect: float, camera: CameraSettings = CameraSettings()
) -> Shot:
    """Find the shot that holds every clip of a set.

    Args:
        bodies: Each body with its motion.
        aspect: Width over height of the picture.
        camera: How the camera looks at the dance.

    Returns:
        The shot.
    """
    outlines = [outline_points(body, motion).reshape(-1, 3) for body, motion in bodies]
    facing = np.sum([facing_vector(motion.pose_rotmat) * len(motion) for _, motion in bodies], axis=0)
    return frame_points(
        np.concatenate(outlines),
        front=unit_or_forward(facing),
        aspect=aspect,
        margin=camera.margin,
        field_rad=camera.field_rad,
        pitch_rad=camera.pitch_rad,
    )


@dataclass(frozen=True)
class CameraPath:
    """A shot and how the camera is moved during it.

    Attributes:
        shot: Shot that the stage is built for.
        way_m: (F, 3), metres, what is added to the camera's position in each frame of the film; None for a still one.
    """

    shot: Shot
    way_m: F64 | None = None

    def position_m(self, frame: int) -> F64:
        """Return the camera's position in a frame of the film, (3,) metres; the last one is held."""
        if self.way_m is None:
            return self.shot.position_m
        return np.asarray(self.shot.position_m + self.way_m[min(max(frame, 0), len(self.way_m) - 1)])


def path_as_table(path: CameraPath) -> dict[str, Any]:
    """Return a camera path as JSON values, which ``path_from_table`` reads."""
    shot = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in asdict(path.shot).items()}
    return {"shot": shot, "way_m": None if path.way_m is None else np.round(path.way_m, 6).tolist()}


def path_from_table(table: Mapping[str, Any]) -> CameraPath:
    """Return the camera path in a table that ``path_as_table`` made; other keys are passed over."""
    shot: dict[str, Any] = {
        key: np.array(value) if isinstance(value, list) else value for key, value in table["shot"].items()
    }
    way = table.get("way_m")
    return CameraPath(Shot(**shot), None if way is None else np.array(way, np.float64))


def film_dance(
    bodies: list[tuple[BodyModel, BodyMotion]],
    *,
    aspect: float,
    fps: float,
    frames: int,
    choice: str = "auto",
    camera: CameraSettings = CameraSettings(),
    still: Shot | None = None,
) -> CameraPath:
    """Find the camera of a film that shows every clip of a set.

    A following camera's way depends on all clips together, so that every clip is filmed alike.

    Args:
        bodies: Each body with its motion; all start with the film.
        aspect: Width over height of the picture.
        fps: Frames per second of the film.
        frames: Number of frames of the film.
        choice: ``still``, ``follow``, or ``auto`` for ``still`` where the dancer then fills enough of the picture.
        camera: How the camera looks at the dance.
        still: Shot of a still camera; None for the one that holds every clip.

    Returns:
        The shot and the camera's way.
    """
    still = frame_motions(bodies, aspect=aspect, camera=camera) if still is None else still

    def points() -> F64:
        shown = [frames_shown(motion, fps=fps, frames=frames) for _, motion in bodies]
        outlines = (outline_points(body, motion)[chosen] for (body, motion), chosen in zip(bodies, shown, strict=True))
        return np.concatenate(list(outlines), axis=1, dtype=np.float64)

    height_m = float(np.median([body.height_m * motion.scale for body, motion in bodies]))
    return film_points(points, still=still, height_m=height_m, fps=fps, choice=choice, camera=camera)


def frames_shown(motion: BodyMotion, *, fps: float, frames: int) -> NDArray[np.intp]:
    """Return the frame of a motion that each frame of a film shows; the last one is held."""
    return np.minimum(np.round(np.arange(frames) / fps * motion.fps).astype(np.intp), len(motion) - 1)


def film_points(
    points: Callable[[], F64],
    *,
    still: Shot,
    height_m: float,
    fps: float,
    choice: str = "auto",
    camera: CameraSettings = CameraSettings(),
) -> CameraPath:
    """Find the camera of a film of anything whose outline is known.

    Args:
        points: Returns the outline in each frame of the film, (F, N, 3), metres; called where a camera may follow.
        still: Shot of a still camera.
        height_m: Height of who is shown.
        fps: Frames per second of the film.
        choice: As in ``film_dance``.
        camera: How the camera looks at the dance.

    Returns:
        The shot and the camera's way.
    """
    if choice == "still" or (choice == "auto" and height_share(still, height_m) >= STILL_SHARE):
        return CameraPath(still)
    shot, way = follow(points(), front=still.front, aspect=still.aspect, fps=fps, camera=camera)
    if choice == "auto" and height_share(shot, height_m) < 1.1 * height_share(still, height_m):
        return CameraPath(still)
    return CameraPath(shot, way)


def height_share(shot: Shot, height_m: float) -> float:
    """Return the share of the picture's height that someone fills who is in the middle of the dance."""
    middle = shot.centre_m + np.array([0.0, height_m / 2.0, 0.0])
    depth = float((shot.position_m - middle) @ shot.rotmat[:, 2])
    return height_m / (2.0 * max(depth, 1e-6) * math.tan(shot.field_rad / 2.0))


def facing_vector(pose_rotmat: F32) -> F64:
    """Find where the chest points over a clip.

    Args:
        pose_rotmat: (T, 24, 3, 3), local rotations.

    Returns:
        (3,), y = 0: the mean of its horizontal directions, which is shorter the more the dancer turns.
    """
    global_rotmat, _ = forward_kinematics(np.zeros((JOINT_COUNT, 3), np.float32), pose_rotmat)
    forward = global_rotmat[:, JOINT_INDEX["spine3"], :, 2].astype(np.float64)
    forward[:, 1] = 0.0
    lengths = np.linalg.norm(forward, axis=1, keepdims=True)
    return np.asarray((forward / np.maximum(lengths, 1e-6)).mean(axis=0))


def unit_or_forward(vector: F64) -> F64:
    """Return a direction with length 1, or forward (+z) where it has none."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-3 else np.array([0.0, 0.0, 1.0])


def outline_points(body: BodyModel, motion: BodyMotion) -> F32:
    """Return the posed vertices that reach furthest: for each joint, the extremes of what it moves.

    Args:
        body: The body.
        motion: Its motion.

    Returns:
        (T, N, 3), metres.
    """
    body = body.full
    owner = body.weights.argmax(axis=1)
    chosen: set[int] = set()
    for joint in range(len(body.tree)):
        moved = np.flatnonzero(owner == joint)
        if len(moved):
            extremes = body.v_template_m[moved]
            chosen.update(moved[extremes.argmax(axis=0)].tolist(), moved[extremes.argmin(axis=0)].tolist())
    points = skin(
        body,
        motion.pose_in(body.tree),
        betas=motion.betas,
        translation_m=motion.translation_m,
        scale=motion.scale,
        correctives=False,
        vertices=np.array(sorted(chosen), np.intp),
    )
    assert points is not None
    return points


def frame_points(
    points_m: NDArray[np.floating],
    *,
    front: F64,
    aspect: float,
    margin: float = MARGIN,
    field_rad: float = FIELD_RAD,
    pitch_rad: float = PITCH_RAD,
) -> Shot:
    """Place the nearest camera that looks against ``front`` and a little down and has every point in the picture.

    For a fixed direction each side of the picture bounds the camera's place linearly, so the place has a closed form.

    Args:
        points_m: (N, 3), metres, SMPL axes.
        front: (3,), horizontal unit vector.
        aspect: Width over height of the picture.
        margin: Share of the picture that is left free on every side.
        field_rad: Vertical angle of view.
        pitch_rad: Angle by which the camera looks down.

    Returns:
        The shot.
    """
    points = np.asarray(points_m, np.float64)
    right = np.cross([0.0, 1.0, 0.0], front)
    backward = math.cos(pitch_rad) * front + math.sin(pitch_rad) * np.array([0.0, 1.0, 0.0])
    rotmat = np.stack([right, np.cross(backward, right), backward], axis=1)
    seen = points @ rotmat
    slope_y = math.tan(field_rad / 2.0) * (1.0 - 2.0 * margin)
    slopes = np.array([slope_y * aspect, slope_y])
    # A point is inside while |x - cx| <= slope * (distance - z); upper and lower give centre and distance at once.
    upper = (seen[:, :2] + slopes * seen[:, 2:]).max(axis=0)
    lower = (seen[:, :2] - slopes * seen[:, 2:]).min(axis=0)
    distance = max(float(((upper - lower) / (2.0 * slopes)).max()), float(seen[:, 2].max()) + NEAREST_M)
    place = np.array([*((upper + lower) / 2.0), distance])
    across, along = points @ right, points @ front
    centre = right * (across.max() + across.min()) / 2.0 + front * (along.max() + along.min()) / 2.0
    reach = np.array([np.ptp(across), np.ptp(along)]) / 2.0
    return Shot(rotmat @ place, rotmat, field_rad, aspect, front, centre, reach)


def project(shot: Shot, points_m: NDArray[np.floating]) -> F64:
    """Project points into the picture.

    Args:
        shot: The camera.
        points_m: (..., 3), metres.

    Returns:
        (..., 3): x and y in [-1, 1] from the lower left to the upper right corner, and the depth in metres.
    """
    seen = (np.asarray(points_m, np.float64) - shot.position_m) @ shot.rotmat
    depth = -seen[..., 2]
    slope = math.tan(shot.field_rad / 2.0)
    return np.stack([seen[..., 0] / (depth * slope * shot.aspect), seen[..., 1] / (depth * slope), depth], axis=-1)


def follow(
    points_m: NDArray[np.floating],
    *,
    front: F64,
    aspect: float,
    fps: float,
    camera: CameraSettings = CameraSettings(),
) -> tuple[Shot, F64]:
    """Find a shot that is near enough for the dancer alone, and the path along which it is moved.

    The path is the middle of the points on the floor, averaged over about two seconds, so that steps do not shake the
    picture.

    Args:
        points_m: (T, N, 3), metres, of all dancers together.
        front: (3,), horizontal unit vector from the dancer to the camera.
        aspect: Width over height of the picture.
        fps: Frames per second.
        camera: How the camera looks at the dance.

    Returns:
        The shot at the path's mean, with the middle and the reach of the whole dance; and (T, 3), metres, what is added
        to its position in each frame.
    """
    points = np.asarray(points_m, np.float64)
    middle = (points.max(axis=1) + points.min(axis=1)) / 2.0
    middle[:, 1] = 0.0
    way = _eased(middle, width=FOLLOW_S * fps)
    way -= way.mean(axis=0)
    shot, whole = (
        frame_points(
            seen.reshape(-1, 3),
            front=front,
            aspect=aspect,
            margin=camera.margin,
            field_rad=camera.field_rad,
            pitch_rad=camera.pitch_rad,
        )
        for seen in (points - way[:, None], points)
    )
    return replace(shot, centre_m=whole.centre_m, reach_m=whole.reach_m), way


def _eased(values: F64, *, width: float) -> F64:
    """Average (T, C) values over time by a Gaussian of ``width`` frames; the first and last values are repeated."""
    reach = max(1, round(3.0 * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 1e-6)) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel / kernel.sum(), mode="valid") for column in padded.T], axis=1)
