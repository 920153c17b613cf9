# SPDX-License-Identifier: Apache-2.0
"""P_3d: key-points of a layout from a posed body.

A point is fixed in the T-pose, at the weighted mean of the joints it is attached to plus an offset, and moves with the
bones of those joints by linear blend skinning: MoSh's markers (Loper et al. 2014), with one bone or several. The
joints themselves are the case of one bone and no offset.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..arrays import F32
from ..body.frames_last import CACHED_FRAMES, applied, frames_first, frames_last, kinematics
from ..body.model import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, TREE_LEVELS, forward_kinematics
from ..bounded_files import parse_json, read_document
from ..errors import FormatError, LayoutError
from .layout_file import ATTACHED, attachment_of, layout_from_table, table_of
from .layouts import Layout, get_layout

MARKER_FOLDER: Final = Path(__file__).parents[2] / "assets" / "markers"


@dataclass(frozen=True)
class MarkerSet:
    """How the points of a layout are attached to a body.

    Attributes:
        layout: Of the points.
        weights: (K, 24), skinning weights, rows sum to 1.
        offsets_m: (K, 3), from the weighted mean of the joints, metres, T-pose axes.
        body_fingerprint: The body they were learned on, or empty where they hold for any.
        provenance: What wrote them.
    """

    layout: Layout
    weights: F32
    offsets_m: F32
    body_fingerprint: str = ""
    provenance: str = field(default="", compare=False)

    def rest_points(self, rest_joints_m: F32) -> F32:
        """Place the points on a T-pose body.

        Args:
            rest_joints_m: (24, 3), metres.

        Returns:
            (K, 3), metres.
        """
        return self.weights @ rest_joints_m + self.offsets_m

    def scaled(self, scale: float) -> "MarkerSet":
        """Stretch the offsets for a body of another size.

        Args:
            scale: Of the body.

        Returns:
            The set on that body.
        """
        return replace(self, offsets_m=self.offsets_m * np.float32(scale))

    def to_json(self) -> dict[str, Any]:
        """Return the table as stored: for each point its joints with weights, and its offset in metres."""
        points = [
            {
                "name": name,
                ATTACHED: {JOINT_NAMES[j]: round(float(row[j]), 5) for j in np.flatnonzero(row)},
                "offset_m": [round(float(value), 5) for value in offset],
            }
            for name, row, offset in zip(self.layout.keypoints, self.weights, self.offsets_m, strict=True)
        ]
        definition = {"layout_definition": table_of(self.layout)} if self.layout.is_users else {}
        return {
            "format": "dancepose-markers-1",
            "layout": self.layout.name,
            **definition,
            "body_fingerprint": self.body_fingerprint,
            "provenance": self.provenance,
            "points": points,
        }

    @classmethod
    def from_json(cls, table: dict[str, Any], source: str = "the marker table") -> "MarkerSet":
        """Read a table.

        Args:
            table: As of ``to_json``.
            source: Name of the table, for messages.

        Returns:
            The set.

        Raises:
            FormatError: The table is not of this form.
            LayoutError: Its points are not the layout's.
        """
        try:
            if table["format"] != "dancepose-markers-1":
                raise FormatError(f"{source} has format {table['format']!r}; expected 'dancepose-markers-1'.")
            layout, points = _layout_of(table, source), table["points"]
            weights = np.zeros((len(points), JOINT_COUNT), np.float32)
            for row, point in zip(weights, points, strict=True):
                for joint, weight in attachment_of(point).items():
                    row[JOINT_INDEX[joint]] = weight
            offsets = np.array([point["offset_m"] for point in points], np.float32).reshape(len(points), 3)
            names = tuple(point["name"] for point in points)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(
                f"{source} is not a marker table: {error!r}. Make one with `dancepose calibrate`."
            ) from error
        if names != layout.keypoints:
            raise LayoutError(f"{source} names other points than layout {layout.name} has. Run `dancepose calibrate`.")
        total = weights.sum(axis=1, keepdims=True)
        if not (np.isfinite(offsets).all() and np.isfinite(weights).all() and (total > 0).all()):
            raise FormatError(
                f"{source} has points with no skinning weights or non-finite offsets. Run `dancepose calibrate`."
            )
        weights /= total
        return cls(layout, weights, offsets, table.get("body_fingerprint", ""), table.get("provenance", ""))

    @classmethod
    def load(cls, path: Path) -> "MarkerSet":
        """Read a table from a JSON file.

        Args:
            path: Of the file.

        Returns:
            The set.

        Raises:
            MissingFileError: The file cannot be read.
            FormatError: It is no such table.
            LayoutError: Its points are not the layout's.
        """
        text = read_document(path, what="a marker table (`dancepose calibrate` writes one)")
        try:
            table = parse_json(text)
        except ValueError as error:
            raise FormatError(f"{path} is not valid JSON: {error}.") from error
        return cls.from_json(table, str(path))


def _layout_of(table: dict[str, Any], source: str) -> Layout:
    """The layout that a table names; a user's own comes with the table, since its file may be anywhere."""
    definition = table.get("layout_definition")
    if definition is None:
        return get_layout(table["layout"])
    return layout_from_table(definition, name=str(table["layout"]), source=source)


