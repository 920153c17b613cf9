# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion on a character from a file: what headless renders and studies show instead of the body."""

from dataclasses import dataclass
import hashlib
from pathlib import Path
import time

import bpy

from ...core.body.model import BodyModel
from ...core.body.motion import BodyMotion
from ...core.camera_framing import (
    CameraPath,
    facing_vector,
    film_points,
    frame_points,
    frames_shown,
    unit_or_forward,
)
from ...core.errors import InputError
from ...core.progress import Progress, silent
from ...core.retarget.character_bvh import write_character_bvh
from ...core.retarget.character_record import character_height_m, character_outline
from ...core.retarget.map_file import read_map_file
from ...core.retarget.source_motion import source_motion
from ..data_blocks import rollback_on_failure
from .bone_reach import read_bone_reach
from .character_file import CharacterObjects, import_character
from .driving import DrivenCharacter, DriveOptions, drive_armature
from .rest_reader import read_rest_skeleton


@dataclass(frozen=True)
class CharacterChoice:
    """A character, and how it is driven.

    Attributes:
        file: The character's file.
        map_file: The user's map of its bones, or None.
        first_frame: Scene frame of the first key.
        as_measured: Whether the floor is at height 0 and feet move as the source's, for comparisons of systems.
    """

    file: Path
    map_file: Path | None = None
    first_frame: float = 0.0
    as_measured: bool = False

    def key(self) -> str:
        """Return a hash of everything of the files that decides how frames look."""
        digest = hashlib.blake2b(digest_size=8)
        for path in (self.file, self.map_file):
            if path is not None:
                digest.update(path.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class AddedCharacter:
    """A character that dances in the scene.

    Attributes:
        motion: What it dances.
        objects: Its objects.
        driven: Its map and keys.
        seconds: Seconds spent in Blender, by stage.
    """

    motion: BodyMotion
    objects: CharacterObjects
    driven: DrivenCharacter
    seconds: dict[str, float]

    @property
    def notices(self) -> tuple[str, ...]:
        """What is uncertain in the map."""
        return self.driven.character.doubts


def add_character(
    motion: BodyMotion, body: BodyModel, choice: CharacterChoice, *, scene: bpy.types.Scene, progress: Progress = silent
) -> AddedCharacter:
    """Import a character and make it dance where the motion has the dance. If that fails, nothing is left in the file.

    Args:
        motion: The motion.
        body: Its body.
        choice: The character.
        scene: The active scene.
        progress: Called with the fraction done and the current step.

    Returns:
        The character.

    Raises:
        InputError: If it cannot be used.
        FormatError: If a file cannot be read.
    """
    progress(0.0, "Importing the character")
    clock = time.perf_counter()
    with rollback_on_failure():
        objects = import_character(choice.file, scene=scene)
        if not objects.meshes:
            raise InputError(f"{choice.file.name} has an armature without a mesh. Give a character with its skin.")
        imported = time.perf_counter()
        progress(0.5, "Driving the character")
        overrides = None
        if choice.map_file is not None:
            overrides = read_map_file(choice.map_file, read_rest_skeleton(objects.armature))
        driven = drive_armature(
            objects.armature,
            source_motion(motion, body, floor_m=0.0 if choice.as_measured else None),
            scene=scene,
            overrides=overrides,
            options=DriveOptions(first_frame=choice.first_frame, lock_feet=not choice.as_measured, on_stage=True),
        )
    seconds = {"character": imported - clock, "drive": time.perf_counter() - imported}
    progress(1.0, f"{objects.armature.name} dances {len(motion)} frames")
    return AddedCharacter(motion, objects, driven, seconds)


def film_character(added: AddedCharacter, *, frames: int, fps: float, aspect: float, choice: str) -> CameraPath:
    """Find the camera of a film that shows a character's dance.

    Args:
        added: The character.
        frames: Number of frames of the film.
        fps: Frames per second of the film.
        aspect: Width over height of the picture.
        choice: ``still``, ``follow``, or ``auto`` for ``still`` where the character then fills enough of the picture.

    Returns:
        The shot and the camera's way.
    """
    driven, meshes = added.driven, added.objects.meshes
    reach = read_bone_reach(driven.armature, meshes, driven.skeleton, driven.character.driven())
    points = character_outline(driven.skeleton, driven.keys, reach)
    points = points[frames_shown(added.motion, fps=fps, frames=frames)]
    front = unit_or_forward(facing_vector(added.motion.pose_rotmat))
    return film_points(
        lambda: points,
        still=frame_points(points.reshape(-1, 3), front=front, aspect=aspect),
        height_m=character_height_m(driven.skeleton, reach),
        fps=fps,
        choice=choice,
    )


def write_driven_bvh(added: AddedCharacter, path: Path) -> None:
    """Write a character's dance as BVH with its own bones, at the frame rate of the motion."""
    driven = added.driven
    write_character_bvh(driven.skeleton, driven.character, driven.keys, path, fps=added.motion.fps)
