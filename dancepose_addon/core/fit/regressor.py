"""What a regressor is to the rest of the house, and the contract that its ONNX file keeps.

The graph takes ``keypoints`` (T, K, 3) float32, metres, SMPL axes, a whole clip in one call, and gives
``pose_rotmat`` (T, 24, 3, 3) float32, local rotations. Everything between depends on training and so stands in the
graph: centring, the clip's scale, facing, the network, and the way from its output to rotation matrices. What the
graph cannot say stands in the file's metadata, as JSON under the key ``dancepose``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..body.keypoints import MarkerSet
from ..errors import DancePoseError, RegressorError
from ..skeleton.layouts import Layout, get_layout

SCHEMA_VERSION: Final = 1
METADATA_KEY: Final = "dancepose"
INPUT_NAME: Final = "keypoints"
OUTPUT_NAME: Final = "pose_rotmat"


@dataclass(frozen=True)
class RegressorInfo:
    """The metadata of a regressor file.

    layout: what it reads; markers: P_3d as it was trained with; body_fingerprint: the body of that training;
    normalisation, rotation: how the graph does it, in words; training: data, settings and errors; licence: of the
    weights.
    """

    layout: Layout
    markers: MarkerSet
    body_fingerprint: str
    normalisation: str
    rotation: str
    licence: str
    name: str
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The metadata string of the ONNX file."""
        return json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "name": self.name,
                "layout": self.layout.name,
                "keypoints": list(self.layout.keypoints),
                "units": "m",
                "axes": "y up, body faces +z, left is +x",
                "normalisation": self.normalisation,
                "rotation": self.rotation,
                "body_fingerprint": self.body_fingerprint,
                "markers": self.markers.to_json(),
                "training": dict(self.training),
                "licence": self.licence,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str | None, source: str) -> "RegressorInfo":
        """Read the metadata string.

        Raises:
            RegressorError: there is none, or it is of another schema, or its layout is not known.
        """
        if not text:
            raise RegressorError(
                f"{source} is an ONNX file without DancePose metadata. Export regressors with `dancepose export`."
            )
        try:
            table = json.loads(text)
            version = table["schema_version"]
            if version != SCHEMA_VERSION:
                raise RegressorError(
                    f"{source} has metadata schema {version}; this version reads {SCHEMA_VERSION}. Export it again."
                )
            markers = MarkerSet.from_json(table["markers"], source)
            layout = markers.layout if markers.layout.is_users else get_layout(table["layout"])
            if tuple(table["keypoints"]) != layout.keypoints:
                raise RegressorError(f"{source} orders the points of {layout.name} differently. Export it again.")
            return cls(
                layout=layout,
                markers=markers,
                body_fingerprint=table["body_fingerprint"],
                normalisation=table["normalisation"],
                rotation=table["rotation"],
                licence=table["licence"],
                name=table["name"],
                training=table["training"],
            )
        except RegressorError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, DancePoseError) as error:
            raise RegressorError(f"{source} has damaged DancePose metadata ({error}). Export it again.") from error


class PoseRegressor(Protocol):
    """Key-points to local rotations; built by ``inference``, handed to everything else."""

    @property
    def info(self) -> RegressorInfo:
        """What the file says of itself."""
        ...

    @property
    def provider(self) -> str:
        """What truly runs: "CUDA", "CPU" or "NumPy"."""
        ...

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """keypoints_m: (T, K, 3), metres, SMPL axes -> (T, 24, 3, 3), local rotations."""
        ...


def require_layout(info: RegressorInfo, layout: Layout, source: str) -> None:
    """Refuse key-points of another layout.

    Raises:
        RegressorError: naming both layouts.
    """
    if not info.layout.same_points(layout):
        raise RegressorError(
            f"{source} is in layout {layout.name}; the regressor {info.name} reads {info.layout.name}. "
            f"Choose a regressor for {layout.name}, or another layout."
        )
