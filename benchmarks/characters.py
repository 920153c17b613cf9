# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality and speed of the transfer to characters, measured on their evaluated bones and skins.

    python -m benchmarks.characters FOLDER MOTION.npz [--out benchmarks/results/characters.md]

FOLDER holds characters (.glb, .vrm, .fbx, .blend), MOTION is what `dancepose fit` wrote. Measured in Blender:
directions of limbs against the source, the side to which knees and elbows bend, penetration and sliding of the skin's
feet against those of the source's body, jumps from frame to frame that the source lacks, and the way back to SMPL's
rotations.
"""

import argparse
from collections.abc import Sequence
import os
from pathlib import Path
import sys
import time
from typing import Any

import bpy
import numpy as np

from dancepose_addon.blender.characters.character_file import IMPORTERS, import_character
from dancepose_addon.blender.characters.driving import DrivenCharacter, DriveOptions, drive_armature
from dancepose_addon.blender.characters.rest_reader import read_foot_points
from dancepose_addon.blender.narrowing import present, scene_of
from dancepose_addon.core.body.model import JOINT_INDEX, forward_kinematics
from dancepose_addon.core.body.model_io import load_body
from dancepose_addon.core.body.motion import BodyMotion
from dancepose_addon.core.body.rotation import geodesic_angle
from dancepose_addon.core.errors import DancePoseError
from dancepose_addon.core.fit.floor.contacts import Ground, find_soles, ground
from dancepose_addon.core.retarget.rest_alignment import RestAlignment, align_rest_pose
from dancepose_addon.core.retarget.source_motion import source_motion
from dancepose_addon.core.retarget.target_feet import find_target_soles
from dancepose_addon.core.retarget.transfer import SourceMotion, transfer_motion

LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
BENDS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
RETURNED = (
    "pelvis",
    *(f"{s}_{p}" for s in ("left", "right") for p in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")),
)
BENT_RAD = np.radians(20.0)
JUMP_RAD = np.radians(30.0)
FPS = 25
LONG = 2000
TO_SMPL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def source_joints(source: SourceMotion) -> tuple[np.ndarray, np.ndarray]:
    """Global rotations and joint positions of the source."""
    arrays: list[Any] = [source.rest_joints_m, source.pose_rotmat, source.translation_m]
    return forward_kinematics(*arrays)


def evaluated(driven: DrivenCharacter, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and heads of all bones in the world in SMPL's axes, as Blender evaluates them."""
    scene, names = scene_of(bpy.context), driven.skeleton.names
    turned, heads = np.empty((count, len(names), 3, 3)), np.empty((count, len(names), 3))
    for frame in range(count):
        scene.frame_set(frame)
        shown = driven.armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        bones = present(shown.pose).bones
        world = np.array(shown.matrix_world) / driven.skeleton.world_scale
        for bone, name in enumerate(names):
            matrix = np.array(bones[name].matrix)
            turned[frame, bone] = TO_SMPL @ world[:3, :3] @ matrix[:3, :3]
            heads[frame, bone] = TO_SMPL @ np.array(shown.matrix_world @ bones[name].head)
    return turned, heads


def angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles between vectors, radians."""
    return np.arctan2(np.linalg.norm(np.cross(first, second), axis=-1), (first * second).sum(axis=-1))


def limb_errors(driven: DrivenCharacter, heads: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Angles between the limbs of character and source, (T, 8), radians."""
    found = []
    for side in ("left", "right"):
        for start, end in LIMBS:
            a, b = (driven.character.bones[f"{side}_{part}"][0] for part in (start, end))
            source = joints[:, JOINT_INDEX[f"{side}_{end}"]] - joints[:, JOINT_INDEX[f"{side}_{start}"]]
            found.append(angles(heads[:, b] - heads[:, a], source))
    return np.stack(found, axis=1)


def same_bends(driven: DrivenCharacter, heads: np.ndarray, joints: np.ndarray) -> float:
    """Share of the frames in which bent elbows and knees bend to the source's side."""
    same = []
    for side in ("left", "right"):
        for chain in BENDS:
            of_character = [heads[:, driven.character.bones[f"{side}_{part}"][0]] for part in chain]
            of_source = [joints[:, JOINT_INDEX[f"{side}_{part}"]] for part in chain]
            axes = [np.cross(b - a, c - b) for a, b, c in (of_character, of_source)]
            first, second, third = (joints[:, JOINT_INDEX[f"{side}_{part}"]] for part in chain)
            bent = angles(second - first, third - second) > BENT_RAD
            same.append((axes[0] * axes[1]).sum(axis=1)[bent] > 0.0)
    return float(np.concatenate(same).mean())


