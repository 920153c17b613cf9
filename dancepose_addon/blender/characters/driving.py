# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an armature dance: keys of its bones as one action, with everything else that animates it muted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import bpy
import numpy as np

from ...core.arrays import F64
from ...core.retarget.character_map import FINGER_PARTS, CharacterMap
from ...core.retarget.character_record import stage_placement
from ...core.retarget.find_map import find_character_map
from ...core.retarget.pose_keys import BoneKeys
from ...core.retarget.rest_skeleton import RestSkeleton
from ...core.retarget.transfer import SourceMotion, transfer_motion
from .. import compat
from ..data_blocks import remove_unused, rollback_on_failure
from ..narrowing import action_of, armature_of, frame_rate_of, present
from ..rig.actions import INTERPOLATIONS, SMOOTH_BELOW, add_curves
from .rest_reader import read_foot_points, read_rest_skeleton

MARK: Final = "dancepose_dance"
"""Custom property of an action that was made here."""
STILL: Final = 1e-6
"""Fingers whose quaternions change by less over a clip have one key."""


@dataclass(frozen=True)
class DrivenCharacter:
    """A character that dances.

    Attributes:
        armature: Its armature.
        skeleton: Its rest skeleton.
        character: Its map.
        keys: What was written.
    """

    armature: bpy.types.Object
    skeleton: RestSkeleton
    character: CharacterMap
    keys: BoneKeys


@dataclass(frozen=True)
class DriveOptions:
    """How a character is driven.

    Attributes:
        first_frame: Scene frame of the first key.
        lock_feet: Whether feet in contact are kept in their places.
        on_stage: Whether the dance is where the motion has it in the world, instead of where the armature is.
        name: Name of the action.
    """

    first_frame: float = 0.0
    lock_feet: bool = True
    on_stage: bool = False
    name: str = "Dance"


def drive_armature(
    armature: bpy.types.Object | None,
    source: SourceMotion,
    *,
    scene: bpy.types.Scene,
    overrides: Mapping[str, Sequence[int]] | None = None,
    options: DriveOptions = DriveOptions(),
) -> DrivenCharacter:
    """Make an armature follow a motion. If that is not possible, the file stays as it was.

    Args:
        armature: Armature of the character.
        source: Motion to follow.
        scene: Scene whose frame rate the keys follow.
        overrides: Bones by part that the user says.
        options: How it is driven.

    Returns:
        The driven character.

    Raises:
        InputError: If the object is no armature of a person, or cannot be changed.
    """
    skeleton = read_rest_skeleton(armature)
    thing = present(armature)
    character = find_character_map(skeleton, overrides=overrides)
    feet = read_foot_points(thing, skeleton, character)
    placement = stage_placement(skeleton) if options.on_stage else None
    keys = transfer_motion(skeleton, character, source, feet=feet, placement=placement, lock_feet=options.lock_feet)
    with rollback_on_failure():
        _reset_pose(thing, skeleton, character, keys)
        _write_action(thing, skeleton, character, keys, source.fps, frame_rate_of(scene), options)
    return DrivenCharacter(thing, skeleton, character, keys)


def _reset_pose(armature: bpy.types.Object, skeleton: RestSkeleton, character: CharacterMap, keys: BoneKeys) -> None:
    """Put every bone into rest, and mute what would move driven bones beside the action."""
    bones = present(armature.pose).bones
    count = len(bones)
    bones.foreach_set("location", np.zeros(3 * count, np.float32))
    bones.foreach_set("rotation_euler", np.zeros(3 * count, np.float32))
    bones.foreach_set("scale", np.ones(3 * count, np.float32))
    bones.foreach_set("rotation_quaternion", np.tile(np.array([1.0, 0.0, 0.0, 0.0], np.float32), count))
    data = armature_of(armature)
    if data.pose_position != "POSE":
        data.pose_position = "POSE"
    for index in dict.fromkeys([*character.driven(), *keys.bones]):
        bone = bones[skeleton.names[index]]
        bone.rotation_mode = "QUATERNION"
        for constraint in bone.constraints if not character.settings else ():
            constraint.mute = True
    animation = armature.animation_data
    for track in animation.nla_tracks if animation is not None else ():
        track.mute = True


def _write_action(
    armature: bpy.types.Object,
    skeleton: RestSkeleton,
    character: CharacterMap,
    keys: BoneKeys,
    fps: float,
    scene_fps: float,
    options: DriveOptions,
) -> None:
    frames = options.first_frame + np.arange(len(keys)) * (scene_fps / fps)
    kind = INTERPOLATIONS["BEZIER" if fps < SMOOTH_BELOW * scene_fps else "LINEAR"]
    before = action_of(armature)
    if before is not None:
        before.use_fake_user = before.get(MARK) is None
    curves, groups = compat.assign_new_action(armature, options.name)
    action = present(action_of(armature))
    action[MARK] = True
    made: dict[int, bpy.types.ActionGroup] = {}
    fingers = {bone for part in FINGER_PARTS for bone in character.bones.get(part, ())}
    for column, bone in enumerate(keys.bones):
        group = made[bone] = groups.new(skeleton.names[bone])
        quats = keys.quats[:, column]
        if bone in fingers and np.ptp(quats, axis=0).max() < STILL:  # one key for a hand that rests
            quats = quats[:1]
        path = _path(skeleton, bone, "rotation_quaternion")
        add_curves(curves, group, path, frames[: len(quats)], quats.T, kind=kind)
    for bone, location in keys.locations.items():
        group = made.get(bone) or groups.new(skeleton.names[bone])
        along = _location_axes(armature, skeleton, bone)
        add_curves(curves, group, _path(skeleton, bone, "location"), frames, (location @ along).T, kind=kind)
    for path, value in _present_settings(armature, character):
        curve = curves.new(path)
        curve.keyframe_points.insert(float(frames[0]), value)
    if before is not None and before.get(MARK) is not None:
        remove_unused([before])


def _location_axes(armature: bpy.types.Object, skeleton: RestSkeleton, bone: int) -> F64:
    """Return the rotation from a bone's own axes to those of its location, (3, 3): its own or its parent's."""
    if armature_of(armature).bones[skeleton.names[bone]].use_local_location:
        return np.eye(3)
    parent = int(skeleton.parents[bone])
    return skeleton.rotmat[bone].T @ (skeleton.rotmat[parent] if parent >= 0 else np.eye(3))


def _present_settings(armature: bpy.types.Object, character: CharacterMap) -> Iterator[tuple[str, float]]:
    """Yield the properties that this rig has; versions of Rigify differ."""
    for path, value in character.settings.items():
        try:
            armature.path_resolve(path)
        except ValueError:
            continue
        yield path, value


def _path(skeleton: RestSkeleton, bone: int, name: str) -> str:
    return f'pose.bones["{bpy.utils.escape_identifier(skeleton.names[bone])}"].{name}'
