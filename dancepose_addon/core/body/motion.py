# SPDX-License-Identifier: Apache-2.0
"""BodyMotion: the motion of a body as SMPL parameters, and its file format."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..arrays import F32
from ..atomic import replacing
from ..axes import from_smpl, to_smpl, turn_root
from ..bounded_files import NpzLimits, brief, open_npz, parse_json
from ..errors import FormatError, InputError, MissingFileError
from ..frame_rates import FASTEST_HZ, SLOWEST_HZ
from ..printable_text import unicode_json
from .hands import FINGER_COUNT, parts_of_pose, pose_in_tree
from .joint_tree import FACE_JOINTS, SMPL_TREE, SMPLH_TREE, SMPLX_TREE, TREE_OF_COUNT, JointTree
from .model import BodyModel, forward_kinematics, skin
from .rotation import rotmat_to_rotvec, rotvec_to_rotmat

UP_AXES = ("y_up", "z_up")
NEEDED: Final = ("poses", "trans", "betas", "mocap_framerate", "scale", "rest_pelvis", "provenance")
KEYS: Final = (*NEEDED, "expression")
"""What is read of a motion's file."""
ROTATION_OFF: Final = 0.02
"""Largest difference of R R^T from the identity. Rotations in float16 stay below 0.003."""
NPZ_LIMITS: Final = NpzLimits(arrays=64, expansion=12, small_bytes=8 << 20)
"""As for any motion (``skeleton/readers/array_file.py``)."""


