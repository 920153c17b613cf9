# SPDX-License-Identifier: Apache-2.0
"""Writes a character's dance as BVH with the character's own bone names and proportions.

In BVH every joint is unrotated in rest, so a joint's channels are its bone's rotation from rest relative to its parent,
in axes with y up.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ..arrays import F64
from ..atomic import replacing
from ..axes import TO_SMPL
from ..body.euler import zxy_angles
from ..errors import InputError
from .character_map import CharacterMap
from .pose_keys import BoneKeys
from .rest_skeleton import RestSkeleton

CM_PER_M: Final = 100.0
ORDER: Final = "Zrotation Xrotation Yrotation"
PLACES: Final = "Xposition Yposition Zposition"


def write_character_bvh(
    skeleton: RestSkeleton, character: CharacterMap, keys: BoneKeys, path: Path, *, fps: float
) -> None:
    """Write the bones below the root of the pelvis, centimetres, y up.

    Args:
        skeleton: Rest skeleton of the character.
        character: Its map.
        keys: Its dance.
        path: File to write.
        fps: Frames per second of the keys.

    Raises:
        InputError: If the character is a control rig.
        OutputError: If the file cannot be written.
    """
    if character.settings:
        raise InputError(
            f"{skeleton.name} is a control rig, whose bones depend on constraints that BVH does not have. Export .fbx."
        )
    root = skeleton.ancestors(character.bones["pelvis"][0])[-1]
    turn = TO_SMPL["z_up"].astype(np.float64) @ skeleton.world_rotmat
    unit = skeleton.world_scale * CM_PER_M
    lines: list[str] = ["HIERARCHY"]
    columns: list[int] = []
    _add_joint(root, "", lines, columns, skeleton, keys, turn * unit)
    count, table = len(keys), list[F64]()
    for bone in columns:
        if bone == root or bone in keys.locations:
            table.append(_places(bone, skeleton, keys, turn, unit))
        table.append(np.degrees(zxy_angles(turn @ _local(bone, skeleton, keys) @ turn.T)))
    rows = np.concatenate([np.broadcast_to(part, (count, 3)) for part in table], axis=1)
    lines += ["MOTION", f"Frames: {count}", f"Frame Time: {1.0 / fps:.10f}"]
    lines += [" ".join(f"{value:.5f}" for value in row) for row in rows.tolist()]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _add_joint(
    bone: int,
    indent: str,
    lines: list[str],
    columns: list[int],
    skeleton: RestSkeleton,
    keys: BoneKeys,
    to_cm: F64,
) -> None:
    """Add a joint and all below it."""
    parent, inner = int(skeleton.parents[bone]), indent + "  "
    offset = to_cm @ (skeleton.heads[bone] - (skeleton.heads[parent] if parent >= 0 else 0.0))
    moves = parent < 0 or bone in keys.locations
    lines += [
        f"{indent}{'JOINT' if parent >= 0 else 'ROOT'} {bvh_name(skeleton.names[bone])}",
        f"{indent}{{",
        f"{inner}OFFSET {offset[0]:.5f} {offset[1]:.5f} {offset[2]:.5f}",
        f"{inner}CHANNELS {'6 ' + PLACES if moves else '3'} {ORDER}",
    ]
    columns.append(bone)
    for child in skeleton.children[bone]:
        _add_joint(child, inner, lines, columns, skeleton, keys, to_cm)
    if not skeleton.children[bone]:
        x, y, z = to_cm @ (skeleton.tails[bone] - skeleton.heads[bone])
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {x:.5f} {y:.5f} {z:.5f}", f"{inner}}}"]
    lines.append(f"{indent}}}")


def bvh_name(name: str) -> str:
    """Return a bone's name without white space, which would end it in BVH."""
    return "_".join(name.split()) or "bone"


def _local(bone: int, skeleton: RestSkeleton, keys: BoneKeys) -> F64:
    """Return the rotation from rest relative to the parent in the armature's axes, (T, 3, 3) or (3, 3)."""
    if bone not in keys.deltas:
        return np.eye(3)
    above = next((other for other in skeleton.ancestors(bone)[1:] if other in keys.deltas), None)
    delta = keys.deltas[bone]
    return delta if above is None else np.swapaxes(keys.deltas[above], -1, -2) @ delta


def _places(bone: int, skeleton: RestSkeleton, keys: BoneKeys, turn: F64, unit: float) -> F64:
    """Return the position channels of a joint: its offset and what it is moved by, (T, 3) or (3,), centimetres."""
    parent = int(skeleton.parents[bone])
    offset = skeleton.heads[bone] - (skeleton.heads[parent] if parent >= 0 else 0.0)
    if bone in keys.locations:
        offset = offset + keys.locations[bone] @ skeleton.rotmat[bone].T
    place = unit * offset @ turn.T
    return place if parent >= 0 else place + CM_PER_M * (TO_SMPL["z_up"].astype(np.float64) @ skeleton.world_origin_m)
