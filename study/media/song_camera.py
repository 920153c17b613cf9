# SPDX-License-Identifier: Apache-2.0
"""Camera and floor of a song, shared by all systems, so that the view does not identify the system."""

from dataclasses import replace
import hashlib
import json
import math
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from dancepose_addon.core.arrays import F64
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import BodyModel
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.people_file import load_people
from dancepose_addon.core.camera_framing import (
    CameraSettings,
    Shot,
    facing_vector,
    film_dance,
    film_points,
    frame_motions,
    frame_points,
    frames_shown,
    path_as_table,
    unit_or_forward,
)
from dancepose_addon.core.retarget.character_record import CharacterRecord
from dancepose_addon.core.retarget.source_motion import source_motion
from dancepose_addon.core.stored_tables import read_stored_table

from ..plan.paths import StudyPaths
from ..plan.planning import Segment
from ..plan.study_file import Study


def write_song_camera(study: Study, paths: StudyPaths, song: str, systems: list[str], segments: list[Segment]) -> str:
    """Write the camera and the floor of a song, computed from the fitted motions of ``systems``.

    Every fit puts its own floor at y = 0. With one floor for the song, each clip is moved by the difference of its
    floor from the median, so that a system that floats is seen to float. ``move_m`` in the file holds these moves.

    Args:
        study: The study.
        paths: Its files.
        song: Name of the song.
        systems: Names of the systems whose motions are there.
        segments: The parts of the song that are shown.

    Returns:
        A hash of the file's content.
    """
    body = load_body(study.path(study.stage.body))
    fits = {name: read_stored_table(paths.fit_report(name, song)) for name in systems}
    floors = {name: float(fit["floor_m"]) for name, fit in fits.items()}
    middle = median(floors.values())
    moves = {name: [0.0, floors[name] - middle if study.stage.floor == "song" else 0.0, 0.0] for name in systems}
    whole: list[tuple[BodyModel, BodyMotion]] = []
    for name in systems:
        for motion in load_people(paths.motion(name, song)):
            moved = replace(motion, translation_m=motion.translation_m + np.array(moves[name], np.float32))
            whole.append((body, moved))
    width, height = study.picture.size
    settings = CameraSettings(
        field_rad=math.radians(study.camera.field_deg),
        pitch_rad=math.radians(study.camera.pitch_deg),
        margin=study.camera.margin,
    )
    fps = study.picture.fps
    shown = [(body, _shown_part(motion, segments, fps)) for body, motion in whole]
    frames = max(round(segment.start_s * fps) + segment.frames for segment in segments)
    if study.stage.character is None:
        path = film_dance(
            whole,
            aspect=width / height,
            fps=fps,
            frames=frames,
            choice=study.picture.camera,
            camera=settings,
            still=frame_motions(shown, aspect=width / height, camera=settings),
        )
    else:
        record, choice = CharacterRecord.load(paths.character), study.picture.camera
        still = _character_shot(record, shown, settings, width / height)
        path = film_points(
            lambda: _character_points(record, whole, fps, frames),
            still=still,
            height_m=record.height_m,
            fps=fps,
            choice=choice,
            camera=settings,
        )
    text = json.dumps({"song": song, **path_as_table(path), "move_m": moves, "floors_m": floors})
    with replacing(paths.camera(song)) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _character_shot(
    record: CharacterRecord, shown: list[tuple[BodyModel, BodyMotion]], settings: CameraSettings, aspect: float
) -> Shot:
    """Return the shot that holds the character in every clip."""
    facing = np.sum([facing_vector(motion.pose_rotmat) * len(motion) for _, motion in shown], axis=0)
    outlines = [record.outline(source_motion(motion, body, floor_m=0.0)).reshape(-1, 3) for body, motion in shown]
    return frame_points(
        np.concatenate(outlines),
        front=unit_or_forward(facing),
        aspect=aspect,
        margin=settings.margin,
        field_rad=settings.field_rad,
        pitch_rad=settings.pitch_rad,
    )


def _character_points(
    record: CharacterRecord, whole: list[tuple[BodyModel, BodyMotion]], fps: float, frames: int
) -> F64:
    """Return the outline of the character in all clips together in each frame of the film, (F, N, 3) metres."""
    outlines = [
        record.outline(source_motion(motion, body, floor_m=0.0))[frames_shown(motion, fps=fps, frames=frames)]
        for body, motion in whole
    ]
    return np.concatenate(outlines, axis=1)


def _shown_part(motion: BodyMotion, segments: list[Segment], fps: float) -> BodyMotion:
    """Keep the poses that the segments show, and their neighbours."""
    shown = np.zeros(len(motion), bool)
    for segment in segments:
        first = math.floor(segment.start_s * motion.fps) - 1
        last = math.ceil((segment.start_s + segment.frames / fps) * motion.fps) + 1
        shown[max(0, first) : last + 1] = True
    return motion.part(shown)


def read_song_camera(path: Path) -> dict[str, Any]:
    """Read the file that ``write_song_camera`` wrote."""
    return read_stored_table(path)