@dataclass(frozen=True)
class BodyMotion:
    """The motion of one body, in SMPL's axes: y up, the T-pose faces +z, its left is +x.

    ``pose_rotmat`` has SMPL's 24 joints, as the fit solves them. Fingers, jaw and eyes are kept beside it where they
    are known; ``tree`` says which joints the motion holds, and ``pose_in`` arranges them for a body.

    With SMPL(betas, pose) the vertices of the unscaled, untranslated body, the vertices of a frame are
    ``scale * SMPL(betas, pose) + translation_m``. The scale is applied about SMPL's origin, before the translation; it
    is not part of SMPL. The smplx library has no such factor: with ``scale == 1`` its ``transl`` is ``translation_m``;
    otherwise multiply its vertices (computed with ``transl = 0``) by ``scale`` and then add ``transl``. Like SMPL's
    ``trans``, the translation moves the body's origin and not its pelvis.

    Attributes:
        pose_rotmat: (T, 24, 3, 3), rotations local to the parent joint, in SMPL's joint order.
        translation_m: (T, 3), metres, SMPL's ``trans``.
        betas: (B,), shape coefficients, constant over the clip.
        scale: Size of the body, 1 for the size that the betas give.
        fps: Frames per second.
        provenance: What the motion was made from and how, as JSON values.
        hands_rotmat: (T, 30, 3, 3), fingers in SMPL+H's order, or None. Where they are given, SMPL's hand joints do not
            turn.
        face_rotmat: (T, 3, 3, 3), SMPL-X's jaw, left and right eye, or None.
        expression: (T, E), SMPL-X's expression coefficients, or None. They are kept, and not shown.
    """

    pose_rotmat: F32
    translation_m: F32
    betas: F32
    scale: float
    fps: float
    provenance: dict[str, Any] = field(default_factory=dict, compare=False)
    hands_rotmat: F32 | None = None
    face_rotmat: F32 | None = None
    expression: F32 | None = None

    def __post_init__(self) -> None:
        """Refuse parts of different lengths, which a change of one part alone would leave."""
        for name, joints in (("hands_rotmat", FINGER_COUNT), ("face_rotmat", len(FACE_JOINTS))):
            part = getattr(self, name)
            if part is not None and part.shape != (len(self), joints, 3, 3):
                raise ValueError(f"{name} has shape {part.shape}, expected {(len(self), joints, 3, 3)}")
        if self.expression is not None and (self.expression.ndim != 2 or len(self.expression) != len(self)):
            raise ValueError(f"expression has shape {self.expression.shape}, expected ({len(self)}, E)")

    def __len__(self) -> int:
        return len(self.pose_rotmat)

    @property
    def tree(self) -> JointTree:
        """The tree whose joints the motion holds: SMPL, SMPL+H with fingers, SMPL-X with a face."""
        if self.face_rotmat is not None:
            return SMPLX_TREE
        return SMPL_TREE if self.hands_rotmat is None else SMPLH_TREE

    def pose_in(self, tree: JointTree) -> F32:
        """Arrange the rotations for the tree of a body.

        Args:
            tree: Of J joints.

        Returns:
            (T, J, 3, 3), local to the parent. Fingers that the motion does not hold are relaxed, jaw and eyes neutral.
        """
        return pose_in_tree(self.pose_rotmat, self.hands_rotmat, self.face_rotmat, tree)

    def part(self, frames: slice | NDArray[np.intp]) -> "BodyMotion":
        """Select frames.

        Args:
            frames: Slice or indices.

        Returns:
            The motion of these frames at the same rate.
        """
        return replace(
            self,
            pose_rotmat=self.pose_rotmat[frames],
            translation_m=self.translation_m[frames],
            hands_rotmat=None if self.hands_rotmat is None else self.hands_rotmat[frames],
            face_rotmat=None if self.face_rotmat is None else self.face_rotmat[frames],
            expression=None if self.expression is None else self.expression[frames],
        )

    @property
    def global_orient(self) -> F32:
        """Rotation of the pelvis as smplx's ``global_orient``, (T, 3), axis-angle, radians."""
        return rotmat_to_rotvec(self.pose_rotmat[:, 0]).astype(np.float32)

    @property
    def body_pose(self) -> F32:
        """Rotations of the other 23 joints as smplx's ``body_pose`` of SMPL, (T, 69), axis-angle, radians."""
        return rotmat_to_rotvec(self.pose_rotmat[:, 1:]).reshape(len(self), 69).astype(np.float32)

    @property
    def transl(self) -> F32:
        """Translation as smplx's ``transl``, (T, 3), metres, added after ``scale`` is applied."""
        return self.translation_m

    def joints(self, body: BodyModel, *, axes: str = "y_up", fingers: bool = False) -> F32:
        """Compute the joint positions.

        Args:
            body: Body whose betas and tree the motion uses.
            axes: ``y_up`` for SMPL's axes or ``z_up`` for Blender's and AMASS's.
            fingers: Whether to return all joints of ``body.full`` instead of SMPL's 24.

        Returns:
            (T, 24, 3), or (T, J, 3) with ``fingers``, metres.

        Raises:
            InputError: ``axes`` is neither, or the body has fewer shape coefficients than the motion.
        """
        self._require(body, axes)
        shown = body.full if fingers else body
        rest_m = np.float32(self.scale) * shown.rest_joints(self.betas)
        pose = self.pose_in(shown.tree)
        _, joints_m = forward_kinematics(rest_m, pose, self.translation_m, tree=shown.tree)
        return joints_m if axes == "y_up" else from_smpl(joints_m, axes=axes, unit="m")

    def vertices(self, body: BodyModel, *, axes: str = "y_up", frames: slice | NDArray[np.intp] = slice(None)) -> F32:
        """Compute the vertices of the posed body.

        Args:
            body: Body whose betas and tree the motion uses.
            axes: ``y_up`` for SMPL's axes or ``z_up`` for Blender's and AMASS's.
            frames: Frames to pose, all by default. Ten seconds at 30 fps of SMPL take 25 MB.

        Returns:
            (T', V, 3), metres.

        Raises:
            InputError: ``axes`` is neither, or the body has fewer shape coefficients than the motion.
        """
        self._require(body, axes)
        chosen = self.part(frames)
        vertices_m = skin(
            body.full,
            chosen.pose_in(body.full.tree),
            betas=self.betas,
            translation_m=chosen.translation_m,
            scale=self.scale,
        )
        assert vertices_m is not None
        return vertices_m if axes == "y_up" else from_smpl(vertices_m, axes=axes, unit="m")

    def _require(self, body: BodyModel, axes: str) -> None:
        if axes not in UP_AXES:
            raise InputError(f"There are no axes {axes!r}; choose one of {', '.join(UP_AXES)}.")
        if len(self.betas) > body.beta_count:
            raise InputError(
                f"The motion has {len(self.betas)} betas and {body.name} has {body.beta_count}. Use the body that the "
                "motion was made for."
            )

    def require_usable(self) -> None:
        """Refuse a motion that no body can have.

        Raises:
            InputError: Parts of other shapes, NaN or infinite numbers, matrices that are no rotations, or a scale or
                frame rate out of range.
        """
        shapes = self.pose_rotmat.shape, self.translation_m.shape, np.ndim(self.betas)
        if shapes != ((len(self), 24, 3, 3), (len(self), 3), 1) or not len(self):
            raise InputError(
                f"The motion has rotations of shape {shapes[0]}, translations of shape {shapes[1]} and betas of "
                f"{shapes[2]} dimensions; expected (T, 24, 3, 3), (T, 3) and 1, with at least one frame."
            )
        rotations = [part for part in (self.pose_rotmat, self.hands_rotmat, self.face_rotmat) if part is not None]
        numbers: tuple[Any, ...] = (*rotations, self.translation_m, self.betas, self.scale, self.fps)
        if not all(np.isfinite(values).all() for values in numbers):
            raise InputError("The motion has NaN or infinite numbers. Fill them, or leave out these frames.")
        off = max(float(np.abs(part @ part.swapaxes(-1, -2) - np.eye(3)).max()) for part in rotations)
        if off > ROTATION_OFF or min(float(np.linalg.det(part).min()) for part in rotations) < 0.0:
            raise InputError("The motion has matrices that are no rotations. Make them orthogonal, with determinant 1.")
        if self.scale <= 0.0 or not SLOWEST_HZ <= self.fps <= FASTEST_HZ:
            raise InputError(
                f"The motion has a scale of {self.scale:g} and {self.fps:g} frames per second; expected a positive "
                f"scale, and {SLOWEST_HZ:g} to {FASTEST_HZ:g} frames per second."
            )

    def save(self, path: Path | str, body: BodyModel) -> None:
        """Write an AMASS-style .npz: poses (T, 3 J), trans, betas, gender, mocap_framerate, z up as in AMASS.

        J is 24 for SMPL, 52 with fingers (SMPL+H), 55 with a face (SMPL-X), as ``surface_model_type`` says.

        AMASS turns the body about SMPL's origin by turning the root joint, so the written translation differs from a
        rotated ``translation_m`` by the displacement of the pelvis. Extra keys: scale, rest_pelvis, provenance (JSON).

        Args:
            path: File to write.
            body: Body whose betas and tree the motion uses.

        Raises:
            InputError: The motion is none that ``load`` would read.
            OutputError: The file cannot be written.
        """
        self.require_usable()
        with replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **self.arrays(body))

    def arrays(self, body: BodyModel) -> dict[str, Any]:
        """Return what ``save`` writes.

        Args:
            body: Body whose betas and tree the motion uses.

        Returns:
            Arrays and texts by key.
        """
        rest_pelvis_m = np.float32(self.scale) * body.rest_joints(self.betas)[0]
        pose, trans = self.pose_in(self.tree).copy(), self.translation_m
        more = {} if self.expression is None else {"expression": self.expression}
        pose[:, 0] = turn_root(pose[:, 0], axes="z_up", inward=False)
        trans = from_smpl(trans + rest_pelvis_m, axes="z_up", unit="m") - rest_pelvis_m
        return {
            "poses": rotmat_to_rotvec(pose).reshape(len(self), -1),
            "trans": trans,
            "betas": self.betas,
            "gender": "neutral",
            "surface_model_type": self.tree.name,
            "mocap_framerate": self.fps,
            "scale": np.float32(self.scale),
            "rest_pelvis": np.asarray(rest_pelvis_m, np.float32),
            "provenance": unicode_json(self.provenance),
            **more,
        }

    @classmethod
    def load(cls, path: Path | str) -> "BodyMotion":
        """Read a file that ``save`` wrote.

        Args:
            path: The .npz file.

        Returns:
            The motion, in SMPL's axes.

        Raises:
            MissingFileError: The file does not exist or cannot be read.
            FormatError: The file is not a motion of this form.
        """
        path = Path(path)
        try:
            return cls.from_arrays(open_npz(path, limits=NPZ_LIMITS, wanted=KEYS))
        except OSError as error:
            raise MissingFileError(
                f"{path} cannot be read ({error.strerror or error}). Give the .npz that `dancepose fit` wrote."
            ) from error
        except (FormatError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
            raise FormatError(
                f"{path} is not a DancePose motion ({brief(error)}). Make one with `dancepose fit`."
            ) from error

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> "BodyMotion":
        """Undo ``arrays``; raises KeyError, ValueError or TypeError where the arrays do not fit."""
        count = {key: np.asarray(arrays[key]).shape for key in ("poses", "trans", "rest_pelvis")}
        frames = count["poses"][0]
        tree = TREE_OF_COUNT.get(count["poses"][-1] // 3, SMPL_TREE)
        expected = {"poses": (frames, 3 * len(tree)), "trans": (frames, 3), "rest_pelvis": (3,)}
        if count != expected or frames == 0:
            raise ValueError(f"arrays of the shapes {count}, expected {expected}")
        scale, fps = float(arrays["scale"]), float(arrays["mocap_framerate"])
        betas = np.asarray(arrays["betas"], np.float32)
        pelvis = np.asarray(arrays["rest_pelvis"], np.float32)
        expression = np.asarray(arrays["expression"], np.float32) if "expression" in arrays else None
        given: tuple[Any, ...] = (np.asarray(arrays["poses"]), np.asarray(arrays["trans"]), betas, pelvis, scale, fps)
        given += () if expression is None else (expression,)
        if betas.ndim != 1 or not all(np.isfinite(values).all() for values in given):
            raise ValueError("NaN or infinite numbers")
        trans = to_smpl(arrays["trans"] + pelvis, axes="z_up", unit="m") - pelvis
        pose = rotvec_to_rotmat(np.asarray(arrays["poses"], np.float32).reshape(-1, len(tree), 3))
        pose[:, 0] = turn_root(pose[:, 0], axes="z_up", inward=True)
        if scale <= 0 or not SLOWEST_HZ <= fps <= FASTEST_HZ:
            raise ValueError(f"scale {scale:g} and {fps:g} frames a second")
        provenance = parse_json(str(arrays["provenance"]))
        if not isinstance(provenance, dict):
            raise TypeError("a provenance that is not a table")
        body_pose, hands, face = parts_of_pose(pose, tree)
        return cls(body_pose, trans, betas, scale, fps, provenance, hands, face, expression)
