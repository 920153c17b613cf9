# SPDX-License-Identifier: Apache-2.0
"""Learned twist: how a bone is turned about its own length, which joint positions do not show.

Joint positions fix the direction of every bone but not its rotation about that direction. Minimal rotations (no twist
at all) are a common answer. Here each bone starts from the smallest rotation that takes a typical direction to the
observed one, and a ridge regression adds the twist that people of one convention have in that pose: quadratic in the
bone's direction in its parent's frame and in the direction of the bone that follows. The start differs from a minimal
rotation from the T-pose in one respect: its singularity, the direction opposite to the typical one, is out of reach.

Two conventions are in use and contradict each other, so a model carries a name: ``aist`` for motion fitted to
key-points as in AIST++ (Li et al. 2021), and so for the output of music-to-dance models, and ``mosh`` for motion
fitted to markers as in AMASS (Mahmood et al. 2019). ``minimal`` leaves limbs without twist, as solvers by analytic
inverse kinematics do, HybrIK (Li et al. 2021) among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...arrays import F32
from ...body.model import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS
from ...body.rotation import rotvec_to_rotmat
from ...bounded_files import parse_json, read_document
from ...errors import FormatError, OptionError
from ...printable_text import quoted

Joints = NDArray[np.intp]

TWIST_FOLDER: Final = Path(__file__).parents[3] / "assets" / "twist"
STYLES: Final = ("aist", "mosh", "minimal")
"""Conventions that ship with the project."""
REGRESSOR_STYLE: Final = "regressor"
"""Keeps the twist that the regressor gives."""
FORMAT: Final = "dancepose-twist-1"
DIRECTIONS: Final = 6
FEATURES: Final = DIRECTIONS + DIRECTIONS * (DIRECTIONS + 1) // 2
"""Six components of two directions, and their products."""
PAIRS: Final = np.triu_indices(DIRECTIONS)
FEATURE_RANGE: Final = 4.0
"""Standardised features are clipped here, so that poses unlike all training poses do not extrapolate."""
HEAD: Final = JOINT_INDEX["head"]
CHEST: Final = JOINT_INDEX["spine3"]
SPINE: Final = (JOINT_INDEX["spine1"], JOINT_INDEX["spine2"])


def _single_children() -> tuple[int, ...]:
    children = [[c for c in range(1, JOINT_COUNT) if PARENTS[c] == joint] for joint in range(JOINT_COUNT)]
    return tuple(found[0] if len(found) == 1 else -1 for found in children)


CHILD: Final = _single_children()
"""The only child of each joint; -1 for joints with none or several."""
TWISTED: Final = tuple(joint for joint in range(1, JOINT_COUNT) if CHILD[joint] >= 0)
"""Joints whose rotation about their own bone positions leave open."""
FOLLOWING: Final = tuple(CHILD[child] if child >= 0 else -1 for child in CHILD)
"""For each joint the joint at the far end of the bone that follows its own; -1 for none."""


@dataclass(frozen=True)
class TwistModel:
    """Residual twist of one convention, by ridge regression.

    Attributes:
        style: Name of the convention.
        source: What it was learned from, with licences; one sentence.
        reference: (24, 3, 3), typical local rotation of each joint, from which minimal rotations start.
        mean: (24, FEATURES), mean of the features.
        scale: (24, FEATURES), standard deviation of the features.
        weights: (24, 1 + FEATURES), radians per standardised feature, the constant first; zero where nothing was
            learned.
        head_weights: (3, 1 + FEATURES), the same for the three components of the head's rotation vector.
    """

    style: str
    source: str
    reference: F32
    mean: F32
    scale: F32
    weights: F32
    head_weights: F32
    notes: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def residual_rad(self, joints: Joints, directions: F32) -> F32:
        """Twist to add to the start of each joint.

        Args:
            joints: (J,), indices of joints.
            directions: (T, J, 6), as ``limb_directions`` or ``spine_directions`` give them.

        Returns:
            (T, J), radians about the joint's bone.
        """
        return (
            np.einsum("tjf,jf->tj", self._standardised(joints, directions), self.weights[joints, 1:])
            + (self.weights[joints, 0])
        )

    def head_rotmat(self, neck_global: F32, chest_global: F32, pelvis_global: F32) -> F32:
        """Local rotation of the head, where no point shows it.

        Args:
            neck_global: (T, 3, 3), global rotations; the same for ``chest_global`` and ``pelvis_global``.
            chest_global: See ``neck_global``.
            pelvis_global: See ``neck_global``.

        Returns:
            (T, 3, 3), local to the neck.
        """
        directions = head_directions(neck_global, chest_global, pelvis_global)
        features = self._standardised(np.array([HEAD]), directions[:, None])[:, 0]
        rotvec = features @ self.head_weights[:, 1:].T + self.head_weights[:, 0]
        return rotvec_to_rotmat(rotvec.astype(np.float32))

    def _standardised(self, joints: Joints, directions: F32) -> F32:
        features = quadratic(directions)
        features -= self.mean[joints]
        features /= self.scale[joints]
        return np.clip(features, -FEATURE_RANGE, FEATURE_RANGE, out=features)

    def to_json(self) -> dict[str, Any]:
        """The table as stored."""

        def rounded(array: F32) -> list[Any]:
            return np.round(array.astype(np.float64), 6).tolist()

        joints = {
            JOINT_NAMES[joint]: {
                "reference": rounded(self.reference[joint]),
                "mean": rounded(self.mean[joint]),
                "scale": rounded(self.scale[joint]),
                "weights": rounded(self.head_weights if joint == HEAD else self.weights[joint]),
            }
            for joint in (*TWISTED, HEAD)
        }
        return {
            "format": FORMAT,
            "style": self.style,
            "source": self.source,
            "notes": dict(self.notes),
            "joints": joints,
        }

    @classmethod
    def from_json(cls, table: Mapping[str, Any], source: str) -> "TwistModel":
        """Read a stored table.

        Args:
            table: Parsed JSON.
            source: Name of the file for messages.

        Raises:
            FormatError: It is not a twist model.
        """
        reference = np.broadcast_to(np.eye(3, dtype=np.float32), (JOINT_COUNT, 3, 3)).copy()
        mean, scale = np.zeros((JOINT_COUNT, FEATURES), np.float32), np.ones((JOINT_COUNT, FEATURES), np.float32)
        weights, head = np.zeros((JOINT_COUNT, 1 + FEATURES), np.float32), np.zeros((3, 1 + FEATURES), np.float32)
        try:
            if table["format"] != FORMAT:
                raise FormatError(f"{source} has format {table['format']!r}; expected {FORMAT!r}.")
            if not table["joints"]:
                raise FormatError(f"{source} has no joints, so it has no effect. Make one with `dancepose twist`.")
            for name, row in table["joints"].items():
                joint = JOINT_INDEX[name]
                reference[joint], mean[joint], scale[joint] = row["reference"], row["mean"], row["scale"]
                (head if joint == HEAD else weights[joint])[...] = row["weights"]
            model = cls(
                str(table["style"]), str(table["source"]), reference, mean, scale, weights, head, table["notes"]
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(
                f"{source} is not a twist model ({type(error).__name__}: {error}). Make one with `dancepose twist`."
            ) from error
        if not all(np.isfinite(array).all() for array in (reference, mean, weights, head)) or not (scale > 0.0).all():
            raise FormatError(f"{source} holds values that are not usable. Make it again with `dancepose twist`.")
        return model


def load_twist(style: str) -> TwistModel:
    """The twist model of a named style, or of a file.

    Args:
        style: One of STYLES, or the path of a ``.json`` that ``dancepose twist`` wrote.

    Raises:
        OptionError: No such style.
        MissingFileError: No such file.
        FormatError: The file is not a twist model.
    """
    require_style(style)
    return _shipped(style) if style in STYLES else _read(Path(style))


@lru_cache(maxsize=len(STYLES))
def _shipped(style: str) -> TwistModel:
    return _read(TWIST_FOLDER / f"{style}.json")


def _read(path: Path) -> TwistModel:
    try:
        table = parse_json(read_document(path, what="a twist model (`dancepose twist` writes one)"))
    except ValueError as error:
        raise FormatError(f"{path} is not valid JSON: {error}.") from error
    return TwistModel.from_json(table, str(path))


def require_style(style: str) -> None:
    """Refuse a style that is neither a name nor a file.

    Raises:
        OptionError: Naming what there is.
    """
    if style not in (*STYLES, REGRESSOR_STYLE) and not style.endswith(".json"):
        names = ", ".join((*STYLES, REGRESSOR_STYLE))
        raise OptionError(f"There is no style {quoted(style)}; choose {names}, or a .json from `dancepose twist`.")


def quadratic(directions: F32) -> F32:
    """Features of a pair of directions: the components and their products, (..., 6) -> (..., FEATURES)."""
    first, second = PAIRS
    result = np.empty((*directions.shape[:-1], FEATURES), np.float32)
    result[..., :DIRECTIONS] = directions
    np.multiply(directions[..., first], directions[..., second], out=result[..., DIRECTIONS:])
    return result


def unit(vectors: F32) -> F32:
    """Normalise vectors; zero stays zero. (..., 3) -> (..., 3)."""
    length = np.sqrt(np.einsum("...c,...c->...", vectors, vectors))
    return vectors / np.maximum(length, 1e-9)[..., None]


def into_frame(rotmat: F32, vectors: F32) -> F32:
    """Express vectors in the axes of a frame, R^T v. (..., 3, 3) and (..., 3) -> (..., 3)."""
    return np.einsum("...ij,...i->...j", rotmat, vectors)


def turn_between(first: F32, second: F32) -> F32:
    """Return sine times axis of the rotation from one frame to another; smooth up to a half turn.

    Args:
        first: (..., 3, 3).
        second: (..., 3, 3).

    Returns:
        (..., 3).
    """
    turn = np.swapaxes(first, -1, -2) @ second
    return 0.5 * np.stack(
        [turn[..., 2, 1] - turn[..., 1, 2], turn[..., 0, 2] - turn[..., 2, 0], turn[..., 1, 0] - turn[..., 0, 1]],
        axis=-1,
    )


def head_directions(neck_global: F32, chest_global: F32, pelvis_global: F32) -> F32:
    """Return the features of the head: rotation of the neck against the chest, and of the chest against the pelvis.

    Args:
        neck_global: (T, 3, 3).
        chest_global: (T, 3, 3).
        pelvis_global: (T, 3, 3).

    Returns:
        (T, 6).
    """
    return np.concatenate([turn_between(chest_global, neck_global), turn_between(pelvis_global, chest_global)], axis=-1)


def twist_between(start: F32, end: F32, bone: F32) -> F32:
    """Angle about a bone that turns one frame nearest to another.

    Args:
        start: (..., 3, 3), rotations.
        end: (..., 3, 3), rotations.
        bone: (..., 3), unit vectors in the frame of ``start``.

    Returns:
        (...), radians in (-pi, pi].
    """
    turn = np.swapaxes(start, -1, -2) @ end
    trace = np.einsum("...ii->...", turn)
    cosine = trace - np.einsum("...i,...ij,...j->...", bone, turn, bone)
    sine = np.einsum("...i,...i->...", bone, 2.0 * turn_between(start, end))
    return np.arctan2(sine, cosine)


def about(bone: F32, angle_rad: F32) -> F32:
    """Return the rotation about a bone. (..., 3) unit vectors and (...) radians -> (..., 3, 3)."""
    return rotvec_to_rotmat((bone * angle_rad[..., None]).astype(np.float32))
