# SPDX-License-Identifier: Apache-2.0
"""Rewrite an exported regressor with the same weights in the present graph, when its run is not available.

Weights and metadata are read from the file. The new graph is compared with torch with these weights, and with the old
file, on every available device, and is not written if it differs. The report beside it, if any, is updated.
"""

from datetime import UTC, datetime
import json
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from dancepose.trainer.body.layout_batch import LayoutBatch, build_layout_batch
from dancepose.trainer.config import ModelConfig, config_from_table
from dancepose.trainer.mocap.procedural_poses import procedural_poses
from dancepose.trainer.model.generator import NUMBERS, padded_count
from dancepose_addon.core.atomic import replacing
from dancepose_addon.core.body.model import JOINT_COUNT, BodyModel
from dancepose_addon.core.bounded_files import read_whole
from dancepose_addon.core.errors import RegressorError
from dancepose_addon.core.fit.regressor import METADATA_KEY, RegressorInfo
from dancepose_addon.core.skeleton.markers import keypoints_from_pose
from dancepose_addon.core.skeleton.sequence import KeypointSequence
from dancepose_addon.core.stored_tables import read_stored_table
from dancepose_addon.inference import open_regressor
from dancepose_addon.inference.onnx_file import OnnxModel, parse_model
from dancepose_addon.inference.regressors import MAX_FILE_BYTES

from .exported_files import report_beside
from .folding import FoldedRegressor
from .graph import build_model
from .verification import DEVICES, TOLERANCE, TorchRegressor, verify

FRAMES: Final = 500
PATH_M: Final = (3.0, 0.3, 3.0)
"""Standard deviation of the synthetic dancer's position, metres."""


def rewrite(path: Path, out: Path, body: BodyModel) -> dict[str, float]:
    """Rewrite a regressor.

    Args:
        path: File to read.
        out: File to write; may be ``path``.
        body: The body that it was trained on.

    Returns:
        The largest differences of a matrix entry from torch and from the old file, over layouts and devices.

    Raises:
        RegressorError: The file was trained on another body, was not written by this project, does not fit its
            metadata, or the new graph differs.
    """
    old = parse_model(read_whole(path, limit_bytes=MAX_FILE_BYTES, what="an ONNX regressor"), path.name)
    info = RegressorInfo.from_json(old.metadata.get(METADATA_KEY), path.name)
    if info.body_fingerprint != body.fingerprint:
        raise RegressorError(f"{path.name} was trained on another body than {body.name}. Give that one with --body.")
    if "config" not in info.training:
        raise RegressorError(f"{path.name} does not say how it was trained. Export the folder of its run instead.")
    config = config_from_table(info.training["config"], path.name)
    tables = list(info.shared) or [info.markers]
    network = stored_network(old, path.name, layouts=len(tables), rotation=config.model.rotation)
    layout_batch = build_layout_batch(body, tables, torch.eye(3).repeat(1, 24, 1, 1))
    _require_fit(network, config.model, layout_batch, path.name)
    model = build_model(network, info, layout_batch, config.model, normalise=config.data.normalise)
    differences = {"from torch": 0.0, "from the old file": 0.0}
    with replacing(out) as temporary:
        onnx.save(model, str(temporary))
        for index, markers in enumerate(tables):
            pose = procedural_poses(FRAMES, seed=index)
            place = np.random.default_rng(index).normal(scale=PATH_M, size=(FRAMES, 3)).astype(np.float32)
            points = keypoints_from_pose(markers, body.rest_joints(), pose, place)
            reference = TorchRegressor(
                network.only(index), layout_batch.only(index), config.model, config.data.normalise
            )
            clip = KeypointSequence(points, 25.0, markers.layout, source="made up")
            found, _ = verify(temporary, [clip], reference, reference)
            worst = found["max_abs_difference"]["from_torch_stored_weights"]  # type: ignore[index]
            differences["from torch"] = max(differences["from torch"], *worst.values())
            for device in DEVICES[1:]:
                before, after = (
                    open_regressor(file, layout=markers.layout.name, device=device)(points)
                    for file in (path, temporary)
                )
                apart = float(np.abs(after - before).max())
                differences["from the old file"] = max(differences["from the old file"], apart)
        if not max(differences.values()) <= TOLERANCE:
            raise RegressorError(f"The new graph differs from {path.name} by {differences}. No file was written.")
    _tell(out, differences)
    return differences


def _require_fit(network: FoldedRegressor, config: ModelConfig, layout_batch: LayoutBatch, source: str) -> None:
    """Refuse weights of another architecture than the metadata say."""
    decoder = network.layers[-1]
    found = (network.encoder_weight.shape[1], len(decoder.bias) if isinstance(decoder, nn.Linear) else 0)
    expected = (3 * padded_count(config, layout_batch), JOINT_COUNT * NUMBERS[config.rotation])
    if found != expected:
        raise RegressorError(
            f"{source} has a network of {found[0]} inputs and {found[1]} outputs; its metadata (training.config.model) "
            f"describe {expected[0]} and {expected[1]}. Export the folder of its run instead."
        )


def _tell(out: Path, differences: dict[str, float]) -> None:
    path = report_beside(out)
    if path.is_file():
        report = read_stored_table(path)
        report["bytes"] = out.stat().st_size
        report["rewritten"] = {"written": datetime.now(UTC).strftime("%Y-%m-%d"), "max_abs_difference": differences}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def stored_network(model: OnnxModel, source: str, *, layouts: int, rotation: str) -> FoldedRegressor:
    """Read the weights of a file.

    Args:
        model: The parsed file.
        source: Its name, for messages.
        layouts: Number of layouts that it reads.
        rotation: ``rotvec`` or ``rot6d``.

    Returns:
        The network.

    Raises:
        RegressorError: The weights are not named as in ``dancepose.export.graph``.
    """
    by_layout = "" if layouts == 1 else "_by_layout"

    def constant(name: str) -> Tensor:
        if name not in model.initialisers:
            raise RegressorError(f"{source} has no {name}: it is not a file that `dancepose export` wrote.")
        return torch.from_numpy(np.array(model.initialisers[name], np.float32))

    bias = constant(f"encoder_bias{by_layout}").reshape(layouts, -1)
    encoder = constant(f"encoder_f16{by_layout}").reshape(layouts, -1, bias.shape[1])
    layers: list[nn.Linear] = []
    while f"weight{len(layers)}_f16" in model.initialisers:
        weight = constant(f"weight{len(layers)}_f16")
        layer = nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = weight.T.contiguous(), constant(f"bias{len(layers)}")
        layers.append(layer.requires_grad_(requires_grad=False))
    return FoldedRegressor(encoder, bias, layers, rotation).eval()
