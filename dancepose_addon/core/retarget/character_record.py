# SPDX-License-Identifier: Apache-2.0
"""What Blender measured of a character, so that its dances can be framed without Blender."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..arrays import F64
from ..atomic import replacing
from ..axes import TO_SMPL
from ..bounded_files import NpzLimits, brief, open_npz, parse_json
from ..errors import FormatError, MissingFileError
from .character_map import CharacterMap, TwistBone
from .pose_keys import BoneKeys
from .rest_skeleton import RestSkeleton
from .target_feet import FootPoints
from .transfer import FigurePlacement, SourceMotion, transfer_motion

ARRAYS: Final = ("parents", "heads", "tails", "rotmat", "world_rotmat", "world_origin_m", "inherits", "connected")
KEYS: Final = (*ARRAYS, "world_scale", "reach", "texts", "left_ankle", "left_foot", "right_ankle", "right_foot")
RECORD_LIMITS: Final = NpzLimits(arrays=64, expansion=64, small_bytes=64 << 20)


@dataclass(frozen=True, eq=False)
class CharacterRecord:
    """A character as it was measured.

    Attributes:
        skeleton: Its rest skeleton.
        character: Its map.
        feet: Points of its soles.
        reach: For each bone the distance to which the skin around its head reaches, in the armature's units.
    """

    skeleton: RestSkeleton
    character: CharacterMap
    feet: FootPoints
    reach: Mapping[int, float]

    def outline(self, source: SourceMotion) -> F64:
        """Return points that a dance on the stage reaches.

        Args:
            source: The dance.

        Returns:
            (T, N, 3), metres, SMPL's axes.
        """
        keys = transfer_motion(
            self.skeleton,
            self.character,
            source,
            feet=self.feet,
            placement=stage_placement(self.skeleton),
            lock_feet=False,
        )
        return character_outline(self.skeleton, keys, self.reach)

    @property
    def height_m(self) -> float:
        """Height of the character at rest, metres."""
        return character_height_m(self.skeleton, self.reach)

    def save(self, path: Path) -> None:
        """Write the record.

        Args:
            path: File to write, .npz.

        Raises:
            OutputError: The file cannot be written.
        """
        table = asdict(self.character)
        texts = {
            "name": self.skeleton.name,
            "names": self.skeleton.names,
            "character": {**table, "follows": list(self.character.follows.items())},
        }
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                **{name: getattr(self.skeleton, name) for name in ARRAYS},
                **dict(self.feet.points),
                world_scale=self.skeleton.world_scale,
                reach=np.array(list(self.reach.items()), np.float64).reshape(-1, 2),
                texts=json.dumps(texts),
            )

    @classmethod
    def load(cls, path: Path) -> "CharacterRecord":
        """Read a record.

        Args:
            path: The file.

        Raises:
            MissingFileError: The file cannot be read.
            FormatError: It is not a record.
        """
        try:
            arrays = open_npz(path, limits=RECORD_LIMITS, wanted=KEYS)
            return cls._from_arrays(arrays, dict(parse_json(str(arrays["texts"]))))
        except OSError as error:
            raise MissingFileError(
                f"{path} cannot be read ({error.strerror or error}). Run the study again."
            ) from error
        except (FormatError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise FormatError(f"{path} is not the record of a character ({brief(error)}). Delete it.") from error

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, Any], texts: dict[str, Any]) -> "CharacterRecord":
        stored = {name: np.asarray(arrays[name]) for name in ARRAYS}
        skeleton = RestSkeleton(
            name=str(texts["name"]), names=tuple(texts["names"]), world_scale=float(arrays["world_scale"]), **stored
        )
        table = texts["character"]
        character = CharacterMap(
            bones={part: tuple(bones) for part, bones in table["bones"].items()},
            twists=tuple(TwistBone(**twist) for twist in table["twists"]),
            follows={int(bone): int(leader) for bone, leader in table["follows"]},
            settings=table["settings"],
            doubts=tuple(table["doubts"]),
        )
        feet = FootPoints({part: np.asarray(arrays[part]) for part in KEYS[-4:] if part in arrays})
        reach = {int(bone): float(distance) for bone, distance in np.asarray(arrays["reach"])}
        return cls(skeleton, character, feet, reach)


def character_outline(skeleton: RestSkeleton, keys: BoneKeys, reach: Mapping[int, float]) -> F64:
    """Return points around the heads of a character's bones.

    Args:
        skeleton: Its rest skeleton.
        keys: Its dance on the stage.
        reach: For each bone the distance to which the skin around its head reaches, in the armature's units.

    Returns:
        (T, N, 3), metres, SMPL's axes: six points for each bone.
    """
    to_smpl, origin = _to_smpl(skeleton)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    around = [
        (keys.heads[bone] @ to_smpl.T + origin)[:, None] + distance * skeleton.world_scale * axes
        for bone, distance in reach.items()
    ]
    return np.concatenate(around, axis=1)


def character_height_m(skeleton: RestSkeleton, reach: Mapping[int, float]) -> float:
    """Return the height of a character at rest, metres: from its lowest bone's head to the skin around the highest.

    The skin around a foot reaches forward, to the toes, so it does not measure what is below.
    """
    to_smpl, _ = _to_smpl(skeleton)
    bones = list(reach)
    heights_m = (skeleton.heads[bones] @ to_smpl.T)[:, 1]
    return float((heights_m + np.array(list(reach.values())) * skeleton.world_scale).max() - heights_m.min())


def _to_smpl(skeleton: RestSkeleton) -> tuple[F64, F64]:
    """Return what takes places in an armature's axes and units to metres in SMPL's: a matrix, and what is added."""
    axes = TO_SMPL["z_up"].astype(np.float64)
    return axes @ skeleton.world_rotmat * skeleton.world_scale, axes @ skeleton.world_origin_m


def stage_placement(skeleton: RestSkeleton) -> FigurePlacement:
    """Return the placement that puts the dance where the motion has it in the world, wherever the armature is."""
    to_armature = skeleton.world_rotmat.T
    to_world = TO_SMPL["z_up"].astype(np.float64).T
    return FigurePlacement(to_armature @ to_world, to_armature @ -skeleton.world_origin_m / skeleton.world_scale)
