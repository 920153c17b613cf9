"""What passes from one stage of a fit to the next."""

from dataclasses import dataclass

from ..arrays import F32
from ..body.model import BodyModel
from ..skeleton.markers import keypoints_from_pose
from .floor.contacts import Ground, Soles, find_supports
from .shape.from_lengths import Shape


@dataclass(frozen=True)
class FitState:
    """A body in a pose for every frame. pose: (T, 24, 3, 3), local rotations; translation: (T, 3), metres."""

    shape: Shape
    pose: F32
    translation: F32

    def keypoints(self, body: BodyModel) -> F32:
        """P_3d, (T, K, 3), metres."""
        markers, rest_joints = self.shape.sized_markers(), self.shape.rest_joints(body)
        return keypoints_from_pose(markers, rest_joints, self.pose, self.translation)

    def supports(self, body: BodyModel) -> F32:
        """Points of the body that may touch the floor, (T, SUPPORT_POINTS, 3), metres."""
        return find_supports(body, self.pose, self.translation, scale=self.shape.scale, betas=self.shape.betas)


@dataclass(frozen=True)
class GroundedFit:
    """A body on its floor. drop_m: (T, 1, 3), by what body and key-points were lowered; drift_m: how far the source's
    floor drifts over the clip; floor_m: its height in the source; ground: contacts with the floor at 0; soles_before,
    soles: before and after foot lock."""

    fitted: FitState
    drop_m: F32
    drift_m: float
    floor_m: float
    ground: Ground
    soles_before: Soles
    soles: Soles
