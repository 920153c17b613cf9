# SPDX-License-Identifier: Apache-2.0
"""Intermediate results of a fit."""

from dataclasses import dataclass

from ..arrays import F32
from ..body.model import BodyModel
from ..skeleton.markers import keypoints_from_pose
from .floor.contacts import Ground, Soles, find_supports
from .shape.from_lengths import Shape


@dataclass(frozen=True)
class FitState:
    """A body with a pose for every frame.

    Attributes:
        shape: Betas, scale and markers.
        pose: Local rotations, (T, 24, 3, 3).
        translation: (T, 3), metres.
    """

    shape: Shape
    pose: F32
    translation: F32

    def keypoints(self, body: BodyModel) -> F32:
        """Return the keypoints P_3d of the posed body, (T, K, 3), metres."""
        markers, rest_joints = self.shape.sized_markers(), self.shape.rest_joints(body)
        return keypoints_from_pose(markers, rest_joints, self.pose, self.translation)

    def supports(self, body: BodyModel) -> F32:
        """Return the points of the body that may touch the floor, (T, SUPPORT_POINTS, 3), metres."""
        return find_supports(body, self.pose, self.translation, scale=self.shape.scale, betas=self.shape.betas)


@dataclass(frozen=True)
class GroundedFit:
    """A fitted body on its floor.

    Attributes:
        fitted: The body after levelling and foot lock.
        drop_m: Distance by which body and keypoints were lowered, (T, 1, 3), metres.
        drift_m: Vertical drift of the source's floor over the clip, metres.
        floor_m: Height of the floor in the source, metres.
        ground: Contacts with the floor at height 0.
        soles_before: Soles before foot lock.
        soles: Soles after foot lock.
    """

    fitted: FitState
    drop_m: F32
    drift_m: float
    floor_m: float
    ground: Ground
    soles_before: Soles
    soles: Soles