def returned_errors(
    driven: DrivenCharacter, turned: np.ndarray, source: SourceMotion, alignment: RestAlignment
) -> np.ndarray:
    """Angles between SMPL's rotations and those that the evaluated bones give back, (T, J), radians."""
    globals_, _ = source_joints(source)
    skeleton, found = driven.skeleton, []
    to_world = TO_SMPL @ skeleton.world_rotmat
    for joint in RETURNED:
        bone = (
            driven.character.bones[joint][-1]
            if joint.endswith(("hip", "shoulder"))
            else driven.character.bones[joint][0]
        )
        rest = to_world @ skeleton.rotmat[bone]
        # Figure axes in the world: the frame of the armature, seen from SMPL's axes.
        frame = to_world @ alignment.frame
        back = turned[:, bone] @ rest.T @ frame @ alignment.turns[joint].T
        found.append(geodesic_angle(globals_[:, JOINT_INDEX[joint]], back))
    return np.stack(found, axis=1)


def foot_scores(low_m: np.ndarray, places_m: np.ndarray, contact: Ground) -> tuple[float, float]:
    """Deepest penetration (mm, 99th percentile) and mean sliding of soles in contact (mm per second).

    Args:
        low_m: Height of the lowest point of each sole, (T, 2, 2).
        places_m: Places of the soles, (T, 2, 2, 3).
        contact: Contacts of the source.
    """
    sunk = 1e3 * float(np.percentile(np.maximum(-low_m, 0.0), 99.0))
    steps = np.linalg.norm(np.diff(places_m[..., [0, 2]], axis=0), axis=-1)
    both = contact.contact[1:] & contact.contact[:-1]
    return sunk, 1e3 * float(steps[both].mean()) * FPS if both.any() else 0.0


def target_feet(driven: DrivenCharacter, turned: np.ndarray, heads: np.ndarray, alignment: RestAlignment) -> Any:
    """Lowest points and places of the character's soles by its evaluated bones, in the source's size."""
    character, skeleton = driven.character, driven.skeleton
    soles = find_target_soles(character, alignment, read_foot_points(driven.armature, skeleton, character))
    to_world = TO_SMPL @ skeleton.world_rotmat
    low, places = np.empty((len(heads), 2, 2)), np.empty((len(heads), 2, 2, 3))
    for index, side in enumerate(("left", "right")):
        for part, (name, points) in enumerate((("ankle", soles.heel_m), ("foot", soles.toe_m))):
            bones = character.bones.get(f"{side}_{name}") or character.bones[f"{side}_ankle"]
            bone = bones[0]
            delta = turned[:, bone] @ (to_world @ skeleton.rotmat[bone]).T @ (to_world @ alignment.frame)
            base = heads[:, character.bones[f"{side}_ankle"][0]] / driven.keys.scale
            if name == "foot":
                ankle = character.bones[f"{side}_ankle"][0]
                of_ankle = turned[:, ankle] @ (to_world @ skeleton.rotmat[ankle]).T @ (to_world @ alignment.frame)
                base = base + of_ankle @ soles.toe_offset_m[side]
            world = base[:, None] + points[side] @ np.swapaxes(delta, -1, -2)
            low[:, index, part], places[:, index, part] = world[..., 1].min(axis=1), world.mean(axis=1)
    return low, places


