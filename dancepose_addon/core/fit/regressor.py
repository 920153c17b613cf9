# SPDX-License-Identifier: Apache-2.0
"""The PoseRegressor protocol and the metadata schema of its ONNX file.

The graph takes ``keypoints`` (T, K, 3) float32, metres, SMPL axes, a whole clip in one call, and gives
``pose_rotmat`` (T, 24, 3, 3) float32, local rotations. A file may hold one network for several layouts: then points are
padded with zeros to the largest count, and a second input, ``layout`` (1, L) float32, is 1 at their layout and 0
elsewhere; its metadata has schema 2 and lists the layouts in that order. Everything that
depends on training is part of the graph: centring, the clip's scale, facing, the network, and the conversion of its
output to rotation matrices. Everything else is in the file's metadata, as JSON under the key ``dancepose``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..bounded_files import brief, parse_json
from ..errors import DancePoseError, FormatError, RegressorError
from ..printable_text import quoted
from ..skeleton.layouts import Layout, get_layout
from ..skeleton.markers import MarkerSet
from .pose.twist import REGRESSOR_STYLE, TwistModel, load_twist

SCHEMA_VERSION: Final = 1
DEFAULT_STYLE: Final = "aist"
"""Convention of twist where neither the user nor the regressor names one: that of music-to-dance models' output."""
HEADING_BLIND: Final = "turned about the vertical"
"""Words in ``normalisation`` of a regressor that gives the same pose whichever way the body faces."""
METADATA_KEY: Final = "dancepose"
SHARED_SCHEMA_VERSION: Final = 2
INPUT_NAME: Final = "keypoints"
LAYOUT_INPUT_NAME: Final = "layout"
OUTPUT_NAME: Final = "pose_rotmat"
MAX_SKEW: Final = 0.05
"""Largest entry of R R^T - I that is taken for rounding; graphs orthogonalise in single precision, far below it."""


@dataclass(frozen=True)
class RegressorInfo:
    """The metadata of a regressor file.

    layout: what it reads; markers: P_3d as it was trained with; body_fingerprint: the body of that training;
    normalisation, rotation: how the graph does it, in words; training: data, settings and errors; licence: of the
    weights; shared: the marker sets of all layouts that the file reads, in the order of its ``layout`` input, or
    empty where it reads one.
    """

    layout: Layout
    markers: MarkerSet
    body_fingerprint: str
    normalisation: str
    rotation: str
    licence: str
    name: str
    training: Mapping[str, Any] = field(default_factory=dict)
    shared: tuple[MarkerSet, ...] = ()

    @property
    def input_count(self) -> int:
        """Points that the graph takes, padding with them."""
        return max((markers.layout.count for markers in self.shared), default=self.layout.count)

    @property
    def selector(self) -> NDArray[np.float32] | None:
        """The graph's ``layout`` input, (1, L), or None where the file reads one layout."""
        if not self.shared:
            return None
        return np.array([[markers.layout.name == self.layout.name for markers in self.shared]], np.float32)

    @property
    def heading_blind(self) -> bool:
        """Whether the pose is independent of the direction that the body faces."""
        return HEADING_BLIND in self.normalisation

    def to_json(self) -> str:
        """The metadata string of the ONNX file."""
        layouts = [_layout_table(markers) for markers in self.shared]
        return json.dumps(
            {
                **({"schema_version": SHARED_SCHEMA_VERSION, "layouts": layouts} if layouts else {}),
                **({} if layouts else {"schema_version": SCHEMA_VERSION, **_layout_table(self.markers)}),
                "name": self.name,
                "units": "m",
                "axes": "y up, body faces +z, left is +x",
                "normalisation": self.normalisation,
                "rotation": self.rotation,
                "body_fingerprint": self.body_fingerprint,
                "training": dict(self.training),
                "licence": self.licence,
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str | None, source: str, layout: str | None = None) -> "RegressorInfo":
        """Read the metadata string. layout: which one of a file that reads several; by default the first.

        Raises:
            RegressorError: there is none, or it is of another schema, or its layout is not known, or it does not
            read ``layout``.
        """
        if not text:
            raise RegressorError(
                f"{source} is an ONNX file without DancePose metadata. Export regressors with `dancepose export`."
            )
        try:
            table = _table(parse_json(text), "it")
            version = table["schema_version"]
            _require_schema(version, source)
            shared = version == SHARED_SCHEMA_VERSION
            tables = {_text(entry, "layout"): entry for entry in (table["layouts"] if shared else [table])}
            _require(tables, "layouts", "at least one layout")
            read = {name: _read_markers(entry, source) for name, entry in tables.items()}
            same = (name for name, markers in read.items() if layout and markers.layout.same_points(get_layout(layout)))
            chosen = next(iter(read)) if layout is None else next(same, layout)
            _require_one_of(chosen, read, source)
            return cls(
                layout=read[chosen].layout,
                markers=read[chosen],
                shared=tuple(read.values()) if shared else (),
                body_fingerprint=_text(table, "body_fingerprint"),
                normalisation=_text(table, "normalisation"),
                rotation=_text(table, "rotation"),
                licence=_text(table, "licence"),
                name=_text(table, "name"),
                training=_read_training(table["training"], source),
            )
        except RegressorError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, DancePoseError) as error:
            raise RegressorError(
                f"{source} has damaged DancePose metadata ({brief(error)}). Export it again."
            ) from error