def markers_for(layout: Layout) -> MarkerSet:
    """Find how the points of a layout are attached.

    Args:
        layout: Any.

    Returns:
        Attachment by the layout itself, or by the table that the project ships; joint centres are on their joints.
    """
    if layout.attached_to:
        weights = np.zeros((layout.count, JOINT_COUNT), np.float32)
        for row, pairs in zip(weights, layout.attached_to, strict=True):
            for joint, weight in pairs:
                row[joint] = weight
        return MarkerSet(layout, weights, np.array(layout.offsets_m, np.float32), provenance=layout.name)
    path = MARKER_FOLDER / f"{layout.name}.json"
    return MarkerSet.load(path) if path.is_file() else joint_markers(layout)


def layout_with(markers: MarkerSet) -> Layout:
    """Turn a marker set into a layout of a user's own.

    Args:
        markers: The set.

    Returns:
        Its layout, with the attachment of the set.
    """
    riding = tuple(tuple((int(joint), float(row[joint])) for joint in np.flatnonzero(row)) for row in markers.weights)
    offsets = tuple((float(x), float(y), float(z)) for x, y, z in markers.offsets_m)
    return replace(markers.layout, attached_to=riding, offsets_m=offsets, is_builtin=False)


def joint_markers(layout: Layout) -> MarkerSet:
    """Attach every point of a layout to its joint, without offset.

    Args:
        layout: Whose points are joint centres.

    Returns:
        The set.
    """
    weights = np.zeros((layout.count, JOINT_COUNT), np.float32)
    weights[np.arange(layout.count), list(layout.joints)] = 1.0
    return MarkerSet(layout, weights, np.zeros((layout.count, 3), np.float32))


def keypoints_from_pose(
    markers: MarkerSet, rest_joints_m: F32, pose_rotmat: F32, translation_m: F32 | None = None, *, scale: float = 1.0
) -> F32:
    """Compute P_3d(theta): keypoints of a posed body by linear blend skinning.

    Args:
        markers: Attachment of the points.
        rest_joints_m: (24, 3), metres.
        pose_rotmat: (T, 24, 3, 3), local rotations.
        translation_m: (T, 3), metres, or None.
        scale: Of the body about SMPL's origin, before the translation.

    Returns:
        (T, K, 3), metres.
    """
    point, bone = np.nonzero(markers.weights)
    local = (markers.rest_points(rest_joints_m)[point] - rest_joints_m[bone]).astype(np.float32)
    if not local.any():
        # Every point is a joint's centre, or a mean of such.
        _, joints = forward_kinematics(rest_joints_m, pose_rotmat)
        result = (markers.weights @ joints).astype(np.float32, copy=False)
    else:
        sums = np.zeros((len(markers.weights), len(point)), np.float32)
        sums[point, np.arange(len(point))] = markers.weights[point, bone]
        result = np.empty((len(pose_rotmat), len(sums), 3), np.float32)
        for first in range(0, len(pose_rotmat), CACHED_FRAMES):
            block = slice(first, first + CACHED_FRAMES)
            rotation, place = kinematics(rest_joints_m[..., None], frames_last(pose_rotmat[block]), TREE_LEVELS)
            carried = applied(rotation[bone], local[..., None])
            carried += place[bone]
            posed = sums @ carried.reshape(len(bone), -1)
            result[block] = frames_first(posed.reshape(len(sums), 3, -1))
    result *= np.float32(scale)
    if translation_m is not None:
        result += translation_m[:, None]
    return result