def measure(path: Path, motion: BodyMotion, source: SourceMotion) -> dict[str, Any]:
    """Figures of one character."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = scene_of(bpy.context)
    scene.render.fps, scene.render.fps_base = round(motion.fps), round(motion.fps) / motion.fps
    objects = import_character(path, scene=scene)
    driven = drive_armature(objects.armature, source, scene=scene, options=DriveOptions(on_stage=True))
    for mesh in objects.meshes:
        mesh.hide_viewport = True
    turned, heads = evaluated(driven, len(motion))
    _, joints = source_joints(source)
    fingers = None if source.hands is None else source.hands.rest_joints_m
    alignment = align_rest_pose(driven.skeleton, driven.character, source.rest_joints_m, fingers)
    errors = np.degrees(limb_errors(driven, heads, joints))
    low, places = target_feet(driven, turned, heads, alignment)
    sunk, slide = foot_scores(low, places, source.ground)
    bones = list(driven.keys.bones)
    steps = geodesic_angle(turned[:-1, bones], turned[1:, bones])
    of_source, _ = source_joints(source)
    most = geodesic_angle(of_source[:-1], of_source[1:]).max(axis=1)
    back = np.degrees(returned_errors(driven, turned, source, alignment))
    free = transfer_motion(driven.skeleton, driven.character, source, lock_feet=False)
    placed = np.zeros((len(motion), len(driven.skeleton), 3))
    for bone, place in free.heads.items():
        placed[:, bone] = place @ alignment.frame
    unlocked = np.degrees(limb_errors(driven, placed, joints))
    repeat = np.resize(np.arange(len(motion)), LONG)
    long_motion = SourceMotion(
        source.rest_joints_m, source.pose_rotmat[repeat], source.translation_m[repeat], source.ankle_m,
        Ground(source.ground.floor_m, source.ground.contact[repeat]), source.fps,
    )  # fmt: skip
    clock = time.process_time()
    transfer_motion(driven.skeleton, driven.character, long_motion)
    moved_s = time.process_time() - clock
    drive_armature(driven.armature, long_motion, scene=scene)
    return {
        "file": path.name,
        "bones": len(driven.skeleton),
        "scale": driven.keys.scale,
        "arms": float(np.median(errors[:, [0, 1, 4, 5]])),
        "legs": float(np.median(errors[:, [2, 3, 6, 7]])),
        "free": float(np.median(unlocked[:, [2, 3, 6, 7]])),
        "legs95": float(np.percentile(errors[:, [2, 3, 6, 7]], 95.0)),
        "bends": same_bends(driven, heads, joints),
        "sunk": sunk,
        "slide": slide,
        "jumps": int((steps > (most + JUMP_RAD)[:, None]).sum()),
        "back": float(np.median(back)),
        "back95": float(np.percentile(back, 95.0)),
        "transfer": moved_s,
        "all": time.process_time() - clock - moved_s,
        "doubts": len(driven.character.doubts),
    }


def main(argv: Sequence[str]) -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("motion", type=Path)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/characters.md"))
    arguments = parser.parse_args(list(argv))
    body, motion = load_body(), BodyMotion.load(arguments.motion)
    count = slice(0, arguments.frames)
    motion = BodyMotion(motion.pose_rotmat[count], motion.translation_m[count], motion.betas, motion.scale, motion.fps)
    soles = find_soles(body, motion.pose_rotmat, motion.translation_m, scale=motion.scale, betas=motion.betas)
    contacts = ground(soles, fps=motion.fps)
    source = source_motion(motion, body)
    own = foot_scores(soles.lowest_m - contacts.floor_m, soles.places_m, contacts)
    rows = []
    for path in sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in IMPORTERS):
        try:
            rows.append(measure(path, motion, source))
        except DancePoseError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        print({key: round(value, 3) if isinstance(value, float) else value for key, value in rows[-1].items()})
    arguments.out.write_text(report(rows, own, len(motion), arguments.motion.stem), encoding="utf-8")
    return 0


def report(rows: list[dict[str, Any]], own: tuple[float, float], count: int, name: str) -> str:
    """The table as Markdown."""
    lines = [
        "# Characters",
        "",
        (
            f"Command: `python -m benchmarks.characters FOLDER MOTION.npz`, {count} frames of {name}, Blender "
            f"{bpy.app.version_string}. Bones are measured as Blender evaluates them, in the size of the source's body."
        ),
        "",
        (
            "- arms, legs: angle between a limb's direction and the source's, median; 95 %: of the legs. free: legs "
            "without the lock of the feet."
        ),
        "- bends: share of the frames with a bent elbow or knee in which it bends to the source's side.",
        (
            "- sunk: depth of the soles below the floor, 99th percentile. slide: speed of soles in contact, mean. The "
            f"source's own body: {own[0]:.1f} mm and {own[1]:.0f} mm/s."
        ),
        (
            "- jumps: turns of a bone between two frames that exceed the fastest joint of the source by "
            f"{np.degrees(JUMP_RAD):.0f} deg."
        ),
        (
            "- back: angle between SMPL's rotations and those that the evaluated bones give back, median and 95 %. "
            "Standing feet become flat, so the 95 % is the tilt of the source's standing feet."
        ),
        (
            f"- transfer, keys: processor time for {LONG} frames: mathematics alone; and with reading the rig and "
            "writing keys."
        ),
        "",
        (
            "| character | bones | size | arms deg | legs deg | free | 95 % | bends | sunk mm | slide mm/s | jumps | "
            "back deg | 95 % | transfer s | keys s |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['file']} | {row['bones']} | {row['scale']:.2f} | {row['arms']:.2f} | {row['legs']:.2f} | "
        f"{row['free']:.2f} | {row['legs95']:.1f} | {row['bends']:.1%} | {row['sunk']:.1f} | {row['slide']:.0f} | "
        f"{row['jumps']} | {row['back']:.2f} | {row['back95']:.1f} | {row['transfer']:.2f} | {row['all']:.2f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # Blender may not end after an error
