# SPDX-License-Identifier: Apache-2.0
"""Key-points as arrays and tables: .npy (points alone), .npz (with rate, layout, confidence), .csv (with a header)."""

from pathlib import Path
from typing import Any

import numpy as np

from ...atomic import replacing
from ...skeleton.sequence import KeypointSequence


def write_npy(sequence: KeypointSequence, path: Path) -> None:
    """Write points alone, (T, K, 3), metres, y up, NaN where unseen. The file has no rate and no layout.

    Args:
        sequence: To write.
        path: Of the file.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, sequence.keypoints_m)


def write_npz(sequence: KeypointSequence, path: Path) -> None:
    """Write keypoints_m (T, K, 3), fps, layout, names, and confidence where there is one.

    Args:
        sequence: To write.
        path: Of the file.

    Raises:
        OutputError: The file cannot be written.
    """
    arrays: dict[str, Any] = {
        "keypoints_m": sequence.keypoints_m,
        "fps": np.float64(sequence.fps),
        "layout": np.array(sequence.layout.name),
        "names": np.array(sequence.layout.keypoints),
    }
    if sequence.confidence is not None:
        arrays["confidence"] = sequence.confidence
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def write_csv(sequence: KeypointSequence, path: Path) -> None:
    """Write a table of time and of x, y, z (and confidence) of every point by its name.

    Args:
        sequence: To write.
        path: Of the file.

    Raises:
        OutputError: The file cannot be written.
    """
    parts = ("x", "y", "z") if sequence.confidence is None else ("x", "y", "z", "confidence")
    header = ["time", *(f"{name}_{part}" for name in sequence.layout.keypoints for part in parts)]
    columns = sequence.keypoints_m.astype(np.float64)
    if sequence.confidence is not None:
        columns = np.concatenate([columns, sequence.confidence[..., None]], axis=-1)
    rows = columns.reshape(len(sequence), -1)
    lines = [",".join(header)]
    for frame, row in enumerate(rows.tolist()):
        cells = ("" if value != value else f"{value:.6f}" for value in row)
        lines.append(f"{frame / sequence.fps:.6f}," + ",".join(cells))
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