def _layout_table(markers: MarkerSet) -> dict[str, Any]:
    layout = markers.layout
    return {"layout": layout.name, "keypoints": list(layout.keypoints), "markers": markers.to_json()}


def _require(holds: object, key: str, expected: str) -> None:
    if not holds:
        raise FormatError(f"{key} is not {expected}")


def _table(value: Any, key: str) -> dict[str, Any]:
    _require(isinstance(value, dict), key, "a table")
    return dict(value)


def _text(table: Mapping[str, Any], key: str) -> str:
    _require(isinstance(table[key], str), key, "a text")
    return str(table[key])


def _read_training(value: Any, source: str) -> dict[str, Any]:
    """Check the entries of the training table that commands use; the others are for readers."""
    training = _table(value, "training")
    config = _table(training.get("config", {}), "training.config")
    share = _table(config.get("data", {}), "training.config.data").get("holdout", 0.0)
    number = isinstance(share, int | float) and not isinstance(share, bool)
    _require(number and 0.0 <= share <= 1.0, "training.config.data.holdout", "a share from 0 to 1")
    _require(isinstance(training.get("style", ""), str), "training.style", "a text")
    if "twist_model" in training:
        TwistModel.from_json(_table(training["twist_model"], "training.twist_model"), source)
    return training


def _read_markers(table: Mapping[str, Any], source: str) -> MarkerSet:
    markers = MarkerSet.from_json(table["markers"], source)
    # A user's own layout comes with its markers; its file may be anywhere.
    layout = markers.layout if markers.layout.is_users else get_layout(table["layout"])
    if tuple(table["keypoints"]) != layout.keypoints:
        raise RegressorError(f"{source} orders the points of {layout.name} differently. Export it again.")
    return markers


class PoseRegressor(Protocol):
    """Key-points to local rotations; built by ``inference``, handed to everything else."""

    @property
    def info(self) -> RegressorInfo:
        """Metadata of the file."""
        ...

    @property
    def provider(self) -> str:
        """What truly runs: "CUDA", "CPU" or "NumPy"."""
        ...

    def __call__(self, keypoints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """keypoints_m: (T, K, 3), metres, SMPL axes -> (T, 24, 3, 3), local rotations."""
        ...


def twist_of(info: RegressorInfo, style: str | None) -> tuple[TwistModel | None, bool]:
    """The twist model of a fit.

    Args:
        info: Of the regressor. Its training table may hold a ``twist_model``, or under ``style`` the name of the
            convention that its rotations follow.
        style: Name or file of a twist model; None for the regressor's own, or DEFAULT_STYLE where it has none.

    Returns:
        The model, or None where the regressor's twist is kept; and whether the regressor's rotations follow it already.

    Raises:
        InputError, FormatError: As ``load_twist``.
    """
    table = info.training.get("twist_model")
    own = str(table["style"] if table else info.training.get("style", ""))
    if style is None and table:
        return TwistModel.from_json(table, info.name), True
    style = style or own or DEFAULT_STYLE
    if style == REGRESSOR_STYLE:
        return None, True
    chosen = load_twist(style)
    return chosen, own == chosen.style


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


def require_rotations(rotmat: NDArray[np.float32], source: str) -> None:
    """Refuse matrices that are not rotations, which a damaged regressor may compute.

    Args:
        rotmat: (T, 24, 3, 3).
        source: Name of the regressor, for messages.

    Raises:
        RegressorError: A matrix is not finite, not orthogonal or mirrors.
    """
    with np.errstate(all="ignore"):
        error = np.abs(rotmat @ np.swapaxes(rotmat, -1, -2) - np.eye(3, dtype=np.float32)).max()
        # Written so that NaN fails as well.
        if not (error <= MAX_SKEW and np.linalg.det(rotmat).min() > 0.0):
            raise RegressorError(
                f"The regressor {source} gives matrices that are not rotations: its weights are damaged, or the points "
                "are all at one place. Export it again with `dancepose export`, or check the points."
            )


def _require_schema(version: Any, source: str) -> None:
    if version not in (SCHEMA_VERSION, SHARED_SCHEMA_VERSION):
        raise RegressorError(
            f"{source} has metadata schema {quoted(version)}; this version reads {SCHEMA_VERSION} and "
            f"{SHARED_SCHEMA_VERSION}. Export it again."
        )


def _require_one_of(layout: str, read: Mapping[str, MarkerSet], source: str) -> None:
    if layout not in read:
        raise RegressorError(
            f"{source} reads layout {', '.join(read)}, not {layout}. Choose a regressor for {layout}, or "
            f"layout {' or '.join(read)}."
        )
